//! The policy of whoever looks: it reads what the file declares and what stands beside it, and changes nothing.
//!
//! What shows or makes a secret when it is read is left out: values of KV, credentials, signing. `sudo` only where the servers
//! want it (measured on Vault 1.21.1, OpenBao 2.6.2 and 2.7.2).

use std::collections::{BTreeMap, BTreeSet};

use crate::config::policy_text::covers;
use crate::config::{AuthMount, Config, Field, Fields, SecretsEngine};
use crate::desired::kind::Kind;
use crate::vault::plugins::CATALOGUE;

/// A path, and what may be done there.
type Rule<'a> = (&'a str, &'a [&'a str]);

/// Of every server. A `+` at the end stands for nothing too: it is by that rule that what is before it is listed (measured).
const EVERYWHERE: [Rule<'static>; 30] = [
    ("auth/+/certs/+", &["list", "read"]),
    ("auth/+/config", &["read"]),
    ("auth/+/groups/+", &["list", "read"]),
    ("auth/+/role/+", &["list", "read"]),
    ("auth/+/users/+", &["list", "read"]),
    // The scan that finds root tokens.
    ("auth/token/accessors", &["list", "sudo"]),
    // What `default` gives too, which a login need not have.
    ("auth/token/lookup-self", &["read"]),
    ("auth/token/revoke-self", &["update"]),
    ("sys/capabilities-self", &["update"]),
    ("auth/token/lookup-accessor", &["update"]),
    ("auth/token/roles/+", &["list", "read"]),
    ("identity/entity/id", &["list"]),
    ("identity/entity/id/+", &["list", "read"]),
    ("identity/entity/name/+", &["read"]),
    ("identity/entity-alias/id", &["list"]),
    ("identity/group/id", &["list"]),
    ("identity/group/id/+", &["list", "read"]),
    ("identity/group/name/+", &["read"]),
    ("identity/group-alias/id", &["list"]),
    ("identity/mfa/login-enforcement/+", &["list", "read"]),
    // The list has all that is shown of a method, which is no secret. A `+` would hinder whoever makes one and has both.
    ("identity/mfa/method", &["list"]),
    ("sys/audit", &["read", "sudo"]),
    ("sys/audit-hash/*", &["update"]),
    ("sys/auth", &["read"]),
    ("sys/auth/+/tune", &["read", "sudo"]),
    ("sys/mounts", &["read"]),
    ("sys/mounts/+/tune", &["read"]),
    ("sys/policies/acl", &["list"]),
    ("sys/policies/acl/*", &["read"]),
    ("sys/quotas/rate-limit/+", &["read"]),
];

/// Its text for this file.
pub(crate) fn policy(config: &Config) -> String {
    let mut rules: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    let mut add = |path: &str, may: &[&'static str]| {
        rules.entry(path.to_owned()).or_default().extend(may);
    };
    for (path, may) in EVERYWHERE {
        add(path, may);
    }
    for method in &config.auth {
        of_method(method, &mut add);
    }
    for plugin in &config.plugins {
        add(CATALOGUE, &["read"]);
        add(&plugin.path(), &["read", "sudo"]);
    }
    for engine in &config.secrets {
        of_engine(config, engine, &mut add);
    }
    for write in &config.writes {
        let kind = Kind::of_path(config, &write.path);
        // An exact rule would come before wider ones of whoever has both.
        let is_covered = EVERYWHERE.iter().any(|(rule, _)| covers(rule, &write.path));
        if is_covered {
            continue;
        }
        if is_exact(&write.path) && shows_no_secret(kind) && !holds_secret(&write.data) {
            // The servers want more for their own configuration.
            let sudo = write.path.starts_with("sys/config/");
            add(
                &write.path,
                if sudo { &["read", "sudo"] } else { &["read"] },
            );
        }
    }
    lists_have_their_own_rule(&mut rules);
    let mut text = "# Written by vault-bootstrap: looks, and changes nothing.\n".to_owned();
    for (path, may) in rules {
        text.push_str(&format!(
            "path \"{path}\" {{\n  capabilities = {may:?}\n}}\n",
            may = may.iter().collect::<Vec<_>>()
        ));
    }
    text
}

/// Of whoever also has a wider rule without `list`, Vault 1.21.1 denies a list that only the rule for what is in it allows;
/// OpenBao does not. Seen with `identity/*` beside `identity/mfa/login-enforcement/+`.
fn lists_have_their_own_rule(rules: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let lists = rules.iter().filter(|(_, may)| may.contains("list"));
    let lists = lists.filter_map(|(path, _)| path.strip_suffix("/+"));
    let lists: Vec<String> = lists.map(str::to_owned).collect();
    for path in lists {
        rules.entry(path).or_default().insert("list");
    }
}

