//! `break-glass finish`: the starter takes up what the holders have given, and the command runs.

use std::time::Duration;

use tokio::time::Instant;

use super::audit_lines::logs;
use super::emergency::{Command, begun, with_root};
use super::ending::end;
use super::gathering::Gathered;
use super::journal::{Kept, UnderWay, Waiting};
use super::leftovers;
use super::rehearsing::tidy;
use super::starting::stoppable;
use super::way::Way;
use super::{Ended, Options, Told};
use crate::config::Config;
use crate::failure::Failure;
use crate::root_generation::{Code, LOOK, not_let_in, not_taken};
use crate::secret::RootToken;
use crate::signing::SigningKey;
use crate::vault::RootSession;
use crate::vault::generation::{Encoded, Given, Pad, Progress};
use crate::vault::root::Life;

/// The command, for messages.
const COMMAND: &str = "break-glass finish";

/// Runs a command with the root token of an attempt that was started here. `encoded` is what the last holder was
/// handed; without it, the shares that are still missing are given from here, as soon as no more are missing than that
/// where `wait` says for how long.
///
/// # Errors
/// None was started here, it is not complete and cannot be completed from here, or as
/// [`break_glass`](super::break_glass).
pub async fn finish(
    config: &Config,
    options: &Options,
    (encoded, wait, command): (Option<&str>, Option<Duration>, &Command),
    told: Told<'_>,
) -> Result<Ended, Failure> {
    let encoded = encoded.map(Encoded::parse).transpose().map_err(|why| {
        Failure::usage(format!("this is no encoded token: {why}"))
            .advise("copy it whole, as share submit has printed it to the last holder")
    })?;
    let key = options.signing_key().await?;
    let mut way = stoppable(Box::pin(Way::open(COMMAND, config, options, told)), told).await?;
    let ended = complete(&mut way, (encoded, wait), command, key.as_ref()).await;
    if ended.is_err() {
        tidy(&mut way).await;
    }
    way.close().await;
    ended
}

async fn complete(
    way: &mut Way<'_>,
    (encoded, wait): (Option<Encoded>, Option<Duration>),
    command: &Command,
    key: Option<&SigningKey>,
) -> Result<Ended, Failure> {
    let Some(waiting) = way.journal.waiting() else {
        return Err(
            Failure::usage("no attempt was started here that is still open").advise(format!(
                "start one: {}",
                way.config.command("break-glass start --reason WHY")
            )),
        );
    };
    let pad = way.journal.pad().await?.map(Pad::kept).ok_or_else(|| {
        Failure::refused(
            "the one-time pad of this attempt is gone, and with it the way to its token",
        )
        .advise(format!(
            "give it up: {}",
            way.config.command("break-glass cancel")
        ))
    })?;
    let mut command = command.clone();
    if command.reason.is_empty() {
        command.reason.clone_from(&waiting.reason);
    }
    let mut evidence = begun(way, &command);
    let (encoded, from_here) = match encoded {
        Some(encoded) => (encoded, None),
        None => {
            let (encoded, gathered) = match missing_shares(way, (&waiting, wait)).await {
                Ok(completed) => completed,
                Err(failure) => {
                    evidence.of_a_failure(way, key, &failure);
                    return Err(failure);
                }
            };
            (encoded, Some(gathered))
        }
    };
    match &from_here {
        Some(gathered) => evidence.gathered(gathered),
        None => evidence.set("custodians", "given by their holders".into()),
    }
    let given_from_here = from_here.is_some();
    drop(from_here);
    let unheard = way.told.0.unheard();
    let root = pad.open(&encoded).map_err(|why| {
        Failure::refused(format!(
            "this is not the token of the attempt that was started here: {why}"
        ))
        .advise("copy what the last holder was handed once more; nothing was changed")
    })?;
    // What the server has just given for our own share is kept first and looked at later: nobody could copy it again.
    let root = if given_from_here {
        root
    } else {
        it_is_root(way, root).await?
    };
    if let Err(failure) = taken_up(way, &waiting, &root).await {
        // What the next run would not know of must not outlive this one.
        end(way, root).await?;
        return Err(failure);
    }
    let logs = logs(way.config);
    with_root(way, (root, &logs), &command, (evidence, key), unheard).await
}

/// One wrong letter decodes as well: what comes out is looked at before the pad is destroyed.
async fn it_is_root(way: &mut Way<'_>, root: RootToken) -> Result<RootToken, Failure> {
    way.keep_to_active().await?;
    let session = RootSession::new(&way.client, root);
    match session.look().await? {
        Life::Alive(info) if info.is_root() => Ok(session.into_token()),
        _ => Err(Failure::refused(format!(
            "{}: what this decodes to is no root token there",
            way.client.address()
        ))
        .advise("copy what the last holder was handed once more; nothing was changed")),
    }
}

