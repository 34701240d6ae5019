//! Ends what an earlier run left, or this one after a failure: its tokens, its attempt at the server, and, once there
//! is a root token to look with, those that lost answers may have left behind.

use std::collections::BTreeMap;

use crate::break_glass::ending::end;
use crate::break_glass::evidence::Evidence;
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::journal::{Kept, OrphanedToken, UnderWay};
use crate::failure::Failure;
use crate::interrupt::AFTER_A_STOP;
use crate::root_generation::{self, Code, Known};
use crate::secret::Token;
use crate::vault::auth::scan::{Found, scan};
use crate::vault::auth::token;

/// By how many seconds the clocks of two nodes may differ: another one may lead when an attempt is seen to be over.
const SKEW: i64 = 5;

/// A token that was made of a last share that was sent then: while it was waited for, and before its attempt was seen to
/// be over. Later ones are of others.
pub(super) fn lost(session: &BreakGlassSession<'_>, sent: i64, over: i64) -> OrphanedToken {
    let waited = session.config.cluster.timeouts.request.as_secs();
    let until = sent.saturating_add(i64::try_from(waited).unwrap_or(i64::MAX));
    OrphanedToken::Lost {
        since: sent.saturating_sub(1),
        until: until.min(over.saturating_add(SKEW)),
    }
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
                end(session, token).await?;
                session.journal.forget(kept)?;
                session.note("a root token of an earlier run is revoked and dead");
            }
            None => {}
            // An emergency does not wait for a key.
            Some(Err(why)) => {
                session.warn(format!(
                    "a root token of an earlier run may live; it stays in {} until a run can open it: {why}",
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
    session
        .journal
        .lost(strays_of(session, &under_way, (none_is_lost, over)))
}

/// Root tokens that a run may have left and that it has not kept.
fn strays_of(
    session: &BreakGlassSession<'_>,
    under_way: &UnderWay,
    (none_is_lost, over): (bool, i64),
) -> Vec<OrphanedToken> {
    let lost = under_way.completing.filter(|_| !none_is_lost);
    let lost = lost.map(|sent| crate::break_glass::leftovers::lost(session, sent, over));
    let of_run = under_way
        .run
        .clone()
        .map(|run| OrphanedToken::OfRun { run });
    lost.into_iter().chain(of_run).collect()
}

/// Evidence of a run that was killed: why it was begun must not be forgotten with it.
pub(super) fn evidence_of(session: &BreakGlassSession<'_>, under_way: &UnderWay) {
    let mut evidence = Evidence::begin(session, "break-glass");
    evidence.set("reason", serde_json::json!(under_way.reason));
    evidence.set("begun", serde_json::json!(under_way.since));
    let failure = Failure::failed("the run was killed; this one ended what it had left");
    evidence.of_a_failure(session, None, &failure);
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

/// Looks as root for other root tokens. What a lost answer has left is revoked, where it is plain which; the others are
/// told, a line each by accessor.
///
/// # Errors
/// The server cannot be asked.
pub(super) async fn others(
    session: &BreakGlassSession<'_>,
    root: &Token,
    own: &str,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = scan(&session.client, root).await?.roots;
    found.retain(|other| other.accessor != own);
    let orphans = session.journal.orphans();
    let ours = plainly_lost(&found, &orphans);
    let mut alive = BTreeMap::new();
    for other in found {
        if ours.contains(&other.accessor) {
            let client = session.client.in_namespace(None);
            token::revoke_accessor(&client, root, &other.accessor).await?;
            let line = other.line();
            session.note(format!(
                "revoked the root token of an answer that was lost: {line}"
            ));
        } else if orphans.iter().any(|orphan| orphan.fits(&other)) {
            let line = format!(
                "a root token is alive that may be of an attempt that was given up, or of a colleague: {}; if nobody \
                 knows it, revoke it: break-glass … -- bao token revoke -accessor {}",
                other.line(),
                other.accessor
            );
            alive.insert(other.accessor, line);
        } else {
            let line = format!("another root token is alive: {}", other.line());
            alive.insert(other.accessor, line);
        }
    }
    if !orphans.is_empty() {
        session.journal.found()?;
    }
    Ok(alive)
}

/// Those that can be nobody else's: of a run of ours, or no more than were lost in their time.
fn plainly_lost(found: &[Found], orphans: &[OrphanedToken]) -> Vec<String> {
    let fitting = |orphan: &OrphanedToken| -> Vec<String> {
        let fitting = found.iter().filter(|other| orphan.fits(other));
        fitting.map(|other| other.accessor.clone()).collect()
    };
    let lost: Vec<_> = orphans
        .iter()
        .filter(|orphan| matches!(orphan, OrphanedToken::Lost { .. }))
        .map(fitting)
        .collect();
    let plain = |all: &&Vec<String>| all.len() <= lost.iter().filter(|other| other == all).count();
    let of_runs = orphans
        .iter()
        .filter(|orphan| matches!(orphan, OrphanedToken::OfRun { .. }))
        .flat_map(fitting);
    let mut ours: Vec<_> = lost.iter().filter(plain).flatten().cloned().collect();
    ours.extend(of_runs);
    ours.sort_unstable();
    ours.dedup();
    ours
}

impl OrphanedToken {
    fn fits(&self, other: &Found) -> bool {
        match self {
            Self::Lost { since, until } | Self::Perhaps { since, until } => {
                other.path == "auth/token/root" && (*since..=*until).contains(&other.made)
            }
            Self::OfRun { run } => other.run.as_ref() == Some(run),
        }
    }
}

/// The server's clock now, in seconds since 1970; ours where it does not say.
pub(super) async fn clock(session: &BreakGlassSession<'_>) -> i64 {
    let health = crate::vault::sys::health_now(&session.client).await;
    let said = health.and_then(|health| health.server_time_utc);
    said.unwrap_or_else(|| jiff::Timestamp::now().as_second())
}

/// After a failure or a stop: what is under way is ended, for as long as a person waits for that.
pub(super) async fn tidy(session: &mut BreakGlassSession<'_>) {
    // It keeps the shares that its holders gave; only `finish` and `cancel` are about it.
    if session.journal.waiting().is_some() {
        return;
    }
    let left = match tokio::time::timeout(AFTER_A_STOP, settle(session)).await {
        Ok(Ok(())) if session.journal.orphans().is_empty() => return,
        Ok(Ok(())) => "an orphaned root token may be alive".to_owned(),
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("no answer within {} s", AFTER_A_STOP.as_secs()),
    };
    session.warn(format!("what is left is ended by the next run: {left}"));
}

/// Holds that no attempt of ours waits for its holders: another command would be in their way.
///
/// # Errors
/// One does.
pub(super) async fn nobody_waits(session: &BreakGlassSession<'_>) -> Result<(), Failure> {
    let Some(waiting) = session.journal.waiting() else {
        return Ok(());
    };
    let code = Code::parse(&waiting.code)?;
    let found = session.generation()?.progress().await?;
    let how_far = if found.started && found.nonce == code.nonce {
        format!("{} of {} shares given", found.progress, found.required)
    } else {
        "the server does not have it any more: it is complete, or somebody ended it".to_owned()
    };
    Err(Failure::refused(format!(
        "an attempt with several holders was started here at {} ({how_far})",
        waiting.since
    ))
    .advise(format!(
        "finish it: {}; or give it up: {}",
        session.config.command("break-glass finish"),
        session.config.command("break-glass cancel")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(accessor: &str, path: &str, made: i64, run: Option<&str>) -> Found {
        Found {
            accessor: accessor.into(),
            display_name: String::new(),
            path: path.into(),
            expires: None,
            made,
            run: run.map(Into::into),
        }
    }

    #[test]
    fn only_what_can_be_nobody_elses_is_revoked() {
        let lost = OrphanedToken::Lost {
            since: 100,
            until: 200,
        };
        let before = found("a", "auth/token/root", 99, None);
        let within = found("b", "auth/token/root", 150, None);
        let also = found("c", "auth/token/root", 160, None);
        let made = found("d", "auth/token/create", 150, None);
        let one = [before.clone(), within.clone(), made];
        assert_eq!(plainly_lost(&one, std::slice::from_ref(&lost)), ["b"]);
        // Two of that time: one of them is a colleague's.
        let two = [within.clone(), also];
        assert!(plainly_lost(&two, std::slice::from_ref(&lost)).is_empty());
        // Unless two were lost.
        assert_eq!(plainly_lost(&two, &[lost.clone(), lost]), ["b", "c"]);
        let perhaps = OrphanedToken::Perhaps {
            since: 100,
            until: 200,
        };
        assert!(plainly_lost(&[within], &[perhaps]).is_empty());
        let of_run = OrphanedToken::OfRun { run: "r".into() };
        let ours = found("e", "auth/token/create-orphan", 1, Some("r"));
        let theirs = found("f", "auth/token/create-orphan", 1, Some("other"));
        assert_eq!(plainly_lost(&[ours, theirs, before], &[of_run]), ["e"]);
    }
}
