//! Shares and secrets as texts.

use crate::secret::{SecretText, Share};

/// A share as somebody typed it.
#[must_use]
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
