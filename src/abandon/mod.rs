//! `apply --abandon`: a person has decided to wipe the cluster, and what the checkpoint keeps of it is
//! destroyed. Asks nothing of the server but whether it lives, and needs no key: nothing is opened.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::checkpoint::replica::sync::{self, ReplicaSync};
use crate::checkpoint::{Checkpoint, ReplicatedCheckpoint, ShareRecord};
use crate::code::Code;
use crate::config::Config;
use crate::edge::cluster;
use crate::event::{Abandoned, Caller};
use crate::failure::Failure;
use crate::prompt;
use crate::session::cluster_identity;
use crate::session::several_servers::{self, NotEmpty};
use crate::shell::ShellCommand;
use crate::step::Step;
use crate::step::decide::Recorded;
use crate::vault::Client;

/// What is typed before the name where a cluster that may live loses its only way in.
const LOSE_AND_BLANK: &str = "lose ";

/// The replica, or why there is none although the file names one.
type Places<'a> = (Option<&'a ReplicaSync>, Option<&'a Failure>);

/// Whether anybody could still want what the checkpoint keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Every node of the checkpoint's own cluster says that it is not initialised: what is kept is no longer valid.
    Empty,
    /// Initialised, or nobody says. Unknown is never a pass.
    MayLive,
    /// Several servers answer at one address, and one of them is initialised.
    Several,
}

/// Destroys the secrets of the checkpoint. `word` is what was typed behind `--abandon`; empty where a
/// person is to be asked.
///
/// # Errors
/// The word is not the one that the case asks for, another run is at it, or the disk refuses. Or the stop that was
/// asked for before anything was destroyed.
pub async fn abandon(
    config: &Config,
    word: &str,
    take_over: Option<&str>,
    caller: Caller<'_>,
) -> Result<Abandoned, Failure> {
    let name = &config.cluster.name;
    let lose = format!("{LOSE_AND_BLANK}{name}");
    if !["", name, &lose].contains(&word) {
        return Err(Failure::usage(
            Code::ConfirmationMissing,
            format!("{word} is not the name of this cluster"),
        )
        .advise(config.command(ShellCommand::new("apply --abandon").with(name))));
    }
    let directory = config.checkpoint.path.display().to_string();
    if !config.checkpoint.path.exists() && config.checkpoint.replica.is_none() {
        return Ok(abandoned(
            config,
            Vec::new(),
            vec![format!("nothing: there is no {directory}")],
        ));
    }
    let opened = sync::checkpoint(config, take_over, caller);
    let (records, damaged) = match Box::pin(opened).await {
        Ok(records) => (records, None),
        // Whoever gives it up needs nothing of it; what is there stays.
        Err(failure) if failure.damaged_place().is_some() => {
            let alone = ReplicatedCheckpoint::new(sync::alone(config)?, None);
            (alone, Some(failure))
        }
        Err(failure) => return Err(failure),
    };
    let ended = caller
        .unless_stopped(destroy(
            config,
            (&records, damaged.as_ref()),
            (word, &lose),
            caller,
        ))
        .await;
    records.release(caller).await;
    ended
}

