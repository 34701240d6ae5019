//! `auth`: methods with their tuning, config, roles, users and groups, each where bank-vaults writes it.

use serde_json::{Map, Value, json};

use crate::config::{Foreign, ForeignValue};
use crate::import::bank_vaults::made::Made;
use crate::import::bank_vaults::values::{At, Takes};
use crate::import::found::{Entry, Method};

/// What is known of a type.
struct Type {
    name: &'static str,
    /// Of the schema: its config, and a role or user of it. Others take any field.
    config: &'static str,
    member: &'static str,
    /// Where bank-vaults writes roles, where it does.
    roles: Option<&'static str>,
    /// Whether its roles have fields by the names of before 1.2.
    renamed: bool,
}

const fn known(
    name: &'static str,
    (config, member): (&'static str, &'static str),
    roles: Option<&'static str>,
    renamed: bool,
) -> Type {
    Type {
        name,
        config,
        member,
        roles,
        renamed,
    }
}

const TYPES: [Type; 14] = [
    known("approle", ("", "AppRole"), Some("role"), true),
    known("aws", ("", ""), Some("role"), true),
    known("azure", ("", ""), Some("role"), true),
    known("cert", ("", ""), Some("certs"), true),
    known("gcp", ("", ""), Some("role"), true),
    known("github", ("", ""), None, false),
    known("jwt", ("OidcConfig", "OidcRole"), Some("role"), true),
    known(
        "kubernetes",
        ("KubernetesConfig", "KubernetesRole"),
        Some("role"),
        true,
    ),
    known("ldap", ("", ""), None, false),
    known("oci", ("", ""), Some("role"), true),
    known("oidc", ("OidcConfig", "OidcRole"), Some("role"), true),
    known("okta", ("", ""), None, false),
    known("token", ("", ""), Some("roles"), true),
    known("userpass", ("", "User"), None, true),
];
/// Names of before 1.2, and those of today.
const RENAMED: [(&str, &str); 7] = [
    ("bound_cidrs", "token_bound_cidrs"),
    ("explicit_max_ttl", "token_explicit_max_ttl"),
    ("max_ttl", "token_max_ttl"),
    ("num_uses", "token_num_uses"),
    ("period", "token_period"),
    ("policies", "token_policies"),
    ("ttl", "token_ttl"),
];
const OF_METHODS: [&str; 10] = [
    "config",
    "crossaccountrole",
    "description",
    "groups",
    "map",
    "options",
    "path",
    "roles",
    "type",
    "users",
];

/// A method as it is read: its type, where it is mounted, and where in the file it stands.
struct Reading<'f> {
    item: &'f Foreign,
    of_type: &'static Type,
    mount: String,
}

/// The paths of all methods, without noting anything.
pub(super) fn paths(section: &Foreign) -> Vec<(String, String)> {
    let text = |item: &Foreign, key: &str| match item.get(key).map(|found| &found.value) {
        Some(ForeignValue::Text(text)) if !text.is_empty() => {
            Some(text.trim_matches('/').to_owned())
        }
        _ => None,
    };
    let ForeignValue::List(items) = &section.value else {
        return Vec::new();
    };
    let named = items.iter().filter_map(|item| {
        let of_type = text(item, "type")?;
        Some((
            text(item, "path").unwrap_or_else(|| of_type.clone()),
            of_type,
        ))
    });
    named.collect()
}

pub(super) fn read(made: &mut Made, section: &Foreign) {
    for (number, item) in made.items(section, "auth").into_iter().enumerate() {
        let place = format!("auth[{number}]");
        let Some(type_name) = made.name(item, "type", &place) else {
            continue;
        };
        let Some(mount) = made.name_or(item, ("path", &type_name), &place) else {
            continue;
        };
        let Some(of_type) = TYPES.iter().find(|known| known.name == type_name) else {
            let why = format!("bank-vaults knows no auth method of type {type_name}");
            made.leave(item.line, format!("auth/{mount}"), why);
            continue;
        };
        made.only(item, &format!("auth/{mount}"), &OF_METHODS);
        let reading = Reading {
            item,
            of_type,
            mount,
        };
        if of_type.name == "token" {
            token(made, &reading);
        } else {
            method(made, &reading);
        }
    }
}

