//! What holders are told of an attempt: a line that can be sent in any chat, with nothing secret in it.
//!
//! `BG1-` and, in base64url, a list of JSON: name and id of the cluster, nonce, number of shares, fingerprint of the PGP
//! key that the token will be encrypted with (empty where it comes under a one-time pad), and why, by whom and when it
//! was started. At the end sixteen hexadecimal digits of its SHA-256, which two people can compare by telephone: too many
//! to look for another code with the same.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use jiff::Timestamp;

use crate::code::Code;
use crate::failure::Failure;
use crate::hex::short_sha256;

const MARK: &str = "BG1-";
/// Names, ids and nonces are short, and a reason is cut.
const LONGEST: usize = 4000;
/// Letters of a reason that a code has room for.
const LONGEST_REASON: usize = 200;
/// Hexadecimal digits at the end.
const DIGITS: usize = 16;

/// Where an attempt comes from, as its holders are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Name of the cluster in the starter's file.
    pub(crate) cluster: String,
    /// Id of the cluster, to be compared with what the holder's own file says.
    pub(crate) id: String,
    /// Why, in the starter's words.
    pub(crate) reason: String,
    /// As the server calls whoever started it.
    pub(crate) requester: String,
    /// When.
    pub(crate) since: Timestamp,
}

/// An attempt, as whoever started it names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttemptCode {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// The attempt. A share is given to this one only, never to the one that a server shows.
    pub(crate) nonce: String,
    /// How many shares it needs.
    pub(crate) required: u32,
    /// As the server must show it.
    pub(crate) pgp_fingerprint: String,
}

impl Origin {
    /// An attempt that starts now. A long reason is cut: a code is to be sent in a chat.
    pub(crate) fn now((cluster, id): (&str, String), reason: &str, requester: String) -> Self {
        let mut reason: String = reason.chars().take(LONGEST_REASON + 1).collect();
        if let Some((last, _)) = reason.char_indices().nth(LONGEST_REASON) {
            reason.truncate(last);
            reason.push('…');
        }
        Self {
            cluster: cluster.to_owned(),
            id,
            reason,
            requester,
            since: Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default(),
        }
    }
}

impl AttemptCode {
    pub(crate) fn to_text(&self) -> String {
        let origin = &self.origin;
        let list = serde_json::json!([
            origin.cluster,
            origin.id,
            self.nonce,
            self.required,
            self.pgp_fingerprint,
            origin.reason,
            origin.requester,
            origin.since.as_second(),
        ]);
        let body = URL_SAFE_NO_PAD.encode(list.to_string());
        format!("{MARK}{body}-{}", short_sha256(body.as_bytes(), DIGITS))
    }

    /// What people compare by telephone.
    pub(crate) fn spoken(&self) -> String {
        let text = self.to_text();
        let digits = &text[text.len() - DIGITS..];
        let groups: Vec<_> = (0..DIGITS)
            .step_by(4)
            .map(|at| &digits[at..at + 4])
            .collect();
        groups.join(" ")
    }

    /// # Errors
    /// It is none, or a letter of it is another one.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let bad = |why: &str| {
            Failure::usage(
                Code::CodeWrong,
                format!("this is not the code of an attempt: {why}"),
            )
            .advise("copy it whole, as it was printed where the attempt was started")
        };
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(bad("it is too long"));
        }
        let begins = || bad("it does not begin with BG1-");
        let body = text.strip_prefix(MARK).ok_or_else(begins)?;
        let cut = || bad("its end is missing");
        let (body, digits) = body.rsplit_once('-').ok_or_else(cut)?;
        if short_sha256(body.as_bytes(), DIGITS) != digits {
            return Err(bad("a letter of it is missing or wrong"));
        }
        let list = URL_SAFE_NO_PAD.decode(body).ok();
        let list = list.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let (cluster, id, nonce, required, pgp_fingerprint, reason, requester, since) =
            list.ok_or_else(|| bad("it is of another release"))?;
        let since = Timestamp::from_second(since).map_err(|_| bad("it has no time"))?;
        let code = Self {
            origin: Origin {
                cluster,
                id,
                reason,
                requester,
                since,
            },
            nonce,
            required,
            pgp_fingerprint,
        };
        // Blanks or other digits of a number would be room to play with.
        if code.to_text() == text {
            Ok(code)
        } else {
            Err(bad("it is not written as this program does"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> AttemptCode {
        AttemptCode {
            origin: Origin::now(
                ("prod-eu-1", "f00d".into()),
                "disk full",
                "oidc-alice".into(),
            ),
            nonce: "0e9c1f4e-6f1a-4d0f-9e5f-000000000000".into(),
            required: 3,
            pgp_fingerprint: String::new(),
        }
    }

    #[test]
    fn a_code_comes_back_as_it_was() {
        let text = code().to_text();
        assert_eq!(AttemptCode::parse(&format!(" {text}\n")).unwrap(), code());
        assert!(text.ends_with(&code().spoken().replace(' ', "")));
        assert_eq!(code().spoken().len(), 19);
    }

    #[test]
    fn a_long_reason_is_cut_and_the_code_can_still_be_read() {
        let long = AttemptCode {
            origin: Origin::now(("a", "b".into()), &"é".repeat(5000), "ada".into()),
            ..code()
        };
        assert_eq!(
            long.origin.reason.chars().count(),
            LONGEST_REASON + 1,
            "with its ellipsis"
        );
        assert_eq!(AttemptCode::parse(&long.to_text()).unwrap(), long);
    }

    #[test]
    fn a_code_with_another_letter_is_refused() {
        let text = code().to_text();
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(AttemptCode::parse(&changed).is_err(), "{changed}");
        }
        assert!(AttemptCode::parse("").is_err() && AttemptCode::parse("BG1-").is_err());
        assert!(AttemptCode::parse(&"x".repeat(LONGEST + 1)).is_err());
    }
}