async fn destroy(
    config: &Config,
    (records, damaged): (&ReplicatedCheckpoint, Option<&Failure>),
    (word, lose): (&str, &str),
    caller: Caller<'_>,
) -> Result<Abandoned, Failure> {
    let name = config.cluster.name.as_str();
    let directory = config.checkpoint.path.display().to_string();
    let (kept, handed_over, keeps, known) = {
        let checkpoint = records.borrow();
        (
            checkpoint.secrets_in_words()?,
            checkpoint.diary().handed_over(),
            checkpoint.keeps_something().unwrap_or(true),
            cluster_identity::known(&checkpoint),
        )
    };
    // A ceremony that came to its end with nothing kept has nothing that a wrong address could destroy.
    let known = known.filter(|_| !handed_over || kept.is_some());
    let (life, said) = look(config, known.as_ref()).await;
    if handed_over && kept.is_none() && life != Life::Empty {
        let line =
            format!("nothing: {said}, and {name} was handed over; {directory} is left as it is");
        return Ok(abandoned(config, Vec::new(), vec![line]));
    }
    let way_in = life != Life::Empty && keeps;
    let needed = if way_in { lose } else { name };
    let what = match kept {
        Some(kept) if way_in => {
            format!("{directory} keeps {kept}, and without that nobody may ever open it again")
        }
        Some(kept) => format!("{directory} keeps {kept}, which is no longer valid"),
        None => format!("{directory} keeps no secrets"),
    };
    if life == Life::Several && way_in && word != lose {
        return Err(
            Failure::refused(Code::SeveralServers, format!("{said}: {what}")).advise(format!(
                "nothing was destroyed: list each by its own address in cluster.nodes, then continue: {}",
                config.command("apply")
            )),
        );
    }
    confirm(config, word, needed, (&what, &said), caller).await?;
    // What was decided is done to its end.
    let _deferred = caller.interrupt.defer_signals();
    let mut destroyed = Vec::new();
    if let Some(kept) = kept {
        records.borrow().destroy_secrets()?;
        destroyed.push(format!("{directory}/secrets: {kept}"));
    }
    let places = (known.as_ref(), (records.replica(), damaged));
    let remains = remains(config, &records.borrow(), places, (life, keeps));
    if records.diary().recorded(Step::Initialize) != Recorded::Nothing {
        let old = records.borrow_mut().begin_anew()?;
        destroyed.push(format!(
            "the diary begins anew; the old one, without secrets, is {}",
            old.display()
        ));
    }
    if let Some(place) = records.replica() {
        let kept = place.to_be_destroyed().await;
        records.replicate().await?;
        destroyed.extend(kept);
    }
    Ok(abandoned(config, destroyed, remains))
}

fn abandoned(config: &Config, mut destroyed: Vec<String>, remains: Vec<String>) -> Abandoned {
    if destroyed.is_empty() {
        destroyed.push("nothing: there were no secrets".into());
    }
    Abandoned {
        cluster: config.cluster.name.clone(),
        destroyed,
        remains,
    }
}

/// Asks every node, of the file and of the checkpoint: `known` are the addresses at which the ceremony began.
/// One that is initialised, or silent, may hold what somebody needs; one that the checkpoint does not know
/// says nothing about its cluster, however empty it is.
async fn look(config: &Config, known: Option<&BTreeSet<String>>) -> (Life, String) {
    let client = match to_ask(config, known).await {
        Ok(client) => client,
        Err(failure) => return (Life::MayLive, failure.to_string()),
    };
    let nodes = client.nodes();
    // On new connections: behind one address may be several servers, and one of them may live.
    let looks = join_all(nodes.iter().map(several_servers::is_empty)).await;
    let (mut said, mut life) = (strange(&client, known), Life::MayLive);
    for not_empty in looks.into_iter().filter_map(Result::err) {
        match not_empty {
            NotEmpty::MayLive(why) => said.push(why),
            NotEmpty::Several(why) => {
                life = Life::Several;
                said.push(why);
            }
        }
    }
    if said.is_empty() {
        return (
            Life::Empty,
            format!("{} is not initialised", client.address()),
        );
    }
    (life, said.join(", "))
}

/// The nodes of the file, and those that the checkpoint knows and the file does not name any more.
async fn to_ask(config: &Config, known: Option<&BTreeSet<String>>) -> Result<Client, Failure> {
    let client = cluster::open(config).await?;
    let named: BTreeSet<_> = cluster_identity::addresses_of(&client).collect();
    let gone = known.into_iter().flatten();
    let gone: Vec<_> = gone.filter(|address| !named.contains(*address)).collect();
    if gone.is_empty() {
        return Ok(client);
    }
    let mut all = config.clone();
    if all.cluster.nodes.is_empty() {
        all.cluster.nodes.push(all.cluster.address.clone());
    }
    for address in gone {
        let parsed = address.parse().map_err(|_| {
            Failure::failed(
                Code::CheckpointDamaged,
                format!("{address} in the checkpoint cannot be asked"),
            )
        })?;
        all.cluster.nodes.push(parsed);
    }
    cluster::open(&all).await
}

