//! Files that appear whole or not at all and are never overwritten.
//!
//! A temporary file of the same directory is written and synced, then linked to the final name; the
//! link fails when anything has that name. A crash leaves at most a temporary file of ciphertext.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::backend::{Error, Kind};

/// Beginning of the name of a temporary file.
const TEMPORARY: &str = ".vault-bootstrap-";
/// More than any encrypted share needs, in bytes.
const LONGEST_FILE: u64 = 64 * 1024;
/// How many missing directories are made at most.
const DEPTH: usize = 32;

/// What came of [`create`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Created {
    /// The file is there, with these bytes, on the disk.
    New,
    /// The name was taken; nothing was changed.
    Exists,
}

/// Writes `bytes` under `path`, mode 0600, unless anything has that name.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<Created, Error> {
    let directory = parent(path);
    let failed = |doing| move |source| Error::io(path, doing, source);
    let mut temporary = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .permissions(std::fs::Permissions::from_mode(0o600))
        .tempfile_in(&directory)
        .map_err(failed("create a file in its directory"))?;
    temporary.write_all(bytes).map_err(failed("write"))?;
    temporary.as_file().sync_all().map_err(failed("sync"))?;
    match std::fs::hard_link(temporary.path(), path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Created::Exists),
        Err(error) => return Err(failed("link the finished file to its name")(error)),
    }
    temporary
        .close()
        .map_err(failed("remove the temporary file of"))?;
    sync_directory(path)?;
    Ok(Created::New)
}

/// Makes what is in the directory of `path` survive a power cut.
pub(super) fn sync_directory(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::io(path, "sync the directory above it", source);
    File::open(parent(path))
        .and_then(|directory| directory.sync_all())
        .map_err(failed)
}

/// The whole file; `None` when there is none. A symbolic link is refused, not followed.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let failed = |source| Error::io(path, "read", source);
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(found) if found.is_symlink() => {
            return Err(Error::new(path.display().to_string(), Kind::Symlink));
        }
        Ok(found) if !found.is_file() => return Err(failed(ErrorKind::InvalidInput.into())),
        Ok(_) => {}
    }
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let mut bytes = Vec::new();
    file.and_then(|file| file.take(LONGEST_FILE).read_to_end(&mut bytes))
        .map_err(failed)?;
    Ok(Some(bytes))
}

/// Makes the missing directories above `path`, mode 0700, and returns them, deepest last.
pub(super) fn make_directories(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut missing = Vec::new();
    let mut next = Some(parent(path));
    while let Some(directory) = next {
        if directory.exists() || missing.len() >= DEPTH {
            break;
        }
        // Above the first part of a relative path is the working directory, which is there.
        next = directory
            .parent()
            .filter(|above| !above.as_os_str().is_empty())
            .map(Path::to_owned);
        missing.push(directory);
    }
    missing.reverse();
    for directory in &missing {
        let made = DirBuilder::new().mode(0o700).create(directory);
        match made {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(Error::io(directory, "make this directory", error));
            }
            _ => sync_directory(directory)?,
        }
    }
    Ok(missing)
}

/// The directory of `path`, `.` for a bare name.
fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_new_file_is_private_alone_and_complete() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("share");
        assert_eq!(create(&path, b"text").unwrap(), Created::New);
        let found = std::fs::metadata(&path).unwrap();
        assert_eq!((found.mode() & 0o7777, found.nlink()), (0o600, 1));
        assert_eq!(read(&path).unwrap().unwrap(), b"text");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_existing_name_of_any_kind_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("file"), b"first").unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        for name in ["file", "directory", "dangling"] {
            assert_eq!(create(&at(name), b"second").unwrap(), Created::Exists);
        }
        assert_eq!(std::fs::read(at("file")).unwrap(), b"first");
        assert!(!at("nowhere").exists());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_symbolic_link_is_refused_and_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (directory.path().join("t"), directory.path().join("l"));
        std::fs::write(&target, b"elsewhere").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(matches!(read(&link).unwrap_err().kind(), Kind::Symlink));
    }

    #[test]
    fn missing_directories_are_made_for_the_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/share");
        let made = make_directories(&path).unwrap();
        assert_eq!(
            made,
            [directory.path().join("a"), directory.path().join("a/b")]
        );
        for directory in made {
            assert_eq!(std::fs::metadata(directory).unwrap().mode() & 0o777, 0o700);
        }
        assert!(make_directories(&path).unwrap().is_empty());
    }
}
