//! `init`: initialisation and the custodians of the recovery (or unseal) shares.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::config::forms::Address;
use crate::config::forms::Named;
use crate::config::section::{At, Read, choices, section};
use crate::config::values::Aws;

section! {
    /// Initialisation, and who keeps the shares.
    pub struct Init {
        /// Number of shares to make, 1 to 255.
        #[schemars(range(min = 1, max = 255))]
        pub shares: u32,
        /// How many of them open the cluster.
        #[schemars(range(min = 1, max = 255))]
        pub threshold: u32,
        /// The seal that is expected; without it the answer of the server is shown.
        pub seal: Option<Seal>,
        /// Which making of the shares this is, 1 to 999: 1 at first, more for `recovery rotate`. Above 1 it stands in the
        /// name of each share: `PARAMETER-g2`, `bob.g2.age`.
        #[schemars(with = "Option<u32>", range(min = 1, max = 999))]
        pub generation: u32 = 1,
        /// When recovery shares come to be: `two-phase`, verified once all of them are with their custodians (the default
        /// with OpenBao and an auto-unseal, and possible nowhere else), or `at-init`, in the answer to initialisation.
        pub recovery: Option<Recovery>,
        /// Who keeps the shares, one entry a share.
        #[schemars(with = "Vec<CustodianKeys>")]
        pub custodians: Vec<Custodian>,
        /// Names of custodians that are accepted although nobody ever opened anything there.
        #[schemars(with = "Option<Vec<String>>")]
        pub accept_unproved: Vec<String>,
        /// Names of custodians that are accepted although one key or account opens the shares of several of them.
        #[schemars(with = "Option<Vec<String>>")]
        pub accept_one_trust_domain: Vec<String>,
    }
}

/// The seal of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Seal {
    // A key management service or a static key: shares are recovery shares.
    Auto,
    // People: shares are key shares.
    Shamir,
}

impl Seal {
    /// As it is written in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Shamir => "shamir",
        }
    }
}

/// When recovery shares come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Recovery {
    // After the audit devices, verified once all of them are with their custodians.
    TwoPhase,
    // In the answer to initialisation.
    AtInit,
}

choices!(Seal, Recovery);

/// One entry of `init.custodians`.
#[derive(Debug, Clone)]
pub struct Custodian {
    /// Name of the person or place.
    pub name: String,
    /// Where the share goes.
    pub kind: CustodianKind,
    /// Line and column of what says whose key, or which parameter or secret, it is.
    pub place: (u32, u32),
}

/// Where a share is kept.
#[derive(Debug, Clone)]
pub enum CustodianKind {
    /// A `SecureString` of AWS Systems Manager Parameter Store.
    Ssm(SsmCustodian),
    /// A secret of AWS Secrets Manager.
    SecretsManager(SecretsManagerCustodian),
    /// A file encrypted to an age recipient.
    Age(AgeCustodian),
    /// A file encrypted to a PGP key.
    Pgp(PgpCustodian),
    /// A Secret of Kubernetes, encrypted to an age recipient.
    Kubernetes(KubernetesCustodian),
}

impl CustodianKind {
    /// Whether a person opens it, and no machine.
    pub fn is_a_persons(&self) -> bool {
        !matches!(self, Self::Ssm(_) | Self::SecretsManager(_))
    }

    /// Whether it is a file of the machine that the ceremony runs on.
    pub fn is_a_file(&self) -> bool {
        matches!(self, Self::Age(_) | Self::Pgp(_))
    }
}

impl Read for Custodian {
    fn read(at: At) -> Option<Self> {
        let kind = ["ssm", "secretsmanager", "age", "pgp", "kubernetes"]
            .iter()
            .find_map(|kind| at.node.get(kind));
        let keys = ["parameter", "recipient", "public_key", "secret", "name"];
        let key = kind.and_then(|kind| keys.iter().find_map(|key| kind.get(key)));
        let place = key.unwrap_or(at.node).place;
        let place = (place.line, place.column);
        let keys = CustodianKeys::read(at)?;
        let ssm = keys.ssm.map(CustodianKind::Ssm);
        let secret = keys.secretsmanager.map(CustodianKind::SecretsManager);
        let age = keys.age.map(CustodianKind::Age);
        let pgp = keys.pgp.map(CustodianKind::Pgp);
        let kubernetes = keys.kubernetes.map(CustodianKind::Kubernetes);
        Some(Self {
            name: keys.name,
            kind: ssm.or(secret).or(age).or(pgp).or(kubernetes)?,
            place,
        })
    }
}

