//! A YAML document as a tree in which every key and value knows its line and column.
//!
//! Never a value in a message: places and paths are all that it says about itself.

use serde_json::{Number, Value};

use super::problem::Place;

const START: Place = (1, 1);

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
    /// Set by the shape check: this map is a reference to a secret.
    pub(super) reference: bool,
    /// Set by the shape check: this map has a key that nobody knows, and one that is missing may be meant by it.
    pub(super) strange: bool,
}

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
            Value::Object(entries) => Kind::Map(entries.iter().map(Entry::from).collect()),
        };
        Self::new(START, kind)
    }
}

impl From<(&String, &Value)> for Entry {
    fn from((key, value): (&String, &Value)) -> Self {
        Self {
            key: key.clone(),
            place: START,
            value: value.into(),
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
        }
    }

    /// The entries of a map; none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
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
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
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
        match &self.kind {
            Kind::Null | Kind::Unknown => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) | Kind::Filled(text) => Value::String(text.clone()),
            Kind::List(items) => items.iter().map(Node::value).collect(),
            Kind::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.value()))
                    .collect(),
            ),
        }
    }

    /// Line and column of the value at `path`, or of the nearest thing around it that exists.
    pub(super) fn place_of<S: AsRef<str>>(&self, path: &[S]) -> Place {
        let mut place = self.place;
        let mut node = self;
        for step in path {
            node = match &node.kind {
                Kind::Map(entries) => {
                    let step = step.as_ref();
                    let Some(entry) = entries.iter().find(|entry| entry.key == step) else {
                        break;
                    };
                    place = entry.whereabouts();
                    &entry.value
                }
                Kind::List(items) => {
                    let Some(item) = index(step.as_ref()).and_then(|index| items.get(index)) else {
                        break;
                    };
                    place = item.place;
                    item
                }
                _ => break,
            };
        }
        place
    }
}

impl Entry {
    /// Where to look for the entry: at a value of one line, at the key of a longer one.
    fn whereabouts(&self) -> Place {
        match self.value.kind {
            Kind::Map(_) | Kind::List(_) => self.place,
            _ => self.value.place,
        }
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
        let plain = !step.is_empty()
            && step
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if index(step).is_some() {
            text.push_str(step);
            continue;
        }
        if !text.is_empty() {
            text.push('.');
        }
        if plain {
            text.push_str(step);
        } else {
            text.push_str(&format!("{step:?}"));
        }
    }
    text
}
