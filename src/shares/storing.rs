//! The one way of a share to its custodian, and of new ones into effect.

use crate::checkpoint::ReplicatedCheckpoint;
use crate::custodian::{Custodian, Kind, Prepared, Stored};
use crate::failure::Failure;
use crate::secret::{Share, ShareMaterial};
use crate::vault::Rotation;
use crate::vault::keys::rotation::Verified;

/// What is to be remembered of a share, on disk before anything else is done.
pub(crate) enum Stage<'a> {
    /// It is about to be stored: whatever is found there later with one of these digests is ours.
    Before(&'a Prepared),
    /// What is there is somebody else's, and never to be taken away as ours.
    NotOurs,
    /// It was stored, and read back equal.
    Stored(&'a Stored),
}

/// Stores a share with its custodian and reads it back. `remember` and the replica come first: a run that is killed
/// leaves nothing with a custodian that the next one cannot tell to be its own.
///
/// # Errors
/// It cannot be stored, is not what was stored, or could not be remembered.
pub(crate) async fn store(
    records: &ReplicatedCheckpoint,
    custodian: &Custodian,
    (share, prepared): (&ShareMaterial, &Prepared),
    remember: impl Fn(Stage<'_>) -> Result<(), Failure>,
) -> Result<Stored, Failure> {
    remember(Stage::Before(prepared))?;
    records.replicate().await?;
    match custodian.store(share, prepared).await {
        Ok(stored) => remember(Stage::Stored(&stored)).map(|()| stored),
        Err(error) => {
            if matches!(error.kind(), Kind::Taken) {
                remember(Stage::NotOurs)?;
            }
            Err(error.into())
        }
    }
}

/// Gives new shares back to the server as their custodians keep them, until they are in effect or it does not go on.
/// What it said last; [`Verified::Counts`] where it wants more than there are.
///
/// # Errors
/// As [`Rotation::verify`]: if it was the last one, the new shares may be in effect.
pub(crate) async fn verify<'s>(
    rotation: &Rotation<'_>,
    nonce: &str,
    shares: impl IntoIterator<Item = &'s Share>,
) -> Result<Verified, Failure> {
    for share in shares {
        match rotation.verify(nonce, share).await? {
            Verified::Counts => {}
            last => return Ok(last),
        }
    }
    Ok(Verified::Counts)
}
