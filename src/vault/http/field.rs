//! Texts in answers of a server: each has a form and a length, held where it is parsed.
//!
//! What names something, and goes into requests and into commands to paste, has a form, and an answer with another one
//! is refused. What people and other programs have written, such as the display name of a token, may be anything: it is
//! written out where nobody could see it, and cut. So nobody who names a token strangely is in the way of its end.
//!
//! Use: `#[serde(deserialize_with = "field::nonce")]`. A test of the architecture holds that every text in an answer has
//! one of these.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::{Map, Value};

use crate::printable;
use crate::vault::http::field;

/// Begins the text of a refusal of ours. No other error of a parser begins so: it holds a control character, which none
/// of them leaves as it is.
const MARK: &str = "\u{1}field\u{1}";
/// Characters of a refused value that are shown.
const SHOWN: usize = 60;
/// Characters of what others have written.
const LONGEST_WORDS: usize = 1024;
/// Bytes of a text that is compared with the file: a policy of many pages.
const LONGEST_COMPARED: usize = 1024 * 1024;

/// What a field may be.
struct Form {
    name: &'static str,
    longest: usize,
    /// The characters that it may have, apart from letters and digits of ASCII.
    beside: &'static str,
}

impl Form {
    /// What is wrong with a value.
    fn refuses(&self, value: &str) -> Option<String> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || self.beside.contains(letter);
        if value.len() <= self.longest && value.chars().all(fits) {
            return None;
        }
        let shown = printable::line(value, SHOWN);
        Some(format!("{MARK}{}{MARK}{shown}{MARK}", self.name))
    }
}

/// The texts in a value, however they stand there.
pub(crate) trait Texts {
    fn each(&mut self, look: &mut dyn FnMut(&mut String));
}

impl Texts for String {
    fn each(&mut self, look: &mut dyn FnMut(&mut String)) {
        look(self);
    }
}

impl<T: Texts> Texts for Option<T> {
    fn each(&mut self, look: &mut dyn FnMut(&mut String)) {
        for one in self.iter_mut() {
            one.each(look);
        }
    }
}

impl<T: Texts> Texts for Vec<T> {
    fn each(&mut self, look: &mut dyn FnMut(&mut String)) {
        for one in self.iter_mut() {
            one.each(look);
        }
    }
}

impl<T: Texts> Texts for BTreeMap<String, T> {
    fn each(&mut self, look: &mut dyn FnMut(&mut String)) {
        let all = std::mem::take(self).into_iter();
        let all = all.map(|(mut name, mut value)| {
            look(&mut name);
            value.each(look);
            (name, value)
        });
        *self = all.collect();
    }
}

impl Texts for Value {
    fn each(&mut self, look: &mut dyn FnMut(&mut String)) {
        match self {
            Self::String(text) => look(text),
            Self::Array(all) => {
                for one in all {
                    one.each(look);
                }
            }
            Self::Object(all) => all.each(look),
            Self::Null | Self::Bool(_) | Self::Number(_) => {}
        }
    }
}

impl Texts for Map<String, Value> {
    fn each(&mut self, look: &mut dyn FnMut(&mut String)) {
        for one in self.values_mut() {
            one.each(look);
        }
    }
}

/// A value that may be null where it is empty, held against its form.
fn formed<'de, D, T>(form: &Form, from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + Texts,
{
    let mut value: T = Option::deserialize(from)?.unwrap_or_default();
    let mut refused = None;
    value.each(&mut |text| refused = refused.take().or_else(|| form.refuses(text)));
    match refused {
        Some(refused) => Err(D::Error::custom(refused)),
        None => Ok(value),
    }
}

/// The fields that have a form: what they are called in a refusal, their length, and what beside letters and digits.
macro_rules! forms {
    ($($field:ident: $name:literal, $longest:literal, $beside:literal;)*) => {$(
        pub(crate) fn $field<'de, D, T>(from: D) -> Result<T, D::Error>
        where
            D: Deserializer<'de>,
            T: Deserialize<'de> + Default + Texts,
        {
            formed(&Form { name: $name, longest: $longest, beside: $beside }, from)
        }
    )*};
}

forms! {
    // `1.21.1+ent.hsm.fips1403`, `2.6.0-beta1`; empty where the listener redacts it.
    version: "version", 64, ".+-_";
    // `shamir`, `awskms`, and whatever a plugin is called.
    seal_type: "seal type", 64, "._-";
    storage_type: "storage type", 64, "._-";
    // UUIDs.
    cluster_id: "cluster id", 128, "._-";
    nonce: "nonce", 128, "._-";
    request_id: "request id", 128, "._-";
    verification_nonce: "verification nonce", 128, "._-";
    pgp_fingerprint: "PGP fingerprint", 128, "";
    // `https://vault-1.internal:8200`, `http://[::1]:8200`.
    leader_address: "address of the leader", 512, "-._~:/[]%";
    auth_url: "auth_url", 8192, "-._~:/?#[]@!$&'()*+,;=%";
    user_code: "user code", 64, "-._ ";
    poll_interval: "poll_interval", 16, "";
    // `hmac-sha256:…` in hexadecimal.
    hash: "hash", 128, "-:";
}

