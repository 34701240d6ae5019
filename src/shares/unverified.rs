//! Shares that are not valid, since nobody has verified them: the only ones that are ever taken away to be made anew.

use crate::checkpoint::ShareRecord;
use crate::code::Code;
use crate::custodian::{Custodian, Observation};
use crate::failure::Failure;

/// Takes a share away that was to go to `was`, and says whether it was there. What is there must be what was recorded, or
/// bear the mark where a service encrypts.
///
/// # Errors
/// It is somebody else's by now, the file names another place, or the custodian refuses.
pub(crate) async fn discard(
    custodian: &Custodian,
    (was, mark): (&str, Option<&str>),
    recorded: &ShareRecord,
) -> Result<bool, Failure> {
    let (name, address) = (custodian.name(), custodian.address());
    if was != address {
        return Err(Failure::refused(Code::SharesNotAsInFile, format!(
            "{was}, the unverified share of {name}, is still there, and the file now names {address}"
        ))
        .advise("put the place back in the file until the new shares are in effect"));
    }
    let ours = match &recorded.stored {
        Some(stored) => match custodian.observe(stored).await? {
            Observation::Missing => return Ok(false),
            Observation::Same => true,
            Observation::Changed(_) => false,
        },
        // Cut off in between: the name was free, and what we were about to write is recorded.
        None => match custodian.presence().await? {
            None => return Ok(false),
            Some(found) => match (found.digest, mark) {
                (Some(digest), _) => recorded.prepared.contains(&digest),
                (None, Some(mark)) => custodian.bears(mark).await?,
                (None, None) => false,
            },
        },
    };
    if !ours {
        return Err(Failure::refused(Code::ShareNameTaken, format!(
            "{address}, where an unverified share of {name} was to go, is not known to be ours"
        ))
        .advise(
            "find out whose it is: a share stored from a newer copy of the checkpoint may be one that opens the \
             cluster; if it is nobody's, move it away and run the same command again",
        ));
    }
    custodian.remove().await?;
    Ok(true)
}
