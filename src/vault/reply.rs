//! What the server said: status first, then JSON straight into the type that is wanted.
//!
//! A parse error of ours tells the place in the answer and never what stood there.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use zeroize::Zeroizing;

use super::error::{Error, Kind};

/// The servers' texts are for people: three say enough.
const MAX_MESSAGES: usize = 3;
/// Characters of each.
const MAX_MESSAGE: usize = 300;
/// Shorter secrets are not searched for: replacing every "1" makes a text unreadable and hides nothing.
const SHORTEST_SECRET: usize = 4;

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) method: String,
    pub(super) url: String,
    content_type: String,
    /// The `errors` of an answer that is one, without secrets.
    messages: Vec<String>,
    body: Zeroizing<Vec<u8>>,
}

impl Reply {
    /// `path` decides whether the server's texts may be kept; `secrets` are taken out of them.
    pub(super) fn new(
        raw: super::transport::Raw,
        method: &str,
        url: String,
        path: &str,
        secrets: &[&str],
    ) -> Self {
        let success = (200..300).contains(&raw.status);
        let messages = if success || is_mute(path) {
            Vec::new()
        } else {
            messages(&raw.body, path, secrets)
        };
        Self {
            status: raw.status,
            method: method.to_owned(),
            url,
            content_type: raw.content_type,
            messages,
            body: raw.body,
        }
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// True for the server's own 404; a 404 of something else is an error.
    pub(super) fn is_absent(&self) -> Result<bool, Error> {
        if self.status != 404 {
            return Ok(false);
        }
        let refusal = self.refusal();
        if matches!(refusal.kind(), Kind::NotVault { .. }) {
            Err(refusal)
        } else {
            Ok(true)
        }
    }

    /// The server's words when it refused.
    pub(super) fn messages(&self) -> &[String] {
        &self.messages
    }

    pub(super) fn is_empty(&self) -> bool {
        self.body.iter().all(u8::is_ascii_whitespace)
    }

    pub(super) fn fail(&self, kind: Kind) -> Error {
        Error::new(&self.method, &self.url, kind)
    }

    /// The error that this answer is.
    pub(super) fn refusal(&self) -> Error {
        if self.is_empty() || self.looks_like_json() {
            self.fail(Kind::Status {
                code: self.status,
                messages: self.messages.clone(),
            })
        } else {
            self.not_vault()
        }
    }

    /// This answer if it is a success.
    pub(super) fn ok(self) -> Result<Self, Error> {
        if self.is_success() {
            Ok(self)
        } else {
            Err(self.refusal())
        }
    }

    /// The whole body as `T`, whatever the status.
    pub(super) fn whole<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if !self.looks_like_json() {
            return Err(self.not_vault());
        }
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(&error))
    }

    /// `data` of an enveloped answer, or the whole body where the server uses no envelope.
    pub(super) fn data<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if self.is_empty() {
            return self.nothing();
        }
        let outline: Outline = self.whole()?;
        if outline.request_id.is_none() {
            return self.whole();
        }
        if outline.data.is_none() {
            return self.nothing();
        }
        let envelope: Envelope<T> = self.whole()?;
        Ok(envelope.data)
    }

    /// The warnings of an enveloped answer.
    pub(super) fn warnings(&self) -> Vec<String> {
        let parsed: Result<Warned, _> = serde_json::from_slice(&self.body);
        parsed
            .ok()
            .and_then(|answer| answer.warnings)
            .unwrap_or_default()
    }

    /// The body as it came, for the one answer that is stored before it is read.
    pub(super) fn into_body(self) -> Zeroizing<Vec<u8>> {
        self.body
    }

    pub(super) fn not_vault(&self) -> Error {
        self.fail(Kind::NotVault {
            status: self.status,
            content_type: self.content_type.clone(),
        })
    }

    fn looks_like_json(&self) -> bool {
        let first = self.body.iter().find(|byte| !byte.is_ascii_whitespace());
        matches!(first, Some(b'{' | b'['))
    }

    /// What `T` is when there is no data: unit, null or an option accept it, all else does not.
    fn nothing<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(b"null")
            .map_err(|_| self.fail(Kind::Malformed("it holds no data".into())))
    }

    fn unreadable(&self, error: &serde_json::Error) -> Error {
        // The error's own text quotes the answer.
        let what = match error.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                "it is not JSON"
            }
            serde_json::error::Category::Data => "its fields are not the expected ones",
        };
        self.fail(Kind::Malformed(format!(
            "{what} (line {}, column {})",
            error.line(),
            error.column()
        )))
    }
}

