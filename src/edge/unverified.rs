//! Shares that open nothing, since nobody has verified them: the only ones that are ever taken away to be made anew.

use crate::custodian::{Custodian, Observation, Presence, Stored};
use crate::failure::Failure;

/// What is recorded of a share that was not verified.
pub(crate) struct Unverified<'a> {
    /// Where it was to go.
    pub(crate) address: &'a str,
    /// Digests of the ciphertexts that were about to be stored, where we are the ones to encrypt.
    pub(crate) prepared: &'a [String],
    /// Once it was read back equal.
    pub(crate) stored: Option<&'a Stored>,
}

/// Takes it away, and says whether it was there. What is there must be what was recorded.
///
/// # Errors
/// It is somebody else's by now, the file names another place, or the custodian refuses.
pub(crate) async fn discard(
    custodian: &Custodian,
    recorded: &Unverified<'_>,
) -> Result<bool, Failure> {
    let (name, address) = (custodian.name(), custodian.address());
    if recorded.address != address {
        return Err(Failure::refused(format!(
            "{}, the unverified share of {name}, is still there, and the file now names {address}",
            recorded.address
        ))
        .advise("put the place back in the file until the new shares hold"));
    }
    let ours = match recorded.stored {
        Some(stored) => match custodian.observe(stored).await? {
            Observation::Missing => return Ok(false),
            Observation::Same => true,
            Observation::Changed(_) => false,
        },
        // Cut off in between: the name was free, and what we were about to write is recorded.
        None => match custodian.presence().await? {
            Presence::Absent => return Ok(false),
            Presence::Present(found) => found
                .digest
                .is_none_or(|digest| recorded.prepared.contains(&digest)),
        },
    };
    if !ours {
        return Err(Failure::refused(format!(
            "{address}, the unverified share of {name}, was changed by somebody else"
        ))
        .advise("see who, and move it away: it opens nothing, and another one is made"));
    }
    custodian.remove().await?;
    Ok(true)
}
