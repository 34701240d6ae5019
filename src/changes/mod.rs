//! What is other than the file after the hand-over, and what of it a login would write: for the plan, for whoever is asked,
//! and for the writing itself.

mod in_its_place;
mod item;
mod saved;
mod widening;

use std::collections::BTreeMap;

use crate::changes::item::item;
use crate::desired::observation::Observation;
use crate::desired::{Document, to_be_sent};
use crate::event::{PlannedAction, PlannedChange, PlannedItem, PlannedStep};
use crate::failure::Failure;
use crate::finding::{Change, Detail, Unwritten};
use crate::memory::Memory;
use crate::session::{Authority, Session};
use crate::step::Step;
use crate::vault::policies::capabilities_self;
use crate::vault::{Body, Error, sys};

pub(crate) use crate::changes::in_its_place::next;
pub use crate::changes::saved::SavedPlan;
pub(crate) use crate::changes::saved::documents;
use crate::changes::widening::may_widen;

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
/// What the server wants `sudo` for: the first two and `sys/config/cors` measured on Vault 1.21.1 and OpenBao 2.7.2, the rest
/// by the servers' documentation of protected paths.
const SUDO: [&str; 7] = [
    "sys/auth/",
    "sys/audit/",
    "sys/config/",
    "sys/plugins/",
    "sys/raw/",
    "sys/rotate",
    "sys/seal",
];

/// What may be written beside what is plainly meant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meant<'a> {
    /// Documents that nothing here remembers having written.
    pub(crate) adopted: bool,
    /// What lets in more people or addresses.
    pub(crate) wider: bool,
    /// What this run has made, in which nothing of others stands: beginnings of paths.
    pub(crate) made: &'a [String],
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
    (memory, meant): (&Memory, Meant<'_>),
    observations: &[(Step, &Observation)],
) -> Result<BTreeMap<String, Unwritten>, Failure> {
    let whose = match &session.authority {
        Authority::Login(login) => Some(login.name.clone()),
        Authority::Given(_) => None,
        Authority::Root(_) | Authority::None => return Ok(BTreeMap::new()),
    };
    let all = observations.iter();
    let paths: Vec<_> = all.flat_map(|(_, found)| paths_of(found)).collect();
    let below = written_below(observations);
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in &paths {
        let asked = below.get(*path).map_or(*path, String::as_str);
        named.entry(asked).or_default().push(path);
    }
    let asked_about: Vec<&str> = named.keys().copied().collect();
    let mut lacks = Vec::new();
    for some in asked_about.chunks(ASKED_AT_ONCE) {
        let mut asked = capabilities_self(&session.client(), session.token()?, some).await;
        if asked.as_ref().is_err_and(Error::is_retryable) {
            session.cluster.find_active().await?;
            asked = capabilities_self(&session.client(), session.token()?, some).await;
        }
        let may = match asked {
            Ok(may) => may,
            // Who may not even ask that is told by the server what they may not.
            Err(error) if error.is_forbidden() => BTreeMap::new(),
            Err(error) => return Err(error.into()),
        };
        for (path, capabilities) in may {
            if let Some(rule) = rule_that_lacks(&path, &capabilities) {
                let documents = named.get(&*path).into_iter().flatten();
                lacks.extend(documents.map(|document| (*document, rule.clone())));
            }
        }
    }
    let mut left = not_permitted(session, (whose.as_deref(), &below), lacks).await?;
    for (_, observation) in observations {
        for (path, why) in left_by_us(observation, memory, meant) {
            left.entry(path).or_insert(why);
        }
    }
    let pending = observations.iter().flat_map(|(_, found)| &found.pending);
    lacking(pending.map(|one| &one.document), &mut left);
    for path in paths {
        let mounts = left.iter().filter(|(above, _)| stands_in(path, above));
        let nearest = mounts.max_by_key(|(mount, _)| mount.len());
        if let Some(why) = nearest.map(|(mount, why)| Unwritten::Below(mount.clone(), why.code())) {
            left.entry(path.to_owned()).or_insert(why);
        }
    }
    Ok(left)
}

/// Why this login may not write these documents, each with the rule that it takes.
///
/// # Errors
/// The server does not say what it is, and so which program writes there.
async fn not_permitted(
    session: &Session<'_>,
    (login, below): (Option<&str>, &BTreeMap<String, String>),
    lacks: Vec<(&str, String)>,
) -> Result<BTreeMap<String, Unwritten>, Failure> {
    if lacks.is_empty() {
        return Ok(BTreeMap::new());
    }
    let client = session.client();
    let program = sys::health(&client).await?.product.program();
    let left = lacks.into_iter().map(|(document, rule)| {
        let why = if document.starts_with("sys/audit/") {
            Unwritten::AuditDevice(client.address().to_owned(), rule)
        } else {
            let at = below.get(document).map_or(document, String::as_str);
            let place = in_its_place::of(session.config, program, login, at);
            Unwritten::NotPermitted(login.map(str::to_owned), rule, place)
        };
        (document.to_owned(), why)
    });
    Ok(left.collect())
}

