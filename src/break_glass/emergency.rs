//! `break-glass -- CMD`: the real thing.
//!
//! The root token of the quorum has no end. It makes two that have, without a parent, and is revoked before the command
//! starts: a machine that dies now leaves no token that is valid for ever. One is the command's. When that is no longer
//! valid, the other one, which the command never had, looks for what is left, and is ended last.

use std::path::Path;

use serde_json::json;
use tokio::time::Instant;

use crate::break_glass::another_quorum;
use crate::break_glass::audit_lines::{Marked, lines};
use crate::break_glass::command::{self, Command};
use crate::break_glass::comparison::{self, Before, Compared};
use crate::break_glass::evidence::Evidence;
use crate::break_glass::last_look::last_look;
use crate::break_glass::leftovers::{self, end_kept, run};
use crate::break_glass::limited::{Child, Limited, end_both, limited};
use crate::break_glass::options::Options;
use crate::break_glass::root_token::Purpose;
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::journal::Kept;
use crate::child::attended::End;
use crate::code::{Code, Reported};
use crate::config::Config;
use crate::edge::others;
use crate::event::{Caller, Outcome};
use crate::evidence::signing::SigningKey;
use crate::failure::{Exit, Failure, Problem};
use crate::finding::Finding;
use crate::interrupt::DeferredSignals;
use crate::secret::{RootToken, Token};
use crate::session::audit_trail::{DeviceLog, logs};
use crate::shares::quorum::{Asking, Gathered};

/// The command, for messages.
pub(super) const COMMAND: &str = "break-glass";

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
    session.led(leftovers::end_earlier_run).await?;
    let changed = another_quorum::not_as_stored(session).await;
    let asking = Asking {
        last: &changed,
        ..session.asking(COMMAND)
    };
    let gathered = asking.gather(session.threshold()).await?;
    if let Err(failure) = gathered.suffices(session.threshold()) {
        let mut evidence = begun(session, command);
        evidence.gathered(&gathered);
        return Err(evidence.of_a_failure(session, key, failure));
    }
    session.keep_to_active().await?;
    session
        .led(async |session| session.stay_logged_in().await)
        .await?;
    Ok(gathered)
}

async fn of_a_quorum(
    session: &mut BreakGlassSession<'_>,
    mut gathered: Gathered,
    command: &Command,
    key: Option<&SigningKey>,
) -> Result<Outcome, Failure> {
    let mut evidence = begun(session, command);
    let logs = logs(session.config);
    let purpose = Purpose {
        command: COMMAND,
        reason: Some(&command.reason),
    };
    // From here to the limited token, a stop waits: it takes seconds.
    let made = another_quorum::root(session, &mut gathered, purpose).await;
    evidence.gathered(&gathered);
    let made = match made {
        Ok(made) => made,
        Err(failure) => return Err(evidence.of_a_failure(session, key, failure)),
    };
    drop(gathered);
    evidence.set("quorum", made.quorum.join(", "));
    evidence.refused(made.refused, &made.quorum);
    let (root, deferred) = (made.token, made.deferred);
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
    let mut worked = match worked {
        Ok(worked) => worked,
        Err(failure) => return Err(evidence.of_a_failure(session, key, failure)),
    };
    let mut findings = others::findings(&[session.config], None);
    findings.extend(evidence.refused_quorums());
    findings.append(&mut worked.findings);
    worked.findings = findings;
    let findings = &mut worked.findings;
    let path = evidence.write(session, key, findings, None).await?;
    if worked.over {
        session.journal.forget_before()?;
    }
    finish(session.config, worked, &path)
}

/// How the command ended, and what it left.
struct Worked {
    ran: Result<End, Failure>,
    findings: Vec<Finding>,
    /// What can be said of a comparison.
    clause: String,
    /// Nothing is left to compare.
    over: bool,
}

