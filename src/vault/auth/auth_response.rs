//! A login: what an auth method answers when it lets somebody in.

use serde::Deserialize;

use crate::secret::Token;
use crate::vault::http::field;
use crate::vault::http::{Ask, Body, Client, Error, Kind, NoLogin, Reply};

/// A session of a login. The token is a secret, all else is evidence.
#[derive(Debug, Deserialize)]
pub struct AuthResponse {
    /// The token.
    #[serde(rename = "client_token")]
    pub token: Token,
    /// Names the token without being one. Empty for batch tokens.
    #[serde(default, deserialize_with = "field::words")]
    pub accessor: String,
    /// All policies in force, those of the identity among them.
    #[serde(default, deserialize_with = "field::words")]
    pub policies: Vec<String>,
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
        let Some(session) = answer.auth else {
            return Err(reply.fail(Kind::NoLogin(NoLogin::NoToken)));
        };
        if session.token.is_empty() {
            return Err(reply.fail(Kind::NoLogin(NoLogin::SecondFactor)));
        }
        Ok(session)
    }
}
