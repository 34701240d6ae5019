//! `status`: where the ceremony stands and what to type next. Changes nothing, takes no lock, needs no
//! key: it reads the diary and asks the server for what anybody may know.

mod server;

use crate::bootstrap::next::{AFTER_A_KILL, LOOKS_AGAIN};
use crate::bootstrap::{evidence_report, root_stays};
use crate::checkpoint::replica::at_replica;
use crate::checkpoint::running::{Running, running};
use crate::checkpoint::unproved::unproved;
use crate::checkpoint::{self, Diary, Rehearsed};
use crate::code::{Code, Reported};
use crate::config::Config;
use crate::edge::others;
use crate::event::{LastRehearsal, LeaseHolder, ReportLine, RunLine, Status, StepLine};
use crate::evidence::operator::in_words;
use crate::failure::{Exit, Failure};
use crate::finding::Finding;
use crate::session::cluster_identity::{is_of_another, key};
use crate::session::unfinished;
use crate::shell::ShellCommand;
use crate::status::server::Look;
use crate::step::decide::Recorded;
use crate::step::{Step, order};
use crate::vault::Client;

/// Looks. `client` is `None` where not even that could be opened.
///
/// # Errors
/// The diary is damaged or was written by a later program.
pub async fn status(
    config: &Config,
    client: Result<Client, Failure>,
) -> Result<(Status, Exit), Failure> {
    let mut diary = checkpoint::read_diary(&config.checkpoint.path)?;
    let mut rehearsed = Rehearsed::last(&config.checkpoint.path).unwrap_or_default();
    // Where the disk is gone, it is the replica that knows.
    let mut lease = None;
    let replica = Box::pin(at_replica::look(config)).await.map(|mut there| {
        rehearsed = there.later_rehearsal(rehearsed.take());
        diary = diary.take().or(there.diary);
        lease = there.lease;
        there.words
    });
    let two_phase = diary.as_ref().is_some_and(Diary::two_phase);
    let steps = order(two_phase)
        .into_iter()
        .map(|step| line(step, diary.as_ref()))
        .collect();
    let recorded = |step| recorded(diary.as_ref(), step);
    let done = recorded(Step::HandOver) == Recorded::Done;
    let begun = recorded(Step::Initialize) != Recorded::Nothing;
    let mut look = server::look(client, diary.as_ref().filter(|_| begun)).await;
    // With an id it is a holder's file, or its checkpoint is elsewhere.
    let foreign = look.initialised && !begun && config.cluster.id.is_none();
    look.findings
        .extend(foreign.then(|| Finding::Foreign.reported()));
    let rotation = diary.as_ref().and_then(|diary| diary.rotation.as_ref());
    let half_made = rotation.filter(|rotation| rotation.is_half_made());
    let unfinished = unfinished::findings(config);
    let (next, why) = match half_made {
        _ if !unfinished.is_empty() => rehearse_first(config),
        Some(rotation) => {
            let why = Finding::RotationIsOpen(rotation.wanted.generation);
            (rotation.again.clone(), Some(why.to_string()))
        }
        None => next_of(config, diary.as_ref(), &look),
    };
    let going_on = running(&config.checkpoint.path);
    let (next, why) = match &going_on {
        Some(run) => (
            config.command("status").into(),
            Some(format!(
                "once process {} has ended, which is at it",
                run.process
            )),
        ),
        None => where_held(config, (next, why), lease.as_ref()),
    };
    let findings = config.judged([look.findings, on_this_machine(config, unfinished)].concat());
    let well = done && half_made.is_none() && !Reported::any_open(&findings);
    let status = Status {
        cluster: config.cluster.name.clone(),
        address: key(&config.cluster.address),
        server: look.server,
        adopted: diary.as_ref().and_then(|diary| diary.adopted.clone()),
        nodes: look.nodes,
        replica,
        lease,
        running: going_on.map(run_line),
        report: last_report(config),
        rehearsed: rehearsed.map(last_rehearsal),
        steps,
        next,
        why,
        findings,
    };
    Ok((status, if well { Exit::Done } else { Exit::Findings }))
}

fn run_line(one: Running) -> RunLine {
    RunLine {
        process: one.process,
        user: in_words(&one.operator),
        since: one.since,
    }
}

/// What the last run that came to its end has found.
fn last_report(config: &Config) -> Option<ReportLine> {
    let directory = &config.checkpoint.path;
    let said = evidence_report::said(directory)?;
    let codes = said.findings.into_iter().map(|found| found.code);
    Some(ReportLine {
        written: said.written,
        path: directory.join("report.txt").display().to_string(),
        findings: codes.collect(),
    })
}

fn last_rehearsal(one: Rehearsed) -> LastRehearsal {
    LastRehearsal {
        at: one.at,
        evidence: one.evidence.display().to_string(),
        without: one.without,
    }
}

