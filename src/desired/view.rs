//! What comparing takes, and nothing that writes.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::rc::Rc;

use crate::checkpoint::Diary;
use crate::checkpoint::begun::WRITTEN_BEFORE;
use crate::evidence::facts::{DOCUMENTS, NOT_READ_BACK};
use crate::memory::Memory;
use crate::session::Session;
use crate::step::Step;

/// Requests in flight inside one step. Measured: more does not make a three-node raft faster.
pub const CONCURRENCY: usize = 16;

/// What comparing takes: who asks at which server, and what is remembered. Nothing in it writes.
pub(crate) struct View<'a> {
    /// Who asks.
    pub(crate) session: &'a Session<'a>,
    /// The diary when the look began.
    pub(crate) diary: Rc<Diary>,
    /// What was sent before, and what the server made of it.
    pub(crate) memory: &'a Memory,
    /// What is to be done once more although it was done.
    pub(crate) again: &'a [String],
    /// Whether documents that nothing here remembers having written are overwritten.
    pub(crate) adopt: bool,
    /// Documents that the diary of this step names, once somebody asks.
    pub(crate) named: OnceCell<BTreeSet<String>>,
    /// Which step compares.
    pub(crate) step: Step,
}

impl<'a> Deref for View<'a> {
    type Target = Session<'a>;

    fn deref(&self) -> &Self::Target {
        self.session
    }
}

/// Facts of a step that name documents of it which this program has seen as the file had them, or has written.
const NAMED: [&str; 5] = [
    DOCUMENTS,
    NOT_READ_BACK,
    "written",
    WRITTEN_BEFORE,
    NOT_IN_FILE,
];
/// The one of those that the file names no more.
pub(crate) const NOT_IN_FILE: &str = "not_in_file";

/// Paths that the step of this view has seen as an earlier form of the file had them, or has written.
pub(crate) fn named_before(view: &View<'_>) -> BTreeSet<String> {
    let made = |fact| view.diary.fact(view.step, fact);
    let made = NAMED.map(|fact| made(fact).unwrap_or_default());
    made.into_iter().flat_map(Vec::into_iter).collect()
}

impl View<'_> {
    /// Whether the diary says that an earlier run has written this document, or has seen it as the file had it.
    pub(crate) fn is_named(&self, path: &str) -> bool {
        let named = self.named.get_or_init(|| named_before(self));
        named.contains(path)
    }
}

/// Under which name a field of a document is remembered.
pub(crate) fn field_key(path: &str, field: &str) -> String {
    format!("{path}#{field}")
}
