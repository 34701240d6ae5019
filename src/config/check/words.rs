//! What a schema wants, in words.

use std::collections::HashSet;

use serde_json::{Map, Value};
use url::Url;

use super::keywords::{choices, types};
use crate::config::problem::nearest;
use crate::config::scalar;

pub(super) fn format(text: &str, format: &str) -> Option<String> {
    match format {
        "time-span" if scalar::duration(text).is_none() => {
            Some("expected a time such as `30s`, `10m` or `1h30m`".into())
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

pub(super) fn unknown(
    key: &str,
    known: Option<&Map<String, Value>>,
    given: &HashSet<String>,
) -> String {
    let names = || {
        known
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .filter(|name| !given.contains(*name))
    };
    match nearest(key, names()) {
        Some(name) => format!("unknown key `{key}`; did you mean `{name}`?"),
        None => match list(
            known
                .into_iter()
                .flatten()
                .map(|(name, _)| format!("`{name}`")),
            "and",
        )
        .as_str()
        {
            "" => format!("unknown key `{key}`"),
            names if names.len() < 200 => format!("unknown key `{key}`; the keys here are {names}"),
            _ => format!("unknown key `{key}`"),
        },
    }
}

/// What a schema takes, in words.
pub(super) fn expected(schema: &Value) -> String {
    if let Some(choices) = choices(schema) {
        let choices = choices
            .iter()
            .filter(|choice| !choice.is_null() && choice.as_str() != Some(""));
        let names: Vec<String> = choices
            .map(|choice| format!("`{}`", choice.to_string().trim_matches('"')))
            .collect();
        return list(names.into_iter(), "or");
    }
    let words = types(schema).into_iter().filter_map(|name| match name {
        "string" if schema["format"] == "uri" => Some("an address"),
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

/// `a, b or c`
pub(in crate::config) fn list(words: impl Iterator<Item = String>, last: &str) -> String {
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
