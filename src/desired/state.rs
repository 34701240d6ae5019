//! The state of one document.

use serde_json::Value;

use crate::desired::document::Reset;
use crate::finding::{Change, DocumentFinding};
use crate::memory::Record;
use crate::vault::Body;

/// The state of one document.
#[derive(Debug)]
pub(super) enum State {
    /// This login may not read it.
    Unseen,
    /// It is not there.
    Absent,
    /// It was given its first value, and is not looked at any more.
    Initial,
    /// It is there, or was written and cannot be read.
    Present(Box<Found>),
}

impl State {
    pub(super) fn present(found: Found) -> Self {
        Self::Present(Box::new(found))
    }
}

/// What was found of a document that is there.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What differs.
    pub(super) why: Vec<Change>,
    /// Places that nobody here can compare.
    pub(super) not_compared: Vec<String>,
    /// What is to be sent, where that is not the body as it is.
    pub(super) send: Option<Body>,
    /// What that puts back.
    pub(super) reset: Vec<Reset>,
    /// What no write could mend.
    pub(super) findings: Vec<DocumentFinding>,
    /// The server does not give it back: only what was sent was compared.
    pub(super) unread: bool,
    /// Fields that were sent as the file says, and that the answer has nothing of.
    pub(super) not_shown: Vec<String>,
    /// What was compared is its meaning.
    pub(super) by_meaning: bool,
    /// What is to be remembered of the look.
    pub(super) learnt: Option<Record>,
}

/// A value as it is shown: JSON on one line.
pub(super) fn shown(value: &Value) -> String {
    value.to_string()
}
