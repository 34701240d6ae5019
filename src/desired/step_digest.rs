//! One digest over all that the server may keep to itself of a step's documents.
//!
//! A digest takes its time on purpose, so a hundred passwords would make each later run slow. Where this one
//! matches, no single one has to be asked. It only repeats what the single ones said, and goes with them.

use std::sync::Arc;

use crate::desired::document::Document;
use crate::desired::view::View;
use crate::envelope::digest;
use crate::failure::Failure;
use crate::secret::SecretText;
use crate::step::Step;
use crate::vault::Body;

/// The text under the digest, and the name that the digest is kept under.
pub(crate) struct StepDigest {
    key: String,
    text: Arc<SecretText>,
    /// Nothing in it is missing: only then a digest says anything.
    whole: bool,
}

impl StepDigest {
    /// Of the step that looks; `None` where the server shows everything.
    pub(crate) fn of(view: &View<'_>, documents: &[Document]) -> Option<Self> {
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
            key: key(view.step),
            text: Arc::new(Body::List(all.collect()).text()),
            whole,
        })
    }

    /// Whether all of it is as it was when each single value was last found to be the same.
    pub(crate) async fn is_remembered(&self, view: &View<'_>) -> Result<bool, Failure> {
        Ok(self.whole && view.remembers(&self.key, &self.text).await?)
    }

    /// The digest, by its name, to be kept once each single value was found to be the same.
    pub(crate) async fn made(&self) -> Result<Option<(String, String)>, Failure> {
        if !self.whole {
            return Ok(None);
        }
        let digest = digest::secret_digest(&self.text).await?;
        Ok(Some((self.key.clone(), digest)))
    }
}

/// The name of the digest of a step. No path of the API begins so.
pub(crate) fn key(step: Step) -> String {
    format!("#{}", step.name())
}

impl Document {
    /// Whether the server may take something of it and not show it.
    fn may_hide(&self) -> bool {
        self.may_keep_plain_fields_back() || !self.body.secret_places().is_empty()
    }
}
