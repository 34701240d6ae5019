//! Writing the documents that differ, reading them back, and remembering both.

use std::ops::Deref;

use futures::{StreamExt, stream};
use serde_json::Value;

use crate::code::Code;
use crate::desired::comparing::read;
use crate::desired::create_once;
use crate::desired::document::{Document, Pending, Read, Reset};
use crate::desired::kind::Writing;
use crate::desired::record;
use crate::desired::state::shown;
use crate::desired::view::CONCURRENCY;
use crate::failure::Failure;
use crate::finding::{Change, DocumentFinding, Finding};
use crate::memory::leaf::{is_untouched, leaves};
use crate::memory::{Memory, Record};
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
    let paths = pending
        .iter()
        .map(|one| (one.document.path.as_str(), all || one.document.kind.once));
    target.memory.begin(paths)?;
    target.memory.forget_below(&made_anew(&pending))?;
    let mut results: Vec<_> = stream::iter(pending.into_iter().enumerate())
        .map(|(place, pending)| async move {
            let done = write(target, &pending).await;
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

/// Asks the active node what it made of what was written. All of it first: one document may be a part of another.
async fn read_back(
    target: &Target<'_>,
    done: Vec<Pending>,
    failures: &mut Vec<Failure>,
) -> Result<Written, Failure> {
    let mut results: Vec<_> = stream::iter(done.into_iter().enumerate())
        .map(|(place, pending)| async move {
            let read = what_was_made(target, &pending).await;
            (place, pending.document.path, read)
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    results.sort_by_key(|(place, ..)| *place);
    let (mut written, mut records) = (Written::default(), Vec::new());
    for (_, path, result) in results {
        match result {
            Ok((record, findings)) => {
                records.extend(record);
                written.findings.extend(findings);
                written.paths.push(path);
            }
            Err(failure) => failures.push(failure),
        }
    }
    target.memory.remember(records)?;
    Ok(written)
}

/// What the active node made of a document.
async fn what_was_made(
    target: &Target<'_>,
    pending: &Pending,
) -> Result<(Option<Record>, Vec<Finding>), Failure> {
    let document = &pending.document;
    if matches!(document.read, Read::Known(_)) {
        // It stands in the listing of its step, which is asked for all of them together.
        return Ok((None, Vec::new()));
    }
    let made = match read(target, target.token()?, document).await {
        Ok(made) => made,
        // Whoever may write need not be one who may read: what was sent is remembered alone.
        Err(error) if error.is_forbidden() => {
            let record = record::of(target.memory, document, (&document.body, None));
            let unread = DocumentFinding::NotReadBack(document.path.clone());
            return Ok((Some(record), vec![unread.into()]));
        }
        Err(error) => return Err(error.into()),
    };
    let stays = made.as_ref().map_or_else(Vec::new, |made| {
        let resets = pending.reset.iter();
        let stays = resets.filter_map(|reset| stays(document, made, reset));
        stays.collect()
    });
    let record = record::of(target.memory, document, (&document.body, made.as_ref()));
    Ok((Some(record), stays))
}

/// A field that was to be put back, and was not.
pub(super) fn stays(document: &Document, made: &Value, reset: &Reset) -> Option<Finding> {
    let now = reset.now(made);
    // Zero, false and no text are nothing too where the other side does not name it.
    let nothing = |value: &Value| {
        let leaves = leaves(&Body::from(value.clone()));
        leaves.values().all(is_untouched)
    };
    let replaced = document.kind.writing == Writing::Replaces;
    let is_back = match &reset.to {
        // The server puts the name of the role there.
        _ if reset.field == "display_name" => true,
        // Its fields have other names there.
        Some(_) if reset.field == "user_lockout_config" => nothing(now),
        Some(to) => to == now || (nothing(to) && nothing(now)),
        // Not named any more: what says something and is as it was has stayed.
        // Where a write replaces the rest, the default may be what it was.
        None => replaced || nothing(now) || *now != reset.was,
    };
    (!is_back).then(|| {
        let now = if document.kind.plain {
            shown(now)
        } else {
            "as it is".to_owned()
        };
        DocumentFinding::StaysSet(document.path.clone(), reset.field.clone(), now).into()
    })
}

/// Why a document was not written, or may not have been.
struct Unwritten {
    failure: Failure,
    /// The server has said no: nothing has changed.
    refused: bool,
}

impl From<Failure> for Unwritten {
    fn from(failure: Failure) -> Self {
        let refused = false;
        Self { failure, refused }
    }
}

/// Writes one document. A 5xx after a write says nothing: the document is read again, and only when
/// it is not as wanted is it written once more.
async fn write(target: &Target<'_>, pending: &Pending) -> Result<(), Unwritten> {
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
                return Ok(());
            }
            Err(error) if error.is_retryable() => {
                (last, status) = (error.to_string(), error.status());
                target.cluster.find_active().await?;
                if ambiguous_write_arrived(target, document).await? {
                    return Ok(());
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
    match target.client().read(Some(token), &document.path).await {
        Ok(Some(have)) => {
            let comparison = document.compare(&have);
            // A secret that cannot be read back may or may not have arrived: send it again.
            Ok(comparison.differences.is_empty() && comparison.unreadable.is_empty())
        }
        Ok(None) => Ok(false),
        Err(error) if error.status() == Some(405) => {
            Ok(create_once::is_there(target, document).await? == Some(true))
        }
        Err(error) if error.is_retryable() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Where the file says what is written there: its sections have other names than the API.
fn place_in_file(path: &str) -> String {
    let parts: Vec<_> = path.split('/').collect();
    match parts[..] {
        ["sys", "auth", ref mount @ ..] => format!("auth.{}", without_tune(mount)),
        ["sys", "mounts", ref mount @ ..] => format!("secrets.{}", without_tune(mount)),
        ["sys", "policies", "acl", name] => {
            format!("policies.{name}, or the file that its rules are in,")
        }
        ["auth", ref mount @ .., "config"] => format!("auth.{}.config", mount.join("/")),
        ["auth", ref mount @ .., "role", name] => format!("auth.{}.roles.{name}", mount.join("/")),
        ["auth", ref mount @ .., "users", name] => format!("auth.{}.users.{name}", mount.join("/")),
        _ => path.to_owned(),
    }
}

fn without_tune(mount: &[&str]) -> String {
    mount.strip_suffix(&["tune"]).unwrap_or(mount).join("/")
}

fn rejected(document: &Document, error: vault::Error) -> Failure {
    let advice = error.advice().unwrap_or_else(|| {
        format!(
            "correct {} in the file, then run apply again; what was written stands",
            place_in_file(&document.path)
        )
    });
    Failure::failed(error.code(), error.to_string())
        .advise(advice)
        .answered(error.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_corrected_at_its_own_place_and_not_at_an_api_path() {
        assert_eq!(place_in_file("sys/auth/ldap"), "auth.ldap");
        assert_eq!(place_in_file("sys/auth/a/b/tune"), "auth.a/b");
        assert_eq!(place_in_file("auth/oidc/config"), "auth.oidc.config");
        assert_eq!(place_in_file("auth/a/b/role/x"), "auth.a/b.roles.x");
        assert_eq!(place_in_file("auth/up/users/ada"), "auth.up.users.ada");
        assert_eq!(place_in_file("sys/mounts/kv"), "secrets.kv");
        assert_eq!(
            place_in_file("sys/policies/acl/ops"),
            "policies.ops, or the file that its rules are in,"
        );
        assert_eq!(place_in_file("secret/config"), "secret/config");
    }
}
