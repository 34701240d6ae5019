//! A document of which nothing is remembered here: what it means is compared, with all that the servers do to what they are
//! given. A guess, made once: what is found equal is remembered.

use serde_json::Value;

use crate::desired::document::Document;
use crate::desired::record;
use crate::desired::references::was_reference;
use crate::desired::state::{Found, State};
use crate::desired::view::View;
use crate::finding::{Change, Detail, DocumentFinding, Unwritten};
use crate::vault::Body;

/// The state of a document that the server has as `have`; `Null` where that cannot be read.
pub(super) fn state(view: &View<'_>, document: &Document, have: &Value) -> State {
    let comparison = document.compare(have);
    let changed = comparison.differences.iter();
    let mut why: Vec<Change> = changed
        .map(|difference| change(view, document, have, difference))
        .collect();
    let mut not_compared = if have.is_null() && document.body.holds_unknown() {
        document.body.secret_places()
    } else {
        comparison.not_compared
    };
    let mut hidden = comparison.unreadable;
    if have.is_null() {
        hidden = vec!["what was written".to_owned()];
    }
    let begun = view.memory.is_begun(&document.path);
    if begun {
        // A run was killed while it made this one.
        why.push(Change::Unsettled);
    }
    if let Some(loses) = document.takes_away(false) {
        if why.is_empty() {
            not_compared.push("env".to_owned());
        } else {
            why.push(loses);
        }
    }
    let mut findings = Vec::new();
    if !hidden.is_empty() && (view.is_root() || view.adopt || begun) {
        let what = hidden.join(", ");
        why.push(Change::NotRemembered { what });
    } else if !hidden.is_empty() {
        if !view.is_named(&document.path) {
            let why = if have.is_null() {
                Unwritten::NotShown
            } else {
                Unwritten::NotAdopted
            };
            findings.push(not_ours(view, document, &hidden, why));
        }
        not_compared.extend(hidden);
    }
    let ours = why.is_empty() && findings.is_empty();
    let learnt = ours.then(|| {
        let sent = without(&document.body, &not_compared);
        record::of(view.memory, document, (&sent, Some(have)))
    });
    State::present(Found {
        why,
        not_compared,
        findings,
        learnt,
        by_meaning: true,
        ..Found::default()
    })
}

/// Somebody else has made it, with secrets that nobody can compare.
fn not_ours(
    view: &View<'_>,
    document: &Document,
    fields: &[String],
    why: Unwritten,
) -> DocumentFinding {
    let (path, fields) = (document.path.clone(), fields.to_vec());
    let detail = Detail::NotCompared { path, fields };
    DocumentFinding::NotWritten(view.step, detail, why)
}

/// What was not compared is not known to have been sent.
fn without(body: &Body, not_compared: &[String]) -> Body {
    let Body::Map(fields) = body else {
        return if not_compared.is_empty() {
            body.clone()
        } else {
            Body::Unknown
        };
    };
    let in_it = |name: &str| {
        let mut places = not_compared.iter();
        places.any(|place| place.split('.').next() == Some(name))
    };
    let all = not_compared.iter().any(|place| place == "what was written");
    let fields = fields.iter().map(|(name, value)| {
        let known = !all && !in_it(name);
        let value = if known { value.clone() } else { Body::Unknown };
        (name.clone(), value)
    });
    Body::Map(fields.collect())
}

/// A difference in meaning, as it may be shown.
pub(super) fn change(
    view: &View<'_>,
    document: &Document,
    have: &Value,
    difference: &crate::vault::compare::Difference,
) -> Change {
    let field = difference.field.clone();
    if document.at.is_some() && matches!(field.as_str(), "entity" | "group") {
        let (from, to) = (difference.have.clone(), difference.want.clone());
        return Change::Moves { from, to };
    }
    // What is stored in a `kv` is others' by now, whatever the file once said of it.
    if document.kind.exact || was_reference(&view.diary.references, &document.path, &field) {
        return Change::SecretDiffers { field };
    }
    if let Some((have, want)) = document.policy_texts(have) {
        return Change::PolicyDiffers { have, want };
    }
    // Nobody knows what such a document may hold by now.
    if !document.kind.plain {
        return Change::SecretDiffers { field };
    }
    Change::Differs {
        field,
        have: difference.have.clone(),
        want: difference.want.clone(),
    }
}
