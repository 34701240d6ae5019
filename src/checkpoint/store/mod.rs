//! The directory of a checkpoint: its lock, its diary and its secret part.

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::checkpoint::diary::Diary;
use crate::checkpoint::directory::{
    Lock, MEMORY, check, destroy_beside, lock, write_beside, write_json,
};
use crate::checkpoint::error::{CheckpointError, Result};
use crate::checkpoint::running::{self, LOCK};
use crate::checkpoint::secrets_file::{self, Header, Holds};
use crate::disk;
use crate::envelope::{self, Sealer};
use crate::evidence::facts::{Evidence, ROOT};
use crate::secret::{RootToken, SecretText};
use crate::step::Step;
use crate::step::decide::Recorded;

const DIARY: &str = "diary.json";
/// Ten thousand roles, by their paths, are a tenth of it.
const LONGEST_DIARY: u64 = 64 * 1024 * 1024;

/// The checkpoint of one ceremony, locked for this process until it is dropped.
#[derive(Debug)]
pub struct Checkpoint {
    pub(super) directory: PathBuf,
    pub(super) diary: Rc<Diary>,
    /// It was amended, and that is not on disk.
    unwritten: bool,
    /// Holds the lock; the file's content says whose run it is.
    _lock: Lock,
}

/// What of the two secrets a checkpoint still holds.
#[derive(Debug)]
pub enum Kept {
    /// Neither of them, and no room taken for one either.
    Nothing,
    /// Room was taken and the key was wrapped; no answer came to fill it.
    Awaited,
    /// The raw answer of `sys/init`.
    InitAnswer(SecretText),
    /// The root token.
    RootToken(RootToken),
}

