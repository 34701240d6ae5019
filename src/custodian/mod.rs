//! Who keeps a share.
//!
//! A custodian is one place for one share: an SSM parameter or a secret of Secrets Manager under a KMS key, a file encrypted to
//! a person, with age or PGP, or a Secret of Kubernetes that is encrypted so. Everything is create-only: nothing is ever overwritten, and nothing is ever half there.
//! No share, and no digest of a share in clear, leaves this room except into its custodian.

pub mod age;
mod facts;
mod file;
mod in_aws;
mod kubernetes_secret;
mod opener;
mod pgp;
mod proof;
mod receiver;
mod secretsmanager;
pub mod ssm;
mod text;
mod trust;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::code::Reported;
use crate::custodian::file::{EncryptedFile, FileKey};
use crate::custodian::in_aws::InAws;
use crate::custodian::kubernetes_secret::KubernetesSecret;
use crate::custodian::pgp::PgpKey;
use crate::custodian::secretsmanager::SecretsManager;
use crate::kubernetes::Access;
use crate::secret::{SecretText, Share, ShareMaterial};
use crate::shell::ShellCommand;

pub use crate::aws::Aws;
pub use crate::backend::{CANARY, Error, Kind};
pub use crate::custodian::age::identity::IdentityFile;
pub use crate::custodian::facts::{Observation, Prepared, Stored};
pub use crate::custodian::opener::Opener;
pub use crate::custodian::proof::{Answer, Challenge, Proof, as_written};
pub use crate::custodian::receiver::{Parcel, Receiver};
pub use crate::custodian::secretsmanager::Reached;
pub(crate) use crate::custodian::text::same;
pub use crate::custodian::text::{trial_name, typed};
pub use crate::custodian::trust::{SharedTrust, TrustDomain, shared_trust};

/// One custodian, opened: its place is known and its key was found.
pub struct Custodian {
    name: String,
    place: Place,
}

enum Place {
    Aws(Box<InAws>),
    File(Box<EncryptedFile>),
    Secret(Box<KubernetesSecret>),
}

impl Custodian {
    /// One whose share is an SSM parameter of type `SecureString`, such as `/vault/prod/recovery-key-1`. The KMS key is an
    /// id, `alias/…` or ARN; without it the account's `alias/aws/ssm`. `tags` are those besides `made-by`.
    ///
    /// The place is checked and its key is found; nothing is changed. A key that is disabled or has expired opens, so
    /// that later runs can observe; [`Custodian::canary`] refuses it.
    ///
    /// # Errors
    /// [`Kind::Misconfigured`] without asking anybody; key not found, denied, unreachable.
    pub async fn in_parameter(
        name: &str,
        (parameter, kms_key): (&str, Option<&str>),
        tags: &BTreeMap<String, String>,
        aws: &Aws,
    ) -> Result<Self, Error> {
        let place = ssm::Ssm::open(name, (parameter, kms_key), tags, aws).await?;
        Ok(Self::at(name, Place::Aws(Box::new(place))))
    }

    /// One whose share is a secret of AWS Secrets Manager, as [`Custodian::in_parameter`]; without a key that of the account,
    /// `alias/aws/secretsmanager`.
    pub async fn in_secrets_manager(
        name: &str,
        secret: (&str, Option<&str>),
        tags: &BTreeMap<String, String>,
        at: Reached<'_>,
    ) -> Result<Self, Error> {
        let place = SecretsManager::open(name, secret, tags, at).await?;
        Ok(Self::at(name, Place::Aws(Box::new(place))))
    }

    /// One whose share is a file encrypted to one person: `age1…`, X25519. `file` is the final path; missing directories
    /// are made with mode 0700. Opened as [`Custodian::in_parameter`].
    pub fn in_age_file(name: &str, recipient: &str, file: &Path) -> Result<Self, Error> {
        let file = EncryptedFile::open_age(recipient, file)?;
        Ok(Self::at(name, Place::File(Box::new(file))))
    }

