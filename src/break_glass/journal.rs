//! What a run must not forget when it is killed: its attempt at the server, and, encrypted, the tokens that it made.
//!
//! Beside the checkpoint, in files of its own: `break-glass.json` for everybody to read, `break-glass.generated` and
//! `break-glass.limited` under the checkpoint's key, each for as long as its token lives.

mod record;

use std::cell::RefCell;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::bootstrap::checkpoint::{self, CheckpointError};
use crate::envelope::{Key, Sealer, WrappedKey};
use crate::failure::Failure;
use crate::secret::{RootToken, SecretText, Token};

pub(super) use record::{Stray, UnderWay, Waiting};

const NAME: &str = "break-glass.json";
const LOCK: &str = "break-glass.lock";
/// Form of the journal.
const VERSION: u32 = 1;
/// No journal and no kept token of ours is nearly as long.
const LONGEST: u64 = 1024 * 1024;

/// The one-time pad of an attempt with several holders.
const PAD: &str = "break-glass.pad";

/// One of the two tokens that a run may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Made by the quorum; it has no end of its own.
    Generated,
    /// Made by that one for the command; it ends by itself.
    Limited,
}

impl Kept {
    pub(super) const ALL: [Self; 2] = [Self::Generated, Self::Limited];

    fn name(self) -> &'static str {
        match self {
            Self::Generated => "break-glass.generated",
            Self::Limited => "break-glass.limited",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    version: u32,
    cluster: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    under_way: Option<UnderWay>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    strays: Vec<Stray>,
}

/// A token under the checkpoint's key.
#[derive(Serialize, Deserialize)]
struct Sealed {
    key: WrappedKey,
    token: String,
}

/// The journal of one cluster, locked for this process until it is dropped.
pub(super) struct Journal {
    directory: PathBuf,
    record: RefCell<Record>,
    cluster: String,
    key: Option<Key>,
    _lock: File,
}

impl Journal {
    /// Opens it in the checkpoint's directory, which is made where there is none: an emergency has its own machine.
    ///
    /// # Errors
    /// Another run is at it, the directory is not ours alone, or it is of another cluster.
    pub(super) fn open(directory: &Path, cluster: &str, key: Option<Key>) -> Result<Self, Failure> {
        let lock = checkpoint::lock(directory, LOCK)?;
        let record = match read(directory)? {
            None => Record {
                version: VERSION,
                cluster: cluster.to_owned(),
                ..Record::default()
            },
            Some(record) if record.cluster == cluster => record,
            Some(record) => {
                return Err(CheckpointError::OtherCluster {
                    path: directory.to_owned(),
                    found: record.cluster,
                    wanted: cluster.to_owned(),
                }
                .into());
            }
        };
        Ok(Self {
            directory: directory.to_owned(),
            record: RefCell::new(record),
            cluster: cluster.to_owned(),
            key,
            _lock: lock,
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn under_way(&self) -> Option<UnderWay> {
        self.record.borrow().under_way.clone()
    }

    /// # Errors
    /// The disk refuses.
    pub(super) fn note(&self, under_way: Option<UnderWay>) -> Result<(), Failure> {
        // Cloned first: what is borrowed here is replaced below.
        let record = self.record.borrow().clone();
        self.write(Record {
            under_way,
            ..record
        })
    }

    /// Root tokens that may live and that nobody has, of all runs so far.
    pub(super) fn strays(&self) -> Vec<Stray> {
        self.record.borrow().strays.clone()
    }

    /// Remembers one more of them, and that nothing else is under way.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn lost(&self, more: Vec<Stray>) -> Result<(), Failure> {
        let mut record = self.record.borrow().clone();
        record.strays.extend(more);
        record.under_way = None;
        self.write(record)
    }

    /// Forgets them: they were looked for as root.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn found(&self) -> Result<(), Failure> {
        let mut record = self.record.borrow().clone();
        record.strays.clear();
        self.write(record)
    }

    pub(super) fn waiting(&self) -> Option<Waiting> {
        self.record.borrow().waiting.clone()
    }

    /// Begins or ends to wait for holders; nothing else is under way then.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn wait(&self, waiting: Option<Waiting>) -> Result<(), Failure> {
        let record = self.record.borrow().clone();
        self.write(Record {
            under_way: None,
            waiting,
            ..record
        })
    }

    fn write(&self, record: Record) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(&record)
            .map_err(|error| Failure::failed(error.to_string()))?;
        self.put(NAME, &text)?;
        *self.record.borrow_mut() = record;
        Ok(())
    }

