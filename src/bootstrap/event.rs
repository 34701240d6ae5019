//! What a running ceremony tells: plain data, rendered by `report`.

use serde::Serialize;

use super::evidence::Evidence;
use super::step::Step;
use crate::root_generation::Invitation;

/// Version of the events of `--output json`, one a line.
pub const VERSION: u32 = 1;

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The ceremony begins or is taken up again.
    Begin {
        /// Name of the cluster.
        cluster: String,
        /// Its address.
        address: String,
        /// True when a checkpoint of an earlier run was found.
        resumed: bool,
    },
    /// A step begins.
    StepStarted {
        /// Which.
        step: Step,
        /// Its place, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// Something worth a line inside a step.
    Note {
        /// Which step.
        step: Step,
        /// The line.
        text: String,
    },
    /// Allowed, and a person should know.
    Warning {
        /// Which step, when it is about one.
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<Step>,
        /// The line.
        text: String,
    },
    /// Still waiting, once a second or so.
    Waiting {
        /// Which step.
        step: Step,
        /// What for.
        text: String,
        /// For how long now.
        seconds: u64,
        /// How long at the most.
        limit: u64,
    },
    /// A person is asked to go somewhere. Never a secret: the URL is useless without the listener.
    SignIn {
        /// Which login.
        login: String,
        /// Where to go.
        url: String,
        /// What to type there, in device mode.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// How long it is waited for.
        seconds: u64,
    },
    /// Holders elsewhere are asked for their shares.
    Holders {
        /// Which step.
        step: Step,
        /// What they are told.
        #[serde(flatten)]
        invitation: Invitation,
    },
    /// A step ended well.
    StepFinished {
        /// Which.
        step: Step,
        /// What was done.
        outcome: Outcome,
        /// Requests to the server.
        requests: u64,
        /// How long it took.
        milliseconds: u64,
        /// Public facts that prove it.
        evidence: Evidence,
    },
    /// The ceremony ended well.
    End {
        /// True when nothing at all was written.
        unchanged: bool,
        /// Promises that do not hold, or are not proved.
        findings: Vec<String>,
        /// Absolute path of the report, if one was written.
        #[serde(skip_serializing_if = "Option::is_none")]
        report: Option<String>,
    },
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was done now.
    Applied,
    /// It had been done, was gone or changed, and was done again.
    Repaired,
    /// It was there already.
    Adopted,
    /// Nothing to do.
    Unchanged,
    /// Recorded as done, and could not be looked at again from here.
    NotRechecked,
}
