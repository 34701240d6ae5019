//! `checkpoint`: where the ceremony keeps its diary.

use std::path::PathBuf;

use schemars::JsonSchema;

use crate::config::forms::KmsKey;
use crate::config::section::{At, Read, section};
use crate::config::values::{Aws, SecretRef, in_aws};

section! {
    /// The diary of the ceremony.
    pub struct Checkpoint {
        /// The directory; made with mode 0700.
        #[schemars(length(min = 1))]
        pub path: PathBuf,
        /// What encrypts its secret part.
        pub key: CheckpointKey,
        /// A replica, for a machine that may vanish with its disk.
        pub replica: Option<Replica>,
    }
}

/// What encrypts the secret part of the checkpoint.
#[derive(Debug, Clone, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckpointKey {
    /// A key of AWS KMS.
    #[schemars(with = "KmsKey")]
    Kms {
        /// Id, ARN or alias.
        key: String,
        /// Which account and region.
        aws: Aws,
    },
    /// A file with an age identity.
    Identity(PathBuf),
    /// A passphrase.
    Passphrase(SecretRef),
}

impl Read for CheckpointKey {
    fn read(at: At) -> Option<Self> {
        let (kind, at) = at.entries().next()?;
        Some(match kind {
            "kms" => {
                let (key, aws) = in_aws(at, "key")?;
                Self::Kms { key, aws }
            }
            "identity" => Self::Identity(at.read()?),
            "passphrase" => Self::Passphrase(at.read()?),
            _ => return None,
        })
    }
}

/// A replica for the checkpoint: `{ssm: …}` or `{s3: …}`.
#[derive(Debug, Clone, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Replica {
    /// Parameters of AWS Systems Manager Parameter Store.
    Ssm(SsmReplica),
    /// Objects of S3.
    S3(S3Replica),
}

impl Read for Replica {
    fn read(at: At) -> Option<Self> {
        let (kind, at) = at.entries().next()?;
        Some(match kind {
            "ssm" => Self::Ssm(at.read()?),
            "s3" => Self::S3(at.read()?),
            _ => return None,
        })
    }
}

section! {
    /// Parameters of AWS Systems Manager Parameter Store.
    pub struct SsmReplica {
        /// The path that they are below, such as `/vault/prod/checkpoint`.
        #[schemars(length(min = 1))]
        pub parameter: String,
        /// KMS key (id, ARN or alias) instead of the account's default.
        pub kms_key: Option<String>,
        ..aws: Aws,
    }
}

section! {
    /// Objects of S3.
    pub struct S3Replica {
        /// The bucket, which exists.
        #[schemars(length(min = 1))]
        pub bucket: String,
        /// What the names of the objects begin with, such as `vault/prod`.
        #[schemars(length(min = 1))]
        pub prefix: String,
        /// KMS key (id, ARN or alias) instead of what the bucket says.
        pub kms_key: Option<String>,
        ..aws: Aws,
    }
}
