//! The ceremony: from an uninitialised cluster to one that is handed over, with no root token left.
//!
//! This is the loop, `observe → decide → apply → record`, over the steps in their order. It is
//! deliberately sequential: a step stands on the ones before it. It can be killed anywhere and run
//! again, because the server is asked what is true and the checkpoint only remembers attempts.

pub mod ceremony;
pub mod checkpoint;
mod convert;
pub mod decide;
pub mod desired;
mod doors;
pub mod event;
pub mod evidence;
mod evidence_page;
mod evidence_report;
mod forgetting;
mod grant;
mod interrupt;
mod listing;
mod open;
pub mod options;
mod prove_custodian;
mod questions;
mod references;
mod resolve;
mod scan;
mod session;
mod status;
pub mod step;
mod steps;

use std::path::Path;
use std::time::Instant;

use ceremony::{Ceremony, Session};
use decide::{Decision, Recorded, decide, decide_initialize};
use event::{Event, Outcome};
use evidence::Evidence;
use step::{ORDER, Observation, Step};

use crate::config::{BreakGlass, Config};
use crate::failure::{Exit, Failure};
use crate::vault;

pub use interrupt::Interrupt;
pub use open::open_client;
pub use options::Options;
pub use prove_custodian::prove_custodian;
pub use questions::without_a_terminal;
pub use status::{Status, StepLine, status};