#[derive(Deserialize)]
struct Outline {
    request_id: Option<IgnoredAny>,
    data: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct Warned {
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    errors: Option<Vec<String>>,
    #[serde(default)]
    data: Option<RefusedData>,
}

#[derive(Deserialize)]
struct RefusedData {
    #[serde(default)]
    error: Option<String>,
}

/// Calls whose error texts repeat nonces (servers: `incorrect nonce supplied; nonce for … is "…"`) or come
/// next to keys.
fn is_mute(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("sys/") else {
        return false;
    };
    [
        "init",
        "unseal",
        "generate-root",
        "generate-recovery",
        "rekey",
        "rotate",
        "decode-token",
    ]
    .iter()
    .any(|call| rest.starts_with(call))
}

fn messages(body: &[u8], path: &str, secrets: &[&str]) -> Vec<String> {
    let Ok(refused) = serde_json::from_slice::<Refused>(body) else {
        return Vec::new();
    };
    let texts = refused.errors.unwrap_or_default().into_iter();
    let texts = texts.chain(refused.data.and_then(|data| data.error));
    texts
        .take(MAX_MESSAGES)
        .map(|text| tidy(&text, path, secrets))
        .filter(|text| !text.is_empty())
        .collect()
}

fn tidy(text: &str, path: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    if path.contains("/oidc/") {
        // What the identity provider answered may be a token (servers: OpenBao, oidc/poll in device mode).
        let end = text.to_ascii_lowercase().find("response:");
        text.truncate(end.unwrap_or(text.len()));
    }
    for secret in secrets
        .iter()
        .filter(|secret| secret.len() >= SHORTEST_SECRET)
    {
        text = text.replace(secret, "…");
    }
    // "1 error occurred:\n\t* permission denied\n\n" on one line.
    let printable: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let joined = printable.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.chars().take(MAX_MESSAGE).collect()
}

/// For fields that the servers send as null when they are empty.
pub(super) fn null_is_empty<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::super::transport::Raw;
    use super::*;
    use serde_json::{Value, json};

    fn reply(status: u16, content_type: &str, body: &str, path: &str, secrets: &[&str]) -> Reply {
        let raw = Raw {
            status,
            content_type: content_type.into(),
            location: None,
            body: Zeroizing::new(body.as_bytes().to_vec()),
        };
        Reply::new(
            raw,
            "GET",
            format!("https://vault/v1/{path}"),
            path,
            secrets,
        )
    }

    #[test]
    fn data_is_taken_out_of_an_envelope_and_only_out_of_one() {
        let enveloped = r#"{"request_id":"r","data":{"a":1},"warnings":["w"]}"#;
        let reply_ = reply(200, "application/json", enveloped, "x", &[]);
        assert_eq!(reply_.data::<Value>().unwrap(), json!({"a": 1}));
        assert_eq!(reply_.warnings(), ["w"]);
        let bare = reply(
            200,
            "application/json",
            r#"{"data":{"a":1},"sealed":true}"#,
            "x",
            &[],
        );
        assert_eq!(
            bare.data::<Value>().unwrap(),
            json!({"data": {"a": 1}, "sealed": true})
        );
        let none = reply(
            200,
            "application/json",
            r#"{"request_id":"r","data":null,"warnings":["w"]}"#,
            "x",
            &[],
        );
        assert_eq!(none.data::<Value>().unwrap(), Value::Null);
        assert_eq!(
            reply(204, "", "", "x", &[]).data::<Value>().unwrap(),
            Value::Null
        );
    }

    #[test]
    fn a_parse_error_quotes_nothing_of_the_answer() {
        let bad = reply(
            200,
            "application/json",
            r#"{"request_id":"r","data":"hvs.secret"}"#,
            "x",
            &[],
        );
        let error = bad.data::<Vec<u64>>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hvs.secret"));
        assert!(
            error
                .to_string()
                .contains("its fields are not the expected ones"),
            "{error}"
        );
    }

    #[test]
    fn a_web_page_is_not_the_server() {
        let error = reply(200, "text/html", "<html>hvs.secret", "x", &[])
            .data::<Value>()
            .unwrap_err();
        assert_eq!(
            error.kind(),
            &Kind::NotVault {
                status: 200,
                content_type: "text/html".into()
            }
        );
        let error = reply(502, "text/html", "<html>", "x", &[]).refusal();
        assert!(error.is_retryable());
        let error = reply(503, "", "", "x", &[]).refusal();
        assert_eq!(
            error.kind(),
            &Kind::Status {
                code: 503,
                messages: vec![]
            }
        );
    }

    #[test]
    fn the_servers_texts_are_short_clean_and_few() {
        let body = json!({"errors": ["1 error occurred:\n\t* permission denied\n\n", "x".repeat(400), "c", "d"]});
        let error = reply(403, "application/json", &body.to_string(), "x", &[]).refusal();
        assert_eq!(error.messages()[0], "1 error occurred: * permission denied");
        assert_eq!(error.messages()[1].len(), 300);
        assert_eq!(error.messages().len(), 3);
    }

    #[test]
    fn what_we_sent_in_secret_does_not_come_back() {
        let body = json!({"errors": ["bad password \"hunter2\""]}).to_string();
        let error = reply(400, "application/json", &body, "auth/x", &["hunter2"]).refusal();
        assert_eq!(error.messages(), ["bad password \"…\""]);
    }

    #[test]
    fn calls_that_deal_in_keys_keep_no_text() {
        let body = json!({"errors": ["incorrect nonce supplied; nonce is \"1-2-3\""]}).to_string();
        for path in [
            "sys/init",
            "sys/unseal",
            "sys/generate-root/update",
            "sys/generate-root-token/update",
            "sys/rekey-recovery-key/update",
            "sys/rotate/recovery/update",
        ] {
            let error = reply(400, "application/json", &body, path, &[]).refusal();
            assert_eq!(error.messages(), [] as [&str; 0], "{path}");
        }
    }

    #[test]
    fn what_the_identity_provider_answered_is_cut_off() {
        let body = json!({"errors": ["error decoding issuer response: x; response: {\"id_token\":\"ey\"}"]});
        let error = reply(
            500,
            "application/json",
            &body.to_string(),
            "auth/oidc/oidc/poll",
            &[],
        )
        .refusal();
        assert!(!error.to_string().contains("ey"), "{error}");
    }
}
