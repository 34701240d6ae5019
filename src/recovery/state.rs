//! What a rotation has come to, on disk beside the checkpoint's diary: facts and no secret.
//!
//! ```text
//! recovery-rotation.json  {"version": 1, "cluster_id": …, "generation": 2, "phase": "unverified", "nonce": …,
//!                          "new": {"alice": {number, address, prepared, begun, stored}, …},
//!                          "old": {"alice": {address, found, retired}, …}}
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bootstrap::checkpoint::Checkpoint;
use crate::custodian::Stored;
use crate::failure::Failure;

/// The file.
pub(super) const NAME: &str = "recovery-rotation.json";
/// The form that this program writes, and the newest that it reads.
const VERSION: u32 = 1;

/// How far a rotation is. Only what is unverified may ever be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// The new shares, if there are any, open nothing: nobody has given one back.
    Unverified,
    /// They are being given back: whether they hold, the server knows.
    Verifying,
    /// They hold, and the old ones open nothing.
    Verified,
    /// And nothing is left of the old ones.
    Done,
}

/// One rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    /// A cluster that was wiped since has another one.
    pub(super) cluster_id: Option<String>,
    /// Which making of the shares it is.
    pub(super) generation: u32,
    /// How many new shares.
    pub(super) shares: u32,
    /// How many of them open.
    pub(super) threshold: u32,
    pub(super) phase: Phase,
    /// A rotation was about to be started; it may be there without our knowing its nonce.
    #[serde(default)]
    pub(super) starting: bool,
    /// Names the server's rotation, once it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
    /// What became of each new share, by the name of its custodian.
    #[serde(default)]
    pub(super) new: BTreeMap<String, NewShare>,
    /// What is known of each old share, by the name of its custodian.
    #[serde(default)]
    pub(super) old: BTreeMap<String, OldShare>,
}

/// A new share on its way to its custodian.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NewShare {
    /// Which one it is, from 0.
    pub(super) number: usize,
    /// Where it goes.
    pub(super) address: String,
    /// Digests of the ciphertexts that were about to be stored, where we are the ones to encrypt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) prepared: Vec<String>,
    /// It was about to be stored, under a name that was free.
    #[serde(default)]
    pub(super) begun: bool,
    /// Once it was read back equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stored: Option<Stored>,
}

/// An old share, to be taken away at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OldShare {
    /// Where it is.
    pub(super) address: String,
    /// What was there before the rotation began: what has changed since is not taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) found: Option<Stored>,
    /// It is not there any more.
    #[serde(default)]
    pub(super) retired: bool,
}

impl State {
    /// One that has not begun.
    pub(super) fn new(
        cluster_id: Option<String>,
        (generation, shares, threshold): (u32, u32, u32),
    ) -> Self {
        Self {
            version: VERSION,
            cluster_id,
            generation,
            shares,
            threshold,
            phase: Phase::Unverified,
            starting: false,
            nonce: None,
            new: BTreeMap::new(),
            old: BTreeMap::new(),
        }
    }

    /// Whether anything may be left of it anywhere.
    pub(super) fn has_begun(&self) -> bool {
        self.starting || !self.new.is_empty() || self.phase != Phase::Unverified
    }

    /// The one of an earlier run.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or was written by a later program.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, Failure> {
        let path = directory.join(NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(Failure::failed(format!(
                    "cannot read {}: {error}",
                    path.display()
                )));
            }
        };
        let found: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| damaged(&path, &error))?;
        match found["version"].as_u64() {
            Some(later) if later > u64::from(VERSION) => Err(Failure::refused(format!(
                "{} has form {later}, this program reads up to {VERSION}",
                path.display()
            ))
            .advise("use the release that wrote it")),
            _ => serde_json::from_value(found)
                .map(Some)
                .map_err(|error| damaged(&path, &error)),
        }
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// The disk refuses; on it is then the one of before.
    pub(super) fn write(&self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        checkpoint.write_public(NAME, &text)?;
        Ok(())
    }
}

fn damaged(path: &Path, error: &serde_json::Error) -> Failure {
    Failure::refused(format!("{} is damaged: {error}", path.display()))
        .advise("restore the directory from a copy; do not edit it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State::new(Some("id".into()), (2, 3, 2))
    }

    #[test]
    fn a_rotation_is_taken_up_as_it_was_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("checkpoint");
        let checkpoint = Checkpoint::open(&path, "test", "http://127.0.0.1:8200").unwrap();
        assert_eq!(State::read(&path).unwrap(), None);
        let mut state = state();
        state.nonce = Some("n".into());
        state.new.insert("alice".into(), NewShare::default());
        state.write(&checkpoint).unwrap();
        assert_eq!(State::read(&path).unwrap(), Some(state));
    }

    #[test]
    fn what_is_damaged_or_of_a_later_program_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(NAME);
        let whole = serde_json::to_string(&state()).unwrap();
        for (text, says) in [
            ("{", "is damaged"),
            ("{}", "is damaged"),
            (
                &whole.replacen("\"version\":1", "\"version\":2", 1),
                "has form 2",
            ),
        ] {
            fs::write(&file, text).unwrap();
            let failure = State::read(directory.path()).unwrap_err();
            assert!(failure.to_string().contains(says), "{failure}");
        }
    }
}
