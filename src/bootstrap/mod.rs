//! The ceremony: from an uninitialised cluster to one that is handed over, with no root token left.
//!
//! This is the loop, `observe → decide → apply → record`, over the steps in their order. It is
//! deliberately sequential: a step stands on the ones before it. It can be killed anywhere and run
//! again, because the server is asked what is true and the checkpoint only remembers attempts.

mod abandon;
mod act;
mod active;
mod belonging;
mod blocked;
pub mod ceremony;
pub mod checkpoint;
mod claiming;
pub(crate) mod damaged;
pub mod decide;
pub mod desired;
mod disguise;
pub mod event;
pub mod evidence;
pub(crate) mod evidence_page;
mod evidence_report;
mod forgetting;
pub(crate) mod grant;
mod holder;
pub(crate) mod inactive;
mod listing;
mod open;
pub mod options;
pub(crate) mod places;
mod prove_custodian;
mod questions;
mod reconcile;
mod report_copy;
mod resolve;
pub(crate) mod second_place;
mod session;
mod status;
pub mod step;
mod steps;
mod witness;

use std::path::Path;
use std::time::{Duration, Instant};

use ceremony::{Ceremony, Session};
use checkpoint::Rehearsed;
use decide::{Decision, Recorded, decide, decide_initialize};
use event::{Event, Outcome};
use evidence::Evidence;
use step::{ORDER, Observation, Step, order};

use crate::config::{BreakGlass, Config};
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;

pub use abandon::{Abandoned, abandon};
pub use options::Options;
pub use prove_custodian::prove_custodian;
pub use questions::without_a_terminal;
pub use status::{Status, StepLine, status};

/// How often one step is looked at anew after the server was away for a moment.
const ATTEMPTS: usize = 4;
/// How long a run that was stopped still brings its second place up to date, and gives it up.
const AFTER_A_STOP: Duration = Duration::from_secs(5);

/// How a run ended that came to its end.
pub struct Ended {
    /// Its exit code.
    pub exit: Exit,
    /// The last word, to be said when nothing of the run is left in memory.
    pub last: Event,
}

/// Runs the ceremony, or takes it up where an earlier run stopped, or finds nothing to do.
///
/// # Errors
/// A step failed or refused; nothing after it was done.
pub async fn apply(
    config: &Config,
    options: &Options,
    tell: &dyn Fn(Event),
    interrupt: &Interrupt,
) -> Result<Ended, Failure> {
    options.check(config)?;
    if let Some(copy) = &options.report {
        report_copy::check(copy, &config.checkpoint.path)?;
    }
    let edge = Box::pin(open::open(config, options, interrupt, tell)).await?;
    let resumed = edge.checkpoint.diary().recorded(Step::Initialize) != Recorded::Nothing;
    tell(Event::Begin {
        cluster: config.cluster.name.clone(),
        address: edge.client.address().to_owned(),
        resumed,
    });
    for warning in &config.warnings {
        let text = format!("{}:{warning}", config.file.display());
        tell(Event::Warning { step: None, text });
    }
    for text in &edge.warnings {
        tell(Event::Warning {
            step: None,
            text: text.clone(),
        });
    }
    let mut ceremony = Ceremony::new(config, options, interrupt, tell, edge);
    rotation_is_half_made(&ceremony);
    let result = run(&mut ceremony).await;
    if result.is_err() {
        end_the_drill(&ceremony).await;
    }
    // A login's token of ours does not outlive the run, however it ended.
    session::close(&mut ceremony).await;
    let followed = match result {
        Ok(()) => ceremony.replicate().await,
        // What was not announced is found again, and a run that refused leaves the second place to others.
        Err(failure) => {
            finish_following(&ceremony, &failure).await;
            Err(failure)
        }
    };
    ceremony.release().await;
    forgetting::aws(&ceremony);
    followed?;
    not_rehearsed(&ceremony)?;
    let findings = ceremony.findings.borrow().clone();
    let report = ceremony.diary().directory().join("report.json");
    if let Some(copy) = &options.report {
        report_copy::write(&report, copy)?;
    }
    let exit = if findings.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    };
    let last = Event::End {
        unchanged: ceremony.written.get() == 0,
        report: report.exists().then(|| absolute(&report)),
        findings,
    };
    Ok(Ended { exit, last })
}

/// Which shares hold is open until the command that makes new ones has come to its end.
fn rotation_is_half_made(ceremony: &Ceremony<'_>) {
    let rotation = ceremony.diary().diary().rotation.clone();
    if let Some(rotation) = rotation.filter(checkpoint::rotation::Rotation::is_half_made) {
        let (words, again) = (rotation.in_words(), rotation.again);
        ceremony.find(format!("{words}: {again}"));
    }
}

/// An attempt at a root token that is under way would be in everybody's way, and what came of it must not live on.
async fn end_the_drill(ceremony: &Ceremony<'_>) {
    let end = async {
        let settled = steps::drill::settle(ceremony).await;
        steps::drill::end_a_broken_off_walk(ceremony).await?;
        settled
    };
    let settled = tokio::time::timeout(AFTER_A_STOP, end).await;
    let left = match settled {
        Ok(Ok(())) => return,
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("no answer within {} s", AFTER_A_STOP.as_secs()),
    };
    ceremony.warn(format!(
        "what is left of the drill is ended by the next run: {left}"
    ));
}

/// Stopped while the second place was brought up to date, a run does that to its end: otherwise its claim would
/// have to stay.
async fn finish_following(ceremony: &Ceremony<'_>, failure: &Failure) {
    let stopped = matches!(failure.exit, Exit::Interrupted(_));
    if let Some(place) = ceremony.second_place().filter(|_| stopped)
        && place.is_behind().await
    {
        // If it does not, the claim stays, and the next run goes on.
        let _ = tokio::time::timeout(AFTER_A_STOP, ceremony.replicate()).await;
    }
}

