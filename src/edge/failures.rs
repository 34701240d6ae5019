//! From the errors of the systems to failures of a command: both halves kept, and the exit code chosen.

use std::io;

use crate::backend::{self, Kind};
use crate::code::Code;
use crate::failure::{Exit, Failure};
use crate::interrupt::stopped_by;
use crate::reference::{ReferenceError, Why};
use crate::{custodian, disk, envelope, prompt, vault};

impl From<vault::Error> for Failure {
    fn from(error: vault::Error) -> Self {
        let exit = match error.kind() {
            vault::Kind::InvalidPath(_) | vault::Kind::InvalidToken => Exit::Usage,
            vault::Kind::Redirect { .. } | vault::Kind::PlainHttpRefused(_) => Exit::Refused,
            _ => Exit::Failed,
        };
        let failure = Self::new(exit, error.code(), error.to_string())
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
        Self::refused(Code::InitAnswerInvalid, error.to_string())
            .advise(vault::InitAnswerError::ADVICE)
    }
}

impl From<custodian::Error> for Failure {
    fn from(error: custodian::Error) -> Self {
        let exit = match error.kind() {
            Kind::Taken
            | Kind::DeletionPending
            | Kind::Overtaken
            | Kind::Different
            | Kind::Symlink
            | Kind::Sealed
            | Kind::KeepsDeleted(_) => Exit::Refused,
            Kind::Misconfigured(_) => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::new(exit, of_custodian(error.kind()), error.to_string()).advise_maybe(error.advice())
    }
}

impl From<envelope::Error> for Failure {
    fn from(error: envelope::Error) -> Self {
        Self::failed(
            error.code(),
            format!("the checkpoint's key cannot be used: {error}"),
        )
        .advise_maybe(error.advice())
    }
}

impl From<envelope::digest::Error> for Failure {
    fn from(error: envelope::digest::Error) -> Self {
        Self::failed(Code::SystemFailed, error.to_string())
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
            return Self::failed(Code::SecretUnreadable, text)
                .advise_maybe(custodian.and_then(custodian::Error::advice));
        }
        Self::failed(Code::SecretUnreadable, text).advise_maybe(error.advice())
    }
}

impl From<prompt::Error> for Failure {
    fn from(error: prompt::Error) -> Self {
        of_prompt(&error, error.to_string())
    }
}

fn of_prompt(error: &prompt::Error, text: String) -> Failure {
    if let prompt::Error::Interrupted(signal) = error {
        return stopped_by(*signal, "nothing is half done");
    }
    let (exit, code) = match error {
        prompt::Error::NoTerminal { .. } => (Exit::Usage, Code::NoTerminal),
        prompt::Error::Empty(_) | prompt::Error::Different(_) => (Exit::Failed, Code::InputWrong),
        prompt::Error::Terminal(_) | prompt::Error::Interrupted(_) => {
            (Exit::Failed, Code::SystemFailed)
        }
    };
    Failure::new(exit, code, text).advise_maybe(error.advice())
}

/// What a replica of the checkpoint answered; where it is damaged, that is known.
pub(crate) fn of_replica(error: backend::Error) -> Failure {
    let damaged = matches!(error.kind(), Kind::Damaged(_)).then(|| error.address().to_owned());
    let code = of_replicas(error.kind());
    let mut failure = Failure::from(error).about("replica of the checkpoint: ");
    for problem in &mut failure.problems {
        problem.code = code;
    }
    match damaged {
        Some(place) => failure.damaged_at(&place),
        None => failure,
    }
}

/// What it means of a place where a custodian keeps something.
fn of_custodian(kind: &Kind) -> Code {
    match kind {
        Kind::Denied { .. } => Code::CustodianDenied,
        Kind::Credentials(_) | Kind::NoRegion | Kind::KeyDisabled { .. } | Kind::KeyNotFound(_) => {
            Code::AwsUnusable
        }
        Kind::NotFound => Code::ShareGone,
        Kind::Kubernetes(_) => Code::KubernetesFailed,
        Kind::Unreachable(_) | Kind::TimedOut(_) | Kind::TooLarge(_) | Kind::Service { .. } => {
            Code::CustodianUnreachable
        }
        Kind::Taken | Kind::DeletionPending => Code::ShareNameTaken,
        Kind::Overtaken => Code::TakenOver,
        Kind::Different | Kind::Damaged(_) => Code::ShareChanged,
        Kind::Unreadable(cause) => of_custodian(cause.kind()),
        Kind::KeepsDeleted(_) => Code::ReplicaKeepsDeleted,
        Kind::Io { source, .. } => of_disk(source),
        Kind::Symlink | Kind::OpenToOthers(_) | Kind::Untrusted(_) => Code::FileUnsafe,
        Kind::Misconfigured(_) => Code::FileValueInvalid,
        Kind::BadIdentity(_) | Kind::WrongIdentity | Kind::NotOpened(_) => Code::IdentityWrong,
        Kind::OtherRecipient => Code::ShareChanged,
        Kind::Gpg(_) => Code::CommandFailed,
        Kind::Sealed => Code::SharesNotAsInFile,
        Kind::WrongAnswer | Kind::NeedsHolder => Code::CustodianUnproved,
    }
}

/// What it means of the place where a second copy of the checkpoint is.
fn of_replicas(kind: &Kind) -> Code {
    match kind {
        Kind::Taken => Code::TakenOver,
        Kind::Different | Kind::Damaged(_) => Code::ReplicaDamaged,
        Kind::Denied { .. } | Kind::NotFound => Code::ReplicaUnreachable,
        Kind::Unreadable(cause) => of_replicas(cause.kind()),
        _ => match of_custodian(kind) {
            Code::CustodianUnreachable => Code::ReplicaUnreachable,
            code => code,
        },
    }
}

fn of_disk(error: &io::Error) -> Code {
    match disk::advice(error.kind()) {
        Some(_) => Code::DiskFull,
        None => Code::FileFailed,
    }
}
