//! After the hand-over: what is other than the file is written by the login that looks, as far as it may and somebody
//! agrees. Every step is looked at before anything is written, so that whoever agrees has seen all of it.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::bootstrap::act;
use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::judge::judge;
use crate::bootstrap::options::Options;
use crate::bootstrap::planned::item;
use crate::bootstrap::summary::Ended;
use crate::code::Code;
use crate::desired::observation::Observation;
use crate::event::{Changes, Event, PlannedAction, PlannedItem, PlannedStep, StepOutcome};
use crate::failure::Failure;
use crate::finding::{Change, Detail, DocumentFinding, Finding, Unwritten};
use crate::memory::Memory;
use crate::prompt;
use crate::session::{Authority, Session};
use crate::step::{ORDER, Step, order};
use crate::vault::policies::capabilities_self;

/// Steps that write documents.
pub(crate) const STEPS: [Step; 6] = [
    Step::Audit,
    Step::Secrets,
    Step::AuthMethods,
    Step::Policies,
    Step::Roles,
    Step::Writes,
];
/// So many paths are asked about at once.
const ASKED_AT_ONCE: usize = 1000;
/// What the server wants `sudo` for (measured on Vault 1.21.1, OpenBao 2.6.2 and 2.7.2).
const SUDO: [&str; 2] = ["sys/auth/", "sys/audit/"];

/// Whether what this step found waits until all steps were looked at.
pub(super) fn waits(step: Step, ceremony: &Ceremony<'_>, observation: &Observation) -> bool {
    let by_login = matches!(ceremony.authority, Authority::Login(_));
    let writes = by_login && ceremony.diary().handed_over() && !ceremony.options.check;
    writes && STEPS.contains(&step) && !paths_of(observation).is_empty()
}

/// Whether some of what this step found is written by a login.
pub(crate) fn writes_some(
    step: Step,
    observation: &Observation,
    left: &BTreeMap<String, Unwritten>,
) -> bool {
    let mut paths = paths_of(observation).into_iter();
    STEPS.contains(&step) && paths.any(|path| !left.contains_key(path))
}

/// The documents that differ.
fn paths_of(observation: &Observation) -> Vec<&str> {
    let mut paths: Vec<_> = observation.details.iter().filter_map(path_of).collect();
    paths.dedup();
    paths
}

fn path_of(detail: &Detail) -> Option<&str> {
    match detail {
        Detail::Document { path, .. } => Some(path),
        _ => None,
    }
}

/// Why documents are left that differ, by path.
///
/// # Errors
/// The server does not say what this login may do.
pub(crate) async fn not_written(
    session: &Session<'_>,
    (memory, options): (&Memory, &Options),
    observations: &[(Step, &Observation)],
) -> Result<BTreeMap<String, Unwritten>, Failure> {
    let Authority::Login(login) = &session.authority else {
        return Ok(BTreeMap::new());
    };
    let all = observations.iter();
    let paths: Vec<_> = all.flat_map(|(_, found)| paths_of(found)).collect();
    let mut left = BTreeMap::new();
    for some in paths.chunks(ASKED_AT_ONCE) {
        let may = match capabilities_self(&session.client(), session.token()?, some).await {
            Ok(may) => may,
            // Who may not even ask that is told by the server what they may not.
            Err(error) if error.is_forbidden() => BTreeMap::new(),
            Err(error) => return Err(error.into()),
        };
        for (path, capabilities) in may {
            if let Some(rule) = rule_that_lacks(&path, &capabilities) {
                let name = login.name.clone();
                left.insert(path, Unwritten::NotPermitted(name, rule));
            }
        }
    }
    for (_, observation) in observations {
        for (path, why) in left_by_us(observation, memory, options) {
            left.entry(path).or_insert(why);
        }
    }
    Ok(left)
}

