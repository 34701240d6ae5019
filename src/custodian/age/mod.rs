//! A share in a file for one person with an age identity.
//!
//! It holds the share as one line, so that `age -d -i KEY FILE` prints what `vault operator init` would have shown.

pub mod identity;

use std::path::Path;

use age::x25519;
use zeroize::Zeroizing;

use crate::backend::{Error, Kind};
use crate::custodian::age::identity::{Closed, IdentityFile, open};
use crate::custodian::file::{CANARY_TEXT, SealedFile, prepared};
use crate::custodian::text::{share_from, text_from};
use crate::custodian::{CanaryResult, Prepared};
use crate::secret::{SecretText, Share};

pub(crate) struct AgeFile {
    recipient: x25519::Recipient,
    pub(in crate::custodian) file: SealedFile,
}

impl AgeFile {
    pub(crate) fn open(recipient: &str, path: &Path) -> Result<Self, Error> {
        let file = SealedFile::at(path)?;
        let wrong = |text: &str| {
            let error = file.error(Kind::Misconfigured(text.into()));
            error.advise("age-keygen -y KEYFILE")
        };
        if recipient.starts_with("AGE-SECRET-KEY-") {
            return Err(wrong("the recipient is a secret key: give its public side"));
        }
        let recipient = recipient
            .parse()
            .map_err(|_| wrong("the recipient is not an X25519 one (age1…, 62 letters)"))?;
        Ok(Self { recipient, file })
    }

    pub(crate) fn recipient(&self) -> String {
        self.recipient.to_string()
    }

    /// Armoured ciphertext of one line.
    pub(crate) fn encrypt(&self, line: &SecretText) -> Result<String, Error> {
        self.encrypt_line(line.expose())
    }

    fn encrypt_line(&self, line: &str) -> Result<String, Error> {
        let plain = Zeroizing::new(format!("{line}\n"));
        age::encrypt_and_armor(&self.recipient, plain.as_bytes()).map_err(|_| {
            let source = std::io::Error::other("age refuses the recipient");
            self.file.error(Kind::Io {
                doing: "encrypt",
                source,
            })
        })
    }

    pub(crate) fn prepare(&self, share: &Share) -> Result<Prepared, Error> {
        Ok(prepared(self.encrypt_line(share.expose())?.into_bytes()))
    }

    pub(crate) fn canary(&self, name: &str) -> Result<CanaryResult, Error> {
        let content = self.encrypt_line(CANARY_TEXT)?;
        self.file.canary(name, content.as_bytes())
    }

    pub(crate) fn fetch(&self, identities: &[IdentityFile]) -> Result<Share, Error> {
        let text = self.decrypt(&self.file.read()?, identities)?;
        Ok(share_from(text.expose()))
    }

    pub(crate) fn decrypt(
        &self,
        ciphertext: &[u8],
        identities: &[IdentityFile],
    ) -> Result<SecretText, Error> {
        let error = |kind| self.file.error(kind);
        if identities.is_empty() {
            return Err(error(Kind::NeedsHolder));
        }
        let keys = identities.iter().flat_map(IdentityFile::identities);
        let plain = open(keys.map(|key| key as &dyn age::Identity), ciphertext);
        let plain = plain.map_err(|why| {
            error(match why {
                Closed::NoKey => Kind::WrongIdentity,
                Closed::Damaged => Kind::Damaged("not the age file that was written"),
                Closed::TooMuchWork => Kind::Damaged("encrypted with a passphrase"),
            })
        })?;
        text_from(&plain).ok_or_else(|| error(Kind::Damaged("does not hold a line of text")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custodian::CANARY;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::PathBuf;

    struct Place {
        directory: tempfile::TempDir,
        key: PathBuf,
        file: AgeFile,
    }

    fn place() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let identity = x25519::Identity::generate();
        let key = directory.path().join("key");
        std::fs::write(
            &key,
            &*crate::custodian::age::identity::secret_text(&identity),
        )
        .unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let path = directory.path().join("shares/bob.age");
        let file = AgeFile::open(&identity.to_public().to_string(), &path).unwrap();
        Place {
            directory,
            key,
            file,
        }
    }

    fn path_of(file: &AgeFile) -> PathBuf {
        file.file.address().into()
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
        let stored = file.file.store(&prepared).unwrap();
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
        file.file.store(&file.prepare(&share()).unwrap()).unwrap();
        let text = std::fs::read_to_string(path_of(&file)).unwrap();
        assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
        assert!(!text.contains(share().expose()));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&path_of(&file)), 0o600);
        assert_eq!(mode(&directory.path().join("shares")), 0o700);
    }

    #[test]
    fn a_share_is_never_overwritten() {
        let Place {
            directory: _directory,
            file,
            ..
        } = place();
        file.file.store(&file.prepare(&share()).unwrap()).unwrap();
        let before = std::fs::read(path_of(&file)).unwrap();
        let error = file
            .file
            .store(&file.prepare(&share()).unwrap())
            .unwrap_err();
        assert!(matches!(error.kind(), Kind::Taken));
        assert_eq!(std::fs::read(path_of(&file)).unwrap(), before);
    }

    #[test]
    fn a_file_whose_digest_was_recorded_is_adopted() {
        let Place {
            directory: _directory,
            file,
            ..
        } = place();
        let first = file.prepare(&share()).unwrap();
        let stored = file.file.store(&first).unwrap();
        assert_eq!(file.file.store(&first).unwrap(), stored);
        let again = file.prepare(&share()).unwrap();
        let again = again.with_earlier(first.digest().map(str::to_owned));
        assert_eq!(file.file.store(&again).unwrap(), stored);
    }

    #[test]
    fn a_symbolic_link_in_the_place_of_the_file_is_refused() {
        let Place {
            directory, file, ..
        } = place();
        std::fs::create_dir(directory.path().join("shares")).unwrap();
        let elsewhere = directory.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, path_of(&file)).unwrap();
        let error = file
            .file
            .store(&file.prepare(&share()).unwrap())
            .unwrap_err();
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
        let secret = crate::custodian::age::identity::secret_text(&x25519::Identity::generate());
        for wrong in ["", "age1abc", "ssh-ed25519 AAAA", secret.as_str()] {
            let error = AgeFile::open(wrong, Path::new("bob.age")).err().unwrap();
            assert!(matches!(error.kind(), Kind::Misconfigured(_)));
            assert!(!format!("{error} {error:?}").contains("SECRET-KEY-1"));
        }
    }
}
