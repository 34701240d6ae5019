//! `rehearse`: the drill, with nothing left behind but its evidence.

use serde_json::{Value, json};

use super::audit_lines::{Log, lines, logs, mark};
use super::ending::end;
use super::event::Event;
use super::evidence::Evidence;
use super::generations;
use super::journal::Kept;
use super::leftovers;
use super::making::{self, Purpose};
use super::starting::nobody_waits;
use super::way::Way;
use super::{AFTER_A_STOP, Ended, Options, Told};
use crate::bootstrap::checkpoint::{Rehearsed, now};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::root_generation::{Quorum, quorums};
use crate::signing::SigningKey;
use crate::vault::RootSession;
use crate::vault::root::Life;

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
    told: Told<'_>,
) -> Result<Ended, Failure> {
    let key = options.signing_key().await?;
    let mut way = tokio::select! {
        way = Way::open(COMMAND, config, options, told) => way?,
        stop = told.0.requested() => return Err(stop),
    };
    let held = tokio::select! {
        held = hold(&mut way, key.as_ref()) => held,
        stop = told.0.requested() => Err(stop),
    };
    if held.is_err() {
        tidy(&mut way).await;
    }
    way.close().await;
    held
}

/// After a failure or a stop: what is under way is ended, for as long as a person waits for that.
pub(super) async fn tidy(way: &mut Way<'_>) {
    // It keeps the shares that its holders gave; only `finish` and `cancel` are about it.
    if way.journal.waiting().is_some() {
        return;
    }
    let left = match tokio::time::timeout(AFTER_A_STOP, leftovers::settle(way)).await {
        Ok(Ok(())) if way.journal.strays().is_empty() => return,
        Ok(Ok(())) => "a root token may be alive that nobody has".to_owned(),
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("no answer within {} s", AFTER_A_STOP.as_secs()),
    };
    way.warn(format!("what is left is ended by the next run: {left}"));
}

async fn hold(way: &mut Way<'_>, key: Option<&SigningKey>) -> Result<Ended, Failure> {
    nobody_waits(way).await?;
    let killed = way.journal.under_way();
    leftovers::settle(way).await?;
    if let Some(killed) = killed.filter(|killed| killed.reason.is_some()) {
        leftovers::evidence_of(way, &killed);
    }
    way.is_free().await?;
    let mut evidence = Evidence::begin(way, "rehearsal");
    let mut findings: Vec<_> = generations::asked_for(way.config)?.into_iter().collect();
    if way.rules.open {
        findings.push(format!(
            "{} lets anybody start or disturb a root generation: no login is asked for",
            way.client.address()
        ));
    }
    let without = match each_quorum(way, &mut evidence, &mut findings).await {
        Ok(without) => without,
        Err(failure) => {
            evidence.of_a_failure(way, key, &failure);
            return Err(failure);
        }
    };
    let path = evidence.write(way, key, &findings)?;
    let rehearsed = Rehearsed {
        at: now(),
        evidence: path.clone(),
        without,
    };
    rehearsed.keep(way.journal.directory())?;
    Ok(ended(way, &path, findings))
}

/// Every share that can be had, in one quorum at least. Whose could not be had.
async fn each_quorum(
    way: &mut Way<'_>,
    evidence: &mut Evidence,
    findings: &mut Vec<String>,
) -> Result<Vec<String>, Failure> {
    // With holders elsewhere one person here is enough, where no machine answers.
    let people = way.options.holders.map_or(usize::MAX, |_| 1);
    let gathered = way.asking(COMMAND).gather_from(people, usize::MAX).await?;
    evidence.gathered(&gathered);
    gathered.suffices(way.threshold())?;
    for (name, why) in &gathered.away {
        findings.push(format!(
            "{name} did not answer, and their share was not tried: {why}"
        ));
    }
    // Whoever typed a share may have taken an hour.
    way.keep_to_active().await?;
    let logs = logs(way.config);
    let mut facts = Vec::new();
    let tried = quorums(&gathered.held, &gathered.elsewhere, way.threshold());
    if tried.is_empty() {
        return Err(nobody_is_here(way));
    }
    for quorum in tried {
        way.stay_in().await?;
        facts.push(one(way, &quorum, &logs, findings).await?);
    }
    evidence.set("quorums", Value::Array(facts));
    let without = gathered.away.into_iter().map(|(name, _)| name);
    Ok(without.collect())
}

fn ended(way: &Way<'_>, path: &std::path::Path, findings: Vec<String>) -> Ended {
    let exit = if findings.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    };
    let name = &way.config.cluster.name;
    Ended {
        exit,
        last: Event::End {
            text: format!("rehearsed: the way back into {name} works, and nothing of it is left"),
            findings,
            evidence: path.display().to_string(),
            code: None,
        },
    }
}

/// Whoever gives the last share receives the token.
fn nobody_is_here(way: &Way<'_>) -> Failure {
    Failure::refused(
        "each quorum needs a share that is given from here, and the last one: there is none for holders elsewhere",
    )
    .advise(format!(
        "open one of the shares here: {}; without holders elsewhere: {}",
        way.config
            .command("rehearse --holders-elsewhere 30m --identity KEYFILE"),
        way.config.command(COMMAND)
    ))
}

/// One root token, from its shares to its end. A stop that is asked for waits: it takes seconds, and a token without
/// end is worth them.
async fn one(
    way: &mut Way<'_>,
    quorum: &Quorum<'_>,
    logs: &[Log],
    findings: &mut Vec<String>,
) -> Result<Value, Failure> {
    let (root, unheard) = making::root(way, quorum, PURPOSE).await?;
    let session = RootSession::new(&way.client, root);
    let looked = look(way, &session, logs, findings).await;
    let proof = end(way, session.into_token()).await?;
    way.journal.forget(Kept::Generated)?;
    way.journal.note(None)?;
    drop(unheard);
    let (accessor, marked) = looked?;
    let names = quorum.names();
    way.note(format!(
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
    way: &Way<'_>,
    session: &RootSession,
    logs: &[Log],
    findings: &mut Vec<String>,
) -> Result<(String, Vec<super::audit_lines::Marked>), Failure> {
    let address = way.client.address();
    let info = match session.look().await? {
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
    let alive = leftovers::others(way, session.token(), &info.accessor).await?;
    for (accessor, line) in alive {
        // A quorum before this one may have told of it in other words.
        if !findings.iter().any(|finding| finding.contains(&accessor)) {
            findings.push(line);
        }
    }
    let marked = mark(way, session.token(), &info.accessor, logs).await;
    Ok((info.accessor.clone(), marked))
}
