//! What a stand-in puts into an answer: a text in one field, in JSON or between the tags of S3.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What the stand-in puts where.
#[derive(Clone, Default)]
pub(super) struct Poison(Arc<Mutex<Option<(String, String)>>>);

impl Poison {
    pub(super) fn set(&self, field: &str, text: &str) {
        *self.0.lock().expect("no panic holds it") = Some((field.to_owned(), text.to_owned()));
    }

    /// Each text of this name, and each text in a list of this name; in JSON, or between tags as S3 answers.
    pub(super) fn fill(&self, body: &mut Vec<u8>) {
        let Some((field, text)) = &*self.0.lock().expect("no panic holds it") else {
            return;
        };
        if let Ok(mut answer) = serde_json::from_slice(body) {
            put(&mut answer, field, text);
            *body = answer.to_string().into_bytes();
        } else if let Ok(answer) = std::str::from_utf8(body) {
            *body = between_tags(answer, field, text).into_bytes();
        }
    }
}

fn between_tags(answer: &str, field: &str, text: &str) -> String {
    let (begin, end) = (format!("<{field}>"), format!("</{field}>"));
    let mut parts = answer.split(&begin);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (value, rest) = part.split_once(&end).unwrap_or(("", part));
        let value = if value.contains('<') { value } else { text };
        filled += &format!("{begin}{value}{end}{rest}");
    }
    filled
}

fn put(answer: &mut Value, field: &str, text: &str) {
    match answer {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == field {
                    replace(value, text);
                }
                put(value, field, text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| put(item, field, text)),
        _ => {}
    }
}

fn replace(value: &mut Value, text: &str) {
    match value {
        Value::String(_) => *value = json!(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, text)),
        _ => {}
    }
}

/// The names of the tags that hold a text.
fn tags(answer: &str, found: &mut BTreeSet<String>) {
    let mut parts = answer.split('<').peekable();
    while let Some(part) = parts.next() {
        let Some((name, text)) = part.split_once('>') else {
            continue;
        };
        let closes = parts
            .peek()
            .is_some_and(|next| next.starts_with(&format!("/{name}>")));
        if closes && !text.trim().is_empty() {
            found.insert(name.to_owned());
        }
    }
}

/// The names of the fields that hold a text.
fn fields(answer: &Value, found: &mut BTreeSet<String>) {
    match answer {
        Value::Object(all) => {
            for (name, value) in all {
                let text = |value: &Value| value.is_string();
                if text(value) || value.as_array().is_some_and(|items| items.iter().any(text)) {
                    found.insert(name.clone());
                }
                fields(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, found)),
        _ => {}
    }
}

/// The names of all fields of an answer that hold a text.
pub(super) fn heard(body: &[u8], found: &mut BTreeSet<String>) {
    match serde_json::from_slice(body) {
        Ok(body) => fields(&body, found),
        Err(_) => tags(&String::from_utf8_lossy(body), found),
    }
}
