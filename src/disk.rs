//! Files that survive a crash: each is written whole or not at all, and stays once the function returns.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Beginning of the name of a file that has no name yet.
const UNNAMED: &str = ".new-";
/// The same of a file that is about to be linked to its name. [`sweep`] leaves it alone: it may be one file with what
/// has the name by now, and what is swept is overwritten.
const UNLINKED: &str = ".vault-bootstrap-";

/// `O_NOFOLLOW`: a link laid in our place is neither read nor written through.
pub(crate) const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

/// Replaces `directory/name` with `bytes`: temporary file (0600), fsync, rename, fsync of the
/// directory. When this returns, a power cut does not take the new content away.
pub(crate) fn replace(directory: &Path, name: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
    let file = unnamed(directory, UNNAMED, bytes)?;
    file.persist(directory.join(name))
        .map_err(|error| error.error)?;
    sync_directory(directory)
}

/// Creates the file `path`, as durably as [`replace`]; `false` where anything has that name, which is never
/// overwritten. The link fails then; a crash leaves at most a temporary file.
///
/// # Errors
/// What could not be done, and why.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<bool, (&'static str, io::Error)> {
    let directory = above(path);
    let file = unlinked(directory, bytes).map_err(|error| ("write", error))?;
    match fs::hard_link(file.path(), path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(("link the finished file to its name", error)),
    }
    let done = file.close().and_then(|()| sync_directory(directory));
    done.map_err(|error| ("make the name durable, which it has", error))?;
    Ok(true)
}

/// A file that is about to be linked to its name.
fn unlinked(directory: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    unnamed(directory, UNLINKED, bytes)
}

/// A file without its final name, for the owner alone, on the disk.
fn unnamed(directory: &Path, prefix: &str, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(prefix)
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// The whole file; `None` when there is none.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if_there(fs::read(path))
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

/// Makes names in `directory` as durable as the files they name.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Makes `directory`, and what is missing above it, for the owner alone; each is durable in the one above it. Which
/// ones were made, deepest last.
///
/// # Errors
/// Which one could not be made, and why.
pub(crate) fn make_directories(directory: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    // Above the first part of a relative path is the working directory, which is there.
    if directory.exists() || directory == Path::new(".") {
        return Ok(Vec::new());
    }
    let above = above(directory);
    let mut made = make_directories(above)?;
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_directory(above),
    }
    .map_err(|error| (directory.to_owned(), error))?;
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
    let path = directory.join(name);
    let mut options = OpenOptions::new();
    let opened = options.write(true).custom_flags(NO_FOLLOW).open(&path);
    let Some(mut file) = if_there(opened)? else {
        return Ok(());
    };
    let unnamed = if name.starts_with(UNNAMED) {
        path
    } else {
        let unnamed = directory.join(format!("{UNNAMED}{name}"));
        fs::rename(&path, &unnamed)?;
        sync_directory(directory)?;
        unnamed
    };
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    file.write_all(&vec![0; length])?;
    file.sync_all()?;
    fs::remove_file(&unnamed)?;
    sync_directory(directory)
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
    use std::os::unix::fs::MetadataExt;

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
        assert_eq!(read(&path).unwrap().unwrap(), b"text");
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
        let before = unlinked(directory.path(), b"share").unwrap();
        fs::hard_link(before.path(), &share).unwrap();
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
