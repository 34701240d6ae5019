//! After the hand-over: what is other than the file is written by the login that looks, as far as it may and somebody
//! agrees. Every step is looked at before anything is written, so that whoever agrees has seen all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::bootstrap::act;
use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::judge::judge;
use crate::bootstrap::summary::Ended;
use crate::changes::{
    STEPS, differs, documents, not_written, path_of, paths_of, places_made, shown,
};
use crate::code::Code;
use crate::desired::memory;
use crate::desired::observation::Observation;
use crate::event::{Changes, Event, PlannedStep, StepOutcome};
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::finding::{Detail, DocumentFinding, Finding, Unwritten};
use crate::prompt;
use crate::pruning::{Consent, prune, settle};
use crate::session::Authority;
use crate::step::{ORDER, Step, order};

/// So often it is written and looked at again: what is made anew may hold what is made anew.
const ROUNDS: usize = 3;

/// Whether what this step found waits until all steps were looked at.
pub(super) fn waits(step: Step, ceremony: &Ceremony<'_>, observation: &Observation) -> bool {
    let by_login = matches!(ceremony.authority, Authority::Login(_));
    let writes = by_login && ceremony.diary().handed_over() && ceremony.options.check.is_none();
    writes && differs(step, observation)
}

/// Writes what waited, then deletes what was asked for, where somebody agrees. What is not done is a finding.
///
/// # Errors
/// It failed, or what differs is another thing by now than what was shown: nothing after it is written.
pub(super) async fn write(ceremony: &mut Ceremony<'_>, ended: &mut Ended) -> Result<(), Failure> {
    // What was deleted by a run that was killed may be written anew.
    let known = (&ceremony.memory, &ceremony.records);
    let settled = settle(&ceremony.session, known).await?;
    write_waiting(ceremony, ended).await?;
    let options = ceremony.options;
    let consent = Consent {
        yes: options.yes,
        terminal: options.terminal,
        instead: options.again_with(ceremony.config, "--yes"),
    };
    let known = (&ceremony.memory, &ceremony.records);
    let pruned = prune(&ceremony.session, known, (&options.prune, consent)).await?;
    let written = &ceremony.written;
    written.set(written.get() + settled + pruned.count());
    pruned.say(&mut ceremony.findings.borrow_mut());
    Ok(())
}

async fn write_waiting(ceremony: &mut Ceremony<'_>, ended: &mut Ended) -> Result<(), Failure> {
    let mut waiting = std::mem::take(&mut ceremony.waiting);
    if waiting.is_empty() && ceremony.options.plan.is_none() {
        return Ok(());
    }
    let (mut places, mut tried) = (Vec::new(), BTreeSet::new());
    for _ in 0..ROUNDS {
        let now = waiting.iter().flat_map(|(_, found)| paths_of(found));
        tried.extend(now.map(str::to_owned));
        let made = round(ceremony, ended, (waiting, &places)).await?;
        if made.is_empty() {
            return Ok(());
        }
        places.extend(made);
        // What had stood in what was made anew was seen before as if it were still there.
        waiting = looked_again(ceremony, &tried).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        if !ceremony.options.yes {
            break;
        }
    }
    differ(ceremony, waiting);
    Ok(())
}

/// One look's differences; `places` is what this run has made before. What it has made now, in which others stand, as
/// beginnings of paths.
async fn round(
    ceremony: &mut Ceremony<'_>,
    ended: &mut Ended,
    (mut waiting, places): (Vec<(Step, Observation)>, &[String]),
) -> Result<Vec<String>, Failure> {
    let found: Vec<_> = waiting.iter().map(|(step, found)| (*step, found)).collect();
    let known = (&ceremony.memory, ceremony.options.meant(places));
    let left = not_written(ceremony, known, &found).await?;
    let shown = shown(&found, &left, &ceremony.memory);
    if let Some(plan) = &ceremony.options.plan {
        let is_left = |path: &str| left.contains_key(path);
        let planned = documents((ceremony.config, &ceremony.memory), &found, &is_left);
        plan.holds(ceremony.config, &shown, &planned)?;
    }
    for (step, observation) in &mut waiting {
        leave(*step, ceremony, observation, &left);
    }
    waiting.retain(|(_, observation)| !paths_of(observation).is_empty());
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let Some(asked) = agreed(ceremony, shown).await? else {
        differ(ceremony, waiting);
        return Ok(Vec::new());
    };
    if asked {
        // A person may have thought for long: what is written is what they have seen.
        for (step, seen) in &mut waiting {
            *seen = as_shown(*step, ceremony, seen, &left).await?;
        }
    }
    let known = (ceremony.config, &ceremony.resolved);
    if let Err(why) = memory::made(known, &ceremony.memory).await {
        let text = format!("secrets that are written now are not compared later: {why}");
        ceremony.warn(why.code(), text);
    }
    let made = waiting
        .iter()
        .flat_map(|(_, found)| places_made(found))
        .collect();
    let mut mounts_written = false;
    for (step, mut observation) in waiting {
        if mounts_written {
            // What stands in a new mount, or names it, is known only now.
            observation = with_its_mount(step, ceremony, observation).await?;
        }
        if paths_of(&observation).is_empty() {
            // What was written before it has brought it with it.
            continue;
        }
        one_step(step, ceremony, observation, ended).await?;
        mounts_written |= matches!(step, Step::Secrets | Step::AuthMethods);
    }
    Ok(made)
}

/// Each difference is a finding.
fn differ(ceremony: &Ceremony<'_>, waiting: Vec<(Step, Observation)>) {
    for (step, observation) in waiting {
        for detail in observation.details {
            ceremony.find(Finding::Step(step, detail));
        }
    }
}

