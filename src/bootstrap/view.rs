//! What a step looks at: everything that it needs to judge, and nothing that writes.

use std::cell::OnceCell;
use std::ops::Deref;
use std::path::PathBuf;
use std::rc::Rc;

use crate::bootstrap::options::Options;
use crate::checkpoint::{self, Diary};
use crate::custodian::Custodian;
use crate::desired;
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::memory::Memory;
use crate::session::Session;
use crate::step::Step;
use crate::step::decide::Recorded;

/// What a step looks at.
pub(crate) struct View<'a> {
    /// Who we are at which server.
    pub(crate) session: &'a Session<'a>,
    /// The diary when the look began.
    pub(crate) diary: Rc<Diary>,
    /// What was sent before, and what the server made of it.
    pub(crate) memory: &'a Memory,
    /// Where the checkpoint is.
    pub(crate) directory: PathBuf,
    /// Which step looks.
    pub(crate) step: Step,
    /// What was typed.
    pub(crate) options: &'a Options,
    /// The custodians, opened.
    pub(crate) custodians: &'a [Custodian],
    /// Whether shares are in hand, on their way to their custodians.
    pub(crate) shares_in_hand: bool,
    /// Whether an earlier step has written, or would: what it changes counts as changed.
    pub(crate) earlier_changes: bool,
}

impl<'a> Deref for View<'a> {
    type Target = Session<'a>;

    fn deref(&self) -> &Self::Target {
        self.session
    }
}

impl View<'_> {
    /// The part that comparing documents takes.
    pub(crate) fn documents(&self) -> desired::View<'_> {
        desired::View {
            session: self.session,
            diary: Rc::clone(&self.diary),
            memory: self.memory,
            again: &self.options.again_once,
            adopt: self.options.adopt_documents,
            named: OnceCell::new(),
            step: self.step,
        }
    }

    /// What the diary says of this step.
    pub(crate) fn recorded(&self) -> Recorded {
        self.diary.recorded(self.step)
    }

    /// The evidence that an earlier run recorded for this step.
    pub(crate) fn evidence(&self) -> Option<Evidence> {
        Some(self.diary.steps.get(&self.step)?.evidence.clone())
    }

    /// Whether this run is to revoke root: it stands on nothing that an earlier one proved.
    pub(crate) fn revokes_root(&self) -> bool {
        self.is_root() && !self.options.keeps_root(self.config)
    }

    /// Whether an answer or a root token is on disk.
    pub(crate) fn keeps_something(&self) -> Result<bool, Failure> {
        Ok(checkpoint::keeps_something(&self.directory)?)
    }
}
