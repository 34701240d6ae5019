//! `recovery rotate`: new shares, with new custodians if you like, in the place of the old ones.
//!
//! The new ones are in effect only after every one of them was read back from its custodian, and the old ones are taken away
//! only after that. It can be killed anywhere and run again. What it never does: replace a share that was verified,
//! or end a rotation that somebody else began.

mod attempts;
mod desired;
mod gather;
mod leftover;
mod new_shares;
mod preflight;
mod refusals;
mod retire;
mod run;
mod session;

pub use crate::recovery::desired::verb;
pub use crate::recovery::run::Options;

use std::path::PathBuf;

use serde_json::json;

use crate::checkpoint::directory::write_beside;
use crate::checkpoint::now;
use crate::checkpoint::replica::{self, damaged};
use crate::checkpoint::rotation::Phase;
use crate::code::Code;
use crate::code::Reported;
use crate::config::{Config, Init};
use crate::edge::others;
use crate::event::{Caller, Rotated};
use crate::evidence::run::Written;
use crate::evidence::signing::SigningKey;
use crate::failure::{Exit, Failure};
use crate::finding::Finding;
use crate::interrupt::{AFTER_A_STOP, stopped_by};
use crate::recovery::run::Run;
use crate::recovery::session::RotationSession;
use crate::span;

/// Makes the shares that `config` asks for with a quorum of those of `old`, or takes that up where an earlier run
/// stopped.
///
/// # Errors
/// The old shares are in effect, unless it says otherwise.
pub async fn rotate(
    (config, old): (&Config, &Config),
    options: &Options,
    caller: Caller<'_>,
) -> Result<Rotated, Failure> {
    desired::check(config, old)?;
    let key = match &options.sign_key {
        Some(path) => Some(SigningKey::open(path).await?),
        None => None,
    };
    let records = Box::pin(damaged::checkpoint(
        config,
        options.take_over.as_deref(),
        caller,
    ))
    .await?;
    let opened = async {
        let state = preflight::begun((config, old), &records.borrow())?;
        let directory = &config.checkpoint.path;
        let opened = run::open((config, old), options, (directory, &state), caller).await?;
        Ok((opened, state))
    };
    let opened = caller.unless_stopped(opened).await;
    let (opened, state) = match opened {
        Ok(opened) => opened,
        Err(failure) => {
            records.release(caller).await;
            return Err(failure);
        }
    };
    let run = Run::new((config, old), (options, caller), records, (opened, state));
    let result = Box::pin(to_the_end(&run, key.as_ref())).await;
    run.records.release(caller).await;
    result
}

/// All attempts, and nothing left behind by them.
async fn to_the_end(run: &Run<'_>, key: Option<&SigningKey>) -> Result<Rotated, Failure> {
    preflight::places_are_meant(run)?;
    let was_done = run.state.borrow().phase == Phase::Done;
    if was_done {
        return Ok(rotated(run, None, None));
    }
    let mut inside = None;
    let result = tokio::select! {
        biased;
        stop = run.caller.interrupt.requested() => Err(stop),
        result = attempts::attempts(run, &mut inside) => result,
    };
    if let Some(mut inside) = inside {
        if result.is_err() {
            leave_nothing(run, &mut inside).await;
        }
        inside.leave(run).await;
    }
    let mut findings = result.map_err(|failure| which_hold(run, failure))?;
    findings.extend(others::findings(&[run.config, run.old], None));
    let mut findings = run.config.judged(Finding::all_reported(&findings));
    for finding in &findings {
        run.warn(finding.code, &finding.text);
    }
    // Told before it is done: a run that is killed in between tells it again.
    let told = async {
        let written = evidence(run, key, &findings)?;
        if let Err(failure) = replica::evidence::keep(run.config, &written, None).await {
            let path = written.path.display().to_string();
            let finding = Finding::EvidenceHereOnly(path, failure.to_string()).reported();
            run.warn(finding.code, &finding.text);
            findings.push(finding);
            evidence(run, key, &findings)?;
        }
        retire::done(run).await?;
        Ok(written.path)
    };
    let path = told.await.map_err(|failure| which_hold(run, failure))?;
    Ok(rotated(run, Some(findings), Some(path)))
}

