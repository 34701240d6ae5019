//! `share submit CODE`: a holder gives their share to an attempt, from their own machine, by their own login.
//!
//! Which server, which authority to trust and which cluster: all from the holder's own file, never from the code. Which
//! attempt: from the code, never from the server. Otherwise whoever sends a code, or runs a server, collects shares.

use std::time::Duration;

use jiff::Timestamp;

use crate::break_glass::options::Options;
use crate::break_glass::session::ActiveSession;
use crate::code::Code;
use crate::config::Config;
use crate::event::{Caller, Event};
use crate::failure::Failure;
use crate::printable;
use crate::prompt;
use crate::root_generation::{AttemptCode, Held, not_let_in, not_taken};
use crate::session::cluster_identity::known_id;
use crate::shares::fetch::TIMES;
use crate::shell::ShellCommand;
use crate::span;
use crate::vault::keys::generation::{Given, Progress};
use crate::vault::{Client, Error, Generation};

/// The command, for messages.
const COMMAND: &str = "share submit";
/// Letters of a reason or a name that are shown.
const SHOWN: usize = 200;

/// Gives the share of one custodian: the one named, or the only one that can be opened here.
///
/// # Errors
/// The code is of another cluster or attempt; the share cannot be had; or the server does not take it, each explained.
pub async fn submit(
    config: &Config,
    options: &Options,
    (code, custodian): (&str, Option<&str>),
    caller: Caller<'_>,
) -> Result<Event, Failure> {
    let code = AttemptCode::parse(code)?;
    is_of_this_cluster(config, &code)?;
    // A login may run a command or ask a person to sign in: not before the attempt was looked at, and the holder asked.
    let consent = async |client: &Client| {
        look_without_login(client, &code).await?;
        consent(config, &code, (custodian, options.yes), caller).await
    };
    let opening = ActiveSession::open_if(COMMAND, config, (options, caller), consent);
    let mut session = caller.unless_stopped(opening).await?;
    let given = caller
        .unless_stopped(give(&mut session, &code, custodian))
        .await;
    session.log_out().await;
    given
}

fn is_of_this_cluster(config: &Config, code: &AttemptCode) -> Result<(), Failure> {
    let file = config.file.display();
    let known = known_id(config)?.ok_or_else(|| {
        Failure::usage(Code::ClusterUnknown, format!(
            "{file} does not say which cluster it is for, so it is unknown whether the code is for the same one"
        ))
        .advise(
            "add cluster.id to the file, from a source that you trust: your own report of the ceremony, or a \
             colleague by telephone; never from the code",
        )
    })?;
    let origin = &code.origin;
    if known == origin.id && config.cluster.name == origin.cluster {
        return Ok(());
    }
    // What a code says of itself is not shown: anybody may have written it.
    Err(Failure::refused(
        Code::ClusterOther,
        format!(
            "the code is not for cluster {} ({known}), which {file} is for",
            config.cluster.name
        ),
    )
    .advise(
        "name the file of that cluster with -c; if there is none, ask whoever sent you the code",
    ))
}

/// What anybody may see of the attempt, where the server lets anybody see it.
async fn look_without_login(client: &Client, code: &AttemptCode) -> Result<(), Failure> {
    match Generation::seen_by_anybody(client).await? {
        Some(found) => is_this_attempt(client.address(), code, &found),
        None => Ok(()),
    }
}

/// Shows what the share is wanted for, and asks.
///
/// # Errors
/// The holder says no, or nobody is there to answer.
async fn consent(
    config: &Config,
    code: &AttemptCode,
    (custodian, yes): (Option<&str>, bool),
    caller: Caller<'_>,
) -> Result<(), Failure> {
    let origin = &code.origin;
    let when = ago(origin.since, Timestamp::now());
    // A line each: whatever the code says cannot begin one.
    for line in [
        "a share is asked for; the code says:".to_owned(),
        format!("cluster: {}, {}", origin.cluster, origin.id),
        format!("reason: {}", printable::line(&origin.reason, SHOWN)),
        format!(
            "started: {}, {when}, by {}",
            origin.since,
            printable::line(&origin.requester, SHOWN)
        ),
        format!("compare with them by telephone: {}", code.spoken()),
    ] {
        caller.events.note(line);
    }
    if yes {
        return Ok(());
    }
    let verb = ShellCommand::new("share submit CODE");
    let verb = match custodian {
        Some(name) => verb.and("--custodian").with(name),
        None => verb,
    };
    let instead = format!(
        "look at what was asked for, then: {}",
        config.command(verb.and("--yes"))
    );
    if prompt::confirm("Give your share to this attempt?", &instead).await? {
        return Ok(());
    }
    Err(
        Failure::failed(Code::Declined, "nothing was given: you said no").advise(format!(
            "if nobody you know started it, somebody may be collecting shares; anyone with a break-glass login can \
             end it: {}",
            config.command(ShellCommand::new("break-glass cancel --nonce").with(&code.nonce))
        )),
    )
}

/// How long ago that was, for a person.
fn ago(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - since.as_second();
    let age = |seconds: i64| {
        let seconds = u64::try_from(seconds).unwrap_or_default();
        format!("{} ago", span::of_seconds(seconds))
    };
    match seconds {
        i64::MIN..-60 => "in the future by the clock of this machine".to_owned(),
        -60..120 => age(seconds),
        120..7200 => age(seconds / 60 * 60),
        7200.. => age(seconds / 3600 * 3600),
    }
}

