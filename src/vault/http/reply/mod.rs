//! What the server said: status first, then JSON straight into the type that is wanted.
//!
//! A parse error of ours tells the place in the answer and never what stood there.

#[cfg(test)]
pub(crate) mod tests;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::printable;
use crate::vault::http::error::{Error, Kind};
use crate::vault::http::field;

/// The servers' texts are for people: three say enough.
const MAX_MESSAGES: usize = 3;
/// Characters of each.
const MAX_MESSAGE: usize = 300;
/// Characters of a content type.
const LONGEST_TYPE: usize = 100;
/// Shorter secrets are not searched for: replacing every "1" makes a text unreadable and hides nothing.
const SHORTEST_SECRET: usize = 4;

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) method: String,
    pub(crate) url: String,
    /// The node by name, where it says that.
    pub(crate) node: Option<String>,
    content_type: String,
    /// The `errors` of an answer that is one, without secrets.
    messages: Vec<String>,
    /// An error in the form that the servers give every one of theirs.
    in_their_form: bool,
    warnings: Vec<String>,
    /// Nothing secret was sent, so nothing of ours can come back.
    may_be_quoted: bool,
    body: Zeroizing<Vec<u8>>,
}

impl Reply {
    /// `path` decides whether the server's texts may be kept; `secrets` are taken out of them.
    pub(crate) fn new(
        raw: crate::vault::http::transport::Raw,
        method: &str,
        url: String,
        path: &str,
        secrets: &[&str],
    ) -> Self {
        let success = (200..300).contains(&raw.status);
        let refused = if success { None } else { refused(&raw.body) };
        let in_their_form = refused.is_some();
        let messages = refused
            .filter(|_| !is_mute(path, raw.status))
            .map(|refused| messages(refused, path, secrets))
            .unwrap_or_default();
        // Only what is written is warned of; the answers to reads are many, and each is parsed often enough.
        let warnings = if success && method != "GET" && !is_mute(path, raw.status) {
            warnings(&raw.body, path, secrets)
        } else {
            Vec::new()
        };
        Self {
            status: raw.status,
            method: method.to_owned(),
            url,
            node: raw.node.map(field::fit),
            content_type: raw.content_type,
            messages,
            in_their_form,
            warnings,
            may_be_quoted: secrets.is_empty(),
            body: raw.body,
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// True for the server's own 404; a 404 of something else is an error.
    pub(crate) fn is_absent(&self) -> Result<bool, Error> {
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
    pub(crate) fn messages(&self) -> &[String] {
        &self.messages
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.body.iter().all(u8::is_ascii_whitespace)
    }

    pub(crate) fn fail(&self, kind: Kind) -> Error {
        Error::new(&self.method, &self.url, kind)
    }

    /// Whether the server refuses with a text that has `words` in it, where the text itself may not be kept.
    pub(crate) fn refuses_with(&self, words: &str) -> bool {
        let refused = refused(&self.body);
        let texts = refused.and_then(|refused| refused.errors);
        texts.is_some_and(|texts| texts.iter().any(|text| text.contains(words)))
    }

    /// The error that this answer is. Only what has the servers' own form is a refusal of theirs: a proxy's
    /// 403 says nothing about a token, and its 400 nothing about an initialisation, be it empty or JSON.
    pub(crate) fn refusal(&self) -> Error {
        if self.in_their_form || (self.is_empty() && self.status >= 500) {
            self.fail(Kind::Status {
                code: self.status,
                messages: self.messages.clone(),
            })
        } else {
            self.not_vault()
        }
    }

    /// This answer if it is a success.
    pub(crate) fn ok(self) -> Result<Self, Error> {
        if self.is_success() {
            Ok(self)
        } else {
            Err(self.refusal())
        }
    }

    /// The whole body as `T`, whatever the status.
    pub(crate) fn whole<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let first = self.body.iter().find(|byte| !byte.is_ascii_whitespace());
        if !matches!(first, Some(b'{' | b'[')) {
            return Err(self.not_vault());
        }
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(&error))
    }

    /// `data` of an enveloped answer, or the whole body where the server uses no envelope.
    pub(crate) fn data<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if self.is_empty() {
            return self.nothing();
        }
        let outline: Outline<'_> = self.whole()?;
        if outline.request_id.is_none() {
            return self.whole();
        }
        match outline.data {
            None => self.nothing(),
            Some(data) => serde_json::from_str(data.get()).map_err(|error| self.unreadable(&error)),
        }
    }

    /// How the server's audit logs name the request that this answers; empty where it does not say.
    pub(crate) fn request_id(&self) -> String {
        let named: Result<Named, _> = serde_json::from_slice(&self.body);
        named.map(|named| named.request_id).unwrap_or_default()
    }

    /// The names of a list; none where the server answers 404.
    pub(crate) fn keys(self) -> Result<Vec<String>, Error> {
        if self.is_absent()? {
            return Ok(Vec::new());
        }
        let keys: Keys = self.ok()?.data()?;
        Ok(keys.keys)
    }