    /// One whose share is a file encrypted to one person's PGP key, by the server where that is possible. `public_key` is
    /// the file with that key alone, armoured or not, and `fingerprint` what it must have: 40 hexadecimal digits, spaces do
    /// not count. Opened as [`Custodian::in_age_file`].
    pub async fn in_pgp_file(
        name: &str,
        (public_key, fingerprint): (&Path, Option<&str>),
        file: &Path,
    ) -> Result<Self, Error> {
        let file = EncryptedFile::open_pgp(public_key, fingerprint, file).await?;
        Ok(Self::at(name, Place::File(Box::new(file))))
    }

    /// One whose share is a Secret of Kubernetes, `NAMESPACE/NAME`, encrypted as that of [`Custodian::in_age_file`]. `marks`
    /// are what everybody may know of it, by name. Nobody is asked.
    ///
    /// # Errors
    /// [`Kind::Misconfigured`].
    pub fn in_secret(
        name: &str,
        (secret, recipient): (&str, &str),
        access: Access,
        marks: &[(&str, String)],
    ) -> Result<Self, Error> {
        let place = KubernetesSecret::open(secret, recipient, access, marks)?;
        Ok(Self::at(name, Place::Secret(Box::new(place))))
    }

    fn at(name: &str, place: Place) -> Self {
        let name = name.to_owned();
        Self { name, place }
    }

    /// The name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `aws-ssm://REGION/PARAMETER`, `aws-secretsmanager://REGION/NAME`, the path of the file, or `secret NAMESPACE/NAME`.
    pub fn address(&self) -> String {
        match &self.place {
            Place::Aws(place) => place.address().to_owned(),
            Place::File(file) => file.address(),
            Place::Secret(place) => place.address(),
        }
    }

    /// The place itself, however it is spelt: path without links and detours, or account, region and name. Two ways to
    /// write the same place are one place.
    pub fn place(&self) -> PathBuf {
        match &self.place {
            Place::Aws(place) => place.place().into(),
            Place::File(file) => file.place(),
            Place::Secret(place) => place.place().into(),
        }
    }

    /// The PGP key of its holder, where it is one.
    fn pgp(&self) -> Option<&PgpKey> {
        match &self.place {
            Place::File(file) => match &file.key {
                FileKey::Pgp(key) => Some(key),
                FileKey::Age(_) => None,
            },
            Place::Aws(_) | Place::Secret(_) => None,
        }
    }

    /// What opens this custodian together with others: account and KMS key, or whose key.
    pub fn trust_domain(&self) -> Vec<TrustDomain> {
        match &self.place {
            Place::Aws(place) => place.trust_domain(),
            Place::File(file) => vec![TrustDomain::HoldersKey(match &file.key {
                FileKey::Age(key) => key.in_words(),
                FileKey::Pgp(key) => format!("PGP key {}", key.fingerprint()),
            })],
            Place::Secret(place) => vec![TrustDomain::HoldersKey(place.key.in_words())],
        }
    }

    /// Who opens it.
    pub fn opener(&self) -> Opener {
        match &self.place {
            Place::Aws(_) => Opener::Machine,
            Place::File(_) if self.pgp().is_some() => Opener::Gpg,
            Place::File(_) | Place::Secret(_) => Opener::Identity,
        }
    }

    /// What its holder types to read it without this program.
    pub fn read_command(&self) -> ShellCommand {
        let command = self.opener().command();
        match &self.place {
            Place::Secret(place) => place.read_command(&command),
            Place::Aws(place) => place.read_command(),
            Place::File(_) => command.with(self.address()),
        }
    }

    /// The PGP key that the server may encrypt this share to: its fingerprint, and itself as base64.
    pub fn key_for_the_server(&self) -> Option<(&str, String)> {
        let key = self.pgp()?;
        Some((key.fingerprint(), key.for_the_server()?))
    }

    /// Whether a canary that was read back has shown that it opens: a machine opens it, no holder.
    pub fn opens_by_machine(&self) -> bool {
        self.opener() == Opener::Machine
    }

