//! What to do about one step: a pure table over what is recorded and what was observed.
//!
//! Nothing here talks to anyone. Every cell is tested below, because this table is what makes a
//! killed run safe to repeat.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the diary says about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Recorded {
    /// No run has begun this step.
    Nothing,
    /// A run began it and did not come to its end.
    Started,
    /// A run finished it.
    Done,
}

/// What was found, without what exactly (that is in `desired`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing of it is there.
    Absent,
    /// Some of it is there, or it is there and differs.
    Partial,
    /// All of it is there, as the file says.
    Present,
    /// It could not be seen from here. Never a pass.
    Unknown,
}

/// What the loop does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing to do.
    Skip,
    /// Nothing to do and nothing could be looked at: say "recorded, not re-checked".
    SkipUnseen,
    /// Do it.
    Apply,
    /// It was done once and is gone or changed: do it again, and say so.
    Repair,
    /// It is there already: record it as done.
    Adopt,
    /// Started and not there yet: look again for a bounded time, then do it.
    LookAgain,
    /// Stop: a person must look.
    Refuse(Refusal),
}

/// Why the loop stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Initialised, and not by this checkpoint.
    Foreign,
    /// We asked for initialisation, it happened, and the answer is not on disk.
    AnswerLost,
    /// We initialised a cluster, and this one is not initialised: another cluster, or wiped.
    AnotherCluster,
    /// A step that cannot be skipped could not be observed.
    Unseen,
}

/// The decision for a step that may be repeated.
pub fn decide(recorded: Recorded, seen: Seen) -> Decision {
    match (recorded, seen) {
        (Recorded::Done, Seen::Present) => Decision::Skip,
        (Recorded::Done, Seen::Unknown) => Decision::SkipUnseen,
        (Recorded::Done, Seen::Absent | Seen::Partial) => Decision::Repair,
        (_, Seen::Present) => Decision::Adopt,
        (_, Seen::Absent | Seen::Partial) => Decision::Apply,
        (_, Seen::Unknown) => Decision::Refuse(Refusal::Unseen),
    }
}

/// The decision for `initialize`, the one step that cannot be repeated.
///
/// `answer_kept` says that the server's answer is in the checkpoint. `Partial` does not exist
/// here: a server is initialised or it is not, and is treated as initialised.
pub fn decide_initialize(recorded: Recorded, seen: Seen, answer_kept: bool) -> Decision {
    match (recorded, seen) {
        (_, Seen::Unknown) => Decision::Refuse(Refusal::Unseen),
        // An answer in hand and a server that knows nothing of it: never ask for a second one.
        (Recorded::Nothing | Recorded::Started, Seen::Absent) if answer_kept => {
            Decision::Refuse(Refusal::AnotherCluster)
        }
        (Recorded::Nothing, Seen::Absent) => Decision::Apply,
        (Recorded::Nothing, Seen::Partial | Seen::Present) => Decision::Refuse(Refusal::Foreign),
        (Recorded::Started, Seen::Absent) => Decision::LookAgain,
        (Recorded::Started, Seen::Partial | Seen::Present) if answer_kept => Decision::Adopt,
        (Recorded::Started, Seen::Partial | Seen::Present) => Decision::Refuse(Refusal::AnswerLost),
        (Recorded::Done, Seen::Absent) => Decision::Refuse(Refusal::AnotherCluster),
        (Recorded::Done, Seen::Partial | Seen::Present) => Decision::Skip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_of_repeatable_steps() {
        use Decision::{Adopt, Apply, Repair, Skip, SkipUnseen};
        let refuse = Decision::Refuse(Refusal::Unseen);
        let table = [
            (Recorded::Nothing, [Apply, Apply, Adopt, refuse]),
            (Recorded::Started, [Apply, Apply, Adopt, refuse]),
            (Recorded::Done, [Repair, Repair, Skip, SkipUnseen]),
        ];
        for (recorded, row) in table {
            for (seen, expected) in ALL.into_iter().zip(row) {
                assert_eq!(decide(recorded, seen), expected, "{recorded:?} × {seen:?}");
            }
        }
    }

    #[test]
    fn the_whole_table_of_initialize() {
        use Decision::{Adopt, Apply, LookAgain, Skip};
        let refuse = Decision::Refuse;
        let (foreign, lost) = (refuse(Refusal::Foreign), refuse(Refusal::AnswerLost));
        let (other, unseen) = (refuse(Refusal::AnotherCluster), refuse(Refusal::Unseen));
        let table = [
            (Recorded::Nothing, false, [Apply, foreign, foreign, unseen]),
            (Recorded::Nothing, true, [other, foreign, foreign, unseen]),
            (Recorded::Started, false, [LookAgain, lost, lost, unseen]),
            (Recorded::Started, true, [other, Adopt, Adopt, unseen]),
            (Recorded::Done, false, [other, Skip, Skip, unseen]),
            (Recorded::Done, true, [other, Skip, Skip, unseen]),
        ];
        for (recorded, kept, row) in table {
            for (seen, expected) in ALL.into_iter().zip(row) {
                let got = decide_initialize(recorded, seen, kept);
                assert_eq!(got, expected, "{recorded:?}, kept {kept} × {seen:?}");
            }
        }
    }

    #[test]
    fn unknown_is_never_a_pass_before_a_step_was_done() {
        for recorded in [Recorded::Nothing, Recorded::Started] {
            assert_eq!(
                decide(recorded, Seen::Unknown),
                Decision::Refuse(Refusal::Unseen)
            );
        }
    }

    const ALL: [Seen; 4] = [Seen::Absent, Seen::Partial, Seen::Present, Seen::Unknown];
}
