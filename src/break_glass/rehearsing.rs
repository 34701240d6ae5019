//! `rehearse`: the drill, with nothing left behind but its evidence.

use std::path::PathBuf;

use crate::break_glass::comparison::Before;
use crate::break_glass::each_quorum::{COMMAND, Seen, each_quorum};
use crate::break_glass::every_login;
use crate::break_glass::evidence::Evidence;
use crate::break_glass::leftovers::{self, run};
use crate::break_glass::options::Options;
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::{Rehearsed, now};
use crate::config::Config;
use crate::edge::others;
use crate::event::{Caller, Outcome};
use crate::evidence::signing::SigningKey;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::shares::{as_stored, key_set};

/// Makes a root token of the shares as their custodians keep them, one for as many quorums as it takes for every
/// share to be in one, looks at each and ends it.
///
/// # Errors
/// No root token could be made of them, or one could not be shown to be revoked. Nothing else is left: no attempt, and no
/// token of this run.
pub async fn rehearse(
    config: &Config,
    options: &Options,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let key = options.signing_key().await?;
    run(COMMAND, (config, options, caller), async |session| {
        let held = Box::pin(hold(session, key.as_ref()));
        caller.unless_stopped(held).await
    })
    .await
}

async fn hold(
    session: &mut BreakGlassSession<'_>,
    key: Option<&SigningKey>,
) -> Result<Outcome, Failure> {
    session.led(leftovers::end_earlier_run).await?;
    let mut evidence = Evidence::begin(session, "rehearsal");
    let mut findings = key_set::asked_for(session.config)?;
    findings.extend(others::findings(&[session.config], None));
    // Before and after the shares are fetched: what changes in between is not what was tried.
    let before = as_stored::put_back(session.config).await;
    let changed = as_stored::changed(session.config).await.into_iter();
    findings.extend(changed.map(|(_, finding)| finding));
    if session.rules.open {
        findings.push(Finding::AnybodyMayGenerateRoot);
    }
    let mut seen = Seen {
        pending: Before::pending(session),
        ..Seen::default()
    };
    let closed = every_login::each(session, &mut evidence, &mut findings).await?;
    let tried = each_quorum(session, &mut evidence, &mut findings, &mut seen).await;
    let tried = match tried {
        Ok(tried) => tried,
        Err(failure) => return Err(evidence.of_a_failure(session, key, failure)),
    };
    findings.extend(seen.valid.into_values());
    findings.extend(seen.at_work);
    findings.extend(seen.unaudited.unwrap_or_default());
    let mut clause = String::new();
    let mut over = false;
    if let Some(compared) = seen.compared {
        findings.extend(compared.findings);
        evidence.set("comparison", compared.facts);
        (clause, over) = (compared.clause, compared.over);
    }
    let mut put_back = as_stored::put_back(session.config).await;
    put_back.retain(|name, now| tried.fetched.contains(name) && before.get(name) == Some(now));
    let mut rehearsed = Rehearsed {
        at: now(),
        generation: Some(session.config.init.generation),
        evidence: PathBuf::new(),
        without: tried.without,
        elsewhere: tried.elsewhere,
        put_back,
    };
    let passed = Some(&mut rehearsed);
    let path = evidence.write(session, key, &mut findings, passed).await?;
    if over {
        session.journal.forget_before()?;
    }
    rehearsed.keep(session.journal.directory())?;
    let name = &session.config.cluster.name;
    let text = format!(
        "rehearsed: break-glass into {name} works, and its root tokens are no longer valid{clause}"
    );
    let text = match closed.as_slice() {
        [] => text,
        names => format!("{text}; logins that were not opened: {}", names.join(", ")),
    };
    let findings = session.config.judged(Finding::all_reported(&findings));
    Ok(Outcome::ended(text, findings, &path, None))
}
