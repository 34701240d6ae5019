//! Parts of a checkpoint: uploaded under new names, named by a commit, deleted when no commit names them.

use serde::{Deserialize, Serialize};

use crate::backend::{Error, Kind, patiently};
use crate::hex::{digest, short_sha256};
use crate::replica::commits::{Commit, is_below};
use crate::replica::{Replica, TRIAL, field};

/// More pieces than this is a checkpoint for another kind of place.
const MOST_PIECES: usize = 128;
/// Beginnings of the names of parts that have a generation.
const KINDS: [&str; 2] = ["diary-", "secrets-"];
/// Digits at the end of a name: of the digest of what is in a part, or of the id of a checkpoint's directory.
pub(super) const ID: usize = 16;

/// Bytes in their pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    #[serde(deserialize_with = "field::id")]
    pub(super) name: String,
    pieces: usize,
    #[serde(deserialize_with = "field::id")]
    pub(super) digest: String,
}

impl Part {
    /// What its pieces are called.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        (0..self.pieces.min(MOST_PIECES)).map(|number| format!("{}.{number}", self.name))
    }
}

impl Replica {
    /// The bytes of a part; [`Kind::Damaged`] where a piece is missing or changed, and stays so.
    pub async fn fetch(&self, part: &Part) -> Result<Vec<u8>, Error> {
        let mut why = "";
        let found = patiently(async || {
            let found = self.pieces(part).await?;
            why = match &found {
                None => "a piece is missing",
                Some(_) => "what is there is not what was written",
            };
            Ok(found.filter(|bytes| digest(bytes) == part.digest))
        });
        let found = found.await?;
        found.ok_or_else(|| self.error(Kind::Damaged(why)))
    }

    /// What is there of a part, if all pieces are.
    async fn pieces(&self, part: &Part) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = Vec::new();
        for name in part.names() {
            match self.store.get(&name).await? {
                Some(piece) => bytes.extend(piece),
                None => return Ok(None),
            }
        }
        Ok(Some(bytes))
    }

    pub(super) async fn upload(&self, name: &str, bytes: &[u8]) -> Result<Part, Error> {
        let pieces: Vec<_> = bytes.chunks(self.store.longest()).collect();
        if pieces.len() > MOST_PIECES {
            let most = MOST_PIECES * self.store.longest();
            let text = format!("takes {most} bytes at the most; a bucket of S3 takes more");
            return Err(self.error(Kind::Misconfigured(text)));
        }
        let part = Part {
            name: name.to_owned(),
            pieces: pieces.len(),
            digest: digest(bytes),
        };
        // Before it is there: whatever comes of it, it can be deleted by name.
        self.know(part.names());
        for (name, bytes) in part.names().zip(pieces) {
            self.store.put(&name, bytes).await?;
        }
        Ok(part)
    }
}

/// Something else never has the same name: a commit that arrives late finds what it named, or nothing.
pub(super) fn part_name(kind: &str, generation: u64, bytes: &[u8]) -> String {
    format!("{kind}-{generation}-{}", short_sha256(bytes, ID))
}

/// Whether this is a piece of ours that the commit does not name, or a commit that it followed.
pub(super) fn is_stray(name: &str, commit: Option<&Commit>) -> bool {
    if commit.is_some_and(|commit| is_below(name, commit)) {
        return true;
    }
    let Some(part) = part_of(name) else {
        return false;
    };
    !commit.is_some_and(|commit| commit.parts().any(|kept| kept.name == part))
}

/// The generation in the name of a piece of a part.
pub(super) fn generation_of(name: &str) -> Option<u64> {
    let part = part_of(name)?;
    let rest = KINDS.iter().find_map(|kind| part.strip_prefix(kind))?;
    rest.split_once('-')?.0.parse().ok()
}

/// Whether this is a piece of the trial value of this directory.
pub(super) fn is_trial(name: &str, id: &str) -> bool {
    part_of(name).is_some_and(|part| part.strip_prefix(TRIAL) == Some(id))
}

