//! Writing what a look at a step left to be written.

use crate::desired::document::Pending;
use crate::desired::hand_out;
use crate::desired::identity;
use crate::desired::observation::Observation;
use crate::desired::writing::{Target, apply};
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::finding::Finding;

/// Writes what an observation left pending, and says what was written. Groups and entities come last: an alias may be the id of
/// a role.
///
/// # Errors
/// All writes that failed. The others were done; a second run finds them equal.
pub async fn write_pending(
    target: &Target<'_>,
    observation: Observation,
    in_flight: usize,
) -> Result<(Evidence, Vec<Finding>), Failure> {
    let of_section = |one: &Pending| {
        let document = &one.document;
        !document.is_read() && identity::is_identity(&document.path)
    };
    let (identity, others): (Vec<_>, Vec<_>) =
        observation.pending.into_iter().partition(of_section);
    let out = handed_out(target, &others);
    let mut written = apply(target, others, in_flight).await?;
    written.extend(identity::apply(target, identity).await?);
    let mut evidence = observation.evidence.with("written", written.paths);
    if !out.is_empty() {
        evidence.set("handed_out", &out);
    }
    Ok((evidence, written.findings))
}

/// What is handed out with these, and where: never the secret.
fn handed_out(target: &Target<'_>, pending: &[Pending]) -> Vec<String> {
    let out = pending.iter().filter(|one| one.document.hands_out);
    let lines = out.filter_map(|one| {
        let (write, _) = hand_out::entry(target, &one.document).ok()?;
        let (what, to) = write.handed_out()?;
        Some(format!("{}: {what} to {to}", write.path))
    });
    lines.collect()
}
