//! From the checked document to the types of [`crate::config::model`], section by section and entry by entry.
//!
//! What has a problem of shape is told from what has none, so that rules see the one and not the other. The types
//! themselves are made of a document without any problem.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use url::Url;

use crate::config::model::{Aws, Capability, Field, Fields, SecretRef};
use crate::config::problem::Problem;
use crate::config::tree::{Kind, Node, shown, step};
use crate::config::{scalar, shape};

/// The document on its way to the model.
pub(super) struct Reading<'a> {
    pub(super) root: &'a Node,
    /// Where relative paths start.
    directory: &'a Path,
    /// Places with a problem of shape.
    broken: Vec<String>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(root: &'a Node, directory: &'a Path, problems: Vec<Problem>) -> Self {
        let broken = problems
            .iter()
            .map(|problem| problem.path.clone())
            .collect();
        Self {
            root,
            directory,
            broken,
            problems,
            warnings: Vec::new(),
        }
    }

    /// Adds a problem at `path`.
    pub(super) fn refuse(&mut self, path: &[&str], text: impl Into<String>) {
        let problem = self.located(path, text.into());
        self.problems.push(problem);
    }

    /// Adds a warning at `path`.
    pub(super) fn warn(&mut self, path: &[&str], text: impl Into<String>) {
        let problem = self.located(path, text.into());
        self.warnings.push(problem);
    }

    fn located(&self, path: &[&str], text: String) -> Problem {
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        let (line, column) = self.root.place(&path);
        Problem {
            line,
            column,
            path: shown(&path),
            text,
        }
    }

    /// True when nothing at or below `path` has a problem of shape. The one place that says what is damaged: a
    /// rule looks through the functions below, and what is damaged is not there for it.
    pub(super) fn sound(&self, path: &[&str]) -> bool {
        if self.broken.is_empty() {
            return true;
        }
        let path = shown(
            &path
                .iter()
                .map(|step| (*step).to_owned())
                .collect::<Vec<_>>(),
        );
        !self.broken.iter().any(|broken| {
            broken
                .strip_prefix(path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// What stands at `path`, damaged or not.
    pub(super) fn find(&self, path: &[&str]) -> Option<&'a Node> {
        path.iter().try_fold(self.root, |node, step| node.at(step))
    }

    /// The value at `path`, where it exists and is sound.
    pub(super) fn node(&self, path: &[&str]) -> Option<&'a Node> {
        self.find(path).filter(|_| self.sound(path))
    }

    /// The text at `path`, where it is sound.
    pub(super) fn text(&self, path: &[&str]) -> Option<&'a str> {
        self.node(path)?.text()
    }

    /// The whole number at `path`, where it is sound.
    pub(super) fn number(&self, path: &[&str]) -> Option<u64> {
        match &self.node(path)?.kind {
            Kind::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The truth value at `path`, where it is sound.
    pub(super) fn truth(&self, path: &[&str]) -> Option<bool> {
        match self.node(path)?.kind {
            Kind::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The address at `path`, where it is sound.
    pub(super) fn address(&self, path: &[&str]) -> Option<Url> {
        Url::parse(self.text(path)?).ok()
    }

    /// Whether there is such a key, damaged or not. `None` where nobody knows: what is around it is damaged, or
    /// has a key that may be a misspelling of this one.
    pub(super) fn has(&self, path: &[&str]) -> Option<bool> {
        let (key, around) = path.split_last()?;
        let around = self.find(around)?;
        match around.kind {
            Kind::Null => Some(false),
            Kind::Map(_) if around.get(key).is_some() => Some(true),
            Kind::Map(_) if !around.strange => Some(false),
            _ => None,
        }
    }

    /// The keys of a map, damaged ones among them. `None` where nobody knows, as with [`Reading::has`].
    pub(super) fn keys(&self, path: &[&str]) -> Option<Vec<&'a str>> {
        match self.find(path).map(|node| &node.kind) {
            Some(Kind::Map(entries)) => {
                Some(entries.iter().map(|entry| entry.key.as_str()).collect())
            }
            Some(Kind::Null) => Some(Vec::new()),
            Some(_) => None,
            None => self.has(path).map(|_| Vec::new()),
        }
    }

    /// The number of items of a list, damaged ones among them, where the list itself is sound.
    pub(super) fn count(&self, path: &[&str]) -> Option<usize> {
        let list = self.find(path)?;
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        let own = shown(&path);
        match &list.kind {
            Kind::List(items) if !self.broken.contains(&own) => Some(items.len()),
            _ => None,
        }
    }

    /// The places of a list's items, as steps of a path.
    pub(super) fn places(&self, path: &[&str]) -> Vec<String> {
        let items = self.find(path).map(Node::items).unwrap_or_default();
        (0..items.len()).map(step).collect()
    }

    /// The value at `path` as a `T`.
    pub(super) fn typed<T: DeserializeOwned>(&mut self, path: &[&str]) -> Option<T> {
        let node = self.node(path)?;
        match serde_json::from_value(node.value()) {
            Ok(value) => Some(value),
            Err(_) => {
                // The schema and the type come from one source, so only a number out of range ends here.
                self.refuse(path, "a value here is out of range");
                None
            }
        }
    }

    /// The entries of a section, with their names.
    pub(super) fn entries(&self, section: &str) -> Vec<(&'a str, &'a Node)> {
        let section = self.root.get(section).map(Node::entries);
        section
            .unwrap_or_default()
            .iter()
            .map(|entry| (entry.key.as_str(), &entry.value))
            .collect()
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// The fields of a map, in order.
    pub(super) fn fields(&self, node: Option<&Node>) -> Fields {
        let entries = node.map(Node::entries).unwrap_or_default();
        Fields(
            entries
                .iter()
                .map(|entry| (entry.key.clone(), self.field(&entry.value)))
                .collect(),
        )
    }

    pub(super) fn field(&self, node: &Node) -> Field {
        match &node.kind {
            Kind::Null | Kind::Unknown => Field::Null,
            Kind::Bool(value) => Field::Bool(*value),
            Kind::Number(number) => Field::Number(number.clone()),
            Kind::Text(text) | Kind::Filled(text) => Field::String(text.clone()),
            Kind::List(items) => Field::List(items.iter().map(|item| self.field(item)).collect()),
            Kind::Map(_) if node.reference => match serde_json::from_value(node.value()) {
                Ok(reference) => Field::Secret(self.reference(reference)),
                Err(_) => Field::Null,
            },
            Kind::Map(_) => Field::Map(self.fields(Some(node))),
        }
    }

    pub(super) fn reference(&self, reference: shape::SecretRef) -> SecretRef {
        match reference {
            shape::SecretRef::File(file) => SecretRef::File(self.path(&file)),
            shape::SecretRef::Env(name) => SecretRef::Env(name),
            shape::SecretRef::Prompt(text) => SecretRef::Prompt(text),
            shape::SecretRef::Ssm(shape::Parameter::Name(parameter)) => SecretRef::Ssm {
                parameter,
                aws: Aws::default(),
            },
            shape::SecretRef::Ssm(shape::Parameter::More(more)) => SecretRef::Ssm {
                parameter: more.parameter,
                aws: Aws {
                    region: more.region,
                    profile: more.profile,
                    role_arn: more.role_arn,
                },
            },
        }
    }

    pub(super) fn certificate(&self, given: shape::PathOrReference) -> SecretRef {
        match given {
            shape::PathOrReference::Path(path) => SecretRef::File(self.path(&path)),
            shape::PathOrReference::Reference(reference) => self.reference(reference),
        }
    }
}

pub(super) fn url(address: &shape::Address) -> Option<Url> {
    Url::parse(&address.0).ok()
}

pub(super) fn span(span: Option<&shape::Span>) -> Option<std::time::Duration> {
    span.and_then(|span| scalar::duration(&span.0))
}

pub(super) fn capability(capability: shape::Capability) -> Capability {
    match capability {
        shape::Capability::Create => Capability::Create,
        shape::Capability::Read => Capability::Read,
        shape::Capability::Update => Capability::Update,
        shape::Capability::Patch => Capability::Patch,
        shape::Capability::Delete => Capability::Delete,
        shape::Capability::List => Capability::List,
        shape::Capability::Sudo => Capability::Sudo,
    }
}

/// The servers add the slash at the end; here paths have none.
pub(super) fn mount_path(name: &str) -> String {
    name.trim_end_matches('/').to_owned()
}
