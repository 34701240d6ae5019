//! The one-time pad of whoever starts an attempt, and what comes out under it.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use crate::hex::short_sha256;
use crate::secret::{RootToken, SecretText, Token};

/// The letters of a one-time pad; the servers take no others (`sdk/helper/base62`).
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The longest pad that is made, in bytes. Tokens of both products have less than 30.
const LONGEST_PAD: usize = 256;

/// The new token under the one-time pad: of no use without it.
pub struct Encoded(SecretText);

/// The one-time pad of an attempt.
pub struct Pad(SecretText);

impl Encoded {
    /// From what a holder was handed: base64, with or without its padding.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        // As this program prints it, with a word that tells a slip.
        let text = match text.rsplit_once('-') {
            Some((body, word)) if check_word(body) == word => body,
            Some(_) => return Err("a letter of it is missing or wrong"),
            None => text,
        };
        let text = text.trim_end_matches('=');
        let fits = !text.is_empty() && text.len() < 4 * LONGEST_PAD;
        let letters = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
        if fits && letters {
            Ok(Self(SecretText::new(text.to_owned())))
        } else {
            Err("it is no line of base64")
        }
    }

    /// As text, to be handed to whoever has the pad. Of no use to anybody else.
    pub fn to_text(&self) -> String {
        let body = self.0.expose();
        format!("{body}-{}", check_word(body))
    }
}

fn check_word(body: &str) -> String {
    short_sha256(body.as_bytes(), 8)
}

impl Pad {
    /// One that was kept.
    pub fn kept(text: SecretText) -> Self {
        Self(text)
    }

    /// Its text, to be kept.
    pub fn text(&self) -> &SecretText {
        &self.0
    }

    /// A new one of `length` bytes, as [`Progress::otp_length`] says.
    pub fn new(length: usize) -> Result<Self, &'static str> {
        if length == 0 || length > LONGEST_PAD {
            return Err("the server asks for a one-time pad of a nonsensical length");
        }
        let random = SystemRandom::new();
        let mut text = String::with_capacity(length);
        let mut bytes = Zeroizing::new([0u8; LONGEST_PAD]);
        while text.len() < length {
            random
                .fill(&mut *bytes)
                .map_err(|_| "the system gives no random bytes")?;
            // 248 is four times 62: every letter is as likely as any other.
            let letters = bytes.iter().filter(|byte| **byte < 248);
            let missing = length - text.len();
            text.extend(letters.take(missing).map(|byte| letter(*byte)));
        }
        Ok(Self(SecretText::new(text)))
    }

    /// The token behind `encoded`, unless that was encoded with another pad or is no token at all.
    pub fn open(&self, encoded: &Encoded) -> Result<RootToken, &'static str> {
        let text = encoded.0.expose().trim_end_matches('=');
        let bytes = STANDARD_NO_PAD.decode(text).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| "the encoded token is not base64")?;
        let pad = self.0.expose().as_bytes();
        if bytes.len() != pad.len() {
            return Err("the encoded token is as long as another one-time pad");
        }
        let plain = bytes.iter().zip(pad).map(|(one, other)| one ^ other);
        let plain = Zeroizing::new(plain.collect::<Vec<u8>>());
        // Tokens are letters, digits and a few marks; what another pad makes of them is not.
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        let text = std::str::from_utf8(&plain)
            .ok()
            .filter(|text| text.bytes().all(|byte| fits(&byte)));
        let text = text.ok_or("what the one-time pad decodes it to is no token")?;
        Ok(RootToken::new(Token::new(text.to_owned())))
    }
}

fn letter(byte: u8) -> char {
    char::from(LETTERS[usize::from(byte) % LETTERS.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(token: &str, pad: &str) -> Encoded {
        let bytes = token
            .bytes()
            .zip(pad.bytes())
            .map(|(one, other)| one ^ other);
        let text = STANDARD_NO_PAD.encode(bytes.collect::<Vec<u8>>());
        Encoded(SecretText::new(text))
    }

    #[test]
    fn a_pad_has_the_length_that_the_server_wants_and_its_letters_only() {
        for length in [1, 26, 28, LONGEST_PAD] {
            let pad = Pad::new(length).unwrap();
            assert_eq!(pad.0.len(), length);
            assert!(pad.0.expose().bytes().all(|byte| LETTERS.contains(&byte)));
        }
        let (one, other) = (Pad::new(26).unwrap(), Pad::new(26).unwrap());
        assert_ne!(one.0.expose(), other.0.expose());
        assert!(Pad::new(0).is_err() && Pad::new(LONGEST_PAD + 1).is_err());
    }

    #[test]
    fn a_token_comes_out_under_its_own_pad_only() {
        let token = "hvs.0123456789abcdefABCDEFgh";
        let pad = Pad::new(token.len()).unwrap();
        let there = encoded(token, pad.0.expose());
        assert_eq!(pad.open(&there).unwrap().token().expose(), token);
        let padded = Encoded(SecretText::new(format!("{}==", there.0.expose())));
        assert_eq!(pad.open(&padded).unwrap().token().expose(), token);
        let longer = Pad::new(token.len() + 1).unwrap();
        assert!(longer.open(&there).is_err());
        assert!(
            pad.open(&Encoded(SecretText::new("no base64!".into())))
                .is_err()
        );
        let noise = Encoded(SecretText::new(STANDARD_NO_PAD.encode([0xffu8; 28])));
        assert!(pad.open(&noise).is_err());
    }
}
