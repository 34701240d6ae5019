//! Whether two values mean the same, with all that the servers do to what they are given.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::vault::compare::scalar::{is_go_duration, plain, seconds_of, tidy_cidr, tidy_pem};
use crate::vault::http::Body;

pub(super) fn is_same(name: &str, want: &Body, have: &Body, top: bool) -> bool {
    if is_empty(want) && is_unset(have) {
        return true;
    }
    let seconds_there = match have {
        Body::Null => Some(0),
        have => seconds_of(have),
    };
    if (is_duration(name) || matches!(have, Body::String(have) if is_go_duration(have)))
        && let (Some(want), Some(have)) = (seconds_of(want), seconds_there)
    {
        return want == have;
    }
    if is_default(name, want) && is_default(name, have) {
        return true;
    }
    if let (Body::List(want), Body::List(have)) = (want, have)
        && want.iter().chain(have).any(is_composite)
    {
        let same = |(want, have): (&Body, &Body)| is_same_inside(want, have);
        return want.len() == have.len() && want.iter().zip(have).all(same);
    }
    match (items(name, want, have, top), items(name, have, want, top)) {
        (Some(want), Some(have)) => want == have,
        _ => false,
    }
}

/// Elements of a list that are not plain: in order, and maps entry by entry.
fn is_same_inside(want: &Body, have: &Body) -> bool {
    match (want, have) {
        (Body::Map(fields), Body::Map(object)) => {
            let wanted = |(key, value): &(String, Body)| {
                is_same_inside(value, have.get(key).unwrap_or(&Body::Null))
            };
            let unknown_and_set =
                |(key, value): &(String, Body)| want.get(key).is_none() && !is_unset(value);
            fields.iter().all(wanted) && !object.iter().any(unknown_and_set)
        }
        _ => is_same("", want, have, false),
    }
}

/// A list as a set of texts. A single value is a list of one, and of several where the server splits at commas: where
/// the other side is a list.
fn items<'a>(
    name: &str,
    side: &'a Body,
    other: &Body,
    top: bool,
) -> Option<BTreeSet<Cow<'a, str>>> {
    let one = |item: &'a Body| Some(tidy(name, text(item)?));
    match side {
        Body::List(items) => items.iter().map(one).collect(),
        Body::String(text) if top && matches!(other, Body::List(_)) => Some(split(name, text)),
        Body::Null => Some(BTreeSet::new()),
        single => Some(BTreeSet::from([one(single)?])),
    }
}

fn split<'a>(name: &str, text: &'a str) -> BTreeSet<Cow<'a, str>> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts.map(|part| tidy(name, Cow::Borrowed(part))).collect()
}

fn text(body: &Body) -> Option<Cow<'_, str>> {
    match body {
        Body::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Body::Number(number) => Some(Cow::Owned(plain(number))),
        Body::String(text) => Some(Cow::Borrowed(text)),
        Body::Secret(text) => Some(Cow::Borrowed(text.expose())),
        Body::Null => Some(Cow::Borrowed("")),
        Body::List(_) | Body::Map(_) | Body::Unknown => None,
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

/// This very text.
pub(super) fn is_text(value: &Body, text: &str) -> bool {
    matches!(value, Body::String(value) if value == text)
}

/// Nothing that the file asks for.
pub(super) fn is_empty(want: &Body) -> bool {
    match want {
        Body::Map(fields) => fields.iter().all(|(_, value)| is_empty(value)),
        other => is_unset(other),
    }
}

/// As the servers show what is not set.
pub(super) fn is_unset(have: &Body) -> bool {
    match have {
        Body::Null => true,
        Body::String(text) => text.is_empty(),
        Body::Secret(text) => text.is_empty(),
        Body::List(items) => items.is_empty(),
        Body::Map(fields) => fields.is_empty(),
        Body::Bool(_) | Body::Number(_) | Body::Unknown => false,
    }
}

fn is_composite(body: &Body) -> bool {
    matches!(body, Body::List(_) | Body::Map(_))
}
