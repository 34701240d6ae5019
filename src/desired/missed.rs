//! What was made for an earlier form of the file, which names it no more.

use crate::desired::comparing::observe_collection;
use crate::desired::document::Document;
use crate::desired::observation::Observation;
use crate::desired::view::{NOT_IN_FILE, View, named_before};
use crate::failure::Failure;
use crate::finding::DocumentFinding;

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