/// The part that a piece of ours belongs to: `diary-2-DIGEST`, `secrets-1-DIGEST` or `trial-ID`. Nothing else below the
/// prefix is ours to delete, however its name begins.
fn part_of(name: &str) -> Option<&str> {
    let (part, piece) = name.rsplit_once('.')?;
    let id = match part.strip_prefix(TRIAL) {
        Some(id) => id,
        None => {
            let rest = KINDS.iter().find_map(|kind| part.strip_prefix(kind))?;
            let (generation, id) = rest.split_once('-')?;
            is_number(generation).then_some(id)?
        }
    };
    let is_id = id.len() == ID && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (is_id && is_number(piece)).then_some(part)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replica::VERSION;

    const HERE: &str = "0123456789abcdef";
    const THERE: &str = "fedcba9876543210";

    fn commit() -> Commit {
        let part = |name: &str| Part {
            name: name.into(),
            pieces: 1,
            digest: digest(name.as_bytes()),
        };
        Commit {
            version: VERSION,
            generation: 2,
            id: HERE.into(),
            owner: "me".into(),
            written: "now".into(),
            diary: part(&format!("diary-2-{HERE}")),
            secrets: Some(part(&format!("secrets-1-{HERE}"))),
        }
    }

    #[test]
    fn only_pieces_of_parts_that_no_commit_names_are_stray() {
        let commit = commit();
        for name in [
            format!("secrets-2-{HERE}.0"),
            format!("diary-1-{HERE}.0"),
            format!("trial-{HERE}.0"),
            format!("secrets-1-{THERE}.12"),
            "commit-1".to_owned(),
        ] {
            assert!(is_stray(&name, Some(&commit)), "{name}");
        }
        for name in [
            format!("secrets-1-{HERE}.0"),
            format!("diary-2-{HERE}.3"),
            "commit-2".to_owned(),
            // It follows ours, or is none of ours.
            "commit-3".to_owned(),
            "commit-01".to_owned(),
            "commit-1.old".to_owned(),
            "claim-1".to_owned(),
            "recovery-key-1".to_owned(),
            "other.0".to_owned(),
        ] {
            assert!(!is_stray(&name, Some(&commit)), "{name}");
        }
        assert!(is_stray(&format!("secrets-1-{HERE}.0"), None));
        assert!(is_trial(&format!("trial-{HERE}.0"), HERE));
        assert!(!is_trial(&format!("trial-{HERE}.0"), THERE));
        assert!(!is_trial(&format!("diary-2-{HERE}.0"), HERE));
    }

    #[test]
    fn what_only_begins_like_a_name_of_ours_is_somebody_elses() {
        for name in [
            "trial-run.csv".to_owned(),
            "trial-2024.01".to_owned(),
            "secrets-prod.yaml".to_owned(),
            "diary-2-notes.0".to_owned(),
            "diary-2024-11.0".to_owned(),
            format!("diary--{HERE}.0"),
            format!("diary-x-{HERE}.0"),
            format!("diary-2-{HERE}0.0"),
            format!("diary-2-{}.0", HERE.to_uppercase()),
            format!("secrets-{HERE}.0"),
            format!("secrets-1-{HERE}"),
            format!("secrets-1-{HERE}.txt"),
            format!("secrets-1-{HERE}."),
            format!("trial-1-{HERE}.0"),
            format!("trial-{HERE}.0.bak"),
            format!("backup/trial-{HERE}.0"),
            format!("trial-{HERE}/file.0"),
        ] {
            assert!(!is_stray(&name, None) && !is_trial(&name, HERE), "{name}");
        }
    }

    #[test]
    fn a_commit_knows_whether_it_is_of_these_bytes() {
        let commit = commit();
        let (diary, secrets) = (format!("diary-2-{HERE}"), format!("secrets-1-{HERE}"));
        let (diary, secrets) = (diary.as_bytes(), secrets.as_bytes());
        assert!(commit.is_of(diary, Some(secrets)));
        assert!(!commit.is_of(diary, None));
        assert!(!commit.is_of(b"else", Some(secrets)));
    }
}