/// The rule of a policy that a login needs to write there, where it has none.
fn rule_that_lacks(path: &str, capabilities: &[String]) -> Option<String> {
    let has = |name: &str| capabilities.iter().any(|one| one == name);
    let sudo = SUDO.iter().any(|below| path.starts_with(below));
    let writes = has("root") || has("update") || has("create");
    if writes && (!sudo || has("root") || has("sudo")) {
        return None;
    }
    let sudo = if sudo { ", \"sudo\"" } else { "" };
    Some(format!(
        "path \"{path}\" {{ capabilities = [\"create\", \"read\", \"update\"{sudo}] }}"
    ))
}

/// What is not written although the login may.
fn left_by_us(
    observation: &Observation,
    memory: &Memory,
    options: &Options,
) -> Vec<(String, Unwritten)> {
    let mut left = Vec::new();
    for pending in &observation.pending {
        let path = &pending.document.path;
        let is_new = pending.why == [Change::Create];
        if !is_new && memory.of(path).is_none() && !options.adopt_documents {
            left.push((path.clone(), Unwritten::NotAdopted));
        }
        let widens = |change: &Change| matches!(change, Change::TakenOut { widens: true, .. });
        if options.yes && !options.allow_widening && pending.why.iter().any(widens) {
            left.push((path.clone(), Unwritten::Widens));
        }
    }
    left
}

/// Writes what waited, where somebody agrees. What is not written is a finding.
///
/// # Errors
/// A write failed, or what differs is another thing by now than what was shown: nothing after it is written.
pub(super) async fn write(ceremony: &mut Ceremony<'_>, ended: &mut Ended) -> Result<(), Failure> {
    let mut waiting = std::mem::take(&mut ceremony.waiting);
    if waiting.is_empty() {
        return Ok(());
    }
    let found: Vec<_> = waiting.iter().map(|(step, found)| (*step, found)).collect();
    let known = (&ceremony.memory, ceremony.options);
    let left = not_written(ceremony, known, &found).await?;
    let shown = shown(&found, &left);
    for (step, observation) in &mut waiting {
        leave(*step, ceremony, observation, &left);
    }
    waiting.retain(|(_, observation)| !paths_of(observation).is_empty());
    if waiting.is_empty() {
        return Ok(());
    }
    let asked = match agreed(ceremony, shown).await? {
        Some(asked) => asked,
        None => {
            for (step, observation) in waiting {
                for detail in observation.details {
                    ceremony.find(Finding::Step(step, detail));
                }
            }
            return Ok(());
        }
    };
    for (step, observation) in waiting {
        let observation = if asked {
            as_shown(step, ceremony, observation, &left).await?
        } else {
            observation
        };
        one_step(step, ceremony, observation, ended).await?;
    }
    Ok(())
}

/// What is written and what is not, for whoever is asked.
fn shown(found: &[(Step, &Observation)], left: &BTreeMap<String, Unwritten>) -> Vec<PlannedStep> {
    let steps = found.iter().map(|(step, observation)| PlannedStep {
        step: *step,
        action: PlannedAction::Write,
        items: items(observation.details.iter().cloned(), left),
        unchanged: 0,
        findings: Vec::new(),
        problems: Vec::new(),
    });
    steps.collect()
}

/// What differs, each with why it is left, where it is.
pub(crate) fn items(
    details: impl Iterator<Item = Detail>,
    left: &BTreeMap<String, Unwritten>,
) -> Vec<PlannedItem> {
    let items = details.map(|detail| {
        let why = path_of(&detail).and_then(|path| left.get(path));
        PlannedItem {
            not_written: why.map(ToString::to_string),
            ..item(detail)
        }
    });
    items.collect()
}

/// Takes out what is not written, and says so.
fn leave(
    step: Step,
    ceremony: &Ceremony<'_>,
    observation: &mut Observation,
    left: &BTreeMap<String, Unwritten>,
) {
    let pending = &mut observation.pending;
    pending.retain(|pending| !left.contains_key(&pending.document.path));
    let details = std::mem::take(&mut observation.details);
    for detail in details {
        match path_of(&detail).and_then(|path| left.get(path)) {
            None => observation.details.push(detail),
            Some(why) => {
                ceremony.find(DocumentFinding::NotWritten(step, detail, why.clone()).into())
            }
        }
    }
}

