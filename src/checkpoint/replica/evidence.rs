//! The evidence of a run after the ceremony, at the replica too: a machine that vanishes takes none with it, and the next
//! one knows of the last rehearsal.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::checkpoint::directory::write_beside;
use crate::checkpoint::journal::REHEARSED;
use crate::checkpoint::replica::looking::look_at_evidence;
use crate::checkpoint::{Rehearsed, ReplicatedCheckpoint};
use crate::code::Code;
use crate::config::Config;
use crate::disk;
use crate::edge::failures::of_replica;
use crate::event::Caller;
use crate::evidence::run::Written;
use crate::failure::Failure;
use crate::replica::{Documents, Replica};
use crate::span;

/// How long whoever has done the work waits for a replica.
const TO_KEEP: Duration = Duration::from_secs(30);
/// Two machines' clocks may be apart.
const CLOCKS: Duration = Duration::from_secs(600);
/// Of one file of evidence.
const LONGEST: u64 = 16 * 1024 * 1024;
/// Beginning of the names of a rehearsal's files.
const REHEARSAL: &str = "rehearsal-";

/// Puts what a run has written at the replica too, where the file names one, and reads it back; of a rehearsal that
/// passed also that it did.
///
/// # Errors
/// It is on this machine alone.
pub(crate) async fn keep(
    config: &Config,
    written: &Written,
    passed: Option<&Rehearsed>,
) -> Result<(), Failure> {
    let mut files = written.files.clone();
    if let Some(passed) = passed {
        // The directory is of this machine.
        let evidence = passed.evidence.file_name().unwrap_or_default().into();
        let passed = Rehearsed {
            evidence,
            ..passed.clone()
        };
        let text = serde_json::to_vec(&passed).unwrap_or_default();
        files.push((REHEARSED.to_owned(), text));
    }
    let keeping = async {
        let Some(replica) = look_at_evidence(config).await? else {
            return Ok(());
        };
        let kept = replica.keep_documents(&written.stem, &files).await;
        kept.map_err(of_replica)
    };
    match tokio::time::timeout(TO_KEEP, Box::pin(keeping)).await {
        Ok(kept) => kept,
        Err(_) => Err(Failure::failed(
            Code::ReplicaUnreachable,
            format!(
                "the replica of the checkpoint did not take it within {}",
                span::text(TO_KEEP)
            ),
        )),
    }
}

/// The last rehearsal of this cluster that passed, as a replica knows it, with its files. One that another cluster has
/// left there says nothing of this one.
///
/// # Errors
/// What is there cannot be read, or is not ours.
pub(crate) async fn last_rehearsal(
    replica: &Replica,
    cluster_id: Option<&str>,
) -> Result<Option<(Rehearsed, Documents)>, Failure> {
    let found = replica.newest_documents(REHEARSAL, REHEARSED).await;
    let Some(found) = found.map_err(of_replica)? else {
        return Ok(None);
    };
    let Some(file) = found.named(REHEARSED) else {
        return Ok(None);
    };
    let bytes = replica.fetch(&file.part).await.map_err(of_replica)?;
    let parsed = serde_json::from_slice::<Rehearsed>(&bytes).ok();
    // Whoever may write there may have written it.
    let named = |one: &Rehearsed| {
        let name = one.evidence.to_str()?;
        is_evidence(name).then(|| found.named(name).cloned())?
    };
    let sound = parsed.filter(|one| is_past(&one.at));
    let both = sound.and_then(|one| Some((named(&one)?, one)));
    let Some((evidence, rehearsed)) = both else {
        return Err(not_ours(replica));
    };
    let bytes = replica.fetch(&evidence.part).await.map_err(of_replica)?;
    let says: Value = serde_json::from_slice(&bytes).map_err(|_| not_ours(replica))?;
    let same = cluster_id.is_some_and(|id| says["cluster"]["id"] == id);
    Ok(same.then_some((rehearsed, found)))
}

/// As this program writes a time, and not later than now: a later one would be the last rehearsal for ever.
fn is_past(at: &str) -> bool {
    let now = Timestamp::now();
    at.ends_with('Z') && at.parse::<Timestamp>().is_ok_and(|at| at <= now + CLOCKS)
}

fn not_ours(replica: &Replica) -> Failure {
    Failure::refused(
        Code::ReplicaDamaged,
        format!("what {} says of a rehearsal is not ours", replica.address()),
    )
}

/// Brings the last rehearsal here where this directory knows of none, or of an earlier one: its evidence, and that it
/// passed. Whether there was one to bring.
pub(crate) async fn take_up_rehearsal(
    config: &Config,
    cluster_id: Option<&str>,
) -> Result<Option<PathBuf>, Failure> {
    let Some(replica) = look_at_evidence(config).await? else {
        return Ok(None);
    };
    let directory = &config.checkpoint.path;
    let Some((rehearsed, documents)) = last_rehearsal(&replica, cluster_id).await? else {
        return Ok(None);
    };
    let here = Rehearsed::last(directory)?;
    if here.is_some_and(|here| here.at >= rehearsed.at) {
        return Ok(None);
    }
    for file in documents.files() {
        if is_evidence(&file.name) {
            let bytes = replica.fetch(&file.part).await.map_err(of_replica)?;
            take_beside(directory, &file.name, &bytes)?;
        }
    }
    let rehearsed = Rehearsed {
        evidence: directory.join(&rehearsed.evidence),
        ..rehearsed
    };
    rehearsed.keep(directory)?;
    Ok(Some(rehearsed.evidence))
}

/// Another machine may have rehearsed since, and this one be new. One that cannot be seen leaves a finding: that none is
/// known.
pub(crate) async fn rehearsed_elsewhere(
    config: &Config,
    records: &ReplicatedCheckpoint,
    caller: Caller<'_>,
) {
    if records.replica().is_none() || !records.diary().handed_over() {
        return;
    }
    let diary = records.diary();
    match take_up_rehearsal(config, diary.cluster.cluster_id.as_deref()).await {
        Ok(None) => {}
        Ok(Some(evidence)) => caller.events.note(format!(
            "the last rehearsal is known from the replica: {}",
            evidence.display()
        )),
        Err(failure) => caller.events.warn(
            failure.code(),
            format!("the last rehearsal at the replica cannot be read: {failure}"),
        ),
    }
}

/// Evidence that is here already is never written over.
fn take_beside(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = directory.join(name);
    let there = disk::read(&path, LONGEST).map_err(|error| {
        Failure::failed(Code::FileUnsafe, format!("{}: {error}", path.display()))
    })?;
    match there {
        None => {
            write_beside(directory, name, bytes)?;
            Ok(())
        }
        Some(there) if there == bytes => Ok(()),
        Some(_) => Err(Failure::refused(
            Code::ReplicaDamaged,
            format!(
                "{} is not what the replica has of that name",
                path.display()
            ),
        )
        .advise("see which of them its signature is of: vault-bootstrap report verify")),
    }
}

/// Nothing else of a directory is written over by what lies elsewhere.
fn is_evidence(name: &str) -> bool {
    let ends = [".json", ".txt", ".json.minisig"];
    name.starts_with(REHEARSAL) && !name.contains('/') && ends.iter().any(|end| name.ends_with(end))
}
