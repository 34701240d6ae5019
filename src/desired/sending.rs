//! What is sent for a document that differs: the body of the file, what puts back the fields that it does not name, and no
//! secret that the server has kept.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::desired::defaults::Default;
use crate::desired::document::{Document, Reset};
use crate::desired::kind::Writing;
use crate::memory::leaf::{field_of, is_nothing};
use crate::memory::{Drift, Edits, Remembered, field_then};
use crate::vault::Body;

/// What is to be sent.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// The body, where it is not that of the file.
    pub(super) send: Option<Body>,
    /// What it puts back.
    pub(super) reset: Vec<Reset>,
    /// Fields that no write could put back.
    pub(super) cannot: Vec<String>,
}

/// For a document that the server has as `have`.
pub(super) fn body(
    document: &Document,
    (known, have): (&Remembered, &Value),
    (edits, drift, unsettled): (&Edits, &Drift, bool),
) -> Sending {
    let Body::Map(fields) = &document.body else {
        return Sending::default();
    };
    let mut sending = Sending::default();
    let mut added: Vec<(String, Body)> = Vec::new();
    for field in &edits.taken_out {
        let (now, inside) = value_at(have, field);
        let default = if inside {
            document.kind.default_of(&document.path, CONNECTION, now)
        } else {
            document.kind.default_of(&document.path, field, now)
        };
        sending.put_back(field, (default, None, now), &mut added);
    }
    let named: BTreeSet<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    let drifted = drift.changed.iter().map(|changed| sent_as(&changed.place));
    for field in drifted.collect::<BTreeSet<_>>() {
        if edits.taken_out.contains(&field) {
            continue;
        }
        let (now, _) = value_at(have, &field);
        let then = known.made.as_ref().and_then(|made| then(made, &field, now));
        if named.contains(&*field) {
            // It is sent with the body; whether that puts it back is read afterwards, where the file says the same as before.
            let mut changed = edits.changed.iter();
            if !changed.any(|one| field_of(&one.place) == field) {
                let (was, to) = (now.clone(), then);
                sending.reset.push(Reset { field, to, was });
            }
            continue;
        }
        let default = put_back_by(document, (&field, drift), (now, then.as_ref()));
        sending.put_back(&field, (default, then, now), &mut added);
    }
    let is_changed = |name: &str| {
        let mut edited = edits.changed.iter();
        let mut drifted = drift.changed.iter();
        edited.any(|changed| field_of(&changed.place) == name)
            || drifted.any(|changed| sent_as(&changed.place) == name)
    };
    let merges = document.kind.writing == Writing::Merges;
    let kept = |name: &str, value: &Body| {
        merges && !unsettled && !is_changed(name) && (value.holds_secret() || value.holds_unknown())
    };
    let mut send: Vec<(String, Body)> = fields
        .iter()
        .filter(|(name, value)| !kept(name, value))
        .cloned()
        .collect();
    if let Some(below) = document.kind.set_below {
        let can = |name: &str| below.fields.contains(&name);
        let edited = edits.changed.iter().map(|one| field_of(&one.place));
        let made: BTreeSet<_> = edited.filter(|name| !can(name)).collect();
        let known = |name: &String| sending.cannot.contains(name);
        let made: Vec<_> = made.into_iter().filter(|name| !known(name)).collect();
        sending.cannot.extend(made);
        send.retain(|(name, _)| can(name));
    }
    if send.len() < fields.len() || !added.is_empty() {
        send.extend(added);
        sending.send = Some(Body::Map(send));
    }
    sending
}

/// With what a field that drifted, and that the file does not name, is put back to what it was.
fn put_back_by(
    document: &Document,
    (field, drift): (&str, &Drift),
    (now, then): (&Value, Option<&Value>),
) -> Default {
    let mut changed = drift.changed.iter();
    let place = changed.find(|one| sent_as(&one.place) == field);
    let default = place.map_or(Default::LeaveOut, |one| {
        let kind = &document.kind;
        kind.default_of(&document.path, &field_of(&one.place), now)
    });
    match (default, then) {
        (Default::Is(own), _) if is_of_the_server(document, field) => Default::Is(own),
        (Default::Is(_), Some(then)) => Default::Is(then.clone()),
        // What is sent by name comes back, also where nobody has measured what resets it; an empty text may be refused.
        (Default::NotKnown, Some(then)) if !is_nothing(then) && *then != "" => {
            Default::Is(then.clone())
        }
        // What it was is not known in clear; nobody named it, so it was what the server puts there.
        (default, _) => default,
    }
}

