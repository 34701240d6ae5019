//! Words that mean something to an operator and nothing to a server, or something else: types, paths, and names that fields
//! had in earlier releases. Without these rules they are answered with 400 or 404 once the cluster is initialised.

use super::auth::{auth_type, members};
use crate::code::Code;
use crate::config::auth_types::{TYPED, mount_path};
use crate::config::problem::meant;
use crate::config::reading::{Reading, under};

/// Types of auth methods that one of both products has, or has as a plugin of its makers.
const METHODS: [&str; 18] = [
    "alicloud",
    "approle",
    "aws",
    "azure",
    "cert",
    "cf",
    "gcp",
    "github",
    "jwt",
    "kerberos",
    "kubernetes",
    "ldap",
    "oci",
    "oidc",
    "okta",
    "radius",
    "saml",
    "userpass",
];
/// The same of secrets engines.
const ENGINES: [&str; 24] = [
    "ad",
    "alicloud",
    "aws",
    "azure",
    "consul",
    "database",
    "gcp",
    "gcpkms",
    "keymgmt",
    "kmip",
    "kubernetes",
    "kv",
    "kv-v1",
    "kv-v2",
    "ldap",
    "mongodbatlas",
    "nomad",
    "openldap",
    "pki",
    "rabbitmq",
    "ssh",
    "terraform",
    "totp",
    "transit",
];
/// What they are called elsewhere: a word, and the type that it stands for.
const OTHER_WORDS: [(&str, &str); 16] = [
    ("app-role", "approle"),
    ("cassandra", "database"),
    ("db", "database"),
    ("k8s", "kubernetes"),
    ("kv1", "kv-v1"),
    ("kv2", "kv-v2"),
    ("kv_v1", "kv-v1"),
    ("kv_v2", "kv-v2"),
    ("kvv1", "kv-v1"),
    ("kvv2", "kv-v2"),
    ("mongodb", "database"),
    ("mssql", "database"),
    ("mysql", "database"),
    ("openid", "oidc"),
    ("postgresql", "database"),
    ("user-pass", "userpass"),
];
/// Letters of a word that is taken for the name of a plugin, however near a type is.
const LONGEST_NAME_OF_A_PLUGIN: usize = 3;
/// Fields that the servers still take by the names of before 1.2, and answer by both.
const RENAMED: [&str; 7] = [
    "bound_cidrs",
    "explicit_max_ttl",
    "max_ttl",
    "num_uses",
    "period",
    "policies",
    "ttl",
];
/// Auth methods whose roles had them.
const RENAMED_IN: [&str; 7] = ["alicloud", "aws", "azure", "cert", "cf", "gcp", "oci"];
/// Parts of a path below a mount: types of the mount, what stands in the path, and what the servers call it.
const COLLECTIONS: [(&[&str], &str, &str); 14] = [
    (
        &[
            "aws",
            "azure",
            "consul",
            "database",
            "kubernetes",
            "pki",
            "rabbitmq",
            "ssh",
        ],
        "role",
        "roles",
    ),
    (&["ldap", "nomad", "terraform"], "roles", "role"),
    (&["totp", "transit"], "key", "keys"),
    (&["database"], "connection", "config"),
    (&["database"], "connections", "config"),
    (
        &[
            "alicloud",
            "approle",
            "azure",
            "gcp",
            "jwt",
            "kubernetes",
            "oci",
            "oidc",
        ],
        "roles",
        "role",
    ),
    (&["aws"], "roles", "role"),
    (&["cf"], "role", "roles"),
    (&["cert"], "role", "certs"),
    (&["cert"], "roles", "certs"),
    (&["cert"], "cert", "certs"),
    (&["ldap", "okta", "radius", "userpass"], "user", "users"),
    (&["ldap", "okta"], "group", "groups"),
    (&["token"], "role", "roles"),
];
/// From this one on they are about auth methods.
const OF_METHODS: usize = 5;
/// What stands first below a mount of `kv` with versions.
const OF_VERSIONS: [&str; 6] = [
    "config", "data", "delete", "destroy", "metadata", "undelete",
];

