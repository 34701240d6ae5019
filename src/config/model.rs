//! What a configuration says, ready to use: addresses parsed, durations counted, paths resolved, choices as enums.
//!
//! Names follow the file. Maps of the file are lists here, in the order of the file. Nothing in it is a secret:
//! secret values are references ([`SecretRef`]) that [`crate::reference`] resolves when they are needed.

mod access;
mod fields;

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

pub use crate::config::model::access::*;
pub use crate::config::model::fields::*;

use crate::config::problem::Problem;
use crate::config::typed::Typed;

/// One `bootstrap.yaml`, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Version of the file's format; 1.
    pub version: u32,
    /// The file as it was named on the command line.
    pub file: PathBuf,
    /// The directory that relative paths of the file start at.
    pub directory: PathBuf,
    /// The servers.
    pub cluster: Cluster,
    /// Initialisation and the custodians of the recovery (or unseal) shares.
    pub init: Init,
    /// Where the ceremony keeps its diary.
    pub checkpoint: Checkpoint,
    /// Audit devices, by path.
    pub audit: Vec<AuditDevice>,
    /// Secrets engines, by path.
    pub secrets: Vec<SecretsEngine>,
    /// Auth methods, by path.
    pub auth: Vec<AuthMount>,
    /// Policies, by name.
    pub policies: Vec<Policy>,
    /// Any other API writes, in order.
    pub writes: Vec<Write>,
    /// Logins that must work before root goes, by name.
    pub logins: Vec<Login>,
    /// The way back in an emergency.
    pub break_glass: BreakGlass,
    /// False when the file wants to keep the root token; the command line must say so as well.
    pub revoke_root: bool,
    /// What is allowed and probably not meant.
    pub warnings: Vec<Problem>,
    /// What was typed beside it.
    pub typed: Typed,
}

/// The file that is read where none is named on the command line.
const DEFAULT_FILE: &str = "bootstrap.yaml";

impl Config {
    /// A command to type for this very file, such as `vault-bootstrap -c prod.yaml apply`, with what was typed now of
    /// that which it takes.
    #[must_use]
    pub fn command(&self, verb: &str) -> String {
        let (file, verb) = (self.file.display().to_string(), self.typed.added_to(verb));
        if file == DEFAULT_FILE {
            format!("vault-bootstrap {verb}")
        } else {
            format!("vault-bootstrap -c {} {verb}", in_shell(&file))
        }
    }

    /// The auth method mounted at `path` (without slash at the end).
    #[must_use]
    pub fn auth_mount(&self, path: &str) -> Option<&AuthMount> {
        self.auth.iter().find(|mount| mount.path == path)
    }

    /// The login of this name.
    #[must_use]
    pub fn login(&self, name: &str) -> Option<&Login> {
        self.logins.iter().find(|login| login.name == name)
    }

    /// Whether the grant of the break-glass doors is for new shares as well.
    #[must_use]
    pub fn may_rotate(&self) -> bool {
        matches!(&self.break_glass, BreakGlass::Logins { rotation: true, .. })
    }

    /// The policy of this name.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    /// The logins that are break-glass doors, in the order of `break_glass.logins`.
    #[must_use]
    pub fn doors(&self) -> Vec<&Login> {
        match &self.break_glass {
            BreakGlass::Logins { names, .. } => {
                names.iter().filter_map(|name| self.login(name)).collect()
            }
            BreakGlass::None { .. } => Vec::new(),
        }
    }
}

/// A word as a shell takes it for one.
#[must_use]
pub fn in_shell(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+=:,@%".contains(letter);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// `cluster`: how the servers are reached.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Name of the cluster, for reports and the operator.
    pub name: String,
    /// The address that clients use.
    pub address: Url,
    /// Each node by itself; empty when `address` is the only one.
    pub nodes: Vec<Url>,
    /// Trust and client certificate.
    pub tls: Tls,
    /// The namespace of every request, where the product has them; `None` for the root namespace.
    pub namespace: Option<String>,
    /// Its id, as the server says it once it is initialised, where the file names it.
    pub id: Option<String>,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// `cluster.tls`. There is no switch that turns the check of certificates off.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// PEM of the authorities to trust, instead of those of the system.
    pub ca_cert: Option<SecretRef>,
    /// The name to expect in the server's certificate, where it is not that of the address.
    pub server_name: Option<String>,
    /// PEM of the client's certificate.
    pub client_cert: Option<SecretRef>,
    /// PEM of the client's private key.
    pub client_key: Option<SecretRef>,
}

/// `cluster.timeouts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// One request.
    pub request: Duration,
    /// The one request that initialises.
    pub init: Duration,
    /// From unsealed to an active node.
    pub active: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            init: Duration::from_secs(600),
            active: Duration::from_secs(120),
        }
    }
}

