//! The evidence of a run: one document for machines and one page for people, signed where a key was named.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::code::Reported;
use crate::evidence::operator::operator;
use crate::evidence::page;
use crate::evidence::signing::SigningKey;
use crate::evidence::verification::{VERSION, file_stem, signed_comment};
use crate::failure::Failure;
use crate::printable;

/// Runs of one second that have names of their own.
const MOST: usize = 1000;

/// Evidence that stands in its files.
pub(crate) struct Written {
    /// The document for machines.
    pub(crate) path: PathBuf,
    /// Beginning of the names of all.
    pub(crate) stem: String,
    /// Each with its name.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// What a run has shown so far.
pub(crate) struct RunEvidence {
    kind: &'static str,
    cluster: String,
    began: String,
    facts: Map<String, Value>,
    /// The name that it was written under.
    stem: Option<String>,
}

impl RunEvidence {
    /// Of a run of this kind that began at this time, RFC 3339. `cluster` has a `name` at least.
    pub(crate) fn begin(kind: &'static str, cluster: &Value, began: String) -> Self {
        let mut evidence = Self {
            kind,
            cluster: cluster["name"].as_str().unwrap_or_default().to_owned(),
            began: began.clone(),
            facts: Map::new(),
            stem: None,
        };
        evidence.set("version", VERSION);
        evidence.set("kind", kind);
        evidence.set("program", env!("CARGO_PKG_VERSION"));
        evidence.set("cluster", cluster);
        evidence.set("began", began);
        evidence.set("operator", operator());
        evidence
    }

    /// Adds a fact.
    pub(crate) fn set(&mut self, name: &str, value: impl Serialize) {
        self.facts.insert(name.to_owned(), json!(value));
    }

    /// Writes both forms into `directory`, by `put`, which gives the path, and signs the one for machines. Written once
    /// more, it is in the place of what it was.
    ///
    /// # Errors
    /// It cannot be written or signed.
    pub(crate) fn write(
        &mut self,
        directory: &Path,
        put: impl Fn(&str, &[u8]) -> Result<PathBuf, Failure>,
        (key, ended, findings): (Option<&SigningKey>, String, &[Reported]),
    ) -> Result<Written, Failure> {
        self.set("ended", ended);
        self.set("findings", findings);
        let (kind, began) = (self.kind, &self.began);
        let name = self.stem.take();
        let name = name.unwrap_or_else(|| unused(directory, &file_stem(kind, began)));
        let text = serde_json::to_string_pretty(&self.facts).unwrap_or_default();
        let mut text = printable::json(&text);
        text.push('\n');
        let title = format!("{kind} of {}, {began}", self.cluster);
        let line = "=".repeat(title.chars().count());
        let page = format!("{title}\n{line}\n\n{}", page::facts(&self.facts, 0));
        let page = printable::text(&page).into_bytes();
        let mut files = vec![
            (format!("{name}.json"), text.into_bytes()),
            (format!("{name}.txt"), page),
        ];
        let path = put(&files[0].0, &files[0].1)?;
        put(&files[1].0, &files[1].1)?;
        if let Some(key) = key {
            let comment = signed_comment(kind, &self.cluster, began);
            let signature = key.sign(&files[0].1, &comment)?.into_bytes();
            let signed = format!("{name}.json.minisig");
            put(&signed, &signature)?;
            files.push((signed, signature));
        }
        self.stem = Some(name.clone());
        Ok(Written {
            path,
            stem: name,
            files,
        })
    }
}

/// Two runs within a second have two names.
fn unused(directory: &Path, name: &str) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2;
    while directory.join(format!("{candidate}.json")).exists() && number < MOST {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    candidate
}
