//! What the file wants of the server, compared with what is there: the common ground of the steps that
//! configure.
//!
//! A step lists its documents; [`observe`] reads them with bounded concurrency and says which differ;
//! [`apply`] writes those and nothing else, so a second run sends no write.

mod writing;

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::ceremony::Ceremony;
use super::decide::{Recorded, Seen};
use super::evidence::Evidence;
use super::listing::Listing;
use super::step::{Observation, Step};
use crate::failure::Failure;
use crate::secret::SecretText;
use crate::vault::{Body, compare};

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
    /// Fields the server does not give back, to be remembered as digests once written.
    pub remember: Secrets,
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
}

/// State of one document.
enum State {
    Equal,
    Unseen,
    Differs { why: Vec<String>, remember: Secrets },
}

/// Secrets of a document, by field.
type Secrets = Vec<(String, Arc<SecretText>)>;

impl State {
    /// It is not there.
    fn absent(document: &Document) -> Self {
        Self::Differs {
            why: vec!["create".into()],
            remember: secrets_of(&document.body),
        }
    }
}

impl Comparison {
    /// As the observation of a step.
    #[must_use]
    pub fn into_observation(self) -> Observation {
        let evidence = Evidence::default().with("documents", &self.equal);
        let evidence = if self.unseen.is_empty() {
            evidence
        } else {
            evidence.with("not_rechecked", &self.unseen)
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
            self.unseen.is_empty(),
        ) {
            (false, true, _) => Seen::Absent,
            (false, false, _) => Seen::Partial,
            // One that could not be seen is enough: the whole is not known to be as in the file.
            (true, _, false) => Seen::Unknown,
            (true, ..) => Seen::Present,
        };
        let mut details: Vec<String> = details.collect();
        if seen == Seen::Unknown {
            details.push(may_not_read(&self.unseen));
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
    // As they come: one slow answer holds up no other. Told in the order of the file all the same.
    let mut states: Vec<_> = stream::iter(documents.into_iter().enumerate())
        .map(|(place, document)| async move {
            let state = if listing.lacks(&document.path) {
                State::absent(&document)
            } else {
                state_of(ceremony, &document).await?
            };
            Ok::<_, Failure>((place, document, state))
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;
    states.sort_by_key(|(place, ..)| *place);
    let mut comparison = Comparison::default();
    for (_, document, state) in states {
        match state {
            State::Equal => comparison.equal.push(document.path),
            State::Unseen => comparison.unseen.push(document.path),
            State::Differs { why, remember } => {
                comparison.pending.push(Pending {
                    document,
                    why,
                    remember,
                });
            }
        }
    }
    Ok(comparison)
}

async fn state_of(ceremony: &Ceremony<'_>, document: &Document) -> Result<State, Failure> {
    let token = ceremony.token()?;
    let path = document.path.as_str();
    let have = match &document.read {
        Read::Known(have) => Ok(have.clone()),
        Read::SamePath | Read::Policy | Read::Tune => {
            ceremony.client().read(Some(token), path).await
        }
    };
    let have = match have {
        Ok(have) => have,
        Err(error) if error.is_forbidden() => return Ok(State::Unseen),
        // No read operation on this path: only a digest tells whether it was written.
        Err(error) if error.status() == Some(405) => Some(Value::Null),
        // A mount that is not there yet: its tuning and roles come with it.
        Err(error) if error.status() == Some(400) && document.may_be_unmounted() => None,
        Err(error) => return Err(error.into()),
    };
    let Some(have) = have else {
        return Ok(State::absent(document));
    };
    compare_document(ceremony, document, &have).await
}

async fn compare_document(
    ceremony: &Ceremony<'_>,
    document: &Document,
    have: &Value,
) -> Result<State, Failure> {
    let comparison = document.compare(have);
    let mut why: Vec<String> = comparison
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut remember = Vec::new();
    for (field, value) in unreadable_secrets(document, have, &comparison) {
        if !ceremony.remembers(&document.path, &field, &value).await? {
            let what = if field == WHOLE {
                "what was written"
            } else {
                field.as_str()
            };
            why.push(format!("{what} is not known to be the same as last time"));
        }
        remember.push((field, value));
    }
    Ok(if why.is_empty() {
        State::Equal
    } else {
        State::Differs { why, remember }
    })
}

/// What only a digest can compare: secrets that the server does not give back, or the whole body
/// where it gives back nothing. A plain field that it keeps to itself is taken as it is.
fn unreadable_secrets(
    document: &Document,
    have: &Value,
    comparison: &compare::Comparison,
) -> Secrets {
    if have.is_null() {
        return vec![(WHOLE.to_owned(), Arc::new(document.body.text()))];
    }
    let secrets = document.body.secret_fields();
    let unreadable = comparison
        .unreadable
        .iter()
        .filter(|field| secrets.contains(*field));
    unreadable
        .filter_map(|field| {
            document
                .body
                .field_text(field)
                .map(|value| (field.clone(), Arc::new(value)))
        })
        .collect()
}

/// The name under which a body is remembered that cannot be read back at all.
const WHOLE: &str = "*";

fn secrets_of(body: &Body) -> Secrets {
    body.secret_fields()
        .into_iter()
        .filter_map(|field| Some((body.field_text(&field)?, field)))
        .map(|(value, field)| (field, Arc::new(value)))
        .collect()
}

impl Document {
    /// A document that is read where it is written.
    #[must_use]
    pub fn new(path: impl Into<String>, body: Body) -> Self {
        Self {
            path: path.into(),
            body,
            read: Read::SamePath,
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
