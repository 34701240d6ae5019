//! A login: what an auth method answers when it lets somebody in.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::secret::Token;
use crate::vault::http::{Ask, Body, Client, Error, Kind, NoLogin, Reply, null_is_empty};

/// A session of a login. The token is a secret, all else is evidence.
#[derive(Debug, Deserialize)]
pub struct AuthResponse {
    /// The token.
    #[serde(rename = "client_token")]
    pub token: Token,
    /// Names the token without being one. Empty for batch tokens.
    #[serde(default)]
    pub accessor: String,
    /// All policies in force, those of the identity among them.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub policies: Vec<String>,
    /// Policies that come from the entity and its groups.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub identity_policies: Vec<String>,
    /// Policies that come from the role.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub token_policies: Vec<String>,
    /// Who it is; empty when the server keeps no entity for it.
    #[serde(default)]
    pub entity_id: String,
    /// `service` or `batch`.
    #[serde(default)]
    pub token_type: String,
    /// Whether it survives the token that made it.
    #[serde(default)]
    pub orphan: bool,
    /// What the method says about who logged in.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// How often it can be used; 0 is without limit.
    #[serde(default)]
    pub num_uses: u64,
}

/// Logs in at `path` (`auth/userpass/login/ada`) with `body`.
///
/// # Errors
/// The server's refusal, or a login that is not finished by one request (a second factor).
pub async fn login(client: &Client, path: &str, body: &Body) -> Result<AuthResponse, Error> {
    let reply = client.ask(Ask::post(path, None, body)).await?;
    AuthResponse::of(&reply.ok()?)
}

#[derive(Deserialize)]
struct LoggedIn {
    auth: Option<AuthResponse>,
}

impl AuthResponse {
    /// The session in the answer of a login.
    pub(crate) fn of(reply: &Reply) -> Result<Self, Error> {
        let answer: LoggedIn = reply.whole()?;
        let Some(mut session) = answer.auth else {
            return Err(reply.fail(Kind::NoLogin(NoLogin::NoToken)));
        };
        if session.token.is_empty() {
            return Err(reply.fail(Kind::NoLogin(NoLogin::SecondFactor)));
        }
        // OpenBao puts the provider's tokens there when the role has oauth2_metadata.
        session
            .metadata
            .retain(|name, _| !name.starts_with("oauth2_"));
        Ok(session)
    }
}
