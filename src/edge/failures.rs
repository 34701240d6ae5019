//! From the errors of the systems to failures of a command: both halves kept, and the exit code chosen.

use crate::backend::{self, Kind};
use crate::failure::Failure;
use crate::reference::ReferenceError;
use crate::{custodian, envelope, prompt, vault};

impl From<vault::Error> for Failure {
    fn from(error: vault::Error) -> Self {
        let failure = match error.kind() {
            vault::Kind::InvalidPath(_) | vault::Kind::InvalidToken => {
                Self::usage(error.to_string())
            }
            vault::Kind::Redirect { .. } => Self::refused(error.to_string()),
            _ => Self::failed(error.to_string()),
        };
        let passing = error.is_retryable();
        let failure = failure.advise_maybe(error.advice());
        if passing { failure.passing() } else { failure }
    }
}

impl From<vault::InitAnswerError> for Failure {
    fn from(error: vault::InitAnswerError) -> Self {
        Self::refused(error.to_string()).advise_maybe(error.advice())
    }
}

impl From<custodian::Error> for Failure {
    fn from(error: custodian::Error) -> Self {
        let text = error.to_string();
        let failure = match error.kind() {
            Kind::Taken
            | Kind::Overtaken
            | Kind::Different
            | Kind::Symlink
            | Kind::Sealed
            | Kind::KeepsDeleted(_) => Self::refused(text),
            Kind::Misconfigured(_) => Self::usage(text),
            _ => Self::failed(text),
        };
        failure.advise_maybe(error.advice())
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
        let ReferenceError::Refused { source, .. } = &error else {
            return Self::failed(text).advise_maybe(error.advice());
        };
        // Whoever refused knows best what to do, and a missing terminal is no failure that passes.
        let prompt = source.downcast_ref::<prompt::Error>();
        let custodian = source.downcast_ref::<custodian::Error>();
        let advice = prompt.and_then(prompt::Error::advice);
        let advice = advice.or_else(|| custodian.and_then(custodian::Error::advice));
        let failure = match prompt {
            Some(prompt::Error::NoTerminal { .. }) => Self::usage(text),
            Some(prompt::Error::Interrupted(_)) => {
                Self::new(crate::failure::Exit::Interrupted(2), text)
            }
            _ => Self::failed(text),
        };
        failure.advise_maybe(advice)
    }
}

impl From<prompt::Error> for Failure {
    fn from(error: prompt::Error) -> Self {
        let failure = match &error {
            prompt::Error::Interrupted(_) => {
                Self::new(crate::failure::Exit::Interrupted(2), error.to_string())
            }
            prompt::Error::NoTerminal { .. } => Self::usage(error.to_string()),
            _ => Self::failed(error.to_string()),
        };
        failure.advise_maybe(error.advice())
    }
}

/// What a replica of the checkpoint answered; where it is damaged, that is known.
pub(crate) fn of_replica(error: backend::Error) -> Failure {
    let damaged = matches!(error.kind(), Kind::Damaged(_)).then(|| error.address().to_owned());
    let mut failure = Failure::from(error);
    if let Some(place) = damaged {
        failure = failure.damaged_at(&place);
    }
    for problem in &mut failure.problems {
        problem.what = format!("replica of the checkpoint: {}", problem.what);
    }
    failure
}