/// Addresses of the file that are none of the checkpoint's cluster.
fn strange(client: &Client, known: Option<&BTreeSet<String>>) -> Vec<String> {
    let Some(known) = known else {
        return Vec::new();
    };
    let named: BTreeSet<_> = cluster_identity::addresses_of(client).collect();
    let strange = named.iter().filter(|address| !known.contains(*address));
    let began = known.iter().cloned().collect::<Vec<_>>().join(", ");
    let say = |address| {
        format!("{address} is not known to this checkpoint, which began its cluster at {began}")
    };
    strange.map(say).collect()
}

/// A way in that may be the last one is given up under its own words only.
async fn confirm(
    config: &Config,
    word: &str,
    needed: &str,
    (what, said): (&str, &str),
    caller: Caller<'_>,
) -> Result<(), Failure> {
    let command = config.command(ShellCommand::new("apply --abandon").with(needed));
    // Whoever says that the cluster is lost says more than that the checkpoint is.
    if word == needed || word.starts_with(LOSE_AND_BLANK) {
        return Ok(());
    }
    if !word.is_empty() {
        return Err(
            Failure::refused(Code::ConfirmationMissing, format!("{said}: {what}")).advise(format!(
                "if that is what you want, say so: {command}; else continue: {}",
                config.command("apply")
            )),
        );
    }
    caller.events.note(format!("{said}: {what}"));
    let instead = format!("to answer in advance: {command}");
    let typed = prompt::word(&format!("To destroy what is kept, type {needed}"), &instead).await?;
    if typed == needed {
        return Ok(());
    }
    Err(Failure::failed(
        Code::Declined,
        format!("nothing was destroyed: you did not type {needed}"),
    )
    .advise(config.command("apply --abandon")))
}

/// What the program cannot do for a person.
fn remains(
    config: &Config,
    checkpoint: &Checkpoint,
    (known, (second, damaged)): (Option<&BTreeSet<String>>, Places<'_>),
    (life, kept): (Life, bool),
) -> Vec<String> {
    let mut lines = Vec::new();
    // What this checkpoint never asked to be initialised is not its to be wiped.
    let begun = checkpoint.diary().recorded(Step::Initialize);
    if life != Life::Empty && (kept || begun != Recorded::Nothing) {
        // Asked for, and no answer ever came.
        let asked = begun == Recorded::Started;
        let unless = if asked && !kept {
            "unless somebody else initialised it, who holds its keys then: "
        } else {
            ""
        };
        lines.push(format!(
            "{unless}stop the server and empty its storage: {}",
            to_be_wiped(config, known).join(", ")
        ));
    }
    let stored: Vec<_> = checkpoint.diary().shares.iter().map(place).collect();
    if !stored.is_empty() {
        lines.push(format!(
            "remove the shares of the old cluster, which nothing here deletes: {}",
            stored.join(", ")
        ));
    }
    let broken = damaged.and_then(Failure::damaged_place);
    if let (Some(there), Some(why)) = (broken, damaged) {
        lines.push(format!(
            "delete what {there} may still hold, encrypted, or name another place in checkpoint.replica: nothing was \
             deleted there ({why})"
        ));
    }
    let here = second.map(ReplicaSync::address).or(broken);
    let left = checkpoint.diary().replicated_to.iter();
    for place in left.filter(|place| here != Some(place.as_str())) {
        lines.push(format!(
            "delete what {place} may still hold, encrypted: the file no longer names that place, so nothing was \
             deleted there"
        ));
    }
    lines.push(format!("then begin again: {}", config.command("apply")));
    lines
}

/// The nodes of the file, but never one that belongs to somebody else: where the checkpoint does not know one
/// of them, those that it does know.
fn to_be_wiped(config: &Config, known: Option<&BTreeSet<String>>) -> Vec<String> {
    let cluster = &config.cluster;
    let mut nodes: Vec<_> = cluster.nodes.iter().map(cluster_identity::key).collect();
    if nodes.is_empty() {
        nodes.push(cluster_identity::key(&cluster.address));
    }
    match known {
        Some(known) if nodes.iter().any(|node| !known.contains(node)) => {
            known.iter().cloned().collect()
        }
        _ => nodes,
    }
}

/// Where a share was stored; killed while storing it, nobody knows.
fn place((name, record): (&String, &ShareRecord)) -> String {
    let stored = record.stored.as_ref();
    stored.map_or_else(
        || format!("perhaps that of {name}"),
        |stored| stored.address.clone(),
    )
}
