//! One digest over all that the server may keep to itself of a step's documents.
//!
//! A digest takes its time on purpose, so a hundred passwords would make each later run slow. Where this one
//! matches, no single one has to be asked. It only repeats what the single ones said, and goes with them.

use std::sync::Arc;

use super::{Ceremony, Document};
use crate::envelope::digest;
use crate::failure::Failure;
use crate::secret::SecretText;
use crate::vault::Body;

/// The text under the digest, and the name that the digest is kept under.
pub(super) struct Together {
    key: String,
    text: Arc<SecretText>,
    /// Nothing in it is missing: only then a digest says anything.
    whole: bool,
}

impl Together {
    /// Of the step in hand; `None` where the server shows everything.
    pub(super) fn of(ceremony: &Ceremony<'_>, documents: &[Document]) -> Option<Self> {
        let mut hiding: Vec<_> = documents.iter().filter(|d| d.may_hide()).collect();
        if hiding.is_empty() {
            return None;
        }
        let whole = !hiding.iter().any(|document| document.body.holds_unknown());
        hiding.sort_by(|one, other| one.path.cmp(&other.path));
        let all = hiding
            .into_iter()
            .map(|document| Body::List(vec![document.path.as_str().into(), document.body.clone()]));
        Some(Self {
            key: key(ceremony),
            text: Arc::new(Body::List(all.collect()).text()),
            whole,
        })
    }

    /// Whether all of it is as it was when each single value was last found to be the same.
    pub(super) async fn is_remembered(&self, ceremony: &Ceremony<'_>) -> Result<bool, Failure> {
        Ok(self.whole && ceremony.remembers(&self.key, &self.text).await?)
    }

    /// Keeps the digest, once each single value was found to be the same.
    pub(super) async fn remember(&self, ceremony: &Ceremony<'_>) -> Result<(), Failure> {
        if !self.whole {
            return Ok(());
        }
        let digest = digest::secret_digest(&self.text).await?;
        let key = self.key.clone();
        Ok(ceremony
            .checkpoint()
            .record(|diary| drop(diary.digests.insert(key, digest)))?)
    }
}

/// The name of the digest of the step in hand. No path of the API begins so.
pub(super) fn key(ceremony: &Ceremony<'_>) -> String {
    format!("#{}", ceremony.step().name())
}

impl Document {
    /// Whether the server may take something of it and not show it.
    fn may_hide(&self) -> bool {
        self.may_keep_plain_fields_back() || !self.body.secret_places().is_empty()
    }
}