/// From here on it is like any other root token of ours.
async fn taken_up(way: &Way<'_>, waiting: &Waiting, root: &RootToken) -> Result<(), Failure> {
    way.journal.keep(Kept::Generated, root.token()).await?;
    way.journal.wait(None)?;
    way.journal.note(Some(UnderWay {
        command: COMMAND.to_owned(),
        since: waiting.since.clone(),
        reason: Some(waiting.reason.clone()),
        nonce: Some(Code::parse(&waiting.code)?.nonce),
        ..UnderWay::default()
    }))?;
    way.journal.forget_pad()
}

/// The attempt that was started here, as it stands.
///
/// # Errors
/// The server does not have it any more.
async fn ours(way: &Way<'_>, code: &Code) -> Result<Progress, Failure> {
    let found = way.generation().progress().await?;
    if found.started && found.nonce == code.nonce {
        return Ok(found);
    }
    if way
        .journal
        .under_way()
        .is_some_and(|it| it.completing.is_some())
    {
        return Err(Failure::refused(
            "the answer to the last share, which was given from here, is lost, and a root token may live that nobody has",
        )
        .advise(format!(
            "{}; then make another one, which ends it: {}",
            way.config.command("break-glass cancel"),
            way.config.command("rehearse")
        )));
    }
    Err(Failure::refused(
        "the server does not have this attempt any more: it is complete, somebody ended it, or another node leads",
    )
    .advise(format!(
        "if it is complete, its last holder has the encoded token: {}; otherwise give it up: {}",
        way.config.command("break-glass finish ENCODED"),
        way.config.command("break-glass cancel")
    )))
}

/// Waits until no more shares are missing than can be given from here. The server says how many it has, never whose.
///
/// # Errors
/// The time is over: the attempt is ended then, and what was given with it.
async fn enough(
    way: &mut Way<'_>,
    code: &Code,
    limit: Option<Duration>,
) -> Result<Progress, Failure> {
    let here = way.asking(COMMAND).opens_here().await?.max(1);
    let (begun, mut told) = (Instant::now(), None);
    loop {
        let found = ours(way, code).await?;
        if told != Some(found.progress) {
            told = Some(found.progress);
            way.note(format!(
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
            way.generation().cancel().await?;
            way.journal.wait(None)?;
            way.journal.forget_pad()?;
            return Err(Failure::failed(format!(
                "{} of {} shares were given within {} s; the attempt is ended, and those shares with it",
                found.progress,
                found.required,
                limit.as_secs()
            ))
            .advise(format!(
                "get hold of more holders, then begin anew: {}",
                way.config.command("break-glass start --reason WHY")
            )));
        }
        tokio::time::sleep(LOOK).await;
        way.stay_in().await?;
    }
}

/// The shares that the attempt still lacks, from custodians that can be opened here.
async fn missing_shares(
    way: &mut Way<'_>,
    (waiting, limit): (&Waiting, Option<Duration>),
) -> Result<(Encoded, Gathered), Failure> {
    let code = Code::parse(&waiting.code)?;
    let told = way.told;
    let found = stoppable(enough(way, &code, limit), told).await?;
    let missing = found.required.saturating_sub(found.progress);
    let missing = usize::try_from(missing).unwrap_or(usize::MAX);
    // More than are missing: some may have been given by their holders.
    let asking = way.asking(COMMAND);
    let gathered = stoppable(asking.gather_from(missing, usize::MAX), way.told).await?;
    gathered.suffices(missing)?;
    let _unheard = way.told.0.unheard();
    way.stay_in().await?;
    let mut given = found.progress;
    let generation = way.generation();
    for held in &gathered.held {
        // Each may be the last one: holders give theirs meanwhile.
        way.journal.note(Some(UnderWay {
            command: COMMAND.to_owned(),
            since: waiting.since.clone(),
            reason: Some(waiting.reason.clone()),
            nonce: Some(code.nonce.clone()),
            completing: Some(leftovers::clock(way).await),
            ..UnderWay::default()
        }))?;
        let answer = generation.give(&code.nonce, &held.share).await;
        match answer.map_err(|error| not_let_in(&generation, error))? {
            Given::Counts(progress) => given = progress.progress,
            Given::Complete(encoded) => return Ok((encoded, gathered)),
            // Its holder was faster.
            Given::Twice => way.note(format!("{} has given their share already", held.name)),
            Given::Wrong => {
                way.journal.note(None)?;
                return Err(Failure::refused(
                    "the shares that were given do not make the key of this cluster, and the server has dropped all of \
                     them, those of the holders too",
                )
                .advise(
                    "one of them is of another cluster, or from before a rotation: all submit again with the same code, \
                     and another holder in the place of whom you doubt",
                ));
            }
            refused => {
                way.journal.note(None)?;
                return Err(not_taken(
                    &generation,
                    &refused,
                    &held.name,
                    &gathered.names(),
                ));
            }
        }
    }
    way.journal.note(None)?;
    Err(Failure::failed(format!(
        "{given} of {} shares were given, and no more can be had here",
        found.required
    ))
    .advise("let more holders submit, then run the same command again"))
}
