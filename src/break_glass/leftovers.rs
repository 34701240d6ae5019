//! Opens and closes a run, ends its root tokens, and ends what an earlier run left, or this one after a failure: its
//! tokens, its attempt at the server, and, once there is a root token to look with, those that lost answers may have
//! left behind.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::break_glass::evidence::Evidence;
use crate::break_glass::options::Options;
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint;
use crate::checkpoint::journal::{Kept, UnderWay};
use crate::code::Code;
use crate::config::Config;
use crate::event::Caller;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::interrupt::AFTER_A_STOP;
use crate::root_generation::{self, AttemptCode, Known, OrphanedToken, plainly_lost};
use crate::secret::{RootToken, Token};
use crate::span;
use crate::vault::auth::scan::{Found, scan};
use crate::vault::auth::token;
use crate::vault::keys::root::Life;
use crate::vault::{RootSession, sys};

/// Between two tries to revoke a token.
const PAUSE: Duration = Duration::from_millis(500);

/// Opens a run, does its work and closes it. If the work fails, what it left is ended.
///
/// # Errors
/// Of the work, or as [`BreakGlassSession::open`].
pub(super) async fn run<'a, T>(
    command: &'static str,
    (config, options, caller): (&'a Config, &'a Options, Caller<'a>),
    work: impl AsyncFnOnce(&mut BreakGlassSession<'a>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let open = BreakGlassSession::open(command, config, options, caller);
    let mut session = caller.unless_stopped(Box::pin(open)).await?;
    let first = session.client.address().to_owned();
    let done = Box::pin(work(&mut session)).await;
    let done = match done {
        Err(failure) => {
            tidy(&mut session).await;
            Err(session.explained(failure, &first).await)
        }
        done => done,
    };
    session.log_out().await;
    done
}

/// Revokes a root token and proves it, on the node that leads; where that changes, on the next one. One that is revoked
/// already has nothing left to prove but that.
///
/// # Errors
/// It could not be shown to be revoked within the time that an active node is waited for.
pub(super) async fn end(
    session: &mut BreakGlassSession<'_>,
    mut token: RootToken,
) -> Result<Value, Failure> {
    let (begun, limit) = (Instant::now(), session.config.cluster.timeouts.active);
    loop {
        let root = RootSession::new(&session.client, token);
        let error = match root.look().await {
            Ok(Life::Dead) if sys::is_active(&session.client).await => {
                let node = session.client.address();
                return Ok(json!({"node": node, "after": 403, "before": "no longer valid"}));
            }
            Ok(Life::Dead) => {
                token = root.into_token();
                Failure::failed(
                    Code::NoActiveNode,
                    format!("{} is no longer the leader", session.client.address()),
                )
                .passing()
            }
            Ok(Life::Alive(_)) => match root.revoke().await {
                Ok(proof) => return Ok(json!(proof)),
                Err(broken) => {
                    token = broken.session.into_token();
                    broken.error.into()
                }
            },
            Err(error) => {
                token = root.into_token();
                error.into()
            }
        };
        if begun.elapsed() >= limit {
            return Err(may_be_valid(session, &error));
        }
        tokio::time::sleep(PAUSE).await;
        session
            .keep_to_active()
            .await
            .map_err(|failure| may_be_valid(session, &failure))?;
    }
}

fn may_be_valid(session: &BreakGlassSession<'_>, why: &Failure) -> Failure {
    Failure::refused(
        Code::RootNotProvedRevoked,
        format!("a root token could not be shown to be revoked: {why}"),
    )
    .advise(format!(
        "run it again as soon as the cluster answers; it ends that token first: {}",
        session.config.command("rehearse")
    ))
}

/// As [`end`], for a token that the journal keeps, and then makes the journal forget it.
pub(super) async fn end_kept(
    session: &mut BreakGlassSession<'_>,
    kept: Kept,
    token: RootToken,
) -> Result<Value, Failure> {
    let proof = end(session, token).await?;
    session.journal.forget(kept)?;
    Ok(proof)
}

/// A token of a last share that was sent then, as [`OrphanedToken::lost`] has it.
pub(super) fn lost(session: &BreakGlassSession<'_>, sent: i64, over: i64) -> OrphanedToken {
    OrphanedToken::lost(sent, session.config.cluster.timeouts.request, over)
}

/// Ends what can be ended without root, and remembers what cannot.
///
/// # Errors
/// A token could not be ended, or somebody else's attempt is under way.
pub(super) async fn settle(session: &mut BreakGlassSession<'_>) -> Result<(), Failure> {
    let mut had_the_token = false;
    for kept in Kept::ALL {
        if session.journal.is_left(kept) {
            continue;
        }
        match session.journal.kept(kept).await? {
            Some(Ok(token)) => {
                had_the_token |= kept == Kept::Generated;
                end_kept(session, kept, token).await?;
                session.note("a root token of an earlier run is no longer valid");
            }
            None => {}
            // An emergency does not wait for a key.
            Some(Err(why)) => {
                session.warn(Code::RunLeftOpen, format!(
                    "a root token may still be valid; it stays in {} until a run can open it: {why}",
                    session.journal.place(kept).display()
                ));
                session.journal.leave(kept);
            }
        }
    }
    let Some(under_way) = session.journal.under_way() else {
        return Ok(());
    };
    session.stay_logged_in().await?;
    let generation = session.generation()?;
    let known = Known {
        nonce: under_way.nonce.as_deref(),
        started_here: session.journal.noted_here(),
    };
    let was_there = root_generation::leftover(&generation, known).await?;
    if was_there {
        session.note(format!(
            "ended the attempt that {} had begun at {}",
            under_way.command, under_way.since
        ));
    }
    // An attempt that was still there has made none.
    let none_is_lost = had_the_token || was_there;
    let over = clock(session).await;
    let completing = under_way.completing.filter(|_| !none_is_lost);
    let lost = completing.map(|sent| lost(session, sent, over));
    let of_run = under_way.run.map(|run| OrphanedToken::OfRun { run });
    session.journal.lost(lost.into_iter().chain(of_run))
}

/// Ends what an earlier run left, as far as that goes without root, and checks that nobody's attempt is under way.
pub(super) async fn end_earlier_run(session: &mut BreakGlassSession<'_>) -> Result<(), Failure> {
    nobody_waits(session).await?;
    let killed = session.journal.under_way();
    settle(session).await?;
    if let Some(killed) = killed.filter(|killed| killed.reason.is_some()) {
        evidence_of(session, &killed);
    }
    session.is_free().await.map(drop)
}

/// Evidence of a run that was killed: why it was begun must not be forgotten with it.
fn evidence_of(session: &BreakGlassSession<'_>, under_way: &UnderWay) {
    let mut evidence = Evidence::begin(session, "break-glass");
    evidence.set("reason", &under_way.reason);
    evidence.set("begun", &under_way.since);
    let failure = Failure::failed(
        Code::RunFailed,
        "the run was killed; this one ended what it had left",
    );
    evidence.of_a_failure(session, None, failure);
}

/// Looks as root for the tokens that lost answers have left, where there may be any, and revokes them.
///
/// # Errors
/// The server cannot be asked; they are looked for again then.
pub(super) async fn end_orphans(
    session: &BreakGlassSession<'_>,
    root: &Token,
) -> Result<(), Failure> {
    if session.journal.orphans().is_empty() {
        return Ok(());
    }
    let info = token::lookup_self(&session.client.in_namespace(None), root).await?;
    others(session, root, &info.accessor).await.map(drop)
}

/// Looks as root for other root tokens, as [`judge`] has it.
pub(super) async fn others(
    session: &BreakGlassSession<'_>,
    root: &Token,
    own: &str,
) -> Result<BTreeMap<String, Finding>, Failure> {
    let found = scan(&session.client, root).await?.roots;
    judge(session, root, own, found).await
}

/// Of the root tokens that were found, what a lost answer has left is revoked, where it is plain which; the others are
/// told, by accessor.
pub(super) async fn judge(
    session: &BreakGlassSession<'_>,
    root: &Token,
    own: &str,
    mut found: Vec<Found>,
) -> Result<BTreeMap<String, Finding>, Failure> {
    found.retain(|other| other.accessor != own);
    let orphans = session.journal.orphans();
    let ours = plainly_lost(&found, &orphans);
    let mut valid = BTreeMap::new();
    let keeps_one = checkpoint::keeps_something(&session.config.checkpoint.path).unwrap_or(true);
    for other in found {
        if ours.contains(&other.accessor) {
            let client = session.client.in_namespace(None);
            token::revoke_accessor(&client, root, &other.accessor).await?;
            session.note(format!(
                "revoked the root token of an answer that was lost: {}",
                other.line()
            ));
            continue;
        }
        let accessor = other.accessor.clone();
        let finding = if keeps_one && other.is_without_end() {
            // It cannot be told from others without the key, and a ceremony that loses it has no way on.
            Finding::PerhapsOfTheCheckpoint(other, session.config.command("apply"))
        } else if orphans.iter().any(|orphan| orphan.fits(&other)) {
            Finding::OrphanedRootToken(other)
        } else {
            Finding::OtherRootToken(other)
        };
        valid.insert(accessor, finding);
    }
    if !orphans.is_empty() {
        session.journal.found()?;
    }
    Ok(valid)
}

/// The server's clock now, in seconds since 1970; ours where it does not say.
pub(super) async fn clock(session: &BreakGlassSession<'_>) -> i64 {
    let health = sys::health_now(&session.client).await;
    let said = health.and_then(|health| health.server_time_utc);
    said.unwrap_or_else(|| jiff::Timestamp::now().as_second())
}

/// After a failure or a stop: what is under way is ended, for as long as a person waits for that.
async fn tidy(session: &mut BreakGlassSession<'_>) {
    // It keeps the shares that its holders gave; only `finish` and `cancel` are about it.
    if session.journal.waiting().is_some() {
        return;
    }
    let left = match tokio::time::timeout(AFTER_A_STOP, settle(session)).await {
        Ok(Ok(())) if session.journal.orphans().is_empty() => return,
        Ok(Ok(())) => "an orphaned root token may still be valid".to_owned(),
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("no answer within {}", span::text(AFTER_A_STOP)),
    };
    session.warn(
        Code::RunLeftOpen,
        format!("the next run will clean up what is left: {left}"),
    );
}

/// Checks that no attempt of ours waits for its holders: another command would be in their way.
pub(super) async fn nobody_waits(session: &BreakGlassSession<'_>) -> Result<(), Failure> {
    let Some(waiting) = session.journal.waiting() else {
        return Ok(());
    };
    let code = AttemptCode::parse(&waiting.code)?;
    let found = session.generation()?.progress().await?;
    let how_far = if found.started && found.nonce == code.nonce {
        format!("{} of {} shares given", found.progress, found.required)
    } else {
        "the server does not have it any more: it is complete, or somebody ended it".to_owned()
    };
    Err(Failure::refused(
        Code::AttemptOpen,
        format!(
            "an attempt with several holders was started here at {} ({how_far})",
            waiting.since
        ),
    )
    .advise(format!(
        "finish it: {}; or give it up: {}",
        session.config.command("break-glass finish"),
        session.config.command("break-glass cancel")
    )))
}
