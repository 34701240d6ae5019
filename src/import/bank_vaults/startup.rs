//! `startupSecrets`: all their values are secrets, whatever they are called.

use serde_json::{Map, Value};

use crate::config::{Foreign, ForeignValue};
use crate::import::bank_vaults::made::Made;
use crate::import::bank_vaults::values::{At, Takes};

pub(super) fn read(made: &mut Made, section: &Foreign, engines: &[(String, String)]) {
    for (number, item) in made
        .items(section, "startupSecrets")
        .into_iter()
        .enumerate()
    {
        let place = format!("startupSecrets[{number}]");
        let Some(path) = made.name(item, "path", &place) else {
            continue;
        };
        let Some(of_type) = made.name(item, "type", &path) else {
            continue;
        };
        made.only(item, &path, &["data", "path", "type"]);
        let Some(data) = item.get("data") else {
            made.leave(item.line, path, "it has no `data`");
            continue;
        };
        made.only(
            data,
            &format!("{path}: data"),
            &["data", "options", "secretKeyRef"],
        );
        match of_type.as_str() {
            "kv" => values(made, data, (item.line, &path), engines),
            "pki" => bundle(made, data, (item.line, &path)),
            _ => {
                let why = format!("bank-vaults knows no startup secret of type {of_type}");
                made.leave(item.line, path, why);
            }
        }
    }
}

/// Whether bank-vaults writes to this path as `kv` of version 1 has it.
fn is_first_version(path: &str, engines: &[(String, String)]) -> bool {
    let found = engines.iter().find(|(mount, version)| {
        !version.is_empty()
            && path
                .strip_prefix(mount)
                .is_some_and(|rest| rest.starts_with('/'))
    });
    found.is_some_and(|(_, version)| version == "1")
}

fn values(
    made: &mut Made,
    data: &Foreign,
    (line, path): (u32, &str),
    engines: &[(String, String)],
) {
    if !made.is_new(line, path) {
        return;
    }
    let first = is_first_version(path, engines);
    let prefix = if first { "" } else { "data." };
    let mut all = Map::new();
    if let Some(found) = data.get("data") {
        for (key, _, value) in made.fields(found, &format!("{path}: data")) {
            let field = format!("{prefix}{key}");
            let value = made.value(value, At::new(path, &field, Takes::Secrets));
            all.extend(value.map(|value| (key.to_owned(), value)));
        }
    }
    all.extend(keys(made, data, (path, prefix)));
    let mut body = if first {
        all
    } else {
        Map::from_iter([("data".to_owned(), Value::Object(all))])
    };
    if let Some(found) = data.get("options") {
        let options = made.value(found, At::new(path, "options", Takes::Any));
        body.extend(options.map(|options| ("options".to_owned(), options)));
    }
    made.found.write(path, body);
}

/// Values that stand in secrets of Kubernetes.
fn keys(made: &mut Made, data: &Foreign, (path, prefix): (&str, &str)) -> Map<String, Value> {
    let mut all = Map::new();
    let Some(found) = data.get("secretKeyRef") else {
        return all;
    };
    let place = format!("{path}: secretKeyRef");
    for item in made.items(found, &place) {
        made.only(item, &place, &["key", "name"]);
        let Some(key) = made.name(item, "key", &place) else {
            continue;
        };
        let field = format!("{prefix}{key}");
        let value = made.secret(item.line, At::new(path, &field, Takes::Secrets));
        all.extend(value.map(|value| (key, value)));
    }
    all
}

/// A certificate and its key, which bank-vaults puts together.
fn bundle(made: &mut Made, data: &Foreign, (line, path): (u32, &str)) {
    if !made.is_new(line, path) {
        return;
    }
    let said = ["data", "secretKeyRef"].map(|key| {
        let found = data.get(key);
        found.is_some_and(|found| !matches!(found.value, ForeignValue::Null))
    });
    if !said.contains(&true) {
        made.leave(line, path, "it has neither `data` nor `secretKeyRef`");
        return;
    }
    let value = made.secret(line, At::new(path, "pem_bundle", Takes::Secrets));
    let data = value.map(|value| ("pem_bundle".to_owned(), value));
    made.found.write(path, data.into_iter().collect());
}
