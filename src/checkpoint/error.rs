//! Why a checkpoint cannot be used, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint::diary::VERSION;
use crate::checkpoint::running::{LOCK, running};
use crate::code::Code;
use crate::disk;
use crate::envelope;
use crate::failure::{Exit, Failure};
use crate::shell::ShellCommand;

/// What went wrong with the checkpoint itself.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it answered.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("another run holds {}", .0.display())]
    Locked(PathBuf),
    /// The directory is not ours alone.
    #[error("checkpoint directory {} {why}", .path.display())]
    NotPrivate {
        /// The directory.
        path: PathBuf,
        /// In which way.
        why: &'static str,
    },
    /// Others may put another one in its place.
    #[error("checkpoint directory {} is not safe there: {why}", .path.display())]
    Untrusted {
        /// The directory.
        path: PathBuf,
        /// Who may.
        why: String,
        /// What to do about it.
        advice: String,
    },
    /// A later program wrote it.
    #[error("{} has form {found}, this program reads up to {VERSION}", .path.display())]
    Newer {
        /// The diary.
        path: PathBuf,
        /// Its form.
        found: u64,
    },
    /// It cannot be read as a checkpoint.
    #[error("{} is damaged: {why}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In which way.
        why: String,
    },
    /// What is remembered of the documents cannot be read.
    #[error("{} is damaged: {why}", .path.display())]
    MemoryDamaged {
        /// The file.
        path: PathBuf,
        /// In which way.
        why: String,
    },
    /// It belongs to another cluster.
    #[error("checkpoint {} belongs to cluster {found}, the file says {wanted}", .path.display())]
    OtherCluster {
        /// The directory.
        path: PathBuf,
        /// Name in the diary.
        found: String,
        /// Name in the file.
        wanted: String,
    },
    /// The secret part is there and its key does not open it.
    #[error("{} cannot be opened: {source}", .path.display())]
    Sealed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<envelope::Error>,
    },
}

impl CheckpointError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// What it is to a script.
    pub fn code(&self) -> Code {
        match self {
            Self::Io { source, .. } if disk::advice(source.kind()).is_some() => Code::DiskFull,
            Self::Io { .. } => Code::FileFailed,
            Self::Locked(_) => Code::AnotherRun,
            Self::NotPrivate { .. } | Self::Untrusted { .. } => Code::CheckpointUnsafe,
            Self::Newer { .. } => Code::FormNewer,
            Self::Damaged { .. } | Self::MemoryDamaged { .. } => Code::CheckpointDamaged,
            Self::OtherCluster { .. } => Code::CheckpointOther,
            Self::Sealed { source, .. } => source.code(),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                "make that file system writable (mount -o remount,rw), then run the same command again; only \
                 before the first run may checkpoint.path name another directory instead"
                    .into()
            }
            Self::Io { path, source, .. } => match disk::advice(source.kind()) {
                Some(advice) => advice.into(),
                None => ShellCommand::new("ls -ld").with(path.display()).into(),
            },
            Self::Locked(path) => {
                let of_checkpoint = path.file_name().is_some_and(|name| name == LOCK);
                let run = path.parent().filter(|_| of_checkpoint).and_then(running);
                let run = run.map_or_else(|| "it".to_owned(), |run| run.in_words());
                format!("wait for {run} to end; two runs at once would disturb each other")
            }
            Self::NotPrivate { path, .. } => format!(
                "make it a directory of your own: {}; {}",
                ShellCommand::new("chmod 700").with(path.display()),
                ShellCommand::new("ls -ld").with(path.display())
            ),
            Self::Untrusted { advice, .. } => advice.clone(),
            Self::Newer { .. } => "use the release that wrote it, or a later one".into(),
            Self::Damaged { .. } => {
                "restore the checkpoint directory from where it was copied last; do not edit it"
                    .into()
            }
            Self::MemoryDamaged { path, .. } => format!(
                "restore it from a copy; or put it away, and what is on the server is compared by its meaning once: {}",
                ShellCommand::new("mv").with(path.display()).with(format!("{}.damaged", path.display()))
            ),
            Self::OtherCluster { .. } => "put cluster.name back, or give each cluster a checkpoint.path of its own, and another place in checkpoint.replica".into(),
            Self::Sealed { source, .. } => source
                .advice()
                .unwrap_or_else(|| "check checkpoint.key in the file".into()),
        }
    }
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        let exit = match &error {
            CheckpointError::Io { .. } => Exit::Failed,
            CheckpointError::Sealed { source, .. } if source.is_retryable() => Exit::Failed,
            _ => Exit::Refused,
        };
        Failure::new(exit, error.code(), error.to_string()).advise(error.advice())
    }
}

/// What the checkpoint's own functions return.
pub(crate) type Result<T> = std::result::Result<T, CheckpointError>;
