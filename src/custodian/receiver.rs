//! Who gets a secret that the server has made: a file, in clear or encrypted to somebody, a parameter of AWS
//! or a secret of its Secrets Manager.
//!
//! As with shares, nothing is ever overwritten and nothing is ever half there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::backend::{Error, Kind};
use crate::code::Reported;
use crate::custodian::age::AgeKey;
use crate::custodian::file::{checked_address, create, make_directories, read, try_out};
use crate::custodian::in_aws::InAws;
use crate::custodian::secretsmanager::SecretsManager;
use crate::custodian::ssm::Ssm;
use crate::custodian::{Aws, Reached};
use crate::secret::SecretText;

/// One place for one secret.
pub struct Receiver(Place);

enum Place {
    File { path: PathBuf, key: Option<AgeKey> },
    Aws(Box<InAws>),
}

/// What will be in the place: the secret, or the file that its holder alone opens.
pub struct Parcel(SecretText);

impl Parcel {
    /// As a secret, to be remembered as a digest under a key.
    pub fn text(&self) -> SecretText {
        SecretText::new(self.0.expose().to_owned())
    }
}

impl Receiver {
    /// A file for whoever runs this alone, in clear.
    ///
    /// # Errors
    /// The path is none of a file.
    pub fn in_file(path: &Path) -> Result<Self, Error> {
        checked_address(path)?;
        let path = path.to_owned();
        Ok(Self(Place::File { path, key: None }))
    }

    /// A file encrypted to a recipient, `age1…`.
    ///
    /// # Errors
    /// The recipient or the path is none.
    pub fn in_age_file(recipient: &str, path: &Path) -> Result<Self, Error> {
        let key = Some(AgeKey::open(recipient, &checked_address(path)?)?);
        let path = path.to_owned();
        Ok(Self(Place::File { path, key }))
    }

    /// A `SecureString` under a KMS key; `what` stands in its description.
    ///
    /// # Errors
    /// The name or the key cannot be used; denied, unreachable.
    pub async fn in_parameter(
        what: &str,
        (parameter, kms_key): (&str, Option<&str>),
        tags: &BTreeMap<String, String>,
        aws: &Aws,
    ) -> Result<Self, Error> {
        let place = Ssm::open(what, (parameter, kms_key), tags, aws).await?;
        Ok(Self(Place::Aws(Box::new(place))))
    }

    /// A secret of AWS Secrets Manager, as [`Receiver::in_parameter`].
    pub async fn in_secrets_manager(
        what: &str,
        secret: (&str, Option<&str>),
        tags: &BTreeMap<String, String>,
        at: Reached<'_>,
    ) -> Result<Self, Error> {
        let place = SecretsManager::open(what, secret, tags, at).await?;
        Ok(Self(Place::Aws(Box::new(place))))
    }

    /// `aws-ssm://REGION/PARAMETER`, `aws-secretsmanager://REGION/NAME` or the path of the file.
    pub fn address(&self) -> String {
        match &self.0 {
            Place::File { path, .. } => path.display().to_string(),
            Place::Aws(place) => place.address().to_owned(),
        }
    }

    /// Whether anything is there. No secret is decrypted.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub async fn is_taken(&self) -> Result<bool, Error> {
        match &self.0 {
            Place::File { path, .. } => match read(path) {
                Ok(found) => Ok(found.is_some()),
                // A link, or more than any secret is.
                Err(error) if matches!(error.kind(), Kind::Symlink) => Ok(true),
                Err(error) => Err(error),
            },
            Place::Aws(place) => place.is_taken().await,
        }
    }

    /// Creates a value beside the final one, reads it back and deletes it: whatever would fail for the secret fails now.
    ///
    /// # Errors
    /// It does.
    pub async fn try_out(&self, name: &str) -> Result<Vec<Reported>, Error> {
        match &self.0 {
            Place::File { path, .. } => try_out(path, (name, b"canary")),
            Place::Aws(place) => place.canary(name).await,
        }
    }

    /// Encrypts the secret where we are the ones to encrypt; writes nothing.
    ///
    /// # Errors
    /// Nothing can be encrypted to the recipient.
    pub fn prepare(&self, secret: &SecretText) -> Result<Parcel, Error> {
        let text = secret.expose();
        let line = Zeroizing::new(format!("{}\n", text.trim_end_matches('\n')));
        Ok(Parcel(SecretText::new(match &self.0 {
            Place::File { key: Some(key), .. } => key.encrypt(&self.address(), line.as_bytes())?,
            Place::File { key: None, .. } => line.to_string(),
            Place::Aws(_) => text.to_owned(),
        })))
    }

    /// Creates it, durably, and reads it back.
    ///
    /// # Errors
    /// [`Kind::Taken`] where something is there; otherwise it may be there.
    pub async fn give(&self, given: &Parcel) -> Result<(), Error> {
        let path = match &self.0 {
            Place::File { path, .. } => path,
            Place::Aws(place) => return place.keep(&given.0).await,
        };
        let bytes = given.0.expose().as_bytes();
        make_directories(path)?;
        if !create(path, bytes)? {
            return Err(Error::new(self.address(), Kind::Taken));
        }
        let found = read(path)?.map(Zeroizing::new).unwrap_or_default();
        if super::same(&found, bytes) {
            return Ok(());
        }
        Err(Error::new(self.address(), Kind::Different))
    }

    /// What is there by now, to be compared with what was to be.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn found(&self) -> Result<Option<SecretText>, Error> {
        let path = match &self.0 {
            Place::File { path, .. } => path,
            Place::Aws(place) => return place.found().await,
        };
        let found = read(path)?.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(found.map(SecretText::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custodian::age::identity::{generated, open};
    use std::os::unix::fs::MetadataExt;

    fn secret() -> SecretText {
        SecretText::new("s3cr3t-id".to_owned())
    }

    #[tokio::test]
    async fn a_secret_is_alone_in_its_file_and_never_put_over_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys/ci");
        let place = Receiver::in_file(&path).unwrap();
        assert_eq!(place.try_out("w").await.unwrap(), []);
        assert!(!place.is_taken().await.unwrap() && !path.parent().unwrap().exists());
        let given = place.prepare(&secret()).unwrap();
        place.give(&given).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "s3cr3t-id\n");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let found = place.found().await.unwrap().unwrap();
        assert_eq!(found.expose(), given.text().expose());
        assert!(place.is_taken().await.unwrap());
        let other = place.prepare(&SecretText::new("other".to_owned())).unwrap();
        let error = place.give(&other).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Taken));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "s3cr3t-id\n");
    }

    #[tokio::test]
    async fn a_secret_that_is_encrypted_to_somebody_is_opened_by_them_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (holder, other) = (directory.path().join("key"), directory.path().join("other"));
        let (holder, other) = (generated(&holder), generated(&other));
        let path = directory.path().join("web.age");
        let place = Receiver::in_age_file(&holder.recipients()[0], &path).unwrap();
        place
            .give(&place.prepare(&secret()).unwrap())
            .await
            .unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("s3cr3t"));
        let opened = |keys: &crate::custodian::IdentityFile| {
            let keys = keys
                .identities()
                .iter()
                .map(|key| key as &dyn age::Identity);
            open(keys, &bytes).ok().map(|plain| plain.to_vec())
        };
        assert_eq!(opened(&holder), Some(b"s3cr3t-id\n".to_vec()));
        assert_eq!(opened(&other), None);
    }

    #[tokio::test]
    async fn a_link_in_the_place_of_the_file_takes_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ci");
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &path).unwrap();
        assert!(Receiver::in_file(&path).unwrap().is_taken().await.unwrap());
    }
}
