//! How a difference is shown: short, on one line, and never a secret.

use crate::vault::compare::same::{is_empty, is_unset};
use crate::vault::http::Body;

/// A longer value tells nobody anything in a diff.
const LONGEST_SHOWN: usize = 200;

pub(super) fn show_want(want: &Body) -> String {
    if want.holds_secret() {
        return "(secret)".into();
    }
    if is_empty(want) {
        return "(not set)".into();
    }
    shorten(want)
}

/// A value that the file names: secret where that of the file is. What stands in maps inside it the file need not
/// name.
pub(super) fn show_have(have: &Body, want: &Body) -> String {
    if is_unset(have) {
        return "(not set)".into();
    }
    if want.holds_secret() {
        return "(secret)".into();
    }
    if have.any(|part| matches!(part, Body::Map(_))) {
        return "(not shown)".into();
    }
    shorten(have)
}

/// No secret is in it, so these bytes are for everybody.
fn shorten(body: &Body) -> String {
    let text = String::from_utf8_lossy(&body.to_wire()).into_owned();
    if text.chars().count() <= LONGEST_SHOWN {
        return text;
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
        let password = &comparison.differences[0];
        assert_eq!((&*password.have, &*password.want), ("set", "nothing of it"));
        let shown = format!("{comparison:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
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
