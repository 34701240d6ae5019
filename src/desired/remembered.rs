//! A document whose last write is remembered: the file is compared with what was sent, and the server's answer with what it
//! was right afterwards. Nothing is guessed.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::code::Code;
use crate::desired::by_meaning;
use crate::desired::create_once;
use crate::desired::defaults::widens;
use crate::desired::document::Document;
use crate::desired::hand_out;
use crate::desired::kind::Writing;
use crate::desired::record;
use crate::desired::references::was_reference;
use crate::desired::sending;
use crate::desired::state::{Found, State, shown};
use crate::desired::view::View;
use crate::failure::Failure;
use crate::finding::{Change, DocumentFinding};
use crate::memory::form::DigestKey;
use crate::memory::leaf::{field_of, is_untouched, leaves};
use crate::memory::{self, Changed, Drift, Edits, Look, Remembered, Shown};
use crate::shell::ShellCommand;
use crate::vault::Body;

/// The state of a document that the server has as `have`; `Null` where that cannot be read.
pub(super) fn state(
    view: &View<'_>,
    document: &Document,
    (known, have): (&Remembered, &Value),
) -> State {
    let file = leaves(&document.body);
    let key = view.memory.key();
    let path = &document.path;
    let edits = edits_of(document, known, key.as_deref());
    let plain = |place: &str| record::shows(document, &file, place);
    let moves = |place: &str| document.is_not_ours(place, known);
    let drift = match &known.made {
        Some(made) if !have.is_null() => {
            let now = record::still(document, have);
            let look = Look {
                key: key.as_deref(),
                moves: &moves,
                plain: &plain,
                exact: document.kind.exact,
            };
            memory::drift(path, made, &now, look)
        }
        _ => Drift::default(),
    };
    let mut found = Found {
        why: reasons(view, document, have, (&edits, &drift)),
        not_compared: [edits.unknown.clone(), drift.unknown.clone()].concat(),
        unread: have.is_null(),
        not_shown: not_shown(document, have),
        ..Found::default()
    };
    found.not_compared.sort();
    found.not_compared.dedup();
    // It was found once, and nobody knows what was sent.
    let what = (view.adopt && !edits.unknown.is_empty()).then(|| edits.unknown.join(", "));
    let forgotten = what.map(|what| Change::NotRemembered { what });
    found.why.extend(forgotten);
    if was_changed_in_both(view, document, have, (&edits, &drift)) {
        found.why.clear();
        found.by_meaning = true;
    }
    let unsettled = view.memory.is_unsettled(path);
    if unsettled {
        found.why.push(Change::Unsettled);
    }
    if found.why.is_empty() {
        if found.not_compared.is_empty() {
            found.learnt = learnt(view, document, (known, have));
        }
        return State::present(found);
    }
    found.why.extend(document.takes_away(known.created));
    let outcome = sending::body(document, (known, have), (&edits, &drift, unsettled));
    found.send = outcome.send;
    found.reset = outcome.reset;
    let cannot = outcome.cannot.into_iter();
    let cannot = cannot.map(|field| DocumentFinding::CannotReset(path.clone(), field));
    found.findings.extend(cannot);
    if !unsettled
        && found.reset.is_empty()
        && !found.findings.is_empty()
        && only_cannot(&edits, &drift, &found)
    {
        found.why.clear();
    }
    State::present(found)
}

/// Fields of the file that an answer has nothing of, so that whoever changed them is not seen.
fn not_shown(document: &Document, have: &Value) -> Vec<String> {
    // A policy is shown whole, and most other documents are: to compare them once more would double the time that it takes.
    let all = |fields: &[(String, Body)]| fields.iter().all(|(name, _)| have.get(name).is_some());
    let whole = matches!(&document.body, Body::Map(fields) if all(fields));
    if have.is_null() || whole || document.policy_texts(have).is_some() {
        return Vec::new();
    }
    let mut fields = document.compare(have).unreadable;
    fields.retain(|place| have.get(field_of(place)).is_none());
    fields
}