/// Roles of tokens: every server has their method already.
fn token(made: &mut Made, reading: &Reading<'_>) {
    for key in [
        "config",
        "description",
        "groups",
        "map",
        "options",
        "users",
        "crossaccountrole",
    ] {
        unread(made, reading, key);
    }
    for (name, role) in roles(made, reading, "token") {
        let path = format!("auth/token/roles/{name}");
        let data = member(made, role, &path, reading.of_type);
        made.write(role.line, &path, data);
    }
}

fn method(made: &mut Made, reading: &Reading<'_>) {
    let (item, mount) = (reading.item, reading.mount.as_str());
    let path = format!("sys/auth/{mount}");
    let mut value = Map::new();
    if reading.of_type.name != mount {
        value.insert("type".to_owned(), json!(reading.of_type.name));
    }
    if let Some(text) = item.get("description") {
        let text = made.value(text, At::new(&path, "description", Takes::Plain));
        value.extend(text.map(|text| ("description".to_owned(), text)));
    }
    if let Some(options) = item.get("options") {
        let tune = made.document(options, &format!("{path}/tune"), ("Tune", &[]));
        if !tune.is_empty() {
            value.insert("tune".to_owned(), Value::Object(tune));
        }
    }
    let Some(mut mounted) = made.entry(item.line, (path, mount), value) else {
        return;
    };
    if let Some(config) = config(made, reading) {
        mounted
            .value
            .insert("config".to_owned(), Value::Object(config));
    }
    let mut method = Method {
        mount: mounted,
        roles: Vec::new(),
        users: Vec::new(),
    };
    match reading.of_type.roles {
        Some(at) => {
            for (name, role) in roles(made, reading, mount) {
                let path = format!("auth/{mount}/{at}/{name}");
                let data = member(made, role, &path, reading.of_type);
                method
                    .roles
                    .extend(made.entry(role.line, (path, &name), data));
            }
        }
        None => unread(made, reading, "roles"),
    }
    match reading.of_type.name {
        "userpass" => method.users = users(made, reading),
        "ldap" => {
            method.users = mapped(made, reading, "users");
            method.roles = mapped(made, reading, "groups");
        }
        "okta" => {
            method.users = mapped(made, reading, "users");
            for entry in mapped(made, reading, "groups") {
                made.found.write(&entry.path, entry.value);
            }
        }
        _ => unread(made, reading, "users"),
    }
    if !matches!(reading.of_type.name, "ldap" | "okta") {
        unread(made, reading, "groups");
    }
    accounts(made, reading);
    maps(made, reading);
    made.found.auth.push(method);
}

/// What bank-vaults itself does not look at in a method of this type.
fn unread(made: &mut Made, reading: &Reading<'_>, key: &str) {
    if let Some(found) = reading.item.get(key)
        && !matches!(found.value, ForeignValue::Null)
    {
        let path = format!("auth/{}: {key}", reading.mount);
        let why = format!(
            "bank-vaults does not read it of type {}",
            reading.of_type.name
        );
        made.leave(found.line, path, why);
    }
}

fn config(made: &mut Made, reading: &Reading<'_>) -> Option<Map<String, Value>> {
    let (mount, of_type) = (reading.mount.as_str(), reading.of_type);
    let found = reading.item.get("config");
    match of_type.name {
        "approle" | "userpass" => {
            unread(made, reading, "config");
            return None;
        }
        "aws" => {
            let path = format!("auth/{mount}/config/client");
            let found = found?;
            let data = made.document(found, &path, ("", &[]));
            made.write(found.line, &path, data);
            return None;
        }
        "kubernetes"
            if found
                .and_then(|config| config.get("kubernetes_host"))
                .is_none() =>
        {
            let why = "without kubernetes_host bank-vaults takes the address, authority, issuer and token of its own pod: write \
                       config.kubernetes_host, and what else the server needs";
            let line = found.map_or(reading.item.line, |found| found.line);
            made.leave(line, format!("auth/{mount}/config"), why);
            return None;
        }
        _ => {}
    }
    let path = format!("auth/{mount}/config");
    let data = made.document(found?, &path, (of_type.config, &[]));
    (!data.is_empty()).then_some(data)
}

