//! `logins`: the ways in that must work before root is revoked.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::mounts::AuthMount;
use crate::config::auth_types::mount_path;
use crate::config::forms::{Address, Named, PathOrReference, Span};
use crate::config::section::{At, Read, choices, section};
use crate::config::tree::Kind;
use crate::config::values::{Given, SecretRef};

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
    pub fn needs_a_person(&self) -> bool {
        let prompt = |reference: &&SecretRef| matches!(reference, SecretRef::Prompt(_));
        matches!(self.kind, LoginKind::Oidc { .. }) || self.secrets().iter().any(prompt)
    }

    /// Every reference that it stands on.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match &self.kind {
            LoginKind::Userpass { password, .. } | LoginKind::Ldap { password, .. } => {
                vec![password]
            }
            LoginKind::Cert {
                certificate, key, ..
            } => vec![certificate, key],
            LoginKind::AppRole { role_id, secret_id } => match role_id {
                Given::Secret(role_id) => vec![role_id, secret_id],
                Given::Plain(_) => vec![secret_id],
            },
            LoginKind::Jwt { with, .. } | LoginKind::Kubernetes { with, .. } => match with {
                TokenSource::TokenRequest(request) => {
                    let both = [&request.ca_cert, &request.credential];
                    both.into_iter().flatten().collect()
                }
                TokenSource::TokenFile(_) | TokenSource::Command(_) => Vec::new(),
            },
            LoginKind::Oidc { .. } => Vec::new(),
        }
    }

    /// The login of this name, through one of `mounts`.
    pub(super) fn read(name: &str, at: At, mounts: &[AuthMount]) -> Option<Self> {
        let auth = mount_path(&at.key::<String>("auth")?);
        let mount = mounts.iter().find(|mount| mount.path == auth)?;
        Some(Self {
            name: name.to_owned(),
            kind: LoginKind::read(name, at, &mount.auth_type)?,
            auth,
            can: at.key("can")?,
            cannot: at.key("cannot")?,
        })
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
    /// `auth/PATH/login/USERNAME`, of a directory that the server asks.
    Ldap {
        /// Name of the user.
        username: String,
        /// Its password; asked for where the file does not say.
        password: SecretRef,
    },
    /// `auth/PATH/login`, over a connection that shows a certificate.
    Cert {
        /// The certificate, with those between it and its authority.
        certificate: SecretRef,
        /// Its private key.
        key: SecretRef,
        /// Name of the role; without it the server takes the first that fits.
        role: Option<String>,
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

impl LoginKind {
    /// The keys that belong to the type of the auth method; the rules have seen that they are there.
    fn read(name: &str, at: At, auth_type: &str) -> Option<Self> {
        let asked = || Some(SecretRef::Prompt(format!("password of {name}")));
        let by_token = matches!(
            at.node.get("with").map(|with| &with.kind),
            Some(Kind::Map(_))
        );
        Some(match auth_type {
            "userpass" => Self::Userpass {
                username: at.key("username")?,
                password: at.key("password")?,
            },
            "ldap" => Self::Ldap {
                username: at.key("username")?,
                password: at.key_or("password", asked)?,
            },
            "cert" => Self::Cert {
                certificate: at.key("certificate")?,
                key: at.key("key")?,
                role: at.key("role")?,
            },
            "approle" => Self::AppRole {
                role_id: at.key("role_id")?,
                secret_id: at.key("secret_id")?,
            },
            "kubernetes" => Self::Kubernetes {
                role: at.key("role")?,
                with: at.key("with")?,
            },
            _ if by_token => Self::Jwt {
                role: at.key("role")?,
                with: at.key("with")?,
            },
            _ => Self::Oidc {
                role: at.key("role")?,
                with: at.key_or("with", || Some(OidcFlow::Browser))?,
            },
        })
    }
}

/// A login, with the keys that the type of its auth method takes: `username` and `password` · `role_id` and
/// `secret_id` · `role` and `with` · `certificate`, `key` and `role`.
#[derive(JsonSchema)]
#[serde(rename = "Login", deny_unknown_fields)]
#[expect(dead_code, reason = "read by the schema generator alone")]
pub(super) struct LoginKeys {
    /// Path of the auth method, one of `auth`.
    auth: String,
    /// Role of the auth method (`oidc`, `jwt`, `kubernetes`, `cert`; the last can do without).
    role: Option<String>,
    /// How: `browser`, `url` or `device` for `oidc`; where the JWT comes from for `jwt` and `kubernetes`.
    with: Option<With>,
    /// Name of the user (`userpass`, `ldap`).
    username: Option<String>,
    /// Password of the user (`userpass`, `ldap`; of the last it is asked for at a hidden prompt where it is missing).
    password: Option<SecretRef>,
    /// Path of (or reference to) the PEM of the certificate, and of those between it and its authority (`cert`).
    certificate: Option<PathOrReference>,
    /// Reference to the PEM of the private key of the certificate (`cert`).
    key: Option<SecretRef>,
    /// Role id (`approle`).
    role_id: Option<Given>,
    /// Secret id (`approle`).
    secret_id: Option<SecretRef>,
    /// Capabilities that this login must have, by path.
    can: Named<Vec<Capability>>,
    /// Capabilities that this login must not have, by path.
    cannot: Named<Vec<Capability>>,
}

/// How a login gets its credential.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    clippy::large_enum_variant,
    reason = "read by the schema generator alone"
)]
enum With {
    Flow(OidcFlow),
    Token(TokenSource),
}

