//! A share in a file that only one person can open.
//!
//! The file is ASCII-armoured, so that it can be mailed, and holds the share as one line, so that
//! `age -d -i KEY FILE` prints what `vault operator init` would have shown. The plain text is never
//! on the disk, and no file is ever overwritten.

use std::path::{Path, PathBuf};

use age::x25519;
use zeroize::Zeroizing;

use super::create_only::{self, Created};
use super::error::{Error, Kind};
use super::identity::{Closed, IdentityFile, open};
use super::proof::same;
use super::{CANARY, CanaryResult, Prepared, Stored, share_from, text_from};
use crate::secret::{SecretText, Share};

pub(super) struct AgeFile {
    recipient: x25519::Recipient,
    path: PathBuf,
}

impl AgeFile {
    pub(super) fn open(recipient: &str, path: &Path) -> Result<Self, Error> {
        let wrong =
            |text: String| Error::new(path.display().to_string(), Kind::Misconfigured(text));
        if path.file_name().is_none() {
            return Err(wrong("is not the path of a file".into()));
        }
        if recipient.starts_with("AGE-SECRET-KEY-") {
            let text = "the recipient is a secret key: give its public side";
            return Err(wrong(text.into()).advise("age-keygen -y KEYFILE"));
        }
        let recipient = recipient.parse().map_err(|_| {
            wrong("the recipient is not an X25519 one (age1…, 62 letters)".into())
                .advise("age-keygen -y KEYFILE")
        })?;
        Ok(Self {
            recipient,
            path: path.to_owned(),
        })
    }

    pub(super) fn address(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) fn recipient(&self) -> String {
        self.recipient.to_string()
    }

    fn error(&self, kind: Kind) -> Error {
        Error::new(self.address(), kind)
    }

    /// Armoured ciphertext of one line.
    pub(super) fn encrypt(&self, line: &SecretText) -> Result<String, Error> {
        self.encrypt_line(line.expose())
    }

    fn encrypt_line(&self, line: &str) -> Result<String, Error> {
        let plain = Zeroizing::new(format!("{line}\n"));
        age::encrypt_and_armor(&self.recipient, plain.as_bytes()).map_err(|_| {
            let source = std::io::Error::other("age refuses the recipient");
            self.error(Kind::Io {
                doing: "encrypt",
                source,
            })
        })
    }

    pub(super) fn prepare(&self, share: &Share) -> Result<Prepared, Error> {
        let ciphertext = self.encrypt_line(share.expose())?.into_bytes();
        Ok(Prepared {
            digest: Some(digest(&ciphertext)),
            ciphertext,
            earlier: Vec::new(),
        })
    }

    pub(super) fn store(&self, prepared: &Prepared) -> Result<Stored, Error> {
        create_only::make_directories(&self.path)?;
        // A link to elsewhere is told apart from a taken name before anything is written.
        create_only::read(&self.path)?;
        let created = create_only::create(&self.path, &prepared.ciphertext)?;
        let found = create_only::read(&self.path)?;
        let found = found.ok_or_else(|| self.error(Kind::Different))?;
        let stored = self.stored(&found);
        match created {
            Created::New if found == prepared.ciphertext => {}
            Created::New => return Err(self.error(Kind::Different)),
            // Of an earlier run that was cut off before it could be sure of the disk.
            Created::Exists if is_ours(&stored, prepared) => {
                create_only::sync_directory(&self.path)?;
            }
            Created::Exists => return Err(self.error(Kind::Taken)),
        }
        Ok(stored)
    }

    pub(super) fn facts(&self) -> Result<Option<Stored>, Error> {
        let found = create_only::read(&self.path)?;
        Ok(found.map(|bytes| self.stored(&bytes)))
    }

