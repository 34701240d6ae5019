//! What a command that ran as root has left, other than root tokens.

use thiserror::Error;

use crate::code::Code;
use crate::vault::snapshot::{Change, Difference, Kind};

/// Something that is not as it was before the command, or that could not be compared.
#[derive(Debug, Clone, Error)]
pub enum Left {
    /// It is not as it was.
    #[error("{}", is_different(.0))]
    Different(Difference),
    /// How many more of them there are.
    #[error("{0} more differences: each stands in the evidence, with the command that undoes it")]
    More(usize),
    /// What could not be compared, and why.
    #[error("{0} could not be compared: {1}")]
    Unseen(String, String),
    /// Why nothing was compared at all.
    #[error(
        "what the command left, other than root tokens, could not be compared with what was there before: {0}; look \
         through policies, auth methods, audit devices, entities and tokens yourself"
    )]
    NotCompared(String),
    /// An audit device, its log, and why not all of it can be read.
    #[error(
        "the log of audit device {0} ({1}) has a gap: {2}; what was done meanwhile is not known from it"
    )]
    Gap(String, String, String),
    /// An audit device, and how many batch tokens its log tells of.
    #[error(
        "by the log of audit device {0} the command made {1} batch tokens: nobody can list or revoke them, and each ends \
         at its own time"
    )]
    BatchTokens(String, usize),
}

impl Left {
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Different(_) | Self::More(_) | Self::BatchTokens(..) => Code::CommandLeftChanges,
            Self::Unseen(..) | Self::NotCompared(_) | Self::Gap(..) => Code::NotCompared,
        }
    }
}

fn is_different(difference: &Difference) -> String {
    let Difference { change, undo, .. } = difference;
    let what = difference.what();
    match change {
        Change::New => format!("{what} is new; to undo it: {undo}"),
        Change::Changed => {
            format!("{what} has changed; to restore it: {undo}")
        }
        Change::Gone => format!("{what} is gone; to restore it: {undo}"),
        Change::MadeAnew => {
            let lost = match difference.item.kind {
                Kind::AuditDevice => "what was done in between is not in its log",
                _ => "what was in it before is gone",
            };
            format!(
                "{what} was removed and created anew, and {lost}; to see what it is now: {undo}"
            )
        }
    }
}
