//! What has changed since a document was written: in the file, and at the server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::memory::form::{DigestKey, Form, Same, json};
use crate::memory::leaf::{Leaves, field_of, holds, is_nothing, is_untouched, says_nothing};
use crate::vault::Body;

/// What is to be known of a place in a document.
pub(crate) type OfPlace<'a> = &'a dyn Fn(&str) -> bool;

/// One value that is another one now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Changed {
    /// Its place in the document.
    pub(crate) place: String,
    /// What it was; `None` where it was not there.
    pub(crate) then: Option<Shown>,
    /// What it is; `None` where it is gone.
    pub(crate) now: Option<Shown>,
}

/// A value, as far as it may be shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shown {
    /// Anybody may see it.
    Plain(Value),
    /// It may be secret.
    Hidden,
}

/// What the file says otherwise than what was sent.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Edits {
    /// Values that differ, came or went.
    pub(crate) changed: Vec<Changed>,
    /// Fields that were sent and are not in the file any more.
    pub(crate) taken_out: BTreeSet<String>,
    /// Places that nobody here can compare: the value, or the key, is not here.
    pub(crate) unknown: Vec<String>,
}

/// What the server has otherwise than after the last write.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Drift {
    /// Values that differ, came or went.
    pub(crate) changed: Vec<Changed>,
    /// Places that nobody here can compare.
    pub(crate) unknown: Vec<String>,
}

/// What `file` says otherwise than what was sent of a document. Types and orders count.
pub(crate) fn edits(document: &str, sent: &Form, file: &Leaves, key: Option<&DigestKey>) -> Edits {
    let mut edits = Edits::default();
    let then = sent.places();
    for (place, value) in file {
        let then_shown = shown_then(sent, place);
        if !sent.has(place) {
            edits.changed.push(Changed {
                place: place.clone(),
                then: None,
                now: Some(shown_now(value, true)),
            });
            continue;
        }
        match sent.is((document, place), value, key) {
            Same::Yes => {}
            Same::Unknown => edits.unknown.push(place.clone()),
            Same::No => {
                let now = shown_now(value, then_shown != Some(Shown::Hidden));
                edits.changed.push(Changed {
                    place: place.clone(),
                    then: then_shown,
                    now: Some(now),
                });
            }
        }
    }
    let named: BTreeSet<String> = file.keys().map(|place| field_of(place)).collect();
    for place in then {
        // What became a map, or was an empty one, is compared by what is in it.
        if holds(file, place) {
            continue;
        }
        edits.changed.push(Changed {
            place: place.to_owned(),
            then: shown_then(sent, place),
            now: None,
        });
        let field = field_of(place);
        if !named.contains(&field) {
            edits.taken_out.insert(field);
        }
    }
    edits
}

/// How what the server has is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    /// The key of the digests, where it could be opened.
    pub(crate) key: Option<&'a DigestKey>,
    /// Places that move by themselves.
    pub(crate) moves: OfPlace<'a>,
    /// Places whose values may be shown.
    pub(crate) plain: OfPlace<'a>,
    /// What is stored is what was sent: an empty value is another one than none.
    pub(crate) exact: bool,
}

/// What `have` says otherwise than what was made of a document, but for the places that move by themselves. Nothing,
/// null and an empty list are one, unless it is exact; what a later release of the server adds says nothing yet.
pub(crate) fn drift(document: &str, made: &Form, have: &Leaves, look: Look<'_>) -> Drift {
    let Look {
        key,
        moves,
        plain,
        exact,
    } = look;
    let mut drift = Drift::default();
    let then = made.places();
    for (place, value) in have.iter().filter(|(place, _)| !moves(place)) {
        if !made.has(place) {
            // An empty map has become nothing, or the other way round.
            if !exact && is_untouched(value) {
                continue;
            }
            drift.changed.push(Changed {
                place: place.clone(),
                then: None,
                now: Some(shown_now(value, plain(place))),
            });
            continue;
        }
        let then_shown = shown_then(made, place);
        let nothing_then = matches!(&then_shown, Some(Shown::Plain(then)) if is_nothing(then));
        if !exact && nothing_then && says_nothing(value) {
            continue;
        }
        match made.is((document, place), value, key) {
            Same::Yes => {}
            Same::Unknown => drift.unknown.push(place.clone()),
            Same::No => {
                let open = then_shown != Some(Shown::Hidden) && plain(place);
                drift.changed.push(Changed {
                    place: place.clone(),
                    then: then_shown,
                    now: Some(shown_now(value, open)),
                });
            }
        }
    }
    for place in then.into_iter().filter(|place| !moves(place)) {
        let nothing = !exact && made.shown(place).is_some_and(is_nothing);
        let there = have.contains_key(place) || (nothing && holds(have, place));
        if there || nothing {
            continue;
        }
        drift.changed.push(Changed {
            place: place.to_owned(),
            then: shown_then(made, place),
            now: None,
        });
    }
    drift
}

fn shown_then(form: &Form, place: &str) -> Option<Shown> {
    if let Some(value) = form.shown(place) {
        return Some(Shown::Plain(value.clone()));
    }
    form.has(place).then_some(Shown::Hidden)
}

fn shown_now(value: &Body, plain: bool) -> Shown {
    match json(value) {
        Some(shown) if plain && !value.holds_secret() => Shown::Plain(shown),
        _ => Shown::Hidden,
    }
}

/// The values that stood in a field, by what of it is remembered in clear: what puts it back as it was.
pub(crate) fn field_then(form: &Form, field: &str) -> Option<BTreeMap<String, Value>> {
    let places = form.places();
    let inside = places.into_iter().filter(|place| field_of(place) == field);
    let mut values = BTreeMap::new();
    for place in inside {
        values.insert(place.to_owned(), form.shown(place)?.clone());
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::leaf::leaves;
    use serde_json::json;

    /// Places that are another thing now.
    fn changed(made: Value, have: Value, exact: bool) -> Vec<String> {
        let made = Form::of("d", &leaves(&Body::from(made)), None, |_| true);
        let look = Look {
            key: None,
            moves: &|_| false,
            plain: &|_| true,
            exact,
        };
        let drift = drift("d", &made, &leaves(&Body::from(have)), look);
        drift.changed.into_iter().map(|one| one.place).collect()
    }

    #[test]
    fn an_empty_value_is_another_one_than_none_only_where_it_is_stored_as_it_was_sent() {
        let have = || json!({"a": 1, "b": "", "c": []});
        assert_eq!(
            changed(json!({"a": 1, "c": null}), have(), false),
            [] as [&str; 0]
        );
        assert_eq!(
            changed(json!({"a": 1, "c": null}), have(), true),
            ["b", "c"]
        );
        assert_eq!(changed(have(), json!({"a": 1, "b": ""}), true), ["c"]);
    }
}