    pub(super) fn remove(&self) -> Result<(), Error> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io(&self.path, "remove", error)),
            Ok(()) => create_only::sync_directory(&self.path),
        }
    }

    fn stored(&self, bytes: &[u8]) -> Stored {
        Stored {
            address: self.address(),
            version: None,
            last_modified: None,
            digest: Some(digest(bytes)),
        }
    }

    pub(super) fn fetch(&self, identities: &[IdentityFile]) -> Result<Share, Error> {
        let bytes = create_only::read(&self.path)?;
        let bytes = bytes.ok_or_else(|| self.error(Kind::NotFound))?;
        let text = self.decrypt(&bytes, identities)?;
        Ok(share_from(text.expose()))
    }

    pub(super) fn decrypt(
        &self,
        ciphertext: &[u8],
        identities: &[IdentityFile],
    ) -> Result<SecretText, Error> {
        if identities.is_empty() {
            return Err(self.error(Kind::NeedsHolder));
        }
        let keys = identities.iter().flat_map(IdentityFile::identities);
        let plain = open(keys.map(|key| key as &dyn age::Identity), ciphertext);
        let plain = plain.map_err(|why| {
            self.error(match why {
                Closed::NoKey => Kind::WrongIdentity,
                Closed::Damaged => Kind::Damaged("not the age file that was written"),
                Closed::TooMuchWork => Kind::Damaged("encrypted with a passphrase"),
            })
        })?;
        text_from(&plain).ok_or_else(|| self.error(Kind::Damaged("does not hold a line of text")))
    }

    /// The same steps as for a share, under another name; made directories go again.
    pub(super) fn canary(&self, name: &str) -> Result<CanaryResult, Error> {
        let path = self.path.with_file_name(format!("{CANARY}{name}"));
        let made = create_only::make_directories(&self.path)?;
        let tried = self.try_canary(&path);
        let mut warnings = Vec::new();
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let path = path.display();
            warnings.push(format!("the canary {path} could not be deleted: {error}"));
        }
        for directory in made.iter().rev() {
            // Somebody may use it by now, and an empty directory left behind harms nobody.
            let _ = std::fs::remove_dir(directory);
        }
        tried.map(|()| CanaryResult { warnings })
    }

    fn try_canary(&self, path: &Path) -> Result<(), Error> {
        let content = self.encrypt_line("canary")?;
        let mut created = create_only::create(path, content.as_bytes())?;
        if created == Created::Exists {
            // The name is ours alone: a killed run did not come to removing it.
            std::fs::remove_file(path).map_err(|source| Error::io(path, "remove", source))?;
            created = create_only::create(path, content.as_bytes())?;
        }
        let found = create_only::read(path)?.unwrap_or_default();
        if created == Created::New && same(&found, content.as_bytes()) {
            return Ok(());
        }
        Err(self.error(Kind::Different))
    }
}

fn is_ours(found: &Stored, prepared: &Prepared) -> bool {
    let recorded = prepared.digest.iter().chain(&prepared.earlier);
    recorded
        .into_iter()
        .any(|digest| Some(digest) == found.digest.as_ref())
}