/// The command to type next, and what it does where that is not plain, while nothing else comes first.
fn next_of(config: &Config, diary: Option<&Diary>, look: &Look) -> (String, Option<String>) {
    let recorded = |step| recorded(diary, step);
    let stored = recorded(Step::StoreRecoveryKeys) == Recorded::Done;
    let done = recorded(Step::HandOver) == Recorded::Done;
    let begun = recorded(Step::Initialize) != Recorded::Nothing;
    let (next, why) = match (look.waits_for_holders, stored) {
        // The shares are with their holders: nobody else can open it.
        (true, true) => (
            config.unseal_command(),
            Some("each holder of a quorum, one after the other"),
        ),
        _ if look.findings.iter().any(is_of_another) => return of_another(config, look),
        _ if look.waits_for_its_seal => (config.command("status"), Some(ITS_OWN_SEAL)),
        _ => next_of_the_ceremony(config, diary, (done, begun)),
    };
    (next.into(), why.map(str::to_owned))
}

/// The command that goes on with it, and what it does where that is not plain.
fn next_of_the_ceremony(
    config: &Config,
    diary: Option<&Diary>,
    (done, begun): (bool, bool),
) -> (ShellCommand, Option<&'static str>) {
    let apply = config.command("apply");
    match (done, begun, unproved(config, diary)) {
        (true, ..) => (apply, Some(LOOKS_AGAIN)),
        (false, true, _) if recorded(diary, Step::Initialize) == Recorded::Started => (
            apply,
            Some("continues if the answer to sys/init was kept, or else says how to start over"),
        ),
        (false, true, _) => (apply, Some("continues where it stopped")),
        // A cluster has an id once it was initialised: this is a holder's file, or its checkpoint is elsewhere.
        (false, false, _) if config.cluster.id.is_some() => (
            config.command("share submit CODE"),
            Some(
                "gives a share, to whoever sends a code; the checkpoint of this cluster is not here",
            ),
        ),
        (false, false, Some(name)) => (
            config.command(ShellCommand::new("custodian prove").with(name)),
            Some("its holder opens a challenge, before any share is encrypted to them"),
        ),
        (false, false, None) => (apply, None),
    }
}

/// Another machine's run is in the way of `apply`, and of nothing else that may be next.
fn where_held(
    config: &Config,
    (next, why): (String, Option<String>),
    lease: Option<&LeaseHolder>,
) -> (String, Option<String>) {
    match lease {
        Some(held) if !held.here && next.starts_with(config.command("apply").as_str()) => {
            let why = "only if that run is gone for good: it continues from what is at the replica";
            let command = config.command(config.typed.taking_over(&held.id));
            (command.into(), Some(why.to_owned()))
        }
        _ => (next, why),
    }
}

/// Nothing that is typed here opens it.
const ITS_OWN_SEAL: &str =
    "once its own seal has opened it, which no share does: the server's log says why it has not";

/// What helps where the server is not what the checkpoint here knows; `apply` would refuse.
fn of_another(config: &Config, look: &Look) -> (String, Option<String>) {
    let foreign = look
        .findings
        .iter()
        .any(|one| one.code == Code::AlreadyInitialised);
    if foreign {
        let address = key(&config.cluster.address);
        let asked = format!("{}/v1/sys/health", address.trim_end_matches('/'));
        let why = "shows its cluster_id: with that as cluster.id in the file, break-glass and apply --adopt-cluster work without \
                   its checkpoint; or put the checkpoint of the run that initialised it back, then apply";
        let command = ShellCommand::new("curl").with(asked);
        return (command.into(), Some(why.to_owned()));
    }
    let why = format!(
        "once cluster.address leads to the cluster of the checkpoint here; if that was wiped for good: {}",
        config.command("apply --abandon")
    );
    (config.command("status").into(), Some(why))
}

fn rehearse_first(config: &Config) -> (String, Option<String>) {
    let why = AFTER_A_KILL.to_owned();
    (config.command("rehearse").into(), Some(why))
}

/// What is to be seen here without the server.
fn on_this_machine(config: &Config, unfinished: Vec<Finding>) -> Vec<Reported> {
    let root = root_stays(config).into_iter().collect();
    let found = [others::findings(&[config], None), unfinished, root];
    Finding::all_reported(&found.concat())
}

fn recorded(diary: Option<&Diary>, step: Step) -> Recorded {
    diary.map_or(Recorded::Nothing, |diary| diary.recorded(step))
}

fn line(step: Step, diary: Option<&Diary>) -> StepLine {
    let entry = diary.and_then(|diary| diary.steps.get(&step));
    StepLine {
        step,
        title: step.title(),
        state: entry.map_or(Recorded::Nothing, |entry| entry.state),
        finished: entry.and_then(|entry| entry.finished.clone()),
    }
}
