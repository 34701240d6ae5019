//! Shares and secrets as texts.

use crate::custodian::words::same;
use crate::secret::{SecretText, Share};

/// Whether two shares are one, told in the same time whether or not.
#[must_use]
pub fn same_share(one: &Share, other: &Share) -> bool {
    same(one.expose().as_bytes(), other.expose().as_bytes())
}

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