    /// What a proof is about: a changed recipient, parameter or key makes it void.
    pub fn proof_subject(&self) -> String {
        match &self.place {
            Place::Aws(place) => place.proof_subject(),
            Place::File(file) => file.subject(),
            Place::Secret(place) => place.key.recipient(),
        }
    }

    /// Creates a value beside the final one, reads it back, compares and deletes. `name` is part of its name, and
    /// whoever calls has noted it: what has that name already was left by a killed run, and is replaced.
    /// For `age` and `pgp` this proves the directory, and that the key can be encrypted to; that its holder opens it
    /// is proved by a [`Challenge`]. A Secret is created with `dryRun`: Kubernetes cannot let somebody read Secrets by the
    /// beginning of their names. Gives warnings, such as of a leftover that could not be deleted.
    ///
    /// # Errors
    /// Whatever would fail for the share too; a failed delete is only a warning.
    pub async fn canary(&self, name: &str) -> Result<Vec<Reported>, Error> {
        match &self.place {
            Place::Aws(place) => place.canary(name).await,
            Place::File(file) => file.canary(name).await,
            Place::Secret(place) => place.canary().await,
        }
    }

    /// What is under the final name, ours or not; `None` where it is free, proved by asking. No secret is decrypted.
    pub async fn presence(&self) -> Result<Option<Stored>, Error> {
        match &self.place {
            Place::Aws(place) => place.facts().await,
            Place::File(file) => file.facts(),
            Place::Secret(place) => place.facts().await,
        }
    }

    /// Whether this share may be given to this custodian: what the server encrypted, it encrypted to one holder.
    pub fn can_hold(&self, share: &ShareMaterial) -> bool {
        match share {
            ShareMaterial::Plain(_) => true,
            ShareMaterial::Encrypted(share) => self.pgp().is_some_and(|key| key.reads(share)),
        }
    }

    /// Encrypts `share` where we are the ones to encrypt; writes nothing.
    ///
    /// # Errors
    /// [`Kind::Sealed`] for a share that was encrypted to another holder; a PGP key that expired meanwhile.
    pub async fn prepare(&self, share: &ShareMaterial) -> Result<Prepared, Error> {
        match (&self.place, share) {
            _ if !self.can_hold(share) => Err(Error::new(self.address(), Kind::Sealed)),
            (_, ShareMaterial::Encrypted(share)) => Ok(pgp::sealed(share)),
            (Place::Aws(_), ShareMaterial::Plain(_)) => Ok(Prepared::default()),
            (Place::File(file), ShareMaterial::Plain(share)) => file.prepare(share).await,
            (Place::Secret(place), ShareMaterial::Plain(share)) => place.prepare(share),
        }
    }

    /// Creates the share and reads it back through a second look. What is there already and equal
    /// is adopted.
    ///
    /// # Errors
    /// [`Kind::Taken`] when something else has the name; [`Kind::Unreadable`], [`Kind::Different`]
    /// after a write that cannot be trusted; otherwise the failure of the write.
    pub async fn store(&self, share: &ShareMaterial, prepared: &Prepared) -> Result<Stored, Error> {
        match (&self.place, share) {
            (Place::Aws(place), ShareMaterial::Plain(share)) => place.store(share, prepared).await,
            (Place::Aws(_), ShareMaterial::Encrypted(_)) => {
                Err(Error::new(self.address(), Kind::Sealed))
            }
            (Place::File(file), _) => file.store(prepared),
            (Place::Secret(place), _) => place.store(prepared).await,
        }
    }

    /// Looks at a stored share again, without decrypting it.
    pub async fn observe(&self, recorded: &Stored) -> Result<Observation, Error> {
        let found = match &self.place {
            Place::Aws(place) if recorded.address == place.address() => place.facts_again().await,
            Place::Aws(place) => place.facts().await,
            Place::File(file) => file.facts(),
            Place::Secret(place) => place.facts().await,
        };
        facts::seen(recorded, found)
    }

