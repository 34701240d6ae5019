//! Opens what a ceremony stands on: checkpoint, key, custodians, secret references, the cluster's
//! address. All problems at once; nothing is written but the checkpoint's directory and lock.

use std::cmp::Ordering;

use crate::bootstrap::ceremony::Opened;
use crate::bootstrap::options::Options;
use crate::bootstrap::steps;
use crate::checkpoint::replica::damaged;
use crate::checkpoint::{Checkpoint, Diary, ReplicatedCheckpoint};
use crate::code::{Code, Reported};
use crate::config::{BreakGlass, CheckpointKey, Config, Drill};
use crate::custodian::{Custodian, IdentityFile};
use crate::desired::memory;
use crate::edge::references::{Resolved, key_of_checkpoint, resolve_all};
use crate::edge::{cluster, custodians};
use crate::event::Caller;
use crate::failure::Failure;
use crate::session::cluster_identity::agrees;
use crate::session::taking_over;
use crate::shares::proofs::Proofs;
use crate::shares::{fetch, key_set, location_conflicts};
use crate::shell::ShellCommand;
use crate::step::Step;
use crate::step::decide::Recorded;
use crate::vault::sys;

/// Opens everything.
///
/// Once the ceremony was handed over, nothing is opened that is not needed any more: neither the key,
/// and custodians that cannot be reached are only not looked at.
///
/// # Errors
/// All that could not be opened, together. A held lock comes alone: the other run is at it. Or the stop that was
/// asked for.
pub(super) async fn open(
    config: &Config,
    options: &Options,
    caller: Caller<'_>,
) -> Result<(ReplicatedCheckpoint, Opened), Failure> {
    let records =
        damaged::checkpoint_even_without_replica(config, options.take_over.as_deref(), caller)
            .await?;
    let opening = Box::pin(async {
        if let Some(login) = options.login.as_deref().filter(|_| options.adopt_cluster) {
            taking_over::begin(config, login, &records).await?;
        }
        the_rest(config, options, &records).await
    });
    let opened = caller.unless_stopped(opening).await;
    match opened {
        Ok(opened) => Ok((records, opened)),
        Err(failure) => {
            records.release(caller).await;
            Err(failure)
        }
    }
}

async fn the_rest(
    config: &Config,
    options: &Options,
    records: &ReplicatedCheckpoint,
) -> Result<Opened, Failure> {
    let diary = records.diary();
    let finished = diary.handed_over() && !records.borrow().keeps_something()?;
    let (mut failures, mut warnings) = (Vec::new(), Vec::new());
    failures.extend(another_generation(config, &records.borrow()));
    failures.extend(agrees(config, &diary).err());
    let begun = diary.recorded(Step::Initialize) != Recorded::Nothing;
    let state = (begun, finished);
    let resolved = resolve_all(config, state, &mut failures, &mut warnings).await;
    let mut away = Vec::new();
    let custodians = custodians::all(config, &mut away).await;
    if finished {
        warnings.extend(away.iter().map(Failure::reported));
    } else {
        failures.extend(away);
        location_conflicts::apart(&custodians, records.borrow().directory(), &mut failures);
        // A drill that was held, or a root that is revoked, asks nobody any more.
        let over = [Step::Drill, Step::RevokeRoot].map(|step| diary.recorded(step));
        if over == [Recorded::Nothing; 2] {
            can_be_rehearsed(config, options, &custodians, &mut failures).await;
        }
        if !begun && !failures.is_empty() {
            failures.extend(unproved(config, &diary, &custodians));
        }
    }
    // Without its passphrase there is no key, and that it is missing is said already.
    let key = if finished || passphrase_is_missing(config, &resolved) {
        None
    } else {
        keep(key_of_checkpoint(config, &resolved).await, &mut failures)
    };
    let client = keep(cluster::client(config, &resolved), &mut failures);
    let memory = memory::opened(config, &resolved).await;
    let memory = keep(memory.map_err(Failure::from), &mut failures).map(|(memory, why)| {
        let said = |why: Failure| Reported::new(why.code(), memory::not_compared(&why));
        warnings.extend(why.map(said));
        memory
    });
    let nobody_there = |failure: &Failure| failure.code() == Code::NoTerminal;
    // A login is typed for a cluster that is there.
    let meant_there = options.login.is_some() || failures.iter().any(nobody_there);
    if !begun
        && meant_there
        && !failures.is_empty()
        && let Some(client) = &client
        && sys::initialized(client).await.unwrap_or(false)
    {
        // Nothing of what is missing here would help there.
        return Err(steps::initialize::foreign(config, client.address()));
    }
    match (Failure::all(failures), client.zip(memory)) {
        (None, Some((client, memory))) => Ok(Opened {
            key,
            client,
            memory,
            custodians,
            resolved,
            warnings,
        }),
        (failure, _) => {
            Err(failure
                .unwrap_or_else(|| Failure::failed(Code::Unexpected, "nothing could be opened")))
        }
    }
}