/// What differs now, but what this run has already tried or left, and told.
async fn looked_again(
    ceremony: &Ceremony<'_>,
    tried: &BTreeSet<String>,
) -> Result<Vec<(Step, Observation)>, Failure> {
    let mut waiting = Vec::new();
    for step in STEPS.into_iter().filter(|step| *step != Step::Audit) {
        let mut found = judge(&ceremony.view(step)).await?.observation;
        for finding in found.findings.drain(..) {
            ceremony.find(finding);
        }
        let is_new = |path: &str| !tried.contains(path);
        found
            .details
            .retain(|detail| path_of(detail).is_some_and(is_new));
        found.pending.retain(|one| is_new(&one.document.path));
        if !paths_of(&found).is_empty() {
            waiting.push((step, found));
        }
    }
    Ok(waiting)
}

/// Takes out what is not written, and says so.
fn leave(
    step: Step,
    ceremony: &Ceremony<'_>,
    observation: &mut Observation,
    left: &BTreeMap<String, Unwritten>,
) {
    let pending = &mut observation.pending;
    pending.retain(|pending| !left.contains_key(&pending.document.path));
    let details = std::mem::take(&mut observation.details);
    for detail in details {
        match path_of(&detail).and_then(|path| left.get(path)) {
            None => observation.details.push(detail),
            Some(why) => {
                ceremony.find(DocumentFinding::NotWritten(step, detail, why.clone()).into());
            }
        }
    }
}

/// Whether somebody agrees, and whether they were asked just now; `None` where nobody does.
async fn agreed(ceremony: &Ceremony<'_>, steps: Vec<PlannedStep>) -> Result<Option<bool>, Failure> {
    let login = match &ceremony.authority {
        Authority::Login(login) => login.name.clone(),
        Authority::None | Authority::Root(_) | Authority::Given(_) => return Ok(None),
    };
    let question = format!("Write this as {login}?");
    ceremony.caller.events.emit(Event::Changes(Changes {
        login,
        steps,
        deletes: false,
    }));
    let options = ceremony.options;
    if options.yes || options.plan.is_some() {
        return Ok(Some(false));
    }
    let command = options.again_with(ceremony.config, "--yes");
    let instead = format!("to write it: {command}");
    if !options.terminal {
        ceremony.note(format!(
            "nothing is written: there is no terminal to ask on; {instead}"
        ));
        return Ok(None);
    }
    let yes = prompt::confirm(&question, &instead).await?;
    Ok(yes.then_some(true))
}

/// Looks again, once mounts were written: of the documents that were shown, what is to be sent now.
async fn with_its_mount(
    step: Step,
    ceremony: &Ceremony<'_>,
    seen: Observation,
) -> Result<Observation, Failure> {
    let shown: BTreeSet<String> = paths_of(&seen).into_iter().map(str::to_owned).collect();
    let mut now = judge(&ceremony.view(step)).await?.observation;
    now.pending.retain(|one| shown.contains(&one.document.path));
    now.details
        .retain(|one| path_of(one).is_some_and(|path| shown.contains(path)));
    Ok(now)
}

/// Looks at a step again.
///
/// # Errors
/// What differs is another thing by now than what was seen.
async fn as_shown(
    step: Step,
    ceremony: &Ceremony<'_>,
    seen: &Observation,
    left: &BTreeMap<String, Unwritten>,
) -> Result<Observation, Failure> {
    let mut now = judge(&ceremony.view(step)).await?.observation;
    let unseen = now.details.iter().any(Detail::is_unseen);
    now.details.retain(|detail| !detail.is_unseen());
    leave(step, ceremony, &mut now, left);
    if now.details == seen.details {
        return Ok(now);
    }
    if unseen {
        return Err(Failure::failed(
            Code::LoginDenied,
            format!(
                "{}: the login may not look any more: its token may have ended",
                step.name()
            ),
        )
        .advise(format!(
            "answer sooner: {}",
            ceremony.options.again(ceremony.config)
        )));
    }
    Err(Failure::refused(
        Code::StepDiffers,
        format!(
            "{}: what differs is another thing by now than what was shown",
            step.name()
        ),
    )
    .advise(format!(
        "see what it is, and answer once more: {}",
        ceremony.options.again(ceremony.config)
    )))
}

async fn one_step(
    step: Step,
    ceremony: &mut Ceremony<'_>,
    observation: Observation,
    ended: &mut Ended,
) -> Result<(), Failure> {
    let events = ceremony.caller.events;
    events.enter(step);
    let all = order(ceremony.diary().two_phase());
    let place = all.iter().position(|one| *one == step).unwrap_or_default();
    events.emit(Event::StepStarted {
        step,
        number: place + 1,
        of: ORDER.len(),
    });
    let (begun, before) = (Instant::now(), ceremony.client().requests_sent());
    let found = ceremony.findings.borrow().len();
    let evidence = match act::write(step, ceremony, observation).await {
        Ok(evidence) => evidence,
        // What a server does not let this login write keeps nothing else from being written.
        Err(failure) if failure.code() == Code::ServerDenied || step == Step::Audit => {
            for problem in &failure.problems {
                let text = match &problem.advice {
                    Some(advice) => format!("{}; {advice}", problem.what),
                    None => problem.what.clone(),
                };
                ceremony.find(DocumentFinding::Refused(step, text).into());
            }
            Evidence::default()
        }
        Err(failure) => return Err(failure),
    };
    let outcome = if ceremony.findings_since(found).is_empty() {
        StepOutcome::Repaired
    } else {
        StepOutcome::WithFindings
    };
    ended.add(step, outcome, evidence.clone());
    events.emit(Event::StepFinished {
        step,
        outcome,
        requests: ceremony.client().requests_sent() - before,
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        evidence,
    });
    Ok(())
}
