//! The shape of logins and of the way back.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::shape::{Address, Named, PathOrReference, SecretRef, Span, TextOrReference};

/// A login, with the keys that the type of its auth method takes: `username` and `password` · `role_id` and
/// `secret_id` · `role` and `with`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// Path of the auth method, one of `auth`.
    pub(crate) auth: String,
    /// Role of the auth method (`oidc`, `jwt`, `kubernetes`).
    pub(crate) role: Option<String>,
    /// How: `browser`, `url` or `device` for `oidc`; where the JWT comes from for `jwt` and `kubernetes`.
    pub(crate) with: Option<With>,
    /// Name of the user (`userpass`).
    pub(crate) username: Option<String>,
    /// Password of the user (`userpass`).
    pub(crate) password: Option<SecretRef>,
    /// Role id (`approle`).
    pub(crate) role_id: Option<TextOrReference>,
    /// Secret id (`approle`).
    pub(crate) secret_id: Option<SecretRef>,
    /// Capabilities that this login must have, by path.
    pub(crate) can: Named<Vec<Capability>>,
    /// Capabilities that this login must not have, by path.
    pub(crate) cannot: Named<Vec<Capability>>,
}

/// How a login gets its credential.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "there are a handful of logins")]
pub(crate) enum With {
    Flow(Flow),
    Token(TokenSource),
}

/// How a person gets to the identity provider: the browser of this machine, a URL to open anywhere, or a device code.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Flow {
    Browser,
    Url,
    Device,
}

/// Where a JWT comes from.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there are a handful of logins")]
pub(crate) enum TokenSource {
    /// A file that holds it.
    TokenFile(String),
    /// A program and its arguments, no shell; its output is the JWT.
    Command(Command),
    /// A `TokenRequest` to a Kubernetes API server, by default that of the pod the program runs in.
    TokenRequest(TokenRequest),
}

/// A program and its arguments.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Command(#[schemars(length(min = 1))] pub(crate) Vec<String>);

/// A `TokenRequest`; what is missing comes from the pod that the program runs in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// Address of the API server.
    pub(crate) api_server: Option<Address>,
    /// Path of (or reference to) the PEM of its authority.
    pub(crate) ca_cert: Option<PathOrReference>,
    /// Reference to the bearer token that may create tokens.
    pub(crate) credential: Option<SecretRef>,
    /// Namespace of the service account.
    pub(crate) namespace: Option<String>,
    /// The service account.
    pub(crate) service_account: Option<String>,
    /// Audience of the token.
    pub(crate) audience: Option<String>,
    /// Life of the token.
    pub(crate) expiration: Option<Span>,
}

/// A capability.
#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Capability {
    Create,
    Read,
    Update,
    Patch,
    Delete,
    List,
    Sudo,
}

/// The way back in an emergency.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum BreakGlass {
    Logins(BreakGlassLogins),
    None(BreakGlassNone),
}

/// The logins that get the grant to make a new root token with a quorum of shares.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BreakGlassLogins {
    /// Names of `logins`; two on different auth methods are advised.
    #[schemars(length(min = 1))]
    pub(crate) logins: Vec<String>,
    /// When a root token is made of the shares as the custodians keep them: `before-revoke`, while root still lives,
    /// or `later`, which is a finding until then.
    pub(crate) drill: Option<Drill>,
    /// All of them may hang on one auth method: with that down, nobody gets in. A finding otherwise.
    pub(crate) accept_one_auth_method: Option<bool>,
    /// Names of `logins` that may change policies, roles or identities, and so give themselves whatever they want. A
    /// finding otherwise.
    pub(crate) accept_admins: Option<Vec<String>>,
    /// Lets these logins make new shares as well, together with a quorum of the old ones: for `recovery rotate`.
    pub(crate) rotation: Option<bool>,
}

/// When the drill happens.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Drill {
    BeforeRevoke,
    Later,
}

/// No way back, on purpose.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BreakGlassNone {
    /// Why; it stands in the report.
    #[schemars(length(min = 1))]
    pub(crate) none: String,
}
