//! What the file wants of the server, compared with what is there: the common ground of the steps that
//! configure.
//!
//! A step lists its documents; [`observe`] reads them with bounded concurrency and says which differ;
//! [`apply`] writes those and nothing else, so a second run sends no write.

mod hidden;
mod once;
mod together;
mod writing;

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::ceremony::Ceremony;
use super::decide::{Recorded, Seen};
use super::evidence::Evidence;
use super::listing::Listing;
use super::step::{Observation, Step};
use crate::failure::Failure;
use crate::secret::Token;
use crate::vault::{self, Body, compare};

pub use hidden::Hidden;
use hidden::{hidden, record_references, secrets_of, was_reference};
use together::Together;
pub use writing::{apply, write_pending};

/// Requests in flight inside one step. Measured: more does not make a three-node raft faster.
pub const CONCURRENCY: usize = 16;

/// One document of the server's API: where it is written and read, and what it shall say.
#[derive(Debug)]
pub struct Document {
    /// How it is called in reports: its API path.
    pub path: String,
    /// The whole body of the write.
    pub body: Body,
    /// How its present state is read.
    pub read: Read,
    /// Its fields are known to this program, and so is that the server gives the plain ones back.
    pub known: bool,
}

/// How the present state of a document is read.
#[derive(Debug)]
pub enum Read {
    /// By `GET` of the same path.
    SamePath,
    /// Already read with the listing of its step; `None` where there is none.
    Known(Option<Value>),
    /// A policy: its text is compared byte by byte.
    Policy,
    /// Tuning of a mount: effective values are compared.
    Tune,
}

/// A document that has to be written, and why, without any secret.
#[derive(Debug)]
pub struct Pending {
    /// The document.
    pub document: Document,
    /// `create`, or what differs.
    pub why: Vec<String>,
    /// What the server does not give back, to be remembered as digests once written.
    pub remember: Vec<Hidden>,
}

/// What was found for all documents of a step.
#[derive(Debug, Default)]
pub struct Comparison {
    /// To be written.
    pub pending: Vec<Pending>,
    /// Equal, by path.
    pub equal: Vec<String>,
    /// Not to be seen from here, by path.
    pub unseen: Vec<String>,
    /// Fields whose value is not here any more, each with its path in words.
    pub not_compared: Vec<String>,
}

/// State of one document.
enum State {
    Unseen,
    Absent,
    /// What differs, if anything, and what of it only a digest can compare.
    Present {
        why: Vec<String>,
        hidden: Vec<Hidden>,
        not_compared: Vec<String>,
    },
}

impl State {
    /// It is there as `have`.
    fn of(document: &Document, have: &Value, references: &BTreeSet<String>) -> Self {
        let comparison = document.compare(have);
        let why = comparison.differences.iter().map(|difference| {
            if was_reference(references, &document.path, &difference.field) {
                format!("{} differs (a secret, not shown)", difference.field)
            } else {
                difference.to_string()
            }
        });
        let why = why.collect();
        let hidden = hidden(document, have, &comparison);
        let not_compared = if have.is_null() && document.body.holds_unknown() {
            document.body.secret_places()
        } else {
            comparison.not_compared
        };
        Self::Present {
            why,
            hidden,
            not_compared,
        }
    }
}

impl Comparison {
    /// As the observation of a step.
    #[must_use]
    pub fn into_observation(self) -> Observation {
        let evidence = Evidence::default().with("documents", &self.equal);
        let apart = [&self.unseen[..], &self.not_compared[..]].concat();
        let evidence = if apart.is_empty() {
            evidence
        } else {
            evidence.with("not_rechecked", &apart)
        };
        let details = self.pending.iter().flat_map(|pending| {
            pending
                .why
                .iter()
                .map(|why| format!("{}: {why}", pending.document.path))
        });
        let seen = match (
            self.pending.is_empty(),
            self.equal.is_empty(),
            apart.is_empty(),
        ) {
            (false, true, _) => Seen::Absent,
            (false, false, _) => Seen::Partial,
            // One that could not be seen is enough: the whole is not known to be as in the file.
            (true, _, false) => Seen::Unknown,
            (true, ..) => Seen::Present,
        };
        let mut details: Vec<String> = details.collect();
        if seen == Seen::Unknown {
            details.extend((!self.unseen.is_empty()).then(|| may_not_read(&self.unseen)));
            details.extend(self.not_compared);
        }
        Observation {
            seen,
            evidence,
            details,
            pending: self.pending,
        }
    }
}

