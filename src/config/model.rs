//! What a configuration says, ready to use: addresses parsed, durations counted, paths resolved, choices as enums.
//!
//! Names follow the file. Maps of the file are lists here, in the order of the file. Nothing in it is a secret:
//! secret values are references ([`SecretRef`]) that [`crate::reference`] resolves when they are needed.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::problem::Problem;

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
}

impl Config {
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

    /// The policy of this name.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    /// The logins that are break-glass doors, in the order of `break_glass.logins`.
    #[must_use]
    pub fn doors(&self) -> Vec<&Login> {
        match &self.break_glass {
            BreakGlass::Logins(names) => names.iter().filter_map(|name| self.login(name)).collect(),
            BreakGlass::None { .. } => Vec::new(),
        }
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
    /// One for each share.
    pub custodians: Vec<Custodian>,
    /// Names of custodians whose holder never opened anything there, accepted by name.
    pub accept_unproved: Vec<String>,
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
}

/// How AWS is reached; what is missing comes from the AWS defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

/// One entry of `auth`.
#[derive(Debug, Clone)]
pub struct AuthMount {
    /// Path, without slash at the end.
    pub path: String,
    /// Type; the path where the file does not say.
    pub auth_type: String,
    /// Free text.
    pub description: String,
    /// Fields for `auth/PATH/config`.
    pub config: Fields,
    /// Fields for `sys/auth/PATH/tune`.
    pub tune: Fields,
    /// Fields of each role.
    pub roles: Vec<(String, Fields)>,
    /// Fields of each user.
    pub users: Vec<(String, Fields)>,
    /// Not replicated.
    pub local: bool,
}

impl AuthMount {
    /// The role of this name.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<&Fields> {
        self.roles
            .iter()
            .find(|(role, _)| role == name)
            .map(|(_, fields)| fields)
    }

    /// The user of this name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&Fields> {
        self.users
            .iter()
            .find(|(user, _)| user == name)
            .map(|(_, fields)| fields)
    }
}

/// One entry of `policies`.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Name, in lower case.
    pub name: String,
    /// Where its text comes from.
    pub source: PolicySource,
}

/// Where the text of a policy comes from.
#[derive(Debug, Clone)]
pub enum PolicySource {
    /// Written by the tool: read-only, with the scan of accessors.
    Auditor,
    /// The operator's text, from the file or from a file of its own.
    Rules {
        /// The text, byte for byte.
        text: String,
        /// The file that it was read from.
        file: Option<PathBuf>,
    },
}

/// One entry of `writes`.
#[derive(Debug, Clone)]
pub struct Write {
    /// API path without `/v1/`.
    pub path: String,
    /// The body.
    pub data: Fields,
}

/// One entry of `logins`.
#[derive(Debug, Clone)]
pub struct Login {
    /// Name of the login in this file.
    pub name: String,
    /// Path of its auth mount, one of `auth`.
    pub auth: String,
    /// How it logs in; matches the type of the mount.
    pub kind: LoginKind,
    /// Capabilities it must have: path and list.
    pub can: Vec<(String, Vec<Capability>)>,
    /// Capabilities it must not have: path and list.
    pub cannot: Vec<(String, Vec<Capability>)>,
}

impl Login {
    /// True when somebody has to be there: a browser, a device, a prompt.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        let prompt = |reference: &SecretRef| matches!(reference, SecretRef::Prompt(_));
        match &self.kind {
            LoginKind::Oidc { .. } => true,
            LoginKind::Userpass { password, .. } => prompt(password),
            LoginKind::AppRole { role_id, secret_id } => {
                prompt(secret_id)
                    || matches!(role_id, Given::Secret(reference) if prompt(reference))
            }
            LoginKind::Jwt { with, .. } | LoginKind::Kubernetes { with, .. } => match with {
                TokenSource::TokenRequest(request) => {
                    request.credential.as_ref().is_some_and(prompt)
                }
                TokenSource::TokenFile(_) | TokenSource::Command(_) => false,
            },
        }
    }
}

