//! The copy of the report that `--report` asks for: whether it can be written is known before anything is done.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::fs::{FileType, Mode, OFlags};

use crate::code::Code;
use crate::disk::path::{Last, Resolved, kind, resolve};
use crate::disk::read::{self, PATIENCE, unfit};
use crate::disk::{self, Held};
use crate::failure::Failure;
use crate::shell::ShellCommand;

/// No report of ours is nearly as long.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Checks that a copy can be written to `to`, which is none of the checkpoint's own files.
pub(crate) fn check(to: &Path, checkpoint: &Path) -> Result<(), Failure> {
    let unusable = |error| unusable(to, &error);
    let place = resolve(to, Last::Follow).map_err(unusable)?;
    let own = resolve(checkpoint, Last::Follow);
    if own.is_ok_and(|own| own.found.is_some() && place.path.starts_with(own.path)) {
        let text = format!("--report {} is in the checkpoint's directory", to.display());
        return Err(Failure::usage(Code::FileFailed, text)
            .advise("name another place: the report itself is written there anyway"));
    }
    if is_plain(&place).map_err(unusable)? {
        let directory = directory(&place).map_err(unusable)?;
        drop(directory.unnamed(UNNAMED).map_err(unusable)?);
    }
    Ok(())
}

/// Writes the copy: the old file or the new one, never half of either.
pub(crate) fn write(from: &Path, to: &Path) -> Result<(), Failure> {
    copy(from, to).map_err(|error| {
        Failure::failed(
            Code::FileFailed,
            format!("cannot write {}: {error}", to.display()),
        )
        .advise(format!("the report itself is at {}", from.display()))
    })
}

const UNNAMED: &str = ".report-";

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let bytes = disk::read(from, LONGEST)?.ok_or(io::ErrorKind::NotFound)?;
    let place = resolve(to, Last::Follow)?;
    if !is_plain(&place)? {
        let end = place.open(OFlags::WRONLY | OFlags::APPEND, Mode::empty())?;
        return hand_over(File::from(end), &bytes);
    }
    let directory = directory(&place)?;
    let file = directory.unnamed(UNNAMED)?.filled(&bytes)?;
    file.replace(&place.name)?;
    directory.sync()
}

/// A file, or nothing yet. `false` for what whoever started us has opened, such as `/dev/stdout`: it is written to as it
/// is. Anything else is no place for a copy.
fn is_plain(place: &Resolved) -> io::Result<bool> {
    match place.found.as_ref().map(kind) {
        _ if place.is_far => Err(io::ErrorKind::NotFound.into()),
        _ if place.handed => Ok(false),
        None | Some(FileType::RegularFile) => Ok(true),
        Some(kind) => Err(unfit(kind).into()),
    }
}

/// The directory of the copy: of the file itself, where a link leads to it.
fn directory(place: &Resolved) -> io::Result<Held> {
    Held::open(disk::above(&place.path))
}

fn hand_over(mut end: File, mut bytes: &[u8]) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !bytes.is_empty() {
        match end.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                read::wait(&end, PollFlags::OUT, deadline)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn unusable(to: &Path, error: &io::Error) -> Failure {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded) {
        // Nothing that was typed is wrong.
        return Failure::failed(
            Code::DiskFull,
            format!("cannot write --report {}: {error}", to.display()),
        )
        .advise("make room on that disk, then run the same command again");
    }
    Failure::usage(
        Code::FileFailed,
        format!("cannot write --report {}: {error}", to.display()),
    )
    .advise(format!(
        "name a file that can be written: {}",
        ShellCommand::new("ls -ld").with(disk::above(to).display())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::path::PathBuf;

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

    #[test]
    fn a_copy_goes_to_what_is_open_already_and_to_no_pipe_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("report.json"), "new").unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let open = PathBuf::from(format!("/dev/fd/{}", writer.as_raw_fd()));
        check(&open, &path("none")).unwrap();
        write(&path("report.json"), &open).unwrap();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "new");
        let made = std::process::Command::new("mkfifo")
            .arg(path("pipe"))
            .status();
        assert!(made.unwrap().success());
        for place in [path("pipe"), "/dev/zero".into()] {
            let failure = check(&place, &path("none")).unwrap_err();
            assert!(failure.to_string().contains("not a file"), "{failure}");
            assert!(write(&path("report.json"), &place).is_err());
        }
    }
}
