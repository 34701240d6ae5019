//! Facts as lines for people, 80 columns wide: names and values below each other, what is empty left out.
//!
//! It knows no step and no fact by name, so whatever the ceremony records is shown.

use serde_json::{Map, Value};

use crate::text_layout::{columns, wrapped};

/// Columns of a page.
pub(crate) const WIDTH: usize = 80;
/// Names that are longer (paths) do not push the values of all others aside.
const LONGEST_NAME: usize = 32;
/// Columns between a name and its value, and of one level of indentation.
const GAP: usize = 2;

/// A name with what stands behind it, or below it.
enum Fact<'a> {
    Line(&'a str, String),
    Below(&'a str, String),
}

/// The facts of one step, `indent` columns from the left.
pub(crate) fn facts(fields: &Map<String, Value>, indent: usize) -> String {
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
    block(&fields.collect::<Vec<_>>(), indent)
}

/// `text` with its further lines `indent` columns from the left, where its first one is.
pub(crate) fn paragraph(text: &str, indent: usize) -> String {
    let lines = wrapped(text, WIDTH - indent);
    lines.join(&format!("\n{}", blanks(indent)))
}

fn block(fields: &[(&str, &Value)], indent: usize) -> String {
    let facts: Vec<Fact<'_>> = fields
        .iter()
        .filter(|(_, value)| !is_empty(value))
        .map(|(name, value)| fact(name, value, indent))
        .collect();
    let short = facts.iter().filter_map(|fact| match fact {
        Fact::Line(name, _) => Some(columns(name)).filter(|width| *width <= LONGEST_NAME),
        Fact::Below(..) => None,
    });
    let width = short.max().unwrap_or(0);
    facts
        .iter()
        .map(|fact| match fact {
            Fact::Line(name, text) => pair(name, text, width, indent),
            Fact::Below(name, lines) => format!("{}{name}\n{lines}", blanks(indent)),
        })
        .collect()
}

/// A name and its value on one line, or the value wrapped beside it; where it does not fit there, below.
fn pair(name: &str, text: &str, width: usize, indent: usize) -> String {
    let column = indent + width + GAP;
    let beside = wrapped(text, WIDTH.saturating_sub(column));
    let fits = beside.iter().all(|line| column + columns(line) <= WIDTH);
    let margin = blanks(indent);
    if fits && columns(name) <= width {
        let lines = beside.join(&format!("\n{}", blanks(column)));
        return format!("{margin}{name:<width$}{}{lines}\n", blanks(GAP));
    }
    let below = indent + GAP;
    format!(
        "{margin}{name}\n{}{}\n",
        blanks(below),
        paragraph(text, below)
    )
}

fn fact<'a>(name: &'a str, value: &Value, indent: usize) -> Fact<'a> {
    match value {
        Value::Object(fields) => Fact::Below(name, facts(fields, indent + GAP)),
        Value::Array(items) => match short_list(items, indent) {
            Some(line) => Fact::Line(name, line),
            None => Fact::Below(name, list(items, indent + GAP)),
        },
        scalar => Fact::Line(name, plain(scalar)),
    }
}

/// Items that are single words and fit on one line behind any name.
fn short_list(items: &[Value], indent: usize) -> Option<String> {
    let single =
        |item: &Value| !item.is_object() && !item.is_array() && !plain(item).contains([' ', ',']);
    let line = items.iter().map(plain).collect::<Vec<_>>().join(", ");
    let fits = indent + LONGEST_NAME + GAP + columns(&line) <= WIDTH || items.len() == 1;
    (items.iter().all(single) && fits).then_some(line)
}

fn list(items: &[Value], indent: usize) -> String {
    let inner = indent + GAP;
    let line = |item: &Value| {
        let text = match item {
            // A finding: people read its words.
            Value::Object(fields) if fields.len() == 2 && fields.contains_key("code") => {
                let words = fields.get("text").map(plain).unwrap_or_default();
                format!("{}\n", paragraph(&words, inner))
            }
            Value::Object(fields) => block(&flat(fields), inner).trim_start().to_owned(),
            other => format!("{}\n", paragraph(&plain(other), inner)),
        };
        format!("{}- {text}", blanks(indent))
    };
    items.iter().map(line).collect()
}

/// The fields of an item. What it is the record of (`proof`, `stored`) reads as part of it, and does not
/// say once more what the item itself says.
fn flat(fields: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut all: Vec<(&str, &Value)> = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Object(inner) if matches!(name.as_str(), "proof" | "stored") => {
                let said = |value: &Value| {
                    value.is_string() && all.iter().any(|(_, before)| *before == value)
                };
                let new: Vec<_> = inner.iter().filter(|(_, value)| !said(value)).collect();
                all.extend(new.into_iter().map(|(name, value)| (name.as_str(), value)));
            }
            _ => all.push((name, value)),
        }
    }
    all
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A value without the punctuation of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn blanks(count: usize) -> String {
    " ".repeat(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(value: &Value) -> String {
        facts(value.as_object().unwrap(), 2)
    }

    #[test]
    fn values_stand_below_each_other_and_what_is_empty_is_left_out() {
        let evidence = json!({
            "seal": "static", "shares": 3, "none": null, "namespace": "", "policies": ["a", "b"],
            "others": [], "capabilities": {}, "orphan": true,
        });
        assert_eq!(
            shown(&evidence),
            "  seal      static\n  shares    3\n  policies  a, b\n  orphan    yes\n"
        );
    }

    #[test]
    fn an_item_says_once_what_it_is_and_what_is_recorded_of_it() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let evidence = json!({"custodians": [
            {"name": "alice", "address": "shares/alice.age",
             "stored": {"address": "shares/alice.age", "digest": digest}},
        ]});
        assert_eq!(
            shown(&evidence),
            format!(
                "  custodians\n    - name     alice\n      address  shares/alice.age\n      digest\n        {digest}\n"
            )
        );
    }

    #[test]
    fn long_values_are_wrapped_beside_their_name_and_lists_have_a_line_an_item() {
        let sentence =
            "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
        let paths: Vec<_> = (0..9).map(|n| format!("sys/policies/acl/{n}")).collect();
        let evidence = json!({"why": sentence, "written": paths, "said": [sentence]});
        let text = shown(&evidence);
        assert!(text.lines().all(|line| columns(line) <= WIDTH), "{text}");
        assert!(text.contains("\n       fourteen\n"), "{text}");
        assert!(text.contains("\n    - sys/policies/acl/8\n"), "{text}");
        assert!(text.contains("\n    - one two"), "{text}");
    }

    #[test]
    fn a_long_path_as_a_name_has_its_value_below() {
        let path = "secret/data/production/payments/stripe";
        let evidence = json!({"capabilities": {path: ["read", "update"], "sys/audit": ["deny"]}});
        assert_eq!(
            shown(&evidence),
            format!("  capabilities\n    {path}\n      read, update\n    sys/audit  deny\n")
        );
    }
}
