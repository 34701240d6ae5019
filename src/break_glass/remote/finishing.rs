//! `break-glass finish`: the starter takes up what the holders have given, and the command runs.

use std::time::Duration;

use tokio::time::Instant;

use crate::break_glass::command::Command;
use crate::break_glass::emergency::{begun, with_root};
use crate::break_glass::leftovers::{self, end, run};
use crate::break_glass::options::Options;
use crate::break_glass::remote::starting::waiting;
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::journal::{Kept, UnderWay, Waiting};
use crate::code::Code;
use crate::config::Config;
use crate::event::{Caller, Outcome};
use crate::evidence::signing::SigningKey;
use crate::failure::Failure;
use crate::root_generation::{AttemptCode, LOOK, not_let_in, not_taken};
use crate::secret::RootToken;
use crate::session::audit_trail::logs;
use crate::shares::quorum::Gathered;
use crate::span;
use crate::vault::RootSession;
use crate::vault::keys::generation::{Encoded, Given, Pad, Progress};
use crate::vault::keys::root::Life;

/// The command, for messages.
const COMMAND: &str = "break-glass finish";
/// What begins an attempt, as it can be pasted.
const START: &str = "break-glass start --reason WHY";

/// Runs a command with the root token of an attempt that was started here. `encoded` is what the last holder was
/// handed; without it, the shares that are still missing are given from here, as soon as no more are missing than that
/// where `wait` says for how long.
///
/// # Errors
/// None was started here, it is not complete and cannot be completed from here, or as
/// [`break_glass`](crate::break_glass::break_glass).
pub async fn finish(
    config: &Config,
    options: &Options,
    (encoded, wait, command): (Option<&str>, Option<Duration>, &Command),
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let encoded = encoded.map(Encoded::parse).transpose().map_err(|why| {
        Failure::usage(
            Code::CodeWrong,
            format!("this is not an encoded token: {why}"),
        )
        .advise("copy it whole, as share submit has printed it to the last holder")
    })?;
    let key = options.signing_key().await?;
    run(COMMAND, (config, options, caller), async |session| {
        complete(session, (encoded, wait), command, key.as_ref()).await
    })
    .await
}

async fn complete(
    session: &mut BreakGlassSession<'_>,
    (encoded, wait): (Option<Encoded>, Option<Duration>),
    command: &Command,
    key: Option<&SigningKey>,
) -> Result<Outcome, Failure> {
    let waiting = waiting(session, ("start one", START))?;
    let pad = session.journal.pad().await?.map(Pad::kept).ok_or_else(|| {
        Failure::refused(
            Code::PadLost,
            "the one-time pad of this attempt is gone, and with it the way to its token",
        )
        .advise(format!(
            "give it up: {}",
            session.config.command("break-glass cancel")
        ))
    })?;
    let mut command = command.clone();
    if command.reason.is_empty() {
        command.reason.clone_from(&waiting.reason);
    }
    let mut evidence = begun(session, &command);
    let (encoded, given_from_here) = match encoded {
        Some(encoded) => {
            evidence.set("custodians", "given by their holders");
            (encoded, false)
        }
        None => {
            let completed = missing_shares(session, (&waiting, wait)).await;
            let (encoded, gathered) = match completed {
                Ok(completed) => completed,
                Err(failure) => return Err(evidence.of_a_failure(session, key, failure)),
            };
            evidence.gathered(&gathered);
            (encoded, true)
        }
    };
    let deferred = session.caller.interrupt.defer_signals();
    let root = pad.open(&encoded).map_err(|why| {
        Failure::refused(
            Code::CodeWrong,
            format!("this is not the token of the attempt that was started here: {why}"),
        )
        .advise("copy what the last holder was handed once more; nothing was changed")
    })?;
    // What the server has just given for our own share is kept first and looked at later: nobody could copy it again.
    let root = if given_from_here {
        root
    } else {
        it_is_root(session, root).await?
    };
    if let Err(failure) = taken_up(session, &waiting, &root).await {
        // What the next run would not know of must not outlive this one.
        end(session, root).await?;
        return Err(failure);
    }
    let logs = logs(session.config);
    with_root(session, (root, &logs), &command, (evidence, key), deferred).await
}

/// One wrong letter decodes as well: what comes out is looked at before the pad is destroyed.
async fn it_is_root(
    session: &mut BreakGlassSession<'_>,
    root: RootToken,
) -> Result<RootToken, Failure> {
    session.keep_to_active().await?;
    let root = RootSession::new(&session.client, root);
    match root.look().await? {
        Life::Alive(info) if info.is_root() => Ok(root.into_token()),
        _ => Err(Failure::refused(
            Code::CodeWrong,
            format!(
                "{}: what this decodes to is no root token there",
                session.client.address()
            ),
        )
        .advise("copy what the last holder was handed once more; nothing was changed")),
    }
}

/// From here on it is like any other root token of ours.
async fn taken_up(
    session: &BreakGlassSession<'_>,
    waiting: &Waiting,
    root: &RootToken,
) -> Result<(), Failure> {
    session.journal.keep(Kept::Generated, root.token()).await?;
    session.journal.wait(None)?;
    let code = AttemptCode::parse(&waiting.code)?;
    session
        .journal
        .note(Some(under_way(waiting, &code, None)))?;
    session.journal.forget_pad()
}