async fn run(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    let interrupt = ceremony.interrupt;
    tokio::select! {
        known = belonging::check_addresses(ceremony) => known?,
        stop = interrupt.requested() => return Err(stop),
    }
    for place in 0..ORDER.len() {
        // Known from `initialize` on, which is at the same place in both orders.
        let step = order(ceremony.diary().diary().two_phase())[place];
        ceremony.enter(step);
        ceremony.tell(Event::StepStarted {
            step,
            number: place + 1,
            of: ORDER.len(),
        });
        if step == Step::HandOver {
            // The report that is about to be written must say it.
            not_rehearsed(ceremony)?;
        }
        let (begun, before) = (Instant::now(), ceremony.client().requests_sent());
        let result = interruptible(step, ceremony).await;
        let (outcome, evidence) =
            result.map_err(|failure| blocked::explained(failure, ceremony))?;
        if step == Step::StoreRecoveryKeys {
            forgetting::after_the_shares(ceremony);
        }
        ceremony.tell(Event::StepFinished {
            step,
            outcome,
            requests: ceremony.client().requests_sent() - before,
            milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            evidence,
        });
    }
    Ok(())
}

/// A step is dropped where it stands when a stop is asked for: the next run finds what had arrived.
/// `initialize` makes it wait for the one request that cannot be repeated.
async fn interruptible(
    step: Step,
    ceremony: &mut Ceremony<'_>,
) -> Result<(Outcome, Evidence), Failure> {
    let interrupt = ceremony.interrupt;
    let done = async {
        let result = one_step(step, ceremony).await?;
        if step == Step::Initialize {
            session::begin(ceremony).await?;
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
async fn one_step(step: Step, ceremony: &mut Ceremony<'_>) -> Result<(Outcome, Evidence), Failure> {
    let asks = asks_the_active_node(step, ceremony);
    if asks && !nobody_looks(step, ceremony) {
        ceremony.keep_to_active().await?;
    }
    for _ in 1..ATTEMPTS {
        let failure = match attempt(step, ceremony).await {
            Err(failure) if asks => failure,
            result => return result,
        };
        if !ceremony.passes(&failure).await {
            return Err(failure);
        }
        ceremony.note(format!("{failure}; looking for the active node again"));
        ceremony.find_active().await?;
    }
    attempt(step, ceremony).await
}

async fn attempt(step: Step, ceremony: &mut Ceremony<'_>) -> Result<(Outcome, Evidence), Failure> {
    let recorded = ceremony.diary().diary().recorded(step);
    let observation = if recorded == Recorded::Done && nobody_looks(step, ceremony) {
        Observation::unknown("there is no login to look with")
    } else {
        match steps::observe(step, ceremony).await {
            Err(failure) if recorded == Recorded::Done && only_the_end_is_left(step, ceremony) => {
                witness::unseen(ceremony, &failure.to_string()).await?;
                Observation::unknown("see the findings")
            }
            observation => observation?,
        }
    };
    let decision = if step == Step::Initialize {
        let kept = ceremony.diary().keeps_something()?;
        match decide_initialize(recorded, observation.seen, kept) {
            Decision::LookAgain => {
                let again = steps::initialize::look_again(ceremony).await?;
                let decision = decide_initialize(recorded, again.seen, kept);
                if decision == Decision::LookAgain {
                    Decision::Apply
                } else {
                    decision
                }
            }
            decision => decision,
        }
    } else {
        decide(recorded, observation.seen)
    };
    act::act(step, ceremony, decision, observation).await
}

/// Until it is waited for there is none, and the hand-over is about files.
fn asks_the_active_node(step: Step, ceremony: &Ceremony<'_>) -> bool {
    let makes_shares = step == Step::StoreRecoveryKeys && ceremony.diary().diary().two_phase();
    makes_shares || (step > Step::WaitUntilActive && step != Step::HandOver)
}

/// Root is dead, and what it made is no longer to be judged by anybody who could mend it: no look at it may
/// keep the ceremony from its end.
fn only_the_end_is_left(step: Step, ceremony: &Ceremony<'_>) -> bool {
    let revoked = ceremony.diary().diary().recorded(Step::RevokeRoot);
    let before = step > Step::Initialize && step < Step::RevokeRoot;
    before && revoked == Recorded::Started && !ceremony.is_root()
}

/// After hand-over, where every declared login needs a person, there is nobody to look with.
fn nobody_looks(step: Step, ceremony: &Ceremony<'_>) -> bool {
    let asks_the_server = step >= Step::WaitUntilActive && step != Step::HandOver;
    asks_the_server && matches!(ceremony.session, Session::None)
}

/// Until a drill was held, here or by `rehearse`, nobody knows whether the way back works.
fn not_rehearsed(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let declared = matches!(ceremony.config.break_glass, BreakGlass::Logins { .. });
    if !declared || steps::drill::held(ceremony) {
        return Ok(());
    }
    match Rehearsed::last(&ceremony.config.checkpoint.path)? {
        None => ceremony.find("break-glass is not rehearsed: the grant holds, no drill was held"),
        Some(rehearsed) if !rehearsed.without.is_empty() => ceremony.find(format!(
            "break-glass was rehearsed without {}: nobody knows whether their shares work",
            rehearsed.without.join(", ")
        )),
        Some(_) => {}
    }
    Ok(())
}

/// Where the report is, wherever its reader stands.
fn absolute(path: &Path) -> String {
    let whole = std::path::absolute(path);
    whole
        .unwrap_or_else(|_| path.to_path_buf())
        .display()
        .to_string()
}
