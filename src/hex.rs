//! Hexadecimal digits: of digests of what is public, and of random names. No secret comes here.

use std::fmt::Write as _;
use std::io;

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;

/// The digits of `bytes`, two for each, in lower case.
fn digits(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A name of somebody else as the name of one file: its other bytes as `%` and two digits, and no way up.
pub(crate) fn file_name(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    // `.` and `..` are directories.
    let is_dots = !name.is_empty() && name.bytes().all(|byte| byte == b'.');
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if plain(byte) && !is_dots {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02x}");
        }
    }
    text
}

/// The 64 digits of the SHA-256 of something public or encrypted.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    digits(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}

/// As [`digest`], of a value as JSON, which is never in memory as a whole.
pub(crate) fn digest_of_json(value: &impl Serialize) -> serde_json::Result<String> {
    struct Digesting(Context);
    impl io::Write for Digesting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut digesting = Digesting(Context::new(&SHA256));
    serde_json::to_writer(&mut digesting, value)?;
    Ok(format!("sha256:{}", digits(digesting.0.finish().as_ref())))
}

/// `sha256:HEX` of something public or encrypted, as records name it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(bytes))
}

/// The first digits of the SHA-256, for the eye and against slips.
pub(crate) fn short_sha256(bytes: &[u8], count: usize) -> String {
    let mut digits = sha256(bytes);
    digits.truncate(count);
    digits
}

/// `2 * LENGTH` digits that nobody has had before; `None` when the system gives no random bytes.
pub(crate) fn random<const LENGTH: usize>() -> Option<String> {
    let mut bytes = [0; LENGTH];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(digits(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_every_digit_and_a_short_one_is_its_beginning() {
        // FIPS 180-2, appendix B.1.
        let digest = sha256(b"abc");
        assert_eq!(
            digest,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(short_sha256(b"abc", 8), digest[..8]);
    }

    #[test]
    fn random_digits_are_as_many_as_asked_for_and_never_the_same() {
        let (one, other) = (random::<8>().unwrap(), random::<8>().unwrap());
        assert_eq!((one.len(), other.len()), (16, 16));
        assert_ne!(one, other);
    }
}
