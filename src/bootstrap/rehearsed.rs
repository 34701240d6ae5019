//! Whether break-glass was rehearsed, as far as anything here knows.

use crate::bootstrap::ceremony::Ceremony;
use crate::checkpoint::replica::evidence::take_up_rehearsal;
use crate::checkpoint::{Rehearsed, ReplicatedCheckpoint};
use crate::config::Config;
use crate::event::Caller;
use crate::failure::Failure;
use crate::shares::exercised::Exercised;

/// Another machine may have rehearsed since, and this one be new. One that cannot be seen leaves a finding: that none is
/// known.
pub(super) async fn rehearsed_elsewhere(
    config: &Config,
    records: &ReplicatedCheckpoint,
    caller: Caller<'_>,
) {
    if records.replica().is_none() || !records.diary().handed_over() {
        return;
    }
    let diary = records.diary();
    match take_up_rehearsal(config, diary.cluster.cluster_id.as_deref()).await {
        Ok(None) => {}
        Ok(Some(evidence)) => caller.events.note(format!(
            "the last rehearsal is known from the replica: {}",
            evidence.display()
        )),
        Err(failure) => caller.events.warn(
            failure.code(),
            format!("the last rehearsal at the replica cannot be read: {failure}"),
        ),
    }
}

/// Until a drill was held, here or by `rehearse`, nobody knows whether break-glass works.
pub(super) fn not_rehearsed(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let config = ceremony.config;
    let last = Rehearsed::last(&config.checkpoint.path)?;
    let exercised = Exercised::of(&ceremony.diary(), last);
    if let Some(finding) = exercised.finding(&config.break_glass) {
        ceremony.find(finding);
    }
    Ok(())
}
