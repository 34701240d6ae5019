//! What encrypts the secrets that are kept beside the file.

use crate::config::{CheckpointKey, Config};
use crate::edge::custodians::to_aws;
use crate::edge::references::Resolved;
use crate::envelope;
use crate::failure::Failure;

/// What encrypts the secret part of the checkpoint.
///
/// # Errors
/// It cannot be used, or its passphrase was not read.
pub(crate) async fn of_checkpoint(
    config: &Config,
    resolved: &Resolved,
) -> Result<envelope::Key, Failure> {
    let key = match &config.checkpoint.key {
        CheckpointKey::Kms { key, aws } => envelope::Key::kms(key, &to_aws(aws)).await,
        CheckpointKey::Identity(path) => envelope::Key::identity(path),
        CheckpointKey::Passphrase(reference) => {
            let text = resolved.get(reference).cloned();
            let text = text.ok_or_else(|| Failure::failed(format!("{reference} was not read")))?;
            Ok(envelope::Key::passphrase(text))
        }
    };
    Ok(key?)
}
