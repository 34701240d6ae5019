//! The ceremony: from an uninitialised cluster to one that is handed over, with no root token left.
//!
//! This is the loop, `observe → decide → apply → record`, over the steps in their order. It is
//! deliberately sequential: a step stands on the ones before it. It can be killed anywhere and run
//! again, because the server is asked what is true and the checkpoint only remembers attempts.

mod act;
mod addresses;
mod after_hand_over;
mod audit_blocked;
mod authority;
pub mod ceremony;
pub(crate) mod evidence_report;
mod judge;
pub(crate) mod next;
mod open;
pub mod options;
mod rehearsed;
pub(crate) mod scrub;
mod steps;
mod summary;
mod view;

use std::path::Path;
use std::time::Instant;

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::rehearsed::not_rehearsed;
use crate::bootstrap::steps::revoke_root::{questions, revocation_proof};
use crate::bootstrap::summary::Ended;
use crate::checkpoint::replica::evidence::rehearsed_elsewhere;
use crate::checkpoint::rotation::Rotation;
use crate::desired::create_once::again_is_in_the_file;
use crate::desired::named_only;
use crate::event::{Caller, Event, Outcome, StepOutcome};
use crate::evidence::copy;
use crate::evidence::facts::Evidence;
use crate::session::taking_over;
use crate::shares::{key_set, one_trust_domain};
use crate::span;
use crate::step::decide::{Decision, Recorded};
use crate::step::{ORDER, Step, order};

use crate::code::{Code, Reported};
use crate::config::Config;
use crate::edge::others;
use crate::failure::{Exit, Failure};
use crate::finding::{Detail, Finding};
use crate::interrupt::AFTER_A_STOP;

pub(crate) use crate::bootstrap::act::needs_nobody;
pub(crate) use crate::bootstrap::authority::{named, root_is_valid};
pub(crate) use crate::bootstrap::judge::{Judgment, judge};
pub use crate::bootstrap::next::root_stays;
pub use crate::bootstrap::options::Options;
pub(crate) use crate::bootstrap::steps::revoke_root::revocation_proof::in_order;
pub(crate) use crate::bootstrap::steps::two_phase::applies as shares_come_later;
pub(crate) use crate::bootstrap::view::View;

/// How often one step is looked at anew after the server was away for a moment.
const ATTEMPTS: usize = 4;

/// Runs the ceremony, or takes it up where an earlier run stopped, or finds nothing to do.
///
/// # Errors
/// A step failed or refused; nothing after it was done.
pub async fn apply(
    config: &Config,
    options: &Options,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let events = caller.events;
    options.agree_about_root(config)?;
    again_is_in_the_file(config, &options.again_once)?;
    named_only::can_be_left(config)?;
    if let Some(copy) = &options.report {
        copy::check(copy, &config.checkpoint.path)?;
    }
    let (records, opened) = Box::pin(open::open(config, options, caller)).await?;
    let diary = records.diary();
    let begun = diary.recorded(Step::Initialize) != Recorded::Nothing;
    let resumed = begun && diary.adopted.is_none();
    events.emit(Event::Begin {
        command: "apply",
        cluster: config.cluster.name.clone(),
        address: opened.client.address().to_owned(),
        resumed,
    });
    if let Err(failure) = options.need_the_end(config, &records) {
        records.release(caller).await;
        return Err(failure);
    }
    for warning in &config.warnings {
        events.warn(warning.code, config.located(warning));
    }
    for Reported { code, text, .. } in &opened.warnings {
        events.warn(*code, text);
    }
    rehearsed_elsewhere(config, &records, caller).await;
    let mut ceremony = Ceremony::new(config, options, caller, (records, opened));
    known_beforehand(&ceremony);
    let known = ceremony.findings.borrow().len();
    let result = Box::pin(run(&mut ceremony)).await;
    if result.is_err() {
        if ceremony.looked_as.is_none() {
            taking_over::undo(config, &ceremony.records);
        }
        // Where the disk refuses, the next run sees at the server what was done.
        let _ = ceremony.checkpoint().settle();
        end_the_drill(&ceremony).await;
    }
    // A login's token of ours does not outlive the run, however it ended.
    authority::close(&mut ceremony).await;
    let followed = match result {
        Ok(ended) => ceremony.replicate().await.map(|()| ended),
        // What was not announced is found again, and a run that refused leaves the replica to others.
        Err(failure) => {
            finish_following(&ceremony, &failure).await;
            Err(failure)
        }
    };
    ceremony.records.release(ceremony.caller).await;
    scrub::aws(&ceremony);
    if followed.is_err() {
        said_so_far(&ceremony, known);
    }
    said_last(&ceremony, &followed?)
}

/// What the steps found before one of them stopped the run: no end names it any more. What was `known` beforehand is none
/// of theirs.
fn said_so_far(ceremony: &Ceremony<'_>, known: usize) {
    let found = ceremony.findings.borrow();
    let found = Finding::all_reported(found.get(known..).unwrap_or_default());
    let found = ceremony.config.judged(found).into_iter();
    for one in found.filter(|one| one.accepted.is_none()) {
        ceremony.warn(one.code, one.text);
    }
}

