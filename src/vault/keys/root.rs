//! The root token's end, and the ways the server offers to make a new one.

use crate::secret::{RootToken, Token};
use crate::vault::auth::token::{TokenInfo, lookup_self, send_revoke_self};
use crate::vault::http::{Ask, Client, Error, Kind};
use crate::vault::sys;

/// What `sys/health` answers on a standby.
const STANDBY: u16 = 429;

/// How a root token can be generated on this server, as far as its listener shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootGeneration {
    /// `sys/generate-root` answers anybody (Vault before 2.0, or switched on): a finding.
    OpenClassic,
    /// `sys/generate-root` wants a token (Vault from 2.0).
    AuthenticatedClassic,
    /// `sys/generate-root-token` wants a token (OpenBao from 2.6).
    OpenBaoAuthenticated,
    /// Not at all without a change of the server's configuration (OpenBao 2.5.3 to 2.5.x).
    Off,
}

/// Asks for the status of a root generation, first as nobody and then with `token`. Changes nothing.
///
/// # Errors
/// 503 while the server is sealed, not initialised or without an active node; 405 when only a token could
/// tell and there is none; 403 when this one may not.
pub async fn probe_root_generation(
    client: &Client,
    token: Option<&Token>,
) -> Result<RootGeneration, Error> {
    let client = client.in_namespace(None);
    let ask = Ask::get("sys/generate-root/attempt", None);
    let classic = client.ask(ask).await?;
    let refusal = classic.refusal();
    match classic.status {
        200 => {
            classic.whole::<serde_json::Value>()?;
            return Ok(RootGeneration::OpenClassic);
        }
        403 if is_from_server(&refusal) => return Ok(RootGeneration::AuthenticatedClassic),
        404 | 405 if is_from_server(&refusal) => {}
        _ => return Err(refusal),
    }
    let Some(token) = token else {
        return Err(refusal);
    };
    let ask = Ask::get("sys/generate-root-token/attempt", Some(token));
    let own = client.ask(ask).await?;
    match own.status {
        200 => Ok(RootGeneration::OpenBaoAuthenticated),
        404 | 405 if is_from_server(&own.refusal()) => Ok(RootGeneration::Off),
        _ => Err(own.refusal()),
    }
}

fn is_from_server(error: &Error) -> bool {
    matches!(error.kind(), Kind::Status { .. })
}

/// The root token together with the node it is used on.
#[derive(Debug)]
pub struct RootSession {
    client: Client,
    token: RootToken,
}

/// That a root token lived and lives no more, seen on one node.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Revocation {
    /// Of the token that was revoked.
    pub accessor: String,
    /// The node that answered all three times, as the operator wrote it.
    pub node: String,
    /// Status of the look-up before: 200.
    pub before: u16,
    /// Status of the revocation; `None` when its answer was lost and the look-up after decided.
    pub revoke: Option<u16>,
    /// Status of the look-up after: 403.
    pub after: u16,
}

/// A revocation that is not proved. The session is still there, to look again.
#[derive(Debug)]
pub struct NotRevoked {
    /// What was asked last and did not answer as it must.
    pub error: Error,
    /// The session, whose token may be dead or alive.
    pub session: RootSession,
}

/// A token's state on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// The look-up answered 200.
    Alive(Box<TokenInfo>),
    /// The look-up answered 403 in the server's own words.
    Dead,
}

impl RootSession {
    /// Takes the token over. `client` must be the active node's: on a standby a look-up proves nothing.
    /// Root is of the root namespace, and asked about there.
    pub fn new(client: &Client, token: RootToken) -> Self {
        let client = client.in_namespace(None);
        Self { client, token }
    }

    /// Gives the token back.
    pub fn into_token(self) -> RootToken {
        self.token
    }

    /// The node.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The token, for requests.
    pub fn token(&self) -> &Token {
        self.token.token()
    }

    /// Looks whether the token lives.
    pub async fn look(&self) -> Result<Life, Error> {
        match lookup_self(&self.client, self.token()).await {
            Ok(info) => Ok(Life::Alive(Box::new(info))),
            Err(error) if matches!(error.kind(), Kind::Status { code: 403, .. }) => Ok(Life::Dead),
            Err(error) => Err(error),
        }
    }

    /// Revokes the token and proves it dead: 200 before, 403 after, on the same node, which is still the
    /// active one then. Whenever one of these is missing, the session comes back.
    pub async fn revoke(self) -> Result<Revocation, Box<NotRevoked>> {
        let tried = self.try_revoke().await;
        tried.map_err(|error| {
            let session = self;
            Box::new(NotRevoked { error, session })
        })
    }

    async fn try_revoke(&self) -> Result<Revocation, Error> {
        let before = lookup_self(&self.client, self.token()).await?;
        let (revoke, lost) = match send_revoke_self(&self.client, self.token()).await {
            Ok(status) => (Some(status), None),
            // Executed or not: the look-up below tells.
            Err(error) if error.is_retryable() => (None, Some(error)),
            Err(error) => return Err(error),
        };
        let life = self.look().await?;
        // A standby answers too, from what it knows.
        if !sys::is_active(&self.client).await {
            let url = format!("{}/v1/sys/health", self.client.address());
            let kind = Kind::Status {
                code: STANDBY,
                messages: vec!["it is no longer the active node".to_owned()],
            };
            return Err(Error::new("GET", &url, kind));
        }
        match life {
            Life::Dead => Ok(Revocation {
                accessor: before.accessor,
                node: self.client.address().to_owned(),
                before: 200,
                revoke,
                after: 403,
            }),
            Life::Alive(_) => Err(lost.unwrap_or_else(|| {
                let url = format!("{}/v1/auth/token/revoke-self", self.client.address());
                Error::new(
                    "POST",
                    &url,
                    Kind::Malformed("the token is still valid afterwards".into()),
                )
            })),
        }
    }
}
