//! A share in a file that is encrypted to one person, with age or PGP.
//!
//! The content is ASCII-armoured, so that it can be mailed. The plain text is never on the disk, and no file is ever
//! overwritten.

use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

use crate::backend::{CANARY, Error, Kind};
use crate::code::{Code, Reported};
use crate::custodian::age::AgeKey;
use crate::custodian::age::identity::IdentityFile;
use crate::custodian::pgp::PgpKey;
use crate::custodian::text::{same, share_from, text_from};
use crate::custodian::{Prepared, Stored};
use crate::disk::read::Unfit;
use crate::secret::{SecretText, Share};
use crate::{disk, hex};

/// What stands in a canary, encrypted.
const CANARY_TEXT: &str = "canary";
/// More than any encrypted share needs, in bytes.
const LONGEST_FILE: u64 = 64 * 1024;

/// The file of one share.
pub(super) struct EncryptedFile {
    path: PathBuf,
    pub(super) key: FileKey,
}

/// What a file is encrypted to.
pub(super) enum FileKey {
    Age(AgeKey),
    Pgp(PgpKey),
}

impl EncryptedFile {
    pub(super) fn open_age(recipient: &str, path: &Path) -> Result<Self, Error> {
        let key = AgeKey::open(recipient, &checked_address(path)?)?;
        Ok(Self {
            path: path.to_owned(),
            key: FileKey::Age(key),
        })
    }

    pub(super) async fn open_pgp(
        public_key: &Path,
        fingerprint: Option<&str>,
        path: &Path,
    ) -> Result<Self, Error> {
        checked_address(path)?;
        let is_stored = || Ok(read(path)?.is_some());
        let key = PgpKey::open(public_key, fingerprint, is_stored).await?;
        Ok(Self {
            path: path.to_owned(),
            key: FileKey::Pgp(key),
        })
    }

    pub(super) fn address(&self) -> String {
        self.path.display().to_string()
    }

    /// The path without links and detours.
    pub(super) fn place(&self) -> PathBuf {
        real_path(&self.path)
    }

    pub(super) fn error(&self, kind: Kind) -> Error {
        Error::new(self.address(), kind)
    }

    /// What a proof is about.
    pub(super) fn subject(&self) -> String {
        match &self.key {
            FileKey::Age(key) => key.recipient(),
            FileKey::Pgp(key) => key.fingerprint().to_owned(),
        }
    }

    /// Armoured ciphertext of one line.
    pub(super) async fn encrypt(&self, line: &str) -> Result<String, Error> {
        let plain = Zeroizing::new(format!("{line}\n"));
        match &self.key {
            FileKey::Age(key) => key.encrypt(&self.address(), plain.as_bytes()),
            FileKey::Pgp(key) => key.encrypt(plain.as_bytes()).await,
        }
    }

    /// With these identities, or with the PGP keys of whoever runs this.
    pub(super) async fn decrypt(
        &self,
        ciphertext: &[u8],
        identities: &[IdentityFile],
    ) -> Result<SecretText, Error> {
        let address = self.address();
        let plain = match &self.key {
            FileKey::Age(key) => key.decrypt(&address, ciphertext, identities)?,
            FileKey::Pgp(key) => key.decrypt(&address, ciphertext).await?,
        };
        let damaged = || self.error(Kind::Damaged("does not hold a line of text"));
        text_from(&plain).ok_or_else(damaged)
    }

    pub(super) async fn fetch(&self, identities: &[IdentityFile]) -> Result<Share, Error> {
        let text = self.decrypt(&self.ciphertext()?, identities).await?;
        Ok(share_from(text.expose()))
    }

    /// Whether it opens here. A PGP key is tried, because having it is not being able to use it: on what is stored,
    /// which an expired key opens too; on a trial value where nothing is.
    pub(super) async fn opens_with(&self, identities: &[IdentityFile]) -> bool {
        if let FileKey::Age(key) = &self.key {
            let mut all = identities.iter().flat_map(IdentityFile::recipients);
            return all.any(|one| one == key.recipient());
        }
        let sealed = match self.ciphertext() {
            Ok(sealed) => sealed,
            Err(_) => match self.encrypt(CANARY_TEXT).await {
                Ok(sealed) => sealed.into_bytes(),
                Err(_) => return false,
            },
        };
        self.decrypt(&sealed, &[]).await.is_ok()
    }

    pub(super) async fn prepare(&self, share: &Share) -> Result<Prepared, Error> {
        let ciphertext = self.encrypt(share.expose()).await?;
        Ok(Prepared::of(ciphertext.into_bytes()))
    }