/// How a person gets to the identity provider: the browser of this machine, a URL to open anywhere, or a device code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename = "Flow", rename_all = "lowercase")]
pub enum OidcFlow {
    Browser,
    // Printed, for any browser.
    Url,
    // A code is shown, to be typed on any other device (OpenBao).
    Device,
}

/// Where a JWT comes from.
#[derive(Debug, Clone, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there are a handful of logins")]
pub enum TokenSource {
    /// A file that holds it.
    TokenFile(PathBuf),
    /// A program and its arguments, no shell; its output is the JWT.
    Command(#[schemars(with = "Command")] Vec<String>),
    /// A `TokenRequest` to a Kubernetes API server, by default that of the pod the program runs in.
    TokenRequest(TokenRequest),
}

/// A program and its arguments.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "read by the schema generator alone")]
struct Command(#[schemars(length(min = 1))] Vec<String>);

impl Read for TokenSource {
    fn read(at: At) -> Option<Self> {
        let (kind, at) = at.entries().next()?;
        Some(match kind {
            "token_file" => Self::TokenFile(at.read()?),
            "command" => Self::Command(at.read()?),
            "token_request" => Self::TokenRequest(at.read()?),
            _ => return None,
        })
    }
}

section! {
    /// A `TokenRequest`; what is missing comes from the pod that the program runs in.
    pub struct TokenRequest {
        /// Address of the API server.
        #[schemars(with = "Option<Address>")]
        pub api_server: Option<Url>,
        /// Path of (or reference to) the PEM of its authority.
        #[schemars(with = "Option<PathOrReference>")]
        pub ca_cert: Option<SecretRef>,
        /// Reference to the bearer token that may create tokens.
        pub credential: Option<SecretRef>,
        /// Namespace of the service account.
        pub namespace: Option<String>,
        /// The service account.
        pub service_account: Option<String>,
        /// Audience of the token.
        pub audience: Option<String>,
        /// Life of the token.
        #[schemars(with = "Option<Span>")]
        pub expiration: Option<Duration>,
    }
}

/// A capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    Create,
    Read,
    Update,
    Patch,
    Delete,
    List,
    Sudo,
}

choices!(OidcFlow, Capability);

impl Capability {
    /// As the servers spell it.
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
