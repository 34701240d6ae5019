//! Entities and groups, each with its aliases as things of their own.

use serde_json::{Map, Value, json};

use crate::vault::snapshot::item::{Item, Kind, digest};

/// What the servers reckon themselves, or write at each login.
const PASSING: &[&str] = &[
    "alias",
    "aliases",
    "bucket_key_hash",
    "creation_time",
    "direct_group_ids",
    "group_ids",
    "inherited_group_ids",
    "last_update_time",
    "modify_index",
    "parent_group_ids",
];

/// An entity and its aliases.
pub(super) fn entity(namespace: &str, id: &str, document: Map<String, Value>) -> Vec<Item> {
    let name = text(&document, "name").to_owned();
    let aliases = document.get("aliases").and_then(Value::as_array);
    let aliases = aliases.into_iter().flatten().filter_map(Value::as_object);
    let aliases: Vec<Item> = aliases
        .map(|found| alias((Kind::EntityAlias, "entity"), namespace, found, &name))
        .collect();
    let whole = named((Kind::Entity, "entity"), (namespace, id, name), document);
    std::iter::once(whole).chain(aliases).collect()
}

/// A group and its alias.
pub(super) fn group(namespace: &str, id: &str, document: Map<String, Value>) -> Vec<Item> {
    let name = text(&document, "name").to_owned();
    let found = document.get("alias").and_then(Value::as_object);
    let found = found.filter(|found| !found.is_empty());
    let alias = found.map(|found| alias((Kind::GroupAlias, "group"), namespace, found, &name));
    let whole = named((Kind::Group, "group"), (namespace, id, name), document);
    std::iter::once(whole).chain(alias).collect()
}

fn named(
    (kind, word): (Kind, &str),
    (namespace, id, name): (&str, &str, String),
    mut document: Map<String, Value>,
) -> Item {
    document.retain(|field, _| !PASSING.contains(&field.as_str()));
    let policies = document.get("policies").and_then(Value::as_array);
    let policies: Vec<&str> = policies
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let about = match policies.as_slice() {
        [] => name.clone(),
        some => format!("{name}, policies {}", some.join(", ")),
    };
    Item {
        kind,
        namespace: namespace.to_owned(),
        name: id.to_owned(),
        path: format!("identity/{word}/name/{name}"),
        about,
        identity: String::new(),
        digest: digest(&document),
    }
}

fn alias(
    (kind, word): (Kind, &str),
    namespace: &str,
    document: &Map<String, Value>,
    of: &str,
) -> Item {
    let id = text(document, "id");
    let says = ["name", "mount_accessor", "canonical_id", "custom_metadata"];
    let says = says.map(|field| document.get(field).unwrap_or(&Value::Null));
    Item {
        kind,
        namespace: namespace.to_owned(),
        name: id.to_owned(),
        path: format!("identity/{word}-alias/id/{id}"),
        about: format!(
            "{} of {}, {word} {of}",
            text(document, "name"),
            text(document, "mount_path")
        ),
        identity: String::new(),
        digest: digest(&json!(says)),
    }
}

fn text<'a>(document: &'a Map<String, Value>, field: &str) -> &'a str {
    document
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
