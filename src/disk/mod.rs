//! Files that survive a crash: each is written whole or not at all, and stays once the function returns. And the only
//! place that opens files: no link of another user is followed, and nobody is waited for.

mod held;
pub(crate) mod path;
pub(crate) mod read;
pub(crate) mod trust;
pub(crate) mod users;

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

pub(crate) use crate::disk::held::Held;

/// Beginning of the name of a file that has no name yet.
const UNNAMED: &str = ".new-";
/// The same of a file that is about to be linked to its name. [`sweep`] leaves it alone: it may be one file with what
/// has the name by now, and what is swept is overwritten.
const UNLINKED: &str = ".vault-bootstrap-";

/// Replaces `directory/name` with `bytes`: temporary file (0600), fsync, rename, fsync of the
/// directory. When this returns, a power cut does not take the new content away.
pub(crate) fn replace(directory: &Path, name: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
    let directory = Held::open(directory)?;
    directory
        .unnamed(UNNAMED)?
        .filled(bytes)?
        .replace(name.as_ref().as_os_str())?;
    directory.sync()
}

/// Creates the file `path`, as durably as [`replace`]; `false` where anything has that name, which is never
/// overwritten. The link fails then; a crash leaves at most a temporary file.
///
/// # Errors
/// What could not be done, and why.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<bool, (&'static str, io::Error)> {
    let Some(name) = path.file_name() else {
        return Err(("write", ErrorKind::InvalidInput.into()));
    };
    let directory = Held::open(above(path)).map_err(|error| ("write", error))?;
    let file = directory.unnamed(UNLINKED);
    let file = file.and_then(|file| file.filled(bytes));
    let file = file.map_err(|error| ("write", error))?;
    match file.link(name) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(("link the finished file to its name", error)),
    }
    let done = file.close().and_then(|()| directory.sync());
    done.map_err(|error| ("make the name durable, which it has", error))?;
    Ok(true)
}

/// The whole of a file of our own, which is no link; `None` when there is none.
pub(crate) fn read(path: &Path, longest: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(opened) = if_there(read::open_own(path))? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    opened.into_bytes(longest, &mut bytes)?;
    Ok(Some(bytes))
}

/// What came of a file operation; `None` where there is no such file.
pub(crate) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// Removes what a killed [`replace`] left: a file that never got its name, perhaps an encrypted one.
pub(crate) fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if let Some(name) = name.to_str().filter(|name| name.starts_with(UNNAMED)) {
            destroy(directory, name)?;
        }
    }
    Ok(())
}

/// Adds `bytes` to the end of `directory/name`, which is there, durably. Cut off, its end is a part of them.
pub(crate) fn append(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = writable(&directory.join(name))?;
    file.seek(SeekFrom::End(0))?;
    file.write_all(bytes)?;
    file.sync_data()
}

/// Makes names in `directory` as durable as the files they name.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    Held::open(directory)?.sync()
}

/// Removes a file; `None` where there is none.
pub(crate) fn remove(path: &Path) -> io::Result<Option<()>> {
    let name = path.file_name().ok_or(Errno::INVAL)?;
    if_there(Held::open(above(path)).and_then(|directory| directory.remove(name)))
}

/// The file that a lock is taken on, made where there is none.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    let name = path.file_name().ok_or(Errno::INVAL)?;
    Held::open(above(path))?.lock_file(name)
}

/// A file of our own, to be written over in place.
pub(crate) fn writable(path: &Path) -> io::Result<File> {
    let name = path.file_name().ok_or(Errno::INVAL)?;
    Held::open(above(path))?.writable(name)
}

/// Makes `directory`, and what is missing above it, for the owner alone; each is durable in the one above it. Which
/// ones were made, deepest last.
///
/// # Errors
/// Which one could not be made, and why.
pub(crate) fn make_directories(directory: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    // Above the first part of a relative path is the working directory, which is there.
    let failed = |error| (directory.to_owned(), error);
    let resolved = path::resolve(directory, path::Last::Follow);
    match resolved.map(|resolved| resolved.found) {
        Ok(Some(_)) => return Ok(Vec::new()),
        Ok(None) => {}
        // Told of what is in the way itself, below.
        Err(error) if error.kind() == ErrorKind::NotADirectory => {}
        Err(error) => return Err(failed(error)),
    }
    let above = above(directory);
    let mut made = make_directories(above)?;
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_directory(above),
    }
    .map_err(failed)?;
    made.push(directory.to_owned());
    Ok(made)
}

