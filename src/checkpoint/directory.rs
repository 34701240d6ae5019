//! The directory of a checkpoint, ours alone, and files of other verbs in it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat};
use rustix::process::geteuid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checkpoint::error::{CheckpointError, Result};
use crate::disk::path::{Last, kind, resolve};
use crate::disk::{self, trust, users};
use crate::shell::ShellCommand;

/// Any permission of anybody but the owner.
const OTHERS: u32 = 0o077;
/// What is remembered of the documents that were written.
pub(crate) const MEMORY: &str = "memory.jsonl";
/// Ten thousand policies of a kilobyte, as they were sent and as the server made them, are a fifth of it.
pub(crate) const LONGEST_MEMORY: u64 = 128 * 1024 * 1024;
/// No file of another verb is nearly as long.
const LONGEST: u64 = 64 * 1024 * 1024;

/// A lock that is held. Closing the file would not give it back while a child that is just being started has it too.
#[derive(Debug)]
pub(crate) struct Lock(pub(super) File);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Makes the directory where there is none, for its owner alone, and takes the lock of this name in it. Nothing is
/// waited for: where another run holds it, this is refused.
pub(crate) fn lock(directory: &Path, name: &str) -> Result<Lock> {
    make_private(directory)?;
    let path = directory.join(name);
    let file = disk::lock_file(&path).map_err(CheckpointError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(CheckpointError::Locked(path)),
        Err(TryLockError::Error(error)) => Err(CheckpointError::io("lock", &path)(error)),
    }
}

/// Replaces a file of this name, atomically and fsynced. Where that fails, it is the one of before.
pub(crate) fn write_beside(directory: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let path = directory.join(name);
    disk::replace(directory, name, bytes).map_err(CheckpointError::io("write", &path))?;
    Ok(path)
}

/// Replaces a file of this name by a value, as [`write_beside`].
pub(crate) fn write_json(directory: &Path, name: &str, value: &impl Serialize) -> Result<PathBuf> {
    let text = serde_json::to_vec_pretty(value)
        .map_err(|error| CheckpointError::io("write", &directory.join(name))(error.into()))?;
    write_beside(directory, name, &text)
}

/// The value in a file of this name; `None` where there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(directory: &Path, name: &str) -> Result<Option<T>> {
    let path = directory.join(name);
    let found = disk::read(&path, LONGEST).map_err(CheckpointError::io("read", &path))?;
    let value = found.map(|bytes| serde_json::from_slice(&bytes));
    value.transpose().map_err(|error| CheckpointError::Damaged {
        path,
        why: error.to_string(),
    })
}

/// What is remembered of the documents, where that is no longer than a place takes.
pub(crate) fn memory_within(directory: &Path, longest: u64) -> Result<Option<String>> {
    let path = directory.join(MEMORY);
    let failed = |error| CheckpointError::io("read", &path)(error);
    let length = disk::if_there(std::fs::symlink_metadata(&path)).map_err(failed)?;
    if length.is_none_or(|found| found.len() > longest) {
        return Ok(None);
    }
    let bytes = disk::read(&path, longest).map_err(CheckpointError::io("read", &path))?;
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Overwrites and removes a file of this name. Harmless when there is none.
pub(crate) fn destroy_beside(directory: &Path, name: &str) -> Result<()> {
    let path = directory.join(name);
    disk::destroy(directory, name).map_err(CheckpointError::io("destroy", &path))
}

fn make_private(directory: &Path) -> Result<()> {
    // Nothing is made where others could put another one in its place.
    check(directory)?;
    disk::make_directories(directory)
        .map_err(|(path, error)| CheckpointError::io("create", &path)(error))?;
    check(directory)
}

/// Holds that what is in this directory is ours alone, and nobody else may move it away or put another one in its
/// place. One that is missing is judged by what is above it. The same for whoever locks it and whoever only looks.
pub(crate) fn check(directory: &Path) -> Result<()> {
    // A way that cannot be gone is told below.
    if let Ok(Some(found)) = resolve(directory, Last::Keep).map(|itself| itself.found) {
        let us = geteuid().as_raw();
        if kind(&found) == FileType::Directory && found.st_uid != us {
            return Err(of_another_user(directory, (found.st_uid, us)));
        }
        if let Some(why) = not_private(&found) {
            let path = directory.to_owned();
            return Err(CheckpointError::NotPrivate { path, why });
        }
    }
    match trust::refusal(directory).map_err(CheckpointError::io("read", directory))? {
        None => Ok(()),
        Some(doubt) => Err(CheckpointError::Untrusted {
            path: directory.to_owned(),
            why: doubt.to_string(),
            advice: doubt.advice(),
        }),
    }
}

/// Whose it is, and both ways to go on. Even root's: what we keep is ours alone.
fn of_another_user(directory: &Path, (owner, us): (u32, u32)) -> CheckpointError {
    let named = |uid: u32| users::name_of(uid).unwrap_or_else(|| uid.to_string());
    let (path, whose) = (directory.display(), named(owner));
    let give = ShellCommand::new("chown -R").with(named(us)).with(&path);
    CheckpointError::Untrusted {
        path: directory.to_owned(),
        why: format!("{path} belongs to user {owner} ({whose})"),
        advice: format!("run this as {whose}; or, as root: {give}"),
    }
}

fn not_private(found: &Stat) -> Option<&'static str> {
    match kind(found) {
        FileType::Symlink => Some("is a symbolic link"),
        FileType::Directory if found.st_mode & OTHERS != 0 => Some("can be entered by others"),
        FileType::Directory => None,
        _ => Some("is not a directory"),
    }
}
