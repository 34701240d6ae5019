//! Sections that know where the servers take them: what a type of secrets engine keeps below its mount, and what stands
//! under `sys`. Each entry is an API write, before those of `writes`.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::auth_types::mount_path;
use super::forms::{FreeFields, form};
use super::model::{SecretsEngine, Write};
use super::section::At;
use super::tree::Node;

/// Types of secrets engines, their sections, and where these are written below the mount: at one path, or each entry at
/// `…/NAME`. Config first, since roles stand on it.
const OF_ENGINES: [(&str, &str, &str); 29] = [
    ("aws", "config", "config/root"),
    ("aws", "roles", "roles/"),
    ("consul", "config", "config/access"),
    ("consul", "roles", "roles/"),
    ("database", "connections", "config/"),
    ("database", "roles", "roles/"),
    ("database", "static_roles", "static-roles/"),
    ("kubernetes", "roles", "roles/"),
    ("ldap", "roles", "role/"),
    ("ldap", "static_roles", "static-role/"),
    ("nomad", "config", "config/access"),
    ("nomad", "lease", "config/lease"),
    ("nomad", "roles", "role/"),
    ("pki", "cluster", "config/cluster"),
    ("pki", "urls", "config/urls"),
    ("pki", "crl", "config/crl"),
    ("pki", "acme", "config/acme"),
    ("pki", "auto_tidy", "config/auto-tidy"),
    ("pki", "issuers", "issuer/"),
    ("pki", "roles", "roles/"),
    ("rabbitmq", "config", "config/connection"),
    ("rabbitmq", "lease", "config/lease"),
    ("rabbitmq", "roles", "roles/"),
    ("ssh", "ca", "config/ca"),
    ("ssh", "roles", "roles/"),
    ("terraform", "roles", "role/"),
    ("totp", "keys", "keys/"),
    ("transit", "config", "config/keys"),
    ("transit", "keys", "keys/"),
];

/// Sections of the server itself, and where each of their entries is written.
const OF_SERVER: [(&[&str], &str); 4] = [
    (&["password_policies"], "sys/policies/password/"),
    (&["audit_headers"], "sys/config/auditing/request-headers/"),
    (&["quotas", "rate_limit"], "sys/quotas/rate-limit/"),
    (&["quotas", "lease_count"], "sys/quotas/lease-count/"),
];

/// An entry of such a section.
pub(super) struct Entry<'a> {
    /// Where it stands in the file.
    pub(super) place: Vec<String>,
    /// Where it is written.
    pub(super) path: String,
    /// Its fields.
    fields: &'a Node,
}

/// Every entry of every such section, in the order in which they are written.
pub(super) fn entries(root: &Node) -> Vec<Entry<'_>> {
    let mut found = Vec::new();
    for (section, at) in OF_SERVER {
        let above = section.iter().try_fold(root, |node, key| node.get(key));
        let place: Vec<_> = section.iter().map(|key| (*key).to_owned()).collect();
        found.extend(above.into_iter().flat_map(|above| each(above, &place, at)));
    }
    let engines = root.get("secrets").map_or(&[][..], Node::entries);
    for engine in engines {
        let of_type = engine.value.get("type").and_then(Node::text);
        let mount = mount_path(&engine.key);
        for (_, key, at) in of_engine(of_type.unwrap_or_default()) {
            let Some(node) = engine.value.get(key) else {
                continue;
            };
            let place = ["secrets", &engine.key, key].map(str::to_owned);
            let at = format!("{mount}/{at}");
            if at.ends_with('/') {
                found.extend(each(node, &place, &at));
            } else {
                found.push(Entry {
                    place: place.to_vec(),
                    path: at,
                    fields: node,
                });
            }
        }
    }
    found
}

fn each<'a>(above: &'a Node, place: &[String], at: &str) -> Vec<Entry<'a>> {
    let entries = above.entries().iter();
    let entry = |entry: &'a super::tree::Entry| Entry {
        place: [place, std::slice::from_ref(&entry.key)].concat(),
        path: format!("{at}{}", entry.key),
        fields: &entry.value,
    };
    entries.map(entry).collect()
}

fn of_engine(of_type: &str) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let all = OF_ENGINES.into_iter();
    all.filter(move |(engine, _, _)| *engine == of_type)
}

/// Whether `config` of this type is not written to `PATH/config`.
pub(super) fn config_is_elsewhere(of_type: &str) -> bool {
    of_engine(of_type).any(|(_, key, _)| key == "config")
}

/// They as writes.
pub(super) fn writes(at: At) -> Option<Vec<Write>> {
    let entries = entries(at.node).into_iter();
    let write = |entry: Entry| Some(Write::of_section(entry.path, at.to(entry.fields).read()?));
    entries.map(write).collect()
}

form! {
    /// A secrets engine; `type` says which sections it takes.
    Engine, "SecretsEngineOfType", |generator| by_type(generator)
}

/// `if type is … then … else …`.
fn by_type(generator: &mut SchemaGenerator) -> Schema {
    let any = SecretsEngine::json_schema(generator).to_value();
    let fields = generator.subschema_for::<FreeFields>().to_value();
    let mut types: Vec<_> = OF_ENGINES.iter().map(|(of_type, _, _)| *of_type).collect();
    types.dedup();
    let mut schema = any.clone();
    for of_type in types {
        let mut engine = any.clone();
        for (_, key, at) in of_engine(of_type) {
            engine["properties"][key] = section(&format!("PATH/{at}"), &fields);
        }
        schema = json!({
            "if": {"properties": {"type": {"const": of_type}}, "required": ["type"]},
            "then": engine,
            "else": schema
        });
    }
    // `json!` above makes an object, which is what a schema is.
    Schema::try_from(schema).unwrap_or_default()
}

/// Adds the sections of the server to the schema of the file.
pub(super) fn add_to_schema(schema: &mut Schema) {
    let fields = json!({"$ref": "#/$defs/Fields"});
    let Some(file) = schema.get_mut("properties") else {
        return;
    };
    for (place, at) in OF_SERVER {
        let described = section(at, &fields);
        match place {
            [one] => file[*one] = described,
            [above, one] => {
                if file.get(*above).is_none() {
                    file[*above] =
                        json!({"type": "object", "additionalProperties": false, "properties": {}});
                }
                file[*above]["properties"][*one] = described;
            }
            _ => {}
        }
    }
}

fn section(at: &str, fields: &Value) -> Value {
    match at.strip_suffix('/') {
        Some(above) => json!({
            "description": format!("Fields for `{above}/NAME`, by name."),
            "type": "object",
            "additionalProperties": fields
        }),
        None => {
            let mut described = fields.clone();
            described["description"] = format!("Fields for `{at}`.").into();
            described
        }
    }
}
