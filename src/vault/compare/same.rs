//! Whether two values mean the same, with all that the servers do to what they are given.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::vault::compare::scalar::{
    self, is_go_duration, seconds_of_body, seconds_of_value, tidy_cidr, tidy_pem,
};
use crate::vault::http::body::Body;

pub(super) fn is_same(name: &str, want: &Body, have: &Value, top: bool) -> bool {
    if is_empty_body(want) && is_empty_value(have) {
        return true;
    }
    if (is_duration(name) || have.as_str().is_some_and(is_go_duration))
        && let (Some(want), Some(have)) = (seconds_of_body(want), seconds_of_value(have))
    {
        return want == have;
    }
    if is_default(name, want)
        && have
            .as_str()
            .is_some_and(|have| is_default(name, &have.into()))
    {
        return true;
    }
    if let (Body::List(want), Value::Array(have)) = (want, have)
        && (want.iter().any(is_composite)
            || have.iter().any(|item| item.is_array() || item.is_object()))
    {
        let same = |(want, have): (&Body, &Value)| is_same_inside(want, have);
        return want.len() == have.len() && want.iter().zip(have).all(same);
    }
    match (
        items_of_body(name, want, have, top),
        items_of_value(name, have, want, top),
    ) {
        (Some(want), Some(have)) => want == have,
        _ => false,
    }
}

/// Elements of a list that are not plain: in order, and maps entry by entry.
fn is_same_inside(want: &Body, have: &Value) -> bool {
    match (want, have) {
        (Body::Map(fields), Value::Object(object)) => {
            let wanted = |(key, value): &(String, Body)| {
                is_same_inside(value, object.get(key).unwrap_or(&Value::Null))
            };
            let known = |key: &String| fields.iter().any(|(wanted, _)| wanted == key);
            fields.iter().all(wanted)
                && object
                    .iter()
                    .all(|(key, value)| known(key) || is_empty_value(value))
        }
        _ => is_same("", want, have, false),
    }
}

/// A list as a set of texts. A single value is a list of one, and of several where the server splits at commas.
fn items_of_body<'a>(
    name: &str,
    want: &'a Body,
    have: &Value,
    top: bool,
) -> Option<BTreeSet<Cow<'a, str>>> {
    match want {
        Body::List(items) => items
            .iter()
            .map(|item| Some(tidy(name, text_of_body(item)?)))
            .collect(),
        Body::String(text) if top && have.is_array() => Some(split(name, text)),
        Body::Null => Some(BTreeSet::new()),
        other => Some(BTreeSet::from([tidy(name, text_of_body(other)?)])),
    }
}

fn items_of_value<'a>(
    name: &str,
    have: &'a Value,
    want: &Body,
    top: bool,
) -> Option<BTreeSet<Cow<'a, str>>> {
    match have {
        Value::Array(items) => items
            .iter()
            .map(|item| Some(tidy(name, text_of_value(item)?)))
            .collect(),
        Value::String(text) if top && matches!(want, Body::List(_)) => Some(split(name, text)),
        Value::Null => Some(BTreeSet::new()),
        other => Some(BTreeSet::from([tidy(name, text_of_value(other)?)])),
    }
}

fn split<'a>(name: &str, text: &'a str) -> BTreeSet<Cow<'a, str>> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts.map(|part| tidy(name, Cow::Borrowed(part))).collect()
}

fn text_of_body(body: &Body) -> Option<Cow<'_, str>> {
    match body {
        Body::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Body::Number(number) => Some(scalar::number(number)),
        Body::String(text) => Some(Cow::Borrowed(text)),
        Body::Secret(text) => Some(Cow::Borrowed(text.expose())),
        Body::Null => Some(Cow::Borrowed("")),
        Body::List(_) | Body::Map(_) | Body::Unknown => None,
    }
}

fn text_of_value(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Value::Number(number) => Some(scalar::number(number)),
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Null => Some(Cow::Borrowed("")),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// What the servers do to a text by the name of its field.
fn tidy<'a>(name: &str, text: Cow<'a, str>) -> Cow<'a, str> {
    if name.ends_with("cidrs") || name.ends_with("cidr_list") {
        return tidy_cidr(text);
    }
    if matches!(
        name,
        "default_role" | "policies" | "token_policies" | "identity_policies"
    ) {
        return Cow::Owned(text.trim().to_lowercase());
    }
    tidy_pem(text)
}

fn is_duration(name: &str) -> bool {
    matches!(name, "ttl" | "period" | "interval" | "max_age")
        || ["_ttl", "_period", "_leeway", "_interval", "_timeout"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// Texts that mean what the server does anyway.
pub(super) fn is_default(name: &str, want: &Body) -> bool {
    let Body::String(text) = want else {
        return false;
    };
    match name {
        "token_type" => matches!(text.as_str(), "" | "default" | "default-service"),
        "listing_visibility" => matches!(text.as_str(), "" | "hidden"),
        _ => false,
    }
}

pub(super) fn is_empty_body(body: &Body) -> bool {
    match body {
        Body::Null => true,
        Body::String(text) => text.is_empty(),
        Body::Secret(text) => text.is_empty(),
        Body::List(items) => items.is_empty(),
        Body::Map(fields) => fields.iter().all(|(_, value)| is_empty_body(value)),
        Body::Bool(_) | Body::Number(_) | Body::Unknown => false,
    }
}

pub(super) fn is_empty_value(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_composite(body: &Body) -> bool {
    matches!(body, Body::List(_) | Body::Map(_))
}
