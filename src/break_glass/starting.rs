//! An attempt with several holders, at its starter's: begun, looked at, given up.
//!
//! The one-time pad stays here, encrypted, until the holders have given their shares; what the last of them gets is of
//! no use without it.

use super::event::Event;
use super::generations;
use super::journal::{Stray, UnderWay, Waiting};
use super::leftovers;
use super::making::id_for_holders;
use super::rehearsing::tidy;
use super::way::{Inside, Way};
use super::{Options, Told};
use crate::bootstrap::checkpoint::now;
use crate::config::Config;
use crate::failure::Failure;
use crate::root_generation::{self, Code};
use crate::vault::generation::{Pad, Start};

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
    told: Told<'_>,
) -> Result<Event, Failure> {
    let mut way = stoppable(Box::pin(Way::open(START, config, options, told)), told).await?;
    let _unheard = told.0.unheard();
    let started = begin(&mut way, reason).await;
    if started.is_err() && way.journal.waiting().is_none() {
        tidy(&mut way).await;
        way.journal.forget_pad()?;
    }
    way.close().await;
    started
}

async fn begin(way: &mut Way<'_>, reason: &str) -> Result<Event, Failure> {
    nobody_waits(way).await?;
    leftovers::settle(way).await?;
    if let Some(text) = generations::asked_for(way.config)? {
        way.warn(text);
    }
    let id = id_for_holders(way)?;
    let before = way.is_free().await?;
    let pad = Pad::new(before.otp_length)
        .map_err(|why| Failure::failed(format!("{}: {why}", way.client.address())))?;
    way.journal.keep_pad(pad.text()).await?;
    way.journal.note(Some(UnderWay {
        command: START.to_owned(),
        since: now(),
        reason: Some(reason.to_owned()),
        ..UnderWay::default()
    }))?;
    let clock = leftovers::clock(way).await;
    let progress = match way.generation().start(&pad).await? {
        Start::Ours(progress) => progress,
        Start::Busy => {
            way.journal.note(None)?;
            return Err(root_generation::busy(&way.generation(), None));
        }
    };
    let code = Code {
        cluster: way.config.cluster.name.clone(),
        id,
        nonce: progress.nonce,
        required: progress.required,
        pgp_fingerprint: progress.pgp_fingerprint,
    };
    way.journal.wait(Some(Waiting {
        code: code.to_text(),
        since: now(),
        clock,
        reason: reason.to_owned(),
    }))?;
    Ok(Event::Started {
        code: code.to_text(),
        spoken: code.spoken(),
        cluster_id: code.id,
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
    told: Told<'_>,
) -> Result<Event, Failure> {
    let inside = stoppable(Inside::open(PROGRESS, config, options, told), told).await?;
    let found = inside.generation().progress().await;
    inside.close().await;
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
    told: Told<'_>,
) -> Result<Event, Failure> {
    let mut way = stoppable(Box::pin(Way::open(CANCEL, config, options, told)), told).await?;
    let _unheard = told.0.unheard();
    let cancelled = match nonce {
        Some(nonce) => end_of(&mut way, nonce).await,
        None => give_up(&mut way).await,
    };
    way.close().await;
    cancelled
}

/// An attempt that stands in the way is named by its nonce: another one may stand there by now.
async fn end_of(way: &mut Way<'_>, nonce: &str) -> Result<Event, Failure> {
    let waits = way
        .journal
        .waiting()
        .map(|waiting| Code::parse(&waiting.code));
    if waits.transpose()?.is_some_and(|code| code.nonce == nonce) {
        return give_up(way).await;
    }
    let found = way.generation().progress().await?;
    if !found.started || found.nonce != nonce {
        return Err(Failure::refused(format!(
            "{}: no attempt of this nonce is under way; nothing was ended",
            way.client.address()
        ))
        .advise(format!(
            "look what there is: {}",
            way.config.command(PROGRESS)
        )));
    }
    way.generation().cancel().await?;
    Ok(Event::Cancelled {})
}

async fn give_up(way: &mut Way<'_>) -> Result<Event, Failure> {
    let Some(waiting) = way.journal.waiting() else {
        return Err(
            Failure::usage("no attempt was started here that is still open").advise(format!(
                "look whether there is one at all: {}",
                way.config.command(PROGRESS)
            )),
        );
    };
    let code = Code::parse(&waiting.code)?;
    let found = way.generation().progress().await?;
    if found.started && found.nonce == code.nonce {
        way.generation().cancel().await?;
        way.journal.given_up(None)?;
    } else {
        // Perhaps it came to its end, and the token that it made is nobody's from now on.
        let until = leftovers::clock(way).await;
        let completing = way.journal.under_way().and_then(|it| it.completing);
        way.journal.given_up(Some(match completing {
            Some(sent) => leftovers::lost(way, sent, until),
            None => Stray::Perhaps {
                since: waiting.clock,
                until,
            },
        }))?;
        way.warn(
            "the server does not have this attempt any more: if all shares were given, a root token may live that \
             nobody has; the next rehearse names it",
        );
    }
    way.journal.forget_pad()?;
    Ok(Event::Cancelled {})
}

/// Holds that no attempt of ours waits for its holders: another command would be in their way.
///
/// # Errors
/// One does.
pub(super) async fn nobody_waits(way: &Way<'_>) -> Result<(), Failure> {
    let Some(waiting) = way.journal.waiting() else {
        return Ok(());
    };
    let code = Code::parse(&waiting.code)?;
    let found = way.generation().progress().await?;
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
        way.config.command("break-glass finish"),
        way.config.command(CANCEL)
    )))
}

/// Work that may be dropped when a stop is asked for.
pub(super) async fn stoppable<T>(
    work: impl Future<Output = Result<T, Failure>>,
    told: Told<'_>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        stop = told.0.requested() => Err(stop),
    }
}