/// `init`.
#[derive(Debug, Clone)]
pub struct Init {
    /// Number of shares to make.
    pub shares: u32,
    /// How many of them open the cluster.
    pub threshold: u32,
    /// The seal that the operator expects; `None` shows what the server says.
    pub seal: Option<Seal>,
    /// Which making of the shares this is, from 1; above 1 it is part of their names.
    pub generation: u32,
    /// When recovery shares come to be; `None` as the server allows.
    pub recovery: Option<Recovery>,
    /// One for each share.
    pub custodians: Vec<Custodian>,
    /// Names of custodians whose holder never opened anything there, accepted by name.
    pub accept_unproved: Vec<String>,
}

/// When recovery shares come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// After the audit devices, verified once all of them are with their custodians.
    TwoPhase,
    /// In the answer to initialisation.
    AtInit,
}

/// What unseals a restarted node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// A key management service or a static key: shares are recovery shares.
    Auto,
    /// People: shares are key shares.
    Shamir,
}

/// One entry of `init.custodians`.
#[derive(Debug, Clone)]
pub struct Custodian {
    /// Name of the person or place.
    pub name: String,
    /// Where the share goes.
    pub kind: CustodianKind,
}

/// Where a share is kept.
#[derive(Debug, Clone)]
pub enum CustodianKind {
    /// A `SecureString` of AWS Systems Manager Parameter Store.
    Ssm {
        /// Name of the parameter, with its leading slash.
        parameter: String,
        /// KMS key (id, ARN or alias) instead of the account's default.
        kms_key: Option<String>,
        /// Tags for the parameter, in the order of the file.
        tags: Vec<(String, String)>,
        /// Which account and region.
        aws: Aws,
    },
    /// A file encrypted to an age recipient.
    Age {
        /// `age1…`.
        recipient: String,
        /// The file to create.
        file: PathBuf,
    },
    /// A file encrypted to a PGP key.
    Pgp {
        /// The file with the public key.
        public_key: PathBuf,
        /// What that key must have.
        fingerprint: Option<String>,
        /// The file to create.
        file: PathBuf,
    },
}

/// How AWS is reached; what is missing comes from the AWS defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Aws {
    /// `eu-central-1`.
    pub region: Option<String>,
    /// Name of a profile of the shared configuration.
    pub profile: Option<String>,
    /// ARN of a role to assume.
    pub role_arn: Option<String>,
}

/// `checkpoint`.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The directory.
    pub path: PathBuf,
    /// What encrypts the secret part.
    pub key: CheckpointKey,
    /// A second place, for a machine that may vanish.
    pub replica: Option<Replica>,
}

/// A second place for the checkpoint.
#[derive(Debug, Clone)]
pub struct Replica {
    /// What it is.
    pub kind: ReplicaKind,
    /// KMS key (id, ARN or alias) instead of the default.
    pub kms_key: Option<String>,
    /// Which account and region.
    pub aws: Aws,
}

/// What a replica is.
#[derive(Debug, Clone)]
pub enum ReplicaKind {
    /// Parameters of AWS Systems Manager below this path.
    Ssm {
        /// With its leading slash.
        parameter: String,
    },
    /// Objects of S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// Beginning of their names.
        prefix: String,
    },
}

/// What encrypts the secret part of the checkpoint.
#[derive(Debug, Clone)]
pub enum CheckpointKey {
    /// A KMS key: id, ARN or alias.
    Kms {
        /// Id, ARN or alias.
        key: String,
        /// Which account and region.
        aws: Aws,
    },
    /// A file with an age identity.
    Identity(PathBuf),
    /// A passphrase, stretched.
    Passphrase(SecretRef),
}

/// One entry of `audit`.
#[derive(Debug, Clone)]
pub struct AuditDevice {
    /// Path, without slash at the end.
    pub path: String,
    /// `file`, `syslog`, `socket`, …
    pub device_type: String,
    /// Free text.
    pub description: String,
    /// Options; the servers keep them as text.
    pub options: Vec<(String, String)>,
    /// Not replicated.
    pub local: bool,
}

/// One entry of `secrets`.
#[derive(Debug, Clone)]
pub struct SecretsEngine {
    /// Path, without slash at the end.
    pub path: String,
    /// `kv`, `pki`, `transit`, …
    pub engine_type: String,
    /// Free text.
    pub description: String,
    /// Options of the mount (`version` of `kv`), as text.
    pub options: Vec<(String, String)>,
    /// Fields for `PATH/config`.
    pub config: Fields,
    /// Fields for `sys/mounts/PATH/tune`.
    pub tune: Fields,
    /// Not replicated.
    pub local: bool,
    /// Wrapped by the seal, where the product can.
    pub seal_wrap: bool,
}

/// One entry of `writes`.
#[derive(Debug, Clone)]
pub struct Write {
    /// API path without `/v1/`.
    pub path: String,
    /// The body.
    pub data: Fields,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_a_blank_or_a_quote_stays_one_word() {
        assert_eq!(in_shell("conf/prod-1.yaml"), "conf/prod-1.yaml");
        assert_eq!(in_shell("my file.yaml"), "'my file.yaml'");
        assert_eq!(in_shell("it's.yaml"), r"'it'\''s.yaml'");
    }
}
