//! Two clocks that differ: certificates and signatures are judged by ours, lifetimes of tokens by the server's.

use jiff::{SignedDuration, Timestamp};

use crate::bootstrap::ceremony::Ceremony;
use crate::vault::Health;

/// Farther apart than this, token lifetimes and certificates begin to surprise.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// A finding where they are apart: the times in the report are of this machine.
pub(super) fn compare(ceremony: &Ceremony<'_>, address: &str, health: &Health) {
    let ours = Timestamp::now();
    let theirs = health.server_time_utc.map(Timestamp::from_second);
    let Some(Ok(theirs)) = theirs else { return };
    if let Some(text) = apart(address, ours, theirs) {
        ceremony.warn(text.clone());
        ceremony.find(text);
    }
}

fn apart(address: &str, ours: Timestamp, theirs: Timestamp) -> Option<String> {
    let apart = theirs.duration_since(ours);
    if apart.abs() <= TOLERANCE {
        return None;
    }
    let side = if apart.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    Some(format!(
        "the clock of {address} ({}) is {} {side} this machine's ({}), which the times in this report are of",
        whole(theirs),
        length(apart.abs().as_secs()),
        whole(ours),
    ))
}

/// To the second, as in the report.
fn whole(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn length(seconds: i64) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0..=9) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_are_apart_are_told_with_both_times() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(apart("http://a", at(1_000), at(1_060)), None);
        assert_eq!(
            apart("http://a", at(7_260), at(0)).as_deref(),
            Some(
                "the clock of http://a (1970-01-01T00:00:00Z) is 2 h 1 min behind this machine's \
                 (1970-01-01T02:01:00Z), which the times in this report are of"
            )
        );
        let ahead = apart("http://a", at(0), at(90)).unwrap();
        assert!(ahead.contains("is 90 s ahead of this machine's"), "{ahead}");
    }
}
