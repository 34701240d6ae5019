//! `break-glass -- CMD`: the real thing.
//!
//! The root token of the quorum has no end. It makes two that have, without a parent, and is revoked before the command
//! starts: a machine that dies now leaves no token that is valid for ever. One is the command's. When that is no longer
//! valid, the other one, which the command never had, looks for what is left, and is ended last.

use std::path::Path;
use std::time::Duration;

use jiff::fmt::friendly::SpanPrinter;
use serde_json::json;
use tokio::time::Instant;

use crate::break_glass::audit_lines::{DeviceLog, Marked, lines, logs, mark};
use crate::break_glass::command::{self, Command};
use crate::break_glass::evidence::Evidence;
use crate::break_glass::leftovers::{self, end, end_kept, run};
use crate::break_glass::options::Options;
use crate::break_glass::root_token::{self, Purpose};
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::journal::{Kept, UnderWay};
use crate::child::attended::{self, End};
use crate::config::Config;
use crate::edge::others;
use crate::event::{Caller, Outcome};
use crate::evidence::signing::SigningKey;
use crate::failure::{Exit, Failure, Problem};
use crate::finding::Finding;
use crate::hex;
use crate::interrupt::DeferredSignals;
use crate::root_generation::{OrphanedToken, Quorum};
use crate::secret::RootToken;
use crate::shares::quorum::Gathered;
use crate::vault::auth::scan::{LOOKS, RUN, Watch};
use crate::vault::auth::token::limited_root;
use crate::vault::{Error, sys};

/// The command, for messages.
const COMMAND: &str = "break-glass";
/// How long the end of the command's token may take.
const TO_END: Duration = Duration::from_secs(60);
/// A cluster has many tokens, and one of root stays valid for as long as they are looked at.
const LAST_LOOK: Duration = Duration::from_secs(60);

/// Runs a command with a root token that is revoked afterwards, whatever the command did.
///
/// # Errors
/// No root token could be made, the command could not be started, it was ended at its time, or its token could not be
/// shown to be revoked.
pub async fn break_glass(
    config: &Config,
    options: &Options,
    command: &Command,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    command.check()?;
    let key = options.signing_key().await?;
    run(COMMAND, (config, options, caller), async |session| {
        let key = key.as_ref();
        let shares = shares(session, command, key);
        let gathered = caller.unless_stopped(shares).await?;
        of_a_quorum(session, gathered, command, key).await
    })
    .await
}

/// Just as many as it takes. What an earlier run left is ended first, as far as that goes without root.
async fn shares(
    session: &mut BreakGlassSession<'_>,
    command: &Command,
    key: Option<&SigningKey>,
) -> Result<Gathered, Failure> {
    leftovers::end_earlier_run(session).await?;
    let gathered = session.asking(COMMAND).gather(session.threshold()).await?;
    if let Err(failure) = gathered.suffices(session.threshold()) {
        let mut evidence = begun(session, command);
        evidence.gathered(&gathered);
        return Err(evidence.of_a_failure(session, key, failure));
    }
    session.keep_to_active().await?;
    session.stay_logged_in().await?;
    Ok(gathered)
}

async fn of_a_quorum(
    session: &mut BreakGlassSession<'_>,
    gathered: Gathered,
    command: &Command,
    key: Option<&SigningKey>,
) -> Result<Outcome, Failure> {
    let mut evidence = begun(session, command);
    evidence.gathered(&gathered);
    let logs = logs(session.config);
    let purpose = Purpose {
        command: COMMAND,
        reason: Some(&command.reason),
    };
    let quorum = Quorum::in_hand(&gathered.held);
    // From here to the limited token, a stop waits: it takes seconds.
    let made = root_token::root(session, &quorum, purpose).await;
    let (root, deferred) = made.map_err(|failure| evidence.of_a_failure(session, key, failure))?;
    drop(quorum);
    drop(gathered);
    with_root(session, (root, &logs), command, (evidence, key), deferred).await
}

/// The evidence of a command that is about to run.
pub(super) fn begun(session: &BreakGlassSession<'_>, command: &Command) -> Evidence {
    let mut evidence = Evidence::begin(session, COMMAND);
    evidence.set("reason", &command.reason);
    evidence.set("max_age_seconds", command.max_age.as_secs());
    evidence.set("command", command.program());
    evidence
}

