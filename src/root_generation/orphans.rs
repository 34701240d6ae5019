//! Orphaned root tokens, which nobody has, and how they are told from those of colleagues.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::vault::auth::scan::Found;

/// By how many seconds the clocks of two nodes may differ: another one may lead when an attempt is seen to be over.
const SKEW: i64 = 5;

/// A root token that may still be valid and that nobody has.
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

impl OrphanedToken {
    /// One that was made of a last share that was sent then: while its answer was waited for, and before its attempt was
    /// seen to be over. Later ones are of others.
    pub(crate) fn lost(sent: i64, waited: Duration, over: i64) -> Self {
        let waited = i64::try_from(waited.as_secs()).unwrap_or(i64::MAX);
        let until = sent.saturating_add(waited);
        Self::Lost {
            since: sent.saturating_sub(1),
            until: until.min(over.saturating_add(SKEW)),
        }
    }

    /// Whether this token may be it.
    pub(crate) fn fits(&self, other: &Found) -> bool {
        match self {
            Self::Lost { since, until } | Self::Perhaps { since, until } => {
                other.path == "auth/token/root" && (*since..=*until).contains(&other.made)
            }
            Self::OfRun { run } => other.run.as_ref() == Some(run),
        }
    }
}

/// The accessors of those that can be nobody else's: of a run of ours, or no more than were lost in their time.
pub(crate) fn plainly_lost(found: &[Found], orphans: &[OrphanedToken]) -> Vec<String> {
    let fitting = |orphan: &OrphanedToken| -> Vec<String> {
        let fitting = found.iter().filter(|other| orphan.fits(other));
        fitting.map(|other| other.accessor.clone()).collect()
    };
    let lost: Vec<_> = orphans
        .iter()
        .filter(|orphan| matches!(orphan, OrphanedToken::Lost { .. }))
        .map(fitting)
        .collect();
    let plain = |all: &&Vec<String>| all.len() <= lost.iter().filter(|other| other == all).count();
    let of_runs = orphans
        .iter()
        .filter(|orphan| matches!(orphan, OrphanedToken::OfRun { .. }))
        .flat_map(fitting);
    let mut ours: Vec<_> = lost.iter().filter(plain).flatten().cloned().collect();
    ours.extend(of_runs);
    ours.sort_unstable();
    ours.dedup();
    ours
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(accessor: &str, path: &str, made: i64, run: Option<&str>) -> Found {
        Found {
            accessor: accessor.into(),
            display_name: String::new(),
            path: path.into(),
            expires: None,
            made,
            run: run.map(Into::into),
        }
    }

    #[test]
    fn only_what_can_be_nobody_elses_is_revoked() {
        let lost = OrphanedToken::Lost {
            since: 100,
            until: 200,
        };
        let before = found("a", "auth/token/root", 99, None);
        let within = found("b", "auth/token/root", 150, None);
        let also = found("c", "auth/token/root", 160, None);
        let made = found("d", "auth/token/create", 150, None);
        let one = [before.clone(), within.clone(), made];
        assert_eq!(plainly_lost(&one, std::slice::from_ref(&lost)), ["b"]);
        // Two of that time: one of them is a colleague's.
        let two = [within.clone(), also];
        assert!(plainly_lost(&two, std::slice::from_ref(&lost)).is_empty());
        // Unless two were lost.
        assert_eq!(plainly_lost(&two, &[lost.clone(), lost]), ["b", "c"]);
        let perhaps = OrphanedToken::Perhaps {
            since: 100,
            until: 200,
        };
        assert!(plainly_lost(&[within], &[perhaps]).is_empty());
        let of_run = OrphanedToken::OfRun { run: "r".into() };
        let ours = found("e", "auth/token/create-orphan", 1, Some("r"));
        let theirs = found("f", "auth/token/create-orphan", 1, Some("other"));
        assert_eq!(plainly_lost(&[ours, theirs, before], &[of_run]), ["e"]);
    }
}
