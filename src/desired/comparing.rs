//! The documents of a step, read and compared.

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::desired::by_meaning;
use crate::desired::document::{Document, Pending, Read};
use crate::desired::hand_out;
use crate::desired::listing::Listing;
use crate::desired::observation::{Learned, Observation};
use crate::desired::references::new_references;
use crate::desired::remembered;
use crate::desired::state::{Found, State};
use crate::desired::view::{CONCURRENCY, View};
use crate::evidence::facts::{
    BY_MEANING, DOCUMENTS, Evidence, INITIAL, NOT_READ_BACK, NOT_RECHECKED, NOT_SHOWN,
};
use crate::failure::Failure;
use crate::finding::{Change, Detail, DocumentFinding, Finding};
use crate::secret::Token;
use crate::session::Session;
use crate::step::decide::{Recorded, Seen};
use crate::vault;
use crate::vault::plugins;

/// So many documents are named in a sentence.
const NAMED: usize = 20;

/// What was found for all documents of a step.
#[derive(Debug, Default)]
pub struct Comparison {
    /// To be written.
    pub pending: Vec<Pending>,
    /// Equal, by path.
    pub equal: Vec<String>,
    /// Not to be seen from here, by path.
    pub unseen: Vec<String>,
    /// Sent as the file says, by path: the server does not give them back.
    pub unread: Vec<String>,
    /// Not to be seen from here since it holds secrets, by path.
    /// With each, whether the file asks for it to be compared all the same.
    pub secrets: Vec<(String, bool)>,
    /// Fields whose value is not here any more, by the path of their document.
    pub not_compared: Vec<(String, Vec<String>)>,
    /// Equal as far as the server shows it, by path, with the fields that it does not show.
    pub not_shown: Vec<(String, Vec<String>)>,
    /// First values that are others' by now, by path: not looked at.
    pub initial: Vec<String>,
    /// Compared by their meaning, by path: nothing was remembered of them, or the server and then the file were changed.
    pub by_meaning: Vec<String>,
    /// What does not hold, and no write could mend.
    pub findings: Vec<Finding>,
    /// What is to be remembered of the comparison.
    pub learned: Learned,
}

impl Comparison {
    /// As the observation of a step.
    pub fn into_observation(self) -> Observation {
        let mut evidence = Evidence::default().with(DOCUMENTS, &self.equal);
        let not_compared = self.not_compared.into_iter();
        let not_here = not_compared.map(|(path, fields)| Detail::NotCompared { path, fields });
        let not_here: Vec<_> = not_here.collect();
        let said = not_here.iter().map(ToString::to_string);
        let secrets = self.secrets.iter().map(|(path, _)| path);
        let unread = self.unseen.iter().chain(secrets).cloned();
        let apart: Vec<_> = unread.chain(said).collect();
        if !apart.is_empty() {
            evidence.set(NOT_RECHECKED, &apart);
        }
        if !self.unread.is_empty() {
            evidence.set(NOT_READ_BACK, &self.unread);
        }
        let hidden = self.not_shown.iter();
        let hidden = hidden.map(|(path, fields)| format!("{path} ({})", fields.join(", ")));
        let hidden: Vec<_> = hidden.chain(self.unread.iter().cloned()).collect();
        if !hidden.is_empty() {
            evidence.set(NOT_SHOWN, &hidden);
        }
        if !self.initial.is_empty() {
            evidence.set(INITIAL, &self.initial);
        }
        if !self.by_meaning.is_empty() {
            evidence.set(BY_MEANING, &self.by_meaning);
        }
        let of_file = [&self.equal, &self.initial, &self.unread];
        let nothing = of_file.iter().all(|paths| paths.is_empty());
        let seen = match (self.pending.is_empty(), nothing, !apart.is_empty()) {
            (false, true, _) => Seen::Absent,
            (false, false, _) => Seen::Partial,
            // One that could not be seen is enough: the whole is not known to be as in the file.
            (true, _, true) => Seen::Unknown,
            (true, ..) => Seen::Present,
        };
        let changes = self.pending.iter().flat_map(|pending| {
            let path = &pending.document.path;
            pending.why.iter().map(|change| Detail::Document {
                path: path.clone(),
                change: change.clone(),
            })
        });
        let mut details: Vec<Detail> = changes.collect();
        // Beside what differs too: it is not known to be as in the file.
        let paths = self.unseen;
        details.extend((!paths.is_empty()).then_some(Detail::MayNotRead { paths }));
        let (managed, others): (Vec<_>, Vec<_>) =
            self.secrets.into_iter().partition(|(_, managed)| *managed);
        for (paths, managed) in [(managed, true), (others, false)] {
            let paths: Vec<_> = paths.into_iter().map(|(path, _)| path).collect();
            let unread = Detail::SecretsUnread { paths, managed };
            details.extend(
                matches!(&unread, Detail::SecretsUnread { paths, .. } if !paths.is_empty())
                    .then_some(unread),
            );
        }
        details.extend(not_here);
        Observation {
            seen,
            evidence,
            details,
            pending: self.pending,
            findings: self.findings,
            unmanaged: Vec::new(),
            learned: self.learned,
        }
    }
}

