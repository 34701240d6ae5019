//! The end: the report is on disk, fsynced, and only then are the checkpoint's secrets destroyed.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::evidence_report::EvidenceReport;
use crate::bootstrap::view::View;
use crate::checkpoint::replica::sync::ReplicaSync;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::config::Config;
use crate::desired::observation::Observation;
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::holder_file;
use crate::step::decide::Recorded;

pub(super) fn observe(view: &View<'_>) -> Observation {
    let keeps = view.keeps_something().unwrap_or(true);
    let done = view.recorded() == Recorded::Done;
    if done && !view.earlier_changes && (!keeps || view.options.keeps_root(view.config)) {
        return Observation::present(view.evidence().unwrap_or_default());
    }
    Observation::absent()
}

pub(super) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    let kept = ceremony.options.keeps_root(ceremony.config);
    shares_left_the_machine(ceremony);
    if let Some(finding) = files_of_this_machine(ceremony) {
        ceremony.find(finding);
    }
    let report = EvidenceReport::of(ceremony);
    let json = {
        let checkpoint = ceremony.checkpoint();
        let json = checkpoint.write_public("report.json", &report.json())?;
        checkpoint.write_public("report.txt", &report.text())?;
        files_of_holders(ceremony.config, &checkpoint)?;
        if !kept {
            checkpoint.destroy_secrets()?;
        }
        json
    };
    // Deletes there what is no longer here, and proves it.
    ceremony.replicate().await?;
    let evidence = Evidence::default().with("report", json.display().to_string());
    let evidence = match ceremony.records.replica() {
        Some(place) => evidence.with("replica", place.address()),
        None => evidence,
    };
    let secrets = if kept {
        "kept: root token"
    } else {
        "destroyed"
    };
    Ok(evidence.with("checkpoint_secrets", secrets))
}

/// What each holder who is a person needs at a machine of their own, to be sent to them: nothing of it is secret.
fn files_of_holders(config: &Config, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
    let id = checkpoint.diary().cluster.cluster_id.as_deref();
    for (name, text) in holder_file::all(config, id) {
        checkpoint.write_public(&name, &text)?;
    }
    Ok(())
}

/// Who names a replica reckons with a machine that vanishes; shares in files would vanish with it.
pub(super) fn files_of_this_machine(ceremony: &Ceremony<'_>) -> Option<Finding> {
    let config: &Config = ceremony.config;
    let custodians = config.init.custodians.iter();
    let files = custodians.filter(|one| one.kind.is_a_file());
    let names: Vec<_> = files.map(|custodian| custodian.name.clone()).collect();
    let leave = config.checkpoint.replica.is_some() && !names.is_empty();
    leave.then_some(Finding::SharesAreFiles(names))
}

/// What was deleted there and read back as gone may still be in a copy that we cannot see.
fn shares_left_the_machine(ceremony: &Ceremony<'_>) {
    let places = ceremony.diary().replicated_to.clone();
    let replica = ceremony.records.replica();
    let here = replica.map(ReplicaSync::address);
    for replica in places {
        ceremony.find(if here == Some(replica.as_str()) {
            Finding::SharesLeft(replica)
        } else {
            Finding::SharesLeftUnnamed(replica)
        });
    }
}
