//! New shares in the place of the old ones, over Vault's `sys/rekey` or OpenBao's `sys/rotate`, always with
//! verification: the new shares come in the answer to the last old one and open nothing until a quorum of them was
//! given back.
//!
//! The server keeps one rotation at a time, named by a nonce, in the memory of its active node. It asks for the
//! old shares where there are any, and hands the new ones out at once where there are none.
//!
//! Forms and texts: `vault/rekey.go` and `http/sys_rekey.go` of Vault, `vault/logical_system_rotate.go` of OpenBao;
//! measured on Vault 1.21.1, OpenBao 2.6.2 and 2.7.2.

pub(crate) mod answers;

use serde::Deserialize;

use crate::secret::{Share, Token};
use crate::shell::ShellCommand;
use crate::vault::http::field;
use crate::vault::http::{Ask, Body, Client, Error, Kind};
use crate::vault::keys::attempt::{self, Attempt};
use crate::vault::keys::rotation::answers::{Complete, handed_out, refused, unverified};
use crate::vault::sys::{Product, seal_status};

/// Under which paths a server makes new shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// `sys/rekey`: Vault with a Shamir seal.
    Rekey,
    /// `sys/rekey-recovery-key`: Vault with an auto-unseal.
    RekeyRecovery,
    /// `sys/rotate/root`: OpenBao with a Shamir seal.
    RotateRoot,
    /// `sys/rotate/recovery`: OpenBao with an auto-unseal.
    RotateRecovery,
}

impl Paths {
    /// The ways of a product, the one of today before that of yesterday.
    fn of(product: Product, recovery: bool) -> &'static [Self] {
        match (product, recovery) {
            (Product::Vault, false) => &[Self::Rekey],
            (Product::Vault, true) => &[Self::RekeyRecovery],
            // The old paths answer where the listener says so (`disable_unauthed_rekey_endpoints`).
            (Product::OpenBao, false) => &[Self::RotateRoot, Self::Rekey],
            (Product::OpenBao, true) => &[Self::RotateRecovery, Self::RekeyRecovery],
        }
    }

    /// The path that the others stand below.
    pub fn base(self) -> &'static str {
        match self {
            Self::Rekey => "sys/rekey",
            Self::RekeyRecovery => "sys/rekey-recovery-key",
            Self::RotateRoot => "sys/rotate/root",
            Self::RotateRecovery => "sys/rotate/recovery",
        }
    }

    fn below(self, leaf: &str) -> String {
        format!("{}/{leaf}", self.base())
    }
}

/// How far the rotation of a server is. Nothing here is secret, but shares go only to a nonce that came from whoever
/// started it, never to the one that the server shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Progress {
    /// Whether there is one at all.
    pub started: bool,
    /// Names it; empty without one.
    #[serde(default, deserialize_with = "field::nonce")]
    pub nonce: String,
    /// Threshold of the new shares.
    #[serde(default)]
    pub t: u32,
    /// How many new shares.
    #[serde(default)]
    pub n: u32,
    /// Old shares that it has.
    #[serde(default)]
    pub progress: u32,
    /// Old shares that it needs: the threshold that holds now.
    #[serde(default)]
    pub required: u32,
    /// Whether the new shares must be given back before they hold.
    #[serde(default)]
    pub verification_required: bool,
    /// Set once the new shares were handed out and wait for that.
    #[serde(default, deserialize_with = "field::verification_nonce")]
    pub verification_nonce: String,
}

impl Progress {
    /// Whether the new shares were handed out.
    pub fn is_handed_out(&self) -> bool {
        !self.verification_nonce.is_empty()
    }
}

/// The new shares, which open nothing yet.
#[derive(Debug)]
pub struct NewShares {
    /// One line of base64 each.
    pub shares: Vec<Share>,
    /// What they are given back to.
    pub verification: String,
}

/// What became of a request to start.
#[derive(Debug)]
pub enum Start {
    /// It is ours, and wants old shares.
    Ours(Progress),
    /// There were no shares before: here are the first.
    HandedOut(NewShares),
    /// Somebody's rotation is under way already.
    Busy,
}

/// What became of an old share; the last one brings the new ones.
pub type Given = attempt::Given<Progress, NewShares>;

/// What became of a new share that was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// It counts; more are needed.
    Counts,
    /// It was the last one: from here on the new shares are in effect, and the old ones are not.
    Holds,
    /// There is no rotation, or another one.
    Gone,
    /// These are not the shares that were handed out; the old ones hold.
    Wrong,
}

/// A server's rotation of its shares, as a login with the grant sees it.
pub struct Rotation<'a> {
    attempt: Attempt<'a>,
    paths: Paths,
}

