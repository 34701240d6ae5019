//! The operator's key: what it wraps, and how it vouches for what it wrapped.

use std::path::Path;
use std::sync::Arc;

use age::x25519;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::aws::Aws;
use crate::aws::kms::KmsKey;
use crate::backend::Kind;
use crate::custodian::age::identity::{Closed, IdentityFile, open, secret_text};
use crate::custodian::same;
use crate::envelope::{Error, Sealer, VERSION, WrappedKey, Wrapping, sealed};
use crate::secret::SecretText;

/// Name of the KMS encryption context; key policies can ask for it.
pub const CONTEXT: &str = "vault-bootstrap:cluster";
/// First line inside a wrapped key.
pub(super) const MAGIC: &str = "vault-bootstrap content key 1";
/// Work of scrypt as a power of two, as `age -p` chooses it: 256 MiB and about a second.
const WORK: u8 = 18;
/// The most work that is accepted from a header, so that a forged one cannot exhaust memory.
const MOST_WORK: u8 = 20;
/// The work of a probe, which hardens nothing.
const PROBE_WORK: u8 = 10;

/// The operator's key, which wraps content keys.
pub struct Key(pub(super) Kept);

pub(super) enum Kept {
    Kms(Box<KmsKey>),
    Identity(IdentityFile),
    Passphrase { text: Arc<SecretText>, work: u8 },
}

impl Key {
    /// A KMS key: id, `alias/…` or ARN.
    pub async fn kms(key: &str, aws: &Aws) -> Result<Self, Error> {
        Ok(Self(Kept::Kms(Box::new(KmsKey::open(key, aws).await?))))
    }

    /// An `age` identity file, refused when others can read it.
    pub fn identity(path: &Path) -> Result<Self, Error> {
        Ok(Self(Kept::Identity(IdentityFile::read(path)?)))
    }

    /// A passphrase, hardened with scrypt.
    pub fn passphrase(text: impl Into<Arc<SecretText>>) -> Self {
        Self::passphrase_with_work(text, WORK)
    }

    /// A passphrase with `2^work` of scrypt, within 1 to 20; less than 18 is for tests.
    pub fn passphrase_with_work(text: impl Into<Arc<SecretText>>, work: u8) -> Self {
        let work = work.clamp(1, MOST_WORK);
        Self(Kept::Passphrase {
            text: text.into(),
            work,
        })
    }

    /// The key in words, without any secret.
    pub fn describe(&self) -> String {
        match &self.0 {
            Kept::Kms(key) => key.address(),
            Kept::Identity(file) => format!("identity {}", file.path().display()),
            Kept::Passphrase { .. } => "a passphrase".to_owned(),
        }
    }

    /// Proves that the key wraps and unwraps for `cluster`, before anything depends on it.
    pub async fn probe(&self, cluster: &str) -> Result<(), Error> {
        if let Kept::Kms(key) = &self.0 {
            key.usable().await?;
        }
        self.create(cluster, PROBE_WORK).await.map(|_| ())
    }

    pub(super) async fn create(&self, cluster: &str, work: u8) -> Result<Sealer, Error> {
        let content = x25519::Identity::generate();
        let inner = self.inner(&content, cluster);
        let (with, wrapped) = self.wrap(inner.as_bytes(), cluster, work).await?;
        let header = WrappedKey {
            version: VERSION,
            cluster: cluster.to_owned(),
            with,
            wrapped: BASE64_STANDARD.encode(wrapped),
        };
        // What does not unwrap now would not after the server's only answer either.
        let opened = Sealer::open(self, &header, cluster).await?;
        if *secret_text(&opened.content) != *secret_text(&content) {
            return Err(Error::Damaged("the key does not give back what it wrapped"));
        }
        Ok(opened)
    }

