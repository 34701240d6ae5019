//! Writing the documents that differ, reading them back, and remembering both.

use std::ops::Deref;

use futures::{StreamExt, stream};
use serde_json::Value;

use crate::code::Code;
use crate::desired::answers;
use crate::desired::comparing;
use crate::desired::create_once;
use crate::desired::document::{Document, Pending, Read};
use crate::desired::handing_out;
use crate::desired::read_back::{keep_answer, read_back};
use crate::desired::rejected::{is_refusal, rejected};
use crate::failure::Failure;
use crate::finding::{Change, Finding};
use crate::memory::Memory;
use crate::session::Session;
use crate::vault;
use crate::vault::Body;

/// What writing takes: who writes, and where that is remembered.
pub struct Target<'a> {
    /// Who writes.
    pub session: &'a Session<'a>,
    /// Where it is remembered what was sent.
    pub(crate) memory: &'a Memory,
}

impl<'a> Deref for Target<'a> {
    type Target = Session<'a>;

    fn deref(&self) -> &Self::Target {
        self.session
    }
}

/// What was written.
#[derive(Debug, Default)]
pub struct Written {
    /// Paths, in the order of the file.
    pub paths: Vec<String>,
    /// What did not become what it was to be.
    pub findings: Vec<Finding>,
}

impl Written {
    /// Both together.
    pub(crate) fn extend(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.findings.extend(other.findings);
    }
}

