//! From the old shares to new ones that are in effect: started, made by a quorum, stored, read back, given back.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::checkpoint::rotation::Phase;
use crate::code::Code;
use crate::custodian::Custodian;
use crate::failure::Failure;
use crate::recovery::desired::verb;
use crate::recovery::gather::{Gathered, quorums};
use crate::recovery::run::{Run, ask};
use crate::recovery::session::RotationSession;
use crate::recovery::{leftover, refusals};
use crate::secret::{Share, ShareMaterial};
use crate::shares::storing::{self, Stage};
use crate::shares::{Held, fetch};
use crate::vault::Rotation;
use crate::vault::keys::rotation::{Given, NewShares, Progress, Start, Verified};
use crate::vault::sys::{same_share, seal_status};

/// How often a person is asked for a new share as it is kept.
const READINGS: usize = 3;

/// Makes the new shares and puts them into effect; `kept` are they, once they were read back. What is left of a failure is for
/// the next attempt to settle.
///
/// # Errors
/// Somebody else's rotation is under way; the old shares are not those of this cluster; a new one cannot be stored
/// or read back; or an answer was lost. The old shares are in effect then, unless the answer that was lost was the very last.
pub(super) async fn make(
    run: &Run<'_>,
    inside: &mut RotationSession,
    old: &mut Gathered<'_>,
    kept: &mut Option<Vec<Held>>,
) -> Result<(), Failure> {
    let (new, typed) = hand_out(run, inside, old).await?;
    let NewShares {
        shares,
        verification,
    } = new;
    let phase = run.state.borrow().phase;
    if typed && phase == Phase::Verifying {
        return Err(refusals::typed_alone(&inside.rotation(), run));
    }
    // Only now is it proved that the old ones are in effect, and what was left of earlier attempts is not valid.
    run.old_hold.set(true);
    run.record(|state| state.phase = Phase::Unverified)?;
    leftover::discard_all(run).await?;
    if shares.len() != run.opened.new_custodians.len() {
        return Err(refusals::of_the_server(
            &inside.rotation(),
            "it made a different number of shares",
        ));
    }
    let shares: Vec<ShareMaterial> = shares.into_iter().map(ShareMaterial::Plain).collect();
    let stores = run.opened.new_custodians.iter().zip(&shares).enumerate();
    let stores = stores.map(|(number, (custodian, share))| store(run, custodian, (number, share)));
    let failures = join_all(stores).await.into_iter().filter_map(Result::err);
    Failure::check(failures.collect())?;
    let read = kept.insert(read_back(run, &shares).await?);
    drop(shares);
    inside.renew(run).await?;
    run.record(|state| state.phase = Phase::Verifying)?;
    // Once they are in effect, another machine must know where they are.
    run.records.replicate().await?;
    give_back(run, &inside.rotation(), (&verification, read)).await?;
    holds_now(run, inside).await?;
    let how = "by the server, with shares that were read back from their custodians";
    run.evidence.borrow_mut().set("verified", how);
    run.record(|state| state.phase = Phase::Verified)
}

