//! What the file wants of the server, compared with what is there: the common ground of the steps that
//! configure.
//!
//! A step lists its documents; [`observe`] reads them with bounded concurrency and says which differ;
//! [`apply`] writes those and nothing else, so a second run sends no write.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::ceremony::Ceremony;
use super::decide::Seen;
use super::evidence::Evidence;
use super::step::Observation;
use crate::envelope::digest;
use crate::failure::Failure;
use crate::secret::SecretText;
use crate::vault::{self, Body, compare};

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
    pub remember: Vec<(String, SecretText)>,
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
    Differs {
        why: Vec<String>,
        remember: Vec<(String, SecretText)>,
    },
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
        let details = details.collect();
        Observation {
            seen,
            evidence,
            details,
            pending: self.pending,
        }
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
    let mut comparison = Comparison::default();
    let mut states = stream::iter(documents)
        .map(|document| async move {
            let state = state_of(ceremony, &document).await?;
            Ok::<_, Failure>((document, state))
        })
        .buffered(CONCURRENCY);
    while let Some((document, state)) = states.try_next().await? {
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
        let remember = secrets_of(&document.body);
        return Ok(State::Differs {
            why: vec!["create".into()],
            remember,
        });
    };
    Ok(compare_document(ceremony, document, &have))
}

fn compare_document(ceremony: &Ceremony<'_>, document: &Document, have: &Value) -> State {
    let comparison = document.compare(have);
    let mut why: Vec<String> = comparison
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut remember = Vec::new();
    for (field, value) in unreadable_secrets(document, have, &comparison) {
        if !ceremony.remembers(&document.path, &field, &value) {
            let what = if field == WHOLE {
                "what was written"
            } else {
                field.as_str()
            };
            why.push(format!("{what} is not known to be the same as last time"));
        }
        remember.push((field, value));
    }
    if why.is_empty() {
        State::Equal
    } else {
        State::Differs { why, remember }
    }
}

/// What only a digest can compare: secrets that the server does not give back, or the whole body
/// where it gives back nothing. A plain field that it keeps to itself is taken as it is.
fn unreadable_secrets(
    document: &Document,
    have: &Value,
    comparison: &compare::Comparison,
) -> Vec<(String, SecretText)> {
    if have.is_null() {
        return vec![(WHOLE.to_owned(), document.body.text())];
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
                .map(|value| (field.clone(), value))
        })
        .collect()
}

/// The name under which a body is remembered that cannot be read back at all.
const WHOLE: &str = "*";

/// Writes what is pending, with bounded concurrency, and remembers digests of what cannot be read.
///
/// # Errors
/// All writes that failed. The others were done; a second run finds them equal.
pub async fn apply(
    ceremony: &Ceremony<'_>,
    pending: Vec<Pending>,
    in_flight: usize,
) -> Result<Vec<String>, Failure> {
    let results: Vec<_> = stream::iter(pending)
        .map(|pending| async move {
            let written = write(ceremony, &pending.document).await;
            (pending, written)
        })
        .buffered(in_flight)
        .collect()
        .await;
    let (mut written, mut failures, mut digests) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (pending, result) in results {
        match result {
            Ok(()) => {
                for (field, secret) in &pending.remember {
                    let key = Ceremony::digest_key(&pending.document.path, field);
                    digests.insert(key, digest::secret_digest(secret)?);
                }
                written.push(pending.document.path);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if !digests.is_empty() {
        ceremony
            .checkpoint()
            .record(|diary| diary.digests.extend(digests))?;
    }
    Failure::all(failures).map_or(Ok(written), Err)
}

/// Writes one document. A 5xx after a write says nothing: the document is read again, and only when
/// it is not as wanted is it written once more.
async fn write(ceremony: &Ceremony<'_>, document: &Document) -> Result<(), Failure> {
    let token = ceremony.token()?;
    for _ in 0..WRITE_ATTEMPTS {
        match ceremony
            .client()
            .write(Some(token), &document.path, &document.body)
            .await
        {
            Ok(answer) => {
                for warning in answer.warnings {
                    ceremony.warn(format!("{}: {warning}", document.path));
                }
                return Ok(());
            }
            Err(error) if error.is_retryable() => {
                ceremony.find_active().await?;
                if ambiguous_write_arrived(ceremony, document).await? {
                    return Ok(());
                }
            }
            Err(error) => return Err(rejected(document, error)),
        }
    }
    let tries = format!(
        "{} was not accepted in {WRITE_ATTEMPTS} attempts",
        document.path
    );
    Err(Failure::failed(tries).advise("look at the server's log, then run apply again"))
}

/// How often one document is sent when the server answers that it could not, or not at all.
const WRITE_ATTEMPTS: usize = 3;

async fn ambiguous_write_arrived(
    ceremony: &Ceremony<'_>,
    document: &Document,
) -> Result<bool, Failure> {
    let token = ceremony.token()?;
    if matches!(document.read, Read::Known(_)) {
        // A mount that may or may not be there: the step looks at its listing again.
        return Err(Failure::failed(format!("{} may have been written", document.path)).passing());
    }
    match ceremony.client().read(Some(token), &document.path).await {
        Ok(Some(have)) => {
            let comparison = document.compare(&have);
            // A secret that cannot be read back may or may not have arrived: send it again.
            Ok(comparison.differences.is_empty() && comparison.unreadable.is_empty())
        }
        Ok(None) => Ok(false),
        Err(error) if error.is_retryable() || error.status() == Some(405) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn rejected(document: &Document, error: vault::Error) -> Failure {
    let advice = error.advice().unwrap_or_else(|| {
        format!(
            "correct {} in the file, then run apply again; what was written stands",
            document.path
        )
    });
    Failure::failed(error.to_string()).advise(advice)
}

fn secrets_of(body: &Body) -> Vec<(String, SecretText)> {
    body.secret_fields()
        .into_iter()
        .filter_map(|field| body.field_text(&field).map(|value| (field, value)))
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
