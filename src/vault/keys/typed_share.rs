//! What a person types for a share: looked at before anybody relies on it.

use crate::secret::Share;
use crate::vault::sys::share_as_hex;

/// Bytes of the keys that are cut into shares, of every seal and product.
const KEY: usize = 32;

/// What is wrong with a text for a share of a key that was cut into so many, in words that show nothing of it.
///
/// The servers cut keys of 32 bytes, and each part has one byte more, its place; a key that is not cut is its only share.
pub fn wrong_with(typed: &Share, shares: u32) -> Option<String> {
    if typed.expose().trim_start().starts_with("-----BEGIN ") {
        return Some("it is the encrypted file, and not what is in it".to_owned());
    }
    let wanted = if shares > 1 { KEY + 1 } else { KEY };
    let Some(hex) = share_as_hex(typed) else {
        return Some("it is not one whole line of base64 or hexadecimal".to_owned());
    };
    let bytes = hex.expose().len() / 2;
    match bytes.cmp(&wanted) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Less => Some(format!(
            "it has {bytes} bytes of {wanted}, so a part of it is missing"
        )),
        std::cmp::Ordering::Greater => {
            Some(format!("it has {bytes} bytes, and a share has {wanted}"))
        }
    }
}

/// Whether these are one and the same part of the key, in whatever spelling: the servers count it once.
pub fn is_the_same(one: &Share, other: &Share) -> bool {
    match (share_as_hex(one), share_as_hex(other)) {
        (Some(one), Some(other)) => one.expose() == other.expose(),
        _ => one.expose() == other.expose(),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn said(text: &str, shares: u32) -> Option<String> {
        wrong_with(&Share::new(text.to_owned()), shares)
    }

    #[test]
    fn a_share_is_the_same_in_any_spelling() {
        let share = |text: String| Share::new(text);
        let one = share(STANDARD.encode([0xfb; 33]));
        assert!(is_the_same(&one, &share("fb".repeat(33))));
        assert!(is_the_same(&one, &share("FB".repeat(33))));
        assert!(!is_the_same(&one, &share("fa".repeat(33))));
        assert!(!is_the_same(&one, &share("no share".into())));
    }

    #[test]
    fn a_whole_share_is_one_in_any_spelling_and_none_of_another_length() {
        let (share, key) = (STANDARD.encode([7; 33]), STANDARD.encode([7; 32]));
        assert_eq!(said(&share, 5), None);
        assert_eq!(said(&"0a".repeat(33), 5), None);
        assert_eq!(said(&key, 1), None);
        for (text, shares) in [(share.as_str(), 1), (key.as_str(), 3), (&share[..36], 3)] {
            let wrong = said(text, shares).expect("it is none");
            assert!(wrong.contains("bytes") && !wrong.contains(text), "{wrong}");
        }
        let file = said("-----BEGIN AGE ENCRYPTED FILE-----", 3).expect("it is none");
        assert!(file.contains("the encrypted file"), "{file}");
        for text in ["", "oops!", &share[..43], "correct horse"] {
            assert!(said(text, 3).is_some(), "{text}");
        }
    }
}
