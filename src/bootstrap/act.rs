//! What a decision comes to: nothing, a note, a refusal, or the step's own writing and its record.

use crate::bootstrap::after_hand_over;
use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::judge::Judgment;
use crate::bootstrap::steps;
use crate::checkpoint::begun;
use crate::code::{Code, Reported};
use crate::desired::observation::Observation;
use crate::desired::{self, hand_out};
use crate::event::StepOutcome;
use crate::evidence::facts::{Evidence, FINDINGS, UNMANAGED};
use crate::failure::Failure;
use crate::finding::{Detail, DocumentFinding, Finding};
use crate::step::Step;
use crate::step::decide::Decision;

/// Carries out what was decided about a step, and records it.
pub(super) async fn act(
    step: Step,
    ceremony: &mut Ceremony<'_>,
    judgment: Judgment,
) -> Result<(StepOutcome, Evidence), Failure> {
    let Judgment {
        mut observation,
        decision,
    } = judgment;
    let well = observation.findings.is_empty();
    for finding in observation.findings.drain(..) {
        ceremony.find(finding);
    }
    ceremony.remember(std::mem::take(&mut observation.learned))?;
    for text in desired::how_it_was_compared(&observation.evidence) {
        ceremony.note(text);
    }
    not_in_file(ceremony, &mut observation);
    if decision != Decision::Apply {
        // Nothing begins that would take it to the disk.
        ceremony.checkpoint().settle()?;
    }
    match decision {
        Decision::Skip => {
            let outcome = unchanged(step, ceremony, well, &observation.details);
            Ok((outcome, observation.evidence))
        }
        Decision::SkipUnseen => {
            findings_of_before(step, ceremony, false);
            not_rechecked(step, ceremony, &observation.details);
            Ok((StepOutcome::NotRechecked, observation.evidence))
        }
        Decision::Adopt => {
            let evidence = if step == Step::Initialize {
                steps::initialize::adopt(ceremony).await?
            } else {
                observation.evidence
            };
            let evidence = begun::with_earlier(evidence, (&ceremony.diary(), step), &[]);
            ceremony.checkpoint().finish(step, evidence.clone())?;
            // What is kept on purpose was not looked for.
            let outcome = if well {
                StepOutcome::Adopted
            } else {
                StepOutcome::WithFindings
            };
            Ok((outcome, evidence))
        }
        Decision::Refuse(why) if step == Step::Initialize => {
            Err(steps::initialize::refusal(ceremony, why))
        }
        Decision::Refuse(_) => Err(unseen(step, &observation)),
        Decision::Apply | Decision::LookAgain => {
            let evidence = write(step, ceremony, observation).await?;
            Ok((StepOutcome::Applied, evidence))
        }
        Decision::Repair => {
            let (unseen, other) = observation.details.drain(..).partition(Detail::is_unseen);
            observation.details = other;
            not_rechecked(step, ceremony, &unseen);
            for detail in &observation.details {
                ceremony.note(format!("not as in the file: {detail}"));
            }
            repair(step, ceremony, observation).await
        }
    }
}

/// How a step ends that has nothing to do; what of it could not be looked at is said.
fn unchanged(step: Step, ceremony: &Ceremony<'_>, well: bool, unseen: &[Detail]) -> StepOutcome {
    findings_of_before(step, ceremony, unseen.is_empty());
    let known = ceremony.findings.borrow().len();
    not_rechecked(step, ceremony, unseen);
    if !well || !ceremony.findings_since(known).is_empty() {
        return StepOutcome::WithFindings;
    }
    if step == Step::RevokeRoot && ceremony.diary().adopted.is_some() {
        ceremony.note("no accessor is of a root token; nothing recorded shows who revoked root");
        return StepOutcome::NotRechecked;
    }
    StepOutcome::Unchanged
}

fn not_rechecked(step: Step, ceremony: &Ceremony<'_>, why: &[Detail]) {
    for why in why {
        let from = ceremony.options.check;
        if ceremony.diary().handed_over() && why.is_missed(from) {
            ceremony.find(DocumentFinding::Unseen(step, why.clone()).into());
            continue;
        }
        if let Some(thing) = why.is_apart(from) {
            ceremony.apart(thing, why.to_string());
        }
        let how = match why {
            Detail::OfAnother => "not looked at",
            _ => "recorded, not re-checked",
        };
        ceremony.note(format!("{how}: {why}"));
    }
}

