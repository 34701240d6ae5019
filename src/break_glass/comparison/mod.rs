//! What a command leaves, other than root tokens: what there is before it runs is kept, and compared with what there is
//! when its token is no longer valid. What a killed run has kept is compared by the next one that has a root token.

mod compared;
mod expected;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::now;
use crate::code::Code;
use crate::failure::Failure;
use crate::secret::Token;
use crate::span;
use crate::vault::auth::scan::Watch;
use crate::vault::snapshot::{self, Snapshot};
use crate::vault::{Client, TokenInfo, sys};

pub(super) use compared::Compared;
pub(super) use written::written;

/// How long one look at everything may take; an emergency goes on without it.
pub(super) const LOOK: Duration = Duration::from_secs(60);

/// What there was before a command ran.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    /// When it was looked at.
    since: String,
    /// Or why nobody has seen it.
    seen: Result<Snapshot, String>,
    /// As it was typed.
    #[serde(default)]
    expect: Vec<String>,
    /// Commands of runs that were killed have worked since then too.
    #[serde(default)]
    killed: bool,
    /// Why what such a command has left cannot be compared any more.
    #[serde(default)]
    lost: Vec<String>,
}

impl Before {
    /// That of a run that was killed, where nobody has compared it yet.
    pub(super) fn pending(session: &BreakGlassSession<'_>) -> Option<Self> {
        let found = match session.journal.before::<Self>() {
            Ok(found) => found?,
            Err(failure) => Self::unknown(failure.to_string()),
        };
        Some(Self {
            killed: true,
            ..found
        })
    }

    fn unknown(why: String) -> Self {
        Self {
            since: now(),
            seen: Err(why),
            expect: Vec::new(),
            killed: false,
            lost: Vec::new(),
        }
    }

    /// No command has run. What an earlier one has left is still to be compared.
    pub(super) fn withdraw(&self, session: &BreakGlassSession<'_>) -> Result<(), Failure> {
        if self.killed || !self.lost.is_empty() {
            return Ok(());
        }
        session.journal.forget_before()
    }
}

/// Looks at what there is, before a command runs that is expected to change this much, and keeps it. Where a killed run
/// has kept what there was before its own command, that is what counts.
///
/// # Errors
/// A stop was asked for, or it cannot be kept. That it cannot be seen is no error: an emergency goes on.
pub(super) async fn begin(
    session: &BreakGlassSession<'_>,
    token: &Token,
    expect: &[String],
) -> Result<Before, Failure> {
    let mut lost = Vec::new();
    let mut before = match Before::pending(session) {
        Some(before) if before.seen.is_ok() => {
            session.note(format!(
                "what a command of {} left has not been compared yet: it will be compared together with what this one \
                 leaves",
                before.since
            ));
            before
        }
        other => {
            if let Some(earlier) = other {
                lost = earlier.lost;
                lost.extend(earlier.seen.err());
            }
            let look = Box::pin(async { Ok(look(&session.client, token).await) });
            let seen = session.caller.unless_stopped(look).await?;
            if let Err(why) = &seen {
                session.warn(Code::NotCompared, format!(
                    "the state before the command could not be read, so what it leaves cannot be compared: {why}"
                ));
            }
            Before {
                since: now(),
                seen,
                expect: Vec::new(),
                killed: false,
                lost,
            }
        }
    };
    before.expect.extend(expect.iter().cloned());
    session.journal.keep_before(&before)?;
    Ok(before)
}

async fn look(client: &Client, token: &Token) -> Result<Snapshot, String> {
    let mut watch = Watch::default();
    let both = async { tokio::join!(snapshot::take(client, token), watch.once(client, token)) };
    let (mut snapshot, tokens) = tokio::time::timeout(LOOK, both).await.map_err(too_long)?;
    let tokens = tokens.map(|()| &watch.scan.others);
    snapshot.add_tokens(tokens.map_err(|error| error.to_string()));
    is_of_the_active_node(client).await?;
    Ok(snapshot)
}

fn too_long(_: tokio::time::error::Elapsed) -> String {
    format!("it took longer than {}", span::text(LOOK))
}

/// A standby answers too, from what it knows.
async fn is_of_the_active_node(client: &Client) -> Result<(), String> {
    if sys::is_active(client).await {
        return Ok(());
    }
    Err(format!("{} is no longer the leader", client.address()))
}

/// Looks again, as `token`, and compares. Of the tokens those that were just looked up count, without our `own`.
pub(super) async fn end(
    session: &BreakGlassSession<'_>,
    before: &Before,
    token: &Token,
    (own, tokens): (
        &BTreeSet<String>,
        Result<&BTreeMap<String, TokenInfo>, String>,
    ),
) -> Compared {
    let client = &session.client;
    let look = async {
        let mut snapshot = tokio::time::timeout(LOOK, snapshot::take(client, token))
            .await
            .map_err(too_long)?;
        snapshot.add_tokens(tokens);
        is_of_the_active_node(client).await?;
        Ok(snapshot)
    };
    // There is nothing to compare it with where nothing was seen before.
    let after = match &before.seen {
        Ok(_) => look.await,
        Err(why) => Err(why.clone()),
    };
    let compared = Compared::of(before, after, own, session.health.product.program());
    compared.said(session);
    compared
}
