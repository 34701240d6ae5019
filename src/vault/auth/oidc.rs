//! Logins through an identity provider: the address for the person, then the answer of the browser or the
//! wait for it. State, code and nonce travel in queries and bodies and appear in no text.

use std::time::Duration;

use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::secret::SecretText;
use crate::vault::auth::auth_response::AuthResponse;
use crate::vault::http::field;
use crate::vault::http::{Ask, Body, Client, Error, Kind, NoLogin};

/// What the servers do when the role says nothing.
const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Where a person has to go.
#[derive(Deserialize)]
pub struct AuthUrl {
    /// For the person's eyes and browser only: it carries the state of the login.
    #[serde(rename = "auth_url", deserialize_with = "field::auth_url")]
    pub url: String,
    /// What to type there, where the provider wants it typed.
    #[serde(default, deserialize_with = "field::user_code")]
    pub user_code: Option<String>,
    /// Names the login to [`poll`]; present when the server finishes it (OpenBao, `direct` and `device`).
    pub state: Option<SecretText>,
    #[serde(default, deserialize_with = "field::poll_interval")]
    poll_interval: Option<String>,
}

impl AuthUrl {
    /// The time between two polls.
    pub fn poll_interval(&self) -> Duration {
        let seconds = self
            .poll_interval
            .as_deref()
            .and_then(|text| text.parse().ok());
        seconds
            .filter(|seconds| *seconds > 0)
            .map_or(DEFAULT_POLL_INTERVAL, Duration::from_secs)
    }
}

impl std::fmt::Debug for AuthUrl {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("AuthUrl(…)")
    }
}

/// What a poll found.
#[derive(Debug)]
pub enum Poll {
    /// The person is not done.
    Pending,
    /// Not done, and the provider wants to be asked less often: five seconds more (RFC 8628).
    SlowDown,
    /// Logged in.
    Done(Box<AuthResponse>),
}

/// Starts a login at the auth method mounted at `mount`. Without `role` it is the method's default role;
/// `redirect_uri` is not used in device mode; `client_nonce` ties the rest of the login to us.
///
/// # Errors
/// The server's refusal, or [`NoLogin::EmptyAuthUrl`].
pub async fn auth_url(
    client: &Client,
    mount: &str,
    role: Option<&str>,
    redirect_uri: Option<&str>,
    client_nonce: &SecretText,
) -> Result<AuthUrl, Error> {
    let mut fields = vec![("client_nonce".to_owned(), copy(client_nonce))];
    let plain = [("role", role), ("redirect_uri", redirect_uri)];
    fields.extend(
        plain
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.into()))),
    );
    let (path, body) = (format!("auth/{mount}/oidc/auth_url"), Body::Map(fields));
    let ask = Ask::post(&path, None, &body);
    let reply = client.ask(ask).await?.ok()?;
    let answer: AuthUrl = reply.data()?;
    if answer.url.is_empty() {
        return Err(reply.fail(Kind::NoLogin(NoLogin::EmptyAuthUrl)));
    }
    Ok(answer)
}

/// Finishes a login with what the provider sent to the redirect address. Works once.
///
/// # Errors
/// The server's refusal; 400 also when another node became active meanwhile.
pub async fn callback(
    client: &Client,
    mount: &str,
    state: &SecretText,
    code: &SecretText,
    client_nonce: &SecretText,
) -> Result<AuthResponse, Error> {
    let path = format!("auth/{mount}/oidc/callback");
    let query = SecretText::new(
        Serializer::new(String::new())
            .append_pair("state", state.expose())
            .append_pair("code", code.expose())
            .append_pair("client_nonce", client_nonce.expose())
            .finish(),
    );
    let mut ask = Ask::get(&path, None);
    ask.query = Some(query.expose());
    ask.secrets = vec![state.expose(), code.expose(), client_nonce.expose()];
    AuthResponse::of(&client.ask(ask).await?.ok()?)
}

/// Asks whether the person is done (OpenBao, `direct` and `device`).
///
/// # Errors
/// The server's refusal; the login has to be started again then.
pub async fn poll(
    client: &Client,
    mount: &str,
    state: &SecretText,
    client_nonce: &SecretText,
) -> Result<Poll, Error> {
    let path = format!("auth/{mount}/oidc/poll");
    let body = Body::map([("state", copy(state)), ("client_nonce", copy(client_nonce))]);
    let reply = client.ask(Ask::post(&path, None, &body)).await?;
    let says =
        |word: &str| reply.status == 400 && reply.messages().iter().any(|text| text.contains(word));
    if says("authorization_pending") {
        return Ok(Poll::Pending);
    }
    if says("slow_down") {
        return Ok(Poll::SlowDown);
    }
    let session = AuthResponse::of(&reply.ok()?)?;
    Ok(Poll::Done(Box::new(session)))
}

fn copy(secret: &SecretText) -> Body {
    SecretText::new(secret.expose().to_owned()).into()
}
