//! What would be deleted, as plans and questions show it.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::observation::Observation;
use crate::event::{PlannedAction, PlannedChange, PlannedItem, PlannedStep};
use crate::finding::Unwritten;
use crate::pruning::look::{Missed, Prunable};
use crate::pruning::uses::{Coming, names};
use crate::step::Step;
use crate::vault::Body;

/// The steps of what is to be deleted.
pub(super) fn steps(prunable: &[Prunable]) -> Vec<PlannedStep> {
    let mut steps: BTreeMap<Step, Vec<PlannedItem>> = BTreeMap::new();
    for one in prunable {
        steps.entry(one.kind.step()).or_default().push(item(one));
    }
    let steps = steps.into_iter().map(|(step, items)| PlannedStep {
        step,
        action: PlannedAction::Write,
        items,
        unchanged: 0,
        unmanaged: Vec::new(),
        findings: Vec::new(),
        problems: Vec::new(),
    });
    steps.collect()
}

fn item(one: &Prunable) -> PlannedItem {
    let with = if one.with.is_empty() {
        String::new()
    } else {
        format!("; with it: {}", one.with.join(", "))
    };
    let text = format!(
        "{}: made here, and not in the file any more{with}",
        one.path
    );
    PlannedItem {
        change: Some(PlannedChange::Delete),
        path: Some(one.path.clone()),
        ..text.into()
    }
}

/// What of a step is to be deleted, and what is not, and why; and whether there is anything to do.
pub(crate) fn items(missed: &Missed, step: Step) -> (Vec<PlannedItem>, bool) {
    let mut items = Vec::new();
    let goes = missed.prunable.iter().filter(|one| one.kind.step() == step);
    items.extend(goes.map(item));
    let some = !items.is_empty();
    let stays = missed.stays.iter().filter(|(kind, ..)| kind.step() == step);
    items.extend(stays.map(|(_, path, why)| PlannedItem {
        change: Some(PlannedChange::Delete),
        path: Some(path.clone()),
        not_written: Some(why.to_string()),
        ..format!("{path}: not in the file any more").into()
    }));
    (items, some)
}

/// The policies that what is about to be written will name, by its path.
pub(crate) fn coming(found: &[(Step, Observation)], left: &BTreeMap<String, Unwritten>) -> Coming {
    let pending = found
        .iter()
        .flat_map(|(_, observation)| &observation.pending);
    let pending = pending.filter(|one| !left.contains_key(&one.document.path));
    let mut coming = Coming::new();
    for one in pending {
        let fields = ["token_policies", "policies"];
        let said = fields.iter().find_map(|field| one.document.body.get(field));
        let reset = one
            .reset
            .iter()
            .any(|reset| fields.contains(&reset.field.as_str()));
        let named: BTreeSet<String> = match said {
            Some(said) => texts(said).into_iter().collect(),
            None if reset => BTreeSet::new(),
            None => continue,
        };
        coming.insert(one.document.path.clone(), named);
    }
    coming
}

fn texts(body: &Body) -> Vec<String> {
    match body {
        Body::String(text) => names(&text.as_str().into()),
        Body::List(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_that_are_about_to_be_named_are_read_as_the_servers_read_them() {
        let body = Body::List(vec![Body::from("Ops"), Body::from("a,b")]);
        assert_eq!(texts(&body), ["ops", "a", "b"]);
    }
}
