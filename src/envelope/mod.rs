//! Encryption of what we keep: the init answer and the root token, until they are handed over.
//!
//! Every generation has a fresh content key, wrapped once by the operator's key; sealing then is
//! purely local, so that nothing can fail between the server's only answer and the disk. The public
//! side of the content key is not kept either: who cannot unwrap can neither read nor forge.
//! This room writes no file and never shows what it holds.

pub mod digest;
mod key;

use age::x25519;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::backend;
use crate::code::Code;
use crate::custodian::age::identity::{Closed, open, secret_text};
use crate::secret::{SecretText, Token};

pub use crate::envelope::key::{CONTEXT, Key};

use crate::envelope::key::MAGIC;

/// Version of [`WrappedKey`].
const VERSION: u32 = 1;
/// More than any wrapped key needs, in bytes.
const LONGEST_WRAPPED: usize = 16 * 1024;

/// Why something cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// KMS or the identity file fails; it says why.
    #[error("checkpoint key: {0}")]
    Key(#[from] backend::Error),
    /// The key works, and it is not the one that wrapped this.
    #[error("{key} does not open this checkpoint")]
    WrongKey {
        /// As [`Key::describe`].
        key: String,
    },
    /// The header was wrapped by another kind of key.
    #[error("this checkpoint is locked with {wrapped_by}, the configuration names {configured}")]
    OtherKind {
        /// What the header says.
        wrapped_by: String,
        /// As [`Key::describe`].
        configured: String,
    },
    /// The content belongs to another cluster.
    #[error("this checkpoint is of cluster {kept}, the configuration names {configured}")]
    OtherCluster {
        /// What the header says.
        kept: String,
        /// What was asked for.
        configured: String,
    },
    /// Bytes that were changed, cut off, or never ours.
    #[error("the encrypted part of the checkpoint is damaged: {0}")]
    Damaged(&'static str),
    /// A header of a version that this program does not know.
    #[error("the checkpoint key has version {0}, this program knows {VERSION}")]
    Version(u32),
}

impl Error {
    /// What it is to a script.
    pub fn code(&self) -> Code {
        match self {
            Self::Key(_) => Code::CheckpointKeyAway,
            Self::WrongKey { .. } | Self::OtherKind { .. } => Code::CheckpointKeyWrong,
            Self::OtherCluster { .. } => Code::CheckpointOther,
            Self::Damaged(_) => Code::CheckpointDamaged,
            Self::Version(_) => Code::FormNewer,
        }
    }

    /// Whether trying again may help: the key could not be asked, which says nothing about it.
    pub fn is_retryable(&self) -> bool {
        let Error::Key(error) = self else {
            return false;
        };
        error.is_passing_service()
            || matches!(
                error.kind(),
                backend::Kind::Unreachable(_)
                    | backend::Kind::TimedOut(_)
                    | backend::Kind::TooLarge(_)
                    | backend::Kind::Denied { .. }
                    | backend::Kind::Credentials(_)
                    | backend::Kind::KeyDisabled { .. }
            )
    }

    /// What to do about it, as a command where it can be one.
    pub fn advice(&self) -> Option<String> {
        Some(match self {
            Error::Key(error) => return error.advice(),
            Error::WrongKey { .. } | Error::OtherKind { .. } => {
                "give the key or the passphrase that checkpoint.key named when this ceremony began"
                    .to_owned()
            }
            Error::OtherCluster { .. } => {
                "give each cluster a checkpoint.path of its own, and do not rename a cluster \
                 during its ceremony"
                    .to_owned()
            }
            Error::Damaged(_) => {
                "restore the checkpoint directory from a copy of the same run".to_owned()
            }
            Error::Version(_) => "use the version of vault-bootstrap that wrote it".to_owned(),
        })
    }
}

#[expect(clippy::expect_used)]
fn sealed(recipient: &impl age::Recipient, plain: &[u8]) -> Vec<u8> {
    // Invariant: memory takes every write, and one recipient always agrees with itself.
    age::encrypt(recipient, plain).expect("encrypting to memory for one recipient cannot fail")
}

/// A content key as it is kept beside what it seals; public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedKey {
    version: u32,
    cluster: String,
    with: Wrapping,
    wrapped: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Wrapping {
    Kms { key: String },
    Identity { recipient: String },
    Passphrase,
}

impl Wrapping {
    fn describe(&self) -> String {
        match self {
            Wrapping::Kms { key } => format!("KMS key {key}"),
            Wrapping::Identity { recipient } => format!("the identity of {recipient}"),
            Wrapping::Passphrase => "a passphrase".to_owned(),
        }
    }
}

impl WrappedKey {
    fn bytes(&self) -> Result<Vec<u8>, Error> {
        if self.version != VERSION {
            return Err(Error::Version(self.version));
        }
        if self.wrapped.len() > LONGEST_WRAPPED {
            return Err(Error::Damaged("the wrapped key is too long"));
        }
        let bytes = BASE64_STANDARD.decode(&self.wrapped);
        bytes.map_err(|_| Error::Damaged("the wrapped key is not base64"))
    }
}

/// One generation's content key: seals and opens without asking anybody.
pub struct Sealer {
    content: x25519::Identity,
    header: WrappedKey,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sealer(…)")
    }
}

