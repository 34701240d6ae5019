//! What was made for an earlier form of the file, which names it no more.

use std::collections::BTreeSet;

use crate::checkpoint::begun::WRITTEN_BEFORE;
use crate::desired::comparing::observe_collection;
use crate::desired::document::Document;
use crate::desired::observation::Observation;
use crate::desired::view::View;
use crate::evidence::facts::{DOCUMENTS, NOT_READ_BACK};
use crate::failure::Failure;
use crate::finding::DocumentFinding;

/// Facts of a step that name documents of it which this program has seen as the file had them, or has written.
const NAMED: [&str; 5] = [
    DOCUMENTS,
    NOT_READ_BACK,
    "written",
    WRITTEN_BEFORE,
    NOT_IN_FILE,
];
/// The one of those that the file names no more.
pub(crate) const NOT_IN_FILE: &str = "not_in_file";

/// Paths that the step of this view has seen as an earlier form of the file had them, or has written.
pub(crate) fn named_before(view: &View<'_>) -> BTreeSet<String> {
    let made = |fact| view.diary.fact(view.step, fact);
    let made = NAMED.map(|fact| made(fact).unwrap_or_default());
    made.into_iter().flat_map(Vec::into_iter).collect()
}

/// As [`observe_collection`]; and what the file once named, and is still there, is a finding: nothing is ever removed.
pub(crate) async fn observe_with_missed(
    view: &View<'_>,
    documents: Vec<Document>,
) -> Result<Observation, Failure> {
    let mut missed = named_before(view);
    missed.retain(|path| !documents.iter().any(|one| one.path == *path));
    let mut observation = if documents.is_empty() {
        Observation::nothing_declared()
    } else {
        observe_collection(view, documents).await?
    };
    for path in &missed {
        let finding = match view.client().read(Some(view.token()?), path).await {
            Ok(None) => continue,
            Ok(Some(_)) => DocumentFinding::NotInFile(path.clone()),
            Err(error) if error.is_forbidden() => DocumentFinding::NotInFileUnseen(path.clone()),
            Err(error) => return Err(error.into()),
        };
        observation.findings.push(finding.into());
    }
    if !missed.is_empty() {
        observation.evidence.set(NOT_IN_FILE, &missed);
    }
    Ok(observation)
}
