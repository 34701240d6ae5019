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
        // All are of one form, in which what is later is greater.
        let counts = |at: &String| since.as_ref().is_none_or(|(since, _)| at >= since);
        let drill = held.filter(counts);
        let rehearsed = rehearsed.filter(|one| counts(&one.at));
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
