//! The end: the report is on disk, fsynced, and only then are the checkpoint's secrets destroyed.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::decide::Recorded;
use crate::bootstrap::evidence::Evidence;
use crate::bootstrap::evidence_report::EvidenceReport;
use crate::bootstrap::step::{Observation, Step};
use crate::failure::Failure;

pub(super) fn observe(ceremony: &Ceremony<'_>) -> Observation {
    let checkpoint = ceremony.diary();
    let diary = checkpoint.diary();
    let keeps = checkpoint.keeps_something().unwrap_or(true);
    let may_keep = ceremony.keeps_root();
    let done = diary.recorded(Step::HandOver) == Recorded::Done;
    if done && ceremony.written.get() == 0 && (!keeps || may_keep) {
        let entry = diary.steps.get(&Step::HandOver);
        return Observation::present(entry.map(|e| e.evidence.clone()).unwrap_or_default());
    }
    Observation::absent()
}

#[allow(clippy::unused_async, reason = "the shape of all steps")]
pub(super) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    let kept = ceremony.keeps_root();
    let report = EvidenceReport::of(ceremony);
    let text = report.text();
    let checkpoint = ceremony.checkpoint();
    let json = checkpoint.write_public("report.json", &report.json())?;
    checkpoint.write_public("report.txt", &text)?;
    if !kept {
        checkpoint.destroy_secrets()?;
    }
    Ok(Evidence::default()
        .with("report", json.display().to_string())
        .with(
            "checkpoint_secrets",
            if kept {
                "kept: root token"
            } else {
                "destroyed"
            },
        ))
}
