//! When break-glass was exercised with the shares that are in effect, as far as this directory knows.

use std::path::Path;

use crate::checkpoint::{Diary, Rehearsed};
use crate::config::BreakGlass;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::step::Step;

/// What counts of it.
pub(crate) struct Exercised {
    /// When the drill of the ceremony was held, RFC 3339.
    pub(crate) drill: Option<String>,
    /// The last rehearsal that passed.
    pub(crate) rehearsed: Option<Rehearsed>,
    /// The generation of the shares, where it is in effect since a later time than both.
    not_since: Option<u32>,
}

impl Exercised {
    /// Of a diary and the last rehearsal. What was tried with shares that are no longer valid says nothing of those that
    /// are.
    pub(crate) fn of(diary: &Diary, rehearsed: Option<Rehearsed>) -> Self {
        let held = diary.steps.get(&Step::Drill);
        let held = held.filter(|_| diary.drill_was_held());
        let held = held.and_then(|entry| entry.finished.clone());
        let before = held.is_some() || rehearsed.is_some();
        let since = diary
            .rotation
            .as_ref()
            .and_then(|rotation| Some((rotation.since.clone()?, rotation.wanted.generation)));
        // Times are whole seconds of one form, in which what is later is greater: of one second nobody knows which was first.
        let later = |at: &str| since.as_ref().is_none_or(|(since, _)| at > since.as_str());
        let with_these = |one: &Rehearsed| match (&since, one.generation) {
            (Some((_, valid)), Some(held_with)) => held_with == *valid,
            _ => later(&one.at),
        };
        let drill = held.filter(|at| later(at));
        let rehearsed = rehearsed.filter(with_these);
        let neither = drill.is_none() && rehearsed.is_none();
        Self {
            not_since: since
                .filter(|_| before && neither)
                .map(|(_, generation)| generation),
            drill,
            rehearsed,
        }
    }

    /// What is not shown of a login that the file declares.
    pub(crate) fn finding(&self, declared: &BreakGlass) -> Option<Finding> {
        if matches!(declared, BreakGlass::None { .. }) || self.drill.is_some() {
            return None;
        }
        match (&self.rehearsed, self.not_since) {
            (None, Some(generation)) => Some(Finding::NotRehearsedSince(generation)),
            (None, None) => Some(Finding::NotRehearsed),
            (Some(last), _) if last.without.is_empty() => None,
            (Some(last), _) => Some(Finding::RehearsedWithout(last.without.clone())),
        }
    }
}

/// Whose share, of those that are in effect, its holder has given from a machine of their own in the last rehearsal: it
/// need not be here.
pub(crate) fn given_elsewhere(diary: &Diary, directory: &Path) -> Result<Vec<String>, Failure> {
    let last = Exercised::of(diary, Rehearsed::last(directory)?).rehearsed;
    Ok(last.map(|last| last.elsewhere).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::checkpoint::diary::QUORUMS;
    use crate::checkpoint::rotation::Rotation;
    use crate::evidence::facts::Evidence;

    const SINCE: &str = "2026-04-01T00:00:00Z";

    fn held(at: &str, generation: Option<u32>) -> Option<Rehearsed> {
        Some(Rehearsed {
            at: at.to_owned(),
            generation,
            evidence: "x.json".into(),
            without: Vec::new(),
            elsewhere: Vec::new(),
            put_back: BTreeMap::new(),
        })
    }

    fn rotated() -> Diary {
        let mut rotation = Rotation::to_the_second_generation();
        rotation.since = Some(SINCE.to_owned());
        Diary {
            rotation: Some(rotation),
            ..Diary::default()
        }
    }

    #[test]
    fn in_the_second_of_a_rotation_the_generation_says_which_shares_were_rehearsed() {
        let counts = |generation| {
            Exercised::of(&rotated(), held(SINCE, generation))
                .rehearsed
                .is_some()
        };
        assert!(!counts(Some(1)));
        assert!(counts(Some(2)));
        assert!(!counts(None), "nobody knows which was first");
    }

    #[test]
    fn a_rehearsal_that_recorded_no_generation_counts_when_it_is_later() {
        let counts = |at| {
            Exercised::of(&rotated(), held(at, None))
                .rehearsed
                .is_some()
        };
        assert!(counts("2026-04-01T00:00:01Z"));
        assert!(!counts("2026-03-31T23:59:59Z"));
    }

    #[test]
    fn a_drill_of_the_second_of_a_rotation_says_nothing_of_the_new_shares() {
        let drilled = |at: &str| {
            let mut diary = rotated();
            let quorums = vec!["alice and bob"];
            let evidence = Evidence::default().with(QUORUMS, quorums);
            diary.finish(Step::Drill, evidence, at.to_owned());
            Exercised::of(&diary, None).drill.is_some()
        };
        assert!(!drilled(SINCE));
        assert!(drilled("2026-04-01T00:00:01Z"));
    }
}
