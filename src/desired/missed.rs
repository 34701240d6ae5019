//! What was made for an earlier form of the file, which names it no more.

use serde_json::Value;

use crate::config::Config;
use crate::desired::comparing::{self, observe, observe_collection};
use crate::desired::document::Document;
use crate::desired::identity;
use crate::desired::kind::{Kind, Writing};
use crate::desired::observation::Observation;
use crate::desired::record;
use crate::desired::view::{NOT_IN_FILE, View, named_before};
use crate::failure::Failure;
use crate::finding::DocumentFinding;
use crate::memory::{self, Look};

/// As [`observe_collection`]; and what the file once named, and is still there, is a finding: nothing is ever removed.
pub(crate) async fn observe_with_missed(
    view: &View<'_>,
    documents: Vec<Document>,
) -> Result<Observation, Failure> {
    let mut missed = named_before(view);
    missed.retain(|path| !documents.iter().any(|one| one.path == *path));
    missed.retain(|path| !view.config.writes.iter().any(|one| one.path == *path));
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

/// As [`observe`], for the `writes` of the file. What it once wrote and does not name any more goes back to the defaults
/// where it is a setting that no server lets anybody remove, and is a finding elsewhere as long as it is there. What was
/// done once, and what holds values of others, is not looked for.
pub(crate) async fn observe_writes(
    view: &View<'_>,
    mut documents: Vec<Document>,
) -> Result<Observation, Failure> {
    let mut missed = named_before(view);
    missed.retain(|path| {
        let named = documents.iter().any(|one| one.path == *path);
        !named && !is_elsewhere(view.config, path) && can_be_missed(view.config, path)
    });
    let mut findings = Vec::new();
    let mut kept = missed.clone();
    for path in &missed {
        let kind = Kind::of_path(view.config, path);
        let document = Document::emptied(path.clone(), kind);
        let have = match comparing::read(view, view.token()?, &document).await {
            Ok(Some(have)) if !have.is_null() => have,
            Err(error) if error.is_forbidden() => {
                findings.push(DocumentFinding::NotInFileUnseen(path.clone()));
                continue;
            }
            // It is gone, or nobody can see whether it is.
            Ok(_) => {
                kept.remove(path);
                continue;
            }
            Err(error) if error.status() == Some(400) => {
                kept.remove(path);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if !is_setting(view.config, path) {
            findings.push(DocumentFinding::NotInFile(path.clone()));
        } else if can_be_emptied(kind, path) && view.memory.of(path).is_some() {
            documents.push(document);
        } else if is_as_written(view, &document, &have) {
            findings.push(DocumentFinding::NotInFile(path.clone()));
        }
    }
    let mut observation = if documents.is_empty() {
        Observation::nothing_declared()
    } else {
        observe(view, documents).await?.into_observation()
    };
    let findings = findings.into_iter();
    observation.findings.extend(findings.map(Into::into));
    if !kept.is_empty() {
        observation.evidence.set(NOT_IN_FILE, &kept);
    }
    Ok(observation)
}

/// Whether another section of the file makes this document.
fn is_elsewhere(config: &Config, path: &str) -> bool {
    let of_method = config.auth.iter().any(|method| {
        let rest = path.strip_prefix("auth/");
        let rest = rest.and_then(|rest| rest.strip_prefix(method.path.as_str()));
        let Some(rest) = rest.and_then(|rest| rest.strip_prefix('/')) else {
            return false;
        };
        let member = rest.split('/').nth(1);
        let is_member =
            member.is_some_and(|name| method.role(name).is_some() || method.user(name).is_some());
        is_member || (rest == "config" && !method.config.is_empty())
    });
    let of_engine = config.secrets.iter().any(|engine| {
        !engine.config.is_empty() && path.strip_suffix("/config") == Some(&engine.path)
    });
    let of_plugins = config.plugins.iter().any(|plugin| plugin.path() == path);
    of_method || of_engine || of_plugins
}

/// Whether it can be looked at without showing what others keep, and stands for itself.
fn can_be_missed(config: &Config, path: &str) -> bool {
    let kind = Kind::of_path(config, path);
    let parts: Vec<&str> = path.split('/').collect();
    let mounted = match parts[0] {
        "sys" | "identity" => true,
        "auth" => {
            path.starts_with("auth/token/")
                || is_below(config.auth.iter().map(|one| &one.path), &parts[1..])
        }
        _ => is_below(config.secrets.iter().map(|one| &one.path), &parts),
    };
    // What stands in a role goes with it.
    let in_a_role = parts[0] == "auth" && parts.len() > 4 && parts[parts.len() - 3] == "role";
    mounted && !in_a_role && !(kind.once || kind.initial || kind.unreadable)
}

fn is_below<'m>(mut mounts: impl Iterator<Item = &'m String>, parts: &[&str]) -> bool {
    let path = parts.join("/");
    mounts.any(|mount| {
        path.strip_prefix(mount.as_str())
            .is_some_and(|rest| rest.starts_with('/'))
    })
}

/// Whether there is one of it that no server lets anybody remove.
fn is_setting(config: &Config, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let of_names = config.secrets.iter().any(|engine| {
        let inside = path
            .strip_prefix(engine.path.as_str())
            .is_some_and(|rest| rest.starts_with('/'));
        inside && engine.engine_type == "database"
    });
    match parts[..] {
        [.., "config" | "configuration" | "cache-config" | "tune"] => true,
        [.., "config", _] => !of_names,
        // Removing it takes all versions of a secret with it.
        [_, "metadata", ..] => true,
        _ => false,
    }
}

/// Whether a write without a line puts all of a setting back.
fn can_be_emptied(kind: Kind, path: &str) -> bool {
    kind.writing == Writing::Merges || path == "sys/quotas/config"
}

/// Whether a document is what this program has made of it.
fn is_as_written(view: &View<'_>, document: &Document, have: &Value) -> bool {
    let Some(known) = view.memory.of(&document.path) else {
        return true;
    };
    let Some(made) = &known.made else {
        return true;
    };
    let key = view.memory.key();
    let look = Look {
        key: key.as_deref(),
        moves: &|place| document.moves(place),
        plain: &|_| false,
        exact: false,
    };
    let drift = memory::drift(&document.path, made, &record::still(document, have), look);
    drift.changed.is_empty()
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