/// Whether somebody agrees, and whether they were asked just now; `None` where nobody does.
async fn agreed(ceremony: &Ceremony<'_>, steps: Vec<PlannedStep>) -> Result<Option<bool>, Failure> {
    let login = match &ceremony.authority {
        Authority::Login(login) => login.name.clone(),
        Authority::None | Authority::Root(_) => return Ok(None),
    };
    let question = format!("Write this as {login}?");
    ceremony
        .caller
        .events
        .emit(Event::Changes(Changes { login, steps }));
    let options = ceremony.options;
    if options.yes {
        return Ok(Some(false));
    }
    let command = options.again_with(ceremony.config, "--yes");
    let instead = format!("to write it: {command}");
    if !options.terminal {
        ceremony.note(format!(
            "nothing is written: there is no terminal to ask on; {instead}"
        ));
        return Ok(None);
    }
    match prompt::confirm(&question, &instead).await? {
        true => Ok(Some(true)),
        false => Ok(None),
    }
}

/// Looks again, since a person may have thought for long: what is written is what they have seen.
async fn as_shown(
    step: Step,
    ceremony: &Ceremony<'_>,
    seen: Observation,
    left: &BTreeMap<String, Unwritten>,
) -> Result<Observation, Failure> {
    let mut now = judge(&ceremony.view(step)).await?.observation;
    now.details.retain(|detail| !detail.is_unseen());
    leave(step, ceremony, &mut now, left);
    if now.details == seen.details {
        return Ok(now);
    }
    Err(Failure::refused(
        Code::StepDiffers,
        format!(
            "{}: what differs is another thing by now than what was shown",
            step.name()
        ),
    )
    .advise(format!(
        "see what it is, and answer once more: {}",
        ceremony.options.again(ceremony.config)
    )))
}

async fn one_step(
    step: Step,
    ceremony: &mut Ceremony<'_>,
    observation: Observation,
    ended: &mut Ended,
) -> Result<(), Failure> {
    let events = ceremony.caller.events;
    events.enter(step);
    let all = order(ceremony.diary().two_phase());
    let place = all.iter().position(|one| *one == step).unwrap_or_default();
    events.emit(Event::StepStarted {
        step,
        number: place + 1,
        of: ORDER.len(),
    });
    let (begun, before) = (Instant::now(), ceremony.client().requests_sent());
    let found = ceremony.findings.borrow().len();
    let evidence = act::write(step, ceremony, observation).await?;
    let outcome = if ceremony.findings_since(found).is_empty() {
        StepOutcome::Repaired
    } else {
        StepOutcome::WithFindings
    };
    ended.add(step, outcome, evidence.clone());
    events.emit(Event::StepFinished {
        step,
        outcome,
        requests: ceremony.client().requests_sent() - before,
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        evidence,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_may_not_write_is_told_the_rule_that_lets_it() {
        let may = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let policy = "sys/policies/acl/a";
        for names in [&["root"] as &[_], &["update"], &["create", "read"]] {
            assert_eq!(rule_that_lacks(policy, &may(names)), None, "{names:?}");
        }
        let rule =
            "path \"sys/policies/acl/a\" { capabilities = [\"create\", \"read\", \"update\"] }";
        for names in [&["deny"] as &[_], &[], &["read", "sudo"]] {
            let said = rule_that_lacks(policy, &may(names));
            assert_eq!(said.as_deref(), Some(rule), "{names:?}");
        }
        let method = rule_that_lacks("sys/auth/oidc", &may(&["update"])).unwrap();
        assert!(method.contains("\"sudo\""), "{method}");
        assert_eq!(
            rule_that_lacks("sys/auth/oidc", &may(&["update", "sudo"])),
            None
        );
    }
}