/// Whether reading such a document is known to show none and to make none.
fn shows_no_secret(kind: Kind) -> bool {
    kind.plain && !kind.unreadable && !kind.once && !kind.exact
}

/// Whether a rule for this path is about no other.
fn is_exact(path: &str) -> bool {
    !path.contains(['*', '+', '"', '\\', '{'])
}

/// What the file refers to may be read back.
fn holds_secret(fields: &Fields) -> bool {
    fields.iter().any(|(_, field)| is_secret(field))
}

fn is_secret(field: &Field) -> bool {
    match field {
        Field::Secret(_) => true,
        Field::List(items) => items.iter().any(is_secret),
        Field::Map(fields) => holds_secret(fields),
        _ => false,
    }
}

/// A pattern stands for one part of a path, and mounts may have several.
fn of_method(method: &AuthMount, add: &mut impl FnMut(&str, &[&'static str])) {
    let path = &method.path;
    if !path.contains('/') || !is_exact(path) {
        return;
    }
    add(&format!("sys/auth/{path}/tune"), &["read", "sudo"]);
    add(&format!("auth/{path}/config"), &["read"]);
    for collection in ["certs", "groups", "role", "users"] {
        add(&format!("auth/{path}/{collection}/+"), &["list", "read"]);
    }
}

fn of_engine(config: &Config, engine: &SecretsEngine, add: &mut impl FnMut(&str, &[&'static str])) {
    let path = &engine.path;
    if !is_exact(path) {
        return;
    }
    if path.contains('/') {
        add(&format!("sys/mounts/{path}/tune"), &["read"]);
    }
    let own = format!("{path}/config");
    let plain = shows_no_secret(Kind::of_path(config, &own)) && !holds_secret(&engine.config);
    if !engine.config.is_empty() && plain {
        add(&own, &["read"]);
    }
    let collections: &[&str] = match engine.engine_type.as_str() {
        "database" => &["roles", "static-roles"],
        "pki" => &["roles", "issuers"],
        "ssh" | "aws" => &["roles"],
        "transit" | "totp" => &["keys"],
        _ => &[],
    };
    for collection in collections {
        // A key of one-time passwords shows no secret, as one of transit does not.
        add(&format!("{path}/{collection}/+"), &["list", "read"]);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::from_text;

    #[test]
    fn the_policy_names_what_the_file_declares_and_nothing_that_shows_a_secret() {
        let minimal = include_str!("../examples/minimal.yaml");
        let methods = "auth:\n  deep/er: {type: approle}\n  userpass:";
        let file = minimal.replace("auth:\n  userpass:", methods)
            + "plugins: {secret: {own: {command: own, sha256: '0000000000000000000000000000000000000000000000000000000000000000'}}}\n\
               secrets: {a/b: {type: kv, options: {version: '2'}}, db: {type: database}, transit: {type: transit}}\n\
               writes:\n\
               - {path: a/b/data/x, data: {data: {k: v}}}\n\
               - {path: db/creds/x, data: {a: b}}\n\
               - {path: transit/keys/x/rotate, data: {a: b}}\n\
               - {path: db/config/main, data: {plugin_name: p}}\n\
               - {path: sys/quotas/rate-limit/all, data: {rate: 5}}\n";
        let here = Path::new("");
        let config = from_text(&file, Path::new("x.yaml"), here, &|_| None).unwrap();
        let text = policy(&config);
        let rule =
            |path: &str, may: &str| format!("path \"{path}\" {{\n  capabilities = [{may}]\n}}\n");
        for (path, may) in [
            ("sys/audit", "\"read\", \"sudo\""),
            ("sys/auth/deep/er/tune", "\"read\", \"sudo\""),
            ("sys/plugins/catalog", "\"read\""),
            ("sys/plugins/catalog/secret/own", "\"read\", \"sudo\""),
            ("auth/deep/er/role/+", "\"list\", \"read\""),
            ("auth/deep/er/role", "\"list\""),
            ("identity/mfa/login-enforcement", "\"list\""),
            ("sys/mounts/a/b/tune", "\"read\""),
            ("db/roles/+", "\"list\", \"read\""),
            ("transit/keys/+", "\"list\", \"read\""),
            ("sys/quotas/rate-limit/+", "\"read\""),
            ("identity/group/name/+", "\"read\""),
            ("identity/mfa/method", "\"list\""),
        ] {
            assert!(text.contains(&rule(path, may)), "{path}: {text}");
        }
        for path in [
            "a/b/data",
            "db/creds",
            "db/config",
            "rotate",
            "create",
            "delete",
        ] {
            assert!(!text.contains(path), "{path}: {text}");
        }
    }
}
