//! What a command says while it runs, and what it says last: plain data, the same for every command.
//!
//! `report` renders it for people; with `--output json` each event is one line on stdout. The schema of those lines is
//! [`schema`].

mod plan;
mod results;
mod sink;
mod summary;

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::code::{Code, Reported};
use crate::evidence::facts::Evidence;
use crate::failure::{Exit, Failure, Problem};
use crate::printable;
use crate::step::Step;

pub use plan::{Changes, Plan, PlannedAction, PlannedChange, PlannedItem, PlannedStep};
pub use results::{
    Abandoned, Challenged, Converted, HolderFile, Imported, Invitation, LastRehearsal, LeaseHolder,
    NewIdentity, NodeLine, NodeSeal, Placed, Proved, ReportLine, Rotated, RunLine, Status,
    StepLine, Told, Verified,
};
pub use sink::{Caller, EventSink};
pub use summary::{
    Adopted, AuditProof, BreakGlassState, ControlLogin, RootProof, RootState, SharesKept, Shown,
    Summary,
};

/// Version of the form of all events.
pub const VERSION: u32 = 3;

/// One thing that happened.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A command begins to work on a cluster.
    Begin {
        /// Which command, such as `apply` or `rehearse`.
        command: &'static str,
        /// Name of the cluster.
        cluster: String,
        /// Its address.
        address: String,
        /// True when an earlier run is continued.
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
    /// Something worth a line.
    Note {
        /// The step that it is about, if it is about one.
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<Step>,
        /// The line.
        text: String,
        /// Whether a person is asked something next, and reads this before the answer.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        asks: bool,
    },
    /// Allowed, and a person should know.
    Warning {
        /// The step that it is about, if it is about one.
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<Step>,
        /// What a script decides by.
        code: Code,
        /// The line.
        text: String,
    },
    /// Still waiting; comes several times a second.
    Waiting {
        /// The step that waits, if it is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<Step>,
        /// What for.
        text: String,
        /// For how long by now.
        seconds: u64,
        /// For how long at most.
        limit: u64,
    },
    /// A person is asked to sign in. Nothing of it is secret: the URL is useless without the listener.
    SignIn {
        /// The step that needs it, if it is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<Step>,
        /// Which login.
        login: String,
        /// Where to go.
        url: String,
        /// What to type there, in device mode.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// How long the program waits for it.
        seconds: u64,
        /// The port that the browser comes back to. A browser on another machine needs it led here.
        #[serde(skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
    },
    /// Holders elsewhere are asked for their shares.
    Holders {
        /// The step that asks, if it is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<Step>,
        /// What they have to be told.
        #[serde(flatten)]
        invitation: Invitation,
    },
    /// A step ended well.
    StepFinished {
        /// Which.
        step: Step,
        /// What was done.
        outcome: StepOutcome,
        /// Requests sent to the server.
        requests: u64,
        /// How long it took.
        milliseconds: u64,
        /// Public facts that prove it.
        evidence: Evidence,
    },
    /// A root generation was started and waits for its holders.
    Started {
        /// What the holders are sent.
        code: String,
        /// The end of it, to be compared by telephone.
        spoken: String,
        /// The cluster's id, which stands in every holder's own file.
        cluster_id: String,
        /// How many shares it needs.
        required: u32,
    },
    /// How far the server's root generation is.
    Progress {
        /// Whether there is one.
        started: bool,
        /// Shares given so far.
        given: u32,
        /// Shares needed.
        required: u32,
        /// Names it.
        nonce: String,
    },
    /// A root generation was cancelled.
    Cancelled {},
    /// A share was accepted.
    Given {
        /// Whose.
        custodian: String,
        /// Shares given so far.
        given: u32,
        /// Shares needed.
        required: u32,
    },
    /// The last share was accepted.
    Complete {
        /// Whose.
        custodian: String,
        /// The token, encoded with the starter's one-time pad; useless to anybody else.
        encoded: String,
    },
    /// A share was given to the nodes that were sealed.
    Unsealed {
        /// Each listed node as it is now.
        nodes: Vec<NodeSeal>,
    },
    /// `status`: how far the ceremony is.
    Status(Box<Status>),
    /// `plan`: what `apply` would do.
    Plan(Plan),
    /// `apply` after the hand-over: what is about to be written.
    Changes(Changes),
    /// `apply --abandon`: what was destroyed.
    Abandoned(Abandoned),
    /// `custodian prove`: what a holder is to open.
    Challenge(Challenged),
    /// `custodian prove`: a holder has opened a challenge.
    Proved(Proved),
    /// `custodian new`: a key was made.
    NewIdentity(NewIdentity),
    /// `holder-file`: what a holder needs on their own machine.
    HolderFile(HolderFile),
    /// `import`: what was read of a cluster.
    Imported(Box<Imported>),
    /// `import --from`: what was made of a file of another program.
    Converted(Box<Converted>),
    /// `report verify`: the signature is good.
    Verified(Verified),
    /// `recovery rotate`: which shares are in effect.
    Rotated(Rotated),
    /// A command ended well.
    End {
        /// Whether nothing was written; said by `apply` only.
        #[serde(skip_serializing_if = "Option::is_none")]
        unchanged: Option<bool>,
        /// Steps of which something was not looked at in this run; said by `apply` only.
        #[serde(skip_serializing_if = "Option::is_none")]
        not_rechecked: Option<Vec<Step>>,
        /// What was done, in a sentence, where that is not plain from the command.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// What does not hold, or is not proved.
        findings: Vec<Reported>,
        /// What the ceremony came to; said by `apply` only.
        #[serde(skip_serializing_if = "Option::is_none")]
        summary: Option<Box<Summary>>,
        /// Absolute path of the report or evidence, if one was written.
        #[serde(skip_serializing_if = "Option::is_none")]
        report: Option<String>,
        /// Exit code of the operator's command, if one ran.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u8>,
    },
    /// A command did not end well.
    Failed {
        /// The exit code.
        exit: u8,
        /// All that is wrong, each with what to do about it.
        problems: Vec<Problem>,
    },
}

