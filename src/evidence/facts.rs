//! Public facts that prove a step: what the diary keeps and the report shows. Never a secret, not
//! even a hash of one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Under which name a step's evidence keeps what was found when it was applied.
pub(crate) const FINDINGS: &str = "findings";
/// What was given its first value once, and was not looked at: by now it is the affair of those who use it.
pub(crate) const INITIAL: &str = "initial";
/// What was sent as the file says, and no server gives back.
pub(crate) const NOT_READ_BACK: &str = "not_read_back";
/// What was sent as the file says, and what of it no server shows, so that a change of it by somebody else is not seen.
pub(crate) const NOT_SHOWN: &str = "not_shown";
/// What was compared by its meaning, which is a guess.
pub(crate) const BY_MEANING: &str = "by_meaning";
/// What is on the server and not in the file.
pub(crate) const UNMANAGED: &str = "unmanaged";
/// What this program has made, and has deleted since the file named it no more.
pub(crate) const PRUNED: &str = "pruned";
/// What of a step was not looked at.
pub(crate) const NOT_RECHECKED: &str = "not_rechecked";

/// That root is kept, and why.
pub(crate) const ROOT: &str = "root";

/// That the file asks for nothing of a step.
pub(crate) const DECLARED: &str = "declared";

/// Paths of the documents that are as the file says.
pub(crate) const DOCUMENTS: &str = "documents";

/// Facts of one step, in the order they were found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Evidence(Map<String, Value>);

impl Evidence {
    /// Adds a fact. A fact of the same name is replaced.
    pub fn set(&mut self, name: &str, fact: impl Serialize) {
        // Serialising our own plain structs cannot fail; a fact that does is worth seeing as such.
        let fact =
            serde_json::to_value(fact).unwrap_or_else(|error| Value::String(error.to_string()));
        self.0.insert(name.to_owned(), fact);
    }

    /// As [`Evidence::set`], in a chain.
    #[must_use]
    pub fn with(mut self, name: &str, fact: impl Serialize) -> Self {
        self.set(name, fact);
        self
    }

    /// One fact, if it was recorded in the shape asked for.
    pub fn get<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.0.get(name)?.clone()).ok()
    }

    /// All facts.
    pub fn facts(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, fact)| (name.as_str(), fact))
    }
}
