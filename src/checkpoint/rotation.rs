//! What making new shares has come to, in the diary: facts and no secret.
//!
//! ```text
//! "rotation": {"generation": 2, "phase": "unverified", "nonce": …, "before": {"generation": 1, …},
//!              "new": {"alice": {number, address, prepared, mark, begun, stored}, …},
//!              "old": {"alice": {address, found, retired}, …}}
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::config::Init;
use crate::custodian::Stored;
use crate::shell::ShellCommand;

/// The verb that makes new shares.
const VERB: &str = "recovery rotate";
/// The file where none was typed.
const DEFAULT_FILE: &str = "bootstrap.yaml";
/// What stands where a diary says another command than one of ours.
const UNKNOWN: &str = "vault-bootstrap recovery rotate --from FILE";

/// How far a rotation is. Only what is unverified may ever be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The new shares, if there are any, are not valid yet: nobody has given one back.
    Unverified,
    /// They are being given back: whether they are in effect, the server knows.
    Verifying,
    /// They are in effect, and the old ones are no longer valid.
    Verified,
    /// And nothing is left of the old ones but what a person was told of.
    Done,
}

/// How many shares, and of which version of the key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// Which version of the key set it is.
    pub generation: u32,
    /// How many there are.
    pub shares: u32,
    /// How many of them open.
    pub threshold: u32,
}

/// It is pasted by whoever reads it, and the diary may be one of a replica, in the hands of whoever has that.
fn own_command<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() {
        return Ok(text);
    }
    let command = ShellCommand::recorded(&text, VERB);
    Ok(command.map_or_else(|| UNKNOWN.to_owned(), String::from))
}

/// One rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// The new shares.
    #[serde(flatten)]
    pub wanted: KeySet,
    /// The shares that were in effect when it began.
    pub before: KeySet,
    /// The command that goes on with it, as it was typed.
    #[serde(default, deserialize_with = "own_command")]
    pub again: String,
    /// How far it is.
    pub phase: Phase,
    /// Since when the new shares are in effect, RFC 3339, once that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// A rotation was about to be started; it may be there without our knowing its nonce.
    #[serde(default)]
    pub starting: bool,
    /// Names the server's rotation, once it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// What became of each new share, by the name of its custodian.
    #[serde(default)]
    pub new: BTreeMap<String, NewShare>,
    /// What is known of each old share, by the name of its custodian.
    #[serde(default)]
    pub old: BTreeMap<String, OldShare>,
}

impl Rotation {
    /// The file that it was run with, as it was typed; `None` where that is not known.
    pub fn file(&self) -> Option<String> {
        let typed = ShellCommand::recorded(&self.again, VERB)?;
        Some(typed.file().unwrap_or_else(|| DEFAULT_FILE.to_owned()))
    }
}

/// What is known about one share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareRecord {
    /// Which share it is, from 0. Assigned once, so that a changed order in the file moves no share.
    #[serde(default)]
    pub number: usize,
    /// Digests of the ciphertexts that were about to be stored, one for each try.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prepared: Vec<String>,
    /// Where one is about to be stored that is not valid yet, under a name that was free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unverified: Option<String>,
    /// What opens it there: a key, or a parameter and its key. Builds before this one recorded none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_to: Option<String>,
    /// Public facts of what is stored, once it was read back equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
}

/// A new share on its way to its custodian.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewShare {
    /// As of every share.
    #[serde(flatten)]
    pub record: ShareRecord,
    /// Where it goes.
    pub address: String,
    /// What opens it there: a key, or a parameter and its key.
    #[serde(default)]
    pub subject: String,
    /// What its parameter is marked with, where a service encrypts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// It was about to be stored, under a name that was free.
    #[serde(default)]
    pub begun: bool,
}

/// An old share, to be taken away at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldShare {
    /// Where it is.
    pub address: String,
    /// What was stored there: anything else is not taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Stored>,
    /// It is not there any more, or a person was told that it is left.
    #[serde(default)]
    pub retired: bool,
    /// Why this program has not taken it away, where it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
}

impl KeySet {
    /// The shares that a file is about.
    pub fn of(init: &Init) -> Self {
        Self {
            generation: init.generation,
            shares: init.shares,
            threshold: init.threshold,
        }
    }
}

impl NewShare {
    /// By which of several under one name it is told from the others: the attempt that made it, whose mark a parameter
    /// bears, and what is in its file.
    pub fn attempt(&self) -> String {
        let attempt = self.mark.as_deref().map(|mark| format!("attempt {mark}"));
        let stored = self.record.stored.as_ref();
        let digest = stored.and_then(|stored| stored.digest.clone());
        let known: Vec<_> = attempt.into_iter().chain(digest).collect();
        if known.is_empty() {
            return String::new();
        }
        format!(" ({})", known.join(", "))
    }
}

impl Rotation {
    /// One that has not begun.
    pub fn new(wanted: KeySet, before: KeySet) -> Self {
        Self {
            wanted,
            before,
            again: String::new(),
            phase: Phase::Unverified,
            since: None,
            starting: false,
            nonce: None,
            new: BTreeMap::new(),
            old: BTreeMap::new(),
        }
    }

    /// To generation 2 of the shares, of which there are three and any two open.
    #[cfg(test)]
    pub(crate) fn to_the_second_generation() -> Self {
        let key_set = |generation| KeySet {
            generation,
            shares: 3,
            threshold: 2,
        };
        Self::new(key_set(2), key_set(1))
    }

    /// Whether anything may be left of it anywhere.
    pub fn has_begun(&self) -> bool {
        self.starting || !self.new.is_empty() || self.phase != Phase::Unverified
    }

    /// Whether it waits for a run that brings it to its end.
    pub fn is_half_made(&self) -> bool {
        self.has_begun() && self.phase != Phase::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_is_taken_up_as_it_was_left() {
        let mut rotation = Rotation::to_the_second_generation();
        assert!(!rotation.has_begun() && !rotation.is_half_made());
        rotation.nonce = Some("n".into());
        rotation.new.insert("alice".into(), NewShare::default());
        let text = serde_json::to_string(&rotation).unwrap();
        assert_eq!(serde_json::from_str::<Rotation>(&text).unwrap(), rotation);
        assert!(rotation.is_half_made());
        rotation.phase = Phase::Done;
        assert!(rotation.has_begun() && !rotation.is_half_made());
    }
}
