//! What can be known to fail is found before the server is asked for anything.

use crate::checkpoint::Checkpoint;
use crate::checkpoint::rotation::{KeySet, NewShare, Phase, Rotation as State};
use crate::code::Code;
use crate::config::Config;
use crate::custodian::{Custodian, trial_name};
use crate::failure::Failure;
use crate::recovery::run::Run;
use crate::shares::trial;
use crate::vault::Client;
use crate::vault::sys::seal_status;

/// Where an earlier run of this rotation stopped; a new state where there was none.
///
/// # Errors
/// The cluster was not handed over, another rotation is half done, or the file of the old shares is not that of the
/// shares that are in effect.
pub(super) fn begun(
    (config, old): (&Config, &Config),
    checkpoint: &Checkpoint,
) -> Result<State, Failure> {
    let directory = checkpoint.directory().display().to_string();
    let diary = checkpoint.diary();
    if diary.steps.is_empty() || diary.adopted.is_some() {
        return Err(knows_nothing(&directory, old));
    }
    if !diary.handed_over() {
        return Err(Failure::refused(Code::NotHandedOver, format!(
            "the cluster of {directory} is not handed over, and its shares are still on their way"
        ))
        .advise(format!(
            "finish the ceremony first: {}",
            old.command("apply")
        )));
    }
    let holds = diary.asked.map_or(1, |asked| asked.generation);
    let (wanted, init) = (config.init.generation, &config.init);
    let kept = diary.rotation.clone();
    let counts = |state: &State| state.wanted.generation == wanted || state.phase != Phase::Done;
    if let Some(mut state) = kept.filter(|state| state.has_begun() && counts(state)) {
        // What is not valid is made anew as the file now says: a slip in it must not bar the way for ever.
        if state.phase == Phase::Unverified && state.wanted.generation <= wanted {
            state.wanted = KeySet::of(&config.init);
        }
        let is_invalid = state.phase == Phase::Unverified;
        let named = |name: &String| init.custodians.iter().any(|one| one.name == *name);
        if state.wanted != KeySet::of(&config.init) || !(is_invalid || state.new.keys().all(named))
        {
            let made = state.wanted;
            return Err(Failure::refused(Code::KeySetOther, format!(
                "{directory} has begun generation {} of the shares ({} of {}), and the file asks for another thing",
                made.generation, made.threshold, made.shares
            ))
            .advise(format!(
                "finish that first: put init.generation, shares, threshold and custodians back to what \
                 they were for generation {}",
                made.generation
            )));
        }
        let named = |name: &String| old.init.custodians.iter().any(|one| one.name == *name);
        if state.before != KeySet::of(&old.init) || !state.old.keys().all(named) {
            return Err(another_from(old));
        }
        return Ok(state);
    }
    // An old copy of the directory knows those of before. Whether later ones are in effect, the server says, before anything is
    // made; of what lies there nothing is known, so none of it is taken away.
    if old.init.generation < holds {
        return Err(Failure::refused(Code::KeySetOther, format!(
            "{directory} says that generation {holds} of the shares is in effect, and {} is of generation {}",
            old.file.display(),
            old.init.generation
        ))
        .advise("name with --from the file of the shares that are in effect now"));
    }
    Ok(State::new(KeySet::of(&config.init), KeySet::of(&old.init)))
}

/// A directory that is gone, or another one: where old shares lie, and what they were, nobody knows then.
fn knows_nothing(directory: &str, old: &Config) -> Failure {
    Failure::refused(Code::CheckpointEmpty, format!(
        "{directory} knows nothing of the shares of this cluster, so no share is made or taken away on its word"
    ))
    .advise(format!(
        "a new cluster has its ceremony first: {}; of one that was handed over, name the directory of its ceremony in \
         checkpoint.path, or bring that back, be it an old copy or by checkpoint.replica; where it is lost for good, \
         the server's own program makes new shares: bao operator rotate-keys, or vault operator rekey, with -init and \
         -verify, and -target=recovery where the seal opens by itself; keep to -verify",
        old.command("apply")
    ))
}

/// What was said of the old shares is not to change in the middle.
pub(super) fn another_from(old: &Config) -> Failure {
    Failure::refused(Code::KeySetOther, format!(
        "{} is not the file that this rotation began with: it says something else of the old shares",
        old.file.display()
    ))
    .advise("name with --from the very file that it began with")
}

/// What is recorded of new and old shares is about the places, and the keys for them, that the two files name.
pub(super) fn places_are_meant(run: &Run<'_>) -> Result<(), Failure> {
    let state = run.state.borrow();
    if !state.has_begun() {
        return Ok(());
    }
    for custodian in &run.opened.old_custodians {
        let known = state.old.get(custodian.name());
        if known.is_some_and(|known| known.address != custodian.address()) {
            return Err(another_from(run.old));
        }
    }
    if state.phase == Phase::Unverified {
        return Ok(());
    }
    let mut failures = Vec::new();
    for custodian in &run.opened.new_custodians {
        let (name, address) = (custodian.name(), custodian.address());
        let known = state.new.get(name);
        let same = |known: &NewShare| {
            known.address == address && known.subject == custodian.proof_subject()
        };
        if let Some(known) = known.filter(|known| !same(known)) {
            failures.push(
                Failure::refused(
                    Code::KeySetOther,
                    format!(
                        "the new share of {name} went to {} for {}, and {} names {address} for {}",
                        known.address,
                        known.subject,
                        run.config.file.display(),
                        custodian.proof_subject()
                    ),
                )
                .advise(
                    "put that back; who is to keep another one gets it with the next generation",
                ),
            );
        }
    }
    Failure::check(failures)
}

/// The server has the shares that the file of before describes. One without any would hand new ones to whoever asks.
pub(super) async fn old_ones_are_meant(run: &Run<'_>, client: &Client) -> Result<(), Failure> {
    let seal = seal_status(&client.in_namespace(None)).await?;
    let old = &run.old.init;
    if (seal.n, seal.t) == (old.shares, old.threshold) {
        return Ok(());
    }
    Err(Failure::refused(
        Code::SharesNotAsInFile,
        format!(
            "{} says that any {} of {} shares open it, and {} says any {} of {}",
            client.address(),
            seal.t,
            seal.n,
            run.old.file.display(),
            old.threshold,
            old.shares
        ),
    )
    .advise("name with --from the file of the shares that are in effect now"))
}

/// Every new custodian takes, gives back and loses a trial value, and nobody else has the names.
pub(super) async fn names_are_free(run: &Run<'_>) -> Result<(), Failure> {
    let trial = match run.records.diary().trial.clone() {
        Some(trial) => trial,
        None => trial_name()?,
    };
    let names = (&*format!("{trial}-r"), "raise init.generation");
    // Whether a recorded one is still ours is looked at once it is known to be invalid.
    let is_ours = |custodian: &Custodian| {
        let recorded = run.recorded(custodian);
        recorded.begun && recorded.address == custodian.address()
    };
    let (custodians, events) = (&run.opened.new_custodians, run.caller.events);
    let mut failures = Vec::new();
    trial::try_all(custodians, names, is_ours, events, &mut failures).await;
    Failure::check(failures)
}
