//! What is remembered of a document's values: each in clear, or as a keyed digest where it may be secret.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::memory::leaf::{Leaves, field_of, leaves};
use crate::vault::Body;

/// The key of the digests. It opens nothing.
pub(crate) struct DigestKey(hmac::Key);

impl std::fmt::Debug for DigestKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DigestKey(…)")
    }
}

impl DigestKey {
    /// From what only the holder of the checkpoint's key can make.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Of one value at one place: the same value elsewhere has another digest.
    fn digest(&self, document: &str, place: &str, value: &Value) -> String {
        let text = zeroize::Zeroizing::new(value.to_string());
        let mut digest = hmac::Context::with_key(&self.0);
        for part in [document, place, &text] {
            digest.update(&part.len().to_be_bytes());
            digest.update(part.as_bytes());
        }
        BASE64_STANDARD.encode(digest.sign())
    }
}

/// The values of a document, by their places, as they are remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    /// What anybody may see.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) plain: BTreeMap<String, Value>,
    /// Digests of what may be secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) secret: BTreeMap<String, String>,
    /// What was not here, or could not be digested.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) unknown: BTreeSet<String>,
}

/// Whether a value is the remembered one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    Yes,
    No,
    /// It, or the key, is not here.
    Unknown,
}

impl Form {
    /// Of values that anybody may see.
    pub(crate) fn in_clear(body: &Body) -> Self {
        Self::of("", &leaves(body), None, |_| true)
    }

    /// What it says, a line a value; of what may be secret only that it is there.
    pub(crate) fn lines(&self) -> String {
        let plain = self.plain.iter();
        let plain = plain.map(|(place, value)| format!("{place}: {value}\n"));
        let hidden = self.secret.keys().chain(&self.unknown);
        let hidden = hidden.map(|place| format!("{place}: (not shown)\n"));
        plain.chain(hidden).collect()
    }

    /// Whether every value is known, in clear or by its digest.
    pub(crate) fn is_whole(&self) -> bool {
        self.unknown.is_empty()
    }

    /// Of these values of a document. What is a reference of the file, and what is not `plain`, is kept as a digest; without
    /// a key as nothing at all.
    pub(crate) fn of(
        document: &str,
        leaves: &Leaves,
        key: Option<&DigestKey>,
        plain: impl Fn(&str) -> bool,
    ) -> Self {
        let mut form = Self::default();
        for (place, value) in leaves {
            let known = json(value);
            let hidden = value.holds_secret() || !(plain(place) || is_empty(value));
            match (known, key) {
                (Some(known), _) if !hidden => {
                    form.plain.insert(place.clone(), known);
                }
                (Some(known), Some(key)) => {
                    let digest = key.digest(document, place, &known);
                    form.secret.insert(place.clone(), digest);
                }
                _ => {
                    form.unknown.insert(place.clone());
                }
            }
        }
        form
    }

    /// Every place.
    pub(super) fn places(&self) -> BTreeSet<&str> {
        let all = self.plain.keys().chain(self.secret.keys());
        all.chain(&self.unknown).map(String::as_str).collect()
    }

    /// Whether anything is remembered of a field.
    pub(crate) fn has_field(&self, field: &str) -> bool {
        self.places().iter().any(|place| field_of(place) == field)
    }

    /// Whether anything is remembered of this very place.
    pub(super) fn has(&self, place: &str) -> bool {
        self.plain.contains_key(place)
            || self.secret.contains_key(place)
            || self.unknown.contains(place)
    }

    /// What is remembered in clear of a place.
    pub(crate) fn shown(&self, place: &str) -> Option<&Value> {
        self.plain.get(place)
    }

    /// Whether `value` is what is remembered of the place, which has something.
    pub(super) fn is(
        &self,
        (document, place): (&str, &str),
        value: &Body,
        key: Option<&DigestKey>,
    ) -> Same {
        let Some(now) = json(value) else {
            return Same::Unknown;
        };
        let same = |same| if same { Same::Yes } else { Same::No };
        if let Some(then) = self.plain.get(place) {
            return same(*then == now);
        }
        match (self.secret.get(place), key) {
            (Some(then), Some(key)) => same(*then == key.digest(document, place, &now)),
            _ => Same::Unknown,
        }
    }
}

/// Nothing in it that could be secret: what nobody has set, and a yes or no.
fn is_empty(value: &Body) -> bool {
    super::leaf::is_untouched(value) || matches!(value, Body::Bool(_))
}

/// The value on the wire; `None` where it is not here.
pub(super) fn json(value: &Body) -> Option<Value> {
    if value.holds_unknown() {
        return None;
    }
    serde_json::from_slice(&value.to_wire()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::leaf::leaves;
    use crate::secret::SecretText;
    use serde_json::json;

    fn key() -> DigestKey {
        DigestKey::new(b"a key of the tests")
    }

    fn form(value: Value, plain: bool) -> Form {
        Form::of("d", &leaves(&Body::from(value)), Some(&key()), |_| plain)
    }

    #[test]
    fn the_type_of_a_value_counts() {
        for plain in [true, false] {
            let form = form(json!({"port": "5432"}), plain);
            let is = |value: Value| form.is(("d", "port"), &Body::from(value), Some(&key()));
            assert_eq!(is(json!("5432")), Same::Yes);
            assert_eq!(is(json!(5432)), Same::No);
            assert_eq!(is(json!(["5432"])), Same::No);
        }
    }

    #[test]
    fn a_secret_is_kept_as_a_digest_that_is_another_one_elsewhere() {
        let secret = || Body::map([("a", Body::from(SecretText::new("hunter2".into())))]);
        let of = |document| Form::of(document, &leaves(&secret()), Some(&key()), |_| true);
        let text = serde_json::to_string(&of("d")).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert_ne!(of("d"), of("e"));
        let leaf = &leaves(&secret())["a"];
        assert_eq!(of("d").is(("d", "a"), leaf, Some(&key())), Same::Yes);
        let plain = Body::from("hunter2");
        assert_eq!(of("d").is(("d", "a"), &plain, Some(&key())), Same::Yes);
    }

    #[test]
    fn without_its_key_a_secret_is_not_compared() {
        let form = form(json!({"a": "x"}), false);
        assert_eq!(form.is(("d", "a"), &"x".into(), None), Same::Unknown);
        let unknown = Body::map([("a", Body::Unknown)]);
        let form = Form::of("d", &leaves(&unknown), Some(&key()), |_| true);
        assert_eq!(
            form.is(("d", "a"), &"x".into(), Some(&key())),
            Same::Unknown
        );
    }

    #[test]
    fn it_reads_back_as_it_was_written() {
        let form = form(json!({"a": {"b": [1, "x"]}, "c": null}), true);
        let text = serde_json::to_string(&form).unwrap();
        assert_eq!(text, r#"{"plain":{"a.b":[1,"x"],"c":null}}"#);
        assert_eq!(serde_json::from_str::<Form>(&text).unwrap(), form);
    }
}
