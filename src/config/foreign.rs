//! YAML of another program: read with the bounds of the configuration, each value with its line, and nothing of it taken for
//! ours. What it says may be a secret, so that it cannot be printed.

use std::path::Path;

use serde_json::Number;

use super::document::Documents;
use super::files::Files;
use super::problem::{Place, Problems, text_of};
use super::tree::{Kind, Node};
use super::{LONGEST_FILE, whole};
use crate::code::Code;

/// A value with its line.
#[derive(Clone)]
pub(crate) struct Foreign {
    /// From 1.
    pub(crate) line: u32,
    pub(crate) value: ForeignValue,
}

/// What a value is.
#[derive(Clone)]
pub(crate) enum ForeignValue {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Foreign>),
    /// Each key with its line.
    Map(Vec<(String, u32, Foreign)>),
}

impl Foreign {
    /// The entries of a map; none for anything else.
    pub(crate) fn entries(&self) -> &[(String, u32, Foreign)] {
        match &self.value {
            ForeignValue::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value under `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&Foreign> {
        let mut entries = self.entries().iter();
        entries
            .find(|(name, ..)| name == key)
            .map(|(.., value)| value)
    }

    /// What it is, in a word.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            ForeignValue::Null => "nothing",
            ForeignValue::Bool(_) => "a truth value",
            ForeignValue::Number(_) => "a number",
            ForeignValue::Text(_) => "a text",
            ForeignValue::List(_) => "a list",
            ForeignValue::Map(_) => "a map",
        }
    }
}

impl From<Node> for Foreign {
    fn from(node: Node) -> Self {
        let value = match node.kind {
            Kind::Null | Kind::Unknown => ForeignValue::Null,
            Kind::Bool(value) => ForeignValue::Bool(value),
            Kind::Number(number) => ForeignValue::Number(number),
            Kind::Text(text) | Kind::Filled(text) => ForeignValue::Text(text),
            Kind::List(items) => ForeignValue::List(items.into_iter().map(Foreign::from).collect()),
            Kind::Map(entries) => {
                let entries = entries
                    .into_iter()
                    .map(|entry| (entry.key, entry.place.line, entry.value.into()));
                ForeignValue::Map(entries.collect())
            }
        };
        Self {
            line: node.place.line,
            value,
        }
    }
}

/// The text of such a file, of at most the length of a configuration.
///
/// # Errors
/// It cannot be read, is too long, or is no text.
pub(crate) fn foreign_text(path: &Path) -> Result<String, Problems> {
    text_of(path, LONGEST_FILE).map_err(|(code, why)| refused(path, code, why))
}

/// The one document of `text`.
///
/// # Errors
/// All that is wrong with it, without any value.
pub(crate) fn foreign(text: &str, path: &Path) -> Result<Foreign, Problems> {
    let mut documents = Documents::new(&|_| None);
    let root = documents.read(text, Place::START.file);
    match root {
        Some(root) if documents.problems.is_empty() => Ok(root.into()),
        _ if documents.problems.is_empty() => {
            Err(refused(path, Code::FileNotYaml, "there is nothing in it"))
        }
        _ => Err(Problems::new(
            &Files::new(path, Path::new("")),
            documents.problems,
        )),
    }
}

fn refused(path: &Path, code: Code, why: impl Into<String>) -> Problems {
    Problems::new(&Files::new(path, Path::new("")), vec![whole(code, why)])
}
