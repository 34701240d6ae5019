//! The document as the rules look at it: what has a problem of shape is told from what has none, so that they see the
//! one and not the other.

use super::files::Files;
use super::problem::Problem;
use super::section::{At, Read};
use super::tree::{Kind, Node, shown, step};
use crate::code::Code;

/// The document, and what is wrong with it.
pub(super) struct Reading<'a> {
    pub(super) root: &'a Node,
    files: &'a Files,
    /// Places with a problem of shape.
    broken: Vec<String>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(root: &'a Node, files: &'a Files, problems: Vec<Problem>) -> Self {
        let broken = problems
            .iter()
            .map(|problem| problem.path.clone())
            .collect();
        Self {
            root,
            files,
            broken,
            problems,
            warnings: Vec::new(),
        }
    }

    /// `node` as the types of the configuration are read from it.
    pub(super) fn at(&self, node: &'a Node) -> At<'a> {
        At::new(node, self.files)
    }

    /// Adds a problem at `path`.
    pub(super) fn refuse(&mut self, code: Code, path: &[impl AsRef<str>], text: impl Into<String>) {
        let problem = self.located(code, path, text.into());
        self.problems.push(problem);
    }

    /// Adds a warning at `path`.
    pub(super) fn warn(&mut self, code: Code, path: &[impl AsRef<str>], text: impl Into<String>) {
        let problem = self.located(code, path, text.into());
        self.warnings.push(problem);
    }

    /// Adds a problem at each sound text of `pattern` that is not right.
    pub(super) fn refuse_unless(
        &mut self,
        code: Code,
        pattern: &[&str],
        right: impl Fn(&str) -> bool,
        text: &str,
    ) {
        for (path, found) in self.texts(pattern) {
            if !right(found) {
                self.refuse(code, &path, text);
            }
        }
    }

    fn located(&self, code: Code, path: &[impl AsRef<str>], text: String) -> Problem {
        Problem::new(code, self.root.place_of(path), shown(path), text)
    }

    /// True when nothing at or below `path` has a problem of shape. The one place that says what is damaged: a
    /// rule looks through the functions below, and what is damaged is not there for it.
    pub(super) fn sound(&self, path: &[impl AsRef<str>]) -> bool {
        if self.broken.is_empty() {
            return true;
        }
        let path = shown(path);
        !self.broken.iter().any(|broken| {
            broken
                .strip_prefix(path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// What stands at `path`, damaged or not.
    pub(super) fn find(&self, path: &[impl AsRef<str>]) -> Option<&'a Node> {
        path.iter()
            .try_fold(self.root, |node, step| node.at(step.as_ref()))
    }

    /// The value at `path`, where it exists and is sound.
    pub(super) fn node(&self, path: &[impl AsRef<str>]) -> Option<&'a Node> {
        self.find(path).filter(|_| self.sound(path))
    }

    /// The text at `path`, where it is sound.
    pub(super) fn text(&self, path: &[impl AsRef<str>]) -> Option<&'a str> {
        self.node(path)?.text()
    }

    /// The value at `path` as a `T`, where it is sound and one.
    pub(super) fn value<T: Read>(&self, path: &[impl AsRef<str>]) -> Option<T> {
        At::new(self.node(path)?, self.files).read()
    }

    /// Whether there is such a key, damaged or not. `None` where nobody knows: what is around it is damaged, or
    /// has a key that may be a misspelling of this one.
    pub(super) fn has(&self, path: &[impl AsRef<str>]) -> Option<bool> {
        let (key, around) = path.split_last()?;
        let around = self.find(around)?;
        match around.kind {
            Kind::Null => Some(false),
            Kind::Map(_) if around.get(key.as_ref()).is_some() => Some(true),
            Kind::Map(_) if !around.strange => Some(false),
            _ => None,
        }
    }

    /// The keys of a map, damaged ones among them. `None` where nobody knows, as with [`Reading::has`].
    pub(super) fn keys(&self, path: &[impl AsRef<str>]) -> Option<Vec<&'a str>> {
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
    pub(super) fn count(&self, path: &[impl AsRef<str>]) -> Option<usize> {
        let list = self.find(path)?;
        let own = shown(path);
        match &list.kind {
            Kind::List(items) if !self.broken.contains(&own) => Some(items.len()),
            _ => None,
        }
    }

    /// The places of a list's items, as steps of a path.
    pub(super) fn places(&self, path: &[impl AsRef<str>]) -> Vec<String> {
        let items = self.find(path).map(Node::items).unwrap_or_default();
        (0..items.len()).map(step).collect()
    }

    /// Every path of the document, damaged or not, that `pattern` stands for: its `*` is each key of a map and each
    /// item of a list. Steps that come from the document never stand in a pattern, for a key may be `*` as well.
    pub(super) fn all(&self, pattern: &[&str]) -> Vec<Vec<String>> {
        let mut found = vec![(Vec::new(), self.root)];
        for wanted in pattern {
            let mut deeper = Vec::new();
            for (path, node) in found {
                let mut add =
                    |step: &str, node| deeper.push(([&path[..], &[step.into()]].concat(), node));
                if *wanted == "*" {
                    node.entries()
                        .iter()
                        .for_each(|entry| add(&entry.key, &entry.value));
                    let items = node.items().iter().enumerate();
                    items.for_each(|(index, item)| add(&step(index), item));
                } else if let Some(node) = node.at(wanted) {
                    add(wanted, node);
                }
            }
            found = deeper;
        }
        found.into_iter().map(|(path, _)| path).collect()
    }

    /// The sound texts that `pattern` stands for, each with its path.
    pub(super) fn texts(&self, pattern: &[&str]) -> Vec<(Vec<String>, &'a str)> {
        let all = self.all(pattern).into_iter();
        all.filter_map(|path| self.text(&path).map(|text| (path, text)))
            .collect()
    }
}

/// A longer path.
pub(super) fn under<'p>(path: &[&'p str], more: &[&'p str]) -> Vec<&'p str> {
    [path, more].concat()
}
