//! What was sent before, opened with the key that the file names.

use crate::checkpoint::CheckpointError;
use crate::config::Config;
use crate::edge::references::{Resolved, key_of_checkpoint};
use crate::memory::Memory;

/// The memory of the file's checkpoint. Where its key cannot be used here, what it guards is not compared, by name.
///
/// # Errors
/// The memory cannot be read, is damaged, of another cluster, or of a later release.
pub(crate) async fn opened(
    config: &Config,
    resolved: &Resolved,
) -> Result<Memory, CheckpointError> {
    let memory = Memory::read(&config.checkpoint.path, &config.cluster.name)?;
    if memory.has_key()
        && let Ok(key) = key_of_checkpoint(config, resolved).await
    {
        // Another key, or one that is away: each place that it guards is named where it is not compared.
        let _ = memory.open_key(&key).await;
    }
    Ok(memory)
}
