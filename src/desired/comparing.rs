//! The documents of a step, read and compared.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::desired::document::{Document, Pending, Read, WriteOnly};
use crate::desired::listing::Listing;
use crate::desired::observation::{Learned, Observation};
use crate::desired::step_digest::StepDigest;
use crate::desired::view::{CONCURRENCY, View, digest_key};
use crate::desired::write_only_fields::{new_references, secrets_of, was_reference, write_only};
use crate::evidence::facts::{DOCUMENTS, Evidence, NOT_RECHECKED};
use crate::failure::Failure;
use crate::finding::{Change, Detail};
use crate::secret::Token;
use crate::session::Session;
use crate::step::decide::{Recorded, Seen};
use crate::vault;

/// What was found for all documents of a step.
#[derive(Debug, Default)]
pub struct Comparison {
    /// To be written.
    pub pending: Vec<Pending>,
    /// Equal, by path.
    pub equal: Vec<String>,
    /// Not to be seen from here, by path.
    pub unseen: Vec<String>,
    /// Fields whose value is not here any more, by the path of their document.
    pub not_compared: Vec<(String, Vec<String>)>,
    /// What is to be remembered of the comparison.
    pub learned: Learned,
}

/// State of one document.
enum State {
    Unseen,
    Absent,
    /// What differs, if anything, and what of it only a digest can compare.
    Present {
        why: Vec<Change>,
        write_only: Vec<WriteOnly>,
        not_compared: Vec<String>,
    },
}

impl State {
    /// It is there as `have`.
    fn of(document: &Document, have: &Value, references: &BTreeSet<String>) -> Self {
        let comparison = document.compare(have);
        let why = comparison.differences.iter().map(|difference| {
            let secret = was_reference(references, &document.path, &difference.field);
            let field = difference.field.clone();
            if secret {
                return Change::SecretDiffers { field };
            }
            if let Some((have, want)) = document.policy_texts(have) {
                return Change::PolicyDiffers { have, want };
            }
            Change::Differs {
                field,
                have: difference.have.clone(),
                want: difference.want.clone(),
            }
        });
        let why = why.collect();
        let write_only = write_only(document, have, &comparison);
        let not_compared = if have.is_null() && document.body.holds_unknown() {
            document.body.secret_places()
        } else {
            comparison.not_compared
        };
        Self::Present {
            why,
            write_only,
            not_compared,
        }
    }
}

impl Comparison {
    /// As the observation of a step.
    pub fn into_observation(self) -> Observation {
        let mut evidence = Evidence::default().with(DOCUMENTS, &self.equal);
        let not_compared = self.not_compared.into_iter();
        let not_here = not_compared.map(|(path, fields)| Detail::SecretNotHere { path, fields });
        let not_here: Vec<_> = not_here.collect();
        let said = not_here.iter().map(ToString::to_string);
        let apart: Vec<_> = self.unseen.iter().cloned().chain(said).collect();
        if !apart.is_empty() {
            evidence.set(NOT_RECHECKED, &apart);
        }
        let seen = match (
            self.pending.is_empty(),
            self.equal.is_empty(),
            !apart.is_empty(),
        ) {
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
        details.extend(not_here);
        Observation {
            seen,
            evidence,
            details,
            pending: self.pending,
            learned: self.learned,
            ..Observation::absent()
        }
    }
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
    let digest = StepDigest::of(view, &documents);
    let remembered = async {
        match &digest {
            Some(digest) => digest.is_remembered(view).await,
            None => Ok(true),
        }
    };
    // The digest is computed while the server works.
    let (states, remembered) = futures::join!(states_of(view, documents, listing), remembered);
    let (mut states, remembered) = (states?, remembered?);
    recall(view, &mut states, remembered).await?;
    for (document, state) in states {
        comparison.add(document, state);
    }
    let settled = comparison.pending.is_empty()
        && comparison.unseen.is_empty()
        && comparison.not_compared.is_empty();
    if let Some(digest) = digest.filter(|_| settled && !remembered) {
        comparison.learned.digests.extend(digest.made().await?);
    }
    Ok(comparison)
}

impl Comparison {
    fn add(&mut self, document: Document, state: State) {
        match state {
            State::Unseen => self.unseen.push(document.path),
            State::Absent => self.pending.push(Pending {
                remember: secrets_of(&document.body),
                why: vec![Change::Create],
                document,
            }),
            State::Present {
                why, not_compared, ..
            } if why.is_empty() => {
                if not_compared.is_empty() {
                    self.equal.push(document.path);
                } else {
                    self.not_compared.push((document.path, not_compared));
                }
            }
            State::Present {
                why, write_only, ..
            } => self.pending.push(Pending {
                remember: write_only,
                why,
                document,
            }),
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
            let state = if listing.lacks(&document.path) {
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
    match read(view, view.token()?, document).await {
        Ok(Some(have)) => Ok(State::of(document, &have, &view.diary.references)),
        Ok(None) => Ok(State::Absent),
        Err(error) if error.is_forbidden() => Ok(State::Unseen),
        Err(error) => Err(error.into()),
    }
}

/// Compares what is write_only with what is remembered: value by value, or, where all step_digest is the same, only
/// whether each has a digest at all.
async fn recall(
    view: &View<'_>,
    states: &mut [(Document, State)],
    all_the_same: bool,
) -> Result<(), Failure> {
    let present = states
        .iter_mut()
        .filter_map(|(document, state)| match state {
            State::Present {
                why, write_only, ..
            } => Some((&document.path, why, &*write_only)),
            State::Unseen | State::Absent => None,
        });
    stream::iter(present.map(Ok))
        .try_for_each_concurrent(CONCURRENCY, |(path, why, write_only)| async move {
            for WriteOnly { name, what, value } in write_only {
                let key = digest_key(path, name);
                let known = view.diary.digests.contains_key(&key);
                if !known || !(all_the_same || view.remembers(&key, value).await?) {
                    why.push(Change::NotRemembered { what: what.clone() });
                }
            }
            Ok(())
        })
        .await
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
    let client = session.client();
    match client.read(Some(token), &document.path).await {
        // No read operation on this path: only a digest tells whether it was written.
        Err(error) if error.status() == Some(405) => Ok(Some(Value::Null)),
        // A mount that is not there yet: its tuning and roles come with it.
        Err(error) if error.status() == Some(400) && matches!(document.read, Read::Tune) => {
            Ok(None)
        }
        have => have,
    }
}