/// The field that is sent for a place of the answer: connections answer with all of theirs in one.
pub(super) fn sent_as(place: &str) -> String {
    let inner = place.strip_prefix("connection_details.");
    let field = field_of(inner.unwrap_or(place));
    if field == ROTATION.1 {
        return ROTATION.0.to_owned();
    }
    field
}

/// What a connection's answer calls another name than a write of it.
const ROTATION: (&str, &str) = (
    "root_rotation_statements",
    "root_credentials_rotate_statements",
);

/// How an answer calls a field that is sent.
fn answered_as(field: &str) -> &str {
    if field == ROTATION.0 {
        return ROTATION.1;
    }
    field
}

/// Under which name an answer has the fields of a connection.
const CONNECTION: &str = "connection_details";

/// What an answer has of a field that is sent, and whether that is within its connection.
fn value_at<'h>(have: &'h Value, field: &str) -> (&'h Value, bool) {
    let renamed = answered_as(field);
    let inside = have.get(CONNECTION).and_then(|inner| inner.get(renamed));
    match (have.get(renamed), inside) {
        (Some(value), _) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => (&Value::Null, false),
    }
}

impl Reset {
    /// What an answer has of it by now.
    pub(super) fn now<'h>(&self, have: &'h Value) -> &'h Value {
        value_at(have, &self.field).0
    }
}

impl Sending {
    fn put_back(
        &mut self,
        field: &str,
        (default, then, was): (Default, Option<Value>, &Value),
        added: &mut Vec<(String, Body)>,
    ) {
        let to = match default {
            Default::None | Default::NotKnown => {
                self.cannot.push(field.to_owned());
                return;
            }
            Default::Is(value) => {
                added.push((field.to_owned(), Body::from(value.clone())));
                Some(value)
            }
            Default::LeaveOut => then,
        };
        self.reset.push(Reset {
            field: field.to_owned(),
            to,
            was: was.clone(),
        });
    }
}

/// A time of a mount and the issuer of a provider, which read back as those of the server where there is none of their own;
/// and the lock-out of users, whose fields are read back by other names than they are sent by.
fn is_of_the_server(document: &Document, field: &str) -> bool {
    let tuned = field.ends_with("_lease_ttl") || field == LOCKOUT;
    let issues = field == "issuer" && document.path.starts_with("identity/oidc/provider/");
    issues || (tuned && document.path.ends_with("/tune"))
}

/// The lock-out of users, in the tuning of a mount.
const LOCKOUT: &str = "user_lockout_config";