/// Why documents could not be looked at: the first by name, however many there are.
fn may_not_read(unseen: &[String]) -> String {
    let first = unseen.first().map_or("", String::as_str);
    match unseen.len() {
        0 | 1 => format!("this login may not read {first}"),
        many => format!("this login may not read {first} and {} more", many - 1),
    }
}

/// Reads all documents and compares them. Changes nothing.
///
/// # Errors
/// The server does not answer, or answers other than with the document, 404 or 403.
pub async fn observe(
    ceremony: &Ceremony<'_>,
    documents: Vec<Document>,
) -> Result<Comparison, Failure> {
    observe_beside(ceremony, documents, &Listing::default()).await
}

/// As [`observe`], for a collection of documents: until its step was done once, it is listed first, and
/// only what is there is read.
///
/// # Errors
/// As [`observe`].
pub async fn observe_collection(
    ceremony: &Ceremony<'_>,
    step: Step,
    documents: Vec<Document>,
) -> Result<Comparison, Failure> {
    let listing = if ceremony.diary().diary().recorded(step) == Recorded::Done {
        Listing::default()
    } else {
        Listing::take(ceremony, &documents).await?
    };
    observe_beside(ceremony, documents, &listing).await
}

async fn observe_beside(
    ceremony: &Ceremony<'_>,
    documents: Vec<Document>,
    listing: &Listing,
) -> Result<Comparison, Failure> {
    record_references(ceremony, &documents)?;
    let together = Together::of(ceremony, &documents);
    let remembered = async {
        match &together {
            Some(together) => together.is_remembered(ceremony).await,
            None => Ok(true),
        }
    };
    // The digest is computed while the server works.
    let (states, remembered) = futures::join!(states_of(ceremony, documents, listing), remembered);
    let (mut states, remembered) = (states?, remembered?);
    recall(ceremony, &mut states, remembered).await?;
    let mut comparison = Comparison::default();
    for (document, state) in states {
        match state {
            State::Unseen => comparison.unseen.push(document.path),
            State::Absent => comparison.pending.push(Pending {
                remember: secrets_of(&document.body),
                why: vec!["create".into()],
                document,
            }),
            State::Present {
                why, not_compared, ..
            } if why.is_empty() => {
                if not_compared.is_empty() {
                    comparison.equal.push(document.path);
                } else {
                    let (fields, path) = (not_compared.join(", "), &document.path);
                    let text = format!("{fields} of {path}: the file's secret is not here");
                    comparison.not_compared.push(text);
                }
            }
            State::Present { why, hidden, .. } => comparison.pending.push(Pending {
                remember: hidden,
                why,
                document,
            }),
        }
    }
    let settled = comparison.pending.is_empty()
        && comparison.unseen.is_empty()
        && comparison.not_compared.is_empty();
    if let Some(together) = together.filter(|_| settled && !remembered) {
        together.remember(ceremony).await?;
    }
    Ok(comparison)
}

