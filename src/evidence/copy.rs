//! The copy of the report that `--report` asks for: whether it can be written is known before anything is done.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::shell::ShellCommand;

/// Checks that a copy can be written to `to`, which is none of the checkpoint's own files.
pub(crate) fn check(to: &Path, checkpoint: &Path) -> Result<(), Failure> {
    let place = place(to).map_err(|error| unusable(to, &error))?;
    let own = checkpoint.canonicalize();
    if own.is_ok_and(|own| place.starts_with(own)) {
        let text = format!("--report {} is in the checkpoint's directory", to.display());
        return Err(Failure::usage(text)
            .advise("name another place: the report itself is written there anyway"));
    }
    if place.is_dir() {
        let error = io::ErrorKind::IsADirectory.into();
        return Err(unusable(to, &error));
    }
    if is_plain(&place) {
        drop(fresh(&place).map_err(|error| unusable(to, &error))?);
    }
    Ok(())
}

/// Writes the copy: the old file or the new one, never half of either.
pub(crate) fn write(from: &Path, to: &Path) -> Result<(), Failure> {
    copy(from, to).map_err(|error| {
        Failure::failed(format!("cannot write {}: {error}", to.display()))
            .advise(format!("the report itself is at {}", from.display()))
    })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let (bytes, place) = (fs::read(from)?, place(to)?);
    if !is_plain(&place) {
        return OpenOptions::new()
            .write(true)
            .open(&place)?
            .write_all(&bytes);
    }
    let mut file = fresh(&place)?;
    file.write_all(&bytes)?;
    file.as_file().sync_all()?;
    file.persist(&place).map_err(|error| error.error)?;
    fs::File::open(directory(&place))?.sync_all()
}

/// A file, or nothing yet; no terminal and no pipe.
fn is_plain(place: &Path) -> bool {
    fs::metadata(place).map_or(true, |found| found.is_file())
}

/// Links followed: a copy replaces the file and not the link to it.
fn place(to: &Path) -> io::Result<PathBuf> {
    match to.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = to.file_name().ok_or(io::ErrorKind::InvalidInput)?;
            Ok(directory(to).canonicalize()?.join(name))
        }
        found => found,
    }
}

fn directory(path: &Path) -> &Path {
    let parent = path.parent().filter(|path| !path.as_os_str().is_empty());
    parent.unwrap_or_else(|| Path::new("."))
}

fn fresh(place: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".report-")
        .tempfile_in(directory(place))
        .map_err(|error| error.kind().into())
}

fn unusable(to: &Path, error: &io::Error) -> Failure {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded) {
        // Nothing that was typed is wrong.
        return Failure::failed(format!("cannot write --report {}: {error}", to.display()))
            .advise("make room on that disk, then run the same command again");
    }
    Failure::usage(format!("cannot write --report {}: {error}", to.display())).advise(format!(
        "name a file that can be written: {}",
        ShellCommand::new("ls -ld").with(directory(to).display())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_replaces_what_a_link_leads_to_and_leaves_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("report.json"), "new").unwrap();
        fs::write(path("copy"), "old").unwrap();
        std::os::unix::fs::symlink("copy", path("link")).unwrap();
        write(&path("report.json"), &path("link")).unwrap();
        assert_eq!(fs::read(path("copy")).unwrap(), b"new");
        assert!(path("link").is_symlink());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    #[test]
    fn the_checkpoints_own_files_are_no_place_for_a_copy() {
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path().join("checkpoint");
        fs::create_dir(&own).unwrap();
        assert!(check(&own.join("report.json"), &own).is_err());
        assert!(check(&directory.path().join("checkpoint/../x"), &own).is_ok());
        assert!(check(directory.path(), &own).is_err());
        assert!(check(&directory.path().join("none/x"), &own).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