/// Shares of another version of the key set are not in effect: nobody is to look for them, or root would be revoked on
/// the word of shares that are no longer valid.
fn another_generation(config: &Config, checkpoint: &Checkpoint) -> Option<Failure> {
    let (holds, wanted) = (checkpoint.diary().asked?.generation, config.init.generation);
    let directory = checkpoint.directory().display();
    let failure = Failure::refused(
        Code::KeySetOther,
        format!(
            "{directory} says that generation {holds} of the shares is in effect, and the file asks for generation {wanted}"
        ),
    );
    let rotation = checkpoint.diary().rotation.as_ref();
    let half_made = rotation.filter(|rotation| rotation.is_half_made());
    let rotate = half_made.map_or_else(
        || config.command("recovery rotate --from OLD.yaml").into(),
        |rotation| rotation.again.clone(),
    );
    match wanted.cmp(&holds) {
        Ordering::Equal => None,
        Ordering::Less => Some(failure.advise(key_set::in_effect(rotation))),
        Ordering::Greater => Some(failure.advise(format!(
            "make the new shares first, with the file as it was before: {rotate}; or put init.generation back"
        ))),
    }
}

/// What preflight would say only once all the rest is mended. What a machine opens, preflight proves.
fn unproved(config: &Config, diary: &Diary, custodians: &[Custodian]) -> Option<Failure> {
    let all_open = custodians.len() == config.init.custodians.len();
    let proofs = Proofs::of(custodians, config, diary, Custodian::opens_by_machine);
    proofs.too_few(config).filter(|_| all_open)
}

/// Holds that the drill will have its shares, before anything is written for it.
async fn can_be_rehearsed(
    config: &Config,
    options: &Options,
    custodians: &[Custodian],
    failures: &mut Vec<Failure>,
) {
    let wanted = matches!(
        &config.break_glass,
        BreakGlass::Logins {
            drill: Drill::BeforeRevoke,
            ..
        }
    );
    if wanted {
        let ask = steps::drill::ask(config);
        let mut closed = Vec::new();
        ask.can_have(custodians, &options.identities, &mut closed)
            .await;
        let identities = fetch::identities(&options.identities);
        if !closed.is_empty() {
            let given = identities.as_deref().unwrap_or_default();
            let useless = fetch::useless(custodians.iter(), given).await;
            failures.extend(useless.into_iter().map(opens_none));
        }
        let readable = identities.is_ok();
        match options.holders {
            // One share is given from here, the last one.
            Some(_) if readable && closed.len() < custodians.len() => {}
            _ => failures.extend(closed),
        }
    }
}

fn opens_none(identity: &IdentityFile) -> Failure {
    let recipient = ShellCommand::new("age-keygen -y").with(identity.path().display());
    Failure::usage(Code::IdentityWrong, fetch::opens_none(identity)).advise(format!(
        "name with --identity the key of one of init.custodians; its recipient is shown by: {recipient}"
    ))
}

fn passphrase_is_missing(config: &Config, resolved: &Resolved) -> bool {
    matches!(&config.checkpoint.key, CheckpointKey::Passphrase(reference) if !resolved.contains_key(reference))
}

fn keep<T>(result: Result<T, Failure>, failures: &mut Vec<Failure>) -> Option<T> {
    result.map_err(|failure| failures.push(failure)).ok()
}
