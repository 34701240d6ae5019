//! Writing the documents that differ, and remembering digests of what cannot be read back.

use std::collections::BTreeMap;
use std::ops::Deref;

use futures::{StreamExt, stream};

use crate::checkpoint::ReplicatedCheckpoint;
use crate::code::Code;
use crate::desired::comparing::read;
use crate::desired::document::{Document, Pending, Read, WriteOnly};
use crate::desired::observation::Observation;
use crate::desired::view::digest_key;
use crate::desired::write_only_fields::{secrets_of, write_only};
use crate::desired::{create_once, step_digest};
use crate::envelope::digest::Ahead;
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::session::Session;
use crate::step::Step;
use crate::vault;

/// What writing takes: who writes, and where that is remembered.
pub struct Target<'a> {
    /// Who writes.
    pub session: &'a Session<'a>,
    /// Where it is remembered.
    pub records: &'a ReplicatedCheckpoint,
    /// Which step writes.
    pub step: Step,
    /// Digests that were begun before.
    pub ahead: &'a Ahead,
}

impl<'a> Deref for Target<'a> {
    type Target = Session<'a>;

    fn deref(&self) -> &Self::Target {
        self.session
    }
}

/// Writes what is pending, with bounded concurrency, and remembers digests of what cannot be read.
///
/// # Errors
/// All writes that failed. The others were done; a second run finds them equal.
pub async fn apply(
    target: &Target<'_>,
    pending: Vec<Pending>,
    in_flight: usize,
) -> Result<Vec<String>, Failure> {
    if forget(target, &pending)? {
        target.records.replicate().await?;
    }
    let mut results: Vec<_> = stream::iter(pending.into_iter().enumerate())
        .map(|(place, pending)| async move {
            let digests = write_and_remember(target, &pending).await;
            (place, pending.document.path, digests)
        })
        .buffer_unordered(in_flight)
        .collect()
        .await;
    results.sort_by_key(|(place, ..)| *place);
    let (mut written, mut failures, mut digests) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (_, path, result) in results {
        match result {
            Ok(made) => {
                digests.extend(made);
                written.push(path);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if !digests.is_empty() {
        // A server that never gives them back cannot be asked again.
        target
            .records
            .record(|diary| diary.digests.extend(digests))?;
    }
    Failure::all(failures).map_or(Ok(written), Err)
}

/// Writes what an observation left pending, and says what was written.
///
/// # Errors
/// As [`apply`].
pub async fn write_pending(
    target: &Target<'_>,
    observation: Observation,
    in_flight: usize,
) -> Result<Evidence, Failure> {
    let written = apply(target, observation.pending, in_flight).await?;
    Ok(observation.evidence.with("written", written))
}

/// Takes away, before anything is sent, what is remembered of the documents to be written: killed in between,
/// the next run does not take an older value for the one that the server has.
/// Whether there was any.
fn forget(target: &Target<'_>, pending: &[Pending]) -> Result<bool, Failure> {
    let mut stale = vec![step_digest::key(target.step)];
    for Pending {
        document, remember, ..
    } in pending
    {
        let keys = remember.iter();
        stale.extend(keys.map(|write_only| digest_key(&document.path, &write_only.name)));
    }
    stale.retain(|key| target.records.diary().digests.contains_key(key));
    if stale.is_empty() {
        return Ok(false);
    }
    target.records.record(|diary| {
        diary.digests.retain(|key, _| !stale.contains(key));
    })?;
    Ok(true)
}

/// Writes a document and makes the digests of what the server does not give back, by the names they are
/// kept under. What it gives back of fields that nobody here knows, it says once they are written.
async fn write_and_remember(
    target: &Target<'_>,
    pending: &Pending,
) -> Result<Vec<(String, String)>, Failure> {
    let document = &pending.document;
    if !document.may_keep_plain_fields_back() {
        // The digests are made while the server works.
        let digests = digests_of(target, &document.path, &pending.remember);
        let (written, digests) = futures::join!(write(target, document), digests);
        return written.and(digests);
    }
    write(target, document).await?;
    match read(target, target.token()?, document).await? {
        Some(have) => {
            let write_only = write_only(document, &have, &document.compare(&have));
            digests_of(target, &document.path, &write_only).await
        }
        None => digests_of(target, &document.path, &pending.remember).await,
    }
}

/// Begins the digests of what a document to be written holds secret.
pub(crate) fn begin_digests(ahead: &Ahead, document: &Document) {
    for WriteOnly { name, value, .. } in secrets_of(&document.body) {
        ahead.begin(digest_key(&document.path, &name), value);
    }
}

async fn digests_of(
    target: &Target<'_>,
    path: &str,
    write_only: &[WriteOnly],
) -> Result<Vec<(String, String)>, Failure> {
    let mut digests = Vec::new();
    for WriteOnly { name, value, .. } in write_only {
        let key = digest_key(path, name);
        let digest = target.ahead.digest(&key, value).await?;
        digests.push((key, digest));
    }
    Ok(digests)
}

/// Writes one document. A 5xx after a write says nothing: the document is read again, and only when
/// it is not as wanted is it written once more.
async fn write(target: &Target<'_>, document: &Document) -> Result<(), Failure> {
    let token = target.token()?;
    if document.body.holds_unknown() {
        let path = &document.path;
        return Err(Failure::failed(
            Code::SecretUnreadable,
            format!("a secret of {path} was not read"),
        ));
    }
    let (mut last, mut status) = (String::new(), None);
    for _ in 0..WRITE_ATTEMPTS {
        match target
            .client()
            .write(Some(token), &document.path, &document.body)
            .await
        {
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
            }
            Err(error) if is_taken_by_now(document, &error) => {
                return Err(rejected(document, error).passing());
            }
            Err(error) => return Err(rejected(document, error)),
        }
    }
    let tries = format!(
        "{} was not accepted in {WRITE_ATTEMPTS} attempts: {last}",
        document.path
    );
    Err(Failure::failed(Code::WriteFailed, tries)
        .advise("look at the server's log, then run apply again")
        .answered(status))
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
    match target.client().read(Some(token), &document.path).await {
        Ok(Some(have)) => {
            let comparison = document.compare(&have);
            // A secret that cannot be read back may or may not have arrived: send it again.
            Ok(comparison.differences.is_empty() && comparison.unreadable.is_empty())
        }
        Ok(None) => Ok(false),
        Err(error) if error.status() == Some(405) => {
            Ok(create_once::is_there(target, document).await?)
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