    /// The warnings of an enveloped answer to a write.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// The body as it came, for the one answer that is stored before it is read.
    pub(crate) fn into_body(self) -> Zeroizing<Vec<u8>> {
        self.body
    }

    pub(crate) fn not_vault(&self) -> Error {
        self.fail(Kind::NotVault {
            status: self.status,
            content_type: printable::line(&self.content_type, LONGEST_TYPE),
        })
    }

    /// What `T` is when there is no data: unit, null or an option accept it, all else does not.
    fn nothing<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(b"null")
            .map_err(|_| self.fail(Kind::Malformed("it holds no data".into())))
    }

    fn unreadable(&self, error: &serde_json::Error) -> Error {
        if let Some((name, value)) = field::refusal(error) {
            let value = Some(value).filter(|_| self.may_be_quoted);
            return self.fail(Kind::Field { name, value });
        }
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
struct Outline<'a> {
    request_id: Option<IgnoredAny>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default, deserialize_with = "field::request_id")]
    request_id: String,
}

#[derive(Deserialize)]
struct Keys {
    #[serde(default, deserialize_with = "field::compared")]
    keys: Vec<String>,
}

#[derive(Deserialize)]
struct Warned {
    #[serde(default, deserialize_with = "field::compared")]
    warnings: Option<Vec<String>>,
}

/// Servers: `{"errors": ["…"]}` for every error; enveloped where a backend answers with a status of its own.
#[derive(Deserialize)]
struct Refused {
    #[serde(default, deserialize_with = "field::compared")]
    errors: Option<Vec<String>>,
    request_id: Option<IgnoredAny>,
    data: Option<RefusedData>,
}

#[derive(Deserialize)]
struct RefusedData {
    #[serde(default, deserialize_with = "field::compared")]
    error: Option<String>,
}

/// Calls whose error texts repeat nonces (servers: `incorrect nonce supplied; nonce for … is "…"`) or come
/// next to keys.
///
/// A 4xx of `sys/init` is neither: it carries no keys, nothing that we send there is secret, and what it
/// says (servers: `invalid seal configuration: threshold cannot be larger than shares`) is what a person needs.
fn is_mute(path: &str, status: u16) -> bool {
    if path == "sys/init" && (400..500).contains(&status) {
        return false;
    }
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

fn refused(body: &[u8]) -> Option<Refused> {
    let refused: Refused = serde_json::from_slice(body).ok()?;
    (refused.errors.is_some() || refused.request_id.is_some()).then_some(refused)
}

fn warnings(body: &[u8], path: &str, secrets: &[&str]) -> Vec<String> {
    let parsed: Result<Warned, _> = serde_json::from_slice(body);
    let texts = parsed.ok().and_then(|answer| answer.warnings);
    fit_to_show(texts.unwrap_or_default().into_iter(), path, secrets)
}

/// Somebody else's texts: few, short, on one line, without the secrets of the request.
fn fit_to_show(texts: impl Iterator<Item = String>, path: &str, secrets: &[&str]) -> Vec<String> {
    texts
        .take(MAX_MESSAGES)
        .map(|text| tidy(&text, path, secrets))
        .filter(|text| !text.is_empty())
        .collect()
}

fn messages(refused: Refused, path: &str, secrets: &[&str]) -> Vec<String> {
    let texts = refused.errors.unwrap_or_default().into_iter();
    let texts = texts.chain(refused.data.and_then(|data| data.error));
    fit_to_show(texts, path, secrets)
}

/// How the servers begin what they say of a program that is no plugin.
const NO_PLUGIN: &str = "unrecognized remote plugin message";

fn tidy(text: &str, path: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    if path.contains("/oidc/") {
        // What the identity provider answered may be a token (servers: OpenBao, oidc/poll in device mode).
        let end = text.to_ascii_lowercase().find("response:");
        text.truncate(end.unwrap_or(text.len()));
    }
    if path.contains("mfa/method/pingid") {
        // Lines of the settings file stand there in quotes, decoded: a key among them (servers: both).
        text.truncate(text.find('"').unwrap_or(text.len()));
    }
    // What a program prints first, which may be its environment, is quoted after it (servers: both).
    if let Some(at) = text.to_ascii_lowercase().find(NO_PLUGIN) {
        text.truncate(at + NO_PLUGIN.len());
    }
    for secret in secrets
        .iter()
        .filter(|secret| secret.len() >= SHORTEST_SECRET)
    {
        text = text.replace(secret, "…");
    }
    // "1 error occurred:\n\t* permission denied\n\n" on one line.
    let seen = |letter| {
        if printable::is_hidden(letter) {
            ' '
        } else {
            letter
        }
    };
    let seen: String = text.chars().map(seen).collect();
    let joined = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.chars().take(MAX_MESSAGE).collect()
}

/// For fields that the servers send as null when they are empty.
pub(crate) fn null_is_empty<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}
