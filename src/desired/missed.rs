//! What was made for an earlier form of the file, which names it no more.

use crate::desired::comparing::observe_collection;
use crate::desired::document::Document;
use crate::desired::identity;
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
        let finding = match is_there(view, path).await? {
            Some(false) => continue,
            Some(true) => DocumentFinding::NotInFile(path.clone()),
            None => DocumentFinding::NotInFileUnseen(path.clone()),
        };
        observation.findings.push(finding.into());
    }
    if !missed.is_empty() {
        observation.evidence.set(NOT_IN_FILE, &missed);
    }
    Ok(observation)
}

/// Whether the server still has it; `None` where this login may not look.
async fn is_there(view: &View<'_>, path: &str) -> Result<Option<bool>, Failure> {
    if identity::is_identity(path) {
        return identity::is_there(view, path).await;
    }
    match view.client().read(Some(view.token()?), path).await {
        Ok(found) => Ok(Some(found.is_some())),
        Err(error) if error.is_forbidden() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
