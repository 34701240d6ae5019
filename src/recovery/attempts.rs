//! What one run does, in its order; begun anew after the server was away for a moment.

use serde_json::json;

use crate::checkpoint::rotation::Phase;
use crate::code::Code;
use crate::failure::{Exit, Failure};
use crate::finding::Finding;
use crate::prompt;
use crate::recovery::gather::Gathered;
use crate::recovery::run::Run;
use crate::recovery::session::RotationSession;
use crate::recovery::{desired, leftover, new_shares, preflight, refusals, retire};
use crate::shares::Held;
use crate::vault::sys::seal_status;

/// How often it is begun anew in one run.
const ATTEMPTS: usize = 3;

/// Shares that are in hand, from one attempt to the next.
#[derive(Default)]
struct Hands<'a> {
    old: Option<Gathered<'a>>,
    new: Option<Vec<Held>>,
    /// The server did not take the new ones: only the old ones can say more.
    refused: bool,
}

/// Begins anew after the server was away for a moment; what a person should see to.
pub(super) async fn attempts(
    run: &Run<'_>,
    inside: &mut Option<RotationSession>,
) -> Result<Vec<Finding>, Failure> {
    let mut hands = Hands::default();
    for attempt in 1.. {
        let failure = match Box::pin(attempt_once(run, inside, &mut hands)).await {
            Err(failure) if attempt < ATTEMPTS && run.cluster.passes(&failure).await => failure,
            result => return result,
        };
        run.note(format!("{failure}; starting it anew"));
        if let Some(inside) = inside {
            inside.follow_the_leader(run).await?;
        }
    }
    Ok(Vec::new())
}

async fn attempt_once<'a>(
    run: &'a Run<'_>,
    inside: &mut Option<RotationSession>,
    hands: &mut Hands<'a>,
) -> Result<Vec<Finding>, Failure> {
    let phase = run.state.borrow().phase;
    if phase == Phase::Verified {
        return finish(run).await;
    }
    if phase == Phase::Verifying && !hands.refused {
        if new_ones_hold(run, inside, hands).await? {
            return finish(run).await;
        }
        hands.refused = true;
    }
    if hands.old.is_none() {
        // Nobody is asked while a login waits.
        leave(run, inside).await;
        run.cluster.find_active().await?;
        let client = run.cluster.client();
        preflight::old_ones_are_meant(run, &client).await?;
        preflight::names_are_free(run).await?;
        retire::note_old(run).await?;
        confirmed(run).await?;
        let wanted = (&run.old.init, "old");
        hands.old = Some(Gathered::of(run, &run.opened.old_custodians, wanted).await?);
    }
    let inside = entered(run, inside).await?;
    leftover::end(run, &inside.rotation()).await?;
    if let Some(old) = &mut hands.old {
        hands.refused = false;
        new_shares::make(run, inside, old, &mut hands.new).await?;
    }
    finish(run).await
}

/// Nobody heard whether the new shares are in effect: they are tried, and whether that has shown it.
///
/// # Errors
/// The server takes them, and people have typed all of them.
async fn new_ones_hold(
    run: &Run<'_>,
    inside: &mut Option<RotationSession>,
    hands: &mut Hands<'_>,
) -> Result<bool, Failure> {
    if hands.new.is_none() {
        leave(run, inside).await;
        let wanted = (&run.config.init, "new");
        match Gathered::of(run, &run.opened.new_custodians, wanted).await {
            Ok(gathered) => hands.new = Some(gathered.held),
            Err(failure) if matches!(failure.exit, Exit::Interrupted(_)) => return Err(failure),
            // The old ones may be in effect, and then these are not needed.
            Err(failure) => {
                run.warn(failure.code(), failure.to_string());
                return Ok(false);
            }
        }
    }
    let inside = entered(run, inside).await?;
    let rotation = inside.rotation();
    leftover::end(run, &rotation).await?;
    let held = hands.new.take().unwrap_or_default();
    if !leftover::new_ones_hold(run, &rotation, &held).await? {
        run.warn(Code::ShareWrong, format!(
            "the server does not take what the new custodians keep; nothing is taken away unless it takes a quorum of \
             generation {}",
            run.old.init.generation
        ));
        return Ok(false);
    }
    // One share that no person typed is enough: the others fit to it.
    if held.iter().all(|one| one.typed) {
        return Err(refusals::typed_alone(&rotation, run));
    }
    let how = "by the server, with shares of an earlier run as their custodians keep them";
    run.evidence.borrow_mut().set("verified", how);
    run.record(|state| state.phase = Phase::Verified)?;
    Ok(true)
}

/// The new shares are in effect: the diary says so, and the old ones are taken away.
async fn finish(run: &Run<'_>) -> Result<Vec<Finding>, Failure> {
    run.cluster.find_active().await?;
    let client = run.cluster.client();
    let seal = seal_status(&client.in_namespace(None)).await?;
    let init = &run.config.init;
    let counted = json!({"shares": seal.n, "threshold": seal.t});
    run.evidence.borrow_mut().set("seal_status", counted);
    let mut findings = Vec::new();
    if (seal.n, seal.t) != (init.shares, init.threshold) {
        let address = client.address().to_owned();
        findings.push(Finding::SharesCountedOtherwise(address, seal.t, seal.n));
    }
    retire::hand_over(run, seal.recovery_seal).await?;
    findings.extend(retire::retire(run).await?);
    Ok(findings)
}

async fn entered<'a>(
    run: &Run<'_>,
    inside: &'a mut Option<RotationSession>,
) -> Result<&'a mut RotationSession, Failure> {
    let open = match inside.take() {
        Some(open) => open,
        None => RotationSession::enter(run).await?,
    };
    Ok(inside.insert(open))
}

async fn leave(run: &Run<'_>, inside: &mut Option<RotationSession>) {
    if let Some(inside) = inside.take() {
        inside.leave(run).await;
    }
}

/// Asks before anything is begun.
async fn confirmed(run: &Run<'_>) -> Result<(), Failure> {
    if run.options.yes {
        return Ok(());
    }
    let (new, old) = (&run.config.init, &run.old.init);
    let question = format!(
        "Make generation {} of the shares ({} of {}), and take the {} of generation {} away?",
        new.generation, new.threshold, new.shares, old.shares, old.generation
    );
    let verb = desired::verb(run.old).and("--yes");
    let instead = format!("to answer in advance: {}", run.config.command(verb));
    if prompt::confirm(&question, &instead).await? {
        return Ok(());
    }
    Err(
        Failure::failed(Code::Declined, "nothing was begun: you said no")
            .advise("run the same command again when you are ready"),
    )
}