/// What was not compared as it is, in a sentence each.
pub(crate) fn how_it_was_compared(evidence: &Evidence) -> Vec<String> {
    let said = [
        (INITIAL, "a first value, not looked at any more"),
        (
            NOT_SHOWN,
            "sent as the file says; no server shows whether it still is",
        ),
        (BY_MEANING, "compared by its meaning, and remembered so"),
    ];
    let texts = said.into_iter().filter_map(|(fact, words)| {
        let paths: Vec<String> = evidence.get(fact)?;
        let more = paths.len().saturating_sub(NAMED);
        let named = paths[..paths.len() - more].join(", ");
        let more = (more > 0).then(|| format!(" and {more} more"));
        Some(format!("{words}: {named}{}", more.unwrap_or_default()))
    });
    texts.collect()
}

/// Reads all documents and compares them. Changes nothing. An answer other than the document, 403, 404 or
/// 405, or 400 for the tuning of a mount, is an error.
pub(crate) async fn observe(
    view: &View<'_>,
    documents: Vec<Document>,
) -> Result<Comparison, Failure> {
    observe_beside(view, documents, &Listing::default()).await
}

/// As [`observe`], for a collection of documents: until its step was done once, it is listed first, and
/// only what is there is read.
pub(crate) async fn observe_collection(
    view: &View<'_>,
    documents: Vec<Document>,
) -> Result<Observation, Failure> {
    let listing = if view.diary.recorded(view.step) == Recorded::Done {
        Listing::default()
    } else {
        Listing::take(view, &documents).await?
    };
    let comparison = observe_beside(view, documents, &listing).await?;
    Ok(comparison.into_observation())
}

async fn observe_beside(
    view: &View<'_>,
    documents: Vec<Document>,
    listing: &Listing,
) -> Result<Comparison, Failure> {
    let mut comparison = Comparison::default();
    comparison.learned.references = new_references(view, &documents);
    for (document, state) in states_of(view, documents, listing).await? {
        let known = view.memory.of(&document.path).is_some();
        if matches!(state, State::Unseen) && !known && view.memory.knows_something() {
            let new = DocumentFinding::NewUnseen(document.path.clone());
            comparison.findings.push(new.into());
        }
        comparison.add(view, document, state);
    }
    Ok(comparison)
}

impl Comparison {
    fn add(&mut self, view: &View<'_>, document: Document, state: State) {
        match state {
            State::Unseen if !document.kind.plain => {
                self.secrets.push((document.path, document.kind.exact));
            }
            State::Unseen => self.unseen.push(document.path),
            State::Initial => self.initial.push(document.path),
            State::Absent => self.pending.push(Pending {
                why: hand_out::with_it(view, &document, vec![Change::Create]),
                send: None,
                reset: Vec::new(),
                document,
            }),
            State::Present(found) => self.present(view, document, *found),
        }
    }

    fn present(&mut self, view: &View<'_>, document: Document, found: Found) {
        let findings = found.findings.into_iter();
        self.findings.extend(findings.map(Finding::from));
        self.learned.records.extend(found.learnt);
        if found.by_meaning {
            self.by_meaning.push(document.path.clone());
        }
        if !found.why.is_empty() {
            self.pending.push(Pending {
                why: hand_out::with_it(view, &document, found.why),
                document,
                send: found.send,
                reset: found.reset,
            });
        } else if found.not_compared.is_empty() {
            if !found.not_shown.is_empty() {
                let hidden = (document.path.clone(), found.not_shown);
                self.not_shown.push(hidden);
            }
            let seen = if found.unread {
                &mut self.unread
            } else {
                &mut self.equal
            };
            seen.push(document.path);
        } else {
            self.not_compared.push((document.path, found.not_compared));
        }
    }
}

