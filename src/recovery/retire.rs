//! The new shares hold: the checkpoint's diary says so, and what opens nothing any more is taken away.

use super::run::Run;
use super::state::{OldShare, Phase};
use crate::bootstrap::checkpoint::{Asked, ShareRecord};
use crate::custodian::{Custodian, Observation, Presence};
use crate::failure::Failure;

/// Notes what is there before anything is begun.
///
/// # Errors
/// It cannot be looked at.
pub(super) async fn note_old(run: &Run<'_>) -> Result<(), Failure> {
    let mut old = std::collections::BTreeMap::new();
    for custodian in &run.old_custodians {
        let found = match custodian.presence().await? {
            Presence::Absent => None,
            Presence::Present(found) => Some(found),
        };
        let entry = OldShare {
            address: custodian.address(),
            found,
            retired: false,
        };
        old.insert(custodian.name().to_owned(), entry);
    }
    run.record(|state| state.old = old)
}

/// The diary knows the new shares from here on.
///
/// # Errors
/// The disk refuses, or the second place.
pub(super) async fn hand_over(run: &Run<'_>, recovery: bool) -> Result<(), Failure> {
    let state = run.state.borrow().clone();
    let records = state.new.iter().map(|(name, new)| {
        let record = ShareRecord {
            number: new.number,
            prepared: new.prepared.clone(),
            unverified: None,
            stored: serde_json::to_value(&new.stored).ok(),
        };
        (name.clone(), record)
    });
    let records = records.collect();
    run.checkpoint.borrow_mut().record(|diary| {
        diary.shares = records;
        diary.asked = Some(Asked {
            shares: state.shares,
            threshold: state.threshold,
            recovery,
            sealed: false,
            generation: state.generation,
            two_phase: diary.two_phase(),
        });
    })?;
    match &run.second_place {
        Some(place) => place.follow(&run.checkpoint).await,
        None => Ok(()),
    }
}

/// Takes the old shares away. Who keeps a copy elsewhere is a person's business, and named.
///
/// # Errors
/// One could not be taken away; the others were.
pub(super) async fn retire(run: &Run<'_>) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for custodian in &run.old_custodians {
        if let Err(failure) = one(run, custodian).await {
            failures.push(failure);
        }
    }
    if let Some(failure) = Failure::all(failures) {
        return Err(failure);
    }
    run.record(|state| state.phase = Phase::Done)
}

async fn one(run: &Run<'_>, custodian: &Custodian) -> Result<(), Failure> {
    let (name, address) = (custodian.name(), custodian.address());
    let known = run.state.borrow().old.get(name).cloned();
    let Some(known) = known.filter(|known| known.address == address) else {
        run.voice.warn(format!(
            "{address}, an old share of {name}, was not named by --from when the rotation began, and is left there"
        ));
        return Ok(());
    };
    if known.retired {
        return Ok(());
    }
    match &known.found {
        None => run.voice.warn(format!(
            "{address}, the old share of {name}, was not there: let {name} destroy it, wherever it is; it opens nothing \
             any more"
        )),
        Some(found) => match custodian.observe(found).await? {
            Observation::Changed(how) => run.voice.warn(format!(
                "{address} is not the old share of {name} any more and is left there: {how}"
            )),
            Observation::Missing | Observation::Same => {
                custodian.remove().await?;
                run.voice.note(format!("took away {address}, the old share of {name}"));
            }
        },
    }
    run.record(|state| {
        if let Some(old) = state.old.get_mut(name) {
            old.retired = true;
        }
    })
}