/// What the file says otherwise than what was sent. A line that was taken out of a document of which only what is named is the
/// file's, is left as it is.
fn edits_of(document: &Document, known: &Remembered, key: Option<&DigestKey>) -> Edits {
    let file = leaves(&document.body);
    let mut edits = memory::edits(&document.path, &known.sent, &file, key);
    if document.named_only {
        edits.taken_out.retain(|field| !document.leaves(field));
        let left = |one: &Changed| one.now.is_none() && document.leaves(&one.place);
        edits.changed.retain(|one| !left(one));
    }
    edits
}

/// Whether somebody who may has changed the server, and the file says the same by now: after hand-over nobody else does, and
/// what is there means what the file says.
fn was_changed_in_both(
    view: &View<'_>,
    document: &Document,
    have: &Value,
    (edits, drift): (&Edits, &Drift),
) -> bool {
    let nothing = edits.changed.is_empty();
    let unknown = !edits.unknown.is_empty() || !drift.unknown.is_empty();
    if view.is_root() || have.is_null() || nothing || unknown {
        return false;
    }
    // What is only written otherwise in the file was not changed by anybody else: it is to be written.
    let drifted = |edit: &Changed| {
        let field = field_of(&edit.place);
        let mut drifted = drift.changed.iter();
        drifted.any(|drifted| sending::sent_as(&drifted.place) == field)
    };
    if !edits.changed.iter().all(drifted) {
        return false;
    }
    let comparison = document.compare(have);
    let edited = |field: &str| {
        let mut edited = edits.changed.iter();
        edited.any(|changed| field_of(&changed.place) == field)
    };
    let shown = !comparison.unreadable.iter().any(|field| edited(field));
    let gone = |field: &String| have.get(field).is_none_or(is_unset);
    let named = |changed: &Changed| {
        let field = sending::sent_as(&changed.place);
        document.body.get(&field).is_some() || edits.taken_out.contains(&field)
    };
    comparison.differences.is_empty()
        && comparison.not_compared.is_empty()
        && shown
        && edits.taken_out.iter().all(gone)
        && drift.changed.iter().all(named)
}

/// As a field is that nobody has set.
fn is_unset(value: &Value) -> bool {
    is_untouched(&Body::from(value.clone()))
}

/// Whether all that differs is what no write could mend: it is not written again in each run.
fn only_cannot(edits: &Edits, drift: &Drift, found: &Found) -> bool {
    let cannot = |changed: &Changed| {
        let field = field_of(&changed.place);
        found.findings.iter().any(
            |finding| matches!(finding, DocumentFinding::CannotReset(_, name) if *name == field),
        )
    };
    edits.changed.iter().chain(&drift.changed).all(cannot)
}

/// The same where what the server has was not looked at.
pub(super) fn edited(view: &View<'_>, document: &Document, known: &Remembered) -> Option<Found> {
    let key = view.memory.key();
    let edits = edits_of(document, known, key.as_deref());
    if edits.changed.is_empty() {
        return None;
    }
    let why = reasons(view, document, &Value::Null, (&edits, &Drift::default()));
    Some(Found {
        why,
        not_compared: edits.unknown,
        ..Found::default()
    })
}

/// A write that is done once: what was sent is compared, and what it has made is not looked at.
pub(super) async fn done_once(
    view: &View<'_>,
    document: &Document,
    known: Option<&Remembered>,
) -> Result<State, Failure> {
    if document.hands_out {
        return Box::pin(hand_out::state(view, document, known)).await;
    }
    let Some(known) = known else {
        let begun = view.memory.is_begun(&document.path);
        let asked = view.again.contains(&document.path);
        let there = create_once::is_there(view, document).await?;
        let gone = view.memory.is_gone(&document.path);
        let lost = !begun && !gone && view.is_named(&document.path);
        if there.is_none() && lost && !asked {
            // What was remembered is not here, and nothing tells whether it was done.
            return Ok(State::present(Found {
                findings: vec![DocumentFinding::PerhapsDone(document.path.clone())],
                unread: true,
                ..Found::default()
            }));
        }
        return Ok(match there {
            Some(true) => State::present(Found {
                learnt: Some(record::of(view.memory, document, (&document.body, None))),
                by_meaning: true,
                unread: true,
                ..Found::default()
            }),
            // Sent once more it may be a second one.
            None if begun && !asked => return Err(may_be_done(view, &document.path)),
            Some(false) | None => State::Absent,
        });
    };
    let again = view.again.contains(&document.path);
    let Some(found) = edited(view, document, known) else {
        return Ok(State::present(Found {
            why: again.then_some(Change::Again).into_iter().collect(),
            unread: true,
            ..Found::default()
        }));
    };
    if again {
        return Ok(State::present(found));
    }
    Ok(State::present(Found {
        findings: vec![DocumentFinding::DoneOnce(document.path.clone())],
        unread: true,
        ..Found::default()
    }))
}