impl Checkpoint {
    /// Opens the directory, or makes it, and takes the lock. Nothing is waited for.
    ///
    /// # Errors
    /// Another run holds it, the directory is not ours alone, it belongs to another cluster or was
    /// written by a later program, or the disk refuses.
    pub fn open(directory: &Path, name: &str, address: &str) -> Result<Self> {
        let lock = lock(directory, LOCK)?;
        running::announce(&lock.0, now());
        if !directory.join(".gitignore").exists() {
            write_beside(directory, ".gitignore", b"*\n")?;
        }
        disk::sweep(directory).map_err(CheckpointError::io("clean up", directory))?;
        let diary = match read_diary(directory)? {
            None => Diary::new(name, address),
            Some(diary) if diary.cluster.name == name => diary,
            Some(diary) => {
                return Err(CheckpointError::OtherCluster {
                    path: directory.to_owned(),
                    found: diary.cluster.name,
                    wanted: name.to_owned(),
                });
            }
        };
        Ok(Self {
            directory: directory.to_owned(),
            diary: Rc::new(diary),
            unwritten: false,
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The public part.
    pub fn diary(&self) -> &Diary {
        &self.diary
    }

    /// The public part as it is now; later records do not change it.
    pub fn snapshot(&self) -> Rc<Diary> {
        Rc::clone(&self.diary)
    }

    /// Changes the diary and makes the change durable before it returns. Where that fails, the diary on disk is the one
    /// of before.
    pub fn record(&mut self, change: impl FnOnce(&mut Diary)) -> Result<()> {
        let mut next = Diary::clone(&self.diary);
        change(&mut next);
        next.program = env!("CARGO_PKG_VERSION").into();
        write_json(&self.directory, DIARY, &next)?;
        self.diary = Rc::new(next);
        self.unwritten = false;
        Ok(())
    }

    /// Changes the diary for this run; on disk with the next [`Checkpoint::record`], or by [`Checkpoint::settle`]. Only
    /// for what the next run finds out anew, should this one be killed in between.
    pub fn amend(&mut self, change: impl FnOnce(&mut Diary)) {
        change(Rc::make_mut(&mut self.diary));
        self.unwritten = true;
    }

    /// Makes durable what was amended.
    pub fn settle(&mut self) -> Result<()> {
        if self.unwritten {
            self.record(|_| ())?;
        }
        Ok(())
    }

    /// Records that `step` begins.
    pub fn start(&mut self, step: Step) -> Result<()> {
        self.record(|diary| diary.start(step, now()))
    }

    /// Records that `step` begins, with what is known before it.
    pub fn start_with(&mut self, step: Step, known: Evidence) -> Result<()> {
        self.record(|diary| {
            diary.start(step, now());
            if let Some(entry) = diary.steps.get_mut(&step) {
                entry.evidence = known;
            }
        })
    }

    /// Records that `step` is done; on disk together with the beginning of the next one where a run that was killed in
    /// between sees at the server that it is.
    pub fn finish(&mut self, step: Step, evidence: Evidence) -> Result<()> {
        let change = |diary: &mut Diary| diary.finish(step, evidence, now());
        if (Step::Secrets..=Step::Writes).contains(&step) {
            self.amend(change);
            return Ok(());
        }
        self.record(change)
    }

    /// Takes the room for the answer of `sys/init` and keeps the wrapped key beside it, while nothing can be lost yet.
    pub fn write_ahead(&self, sealer: &Sealer) -> Result<()> {
        let header = Header::of(Holds::InitAnswer, sealer);
        self.written(secrets_file::replace(&self.directory, &header, &[]))
    }

    /// Keeps the raw answer, encrypted, in the room taken by [`Checkpoint::write_ahead`]; where that cannot be
    /// written any more, in a new file in its place. May be tried again.
    pub fn keep_answer(&self, sealer: &Sealer, answer: &SecretText) -> Result<()> {
        let ciphertext = sealer.seal_text(answer);
        let header = Header::of(Holds::InitAnswer, sealer);
        let filled = secrets_file::fill(&self.directory, &ciphertext);
        self.written(
            filled.or_else(|_| secrets_file::replace(&self.directory, &header, &ciphertext)),
        )
    }

    /// Replaces the answer, shares and all, by the root token alone under a fresh key. Where that fails, the file is the one
    /// of before.
    pub fn keep_root_token(&self, sealer: &Sealer, root: &RootToken) -> Result<()> {
        let ciphertext = sealer.seal_token(root.token());
        let header = Header::of(Holds::RootToken, sealer);
        self.written(secrets_file::replace(&self.directory, &header, &ciphertext))
    }

    /// Whether an answer or a root token is on disk, without opening it.
    pub fn keeps_something(&self) -> Result<bool> {
        keeps_something(&self.directory)
    }

    /// What the secret part is for, in words for a person; `None` where there is none. Needs no key; one that is
    /// damaged is said to be so and is no error.
    pub fn secrets_in_words(&self) -> Result<Option<&'static str>> {
        Ok(match read_secrets(&self.directory) {
            Ok(None) => None,
            Ok(Some((_, None))) => Some("room for an answer that never came"),
            Ok(Some((header, Some(_)))) => Some(match header.holds {
                Holds::InitAnswer => "all shares and the root token",
                Holds::RootToken => "the root token",
            }),
            Err(CheckpointError::Damaged { .. }) => Some("secrets that are damaged"),
            Err(error) => return Err(error),
        })
    }

    /// Puts the diary away under a name of its own and begins an empty one. What holders have proved is
    /// still true and is taken over. The name of the old one.
    pub fn begin_anew(&mut self) -> Result<PathBuf> {
        let name = format!("diary-until-{}.json", now().replace(':', ""));
        let path = write_json(&self.directory, &name, &*self.diary)?;
        // Of documents that the next cluster does not have.
        destroy_beside(&self.directory, MEMORY)?;
        self.record(|diary| {
            let proofs = std::mem::take(&mut diary.proofs);
            *diary = Diary::new(&diary.cluster.name, &diary.cluster.address);
            diary.proofs = proofs;
        })?;
        Ok(path)
    }

    /// Destroys the secret part. Harmless when there is none.
    pub fn destroy_secrets(&self) -> Result<()> {
        destroy_beside(&self.directory, secrets_file::NAME)
    }

    /// Writes a public file (the report) beside the diary, atomically and fsynced.
    pub fn write_public(&self, name: &str, text: &str) -> Result<PathBuf> {
        write_beside(&self.directory, name, text.as_bytes())
    }

    /// What came of writing the secret part.
    pub(super) fn written(&self, result: io::Result<()>) -> Result<()> {
        let path = self.directory.join(secrets_file::NAME);
        result.map_err(CheckpointError::io("write", &path))
    }
}

/// Opens the secret part of a checkpoint, if there is one. Asks `key` (KMS, a file, a passphrase)
/// only then.
pub async fn kept(directory: &Path, cluster: &str, key: &envelope::Key) -> Result<Kept> {
    let path = directory.join(secrets_file::NAME);
    let (header, ciphertext) = match read_secrets(directory)? {
        None => return Ok(Kept::Nothing),
        Some((_, None)) => return Ok(Kept::Awaited),
        Some((header, Some(ciphertext))) => (header, ciphertext),
    };
    let sealed = |error| CheckpointError::Sealed {
        path: path.clone(),
        source: Box::new(error),
    };
    let sealer = Sealer::open(key, &header.key, cluster)
        .await
        .map_err(sealed)?;
    Ok(match header.holds {
        Holds::InitAnswer => Kept::InitAnswer(sealer.unseal_text(&ciphertext).map_err(sealed)?),
        Holds::RootToken => Kept::RootToken(RootToken::new(
            sealer.unseal_token(&ciphertext).map_err(sealed)?,
        )),
    })
}

/// As [`Checkpoint::keeps_something`], without the lock: for looking only.
pub fn keeps_something(directory: &Path) -> Result<bool> {
    Ok(matches!(read_secrets(directory)?, Some((_, Some(_)))))
}

/// Whether the encrypted part has a root token that nobody has begun to revoke, or that is kept on purpose.
pub(crate) fn keeps_root(directory: &Path) -> bool {
    let kept = |diary: &Diary| diary.fact::<String>(Step::RevokeRoot, ROOT).is_some();
    let begun =
        |diary: &Diary| diary.recorded(Step::RevokeRoot) != Recorded::Nothing && !kept(diary);
    let diary = read_diary(directory).ok().flatten();
    diary.is_some_and(|diary| !begun(&diary)) && keeps_something(directory).unwrap_or_default()
}

pub(crate) fn read_secrets(directory: &Path) -> Result<Option<(Header, Option<Vec<u8>>)>> {
    check(directory)?;
    let path = directory.join(secrets_file::NAME);
    secrets_file::read(directory).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => CheckpointError::Damaged {
            path,
            why: error.to_string(),
        },
        _ => CheckpointError::io("read", &path)(error),
    })
}

/// The diary of a checkpoint, without taking the lock: for looking only.
pub fn read_diary(directory: &Path) -> Result<Option<Diary>> {
    let path = directory.join(DIARY);
    check(directory)?;
    let found = disk::read(&path, LONGEST_DIARY).map_err(CheckpointError::io("read", &path))?;
    let parsed = found.map(|bytes| Diary::read(&bytes, &path));
    parsed.transpose()
}

/// Now, RFC 3339 in UTC with seconds.
pub fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
