//! Making a root token from a quorum of shares, over `sys/generate-root` or OpenBao's own
//! `sys/generate-root-token`.
//!
//! The server keeps one attempt at a time, named by a nonce. It gives the new token, XORed with the one-time pad of
//! whoever started the attempt, to the caller of the last share and to nobody else; the pad is ours, so that what
//! goes over the wire is never the token.
//!
//! Forms and texts: `vault/generate_root.go` and `http/sys_generate_root.go` of both products,
//! `vault/logical_system_generate_root.go` of OpenBao; measured on Vault 1.21.1, OpenBao 2.6.2 and 2.7.2.

pub(crate) mod pad;

use serde::Deserialize;

use crate::secret::{SecretText, Share, Token};
use crate::vault::http::field;
use crate::vault::http::{Body, Client, Error, Kind, Reply};
use crate::vault::keys::attempt::{self, Attempt};
use crate::vault::keys::root::RootGeneration;

pub use crate::vault::keys::generation::pad::{Encoded, Pad};

/// Under which paths a server makes root tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `sys/generate-root`: no envelope; Vault, and OpenBao where its listener allows it.
    Classic,
    /// `sys/generate-root-token`: enveloped, and 500 for a share that is refused; OpenBao from 2.6.
    OpenBao,
}

impl Dialect {
    /// How a server that said this is asked; nothing where it makes none over its API.
    pub fn of(rules: RootGeneration) -> Option<Self> {
        match rules {
            RootGeneration::OpenClassic | RootGeneration::AuthenticatedClassic => {
                Some(Self::Classic)
            }
            RootGeneration::OpenBaoAuthenticated => Some(Self::OpenBao),
            RootGeneration::Off => None,
        }
    }

    /// The path that both requests are below.
    pub fn base(self) -> &'static str {
        match self {
            Self::Classic => "sys/generate-root",
            Self::OpenBao => "sys/generate-root-token",
        }
    }
}

/// How far the attempt of a server is. Nothing here is secret, but the nonce is what shares are given to: a share
/// goes only to a nonce that came from whoever started the attempt, never to the one that the server shows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Progress {
    /// Whether there is an attempt at all.
    pub started: bool,
    /// Names the attempt; empty without one.
    #[serde(default, deserialize_with = "field::nonce")]
    pub nonce: String,
    /// Shares that it has.
    #[serde(default)]
    pub progress: u32,
    /// Shares that it needs.
    #[serde(default)]
    pub required: u32,
    /// How long the one-time pad must be, in bytes.
    #[serde(default)]
    pub otp_length: usize,
    /// Of the PGP key that the token will be encrypted with; empty without one.
    #[serde(default, deserialize_with = "field::pgp_fingerprint")]
    pub pgp_fingerprint: String,
}

/// A server's generation of root tokens, as a login with the grant sees it.
pub struct Generation<'a>(Attempt<'a>);

/// What became of a share; the last one brings the token.
pub type Given = attempt::Given<Progress, Encoded>;

#[derive(Deserialize)]
struct Update {
    #[serde(default)]
    complete: bool,
    #[serde(default)]
    encoded_token: Option<SecretText>,
}

impl<'a> Generation<'a> {
    /// `client` must be the active node's and stays the one that is asked: an attempt is kept in its memory alone.
    /// Root is of the root namespace, and made there.
    pub fn new(client: &Client, dialect: Dialect, token: &'a Token) -> Self {
        Self(Attempt::new(
            client,
            (dialect.base(), "attempt"),
            Some(token),
        ))
    }

    /// How far the attempt is, asked without a token: `None` where the server tells only a login.
    ///
    /// # Errors
    /// No answer, or one that is not the server's.
    pub async fn seen_by_anybody(client: &Client) -> Result<Option<Progress>, Error> {
        let attempt = Attempt::new(client, (Dialect::Classic.base(), "attempt"), None);
        match attempt.progress().await {
            Ok(progress) => Ok(Some(progress)),
            Err(error) if matches!(error.status(), Some(403..=405)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The node that is asked, as the operator wrote it.
    pub fn address(&self) -> &str {
        self.0.client.address()
    }

    /// How far the attempt is. 403 is a login without the grant.
    pub async fn progress(&self) -> Result<Progress, Error> {
        self.0.progress().await
    }

    /// Starts an attempt whose token comes out under `pad`; `None` where somebody's is under way already.
    ///
    /// # Errors
    /// Any other answer but 200. After a 5xx or a lost answer there may be an attempt all the same.
    pub async fn start(&self, pad: &Pad) -> Result<Option<Progress>, Error> {
        let otp = SecretText::new(pad.text().expose().to_owned());
        let reply = self.0.start(&Body::map([("otp", otp)])).await?;
        reply.map(|reply| reply.data()).transpose()
    }

    /// Gives one share to the attempt of this nonce.
    ///
    /// # Errors
    /// Any answer that says nothing about the share. After a 5xx or a lost answer it may count all the same, and
    /// if it was the last one there may be a root token that nobody has.
    pub async fn give(&self, nonce: &str, share: &Share) -> Result<Given, Error> {
        self.0.give((nonce, share), refused, token).await
    }

    /// Ends the attempt, whosever it is. None at all is no error.
    pub async fn cancel(&self) -> Result<(), Error> {
        self.0.cancel(&Body::Null).await
    }
}

/// The token that comes with the last share.
fn token(reply: &Reply) -> Result<Option<Encoded>, Error> {
    let update: Update = reply.data()?;
    match update.encoded_token.filter(|text| !text.is_empty()) {
        Some(encoded) if update.complete => match Encoded::parse(encoded.expose()) {
            Ok(encoded) => Ok(Some(encoded)),
            Err(_) => Err(reply.fail(Kind::Malformed("its token is malformed".into()))),
        },
        _ if update.complete => {
            Err(reply.fail(Kind::Malformed("it is complete and holds no token".into())))
        }
        _ => Ok(None),
    }
}

/// What the server says about a share that it does not take. Its texts repeat the right nonce and are not kept.
fn refused(reply: &Reply) -> Option<Given> {
    let says = |text: &str| reply.refuses_with(text);
    if says("already been provided") {
        Some(Given::Twice)
    } else if says("incorrect nonce") || says("no root generation in progress") {
        Some(Given::Gone)
    } else if says("root generation aborted") || says("failed to compute") {
        Some(Given::Wrong)
    } else if says("key is shorter") || says("key is longer") || says("valid hex or base64") {
        Some(Given::Unreadable)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialect_follows_what_the_server_said() {
        assert_eq!(
            Dialect::of(RootGeneration::OpenClassic),
            Some(Dialect::Classic)
        );
        assert_eq!(
            Dialect::of(RootGeneration::OpenBaoAuthenticated),
            Some(Dialect::OpenBao)
        );
        assert_eq!(Dialect::of(RootGeneration::Off), None);
    }
}