/// What cannot be written since something that it needs is not.
fn lacking<'d>(
    documents: impl Iterator<Item = &'d Document> + Clone,
    left: &mut BTreeMap<String, Unwritten>,
) {
    loop {
        let before = left.len();
        for document in documents.clone() {
            let mut needs = document.needs.iter();
            let lacks = needs.find_map(|path| Some((path, left.get(path)?.code())));
            if let Some((lacks, code)) = lacks {
                let why = Unwritten::Below(lacks.clone(), code);
                left.entry(document.path.clone()).or_insert(why);
            }
        }
        if left.len() == before {
            return;
        }
    }
}

/// Whether a document stands in a mount.
fn stands_in(path: &str, mount: &str) -> bool {
    let below = mount.strip_prefix("sys/mounts/").or_else(|| {
        let method = mount.strip_prefix("sys/")?;
        method.starts_with("auth/").then_some(method)
    });
    let tuned = |own: &str| path.strip_suffix("/tune") == Some(own);
    below.is_some_and(|below| {
        let rest = path.strip_prefix(below);
        tuned(mount) || rest.is_some_and(|rest| rest.starts_with('/'))
    })
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
    if path.contains(['*', '+', '"', '\\', '{']) || path.contains(char::is_control) {
        return Some("a rule that no policy can have for this path alone".to_owned());
    }
    Some(format!(
        "path \"{path}\" {{ capabilities = [\"create\", \"read\", \"update\"{sudo}] }}"
    ))
}

/// What is not written although the login may.
fn left_by_us(
    observation: &Observation,
    memory: &Memory,
    meant: Meant<'_>,
) -> Vec<(String, Unwritten)> {
    let mut left = Vec::new();
    for pending in &observation.pending {
        let path = &pending.document.path;
        let is_new = pending.why.contains(&Change::Create);
        // A run of ours may have made it, and was killed.
        let begun = memory.is_begun(path);
        let in_ours = begun || meant.made.iter().any(|above| path.starts_with(above));
        if !is_new && memory.of(path).is_none() && !meant.adopted && !in_ours {
            left.push((path.clone(), Unwritten::NotAdopted));
        }
        if !meant.wider && pending.why.iter().any(may_widen) {
            left.push((path.clone(), Unwritten::Widens));
        }
    }
    left
}

/// What is written and what is not, for whoever is asked.
pub(crate) fn shown(
    found: &[(Step, &Observation)],
    left: &BTreeMap<String, Unwritten>,
    memory: &Memory,
) -> Vec<PlannedStep> {
    let steps = found.iter().map(|(step, observation)| {
        let differ = observation.details.iter();
        let differ = differ.filter(|one| path_of(one).is_some()).cloned();
        let mut items = items(differ, left);
        in_full(&mut items, observation, memory);
        PlannedStep {
            step: *step,
            action: PlannedAction::Write,
            items,
            unchanged: 0,
            unmanaged: Vec::new(),
            findings: Vec::new(),
            problems: Vec::new(),
        }
    });
    steps.collect()
}

/// Adds to what is to be made what it will be: nobody agrees to a name alone.
pub(crate) fn in_full(items: &mut [PlannedItem], observation: &Observation, memory: &Memory) {
    for item in items {
        item.want = item
            .want
            .take()
            .or_else(|| created(item, observation, memory));
    }
}

/// What is to be made, in lines.
fn created(item: &PlannedItem, observation: &Observation, memory: &Memory) -> Option<String> {
    let path = item
        .path
        .as_ref()
        .filter(|_| item.change == Some(PlannedChange::Create))?;
    let mut pending = observation.pending.iter();
    let pending = pending.find(|pending| pending.document.path == *path)?;
    match pending.document.body.get("policy") {
        Some(Body::String(text)) if path.starts_with("sys/policies/") => Some(text.clone()),
        _ => Some(to_be_sent(memory, pending).lines()),
    }
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

/// What is made in which other documents stand, as beginnings of paths.
pub(crate) fn places_made(observation: &Observation) -> Vec<String> {
    let made = observation
        .details
        .iter()
        .filter_map(|detail| match detail {
            Detail::Document { path, change } if *change == Change::Create => Some(path),
            _ => None,
        });
    let places = made.filter_map(|path| {
        let place = path.strip_prefix("sys/mounts/").or_else(|| {
            let method = path.strip_prefix("sys/").unwrap_or(path);
            method.starts_with("auth/").then_some(method)
        });
        place.map(|place| format!("{place}/"))
    });
    places.collect()
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

    #[test]
    fn what_waits_for_another_has_the_code_of_what_keeps_that() {
        let waits = Document {
            needs: vec!["a".to_owned()],
            ..Document::new("b", Body::Map(Vec::new()), crate::desired::plugins::PLUGIN)
        };
        let mut left = BTreeMap::from([("a".to_owned(), Unwritten::NotAdopted)]);
        lacking([&waits].into_iter(), &mut left);
        assert_eq!(left["b"].code(), Unwritten::NotAdopted.code());
    }
}
