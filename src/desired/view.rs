//! What comparing takes, and nothing that writes.

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use crate::checkpoint::Diary;
use crate::envelope::digest;
use crate::failure::Failure;
use crate::secret::SecretText;
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
    /// Which step compares.
    pub(crate) step: Step,
}

impl<'a> Deref for View<'a> {
    type Target = Session<'a>;

    fn deref(&self) -> &Self::Target {
        self.session
    }
}

impl View<'_> {
    /// Whether `value` is what was written last where it cannot be read back.
    pub(super) async fn remembers(
        &self,
        key: &str,
        value: &Arc<SecretText>,
    ) -> Result<bool, Failure> {
        match self.diary.digests.get(key).cloned() {
            Some(kept) => Ok(digest::matches(value, kept).await?),
            None => Ok(false),
        }
    }
}

/// Under which name the digest of a field is kept.
pub(crate) fn digest_key(path: &str, field: &str) -> String {
    format!("{path}#{field}")
}
