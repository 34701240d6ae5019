//! Ends what an earlier run left, or this one after a failure: its tokens, its attempt at the server, and the root
//! token that its last share may have made and nobody has.

use std::time::Duration;

use super::ending::end;
use super::journal::Kept;
use super::way::Way;
use crate::failure::Failure;
use crate::root_generation;
use crate::secret::Token;
use crate::vault::scan::{Found, scan};
use crate::vault::token;

/// Path and name of the token that a command gets.
const LIMITED: (&str, &str) = ("auth/token/create-orphan", "token-break-glass");
/// A server works on for this long on a request whose client has given up.
const SLACK: Duration = Duration::from_secs(60);

/// Root tokens that a lost answer may have left, by the server's clock in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stray {
    since: i64,
    until: i64,
}

/// Ends what can be ended without root. What is returned may still be there, and is ended by the next root token.
///
/// # Errors
/// A token could not be ended, or somebody else's attempt is under way.
pub(super) async fn settle(way: &mut Way<'_>) -> Result<Option<Stray>, Failure> {
    let mut had_the_token = false;
    for kept in Kept::ALL {
        if let Some(token) = way.journal.kept(kept).await? {
            had_the_token |= kept == Kept::Generated;
            end(way, token).await?;
            way.journal.forget(kept)?;
            way.note("a root token of an earlier run is revoked and dead");
        }
    }
    let Some(under_way) = way.journal.under_way() else {
        return Ok(None);
    };
    way.stay_in().await?;
    root_generation::leftover(&way.generation(), under_way.nonce.as_deref()).await?;
    let stray = under_way.completing.filter(|_| !had_the_token);
    let stray = stray.map(|since| Stray {
        until: under_way
            .until
            .unwrap_or(i64::MIN)
            .max(Stray::of_a_request(way, since).until),
        ..Stray::of_a_request(way, since)
    });
    if stray.is_none() {
        way.journal.note(None)?;
    }
    Ok(stray)
}

impl Stray {
    /// Made by a request that was sent at this time of the server's clock.
    pub(super) fn of_a_request(way: &Way<'_>, since: i64) -> Self {
        let slack = way.config.cluster.timeouts.request * 2 + SLACK;
        let slack = i64::try_from(slack.as_secs()).unwrap_or(i64::MAX);
        Self {
            since: since.saturating_sub(1),
            until: since.saturating_add(slack),
        }
    }

    /// Whether it is this one: made by a quorum, or for the command of a run of ours, at that time.
    fn is(self, other: &Found) -> bool {
        let of_a_quorum = other.path == "auth/token/root";
        let of_a_run = other.path == LIMITED.0 && other.display_name == LIMITED.1;
        (of_a_quorum || of_a_run) && (self.since..=self.until).contains(&other.made)
    }

    /// The server's clock when it may have been made at the earliest.
    pub(super) fn since(self) -> i64 {
        self.since.saturating_add(1)
    }
}

/// As [`others`], only where there is something to end: an emergency does not wait for a scan.
///
/// # Errors
/// The server cannot be asked.
pub(super) async fn end_stray(
    way: &Way<'_>,
    root: &Token,
    stray: Option<Stray>,
) -> Result<(), Failure> {
    if stray.is_some() {
        let info = token::lookup_self(&way.client.in_namespace(None), root).await?;
        others(way, root, &info.accessor, stray).await?;
    }
    Ok(())
}

/// Looks as root for other root tokens. The stray ones are revoked; the others are told, a line each.
///
/// # Errors
/// The server cannot be asked.
pub(super) async fn others(
    way: &Way<'_>,
    root: &Token,
    own: &str,
    stray: Option<Stray>,
) -> Result<Vec<String>, Failure> {
    let found = scan(&way.client, root).await?.roots;
    let mut alive = Vec::new();
    for other in found.iter().filter(|other| other.accessor != own) {
        if stray.is_some_and(|stray| stray.is(other)) {
            let client = way.client.in_namespace(None);
            token::revoke_accessor(&client, root, &other.accessor).await?;
            way.note(format!(
                "revoked the root token of an answer that was lost: {}",
                other.line()
            ));
        } else {
            alive.push(format!("another root token is alive: {}", other.line()));
        }
    }
    Ok(alive)
}

/// The server's clock now, in seconds since 1970; ours where it does not say.
pub(super) async fn clock(way: &Way<'_>) -> i64 {
    let health = crate::vault::sys::health_now(&way.client).await;
    let said = health.and_then(|health| health.server_time_utc);
    said.unwrap_or_else(|| jiff::Timestamp::now().as_second())
}
