//! `status`: where the ceremony stands and what to type next. Changes nothing, takes no lock, needs no
//! key: it reads the diary and asks the server for what anybody may know.

use crate::bootstrap::unfinished;
use crate::checkpoint::replica::at_replica;
use crate::checkpoint::unproved::unproved;
use crate::checkpoint::{self, Diary, Rehearsed};
use crate::code::{Code, Reported};
use crate::config::Config;
use crate::edge::others;
use crate::event::{LastRehearsal, LeaseHolder, NodeLine, Status, StepLine};
use crate::failure::{Exit, Failure};
use crate::finding::Finding;
use crate::session::cluster_identity::{contradiction, is_of_another, key};
use crate::session::{several_servers, unavailable};
use crate::shell::ShellCommand;
use crate::step::decide::Recorded;
use crate::step::{Step, order};
use crate::vault::{Client, Health, sys};

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
    let replica = at_replica::look(config).await.map(|mut there| {
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
    let stored = recorded(Step::StoreRecoveryKeys) == Recorded::Done;
    let mut look = look(client, diary.as_ref().filter(|_| begun)).await;
    // With an id it is a holder's file, or its checkpoint is elsewhere.
    let foreign = look.initialised && !begun && config.cluster.id.is_none();
    look.findings
        .extend(foreign.then(|| Finding::Foreign.reported()));
    let (next, why) = match (look.waits_for_holders, stored) {
        // The shares are with their holders: nobody else can open it.
        (true, true) => (
            config.unseal_command(),
            Some("each holder of a quorum, one after the other"),
        ),
        _ if look.findings.iter().any(is_of_another) => (config.command("apply"), Some(REFUSES)),
        _ => next_of_the_ceremony(config, diary.as_ref(), (done, begun)),
    };
    let rotation = diary.as_ref().and_then(|diary| diary.rotation.as_ref());
    let half_made = rotation.filter(|rotation| rotation.is_half_made());
    let (next, why) = half_made.map_or_else(
        || (next.into(), why.map(str::to_owned)),
        |rotation| {
            let why = Finding::RotationIsOpen(rotation.wanted.generation);
            (rotation.again.clone(), Some(why.to_string()))
        },
    );
    let unfinished = unfinished::findings(config);
    let (next, why) = if unfinished.is_empty() {
        (next, why)
    } else {
        rehearse_first(config)
    };
    let (next, why) = where_held(config, (next, why), lease.as_ref());
    let findings = [look.findings, on_this_machine(config, unfinished)].concat();
    let well = done && half_made.is_none() && findings.is_empty();
    let status = Status {
        cluster: config.cluster.name.clone(),
        address: key(&config.cluster.address),
        server: look.server,
        nodes: look.nodes,
        replica,
        lease,
        rehearsed: rehearsed.map(last_rehearsal),
        steps,
        next,
        why,
        findings,
    };
    Ok((status, if well { Exit::Done } else { Exit::Findings }))
}

fn last_rehearsal(one: Rehearsed) -> LastRehearsal {
    LastRehearsal {
        at: one.at,
        evidence: one.evidence.display().to_string(),
        without: one.without,
    }
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

/// The command to type once `apply` has come to its end, and what it does. `kept` is root; `open` whether break-glass works.
pub(crate) fn next_after_the_end(
    config: &Config,
    diary: &Diary,
    (kept, open): (bool, bool),
) -> (String, String) {
    let half_made = diary.rotation.as_ref().filter(|one| one.is_half_made());
    if let Some(rotation) = half_made {
        let why = Finding::RotationIsOpen(rotation.wanted.generation);
        return (rotation.again.clone(), why.to_string());
    }
    if !unfinished::findings(config).is_empty() {
        return (config.command("rehearse").into(), AFTER_A_KILL.to_owned());
    }
    let (next, why) = match (kept, open) {
        (true, _) => (
            config.apply_that_revokes(),
            "revokes root, without revoke_root: false in the file",
        ),
        (false, true) => (
            config.command("rehearse"),
            "shows whether break-glass works",
        ),
        // It needs no share and asks nobody.
        (false, false) => (config.bare_command("apply"), LOOKS_AGAIN),
    };
    (next.into(), why.to_owned())
}

/// What `rehearse` does where a killed run left something.
const AFTER_A_KILL: &str =
    "cleans up and compares what that run has left, once it is no longer going";
/// What `apply` does where the server is not what the checkpoint here knows.
const REFUSES: &str =
    "refuses, and says what can be done: this is not the server that the checkpoint here knows";
/// What `apply` does once all is done.
const LOOKS_AGAIN: &str = "checks that everything is still as the file says";

fn rehearse_first(config: &Config) -> (String, Option<String>) {
    let why = AFTER_A_KILL.to_owned();
    (config.command("rehearse").into(), Some(why))
}

/// What a stop leaves where nobody has begun to revoke the root token of the checkpoint.
pub fn root_stays(config: &Config) -> Option<Finding> {
    checkpoint::keeps_root(&config.checkpoint.path).then_some(Finding::RootStays)
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

/// What the server says of itself.
struct Look {
    server: String,
    nodes: Vec<NodeLine>,
    /// Only holders of shares can open it.
    waits_for_holders: bool,
    initialised: bool,
    /// Why it does not bear out what the diary says.
    findings: Vec<Reported>,
}

/// Asks for what anybody may know. `begun` is the diary of a ceremony that has begun here.
async fn look(client: Result<Client, Failure>, begun: Option<&Diary>) -> Look {
    let unseen = Reported {
        code: Code::ServerUnreachable,
        text: "the server could not be asked, so whether it is still as recorded is unknown"
            .to_owned(),
    };
    let silent = |server, nodes| Look {
        server,
        nodes,
        waits_for_holders: false,
        initialised: false,
        findings: begun.map(|_| unseen.clone()).into_iter().collect(),
    };
    let client = match client {
        Ok(client) => client,
        Err(failure) => return silent(failure.to_string(), Vec::new()),
    };
    let Listed { nodes, away, other } = listed(&client, begun).await;
    let (client, health, of) = match (sys::health(&client).await, other) {
        (Ok(health), _) => (client, health, String::new()),
        // The cluster is there, whatever node the address leads to.
        (Err(_), Some((node, health))) => {
            let of = format!(", as {} says", node.address());
            (node, health, of)
        }
        (Err(error), None) => return silent(error.to_string(), nodes),
    };
    let state = health.state();
    let server = format!("{} {}, {state}{of}", health.product.name(), health.version);
    let sealed = health.initialized && health.sealed;
    let waits_for_holders = sealed && {
        let seal = sys::seal_status(&client).await;
        seal.is_ok_and(|seal| !seal.recovery_seal)
    };
    let mut findings = begun.and_then(|diary| contradiction(diary, &health));
    // One of several servers cannot be what the others are.
    if let Some(contradicted) = &mut findings
        && let Some(text) = several_servers::after_init(&client).await
    {
        let code = Code::SeveralServers;
        *contradicted = Reported { code, text };
    }
    Look {
        server,
        nodes,
        waits_for_holders,
        initialised: health.initialized,
        findings: findings.into_iter().chain(away).collect(),
    }
}

/// The listed nodes and the address, where these are several.
#[derive(Default)]
struct Listed {
    nodes: Vec<NodeLine>,
    /// Those that do not serve the cluster that was begun; that none leads.
    away: Vec<Reported>,
    /// The active one, else the first that answers.
    other: Option<(Client, Health)>,
}

async fn listed(client: &Client, begun: Option<&Diary>) -> Listed {
    let mut listed = Listed::default();
    let answers = sys::health_of(client.nodes_and_address()).await;
    listed.away.extend(
        unavailable::leaderless(&answers).map(|said| Finding::NobodyLeads(said).reported()),
    );
    if answers.len() < 2 {
        return listed;
    }
    for (node, health) in answers {
        let address = node.address().to_owned();
        if let Some(diary) = begun
            && let Some(why) = unavailable::away(&health, diary.cluster.cluster_id.as_deref())
        {
            listed
                .away
                .push(Finding::NodeAway(address.clone(), why).reported());
        }
        let state = match health {
            Ok(health) => {
                let said = health.state().to_owned();
                if listed.other.is_none() || health.is_active() {
                    listed.other = Some((node, health));
                }
                said
            }
            Err(error) => error.to_string(),
        };
        listed.nodes.push(NodeLine { address, state });
    }
    listed
}
