//! That break-glass was exercised after the ceremony: `rehearse` writes it, and `apply` does not miss the drill then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoint::directory::write_json;
use crate::checkpoint::journal::reading::read;
use crate::custodian::Stored;
use crate::failure::Failure;

/// The name of its file.
pub(crate) const NAME: &str = "rehearsed.json";

/// The last rehearsal that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// When it was over.
    pub at: String,
    /// The generation of the shares that it was held with; earlier versions did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// Its evidence.
    pub evidence: PathBuf,
    /// Custodians whose share was in none of its quorums.
    #[serde(default)]
    pub without: Vec<String>,
    /// Custodians whose share was given from a machine of their own.
    #[serde(default)]
    pub elsewhere: Vec<String>,
    /// What was found where a share of its quorums is kept, by custodian, where that was not what had been stored.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub put_back: BTreeMap<String, Stored>,
}

impl Rehearsed {
    /// Remembers it in the directory of the checkpoint.
    pub(crate) fn keep(&self, directory: &Path) -> Result<(), Failure> {
        write_json(directory, NAME, self)?;
        Ok(())
    }

    /// The last one that this directory knows of.
    pub fn last(directory: &Path) -> Result<Option<Self>, Failure> {
        read(&directory.join(NAME), "move it away and rehearse again")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_rehearsal_is_remembered_and_a_damaged_memory_is_refused() {
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let directory = tempfile::Builder::new()
            .permissions(owner_only)
            .tempdir()
            .unwrap();
        assert_eq!(Rehearsed::last(directory.path()).unwrap(), None);
        let rehearsed = Rehearsed {
            at: "2026-01-01T00:00:00Z".into(),
            generation: Some(2),
            evidence: "x.json".into(),
            without: vec!["carol".into()],
            elsewhere: vec!["bob".into()],
            put_back: BTreeMap::new(),
        };
        rehearsed.keep(directory.path()).unwrap();
        assert_eq!(Rehearsed::last(directory.path()).unwrap(), Some(rehearsed));
        fs::write(directory.path().join(NAME), "{").unwrap();
        assert!(Rehearsed::last(directory.path()).is_err());
    }
}
