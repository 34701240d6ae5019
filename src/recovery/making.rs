//! From the old shares to new ones that hold: started, made by a quorum, stored, read back, given back.

use futures::future::join_all;

use super::desired::verb;
use super::run::{Run, ask};
use super::state::Phase;
use super::words;
use crate::custodian::{self, Custodian};
use crate::edge::shares;
use crate::failure::Failure;
use crate::secret::{Handed, Share};
use crate::vault::Rotation;
use crate::vault::rotation::{Given, NewShares, Start, Verified};
use crate::vault::sys::seal_status;

/// A share in hand, and whose it is.
pub(super) struct Held {
    pub(super) name: String,
    pub(super) share: Share,
}

/// Makes the new shares and lets them hold. What is left of a failure is for the next attempt to settle.
///
/// # Errors
/// Somebody else's rotation is under way; the old shares are not those of this cluster; a new one cannot be stored
/// or read back; or an answer was lost. The old shares hold then, unless the answer that was lost was the very last.
pub(super) async fn make(
    run: &Run<'_>,
    client: &crate::vault::Client,
    rotation: &Rotation<'_>,
    quorum: &[Held],
) -> Result<(), Failure> {
    let new = hand_out(run, rotation, quorum).await?;
    if new.shares.len() != run.new_custodians.len() {
        return Err(words::of_the_server(
            rotation,
            "it made another number of shares",
        ));
    }
    let NewShares {
        shares,
        verification,
    } = new;
    let shares: Vec<Handed> = shares.into_iter().map(Handed::Open).collect();
    let stores = run.new_custodians.iter().zip(&shares).enumerate();
    let stores = stores.map(|(number, (custodian, share))| store(run, custodian, (number, share)));
    let failures = join_all(stores).await.into_iter().filter_map(Result::err);
    if let Some(failure) = Failure::all(failures.collect()) {
        return Err(failure);
    }
    let kept = read_back(run, &shares).await?;
    drop(shares);
    run.record(|state| state.phase = Phase::Verifying)?;
    give_back(run, rotation, (&verification, &kept)).await?;
    holds_now(run, client, rotation).await?;
    run.record(|state| state.phase = Phase::Verified)
}

/// A rotation of ours and the quorum that it wants.
async fn hand_out(
    run: &Run<'_>,
    rotation: &Rotation<'_>,
    quorum: &[Held],
) -> Result<NewShares, Failure> {
    let nonce = start(run, rotation, quorum.len()).await?;
    let names: Vec<_> = quorum.iter().map(|held| held.name.as_str()).collect();
    for held in quorum {
        match rotation.give(&nonce, &held.share).await? {
            Given::Counts(_) => {}
            Given::HandedOut(new) => {
                let list = names.join(", ");
                run.voice.note(format!(
                    "{list} gave a quorum; the new shares are made, and open nothing yet"
                ));
                return Ok(new);
            }
            refused => return Err(words::not_taken(rotation, &refused, &held.name, &names)),
        }
    }
    Err(words::of_the_server(
        rotation,
        "it has all shares that it wants and made no new ones",
    ))
}

/// Starts a rotation and remembers its nonce.
///
/// # Errors
/// Somebody was faster, or it wants another number of shares than `wanted`.
pub(super) async fn start(
    run: &Run<'_>,
    rotation: &Rotation<'_>,
    wanted: usize,
) -> Result<String, Failure> {
    let before = rotation.progress().await?;
    if before.started {
        return Err(words::busy(rotation, &before));
    }
    run.record(|state| {
        state.starting = true;
        state.nonce = None;
    })?;
    let init = &run.config.init;
    let started = match rotation.start(init.shares, init.threshold).await? {
        Start::Ours(progress) => progress,
        Start::Busy => {
            run.record(|state| state.starting = false)?;
            return Err(words::busy(
                rotation,
                &rotation.progress().await.unwrap_or_default(),
            ));
        }
        Start::HandedOut(_) => {
            return Err(words::of_the_server(
                rotation,
                "it had no shares before this",
            ));
        }
    };
    run.record(|state| state.nonce = Some(started.nonce.clone()))?;
    if usize::try_from(started.required).ok() != Some(wanted) {
        return Err(words::another_threshold(rotation, started.required, wanted));
    }
    Ok(started.nonce)
}

/// One new share with its custodian. What is about to be written is on disk before it is: only such a value may
/// be taken away again.
async fn store(
    run: &Run<'_>,
    custodian: &Custodian,
    (number, share): (usize, &Handed),
) -> Result<(), Failure> {
    let prepared = custodian.prepare(share).await?;
    run.record_new(custodian, |new| {
        new.number = number;
        new.address = custodian.address();
        new.prepared.extend(prepared.digest().map(str::to_owned));
        new.begun = true;
    })?;
    match custodian.store(share, &prepared).await {
        Ok(stored) => {
            run.record_new(custodian, |new| new.stored = Some(stored))?;
            let (name, address) = (custodian.name(), custodian.address());
            run.voice
                .note(format!("{name} holds a new share: {address}"));
            Ok(())
        }
        Err(error) => {
            if matches!(error.kind(), custodian::Kind::Taken) {
                // It is somebody else's, and never to be taken away as ours.
                run.record_new(custodian, |new| new.begun = false)?;
            }
            Err(error.into())
        }
    }
}

/// Every new share as its custodian keeps it: one that nobody can open would be found when it is needed.
async fn read_back(run: &Run<'_>, new: &[Handed]) -> Result<Vec<Share>, Failure> {
    let verb = verb(run.old);
    let mut kept = Vec::new();
    for (custodian, share) in run.new_custodians.iter().zip(new) {
        let ask = ask(run.config, &verb);
        let back = shares::share(&ask, custodian, &run.identities).await?;
        if !share
            .as_open()
            .is_some_and(|share| custodian::same_share(&back, share))
        {
            return Err(Failure::refused(format!(
                "{}, the new share of {}, is not what was stored",
                custodian.address(),
                custodian.name()
            ))
            .advise("see who writes there; the old shares still hold"));
        }
        kept.push(back);
    }
    run.voice
        .note(format!("all {} new shares were read back", kept.len()));
    Ok(kept)
}

async fn give_back(
    run: &Run<'_>,
    rotation: &Rotation<'_>,
    (nonce, kept): (&str, &[Share]),
) -> Result<(), Failure> {
    for share in kept {
        match rotation.verify(nonce, share).await? {
            Verified::Counts => {}
            Verified::Holds => return Ok(()),
            Verified::Gone => return Err(words::gone(rotation)),
            Verified::Wrong => {
                return Err(words::of_the_server(
                    rotation,
                    "it does not know the new shares as they were read back; the old ones still hold",
                ));
            }
        }
    }
    let (t, n) = (run.config.init.threshold, kept.len());
    Err(words::of_the_server(
        rotation,
        &format!("it has all {n} new shares, wanted {t}, and does not say that they hold"),
    ))
}

/// The server says so itself.
async fn holds_now(
    run: &Run<'_>,
    client: &crate::vault::Client,
    rotation: &Rotation<'_>,
) -> Result<(), Failure> {
    let init = &run.config.init;
    let seal = seal_status(&client.in_namespace(None)).await?;
    let now = rotation.progress().await?;
    if (seal.n, seal.t, now.required) == (init.shares, init.threshold, init.threshold) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{}: the new shares were verified, and it says that {} of {} open it",
        rotation.address(),
        seal.t,
        seal.n
    ))
    .advise(format!(
        "see whether it stays so: {}",
        run.config.command(&verb(run.old))
    ))
    .passing())
}
