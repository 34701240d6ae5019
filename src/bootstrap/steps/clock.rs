//! Two clocks that differ: certificates and signatures are judged by ours, lifetimes of tokens by the server's.

use jiff::{SignedDuration, Timestamp};

use crate::bootstrap::ceremony::Ceremony;
use crate::finding::Finding;
use crate::vault::Health;

/// Farther apart than this, token lifetimes and certificates begin to surprise.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// A finding where they are apart: the times in the report are of this machine.
pub(super) fn compare(ceremony: &Ceremony<'_>, address: &str, health: &Health) {
    let ours = Timestamp::now();
    let theirs = health.server_time_utc.map(Timestamp::from_second);
    let Some(Ok(theirs)) = theirs else { return };
    if theirs.duration_since(ours).abs() > TOLERANCE {
        let finding = Finding::ClocksApart(address.to_owned(), theirs, ours);
        ceremony.warn(finding.code(), finding.to_string());
        ceremony.find(finding);
    }
}
