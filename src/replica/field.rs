//! Texts in what a replica keeps, which whoever has the place may have written: each has a form and a length, held where
//! it is parsed.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::printable;

/// Bytes of an id, a name or a digest.
const LONGEST: usize = 128;
/// Characters of what is for people: user, machine and directory.
const LONGEST_WORDS: usize = 4096;

/// What names something, and goes into requests and into commands to paste.
pub(super) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
    if text.len() <= LONGEST && text.chars().all(plain) {
        return Ok(text);
    }
    Err(D::Error::custom("a name there is malformed"))
}

/// What is for people.
pub(super) fn words<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    String::deserialize(from).map(|text| fit(&text))
}

/// The same of a text of ours, which is then found as it was written.
pub(super) fn fit(text: &str) -> String {
    printable::line(text, LONGEST_WORDS)
}

#[cfg(test)]
mod tests {
    use crate::replica::Lease;

    fn read(id: &str, owner: &str) -> Option<Lease> {
        let text = serde_json::json!({"version": 1, "id": id, "owner": owner, "at": "t"});
        serde_json::from_value(text).ok()
    }

    #[test]
    fn an_id_has_a_form_and_what_is_for_people_is_written_out() {
        assert!(read("0a-1", "x").is_some());
        for id in ["x; touch F", "a\nb", "a b", "'", &"a".repeat(200)] {
            assert!(read(id, "x").is_none(), "{id}");
        }
        let owner = "user 0 on runner in /srv/a\u{1b}[2J\nb";
        let read = read("a", owner).unwrap();
        assert_eq!(read.owner, r"user 0 on runner in /srv/a\u{1b}[2J\u{a}b");
        assert!(read.same_owner(&Lease::new("a", owner, "t".into())));
    }
}
