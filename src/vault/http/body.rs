//! A request body whose secrets stay opaque until it is put on the wire.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Number, Value};
use zeroize::Zeroizing;

use crate::secret::SecretText;

/// JSON to be sent, in which some strings are secrets. `Debug` does not show them and there is no
/// `Serialize`: only this room turns a body into bytes.
#[derive(Debug, Clone)]
pub enum Body {
    /// `null`; as a whole body it means that none is sent.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string that everybody may see.
    String(String),
    /// A string that nobody may see.
    Secret(Arc<SecretText>),
    /// A secret that is not here any more: it can be neither compared nor sent.
    Unknown,
    /// A list.
    List(Vec<Body>),
    /// An object, in the order it is sent.
    Map(Vec<(String, Body)>),
}

impl Body {
    /// An object of these fields.
    pub fn map<K: Into<String>, V: Into<Body>>(fields: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(
            fields
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }

    /// `NAME=VALUE`, which nobody may see where they may not see the value.
    pub(crate) fn assigned(name: &str, value: &Self) -> Self {
        match value {
            Self::String(text) => Self::String(format!("{name}={text}")),
            Self::Secret(text) => {
                let text = SecretText::new(format!("{name}={}", text.expose()));
                Self::Secret(Arc::new(text))
            }
            _ => Self::Unknown,
        }
    }

    /// The field of an object.
    pub fn get(&self, name: &str) -> Option<&Body> {
        match self {
            Self::Map(fields) => fields
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Puts a value at a place of this: names of fields, and numbers of items.
    pub(crate) fn put(&mut self, place: &[String], value: Self) {
        let Some((first, rest)) = place.split_first() else {
            *self = value;
            return;
        };
        let inner = match self {
            Self::Map(fields) => fields
                .iter_mut()
                .find(|(name, _)| name == first)
                .map(|(_, inner)| inner),
            Self::List(items) => first
                .parse()
                .ok()
                .and_then(|place: usize| items.get_mut(place)),
            _ => None,
        };
        if let Some(inner) = inner {
            inner.put(rest, value);
        }
    }

    /// Whether nothing is known yet at a place of this.
    pub(crate) fn is_unknown_at(&self, place: &[String]) -> bool {
        match (place.split_first(), self) {
            (None, own) => own.holds_unknown(),
            (Some((first, rest)), Self::Map(fields)) => fields
                .iter()
                .any(|(name, inner)| name == first && inner.is_unknown_at(rest)),
            (Some((first, rest)), Self::List(items)) => {
                let item = first.parse().ok().and_then(|place: usize| items.get(place));
                item.is_some_and(|inner| inner.is_unknown_at(rest))
            }
            _ => false,
        }
    }

    /// Whether this is, or holds, a secret that is not here any more.
    pub fn holds_unknown(&self) -> bool {
        self.any(|part| matches!(part, Self::Unknown))
    }

    /// Whether this is, or holds, a secret.
    pub(crate) fn holds_secret(&self) -> bool {
        self.any(|part| matches!(part, Self::Secret(_)))
    }

    /// Whether this, or anything in it, satisfies `is`.
    pub(crate) fn any(&self, is: fn(&Self) -> bool) -> bool {
        is(self)
            || match self {
                Self::List(items) => items.iter().any(|item| item.any(is)),
                Self::Map(fields) => fields.iter().any(|(_, value)| value.any(is)),
                _ => false,
            }
    }

    /// Where in here a secret stands, or stood that is not here any more: dotted inside maps; of a list the
    /// whole.
    pub fn secret_places(&self) -> Vec<String> {
        let Self::Map(fields) = self else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (name, value) in fields {
            match value {
                Self::Map(_) => {
                    let inner = value.secret_places().into_iter();
                    found.extend(inner.map(|place| format!("{name}.{place}")));
                }
                _ if value.holds_secret() || value.holds_unknown() => found.push(name.clone()),
                _ => {}
            }
        }
        found
    }

    /// This as text, to be remembered as a digest and never to be shown.
    pub fn text(&self) -> SecretText {
        match self {
            Self::Secret(text) => SecretText::new(text.expose().to_owned()),
            Self::String(text) => SecretText::new(text.clone()),
            other => {
                let bytes = other.to_wire();
                SecretText::new(String::from_utf8_lossy(&bytes).into_owned())
            }
        }
    }

    /// The bytes for the wire, wiped when dropped.
    pub(crate) fn to_wire(&self) -> Zeroizing<Vec<u8>> {
        // Strings, numbers and string keys always serialise.
        Zeroizing::new(serde_json::to_vec(&Wire(self)).unwrap_or_default())
    }

    /// Every secret in here, for removing them from what the server says back.
    pub(crate) fn secrets<'a>(&'a self, into: &mut Vec<&'a str>) {
        match self {
            Self::Secret(text) => into.push(text.expose()),
            Self::List(items) => items.iter().for_each(|item| item.secrets(into)),
            Self::Map(fields) => fields.iter().for_each(|(_, value)| value.secrets(into)),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Unknown => {}
        }
    }
}

struct Wire<'a>(&'a Body);

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            // Nothing is sent that holds an unknown; in a digest it is as good as nothing.
            Body::Null | Body::Unknown => to.serialize_unit(),
            Body::Bool(value) => to.serialize_bool(*value),
            Body::Number(value) => value.serialize(to),
            Body::String(text) => to.serialize_str(text),
            Body::Secret(text) => to.serialize_str(text.expose()),
            Body::List(items) => to.collect_seq(items.iter().map(Wire)),
            Body::Map(fields) => {
                to.collect_map(fields.iter().map(|(key, value)| (key, Wire(value))))
            }
        }
    }
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(value) => Self::Number(value),
            Value::String(text) => Self::String(text),
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(fields) => Self::map(fields),
        }
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Body {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Body {
    fn from(value: u64) -> Self {
        Self::Number(value.into())
    }
}

impl From<SecretText> for Body {
    fn from(text: SecretText) -> Self {
        Self::Secret(Arc::new(text))
    }
}

impl From<Arc<SecretText>> for Body {
    fn from(text: Arc<SecretText>) -> Self {
        Self::Secret(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_is_on_the_wire_and_not_in_debug() {
        let body = Body::Map(vec![
            ("username".into(), "ada".into()),
            (
                "password".into(),
                SecretText::new("hunter2\"".into()).into(),
            ),
        ]);
        assert_eq!(
            &body.to_wire()[..],
            br#"{"username":"ada","password":"hunter2\""}"#
        );
        assert!(!format!("{body:?}").contains("hunter2"));
        let mut secrets = Vec::new();
        body.secrets(&mut secrets);
        assert_eq!(secrets, ["hunter2\""]);
    }

    #[test]
    fn json_goes_through_unchanged() {
        let value = json!({"b": [1, -2.5, null, {"x": true}], "a": ""});
        let wire = Body::from(value.clone()).to_wire();
        assert_eq!(serde_json::from_slice::<Value>(&wire).unwrap(), value);
    }
}
