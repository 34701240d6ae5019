//! A YAML document as a tree in which every key and value knows its line and column.
//!
//! Never a value in a message: places and paths are all that it says about itself.

use std::cell::OnceCell;
use std::collections::HashMap;

use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use super::problem::Place;

/// Fewest keys of a map in which they are looked up by an index.
const MANY: usize = 32;

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
    /// Set by the shape check: this map is a reference to a secret.
    pub(super) reference: bool,
    /// Set by the shape check: this map has a key that nobody knows, and one that is missing may be meant by it.
    pub(super) strange: bool,
    /// The places of a large map's keys, made when the first is looked up and forgotten in [`Node::entries_mut`].
    index: OnceCell<Box<Index>>,
}

/// The places of keys in their map.
#[derive(Debug, Clone)]
struct Index(HashMap<String, usize>);

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    /// A plain scalar with a variable in it: it has whatever type is wanted where it stands.
    Filled(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// A problem is reported here already.
    Unknown,
}

/// One key with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Node,
}

/// A value that a program made: its places are all at the beginning.
impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        let kind = match value {
            Value::Null => Kind::Null,
            Value::Bool(value) => Kind::Bool(*value),
            Value::Number(number) => Kind::Number(number.clone()),
            Value::String(text) => Kind::Text(text.clone()),
            Value::Array(items) => Kind::List(items.iter().map(Node::from).collect()),
            Value::Object(entries) => {
                let entry = |(key, value): (&String, &Value)| Entry {
                    key: key.clone(),
                    place: Place::START,
                    value: value.into(),
                };
                Kind::Map(entries.iter().map(entry).collect())
            }
        };
        Self::new(Place::START, kind)
    }
}

/// What stands there, without places.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.kind {
            Kind::Null | Kind::Unknown => serializer.serialize_unit(),
            Kind::Bool(value) => serializer.serialize_bool(*value),
            Kind::Number(number) => number.serialize(serializer),
            Kind::Text(text) | Kind::Filled(text) => serializer.serialize_str(text),
            Kind::List(items) => serializer.collect_seq(items),
            Kind::Map(entries) => {
                serializer.collect_map(entries.iter().map(|entry| (&entry.key, &entry.value)))
            }
        }
    }
}

impl Node {
    pub(super) fn new(place: Place, kind: Kind) -> Self {
        Self {
            place,
            kind,
            reference: false,
            strange: false,
            index: OnceCell::new(),
        }
    }

    /// The entries of a map; none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The entries of a map, to be changed.
    pub(super) fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        self.index.take();
        match &mut self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list; none for anything else.
    pub(super) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The value under `key`.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        let entries = self.entries();
        if entries.len() < MANY {
            return entries.iter().find(|entry| entry.key == key);
        }
        let places = || {
            let keys = entries.iter().map(|entry| entry.key.clone());
            Box::new(Index(keys.zip(0..).collect()))
        };
        let place = self.index.get_or_init(places).0.get(key)?;
        entries.get(*place)
    }

    /// The value at one step of a path: a key of a map, or a place of a list.
    pub(super) fn at(&self, step: &str) -> Option<&Node> {
        match &self.kind {
            Kind::List(items) => items.get(index(step)?),
            _ => self.get(step),
        }
    }

    /// The text of a scalar that is text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) | Kind::Filled(text) => Some(text),
            _ => None,
        }
    }

    /// The same without places.
    pub(super) fn value(&self) -> Value {
        // A tree of texts, numbers, lists and maps is always a value.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Line and column of the value at `path`, or of the nearest thing around it that exists.
    pub(super) fn place_of<S: AsRef<str>>(&self, path: &[S]) -> Place {
        let (mut node, mut place) = (self, self.place);
        for step in path {
            let (step, next) = (step.as_ref(), node.at(step.as_ref()));
            let Some(next) = next else { break };
            place = match (&next.kind, node.entry(step)) {
                // Where to look for an entry: at a value of one line, at the key of a longer one.
                (Kind::Map(_) | Kind::List(_), Some(entry)) => entry.place,
                _ => next.place,
            };
            node = next;
        }
        place
    }
}

/// A step of a path that counts: `[3]`.
pub(super) fn step(index: usize) -> String {
    format!("[{index}]")
}

fn index(step: &str) -> Option<usize> {
    step.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// A path as it is shown: `auth.oidc.roles.operator`, `nodes[0]`, `can."sys/audit"`.
pub(super) fn shown<S: AsRef<str>>(path: &[S]) -> String {
    let mut text = String::new();
    for step in path {
        let step = step.as_ref();
        if index(step).is_some() {
            text.push_str(step);
            continue;
        }
        if !text.is_empty() {
            text.push('.');
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if !step.is_empty() && step.bytes().all(plain) {
            text.push_str(step);
        } else {
            text.push_str(&format!("{step:?}"));
        }
    }
    text
}
