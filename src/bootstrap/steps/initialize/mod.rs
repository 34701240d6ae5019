//! `sys/init`: once, written ahead, its raw answer safe on disk before anybody looks at it.
//!
//! The one step that cannot be repeated. The request is never retried; what can go wrong with the disk was found
//! before it, because the room for the answer was taken and fsynced. Where the disk breaks just then, only keeping
//! the answer is tried again.

mod unanswered;

use std::io;

use futures::future::join_all;
use tokio::time::Instant;

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::steps::initialize::unanswered::{unanswered, wipe};
use crate::bootstrap::steps::{two_phase, unseal};
use crate::bootstrap::view::View;
use crate::checkpoint::{self, Asked, Attempt, Kept};
use crate::code::Code;
use crate::custodian::Custodian;
use crate::desired::observation::Observation;
use crate::envelope::Sealer;
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::secret::SecretText;
use crate::session::{Authority, cluster_identity};
use crate::span;
use crate::step::Step;
use crate::step::decide::{Recorded, Seen};
use crate::vault::keys::init::{self, InitAnswer, InitRequest};
use crate::vault::{Client, sys};

pub(crate) use crate::bootstrap::steps::initialize::unanswered::{foreign, refusal};

/// Asks the server, not the checkpoint: absent or present, or unknown when it does not answer.
pub(crate) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    let asked = unanswered::asked_before(view)?;
    let asks = view.client().nodes().into_iter();
    let answers = join_all(asks.map(|node| async move { sys::initialized(&node).await })).await;
    if let Some(asked) = asked {
        unanswered::same_cluster(view, &asked, &answers).await?;
    }
    // One node that is initialised is enough: a follower that has not joined yet still says no.
    if answers.iter().any(|answer| matches!(answer, Ok(true))) {
        let facts = Evidence::default().with("initialized", true);
        return Ok(Observation::present(facts));
    }
    // "No" counts only when every node says it: the silent one may be the one that was asked before.
    answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(Observation::absent())
}

/// The request itself, then the answer on disk, then its parts in memory; Shamir nodes are unsealed.
pub(crate) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    // A request of before may still be on its way: where it went, this one goes too.
    let client = unanswered::asked_before(&ceremony.view(Step::Initialize))?
        .unwrap_or_else(|| first_node(ceremony));
    let seal = sys::seal_status(&client).await?;
    let keys = keys_of_holders(ceremony, seal.recovery_seal);
    let asked = Asked {
        shares: ceremony.config.init.shares,
        threshold: ceremony.config.init.threshold,
        recovery: seal.recovery_seal,
        sealed: !keys.is_empty(),
        generation: ceremony.config.init.generation,
        two_phase: two_phase::wanted(ceremony, seal.recovery_seal),
    };
    // An earlier request of ours may still arrive; then a refusal of this one does not say whose it was.
    let first = ceremony.diary().recorded(Step::Initialize) == Recorded::Nothing;
    let sealer = Sealer::create(ceremony.key()?, &ceremony.config.cluster.name).await?;
    ceremony.checkpoint().write_ahead(&sealer)?;
    let address = ceremony.client().address().to_owned();
    let addresses = cluster_identity::addresses_of(&ceremony.client()).collect();
    let attempt = Attempt::at(client.address());
    let leaves_for = ceremony
        .records
        .replica()
        .map(|place| place.address().to_owned());
    ceremony.records.record(|diary| {
        diary.cluster.address = address;
        diary.addresses = addresses;
        diary.asked = Some(asked);
        diary.attempt = Some(attempt);
        diary.replicated_to.extend(leaves_for);
        diary.start(Step::Initialize, checkpoint::now());
    })?;
    ceremony.replicate().await?;
    // Up to here a stop loses nothing.
    let deferred = ceremony.caller.interrupt.defer_signals();
    ceremony.note("initialising: do not kill this now");
    let answer = match init::initialize(&client, &request(asked), keys).await {
        Ok(answer) => answer,
        Err(error) => return Err(unanswered(ceremony, &error, first).await?),
    };
    let raw = answer.raw();
    keep(ceremony, &sealer, raw).await?;
    let followed = ceremony.replicate().await;
    followed.map_err(|failure| kept_here_only(ceremony, failure))?;
    drop(deferred);
    if client.nodes().len() > 1 {
        ceremony.note(format!("initialised {}", client.address()));
    }
    take(ceremony, raw, asked).await?;
    Ok(evidence((asked, client.address()), &seal.seal_type))
}

/// Brings the one answer to disk. While the disk refuses, it is here in memory and nowhere else, so it is tried again
/// for as long as the server was given, and a person is told what to do meanwhile.
async fn keep(ceremony: &Ceremony<'_>, sealer: &Sealer, raw: &SecretText) -> Result<(), Failure> {
    let (begun, limit) = (Instant::now(), ceremony.config.cluster.timeouts.init);
    let mut told = false;
    loop {
        let kept = ceremony.checkpoint().keep_answer(sealer, raw);
        let Err(error) = kept else { return Ok(()) };
        if !told {
            told = true;
            ceremony.warn(Code::InitAnswerHereOnly, format!(
                "the cluster is initialised, and its one answer is in the memory of this process only: {error}; do not \
                 end this run, {}; it is tried again for {}",
                mend(&error),
                span::text(limit)
            ));
        }
        let said = error.to_string();
        let waited = ceremony
            .cluster
            .wait(begun, limit, "the disk to take the answer", &said);
        if waited.await.is_err() {
            return Err(answer_not_kept(ceremony, &error));
        }
    }
}

