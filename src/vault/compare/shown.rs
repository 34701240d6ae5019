//! How a difference is shown: short, on one line, and never a secret.

use serde_json::Value;

use crate::vault::compare::same::is_empty_body;
use crate::vault::http::body::Body;

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

/// A value that the file names. What stands in maps inside it the file need not name.
pub(super) fn show_have(have: &Value) -> String {
    if holds_a_map(have) {
        return "(not shown)".into();
    }
    shorten(&have.to_string())
}

fn holds_a_map(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(holds_a_map),
        _ => false,
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST_SHOWN {
        return text.to_owned();
    }
    text.chars().take(LONGEST_SHOWN).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use crate::vault::compare::{Body, Comparison, compare};
    use serde_json::json;

    fn fields(comparison: &Comparison) -> Vec<&str> {
        let fields = comparison.differences.iter();
        fields.map(|difference| &*difference.field).collect()
    }

    #[test]
    fn what_the_file_does_not_name_is_never_shown() {
        let want = Body::map([
            ("data", Body::map([("user", Body::from("u"))])),
            (
                "pairs",
                Body::List(vec![Body::map([("url", Body::from("a"))])]),
            ),
            ("plain", Body::from("p")),
        ]);
        let have = json!({
            "data": {"user": "u", "password": "hunter2"},
            "pairs": [{"url": "a", "pin": "hunter2"}],
            "plain": {"inside": "hunter2"},
        });
        let comparison = compare(&want, &have);
        assert_eq!(fields(&comparison), ["data.password", "pairs", "plain"]);
        let shown: Vec<_> = comparison
            .differences
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            shown[0],
            "data.password is set, the file says nothing of it"
        );
        assert!(!shown.concat().contains("hunter2"), "{shown:?}");
    }

    #[test]
    fn a_value_that_is_not_here_any_more_is_not_compared() {
        let want = Body::map([
            (
                "data",
                Body::map([("password", Body::Unknown), ("user", "u".into())]),
            ),
            ("pem_keys", Body::List(vec![Body::Unknown])),
            ("pin", Body::Unknown),
            ("token", Body::Unknown),
        ]);
        let have = json!({
            "data": {"password": "hunter2", "user": "v"}, "pem_keys": ["hunter2"], "pin": "hunter2",
        });
        let comparison = compare(&want, &have);
        assert_eq!(fields(&comparison), ["data.user"]);
        assert_eq!(
            comparison.not_compared,
            ["data.password", "pem_keys", "pin", "token"]
        );
        assert_eq!(comparison.unreadable, [] as [&str; 0]);
    }
}
