//! Whether break-glass was rehearsed, as far as anything here knows.

use crate::bootstrap::ceremony::Ceremony;
use crate::checkpoint::Rehearsed;
use crate::failure::Failure;
use crate::machine::Thing;
use crate::shares::exercised::Exercised;

/// Until a drill was held, here or by `rehearse`, nobody knows whether break-glass works.
pub(super) fn not_rehearsed(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let config = ceremony.config;
    let last = Rehearsed::last(&config.checkpoint.path)?;
    let exercised = Exercised::of(&ceremony.diary(), last);
    let Some(finding) = exercised.finding(&config.break_glass) else {
        return Ok(());
    };
    // A replica has been asked, and knows of each machine's. One that is known here was seen.
    let unseen = ceremony.records.replica().is_none() && exercised.rehearsed.is_none();
    let from = ceremony.options.check.filter(|_| unseen);
    if from.is_some_and(|from| !from.sees(Thing::Rehearsal)) {
        let what = "no rehearsal of break-glass is known on this machine";
        ceremony.apart(Thing::Rehearsal, what.to_owned());
        return Ok(());
    }
    ceremony.find(finding);
    Ok(())
}
