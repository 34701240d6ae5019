//! What a run that has not ended has left beside the checkpoint, for those who only look: no lock, no key.

use std::path::{Path, PathBuf};

use crate::checkpoint::journal::before;
use crate::checkpoint::journal::kept::Kept;

/// Something that a run is at, or that one which was killed has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LeftOpen {
    /// A root token that may be valid is kept here, encrypted.
    Token(PathBuf),
    /// What there was before a command ran is kept here, and nobody has compared it.
    Comparison(PathBuf),
}

/// What is left in this directory of a checkpoint. What cannot be looked at counts as there.
pub(crate) fn left_open(directory: &Path) -> Vec<LeftOpen> {
    let there = |path: &PathBuf| path.try_exists().unwrap_or(true);
    let tokens = Kept::ALL.map(|kept| directory.join(kept.name()));
    let tokens = tokens.into_iter().filter(there).map(LeftOpen::Token);
    let before = Some(directory.join(before::NAME)).filter(there);
    tokens.chain(before.map(LeftOpen::Comparison)).collect()
}
