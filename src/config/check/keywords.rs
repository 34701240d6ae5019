//! The keywords of the schema, read one by one, and what they want in words.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::config::problem::meant;
use crate::config::scalar;
use crate::config::tree::{Kind, Node};
use crate::span;

/// Longest list of keys that is shown for one that is unknown, in bytes.
const LONGEST_NAMES: usize = 200;

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

/// What is said of days beside anything else.
pub(in crate::config) fn not_read(time: Duration) -> String {
    format!("no server reads this time; write `{}`", span::text(time))
}

const A_TIME: &str = "expected a time such as `30s`, `10m` or `1h30m`";

pub(super) fn format(text: &str, format: &str) -> Option<String> {
    match format {
        "time-span" if span::read(text).is_none() => Some(A_TIME.into()),
        "time-of-servers" if !span::servers_read(text) => Some(match span::read(text) {
            Some(time) => not_read(time),
            None => A_TIME.into(),
        }),
        "date" if text.parse::<jiff::civil::Date>().is_err() => {
            Some("expected a day such as `2027-03-31`".into())
        }
        "uri" => match Url::parse(text) {
            Err(error) => Some(format!(
                "not an address: {error}; it looks like `https://vault.internal:8200`"
            )),
            Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
                Some("the address must start with `https://`".into())
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                Some("an address carries no user and no password".into())
            }
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                Some("an address carries no `?` and no `#`".into())
            }
            Ok(_) => None,
        },
        _ => None,
    }
}

/// A key that is none of `properties`, of which some are `given`.
pub(in crate::config) fn unknown(key: &str, properties: &Value, given: &HashSet<String>) -> String {
    let known = properties.as_object().into_iter().flatten();
    let known: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
    let free = known.iter().copied().filter(|name| !given.contains(*name));
    let mut hint = meant(key, free.clone());
    if hint.is_empty() {
        hint = longer(key, free).unwrap_or_default();
    }
    let names = quoted(known, "and");
    if hint.is_empty() && (1..LONGEST_NAMES).contains(&names.len()) {
        format!("unknown key `{key}`; the keys here are {names}")
    } else {
        format!("unknown key `{key}`{hint}")
    }
}

/// The name that a field has by now, or has here, which is a longer one: `token_ttl` of `ttl`.
fn longer<'n>(key: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let within = |name: &&str| {
        let (before, after) = key.split_once('_').unwrap_or(("", key));
        let inside = format!("{before}_lease_{after}");
        *name == inside
            || name
                .strip_suffix(key)
                .is_some_and(|rest| rest.ends_with('_'))
    };
    let name = names
        .filter(within)
        .min_by_key(|name| (!name.starts_with("token_"), name.len()))?;
    Some(format!("; did you mean `{name}`?"))
}

/// What a schema takes, in words.
pub(super) fn expected(schema: &Value) -> String {
    if let Some(mut choices) = choices(schema) {
        choices.retain(|choice| !choice.is_null() && *choice != "");
        let names: Vec<String> = choices.iter().map(ToString::to_string).collect();
        return quoted(names.iter().map(|name| name.trim_matches('"')), "or");
    }
    let words = types(schema).into_iter().filter_map(|name| match name {
        "string" if schema["format"] == "uri" => Some("an address"),
        "string" if schema["format"] == "time-of-servers" => Some("a time such as `15m`"),
        "string" if schema["format"] == "time-span" => Some("a time such as `15m`"),
        "string" => Some("text"),
        "integer" => Some("a whole number"),
        "number" => Some("a number"),
        "boolean" => Some("`true` or `false`"),
        "array" => Some("a list"),
        "object" => Some("a map"),
        _ => None,
    });
    match list(words.map(str::to_owned), "or") {
        words if words.is_empty() => "nothing".into(),
        words => words,
    }
}

/// `` `a`, `b` or `c` ``
pub(in crate::config) fn quoted<'n>(
    names: impl IntoIterator<Item = &'n str>,
    last: &str,
) -> String {
    list(names.into_iter().map(|name| format!("`{name}`")), last)
}

/// `a, b or c`
pub(super) fn list(words: impl Iterator<Item = String>, last: &str) -> String {
    let mut words: Vec<String> = words.collect();
    let Some(end) = words.pop() else {
        return String::new();
    };
    if words.is_empty() {
        end
    } else {
        format!("{} {last} {end}", words.join(", "))
    }
}
