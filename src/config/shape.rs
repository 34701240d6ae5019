//! The shape of `bootstrap.yaml`: which keys exist, what they take and what they mean.
//!
//! The JSON Schema is made from these types and the file is checked against it, so that a key is described in one
//! place. Rules between keys are in `rules`; the fields of the servers' API are in `api`.

mod login;
mod value;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use crate::config::shape::login::*;
pub(super) use crate::config::shape::value::*;

use crate::config::api::{AuthSection, FreeFields, Tune};

/// A map whose keys are names of the operator.
type Named<T> = Option<BTreeMap<String, T>>;

/// Takes a HashiCorp Vault or OpenBao cluster from uninitialised to handed over.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "bootstrap.yaml of vault-bootstrap")]
#[expect(
    dead_code,
    reason = "the sections are read one by one, so that all of them report their problems"
)]
pub(super) struct File {
    /// Version of this format: 1.
    #[schemars(extend("const" = 1))]
    version: u32,
    /// The servers and how they are reached.
    cluster: Cluster,
    /// Initialisation, and who keeps the shares of the recovery (or unseal) key.
    init: Init,
    /// The diary of the ceremony, with an encrypted part.
    checkpoint: Checkpoint,
    /// Audit devices by path. They come before everything else.
    audit: Named<AuditDevice>,
    /// Secrets engines by path.
    secrets: Named<SecretsEngine>,
    /// Auth methods by path.
    auth: Option<AuthSection>,
    /// ACL policies by name.
    policies: Named<Policy>,
    /// Any other API writes, in this order, compared where they can be read back.
    writes: Option<Vec<Write>>,
    /// Logins that must work before the root token is revoked, by name.
    logins: Named<Login>,
    /// The way back in an emergency: `{logins: [NAME, NAME]}`, or `{none: "reason"}` to go without at your own risk.
    break_glass: BreakGlass,
    /// Revoke the root token at the end; `false` also needs `--keep-root` on the command line.
    revoke_root: Option<bool>,
}

/// The servers and how they are reached.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Cluster {
    /// Name of the cluster, for reports.
    #[schemars(length(min = 1))]
    pub(super) name: String,
    /// The address of the cluster: `https://vault.internal:8200`. Plain `http` only to this machine.
    pub(super) address: Address,
    /// The address of each node, when there are several.
    pub(super) nodes: Option<Vec<Address>>,
    /// Trust. There is no switch that turns the check of certificates off.
    pub(super) tls: Option<Tls>,
    /// The namespace to work in, where the product has them, made if it is missing; empty for the root namespace.
    pub(super) namespace: Option<String>,
    /// Its id, as `sys/health` says it once it is initialised: neither shares nor tokens go to another one.
    #[schemars(length(min = 1))]
    pub(super) id: Option<String>,
    /// How long to wait.
    pub(super) timeouts: Option<Timeouts>,
}

/// Trust and client certificate.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// Path of (or reference to) the PEM of the authorities to trust, instead of those of the system.
    pub(super) ca_cert: Option<PathOrReference>,
    /// The name to expect in the server's certificate.
    pub(super) server_name: Option<String>,
    /// Path of (or reference to) the PEM of the client's certificate.
    pub(super) client_cert: Option<PathOrReference>,
    /// Reference to the PEM of the client's private key.
    pub(super) client_key: Option<SecretRef>,
}

/// How long to wait.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Timeouts {
    /// One request; 30s.
    pub(super) request: Option<Span>,
    /// The one request that initialises; 10m.
    pub(super) init: Option<Span>,
    /// From unsealed to an active node; 2m.
    pub(super) active: Option<Span>,
}

/// Initialisation, and who keeps the shares.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Init {
    /// Number of shares to make, 1 to 255.
    #[schemars(range(min = 1, max = 255))]
    pub(super) shares: u32,
    /// How many of them open the cluster.
    #[schemars(range(min = 1, max = 255))]
    pub(super) threshold: u32,
    /// The seal that is expected; without it the answer of the server is shown.
    pub(super) seal: Option<Seal>,
    /// Which making of the shares this is, 1 to 999: 1 at first, more for `recovery rotate`. Above 1 it stands in the
    /// name of each share: `PARAMETER-g2`, `bob.g2.age`.
    #[schemars(range(min = 1, max = 999))]
    pub(super) generation: Option<u32>,
    /// When recovery shares come to be: `two-phase`, verified once all of them are with their custodians (the default
    /// with OpenBao and an auto-unseal, and possible nowhere else), or `at-init`, in the answer to initialisation.
    pub(super) recovery: Option<Recovery>,
    /// Who keeps the shares, one entry a share.
    pub(super) custodians: Vec<Custodian>,
    /// Names of custodians that are accepted although nobody ever opened anything there.
    pub(super) accept_unproved: Option<Vec<String>>,
}

/// The seal of the servers.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum Seal {
    Auto,
    Shamir,
}

/// When recovery shares come to be.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Recovery {
    TwoPhase,
    AtInit,
}

/// Who keeps a share: `name`, and one of `ssm`, `age` and `pgp`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["ssm"]}, {"required": ["age"]}, {"required": ["pgp"]}]))]
pub(super) struct Custodian {
    /// The person or place.
    #[schemars(length(min = 1))]
    pub(super) name: String,
    /// A `SecureString` of AWS Systems Manager Parameter Store.
    pub(super) ssm: Option<SsmCustodian>,
    /// A file encrypted to an age recipient.
    pub(super) age: Option<AgeCustodian>,
    /// A file encrypted to a PGP key.
    pub(super) pgp: Option<PgpCustodian>,
}

