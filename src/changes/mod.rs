//! What is other than the file after the hand-over, and what of it a login would write: for the plan, for whoever is asked,
//! and for the writing itself.

mod item;
mod saved;

use std::collections::BTreeMap;

use crate::changes::item::item;
use crate::desired::observation::Observation;
use crate::event::{PlannedAction, PlannedItem, PlannedStep};
use crate::failure::Failure;
use crate::finding::{Change, Detail, Unwritten};
use crate::memory::Memory;
use crate::session::{Authority, Session};
use crate::step::Step;
use crate::vault::policies::capabilities_self;

pub use crate::changes::saved::SavedPlan;
pub(crate) use crate::changes::saved::documents;

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

/// What may be written beside what is plainly meant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meant {
    /// Documents that nothing here remembers having written.
    pub(crate) adopted: bool,
    /// What lets in more people or addresses.
    pub(crate) wider: bool,
}

/// Whether this step found something that can be written.
pub(crate) fn differs(step: Step, observation: &Observation) -> bool {
    STEPS.contains(&step) && !paths_of(observation).is_empty()
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
pub(crate) fn paths_of(observation: &Observation) -> Vec<&str> {
    let mut paths: Vec<_> = observation.details.iter().filter_map(path_of).collect();
    paths.dedup();
    paths
}

pub(crate) fn path_of(detail: &Detail) -> Option<&str> {
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
    (memory, meant): (&Memory, Meant),
    observations: &[(Step, &Observation)],
) -> Result<BTreeMap<String, Unwritten>, Failure> {
    let Authority::Login(login) = &session.authority else {
        return Ok(BTreeMap::new());
    };
    let all = observations.iter();
    let paths: Vec<_> = all.flat_map(|(_, found)| paths_of(found)).collect();
    let below = written_below(observations);
    let mut named = BTreeMap::new();
    for path in &paths {
        let asked = below.get(*path).map_or(*path, String::as_str);
        named.insert(asked, *path);
    }
    let paths: Vec<&str> = named.keys().copied().collect();
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
                let document = named.get(&*path).copied().unwrap_or(&path).to_owned();
                left.insert(document, Unwritten::NotPermitted(name, rule));
            }
        }
    }
    for (_, observation) in observations {
        for (path, why) in left_by_us(observation, memory, meant) {
            left.entry(path).or_insert(why);
        }
    }
    Ok(left)
}

/// Documents that are written at another path than their own.
fn written_below(observations: &[(Step, &Observation)]) -> BTreeMap<String, String> {
    let pending = observations.iter().flat_map(|(_, found)| &found.pending);
    let below = pending.map(|one| (one.document.path.clone(), one.written_at()));
    below.filter(|(path, at)| path != at).collect()
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
    meant: Meant,
) -> Vec<(String, Unwritten)> {
    let mut left = Vec::new();
    for pending in &observation.pending {
        let path = &pending.document.path;
        let is_new = pending.why == [Change::Create];
        if !is_new && memory.of(path).is_none() && !meant.adopted {
            left.push((path.clone(), Unwritten::NotAdopted));
        }
        let widens = |change: &Change| matches!(change, Change::TakenOut { widens: true, .. });
        if !meant.wider && pending.why.iter().any(widens) {
            left.push((path.clone(), Unwritten::Widens));
        }
    }
    left
}

/// What is written and what is not, for whoever is asked.
pub(crate) fn shown(
    found: &[(Step, &Observation)],
    left: &BTreeMap<String, Unwritten>,
) -> Vec<PlannedStep> {
    let steps = found.iter().map(|(step, observation)| PlannedStep {
        step: *step,
        action: PlannedAction::Write,
        items: items(
            observation
                .details
                .iter()
                .filter(|one| path_of(one).is_some())
                .cloned(),
            left,
        ),
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
