//! Every share that can be had, in a quorum that makes a root token; one that makes none is told by name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::break_glass::another_quorum::{TRIES, is_of_a_share, untried};
use crate::break_glass::audit_lines::{Marked, lines, mark};
use crate::break_glass::comparison::{self, Before, Compared};
use crate::break_glass::evidence::Evidence;
use crate::break_glass::leftovers::{self, end_kept};
use crate::break_glass::root_token::{self, Purpose};
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint;
use crate::checkpoint::journal::Kept;
use crate::code::Code;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::root_generation::{Held, Quorum, is_root, quorums};
use crate::session::audit_trail::{AuditTrail, DeviceLog, logs};
use crate::shares::quorum::Asking;
use crate::vault::auth::scan::{LOOKS, WholeTokens, scan_until_quiet};
use crate::vault::{RootSession, TokenInfo};

/// The command, for messages.
pub(super) const COMMAND: &str = "rehearse";
const PURPOSE: Purpose<'_> = Purpose {
    command: COMMAND,
    reason: None,
};

/// Whose shares were tried.
pub(super) struct Tried {
    /// Whose could not be had, or make no root token.
    pub(super) without: Vec<String>,
    /// Whose came from elsewhere.
    pub(super) elsewhere: Vec<String>,
    /// Whose were fetched from where they are kept, and make a root token.
    pub(super) fetched: Vec<String>,
}

/// Why a share was not tried.
const LEFT_OUT: &str = "left out with --without";

/// What the root tokens have seen.
#[derive(Default)]
pub(super) struct Seen {
    /// Other root tokens, by accessor.
    pub(super) valid: BTreeMap<String, Finding>,
    /// Somebody may be making more of them.
    pub(super) at_work: Option<Finding>,
    /// Logs that are without the first of them; none before it was looked for.
    pub(super) unaudited: Option<Vec<Finding>>,
    /// What there was before the command of a killed run, until it is compared.
    pub(super) pending: Option<Before>,
    /// What came of that.
    pub(super) compared: Option<Compared>,
}

/// Every share that can be had, in one quorum at least, and each that is wrong singled out.
///
/// # Errors
/// Too few can be had, or no quorum of them makes a root token.
pub(super) async fn each_quorum(
    session: &mut BreakGlassSession<'_>,
    evidence: &mut Evidence,
    findings: &mut Vec<Finding>,
    seen: &mut Seen,
) -> Result<Tried, Failure> {
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
        findings.push(Finding::HolderAway(name.clone(), with_advice(why)));
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
    let tried = quorums(&gathered.held, &gathered.elsewhere, session.threshold());
    let tried = tried.map_err(|failure| nobody_is_here(session, failure))?;
    let mut trials = Trials::new(session);
    for quorum in &tried {
        trials.of(session, quorum, seen).await?;
    }
    let wrong = trials.single_out(session, &gathered.held, seen).await?;
    evidence.set("quorums", &trials.facts);
    if !trials.refused.is_empty() {
        let refused = trials.refused.iter().map(|names| names.join(", "));
        evidence.set("refused_quorums", refused.collect::<Vec<_>>());
        evidence.set("wrong_shares", &wrong);
    }
    findings.extend(trials.findings(&wrong));
    let away = gathered.away.into_iter().map(|(name, _)| name);
    let fetched = gathered.held.iter().filter(|held| !held.typed);
    let mut fetched: Vec<String> = fetched.map(|held| held.name.clone()).collect();
    fetched.retain(|name| trials.good.contains(name));
    let without = away.chain(session.options.without.iter().cloned());
    Ok(Tried {
        without: without.chain(trials.not_proved()).collect(),
        elsewhere: gathered.elsewhere,
        fetched,
    })
}

fn nobody_is_here(session: &BreakGlassSession<'_>, failure: Failure) -> Failure {
    failure.advise(format!(
        "open one of the shares here: {}; without holders elsewhere: {}",
        session
            .config
            .command("rehearse --holders-elsewhere 30m --identity KEYFILE"),
        session.config.command(COMMAND)
    ))
}

/// The quorums that were tried, and what came of each.
struct Trials {
    logs: Vec<DeviceLog>,
    threshold: usize,
    /// Of each root token that was made.
    facts: Vec<Value>,
    /// Whose shares are in a quorum that made one.
    good: BTreeSet<String>,
    /// Of which the server made none.
    refused: Vec<Vec<String>>,
    /// Why, of the last of these.
    why: Option<Failure>,
}

