//! Shares and secrets as texts: compared, typed, and generated at random.

use crate::backend::{Error, Kind};
use crate::secret::{SecretText, Share};

/// Letters of one word, in groups of [`GROUP`].
const WORD: usize = 20;
const GROUP: usize = 5;
/// Letters of a word: 20 of 32 are 100 bits, and none is mistaken for another when read aloud.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// Compares secrets without telling by time where they differ.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// A share as somebody typed it.
pub fn typed(text: SecretText) -> Share {
    share_from(text.expose())
}

/// Text of a share as it is kept: without the line end that people's tools add.
pub(super) fn share_from(text: &str) -> Share {
    Share::new(text.trim().to_owned())
}

/// A secret from UTF-8 bytes that were just decrypted.
pub(super) fn text_from(plain: &[u8]) -> Option<SecretText> {
    let text = std::str::from_utf8(plain).ok()?;
    Some(SecretText::new(text.trim().to_owned()))
}

/// A random word for the names of canaries. No secret.
pub fn trial_name() -> Result<String, Error> {
    Ok(random_word("a trial value")?.expose().to_owned())
}

/// A fresh word such as `k3mfq-0x9pa-…`, also used in the names of canaries.
pub(super) fn random_word(address: &str) -> Result<SecretText, Error> {
    let mut bytes = zeroize::Zeroizing::new([0u8; WORD]);
    aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| {
        let source = std::io::Error::other("the system gives no random bytes");
        Error::new(
            address,
            Kind::Io {
                doing: "make a random word",
                source,
            },
        )
    })?;
    let mut word = String::with_capacity(WORD + WORD / GROUP);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && index % GROUP == 0 {
            word.push('-');
        }
        word.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    Ok(SecretText::new(word))
}