/// A run was killed while it wrote what is written once, and nothing tells whether it arrived.
fn may_be_done(view: &View<'_>, path: &str) -> Failure {
    let again = ShellCommand::new("apply --again").with(path);
    let text = format!(
        "{path} is written once, and a run was killed while it was sent: it may have arrived, and a second write makes a \
         second one"
    );
    Failure::refused(Code::DoneOnce, text).advise(format!(
        "look for it on the server; if it is there, take it out of the file, where it stays; if not: {}",
        view.config.command(again)
    ))
}

/// A value that was a reference and is none any more, or the other way round, is remembered as it is now.
fn learnt(
    view: &View<'_>,
    document: &Document,
    (known, have): (&Remembered, &Value),
) -> Option<memory::Record> {
    let now = record::of(view.memory, document, (&document.body, Some(have)));
    let readable = known.made.is_none() && now.remembered.made.is_some();
    let otherwise = known.sent != now.remembered.sent;
    (readable || otherwise).then_some(now)
}

/// What differs, one thing a place: where the meaning differs too, with what the server has and what the file says.
fn reasons(
    view: &View<'_>,
    document: &Document,
    have: &Value,
    (edits, drift): (&Edits, &Drift),
) -> Vec<Change> {
    let all = || edits.changed.iter().chain(&drift.changed);
    if all().next().is_none() {
        return Vec::new();
    }
    let fields: BTreeSet<String> = all().map(|changed| field_of(&changed.place)).collect();
    let differences = document.compare(have).differences;
    let meant: Vec<_> = differences
        .iter()
        .filter(|difference| fields.contains(&field_of(&difference.field)))
        .collect();
    let mut said: BTreeSet<&str> = meant.iter().map(|one| one.field.as_str()).collect();
    let mut why: Vec<Change> = meant
        .iter()
        .map(|difference| by_meaning::change(view, document, have, difference))
        .collect();
    let hidden = |place: &str| was_reference(&view.diary.references, &document.path, place);
    for changed in &edits.changed {
        if said.insert(&changed.place) {
            why.push(edit(changed, document.kind.exact || hidden(&changed.place)));
        }
    }
    for changed in &drift.changed {
        if said.insert(&changed.place) {
            let hide = !document.kind.plain || hidden(&changed.place);
            why.push(drifted(document, changed, hide));
        }
    }
    why
}

fn edit(changed: &Changed, hidden: bool) -> Change {
    let field = changed.place.clone();
    match (&changed.then, &changed.now) {
        (_, Some(_)) if hidden => Change::SecretEdited { field },
        (Some(Shown::Plain(sent)), Some(Shown::Plain(want))) => Change::Edited {
            field,
            sent: shown(sent),
            want: shown(want),
        },
        (None, Some(Shown::Plain(want))) => Change::Added {
            field,
            want: shown(want),
        },
        (_, None) => Change::TakenOut {
            widens: widens(&field_of(&field)),
            field,
        },
        _ => Change::SecretEdited { field },
    }
}

fn drifted(document: &Document, changed: &Changed, hidden: bool) -> Change {
    let field = changed.place.clone();
    // Of a kind that nobody has watched.
    let may_move = document.kind.writing == Writing::NotKnown;
    let plain = |value: &Option<Shown>| match value {
        None => Some("not set".to_owned()),
        Some(Shown::Plain(value)) => Some(shown(value)),
        Some(Shown::Hidden) => None,
    };
    match (plain(&changed.then), plain(&changed.now)) {
        (Some(then), Some(have)) if !hidden => Change::Drifted {
            field,
            then,
            have,
            may_move,
        },
        _ => Change::HiddenDrift { field, may_move },
    }
}
