//! What a server made of what was written, read once afterwards and remembered.

use futures::{StreamExt, stream};
use serde_json::Value;

use crate::desired::answers;
use crate::desired::comparing::read;
use crate::desired::document::{Document, Pending, Read, Reset};
use crate::desired::kind::Writing;
use crate::desired::record;
use crate::desired::state::shown;
use crate::desired::view::CONCURRENCY;
use crate::desired::writing::{Target, Written};
use crate::failure::Failure;
use crate::finding::{Change, DocumentFinding, Finding};
use crate::memory::Record;
use crate::memory::leaf::{is_untouched, leaves};
use crate::vault::Body;

/// Asks the active node what it made of what was written. All of it first: one document may be a part of another.
pub(super) async fn read_back(
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
        Err(error) if error.is_forbidden() || error.status() == Some(400) => {
            let record = record::of(target.memory, document, (&document.body, None));
            let unread = DocumentFinding::NotReadBack(document.path.clone());
            let unread = error.is_forbidden().then(|| unread.into());
            return Ok((Some(record), unread.into_iter().collect()));
        }
        Err(error) => return Err(error.into()),
    };
    let stays = made.as_ref().map_or_else(Vec::new, |made| {
        let resets = pending.reset.iter();
        let stays = resets.filter_map(|reset| stays(document, made, reset));
        stays.collect()
    });
    let mut record = record::of(target.memory, document, (&document.body, made.as_ref()));
    record.remembered.created = pending.why == [Change::Create];
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
        // What is emptied is what the server puts there by itself.
        Some(to) => to == now || (nothing(to) && (nothing(now) || *now != reset.was)),
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

/// Remembers what later documents take of the answer, or of what can be read there afterwards.
pub(super) async fn keep_answer(
    target: &Target<'_>,
    document: &Document,
    answer: &Value,
) -> Result<(), Failure> {
    if document.keeps.is_empty() {
        return Ok(());
    }
    let mut kept = answers::picked(&document.keeps, answer);
    if kept.len() < document.keeps.len()
        && let Some(have) = read(target, target.token()?, document).await?
    {
        kept.extend(answers::picked(&document.keeps, &have));
    }
    Ok(target.memory.keep_answer(&document.path, kept)?)
}