/// Finds the paths by product and seal, by asking how far a rotation is. Changes nothing.
///
/// # Errors
/// 403 where this login may not; 404 or 405 where the server has none of them.
pub async fn probe_rotation(
    client: &Client,
    product: Product,
    token: &Token,
) -> Result<Paths, Error> {
    let client = client.in_namespace(None);
    let seal = seal_status(&client).await?;
    let mut refusal = None;
    for paths in Paths::of(product, seal.recovery_seal) {
        let path = paths.below("init");
        let reply = client.ask(Ask::get(&path, Some(token))).await?;
        if reply.is_success() {
            reply.data::<Progress>()?;
            return Ok(*paths);
        }
        let refused = reply.refusal();
        let absent = matches!(reply.status, 404 | 405);
        if !absent || !matches!(refused.kind(), Kind::Status { .. }) {
            return Err(refused);
        }
        refusal.get_or_insert(refused);
    }
    // Every product has a way.
    Err(refusal
        .unwrap_or_else(|| Error::new("GET", client.address(), Kind::Malformed("no way".into()))))
}

/// Whether a server has new recovery shares begun and ended without any token
/// (`disable_unauthed_rekey_endpoints = false` of OpenBao; always so on Vault before 2.0). A refusal with 4xx says no.
pub async fn anybody_may_rotate(client: &Client) -> Result<bool, Error> {
    let path = Paths::RekeyRecovery.below("init");
    let ask = Ask::get(&path, None);
    let reply = client.in_namespace(None).ask(ask).await?;
    let refused = reply.refusal();
    let no = matches!(refused.kind(), Kind::Status { code: 400..500, .. });
    match reply.is_success() {
        false if !no => Err(refused),
        may => Ok(may),
    }
}

impl<'a> Rotation<'a> {
    /// `client` must be the active node's and stays the one that is asked: a rotation is kept in its memory alone.
    pub fn new(client: &Client, paths: Paths, token: &'a Token) -> Self {
        Self {
            attempt: Attempt::new(client, (paths.base(), "init"), Some(token)),
            paths,
        }
    }

    /// The node that is asked, as the operator wrote it.
    pub fn address(&self) -> &str {
        self.attempt.client.address()
    }

    /// How a person ends the rotation of this nonce, whosever it is.
    pub fn how_to_cancel(&self, nonce: &str) -> ShellCommand {
        let (address, path) = (self.address(), self.paths.below("init"));
        ShellCommand::new("curl -sS -X DELETE -H \"X-Vault-Token: $TOKEN\" -d")
            .with(serde_json::json!({ "nonce": nonce }))
            .with(format!("{address}/v1/{path}"))
    }

    /// How far the rotation is. 403 is a login without the grant.
    pub async fn progress(&self) -> Result<Progress, Error> {
        self.attempt.progress().await
    }

    /// Starts a rotation to `shares` new shares of which `threshold` open, to be verified.
    ///
    /// # Errors
    /// Any other answer but 200. After a 5xx or a lost answer there may be one all the same.
    pub async fn start(&self, shares: u32, threshold: u32) -> Result<Start, Error> {
        let body = Body::map([
            ("secret_shares", Body::Number(shares.into())),
            ("secret_threshold", Body::Number(threshold.into())),
            ("require_verification", Body::Bool(true)),
        ]);
        let Some(reply) = self.attempt.start(&body).await? else {
            return Ok(Start::Busy);
        };
        if let Some(first) = handed_out(&reply)? {
            return Ok(Start::HandedOut(first));
        }
        let progress: Progress = reply.data()?;
        if !progress.verification_required {
            return Err(reply.fail(Kind::Malformed("it does not verify the new shares".into())));
        }
        Ok(Start::Ours(progress))
    }

    /// Gives one old share to the rotation of this nonce.
    ///
    /// # Errors
    /// Any answer that says nothing about the share. After a 5xx or a lost answer it may count all the same, and if
    /// it was the last one there are new shares that nobody has, and that are not in effect.
    pub async fn give(&self, nonce: &str, share: &Share) -> Result<Given, Error> {
        let given = self.attempt.give((nonce, share), refused, handed_out);
        given.await
    }

    /// Gives one new share back, as its custodian keeps it.
    ///
    /// # Errors
    /// Any answer that says nothing about the share. After a 5xx or a lost
    /// answer it may count all the same, and if it was the last one the new shares are in effect.
    pub async fn verify(&self, nonce: &str, share: &Share) -> Result<Verified, Error> {
        let Some(reply) = self.attempt.submit("verify", nonce, share).await? else {
            return Ok(Verified::Wrong);
        };
        if !reply.is_success() {
            return unverified(&reply).ok_or_else(|| reply.refusal());
        }
        let answer: Complete = reply.data()?;
        Ok(if answer.complete {
            Verified::Holds
        } else {
            Verified::Counts
        })
    }

    /// Ends the rotation of this nonce. OpenBao ends whichever there is, so its nonce is looked at just before. None
    /// at all is no error.
    pub async fn cancel(&self, nonce: &str) -> Result<(), Error> {
        // Vault wants the nonce for the first ten minutes, and a body for ever (from 1.20).
        self.attempt.cancel(&Body::map([("nonce", nonce)])).await
    }
}