/// What is there beside the file is told: how much, and where that was asked for, what.
fn not_in_file(ceremony: &Ceremony<'_>, observation: &mut Observation) {
    let paths = std::mem::take(&mut observation.unmanaged);
    if paths.is_empty() {
        return;
    }
    let what = if ceremony.options.all {
        paths.join(", ")
    } else {
        format!("{} (apply --all names them)", paths.len())
    };
    ceremony.note(format!(
        "on the server and not in the file, left alone: {what}"
    ));
    observation.evidence.set(UNMANAGED, &paths);
}

/// Carries out what a look found to be done, and records it.
pub(super) async fn write(
    step: Step,
    ceremony: &mut Ceremony<'_>,
    observation: Observation,
) -> Result<Evidence, Failure> {
    let pending = observation.pending.iter();
    let pending: Vec<String> = pending.map(|one| one.document.path.clone()).collect();
    // Two steps record their own start, between what they prepare and what they cannot take back.
    if !matches!(step, Step::Initialize | Step::RevokeRoot) {
        if ceremony.records.replica().is_some() {
            // A machine that goes on elsewhere does not ask for a second secret.
            hand_out::note(&ceremony.memory, &observation.pending)?;
        }
        ceremony.begin(step, pending.iter().cloned())?;
        // What preflight has still to prove is not relied on.
        if step != Step::Preflight {
            ceremony.replicate().await?;
        }
    }
    let before = ceremony.findings.borrow().len();
    let evidence = steps::apply(step, ceremony, observation).await?;
    let mut found = ceremony.findings_since(before);
    // Kept by itself: the file may accept it later, or the server may know better.
    found.retain(|one| !matches!(one, Finding::CanEscalate(..)));
    let evidence = if found.is_empty() {
        evidence
    } else {
        evidence.with(FINDINGS, Finding::all_reported(&found))
    };
    let evidence = begun::with_earlier(evidence, (&ceremony.diary(), step), &pending);
    ceremony.checkpoint().finish(step, evidence.clone())?;
    if step != Step::WaitUntilActive {
        ceremony.written.set(ceremony.written.get() + 1);
    }
    Ok(evidence)
}

/// What was found when the step was applied still stands: it is looked at only then. But what could not be seen then is seen
/// where this run has looked at `all` of it.
fn findings_of_before(step: Step, ceremony: &Ceremony<'_>, all: bool) {
    let found: Option<Vec<Reported>> = ceremony.diary().fact(step, FINDINGS);
    let found = found.into_iter().flatten();
    for finding in found.filter(|one| !(all && one.code == Code::NotSeen)) {
        ceremony.find(Finding::Recorded(finding));
    }
}

/// Root writes again what has changed. Once root is revoked, what a login may write waits until every step was looked at;
/// all else that differs is a finding.
async fn repair(
    step: Step,
    ceremony: &mut Ceremony<'_>,
    observation: Observation,
) -> Result<(StepOutcome, Evidence), Failure> {
    if ceremony.is_root() || needs_nobody(step) {
        // What is merely done once more in each run, such as waiting, has not changed.
        let outcome = if observation.details.is_empty() {
            StepOutcome::Applied
        } else {
            StepOutcome::Repaired
        };
        let before = ceremony.findings.borrow().len();
        let evidence = write(step, ceremony, observation).await?;
        // What the read-back does not agree with is not repaired.
        let well = ceremony.findings_since(before).is_empty();
        let repaired = outcome == StepOutcome::Repaired;
        let outcome = if repaired && !well {
            StepOutcome::WithFindings
        } else {
            outcome
        };
        return Ok((outcome, evidence));
    }
    let evidence = observation.evidence.clone();
    if after_hand_over::waits(step, ceremony, &observation) {
        ceremony.waiting.push((step, observation));
        return Ok((StepOutcome::Differs, evidence));
    }
    for detail in observation.details {
        ceremony.find(Finding::Step(step, detail));
    }
    Ok((StepOutcome::Differs, evidence))
}

/// Whether what a step does needs no token of root.
pub(crate) fn needs_nobody(step: Step) -> bool {
    matches!(
        step,
        Step::Preflight | Step::WaitUntilActive | Step::HandOver
    )
}

fn unseen(step: Step, observation: &Observation) -> Failure {
    let why = observation.details.iter().map(ToString::to_string);
    let why = why.collect::<Vec<_>>().join("; ");
    Failure::refused(
        Code::StepUnseen,
        format!("{} cannot be looked at: {why}", step.name()),
    )
    .advise("let a login with the right policies do it, or use break-glass")
}