impl From<&Failure> for Event {
    fn from(failure: &Failure) -> Self {
        Self::Failed {
            exit: failure.exit.code(),
            problems: failure.problems.clone(),
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// It was done now.
    Applied,
    /// It had been done, was gone or changed, and was done again.
    Repaired,
    /// It is not as in the file, and it was left so, since root is revoked: a finding.
    Differs,
    /// It was there already.
    Adopted,
    /// Looked at, and nothing to do.
    Unchanged,
    /// Looked at, and nothing to do but for a person: a finding.
    WithFindings,
    /// Recorded as done, and not looked at again in this run.
    NotRechecked,
}

/// How a command ended that came to its end.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code.
    pub exit: Exit,
    /// What is still to be said, once nothing of the run is left in memory.
    pub last: Option<Event>,
}

impl Outcome {
    /// Ended well, with this last event.
    pub fn done(last: Event) -> Self {
        Self {
            exit: Exit::Done,
            last: Some(last),
        }
    }

    /// Ended with these findings, evidence at `report`, and the exit code of the operator's command if one ran.
    pub(crate) fn ended(
        text: String,
        findings: Vec<Reported>,
        report: &Path,
        code: Option<u8>,
    ) -> Self {
        let exit = match code.unwrap_or(0) {
            0 => Exit::of_findings(&findings),
            code => Exit::OfCommand(code),
        };
        let last = Event::End {
            unchanged: None,
            not_rechecked: None,
            text: Some(text),
            summary: None,
            findings,
            report: Some(report.display().to_string()),
            code,
        };
        Self {
            exit,
            last: Some(last),
        }
    }
}

impl From<Exit> for Outcome {
    fn from(exit: Exit) -> Self {
        Self { exit, last: None }
    }
}

/// The event with the version in front.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "An event of vault-bootstrap, one a line")]
struct Line<'a> {
    /// Version of the form.
    version: u32,
    #[serde(flatten)]
    event: &'a Event,
}

/// JSON Schema of one line of `--output json`.
pub fn schema() -> Value {
    schemars::schema_for!(Line<'_>).to_value()
}

/// The event as it stands on a line of `--output json`: its version first.
pub fn to_line(event: &Event) -> String {
    let line = Line {
        version: VERSION,
        event,
    };
    // Serialising our own plain structs cannot fail.
    let text = serde_json::to_string(&line).unwrap_or_default();
    format!("{}\n", printable::json(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_one_line_of_json_with_its_version_first() {
        let event = Event::Note {
            step: Some(Step::Audit),
            text: "two\nlines".into(),
            asks: false,
        };
        let text = to_line(&event);
        assert_eq!(text.matches('\n').count(), 1);
        assert!(
            text.starts_with(r#"{"version":3,"event":"note","step":"audit""#),
            "{text}"
        );
    }

    #[test]
    fn the_schema_names_every_event_by_the_word_that_stands_in_its_line() {
        let schema = schema().to_string();
        for name in [
            "begin",
            "step-started",
            "sign-in",
            "failed",
            "rotated",
            "status",
        ] {
            assert!(schema.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}