/// How it ended, and all that it came to.
fn said_last(ceremony: &Ceremony<'_>, ended: &Ended) -> Result<Outcome, Failure> {
    not_rehearsed(ceremony)?;
    let findings = Finding::all_reported(&ceremony.findings.borrow());
    let findings = ceremony.config.judged(findings);
    let report = evidence_report::renewed(ceremony, &findings)?;
    if let Some(copy) = &ceremony.options.report {
        copy::write(&report, copy)?;
    }
    let exit = Exit::of_findings(&findings);
    let last = Event::End {
        unchanged: Some(ceremony.written.get() == 0),
        not_rechecked: Some(ended.not_rechecked()),
        text: None,
        summary: Some(Box::new(summary::summary(ceremony, ended))),
        report: report.exists().then(|| absolute(&report)),
        findings,
        code: None,
    };
    Ok(Outcome {
        exit,
        last: Some(last),
    })
}

/// What no step looks at: what others may change on this machine; shares that one key or account opens; and which shares
/// are in effect is open until the command that makes new ones has come to its end.
fn known_beforehand(ceremony: &Ceremony<'_>) {
    let report = ceremony.options.report.as_deref();
    for finding in others::findings(&[ceremony.config], report) {
        ceremony.find(finding);
    }
    // A recipient that is another one in the file by now opens nothing that was stored.
    let diary = ceremony.diary();
    let mut custodians = ceremony.custodians.iter();
    if !custodians.any(|one| key_set::of_another_key(&diary, one, ceremony.config).is_some()) {
        for finding in one_trust_domain::findings(&ceremony.custodians, &ceremony.config.init) {
            ceremony.find(finding);
        }
    }
    // Before that the drill of this run takes up what the one of an earlier run has left.
    if ceremony.diary().recorded(Step::HandOver) == Recorded::Done {
        for finding in crate::session::unfinished::findings(ceremony.config) {
            ceremony.find(finding);
        }
    }
    let rotation = ceremony.diary().rotation.clone();
    if let Some(rotation) = rotation.filter(Rotation::is_half_made) {
        let new = rotation.wanted.generation;
        ceremony.find(Finding::RotationUnfinished(new, rotation.again));
    }
}

/// An attempt at a root token that is under way would be in everybody's way, and a token that it made must not stay.
async fn end_the_drill(ceremony: &Ceremony<'_>) {
    let end = async {
        let settled = steps::drill::settle(ceremony).await;
        steps::drill::end_interrupted_session(ceremony).await?;
        settled
    };
    let settled = tokio::time::timeout(AFTER_A_STOP, end).await;
    let left = match settled {
        Ok(Ok(())) => return,
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("no answer within {}", span::text(AFTER_A_STOP)),
    };
    ceremony.warn(
        Code::RunLeftOpen,
        format!("the next run will clean up what is left of the drill: {left}"),
    );
}

/// Stopped while the replica was brought up to date, a run does that to its end: otherwise its lease would
/// have to stay.
async fn finish_following(ceremony: &Ceremony<'_>, failure: &Failure) {
    let stopped = matches!(failure.exit, Exit::Interrupted(_));
    if let Some(place) = ceremony.records.replica().filter(|_| stopped)
        && place.is_behind().await
    {
        // If it does not, the lease stays, and the next run goes on.
        let _ = tokio::time::timeout(AFTER_A_STOP, ceremony.replicate()).await;
    }
}

/// All steps, in their order, and how each ended.
async fn run(ceremony: &mut Ceremony<'_>) -> Result<Ended, Failure> {
    let mut ended = Ended::default();
    let Caller { interrupt, events } = ceremony.caller;
    let known = async {
        addresses::check_addresses(ceremony).await?;
        questions::can_be_asked(ceremony).await
    };
    tokio::select! {
        known = known => known?,
        stop = interrupt.requested() => return Err(stop),
    }
    if ceremony.diary().adopted.is_some() {
        // Before anything is recorded: where no login opens, nothing was taken over.
        tokio::select! {
            opened = authority::begin(ceremony) => opened?,
            stop = interrupt.requested() => return Err(stop),
        }
    }
    for place in 0..ORDER.len() {
        // Known from `initialize` on, which is at the same place in both orders.
        let step = order(ceremony.diary().two_phase())[place];
        events.enter(step);
        events.emit(Event::StepStarted {
            step,
            number: place + 1,
            of: ORDER.len(),
        });
        if step == Step::HandOver {
            // The report that is about to be written must say it.
            not_rehearsed(ceremony)?;
        }
        let (begun, before) = (Instant::now(), ceremony.client().requests_sent());
        let (outcome, evidence) = match interruptible(step, ceremony).await {
            Ok(done) => done,
            Err(failure) => {
                let failure = audit_blocked::explained(failure, ceremony);
                return Err(ceremony.cluster.or_several_servers(failure).await);
            }
        };
        match step {
            Step::StoreRecoveryKeys => {
                // The last moment at which the operator's key is at hand.
                ceremony.make_memory_key().await?;
                scrub::after_the_shares(ceremony);
            }
            Step::WaitUntilActive => steps::look_for_all_nodes(ceremony).await,
            _ => {}
        }
        ended.add(step, outcome, evidence.clone());
        events.emit(Event::StepFinished {
            step,
            outcome,
            requests: ceremony.client().requests_sent() - before,
            milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            evidence,
        });
    }
    let written = after_hand_over::write(ceremony, &mut ended);
    tokio::select! {
        biased;
        stop = interrupt.requested() => return Err(stop),
        written = written => written?,
    }
    Ok(ended)
}