section! {
    /// Who keeps a share: `name`, and one of `ssm`, `secretsmanager`, `age`, `pgp` and `kubernetes`.
    #[schemars(rename = "Custodian", extend("oneOf" = [{"required": ["ssm"]}, {"required": ["secretsmanager"]}, {"required": ["age"]}, {"required": ["pgp"]}, {"required": ["kubernetes"]}]))]
    pub struct CustodianKeys {
        /// The person or place.
        #[schemars(length(min = 1))]
        pub name: String,
        /// A `SecureString` of AWS Systems Manager Parameter Store.
        pub ssm: Option<SsmCustodian>,
        /// A secret of AWS Secrets Manager.
        pub secretsmanager: Option<SecretsManagerCustodian>,
        /// A file encrypted to an age recipient.
        pub age: Option<AgeCustodian>,
        /// A file encrypted to a PGP key.
        pub pgp: Option<PgpCustodian>,
        /// A Secret of Kubernetes, encrypted to an age recipient.
        pub kubernetes: Option<KubernetesCustodian>,
    }
}

section! {
    /// A `SecureString` of AWS Systems Manager Parameter Store.
    pub struct SsmCustodian {
        /// Name of the parameter; it must not exist yet.
        #[schemars(length(min = 1))]
        pub parameter: String,
        /// KMS key (id, ARN or alias) instead of the account's default.
        pub kms_key: Option<String>,
        /// Tags of the parameter.
        #[schemars(with = "Named<String>")]
        pub tags: Vec<(String, String)>,
        ..aws: Aws,
    }
}

section! {
    /// A secret of AWS Secrets Manager.
    pub struct SecretsManagerCustodian {
        /// Name of the secret, no ARN; it must not exist yet, nor be scheduled for deletion.
        #[schemars(length(min = 1))]
        pub name: String,
        /// KMS key (id, ARN or alias) instead of the account's default.
        pub kms_key: Option<String>,
        /// Tags of the secret.
        #[schemars(with = "Named<String>")]
        pub tags: Vec<(String, String)>,
        /// Address of the service, where it is another than that of the region: an endpoint of a VPC.
        #[schemars(with = "Option<Address>")]
        pub endpoint: Option<Url>,
        ..aws: Aws,
    }
}

section! {
    /// A file encrypted to an age recipient.
    pub struct AgeCustodian {
        /// The recipient, `age1…`.
        #[schemars(length(min = 1))]
        pub recipient: String,
        /// The file to create; it must not exist yet.
        #[schemars(length(min = 1))]
        pub file: PathBuf,
    }
}

section! {
    /// A file encrypted to a PGP key, by the server itself where all custodians have one and the seal is not Shamir.
    pub struct PgpCustodian {
        /// The file with the holder's public key alone, armored or binary.
        #[schemars(length(min = 1))]
        pub public_key: PathBuf,
        /// The whole fingerprint of the key, 40 hexadecimal digits; spaces are allowed.
        #[schemars(length(min = 1))]
        pub fingerprint: Option<String>,
        /// The file to create; it must not exist yet.
        #[schemars(length(min = 1))]
        pub file: PathBuf,
    }
}

section! {
    /// A Secret of Kubernetes, encrypted to an age recipient; what is missing of the API server comes from the pod that the
    /// program runs in.
    pub struct KubernetesCustodian {
        /// The Secret to create, `NAMESPACE/NAME`; it must not exist yet.
        #[schemars(length(min = 1))]
        pub secret: String,
        /// The recipient, `age1…`.
        #[schemars(length(min = 1))]
        pub recipient: String,
        /// Address of the API server.
        #[schemars(with = "Option<Address>")]
        pub api_server: Option<Url>,
        /// The PEM of its authority.
        pub ca_cert: Option<PathBuf>,
        /// The bearer token that may create and read the Secret.
        pub token_file: Option<PathBuf>,
    }
}
