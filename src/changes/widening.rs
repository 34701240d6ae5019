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

/// How a field keeps people out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// Whoever is one of its values comes in; where it is empty, everybody does.
    AnyOf,
    /// The same; where it is empty, nobody comes in.
    AnyOfOrNobody,
    /// Whoever has each of its values comes in.
    AllOf,
    /// Nobody has looked.
    NotKnown,
}

fn bound_of(field: &str) -> Bound {
    match field {
        "required_extensions" | "bound_labels" => Bound::AllOf,
        // It says how others are read.
        "bound_claims_type" => Bound::NotKnown,
        _ if field.starts_with("bound_service_account_") => Bound::AnyOfOrNobody,
        "audience" => Bound::AnyOf,
        _ if field.starts_with("bound_")
            || field.ends_with("_cidrs")
            || field.ends_with("cidr_list") =>
        {
            Bound::AnyOf
        }
        _ => Bound::NotKnown,
    }
}

/// Whether a field is known to let in fewer than before.
fn narrows(field: &str, from: &str, to: &str) -> bool {
    let (Some(from), Some(to)) = (values(from), values(to)) else {
        return false;
    };
    match bound_of(field) {
        Bound::AnyOf => !to.is_empty() && (from.is_empty() || to.is_subset(&from)),
        Bound::AnyOfOrNobody => to.is_subset(&from),
        Bound::AllOf => from.is_subset(&to),
        Bound::NotKnown => false,
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
            ("bound_claims_type", "(not set)", r#""glob""#, true),
            ("bound_service_account_names", "[]", r#"["*"]"#, true),
            (
                "bound_service_account_names",
                r#"["a","b"]"#,
                r#"["a"]"#,
                false,
            ),
            // Each of these has to be there.
            ("required_extensions", r#"["a","b"]"#, r#"["a"]"#, true),
            ("required_extensions", "[]", r#"["a"]"#, false),
            ("required_extensions", r#"["a"]"#, r#"["a","b"]"#, false),
            ("bound_labels", r#"["a:1","b:2"]"#, r#"["a:1"]"#, true),
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
