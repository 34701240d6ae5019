//! Holds a document against the schema and reports every difference where it stands.
//!
//! Knows the keywords that the schema of this program uses, no more; the same schema in the hands of a validator of
//! JSON Schema is stricter in nothing but `pattern`. Values never stand in a message.

mod keywords;

use std::collections::HashSet;

use serde_json::Value;

use super::problem::{MOST_PROBLEMS, Place, Problem, meant};
use super::tree::{Kind, Node, shown, step};
use crate::code::Code;
use keywords::{choices, expected, fill, holds, is, list, texts, types, variants};

pub(super) use keywords::{not_read, quoted, unknown};

/// The definition whose maps are references.
const REFERENCE: &str = "#/$defs/SecretRef";

/// What is said where a secret stands in the file.
pub(super) const REFERENCES: &str = "secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`";

/// Checks `node` against `schema`; gives variables the type that is wanted and marks references.
pub(super) fn check(node: &mut Node, schema: &Value, problems: &mut Vec<Problem>) {
    Check {
        root: schema,
        path: Vec::new(),
        problems,
    }
    .value(node, schema);
}

struct Check<'a> {
    root: &'a Value,
    path: Vec<String>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Check<'a> {
    fn value(&mut self, node: &mut Node, schema: &'a Value) {
        if matches!(node.kind, Kind::Unknown) || self.problems.len() > MOST_PROBLEMS {
            return;
        }
        if schema.get("$ref").is_some() {
            let reference = is_reference(schema);
            let before = self.problems.len();
            if reference && !matches!(node.kind, Kind::Map(_)) {
                return self.report(Code::FileSecretInClear, node.place, REFERENCES);
            }
            self.value(node, self.resolve(schema));
            node.reference |= reference && self.problems.len() == before;
            return;
        }
        if let Some(condition) = schema.get("if") {
            let then = holds(node, condition);
            return self.value(node, &schema[if then { "then" } else { "else" }]);
        }
        let variants = variants(schema).unwrap_or_default();
        let ask_for_keys =
            |variant: &Value| variant.get("required").is_some() && variant.get("type").is_none();
        if !variants.iter().all(ask_for_keys) {
            return self.one_of(node, variants);
        }
        if let Some(text) = self.scalar(node, schema) {
            return self.report(Code::FileValueInvalid, node.place, text);
        }
        self.map(node, schema);
        self.exactly_one(node, variants);
        if let Kind::List(items) = &mut node.kind {
            if (items.len() as u64) < schema["minItems"].as_u64().unwrap_or_default() {
                self.report(Code::FileValueInvalid, node.place, "the list is empty");
            }
            for (index, item) in items.iter_mut().enumerate() {
                self.path.push(step(index));
                self.value(item, &schema["items"]);
                self.path.pop();
            }
        }
    }

    /// What is wrong with the type or value, before looking inside.
    fn scalar(&self, node: &mut Node, schema: &Value) -> Option<String> {
        let wanted = types(schema);
        fill(node, &wanted);
        if !wanted.is_empty() && !wanted.iter().any(|name| is(node, name)) {
            let quotes =
                matches!(node.kind, Kind::Bool(_) | Kind::Number(_)) && wanted.contains(&"string");
            return Some(format!("expected {}{}", expected(schema), hint(quotes)));
        }
        if matches!(node.kind, Kind::Null) && wanted.contains(&"null") {
            return None;
        }
        if let Some(choices) = choices(schema) {
            let value = node.value();
            if !choices.contains(&&value) {
                let texts = choices.iter().filter_map(|choice| choice.as_str());
                let hint = meant(value.as_str().unwrap_or_default(), texts);
                return Some(format!("expected {}{hint}", expected(schema)));
            }
        }
        match &node.kind {
            Kind::Number(number) => {
                let value = number.as_f64().unwrap_or_default();
                let (least, most) = (schema["minimum"].as_f64()?, schema["maximum"].as_f64());
                match most {
                    Some(most) if value < least || value > most => {
                        Some(format!("expected a number from {least} to {most}"))
                    }
                    None if value < least => Some(format!("expected a number, at least {least}")),
                    _ => None,
                }
            }
            Kind::Text(text) | Kind::Filled(text) => {
                if text.is_empty() && schema["minLength"].as_u64() > Some(0) {
                    return Some("expected some text; this is empty".into());
                }
                keywords::format(text, schema["format"].as_str()?)
            }
            _ => None,
        }
    }

    fn map(&mut self, node: &mut Node, schema: &'a Value) {
        let Kind::Map(entries) = &mut node.kind else {
            return;
        };
        let properties = &schema["properties"];
        let others = ["additionalProperties", "unevaluatedProperties"];
        let others = others.into_iter().find_map(|name| schema.get(name));
        let given: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        let mut misspelt = String::new();
        for entry in entries {
            if self.problems.len() > MOST_PROBLEMS {
                break;
            }
            self.path.push(entry.key.clone());
            match properties.get(&entry.key).or(others) {
                Some(Value::Bool(false)) => {
                    let text = unknown(&entry.key, properties, &given);
                    misspelt.push_str(&text);
                    self.report(Code::FileKeyUnknown, entry.place, text);
                }
                Some(property) => self.value(&mut entry.value, property),
                None => {}
            }
            self.path.pop();
        }
        node.strange = !misspelt.is_empty();
        for key in texts(&schema["required"]) {
            if !given.contains(key) && !misspelt.contains(&format!("did you mean `{key}`")) {
                let why = self.describe(&properties[key]);
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                self.report(
                    Code::FileKeyMissing,
                    node.place,
                    format!("missing key `{key}`{why}"),
                );
            }
        }
    }

    /// `oneOf` that only asks which keys are there.
    fn exactly_one(&mut self, node: &Node, variants: &[Value]) {
        let keys = variants.iter().map(|variant| &variant["required"][0]);
        let keys: Vec<&str> = keys.filter_map(Value::as_str).collect();
        let names = quoted(keys.iter().copied(), "and");
        match keys.iter().filter(|key| node.get(key).is_some()).count() {
            // The unknown key in its place was reported, with what could stand there.
            0 if node.strange || keys.is_empty() => {}
            0 => self.report(
                Code::FileKeyMissing,
                node.place,
                format!("one of {names} is missing"),
            ),
            1 => {}
            _ => self.report(
                Code::FileContradicts,
                node.place,
                format!("only one of {names} is allowed here"),
            ),
        }
    }

    /// Takes the variant that fits, or reports by the one that was most likely meant.
    fn one_of(&mut self, node: &mut Node, variants: &'a [Value]) {
        let candidates = self.flatten(variants);
        let wanted = candidates.iter().map(|variant| self.resolve(variant));
        fill(node, &wanted.flat_map(types).collect::<Vec<_>>());
        let mut fitting = candidates.clone();
        fitting.retain(|variant| self.fits(node, variant));
        match fitting.as_slice() {
            [] => self.report(
                Code::FileValueInvalid,
                node.place,
                self.none_fits(node, &candidates),
            ),
            [only] => self.value(node, only),
            several => {
                let before = self.problems.len();
                for variant in several {
                    self.value(node, variant);
                    if self.problems.len() == before {
                        return;
                    }
                    self.problems.truncate(before);
                }
                self.likeliest(node, several);
            }
        }
    }

    fn none_fits(&self, node: &Node, candidates: &[&'a Value]) -> String {
        let number = match node.kind {
            Kind::Map(_) | Kind::Text(_) | Kind::Filled(_)
                if candidates.iter().any(|variant| is_reference(variant)) =>
            {
                return REFERENCES.into();
            }
            Kind::Number(_) => true,
            _ => false,
        };
        let names = candidates.iter().map(|variant| self.name(variant));
        let names = list(names.filter(|name| name != "nothing"), "or");
        let mut schemas = candidates.iter().map(|variant| self.resolve(variant));
        let text = schemas.any(|schema| types(schema).contains(&"string"));
        format!("expected {names}{}", hint(number && text))
    }

    /// Several kinds of map, none of which fits: the one with most keys in common speaks.
    fn likeliest(&mut self, node: &mut Node, variants: &[&'a Value]) {
        let common = |variant: &Value| {
            let known = &self.resolve(variant)["properties"];
            let keys = node.entries().iter().map(|entry| &entry.key);
            keys.filter(|key| known.get(key).is_some()).count()
        };
        let best = variants.iter().rev().max_by_key(|variant| common(variant));
        if let Some(best) = best.filter(|best| common(best) > 0) {
            return self.value(node, best);
        }
        let keys = variants
            .iter()
            .map(|variant| &self.resolve(variant)["required"][0]);
        let keys: Vec<&str> = keys.filter_map(Value::as_str).collect();
        let names = quoted(keys.iter().copied(), "or");
        let Some(first) = node.entries().first() else {
            return self.report(
                Code::FileKeyMissing,
                node.place,
                format!("expected {names}"),
            );
        };
        let (key, hint) = (&first.key, meant(&first.key, keys.into_iter()));
        let text = format!("unknown key `{key}`; expected {names}{hint}");
        self.report(Code::FileKeyUnknown, first.place, text);
    }

    /// The variants, with those of nested choices in their place.
    fn flatten(&self, from: &'a [Value]) -> Vec<&'a Value> {
        let each = from.iter().flat_map(|variant| {
            let resolved = self.resolve(variant);
            let nested = variants(resolved)
                .filter(|_| !is_reference(variant) && resolved.get("type").is_none());
            nested.map_or_else(|| vec![variant], |nested| self.flatten(nested))
        });
        each.collect()
    }

    /// True when the variant takes this kind of value at all.
    fn fits(&self, node: &Node, variant: &'a Value) -> bool {
        if is_reference(variant) {
            return is(node, "object");
        }
        let schema = self.resolve(variant);
        let wanted = types(schema);
        let kind = wanted.is_empty() || wanted.iter().any(|name| is(node, name));
        // A misspelt text was meant for one of the choices; anything else is one of them, or it is not.
        let chosen = |all: Vec<&Value>| is(node, "string") || all.contains(&&node.value());
        kind && (wanted.contains(&"object") || choices(schema).is_none_or(chosen))
    }

    /// What `$ref` points at.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let pointer = schema["$ref"].as_str().unwrap_or_default();
        let pointed = pointer.strip_prefix('#');
        pointed
            .and_then(|pointer| self.root.pointer(pointer))
            .unwrap_or(schema)
    }

    fn describe(&self, schema: &'a Value) -> Option<String> {
        let both = [schema, self.resolve(schema)];
        let text = both
            .iter()
            .find_map(|schema| schema["description"].as_str());
        let mut letters = text?.lines().next()?.trim_end_matches('.').chars();
        Some(letters.next()?.to_lowercase().chain(letters).collect())
    }

    /// A variant in words.
    fn name(&self, schema: &'a Value) -> String {
        let resolved = self.resolve(schema);
        match resolved["required"][0].as_str() {
            _ if is_reference(schema) => "a reference to a secret".into(),
            Some(key) => format!("`{{{key}: …}}`"),
            None => expected(resolved),
        }
    }

    fn report(&mut self, code: Code, place: Place, text: impl Into<String>) {
        let problem = Problem::new(code, place, shown(&self.path), text);
        self.problems.push(problem);
    }
}

fn is_reference(schema: &Value) -> bool {
    schema["$ref"] == REFERENCE
}

/// What to do about a number where text belongs.
fn hint(quotes: bool) -> &'static str {
    if quotes { "; put it in quotes" } else { "" }
}
