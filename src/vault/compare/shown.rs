//! How a difference is shown: short, on one line, and never a secret.

use serde_json::Value;

use super::is_empty_body;
use crate::vault::body::Body;

/// A longer value tells nobody anything in a diff.
const LONGEST_SHOWN: usize = 200;

pub(super) fn holds_secret(body: &Body) -> bool {
    match body {
        Body::Secret(_) => true,
        Body::List(items) => items.iter().any(holds_secret),
        Body::Map(fields) => fields.iter().any(|(_, value)| holds_secret(value)),
        _ => false,
    }
}

pub(super) fn show_want(want: &Body) -> String {
    if holds_secret(want) {
        return "(secret)".into();
    }
    if is_empty_body(want) {
        return "(not set)".into();
    }
    // No secret is in it, so these bytes are for everybody.
    shorten(&String::from_utf8_lossy(&want.to_wire()))
}

pub(super) fn show_have(have: &Value) -> String {
    shorten(&have.to_string())
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST_SHOWN {
        return text.to_owned();
    }
    text.chars().take(LONGEST_SHOWN).chain(['…']).collect()
}