/// From the quorum's token to the end of the last one.
async fn work(
    session: &mut BreakGlassSession<'_>,
    root: (RootToken, &[DeviceLog]),
    command: &Command,
    evidence: &mut Evidence,
    deferred: DeferredSignals<'_>,
) -> Result<Worked, Failure> {
    let Limited {
        command: limited,
        inspection,
        marked,
    } = limited(session, root, command, evidence).await?;
    drop(deferred);
    let before = match ready(session, inspection.token.token(), command).await {
        Ok(before) => before,
        Err(failure) => {
            end_both(session, limited.token, inspection.token).await?;
            return Err(failure);
        }
    };
    let until = Instant::now() + command.max_age;
    let ran = match session.caller.interrupt.pending() {
        Some(stop) => Err(stop),
        None => {
            session.note(command.announced(&session.config.cluster.name));
            let ran = command::run(session, limited.token.token(), command, until).await;
            if let Some(hint) = command.hint(&ran) {
                session.note(hint);
            }
            ran
        }
    };
    let ended = end_and_look(session, (limited, inspection), &before, evidence).await?;
    let mut worked = Worked {
        ran,
        findings: ended.findings,
        clause: String::new(),
        over: false,
    };
    if let Some(compared) = ended.compared {
        evidence.set("comparison", compared.facts);
        (worked.clause, worked.over) = (compared.clause, compared.over);
    }
    if worked.findings.iter().any(Finding::is_of_a_root_token) {
        worked.clause = format!("; another root token is still valid{}", worked.clause);
    }
    by_the_logs(session, (&marked, ended.revoked), &mut worked, evidence);
    evidence.set("audit", lines(&marked));
    let ran_how = match &worked.ran {
        Ok(end) => end.in_words(),
        Err(failure) => failure.to_string(),
    };
    evidence.set("ran", ran_how);
    Ok(worked)
}

/// What was seen once the command's token was no longer valid.
struct Ended {
    findings: Vec<Finding>,
    compared: Option<Compared>,
    /// The command had not ended its token itself.
    revoked: bool,
}

/// The command's token is ended, then what it left is looked for, and the token that looks is ended last.
async fn end_and_look(
    session: &mut BreakGlassSession<'_>,
    (limited, inspection): (Child, Child),
    before: &Before,
    evidence: &mut Evidence,
) -> Result<Ended, Failure> {
    let deferred = session.caller.interrupt.defer_signals();
    // Whoever looked before that would not see what is made with it in between.
    let proof = end_kept(session, Kept::Limited, limited.token).await;
    let mut ended = Ended {
        findings: Vec::new(),
        compared: None,
        revoked: false,
    };
    if proof.is_ok() {
        let own = [&limited.accessor, &inspection.accessor];
        let own = own.into_iter().cloned().collect();
        let looks = (inspection.token.token(), inspection.accessor.as_str());
        let (findings, compared) = last_look(session, looks, before, &own).await;
        (ended.findings, ended.compared) = (findings, Some(compared));
    }
    let last = end_kept(session, Kept::Inspection, inspection.token).await;
    let (proof, last) = (proof?, last?);
    session.journal.note(None)?;
    drop(deferred);
    ended.revoked = proof["before"] == 200;
    evidence.set(
        "limited",
        json!({"accessor": limited.accessor, "proof": proof}),
    );
    evidence.set(
        "inspection",
        json!({"accessor": inspection.accessor, "proof": last}),
    );
    Ok(ended)
}

/// What there is is looked at, and of all secrets only two tokens stay in memory.
async fn ready(
    session: &mut BreakGlassSession<'_>,
    inspection: &Token,
    command: &Command,
) -> Result<Before, Failure> {
    let before = comparison::begin(session, inspection, &command.expect).await?;
    if let Err(failure) = session.rest().await {
        before.withdraw(session)?;
        return Err(failure);
    }
    Ok(before)
}

/// What the command wrote, where a log can be read here.
fn by_the_logs(
    session: &BreakGlassSession<'_>,
    (marked, revoked): (&[Marked<'_>], bool),
    worked: &mut Worked,
    evidence: &mut Evidence,
) {
    if marked.is_empty() {
        session.note("no audit log can be read here to tell what the command wrote");
        return;
    }
    let written = comparison::written(marked, revoked);
    for note in written.notes {
        session.note(note);
    }
    worked.findings.extend(written.findings);
    evidence.set("written", written.facts);
}

fn finish(config: &Config, worked: Worked, path: &Path) -> Result<Outcome, Failure> {
    let findings = config.judged(Finding::all_reported(&worked.findings));
    // What was found is said, however the command ended.
    let with_findings = |mut failure: Failure, findings: Vec<Reported>| {
        let problems = findings
            .into_iter()
            .map(|one| Problem::new(one.code, one.text));
        failure.problems.extend(problems);
        failure
    };
    let end = match worked.ran {
        Ok(end) => end,
        Err(failure) => return Err(with_findings(failure, findings)),
    };
    let evidence = path.display();
    let text = format!(
        "the command {}; its root token is no longer valid{}",
        end.in_words(),
        worked.clause
    );
    let failure = match end {
        End::TooLong => Failure::failed(Code::CommandFailed, text).advise(format!(
            "look at what it has done; the evidence is in {evidence}; give it longer with --max-age"
        )),
        End::Stopped(signal) => Failure::new(Exit::Interrupted(signal), Code::Interrupted, text)
            .advise(format!("the evidence is in {evidence}")),
        End::Code(_) | End::Signal(_) => {
            return Ok(Outcome::ended(text, findings, path, Some(end.code())));
        }
    };
    Err(with_findings(failure, findings))
}