impl Trials {
    fn new(session: &BreakGlassSession<'_>) -> Self {
        Self {
            logs: logs(session.config),
            threshold: session.threshold(),
            facts: Vec::new(),
            good: BTreeSet::new(),
            refused: Vec::new(),
            why: None,
        }
    }

    /// Tries one. Where a share of it is wrong, that is told, and others are tried.
    async fn of(
        &mut self,
        session: &mut BreakGlassSession<'_>,
        quorum: &Quorum<'_>,
        seen: &mut Seen,
    ) -> Result<(), Failure> {
        let logs = &self.logs;
        let made = session.led(async |session| {
            // Of the node that led before.
            leftovers::settle(session).await?;
            session.stay_logged_in().await?;
            one(session, quorum, logs, seen).await
        });
        let names: Vec<String> = quorum.names().iter().map(ToString::to_string).collect();
        match made.await {
            Ok(fact) => {
                self.facts.push(fact);
                self.good.extend(names);
                Ok(())
            }
            // Holders elsewhere are not called a second time.
            Err(failure) if !quorum.elsewhere.is_empty() || !is_of_a_share(&failure) => {
                Err(failure)
            }
            Err(failure) => {
                session.led(leftovers::settle).await?;
                if let Some(stop) = session.caller.interrupt.pending() {
                    return Err(stop);
                }
                let quorum = names.join(", ");
                session.warn(
                    failure.code(),
                    format!("the shares of {quorum} make no root token; trying others: {failure}"),
                );
                self.refused.push(names);
                self.why = Some(failure);
                Ok(())
            }
        }
    }

    /// Puts each share of a quorum that made no root token beside shares that make one. Whose makes none there.
    async fn single_out(
        &mut self,
        session: &mut BreakGlassSession<'_>,
        held: &[Held],
        seen: &mut Seen,
    ) -> Result<Vec<String>, Failure> {
        let place = |name: &String| held.iter().position(|one| one.name == *name);
        let places = |names: &Vec<String>| names.iter().filter_map(place).collect();
        let mut tried: Vec<Vec<usize>> = self.refused.iter().map(places).collect();
        while let Some(failure) = self.why.clone().filter(|_| self.good.is_empty()) {
            let next = untried(&tried, held.len(), self.threshold);
            let next = next.filter(|_| tried.len() < TRIES).ok_or(failure)?;
            self.of(session, &of_places(held, &next), seen).await?;
            tried.push(next);
        }
        let mut wrong = Vec::new();
        for suspect in self.not_proved() {
            let good = |one: &&Held| self.good.contains(&one.name);
            let beside = held.iter().filter(good).take(self.threshold - 1);
            let suspected = held.iter().filter(|one| one.name == suspect);
            let here: Vec<&Held> = suspected.chain(beside).collect();
            if here.len() < self.threshold {
                continue;
            }
            let quorum = Quorum {
                here,
                elsewhere: Vec::new(),
            };
            self.of(session, &quorum, seen).await?;
            if !self.good.contains(&suspect) {
                wrong.push(suspect);
            }
        }
        Ok(wrong)
    }

    /// Whose shares have been in no quorum that made a root token.
    fn not_proved(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.refused.iter().flatten().collect();
        let names = names.into_iter().filter(|name| !self.good.contains(*name));
        names.cloned().collect()
    }

    fn findings(&self, wrong: &[String]) -> Vec<Finding> {
        let mut findings: Vec<Finding> = wrong.iter().cloned().map(Finding::ShareWrong).collect();
        let unsettled = self.not_proved().iter().any(|name| !wrong.contains(name));
        if unsettled {
            let refused = self.refused.iter().map(|names| names.join(", "));
            findings.push(Finding::QuorumsRefused(refused.collect()));
        }
        findings
    }
}

/// Why a share was not had; of one that is gone, with what brings it back.
fn with_advice(why: &Failure) -> String {
    let gone = why.problems.iter().find(|one| one.code == Code::ShareGone);
    match gone.and_then(|one| one.advice.as_deref()) {
        Some(advice) => format!("{why}; {advice}"),
        None => why.to_string(),
    }
}

fn of_places<'q>(held: &'q [Held], places: &[usize]) -> Quorum<'q> {
    Quorum {
        here: places.iter().filter_map(|&place| held.get(place)).collect(),
        elsewhere: Vec::new(),
    }
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