/// A step is dropped where it stands when a stop is asked for: the next run finds what had arrived.
/// `initialize` makes it wait for the one request that cannot be repeated.
async fn interruptible(
    step: Step,
    ceremony: &mut Ceremony<'_>,
) -> Result<(StepOutcome, Evidence), Failure> {
    let interrupt = ceremony.caller.interrupt;
    let done = async {
        let result = one_step(step, ceremony).await?;
        if step == Step::Initialize && ceremony.diary().adopted.is_none() {
            authority::begin(ceremony).await?;
        }
        Ok(result)
    };
    tokio::select! {
        // A stop that was asked for before comes before.
        biased;
        stop = interrupt.requested() => Err(stop),
        result = done => result,
    }
}

/// One step. When the server loses its leader in the middle, the active node is found again and the
/// step is looked at anew: what had arrived is then simply there.
async fn one_step(
    step: Step,
    ceremony: &mut Ceremony<'_>,
) -> Result<(StepOutcome, Evidence), Failure> {
    let asks = asks_the_active_node(step, ceremony);
    if asks && !nobody_looks(step, ceremony) {
        ceremony.cluster.keep_to_active().await?;
    }
    for _ in 1..ATTEMPTS {
        let failure = match attempt(step, ceremony).await {
            Err(failure) if asks => failure,
            result => return result,
        };
        if !ceremony.cluster.passes(&failure).await {
            return Err(failure);
        }
        ceremony.note(format!("{failure}; looking for the active node again"));
        ceremony.cluster.find_active().await?;
    }
    attempt(step, ceremony).await
}

/// Judges a step and does what the judgment says.
async fn attempt(
    step: Step,
    ceremony: &mut Ceremony<'_>,
) -> Result<(StepOutcome, Evidence), Failure> {
    let judged = if ceremony.diary().is_of_another(step) {
        Ok(Judgment::of_another())
    } else if nobody_looks(step, ceremony) {
        Judgment::unseen(&ceremony.view(step), Detail::NoLogin)
    } else {
        judge(&ceremony.view(step)).await
    };
    let judgment = match judged {
        Err(failure) if only_the_end_is_left(step, ceremony) => {
            revocation_proof::unseen(ceremony, &failure.to_string()).await?;
            Judgment::unseen(&ceremony.view(step), Detail::SeeFindings)?
        }
        Ok(judgment) if judgment.decision == Decision::LookAgain => {
            let observation = steps::initialize::look_again(ceremony).await?;
            // What is still not there is to be done now.
            Judgment::of(&ceremony.view(step), observation)?
        }
        judged => judged?,
    };
    act::act(step, ceremony, judgment).await
}

/// Until it is waited for there is none, and the hand-over is about files.
fn asks_the_active_node(step: Step, ceremony: &Ceremony<'_>) -> bool {
    let makes_shares = step == Step::StoreRecoveryKeys && ceremony.diary().two_phase();
    makes_shares || (step > Step::WaitUntilActive && step != Step::HandOver)
}

/// Root is revoked, and what it made is no longer to be judged by anybody who could mend it: no look at it may
/// keep the ceremony from its end.
fn only_the_end_is_left(step: Step, ceremony: &Ceremony<'_>) -> bool {
    let revoked = ceremony.diary().recorded(Step::RevokeRoot);
    let before = step > Step::Initialize && step < Step::RevokeRoot;
    let recorded = ceremony.diary().recorded(step) == Recorded::Done;
    before && recorded && revoked == Recorded::Started && !ceremony.is_root()
}

/// After hand-over, where every declared login needs a person, there is nobody to look with.
fn nobody_looks(step: Step, ceremony: &Ceremony<'_>) -> bool {
    let recorded = ceremony.diary().recorded(step) == Recorded::Done;
    recorded && asks_the_server(step) && ceremony.is_nobody()
}

/// Whether looking at a step takes somebody who is logged in.
pub(crate) fn asks_the_server(step: Step) -> bool {
    step >= Step::WaitUntilActive && step != Step::HandOver
}

/// Where the report is, wherever its reader stands.
fn absolute(path: &Path) -> String {
    let whole = std::path::absolute(path);
    whole
        .unwrap_or_else(|_| path.to_path_buf())
        .display()
        .to_string()
}
