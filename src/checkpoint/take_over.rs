//! A run of another machine that was taken over: who did that, where, when, and from whom.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evidence::operator::in_words;

/// One of them. What the former run still does, nobody at this one can say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakeOver {
    /// When, RFC 3339.
    pub at: String,
    /// Who did it, as in evidence.
    pub by: Value,
    /// User, machine and directory that went on.
    pub owner: String,
    /// User, machine and directory of the run that was taken over.
    pub from: String,
    /// Since when that held the replica.
    pub since: String,
    /// `--take-over`, or `VAULT_BOOTSTRAP_RUN` where both runs had one name and nobody was asked.
    pub how: String,
}

impl TakeOver {
    /// For people.
    pub fn in_words(&self) -> String {
        format!(
            "takes over ({}) from the run of {} since {}, by {}",
            self.how,
            self.from,
            self.since,
            in_words(&self.by)
        )
    }
}
