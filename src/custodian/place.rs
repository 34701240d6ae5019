//! Where a share really lands: two ways to write the same place are one place.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::custodian::{Custodian, Place};

impl Custodian {
    /// The place itself, however it is spelt: path without links and detours, or account, region and name.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        match &self.place {
            Place::Ssm(place) => place.place().into(),
            Place::Age(place) => real_path(&place.file.address()),
            Place::Pgp(place) => real_path(&place.file.address()),
        }
    }
}

/// The real directory and the name in it; the share itself is not there yet.
fn real_path(path: &str) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let mut real = PathBuf::new();
    let mut parts = whole.components().peekable();
    while let Some(part) = parts.next() {
        match part {
            Component::ParentDir => drop(real.pop()),
            Component::CurDir => {}
            part => real.push(part),
        }
        // The last name is not followed: a share is never written through a link.
        if parts.peek().is_some()
            && let Ok(followed) = followed(&real)
        {
            real = followed;
        }
    }
    real
}

/// A directory without links, if it is there.
fn followed(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_one_file_are_one_place_also_before_it_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("shares")).unwrap();
        std::os::unix::fs::symlink("shares", root.join("link")).unwrap();
        let real = |path: &str| real_path(&root.join(path).display().to_string());
        for spelling in [
            "shares/a.age",
            "shares/./a.age",
            "shares/../shares/a.age",
            "link/a.age",
            "new/../link/a.age",
        ] {
            assert_eq!(real(spelling), root.join("shares/a.age"), "{spelling}");
        }
        assert_ne!(real("shares/b.age"), real("shares/a.age"));
    }
}