impl Sealer {
    /// Makes a content key, wraps it with `key` and proves that it unwraps. All requests to KMS
    /// happen here.
    pub async fn create(key: &Key, cluster: &str) -> Result<Self, Error> {
        key.create(cluster, key.work()).await
    }

    /// Unwraps the content key of `header`.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::OtherKind`], [`Error::OtherCluster`], [`Error::Damaged`].
    pub async fn open(key: &Key, header: &WrappedKey, cluster: &str) -> Result<Self, Error> {
        if header.cluster != cluster {
            return Err(Error::OtherCluster {
                kept: header.cluster.clone(),
                configured: cluster.to_owned(),
            });
        }
        let plain = key.unwrap(header, cluster).await?;
        let damaged = || Error::Damaged("the wrapped key does not hold what it should");
        let text = std::str::from_utf8(&plain).map_err(|_| damaged())?;
        let mut lines = text.lines();
        if lines.next() != Some(MAGIC) {
            return Err(damaged());
        }
        if lines.next() != Some(&BASE64_STANDARD.encode(cluster)) {
            return Err(Error::Damaged(
                "the header names another cluster than its key",
            ));
        }
        let (content, code) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
        if !key.vouches_for(code, cluster, content) {
            return Err(Error::Damaged("the key was wrapped by somebody else"));
        }
        Ok(Self {
            content: content.parse().map_err(|_| damaged())?,
            header: header.clone(),
        })
    }

    /// The wrapped content key, to be kept beside what is sealed.
    pub fn header(&self) -> &WrappedKey {
        &self.header
    }

