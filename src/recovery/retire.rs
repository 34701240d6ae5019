//! The new shares are in effect: the checkpoint's diary says so, and what is no longer valid is taken away.

use std::collections::BTreeMap;

use crate::checkpoint::rotation::{OldShare, Phase};
use crate::checkpoint::{Asked, now};
use crate::code::Code;
use crate::custodian::{Custodian, Observation, Stored};
use crate::failure::Failure;
use crate::finding::Finding;
use crate::holder_file;
use crate::recovery::run::Run;
use crate::step::Step;

/// Notes what was stored with each old custodian, before anything is begun: nothing else is ever taken away.
///
/// # Errors
/// The file names another place than where it was stored, or something else is there.
pub(super) async fn note_old(run: &Run<'_>) -> Result<(), Failure> {
    if !knows_the_old(run) {
        run.warn(Code::OldShareLeft, format!(
            "the checkpoint does not know the shares of generation {}: they are left where they are",
            run.old.init.generation
        ));
        return run.record(|state| state.old.clear());
    }
    let (mut old, mut failures) = (BTreeMap::new(), Vec::new());
    for custodian in &run.opened.old_custodians {
        match look(run, custodian).await {
            Ok(found) => {
                let entry = OldShare {
                    address: custodian.address(),
                    found,
                    retired: false,
                    left: None,
                };
                old.insert(custodian.name().to_owned(), entry);
            }
            Err(failure) => failures.push(failure),
        }
    }
    Failure::check(failures)?;
    run.record(|state| state.old = old)
}

/// Whether the diary is that of the shares that the file of before names.
fn knows_the_old(run: &Run<'_>) -> bool {
    let checkpoint = run.records.borrow();
    let asked = checkpoint.diary().asked;
    asked.map_or(1, |asked| asked.generation) == run.old.init.generation
}

async fn look(run: &Run<'_>, custodian: &Custodian) -> Result<Option<Stored>, Failure> {
    let (name, address) = (custodian.name(), custodian.address());
    let from = run.old.file.display();
    let stored = run.records.diary().stored(name).cloned();
    // What lies at a place of which the diary knows nothing may be anybody's.
    let Some(stored) = stored else {
        return Err(Failure::refused(
            Code::KeySetOther,
            format!("no share was stored with {name}, whom {from} names with {address}"),
        )
        .advise("name with --from the file of the shares that are in effect now, as it was"));
    };
    if stored.address != address {
        return Err(Failure::refused(
            Code::KeySetOther,
            format!(
                "the share of {name} was stored at {}, and {from} names {address}",
                stored.address
            ),
        )
        .advise("name with --from the file of the shares that are in effect now, as it was"));
    }
    // What cannot be looked at now is looked at once more before it is taken away.
    match custodian.presence().await {
        Err(_) => return Ok(Some(stored)),
        Ok(None) => return Ok(None),
        Ok(Some(_)) => {}
    }
    match custodian.observe(&stored).await? {
        Observation::Same => Ok(Some(stored)),
        Observation::Missing => Ok(None),
        Observation::Changed(how) => Err(Failure::refused(Code::ShareChanged, format!(
            "{address}, where the share of {name} was stored, is not what was stored there: {how}"
        ))
        .advise("see who wrote it, and move it away: where other shares make a quorum, it goes on without this one")),
    }
}

/// The diary knows the new shares from here on.
pub(super) async fn hand_over(run: &Run<'_>, recovery: bool) -> Result<(), Failure> {
    run.record(|state| {
        state.since.get_or_insert_with(now);
    })?;
    let state = run.state.borrow().clone();
    let new = state.new.into_iter();
    let records = new.map(|(name, new)| (name, new.record)).collect();
    run.records.borrow_mut().record(|diary| {
        diary.shares = records;
        // What left this machine, encrypted, for a replica were the shares of before.
        diary.replicated_to.clear();
        diary.settle(Step::HandOver, |one| {
            Finding::is_of(one, Finding::SHARES_LEFT)
        });
        diary.asked = Some(Asked {
            shares: state.wanted.shares,
            threshold: state.wanted.threshold,
            recovery,
            sealed: false,
            generation: state.wanted.generation,
            two_phase: diary.two_phase(),
        });
    })?;
    let written = files_of_holders(run)?;
    if !written.is_empty() {
        run.note(format!(
            "each holder needs their new file, in {}: {}",
            run.records.borrow().directory().display(),
            written.join(", ")
        ));
    }
    run.records.replicate().await
}

/// What each holder needs at a machine of their own names the shares that are in effect now.
fn files_of_holders(run: &Run<'_>) -> Result<Vec<String>, Failure> {
    let checkpoint = run.records.borrow();
    let id = checkpoint.diary().cluster.cluster_id.as_deref();
    let mut names = Vec::new();
    for (name, text) in holder_file::all(run.config, id) {
        checkpoint.write_public(&name, &text)?;
        names.push(name);
    }
    Ok(names)
}

/// Takes the old shares away: what became of those that are left. They are no longer valid, and bar nothing.
pub(super) async fn retire(run: &Run<'_>) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for custodian in &run.opened.old_custodians {
        let (address, name) = (custodian.address(), custodian.name().to_owned());
        if run.state.borrow().old.is_empty() {
            findings.push(Finding::OldShareUnknown(address, name));
        } else if let Err(failure) = one(run, custodian).await {
            findings.push(Finding::OldShareLeft(address, name, failure.to_string()));
        }
    }
    Ok(findings)
}

/// Nothing is left to do, and what was done is told.
pub(super) async fn done(run: &Run<'_>) -> Result<(), Failure> {
    run.record(|state| state.phase = Phase::Done)?;
    run.records.replicate().await
}

async fn one(run: &Run<'_>, custodian: &Custodian) -> Result<(), Failure> {
    let (name, address) = (custodian.name(), custodian.address());
    let known = run.state.borrow().old.get(name).cloned();
    let Some(known) = known.filter(|known| known.address == address) else {
        run.warn(Code::OldShareLeft, format!(
            "{address}, an old share of {name}, was not looked at when the rotation began, and is left there"
        ));
        return Ok(());
    };
    if known.retired {
        return Ok(());
    }
    let mut left = None;
    match &known.found {
        None => {
            left = Some("it was not there".to_owned());
            run.warn(Code::OldShareLeft, format!(
            "{address}, the old share of {name}, was not there: let {name} destroy it, wherever it is; it is no longer \
             valid"
            ));
        }
        Some(found) => {
            match custodian.observe(found).await? {
                Observation::Changed(how) => {
                    run.warn(Code::OldShareLeft, format!(
                    "{address} is not the old share of {name} any more and is left there: {how}"
                ));
                    left = Some(how.clone());
                }
                Observation::Missing => left = Some("it was not there".to_owned()),
                Observation::Same => {
                    custodian.remove().await?;
                    run.note(format!("removed {address}, the old share of {name}"));
                }
            }
        }
    }
    run.record(|state| {
        if let Some(old) = state.old.get_mut(name) {
            old.retired = true;
            old.left = left;
        }
    })
}