/// Writes what is pending, with bounded concurrency, reads each back, and remembers both.
///
/// # Errors
/// All writes that failed. The others were done; a second run finds them equal.
pub async fn apply(
    target: &Target<'_>,
    pending: Vec<Pending>,
    in_flight: usize,
) -> Result<Written, Failure> {
    // Killed in between, the next run does not take an older state for the one that the server has.
    // Afterwards nobody compares secrets of what is not remembered: a first write is noted too.
    let all = !target.is_root();
    // What is handed out is noted by itself, right before it is asked for.
    let others = pending.iter().filter(|one| !one.document.hands_out);
    let paths = others.map(|one| (one.document.path.as_str(), all || one.document.kind.once));
    target.memory.begin(paths)?;
    target.memory.forget_below(&made_anew(&pending))?;
    let mut results: Vec<_> = stream::iter(pending.into_iter().enumerate())
        .map(|(place, mut pending)| async move {
            let done = match answers::fill(target, target.memory, &mut pending) {
                Ok(()) if pending.document.hands_out => {
                    Box::pin(handing_out::give(target, &pending)).await
                }
                Ok(()) => write(target, &pending).await,
                Err(failure) => Err(Unwritten {
                    failure,
                    refused: true,
                }),
            };
            (place, pending, done)
        })
        .buffer_unordered(in_flight)
        .collect()
        .await;
    results.sort_by_key(|(place, ..)| *place);
    let (mut done, mut failures, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (_, pending, result) in results {
        match result {
            Ok(()) => done.push(pending),
            Err(unwritten) => {
                if unwritten.refused {
                    refused.push(pending.document.path);
                }
                failures.push(unwritten.failure);
            }
        }
    }
    // Nothing has changed where the server has refused.
    target
        .memory
        .not_written(refused.iter().map(String::as_str))?;
    let written = read_back(target, done, &mut failures).await?;
    Failure::all(failures).map_or(Ok(written), Err)
}

/// What documents stand in that are about to be made: nothing that was once written there is there any more.
fn made_anew(pending: &[Pending]) -> Vec<String> {
    let holds = |one: &&Pending| {
        let mounts = ["sys/mounts/", "sys/auth/", "auth/"];
        mounts
            .iter()
            .any(|begin| one.document.path.starts_with(begin))
    };
    let made = pending.iter().filter(|one| one.why == [Change::Create]);
    let made = made.filter(holds);
    let below = made.map(|one| {
        let path = one.document.path.as_str();
        let mount = path.strip_prefix("sys/mounts/").map(str::to_owned);
        let method = path
            .strip_prefix("sys/")
            .filter(|rest| rest.starts_with("auth/"));
        format!(
            "{}/",
            mount.unwrap_or_else(|| method.unwrap_or(path).to_owned())
        )
    });
    below.collect()
}

/// Why a document was not written, or may not have been.
pub(super) struct Unwritten {
    pub(super) failure: Failure,
    /// The server has said no: nothing has changed.
    pub(super) refused: bool,
}

impl From<Failure> for Unwritten {
    fn from(failure: Failure) -> Self {
        let refused = false;
        Self { failure, refused }
    }
}

/// Writes one document, and what its making does not take.
async fn write(target: &Target<'_>, pending: &Pending) -> Result<(), Unwritten> {
    send(target, pending).await?;
    let document = &pending.document;
    let below = document
        .kind
        .set_below
        .filter(|_| pending.why == [Change::Create]);
    let (Some(below), Body::Map(fields)) = (below, &document.body) else {
        return Ok(());
    };
    let mut settings = fields.clone();
    settings.retain(|(name, _)| below.fields.contains(&name.as_str()));
    if settings.is_empty() {
        return Ok(());
    }
    let at = format!("{}/{}", document.path, below.name);
    let (token, settings) = (target.token()?, Body::Map(settings));
    let written = target.client().write(Some(token), &at, &settings).await;
    let refused = written.err();
    refused.map_or(Ok(()), |error| Err(rejected(document, error).into()))
}

/// Sends one document. A 5xx after a write says nothing: the document is read again, and only when
/// it is not as wanted is it written once more.
async fn send(target: &Target<'_>, pending: &Pending) -> Result<(), Unwritten> {
    let token = target.token()?;
    let document = &pending.document;
    let body = pending.send.as_ref().unwrap_or(&document.body);
    if body.holds_unknown() {
        let path = &document.path;
        let text = format!("a secret of {path} was not read");
        return Err(Unwritten {
            failure: Failure::failed(Code::SecretUnreadable, text),
            refused: true,
        });
    }
    let (mut last, mut status) = (String::new(), None);
    let at = pending.written_at();
    for _ in 0..WRITE_ATTEMPTS {
        match target.client().write(Some(token), &at, body).await {
            Ok(answer) => {
                for warning in answer.warnings {
                    target.warn(Code::ServerWarned, format!("{}: {warning}", document.path));
                }
                return Ok(keep_answer(target, document, &answer.data).await?);
            }
            Err(error) if error.is_retryable() && !is_refusal(document, &error) => {
                (last, status) = (error.to_string(), error.status());
                target.cluster.find_active().await?;
                if ambiguous_write_arrived(target, document).await? {
                    return Ok(keep_answer(target, document, &Value::Null).await?);
                }
                if document.kind.once && !is_known_missing(target, document).await? {
                    // A second one is worse than none.
                    break;
                }
            }
            Err(error) if is_taken_by_now(document, &error) => {
                return Err(rejected(document, error).passing().into());
            }
            Err(error) => {
                return Err(Unwritten {
                    failure: rejected(document, error),
                    refused: true,
                });
            }
        }
    }
    let tries = format!(
        "{} was not accepted in {WRITE_ATTEMPTS} attempts: {last}",
        document.path
    );
    Err(Failure::failed(Code::WriteFailed, tries)
        .advise("look at the server's log, then run apply again")
        .answered(status)
        .into())
}

/// Whether the server says that what a document makes is not there.
async fn is_known_missing(target: &Target<'_>, document: &Document) -> Result<bool, Failure> {
    Ok(create_once::is_there(target, document).await? == Some(false))
}

/// How often one document is sent when the server answers that it could not, or not at all.
const WRITE_ATTEMPTS: usize = 3;

/// A mount that was not there a moment ago: perhaps a slow request of ours. The listing tells, so the step looks at
/// it again. Both products say it in these words (measured).
fn is_taken_by_now(document: &Document, error: &vault::Error) -> bool {
    let words = |text: &String| text.contains("path is already in use");
    matches!(document.read, Read::Known(_)) && error.messages().iter().any(words)
}

async fn ambiguous_write_arrived(
    target: &Target<'_>,
    document: &Document,
) -> Result<bool, Failure> {
    let token = target.token()?;
    if matches!(document.read, Read::Known(_)) {
        // A mount that may or may not be there: the step looks at its listing again.
        return Err(Failure::failed(
            Code::WriteFailed,
            format!("{} may have been written", document.path),
        )
        .passing());
    }
    // Of what was written before, the meaning tells nothing: the server may take the two for the same.
    if !document.kind.once && target.memory.of(&document.path).is_some() {
        return Ok(false);
    }
    let read = match &document.read {
        Read::Catalogue(_) => comparing::read(target, token, document).await,
        _ => target.client().read(Some(token), &document.path).await,
    };
    match read {
        Ok(Some(have)) => {
            let comparison = document.compare(&have);
            // A secret that cannot be read back may or may not have arrived: send it again.
            Ok(comparison.differences.is_empty() && comparison.unreadable.is_empty())
        }
        Ok(None) => Ok(false),
        Err(error) if error.status() == Some(405) => {
            Ok(create_once::is_there(target, document).await? == Some(true))
        }
        Err(error) if error.is_retryable() || error.status() == Some(400) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
