//! From the errors of the systems to failures of a command: both halves kept, and the exit code chosen.

use crate::backend::{self, Kind};
use crate::failure::{Exit, Failure};
use crate::reference::{ReferenceError, Why};
use crate::{custodian, envelope, prompt, vault};

impl From<vault::Error> for Failure {
    fn from(error: vault::Error) -> Self {
        let exit = match error.kind() {
            vault::Kind::InvalidPath(_) | vault::Kind::InvalidToken => Exit::Usage,
            vault::Kind::Redirect { .. } | vault::Kind::PlainHttpRefused(_) => Exit::Refused,
            _ => Exit::Failed,
        };
        let failure = Self::new(exit, error.to_string())
            .advise_maybe(error.advice())
            .answered(error.status());
        if error.is_retryable() {
            failure.passing()
        } else {
            failure
        }
    }
}

impl From<vault::InitAnswerError> for Failure {
    fn from(error: vault::InitAnswerError) -> Self {
        Self::refused(error.to_string()).advise(vault::InitAnswerError::ADVICE)
    }
}

impl From<custodian::Error> for Failure {
    fn from(error: custodian::Error) -> Self {
        let exit = match error.kind() {
            Kind::Taken
            | Kind::Overtaken
            | Kind::Different
            | Kind::Symlink
            | Kind::Sealed
            | Kind::KeepsDeleted(_) => Exit::Refused,
            Kind::Misconfigured(_) => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string()).advise_maybe(error.advice())
    }
}

impl From<envelope::Error> for Failure {
    fn from(error: envelope::Error) -> Self {
        Self::failed(format!("the checkpoint's key cannot be used: {error}"))
            .advise_maybe(error.advice())
    }
}

impl From<envelope::digest::Error> for Failure {
    fn from(error: envelope::digest::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<ReferenceError> for Failure {
    fn from(error: ReferenceError) -> Self {
        let text = error.to_string();
        // Whoever refused knows best what to do, and a missing terminal is no failure that passes.
        if let Why::Refused(source) = &error.why {
            if let Some(unanswered) = source.downcast_ref() {
                return of_prompt(unanswered, text);
            }
            let custodian = source.downcast_ref::<custodian::Error>();
            return Self::failed(text).advise_maybe(custodian.and_then(custodian::Error::advice));
        }
        Self::failed(text).advise_maybe(error.advice())
    }
}

impl From<prompt::Error> for Failure {
    fn from(error: prompt::Error) -> Self {
        of_prompt(&error, error.to_string())
    }
}

fn of_prompt(error: &prompt::Error, text: String) -> Failure {
    let exit = match error {
        prompt::Error::Interrupted(_) => Exit::Interrupted(2),
        prompt::Error::NoTerminal { .. } => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::new(exit, text).advise_maybe(error.advice())
}

/// What a replica of the checkpoint answered; where it is damaged, that is known.
pub(crate) fn of_replica(error: backend::Error) -> Failure {
    let damaged = matches!(error.kind(), Kind::Damaged(_)).then(|| error.address().to_owned());
    let failure = Failure::from(error).about("replica of the checkpoint: ");
    match damaged {
        Some(place) => failure.damaged_at(&place),
        None => failure,
    }
}
