//! Writing so that a crash leaves the old file or the new one, never half of either.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Beginning of the name of a file that has no name yet.
const UNNAMED: &str = ".new-";

/// Replaces `directory/name` with `bytes`: temporary file (0600), fsync, rename, fsync of the
/// directory. When this returns, a power cut does not take the new content away.
pub(crate) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(UNNAMED)
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(directory.join(name))
        .map_err(|error| error.error)?;
    sync_directory(directory)
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

/// Makes `directory`, and what is missing above it, for the owner alone; each is durable in the one above it.
pub(crate) fn make_directories(directory: &Path) -> io::Result<()> {
    let above = above(directory);
    if !above.exists() {
        make_directories(above)?;
    }
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_directory(above),
    }
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
    let mut file = match OpenOptions::new()
        .write(true)
        .custom_flags(NO_FOLLOW)
        .open(&path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
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

/// `O_NOFOLLOW`: a link laid in our place is not written through.
#[allow(
    clippy::cast_possible_wrap,
    reason = "a flag of the platform, in its own width"
)]
const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

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
    fn missing_directories_are_made_for_the_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        make_directories(&path).unwrap();
        make_directories(&path).unwrap();
        for path in [path.as_path(), above(&path)] {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
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
