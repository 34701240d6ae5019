//! Holds a document against the schema and reports every difference where it stands.
//!
//! Knows the keywords that the schema of this program uses, no more; the same schema in the hands of a validator of
//! JSON Schema is stricter in nothing but `pattern`. Values never stand in a message.

mod keywords;
mod words;

use std::collections::HashSet;

use serde_json::Value;

use super::problem::{Place, Problem, meant};
use super::tree::{Kind, Node, shown, step};
use keywords::{choices, fill, holds, is, types, variants};
pub(super) use words::list;
use words::{expected, unknown};

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
        if matches!(node.kind, Kind::Unknown) {
            return;
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let before = self.problems.len();
            if reference == REFERENCE && !matches!(node.kind, Kind::Map(_)) {
                return self.report(node.place, REFERENCES);
            }
            self.value(node, self.resolve(schema));
            node.reference |= reference == REFERENCE && self.problems.len() == before;
            return;
        }
        if let Some(condition) = schema.get("if") {
            let branch = if holds(node, condition) {
                "then"
            } else {
                "else"
            };
            if let Some(branch) = schema.get(branch) {
                self.value(node, branch);
            }
            return;
        }
        let mut one_key: &[Value] = &[];
        if let Some(variants) = variants(schema) {
            if variants
                .iter()
                .all(|variant| variant.get("required").is_some() && variant.get("type").is_none())
            {
                one_key = variants;
            } else {
                return self.one_of(node, variants);
            }
        }
        if let Some(text) = self.scalar(node, schema) {
            return self.report(node.place, text);
        }
        match &mut node.kind {
            Kind::Map(_) => {
                self.map(node, schema);
                self.exactly_one(node, one_key);
            }
            Kind::List(items) => {
                if schema["minItems"]
                    .as_u64()
                    .is_some_and(|least| (items.len() as u64) < least)
                {
                    self.report(node.place, "the list is empty");
                }
                for (index, item) in items.iter_mut().enumerate() {
                    self.path.push(step(index));
                    self.value(item, &schema["items"]);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    /// What is wrong with the type or value, before looking inside.
    fn scalar(&self, node: &mut Node, schema: &Value) -> Option<String> {
        let wanted = types(schema);
        if !wanted.is_empty() {
            fill(node, &wanted);
            if !wanted.iter().any(|name| is(node, name)) {
                return Some(match &node.kind {
                    Kind::Bool(_) | Kind::Number(_) if wanted.contains(&"string") => {
                        format!("expected {}; put it in quotes", expected(schema))
                    }
                    _ => format!("expected {}", expected(schema)),
                });
            }
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
                let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
                let outside = least.is_some_and(|least| value < least)
                    || most.is_some_and(|most| value > most);
                outside.then(|| match (least, most) {
                    (Some(least), Some(most)) => {
                        format!("expected a number from {least} to {most}")
                    }
                    (Some(least), None) => format!("expected a number, at least {least}"),
                    _ => "the number is too large".into(),
                })
            }
            Kind::Text(text) | Kind::Filled(text) => {
                if schema["minLength"]
                    .as_u64()
                    .is_some_and(|least| (text.chars().count() as u64) < least)
                {
                    return Some("expected some text; this is empty".into());
                }
                schema["format"]
                    .as_str()
                    .and_then(|format| words::format(text, format))
            }
            _ => None,
        }
    }

    fn map(&mut self, node: &mut Node, schema: &'a Value) {
        let none = &Value::Null;
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema
            .get("additionalProperties")
            .or_else(|| schema.get("unevaluatedProperties"));
        let Kind::Map(entries) = &mut node.kind else {
            return;
        };
        let given: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        let (mut strange, mut misspelt) = (false, String::new());
        for entry in entries {
            self.path.push(entry.key.clone());
            match (properties.and_then(|known| known.get(&entry.key)), others) {
                (Some(property), _) => self.value(&mut entry.value, property),
                (None, Some(Value::Bool(false))) => {
                    strange = true;
                    let text = unknown(&entry.key, properties, &given);
                    misspelt.push_str(&text);
                    self.report(entry.place, text);
                }
                (None, others) => self.value(&mut entry.value, others.unwrap_or(none)),
            }
            self.path.pop();
        }
        node.strange = strange;
        for key in schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !given.contains(key) && !misspelt.contains(&format!("did you mean `{key}`")) {
                let why = properties
                    .and_then(|known| known.get(key))
                    .and_then(|property| self.describe(property));
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                self.report(node.place, format!("missing key `{key}`{why}"));
            }
        }
    }

    /// `oneOf` that only asks which keys are there.
    fn exactly_one(&mut self, node: &Node, variants: &[Value]) {
        let Kind::Map(entries) = &node.kind else {
            return;
        };
        let keys: Vec<&str> = variants
            .iter()
            .filter_map(|variant| variant["required"][0].as_str())
            .collect();
        let given = keys
            .iter()
            .filter(|key| entries.iter().any(|entry| entry.key == **key))
            .count();
        let names = list(keys.iter().map(|key| format!("`{key}`")), "and");
        match given {
            // The unknown key in its place was reported, with what could stand there.
            0 if node.strange || keys.is_empty() => {}
            0 => self.report(node.place, format!("one of {names} is missing")),
            1 => {}
            _ => self.report(node.place, format!("only one of {names} can stand here")),
        }
    }

    /// Takes the variant that fits, or reports by the one that was most likely meant.
    fn one_of(&mut self, node: &mut Node, variants: &'a [Value]) {
        let mut candidates: Vec<&'a Value> = Vec::new();
        self.flatten(variants, &mut candidates);
        if let Kind::Filled(_) = node.kind {
            let wanted: Vec<&str> = candidates
                .iter()
                .flat_map(|variant| types(self.resolve(variant)))
                .collect();
            fill(node, &wanted);
        }
        let fitting: Vec<&Value> = candidates
            .iter()
            .copied()
            .filter(|variant| self.fits(node, variant))
            .collect();
        let before = self.problems.len();
        match fitting.as_slice() {
            [] => {
                let text = if candidates.iter().any(|variant| self.is_reference(variant))
                    && matches!(node.kind, Kind::Map(_) | Kind::Text(_) | Kind::Filled(_))
                {
                    REFERENCES.into()
                } else {
                    let kinds = candidates
                        .iter()
                        .map(|variant| self.name(variant))
                        .filter(|name| name != "nothing");
                    let number = matches!(node.kind, Kind::Number(_));
                    let text = candidates
                        .iter()
                        .any(|variant| types(self.resolve(variant)).contains(&"string"));
                    let hint = if number && text {
                        "; put it in quotes"
                    } else {
                        ""
                    };
                    format!("expected {}{hint}", list(kinds, "or"))
                };
                self.report(node.place, text);
            }
            [only] => self.value(node, only),
            several => {
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

    /// Several kinds of map, none of which fits: the one with most keys in common speaks.
    fn likeliest(&mut self, node: &mut Node, variants: &[&'a Value]) {
        let common = |variant: &Value| {
            let properties = self
                .resolve(variant)
                .get("properties")
                .and_then(Value::as_object);
            let known = |key: &str| properties.is_some_and(|known| known.contains_key(key));
            node.entries()
                .iter()
                .filter(|entry| known(&entry.key))
                .count()
        };
        let best = variants
            .iter()
            .rev()
            .max_by_key(|variant| common(variant))
            .filter(|variant| common(variant) > 0);
        if let Some(best) = best {
            return self.value(node, best);
        }
        let keys: Vec<&str> = variants
            .iter()
            .filter_map(|variant| self.resolve(variant).get("required")?.get(0)?.as_str())
            .collect();
        let names = list(keys.iter().map(|key| format!("`{key}`")), "or");
        let Some(first) = node.entries().first() else {
            return self.report(node.place, format!("expected {names}"));
        };
        let (key, hint) = (&first.key, meant(&first.key, keys.into_iter()));
        let text = format!("unknown key `{key}`; expected {names}{hint}");
        self.report(first.place, text);
    }

    /// The variants, with those of nested choices in their place.
    fn flatten(&self, from: &'a [Value], into: &mut Vec<&'a Value>) {
        for variant in from {
            let resolved = self.resolve(variant);
            match variants(resolved) {
                Some(nested)
                    if !self.is_reference(variant)
                        && choices(resolved).is_none()
                        && resolved.get("type").is_none() =>
                {
                    self.flatten(nested, into);
                }
                _ => into.push(variant),
            }
        }
    }

    /// True when the variant takes this kind of value at all.
    fn fits(&self, node: &Node, variant: &Value) -> bool {
        if self.is_reference(variant) {
            return matches!(node.kind, Kind::Map(_));
        }
        let schema = self.resolve(variant);
        let wanted = types(schema);
        let kind = wanted.is_empty() || wanted.iter().any(|name| is(node, name));
        kind && (wanted.contains(&"object")
            || choices(schema).is_none_or(|_| matches!(node.kind, Kind::Text(_) | Kind::Filled(_))))
    }

    fn is_reference(&self, schema: &Value) -> bool {
        schema.get("$ref").and_then(Value::as_str) == Some(REFERENCE)
    }

    /// What `$ref` points at.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let pointer = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix('#'));
        pointer
            .and_then(|pointer| self.root.pointer(pointer))
            .unwrap_or(schema)
    }

    fn describe(&self, schema: &'a Value) -> Option<String> {
        let text = schema
            .get("description")
            .or_else(|| self.resolve(schema).get("description"))?
            .as_str()?;
        let mut letters = text.lines().next()?.trim_end_matches('.').chars();
        Some(letters.next()?.to_lowercase().chain(letters).collect())
    }

    /// A variant in words.
    fn name(&self, schema: &'a Value) -> String {
        let resolved = self.resolve(schema);
        match resolved["required"][0].as_str() {
            _ if self.is_reference(schema) => "a reference to a secret".into(),
            Some(key) => format!("`{{{key}: …}}`"),
            None => expected(resolved),
        }
    }

    fn report(&mut self, place: Place, text: impl Into<String>) {
        let problem = Problem::new(place, shown(&self.path), text);
        self.problems.push(problem);
    }
}
