//! Second factors, and whose logins need one: ids in the words of the file.

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::import::defaults::is_empty;
use crate::import::fields::{self, Shape};
use crate::import::found::{Entry, Found};
use crate::import::reader::Reader;

/// What an answer has beside the fields that are sent. Those of PingID are of its file of settings.
const MADE: [&str; 12] = [
    "id",
    "type",
    "name",
    "namespace_id",
    "namespace_path",
    "mount_accessor",
    "pushinfo",
    "idp_url",
    "org_alias",
    "admin_url",
    "authenticator_url",
    "use_signature",
];

/// Types, under which name their defaults are known, what the schema calls them, and their secrets, which no server shows.
const TYPES: [(&str, &str, &str, &[&str]); 4] = [
    ("totp", "mfa/totp", "Totp", &[]),
    ("duo", "", "Duo", &["integration_key", "secret_key"]),
    ("okta", "mfa/okta", "Okta", &["api_token"]),
    ("pingid", "", "PingId", &["settings_file_base64"]),
];

/// Ids or accessors, with the names that the file has for them.
type Known<'a> = &'a [(String, String)];

/// All methods and enforcements of this namespace; `accessors` with the paths of their auth methods.
pub(super) async fn read(
    reader: &Reader<'_>,
    found: &mut Found,
    (namespace, accessors): (&str, Known<'_>),
) -> Result<(), Failure> {
    const METHODS: &str = "identity/mfa/method";
    const ENFORCEMENTS: &str = "identity/mfa/login-enforcement";
    let mut names: Vec<(String, String)> = Vec::new();
    for (id, answer) in reader.collection(METHODS).await? {
        let of = answer["namespace_path"].as_str().unwrap_or_default();
        // Of a namespace above.
        if of.trim_matches('/') != namespace.trim_matches('/') {
            continue;
        }
        let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        let (of_type, name) = (text("type"), text("name"));
        let at = format!("{METHODS}/{of_type}");
        let known = TYPES.iter().find(|(known, ..)| *known == of_type);
        let Some(known) = known.filter(|_| !name.is_empty()) else {
            let why = "it has no name, or none of the types that the file knows";
            found.leave(format!("{at}/{id}"), why);
            continue;
        };
        method(found, (format!("{at}/{name}"), &name), known, answer);
        names.push((id, name));
    }
    for (name, answer) in reader.collection(ENFORCEMENTS).await? {
        let path = format!("{ENFORCEMENTS}/{name}");
        match enforcement(&answer, (&names, accessors)) {
            Ok(value) => found.enforcements.push(Entry {
                key: name,
                path,
                value,
            }),
            Err(why) => found.leave(path, why),
        }
    }
    Ok(())
}

fn method(
    found: &mut Found,
    (path, name): (String, &str),
    (of_type, kind, of_schema, secrets): &(&'static str, &'static str, &'static str, &[&str]),
    answer: Value,
) {
    let shape = Shape {
        kind,
        made: &MADE,
        of_schema,
    };
    let push = answer["pushinfo"].clone();
    let mut value = Map::from_iter([("type".to_owned(), Value::from(*of_type))]);
    value.extend(fields::of(found, &shape, &path, answer));
    if !is_empty(&push) {
        value.insert("push_info".to_owned(), push);
    }
    for secret in *secrets {
        let reference = found.reference(&path, secret);
        value.insert((*secret).to_owned(), reference);
    }
    found.factors.push(Entry {
        key: name.to_owned(),
        path,
        value,
    });
}

/// An enforcement in the words of the file; or why it is not carried over: one that says less would be about fewer people.
fn enforcement(
    answer: &Value,
    (methods, accessors): (Known<'_>, Known<'_>),
) -> Result<Map<String, Value>, &'static str> {
    let people = ["identity_group_ids", "identity_entity_ids"];
    if people.iter().any(|field| !is_empty(&answer[*field])) {
        return Err(
            "it is about groups or entities, which stand in writes here: name them in identity, and write it by hand",
        );
    }
    let mut value = Map::new();
    for (field, name, known, why) in [
        (
            "mfa_method_ids",
            "methods",
            methods,
            "it names a method that is not carried over",
        ),
        (
            "auth_method_accessors",
            "auth_methods",
            accessors,
            "it names an auth method that is not there any more",
        ),
    ] {
        let ids = answer[field].as_array().into_iter().flatten();
        let names = ids.map(|id| {
            let found = known.iter().find(|(known, _)| id == known);
            found.map(|(_, name)| Value::from(name.as_str()))
        });
        let names: Option<Vec<_>> = names.collect();
        let names = names.ok_or(why)?;
        if !names.is_empty() {
            value.insert(name.to_owned(), names.into());
        }
    }
    let types = &answer["auth_method_types"];
    if !is_empty(types) {
        value.insert("auth_method_types".to_owned(), types.clone());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_enforcement_is_carried_over_whole_or_not_at_all() {
        let pair = |one: &str, other: &str| vec![(one.to_owned(), other.to_owned())];
        let (methods, mounts) = (pair("1", "phone"), pair("auth_a", "team/people"));
        let of = |answer| enforcement(&answer, (&methods, &mounts));
        let whole = json!({
            "mfa_method_ids": ["1"], "auth_method_accessors": ["auth_a"], "auth_method_types": ["approle"],
            "identity_group_ids": [], "identity_entity_ids": null
        });
        let said = json!({"methods": ["phone"], "auth_methods": ["team/people"], "auth_method_types": ["approle"]});
        assert_eq!(of(whole.clone()), Ok(said.as_object().unwrap().clone()));
        for (field, ids) in [
            ("mfa_method_ids", "2"),
            ("auth_method_accessors", "auth_b"),
            ("identity_group_ids", "3"),
            ("identity_entity_ids", "4"),
        ] {
            let mut less = whole.clone();
            less[field] = json!([ids]);
            assert!(of(less).is_err(), "{field}");
        }
    }
}
