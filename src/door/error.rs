//! Why a door did not open: what happened, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use crate::door::model::{Door, Kind};
use crate::door::reason::Refusal;
use crate::door::{command, redirect};
use crate::{kubernetes, vault};

/// A door that did not open, or did not keep its promise.
#[derive(Debug, thiserror::Error)]
#[error("login {door} at {address}: {cause}")]
pub struct DoorError {
    door: String,
    address: String,
    cause: Box<Cause>,
}

impl DoorError {
    pub(super) fn new(client: &vault::Client, door: &Door, cause: Cause) -> Self {
        Self {
            door: door.name.clone(),
            address: format!("{}/v1/auth/{}", client.address(), door.mount),
            cause: Box::new(cause),
        }
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The second half of the message: what to do.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        self.cause.advice()
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The server refused, for a reason that has a sentence.
    #[error("{0}")]
    Refused(Refusal),
    /// The server, or the way to it, failed otherwise.
    #[error("{0}")]
    Server(vault::Error),
    /// No token from the Kubernetes API.
    #[error("{0}")]
    Kubernetes(#[from] kubernetes::Error),
    /// The file with the JWT.
    #[error("{}: {problem}", .path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never its text.
        problem: String,
    },
    /// The program that prints the JWT.
    #[error("{0}")]
    Command(#[from] command::Error),
    /// No redirect address of the role leads to this machine.
    #[error("{0}")]
    Redirect(#[from] redirect::Error),
    /// `auth_url` answered with nothing.
    #[error("the server gave no address to sign in at for {}", .redirect_uri.as_deref().unwrap_or("the device flow"))]
    NoAuthUrl {
        /// The redirect address that was asked for.
        redirect_uri: Option<String>,
    },
    /// The answer of `auth_url` cannot be used.
    #[error("the address to sign in at cannot be used: {0}")]
    BadAuthUrl(&'static str),
    /// The role's `callback_mode` is another one.
    #[error("role {role} does not work with `with: {with}`")]
    CallbackMode {
        /// The role.
        role: String,
        /// What the file says.
        with: &'static str,
        /// What it should say, where that is known.
        instead: &'static str,
    },
    /// The identity provider said no.
    #[error("the identity provider refused: {code}{}", .description.as_deref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Provider {
        /// RFC 6749 error code.
        code: String,
        /// The provider's words.
        description: Option<String>,
    },
    /// Nobody came back in time.
    #[error("nobody finished the sign-in within {} s", .wait.as_secs())]
    TimedOut {
        /// How long it was waited for.
        wait: Duration,
        /// Whether the browser had to find its way back to this machine.
        to_here: bool,
    },
    /// The listener failed.
    #[error("the listener for the browser failed: {0}")]
    Listener(std::io::Error),
    /// No random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
    /// The login may not even look at itself.
    #[error("it may not look at itself ({path} is denied)")]
    Blind {
        /// The denied path.
        path: &'static str,
    },
    /// The login opened, and may more or less than promised.
    #[error("it opened, but {}", .0.join("; "))]
    Unmet(Vec<String>),
}

impl Cause {
    /// The sentence for what the server answered to a login of this kind, or its own words.
    pub(super) fn of(kind: &Kind, error: vault::Error) -> Self {
        match Refusal::read(kind, error.status(), error.messages()) {
            Some(refusal) => Self::Refused(refusal),
            None => Self::Server(error),
        }
    }

    fn advice(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => Some(refusal.advice()),
            Self::Server(error) => error.advice(),
            Self::Kubernetes(error) => error.advice(),
            Self::TokenFile { .. } => Some("write one JWT into it and nothing else".to_owned()),
            Self::Command(error) => error.advice(),
            Self::Redirect(_) => Some(
                "add http://localhost:8250/oidc/callback to allowed_redirect_uris of the role and to the client at the identity provider"
                    .to_owned(),
            ),
            Self::NoAuthUrl { redirect_uri: Some(uri) } => Some(format!(
                "one of two: allowed_redirect_uris of the role does not name {uri}, or the server cannot reach the identity provider; only the server's log tells which"
            )),
            Self::NoAuthUrl { redirect_uri: None } => {
                Some("see whether the server can reach the identity provider; its log tells the cause".to_owned())
            }
            Self::BadAuthUrl(_) => Some("look at oidc_discovery_url and oidc_response_mode of the auth method".to_owned()),
            Self::CallbackMode { instead, .. } => Some((*instead).to_owned()),
            Self::Provider { code, .. } => Some(advice_on_provider(code).to_owned()),
            Self::TimedOut { to_here: true, .. } => Some(
                "run the command again; over SSH use `with: url` and forward the port: ssh -L 8250:localhost:8250 HOST"
                    .to_owned(),
            ),
            Self::TimedOut { to_here: false, .. } => Some("run the command again".to_owned()),
            Self::Listener(_) | Self::NoRandom => None,
            Self::Blind { .. } => Some(
                "token_no_default_policy is set and no policy gives these back: read on auth/token/lookup-self, update on auth/token/revoke-self and sys/capabilities-self"
                    .to_owned(),
            ),
            Self::Unmet(_) => Some("change the policies of the role, or can and cannot of the login".to_owned()),
        }
    }
}

fn advice_on_provider(code: &str) -> &'static str {
    match code {
        "access_denied" => {
            "sign in as a person whom the provider lets use this client, and consent"
        }
        "unauthorized_client" | "invalid_client" => {
            "compare oidc_client_id and oidc_client_secret with the client at the provider"
        }
        "invalid_scope" => "compare oidc_scopes of the role with what the provider offers",
        "redirect_uri_mismatch" | "invalid_request" => {
            "register the redirect address for this client at the provider, port included"
        }
        "expired_token" => "the code ran out: run the command again",
        _ => "the provider's own log says more",
    }
}
