//! The directory of a checkpoint, ours alone, and files of other verbs in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checkpoint::error::{CheckpointError, Result};
use crate::disk;

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
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(disk::NO_FOLLOW)
        .open(&path)
        .map_err(CheckpointError::io("open", &path))?;
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
    let found = disk::read(&path).map_err(CheckpointError::io("read", &path))?;
    let value = found.map(|bytes| serde_json::from_slice(&bytes));
    value.transpose().map_err(|error| CheckpointError::Damaged {
        path,
        why: error.to_string(),
    })
}

/// Overwrites and removes a file of this name. Harmless when there is none.
pub(crate) fn destroy_beside(directory: &Path, name: &str) -> Result<()> {
    let path = directory.join(name);
    disk::destroy(directory, name).map_err(CheckpointError::io("destroy", &path))
}

fn make_private(directory: &Path) -> Result<()> {
    disk::make_directories(directory)
        .map_err(|(path, error)| CheckpointError::io("create", &path)(error))?;
    let found = fs::symlink_metadata(directory).map_err(CheckpointError::io("read", directory))?;
    let why = if found.file_type().is_symlink() {
        "is a symbolic link"
    } else if !found.is_dir() {
        "is not a directory"
    } else if found.mode() & 0o077 != 0 {
        "can be entered by others"
    } else if found.uid() != rustix::process::geteuid().as_raw() {
        "belongs to another user"
    } else {
        return Ok(());
    };
    let path = directory.to_owned();
    Err(CheckpointError::NotPrivate { path, why })
}