/// The states of all documents, in the order of the file.
async fn states_of(
    view: &View<'_>,
    documents: Vec<Document>,
    listing: &Listing,
) -> Result<Vec<(Document, State)>, Failure> {
    // As they come: one slow answer holds up no other.
    let mut states: Vec<_> = stream::iter(documents.into_iter().enumerate())
        .map(|(place, document)| async move {
            let state = if !document.is_read() {
                state_of(view, &document).await?
            } else if listing.lacks(&document.path) {
                State::Absent
            } else {
                state_of(view, &document).await?
            };
            Ok::<_, Failure>((place, (document, state)))
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;
    states.sort_by_key(|(place, _)| *place);
    Ok(states.into_iter().map(|(_, state)| state).collect())
}

async fn state_of(view: &View<'_>, document: &Document) -> Result<State, Failure> {
    if matches!(document.read, Read::Denied) {
        return Ok(State::Unseen);
    }
    let known = view.memory.of(&document.path);
    if document.kind.initial && !view.is_root() {
        let Some(known) = known else {
            return first_value(view, document).await;
        };
        // What is there by now is the affair of those who use it; only the file is compared.
        let edits = remembered::edited(view, document, &known);
        return Ok(edits.map_or(State::Initial, State::present));
    }
    if document.kind.once {
        return remembered::done_once(view, document, known.as_deref()).await;
    }
    match (read(view, view.token()?, document).await, known) {
        (Ok(Some(have)), Some(known)) => Ok(remembered::state(view, document, (&known, &have))),
        (Ok(Some(have)), None) => Ok(by_meaning::state(view, document, &have)),
        // It could not be read right after it was written either.
        (Ok(None), Some(known)) if known.made.is_none() => {
            Ok(remembered::state(view, document, (&known, &Value::Null)))
        }
        (Ok(None), _) => Ok(State::Absent),
        // That the file says something else than was sent is known without looking.
        (Err(error), Some(known)) if error.is_forbidden() => {
            let edits = remembered::edited(view, document, &known);
            Ok(edits.map_or(State::Unseen, State::present))
        }
        (Err(error), None) if error.is_forbidden() => Ok(State::Unseen),
        // Some paths say so while nothing is there yet, in words of their own; what is written there is refused or not.
        (Err(error), None) if error.status() == Some(400) => Ok(State::Absent),
        // So it was right after it was written.
        (Err(error), Some(known)) if error.status() == Some(400) && known.made.is_none() => {
            Ok(remembered::state(view, document, (&known, &Value::Null)))
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// Of a first value that was not written from here: one that is new in the file is still to be given.
async fn first_value(view: &View<'_>, document: &Document) -> Result<State, Failure> {
    if !view.memory.knows_something() {
        return Ok(State::Initial);
    }
    match read(view, view.token()?, document).await {
        Ok(None) => Ok(State::Absent),
        Ok(Some(_)) => Ok(State::Initial),
        Err(error) if error.is_forbidden() => Ok(State::Unseen),
        // Its mount comes before it.
        Err(error) if error.status() == Some(400) => Ok(State::Absent),
        Err(error) => Err(error.into()),
    }
}

/// What the server has of a document: `None` where there is none, `Null` where it cannot be read.
pub(super) async fn read(
    session: &Session<'_>,
    token: &Token,
    document: &Document,
) -> Result<Option<Value>, vault::Error> {
    if let Read::Known(have) = &document.read {
        return Ok(have.clone());
    }
    if document.kind.unreadable || document.kind.once {
        return Ok(Some(Value::Null));
    }
    let client = session.client();
    let read = match &document.read {
        Read::Catalogue(version) => plugins::read(&client, token, (&document.path, version)).await,
        _ => client.read(Some(token), document.read_at()).await,
    };
    match read {
        // No read operation on this path: only what is remembered tells whether it was written.
        Err(error) if error.status() == Some(405) => Ok(Some(Value::Null)),
        // A mount that is not there yet: its tuning and roles come with it.
        Err(error) if error.status() == Some(400) && matches!(document.read, Read::Tune) => {
            Ok(None)
        }
        // Some paths say so while nothing is there yet (both products, measured).
        Err(error) if is_not_set_yet(&error) => Ok(None),
        have => have,
    }
}

/// A path that has no answer until something is written there: 400 or 500, with words of its engine.
fn is_not_set_yet(error: &vault::Error) -> bool {
    const WORDS: [&str; 11] = [
        "no such crl",
        "empty config entry",
        "could not find",
        "haven't been configured",
        "not configured",
        "no default issuer",
        "not found",
        "does not exist",
        "no configuration",
        "unable to find",
        "configuration not set",
    ];
    let said = |text: &String| {
        let text = text.to_lowercase();
        WORDS.iter().any(|words| text.contains(words))
    };
    matches!(error.status(), Some(400 | 500)) && error.messages().iter().any(said)
}
