//! What looking at a step found: data, for which `report` has the words.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::desired::document::{Change, Pending};
use crate::evidence::facts::Evidence;
use crate::step::decide::Seen;

/// What looking found: how much of a step's promise holds, and the facts or the reasons.
#[derive(Debug)]
pub struct Observation {
    /// How much of the step's promise holds.
    pub seen: Seen,
    /// Public facts of what is there; recorded when the step is adopted.
    pub evidence: Evidence,
    /// What is missing or different, or why nothing could be seen.
    pub details: Vec<Detail>,
    /// Documents to be written, where the step writes documents.
    pub pending: Vec<Pending>,
    /// What does not hold, and is nothing that this step could mend.
    pub findings: Vec<String>,
    /// What is to be remembered of it. Looking itself writes nothing.
    pub learned: Learned,
}

/// What the diary is to remember of a look.
#[derive(Debug, Default)]
pub struct Learned {
    /// Places of documents that hold a secret of the file's references.
    pub references: BTreeSet<String>,
    /// Digests of what the server does not give back, by the name they are kept under.
    pub digests: BTreeMap<String, String>,
}

impl Learned {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.references.is_empty() && self.digests.is_empty()
    }
}

/// One thing that is not as the file says, or could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "detail")]
pub enum Detail {
    /// A document is to be written.
    Document {
        /// Its API path.
        path: String,
        /// Why.
        #[serde(flatten)]
        change: Change,
    },
    /// This login may not read these paths.
    MayNotRead {
        /// API paths.
        paths: Vec<String>,
    },
    /// The file's secret for some fields is not here any more.
    SecretNotHere {
        /// API path of the document.
        path: String,
        /// The fields.
        fields: Vec<String>,
    },
    /// A custodian could not be looked at.
    Custodian {
        /// What they answered.
        error: String,
    },
    /// No marker was found in the audit log yet.
    NoMarker,
    /// There is no login to look with.
    NoLogin,
    /// Logins are not tried again.
    LoginsNotTried,
    /// No drill is held any more.
    NoDrill,
    /// Shares are missing, and no longer in the checkpoint.
    SharesMissing,
    /// There are root tokens, each a finding.
    RootTokensFound,
    /// This login may not list accessors.
    MayNotListAccessors,
    /// What was seen is among the findings.
    SeeFindings,
}

impl Detail {
    /// Something that is to be made.
    pub(crate) fn create(path: impl Into<String>) -> Self {
        Self::Document {
            path: path.into(),
            change: Change::Create,
        }
    }
}

impl Observation {
    fn of(seen: Seen, evidence: Evidence, details: Vec<Detail>) -> Self {
        Self {
            seen,
            evidence,
            details,
            pending: Vec::new(),
            findings: Vec::new(),
            learned: Learned::default(),
        }
    }

    /// Nothing of it is there.
    pub fn absent() -> Self {
        Self::of(Seen::Absent, Evidence::default(), Vec::new())
    }

    /// Some of it is there, or it differs; `details` says what is to be done.
    pub fn partial(details: Vec<Detail>) -> Self {
        Self::of(Seen::Partial, Evidence::default(), details)
    }

    /// All of it is there.
    pub fn present(evidence: Evidence) -> Self {
        Self::of(Seen::Present, evidence, Vec::new())
    }

    /// The file asks for nothing of this kind.
    pub fn nothing_declared() -> Self {
        Self::present(Evidence::default().with("declared", "nothing"))
    }

    /// It could not be seen, for these reasons.
    pub fn unknown(why: Vec<Detail>) -> Self {
        Self::of(Seen::Unknown, Evidence::default(), why)
    }
}
