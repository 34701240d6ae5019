//! A directory that is held open: what is done in it is done there, wherever its path leads to meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::File;
#[cfg(feature = "throwaway")]
use std::fs::TryLockError;
use std::io::{self, Write};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, linkat, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::disk::path::{Last, kind, resolve};
use crate::disk::read::{Unfit, unfit};

/// For the owner alone.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);
/// A file of this name is our own: no link is followed there and nobody is waited for.
const OWN: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// The directory.
#[derive(Debug)]
pub(crate) struct Held(File);

impl Held {
    /// Opens it. No link of another user leads there.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let found = resolve(path, Last::Follow)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        Ok(Self(File::from(found.open(flags, Mode::empty())?)))
    }

    /// Makes its names durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    /// Holds it for this process alone until this value goes; `false` where another has it.
    #[cfg(feature = "throwaway")]
    pub(crate) fn try_lock(&self) -> io::Result<bool> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// A new file, for its owner alone, under a name that nobody uses.
    pub(crate) fn unnamed(&self, prefix: &str) -> io::Result<Unnamed<'_>> {
        loop {
            let mut random = [0; 8];
            getrandom(&mut random, GetRandomFlags::empty())?;
            let name = OsString::from(format!("{prefix}{:016x}", u64::from_ne_bytes(random)));
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OWN;
            match openat(&self.0, &name, flags, PRIVATE) {
                Err(Errno::EXIST) => {}
                made => {
                    return Ok(Unnamed {
                        directory: self,
                        file: File::from(made?),
                        name: Some(name),
                    });
                }
            }
        }
    }

    /// A file of our own to be written over.
    pub(super) fn writable(&self, name: &OsStr) -> io::Result<File> {
        self.own(name, OFlags::WRONLY)
    }

    /// A file whose content does not matter.
    pub(super) fn lock_file(&self, name: &OsStr) -> io::Result<File> {
        self.own(name, OFlags::WRONLY | OFlags::CREATE)
    }

    fn own(&self, name: &OsStr, flags: OFlags) -> io::Result<File> {
        let opened = match openat(&self.0, name, flags | OWN, PRIVATE) {
            Err(Errno::LOOP) => return Err(Unfit::Link.into()),
            // A pipe that nobody reads.
            Err(Errno::NXIO) => return Err(Unfit::NamedPipe.into()),
            opened => opened?,
        };
        match kind(&fstat(&opened)?) {
            FileType::RegularFile => Ok(File::from(opened)),
            kind => Err(unfit(kind).into()),
        }
    }

    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.0, from, &self.0, to)?)
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }
}

/// A file that has no name yet, and goes with this value.
#[derive(Debug)]
pub(crate) struct Unnamed<'a> {
    directory: &'a Held,
    file: File,
    name: Option<OsString>,
}

impl Unnamed<'_> {
    /// With these bytes in it, on the disk.
    pub(crate) fn filled(mut self, bytes: &[u8]) -> io::Result<Self> {
        self.file.write_all(bytes)?;
        self.file.sync_all()?;
        Ok(self)
    }

    /// Gives it a name, whatever had that.
    pub(crate) fn replace(mut self, name: &OsStr) -> io::Result<()> {
        if let Some(unnamed) = &self.name {
            self.directory.rename(unnamed, name)?;
            self.name = None;
        }
        Ok(())
    }

    /// Gives it a name that nothing has.
    pub(super) fn link(&self, name: &OsStr) -> io::Result<()> {
        let (at, none) = (&self.directory.0, AtFlags::empty());
        match &self.name {
            Some(unnamed) => Ok(linkat(at, unnamed, at, name, none)?),
            None => Ok(()),
        }
    }

    /// Takes the name away that it was made under.
    pub(super) fn close(mut self) -> io::Result<()> {
        match self.name.take() {
            Some(name) => self.directory.remove(&name),
            None => Ok(()),
        }
    }
}

impl Drop for Unnamed<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let _ = self.directory.remove(name);
        }
    }
}
