//! Whose cluster a node is: shares, the root token and passwords go only where the checkpoint knows the way.
//!
//! An address in the file is a line of text, and one typing error away from somebody else's server.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::checkpoint::replica::looking;
use crate::checkpoint::{self, Checkpoint, Diary};
use crate::code::{Code, Reported};
use crate::config::Config;
use crate::event::EventSink;
use crate::failure::Failure;
use crate::shell::ShellCommand;
use crate::span;
use crate::step::Step;
use crate::step::decide::Recorded;
use crate::vault::{Client, Health};

/// The address of a client and those of its nodes, as the checkpoint records them.
pub(crate) fn addresses_of(client: &Client) -> impl Iterator<Item = String> + use<> {
    nodes(client.clone()).map(|node| key(node.address()))
}

/// The addresses at which the ceremony began, and those that it learnt since; `None` where it has not begun.
pub(crate) fn known(checkpoint: &Checkpoint) -> Option<BTreeSet<String>> {
    known_by(checkpoint.diary())
}

/// The same of a diary alone.
pub(crate) fn known_by(diary: &Diary) -> Option<BTreeSet<String>> {
    let begun = diary.recorded(Step::Initialize) != Recorded::Nothing;
    begun.then(|| {
        let mut known = diary.addresses.clone();
        known.insert(key(&diary.cluster.address));
        known
    })
}

pub(crate) fn nodes(client: Client) -> impl Iterator<Item = Client> {
    let listed = client.nodes();
    std::iter::once(client).chain(listed)
}

/// An address as the checkpoint records it.
pub(crate) fn key(address: impl AsRef<str>) -> String {
    address.as_ref().trim_end_matches('/').to_owned()
}

/// Whether an active node belongs to the cluster of this id, asked before any secret is sent to it. `false` while it
/// does not say whose it is, and the id is known; an error where it says that it is another one.
pub(crate) fn belongs(
    known: Option<&str>,
    address: &str,
    health: &Health,
) -> Result<bool, Failure> {
    match (known, health.cluster_id.as_deref()) {
        (Some(_), None) => Ok(false),
        (Some(known), Some(found)) if known != found => Err(another(address, found, known)),
        _ => Ok(true),
    }
}

/// The id of the file's cluster, as the file or the checkpoint here says it; never as a server does.
pub(crate) fn known_id(config: &Config) -> Result<Option<String>, Failure> {
    let diary = checkpoint::read_diary(&config.checkpoint.path)?;
    if let Some(diary) = &diary {
        agrees(config, diary)?;
    }
    let known = diary.and_then(|diary| diary.cluster.cluster_id);
    Ok(config.cluster.id.clone().or(known))
}

/// Holds that the file's cluster is the one of the checkpoint.
///
/// # Errors
/// Each has an id, and they are two.
pub(crate) fn agrees(config: &Config, diary: &Diary) -> Result<(), Failure> {
    match (&config.cluster.id, &diary.cluster.cluster_id) {
        (Some(wanted), Some(known)) if wanted != known => Err(Failure::refused(
            Code::ClusterOther,
            format!(
                "the file says cluster.id {wanted}, and the checkpoint {} is of cluster {known}",
                config.checkpoint.path.display()
            ),
        )
        .advise("correct cluster.id in the file, or checkpoint.path")),
        _ => Ok(()),
    }
}

/// The same, and on a machine that has no checkpoint the id that its replica knows. A replica that does not answer keeps
/// nobody waiting for long, and is told.
pub(crate) async fn known_anywhere(
    config: &Config,
    events: &EventSink<'_>,
) -> Result<Option<String>, Failure> {
    if let Some(known) = known_id(config)? {
        return Ok(Some(known));
    }
    match tokio::time::timeout(TO_LOOK, known_at_the_replica(config)).await {
        Ok(Ok(known)) => Ok(known),
        Ok(Err(failure)) => {
            events.warn(
                failure.code(),
                format!("the replica does not say which cluster this is: {failure}"),
            );
            Ok(None)
        }
        Err(_) => {
            let limit = span::text(TO_LOOK);
            events.warn(
                Code::ReplicaUnreachable,
                format!("the replica did not say within {limit} which cluster this is"),
            );
            Ok(None)
        }
    }
}

/// How long an emergency waits for a replica.
const TO_LOOK: Duration = Duration::from_secs(10);

async fn known_at_the_replica(config: &Config) -> Result<Option<String>, Failure> {
    let diary = looking::diary_there(config).await?;
    Ok(diary.and_then(|diary| diary.cluster.cluster_id))
}

/// A node of another cluster than the one that is meant.
pub(crate) fn another(address: &str, found: &str, known: &str) -> Failure {
    Failure::refused(Code::ClusterOther, format!(
        "{address} is cluster {found}, and not {known}, which the file or the checkpoint names"
    ))
    .advise(
        "correct cluster.address or cluster.nodes: nothing was sent there; a new cluster needs a checkpoint.path of its own",
    )
}

/// What the server says of itself that cannot be where the diary is right. A diary is a file that anybody with this
/// account can edit, and a server can be emptied.
pub(crate) fn contradiction(diary: &Diary, health: &Health) -> Option<Reported> {
    let reported = |code, text: String| Some(Reported::new(code, text));
    let known = diary.cluster.cluster_id.as_deref();
    if !health.initialized {
        // Before the answer was kept there is no id, and a server without one may be right.
        return known.and_then(|known| {
            let of = format!("and the checkpoint here is of cluster {known}");
            reported(
                Code::NotInitialised,
                format!("the server is not initialised, {of}"),
            )
        });
    }
    if health.sealed {
        return reported(Code::ClusterSealed, "the server is sealed".to_owned());
    }
    match (known, health.cluster_id.as_deref()) {
        (Some(known), Some(found)) if known == found => None,
        (Some(known), Some(found)) => reported(
            Code::ClusterOther,
            format!("the server is cluster {found}, and the checkpoint here is of {known}"),
        ),
        (Some(known), None) => reported(
            Code::ClusterUnknown,
            format!(
                "the server does not say which cluster it is, and the checkpoint here is of {known}"
            ),
        ),
        (None, _) => None,
    }
}

/// Where the id for `cluster.id` is to be had.
pub(crate) fn where_the_id_is(address: &str) -> String {
    let asked = format!("{}/v1/sys/health", address.trim_end_matches('/'));
    format!(
        "it stands in a holder's file and in an earlier report, rehearse names it, and so does the server as cluster_id: {}",
        ShellCommand::new("curl").with(asked)
    )
}

/// Whether this is said of a server that is not the one of the checkpoint here, or is it no more.
pub(crate) fn is_of_another(found: &Reported) -> bool {
    let codes = [
        Code::AlreadyInitialised,
        Code::NotInitialised,
        Code::ClusterOther,
    ];
    codes.contains(&found.code)
}
