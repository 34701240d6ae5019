//! A share in a file for one person with an age identity.
//!
//! It holds the share as one line, so that `age -d -i KEY FILE` prints what `vault operator init` would have shown.

pub mod identity;

use age::x25519;
use zeroize::Zeroizing;

use crate::backend::{Error, Kind};
use crate::custodian::age::identity::{Closed, IdentityFile, open};

pub(super) struct AgeKey(x25519::Recipient);

impl AgeKey {
    /// `address` is where an error is said to be.
    pub(super) fn open(recipient: &str, address: &str) -> Result<Self, Error> {
        let wrong = |text: &str| {
            let error = Error::new(address, Kind::Misconfigured(text.into()));
            error.advise("vault-bootstrap custodian new NAME -o FILE makes a key and prints its recipient; age-keygen -y FILE prints that of a key")
        };
        if recipient.starts_with("AGE-SECRET-KEY-") {
            return Err(wrong("the recipient is a secret key: give its public side"));
        }
        let recipient = recipient
            .parse()
            .map_err(|_| wrong("the recipient is not an X25519 one (age1…, 62 letters)"))?;
        Ok(Self(recipient))
    }

    pub(super) fn recipient(&self) -> String {
        self.0.to_string()
    }

    /// As those who look for one key behind two shares are told.
    pub(super) fn in_words(&self) -> String {
        format!("age recipient {}", self.recipient())
    }

    pub(super) fn encrypt(&self, address: &str, plain: &[u8]) -> Result<String, Error> {
        age::encrypt_and_armor(&self.0, plain).map_err(|_| {
            let source = std::io::Error::other("age refuses the recipient");
            let doing = "encrypt";
            Error::new(address, Kind::Io { doing, source })
        })
    }

