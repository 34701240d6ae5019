//! What a JWT says of itself beside its signature: enough to see which one was shown, and no way to use it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::printable;
use crate::secret::SecretText;
use crate::span;

/// Characters of one claim that are shown.
const LONGEST: usize = 120;
/// Servers take a token for so long after its end (openbao: jwt.DefaultLeeway, 150 seconds).
const LEEWAY: Duration = Duration::from_secs(150);

/// The claims of a JWT.
#[derive(Debug)]
pub struct Claims(Map<String, Value>);

impl SecretText {
    /// What it says of itself, where it is a JWT. Nobody has checked its signature.
    pub fn claims(&self) -> Option<Claims> {
        let payload = self.expose().split('.').nth(1)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload).ok()?;
        serde_json::from_slice(&bytes).ok().map(Claims)
    }
}

impl Claims {
    /// A claim as JSON, which tells a number from a text, cut to a length that can be read.
    pub fn value(&self, name: &str) -> Option<String> {
        let value = self.0.get(name)?;
        Some(printable::line(&value.to_string(), LONGEST))
    }

    /// Whether it says when it ends.
    pub fn has_end(&self) -> bool {
        self.end().is_some()
    }

    /// When it ended, where that is longer ago than any server would overlook.
    pub fn ended(&self, now: Timestamp) -> Option<Timestamp> {
        let end = self.end()?;
        (end.checked_add(LEEWAY).ok()? < now).then_some(end)
    }

    /// The Kubernetes service account whose token it is: namespace and name.
    pub fn service_account(&self) -> Option<(String, String)> {
        let account = self.text("sub")?;
        let account = account.strip_prefix("system:serviceaccount:")?;
        let (namespace, name) = account.split_once(':')?;
        let plain = |text: &str| {
            let mut letters = text.bytes();
            !text.is_empty() && letters.all(|c| c.is_ascii_alphanumeric() || b"-.".contains(&c))
        };
        (plain(namespace) && plain(name)).then(|| (namespace.to_owned(), name.to_owned()))
    }

    /// Whose it is, for whom, and until when: `of system:serviceaccount:ci:app, for vault, ended at …`.
    pub fn in_words(&self, now: Timestamp) -> String {
        let subject = self.text("sub").map(|name| format!("of {name}"));
        let audience = match self.0.get("aud") {
            Some(Value::Array(all)) => {
                let all: Vec<_> = all.iter().filter_map(Value::as_str).collect();
                Some(all.join(", "))
            }
            other => other.and_then(Value::as_str).map(str::to_owned),
        };
        let audience = audience.map(|name| format!("for {}", printable::line(&name, LONGEST)));
        let end = self.end().map(|end| {
            let at = end.strftime("%Y-%m-%dT%H:%M:%SZ");
            let ago = now.duration_since(end);
            if ago.is_negative() {
                format!("until {at}")
            } else {
                format!(
                    "ended at {at}, {} ago",
                    span::of_seconds(ago.unsigned_abs().as_secs())
                )
            }
        });
        let parts = [subject, audience, end];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.0.get(name)?.as_str()?;
        Some(printable::line(text, LONGEST))
    }

    fn end(&self) -> Option<Timestamp> {
        let end = self.0.get("exp")?;
        // Whole seconds, as all of them are made; RFC 7519 allows a fraction.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a fraction of a second is of no use"
        )]
        let seconds = end
            .as_i64()
            .or_else(|| end.as_f64().map(|time| time as i64))?;
        Timestamp::from_second(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(payload: &str) -> Option<Claims> {
        SecretText::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))).claims()
    }

    #[test]
    fn a_token_is_told_by_whose_it_is_for_whom_and_until_when() {
        let now = Timestamp::from_second(10_000).unwrap();
        let of = |payload: &str| claims(payload).unwrap().in_words(now);
        assert_eq!(
            of(r#"{"sub":"system:serviceaccount:ci:app","aud":["vault","other"],"exp":2800}"#),
            "of system:serviceaccount:ci:app, for vault, other, ended at 1970-01-01T00:46:40Z, 2h ago"
        );
        assert_eq!(
            of(r#"{"aud":"vault","exp":10001.5}"#),
            "for vault, until 1970-01-01T02:46:41Z"
        );
        assert_eq!(of(r#"{"sub":"a\u001b[2J"}"#), r"of a\u{1b}[2J");
        assert_eq!(of("{}"), "");
    }

    #[test]
    fn an_end_within_what_servers_overlook_is_none() {
        let ended = |seconds| {
            let now = Timestamp::from_second(seconds).unwrap();
            claims(r#"{"exp":1000}"#).unwrap().ended(now).is_some()
        };
        assert_eq!([ended(999), ended(1150), ended(1151)], [false, false, true]);
        assert!(claims("{}").unwrap().ended(Timestamp::MAX).is_none());
    }

    #[test]
    fn a_claim_is_told_with_its_type_and_a_text_that_is_no_jwt_tells_nothing() {
        let two = claims(r#"{"a":"23","b":23}"#).unwrap();
        assert_eq!(two.value("a").unwrap(), r#""23""#);
        assert_eq!(two.value("b").unwrap(), "23");
        assert_eq!(two.value("c"), None);
        for text in ["hunter2", "a.b.c", "..", "e30.W10.x"] {
            assert!(SecretText::new(text.into()).claims().is_none(), "{text}");
        }
    }

    #[test]
    fn a_service_account_that_is_no_name_is_in_no_command() {
        let of = |sub: &str| {
            claims(&format!(r#"{{"sub":"{sub}"}}"#))
                .unwrap()
                .service_account()
        };
        let pair = ("ci".to_owned(), "app".to_owned());
        assert_eq!(of("system:serviceaccount:ci:app"), Some(pair));
        for other in [
            "ada",
            "system:serviceaccount:ci",
            "system:serviceaccount:ci:a;b",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