async fn give(
    session: &mut ActiveSession<'_>,
    code: &AttemptCode,
    wanted: Option<&str>,
) -> Result<Event, Failure> {
    let found = session.progress().await?;
    is_this_attempt(session.client.address(), code, &found)?;
    let asking = session.asking("share submit CODE");
    let mut slips = 0;
    loop {
        let held = asking.own(wanted).await?;
        let generation = session.generation()?;
        // A share that is on its way cannot be called back.
        let _deferred = session.caller.interrupt.defer_signals();
        let given = match generation.give(&code.nonce, &held.share).await {
            Ok(given) => given,
            Err(error) => return Err(unanswered(session, code, error).await),
        };
        slips += 1;
        if matches!(given, Given::Twice) && held.typed && slips < TIMES {
            session.warn(
                Code::ShareTwice,
                format!("{}: asking {} again", given_before(&held), held.name),
            );
            continue;
        }
        return taken(session, &generation, (given, held), code.required);
    }
}

fn taken(
    session: &ActiveSession<'_>,
    generation: &Generation<'_>,
    (given, held): (Given, Held),
    required: u32,
) -> Result<Event, Failure> {
    let name = held.name.clone();
    match given {
        Given::Counts(progress) => Ok(Event::Given {
            custodian: name,
            given: progress.progress,
            required: progress.required,
        }),
        Given::Complete(encoded) => Ok(Event::Complete {
            custodian: name,
            encoded: encoded.to_text(),
        }),
        Given::Twice => Err(Failure::refused(
            Code::ShareTwice,
            format!("{}; nothing has changed", given_before(&held)),
        )
        .advise(format!(
            "another holder must submit; how far it is: {}",
            session.config.command("break-glass progress")
        ))),
        Given::Wrong => Err(Failure::refused(
            Code::ShareWrong,
            "the shares that were given do not make the key of this cluster, and the server has dropped all of them",
        )
        .advise(format!(
            "one of the {required} holders has a share of another cluster or from before a rotation: all submit \
             again, {name} too, with another holder in place of anyone in doubt"
        ))),
        refused => Err(not_taken(generation, &refused, &name, &[])),
    }
}

/// The server has this share already: of its holder, or of another one where a person typed it.
fn given_before(held: &Held) -> String {
    if held.typed {
        format!(
            "the share that was typed for {} was given already",
            held.name
        )
    } else {
        format!("the share of {} was given already", held.name)
    }
}

/// If it was the last one, there is an orphaned root token now. An attempt is in the memory of the node that leads, and
/// goes with it.
async fn unanswered(session: &mut ActiveSession<'_>, code: &AttemptCode, error: Error) -> Failure {
    if !error.is_retryable() {
        return match session.generation() {
            Ok(generation) => not_let_in(&generation, error),
            Err(failure) => failure,
        };
    }
    if let Some(leader) = another_leads(session, code).await {
        return Failure::failed(Code::AttemptGone, format!(
            "{leader} leads now and does not have the attempt, which went with the node that led before: {error}"
        ))
        .advise(
            "ask whoever sent you the code for a new one, and give your share again; if it was the last one, an orphaned \
             root token may be valid: whoever started it types vault-bootstrap break-glass cancel, then rehearse",
        );
    }
    let progress = session.config.command("break-glass progress");
    Failure::failed(Code::ShareAnswerLost, format!("nobody knows whether the share counts: {error}")).advise(format!(
        "check how far it is: {progress}; if yours was the last share, an orphaned root token is still valid: whoever \
         started it types vault-bootstrap break-glass cancel, then rehearse",
    ))
}

/// How long a holder waits to hear who leads.
const TO_LOOK: Duration = Duration::from_secs(30);

/// The node that leads by now, where that is another one and it does not have this attempt.
async fn another_leads(session: &mut ActiveSession<'_>, code: &AttemptCode) -> Option<String> {
    let before = session.client.address().to_owned();
    if session.client.nodes().len() < 2 {
        return None;
    }
    let looking = tokio::time::timeout(TO_LOOK, session.keep_to_active());
    looking.await.ok()?.ok()?;
    let leader = session.client.address().to_owned();
    if leader == before {
        return None;
    }
    let found = session.generation().ok()?.progress().await.ok()?;
    let has_it = found.started && found.nonce == code.nonce;
    (!has_it).then_some(leader)
}

/// The attempt at the server must be the one of the code, and its token must go where its starter said.
fn is_this_attempt(address: &str, code: &AttemptCode, found: &Progress) -> Result<(), Failure> {
    let refused = |why: &str, advice: &str| {
        Err(Failure::refused(Code::AttemptGone, format!("{address}: {why}")).advise(advice))
    };
    let collecting = "call whoever sent you the code: somebody may be collecting shares";
    if !found.started {
        return refused(
            "this attempt no longer exists: it is complete, somebody ended it, or another node leads",
            "ask whoever sent you the code; a new attempt has a new code",
        );
    }
    if found.nonce != code.nonce {
        return refused(
            "another attempt is under way, not the one of this code; nothing was given to it",
            "call whoever sent you the code: it is an old one, or somebody else has started one",
        );
    }
    if found.required != code.required {
        let (needs, says) = (found.required, code.required);
        let why = format!(
            "this attempt needs {needs} shares, and the code says {says}; nothing was given to it"
        );
        return refused(&why, collecting);
    }
    if !found
        .pgp_fingerprint
        .eq_ignore_ascii_case(&code.pgp_fingerprint)
    {
        return refused(
            "the token of this attempt would be encrypted to another PGP key than the code says; nothing was given to it",
            collecting,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_in_the_largest_unit_that_tells_something() {
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        for (seconds, said) in [
            (0, "0s ago"),
            (119, "1m59s ago"),
            (179, "2m ago"),
            (7260, "2h ago"),
            (-61, "in the future by the clock of this machine"),
        ] {
            assert_eq!(ago(at(0), at(seconds)), said);
        }
    }
}