/// The directory of a path, `.` for a bare name.
pub(crate) fn above(path: &Path) -> &Path {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    above.unwrap_or_else(|| Path::new("."))
}

/// Takes a file's name away, overwrites it with zeros and removes it. Cut off anywhere, it is either as it was or one
/// that [`sweep`] goes on with, never half of itself under its name. On copy-on-write and flash storage the overwriting
/// is no promise; what protects the content there is that its key is gone too.
pub(crate) fn destroy(directory: &Path, name: &str) -> io::Result<()> {
    let Some(directory) = if_there(Held::open(directory))? else {
        return Ok(());
    };
    let Some(file) = if_there(directory.writable(name.as_ref()))? else {
        return Ok(());
    };
    let unnamed = if name.starts_with(UNNAMED) {
        name.to_owned()
    } else {
        let unnamed = format!("{UNNAMED}{name}");
        directory.rename(name.as_ref(), unnamed.as_ref())?;
        directory.sync()?;
        unnamed
    };
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    (&file).write_all(&vec![0; length])?;
    file.sync_all()?;
    directory.remove(unnamed.as_ref())?;
    directory.sync()
}

/// What to do when the disk refuses for one of these reasons, whatever was to be written.
pub(crate) fn advice(refusal: ErrorKind) -> Option<&'static str> {
    match refusal {
        ErrorKind::StorageFull => Some("make room on that disk, then run the same command again"),
        ErrorKind::QuotaExceeded => {
            Some("make room within the quota there, then run the same command again")
        }
        ErrorKind::FileTooLarge => {
            Some("raise the limit on the size of files (ulimit -f unlimited), then run again")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn a_replaced_file_is_private_and_whole_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        replace(directory.path(), "diary.json", b"one").unwrap();
        replace(directory.path(), "diary.json", b"two").unwrap();
        let path = directory.path().join("diary.json");
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_is_private_alone_and_complete() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("share");
        assert!(create(&path, b"text").unwrap());
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.mode() & 0o7777, found.nlink()), (0o600, 1));
        assert_eq!(read(&path, 4).unwrap().unwrap(), b"text");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_existing_name_of_any_kind_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), b"first").unwrap();
        fs::create_dir(at("directory")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        for name in ["file", "directory", "dangling"] {
            assert!(!create(&at(name), b"second").unwrap(), "{name}");
        }
        assert_eq!(fs::read(at("file")).unwrap(), b"first");
        assert!(!at("nowhere").exists());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    #[test]
    fn missing_directories_are_made_for_the_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        let made = make_directories(&path).unwrap();
        assert_eq!(made, [directory.path().join("a"), path.clone()]);
        for directory in made {
            assert_eq!(fs::metadata(directory).unwrap().mode() & 0o777, 0o700);
        }
        assert!(make_directories(&path).unwrap().is_empty());
        fs::write(directory.path().join("file"), "").unwrap();
        let below = directory.path().join("file/c");
        let (named, _) = make_directories(&below.join("d")).unwrap_err();
        assert_eq!(named, below, "the one that could not be made is named");
        assert_eq!(above(Path::new("bare")), Path::new("."));
    }

    #[test]
    fn what_a_killed_write_left_is_swept_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".new-x1"), "half").unwrap();
        fs::write(directory.path().join("diary.json"), "{}").unwrap();
        sweep(directory.path()).unwrap();
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn a_file_that_has_its_name_and_still_the_one_before_is_not_swept() {
        let directory = tempfile::tempdir().unwrap();
        let share = directory.path().join("bob.age");
        let held = Held::open(directory.path()).unwrap();
        let before = held.unnamed(UNLINKED).unwrap().filled(b"share").unwrap();
        before.link("bob.age".as_ref()).unwrap();
        sweep(directory.path()).unwrap();
        assert_eq!(fs::read(&share).unwrap(), b"share");
    }

    #[test]
    fn destroying_twice_is_harmless_and_a_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("precious");
        fs::write(&target, "keep").unwrap();
        std::os::unix::fs::symlink(&target, directory.path().join("secrets")).unwrap();
        assert!(destroy(directory.path(), "secrets").is_err());
        assert_eq!(fs::read(&target).unwrap(), b"keep");
        fs::remove_file(directory.path().join("secrets")).unwrap();
        destroy(directory.path(), "secrets").unwrap();
        destroy(directory.path(), "secrets").unwrap();
    }
}
