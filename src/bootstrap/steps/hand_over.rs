//! The end: the report is on disk, fsynced, and only then are the checkpoint's secrets destroyed.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::evidence_report::EvidenceReport;
use crate::bootstrap::view::View;
use crate::checkpoint::replica::sync::ReplicaSync;
use crate::config::{Config, CustodianKind};
use crate::desired::observation::Observation;
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
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
    if let Some(said) = files_of_this_machine(ceremony) {
        ceremony.find(said);
    }
    let report = EvidenceReport::of(ceremony);
    let json = {
        let checkpoint = ceremony.checkpoint();
        let json = checkpoint.write_public("report.json", &report.json())?;
        checkpoint.write_public("report.txt", &report.text())?;
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

/// Who names a replica reckons with a machine that vanishes; shares in files would vanish with it.
pub(super) fn files_of_this_machine(ceremony: &Ceremony<'_>) -> Option<String> {
    let config: &Config = ceremony.config;
    let custodians = config.init.custodians.iter();
    let files = custodians.filter(|one| !matches!(one.kind, CustodianKind::Ssm(_)));
    let names: Vec<_> = files.map(|custodian| custodian.name.as_str()).collect();
    if config.checkpoint.replica.is_none() || names.is_empty() {
        return None;
    }
    let (shares, them, holders) = match names.len() {
        1 => ("the share of NAMES is a file", "it", "its holder"),
        _ => ("the shares of NAMES are files", "them", "their holders"),
    };
    let shares = shares.replace("NAMES", &names.join(", "));
    Some(format!(
        "{shares} of this machine, which the replica does not keep: bring {them} to {holders}, or use ssm"
    ))
}

/// What was deleted there and read back as gone may still be in a copy that we cannot see.
fn shares_left_the_machine(ceremony: &Ceremony<'_>) {
    let places = ceremony.diary().replicated_to.clone();
    let replica = ceremony.records.replica();
    let here = replica.map(ReplicaSync::address);
    for place in places {
        let gone = if here == Some(place.as_str()) {
            "they were deleted there and that was read back, but a copy that its operator made cannot be seen \
             from here"
        } else {
            "the file names that place no more, so nothing was deleted there: delete what is still there"
        };
        ceremony.find(format!(
            "the shares left this machine, encrypted, for {place}: {gone}; rotate the shares with verification \
             when break-glass has been rehearsed: {}",
            ceremony.config.command("recovery rotate --from OLD.yaml")
        ));
    }
}
