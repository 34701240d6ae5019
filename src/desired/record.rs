//! What is to be remembered of a document.

use serde_json::Value;

use crate::desired::document::{Document, Pending};
use crate::memory::form::Form;
use crate::memory::leaf::{Leaves, is_in, leaves};
use crate::memory::{Memory, Record, Remembered};
use crate::vault::Body;

/// Of a document that was sent as `sent`, and that the server has as `made`; `None` and `Null` where that cannot be read.
pub(super) fn of(
    memory: &Memory,
    document: &Document,
    (sent, made): (&Body, Option<&Value>),
) -> Record {
    let sent = leaves(sent);
    let made = made.filter(|made| !made.is_null());
    let made = made.map(|made| still(document, made));
    let key = memory.key();
    let plain = |place: &str| shows(document, &sent, place);
    let remembered = Remembered::new(
        &document.path,
        &sent,
        made.as_ref(),
        (key.as_deref(), &plain),
    );
    Record {
        path: document.path.clone(),
        remembered,
    }
}

/// Of a document that was sent as it is, and that the server has as `made`.
pub(crate) fn read_back(memory: &Memory, document: &Document, made: &Value) -> Record {
    of(memory, document, (&document.body, Some(made)))
}

/// What is to be sent of a document: in clear only of a kind that holds no secret.
pub(crate) fn to_be_sent(memory: &Memory, pending: &Pending) -> Form {
    let document = &pending.document;
    let sent = leaves(&document.body);
    let key = memory.key();
    let plain = |place: &str| document.kind.plain && shows(document, &sent, place);
    Form::of(&document.path, &sent, key.as_deref(), plain)
}

/// The values of an answer that do not move by themselves.
pub(super) fn still(document: &Document, have: &Value) -> Leaves {
    let mut found = leaves(&Body::from(have.clone()));
    found.retain(|place, _| !document.moves(place));
    found
}

/// Whether the value at a place of a document may be shown: all of a kind that holds no secret, and elsewhere what the file
/// itself names in plain.
pub(super) fn shows(document: &Document, file: &Leaves, place: &str) -> bool {
    // What a provider is given may hold its key.
    if document.kind.plain && !is_in(place, "provider_config") {
        return true;
    }
    let named = file.get(place);
    !document.kind.initial
        && named.is_some_and(|value| !value.holds_secret() && !value.holds_unknown())
}