    async fn wrap(
        &self,
        inner: &[u8],
        cluster: &str,
        work: u8,
    ) -> Result<(Wrapping, Vec<u8>), Error> {
        match &self.0 {
            Kept::Kms(key) => {
                let wrapped = key.encrypt(inner, (CONTEXT, cluster)).await?;
                let key = key.arn().to_owned();
                Ok((Wrapping::Kms { key }, wrapped))
            }
            Kept::Identity(file) => {
                let first = file.identities().first();
                let first = first.ok_or(Error::Damaged("no identity"))?;
                let recipient = first.to_public();
                let wrapped = sealed(&recipient, inner);
                let recipient = recipient.to_string();
                Ok((Wrapping::Identity { recipient }, wrapped))
            }
            Kept::Passphrase { text, .. } => {
                let mut recipient = age::scrypt::Recipient::new(SecretString::from(text.expose()));
                recipient.set_work_factor(work);
                Ok((Wrapping::Passphrase, sealed(&recipient, inner)))
            }
        }
    }

    pub(super) async fn unwrap(
        &self,
        header: &WrappedKey,
        cluster: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let wrapped = header.bytes()?;
        let opened = match (&self.0, &header.with) {
            (Kept::Kms(key), Wrapping::Kms { key: arn }) => {
                if key.arn() != arn {
                    return Err(self.other_kind(header));
                }
                let plain = key.decrypt(&wrapped, (CONTEXT, cluster)).await;
                return plain.map_err(|error| match error.kind() {
                    Kind::Damaged(_) => Error::Damaged("the wrapped key was changed"),
                    _ => Error::Key(error),
                });
            }
            (Kept::Identity(file), Wrapping::Identity { .. }) => {
                let keys = file.identities().iter();
                open(keys.map(|key| key as &dyn age::Identity), &wrapped)
            }
            (Kept::Passphrase { text, .. }, Wrapping::Passphrase) => {
                let mut key = age::scrypt::Identity::new(SecretString::from(text.expose()));
                key.set_max_work_factor(MOST_WORK);
                open(std::iter::once(&key as &dyn age::Identity), &wrapped)
            }
            _ => return Err(self.other_kind(header)),
        };
        opened.map_err(|why| match why {
            Closed::NoKey => Error::WrongKey {
                key: match &self.0 {
                    Kept::Passphrase { .. } => "this passphrase".to_owned(),
                    _ => self.describe(),
                },
            },
            Closed::Damaged => Error::Damaged("the wrapped key was changed"),
            Closed::TooMuchWork => Error::Damaged("the wrapped key asks for too much work"),
        })
    }

    fn other_kind(&self, header: &WrappedKey) -> Error {
        Error::OtherKind {
            wrapped_by: header.with.describe(),
            configured: self.describe(),
        }
    }

    pub(super) fn work(&self) -> u8 {
        match self.0 {
            Kept::Passphrase { work, .. } => work,
            _ => WORK,
        }
    }

    /// What is wrapped: the cluster, the content key, and for an identity, whose recipient anybody
    /// may know, a code that only its owner can make.
    pub(super) fn inner(&self, content: &x25519::Identity, cluster: &str) -> Zeroizing<String> {
        let content = secret_text(content);
        let code = match &self.0 {
            Kept::Identity(file) => file
                .identities()
                .first()
                .map(|key| code(key, cluster, &content)),
            _ => None,
        };
        let cluster = BASE64_STANDARD.encode(cluster);
        let code = code.unwrap_or_default();
        Zeroizing::new(format!("{MAGIC}\n{cluster}\n{}\n{code}\n", &*content))
    }

    pub(super) fn vouches_for(&self, given: &str, cluster: &str, content: &str) -> bool {
        let Kept::Identity(file) = &self.0 else {
            return true;
        };
        let mut codes = file
            .identities()
            .iter()
            .map(|key| code(key, cluster, content));
        codes.any(|expected| same(given.as_bytes(), expected.as_bytes()))
    }
}

fn code(key: &x25519::Identity, cluster: &str, content: &str) -> String {
    let key = secret_text(key);
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key.as_bytes());
    let text = Zeroizing::new(format!("{MAGIC}\n{cluster}\n{content}"));
    BASE64_STANDARD.encode(aws_lc_rs::hmac::sign(&key, text.as_bytes()))
}
