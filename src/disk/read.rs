//! The one way to open a file for reading: nobody is waited for, nothing but files, and no link of another user.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat};
use rustix::io::Errno;

use crate::disk::path::{Last, Resolved, kind, resolve};
use crate::span;

/// Longest wait for whoever writes into a pipe that was handed to us.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Why something is not read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// A directory.
    #[error("it is a directory")]
    Directory,
    /// Nobody may be there to write into it.
    #[error("it is a named pipe, not a file")]
    NamedPipe,
    /// A device or a socket.
    #[error("it is a device or a socket, not a file")]
    Device,
    /// A link where a file of ours is meant.
    #[error("it is a symbolic link, not a file")]
    Link,
    /// There is more in it than may be.
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
    /// Nobody wrote into it.
    #[error("it had nothing to read for {}", span::text(*.0))]
    Silent(Duration),
    /// The wait was ended by a signal.
    #[error("a signal came while it was waited for")]
    Stopped,
}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        let kind = match unfit {
            Unfit::Directory => io::ErrorKind::IsADirectory,
            Unfit::TooLong(_) => io::ErrorKind::InvalidData,
            Unfit::Silent(_) => io::ErrorKind::TimedOut,
            Unfit::NamedPipe | Unfit::Device | Unfit::Link => io::ErrorKind::InvalidInput,
            Unfit::Stopped => io::ErrorKind::Other,
        };
        Self::new(kind, unfit)
    }
}

impl Unfit {
    /// Why, where it was for a reason of ours.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// A file that is open for reading.
#[derive(Debug)]
pub(crate) struct Opened {
    /// It.
    pub(crate) file: File,
    /// Of the open file, not of its name.
    pub(crate) found: Stat,
}

impl Opened {
    /// Reads all of it into `bytes`, which does not move where it has room for `longest` + 1.
    ///
    /// # Errors
    /// There is more than `longest`; of a pipe, nobody writes; or the system refuses. `bytes` may have a part then.
    pub(crate) fn into_bytes(mut self, longest: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
        let most = usize::try_from(longest).unwrap_or(usize::MAX - 1);
        let deadline = Instant::now() + PATIENCE;
        let mut piece = zeroize::Zeroizing::new([0; 8192]);
        loop {
            let room = (most + 1 - bytes.len()).min(piece.len());
            match self.file.read(&mut piece[..room]) {
                Ok(0) => return Ok(()),
                Ok(length) => bytes.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(&self.file, PollFlags::IN, deadline)?;
                }
                Err(error) => return Err(error),
            }
            if bytes.len() > most {
                return Err(Unfit::TooLong(longest).into());
            }
        }
    }
}

/// Waits until it can be read or written, and no longer than that.
pub(crate) fn wait(file: &File, what: PollFlags, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    let left = Timespec::try_from(left).map_err(|_| Errno::INVAL)?;
    match poll(&mut [PollFd::new(file, what)], Some(&left)) {
        Ok(0) => Err(Unfit::Silent(PATIENCE).into()),
        // Whoever asked for an end has waited long enough.
        Err(Errno::INTR) => Err(Unfit::Stopped.into()),
        ready => Ok(ready.map(|_| ())?),
    }
}

/// Opens a regular file.
///
/// # Errors
/// It is none, a link on the way is another user's, or the system refuses.
pub(crate) fn open(path: &Path) -> io::Result<Opened> {
    opened(&resolve(path, Last::Follow)?, |_| false)
}

/// The same where the last name may be no link: a file of our own.
///
/// # Errors
/// As [`open`], and it is a link.
pub(crate) fn open_own(path: &Path) -> io::Result<Opened> {
    opened(&resolve(path, Last::Keep)?, |_| false)
}