/// The states of all documents, in the order of the file.
async fn states_of(
    ceremony: &Ceremony<'_>,
    documents: Vec<Document>,
    listing: &Listing,
) -> Result<Vec<(Document, State)>, Failure> {
    // As they come: one slow answer holds up no other.
    let mut states: Vec<_> = stream::iter(documents.into_iter().enumerate())
        .map(|(place, document)| async move {
            let state = if listing.lacks(&document.path) {
                State::Absent
            } else {
                state_of(ceremony, &document).await?
            };
            Ok::<_, Failure>((place, (document, state)))
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;
    states.sort_by_key(|(place, _)| *place);
    Ok(states.into_iter().map(|(_, state)| state).collect())
}

async fn state_of(ceremony: &Ceremony<'_>, document: &Document) -> Result<State, Failure> {
    match read(ceremony, ceremony.token()?, document).await {
        Ok(Some(have)) => {
            let checkpoint = ceremony.diary();
            let references = &checkpoint.diary().references;
            Ok(State::of(document, &have, references))
        }
        Ok(None) => Ok(State::Absent),
        Err(error) if error.is_forbidden() => Ok(State::Unseen),
        Err(error) => Err(error.into()),
    }
}

/// Compares what is hidden with what is remembered: value by value, or, where all together is the same, only
/// whether each has a digest at all.
async fn recall(
    ceremony: &Ceremony<'_>,
    states: &mut [(Document, State)],
    all_the_same: bool,
) -> Result<(), Failure> {
    let present = states
        .iter_mut()
        .filter_map(|(document, state)| match state {
            State::Present { why, hidden, .. } => Some((&document.path, why, &*hidden)),
            State::Unseen | State::Absent => None,
        });
    stream::iter(present.map(Ok))
        .try_for_each_concurrent(CONCURRENCY, |(path, why, hidden)| async move {
            for Hidden { name, what, value } in hidden {
                let key = Ceremony::digest_key(path, name);
                let known = ceremony.diary().diary().digests.contains_key(&key);
                if !known || !(all_the_same || ceremony.remembers(&key, value).await?) {
                    why.push(format!("{what} is not known to be the same as last time"));
                }
            }
            Ok(())
        })
        .await
}

/// What the server has of a document: `None` where there is none, `Null` where it cannot be read.
async fn read(
    ceremony: &Ceremony<'_>,
    token: &Token,
    document: &Document,
) -> Result<Option<Value>, vault::Error> {
    if let Read::Known(have) = &document.read {
        return Ok(have.clone());
    }
    let client = ceremony.client();
    match client.read(Some(token), &document.path).await {
        // No read operation on this path: only a digest tells whether it was written.
        Err(error) if error.status() == Some(405) => Ok(Some(Value::Null)),
        // A mount that is not there yet: its tuning and roles come with it.
        Err(error) if error.status() == Some(400) && document.may_be_unmounted() => Ok(None),
        have => have,
    }
}

impl Document {
    /// A document that is read where it is written.
    #[must_use]
    pub fn new(path: impl Into<String>, body: Body) -> Self {
        Self {
            path: path.into(),
            body,
            read: Read::SamePath,
            known: false,
        }
    }

    /// A path without a read has nothing to compare: only a digest can tell.
    fn compare(&self, have: &Value) -> compare::Comparison {
        match self.read {
            _ if have.is_null() => compare::Comparison::default(),
            Read::Policy => compare::compare_policy(&self.body, have),
            Read::Tune => compare::compare_tune(&self.body, have),
            Read::SamePath | Read::Known(_) => compare::compare(&self.body, have),
        }
    }

    fn may_be_unmounted(&self) -> bool {
        matches!(self.read, Read::Tune)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_login_may_not_read_is_said_by_name() {
        let unseen = |paths: &[&str]| Comparison {
            unseen: paths.iter().map(ToString::to_string).collect(),
            ..Comparison::default()
        };
        assert_eq!(
            unseen(&["sys/a"]).into_observation().details,
            ["this login may not read sys/a"]
        );
        assert_eq!(
            unseen(&["sys/a", "sys/b", "sys/c"])
                .into_observation()
                .details,
            ["this login may not read sys/a and 2 more"]
        );
    }
}
