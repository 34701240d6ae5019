//! A token for a child of this process: in memory, behind a file descriptor that it inherits.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, RawFd};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd};

use crate::secret::Token;

/// A file without a name, in memory alone; overwritten when it goes.
pub struct Inherited {
    file: File,
    length: usize,
}

impl Token {
    /// The token where a child can read it, as `cat /dev/fd/N`.
    pub fn inherited(&self) -> io::Result<Inherited> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut file = File::from(memfd_create("token", flags)?);
        file.write_all(self.expose().as_bytes())?;
        file.seek(SeekFrom::Start(0))?;
        // It can be overwritten, but not grow into something else.
        fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK)?;
        Ok(Inherited {
            file,
            length: self.len(),
        })
    }

    /// Puts the token into the environment of a child, where everybody who may look at that process reads it.
    pub fn into_environment(&self, command: &mut tokio::process::Command, name: &str) {
        command.env(name, self.expose());
    }
}

impl Inherited {
    /// Its number, the same in the child.
    pub fn number(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Whether children that are started from now on get it.
    pub fn open_to_children(&self, yes: bool) -> io::Result<()> {
        let flags = if yes {
            FdFlags::empty()
        } else {
            FdFlags::CLOEXEC
        };
        Ok(fcntl_setfd(&self.file, flags)?)
    }
}

impl Drop for Inherited {
    fn drop(&mut self) {
        // Whoever inherited it has the same memory, and finds nothing in it any more.
        let _ = self.file.seek(SeekFrom::Start(0));
        let _ = self.file.write_all(&vec![b' '; self.length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn what_was_handed_to_a_child_is_overwritten_when_it_is_taken_back() {
        let token = Token::new("hvs.secret".into());
        let inherited = token.inherited().unwrap();
        let path = format!("/dev/fd/{}", inherited.number());
        let mut again = File::open(path).unwrap();
        let mut text = String::new();
        again.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hvs.secret");
        drop(inherited);
        again.seek(SeekFrom::Start(0)).unwrap();
        text.clear();
        again.read_to_string(&mut text).unwrap();
        assert_eq!(text, " ".repeat(10));
    }
}
