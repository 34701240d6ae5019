//! `rehearse`: the drill, with nothing left behind but its evidence.

use serde_json::{Value, json};

use crate::break_glass::audit_lines::{Log, lines, logs, mark};
use crate::break_glass::ending::end;
use crate::break_glass::evidence::Evidence;
use crate::break_glass::leftovers::{self, nobody_waits, tidy};
use crate::break_glass::making::{self, Purpose};
use crate::break_glass::options::Options;
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::journal::Kept;
use crate::checkpoint::{Rehearsed, now};
use crate::config::Config;
use crate::event::{Caller, Event, Outcome};
use crate::evidence::signing::SigningKey;
use crate::failure::{Exit, Failure};
use crate::root_generation::{Quorum, quorums};
use crate::shares::key_set;
use crate::vault::RootSession;
use crate::vault::keys::root::Life;

/// The command, for messages.
pub(super) const COMMAND: &str = "rehearse";
const PURPOSE: Purpose<'_> = Purpose {
    command: COMMAND,
    reason: None,
};

/// Makes a root token of the shares as their custodians keep them, one for as many quorums as it takes for every
/// share to be in one, looks at each and ends it.
///
/// # Errors
/// No root token could be made of them, or one could not be shown to be dead. Nothing else is left: no attempt, and no
/// token of this run.
pub async fn rehearse(
    config: &Config,
    options: &Options,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let key = options.signing_key().await?;
    let mut session = tokio::select! {
        session = BreakGlassSession::open(COMMAND, config, options, caller) => session?,
        stop = caller.interrupt.requested() => return Err(stop),
    };
    let held = caller
        .unless_stopped(hold(&mut session, key.as_ref()))
        .await;
    if held.is_err() {
        tidy(&mut session).await;
    }
    session.close().await;
    held
}

async fn hold(
    session: &mut BreakGlassSession<'_>,
    key: Option<&SigningKey>,
) -> Result<Outcome, Failure> {
    nobody_waits(session).await?;
    let killed = session.journal.under_way();
    leftovers::settle(session).await?;
    if let Some(killed) = killed.filter(|killed| killed.reason.is_some()) {
        leftovers::evidence_of(session, &killed);
    }
    session.is_free().await?;
    let mut evidence = Evidence::begin(session, "rehearsal");
    let mut findings: Vec<_> = key_set::asked_for(session.config)?.into_iter().collect();
    if session.rules.open {
        findings.push(format!(
            "{} lets anybody start or disturb a root generation: no login is asked for",
            session.client.address()
        ));
    }
    let without = match each_quorum(session, &mut evidence, &mut findings).await {
        Ok(without) => without,
        Err(failure) => {
            evidence.of_a_failure(session, key, &failure);
            return Err(failure);
        }
    };
    let path = evidence.write(session, key, &findings)?;
    let rehearsed = Rehearsed {
        at: now(),
        evidence: path.clone(),
        without,
    };
    rehearsed.keep(session.journal.directory())?;
    Ok(ended(session, &path, findings))
}

/// Every share that can be had, in one quorum at least. Whose could not be had.
async fn each_quorum(
    session: &mut BreakGlassSession<'_>,
    evidence: &mut Evidence,
    findings: &mut Vec<String>,
) -> Result<Vec<String>, Failure> {
    // With holders elsewhere one person here is enough, where no machine answers.
    let people = session.options.holders.map_or(usize::MAX, |_| 1);
    let gathered = session
        .asking(COMMAND)
        .gather_from(people, usize::MAX)
        .await?;
    evidence.gathered(&gathered);
    gathered.suffices(session.threshold())?;
    for (name, why) in &gathered.away {
        findings.push(format!(
            "{name} did not answer, and their share was not tried: {why}"
        ));
    }
    // Whoever typed a share may have taken an hour.
    session.keep_to_active().await?;
    let logs = logs(session.config);
    let mut facts = Vec::new();
    let tried = quorums(&gathered.held, &gathered.elsewhere, session.threshold());
    if tried.is_empty() {
        return Err(nobody_is_here(session));
    }
    for quorum in tried {
        session.stay_logged_in().await?;
        facts.push(one(session, &quorum, &logs, findings).await?);
    }
    evidence.set("quorums", Value::Array(facts));
    let without = gathered.away.into_iter().map(|(name, _)| name);
    Ok(without.collect())
}

fn ended(
    session: &BreakGlassSession<'_>,
    path: &std::path::Path,
    findings: Vec<String>,
) -> Outcome {
    let exit = if findings.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    };
    let name = &session.config.cluster.name;
    Outcome {
        exit,
        last: Some(Event::End {
            unchanged: None,
            not_rechecked: None,
            text: Some(format!(
                "rehearsed: break-glass into {name} works, and nothing of it is left"
            )),
            findings,
            report: Some(path.display().to_string()),
            code: None,
        }),
    }
}

/// Whoever gives the last share receives the token.
fn nobody_is_here(session: &BreakGlassSession<'_>) -> Failure {
    Failure::refused(
        "each quorum needs a share that is given from here, and the last one: there is none for holders elsewhere",
    )
    .advise(format!(
        "open one of the shares here: {}; without holders elsewhere: {}",
        session.config
            .command("rehearse --holders-elsewhere 30m --identity KEYFILE"),
        session.config.command(COMMAND)
    ))
}

/// One root token, from its shares to its end. A stop that is asked for waits: it takes seconds, and a token without
/// end is worth them.
async fn one(
    session: &mut BreakGlassSession<'_>,
    quorum: &Quorum<'_>,
    logs: &[Log],
    findings: &mut Vec<String>,
) -> Result<Value, Failure> {
    let (root, deferred) = making::root(session, quorum, PURPOSE).await?;
    let root = RootSession::new(&session.client, root);
    let looked = look(session, &root, logs, findings).await;
    let proof = end(session, root.into_token()).await?;
    session.journal.forget(Kept::Generated)?;
    session.journal.note(None)?;
    drop(deferred);
    let (accessor, marked) = looked?;
    let names = quorum.names();
    session.note(format!(
        "{} made a root token, which was looked at and is dead",
        names.join(", ")
    ));
    Ok(json!({
        "custodians": names, "elsewhere": quorum.elsewhere, "accessor": accessor, "proof": proof,
        "audit": lines(&marked),
    }))
}

/// The harmless act: the token looks at itself and at who else is root.
async fn look(
    session: &BreakGlassSession<'_>,
    root: &RootSession,
    logs: &[Log],
    findings: &mut Vec<String>,
) -> Result<(String, Vec<crate::break_glass::audit_lines::Marked>), Failure> {
    let address = session.client.address();
    let info = match root.look().await? {
        Life::Alive(info) if info.is_root() => info,
        Life::Alive(_) => {
            return Err(Failure::refused(format!(
                "{address}: the token that the quorum made is not root"
            )));
        }
        Life::Dead => {
            return Err(Failure::failed(format!(
                "{address}: the token that the quorum made is not known there"
            )));
        }
    };
    let alive = leftovers::others(session, root.token(), &info.accessor).await?;
    for (accessor, line) in alive {
        // A quorum before this one may have told of it in other words.
        if !findings.iter().any(|finding| finding.contains(&accessor)) {
            findings.push(line);
        }
    }
    let marked = mark(session, root.token(), &info.accessor, logs).await;
    Ok((info.accessor.clone(), marked))
}