    pub(super) fn store(&self, prepared: &Prepared) -> Result<Stored, Error> {
        make_directories(&self.path)?;
        // A link to elsewhere is told apart from a taken name before anything is written.
        read(&self.path)?;
        let is_new = create(&self.path, &prepared.ciphertext)?;
        let found = read(&self.path)?.ok_or_else(|| self.error(Kind::Different))?;
        let stored = self.stored(&found);
        if is_new && found != prepared.ciphertext {
            return Err(self.error(Kind::Different));
        }
        if !is_new {
            if !prepared.is_in(&stored) {
                return Err(self.error(Kind::Taken));
            }
            // Of an earlier run that was cut off before it could be sure of the disk.
            self.sync_directory()?;
        }
        Ok(stored)
    }

    pub(super) fn facts(&self) -> Result<Option<Stored>, Error> {
        let found = read(&self.path)?;
        Ok(found.map(|bytes| self.stored(&bytes)))
    }

    fn stored(&self, bytes: &[u8]) -> Stored {
        Stored {
            address: self.address(),
            digest: Some(hex::digest(bytes)),
            ..Stored::default()
        }
    }

    /// Nothing there is no error.
    pub(super) fn remove(&self) -> Result<(), Error> {
        let removed = disk::remove(&self.path);
        match removed.map_err(|error| Error::io(&self.path, "remove", error))? {
            None => Ok(()),
            Some(()) => self.sync_directory(),
        }
    }

    fn ciphertext(&self) -> Result<Vec<u8>, Error> {
        read(&self.path)?.ok_or_else(|| self.error(Kind::NotFound))
    }

    /// The same steps as for a share, under another name; made directories go again.
    pub(super) async fn canary(&self, name: &str) -> Result<Vec<Reported>, Error> {
        let content = self.encrypt(CANARY_TEXT).await?;
        let mut warnings = try_out(&self.path, (name, content.as_bytes()))?;
        if let FileKey::Pgp(key) = &self.key {
            warnings.extend(key.unnamed_warning());
        }
        Ok(warnings)
    }

    fn sync_directory(&self) -> Result<(), Error> {
        disk::sync_directory(disk::above(&self.path))
            .map_err(|source| Error::io(&self.path, "sync the directory above it", source))
    }
}

/// Creates a file beside `path`, reads it back and removes it; made directories go again.
pub(super) fn try_out(path: &Path, (name, content): (&str, &[u8])) -> Result<Vec<Reported>, Error> {
    let canary = path.with_file_name(format!("{CANARY}{name}"));
    let made = make_directories(path)?;
    let tried = try_canary((path, &canary), content);
    let mut warnings = Vec::new();
    if let Err(error) = disk::remove(&canary) {
        let path = canary.display();
        warnings.push(Reported::new(
            Code::FileFailed,
            format!("the canary {path} could not be deleted: {error}"),
        ));
    }
    for directory in made.iter().rev() {
        // Somebody may use it by now, and an empty directory left behind harms nobody.
        let _ = std::fs::remove_dir(directory);
    }
    tried.map(|()| warnings)
}

fn try_canary((path, canary): (&Path, &Path), content: &[u8]) -> Result<(), Error> {
    let mut is_new = create(canary, content)?;
    if !is_new {
        // The name is ours alone: a killed run did not come to removing it.
        disk::remove(canary).map_err(|source| Error::io(canary, "remove", source))?;
        is_new = create(canary, content)?;
    }
    let found = read(canary)?.unwrap_or_default();
    if is_new && same(&found, content) {
        return Ok(());
    }
    Err(Error::new(path.display().to_string(), Kind::Different))
}

pub(super) fn make_directories(path: &Path) -> Result<Vec<PathBuf>, Error> {
    disk::make_directories(disk::above(path))
        .map_err(|(path, source)| Error::io(&path, "make this directory", source))
}

pub(super) fn checked_address(path: &Path) -> Result<String, Error> {
    let address = path.display().to_string();
    if path.file_name().is_none() {
        let wrong = Kind::Misconfigured("is not the path of a file".into());
        return Err(Error::new(address, wrong));
    }
    Ok(address)
}

pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<bool, Error> {
    disk::create(path, bytes).map_err(|(doing, source)| Error::io(path, doing, source))
}

/// The whole file; `None` when there is none. A symbolic link is refused, not followed.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    disk::read(path, LONGEST_FILE).map_err(|error| match Unfit::of(&error) {
        Some(Unfit::Link) => Error::new(path.display().to_string(), Kind::Symlink),
        _ => Error::io(path, "read", error),
    })
}

/// The real directory and the name in it; the share itself is not there yet.
fn real_path(path: &Path) -> PathBuf {
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
            && let Ok(followed) = real.canonicalize()
        {
            real = followed;
        }
    }
    real
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
        let real = |path: &str| real_path(&root.join(path));
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

    #[test]
    fn a_symbolic_link_is_refused_and_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (directory.path().join("t"), directory.path().join("l"));
        std::fs::write(&target, b"elsewhere").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(matches!(read(&link).unwrap_err().kind(), Kind::Symlink));
    }
}