    /// The keys among these identities that open what is encrypted to its holder.
    ///
    /// # Errors
    /// [`Kind::NeedsHolder`] without any identity, [`Kind::WrongIdentity`] where none is its holder's.
    pub(super) fn is_opened_by<'i>(
        &self,
        address: &str,
        identities: &'i [IdentityFile],
    ) -> Result<Vec<&'i x25519::Identity>, Error> {
        let error = |kind| Error::new(address, kind);
        if identities.is_empty() {
            return Err(error(Kind::NeedsHolder));
        }
        // A share that another holder's key opens is none that its own holder can give.
        let keys = identities.iter().flat_map(IdentityFile::identities);
        let own = self.recipient();
        let keys: Vec<_> = keys
            .filter(|key| key.to_public().to_string() == own)
            .collect();
        if keys.is_empty() {
            return Err(error(Kind::WrongIdentity));
        }
        Ok(keys)
    }

    pub(super) fn decrypt(
        &self,
        address: &str,
        ciphertext: &[u8],
        identities: &[IdentityFile],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let error = |kind| Error::new(address, kind);
        let keys = self.is_opened_by(address, identities)?;
        let keys = keys.into_iter().map(|key| key as &dyn age::Identity);
        open(keys, ciphertext).map_err(|why| {
            error(match why {
                Closed::NoKey => Kind::OtherRecipient,
                Closed::Damaged => Kind::Damaged("not the age file that was written"),
                Closed::TooMuchWork => Kind::Damaged("encrypted with a passphrase"),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custodian::CANARY;
    use crate::custodian::age::identity::{generated, secret_text};
    use crate::custodian::facts::Prepared;
    use crate::custodian::file::EncryptedFile;
    use crate::secret::Share;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};

    const SHARE: &str = "c2hhcmUgb25lIG9mIHRocmVl";

    struct Place {
        directory: tempfile::TempDir,
        path: PathBuf,
        identity: [IdentityFile; 1],
        file: EncryptedFile,
    }

    impl Place {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let identity = generated(&directory.path().join("key"));
            let path = directory.path().join("shares/bob.age");
            Self {
                file: EncryptedFile::open_age(&identity.recipients()[0], &path).unwrap(),
                identity: [identity],
                path,
                directory,
            }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        async fn prepare(&self) -> Prepared {
            self.file.prepare(&Share::new(SHARE.into())).await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_stored_share_comes_back_to_its_holder_only() {
        let place = Place::new();
        let prepared = place.prepare().await;
        let stored = place.file.store(&prepared).unwrap();
        assert_eq!(stored.digest.as_deref(), prepared.digest());
        let fetched = place.file.fetch(&place.identity).await.unwrap();
        assert_eq!(fetched.expose(), SHARE);
        let nobody = place.file.fetch(&[]).await.unwrap_err();
        assert!(matches!(nobody.kind(), Kind::NeedsHolder));
        let other = place.file.fetch(&Place::new().identity).await.unwrap_err();
        assert!(matches!(other.kind(), Kind::WrongIdentity));
    }

    #[tokio::test]
    async fn the_file_is_private_armoured_and_without_the_share_in_clear() {
        let place = Place::new();
        place.file.store(&place.prepare().await).unwrap();
        let text = std::fs::read_to_string(&place.path).unwrap();
        assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
        assert!(!text.contains(SHARE));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&place.path), 0o600);
        assert_eq!(mode(&place.at("shares")), 0o700);
    }

    #[tokio::test]
    async fn a_share_is_never_overwritten() {
        let place = Place::new();
        place.file.store(&place.prepare().await).unwrap();
        let before = std::fs::read(&place.path).unwrap();
        let error = place.file.store(&place.prepare().await).unwrap_err();
        assert!(matches!(error.kind(), Kind::Taken));
        assert_eq!(std::fs::read(&place.path).unwrap(), before);
    }

    #[tokio::test]
    async fn a_file_whose_digest_was_recorded_is_adopted() {
        let place = Place::new();
        let first = place.prepare().await;
        let stored = place.file.store(&first).unwrap();
        assert_eq!(place.file.store(&first).unwrap(), stored);
        let again = place.prepare().await;
        let again = again.with_earlier(first.digest().map(str::to_owned));
        assert_eq!(place.file.store(&again).unwrap(), stored);
    }

    #[tokio::test]
    async fn a_symbolic_link_in_the_place_of_the_file_is_refused() {
        let place = Place::new();
        std::fs::create_dir(place.at("shares")).unwrap();
        std::os::unix::fs::symlink(place.at("elsewhere"), &place.path).unwrap();
        let error = place.file.store(&place.prepare().await).unwrap_err();
        assert!(matches!(error.kind(), Kind::Symlink));
        assert!(!place.at("elsewhere").exists());
    }

    #[tokio::test]
    async fn a_canary_leaves_nothing_behind_not_even_the_directory() {
        let place = Place::new();
        let canary = place.file.canary("w-1").await.unwrap();
        assert_eq!(canary, []);
        assert!(!place.at("shares").exists());
        std::fs::create_dir(place.at("shares")).unwrap();
        // What a killed run left of its own goes too.
        std::fs::write(place.at(&format!("shares/{CANARY}w-1")), b"half").unwrap();
        place.file.canary("w-1").await.unwrap();
        let left = std::fs::read_dir(place.at("shares")).unwrap();
        assert_eq!(left.count(), 0);
    }

    #[tokio::test]
    async fn a_directory_that_is_a_file_fails_the_canary() {
        let place = Place::new();
        std::fs::write(place.at("shares"), b"").unwrap();
        let error = place.file.canary("w").await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Io { .. }));
    }

    #[test]
    fn recipients_of_another_kind_are_refused_and_secret_keys_not_repeated() {
        let secret = secret_text(&x25519::Identity::generate());
        for wrong in ["", "age1abc", "ssh-ed25519 AAAA", secret.as_str()] {
            let error = AgeKey::open(wrong, "bob.age").err().unwrap();
            assert!(matches!(error.kind(), Kind::Misconfigured(_)));
            assert!(!format!("{error} {error:?}").contains("SECRET-KEY-1"));
        }
    }
}
