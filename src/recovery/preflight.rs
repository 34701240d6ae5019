//! What can be known to fail is found before the server is asked for anything.

use futures::future::join_all;

use super::desired::verb;
use super::fresh;
use super::making::Held;
use super::run::{Run, ask};
use super::state::{Phase, State};
use crate::bootstrap::checkpoint::Checkpoint;
use crate::config::Config;
use crate::custodian::{Custodian, Presence, trial_name};
use crate::edge::shares;
use crate::failure::Failure;
use crate::vault::Client;
use crate::vault::sys::seal_status;

/// Where an earlier run of this rotation stopped; a new state where there was none.
///
/// # Errors
/// The cluster was not handed over, another rotation is half done, or the file of the old shares is not that of the
/// shares that hold.
pub(super) fn begun(
    (config, old): (&Config, &Config),
    checkpoint: &Checkpoint,
) -> Result<State, Failure> {
    let directory = checkpoint.directory().display().to_string();
    let diary = checkpoint.diary();
    if !diary.handed_over() {
        return Err(Failure::refused(format!(
            "the cluster of {directory} is not handed over, and its shares are still on their way"
        ))
        .advise(format!(
            "bring the ceremony to its end first: {}",
            old.command("apply")
        )));
    }
    let holds = diary.asked.map_or(1, |asked| asked.generation);
    let (wanted, init) = (config.init.generation, &config.init);
    let kept = State::read(checkpoint.directory())?;
    let kept = kept.filter(|state| state.cluster_id == diary.cluster.cluster_id);
    let counts = |state: &State| state.generation == wanted || state.phase != Phase::Done;
    if let Some(state) = kept.filter(|state| state.has_begun() && counts(state)) {
        let asked = (state.generation, state.shares, state.threshold);
        let named = |name: &String| init.custodians.iter().any(|one| one.name == *name);
        if asked == (wanted, init.shares, init.threshold) && state.new.keys().all(named) {
            return Ok(state);
        }
        let (made, (n, t)) = (state.generation, (state.shares, state.threshold));
        return Err(Failure::refused(format!(
            "{directory} has begun generation {made} of the shares ({t} of {n}), and the file asks for another thing"
        ))
        .advise(format!(
            "bring that to its end first: put init.generation, shares, threshold and custodians back to what they \
             were for generation {made}"
        )));
    }
    if holds != old.init.generation {
        return Err(Failure::refused(format!(
            "{directory} says that generation {holds} of the shares holds, and {} is of generation {}",
            old.file.display(),
            old.init.generation
        ))
        .advise("name with --from the file of the shares that hold now"));
    }
    Ok(fresh(config, checkpoint))
}

/// The server has the shares that the file of before describes. One without any would hand new ones to whoever asks.
///
/// # Errors
/// It has others, or none.
pub(super) async fn old_ones_are_meant(run: &Run<'_>, client: &Client) -> Result<(), Failure> {
    let seal = seal_status(&client.in_namespace(None)).await?;
    let old = &run.old.init;
    if (seal.n, seal.t) == (old.shares, old.threshold) {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "{} says that any {} of {} shares open it, and {} says any {} of {}",
        client.address(),
        seal.t,
        seal.n,
        run.old.file.display(),
        old.threshold,
        old.shares
    ))
    .advise("name with --from the file of the shares that hold now"))
}

/// Every new custodian takes, gives back and loses a trial value, and has none of our names.
///
/// # Errors
/// All that do not.
pub(super) async fn names_are_free(run: &Run<'_>) -> Result<(), Failure> {
    let trial = match run.checkpoint.borrow().diary().trial.clone() {
        Some(trial) => trial,
        None => trial_name()?,
    };
    let trial = &trial;
    let tries = run
        .new_custodians
        .iter()
        .zip(1..)
        .map(|(custodian, number)| async move {
            let name = format!("{trial}-r{number}");
            let (canary, presence) = futures::join!(custodian.canary(&name), custodian.presence());
            (custodian, canary, presence)
        });
    let mut failures = Vec::new();
    for (custodian, canary, presence) in join_all(tries).await {
        match canary {
            Ok(result) => result
                .warnings
                .into_iter()
                .for_each(|text| run.voice.warn(text)),
            Err(error) => failures.push(of(custodian, error.into())),
        }
        match presence {
            Ok(Presence::Absent) => {}
            Ok(Presence::Present(_)) => failures.push(
                Failure::refused(format!("{} already holds something", custodian.address())).advise(
                    "nothing is ever overwritten: see what it is, then move it away or raise init.generation",
                ),
            ),
            Err(error) => failures.push(of(custodian, error.into())),
        }
    }
    Failure::all(failures).map_or(Ok(()), Err)
}

fn of(custodian: &Custodian, mut failure: Failure) -> Failure {
    for problem in &mut failure.problems {
        problem.what = format!("custodian {}: {}", custodian.name(), problem.what);
    }
    failure
}

/// A quorum of the old shares: of those that a machine opens first, so that no person is called in vain.
///
/// # Errors
/// There are not enough; why, of each.
pub(super) async fn old_shares(run: &Run<'_>) -> Result<Vec<Held>, Failure> {
    let enough = usize::try_from(run.old.init.threshold).unwrap_or(usize::MAX);
    let mut custodians = Vec::new();
    for custodian in &run.old_custodians {
        custodians.push((!custodian.opens_with(&run.identities).await, custodian));
    }
    custodians.sort_by_key(|(asks_a_person, _)| *asks_a_person);
    let verb = verb(run.old);
    let (mut held, mut failures) = (Vec::new(), Vec::new());
    for (_, custodian) in custodians {
        if held.len() == enough {
            break;
        }
        let ask = ask(run.config, &verb);
        match shares::share(&ask, custodian, &run.identities).await {
            Ok(share) => held.push(Held {
                name: custodian.name().to_owned(),
                share,
            }),
            Err(failure) => failures.push(of(custodian, failure)),
        }
    }
    if held.len() == enough {
        return Ok(held);
    }
    let (have, from) = (held.len(), run.old.file.display());
    failures.push(
        Failure::failed(format!(
            "only {have} of the {enough} old shares of a quorum can be had"
        ))
        .advise(format!(
            "bring the others to where {from} says, or their keys here by --identity"
        )),
    );
    Err(Failure::all(failures).unwrap_or_else(|| Failure::failed("no old share can be had")))
}
