//! Who keeps a share.
//!
//! A custodian is one place for one share: an SSM parameter under a KMS key, or a file encrypted to
//! a person. Everything is create-only: nothing is ever overwritten, and nothing is ever half there.
//! No share, and no digest of a share in clear, leaves this room except into its custodian.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::secret::{SecretText, Share};

mod age;
mod answers;
pub(crate) mod aws;
mod create_only;
pub mod error;
mod facts;
pub mod identity;
pub mod kms;
pub(crate) mod parameter;
mod place;
mod proof;
pub mod ssm;
mod trust;

pub use aws::Aws;
pub use error::{Error, Kind};
pub use facts::{CanaryResult, Observation, Prepared, Presence, Stored};
pub use identity::IdentityFile;
pub use proof::{Answer, Challenge, Proof, trial_name};
pub use trust::trust_warnings;

/// Beginning of the name of every canary, before its random word.
pub const CANARY: &str = "vault-bootstrap-canary-";

/// Where a share is to be kept, as plain values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// An SSM parameter of type `SecureString`.
    Ssm {
        /// For example `/vault/prod/recovery-key-1`.
        parameter: String,
        /// Id, `alias/…` or ARN; without it the account's `alias/aws/ssm`.
        kms_key: Option<String>,
        /// Tags of the parameter, besides `made-by`.
        tags: BTreeMap<String, String>,
        /// How to reach AWS.
        aws: Aws,
    },
    /// A file encrypted to one person.
    Age {
        /// `age1…`, X25519.
        recipient: String,
        /// The final path; missing directories are made with mode 0700.
        file: PathBuf,
    },
}

/// One custodian, opened: its place is known and its key was found.
pub struct Custodian {
    name: String,
    place: Place,
}

enum Place {
    Ssm(Box<ssm::Ssm>),
    Age(Box<age::AgeFile>),
}

impl Custodian {
    /// Checks `spec` and finds its KMS key; changes nothing. A disabled key opens, so that later
    /// runs can observe; [`Custodian::canary`] refuses it.
    ///
    /// # Errors
    /// [`Kind::Misconfigured`] without asking anybody; key not found, denied, unreachable.
    pub async fn open(name: &str, spec: &Spec) -> Result<Self, Error> {
        let place = match spec {
            Spec::Ssm {
                parameter,
                kms_key,
                tags,
                aws,
            } => Place::Ssm(Box::new(
                ssm::Ssm::open(name, parameter, kms_key.as_deref(), tags, aws).await?,
            )),
            Spec::Age { recipient, file } => {
                Place::Age(Box::new(age::AgeFile::open(recipient, file)?))
            }
        };
        Ok(Self {
            name: name.to_owned(),
            place,
        })
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `aws-ssm://REGION/PARAMETER` or the path of the file.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.place {
            Place::Ssm(place) => place.address().to_owned(),
            Place::Age(place) => place.address(),
        }
    }

    /// What opens this custodian together with others: account and KMS key, or the recipient.
    #[must_use]
    pub fn trust_domain(&self) -> Vec<String> {
        match &self.place {
            Place::Ssm(place) => place.trust_domain(),
            Place::Age(place) => vec![format!("age recipient {}", place.recipient())],
        }
    }

    /// Whether a canary that was read back has shown that it opens: a machine opens it, no holder.
    #[must_use]
    pub fn opens_by_machine(&self) -> bool {
        matches!(self.place, Place::Ssm(_))
    }

    /// What a proof is about: a changed recipient, parameter or key makes it void.
    #[must_use]
    pub fn proof_subject(&self) -> String {
        match &self.place {
            Place::Ssm(place) => place.proof_subject(),
            Place::Age(place) => place.recipient(),
        }
    }

    /// Creates a value beside the final one, reads it back, compares and deletes. `name` is part of its name, and
    /// whoever calls has noted it: what has that name already was left by a killed run, and is replaced.
    /// For `age` this proves the directory only; the recipient is proved by a [`Challenge`].
    ///
    /// # Errors
    /// Whatever would fail for the share too; a failed delete is only a warning.
    pub async fn canary(&self, name: &str) -> Result<CanaryResult, Error> {
        match &self.place {
            Place::Ssm(place) => place.canary(name).await,
            Place::Age(place) => place.canary(name),
        }
    }

    /// Is the final name free? No secret is decrypted.
    ///
    /// # Errors
    /// When it cannot be known.
    pub async fn presence(&self) -> Result<Presence, Error> {
        let found = match &self.place {
            Place::Ssm(place) => place.facts().await?,
            Place::Age(place) => place.facts()?,
        };
        Ok(found.map_or(Presence::Absent, Presence::Present))
    }

    /// Encrypts `share` where we are the ones to encrypt; writes nothing.
    ///
    /// # Errors
    /// Only for want of random bytes.
    pub fn prepare(&self, share: &Share) -> Result<Prepared, Error> {
        match &self.place {
            Place::Ssm(_) => Ok(Prepared {
                ciphertext: Vec::new(),
                digest: None,
                earlier: Vec::new(),
            }),
            Place::Age(place) => place.prepare(share),
        }
    }