/// Writes what this run has shown beside the checkpoint.
fn evidence(
    run: &Run<'_>,
    key: Option<&SigningKey>,
    findings: &[Reported],
) -> Result<Written, Failure> {
    let mut evidence = run.evidence.borrow_mut();
    let set = |init: &Init| json!({"generation": init.generation, "shares": init.shares, "threshold": init.threshold});
    evidence.set("before", set(&run.old.init));
    evidence.set("after", set(&run.config.init));
    let state = run.state.borrow();
    let new = run.opened.new_custodians.iter();
    let new = new.map(|one| json!({"name": one.name(), "address": one.address()}));
    evidence.set("new_shares", new.collect::<Vec<_>>());
    let old = state.old.iter();
    let old = old.map(
        |(name, share)| json!({"name": name, "address": share.address, "removed": share.retired && share.left.is_none(), "left": share.left}),
    );
    evidence.set("old_shares", old.collect::<Vec<_>>());
    let records = run.records.borrow();
    if !records.diary().take_overs.is_empty() {
        evidence.set("take_overs", &records.diary().take_overs);
    }
    let directory = records.directory();
    let put = |name: &str, bytes: &[u8]| Ok(write_beside(directory, name, bytes)?);
    evidence.write(directory, put, (key, now(), findings))
}

/// A rotation that is under way would be in everybody's way. What is with the custodians is left to the next run.
async fn leave_nothing(run: &Run<'_>, inside: &mut RotationSession) {
    let known = run.state.borrow().starting;
    if !known || !run.started_here.get() {
        return;
    }
    let ending = async {
        inside.renew(run).await?;
        leftover::end(run, &inside.rotation()).await
    };
    let ended = tokio::time::timeout(AFTER_A_STOP, ending).await;
    let left = match ended {
        Ok(Ok(())) => return,
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("no answer within {}", span::text(AFTER_A_STOP)),
    };
    run.warn(
        Code::RotationUnfinished,
        format!("the next run will clean up what is left at the server: {left}"),
    );
}

/// Which shares open the cluster now is what a person must know when it did not go well; said only as far as the
/// server has shown it in this run.
fn which_hold(run: &Run<'_>, mut failure: Failure) -> Failure {
    let (old, new) = (run.old.init.generation, run.config.init.generation);
    let holds = match run.state.borrow().phase {
        Phase::Unverified if run.old_hold.get() => {
            format!("generation {old} of the shares is in effect as before")
        }
        Phase::Unverified => "which shares are in effect has not changed".to_owned(),
        Phase::Verifying => format!(
            "whether generation {old} or {new} of the shares is in effect is not known yet: keep both"
        ),
        Phase::Verified | Phase::Done => {
            format!(
                "generation {new} of the shares is in effect; what is left to do, such as with those of {old}, is not done"
            )
        }
    };
    if let Exit::Interrupted(signal) = failure.exit {
        return stopped_by(signal, &holds).advise(format!(
            "run it again to continue from here: {}",
            run.again()
        ));
    }
    if let Some(last) = failure.problems.last_mut() {
        last.what = format!("{}; {holds}", last.what);
        let advice = format!("run it again to continue from here: {}", run.again());
        last.advice.get_or_insert(advice);
    }
    failure
}

fn rotated(run: &Run<'_>, findings: Option<Vec<Reported>>, evidence: Option<PathBuf>) -> Rotated {
    let line = |custodian: &crate::custodian::Custodian| {
        format!("{}: {}", custodian.name(), custodian.address())
    };
    let init = &run.config.init;
    Rotated {
        generation: init.generation,
        shares: init.shares,
        threshold: init.threshold,
        custodians: run.opened.new_custodians.iter().map(line).collect(),
        changed: findings.is_some(),
        file: run.config.file.clone(),
        from: run.old.file.clone(),
        findings: findings.unwrap_or_default(),
        evidence,
    }
}