pub(super) fn types_are_those_of_the_servers(reading: &mut Reading) {
    for mount in reading.keys(&["auth"]).unwrap_or_default() {
        let Some(found) = auth_type(reading, mount) else {
            continue;
        };
        if let Some(right) = other_type(found, &METHODS).filter(|_| !brings(reading, "auth", found))
        {
            let own = ["auth", mount, "type"];
            let given = reading.has(&own) == Some(true);
            let text = if given {
                format!("no server has a type `{found}`; did you mean `{right}`?")
            } else {
                format!(
                    "the path is the type, and no server has one `{found}`; did you mean `type: {right}`?"
                )
            };
            let place: &[&str] = if given { &own } else { &own[..2] };
            reading.refuse(Code::FileValueInvalid, place, text);
        }
    }
    for (path, found) in reading.texts(&["secrets", "*", "type"]) {
        if let Some(right) =
            other_type(found, &ENGINES).filter(|_| !brings(reading, "secret", found))
        {
            let text = format!("no server has a type `{found}`; did you mean `{right}`?");
            reading.refuse(Code::FileValueInvalid, &path, text);
        }
    }
}

/// Whether the file has a plugin of this kind and name.
fn brings(reading: &Reading, kind: &str, name: &str) -> bool {
    reading.find(&["plugins", kind, name]).is_some()
}

/// The type that was meant. A plugin may be called as it likes: like a type with something after it, or in so few letters that
/// another type is always near.
fn other_type(word: &str, known: &[&'static str]) -> Option<String> {
    if known.contains(&word) {
        return None;
    }
    let other = OTHER_WORDS.iter().find(|(other, _)| *other == word);
    if let Some((_, right)) = other {
        return known.contains(right).then(|| (*right).to_owned());
    }
    let extends = known.iter().any(|name| word.starts_with(name));
    let near = meant(word, known.iter().copied());
    let near = near.split('`').nth(1).map(str::to_owned);
    near.filter(|_| !extends && word.chars().count() > LONGEST_NAME_OF_A_PLUGIN)
}

pub(super) fn fields_have_their_present_names(reading: &mut Reading) {
    for (mount, kind, name) in members(reading) {
        let has_old = auth_type(reading, mount).is_some_and(|found| RENAMED_IN.contains(&found));
        if has_old {
            renamed(reading, &["auth", mount, kind, name]);
        }
    }
    for (place, path) in reading.texts(&["writes", "*", "path"]) {
        let Some((of_type, rest)) = method_of(reading, path) else {
            continue;
        };
        let has_old =
            of_type == "token" || TYPED.contains(&of_type) || RENAMED_IN.contains(&of_type);
        let in_a_collection = matches!(
            rest.split('/').collect::<Vec<_>>()[..],
            ["certs" | "role" | "roles" | "users", _]
        );
        if has_old && in_a_collection {
            let entry = &place[..place.len() - 1];
            let entry: Vec<&str> = entry.iter().map(String::as_str).collect();
            renamed(reading, &under(&entry, &["data"]));
        }
    }
}

fn renamed(reading: &mut Reading, fields: &[&str]) {
    for old in RENAMED {
        let place = under(fields, &[old]);
        if reading.has(&place) == Some(true) {
            let text = format!("an old name; did you mean `token_{old}`?");
            reading.refuse(Code::FileKeyUnknown, &place, text);
        }
    }
}

pub(super) fn write_paths_are_those_of_the_servers(reading: &mut Reading) {
    for (place, path) in reading.texts(&["writes", "*", "path"]) {
        if let Some(text) = other_path(reading, path) {
            reading.refuse(Code::FileValueInvalid, &place, text);
        }
    }
}

/// Why no server has this path.
fn other_path(reading: &Reading, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["sys", "mounts" | "auth", .., last] if last != "tune" && parts.len() > 2 => {
            let section = if parts[1] == "auth" {
                "auth"
            } else {
                "secrets"
            };
            return Some(format!("`{section}` mounts; put it there"));
        }
        ["identity", "entities", name] => {
            return Some(format!("did you mean `identity/entity/name/{name}`?"));
        }
        ["identity", "groups", name] => {
            return Some(format!("did you mean `identity/group/name/{name}`?"));
        }
        _ => {}
    }
    if let Some((of_type, rest)) = method_of(reading, path) {
        return collection(path, rest, of_type, &COLLECTIONS[OF_METHODS..]);
    }
    let (mount, of_type, rest) = engine_of(reading, path)?;
    if is_versioned(reading, mount, of_type) {
        return outside_versions(mount, rest);
    }
    collection(path, rest, of_type, &COLLECTIONS[..OF_METHODS])
}

