//! What stands in a journal.

use serde::{Deserialize, Serialize};

/// A run that has not come to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnderWay {
    /// `rehearse` or `break-glass`.
    pub(crate) command: String,
    /// When it began.
    pub(crate) since: String,
    /// Why, as it was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Of our attempt at the server, once it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
    /// The server's clock, in seconds since 1970, when the last share was about to be given: from then on there may
    /// be a root token that nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) completing: Option<i64>,
    /// Stands beside the token that a command gets, from before it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<String>,
}

/// A root token that may live and that nobody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub(crate) enum OrphanedToken {
    /// Made by a quorum in this time of the server's clock, in seconds since 1970; the answer to its last share was lost.
    Lost {
        /// From.
        since: i64,
        /// To.
        until: i64,
    },
    /// As [`Self::Lost`], but perhaps of nobody's making: the attempt may have been ended as well.
    Perhaps {
        /// From.
        since: i64,
        /// To.
        until: i64,
    },
    /// Made for the command of this run.
    OfRun {
        /// What stands beside it.
        run: String,
    },
}

/// An attempt that holders give their shares to, from wherever they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    /// What the holders were told.
    pub(crate) code: String,
    /// When it was started.
    pub(crate) since: String,
    /// The server's clock then, in seconds since 1970.
    pub(crate) clock: i64,
    /// Why, as it was typed.
    pub(crate) reason: String,
}
