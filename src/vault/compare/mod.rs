//! Whether what the server has means the same as what the file says. Pure: no request, no secret in a result.
//!
//! The servers rewrite what they are given: durations become seconds, comma strings become lists, names become
//! small, empty things become null, secrets are kept back. Only fields that are wanted count.

mod redacted;
mod same;
mod scalar;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::vault::compare::redacted::{show_have, show_want};
use crate::vault::compare::same::{is_default, is_empty, is_same, is_text, is_unset};
use crate::vault::compare::scalar::seconds_of;
use crate::vault::http::body::Body;

/// Left out of an answer by the servers when they are not set, and not because they are secret.
const LEFT_OUT_WHEN_UNSET: [&str; 7] = [
    "audience",
    "passthrough_request_headers",
    "allowed_response_headers",
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "poll_interval",
    "listing_visibility",
];
/// Old names of roles' fields, answered under `token_…` unless the old name was used to write them.
const OLD_TOKEN_FIELDS: [&str; 6] = [
    "policies",
    "ttl",
    "max_ttl",
    "period",
    "num_uses",
    "bound_cidrs",
];
/// Under which name a connection of `database` answers with its own fields.
const CONNECTION: &str = "connection_details";
/// Maps to which the servers add entries of their own.
const OPEN_MAPS: [&str; 2] = ["options", "config"];

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name; dotted inside maps.
    pub field: String,
    /// What the server has, as JSON, where the file names it in plain. `(secret)`, `(not set)`, `(not shown)`
    /// and `set` stand for themselves.
    pub have: String,
    /// What the file says, in the same way.
    pub want: String,
}

/// The outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Fields that differ.
    pub differences: Vec<Difference>,
    /// Fields that the server does not return: equal or not, nobody can tell.
    pub unreadable: Vec<String>,
    /// Fields whose value the file refers to and that is not here any more.
    pub not_compared: Vec<String>,
}

