//! The keywords of the schema, read one by one.

use serde_json::Value;

use crate::config::scalar;
use crate::config::tree::{Kind, Node};

/// The texts of a list.
pub(super) fn texts(list: &Value) -> impl Iterator<Item = &str> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str)
}

pub(super) fn variants(schema: &Value) -> Option<&[Value]> {
    let any = schema["anyOf"].as_array();
    let variants = any.or(schema["oneOf"].as_array())?;
    // `oneOf` of constants is how an enumeration with descriptions looks.
    let constants = variants.iter().all(|one| one.get("const").is_some());
    (!constants).then_some(variants)
}

pub(super) fn types(schema: &Value) -> Vec<&str> {
    let wanted = &schema["type"];
    wanted.as_str().into_iter().chain(texts(wanted)).collect()
}

pub(super) fn choices(schema: &Value) -> Option<Vec<&Value>> {
    if let Some(constant) = schema.get("const") {
        return Some(vec![constant]);
    }
    if let Some(choices) = schema["enum"].as_array() {
        return Some(choices.iter().collect());
    }
    let variants = schema["oneOf"].as_array()?.iter();
    variants.map(|variant| variant.get("const")).collect()
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
    if wanted.is_empty() || wanted.contains(&"string") {
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
    let constants = condition["properties"].as_object();
    let mut constants = constants.into_iter().flatten();
    texts(&condition["required"]).all(|key| node.get(key).is_some())
        && constants.all(|(key, schema)| {
            let given = node.get(key).map(Node::value);
            given.is_none_or(|given| schema["const"] == given)
        })
}
