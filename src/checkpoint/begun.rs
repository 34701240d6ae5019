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

/// Records that a document of a step is about to be deleted, since the file names it no more, before it is.
pub(crate) fn pruning(
    records: &ReplicatedCheckpoint,
    step: Step,
    path: &str,
) -> Result<(), CheckpointError> {
    records.record(|diary| {
        diary.pruning.insert(path.to_owned(), step);
    })
}

/// Records what became of that: it is gone, beside what was deleted before; or it is still there.
pub(crate) fn pruned(
    records: &ReplicatedCheckpoint,
    (step, path): (Step, &str),
    gone: bool,
) -> Result<(), CheckpointError> {
    records.record(|diary| {
        diary.pruning.remove(path);
        if !gone {
            return;
        }
        match diary.steps.get_mut(&step) {
            // What an earlier try of the step has begun stays known.
            Some(entry) => entry.evidence = with_pruned(entry.evidence.clone(), path),
            None => diary.finish(step, with_pruned(Evidence::default(), path), now()),
        }
    })
}

fn with_pruned(evidence: Evidence, path: &str) -> Evidence {
    let mut all: Vec<String> = evidence.get(PRUNED).unwrap_or_default();
    if !all.iter().any(|one| one == path) {
        all.push(path.to_owned());
    }
    evidence.with(PRUNED, all)
}

/// The evidence of a step, with what its earlier tries have written and what was deleted of it. `pending` is what this one
/// still had to write.
pub(crate) fn with_earlier(
    mut evidence: Evidence,
    (diary, step): (&Diary, Step),
    pending: &[String],
) -> Evidence {
    let pruned: Option<Vec<String>> = diary.fact(step, PRUNED);
    if let Some(mut pruned) = pruned {
        pruned.retain(|path| !pending.contains(path));
        evidence.set(PRUNED, pruned);
    }
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
        let first = with_pruned(Evidence::default().with("other", 1), "a");
        let second = with_pruned(first, "b");
        let paths = |all: &[&str]| Some(all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(second.get::<Vec<String>>(PRUNED), paths(&["a", "b"]));
        assert_eq!(second.get::<u32>("other"), Some(1));
        let mut diary = Diary::default();
        diary.finish(Step::Policies, second, now());
        // The step is written again, and one of both with it.
        let written = with_earlier(
            Evidence::default(),
            (&diary, Step::Policies),
            &["b".to_owned()],
        );
        assert_eq!(written.get::<Vec<String>>(PRUNED), paths(&["a"]));
    }
}