/// How a login logs in.
#[derive(Debug, Clone)]
pub enum LoginKind {
    /// `auth/PATH/login/USERNAME`.
    Userpass {
        /// Name of the user.
        username: String,
        /// Its password.
        password: SecretRef,
    },
    /// `auth/PATH/login` with a role id.
    AppRole {
        /// The role id, which is half a secret.
        role_id: Given,
        /// The secret id.
        secret_id: SecretRef,
    },
    /// `auth/PATH/login` with a JWT.
    Jwt {
        /// Name of the role.
        role: String,
        /// Where the JWT comes from.
        with: TokenSource,
    },
    /// `auth/PATH/login` with the JWT of a service account.
    Kubernetes {
        /// Name of the role.
        role: String,
        /// Where the JWT comes from.
        with: TokenSource,
    },
    /// `auth/PATH/oidc/auth_url`, with a person.
    Oidc {
        /// Name of the role.
        role: String,
        /// How the person gets there.
        with: OidcFlow,
    },
}

/// How a person reaches the identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OidcFlow {
    /// The browser of this machine is opened.
    Browser,
    /// The URL is printed.
    Url,
    /// A code is shown, to be typed on any other device (OpenBao).
    Device,
}

/// Where a JWT comes from.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there are a handful of logins")]
pub enum TokenSource {
    /// A file that holds it.
    TokenFile(PathBuf),
    /// The output of a command: program and arguments, no shell. Never empty.
    Command(Vec<String>),
    /// A `TokenRequest` to a Kubernetes API server.
    TokenRequest(TokenRequest),
}

/// `with: {token_request: …}`. What is missing comes from the pod that the program runs in.
#[derive(Debug, Clone, Default)]
pub struct TokenRequest {
    /// Address of the API server.
    pub api_server: Option<Url>,
    /// PEM of its authority.
    pub ca_cert: Option<SecretRef>,
    /// The bearer token that may create tokens.
    pub credential: Option<SecretRef>,
    /// Namespace of the service account.
    pub namespace: Option<String>,
    /// The service account.
    pub service_account: Option<String>,
    /// Audience of the token.
    pub audience: Option<String>,
    /// Life of the token.
    pub expiration: Option<Duration>,
}

/// A capability of the servers' policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// `create`
    Create,
    /// `read`
    Read,
    /// `update`
    Update,
    /// `patch`
    Patch,
    /// `delete`
    Delete,
    /// `list`
    List,
    /// `sudo`
    Sudo,
}

impl Capability {
    /// As the servers spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Sudo => "sudo",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// `break_glass`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BreakGlass {
    /// Names of the logins that get the grant; never empty. The drill comes later.
    Logins(Vec<String>),
    /// Given up on purpose.
    None {
        /// Why, for the report.
        reason: String,
    },
}

/// Where a secret is; never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `{file: PATH}`
    File(PathBuf),
    /// `{env: NAME}`
    Env(String),
    /// `{ssm: PARAMETER}` or `{ssm: {parameter, region, profile, role_arn}}`
    Ssm {
        /// Name of the parameter.
        parameter: String,
        /// Which account and region.
        aws: Aws,
    },
    /// `{prompt: TEXT}`: asked for on the terminal.
    Prompt(String),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Env(name) => write!(formatter, "environment variable {name}"),
            Self::Ssm { parameter, aws } => {
                let region = aws.region.as_deref().unwrap_or("default-region");
                write!(
                    formatter,
                    "aws-ssm://{region}/{}",
                    parameter.trim_start_matches('/')
                )
            }
            Self::Prompt(text) => write!(formatter, "prompt \"{text}\""),
        }
    }
}

/// A value that may stand in the file or be a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// In the file.
    Plain(String),
    /// Elsewhere.
    Secret(SecretRef),
}

/// Fields of an API request, only those that were given, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(pub Vec<(String, Field)>);

impl Fields {
    /// The field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value)
    }

    /// All fields in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (String, Field)> {
        self.0.iter()
    }

    /// True when nothing was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One value of an API request.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(serde_json::Number),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Field>),
    /// A map, in order.
    Map(Fields),
    /// A secret that is elsewhere.
    Secret(SecretRef),
}

impl Field {
    /// The text, where it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The texts of a list, or the parts of a comma-separated text, as the servers read both.
    #[must_use]
    pub fn strings(&self) -> Vec<&str> {
        match self {
            Self::String(text) => text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .collect(),
            Self::List(items) => items.iter().filter_map(Field::as_str).collect(),
            _ => Vec::new(),
        }
    }
}