/// Under which name a step's evidence keeps what was found when it was applied.
const FINDINGS: &str = "findings";
/// How often one step is looked at anew after the server was away for a moment.
const ATTEMPTS: usize = 4;

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
    check_options(config, options)?;
    let edge = tokio::select! {
        edge = open::open(config) => edge?,
        stop = interrupt.requested() => return Err(stop),
    };
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
    let mut ceremony = Ceremony::new(config, options, tell, edge);
    let result = run(&mut ceremony, interrupt).await;
    // A login's token of ours does not outlive the run, however it ended.
    let closed = session::close(&mut ceremony).await;
    result?;
    closed?;
    not_rehearsed(&ceremony);
    let findings = ceremony.findings.borrow().clone();
    let report = ceremony.diary().directory().join("report.json");
    if let Some(copy) = &options.report {
        copy_report(&report, copy)?;
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

async fn run(ceremony: &mut Ceremony<'_>, interrupt: &Interrupt) -> Result<(), Failure> {
    for (place, step) in ORDER.into_iter().enumerate() {
        ceremony.enter(step);
        ceremony.tell(Event::StepStarted {
            step,
            number: place + 1,
            of: ORDER.len(),
        });
        if step == Step::HandOver {
            // The report that is about to be written must say it.
            not_rehearsed(ceremony);
        }
        let (begun, before) = (Instant::now(), ceremony.client().requests_sent());
        let (outcome, evidence) = interruptible(step, ceremony, interrupt).await?;
        match step {
            Step::Initialize => session::begin(ceremony).await?,
            Step::StoreRecoveryKeys => forgetting::after_the_shares(ceremony),
            _ => {}
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
/// Only the one request that cannot be repeated is waited for.
async fn interruptible(
    step: Step,
    ceremony: &mut Ceremony<'_>,
    interrupt: &Interrupt,
) -> Result<(Outcome, Evidence), Failure> {
    if step == Step::Initialize {
        if let Some(stop) = interrupt.pending() {
            return Err(stop);
        }
        let result = one_step(step, ceremony).await?;
        return interrupt.pending().map_or(Ok(result), Err);
    }
    tokio::select! {
        result = one_step(step, ceremony) => result,
        stop = interrupt.requested() => Err(stop),
    }
}

/// One step. When the server loses its leader in the middle, the active node is found again and the
/// step is looked at anew: what had arrived is then simply there.
async fn one_step(step: Step, ceremony: &mut Ceremony<'_>) -> Result<(Outcome, Evidence), Failure> {
    if asks_the_active_node(step) && !nobody_looks(step, ceremony) {
        ceremony.keep_to_active().await?;
    }
    for _ in 1..ATTEMPTS {
        let failure = match attempt(step, ceremony).await {
            Err(failure) if asks_the_active_node(step) => failure,
            result => return result,
        };
        if !passes(&failure, ceremony).await {
            return Err(failure);
        }
        ceremony.note(format!("{failure}; looking for the active node again"));
        ceremony.find_active().await?;
    }
    attempt(step, ceremony).await
}

/// Whatever failed on a node that leads no more may have failed for that reason alone.
async fn passes(failure: &Failure, ceremony: &Ceremony<'_>) -> bool {
    failure.is_passing()
        || (failure.exit == Exit::Failed && !vault::sys::is_active(&ceremony.client()).await)
}

async fn attempt(step: Step, ceremony: &mut Ceremony<'_>) -> Result<(Outcome, Evidence), Failure> {
    let recorded = ceremony.diary().diary().recorded(step);
    let observation = if recorded == Recorded::Done && nobody_looks(step, ceremony) {
        Observation::unknown("every login needs a person")
    } else {
        steps::observe(step, ceremony).await?
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
    act(step, ceremony, decision, observation).await
}

/// Until it is waited for there is none, and the hand-over is about files.
fn asks_the_active_node(step: Step) -> bool {
    step > Step::WaitUntilActive && step != Step::HandOver
}

/// After hand-over, where every declared login needs a person, there is nobody to look with.
fn nobody_looks(step: Step, ceremony: &Ceremony<'_>) -> bool {
    let asks_the_server = step >= Step::WaitUntilActive && step != Step::HandOver;
    asks_the_server && matches!(ceremony.session, Session::None)
}

async fn act(
    step: Step,
    ceremony: &mut Ceremony<'_>,
    decision: Decision,
    observation: Observation,
) -> Result<(Outcome, Evidence), Failure> {
    match decision {
        Decision::Skip => {
            findings_of_before(step, ceremony);
            Ok((Outcome::Unchanged, observation.evidence))
        }
        Decision::SkipUnseen => {
            findings_of_before(step, ceremony);
            for why in &observation.details {
                ceremony.note(format!("recorded, not re-checked: {why}"));
            }
            Ok((Outcome::NotRechecked, observation.evidence))
        }
        Decision::Adopt => {
            let evidence = if step == Step::Initialize {
                steps::initialize::adopt(ceremony).await?
            } else {
                observation.evidence
            };
            ceremony.checkpoint().finish(step, evidence.clone())?;
            Ok((Outcome::Adopted, evidence))
        }
        Decision::Refuse(why) if step == Step::Initialize => {
            Err(steps::initialize::refusal(ceremony, why))
        }
        Decision::Refuse(_) => Err(unseen(step, &observation)),
        Decision::Apply | Decision::LookAgain => {
            let evidence = write(step, ceremony, observation).await?;
            Ok((Outcome::Applied, evidence))
        }
        Decision::Repair => {
            for detail in &observation.details {
                ceremony.note(format!("was done and has changed: {detail}"));
            }
            let evidence = repair(step, ceremony, observation).await?;
            Ok((Outcome::Repaired, evidence))
        }
    }
}

async fn write(
    step: Step,
    ceremony: &mut Ceremony<'_>,
    observation: Observation,
) -> Result<Evidence, Failure> {
    // Two steps record their own start, between what they prepare and what they cannot take back.
    if !matches!(step, Step::Initialize | Step::RevokeRoot) {
        ceremony.checkpoint().start(step)?;
    }
    let before = ceremony.findings.borrow().len();
    let evidence = steps::apply(step, ceremony, observation).await?;
    let found = ceremony.findings_since(before);
    let evidence = if found.is_empty() {
        evidence
    } else {
        evidence.with(FINDINGS, found)
    };
    ceremony.checkpoint().finish(step, evidence.clone())?;
    if step != Step::WaitUntilActive {
        ceremony.written.set(ceremony.written.get() + 1);
    }
    Ok(evidence)
}

/// What was found when the step was applied still stands: it is looked at only then.
fn findings_of_before(step: Step, ceremony: &Ceremony<'_>) {
    let checkpoint = ceremony.diary();
    let entry = checkpoint.diary().steps.get(&step);
    let found: Vec<String> = entry
        .and_then(|e| e.evidence.get(FINDINGS))
        .unwrap_or_default();
    for finding in found {
        ceremony.find(finding);
    }
}

/// After hand-over there is no root: what the login at hand may mend it mends, the rest is a finding.
async fn repair(
    step: Step,
    ceremony: &mut Ceremony<'_>,
    observation: Observation,
) -> Result<Evidence, Failure> {
    let needs_nobody = matches!(
        step,
        Step::Preflight | Step::WaitUntilActive | Step::HandOver
    );
    if ceremony.is_root() || needs_nobody {
        return write(step, ceremony, observation).await;
    }
    for detail in &observation.details {
        ceremony.find(format!("{} differs from the file: {detail}", step.name()));
    }
    Ok(observation.evidence)
}

fn unseen(step: Step, observation: &Observation) -> Failure {
    let why = observation.details.join("; ");
    Failure::refused(format!("{} cannot be looked at: {why}", step.name()))
        .advise("let a login with the right policies do it, or use break-glass")
}

/// Until a drill was held, nobody knows whether the way back works.
fn not_rehearsed(ceremony: &Ceremony<'_>) {
    if let BreakGlass::Logins(_) = ceremony.config.break_glass {
        ceremony.find("break-glass is not rehearsed: the grant holds, no drill was held");
    }
}

/// Where the report is, wherever its reader stands.
fn absolute(path: &Path) -> String {
    let whole = std::path::absolute(path);
    whole
        .unwrap_or_else(|_| path.to_path_buf())
        .display()
        .to_string()
}

fn copy_report(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::copy(from, to).map(|_| ()).map_err(|error| {
        Failure::failed(format!("cannot write {}: {error}", to.display()))
            .advise(format!("the report itself is at {}", from.display()))
    })
}

fn check_options(config: &Config, options: &Options) -> Result<(), Failure> {
    match (config.revoke_root, options.keep_root) {
        (false, false) => Err(Failure::usage(format!(
            "{} says revoke_root: false, which leaves a root token without end",
            config.file.display()
        ))
        .advise(format!(
            "if that is meant, type it as well: {}",
            options.again_with(config, "--keep-root")
        ))),
        (true, true) => Err(
            Failure::usage("--keep-root was typed, and the file revokes root")
                .advise("say it in the file as well: revoke_root: false"),
        ),
        _ => Ok(()),
    }
}