/// The command, with a child of this root token, which is revoked first; all are kept in the journal.
pub(super) async fn with_root(
    session: &mut BreakGlassSession<'_>,
    root: (RootToken, &[DeviceLog]),
    command: &Command,
    (mut evidence, key): (Evidence, Option<&SigningKey>),
    deferred: DeferredSignals<'_>,
) -> Result<Outcome, Failure> {
    let worked = work(session, root, command, &mut evidence, deferred).await;
    let (ran, left) = worked.map_err(|failure| evidence.of_a_failure(session, key, failure))?;
    let mut findings = others::findings(session.config, None);
    findings.extend(left);
    let path = evidence.write(session, key, &findings)?;
    finish(ran?, Finding::in_words(&findings), &path)
}

/// From the quorum's token to the end of the last one: how the command ended, and what it left.
async fn work(
    session: &mut BreakGlassSession<'_>,
    root: (RootToken, &[DeviceLog]),
    command: &Command,
    evidence: &mut Evidence,
    deferred: DeferredSignals<'_>,
) -> Result<(Result<End, Failure>, Vec<Finding>), Failure> {
    let Limited {
        command: limited,
        inspection,
        until,
        marked,
    } = limited(session, root, command, evidence).await?;
    drop(deferred);
    if let Err(failure) = session.rest().await {
        end_both(session, limited.token, inspection.token).await?;
        return Err(failure);
    }
    let ran = match session.caller.interrupt.pending() {
        Some(stop) => Err(stop),
        None => {
            session.note(format!(
                "the command runs as root for at most {}",
                SpanPrinter::new().unsigned_duration_to_string(&command.max_age)
            ));
            command::run(session, limited.token.token(), command, until).await
        }
    };
    let deferred = session.caller.interrupt.defer_signals();
    // Whoever looked before that would not see what is made with it in between.
    let proof = end_kept(session, Kept::Limited, limited.token).await;
    let findings = match proof {
        Ok(_) => last_look(session, &inspection).await,
        Err(_) => Vec::new(),
    };
    let last = end_kept(session, Kept::Inspection, inspection.token).await;
    let (proof, last) = (proof?, last?);
    session.journal.note(None)?;
    drop(deferred);
    evidence.set(
        "limited",
        json!({"accessor": limited.accessor, "proof": proof}),
    );
    evidence.set(
        "inspection",
        json!({"accessor": inspection.accessor, "proof": last}),
    );
    evidence.set("audit", lines(&marked));
    let ran_how = match &ran {
        Ok(end) => end.in_words(),
        Err(failure) => failure.to_string(),
    };
    evidence.set("ran", ran_how);
    Ok((ran, findings))
}

/// A token that ends by itself.
struct Child {
    token: RootToken,
    accessor: String,
}

/// What the command gets, and what it does not.
struct Limited<'l> {
    command: Child,
    /// Looks when the command's is no longer valid.
    inspection: Child,
    until: Instant,
    marked: Vec<Marked<'l>>,
}

/// The quorum's token makes two that end by themselves, and is revoked. Whatever goes wrong, none is left.
async fn limited<'l>(
    session: &mut BreakGlassSession<'_>,
    (root, logs): (RootToken, &'l [DeviceLog]),
    command: &Command,
    evidence: &mut Evidence,
) -> Result<Limited<'l>, Failure> {
    // Before there is another one of ours that it could be taken for.
    let orphans = leftovers::end_orphans(session, root.token()).await;
    let until = Instant::now() + command.max_age;
    let made = children_of(session, &root, command).await;
    let mut marked = Vec::new();
    if let Ok((of_command, inspection)) = &made {
        evidence.set("limited", json!({"accessor": of_command.accessor}));
        evidence.set("inspection", json!({"accessor": inspection.accessor}));
        marked = mark(&session.client, root.token(), &of_command.accessor, logs).await;
    }
    let ended = match end(session, root).await {
        Ok(proof) => {
            evidence.set("generated", proof);
            session
                .journal
                .forget(Kept::Generated)
                .and(in_hand(session))
        }
        Err(failure) => Err(failure),
    };
    let (of_command, inspection) = made?;
    if let Err(failure) = orphans.and(ended) {
        end_both(session, of_command.token, inspection.token).await?;
        return Err(failure);
    }
    Ok(Limited {
        command: of_command,
        inspection,
        until,
        marked,
    })
}

/// Nothing of them is left, though no command has run.
async fn end_both(
    session: &mut BreakGlassSession<'_>,
    limited: RootToken,
    inspection: RootToken,
) -> Result<(), Failure> {
    let first = end_kept(session, Kept::Limited, limited).await;
    let second = end_kept(session, Kept::Inspection, inspection).await;
    first.and(second).map(drop)
}

/// Nothing is lost any more: what a colleague makes from now on is never taken for ours.
fn in_hand(session: &BreakGlassSession<'_>) -> Result<(), Failure> {
    let under_way = session.journal.under_way().map(|it| UnderWay {
        completing: None,
        run: it.run.filter(|_| !session.journal.can_keep()),
        ..it
    });
    session.journal.note(under_way)
}

