//! Rules of values that the server makes: which entry of `writes` they come from, and that nobody must keep them secret.

use std::collections::HashMap;

use crate::code::Code;
use crate::config::problem::meant;
use crate::config::reading::Reading;
use crate::config::tree::{Kind, Node, step};
use crate::config::values::{AnswerRef, FROM_WRITE};

/// Fields of answers that everybody may see (API documentation of the engines): nothing else is kept.
const PUBLIC: [&str; 17] = [
    "accessor",
    "ca_chain",
    "canonical_id",
    "certificate",
    "client_id",
    "csr",
    "fingerprint",
    "id",
    "imported_issuers",
    "imported_keys",
    "issuer_id",
    "issuing_ca",
    "key_id",
    "method_id",
    "public_key",
    "role_id",
    "serial_number",
];

/// Names by which later entries ask for an answer are given once.
pub(in crate::config) fn names_of_writes_are_different(reading: &mut Reading) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (path, name) in reading.texts(&["writes", "*", "name"]) {
        if let Some(first) = seen.insert(name, seen.len()) {
            let text = format!("`writes[{first}]` has this name already");
            reading.refuse(Code::FileContradicts, &path, text);
        }
        if name.is_empty() || name.contains('.') {
            let text = "expected a name without a dot";
            reading.refuse(Code::FileValueInvalid, &path, text);
        }
    }
}

/// An answer comes from an entry before, by its name, and is nothing that must be kept secret.
pub(in crate::config) fn answers_come_from_before(reading: &mut Reading) {
    let mut named: Vec<&str> = Vec::new();
    let writes = reading.node(&["writes"]).map(Node::items);
    for (place, write) in writes.unwrap_or_default().iter().enumerate() {
        let mut found = Vec::new();
        let above = ["writes".to_owned(), step(place), "data".to_owned()];
        if let Some(data) = write.get("data") {
            collect(data, &above, &mut found);
        }
        for (path, text) in found {
            if let Some(problem) = wrong(text, &named) {
                reading.refuse(Code::FileValueInvalid, &path, problem);
            }
        }
        named.extend(write.get("name").and_then(Node::text));
    }
    for section in [
        "auth",
        "secrets",
        "quotas",
        "password_policies",
        "audit_headers",
    ] {
        let mut found = Vec::new();
        if let Some(node) = reading.node(&[section]) {
            collect(node, &[section.to_owned()], &mut found);
        }
        for (path, _) in found {
            let text = "values that the server makes go to later entries of `writes` only: write this one there";
            reading.refuse(Code::FileContradicts, &path, text);
        }
    }
}

/// Every `{from_write: …}` in here, with its path.
pub(super) fn collect<'a>(
    node: &'a Node,
    path: &[String],
    found: &mut Vec<(Vec<String>, &'a str)>,
) {
    for entry in node.entries() {
        let path = [path, std::slice::from_ref(&entry.key)].concat();
        if entry.key == FROM_WRITE {
            let text = entry.value.text().unwrap_or_default();
            found.push((path.clone(), text));
        }
        collect(&entry.value, &path, found);
    }
    if let Kind::List(items) = &node.kind {
        for (place, item) in items.iter().enumerate() {
            collect(item, &[path, &[step(place)]].concat(), found);
        }
    }
}

fn wrong(text: &str, named: &[&str]) -> Option<String> {
    let Some(AnswerRef { write, field }) = AnswerRef::parse(text) else {
        return Some(
            "expected `NAME.FIELD`: the `name` of an entry before, and a field of its answer"
                .into(),
        );
    };
    if !named.contains(&write.as_str()) {
        let hint = meant(&write, named.iter().copied());
        return Some(format!(
            "no entry of `writes` before this one has the name `{write}`{hint}"
        ));
    }
    if !PUBLIC.contains(&field.as_str()) {
        let hint = meant(&field, PUBLIC.into_iter());
        return Some(format!(
            "`{field}` may be a secret, or is no field of an answer{hint}; what is kept of an answer is {}",
            PUBLIC.join(", ")
        ));
    }
    None
}