    /// Creates the share and reads it back through a second look. What is there already and equal
    /// is adopted.
    ///
    /// # Errors
    /// [`Kind::Taken`] when something else has the name; [`Kind::Unreadable`], [`Kind::Different`]
    /// after a write that cannot be trusted; otherwise the failure of the write.
    pub async fn store(&self, share: &Share, prepared: &Prepared) -> Result<Stored, Error> {
        match &self.place {
            Place::Ssm(place) => place.store(share).await,
            Place::Age(place) => place.store(prepared),
        }
    }

    /// Looks at a stored share again, without decrypting it.
    ///
    /// # Errors
    /// When it cannot be known.
    pub async fn observe(&self, recorded: &Stored) -> Result<Observation, Error> {
        let found = match &self.place {
            Place::Ssm(place) if recorded.address == place.address() => place.facts_again().await?,
            Place::Ssm(place) => place.facts().await?,
            Place::Age(place) => match place.facts() {
                Err(error) if matches!(error.kind(), Kind::Symlink) => {
                    return Ok(Observation::Changed("is a symbolic link now".into()));
                }
                other => other?,
            },
        };
        Ok(found.map_or(Observation::Missing, |found| {
            facts::compare(recorded, &found)
        }))
    }

    /// Takes away what is there, in a parameter with its whole history; nothing there is no error. Whoever calls has
    /// looked that it is what they mean.
    ///
    /// # Errors
    /// It may be there still.
    pub async fn remove(&self) -> Result<(), Error> {
        match &self.place {
            Place::Ssm(place) => place.remove().await,
            Place::Age(place) => place.remove(),
        }
    }

    /// The share as it is kept. `identities` open `age` custodians.
    ///
    /// # Errors
    /// [`Kind::NotFound`], [`Kind::WrongIdentity`], [`Kind::NeedsHolder`] without any identity, …
    pub async fn fetch(&self, identities: &[IdentityFile]) -> Result<Share, Error> {
        match &self.place {
            Place::Ssm(place) => place.fetch().await,
            Place::Age(place) => place.fetch(identities),
        }
    }

    /// Whether a machine has what opens it: its own rights, or one of these identities.
    #[must_use]
    pub fn opens_with(&self, identities: &[IdentityFile]) -> bool {
        match &self.place {
            Place::Ssm(_) => true,
            Place::Age(place) => {
                let recipient = place.recipient();
                let mut all = identities.iter().flat_map(IdentityFile::recipients);
                all.any(|one| one == recipient)
            }
        }
    }

    /// A random word that only the holder can read. Nothing is written.
    ///
    /// # Errors
    /// Only for want of random bytes.
    pub fn challenge(&self) -> Result<Challenge, Error> {
        let word = proof::random_word(&self.address())?;
        let armored = match &self.place {
            Place::Ssm(_) => None,
            Place::Age(place) => Some(place.encrypt(&word)?),
        };
        Ok(Challenge::new(self.proof_subject(), armored, word))
    }

    /// Takes the holder's answer to `challenge`, which must be of this custodian.
    ///
    /// # Errors
    /// [`Kind::WrongAnswer`], [`Kind::WrongIdentity`]; [`Kind::NeedsHolder`] when a machine answers
    /// for a person; for `ssm` whatever fails in writing and reading back.
    pub async fn answer(&self, challenge: &Challenge, with: Answer<'_>) -> Result<Proof, Error> {
        let address = self.address();
        if challenge.subject() != self.proof_subject() {
            return Err(Error::new(address, Kind::WrongAnswer));
        }
        match (&self.place, with) {
            (Place::Ssm(place), Answer::Machine | Answer::Identities(_)) => {
                let warnings = place.round_trip(challenge.word()).await?.warnings;
                let subject = challenge.subject().to_owned();
                Ok(Proof { subject, warnings })
            }
            (Place::Age(place), Answer::Identities(identities)) => {
                let armored = challenge.armored().unwrap_or_default();
                let word = place.decrypt(armored.as_bytes(), identities)?;
                challenge.proof(&address, &word)
            }
            (_, Answer::Word(word)) => challenge.proof(&address, word),
            (Place::Age(_), Answer::Machine) => Err(Error::new(address, Kind::NeedsHolder)),
        }
    }
}

/// Whether two shares are one, told in the same time whether or not.
#[must_use]
pub fn same_share(one: &Share, other: &Share) -> bool {
    proof::same(one.expose().as_bytes(), other.expose().as_bytes())
}

/// A share as somebody typed it.
#[must_use]
pub fn typed(text: SecretText) -> Share {
    share_from(text.expose())
}

/// Text of a share as it is kept: without the line end that people's tools add.
fn share_from(text: &str) -> Share {
    Share::new(text.trim().to_owned())
}

/// A secret from UTF-8 bytes that were just decrypted.
fn text_from(plain: &[u8]) -> Option<SecretText> {
    let text = std::str::from_utf8(plain).ok()?;
    Some(SecretText::new(text.trim().to_owned()))
}
