//! Values: a secret becomes a reference, a template what it says where that can be said, and all else stays as it is.

use serde_json::{Map, Value, json};

use crate::config::{Foreign, ForeignValue, fields_of, property_of};
use crate::import::bank_vaults::made::Made;
use crate::import::bank_vaults::secrets::{holds_secret, is_called_secret};
use crate::import::bank_vaults::template::{Part, Template, is_marked};
use crate::import::fields::looks_like_a_reference;
use crate::import::yaml::VARIABLE;

/// Words that YAML 1.1 takes for truth values, and 1.2 for texts.
const TRUTHS: [&str; 6] = ["yes", "no", "on", "off", "y", "n"];

/// What may stand in the place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Anything, references included.
    Any,
    /// A reference alone.
    Reference,
    /// Anything but a reference.
    Plain,
    /// References, and all of it is secret.
    Secrets,
}

/// A field: its document, its place in it, and what may stand there.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) path: &'a str,
    pub(super) field: &'a str,
    pub(super) takes: Takes,
}

impl<'a> At<'a> {
    pub(super) fn new(path: &'a str, field: &'a str, takes: Takes) -> Self {
        Self { path, field, takes }
    }

    fn name(&self) -> &'a str {
        let last = self.field.rsplit('.').find(|part| !is_number(part));
        last.unwrap_or(self.field)
    }

    fn is_secret(&self) -> bool {
        matches!(self.takes, Takes::Secrets | Takes::Reference)
            || (self.takes == Takes::Any && is_called_secret(self.path, self.name()))
    }
}

pub(super) fn is_number(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

impl Made {
    /// All fields of a map but these; those that the type of the schema does not know are noted.
    pub(super) fn document(
        &mut self,
        of: &Foreign,
        path: &str,
        (of_schema, but): (&str, &[&str]),
    ) -> Map<String, Value> {
        let known = fields_of(of_schema);
        let mut data = Map::new();
        for (key, line, value) in self.fields(of, path) {
            if but.contains(&key) {
                continue;
            }
            if !known.is_empty() && !known.contains(&key) {
                self.leave(
                    line,
                    format!("{path}: {key}"),
                    "this key has no place in the file",
                );
                continue;
            }
            let property = property_of(of_schema, key);
            let at = At::new(path, key, takes(of_schema, property));
            if let Some(value) = self.value(value, at) {
                data.insert(key.to_owned(), as_wanted(value, property));
            }
        }
        data
    }

    /// A value as it stands in the file; nothing where it has no place there, which is noted.
    pub(super) fn value(&mut self, of: &Foreign, at: At<'_>) -> Option<Value> {
        let value = match &of.value {
            ForeignValue::Null => return None,
            ForeignValue::Text(text) if is_marked(text) => {
                return self.with_templates(of.line, text, at);
            }
            ForeignValue::Text(text) if text.is_empty() && at.takes == Takes::Reference => {
                return None;
            }
            ForeignValue::Text(_) if at.takes == Takes::Secrets => {
                return self.secret(of.line, at);
            }
            ForeignValue::Text(text) => {
                if !text.is_empty() && (at.is_secret() || holds_secret(at.name(), text)) {
                    return self.secret(of.line, at);
                }
                if TRUTHS.contains(&text.to_ascii_lowercase().as_str()) {
                    let why = "that bank-vaults may read this word as true or false: it stands in the file as text";
                    self.leave(of.line, at.shown(), why);
                }
                json!(text)
            }
            ForeignValue::Number(_) | ForeignValue::Bool(_) if at.takes == Takes::Secrets => {
                return self.secret(of.line, at);
            }
            ForeignValue::Number(_) if at.is_secret() => return self.secret(of.line, at),
            ForeignValue::Number(number) => Value::Number(number.clone()),
            ForeignValue::Bool(value) => Value::Bool(*value),
            ForeignValue::List(items) => {
                let mut all = Vec::new();
                for (number, item) in items.iter().enumerate() {
                    let field = format!("{}.{number}", at.field);
                    let at = At {
                        field: &field,
                        ..at
                    };
                    all.extend(self.value(item, at));
                }
                Value::Array(all)
            }
            ForeignValue::Map(_) => {
                let mut all = Map::new();
                for (key, _, item) in self.fields(of, &at.shown()) {
                    let field = format!("{}.{key}", at.field);
                    let at = At {
                        field: &field,
                        ..at
                    };
                    let value = self.value(item, at);
                    all.extend(value.map(|value| (key.to_owned(), value)));
                }
                // A name that means a reference here means nothing there.
                let names = all.iter().map(|(name, _)| (name.clone(), Value::Null));
                if looks_like_a_reference(&Value::Object(names.collect())) {
                    self.take_back(at);
                    let why = "it would read as a reference to a secret";
                    self.leave(of.line, at.shown(), why);
                    return None;
                }
                Value::Object(all)
            }
        };
        Some(value)
    }

    /// What was to be filled below a field that is left out.
    fn take_back(&mut self, at: At<'_>) {
        let below = format!("{}.", at.field);
        self.found
            .to_fill
            .retain(|one| one.path != at.path || !one.field.starts_with(&below));
    }

    /// A secret that stands there, or that a template stands for.
    pub(super) fn secret(&mut self, line: u32, at: At<'_>) -> Option<Value> {
        if at.takes == Takes::Plain {
            let why = "a secret stands here, and the file takes no reference in its place";
            self.leave(line, at.shown(), why);
            return None;
        }
        let key = (at.path.to_owned(), at.field.to_owned());
        self.secret_lines.entry(key).or_insert(line);
        Some(self.found.reference(at.path, at.field))
    }

    fn with_templates(&mut self, line: u32, text: &str, at: At<'_>) -> Option<Value> {
        let parts = self.templates.parts(text);
        let whole = match parts[..] {
            [Part::Template(template)] => Some(template.clone()),
            _ => None,
        };
        match (whole, at.takes) {
            (Some(Template::Env(name)), Takes::Plain) => {
                self.variables.insert(name.clone(), sample(at.name()));
                Some(json!({ VARIABLE: name }))
            }
            (Some(Template::Env(name)), _) => Some(json!({ "env": name })),
            (Some(Template::File(file)), takes) if takes != Takes::Plain => {
                Some(json!({ "file": file }))
            }
            (_, Takes::Plain) => {
                self.leave(
                    line,
                    at.shown(),
                    "a template stands here that says no variable alone",
                );
                None
            }
            _ => self.secret(line, at),
        }
    }
}

impl At<'_> {
    /// For a person.
    pub(super) fn shown(&self) -> String {
        format!("{}: {}", self.path, self.field)
    }
}