fn under_way(waiting: &Waiting, code: &AttemptCode, completing: Option<i64>) -> UnderWay {
    UnderWay {
        command: COMMAND.to_owned(),
        since: waiting.since.clone(),
        reason: Some(waiting.reason.clone()),
        nonce: Some(code.nonce.clone()),
        completing,
        run: None,
    }
}

/// The attempt that was started here, as it stands.
///
/// # Errors
/// The server does not have it any more.
async fn ours(session: &BreakGlassSession<'_>, code: &AttemptCode) -> Result<Progress, Failure> {
    let found = session.generation()?.progress().await?;
    if found.started && found.nonce == code.nonce {
        return Ok(found);
    }
    if session
        .journal
        .under_way()
        .is_some_and(|it| it.completing.is_some())
    {
        return Err(Failure::refused(
Code::RootTokenOrphaned,
            "the answer to the last share, which was given from here, is lost, and an orphaned root token may still be valid",
        )
        .advise(format!(
            "{}; then make another one, which ends it: {}",
            session.config.command("break-glass cancel"),
            session.config.command("rehearse")
        )));
    }
    Err(Failure::refused(
Code::AttemptGone,
        "the server does not have this attempt any more: it is complete, somebody ended it, or another node leads",
    )
    .advise(format!(
        "if it is complete, its last holder has the encoded token: {}; otherwise give it up: {}",
        session.config.command("break-glass finish ENCODED"),
        session.config.command("break-glass cancel")
    )))
}

/// Waits until no more shares are missing than can be given from here. The server says how many it has, never whose.
///
/// # Errors
/// The time is over: the attempt is ended then, and what was given with it.
async fn enough(
    session: &mut BreakGlassSession<'_>,
    code: &AttemptCode,
    limit: Option<Duration>,
) -> Result<Progress, Failure> {
    let here = session.asking(COMMAND).opens_here().await?.max(1);
    let (begun, mut caller) = (Instant::now(), None);
    loop {
        let found = ours(session, code).await?;
        if caller != Some(found.progress) {
            caller = Some(found.progress);
            session.note(format!(
                "{} of {} shares were given",
                found.progress, found.required
            ));
        }
        let missing = found.required.saturating_sub(found.progress);
        let Some(limit) = limit else {
            return Ok(found);
        };
        if usize::try_from(missing).unwrap_or(usize::MAX) <= here {
            return Ok(found);
        }
        if begun.elapsed() >= limit {
            session.generation()?.cancel().await?;
            session.journal.wait(None)?;
            session.journal.forget_pad()?;
            return Err(Failure::failed(Code::TooFewShares, format!(
                "{} of {} shares were given within {}; the attempt is ended, and those shares with it",
                found.progress,
                found.required,
                span::text(limit)
            ))
            .advise(format!(
                "get hold of more holders, then begin anew: {}",
                session.config.command(START)
            )));
        }
        tokio::time::sleep(LOOK).await;
        session.stay_logged_in().await?;
    }
}

/// The shares that the attempt still lacks, from custodians that can be opened here.
async fn missing_shares(
    session: &mut BreakGlassSession<'_>,
    (waiting, limit): (&Waiting, Option<Duration>),
) -> Result<(Encoded, Gathered), Failure> {
    let code = AttemptCode::parse(&waiting.code)?;
    let caller = session.caller;
    let found = caller.unless_stopped(enough(session, &code, limit)).await?;
    let missing = found.required.saturating_sub(found.progress);
    let missing = usize::try_from(missing).unwrap_or(usize::MAX);
    // More than are missing: some may have been given by their holders.
    let asking = session.asking(COMMAND);
    let gathered = session
        .caller
        .unless_stopped(asking.gather_from(missing, usize::MAX))
        .await?;
    gathered.suffices(missing)?;
    let _deferred = session.caller.interrupt.defer_signals();
    session.stay_logged_in().await?;
    let mut given = found.progress;
    let generation = session.generation()?;
    for held in &gathered.held {
        // Each may be the last one: holders give theirs meanwhile.
        let completing = Some(leftovers::clock(session).await);
        let under_way = under_way(waiting, &code, completing);
        session.journal.note(Some(under_way))?;
        let answer = generation.give(&code.nonce, &held.share).await;
        match answer.map_err(|error| not_let_in(&generation, error))? {
            Given::Counts(progress) => given = progress.progress,
            Given::Complete(encoded) => return Ok((encoded, gathered)),
            // Its holder was faster.
            Given::Twice if held.typed => {
                session.note(format!(
                    "what was typed for {} had been given already",
                    held.name
                ));
            }
            Given::Twice => session.note(format!("{} has given their share already", held.name)),
            Given::Wrong => {
                session.journal.note(None)?;
                return Err(Failure::refused(
Code::ShareWrong,
                    "the shares that were given do not make the key of this cluster, and the server has dropped all of \
                     them, those of the holders too",
                )
                .advise(
                    "one of them is of another cluster, or from before a rotation: all submit again with the same \
                     code, with another holder in place of anyone in doubt",
                ));
            }
            refused => {
                session.journal.note(None)?;
                return Err(not_taken(
                    &generation,
                    &refused,
                    &held.name,
                    &gathered.names(),
                ));
            }
        }
    }
    session.journal.note(None)?;
    Err(Failure::failed(
        Code::TooFewShares,
        format!(
            "{given} of {} shares were given, and no more are available here",
            found.required
        ),
    )
    .advise("let more holders submit, then run the same command again"))
}