/// A rotation of ours and a quorum that the server takes, and whether people have typed all of it. Where one share is
/// of no use, others are tried.
async fn hand_out(
    run: &Run<'_>,
    inside: &mut RotationSession,
    old: &mut Gathered<'_>,
) -> Result<(NewShares, bool), Failure> {
    let wanted = usize::try_from(run.old.init.threshold).unwrap_or(usize::MAX);
    let (mut tried, mut last) = (BTreeSet::new(), None);
    loop {
        let names = |quorum: &Vec<usize>| -> Vec<String> {
            let held = quorum.iter().map(|place| &old.held[*place]);
            held.map(|one| one.name.clone()).collect()
        };
        let mut untried = quorums(old.held.len(), wanted).into_iter();
        let Some(quorum) = untried.find(|quorum| !tried.contains(&names(quorum))) else {
            if !old.one_more(run).await? {
                return Err(last.unwrap_or_else(|| refusals::no_quorum(&inside.rotation())));
            }
            inside.renew(run).await?;
            continue;
        };
        let names = names(&quorum);
        let rotation = inside.rotation();
        let (place, refused) = match give(run, &rotation, (old, &quorum)).await? {
            Ok(new) => {
                let list = names.join(", ");
                run.note(format!(
                    "{list} gave a quorum; the new shares are made, and are not valid yet"
                ));
                let typed = quorum.iter().all(|place| old.held[*place].typed);
                return Ok((new, typed));
            }
            Err(refused) => refused,
        };
        let failure = refusals::not_taken(&rotation, &refused, (&names[place], &names));
        if matches!(refused, Given::Gone | Given::Undecided) {
            return Err(failure);
        }
        leftover::end(run, &rotation).await?;
        if matches!(refused, Given::Unreadable | Given::Twice) {
            // It is of no use in any quorum.
            old.held.remove(quorum[place]);
        }
        tried.insert(names);
        if let Some(before) = last.replace(failure) {
            run.warn(before.code(), before.to_string());
        }
    }
}

/// Gives a quorum to a new rotation: the new shares, or which share was refused and how.
async fn give(
    run: &Run<'_>,
    rotation: &Rotation<'_>,
    (old, quorum): (&Gathered<'_>, &[usize]),
) -> Result<Result<NewShares, (usize, Given)>, Failure> {
    let started = start(run, rotation).await?;
    if usize::try_from(started.required).ok() != Some(quorum.len()) {
        return Err(refusals::another_threshold(
            rotation,
            started.required,
            quorum.len(),
        ));
    }
    for (number, place) in quorum.iter().enumerate() {
        match rotation
            .give(&started.nonce, &old.held[*place].share)
            .await?
        {
            Given::Counts(_) => {}
            Given::Complete(new) => return Ok(Ok(new)),
            refused => return Ok(Err((number, refused))),
        }
    }
    Err(refusals::of_the_server(
        rotation,
        "it has all the shares it needs and made no new ones",
    ))
}

/// Starts a rotation and remembers its nonce.
///
/// # Errors
/// Somebody was faster.
pub(super) async fn start(run: &Run<'_>, rotation: &Rotation<'_>) -> Result<Progress, Failure> {
    let before = rotation.progress().await?;
    if before.started {
        return Err(refusals::busy(rotation, &before));
    }
    // Dropped on its way it would arrive after the last look, and be taken for somebody else's.
    let _deferred = run.caller.interrupt.defer_signals();
    run.started_here.set(true);
    run.record(|state| {
        state.starting = true;
        state.nonce = None;
    })?;
    let init = &run.config.init;
    let started = match rotation.start(init.shares, init.threshold).await? {
        Start::Ours(progress) => progress,
        Start::Busy => {
            run.record(|state| state.starting = false)?;
            return Err(refusals::busy(
                rotation,
                &rotation.progress().await.unwrap_or_default(),
            ));
        }
        Start::HandedOut(_) => {
            return Err(refusals::of_the_server(
                rotation,
                "it had no shares before this",
            ));
        }
    };
    run.record(|state| state.nonce = Some(started.nonce.clone()))?;
    run.records.replicate().await?;
    Ok(started)
}

/// One new share with its custodian. What is about to be written is on disk before it is: only such a value may
/// be taken away again.
async fn store(
    run: &Run<'_>,
    custodian: &Custodian,
    (number, share): (usize, &ShareMaterial),
) -> Result<(), Failure> {
    let mark = run.state.borrow().nonce.clone();
    let prepared = custodian.prepare(share).await?.marked(mark.clone());
    let remember = |stage: Stage<'_>| {
        run.record_new(custodian, |new| match stage {
            Stage::Before(prepared) => {
                new.record.number = number;
                new.address = custodian.address();
                new.subject = custodian.proof_subject();
                new.record.encrypted_to = Some(new.subject.clone());
                new.mark.clone_from(&mark);
                let digest = prepared.digest().map(str::to_owned);
                new.record.prepared.extend(digest);
                new.begun = true;
            }
            Stage::NotOurs => new.begun = false,
            Stage::Stored(stored) => new.record.stored = Some(stored.clone()),
        })
    };
    storing::store(&run.records, custodian, (share, &prepared), remember).await?;
    let (name, address) = (custodian.name(), custodian.address());
    let of = run.recorded(custodian).attempt();
    run.note(format!("{name} holds a new share: {address}{of}"));
    Ok(())
}

