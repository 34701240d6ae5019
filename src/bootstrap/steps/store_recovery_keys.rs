//! Each share at its own custodian, read back equal; then this program keeps none of them.
//!
//! Custodians are independent of each other and go in parallel; a share that is stored is not touched
//! again. When all are there, the checkpoint is rewritten with the root token alone, under a fresh key.

use futures::future::join_all;

use crate::bootstrap::ceremony::{Ceremony, Session};
use crate::bootstrap::evidence::Evidence;
use crate::bootstrap::step::Observation;
use crate::custodian::{Custodian, Observation as Look, Stored};
use crate::envelope::Sealer;
use crate::failure::Failure;
use crate::secret::Share;

/// Looks at what is recorded as stored: version and digest, never a share.
pub(super) async fn observe(ceremony: &Ceremony<'_>) -> Result<Observation, Failure> {
    let looks = ceremony.custodians.iter().map(|custodian| async move {
        let Some(stored) = stored(ceremony, custodian.name()) else {
            return (custodian, None);
        };
        let observed = custodian.observe(&stored).await;
        (custodian, Some((stored, observed)))
    });
    let (mut there, mut missing, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
    for (custodian, found) in join_all(looks).await {
        match found {
            Some((stored, Ok(Look::Same))) => there.push(fact(custodian, &stored)),
            Some((_, Ok(Look::Changed(how)))) => {
                ceremony.find(format!(
                    "{} changed since it was stored: {how}",
                    custodian.address()
                ));
                unseen.push(custodian.address());
            }
            Some((_, Ok(Look::Missing))) => {
                ceremony.find(format!(
                    "the share of {} is gone: {}",
                    custodian.name(),
                    custodian.address()
                ));
                unseen.push(custodian.address());
            }
            Some((_, Err(error))) => {
                ceremony.note(format!("{error}"));
                unseen.push(custodian.address());
            }
            None => missing.push(format!("{} has no share yet", custodian.name())),
        }
    }
    let evidence = Evidence::default().with("custodians", &there);
    // Shares still in the checkpoint mean that the step did not come to its end.
    if !ceremony.shares.is_empty() {
        return Ok(Observation::partial(missing));
    }
    if !missing.is_empty() {
        return Ok(Observation::unknown(
            "shares are missing and no longer in the checkpoint",
        ));
    }
    if unseen.is_empty() {
        return Ok(Observation::present(evidence));
    }
    let why = format!("not re-checked: {}", unseen.join(", "));
    Ok(Observation {
        evidence,
        ..Observation::unknown(why)
    })
}

/// Stores what is not stored yet, then drops the shares from memory and checkpoint.
pub(super) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    let view = &*ceremony;
    let stores = view
        .custodians
        .iter()
        .zip(&view.shares)
        .map(|(custodian, share)| store_one(view, custodian, share));
    let (mut facts, mut failures) = (Vec::new(), Vec::new());
    for result in join_all(stores).await {
        match result {
            Ok(fact) => facts.push(fact),
            Err(failure) => failures.push(failure),
        }
    }
    if let Some(failure) = Failure::all(failures) {
        return Err(failure);
    }
    forget_shares(ceremony).await?;
    Ok(Evidence::default().with("custodians", facts))
}

async fn store_one(
    ceremony: &Ceremony<'_>,
    custodian: &Custodian,
    share: &Share,
) -> Result<serde_json::Value, Failure> {
    let name = custodian.name().to_owned();
    if let Some(stored) = stored(ceremony, &name) {
        return Ok(fact(custodian, &stored));
    }
    let record = ceremony
        .diary()
        .diary()
        .shares
        .get(&name)
        .cloned()
        .unwrap_or_default();
    let prepared = custodian.prepare(share)?.with_earlier(record.prepared);
    // Before it is stored: whatever is found there later with one of these digests is ours.
    ceremony.checkpoint().record(|diary| {
        let record = diary.shares.entry(name.clone()).or_default();
        record.prepared.extend(prepared.digest().map(str::to_owned));
    })?;
    let stored = custodian.store(share, &prepared).await?;
    ceremony.checkpoint().record(|diary| {
        let record = diary.shares.entry(name.clone()).or_default();
        record.stored = serde_json::to_value(&stored).ok();
    })?;
    ceremony.note(format!("{name} holds a share: {}", custodian.address()));
    Ok(fact(custodian, &stored))
}

async fn forget_shares(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    let Session::Root(root) = &ceremony.session else {
        return Err(Failure::failed("there is no root token to keep"));
    };
    let sealer = Sealer::create(ceremony.key()?, &ceremony.config.cluster.name).await?;
    ceremony.diary().keep_root_token(&sealer, root)?;
    ceremony.shares = Vec::new();
    Ok(())
}

fn stored(ceremony: &Ceremony<'_>, name: &str) -> Option<Stored> {
    let checkpoint = ceremony.diary();
    let stored = checkpoint.diary().shares.get(name)?.stored.clone()?;
    serde_json::from_value(stored).ok()
}

fn fact(custodian: &Custodian, stored: &Stored) -> serde_json::Value {
    serde_json::json!({
        "name": custodian.name(),
        "address": custodian.address(),
        "stored": stored,
    })
}
