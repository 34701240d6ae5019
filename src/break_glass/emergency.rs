//! `break-glass -- CMD`: the real thing.
//!
//! The root token of the quorum has no end. It makes one that has, without a parent, and is revoked before the command
//! starts: a machine that dies now leaves no token that is valid for ever.

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
use crate::event::{Caller, Outcome};
use crate::evidence::signing::SigningKey;
use crate::failure::{Exit, Failure, Problem};
use crate::finding::Finding;
use crate::hex;
use crate::interrupt::DeferredSignals;
use crate::root_generation::{OrphanedToken, Quorum};
use crate::secret::{RootToken, Token};
use crate::shares::quorum::Gathered;
use crate::vault::auth::scan::RUN;
use crate::vault::auth::token::{limited_root, lookup_self};
use crate::vault::{AuthResponse, Error};

/// The command, for messages.
const COMMAND: &str = "break-glass";
/// A cluster has many tokens, and the root token stays valid for as long as they are looked at.
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

/// The command, with a child of this root token, which is kept in the journal and revoked first.
pub(super) async fn with_root(
    session: &mut BreakGlassSession<'_>,
    root: (RootToken, &[DeviceLog]),
    command: &Command,
    (mut evidence, key): (Evidence, Option<&SigningKey>),
    deferred: DeferredSignals<'_>,
) -> Result<Outcome, Failure> {
    let worked = work(session, root, command, &mut evidence, deferred).await;
    let (ran, findings) = worked.map_err(|failure| evidence.of_a_failure(session, key, failure))?;
    let path = evidence.write(session, key, &findings)?;
    finish(ran?, Finding::in_words(&findings), &path)
}

/// From the quorum's token to the end of the command's: how the command ended, and what it left.
async fn work(
    session: &mut BreakGlassSession<'_>,
    root: (RootToken, &[DeviceLog]),
    command: &Command,
    evidence: &mut Evidence,
    deferred: DeferredSignals<'_>,
) -> Result<(Result<End, Failure>, Vec<Finding>), Failure> {
    let Limited {
        token: limited,
        accessor,
        until,
        marked,
    } = limited(session, root, command, evidence).await?;
    drop(deferred);
    if let Err(failure) = session.rest().await {
        end_kept(session, Kept::Limited, limited).await?;
        return Err(failure);
    }
    let ran = match session.caller.interrupt.pending() {
        Some(stop) => Err(stop),
        None => {
            session.note(format!(
                "the command runs as root for at most {}",
                SpanPrinter::new().unsigned_duration_to_string(&command.max_age)
            ));
            command::run(session, limited.token(), command, until).await
        }
    };
    let deferred = session.caller.interrupt.defer_signals();
    let findings = last_look(session, limited.token()).await;
    let proof = end_kept(session, Kept::Limited, limited).await?;
    session.journal.note(None)?;
    drop(deferred);
    evidence.set("limited", json!({"accessor": accessor, "proof": proof}));
    evidence.set("audit", lines(&marked));
    let ran_how = match &ran {
        Ok(end) => end.in_words(),
        Err(failure) => failure.to_string(),
    };
    evidence.set("ran", ran_how);
    Ok((ran, findings))
}

/// A token that ends by itself, and what is known of it.
struct Limited<'l> {
    token: RootToken,
    accessor: String,
    until: Instant,
    marked: Vec<Marked<'l>>,
}

/// The quorum's token makes one that ends by itself, and is revoked. Whatever goes wrong, neither is left.
async fn limited<'l>(
    session: &mut BreakGlassSession<'_>,
    (root, logs): (RootToken, &'l [DeviceLog]),
    command: &Command,
    evidence: &mut Evidence,
) -> Result<Limited<'l>, Failure> {
    // Before there is another one of ours that it could be taken for.
    let orphans = leftovers::end_orphans(session, root.token()).await;
    let until = Instant::now() + command.max_age;
    let made = child_of(session, &root, command).await;
    let (mut marked, mut kept) = (Vec::new(), Ok(()));
    if let Ok(made) = &made {
        kept = session.journal.keep(Kept::Limited, &made.token).await;
        evidence.set("limited", json!({"accessor": made.accessor}));
        marked = mark(&session.client, root.token(), &made.accessor, logs).await;
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
    let made = made?;
    let token = RootToken::new(made.token);
    if let Err(failure) = orphans.and(kept).and(ended) {
        end_kept(session, Kept::Limited, token).await?;
        return Err(failure);
    }
    Ok(Limited {
        token,
        accessor: made.accessor,
        until,
        marked,
    })
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

/// A lost answer leaves an orphaned token: it is ended at once, and would be at its time.
async fn child_of(
    session: &BreakGlassSession<'_>,
    root: &RootToken,
    command: &Command,
) -> Result<AuthResponse, Failure> {
    let client = session.client.in_namespace(None);
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
    // Long enough to look, when the command is over, for what it may have left.
    let life = command.max_age + attended::GRACE + LAST_LOOK;
    let made = limited_root(&client, root.token(), life, &beside).await;
    if made.as_ref().is_err_and(Error::is_retryable) {
        let before = session.journal.under_way();
        session.journal.lost([OrphanedToken::OfRun { run }])?;
        session.journal.note(before)?;
        leftovers::end_orphans(session, root.token()).await?;
    }
    Ok(made?)
}

/// Other root tokens that are valid when the command is over: it may have made one.
async fn last_look(session: &BreakGlassSession<'_>, limited: &Token) -> Vec<Finding> {
    let client = session.client.in_namespace(None);
    let look = async {
        let own = match lookup_self(&client, limited).await {
            Err(error) if error.is_forbidden() => {
                return Err(Failure::refused("the command ended its own token"));
            }
            own => own?,
        };
        leftovers::others(session, limited, &own.accessor).await
    };
    let unseen = |why: String| vec![Finding::CommandUnseen(why)];
    match tokio::time::timeout(LAST_LOOK, look).await {
        Ok(Ok(others)) => others.into_values().collect(),
        Ok(Err(failure)) => unseen(failure.to_string()),
        Err(_) => unseen(format!("it took longer than {} s", LAST_LOOK.as_secs())),
    }
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