/// Every new share as its custodian keeps it: one that nobody can open would be found when it is needed.
async fn read_back(run: &Run<'_>, new: &[ShareMaterial]) -> Result<Vec<Held>, Failure> {
    let mut kept = Vec::new();
    for (custodian, share) in run.opened.new_custodians.iter().zip(new) {
        let Some(share) = share.as_plain() else {
            continue;
        };
        kept.push(Held {
            name: custodian.name().to_owned(),
            share: read_one(run, custodian, share).await?,
            // Whoever typed it typed the right one.
            typed: false,
        });
    }
    run.note(format!("all {} new shares were read back", kept.len()));
    Ok(kept)
}

async fn read_one(run: &Run<'_>, custodian: &Custodian, share: &Share) -> Result<Share, Failure> {
    let verb = verb(run.old);
    let (name, address) = (custodian.name(), custodian.address());
    for reading in 1.. {
        let ask = ask(run.config, &verb, run.config.init.shares);
        let back = fetch::share(&ask, custodian, &run.opened.identities).await?;
        if same_share(&back.share, share) {
            return Ok(back.share);
        }
        if !back.typed {
            return Err(Failure::refused(
                Code::ShareChanged,
                format!("{address}, the new share of {name}, is not what was stored"),
            )
            .advise("find out who writes there"));
        }
        if reading == READINGS {
            break;
        }
        run.warn(Code::ShareUnreadable, format!(
            "that is not the new share of {name}, which is in {address}: it is asked for once more"
        ));
    }
    Err(Failure::failed(
        Code::ShareUnreadable,
        format!(
            "what was typed {READINGS} times is not the new share of {name}, which is in {address}"
        ),
    )
    .advise("let its holder open that very file, and run the same command again"))
}

async fn give_back(
    run: &Run<'_>,
    rotation: &Rotation<'_>,
    (nonce, kept): (&str, &[Held]),
) -> Result<(), Failure> {
    let shares = kept.iter().map(|one| &one.share);
    match storing::verify(rotation, nonce, shares).await? {
        Verified::Holds => Ok(()),
        Verified::Gone => Err(refusals::gone(rotation)),
        Verified::Wrong => Err(refusals::of_the_server(
            rotation,
            "it does not know the new shares as they were read back",
        )),
        Verified::Counts => {
            let (t, n) = (run.config.init.threshold, kept.len());
            Err(refusals::of_the_server(
                rotation,
                &format!(
                    "it has all {n} new shares, wanted {t}, and does not say that they are in effect"
                ),
            ))
        }
    }
}

/// The server says so itself.
async fn holds_now(run: &Run<'_>, inside: &RotationSession) -> Result<(), Failure> {
    let (init, rotation) = (&run.config.init, inside.rotation());
    let seal = seal_status(&inside.client.in_namespace(None)).await?;
    let now = rotation.progress().await?;
    if (seal.n, seal.t, now.required) == (init.shares, init.threshold, init.threshold) {
        return Ok(());
    }
    Err(Failure::failed(
        Code::SharesNotAsInFile,
        format!(
            "{}: the new shares were verified, and it says that {} of {} open it",
            rotation.address(),
            seal.t,
            seal.n
        ),
    )
    .advise(format!("see whether it stays so: {}", run.again()))
    .passing())
}