/// What others have named or written: fit to be shown, and nothing to refuse an answer for. Two that differ only in
/// what is cut off are not told apart; nothing that we write is nearly as long.
pub(crate) fn words<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + Texts,
{
    let mut value: T = Option::deserialize(from)?.unwrap_or_default();
    value.each(&mut |text| *text = fit(std::mem::take(text)));
    Ok(value)
}

/// What may be done at each path, as [`words`]; the servers wrap it once more.
pub(crate) fn capabilities<'de, D>(from: D) -> Result<BTreeMap<String, Vec<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    #[derive(Default, Deserialize)]
    struct Rule {
        #[serde(default, deserialize_with = "field::words")]
        capabilities: Vec<String>,
    }
    impl Texts for Rule {
        fn each(&mut self, look: &mut dyn FnMut(&mut String)) {
            self.capabilities.each(look);
        }
    }
    let rules: BTreeMap<String, Rule> = words(from)?;
    let rules = rules
        .into_iter()
        .map(|(path, rule)| (path, rule.capabilities));
    Ok(rules.collect())
}

/// The same of one text.
pub(crate) fn fit(text: String) -> String {
    if text.len() > LONGEST_WORDS || text.chars().any(printable::is_hidden) {
        return printable::line(&text, LONGEST_WORDS);
    }
    text
}

/// What is only compared with the file, or sent back as it came, and has to be whole for that; whoever shows it cuts it.
pub(crate) fn compared<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + Texts,
{
    let mut value: T = Option::deserialize(from)?.unwrap_or_default();
    let mut longest = 0;
    value.each(&mut |text| longest = longest.max(text.len()));
    if longest > LONGEST_COMPARED {
        return Err(D::Error::custom(format!(
            "{MARK}longest text{MARK}{longest} bytes long{MARK}"
        )));
    }
    Ok(value)
}

/// The refusal of a field in the error of a parser, where it is one: which field it is, and its value, fit to be shown.
pub(crate) fn refusal(error: &impl fmt::Display) -> Option<(String, String)> {
    let text = error.to_string();
    let (name, rest) = text.strip_prefix(MARK)?.split_once(MARK)?;
    let (shown, _) = rest.split_once(MARK)?;
    Some((name.to_owned(), shown.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Error, from_str, json};

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Answer {
        #[serde(default, deserialize_with = "version")]
        version: String,
        #[serde(default, deserialize_with = "nonce")]
        nonce: Option<String>,
        #[serde(default, deserialize_with = "words")]
        policies: BTreeMap<String, Vec<String>>,
    }

    fn read(answer: &serde_json::Value) -> Result<Answer, Error> {
        from_str(&answer.to_string())
    }

    #[test]
    fn every_true_form_is_taken() {
        for version in ["", "2.6.2", "1.21.1+ent.hsm.fips1403", "v2.7.0-beta1+abc"] {
            assert_eq!(
                read(&json!({ "version": version })).unwrap().version,
                version
            );
        }
        for nonce in [
            "",
            "6a863d3e-9a16-bc88-ede0-1bf0ac153ff6",
            "NyGvyX2zL.nsid1",
        ] {
            let answer = read(&json!({ "nonce": nonce })).unwrap();
            assert_eq!(answer.nonce.as_deref(), Some(nonce));
        }
        assert_eq!(read(&json!({ "version": null })).unwrap().version, "");
    }

    #[test]
    fn what_is_not_of_its_form_is_refused_with_its_name_and_no_more_of_it_than_fits() {
        let long = "9".repeat(20 << 20);
        for hostile in [
            "\u{1b}[2J",
            "x; touch F #",
            "$(id)",
            "a b",
            "\u{202e}",
            &long,
        ] {
            for field in ["version", "nonce"] {
                let error = read(&json!({ field: hostile })).unwrap_err();
                let (name, shown) = refusal(&error).unwrap();
                assert_eq!(name, field);
                assert!(shown.chars().count() < 200, "{shown}");
                assert!(!shown.chars().any(printable::is_hidden), "{shown}");
            }
        }
    }

    #[test]
    fn another_error_of_a_parser_is_no_refusal_of_a_field_whatever_stands_in_it() {
        let error = read(&json!({ "version": [MARK] })).unwrap_err();
        assert_eq!(refusal(&error), None);
        let error = from_str::<u64>(&json!(format!("{MARK}secret{MARK}")).to_string());
        assert_eq!(refusal(&error.unwrap_err()), None);
    }

    #[test]
    fn what_others_have_written_is_made_fit_to_be_shown() {
        let hostile = "\u{1b}]0;x\u{7}".to_owned() + &"y".repeat(2000);
        let answer = read(&json!({"policies": {&hostile: [&hostile, "root"]}})).unwrap();
        let (name, values) = answer.policies.first_key_value().unwrap();
        assert!(name.starts_with("\\u{1b}]0;x\\u{7}y") && name.ends_with("y…"));
        assert_eq!((&values[0], &*values[1]), (name, "root"));
    }
}
