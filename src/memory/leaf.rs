//! A document taken apart: each value that is no map, under the names that lead to it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::vault::Body;

/// The values of a document by their places: names inside maps joined by dots. A list is one value, and so is an empty map.
pub(crate) type Leaves = BTreeMap<String, Body>;

/// What `body` says, value by value. A body that is no map has one value, whose place is empty.
pub(crate) fn leaves(body: &Body) -> Leaves {
    let mut found = Leaves::new();
    // A document without fields says nothing.
    if !matches!(body, Body::Map(fields) if fields.is_empty()) {
        collect("", body, &mut found);
    }
    found
}

/// Whether anything stands at `place` or in it.
pub(crate) fn holds<V>(places: &BTreeMap<String, V>, place: &str) -> bool {
    if places.contains_key(place) {
        return true;
    }
    let inside = format!("{place}.");
    let first = places.range(inside.clone()..).next();
    first.is_some_and(|(found, _)| found.starts_with(&inside))
}

fn collect(place: &str, body: &Body, found: &mut Leaves) {
    match body {
        Body::Map(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let name = name.replace('\\', "\\\\").replace('.', "\\.");
                let inner = if place.is_empty() {
                    name
                } else {
                    format!("{place}.{name}")
                };
                collect(&inner, value, found);
            }
        }
        _ => {
            found.insert(place.to_owned(), body.clone());
        }
    }
}

/// The field of the document that a place is in.
pub(crate) fn field_of(place: &str) -> String {
    let mut field = String::new();
    let mut letters = place.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '.' => break,
            '\\' => field.extend(letters.next()),
            other => field.push(other),
        }
    }
    field
}

/// Whether `place` is `outer` or in it.
pub(crate) fn is_in(place: &str, outer: &str) -> bool {
    let rest = place.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Nothing, however the server says that: absent, null, an empty list and an empty map are one to it after a restart.
pub(crate) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// As [`is_nothing`], of a value of a body.
pub(crate) fn says_nothing(body: &Body) -> bool {
    match body {
        Body::Null => true,
        Body::List(items) => items.is_empty(),
        Body::Map(fields) => fields.is_empty(),
        _ => false,
    }
}

/// What a field has that a release of the server came with: nothing, false, zero or no text.
pub(crate) fn is_untouched(body: &Body) -> bool {
    says_nothing(body)
        || match body {
            Body::Bool(value) => !value,
            Body::Number(number) => number.as_f64() == Some(0.0),
            Body::String(text) => text.is_empty(),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn places(value: Value) -> Vec<String> {
        leaves(&Body::from(value)).into_keys().collect()
    }

    #[test]
    fn maps_are_taken_apart_and_lists_are_not() {
        let value = json!({"a": {"b": 1, "c.d": {"e": [{"f": 1}]}}, "g": {}, "h": null});
        assert_eq!(places(value), ["a.b", "a.c\\.d.e", "g", "h"]);
        assert_eq!(places(json!("text")), [""]);
    }

    #[test]
    fn a_place_is_in_its_field() {
        assert_eq!(field_of("a.b"), "a");
        assert_eq!(field_of("c\\.d.e"), "c.d");
        assert_eq!(field_of("a\\\\.b"), "a\\");
        assert!(is_in("a.b", "a") && is_in("a", "a"));
        assert!(!is_in("ab", "a"));
    }
}
