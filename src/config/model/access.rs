//! Who gets in: auth methods, policies, logins and the way back.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::config::api::TYPED;
use crate::config::model::{Fields, Given, SecretRef};

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
    /// Whether the fields of its roles and users are those of a type that this program knows.
    #[must_use]
    pub fn has_known_fields(&self) -> bool {
        TYPED.contains(&self.auth_type.as_str())
    }

    /// The role of this name.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<&Fields> {
        self.roles
            .iter()
            // The servers keep these names in lower case.
            .find(|(role, _)| role.eq_ignore_ascii_case(name))
            .map(|(_, fields)| fields)
    }

    /// The user of this name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&Fields> {
        self.users
            .iter()
            .find(|(user, _)| user.eq_ignore_ascii_case(name))
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
    /// There is a way back.
    Logins {
        /// Names of the logins that get the grant; never empty.
        names: Vec<String>,
        /// When it is rehearsed.
        drill: Drill,
        /// One auth method for all of them is meant.
        accept_one_auth_method: bool,
        /// Names of logins that can escalate to root, and are meant to.
        accept_admins: Vec<String>,
        /// Whether the grant is for new shares as well.
        rotation: bool,
    },
    /// Given up on purpose.
    None {
        /// Why, for the report.
        reason: String,
    },
}

/// When a root token is made of the shares as the custodians keep them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drill {
    /// While root still lives: root does not go before it passed.
    BeforeRevoke,
    /// Not by `apply`: a finding.
    Later,
}
