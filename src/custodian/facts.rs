//! What is known of a share in its place: public facts, before and after.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::backend::{Error, Kind};
use crate::hex;

/// Public facts about a share in its place; never a hash of the share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// As [`Custodian::address`].
    pub address: String,
    /// Version of the parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// `LastModifiedDate` of the parameter, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// `sha256:HEX` of the ciphertext in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What else is watched there, by name: versions and key of a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub watched: BTreeMap<String, String>,
}

/// What a later look at a stored share found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The facts are those recorded.
    Same,
    /// The facts differ; the text says which, had and has.
    Changed(String),
    /// Nothing is there.
    Missing,
}

/// A share made ready for its custodian; record [`Prepared::digest`] before it is stored.
#[derive(Default)]
pub struct Prepared {
    pub(super) ciphertext: Vec<u8>,
    pub(super) digest: Option<String>,
    pub(super) earlier: Vec<String>,
    pub(super) mark: Option<String>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Prepared({:?})", self.digest)
    }
}

impl Prepared {
    /// A ciphertext ready to be written.
    pub(super) fn of(ciphertext: Vec<u8>) -> Self {
        Self {
            digest: Some(hex::digest(&ciphertext)),
            ciphertext,
            ..Self::default()
        }
    }

    /// Whether what was found is this ciphertext, or one that an earlier run recorded for the same share.
    pub(super) fn is_in(&self, found: &Stored) -> bool {
        let mut recorded = self.digest.iter().chain(&self.earlier);
        recorded.any(|digest| Some(digest) == found.digest.as_ref())
    }

    /// `sha256:HEX` of the ciphertext that will be written (age); none where the service encrypts.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// What the value is to be marked with, where a service encrypts: by that it is known as ours.
    #[must_use]
    pub fn marked(mut self, mark: Option<String>) -> Self {
        self.mark = mark;
        self
    }

    /// Digests that earlier runs recorded for this share: a file with one of them is ours and is adopted.
    #[must_use]
    pub fn with_earlier(mut self, digests: impl IntoIterator<Item = String>) -> Self {
        self.earlier.extend(digests);
        self
    }
}

/// What a look found beside what was recorded. A link in its place, or a deletion that was asked for, is a change as well.
pub(super) fn seen(
    recorded: &Stored,
    found: Result<Option<Stored>, Error>,
) -> Result<Observation, Error> {
    let error = match found {
        Ok(found) => {
            return Ok(found.map_or(Observation::Missing, |found| compare(recorded, &found)));
        }
        Err(error) => error,
    };
    match error.kind() {
        Kind::Symlink => Ok(Observation::Changed("is a symbolic link now".into())),
        Kind::DeletionPending => {
            let advice = error.advice().unwrap_or_default();
            Ok(Observation::Changed(format!("{}: {advice}", error.kind())))
        }
        _ => Err(error),
    }
}

/// What of the recorded facts is another one now.
fn compare(recorded: &Stored, found: &Stored) -> Observation {
    let version = |stored: &Stored| stored.version.map(|version| version.to_string());
    let facts = [
        ("version", version(recorded), version(found)),
        (
            "last modified",
            recorded.last_modified.clone(),
            found.last_modified.clone(),
        ),
        ("digest", recorded.digest.clone(), found.digest.clone()),
    ];
    let watched = recorded.watched.iter().map(|(fact, was)| {
        let is = found.watched.get(fact).cloned();
        (fact.as_str(), Some(was.clone()), is)
    });
    let changed: Vec<String> = facts
        .into_iter()
        .chain(watched)
        .filter(|(_, was, is)| was.is_some() && was != is)
        .map(|(fact, was, is)| {
            let none = || "none".to_owned();
            let (was, is) = (was.unwrap_or_else(none), is.unwrap_or_else(none));
            format!("{fact} was {was} and is {is}")
        })
        .collect();
    if changed.is_empty() {
        Observation::Same
    } else {
        Observation::Changed(changed.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(version: Option<i64>, digest: Option<&str>) -> Stored {
        Stored {
            address: "x".into(),
            version,
            digest: digest.map(Into::into),
            ..Stored::default()
        }
    }

    #[test]
    fn a_change_names_the_fact_that_was_and_the_one_that_is() {
        assert_eq!(
            compare(&stored(Some(1), None), &stored(Some(1), None)),
            Observation::Same
        );
        let Observation::Changed(text) = compare(&stored(Some(1), None), &stored(Some(2), None))
        else {
            panic!("the version changed");
        };
        assert_eq!(text, "version was 1 and is 2");
    }

    #[test]
    fn a_fact_that_was_recorded_and_is_gone_is_a_change() {
        let now = compare(&stored(None, Some("sha256:00")), &stored(None, None));
        assert!(matches!(now, Observation::Changed(_)));
    }

    #[test]
    fn another_version_or_key_of_a_secret_is_a_change() {
        let with = |versions: &str| Stored {
            watched: [("versions".to_owned(), versions.to_owned())].into(),
            ..stored(None, None)
        };
        assert_eq!(compare(&with("a"), &with("a")), Observation::Same);
        let Observation::Changed(text) = compare(&with("a"), &with("b, a")) else {
            panic!("there is another version");
        };
        assert_eq!(text, "versions was a and is b, a");
        // Gone, and not only not asked for.
        let now = compare(&with("a"), &stored(None, None));
        assert!(matches!(now, Observation::Changed(_)));
    }
}
