//! `accept`: findings that are known, meant, and no reason for exit 4 for a time.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Config;
use crate::code::{Accepted, Reported};
use crate::config::forms::Day;
use crate::config::section::{At, Read, section};

section! {
    /// Why a finding is accepted, and for how long.
    pub struct Acceptance {
        /// Why; it stands beside the finding, in reports too.
        #[schemars(length(min = 1))]
        pub reason: String,
        /// The last day, in UTC: `2027-03-31`. From the next day on it is a finding again.
        #[schemars(with = "Day")]
        pub until: Date,
    }
}

impl Read for Date {
    fn read(at: At) -> Option<Self> {
        at.node.text()?.parse().ok()
    }
}

impl Config {
    /// These findings, each with what the file says where it accepts them.
    pub fn judged(&self, findings: Vec<Reported>) -> Vec<Reported> {
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let judged = findings.into_iter().map(|one| self.judged_on(today, one));
        judged.collect()
    }

    pub(in crate::config) fn judged_on(&self, today: Date, mut finding: Reported) -> Reported {
        let mut accepted = self.accept.iter();
        let found = accepted.find(|(code, _)| code == finding.code.text());
        finding.accepted = None;
        match found {
            Some((_, Acceptance { reason, until })) if today <= *until => {
                finding.accepted = Some(Accepted {
                    reason: reason.clone(),
                    until: until.to_string(),
                });
            }
            Some((_, Acceptance { until, .. })) => {
                finding.text = format!("{}; the file accepts it until {until} only", finding.text);
            }
            None => {}
        }
        finding
    }
}