    /// # Errors
    /// The disk refuses.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        Ok(checkpoint::write_beside(&self.directory, name, bytes)?)
    }

    /// Keeps a token for the next run, where there is a key to keep it under.
    ///
    /// # Errors
    /// The key or the disk refuses.
    pub(super) async fn keep(&self, kept: Kept, token: &Token) -> Result<(), Failure> {
        let Some(key) = &self.key else { return Ok(()) };
        let sealer = Sealer::create(key, &self.cluster).await?;
        self.put_sealed(kept.name(), &sealer, &sealer.seal_token(token))
    }

    /// Keeps the one-time pad until the holders have given their shares.
    ///
    /// # Errors
    /// There is no key to keep it under, or the disk refuses.
    pub(super) async fn keep_pad(&self, pad: &SecretText) -> Result<(), Failure> {
        let Some(key) = &self.key else {
            return Err(Failure::failed(
                "the one-time pad must be kept until the holders have given their shares, and the checkpoint's key \
                 cannot be used here",
            )
            .advise("start it where checkpoint.key can be used"));
        };
        let sealer = Sealer::create(key, &self.cluster).await?;
        self.put_sealed(PAD, &sealer, &sealer.seal_text(pad))
    }

    fn put_sealed(&self, name: &str, sealer: &Sealer, ciphertext: &[u8]) -> Result<(), Failure> {
        let sealed = Sealed {
            key: sealer.header().clone(),
            token: STANDARD.encode(ciphertext),
        };
        let text =
            serde_json::to_vec(&sealed).map_err(|error| Failure::failed(error.to_string()))?;
        self.put(name, &text)?;
        Ok(())
    }

    /// The token that an earlier run kept.
    ///
    /// # Errors
    /// It is there, and the key does not open it or it is damaged.
    pub(super) async fn kept(&self, kept: Kept) -> Result<Option<RootToken>, Failure> {
        let Some((sealer, ciphertext)) = self.sealed(kept.name()).await? else {
            return Ok(None);
        };
        Ok(Some(RootToken::new(sealer.unseal_token(&ciphertext)?)))
    }

    /// The pad that an earlier run kept.
    ///
    /// # Errors
    /// It is there, and the key does not open it or it is damaged.
    pub(super) async fn pad(&self) -> Result<Option<SecretText>, Failure> {
        let Some((sealer, ciphertext)) = self.sealed(PAD).await? else {
            return Ok(None);
        };
        Ok(Some(sealer.unseal_text(&ciphertext)?))
    }

    async fn sealed(&self, name: &str) -> Result<Option<(Sealer, Vec<u8>)>, Failure> {
        let path = self.directory.join(name);
        let Some(bytes) = read_bounded(&path)? else {
            return Ok(None);
        };
        let damaged = || {
            Failure::refused(format!("{} is damaged", path.display())).advise(
                "a root token may be alive: move that file away and rehearse, which tells of every root token",
            )
        };
        let sealed: Sealed = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let Some(key) = &self.key else {
            return Err(without_the_key(&path));
        };
        let ciphertext = STANDARD.decode(sealed.token).map_err(|_| damaged())?;
        let sealer = Sealer::open(key, &sealed.key, &self.cluster).await?;
        Ok(Some((sealer, ciphertext)))
    }

    /// Whether tokens can be kept for the next run.
    pub(super) fn can_keep(&self) -> bool {
        self.key.is_some()
    }

    /// Nothing is kept or opened any more by this run.
    pub(super) fn forget_key(&mut self) {
        self.key = None;
    }

    /// Whether a token is kept that cannot be opened here, for want of the key.
    pub(super) fn is_locked(&self, kept: Kept) -> bool {
        self.key.is_none() && self.directory.join(kept.name()).exists()
    }

    /// Destroys what was kept of a token that is dead.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn forget(&self, kept: Kept) -> Result<(), Failure> {
        Ok(checkpoint::destroy_beside(&self.directory, kept.name())?)
    }

    /// Destroys the pad.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn forget_pad(&self) -> Result<(), Failure> {
        Ok(checkpoint::destroy_beside(&self.directory, PAD)?)
    }
}

fn without_the_key(path: &Path) -> Failure {
    Failure::failed(format!(
        "{} is of an earlier run that did not end, and the checkpoint's key is not to be had here",
        path.display()
    ))
    .advise("run this where checkpoint.key can be used: what is left is ended then")
}

fn read(directory: &Path) -> Result<Option<Record>, Failure> {
    let path = directory.join(NAME);
    let Some(bytes) = read_bounded(&path)? else {
        return Ok(None);
    };
    let record: Record = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::refused(format!("{} is damaged: {error}", path.display()))
            .advise("it says what a killed run left behind: look at it, and move it away")
    })?;
    if record.version > VERSION {
        return Err(Failure::refused(format!(
            "{} has form {}, this program reads up to {VERSION}",
            path.display(),
            record.version
        ))
        .advise("use the program that wrote it, or a later one"));
    }
    Ok(Some(record))
}

fn read_bounded(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let cannot =
        |error: io::Error| Failure::failed(format!("cannot read {}: {error}", path.display()));
    match fs::metadata(path) {
        Ok(found) if found.len() <= LONGEST => fs::read(path).map(Some).map_err(cannot),
        Ok(_) => Err(Failure::refused(format!(
            "{} is longer than any that this program writes",
            path.display()
        ))
        .advise("look at it, and move it away")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(directory: &Path) -> Journal {
        Journal::open(directory, "prod", None).unwrap()
    }

    fn private() -> tempfile::TempDir {
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        tempfile::Builder::new()
            .permissions(owner_only)
            .tempdir()
            .unwrap()
    }

    #[test]
    fn what_is_noted_is_there_for_the_next_run_and_one_run_only() {
        let directory = private();
        let under_way = UnderWay {
            command: "rehearse".into(),
            since: "2026-01-01T00:00:00Z".into(),
            reason: None,
            nonce: Some("n".into()),
            completing: Some(7),
            run: None,
        };
        let first = journal(directory.path());
        first.note(Some(under_way.clone())).unwrap();
        assert!(Journal::open(directory.path(), "prod", None).is_err());
        drop(first);
        assert_eq!(journal(directory.path()).under_way(), Some(under_way));
        assert!(Journal::open(directory.path(), "other", None).is_err());
    }

    #[test]
    fn a_damaged_journal_and_one_of_a_later_program_are_refused() {
        let directory = private();
        fs::write(directory.path().join(NAME), "{").unwrap();
        assert!(Journal::open(directory.path(), "prod", None).is_err());
        fs::write(
            directory.path().join(NAME),
            r#"{"version":2,"cluster":"prod"}"#,
        )
        .unwrap();
        assert!(Journal::open(directory.path(), "prod", None).is_err());
    }
}
