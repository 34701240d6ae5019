//! An attempt with several holders, at its starter's: begun, looked at, given up.
//!
//! The one-time pad stays here, encrypted, until the holders have given their shares; what the last of them gets is of
//! no use without it.

use crate::break_glass::leftovers::{self, nobody_waits, run};
use crate::break_glass::options::Options;
use crate::break_glass::root_token::origin;
use crate::break_glass::session::{ActiveSession, BreakGlassSession};
use crate::checkpoint::journal::{UnderWay, Waiting};
use crate::checkpoint::now;
use crate::code::Code;
use crate::config::Config;
use crate::event::{Caller, Event};
use crate::failure::Failure;
use crate::root_generation::{self, AttemptCode, OrphanedToken};
use crate::shares::key_set;
use crate::vault::keys::generation::Pad;

/// The commands, for messages.
const START: &str = "break-glass start";
const PROGRESS: &str = "break-glass progress";
const CANCEL: &str = "break-glass cancel";

/// Starts an attempt and says what its holders must be told.
///
/// # Errors
/// One is under way already, ours or somebody else's; the pad cannot be kept; or the server refuses.
pub async fn start(
    config: &Config,
    options: &Options,
    reason: &str,
    caller: Caller<'_>,
) -> Result<Event, Failure> {
    run(START, (config, options, caller), async |session| {
        let _deferred = caller.interrupt.defer_signals();
        let started = begin(session, reason).await;
        if started.is_err() && session.journal.waiting().is_none() {
            session.journal.forget_pad()?;
        }
        started
    })
    .await
}

async fn begin(session: &mut BreakGlassSession<'_>, reason: &str) -> Result<Event, Failure> {
    nobody_waits(session).await?;
    leftovers::settle(session).await?;
    for finding in key_set::asked_for(session.config)? {
        session.warn(finding.code(), finding.to_string());
    }
    let origin = origin(session, reason).await?;
    let before = session.is_free().await?;
    let pad = Pad::new(before.otp_length).map_err(|why| {
        Failure::failed(
            Code::AnswerUnexpected,
            format!("{}: {why}", session.client.address()),
        )
    })?;
    session.journal.keep_pad(pad.text()).await?;
    session.journal.note(Some(UnderWay {
        command: START.to_owned(),
        since: now(),
        reason: Some(reason.to_owned()),
        ..UnderWay::default()
    }))?;
    let clock = leftovers::clock(session).await;
    let Some(progress) = session.generation()?.start(&pad).await? else {
        session.journal.note(None)?;
        return Err(root_generation::busy(&session.generation()?, None, None));
    };
    let code = AttemptCode {
        origin,
        nonce: progress.nonce,
        required: progress.required,
        pgp_fingerprint: progress.pgp_fingerprint,
    };
    session.journal.wait(Some(Waiting {
        code: code.to_text(),
        since: now(),
        clock,
        reason: reason.to_owned(),
    }))?;
    Ok(Event::Started {
        code: code.to_text(),
        spoken: code.spoken(),
        cluster_id: code.origin.id,
        required: code.required,
    })
}

/// How far the attempt of the server is, whoever started it: for everybody with the grant.
///
/// # Errors
/// The server cannot be asked.
pub async fn progress(
    config: &Config,
    options: &Options,
    caller: Caller<'_>,
) -> Result<Event, Failure> {
    let mut session = caller
        .unless_stopped(ActiveSession::open(PROGRESS, config, options, caller))
        .await?;
    let found = session.generation()?.progress().await;
    session.log_out().await;
    let found = found?;
    Ok(Event::Progress {
        started: found.started,
        given: found.progress,
        required: found.required,
        nonce: found.nonce,
    })
}

/// Ends the attempt that was started here, and destroys its pad; or the one of this nonce, whosever it is.
///
/// # Errors
/// None was started here, none has this nonce, or the server cannot be asked.
pub async fn cancel(
    config: &Config,
    options: &Options,
    nonce: Option<&str>,
    caller: Caller<'_>,
) -> Result<Event, Failure> {
    let mut session = caller
        .unless_stopped(Box::pin(BreakGlassSession::open(
            CANCEL, config, options, caller,
        )))
        .await?;
    let _deferred = caller.interrupt.defer_signals();
    let cancelled = match nonce {
        Some(nonce) => end_of(&mut session, nonce).await,
        None => give_up(&mut session).await,
    };
    session.log_out().await;
    cancelled
}

/// An attempt that stands in the way is named by its nonce: another one may stand there by now.
async fn end_of(session: &mut BreakGlassSession<'_>, nonce: &str) -> Result<Event, Failure> {
    let waits = session
        .journal
        .waiting()
        .map(|waiting| AttemptCode::parse(&waiting.code));
    if waits.transpose()?.is_some_and(|code| code.nonce == nonce) {
        return give_up(session).await;
    }
    let found = session.generation()?.progress().await?;
    if !found.started || found.nonce != nonce {
        return Err(Failure::refused(
            Code::AttemptGone,
            format!(
                "{}: no attempt of this nonce is under way; nothing was ended",
                session.client.address()
            ),
        )
        .advise(format!(
            "see what is under way: {}",
            session.config.command(PROGRESS)
        )));
    }
    session.generation()?.cancel().await?;
    Ok(Event::Cancelled {})
}

/// The attempt that was started here.
///
/// # Errors
/// There is none; `advice` names a command and what it is good for.
pub(super) fn waiting(
    session: &BreakGlassSession<'_>,
    advice: (&str, &'static str),
) -> Result<Waiting, Failure> {
    session.journal.waiting().ok_or_else(|| {
        let (why, command) = (advice.0, session.config.command(advice.1));
        Failure::usage(
            Code::AttemptGone,
            "no attempt was started here that is still open",
        )
        .advise(format!("{why}: {command}"))
    })
}

async fn give_up(session: &mut BreakGlassSession<'_>) -> Result<Event, Failure> {
    let waiting = waiting(session, ("check whether there is one at all", PROGRESS))?;
    let code = AttemptCode::parse(&waiting.code)?;
    let found = session.generation()?.progress().await?;
    if found.started && found.nonce == code.nonce {
        session.generation()?.cancel().await?;
        session.journal.given_up(None)?;
    } else {
        // Perhaps it came to its end, and the token that it made is nobody's from now on.
        let until = leftovers::clock(session).await;
        let completing = session.journal.under_way().and_then(|it| it.completing);
        session.journal.given_up(Some(match completing {
            Some(sent) => leftovers::lost(session, sent, until),
            None => OrphanedToken::Perhaps {
                since: waiting.clock,
                until,
            },
        }))?;
        session.warn(
            Code::RootTokenOrphaned,
            "the server does not have this attempt any more: if all shares were given, an orphaned root token may \
             still be valid; the next rehearse names it",
        );
    }
    session.journal.forget_pad()?;
    Ok(Event::Cancelled {})
}
