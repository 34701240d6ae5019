//! What becomes of the file: entries of ours, each with the line that it comes from, and all that has no place.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::config::{Foreign, ForeignValue};
use crate::event::Placed;
use crate::import::bank_vaults::template::{Templates, is_marked};
use crate::import::found::{Entry, Found};

/// The file as it is read.
pub(super) struct Made {
    pub(super) found: Found,
    pub(super) templates: Templates,
    /// The line that each path comes from.
    lines: BTreeMap<String, u32>,
    /// The line of each secret, by its document and field.
    pub(super) secret_lines: BTreeMap<(String, String), u32>,
    /// What is not carried over.
    pub(super) left: Vec<Placed>,
    /// Variables of the environment that stand in it, each with a value that would do.
    pub(super) variables: BTreeMap<String, &'static str>,
}

impl Made {
    pub(super) fn new(templates: Templates) -> Self {
        Self {
            found: Found::default(),
            templates,
            lines: BTreeMap::new(),
            secret_lines: BTreeMap::new(),
            left: Vec::new(),
            variables: BTreeMap::new(),
        }
    }

    /// Notes what is not carried over.
    pub(super) fn leave(&mut self, line: u32, path: impl Into<String>, why: impl Into<String>) {
        let path = path.into();
        // What a template is, nobody reads by its mark.
        let path = if is_marked(&path) {
            "a name with a template in it".to_owned()
        } else {
            path
        };
        self.left.push(Placed {
            line,
            path,
            what: why.into(),
        });
    }

    /// The line that something comes from.
    pub(super) fn line_of(&self, path: &str) -> u32 {
        self.lines.get(path).copied().unwrap_or_default()
    }

    /// Notes that a path comes from this line; false where another line says it already, which is noted too.
    pub(super) fn is_new(&mut self, line: u32, path: &str) -> bool {
        if let Some(first) = self.lines.get(path) {
            let why = format!("it stands on line {first} already, and bank-vaults writes both");
            self.leave(line, path, why);
            return false;
        }
        self.lines.insert(path.to_owned(), line);
        true
    }

    /// An entry of a section, of which there is one.
    pub(super) fn entry(
        &mut self,
        line: u32,
        (path, key): (String, &str),
        value: Map<String, Value>,
    ) -> Option<Entry> {
        if !self.is_new(line, &path) {
            return None;
        }
        Some(Entry {
            key: key.to_owned(),
            path,
            value,
        })
    }

    /// A document of `writes`.
    pub(super) fn write(&mut self, line: u32, path: &str, data: Map<String, Value>) {
        if self.is_new(line, path) {
            self.found.write(path, data);
        }
    }

    /// The items of a section, each of which is a map.
    pub(super) fn items<'f>(&mut self, of: &'f Foreign, path: &str) -> Vec<&'f Foreign> {
        match &of.value {
            ForeignValue::Null => Vec::new(),
            ForeignValue::List(items) => {
                let mut maps = Vec::new();
                for (number, item) in items.iter().enumerate() {
                    if matches!(item.value, ForeignValue::Map(_)) {
                        maps.push(item);
                    } else {
                        let path = format!("{path}[{number}]");
                        self.leave(
                            item.line,
                            path,
                            format!("a map belongs here, and it is {}", item.kind()),
                        );
                    }
                }
                maps
            }
            _ => {
                self.leave(
                    of.line,
                    path,
                    format!("a list belongs here, and it is {}", of.kind()),
                );
                Vec::new()
            }
        }
    }

    /// The entries of what is to be a map, those with a template in their key left out.
    pub(super) fn fields<'f>(
        &mut self,
        of: &'f Foreign,
        path: &str,
    ) -> Vec<(&'f str, u32, &'f Foreign)> {
        match &of.value {
            ForeignValue::Null => Vec::new(),
            ForeignValue::Map(entries) => {
                let mut fields = Vec::new();
                for (key, line, value) in entries {
                    if is_marked(key) {
                        self.leave(*line, path, "a name with a template in it");
                    } else {
                        fields.push((key.as_str(), *line, value));
                    }
                }
                fields
            }
            _ => {
                self.leave(
                    of.line,
                    path,
                    format!("a map belongs here, and it is {}", of.kind()),
                );
                Vec::new()
            }
        }
    }

    /// A name, such as one of a role: a text or a number, without any template.
    pub(super) fn name(&mut self, item: &Foreign, key: &str, path: &str) -> Option<String> {
        let (line, name) = match item.get(key) {
            None => (item.line, Err(format!("it has no `{key}`"))),
            Some(found) => (
                found.line,
                match &found.value {
                    ForeignValue::Text(text) if is_marked(text) => {
                        Err(format!("`{key}` has a template in it"))
                    }
                    ForeignValue::Text(text) if !text.trim_matches('/').is_empty() => {
                        Ok(text.trim_matches('/').to_owned())
                    }
                    ForeignValue::Number(number) => Ok(number.to_string()),
                    _ => Err(format!("`{key}` is no name, but {}", found.kind())),
                },
            ),
        };
        match name {
            Ok(name) => Some(name),
            Err(why) => {
                self.leave(line, path, why);
                None
            }
        }
    }

    /// The same where it may be missing, and is `other` then.
    pub(super) fn name_or(
        &mut self,
        item: &Foreign,
        (key, other): (&str, &str),
        path: &str,
    ) -> Option<String> {
        let missing = item.get(key).is_none_or(|found| match &found.value {
            ForeignValue::Null => true,
            ForeignValue::Text(text) => text.is_empty(),
            _ => false,
        });
        if missing {
            return Some(other.to_owned());
        }
        self.name(item, key, path)
    }

    /// Notes each key of a map that nobody has asked for.
    pub(super) fn only(&mut self, item: &Foreign, path: &str, known: &[&str]) {
        let known: BTreeSet<&str> = known.iter().copied().collect();
        for (key, line, value) in item.entries() {
            if !known.contains(key.as_str()) && !matches!(value.value, ForeignValue::Null) {
                let place = format!("{path}: {key}");
                self.leave(*line, place, "this key has no place in the file");
            }
        }
    }
}
