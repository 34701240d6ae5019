//! `rehearse`: the drill, with nothing left behind but its evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::break_glass::audit_lines::{Marked, lines, mark};
use crate::break_glass::comparison::{self, Before, Compared};
use crate::break_glass::every_login;
use crate::break_glass::evidence::Evidence;
use crate::break_glass::leftovers::{self, end_kept, run};
use crate::break_glass::options::Options;
use crate::break_glass::root_token::{self, Purpose};
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::journal::Kept;
use crate::checkpoint::{self, Rehearsed, now};
use crate::config::Config;
use crate::edge::others;
use crate::event::{Caller, Outcome};
use crate::evidence::signing::SigningKey;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::root_generation::{Quorum, is_root, quorums};
use crate::session::audit_trail::{AuditTrail, DeviceLog, logs};
use crate::shares::quorum::Asking;
use crate::shares::{as_stored, key_set};
use crate::vault::auth::scan::{LOOKS, WholeTokens, scan_until_quiet};
use crate::vault::{RootSession, TokenInfo};

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
    let (without, elsewhere, fetched) = match tried {
        Ok(who) => who,
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
    put_back.retain(|name, now| fetched.contains(name) && before.get(name) == Some(now));
    let mut rehearsed = Rehearsed {
        at: now(),
        evidence: PathBuf::new(),
        without,
        elsewhere,
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
    let findings = Finding::all_reported(&findings);
    Ok(Outcome::ended(text, findings, &path, None))
}

/// Why a share was not tried.
const LEFT_OUT: &str = "left out with --without";

/// What the root tokens have seen.
#[derive(Default)]
struct Seen {
    /// Other root tokens, by accessor.
    valid: BTreeMap<String, Finding>,
    /// Somebody may be making more of them.
    at_work: Option<Finding>,
    /// Logs that are without the first of them; none before it was looked for.
    unaudited: Option<Vec<Finding>>,
    /// What there was before the command of a killed run, until it is compared.
    pending: Option<Before>,
    /// What came of that.
    compared: Option<Compared>,
}

/// Every share that can be had, in one quorum at least. Whose could not be had, and whose came from elsewhere.
async fn each_quorum(
    session: &mut BreakGlassSession<'_>,
    evidence: &mut Evidence,
    findings: &mut Vec<Finding>,
    seen: &mut Seen,
) -> Result<(Vec<String>, Vec<String>, Vec<String>), Failure> {
    // With holders elsewhere one person here is enough, where no machine answers.
    let people = session.options.holders.map_or(usize::MAX, |_| 1);
    let asking = Asking {
        otherwise: "; or let it be given from elsewhere: --holders-elsewhere 30m",
        ..session.asking(COMMAND)
    };
    let gathered = asking.gather_from(people, usize::MAX).await?;
    evidence.gathered(&gathered);
    gathered.suffices(session.threshold())?;
    for (name, why) in &gathered.away {
        findings.push(Finding::HolderAway(name.clone(), why.to_string()));
    }
    let left_out = &session.options.without;
    for name in left_out {
        findings.push(Finding::HolderAway(name.clone(), LEFT_OUT.to_owned()));
    }
    if !left_out.is_empty() {
        evidence.set("left_out", left_out);
    }
    // Whoever typed a share may have taken an hour.
    session.keep_to_active().await?;
    let logs = logs(session.config);
    let mut facts = Vec::new();
    let tried = quorums(&gathered.held, &gathered.elsewhere, session.threshold());
    let nobody_is_here = |failure: Failure| {
        failure.advise(format!(
            "open one of the shares here: {}; without holders elsewhere: {}",
            session
                .config
                .command("rehearse --holders-elsewhere 30m --identity KEYFILE"),
            session.config.command(COMMAND)
        ))
    };
    for quorum in tried.map_err(nobody_is_here)? {
        let made = session.led(async |session| {
            // Of the node that led before.
            leftovers::settle(session).await?;
            session.stay_logged_in().await?;
            one(session, &quorum, &logs, seen).await
        });
        facts.push(made.await?);
    }
    evidence.set("quorums", facts);
    let away = gathered.away.into_iter().map(|(name, _)| name);
    let without = away.chain(left_out.iter().cloned()).collect();
    let fetched = gathered.held.iter().filter(|held| !held.typed);
    let fetched = fetched.map(|held| held.name.clone()).collect();
    Ok((without, gathered.elsewhere, fetched))
}

/// One root token, from its shares to its end. A stop that is asked for waits: it takes seconds, and a token without
/// end is worth them.
async fn one(
    session: &mut BreakGlassSession<'_>,
    quorum: &Quorum<'_>,
    logs: &[DeviceLog],
    seen: &mut Seen,
) -> Result<Value, Failure> {
    let diary = checkpoint::read_diary(&session.config.checkpoint.path)?;
    let trail = AuditTrail::begin(session.config, diary.as_ref(), &session.client);
    let (root, deferred) = root_token::root(session, quorum, PURPOSE).await?;
    let root = RootSession::new(&session.client, root);
    let looked = look(session, &root, logs, seen).await;
    let proof = end_kept(session, Kept::Generated, root.into_token()).await?;
    session.journal.note(None)?;
    drop(deferred);
    let (asked, marked) = looked?;
    if seen.unaudited.is_none() {
        let lacking = session.lacking(&trail, &asked.request_id).await;
        seen.unaudited = Some(lacking.into_iter().map(Finding::from).collect());
    }
    let names = quorum.names();
    session.note(format!(
        "{} made a root token, which was looked at and is revoked",
        names.join(", ")
    ));
    Ok(json!({
        "custodians": names, "elsewhere": quorum.elsewhere, "accessor": asked.accessor, "proof": proof,
        "audit": lines(&marked),
    }))
}

/// The harmless act: the token looks at itself and at who else is root; and at what the command of a killed run has left,
/// where that is still to be compared.
async fn look<'l>(
    session: &BreakGlassSession<'_>,
    root: &RootSession,
    logs: &'l [DeviceLog],
    seen: &mut Seen,
) -> Result<(Box<TokenInfo>, Vec<Marked<'l>>), Failure> {
    let info = is_root(root).await?;
    let (found, quiet) =
        scan_until_quiet(&session.client, root.token(), &WholeTokens::default()).await?;
    if !quiet {
        let again = session.config.command(COMMAND);
        seen.at_work = Some(Finding::StillAtWork(LOOKS, again));
    }
    if let Some(before) = seen.pending.take() {
        let own = [&info.accessor, &session.login()?.answer.accessor];
        let own: BTreeSet<String> = own.into_iter().cloned().collect();
        let tokens = (&own, Ok(&found.others));
        seen.compared = Some(comparison::end(session, &before, root.token(), tokens).await);
    }
    let others = leftovers::judge(session, root.token(), &info.accessor, found.roots).await?;
    for (accessor, other) in others {
        // A quorum before this one may have told of it in other words.
        seen.valid.entry(accessor).or_insert(other);
    }
    let marked = mark(&session.client, root.token(), &info.accessor, logs).await;
    Ok((info, marked))
}