/// What may stand in a field of the schema; anything where there is no such type.
fn takes(of_schema: &str, property: &Value) -> Takes {
    if of_schema.is_empty() {
        return Takes::Any;
    }
    let text = property.to_string();
    let has = |name: &str| text.contains(&format!("#/$defs/{name}\""));
    match (
        has("SecretRef"),
        has("TextOrReference") || has("Field") || has("Fields"),
    ) {
        (_, true) => Takes::Any,
        (true, false) => Takes::Reference,
        (false, false) => Takes::Plain,
    }
}

/// A value of the type that the schema wants, where another type says the same: the servers take both.
fn as_wanted(value: Value, property: &Value) -> Value {
    let wants = |name: &str| match &property["type"] {
        Value::Array(types) => types.iter().any(|one| one == name),
        one => one == name,
    };
    match &value {
        Value::String(text) if !property["type"].is_null() && !wants("string") => {
            match text.as_str() {
                "true" | "false" if wants("boolean") => json!(text == "true"),
                _ if wants("array") => json!([text]),
                _ if wants("integer") => text.parse::<u64>().map_or(value, |number| json!(number)),
                _ => value,
            }
        }
        Value::Number(number) if wants("string") && !wants("integer") && !wants("number") => {
            json!(number.to_string())
        }
        _ => value,
    }
}

/// A value that a variable may have, as the field that it stands in takes it.
fn sample(name: &str) -> &'static str {
    let ends = |all: &[&str]| all.iter().any(|end| name.ends_with(end));
    if ends(&["ttl", "period", "leeway", "max_age"]) {
        "1h"
    } else if ends(&["num_uses"]) {
        "1"
    } else {
        "https://a"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_the_servers_take_as_well_becomes_the_one_of_the_file() {
        let of = |field: &str, value: Value| as_wanted(value, property_of("OidcConfig", field));
        assert_eq!(of("namespace_in_state", json!("true")), json!(true));
        assert_eq!(of("jwt_validation_pubkeys", json!("a")), json!(["a"]));
        assert_eq!(of("bound_issuer", json!(12)), json!("12"));
        assert_eq!(of("bound_issuer", json!("x")), json!("x"));
    }

    #[test]
    fn fields_of_a_type_take_references_where_its_schema_says_so() {
        let of = |name: &str, field: &str| takes(name, property_of(name, field));
        assert_eq!(of("OidcConfig", "oidc_client_secret"), Takes::Reference);
        assert_eq!(of("OidcConfig", "oidc_client_id"), Takes::Plain);
        assert_eq!(of("KubernetesConfig", "kubernetes_ca_cert"), Takes::Any);
        assert_eq!(of("User", "password"), Takes::Reference);
        assert_eq!(of("OidcConfig", "provider_config"), Takes::Any);
        assert_eq!(of("", "anything"), Takes::Any);
    }
}
