//! What a run must not forget when it is killed: its attempt at the server, and, encrypted, the tokens that it made.
//!
//! Beside the checkpoint, in files of its own: `break-glass.json` for everybody to read, `break-glass.generated`,
//! `break-glass.limited` and `break-glass.inspection` under the checkpoint's key, each for as long as its token is valid.
//! `break-glass.before` is what there was before a command, until that is compared.

mod before;
mod kept;
mod left_open;
mod reading;
mod rehearsed;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoint::directory::{Lock, lock, write_beside, write_json};
use crate::checkpoint::error::CheckpointError;
use crate::code::Code;
use crate::envelope::Key;
use crate::failure::Failure;
use crate::root_generation::OrphanedToken;

use crate::checkpoint::journal::reading::read;

pub(crate) use crate::checkpoint::journal::kept::Kept;
pub(crate) use crate::checkpoint::journal::left_open::{LeftOpen, left_open};
pub(crate) use crate::checkpoint::journal::rehearsed::NAME as REHEARSED;
pub use crate::checkpoint::journal::rehearsed::Rehearsed;

const NAME: &str = "break-glass.json";
const LOCK: &str = "break-glass.lock";
/// Form of the journal.
const VERSION: u32 = 1;

/// A run that has not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnderWay {
    /// `rehearse` or `break-glass`.
    pub(crate) command: String,
    /// When it began.
    pub(crate) since: String,
    /// Why, as it was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Of our attempt at the server, once it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
    /// The server's clock, in seconds since 1970, when the last share was about to be given: from then on there may
    /// be an orphaned root token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) completing: Option<i64>,
    /// Stands beside the tokens that are made for a command, from before they are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<String>,
}

/// An attempt that holders give their shares to, from wherever they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    /// What the holders were told.
    pub(crate) code: String,
    /// When it was started.
    pub(crate) since: String,
    /// The server's clock then, in seconds since 1970.
    pub(crate) clock: i64,
    /// Why, as it was typed.
    pub(crate) reason: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    version: u32,
    cluster: String,
    /// Of the server that it is about: a token of ours is asked about nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    under_way: Option<UnderWay>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
    #[serde(default, rename = "strays", skip_serializing_if = "Vec::is_empty")]
    orphans: Vec<OrphanedToken>,
}

/// The journal of one cluster, locked for this process until it is dropped.
pub(crate) struct Journal {
    directory: PathBuf,
    record: RefCell<Record>,
    cluster: String,
    key: Option<Key>,
    noted_here: Cell<bool>,
    /// Kept by an earlier run and not to be opened now: never written over and never destroyed.
    left: RefCell<Vec<Kept>>,
    _lock: Lock,
}

impl Journal {
    /// Opens it in the checkpoint's directory, which is made where there is none: an emergency has its own machine.
    ///
    /// # Errors
    /// Another run is at it, the directory is not ours alone, or it is of another cluster.
    pub(crate) fn open(directory: &Path, cluster: &str, key: Option<Key>) -> Result<Self, Failure> {
        let lock = lock(directory, LOCK)?;
        let advice = "it says what a killed run left behind: look at it, and move it away";
        let path = directory.join(NAME);
        let record = match read::<Record>(&path, advice)? {
            None => Record {
                version: VERSION,
                cluster: cluster.to_owned(),
                ..Record::default()
            },
            Some(record) if record.version > VERSION => {
                return Err(Failure::refused(
                    Code::FormNewer,
                    format!(
                        "{} has form {}, this program reads up to {VERSION}",
                        path.display(),
                        record.version
                    ),
                )
                .advise("use the program that wrote it, or a later one"));
            }
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
            noted_here: Cell::new(false),
            left: RefCell::default(),
            _lock: lock,
        })
    }

    /// Checks that what stands here is about the cluster of this id. Elsewhere a token of ours would look revoked.
    ///
    /// # Errors
    /// It is about another one, and something of it may be left.
    pub(crate) fn is_about(&self, id: Option<&str>) -> Result<(), Failure> {
        let record = self.record.borrow().clone();
        let open = record.under_way.is_some()
            || record.waiting.is_some()
            || !record.orphans.is_empty()
            || Kept::ALL.iter().any(|kept| self.place(*kept).exists())
            || self.directory.join(before::NAME).exists();
        match (&record.cluster_id, id) {
            (Some(known), Some(found)) if known != found && open => Err(Failure::refused(Code::ClusterOther, format!(
                "{} tells of a run that did not end, on the cluster of id {known}, and this one's is {found}",
                self.directory.join(NAME).display()
            ))
            .advise(
                "correct cluster.address in the file: what is left is ended where it is; if that cluster is gone for \
                 good, move the files break-glass.* away from there",
            )),
            (_, Some(found)) => {
                self.record.borrow_mut().cluster_id = Some(found.to_owned());
                Ok(())
            }
            (_, None) => Ok(()),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn under_way(&self) -> Option<UnderWay> {
        self.record.borrow().under_way.clone()
    }

    pub(crate) fn note(&self, under_way: Option<UnderWay>) -> Result<(), Failure> {
        if under_way.is_some() {
            self.noted_here.set(true);
        }
        self.change(|record| record.under_way = under_way)
    }

    /// Whether what is under way was begun by this run.
    pub(crate) fn noted_here(&self) -> bool {
        self.noted_here.get()
    }

    /// Orphaned root tokens of all runs so far.
    pub(crate) fn orphans(&self) -> Vec<OrphanedToken> {
        self.record.borrow().orphans.clone()
    }

    /// Remembers more of them, and that nothing else is under way.
    pub(crate) fn lost(
        &self,
        more: impl IntoIterator<Item = OrphanedToken>,
    ) -> Result<(), Failure> {
        self.change(|record| {
            record.orphans.extend(more);
            record.under_way = None;
        })
    }

    /// Forgets them: they were looked for as root.
    pub(crate) fn found(&self) -> Result<(), Failure> {
        self.change(|record| record.orphans.clear())
    }

    pub(crate) fn waiting(&self) -> Option<Waiting> {
        self.record.borrow().waiting.clone()
    }

    /// Begins or ends to wait for holders; nothing else is under way then.
    pub(crate) fn wait(&self, waiting: Option<Waiting>) -> Result<(), Failure> {
        self.change(|record| (record.under_way, record.waiting) = (None, waiting))
    }

    /// Waits for nobody any more, and remembers the token that may have come of it.
    pub(crate) fn given_up(&self, orphan: Option<OrphanedToken>) -> Result<(), Failure> {
        self.change(|record| {
            record.orphans.extend(orphan);
            (record.under_way, record.waiting) = (None, None);
        })
    }

    fn change(&self, change: impl FnOnce(&mut Record)) -> Result<(), Failure> {
        let mut record = self.record.borrow().clone();
        change(&mut record);
        write_json(&self.directory, NAME, &record)?;
        *self.record.borrow_mut() = record;
        Ok(())
    }

    /// Writes a file beside the journal, durably.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        Ok(write_beside(&self.directory, name, bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