    /// A key for something else than sealing, which only who can unwrap this one can make; it tells nothing of this one.
    pub(crate) fn derived(&self, purpose: &str) -> Zeroizing<Vec<u8>> {
        let content = secret_text(&self.content);
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, content.as_bytes());
        let derived = aws_lc_rs::hmac::sign(&key, purpose.as_bytes());
        Zeroizing::new(derived.as_ref().to_vec())
    }

    /// Encrypts `plain`; local, and nothing in it can fail.
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        sealed(&self.content.to_public(), plain)
    }

    /// Encrypts a secret text, which need not leave its type for that.
    pub fn seal_text(&self, text: &SecretText) -> Vec<u8> {
        self.seal(text.expose().as_bytes())
    }

    /// Encrypts a token, which need not leave its type for that.
    pub fn seal_token(&self, token: &Token) -> Vec<u8> {
        self.seal(token.expose().as_bytes())
    }

    /// Opens what [`Sealer::seal_text`] made.
    pub fn unseal_text(&self, sealed: &[u8]) -> Result<SecretText, Error> {
        self.unseal_string(sealed).map(SecretText::new)
    }

    /// Opens what [`Sealer::seal_token`] made.
    pub fn unseal_token(&self, sealed: &[u8]) -> Result<Token, Error> {
        self.unseal_string(sealed).map(Token::new)
    }

    fn unseal_string(&self, sealed: &[u8]) -> Result<String, Error> {
        let plain = self.unseal(sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| Error::Damaged("not text"))?;
        Ok(text.to_owned())
    }

    /// Opens what [`Sealer::seal`] of the same generation made.
    ///
    /// # Errors
    /// [`Error::Damaged`] for changed bytes and for those of another generation.
    pub fn unseal(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let key = std::iter::once(&self.content as &dyn age::Identity);
        open(key, sealed).map_err(|why| match why {
            Closed::NoKey => Error::Damaged("sealed with another key"),
            Closed::Damaged | Closed::TooMuchWork => Error::Damaged("not what was sealed"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custodian::age::identity::generated;
    use crate::envelope::key::Kept;

    fn identity_key() -> (tempfile::TempDir, Key) {
        let directory = tempfile::tempdir().unwrap();
        let key = Key(Kept::Identity(generated(&directory.path().join("key"))));
        (directory, key)
    }

    fn passphrase(text: &str) -> Key {
        Key::passphrase_with_work(SecretText::new(text.into()), 2)
    }

    #[tokio::test]
    async fn what_was_sealed_opens_with_the_same_key_after_a_restart() {
        let (_directory, identity) = identity_key();
        for key in [identity, passphrase("correct horse")] {
            key.probe("prod").await.unwrap();
            let sealer = Sealer::create(&key, "prod").await.unwrap();
            let sealed = sealer.seal(b"the answer");
            let header = serde_json::to_string(sealer.header()).unwrap();
            let header: WrappedKey = serde_json::from_str(&header).unwrap();
            let again = Sealer::open(&key, &header, "prod").await.unwrap();
            assert_eq!(again.unseal(&sealed).unwrap().as_slice(), b"the answer");
        }
    }

    #[tokio::test]
    async fn a_wrong_key_another_kind_and_another_cluster_are_told_apart() {
        let (_one, identity) = identity_key();
        let (_other, stranger) = identity_key();
        let sealer = Sealer::create(&identity, "prod").await.unwrap();
        let header = sealer.header();
        let why = async |key: &Key, cluster| Sealer::open(key, header, cluster).await.unwrap_err();
        assert!(matches!(
            why(&stranger, "prod").await,
            Error::WrongKey { .. }
        ));
        assert!(matches!(
            why(&passphrase("x"), "prod").await,
            Error::OtherKind { .. }
        ));
        assert!(
            matches!(why(&identity, "dev").await, Error::OtherCluster { configured, .. } if configured == "dev")
        );
        let mut renamed = header.clone();
        renamed.cluster = "dev".into();
        let refused = Sealer::open(&identity, &renamed, "dev").await.unwrap_err();
        assert!(matches!(refused, Error::Damaged(_)));
        let sealer = Sealer::create(&passphrase("x"), "prod").await.unwrap();
        let wrong = Sealer::open(&passphrase("y"), sealer.header(), "prod").await;
        assert!(matches!(wrong.unwrap_err(), Error::WrongKey { .. }));
    }

    #[tokio::test]
    async fn changed_bytes_and_other_generations_do_not_open() {
        let key = passphrase("x");
        let sealer = Sealer::create(&key, "prod").await.unwrap();
        let sealed = sealer.seal(b"the answer");
        for index in [0, sealed.len() / 2, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(matches!(
                sealer.unseal(&changed).unwrap_err(),
                Error::Damaged(_)
            ));
        }
        let cut = &sealed[..sealed.len() - 1];
        assert!(matches!(sealer.unseal(cut).unwrap_err(), Error::Damaged(_)));
        let next = Sealer::create(&key, "prod").await.unwrap();
        assert!(matches!(
            next.unseal(&sealed).unwrap_err(),
            Error::Damaged(_)
        ));
    }

    #[tokio::test]
    async fn a_key_wrapped_by_somebody_who_knows_only_the_recipient_is_refused() {
        let (_directory, key) = identity_key();
        let Kept::Identity(file) = &key.0 else {
            panic!("an identity key");
        };
        let forged = passphrase("x").inner(&x25519::Identity::generate(), "prod");
        let recipient = file.identities()[0].to_public();
        let header = WrappedKey {
            version: VERSION,
            cluster: "prod".into(),
            wrapped: BASE64_STANDARD.encode(sealed(&recipient, forged.as_bytes())),
            with: Wrapping::Identity {
                recipient: recipient.to_string(),
            },
        };
        let refused = Sealer::open(&key, &header, "prod").await.unwrap_err();
        assert!(matches!(refused, Error::Damaged(_)));
    }

    #[tokio::test]
    async fn a_header_of_the_future_or_of_nonsense_is_refused() {
        let key = passphrase("x");
        let sealer = Sealer::create(&key, "prod").await.unwrap();
        let mut header = sealer.header().clone();
        header.wrapped = "!".into();
        let refused = Sealer::open(&key, &header, "prod").await.unwrap_err();
        assert!(matches!(refused, Error::Damaged(_)));
        header.version = 2;
        let refused = Sealer::open(&key, &header, "prod").await.unwrap_err();
        assert!(matches!(refused, Error::Version(2)));
    }

    #[tokio::test]
    async fn nothing_that_is_kept_tells_the_content_key_or_the_text() {
        let key = passphrase("x");
        let sealer = Sealer::create(&key, "prod").await.unwrap();
        let header = serde_json::to_string(sealer.header()).unwrap();
        assert!(!header.contains(&sealer.content.to_public().to_string()));
        let sealed = sealer.seal(b"hunter2");
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert!(!format!("{sealer:?}").contains("hunter2"));
    }
}
