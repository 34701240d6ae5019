//! Values that the server makes for one entry of `writes` and a later one needs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::code::Code;
use crate::config::{AnswerRef, Config, Field, Fields, Write};
use crate::desired::document::{Document, Pending};
use crate::failure::Failure;
use crate::memory::Memory;
use crate::session::Session;
use crate::shell::ShellCommand;
use crate::vault::Body;

/// A place in a document whose value the server makes for another one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Taken {
    /// Where it stands in the body; a number is a place in a list.
    place: Vec<String>,
    /// API path of the entry that makes it.
    from: String,
    /// Field of its answer.
    field: String,
}

/// What is known of the answers: remembered from the write, or read where they can be.
pub(crate) type Answers = BTreeMap<String, BTreeMap<String, Value>>;

/// What this entry takes from those before it.
pub(crate) fn taken(config: &Config, write: &Write) -> Vec<Taken> {
    let mut found = Vec::new();
    in_fields(config, &write.data, &[], &mut found);
    found
}

/// The fields of this entry's answer that later entries take.
pub(crate) fn kept(config: &Config, write: &Write) -> Vec<String> {
    let all = config.writes.iter().flat_map(|one| taken(config, one));
    let of_this = all.filter(|one| one.from == write.path);
    let mut fields: Vec<String> = of_this.map(|one| one.field).collect();
    fields.sort();
    fields.dedup();
    fields
}

fn in_fields(config: &Config, fields: &Fields, above: &[String], found: &mut Vec<Taken>) {
    for (name, field) in fields.iter() {
        in_field(
            config,
            field,
            [above, std::slice::from_ref(name)].concat(),
            found,
        );
    }
}

fn in_field(config: &Config, field: &Field, place: Vec<String>, found: &mut Vec<Taken>) {
    match field {
        Field::Answer(AnswerRef { write, field }) => {
            let mut writes = config.writes.iter();
            let from = writes.find(|one| one.name.as_ref() == Some(write));
            found.extend(from.map(|from| Taken {
                place,
                from: from.path.clone(),
                field: field.clone(),
            }));
        }
        Field::Map(fields) => in_fields(config, fields, &place, found),
        Field::List(items) => {
            for (number, item) in items.iter().enumerate() {
                let place = [&place[..], &[number.to_string()]].concat();
                in_field(config, item, place, found);
            }
        }
        _ => {}
    }
}

/// The answers that are known before anything is written. What nothing remembers is read at the path itself, by whoever may.
pub(crate) async fn known(
    session: &Session<'_>,
    memory: &Memory,
    readable: impl Fn(&str) -> bool,
) -> Answers {
    let config = session.config;
    let mut answers = Answers::new();
    for write in &config.writes {
        let fields = kept(config, write);
        if fields.is_empty() {
            continue;
        }
        let mut known = memory.answer(&write.path).unwrap_or_default();
        if fields.iter().any(|field| !known.contains_key(field))
            && readable(&write.path)
            && let Ok(token) = session.token()
            && let Ok(Some(have)) = session.client().read(Some(token), &write.path).await
        {
            known.extend(picked(&fields, &have));
        }
        answers.insert(write.path.clone(), known);
    }
    answers
}

/// These fields of an answer, as far as it has them.
pub(super) fn picked(fields: &[String], answer: &Value) -> BTreeMap<String, Value> {
    let value = |field: &String| {
        let value = answer.get(field).filter(|value| !value.is_null())?;
        // With `format: pem_bundle` a certificate has its key in front of it.
        let is_secret = value
            .as_str()
            .is_some_and(|text| text.contains("PRIVATE KEY"));
        if is_secret {
            return None;
        }
        Some((field.clone(), value.clone()))
    };
    fields.iter().filter_map(value).collect()
}

impl Document {
    /// The same, with what is known by now of the values that it takes from others.
    #[must_use]
    pub(crate) fn taking(mut self, taken: Vec<Taken>, answers: &Answers) -> Self {
        for one in &taken {
            let known = answers.get(&one.from);
            if let Some(value) = known.and_then(|known| known.get(&one.field)) {
                self.body.put(&one.place, Body::from(value.clone()));
            }
        }
        self.takes = taken;
        self
    }

    /// Whether a value at this place is one that the server makes.
    pub(super) fn takes_at(&self, place: &str) -> bool {
        self.takes.iter().any(|one| one.place.join(".") == place)
    }
}

/// Fills in what the entries before have made: also what was known before, since one of them may have been made anew.
///
/// # Errors
/// It is not known: it was made by a run that nobody remembers, or the server did not answer with it.
pub(super) fn fill(
    session: &Session<'_>,
    memory: &Memory,
    pending: &mut Pending,
) -> Result<(), Failure> {
    let Pending { document, send, .. } = pending;
    for one in &document.takes {
        let known = memory.answer(&one.from);
        let value = known.and_then(|mut known| known.remove(&one.field));
        let value = match value {
            Some(value) => Body::from(value),
            // It was read where it stands, and nothing is about to change it.
            None if !memory.is_sending(&one.from) && !document.body.is_unknown_at(&one.place) => {
                continue;
            }
            None => return Err(not_known(session, &document.path, one)),
        };
        if let Some(send) = send {
            send.put(&one.place, value.clone());
        }
        document.body.put(&one.place, value);
    }
    Ok(())
}

fn not_known(session: &Session<'_>, path: &str, one: &Taken) -> Failure {
    let Taken { from, field, .. } = one;
    let again = ShellCommand::new("apply --again").with(from);
    Failure::failed(
        Code::WriteFailed,
        format!("{path} takes {field} of the answer to {from}, which is not known here"),
    )
    .advise(format!(
        "if it may be made once more: {}",
        session.config.command(again)
    ))
}
