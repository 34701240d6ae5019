//! What holders are told of an attempt: a line that can be sent in any chat, with nothing secret in it.
//!
//! `BG1-` and, in base64url, a list of JSON: name and id of the cluster, nonce, number of shares, fingerprint of the PGP
//! key that the token will be encrypted with (empty where it comes under a one-time pad). At the end sixteen hexadecimal
//! digits of its SHA-256, which two people can compare by telephone: too many to look for another code with the same.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::failure::Failure;
use crate::hex::short_sha256;

const MARK: &str = "BG1-";
/// Names, ids and nonces are short.
const LONGEST: usize = 2000;
/// Hexadecimal digits at the end.
const DIGITS: usize = 16;

/// An attempt, as whoever started it names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    /// Name of the cluster in the starter's file.
    pub(crate) cluster: String,
    /// Id of the cluster, to be compared with what the holder's own file says.
    pub(crate) id: String,
    /// The attempt. A share is given to this one only, never to the one that a server shows.
    pub(crate) nonce: String,
    /// How many shares it needs.
    pub(crate) required: u32,
    /// As the server must show it.
    pub(crate) pgp_fingerprint: String,
}

impl Code {
    pub(crate) fn to_text(&self) -> String {
        let list = serde_json::json!([
            self.cluster,
            self.id,
            self.nonce,
            self.required,
            self.pgp_fingerprint
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
            Failure::usage(format!("this is no code of an attempt: {why}"))
                .advise("copy it whole, as it was printed where the attempt was started")
        };
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(bad("it is too long"));
        }
        let begins = || bad("it begins with other letters than BG1-");
        let body = text.strip_prefix(MARK).ok_or_else(begins)?;
        let cut = || bad("its end is missing");
        let (body, digits) = body.rsplit_once('-').ok_or_else(cut)?;
        if short_sha256(body.as_bytes(), DIGITS) != digits {
            return Err(bad("a letter of it is missing or another one"));
        }
        let list = URL_SAFE_NO_PAD.decode(body).ok();
        let list = list.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let (cluster, id, nonce, required, pgp_fingerprint) =
            list.ok_or_else(|| bad("it is of another release"))?;
        let code = Self {
            cluster,
            id,
            nonce,
            required,
            pgp_fingerprint,
        };
        // Blanks or other digits of a number would be room to play with.
        if code.to_text() == text {
            Ok(code)
        } else {
            Err(bad("it is written in another way"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> Code {
        Code {
            cluster: "prod-eu-1".into(),
            id: "f00d".into(),
            nonce: "0e9c1f4e-6f1a-4d0f-9e5f-000000000000".into(),
            required: 3,
            pgp_fingerprint: String::new(),
        }
    }

    #[test]
    fn a_code_comes_back_as_it_was() {
        let text = code().to_text();
        assert_eq!(Code::parse(&format!(" {text}\n")).unwrap(), code());
        assert!(text.ends_with(&code().spoken().replace(' ', "")));
        assert_eq!(code().spoken().len(), 19);
    }

    #[test]
    fn a_code_with_another_letter_is_refused() {
        let text = code().to_text();
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(Code::parse(&changed).is_err(), "{changed}");
        }
        assert!(Code::parse("").is_err() && Code::parse("BG1-").is_err());
        assert!(Code::parse(&"x".repeat(LONGEST + 1)).is_err());
    }
}