/// What a field was after the last write, in a form that can be sent: never null, which keeps some fields as they are.
fn then(made: &crate::memory::form::Form, field: &str, now: &Value) -> Option<Value> {
    let field = answered_as(field);
    let values = field_then(made, field)?;
    let alone = values.get(field).filter(|_| values.len() == 1).cloned();
    let value = match alone {
        Some(value) => value,
        None if values.is_empty() => Value::Null,
        // Names with dots would not come back as they were.
        None if values.keys().any(|place| place.matches('.').count() != 1) => return None,
        None => {
            let inner = values.into_iter().map(|(place, value)| {
                let name = place.split_once('.').map_or("", |(_, name)| name);
                (name.to_owned(), value)
            });
            Value::Object(inner.collect())
        }
    };
    if !is_nothing(&value) {
        return Some(value);
    }
    Some(match now {
        Value::Bool(_) => false.into(),
        Value::Number(_) => 0.into(),
        Value::String(_) => "".into(),
        Value::Object(_) => serde_json::json!({}),
        _ => serde_json::json!([]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::kind::Kind;
    use crate::desired::record;
    use crate::memory::leaf::leaves;
    use crate::memory::{Look, Memory, drift, edits};
    use crate::secret::SecretText;
    use serde_json::json;

    /// What is sent where `sent` was answered with `made`, the file says `file` by now, and the server has `have`.
    fn sent(sent: Value, made: &Value, file: Value, have: &Value) -> (Value, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::read(directory.path(), "lab").unwrap();
        let kind = Kind::auth_role("approle");
        let path = "auth/approle/role/a";
        let before = Document::new(path, Body::from(sent), kind);
        let known = record::of(&memory, &before, (&before.body, Some(made))).remembered;
        let now = Document::new(path, Body::from(file), kind);
        let edits = edits(path, &known.sent, &leaves(&now.body), None);
        let answer = record::still(&now, have);
        let all = |_: &str| true;
        let none = |_: &str| false;
        let drift = drift(
            path,
            known.made.as_ref().unwrap(),
            &answer,
            Look {
                key: None,
                moves: &none,
                plain: &all,
                exact: false,
            },
        );
        let sending = body(&now, (&known, have), (&edits, &drift, false));
        let send = sending.send.unwrap_or(now.body);
        let send = serde_json::from_slice(&send.to_wire()).unwrap();
        (send, sending.cannot)
    }

    #[test]
    fn a_line_that_was_taken_out_goes_back_to_its_default_by_name() {
        let made = json!({"token_ttl": 900, "bind_secret_id": false, "token_num_uses": 0});
        let before = json!({"token_ttl": "15m", "bind_secret_id": false});
        let (send, _) = sent(before, &made, json!({"token_num_uses": 2}), &made);
        let wanted = json!({"token_num_uses": 2, "token_ttl": 0, "bind_secret_id": true});
        assert_eq!(send, wanted);
    }

    #[test]
    fn what_somebody_else_has_set_is_put_back_as_it_was_and_never_with_null() {
        let made = json!({"token_ttl": 900, "token_policies": null, "token_type": "default"});
        let have =
            json!({"token_ttl": 900, "token_policies": ["root-like"], "token_type": "batch"});
        let file = json!({"token_ttl": "15m"});
        let (send, _) = sent(file.clone(), &made, file, &have);
        let wanted = json!({"token_ttl": "15m", "token_policies": [], "token_type": "default"});
        assert_eq!(send, wanted);
    }

    #[test]
    fn what_nobody_has_measured_is_put_back_by_name_but_never_emptied() {
        let made = json!({"some_number": 3, "some_text": ""});
        let have = json!({"some_number": 4, "some_text": "x"});
        let (send, cannot) = sent(
            json!({"token_ttl": 1}),
            &made,
            json!({"token_ttl": 1}),
            &have,
        );
        assert_eq!(send, json!({"token_ttl": 1, "some_number": 3}));
        assert_eq!(cannot, ["some_text"]);
    }

    #[test]
    fn a_connections_statements_are_sent_by_the_name_that_a_write_takes() {
        assert_eq!(sent_as("root_credentials_rotate_statements"), ROTATION.0);
        assert_eq!(answered_as(ROTATION.0), ROTATION.1);
        assert_eq!(sent_as("connection_details.username"), "username");
    }

    #[test]
    fn what_no_write_puts_back_is_said() {
        let made = json!({"local_secret_ids": true});
        let (_, cannot) = sent(json!({"local_secret_ids": true}), &made, json!({}), &made);
        assert_eq!(cannot, ["local_secret_ids"]);
    }

    #[test]
    fn a_secret_that_the_file_still_has_is_not_sent_again() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::read(directory.path(), "lab").unwrap();
        let kind = Kind::auth_role("userpass");
        let password = || Body::from(SecretText::new("hunter2".into()));
        let of = |ttl: &str| {
            let fields = [("password", password()), ("token_ttl", Body::from(ttl))];
            Document::new("auth/userpass/users/a", Body::map(fields), kind)
        };
        let (before, now) = (of("1h"), of("2h"));
        let have = json!({"token_ttl": 3600});
        let known = record::of(&memory, &before, (&before.body, Some(&have))).remembered;
        let edits = edits(&now.path, &known.sent, &leaves(&now.body), None);
        let sending = body(&now, (&known, &have), (&edits, &Drift::default(), false));
        let send = serde_json::from_slice::<Value>(&sending.send.unwrap().to_wire()).unwrap();
        assert_eq!(send, json!({"token_ttl": "2h"}));
    }
}
