//! What was sent before, opened with the key that the file names.

use crate::checkpoint::CheckpointError;
use crate::config::Config;
use crate::edge::references::{Resolved, key_of_checkpoint};
use crate::failure::Failure;
use crate::memory::Memory;

/// The memory of the file's checkpoint. Where its key cannot be used here, what it guards is not compared, by name; why, stands
/// beside it.
///
/// # Errors
/// The memory cannot be read, is damaged, of another cluster, or of a later release.
pub(crate) async fn opened(
    config: &Config,
    resolved: &Resolved,
) -> Result<(Memory, Option<Failure>), CheckpointError> {
    let memory = Memory::read(&config.checkpoint.path, &config.cluster.name)?;
    if !memory.has_key() {
        return Ok((memory, None));
    }
    // Another key, or one that is away: each place that it guards is named where it is not compared.
    let opened = match key_of_checkpoint(config, resolved).await {
        Ok(key) => memory.open_key(&key).await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    Ok((memory, opened.err()))
}

/// What it means that the key cannot be used.
pub(crate) fn not_compared(why: &Failure) -> String {
    format!("the key of the memory cannot be used, so secrets are not compared: {why}")
}

/// Makes the key of a memory that has none, while the operator's key is at hand: secrets that are written without it could not
/// be compared later.
///
/// # Errors
/// The operator's key cannot be used, or the disk refuses.
pub(crate) async fn made(
    (config, resolved): (&Config, &Resolved),
    memory: &Memory,
) -> Result<(), Failure> {
    if memory.has_key() {
        return Ok(());
    }
    let key = key_of_checkpoint(config, resolved).await?;
    Ok(memory.make_key(&key).await?)
}
