//! Secrets that the server makes for an entry of `writes`, and that go only where its `hand_out` says, once.
//!
//! That it was asked for stands in the memory before it is asked for, and where the secret goes before it is there: a run that
//! is killed in between never leads to a second secret that nobody has asked for.

use crate::code::Code;
use crate::config::{Config, HandOut, Write};
use crate::desired::document::{Document, Pending};
use crate::desired::record;
use crate::desired::state::{Found, State};
use crate::desired::view::View;
use crate::edge::receivers;
use crate::failure::Failure;
use crate::finding::{Change, DocumentFinding};
use crate::memory::leaf::leaves;
use crate::memory::{self, Memory, Remembered};
use crate::session::Session;
use crate::shell::ShellCommand;

/// The entry of a document whose answer is handed out.
pub(super) fn entry<'c>(
    session: &Session<'c>,
    document: &Document,
) -> Result<(&'c Write, &'c HandOut), Failure> {
    let mut writes = session.config.writes.iter();
    let found = writes.find(|write| write.path == document.path);
    found
        .and_then(|write| Some((write, write.hand_out.as_ref()?)))
        .ok_or_else(|| {
            let text = format!(
                "{} is no entry of writes that hands something out",
                document.path
            );
            Failure::failed(Code::Unexpected, text)
        })
}

/// Where it goes, as the memory keeps that: wherever the file is read from.
pub(super) fn place(config: &Config, to: &HandOut) -> String {
    let (text, directory) = (to.to_string(), config.directory.display());
    let inside = text.strip_prefix(&format!("{directory}/"));
    inside.unwrap_or(&text).to_owned()
}

/// Why a document is to be written, with what is handed out by that.
pub(super) fn with_it(view: &View<'_>, document: &Document, mut why: Vec<Change>) -> Vec<Change> {
    if document.hands_out
        && let Ok((write, _)) = entry(view, document)
        && let Some((what, to)) = write.handed_out()
    {
        why.push(Change::HandsOut { what, to });
    }
    why
}

/// Whether it was handed out. What is to be handed out finds its place free.
pub(super) async fn state(
    view: &View<'_>,
    document: &Document,
    known: Option<&Remembered>,
) -> Result<State, Failure> {
    let (write, to) = entry(view, document)?;
    let path = &document.path;
    if view.again.contains(path) {
        receivers::free(view.config, write, to).await?;
        return Ok(match known {
            None => State::Absent,
            Some(_) => State::present(Found {
                why: vec![Change::Again],
                unread: true,
                ..Found::default()
            }),
        });
    }
    let done = |findings| {
        State::present(Found {
            findings,
            unread: true,
            ..Found::default()
        })
    };
    if view.memory.is_sending(path) {
        return match there(view, (write, to)).await {
            Ok(There::Given) => Ok(State::present(Found {
                learnt: Some(record::of(view.memory, document, (&document.body, None))),
                unread: true,
                ..Found::default()
            })),
            there => Err(perhaps_made(view, (write, to), there)),
        };
    }
    let Some(known) = known else {
        if view.is_named(path) && !view.memory.is_gone(path) {
            // What was remembered is not here.
            let to = to.to_string();
            return Ok(done(vec![DocumentFinding::PerhapsHandedOut(
                path.clone(),
                to,
            )]));
        }
        receivers::free(view.config, write, to).await?;
        return Ok(State::Absent);
    };
    let mut findings = Vec::new();
    let (file, key) = (leaves(&document.body), view.memory.key());
    let edits = memory::edits(path, &known.sent, &file, key.as_deref());
    if !edits.changed.is_empty() {
        findings.push(DocumentFinding::DoneOnce(path.clone()));
    }
    let now = place(view.config, to);
    match view.memory.handed_out_to(path) {
        None => findings.push(DocumentFinding::NotHandedOut(path.clone(), now)),
        Some(then) if then != now => {
            findings.push(DocumentFinding::HandedOutElsewhere(path.clone(), then, now));
        }
        Some(_) => {}
    }
    Ok(done(findings))
}

/// What is where the secret of a killed run was to go.
enum There {
    Nothing,
    /// What it had made, whole.
    Given,
    /// Something of which nobody knows that.
    Unknown,
}

async fn there(view: &View<'_>, (write, to): (&Write, &HandOut)) -> Result<There, Failure> {
    let receiver = receivers::opened(view.config, write, to).await?;
    let of = |error| receivers::of(&write.path, error);
    if !receiver.is_taken().await.map_err(of)? {
        return Ok(There::Nothing);
    }
    if view.memory.handed_out_to(&write.path) != Some(place(view.config, to)) {
        return Ok(There::Unknown);
    }
    let found = receiver.found().await.map_err(of)?;
    let given = found.is_some_and(|found| view.memory.was_handed_out(&write.path, found));
    Ok(if given { There::Given } else { There::Unknown })
}

/// A run was killed between the request and the end of the handing out.
fn perhaps_made(
    session: &Session<'_>,
    (write, to): (&Write, &HandOut),
    there: Result<There, Failure>,
) -> Failure {
    let path = &write.path;
    let (seen, away) = match there {
        Err(why) => (
            format!("whether it is at {to} cannot be seen ({why})"),
            None,
        ),
        Ok(There::Nothing) => (format!("nothing is at {to}"), None),
        Ok(_) => {
            let seen = format!("what is at {to} is not known to be it");
            (seen, Some(to))
        }
    };
    let text = format!(
        "a secret of {path} was asked for, and that run did not come to its end: the server may have made one that \
         nobody has, and {seen}"
    );
    Failure::refused(Code::HandOutLost, text).advise(make_another(session, path, (None, away)))
}

/// What is to be done about a secret that nobody has; with what it is called at the server, and what is in its place.
pub(super) fn make_another(
    session: &Session<'_>,
    path: &str,
    (called, away): (Option<&str>, Option<&HandOut>),
) -> String {
    let again = ShellCommand::new("apply --again").with(path);
    let again = session.config.command(again);
    let called = called.unwrap_or("the audit log has the request");
    let away = away.map_or_else(String::new, |to| format!(", move away what is at {to}"));
    format!(
        "revoke or destroy at the server what was made there ({called}){away}; then make another one: {again}"
    )
}

/// Notes, durably, that these are about to be asked for: what a replica is told of before anything is sent.
pub(crate) fn note(memory: &Memory, pending: &[Pending]) -> Result<(), Failure> {
    let out = pending.iter().filter(|one| one.document.hands_out);
    let paths = out.map(|one| (one.document.path.as_str(), true));
    Ok(memory.begin(paths)?)
}
