//! The directory of one throwaway server, in which everything is that belongs to it.
//!
//! Its name says whose it is, so it is somebody's from the moment at which it is there.

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::code::Code;
use crate::disk;
use crate::failure::Failure;
use crate::shell::ShellCommand;
use crate::throwaway::owner::Owner;
use crate::throwaway::random;

/// What names begin with.
const PREFIX: &str = "vault-bootstrap-throwaway.";
/// Longest of the small files in it.
const LONGEST: u64 = 64 * 1024;
/// How much of the server's own words is shown.
const LAST_LINES: usize = 12;
/// Longest log that these are looked for in.
const LONGEST_LOG: u64 = 64 << 20;

/// The watcher's own line, once there is one.
pub(super) const WATCHER: &str = "watcher";
/// The server's.
pub(super) const SERVER: &str = "server";
/// The command's, as long as it runs.
pub(super) const COMMAND: &str = "command";
/// Its name, where it outlives the run that made it.
pub(super) const UP: &str = "up";
/// That it was left on purpose, for somebody to look at.
pub(super) const KEPT: &str = "kept";
/// Files elsewhere that go with it, one a line.
pub(super) const EXPORTS: &str = "exports";
/// What the server says.
pub(super) const LOG: &str = "server.log";

/// A throwaway server's directory.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    path: PathBuf,
    owner: Owner,
}

/// How it is with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Of another machine, another boot of this one, or another namespace: whether it is in use cannot be seen here.
    Elsewhere,
    /// Its run, or its server where that outlives it, is at work.
    Alive,
    /// Left on purpose.
    Kept,
    /// Nobody's any more.
    Left,
}

impl Instance {
    /// A new one, for its owner alone.
    pub(super) fn make() -> Result<Self, Failure> {
        let above = temporary();
        let owner = Owner::this().ok_or_else(|| {
            Failure::failed(
                Code::SystemFailed,
                "/proc does not say what this process is, so nobody could remove what it leaves",
            )
            .advise("mount it: mount -t proc proc /proc")
        })?;
        let made = random::word::<8>().and_then(|word| {
            let path = above.join(format!("{PREFIX}{owner}.{}", &*word));
            DirBuilder::new().mode(0o700).create(&path).map(|()| path)
        });
        let path = made.map_err(|error| unwritable(&above, &error))?;
        tracing::info!(directory = %path.display(), "directory made");
        Ok(Self { path, owner })
    }

    /// All of this user's, whoever made them.
    pub(super) fn all() -> Vec<Self> {
        let above = temporary();
        let user = rustix::process::geteuid().as_raw();
        let entries = std::fs::read_dir(&above).into_iter().flatten().flatten();
        let mut all: Vec<_> = entries
            .filter(|entry| {
                let found = std::fs::symlink_metadata(entry.path());
                found.is_ok_and(|found| found.is_dir() && found.uid() == user)
            })
            .filter_map(|entry| Self::at(&above, &entry.file_name()))
            .collect();
        all.sort_by(|one, other| one.path.cmp(&other.path));
        all
    }

    fn at(above: &Path, name: &OsStr) -> Option<Self> {
        let rest = name.to_str()?.strip_prefix(PREFIX)?;
        let (owner, _) = rest.rsplit_once('.')?;
        Some(Self {
            path: above.join(name),
            owner: Owner::parse(owner)?,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file in it, for its owner alone.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.file(name);
        let above = disk::above(&path).to_owned();
        disk::make_directories(&above)
            .map_err(|(directory, error)| unwritable(&directory, &error))?;
        let name = path.file_name().unwrap_or_default().to_owned();
        disk::replace(&above, name, text.as_bytes()).map_err(|error| unwritable(&path, &error))?;
        Ok(path)
    }

    /// One of its small files, where there is one.
    pub(super) fn read(&self, name: &str) -> Option<String> {
        let bytes = disk::read(&self.file(name), LONGEST).ok().flatten()?;
        String::from_utf8(bytes).ok()
    }

    /// Who made it.
    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// What it has for a name in `list` where it has none.
    pub(super) fn word(&self) -> &str {
        let name = self.path.file_name().and_then(OsStr::to_str);
        let word = name.and_then(|name| name.rsplit_once('.'));
        word.map_or("", |(_, word)| word)
    }

    /// The process whose line this file is.
    pub(super) fn process(&self, name: &str) -> Option<Owner> {
        Owner::parse(&self.read(name)?)
    }

    /// The name under which it outlives its run.
    pub(super) fn name(&self) -> Option<String> {
        Some(self.read(UP)?.trim().to_owned())
    }

    /// How it is with it.
    pub(super) fn state(&self) -> State {
        if !self.owner.is_of_here() {
            return State::Elsewhere;
        }
        let watched = || self.process(WATCHER).is_some_and(|watcher| watcher.lives());
        if self.owner.lives() || (self.file(UP).exists() && watched()) {
            State::Alive
        } else if self.file(KEPT).exists() {
            State::Kept
        } else {
            State::Left
        }
    }

    /// The last lines that the server has written.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let log = disk::read(&self.file(LOG), LONGEST_LOG).ok().flatten();
        let log = String::from_utf8_lossy(&log.unwrap_or_default()).into_owned();
        let lines: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        let from = lines.len().saturating_sub(LAST_LINES);
        lines[from..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect()
    }

    /// Removes it with all that is in it; it may be gone already.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.path)
    }
}

/// Removes such a directory, and the files elsewhere that go with it.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    let exports = disk::read(&directory.join(EXPORTS), LONGEST).ok().flatten();
    let exports = String::from_utf8(exports.unwrap_or_default()).unwrap_or_default();
    for file in exports.lines() {
        let _ = disk::remove(Path::new(file));
    }
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Where temporary files of this user are.
pub(super) fn temporary() -> PathBuf {
    let named = std::env::temp_dir();
    std::path::absolute(&named).unwrap_or(named)
}

/// Why something cannot be written there, and what to do.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let code = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::FileFailed,
    };
    let what = format!(
        "cannot write {}: {}",
        path.display(),
        crate::config::in_words(error)
    );
    let elsewhere = || match error.kind() {
        ErrorKind::NotFound => {
            let command = ShellCommand::new("mkdir -p").with(temporary().display());
            format!(
                "make the directory for temporary files, or name another one in TMPDIR: {command}"
            )
        }
        _ => "name a directory for temporary files in TMPDIR that you may write to".to_owned(),
    };
    let advice = disk::advice(error.kind()).map_or_else(elsewhere, str::to_owned);
    Failure::failed(code, what).advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_its_makers_by_its_name_and_no_other_name_is_one() {
        let owner = Owner::this().unwrap();
        let above = Path::new("/tmp");
        let found = Instance::at(above, OsStr::new(&format!("{PREFIX}{owner}.abc"))).unwrap();
        assert_eq!(found.owner, owner);
        assert_eq!(found.state(), State::Alive);
        for name in [
            "x",
            "vault-bootstrap-throwaway.",
            "vault-bootstrap-throwaway.a.b.c.d.e",
        ] {
            assert!(Instance::at(above, OsStr::new(name)).is_none(), "{name}");
        }
    }

    #[test]
    fn one_of_another_boot_is_elsewhere_whatever_is_in_it() {
        let owner = Owner::this().unwrap().to_string();
        let (_, rest) = owner.split_once('.').unwrap();
        let name = format!("{PREFIX}{}.{rest}.abc", "0".repeat(16));
        let found = Instance::at(Path::new("/tmp"), OsStr::new(&name)).unwrap();
        assert_eq!(found.state(), State::Elsewhere);
    }
}
