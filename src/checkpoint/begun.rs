//! What a step was about to write: a run that is cut off cannot say what it wrote, and the next one finds that it is there.

use crate::checkpoint::{CheckpointError, Diary, ReplicatedCheckpoint, now};
use crate::evidence::facts::{Evidence, PRUNED};
use crate::step::Step;
use crate::step::decide::Recorded;

/// Under which name the evidence of a step that is not finished keeps it.
const BEGUN: &str = "begun";
/// What an earlier try of the step was about to write and is as wanted by now.
pub(crate) const WRITTEN_BEFORE: &str = "written_before";

/// What earlier tries of a step that never ended were about to write.
fn begun(diary: &Diary, step: Step) -> Vec<String> {
    let unfinished = diary.recorded(step) == Recorded::Started;
    let begun = unfinished.then(|| diary.fact(step, BEGUN)).flatten();
    begun.unwrap_or_default()
}

/// Records that a step begins, and what it is about to write, before it does.
pub(crate) fn record(
    records: &ReplicatedCheckpoint,
    step: Step,
    paths: impl Iterator<Item = String>,
) -> Result<(), CheckpointError> {
    let mut all = begun(&records.diary(), step);
    for path in paths {
        if !all.contains(&path) {
            all.push(path);
        }
    }
    records.record(|diary| {
        diary.start(step, now());
        if let Some(entry) = diary.steps.get_mut(&step).filter(|_| !all.is_empty()) {
            entry.evidence.set(BEGUN, all);
        }
    })
}

/// Records what of a step is deleted since the file names it no more, beside what earlier runs have deleted.
pub(crate) fn pruned(
    records: &ReplicatedCheckpoint,
    step: Step,
    paths: &[String],
) -> Result<(), CheckpointError> {
    let diary = records.diary();
    let before = diary.steps.get(&step).map(|one| one.evidence.clone());
    let evidence = with_pruned(before.unwrap_or_default(), paths);
    records.borrow_mut().finish(step, evidence)
}

fn with_pruned(evidence: Evidence, paths: &[String]) -> Evidence {
    let mut all: Vec<String> = evidence.get(PRUNED).unwrap_or_default();
    for path in paths {
        if !all.contains(path) {
            all.push(path.clone());
        }
    }
    evidence.with(PRUNED, all)
}

/// The evidence of a step, with what its earlier tries have written. `pending` is what this one still had to.
pub(crate) fn with_earlier(
    evidence: Evidence,
    (diary, step): (&Diary, Step),
    pending: &[String],
) -> Evidence {
    let mut before = begun(diary, step);
    before.retain(|path| !pending.contains(path));
    if before.is_empty() {
        return evidence;
    }
    evidence.with(WRITTEN_BEFORE, before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_run_has_deleted_stays_in_the_evidence() {
        let paths = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let first = with_pruned(Evidence::default().with("other", 1), &paths(&["a"]));
        let second = with_pruned(first, &paths(&["b"]));
        assert_eq!(second.get::<Vec<String>>(PRUNED), Some(paths(&["a", "b"])));
        assert_eq!(second.get::<u32>("other"), Some(1));
    }
}
