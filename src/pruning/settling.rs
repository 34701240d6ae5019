//! A run that was killed between a deletion and its record: what became of it is looked at.

use crate::checkpoint::{ReplicatedCheckpoint, begun};
use crate::desired::standing::{Standing, standing};
use crate::failure::Failure;
use crate::memory::Memory;
use crate::session::{Authority, Session};

/// Looks what became of each deletion that an earlier run has begun and not seen to its end, and records it. How many were
/// done.
///
/// # Errors
/// The server does not answer as such servers do, or the disk refuses.
pub(crate) async fn settle(
    session: &Session<'_>,
    (memory, records): (&Memory, &ReplicatedCheckpoint),
) -> Result<u32, Failure> {
    let mut done = 0;
    if !matches!(session.authority, Authority::Login(_)) {
        return Ok(done);
    }
    for (path, step) in records.diary().pruning.clone() {
        let said = "a run that was killed was about to delete";
        let gone = match standing(session, memory, &path).await? {
            Standing::Gone => {
                session.note(format!("{said} {path}, and it is gone"));
                true
            }
            Standing::Denied(at) => {
                session.note(format!(
                    "{said} {path}; whether it is gone was not seen: it takes path \"{at}\" {{ capabilities = [\"read\"] }}"
                ));
                continue;
            }
            Standing::NotReadBack => {
                session.note(format!(
                    "{said} {path}; nobody here can tell whether it did: what the server made of it is not remembered"
                ));
                false
            }
            Standing::TooMany(..) | Standing::Changed(_) | Standing::AsWritten(_) => {
                session.note(format!("{said} {path}, and it is still there"));
                false
            }
        };
        begun::pruned(records, (step, &path), gone)?;
        if gone {
            memory.forget(&path)?;
            done += 1;
        }
    }
    Ok(done)
}
