//! Values as YAML that this program reads back as they were. Whatever nobody sees is written out.

use serde_json::{Map, Value};

use crate::config::yaml;
use crate::printable::is_hidden;

/// The key of a map that stands for a plain `${NAME}`, which the environment fills in.
pub(super) const VARIABLE: &str = "${}";
/// A list that is longer has a line for each item.
const WIDEST: usize = 100;

/// The lines of a map, each with `indent` blanks before it.
pub(super) fn map(fields: &Map<String, Value>, indent: usize, text: &mut String) {
    for (name, value) in fields {
        key(name, indent, text);
        after_key(value, indent, text);
    }
}

/// A key with its colon.
pub(super) fn key(name: &str, indent: usize, text: &mut String) {
    text.push_str(&" ".repeat(indent));
    text.push_str(&yaml(name));
    text.push(':');
}

/// The value of a key that has `indent` blanks before it, to the end of its last line.
pub(super) fn after_key(value: &Value, indent: usize, text: &mut String) {
    if let Some(flow) = flow(value) {
        text.push(' ');
        text.push_str(&flow);
        text.push('\n');
        return;
    }
    match value {
        Value::String(lines) => literal(lines, indent + 2, text),
        Value::Array(items) => {
            text.push('\n');
            for item in items {
                text.push_str(&" ".repeat(indent + 2));
                text.push('-');
                // The item of a list is as deep as the dash is.
                after_key(item, indent + 2, text);
            }
        }
        Value::Object(fields) => {
            text.push('\n');
            map(fields, indent + 2, text);
        }
        _ => {}
    }
}

/// A value on one line; `None` where it takes several.
fn flow(value: &Value) -> Option<String> {
    Some(match value {
        Value::String(text) if is_literal(text) => return None,
        Value::String(text) => yaml(text),
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(scalar).collect();
            let line = format!("[{}]", items?.join(", "));
            return (line.len() <= WIDEST).then_some(line);
        }
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        // A reference, or a variable.
        Value::Object(fields) if fields.len() == 1 => {
            let (kind, named) = fields.iter().next()?;
            let named = named.as_str()?;
            match kind.as_str() {
                "file" | "env" => format!("{{{kind}: {}}}", yaml(named)),
                VARIABLE => format!("${{{named}}}"),
                _ => return None,
            }
        }
        Value::Object(_) => return None,
        plain => plain.to_string(),
    })
}

/// A value in a list on one line.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Array(_) | Value::Object(_) => None,
        value => flow(value),
    }
}

/// Whether a text of several lines reads the same as it stands.
fn is_literal(text: &str) -> bool {
    let several = text.trim_end_matches('\n').contains('\n');
    let ends = !text.ends_with("\n\n");
    let begins = !text.starts_with([' ', '\t', '\n']);
    several && begins && ends && !text.contains(|letter| letter != '\n' && is_odd(letter))
}

fn is_odd(letter: char) -> bool {
    letter != '\t' && is_hidden(letter)
}

fn literal(lines: &str, indent: usize, text: &mut String) {
    text.push_str(if lines.ends_with('\n') {
        " |\n"
    } else {
        " |-\n"
    });
    for line in lines.trim_end_matches('\n').split('\n') {
        if !line.is_empty() {
            text.push_str(&" ".repeat(indent));
            text.push_str(line);
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::config::{Field, Fields, from_text};
    use crate::import::file;

    /// What the program reads of `data`, once it is written.
    fn back(data: &Value) -> Fields {
        let mut text = "version: 1\nwrites:\n  - path: x\n    data:".to_owned();
        after_key(data, 4, &mut text);
        let whole = format!("{text}{}", file::FILLED);
        let read = from_text(&whole, Path::new("x"), Path::new(""), &|_| None);
        let config = read.unwrap_or_else(|problems| panic!("{problems}\n{whole}"));
        config.writes[0].data.clone()
    }

    fn text_of(field: &Field) -> &str {
        match field {
            Field::String(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lists_maps_and_texts_of_several_lines_come_back_as_they_were() {
        let text = "path \"a\" {\n\n  capabilities = [\"read\"] # ${HOME}\n}\n";
        let data = json!({
            "rules": text, "none": [], "list": ["a", "b: c", "no", "-"], "number": 1.5, "deep": {"a b": {"c": [1, true]}},
            "many": vec!["a-rather-long-name"; 20], "several": ["x\ny", "z"], "maps": [{"a": "b"}, {"c": ["d"]}]
        });
        let read = back(&data);
        assert_eq!(text_of(read.get("rules").unwrap()), text);
        assert_eq!(read.get("many").unwrap().strings().len(), 20);
        assert_eq!(read.get("several").unwrap().strings(), ["x\ny", "z"]);
        let list = read.get("list").unwrap().strings();
        assert_eq!(list, ["a", "b: c", "no", "-"]);
    }

    proptest! {
        #[test]
        fn every_text_comes_back_as_it_was(text in "(?s)[ -~\t\n\r\u{7f}-\u{2fff}\u{e0000}-\u{e0fff}\"'#:|>-]{1,40}") {
            let read = back(&json!({"a": text}));
            prop_assert_eq!(text_of(read.get("a").unwrap()), &text);
            let mut written = String::new();
            after_key(&json!(text), 0, &mut written);
            prop_assert!(!written.contains(|letter| letter != '\n' && is_odd(letter)));
        }
    }
}
