//! What is to be done about one thing, as events carry it.

use crate::changes::widening::may_widen;
use crate::event::{PlannedChange, PlannedItem};
use crate::finding::{Change, Detail};

/// What was seen of one thing, as data.
pub(crate) fn item(detail: Detail) -> PlannedItem {
    let mut text = detail.to_string();
    let Detail::Document { path, change } = detail else {
        return PlannedItem {
            change: Some(PlannedChange::Unseen),
            ..text.into()
        };
    };
    let widens = may_widen(&change);
    if widens {
        text.push_str("; this may let in more: with --yes it needs --allow-widening");
    }
    let (change, field, values) = match change {
        Change::Create => (PlannedChange::Create, None, None),
        Change::Differs { field, have, want } => {
            (PlannedChange::Differs, Some(field), Some((have, want)))
        }
        Change::PolicyDiffers { have, want } => {
            (PlannedChange::PolicyDiffers, None, Some((have, want)))
        }
        Change::SecretDiffers { field } | Change::SecretEdited { field } => {
            (PlannedChange::SecretDiffers, Some(field), None)
        }
        Change::Moves { from, to } => (PlannedChange::Moves, None, Some((from, to))),
        Change::NotSet { field, .. } => (PlannedChange::NotSet, Some(field), None),
        Change::Edited { field, sent, want } => {
            (PlannedChange::Edited, Some(field), Some((sent, want)))
        }
        Change::Added { field, want } => (
            PlannedChange::Edited,
            Some(field),
            Some(("(not sent)".to_owned(), want)),
        ),
        Change::TakenOut { field, .. } => (PlannedChange::TakenOut, Some(field), None),
        Change::HiddenDrift { field, .. } => (PlannedChange::Drifted, Some(field), None),
        Change::Drifted {
            field, then, have, ..
        } => (PlannedChange::Drifted, Some(field), Some((have, then))),
        Change::HandsOut { .. } => (PlannedChange::HandsOut, None, None),
        Change::Unsettled => (PlannedChange::Unsettled, None, None),
        Change::Again => (PlannedChange::Again, None, None),
        Change::Loses { what } => (PlannedChange::Loses, Some(what), None),
        Change::NotRemembered { what } => (PlannedChange::NotRemembered, Some(what), None),
    };
    let (have, want) = values.unzip();
    PlannedItem {
        text,
        path: Some(path),
        change: Some(change),
        field,
        have,
        want,
        widens,
        not_written: None,
    }
}