impl Comparison {
    /// True when nothing differs, as far as can be seen.
    pub fn is_same(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Compares a role, a configuration or any other object.
pub fn compare(want: &Body, have: &Value) -> Comparison {
    walk(want, have, false)
}

/// Compares the tuning of a mount, where TTLs of 0 mean the server's default and read back as that.
pub fn compare_tune(want: &Body, have: &Value) -> Comparison {
    walk(want, have, true)
}

/// Compares the body of a policy's write with what a read of it gave.
pub fn compare_policy(want: &Body, have: &Value) -> Comparison {
    let same = match (
        want.get("policy"),
        have.get("policy").and_then(Value::as_str),
    ) {
        (Some(Body::String(want)), Some(have)) => same_policy(want, have),
        _ => false,
    };
    let mut comparison = Comparison::default();
    if !same {
        comparison.differences.push(Difference {
            field: "policy".into(),
            have: "another text".into(),
            want: "its own".into(),
        });
    }
    comparison
}

/// Compares what is stored with what was sent to be stored: types and orders count, and nothing else may be there. The
/// `options` of a write are not stored.
pub fn compare_stored(want: &Body, have: &Value) -> Comparison {
    let mut walk = Walk {
        exact: true,
        ..Walk::default()
    };
    let have = Body::from(have.clone());
    match (want, &have) {
        (Body::Map(fields), Body::Map(object)) if have.get("data").is_some() => {
            for (name, value) in fields.iter().filter(|(name, _)| name == "data") {
                walk.field(name, value, &Body::Map(object.clone()));
            }
        }
        (Body::Map(fields), Body::Map(object)) => walk.map("", "", fields, object),
        _ => walk.leaf("", "", want, &have, false),
    }
    walk.found
}

/// Policies come back as they were stored; blanks around them mean nothing.
pub fn same_policy(want: &str, have: &str) -> bool {
    want.trim() == have.trim()
}

fn walk(want: &Body, have: &Value, tune: bool) -> Comparison {
    let mut walk = Walk {
        tune,
        ..Walk::default()
    };
    let have = Body::from(have.clone());
    match (want, &have) {
        (Body::Map(fields), Body::Map(_)) => {
            for (name, value) in fields {
                walk.field(name, value, &have);
            }
        }
        _ => walk.leaf("", "", want, &have, false),
    }
    walk.found
}

fn inside(path: &str, key: &str) -> String {
    if path.is_empty() {
        return key.to_owned();
    }
    format!("{path}.{key}")
}

#[derive(Default)]
struct Walk {
    tune: bool,
    /// Nothing is taken for the same that is not.
    exact: bool,
    found: Comparison,
}

impl Walk {
    /// A field of the object itself.
    fn field(&mut self, name: &str, want: &Body, object: &Body) {
        let renamed = OLD_TOKEN_FIELDS
            .contains(&name)
            .then(|| format!("token_{name}"));
        // A connection of `database` answers with what it was given in a map of its own.
        let inside = || object.get(CONNECTION)?.get(name);
        let have = object.get(name).or_else(|| object.get(renamed.as_deref()?));
        let have = have.or_else(inside);
        match have {
            Some(have) => self.value(name, name, want, have, true),
            None => self.missing(name, want, object.get(&format!("{name}_set"))),
        }
    }

    /// Not in the answer. `set` is a flag such as `token_reviewer_jwt_set`.
    fn missing(&mut self, name: &str, want: &Body, set: Option<&Body>) {
        if want.holds_unknown() {
            self.found.not_compared.push(name.to_owned());
            return;
        }
        if is_empty(want) || is_default(name, want) {
            return;
        }
        if LEFT_OUT_WHEN_UNSET.contains(&name) || matches!(set, Some(Body::Bool(false))) {
            self.differ(name, "(not set)".into(), show_want(want));
        } else {
            self.found.unreadable.push(name.to_owned());
        }
    }

    fn value(&mut self, path: &str, name: &str, want: &Body, have: &Body, top: bool) {
        match (want, have) {
            (Body::Map(fields), Body::Map(object)) => self.map(path, name, fields, object),
            (Body::Map(fields), Body::Null) => self.map(path, name, fields, &[]),
            (Body::Null, Body::Map(object)) if !OPEN_MAPS.contains(&name) => {
                self.map(path, name, &[], object);
            }
            _ => self.leaf(path, name, want, have, top),
        }
    }

    fn map(&mut self, path: &str, name: &str, want: &[(String, Body)], have: &[(String, Body)]) {
        let by_name: BTreeMap<&str, &Body> =
            have.iter().map(|(name, value)| (&**name, value)).collect();
        let wanted: BTreeSet<&str> = want.iter().map(|(name, _)| &**name).collect();
        for (key, value) in want {
            let inner = inside(path, key);
            match by_name.get(&**key) {
                Some(have) => self.value(&inner, key, value, have, false),
                None if value.holds_unknown() => self.found.not_compared.push(inner),
                None if is_empty(value) && !self.exact => {}
                // A `kv` that was mounted without a version is one of version 1.
                None if self.tune && inner == "options.version" && is_text(value, "1") => {}
                None if value.holds_secret() && !self.exact => self.found.unreadable.push(inner),
                None => self.differ(&inner, "(not set)".into(), show_want(value)),
            }
        }
        if OPEN_MAPS.contains(&name) && !self.exact {
            return;
        }
        for (key, value) in have {
            if (self.exact || !is_unset(value)) && !wanted.contains(&**key) {
                // It may be a secret, of this file or of somebody else: it is named and never shown.
                let inner = inside(path, key);
                self.differ(&inner, "set".into(), "nothing of it".into());
            }
        }
    }

    fn leaf(&mut self, path: &str, name: &str, want: &Body, have: &Body, top: bool) {
        if want.holds_unknown() {
            self.found.not_compared.push(path.to_owned());
            return;
        }
        let same = if self.exact {
            want.to_wire() == have.to_wire()
        } else {
            is_same(name, want, have, top)
        };
        if same {
            return;
        }
        let zero = is_empty(want) || seconds_of(want) == Some(0);
        if self.tune && name.ends_with("_ttl") && zero {
            // The effective TTL stands there, whether it comes from here or from the server's default.
            self.found.unreadable.push(path.to_owned());
            return;
        }
        self.differ(path, show_have(have, want), show_want(want));
    }

    fn differ(&mut self, path: &str, have: String, want: String) {
        self.found.differences.push(Difference {
            field: path.to_owned(),
            have,
            want,
        });
    }
}
