//! The fields of an answer that belong into the file: neither what is as the server has it by default, nor what it made
//! itself, nor a secret.

use serde_json::{Map, Value};

use crate::config::{fields_of, is_secret};
use crate::import::defaults;
use crate::import::found::Found;
use crate::import::yaml::VARIABLE;

/// What is known of a kind of document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Under which name its defaults are known.
    pub(super) kind: &'static str,
    /// Fields that the server makes, or that another document says.
    pub(super) made: &'static [&'static str],
    /// The type of the schema that says which fields it takes, where there is one.
    pub(super) of_schema: &'static str,
}

/// Old names of fields that answers have beside the new ones.
const OLD: [&str; 7] = [
    "policies",
    "ttl",
    "max_ttl",
    "explicit_max_ttl",
    "period",
    "num_uses",
    "bound_cidrs",
];
/// What a server writes in the place of a secret within a text.
const MASKED: &str = "xxxxx";

/// The fields of the answer at `path`. Secrets become references that are to be filled; what the file cannot say is noted.
pub(super) fn of(
    found: &mut Found,
    shape: &Shape,
    path: &str,
    answer: Value,
) -> Map<String, Value> {
    let Value::Object(all) = answer else {
        return Map::new();
    };
    let known = fields_of(shape.of_schema);
    let mut kept = Map::new();
    for (name, value) in &all {
        let renamed = format!("token_{name}");
        let is_old =
            OLD.contains(&name.as_str()) && all.get(&renamed).is_some_and(|new| new == value);
        let made = shape.made.contains(&name.as_str());
        if is_old || made || defaults::is_default(shape.kind, path, name, value) {
            continue;
        }
        if !known.is_empty() && !known.contains(&name.as_str()) {
            found.leave(path, format!("the field {name} has no place in the file"));
            continue;
        }
        if looks_like_a_reference(value) {
            found.leave(
                path,
                format!("{name} would read as a reference to a secret"),
            );
            continue;
        }
        let value = plain(found, path, name, value.clone());
        kept.insert(name.clone(), value);
    }
    kept
}

/// A value without any secret.
fn plain(found: &mut Found, path: &str, place: &str, value: Value) -> Value {
    let name = place.rsplit('.').next().unwrap_or(place);
    match value {
        Value::String(text) if holds_secret(name, &text) => found.reference(path, place),
        Value::Array(items) => {
            let items = items
                .into_iter()
                .map(|item| plain(found, path, place, item));
            Value::Array(items.collect())
        }
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let value = plain(found, path, &format!("{place}.{name}"), value);
                (name, value)
            });
            Value::Object(fields.collect())
        }
        value => value,
    }
}

/// Whether the file would take something in it for a reference: what somebody has written on the server must not make this
/// program read a file.
pub(super) fn looks_like_a_reference(value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            const NAMES: [&str; 6] = ["file", "env", "ssm", "prompt", "from_write", VARIABLE];
            let named = |name: &String| NAMES.contains(&name.as_str());
            fields.keys().any(named) || fields.values().any(looks_like_a_reference)
        }
        Value::Array(items) => items.iter().any(looks_like_a_reference),
        _ => false,
    }
}

/// Whether a text is a secret by the name of its field, or by what it is; or has lost one.
fn holds_secret(name: &str, text: &str) -> bool {
    !text.is_empty() && (is_secret(name) || text.contains("PRIVATE KEY") || text.contains(MASKED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ROLE: Shape = Shape {
        kind: "",
        made: &["name"],
        of_schema: "AppRole",
    };

    #[test]
    fn what_is_as_by_default_or_made_by_the_server_is_left_out() {
        let mut found = Found::default();
        let answer = json!({
            "name": "ci", "token_ttl": 900, "ttl": 900, "token_policies": ["a"], "bind_secret_id": true,
            "token_type": "default", "secret_id_bound_cidrs": null, "token_num_uses": 0, "odd": 1
        });
        let kept = of(&mut found, &ROLE, "auth/approle/role/ci", answer);
        let wanted = json!({"token_ttl": 900, "token_policies": ["a"]});
        assert_eq!(Value::Object(kept), wanted);
        assert_eq!(found.left_out.len(), 1, "{:?}", found.left_out);
        let answer = json!({"bind_secret_id": false});
        let kept = of(&mut found, &ROLE, "auth/approle/role/ci", answer);
        assert_eq!(Value::Object(kept), json!({"bind_secret_id": false}));
    }

    #[test]
    fn what_is_a_secret_by_its_name_or_its_look_is_a_reference_wherever_it_stands() {
        const FREE: Shape = Shape {
            kind: "",
            made: &[],
            of_schema: "",
        };
        let mut found = Found::default();
        let answer = json!({
            "access_key": "AKIA", "url": "postgres://a:xxxxx@b", "deep": {"api_key": "k", "name": "n"},
            "keys": ["-----BEGIN PRIVATE KEY-----\nq"], "use_token": true
        });
        let kept = Value::Object(of(&mut found, &FREE, "x/config", answer));
        for secret in ["AKIA", "xxxxx", "\"k\"", "PRIVATE"] {
            assert!(!kept.to_string().contains(secret), "{kept}");
        }
        assert_eq!(kept["deep"]["name"], "n");
        assert_eq!(kept["use_token"], true);
        assert_eq!(found.to_fill.len(), 4);
        let answer = json!({"metadata": {"file": "/etc/passwd"}, "list": [{"env": "HOME"}]});
        assert!(of(&mut found, &FREE, "x/config", answer).is_empty());
        assert_eq!(found.left_out.len(), 2);
    }
}
