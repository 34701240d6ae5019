//! The keywords of the schema, read one by one.

use serde_json::Value;

use crate::config::scalar;
use crate::config::tree::{Kind, Node};

pub(super) fn variants(schema: &Value) -> Option<&[Value]> {
    let variants = schema
        .get("anyOf")
        .or_else(|| schema.get("oneOf"))?
        .as_array()?;
    // `oneOf` of constants is how an enumeration with descriptions looks.
    (!variants
        .iter()
        .all(|variant| variant.get("const").is_some()))
    .then_some(variants)
}

pub(super) fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn choices(schema: &Value) -> Option<Vec<&Value>> {
    if let Some(constant) = schema.get("const") {
        return Some(vec![constant]);
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return Some(choices.iter().collect());
    }
    schema
        .get("oneOf")?
        .as_array()?
        .iter()
        .map(|variant| variant.get("const"))
        .collect()
}

pub(super) fn is(node: &Node, name: &str) -> bool {
    match (&node.kind, name) {
        (Kind::Null, "null") | (Kind::Bool(_), "boolean") | (Kind::Number(_), "number") => true,
        (Kind::Text(_) | Kind::Filled(_), "string")
        | (Kind::List(_), "array")
        | (Kind::Map(_), "object") => true,
        (Kind::Number(number), "integer") => number.is_u64() || number.is_i64(),
        _ => false,
    }
}

/// Gives a text with variables the type that is wanted, where it has that form.
pub(super) fn fill(node: &mut Node, wanted: &[&str]) {
    let Kind::Filled(text) = &node.kind else {
        return;
    };
    if wanted.contains(&"string") {
        return;
    }
    node.kind = match scalar::resolve(text) {
        scalar::Plain::Number(number) => Kind::Number(number),
        scalar::Plain::Bool(value) => Kind::Bool(value),
        scalar::Plain::Null => Kind::Null,
        scalar::Plain::Text | scalar::Plain::LeadingZero => return,
    };
}

/// True when the conditions of an `if` hold: constants of keys, and keys that must be there.
pub(super) fn holds(node: &Node, condition: &Value) -> bool {
    let required = condition["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let mut constants = condition["properties"].as_object().into_iter().flatten();
    required.into_iter().all(|key| node.get(key).is_some())
        && constants.all(|(key, schema)| {
            node.get(key)
                .is_none_or(|value| schema.get("const") == Some(&value.value()))
        })
}