/// The roles with their names.
fn roles<'f>(made: &mut Made, reading: &Reading<'f>, mount: &str) -> Vec<(String, &'f Foreign)> {
    let place = format!("auth/{mount}: roles");
    let Some(found) = reading.item.get("roles") else {
        return Vec::new();
    };
    let items = made.items(found, &place);
    let named = items.into_iter().filter_map(|role| {
        let name = made.name(role, "name", &place)?;
        Some((name, role))
    });
    named.collect()
}

/// The fields of a role or user, by the names of today.
fn member(made: &mut Made, of: &Foreign, path: &str, of_type: &Type) -> Map<String, Value> {
    let of = if of_type.renamed {
        &today(made, of, path)
    } else {
        of
    };
    made.document(of, path, (of_type.member, &["name", "username"]))
}

fn today(made: &mut Made, of: &Foreign, path: &str) -> Foreign {
    let mut entries = Vec::new();
    for (key, line, value) in of.entries() {
        let new = RENAMED.iter().find(|(old, _)| old == key);
        match new {
            Some((old, new)) if of.get(new).is_some() => {
                let why = format!("{new} stands there too, and is the one that is carried over");
                made.leave(*line, format!("{path}: {old}"), why);
            }
            Some((_, new)) => entries.push(((*new).to_owned(), *line, value.clone())),
            None => entries.push((key.clone(), *line, value.clone())),
        }
    }
    Foreign {
        line: of.line,
        value: ForeignValue::Map(entries),
    }
}

/// Users in a list.
fn users(made: &mut Made, reading: &Reading<'_>) -> Vec<Entry> {
    let mount = reading.mount.as_str();
    let place = format!("auth/{mount}: users");
    let Some(found) = reading.item.get("users") else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for user in made.items(found, &place) {
        let Some(name) = made.name(user, "username", &place) else {
            continue;
        };
        let path = format!("auth/{mount}/users/{name}");
        let data = member(made, user, &path, reading.of_type);
        all.extend(made.entry(user.line, (path, &name), data));
    }
    all
}

/// Users or groups by name.
fn mapped(made: &mut Made, reading: &Reading<'_>, kind: &str) -> Vec<Entry> {
    let mount = reading.mount.as_str();
    let Some(found) = reading.item.get(kind) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (name, line, fields) in made.fields(found, &format!("auth/{mount}: {kind}")) {
        let path = format!("auth/{mount}/{kind}/{name}");
        let data = made.document(fields, &path, ("", &[]));
        all.extend(made.entry(line, (path, name), data));
    }
    all
}

/// Roles of other accounts, of aws.
fn accounts(made: &mut Made, reading: &Reading<'_>) {
    let (mount, key) = (reading.mount.as_str(), "crossaccountrole");
    if reading.of_type.name != "aws" {
        return unread(made, reading, key);
    }
    let Some(found) = reading.item.get(key) else {
        return;
    };
    let place = format!("auth/{mount}: {key}");
    for role in made.items(found, &place) {
        let Some(account) = made.name(role, "sts_account", &place) else {
            continue;
        };
        let path = format!("auth/{mount}/config/sts/{account}");
        let data = made.document(role, &path, ("", &["sts_account"]));
        made.write(role.line, &path, data);
    }
}

/// Teams and users of github with their policies.
fn maps(made: &mut Made, reading: &Reading<'_>) {
    let mount = reading.mount.as_str();
    if reading.of_type.name != "github" {
        return unread(made, reading, "map");
    }
    let Some(found) = reading.item.get("map") else {
        return;
    };
    let place = format!("auth/{mount}: map");
    for (kind, _, names) in made.fields(found, &place) {
        for (name, line, policies) in made.fields(names, &format!("{place}.{kind}")) {
            let path = format!("auth/{mount}/map/{kind}/{name}");
            let value = made.value(policies, At::new(&path, "value", Takes::Any));
            if let Some(value) = value {
                let data = Map::from_iter([("value".to_owned(), value)]);
                made.write(line, &path, data);
            }
        }
    }
}