/// What a person does while the program waits.
fn mend(error: &checkpoint::CheckpointError) -> &'static str {
    match error {
        checkpoint::CheckpointError::Io { source, .. }
            if source.kind() == io::ErrorKind::ReadOnlyFilesystem =>
        {
            "make that file system writable now (mount -o remount,rw)"
        }
        _ => "make room on that disk now, or repair it",
    }
}

/// Takes up what an earlier run kept, instead of asking again.
pub(crate) async fn take_up(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    if !ceremony.records.borrow().keeps_something()? {
        return Ok(());
    }
    // Killed before the replica had it, it has it now, before anything is built on it.
    ceremony.replicate().await?;
    let directory = ceremony.records.borrow().directory().to_owned();
    let kept = checkpoint::kept(&directory, &ceremony.config.cluster.name, ceremony.key()?).await?;
    match kept {
        Kept::Nothing | Kept::Awaited => {}
        Kept::RootToken(root) => ceremony.authority = Authority::Root(root),
        Kept::InitAnswer(raw) => {
            let asked = asked(ceremony)?;
            take(ceremony, &raw, asked).await?;
        }
    }
    Ok(())
}

/// An answer of before is in hand: go on with it.
pub(crate) async fn adopt(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    take_up(ceremony).await?;
    let seal = sys::seal_status(&first_node(ceremony)).await?;
    let node = ceremony
        .diary()
        .attempt
        .as_ref()
        .map(|attempt| attempt.node.clone());
    let node = node.unwrap_or_else(|| first_node(ceremony).address().to_owned());
    Ok(evidence((asked(ceremony)?, &node), &seal.seal_type).with("taken_up", true))
}

/// One node of several, always the same: two that are asked become two clusters.
fn first_node(ceremony: &Ceremony<'_>) -> Client {
    let nodes = ceremony.client().nodes();
    nodes.first().cloned().unwrap_or_else(|| ceremony.client())
}

/// What the kept answer answers, which the file may say differently by now.
fn asked(ceremony: &Ceremony<'_>) -> Result<Asked, Failure> {
    let asked = ceremony.diary().asked;
    asked.ok_or_else(|| {
        Failure::refused(
            Code::CheckpointDamaged,
            "the checkpoint does not say what sys/init was asked for",
        )
    })
}

fn request(asked: Asked) -> InitRequest {
    let made_now = |number: u32| if asked.two_phase { 0 } else { number };
    InitRequest {
        shares: made_now(asked.shares),
        threshold: made_now(asked.threshold),
        recovery: asked.recovery,
        sealed: asked.sealed,
    }
}

/// The keys that the server encrypts the shares to, in the order of the custodians, where each of them has one: then
/// this process never sees a share. With Shamir it must, because it unseals; so it must where one has no such key.
fn keys_of_holders(ceremony: &Ceremony<'_>, recovery: bool) -> Vec<String> {
    let custodians = ceremony.custodians.iter().filter(|_| recovery);
    let keys: Option<Vec<_>> = custodians.map(Custodian::key_for_the_server).collect();
    let keys = keys.unwrap_or_default();
    keys.into_iter().map(|(_, key)| key).collect()
}

/// After a request without an answer: looks for a bounded time whether it arrived after all.
pub(crate) async fn look_again(ceremony: &Ceremony<'_>) -> Result<Observation, Failure> {
    let begun = Instant::now();
    let limit = ceremony.config.cluster.timeouts.request;
    loop {
        let observation = observe(&ceremony.view(Step::Initialize)).await?;
        if observation.seen != Seen::Absent || begun.elapsed() >= limit {
            return Ok(observation);
        }
        let what = "a request of an earlier run to arrive after all";
        let waited = ceremony.cluster.wait(begun, limit, what, "not initialised");
        // The end of the limit is an answer here, not a failure.
        let _ = waited.await;
    }
}

/// What the answer holds, in memory; Shamir nodes are unsealed with it.
async fn take(ceremony: &mut Ceremony<'_>, raw: &SecretText, asked: Asked) -> Result<(), Failure> {
    let keys = InitAnswer::parse(raw, &request(asked))?;
    ceremony.shares = keys.shares;
    ceremony.authority = Authority::Root(keys.root_token);
    if !asked.recovery {
        unseal::all_nodes(ceremony).await?;
    }
    Ok(())
}

fn evidence((asked, node): (Asked, &str), seal_type: &str) -> Evidence {
    let key_type = if asked.recovery { "recovery" } else { "unseal" };
    Evidence::default()
        .with("node", node)
        .with("seal", seal_type)
        .with("key_type", key_type)
        .with("shares", asked.shares)
        .with("threshold", asked.threshold)
        .with("encrypted_by_the_server", asked.sealed)
}

fn answer_not_kept(ceremony: &Ceremony<'_>, error: &checkpoint::CheckpointError) -> Failure {
    Failure::refused(
        Code::InitAnswerLost,
        format!("the cluster is initialised and its answer could not be kept: {error}"),
    )
    .advise(wipe(ceremony, "repair the disk, start it"))
}

/// The one answer is on this machine and nowhere else: whoever reads this must know.
fn kept_here_only(ceremony: &Ceremony<'_>, failure: Failure) -> Failure {
    let directory = ceremony.records.borrow().directory().display().to_string();
    let here = Failure::new(
        failure.exit, Code::InitAnswerHereOnly,
        format!("the cluster is initialised, and its only answer is in {directory}, encrypted, on this machine alone"),
    )
    .advise(format!(
        "keep this machine and that directory; once the replica works again: {}",
        ceremony.options.again(ceremony.config)
    ));
    Failure::all(vec![failure, here.clone()]).unwrap_or(here)
}
