//! `policies`, with the text of those that have a file of their own.

use std::path::PathBuf;

use schemars::JsonSchema;

use crate::config::LONGEST_FILE;
use crate::config::problem::text_of;
use crate::config::reading::{Reading, under};
use crate::config::section::At;
use crate::config::tree::Node;

/// One entry of `policies`.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Name, in lower case.
    pub name: String,
    /// Where its text comes from.
    pub source: PolicySource,
}

/// Where the text of a policy comes from.
#[derive(Debug, Clone)]
pub enum PolicySource {
    /// Written by the tool: read-only, with the scan of accessors.
    Auditor,
    /// The operator's text, from the file or from a file of its own.
    Rules {
        /// The text, byte for byte.
        text: String,
        /// The file that it was read from.
        file: Option<PathBuf>,
    },
}

/// An ACL policy: `{file: PATH}`, `{rules: TEXT}` or `{builtin: auditor}`.
#[derive(JsonSchema)]
#[serde(rename = "Policy", rename_all = "lowercase")]
#[expect(dead_code, reason = "read by the schema generator alone")]
pub(super) enum PolicyKeys {
    /// A policy that the program writes itself: `auditor` reads the posture and changes nothing.
    Builtin(Builtin),
    /// A file with the policy.
    File(String),
    /// The policy itself.
    Rules(String),
}

/// Policies that the program writes itself.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "read by the schema generator alone")]
pub(super) enum Builtin {
    Auditor,
}

/// The policies of the document, those from files among them, where nothing is wrong with their shape. What is wrong
/// with a text is found here, so that each file is read once.
pub(in crate::config) fn read(reading: &mut Reading) -> Vec<Policy> {
    let mut policies = Vec::new();
    for entry in reading
        .find(&["policies"])
        .map(Node::entries)
        .unwrap_or_default()
    {
        let path = ["policies", entry.key.as_str()];
        if !reading.sound(&path) {
            continue;
        }
        match source(reading.at(&entry.value)) {
            Ok(source) => policies.extend(source.map(|source| Policy {
                name: entry.key.clone(),
                source,
            })),
            Err((key, text)) => reading.refuse(&under(&path, &[key]), text),
        }
    }
    policies
}

/// Where a policy comes from, or the key that something is wrong with, and what.
fn source(at: At) -> Result<Option<PolicySource>, (&'static str, String)> {
    let (key, text, file) = match at.entries().next() {
        Some(("builtin", _)) => return Ok(Some(PolicySource::Auditor)),
        Some(("rules", at)) => ("rules", at.read(), None),
        Some((_, at)) => {
            let Some(file) = at.read::<PathBuf>() else {
                return Ok(None);
            };
            let unread = |why| ("file", format!("{}: {why}", file.display()));
            (
                "file",
                Some(text_of(&file, LONGEST_FILE).map_err(unread)?),
                Some(file),
            )
        }
        None => return Ok(None),
    };
    let text: Option<String> = text;
    if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
        return Err((key, "the policy is empty".into()));
    }
    Ok(text.map(|text| PolicySource::Rules { text, file }))
}
