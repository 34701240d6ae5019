//! Every field of a second factor: changed once on the server, and corrected once in the file.

use serde_json::{Value, json};

use super::factors::{declared_as_root, method};
use super::{EACH, KEEP, writes};
use crate::ceremony::{Api, Ceremony};
use crate::remembered::root;
use crate::support::require;

/// What somebody changes each field to, by the method's name; what a line of the file names is corrected too.
fn changed() -> Value {
    json!({
        "phone": { "issuer": "other", "period": 90, "key_size": 32, "qr_size": 100, "algorithm": "SHA512", "digits": 6,
            "skew": 0, "max_validation_attempts": 9 },
        "push": { "username_format": "{{identity.entity.id}}", "api_hostname": "api-y.duosecurity.com",
            "push_info": "from=elsewhere", "use_passcode": true },
        "okta": { "username_format": "a", "org_name": "other", "base_url": "oktapreview.com" },
    })
}

/// The same in words of the file, and other lines for it.
fn corrected() -> Value {
    json!({
        "phone": { "issuer": "b", "period": "2m", "key_size": 64, "qr_size": 50, "algorithm": "SHA256", "digits": 6,
            "skew": 0, "max_validation_attempts": 3 },
        "push": { "username_format": "b", "api_hostname": "api-z.duosecurity.com", "push_info": "from=b", "use_passcode": true },
        "okta": { "username_format": "b", "org_name": "b", "base_url": "b.example.com", "primary_email": true },
    })
}

fn each(fields: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let methods = fields.as_object().expect("methods").iter();
    methods.flat_map(|(name, fields)| {
        let fields = fields.as_object().expect("fields").iter();
        fields.map(move |(field, value)| (name, field, value))
    })
}

/// Changes one field by hand; a write replaces all, so the rest is sent as it is.
fn plant(api: &Api<'_>, ceremony: &Ceremony, (name, field, value): (&str, &str, &Value)) {
    let have = method(api, name);
    let (of_type, id) = (have["type"].as_str(), have["id"].as_str());
    let path = format!(
        "identity/mfa/method/{}/{}",
        of_type.expect("a type"),
        id.expect("an id")
    );
    let mut body = have;
    let fields = body.as_object_mut().expect("fields");
    fields.retain(|name, _| {
        !["id", "type", "namespace_id", "mount_accessor"].contains(&name.as_str())
    });
    if let Some(info) = fields.remove("pushinfo") {
        fields.insert("push_info".to_owned(), info);
    }
    let secrets: &[(&str, &str)] = match name {
        "push" => &[
            ("secret_key", "duo"),
            ("integration_key", "duo-integration"),
        ],
        "okta" => &[("api_token", "okta")],
        _ => &[],
    };
    for (key, secret) in secrets {
        fields.insert((*key).to_owned(), json!(ceremony.secrets[*secret]));
    }
    fields.insert(field.to_owned(), value.clone());
    api.write(&path, &body);
}

fn items(plan: &crate::ceremony::Run) -> Vec<(String, String)> {
    let plan = plan.events().pop().expect("a plan");
    let steps = plan["steps"].as_array().expect("steps").clone();
    let items = steps.into_iter().flat_map(|step| {
        let items = step["items"].as_array().expect("items").clone();
        items.into_iter().filter(|item| item["path"].is_string())
    });
    let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> = items
        .map(|item| (text(&item, "path"), text(&item, "field")))
        .collect();
    all.sort();
    all
}

#[test]
fn every_field_that_somebody_has_changed_of_a_second_factor_is_seen_and_put_back() {
    for setup in EACH {
        require!(setup.components());
        let (server, ceremony, _) = declared_as_root(setup);
        let root = root(&server, &ceremony);
        let before = ["phone", "push", "okta"].map(|name| method(&root, name));
        let changed = changed();
        for (name, field, value) in each(&changed) {
            plant(&root, &ceremony, (name, field, value));
            let of_type = method(&root, name)["type"]
                .as_str()
                .expect("a type")
                .to_owned();
            let path = format!("identity/mfa/method/{of_type}/{name}");
            let found = items(&ceremony.run(&["plan", "--output", "json"]));
            assert_eq!(found, [(path, field.clone())], "{setup:?}");
            let written = format!("identity/mfa/method/{of_type}/id");
            let run = || {
                let run = ceremony.run(&KEEP);
                run.exits(4).never_says(&["stays", "no write puts it back"]);
                run
            };
            writes(&server, run, &[&written]);
        }
        assert_eq!(
            ["phone", "push", "okta"].map(|name| method(&root, name)),
            before,
            "{setup:?}"
        );
        writes(&server, || ceremony.run(&KEEP), &[]);
    }
}

#[test]
fn every_line_that_is_corrected_of_a_second_factor_is_written() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony, _) = declared_as_root(setup);
        let root = root(&server, &ceremony);
        let before = ["phone", "push", "okta"].map(|name| method(&root, name));
        let original = ceremony.file.clone();
        let corrected = corrected();
        for (name, field, value) in each(&corrected) {
            let pointer = format!("/mfa/methods/{name}/{field}");
            ceremony.set(&pointer, value.clone());
            let of_type = method(&root, name)["type"]
                .as_str()
                .expect("a type")
                .to_owned();
            let written = format!("identity/mfa/method/{of_type}/id");
            writes(&server, || ceremony.run(&KEEP), &[&written]);
            let there = &method(&root, name)[if field == "push_info" {
                "pushinfo"
            } else {
                field
            }];
            let expected = match field.as_str() {
                "period" => &json!(120),
                // No answer of a server has it.
                "primary_email" => &Value::Null,
                _ => value,
            };
            assert_eq!(there, expected, "{setup:?} {name} {field}");
            match original.pointer(&pointer) {
                Some(value) => drop(ceremony.set(&pointer, value.clone())),
                None => drop(ceremony.remove(&pointer)),
            }
            writes(&server, || ceremony.run(&KEEP), &[&written]);
        }
        assert_eq!(
            ["phone", "push", "okta"].map(|name| method(&root, name)),
            before,
            "{setup:?}"
        );
    }
}