/// The command's token, and one that looks when that is no longer valid. Whatever goes wrong, neither is left.
async fn children_of(
    session: &mut BreakGlassSession<'_>,
    root: &RootToken,
    command: &Command,
) -> Result<(Child, Child), Failure> {
    // Names this run, and is no name that anybody has thought of.
    let run =
        hex::random::<16>().ok_or_else(|| Failure::failed("the system gives no random bytes"))?;
    if let Some(under_way) = session.journal.under_way() {
        session.journal.note(Some(UnderWay {
            run: Some(run.clone()),
            ..under_way
        }))?;
    }
    let beside = [("reason", command.reason.as_str()), (RUN, run.as_str())];
    let life = command.max_age + attended::GRACE + TO_END;
    let limited = child_of(session, root, (Kept::Limited, life), &beside).await?;
    let life = life + session.config.cluster.timeouts.active + LAST_LOOK;
    match child_of(session, root, (Kept::Inspection, life), &beside).await {
        Ok(inspection) => Ok((limited, inspection)),
        Err(failure) => {
            end_kept(session, Kept::Limited, limited.token).await?;
            Err(failure)
        }
    }
}

/// A token that is kept in the journal. One of a lost answer is ended at once, and would be at its time.
async fn child_of(
    session: &mut BreakGlassSession<'_>,
    root: &RootToken,
    (kept, life): (Kept, Duration),
    beside: &[(&str, &str)],
) -> Result<Child, Failure> {
    let client = session.client.in_namespace(None);
    let made = limited_root(&client, root.token(), life, beside).await;
    if made.as_ref().is_err_and(Error::is_retryable) {
        let before = session.journal.under_way();
        let run = before.as_ref().and_then(|it| it.run.clone());
        let lost = run.map(|run| OrphanedToken::OfRun { run });
        session.journal.lost(lost)?;
        session.journal.note(before)?;
        leftovers::end_orphans(session, root.token()).await?;
    }
    let made = made?;
    let keeping = session.journal.keep(kept, &made.token).await;
    let token = RootToken::new(made.token);
    if let Err(failure) = keeping {
        // What the next run would not know of must not outlive this one.
        end(session, token).await?;
        return Err(failure);
    }
    Ok(Child {
        token,
        accessor: made.accessor,
    })
}

/// Other root tokens that are valid when the command's is not any more: it may have made one.
async fn last_look(session: &BreakGlassSession<'_>, inspection: &Child) -> Vec<Finding> {
    let (client, token) = (&session.client, inspection.token.token());
    let unseen = |why: String| Finding::CommandUnseen(why);
    let mut watch = Watch::default();
    let looked = tokio::time::timeout(LAST_LOOK, watch.until_quiet(client, token)).await;
    let mut findings = Vec::new();
    match looked {
        // A standby answers too, from what it knows.
        Ok(Ok(_)) if !sys::is_active(client).await => {
            findings.push(unseen(format!("{} leads no more", client.address())));
        }
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => {
            let again = session.config.command("rehearse");
            findings.push(Finding::StillAtWork(LOOKS, again));
        }
        Ok(Err(error)) if error.is_forbidden() => findings.push(unseen(format!(
            "the token that was to look is no longer valid, and only root could end it: accessor {}",
            inspection.accessor
        ))),
        Ok(Err(error)) => findings.push(unseen(error.to_string())),
        Err(_) => findings.push(unseen(format!(
            "it took longer than {} s",
            LAST_LOOK.as_secs()
        ))),
    }
    // What was seen so far is told, however the look ended.
    let found = watch.scan.roots;
    match leftovers::judge(session, token, &inspection.accessor, found).await {
        Ok(others) => findings.extend(others.into_values()),
        Err(failure) => findings.push(unseen(failure.to_string())),
    }
    findings
}

fn finish(end: End, findings: Vec<String>, path: &Path) -> Result<Outcome, Failure> {
    let evidence = path.display();
    let text = format!(
        "the command {}; its root token is no longer valid",
        end.in_words()
    );
    let mut failure = match end {
        End::TooLong => Failure::failed(text).advise(format!(
            "look at what it has done; the evidence is in {evidence}; give it longer with --max-age"
        )),
        End::Stopped(signal) => Failure::new(Exit::Interrupted(signal), text)
            .advise(format!("the evidence is in {evidence}")),
        End::Code(_) | End::Signal(_) => {
            return Ok(Outcome::ended(text, findings, path, Some(end.code())));
        }
    };
    // What was found is said, however the command ended.
    failure
        .problems
        .extend(findings.into_iter().map(Problem::new));
    Err(failure)
}