    /// Whether what is there was marked so when it was stored. What we encrypt has no marks: its digest tells. An error where
    /// it cannot be known.
    pub async fn bears(&self, mark: &str) -> Result<bool, Error> {
        match &self.place {
            Place::Aws(place) => place.bears(mark).await,
            Place::File(_) | Place::Secret(_) => Ok(false),
        }
    }

    /// Takes away what is there, in a parameter with its whole history; nothing there is no error. Whoever calls has
    /// looked that it is what they mean.
    ///
    /// # Errors
    /// It may be there still.
    pub async fn remove(&self) -> Result<(), Error> {
        match &self.place {
            Place::Aws(place) => place.remove().await,
            Place::File(file) => file.remove(),
            Place::Secret(place) => place.remove().await,
        }
    }

    /// The share as it is kept. `identities` open `age` custodians; the keys of whoever runs this open `pgp` ones.
    ///
    /// # Errors
    /// [`Kind::NotFound`], [`Kind::WrongIdentity`], [`Kind::NeedsHolder`] without any identity, …
    pub async fn fetch(&self, identities: &[IdentityFile]) -> Result<Share, Error> {
        match &self.place {
            Place::Aws(place) => place.fetch().await,
            Place::File(file) => file.fetch(identities).await,
            Place::Secret(place) => place.fetch(identities).await,
        }
    }

    /// Whether it opens here: by this machine's rights, with one of these identities, or with a key of whoever runs
    /// this, who may be asked for its passphrase.
    pub async fn opens_with(&self, identities: &[IdentityFile]) -> bool {
        match &self.place {
            Place::Aws(_) => true,
            Place::File(file) => file.opens_with(identities).await,
            Place::Secret(place) => place.key.is_opened_by("", identities).is_ok(),
        }
    }

    /// A random word that only the holder can read. Nothing is written.
    ///
    /// # Errors
    /// A PGP key that nothing can be encrypted to; want of random bytes.
    pub async fn challenge(&self) -> Result<Challenge, Error> {
        let word = text::random_word(&self.address())?;
        let armored = match &self.place {
            Place::Aws(_) => None,
            Place::File(file) => Some(file.encrypt(word.expose()).await?),
            Place::Secret(place) => Some(place.encrypt(word.expose())?),
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
            (Place::Aws(place), Answer::Machine | Answer::Identities(_)) => {
                let warnings = place.round_trip(challenge.word()).await?;
                let subject = challenge.subject().to_owned();
                Ok(Proof { subject, warnings })
            }
            (_, Answer::Word(word)) => challenge.proof(&address, word).map_err(|error| {
                let command = self.opener().command();
                error.advise(format!("let the holder decrypt the challenge: {command}"))
            }),
            (Place::File(_), Answer::Identities(_)) if self.pgp().is_some() => {
                let what = "is opened with a PGP key, and an identity file is for age".to_owned();
                Err(Error::new(address, Kind::Misconfigured(what)).advise(
                    "leave out --identity: its holder types the word that gpg --decrypt shows",
                ))
            }
            (Place::File(file), Answer::Identities(identities)) => {
                let armored = challenge.armored().unwrap_or_default();
                let word = file.decrypt(armored.as_bytes(), identities).await;
                self.opened(challenge, word)
            }
            (Place::Secret(place), Answer::Identities(identities)) => {
                let armored = challenge.armored().unwrap_or_default();
                self.opened(challenge, place.decrypt(armored.as_bytes(), identities))
            }
            (Place::File(_) | Place::Secret(_), Answer::Machine) => {
                Err(Error::new(address, Kind::NeedsHolder))
            }
        }
    }

    /// What a key that is here has shown. No share need be there yet.
    fn opened(
        &self,
        challenge: &Challenge,
        word: Result<SecretText, Error>,
    ) -> Result<Proof, Error> {
        let opened = word.and_then(|word| challenge.proof(&self.address(), &word));
        opened.map_err(|error| error.about(format!("the challenge of {}", self.name)))
    }
}
