//! A server none of whose audit devices can write refuses every request, and says nothing of the reason.

use crate::bootstrap::ceremony::Ceremony;
use crate::config::AuditDevice;
use crate::failure::Failure;
use crate::step::Step;
use crate::step::decide::Recorded;

/// Adds where to look, when an audited request was answered as a server answers that cannot audit it.
pub(super) fn explained(mut failure: Failure, ceremony: &Ceremony<'_>) -> Failure {
    if ceremony.diary().recorded(Step::Initialize) != Recorded::Done {
        // There is no device yet.
        return failure;
    }
    for problem in &mut failure.problems {
        // Of any other 500 the server says more than that.
        if problem.status != Some(500) || !problem.what.contains("internal error") {
            continue;
        }
        let known = problem.advice.take();
        let known = known.map(|advice| format!("; besides: {advice}"));
        problem.advice = Some(format!(
            "a server answers like this when none of its audit devices can write, or not this answer: check that there \
             is space {}, and the server's log; then continue: {}{}",
            places(&ceremony.config.audit),
            ceremony.options.again(ceremony.config),
            known.unwrap_or_default(),
        ));
    }
    failure
}

/// Where the devices of the file write.
fn places(devices: &[AuditDevice]) -> String {
    let place = |device: &AuditDevice| {
        let path = device.options.iter().find(|(name, _)| name == "file_path");
        match path {
            Some((_, path)) => format!("sys/audit/{} ({path})", device.path),
            None => format!("sys/audit/{} ({})", device.path, device.device_type),
        }
    };
    if devices.is_empty() {
        return "for its audit devices".to_owned();
    }
    let places: Vec<_> = devices.iter().map(place).collect();
    format!("for {}", places.join(", "))
}
