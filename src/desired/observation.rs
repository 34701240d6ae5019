//! What looking at a step found.

use std::collections::BTreeSet;

use crate::desired::document::Pending;
use crate::evidence::facts::{DECLARED, Evidence};
use crate::finding::{Detail, Finding};
use crate::memory::Record;
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
    pub findings: Vec<Finding>,
    /// What is on the server and not in the file, by path: it is left alone.
    pub unmanaged: Vec<String>,
    /// What is to be remembered of it. Looking itself writes nothing.
    pub learned: Learned,
}

/// What the diary is to remember of a look.
#[derive(Debug, Default)]
pub struct Learned {
    /// Places of documents that hold a secret of the file's references.
    pub references: BTreeSet<String>,
    /// Documents that are as the file says, and were not remembered so.
    pub(crate) records: Vec<Record>,
}

impl Learned {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.references.is_empty() && self.records.is_empty()
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
            unmanaged: Vec::new(),
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
        Self::present(Evidence::default().with(DECLARED, "nothing"))
    }

    /// It could not be seen, for these reasons.
    pub fn unknown(why: Vec<Detail>) -> Self {
        Self::of(Seen::Unknown, Evidence::default(), why)
    }
}
