//! `unseal`: a holder gives their share of a Shamir seal to every sealed node, from their own machine. The servers
//! keep what they were given until there is enough, so holders come one after the other.

use crate::break_glass::options::Options;
use crate::checkpoint;
use crate::code::Code;
use crate::config::Config;
use crate::edge::cluster;
use crate::event::{Caller, Event, NodeSeal};
use crate::failure::Failure;
use crate::root_generation::Held;
use crate::session::cluster_identity;
use crate::vault::sys::{seal_status, unseal as give};
use crate::vault::{Client, SealStatus};

/// The command, for messages.
const COMMAND: &str = "unseal";

/// Gives the share of one custodian, the one named or the only one that can be opened here, to every node that is
/// sealed, and says how far each is.
///
/// # Errors
/// A node does not answer, is opened by a key and not by shares, or does not take it; the others have it.
pub async fn unseal(
    config: &Config,
    options: &Options,
    custodian: Option<&str>,
    caller: Caller<'_>,
) -> Result<Event, Failure> {
    let client = cluster::open(config).await?;
    caller.events.emit(Event::Begin {
        command: COMMAND,
        resumed: false,
        cluster: config.cluster.name.clone(),
        address: client.address().to_owned(),
    });
    let (mut sealed, mut nodes, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for node in client.nodes() {
        match seal_status(&node).await {
            Ok(status) if status.sealed => match opens_by_shares(&node, &status) {
                Ok(()) => sealed.push((node, status)),
                Err(failure) => failures.push(failure),
            },
            Ok(status) => nodes.push(state(&node, &status)),
            Err(error) => failures.push(error.into()),
        }
    }
    if !sealed.is_empty() {
        known_here(config, &sealed)?;
        let asking = options.asking(config, caller, COMMAND);
        let held = asking.own(custodian).await?;
        let (all, mut had) = (sealed.len(), Vec::new());
        for (node, before) in sealed {
            match one(&node, &held).await {
                Ok(after) => {
                    if is_unmoved(&before, &after) {
                        had.push(node.address().to_owned());
                    }
                    nodes.push(state(&node, &after));
                }
                Err(failure) => failures.push(failure),
            }
        }
        if failures.is_empty() && had.len() == all {
            failures.push(given_before(config, &held.name));
        } else if !had.is_empty() {
            let text = format!("{} had the share of {} already", had.join(", "), held.name);
            caller.events.note(text);
        }
    }
    Failure::check(failures)?;
    Ok(Event::Unsealed { nodes })
}

/// A sealed server says nothing of which cluster it is: where the ceremony's checkpoint is here, only its own addresses
/// are given a share.
fn known_here(config: &Config, sealed: &[(Client, SealStatus)]) -> Result<(), Failure> {
    let diary = checkpoint::read_diary(&config.checkpoint.path)?;
    let Some(known) = diary.as_ref().and_then(cluster_identity::known_by) else {
        return Ok(());
    };
    let asked = sealed
        .iter()
        .flat_map(|(node, _)| cluster_identity::addresses_of(node));
    let strange: Vec<_> = asked.filter(|address| !known.contains(address)).collect();
    if strange.is_empty() {
        return Ok(());
    }
    let began = known.iter().cloned().collect::<Vec<_>>().join(", ");
    Err(Failure::refused(
        Code::AddressUnknown,
        format!(
            "{} is not known to the checkpoint here, which began its cluster at {began}: no share was given",
            strange.join(", ")
        ),
    )
    .advise("correct cluster.address or cluster.nodes; if the cluster really has that address, give the share from a directory without this checkpoint"))
}

fn opens_by_shares(node: &Client, status: &SealStatus) -> Result<(), Failure> {
    let address = node.address();
    if !status.initialized {
        return Err(Failure::refused(
            Code::NotInitialised,
            format!("{address} is not initialised, so no share opens it"),
        ));
    }
    if status.recovery_seal {
        return Err(Failure::refused(
            Code::NotOnThisServer,
            format!(
                "{address} is opened by its {} seal, and not by shares",
                status.seal_type
            ),
        )
        .advise("see what its log says of that seal; recovery shares do not unseal"));
    }
    Ok(())
}

async fn one(node: &Client, held: &Held) -> Result<SealStatus, Failure> {
    let error = match give(node, &held.share).await {
        Ok(status) => return Ok(status),
        Err(error) if error.status() == Some(400) => error,
        Err(error) => return Err(error.into()),
    };
    // It refuses what is no share at all and keeps the others; it drops all of them where together they open nothing.
    let kept = seal_status(node).await.map_or(0, |status| status.progress);
    if kept > 0 {
        return Err(Failure::refused(Code::ShareUnreadable, format!(
            "{error}: what {} gave is no share that it can read; the {kept} given before are still there",
            held.name
        ))
        .advise("look at what was typed or is kept there, and give the share itself"));
    }
    Err(
        Failure::refused(Code::ShareWrong, format!(
            "{}: the share of {} does not open it together with those given before, all of which are dropped",
            node.address(),
            held.name
        ))
        .advise("one of them is of another cluster or from before a rekey: all holders must give theirs again"),
    )
}

/// Whether a share that was taken has not moved it: the server counts none twice, and says nothing.
fn is_unmoved(before: &SealStatus, after: &SealStatus) -> bool {
    after.sealed && after.progress > 0 && after.progress == before.progress
}

fn given_before(config: &Config, name: &str) -> Failure {
    Failure::refused(
        Code::ShareTwice,
        format!("the share of {name} was given already; nothing has changed"),
    )
    .advise(format!(
        "another holder must give theirs: {}",
        config.unseal_command()
    ))
}

fn state(node: &Client, status: &SealStatus) -> NodeSeal {
    NodeSeal {
        address: node.address().to_owned(),
        sealed: status.sealed,
        given: status.progress,
        required: status.t,
    }
}