/// `sha256:HEX` of a ciphertext, which is public.
fn digest(ciphertext: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, ciphertext);
    let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    struct Place {
        directory: tempfile::TempDir,
        key: PathBuf,
        file: AgeFile,
    }

    fn place() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let identity = x25519::Identity::generate();
        let key = directory.path().join("key");
        std::fs::write(&key, &*crate::custodian::identity::secret_text(&identity)).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let path = directory.path().join("shares/bob.age");
        let file = AgeFile::open(&identity.to_public().to_string(), &path).unwrap();
        Place {
            directory,
            key,
            file,
        }
    }

    fn share() -> Share {
        Share::new("c2hhcmUgb25lIG9mIHRocmVl".into())
    }

    #[test]
    fn a_stored_share_comes_back_to_its_holder_only() {
        let Place {
            directory: _directory,
            key,
            file,
        } = place();
        let prepared = file.prepare(&share()).unwrap();
        let stored = file.store(&prepared).unwrap();
        assert_eq!(stored.digest.as_deref(), prepared.digest());
        let identity = [IdentityFile::read(&key).unwrap()];
        let fetched = file.fetch(&identity).unwrap();
        assert_eq!(fetched.expose(), share().expose());
        assert!(matches!(
            file.fetch(&[]).unwrap_err().kind(),
            Kind::NeedsHolder
        ));
        let other = place();
        let other = [IdentityFile::read(&other.key).unwrap()];
        assert!(matches!(
            file.fetch(&other).unwrap_err().kind(),
            Kind::WrongIdentity
        ));
    }

    #[test]
    fn the_file_is_private_armoured_and_without_the_share_in_clear() {
        let Place {
            directory, file, ..
        } = place();
        file.store(&file.prepare(&share()).unwrap()).unwrap();
        let text = std::fs::read_to_string(&file.path).unwrap();
        assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
        assert!(!text.contains(share().expose()));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&file.path), 0o600);
        assert_eq!(mode(&directory.path().join("shares")), 0o700);
    }

    #[test]
    fn a_share_is_never_overwritten() {
        let Place {
            directory: _directory,
            file,
            ..
        } = place();
        file.store(&file.prepare(&share()).unwrap()).unwrap();
        let before = std::fs::read(&file.path).unwrap();
        let error = file.store(&file.prepare(&share()).unwrap()).unwrap_err();
        assert!(matches!(error.kind(), Kind::Taken));
        assert_eq!(std::fs::read(&file.path).unwrap(), before);
    }

    #[test]
    fn a_file_whose_digest_was_recorded_is_adopted() {
        let Place {
            directory: _directory,
            file,
            ..
        } = place();
        let first = file.prepare(&share()).unwrap();
        let stored = file.store(&first).unwrap();
        assert_eq!(file.store(&first).unwrap(), stored);
        let again = file.prepare(&share()).unwrap();
        let again = again.with_earlier(first.digest().map(str::to_owned));
        assert_eq!(file.store(&again).unwrap(), stored);
    }

    #[test]
    fn a_symbolic_link_in_the_place_of_the_file_is_refused() {
        let Place {
            directory, file, ..
        } = place();
        std::fs::create_dir(directory.path().join("shares")).unwrap();
        let elsewhere = directory.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, &file.path).unwrap();
        let error = file.store(&file.prepare(&share()).unwrap()).unwrap_err();
        assert!(matches!(error.kind(), Kind::Symlink));
        assert!(!elsewhere.exists());
    }

    #[test]
    fn a_canary_leaves_nothing_behind_not_even_the_directory() {
        let Place {
            directory, file, ..
        } = place();
        assert_eq!(file.canary("w-1").unwrap(), CanaryResult::default());
        assert!(!directory.path().join("shares").exists());
        std::fs::create_dir(directory.path().join("shares")).unwrap();
        // What a killed run left of its own goes too.
        let left = format!("shares/{CANARY}w-1");
        std::fs::write(directory.path().join(left), b"half").unwrap();
        file.canary("w-1").unwrap();
        assert_eq!(
            std::fs::read_dir(directory.path().join("shares"))
                .unwrap()
                .count(),
            0
        );
    }

    #[test]
    fn a_directory_that_is_a_file_fails_the_canary() {
        let Place {
            directory, file, ..
        } = place();
        std::fs::write(directory.path().join("shares"), b"").unwrap();
        assert!(matches!(
            file.canary("w").unwrap_err().kind(),
            Kind::Io { .. }
        ));
    }

    #[test]
    fn recipients_of_another_kind_are_refused_and_secret_keys_not_repeated() {
        let secret = crate::custodian::identity::secret_text(&x25519::Identity::generate());
        for wrong in ["", "age1abc", "ssh-ed25519 AAAA", secret.as_str()] {
            let error = AgeFile::open(wrong, Path::new("bob.age")).err().unwrap();
            assert!(matches!(error.kind(), Kind::Misconfigured(_)));
            assert!(!format!("{error} {error:?}").contains("SECRET-KEY-1"));
        }
    }
}