/// The same, or the end of a pipe that whoever started us has handed over: `/dev/stdin`, or `<(…)` of a shell.
///
/// # Errors
/// As [`open`]; a pipe with a name of its own is refused too.
pub(crate) fn open_or_handed(path: &Path) -> io::Result<Opened> {
    let handed = |kind| matches!(kind, FileType::Fifo | FileType::CharacterDevice);
    opened(&resolve(path, Last::Follow)?, handed)
}

fn opened(place: &Resolved, handed: impl Fn(FileType) -> bool) -> io::Result<Opened> {
    let found = place.found.as_ref().ok_or(Errno::NOENT)?;
    let fits = |found: &Stat| match kind(found) {
        FileType::RegularFile => Ok(()),
        kind if place.handed && handed(kind) => Ok(()),
        kind => Err(unfit(kind)),
    };
    // A device is not even opened: that alone may do something.
    fits(found)?;
    let file = File::from(place.open(OFlags::RDONLY, Mode::empty())?);
    let found = fstat(&file)?;
    fits(&found)?;
    Ok(Opened { file, found })
}

/// What is no regular file.
pub(crate) fn unfit(kind: FileType) -> Unfit {
    match kind {
        FileType::Directory => Unfit::Directory,
        FileType::Fifo => Unfit::NamedPipe,
        FileType::Symlink => Unfit::Link,
        _ => Unfit::Device,
    }
}

/// The whole of a regular file.
///
/// # Errors
/// As [`open`], or it is longer than `longest` bytes.
pub(crate) fn bytes(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.into_bytes(longest, &mut bytes)?;
    Ok(bytes)
}

/// The same, or of a pipe that was handed to us.
///
/// # Errors
/// As [`open_or_handed`], or it is longer than `longest` bytes.
pub(crate) fn bytes_or_handed(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_or_handed(path)?.into_bytes(longest, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::path::PathBuf;

    fn refused(result: io::Result<Opened>) -> Option<Unfit> {
        Unfit::of(&result.unwrap_err())
    }

    fn pipe(directory: &Path) -> PathBuf {
        let path = directory.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        path
    }

    #[test]
    fn only_files_are_opened_and_nobody_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        let pipe = pipe(directory.path());
        for way in [open, open_own, open_or_handed] {
            assert_eq!(refused(way(&pipe)), Some(Unfit::NamedPipe));
            assert_eq!(refused(way(directory.path())), Some(Unfit::Directory));
            assert_eq!(refused(way(Path::new("/dev/zero"))), Some(Unfit::Device));
            let missing = way(&directory.path().join("none")).unwrap_err();
            assert_eq!(missing.kind(), io::ErrorKind::NotFound);
            let far = way(&directory.path().join("none/none")).unwrap_err();
            assert_eq!(far.kind(), io::ErrorKind::NotFound);
        }
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_link_is_followed_but_for_a_file_of_our_own() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "text").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        assert_eq!(bytes(&link, 10).unwrap(), b"text");
        assert_eq!(refused(open_own(&link)), Some(Unfit::Link));
        assert!(open_own(&file).is_ok());
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_not_beyond() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), vec![b'x'; 20_000]).unwrap();
        assert_eq!(bytes(file.path(), 20_000).unwrap().len(), 20_000);
        let error = bytes(file.path(), 19_999).unwrap_err();
        assert_eq!(Unfit::of(&error), Some(Unfit::TooLong(19_999)));
    }

    #[test]
    fn a_pipe_that_was_handed_over_is_read_to_its_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        assert_eq!(refused(open(&path)), Some(Unfit::NamedPipe));
        let opened = open_or_handed(&path).unwrap();
        let writing = std::thread::spawn(move || {
            // Later than the first look, most of the time; the reader does not depend on it.
            std::thread::yield_now();
            writer.write_all(&vec![b'y'; 100_000]).unwrap();
        });
        let mut bytes = Vec::new();
        opened.into_bytes(200_000, &mut bytes).unwrap();
        writing.join().unwrap();
        assert!(bytes.len() == 100_000 && bytes.iter().all(|byte| *byte == b'y'));
    }
}