/// What was meant by a path of `kv` with versions that is of none of its APIs.
fn outside_versions(mount: &str, rest: &str) -> Option<String> {
    let first = rest.split('/').next().unwrap_or_default();
    let path = mount_path(mount);
    let known = OF_VERSIONS.contains(&first);
    (!known).then(|| format!("`{path}` is `kv` with versions; did you mean `{path}/data/{rest}`?"))
}

/// A path that the server never asks a policy for: `can` would not hold of it, and `cannot` would hold of nothing.
pub(super) fn capabilities_are_of_paths_that_are_asked(reading: &mut Reading) {
    for key in ["can", "cannot"] {
        for place in reading.all(&["logins", "*", key, "*"]) {
            let [_, _, _, path] = &place[..] else {
                continue;
            };
            let Some((mount, of_type, rest)) = engine_of(reading, path) else {
                continue;
            };
            let plain = !rest.is_empty() && !rest.starts_with(['*', '+']);
            if !plain || !is_versioned(reading, mount, of_type) {
                continue;
            }
            if let Some(text) = outside_versions(mount, rest) {
                reading.refuse(Code::FileValueInvalid, &place, text);
            }
        }
    }
}

/// Another name of a collection than the servers have.
fn collection(
    path: &str,
    rest: &str,
    of_type: &str,
    known: &[(&[&str], &str, &str)],
) -> Option<String> {
    let (first, name) = rest.split_once('/')?;
    let mut known = known.iter();
    let (_, _, right) =
        known.find(|(types, wrong, _)| types.contains(&of_type) && *wrong == first)?;
    let above = path.strip_suffix(rest)?;
    Some(format!("did you mean `{above}{right}/{name}`?"))
}

pub(super) fn values_with_versions_stand_in_data(reading: &mut Reading) {
    for (place, path) in reading.texts(&["writes", "*", "path"]) {
        let Some((mount, of_type, rest)) = engine_of(reading, path) else {
            continue;
        };
        let entry: Vec<&str> = place[..place.len() - 1]
            .iter()
            .map(String::as_str)
            .collect();
        let body = under(&entry, &["data"]);
        let lacks = reading.has(&under(&body, &["data"])) == Some(false);
        if rest.starts_with("data/") && lacks && is_versioned(reading, mount, of_type) {
            let text = "missing key `data`: a value of `kv` with versions is `data: {data: {…}}`";
            reading.refuse(Code::FileKeyMissing, &body, text);
        }
    }
}

/// The type of the auth method that a path is below, and the rest of the path.
fn method_of<'a>(reading: &Reading<'a>, path: &'a str) -> Option<(&'a str, &'a str)> {
    let below = path.strip_prefix("auth/")?;
    if let Some(rest) = below.strip_prefix("token/") {
        return Some(("token", rest));
    }
    let mounts = reading.keys(&["auth"])?.into_iter();
    let (mount, rest) = deepest(mounts, below)?;
    Some((auth_type(reading, mount)?, rest))
}

/// The key and the type of the secrets engine that a path is below, and the rest of the path.
fn engine_of<'a>(reading: &Reading<'a>, path: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
    let mounts = reading.keys(&["secrets"])?.into_iter();
    let (mount, rest) = deepest(mounts, path)?;
    Some((mount, reading.text(&["secrets", mount, "type"])?, rest))
}

fn deepest<'a>(mounts: impl Iterator<Item = &'a str>, path: &'a str) -> Option<(&'a str, &'a str)> {
    let below = mounts.filter_map(|mount| {
        let rest = path
            .strip_prefix(mount.trim_end_matches('/'))?
            .strip_prefix('/')?;
        Some((mount, rest))
    });
    below.max_by_key(|(mount, _)| mount.len())
}

fn is_versioned(reading: &Reading, mount: &str, of_type: &str) -> bool {
    let places: [&[&str]; 2] = [&["options", "version"], &["tune", "options", "version"]];
    let second = |place: &&[&str]| reading.text(&under(&["secrets", mount], place)) == Some("2");
    of_type == "kv-v2" || (of_type == "kv" && places.iter().any(second))
}