/// A `SecureString` of AWS Systems Manager Parameter Store.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SsmCustodian {
    /// Name of the parameter; it must not exist yet.
    #[schemars(length(min = 1))]
    pub(super) parameter: String,
    /// KMS key (id, ARN or alias) instead of the account's default.
    pub(super) kms_key: Option<String>,
    /// Tags of the parameter.
    pub(super) tags: Named<String>,
    /// Region; otherwise the AWS default.
    pub(super) region: Option<String>,
    /// Profile of the shared AWS configuration.
    pub(super) profile: Option<String>,
    /// ARN of a role to assume.
    pub(super) role_arn: Option<String>,
}

/// A file encrypted to an age recipient.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AgeCustodian {
    /// The recipient, `age1…`.
    #[schemars(length(min = 1))]
    pub(super) recipient: String,
    /// The file to create; it must not exist yet.
    #[schemars(length(min = 1))]
    pub(super) file: String,
}

/// A file encrypted to a PGP key, by the server itself where all custodians have one and the seal is not Shamir.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgpCustodian {
    /// The file with the holder's public key alone, armored or binary.
    #[schemars(length(min = 1))]
    pub(super) public_key: String,
    /// The whole fingerprint of the key, 40 hexadecimal digits; spaces are allowed.
    #[schemars(length(min = 1))]
    pub(super) fingerprint: Option<String>,
    /// The file to create; it must not exist yet.
    #[schemars(length(min = 1))]
    pub(super) file: String,
}

/// The diary of the ceremony.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    /// The directory; made with mode 0700.
    #[schemars(length(min = 1))]
    pub(super) path: String,
    /// What encrypts its secret part.
    pub(super) key: CheckpointKey,
    /// A second place, for a machine that may vanish with its disk.
    pub(super) replica: Option<Replica>,
}

/// A second place for the checkpoint: `{ssm: …}` or `{s3: …}`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Replica {
    /// Parameters of AWS Systems Manager Parameter Store.
    Ssm(SsmReplica),
    /// Objects of S3.
    S3(S3Replica),
}

/// Parameters of AWS Systems Manager Parameter Store.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SsmReplica {
    /// The path that they are below, such as `/vault/prod/checkpoint`.
    #[schemars(length(min = 1))]
    pub(super) parameter: String,
    /// KMS key (id, ARN or alias) instead of the account's default.
    pub(super) kms_key: Option<String>,
    /// Region; otherwise the AWS default.
    pub(super) region: Option<String>,
    /// Profile of the shared AWS configuration.
    pub(super) profile: Option<String>,
    /// ARN of a role to assume.
    pub(super) role_arn: Option<String>,
}

/// Objects of S3.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct S3Replica {
    /// The bucket, which exists.
    #[schemars(length(min = 1))]
    pub(super) bucket: String,
    /// What the names of the objects begin with, such as `vault/prod`.
    #[schemars(length(min = 1))]
    pub(super) prefix: String,
    /// KMS key (id, ARN or alias) instead of what the bucket says.
    pub(super) kms_key: Option<String>,
    /// Region; otherwise the AWS default.
    pub(super) region: Option<String>,
    /// Profile of the shared AWS configuration.
    pub(super) profile: Option<String>,
    /// ARN of a role to assume.
    pub(super) role_arn: Option<String>,
}

/// What encrypts the secret part of the checkpoint.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckpointKey {
    /// A key of AWS KMS.
    Kms(KmsKey),
    /// A file with an age identity.
    Identity(String),
    /// A passphrase.
    Passphrase(SecretRef),
}

/// An audit device.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditDevice {
    /// `file`, `syslog` or `socket`.
    pub(super) r#type: String,
    /// Free text.
    pub(super) description: Option<String>,
    /// Options of the device; the servers keep them as text.
    pub(super) options: Named<Setting>,
    /// Not replicated.
    pub(super) local: Option<bool>,
}

/// A secrets engine.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its fields travel as they stand in the file")]
pub(super) struct SecretsEngine {
    /// `kv`, `pki`, `transit`, …
    r#type: String,
    /// Free text.
    description: Option<String>,
    /// Options of the mount, such as `version: "2"` of `kv`.
    options: Named<Setting>,
    /// Fields for `PATH/config`.
    config: Option<FreeFields>,
    /// Tuning of the mount.
    tune: Option<Tune>,
    /// Not replicated.
    local: Option<bool>,
    /// Wrapped by the seal, where the product can.
    seal_wrap: Option<bool>,
}

/// An ACL policy: `{file: PATH}`, `{rules: TEXT}` or `{builtin: auditor}`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Policy {
    /// A policy that the program writes itself: `auditor` reads the posture and changes nothing.
    Builtin(Builtin),
    /// A file with the policy.
    File(String),
    /// The policy itself.
    Rules(String),
}

/// Policies that the program writes itself.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Builtin {
    Auditor,
}

/// One API write.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its fields travel as they stand in the file")]
pub(super) struct Write {
    /// API path without `/v1/`.
    #[schemars(length(min = 1))]
    path: String,
    /// The body.
    data: FreeFields,
}

/// The whole schema, with its definitions.
pub(super) fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<File>()
        .to_value()
}
