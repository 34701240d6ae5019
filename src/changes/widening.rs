//! Whether a change lets in more people or addresses.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::desired::defaults::widens;
use crate::finding::Change;
use crate::memory::leaf::field_of;

/// Whether a change may let in more people or addresses: whatever becomes of a field that keeps some out, but its first value
/// and what is known to keep out more.
pub(crate) fn may_widen(change: &Change) -> bool {
    match change {
        Change::TakenOut { widens, .. } => *widens,
        Change::Edited {
            field,
            sent: from,
            want: to,
        }
        | Change::Differs {
            field,
            have: from,
            want: to,
        }
        | Change::Drifted {
            field,
            have: from,
            then: to,
            ..
        } => {
            let name = field_of(field);
            widens(&name) && !narrows(&name, from, to)
        }
        Change::SecretEdited { field }
        | Change::SecretDiffers { field }
        | Change::HiddenDrift { field, .. } => widens(&field_of(field)),
        _ => false,
    }
}

/// Whether a field lets in fewer than before. Of these fields alone that is known: empty, they let everybody in; else whoever
/// is one of their values.
fn narrows(field: &str, from: &str, to: &str) -> bool {
    let bounds = field.starts_with("bound_")
        || field.ends_with("_cidrs")
        || field.ends_with("cidr_list")
        || matches!(field, "audience" | "required_extensions");
    let (from, to) = (values(from), values(to));
    match (from, to) {
        (Some(from), Some(to)) if bounds && !to.is_empty() => {
            from.is_empty() || to.is_subset(&from)
        }
        _ => false,
    }
}

/// The values of a field, which is JSON or no value; `None` where it is no list of texts.
fn values(text: &str) -> Option<BTreeSet<String>> {
    if text == "(not set)" {
        return Some(BTreeSet::new());
    }
    let one = |text: &str| {
        let parts = text.split(',').map(str::trim).map(str::to_owned);
        parts.filter(|part| !part.is_empty()).collect()
    };
    match serde_json::from_str(text).ok()? {
        Value::Null => Some(BTreeSet::new()),
        Value::String(text) => Some(one(&text)),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Value::Object(fields) => fields.is_empty().then(BTreeSet::new),
        Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_out_more_than_before_widens_nothing() {
        for (field, from, to, expected) in [
            ("token_bound_cidrs", "[]", r#"["10.0.0.0/8"]"#, false),
            ("token_bound_cidrs", "(not set)", r#"["10.0.0.0/8"]"#, false),
            ("token_bound_cidrs", r#"["10.0.0.0/8"]"#, "[]", true),
            ("token_bound_cidrs", r#"["a","b"]"#, r#"["b"]"#, false),
            ("token_bound_cidrs", r#"["a"]"#, r#"["a","b"]"#, true),
            ("secret_id_bound_cidrs", r#""a,b""#, r#""a""#, false),
            ("bound_claims", "{}", r#"{"team":"a"}"#, true),
            ("bound_claims.team", "(not set)", r#""a""#, false),
            ("bound_claims.team", r#""a""#, r#"["a","b"]"#, true),
            ("audience", "null", r#""vault""#, false),
            ("audience", r#""vault""#, r#""""#, true),
            // Empty, these let nobody in.
            ("allowed_domains", "[]", r#"["example.com"]"#, true),
            ("disabled", "true", "false", true),
            ("token_ttl", "1", "2", false),
        ] {
            let (field_, have, want) = (field.to_owned(), from.to_owned(), to.to_owned());
            let change = Change::Differs {
                field: field_,
                have,
                want,
            };
            assert_eq!(may_widen(&change), expected, "{field} {from} {to}");
        }
    }

    #[test]
    fn what_is_put_back_is_judged_from_what_is_there_now() {
        let drifted = |have: &str, then: &str| Change::Drifted {
            field: "bound_audiences".into(),
            then: then.into(),
            have: have.into(),
            may_move: false,
        };
        assert!(!may_widen(&drifted(r#"["a","b"]"#, r#"["a"]"#)));
        assert!(may_widen(&drifted(r#"["a"]"#, r#"["a","b"]"#)));
    }
}
