//! Whose cluster a node is: shares, the root token and passwords go only where the checkpoint knows the way.
//!
//! An address in the file is a line of text, and one typing error away from somebody else's server.

use std::collections::BTreeSet;

use url::Url;

use super::ceremony::Ceremony;
use super::checkpoint::Checkpoint;
use super::decide::Recorded;
use super::step::Step;
use crate::failure::Failure;
use crate::vault::{Client, Health, sys};

/// The addresses of the file, as they are recorded when the cluster is initialised.
pub(super) fn addresses(ceremony: &Ceremony<'_>) -> BTreeSet<String> {
    addresses_of(&ceremony.client()).collect()
}

/// The address of a client and those of its nodes, as the checkpoint records them.
pub(super) fn addresses_of(client: &Client) -> impl Iterator<Item = String> + use<> {
    nodes(client.clone()).map(|node| key(node.address()))
}

/// An address of the file, as the checkpoint records it.
pub(super) fn key_of(address: &Url) -> String {
    key(address.as_str())
}

/// The addresses at which the ceremony began, and those that it learnt since; `None` where it has not begun.
pub(super) fn known(checkpoint: &Checkpoint) -> Option<BTreeSet<String>> {
    let diary = checkpoint.diary();
    let begun = diary.recorded(Step::Initialize) != Recorded::Nothing;
    begun.then(|| {
        let mut known = diary.addresses.clone();
        known.insert(key(&diary.cluster.address));
        known
    })
}

fn nodes(client: Client) -> impl Iterator<Item = Client> {
    let listed = client.nodes();
    std::iter::once(client).chain(listed)
}

fn key(address: &str) -> String {
    address.trim_end_matches('/').to_owned()
}

/// Refuses an address that the checkpoint does not know, for as long as shares or a root token may go there.
/// It becomes known when the node says the recorded cluster id, or when it was typed.
///
/// # Errors
/// An address is unknown, or is that of another cluster.
pub(super) async fn check_addresses(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let (known, address, id) = {
        let checkpoint = ceremony.diary();
        let Some(known) = known(&checkpoint) else {
            return Ok(());
        };
        let diary = checkpoint.diary();
        if diary.handed_over() && !checkpoint.keeps_something()? {
            return Ok(());
        }
        let cluster = &diary.cluster;
        (known, cluster.address.clone(), cluster.cluster_id.clone())
    };
    let (mut new, mut failures) = (BTreeSet::new(), Vec::new());
    for node in nodes(ceremony.client()) {
        let wanted = key(node.address());
        if !known.contains(&wanted) && new.insert(wanted) {
            failures.extend(unknown(ceremony, &node, &address, id.as_deref()).await);
        }
    }
    if let Some(failure) = Failure::all(failures) {
        return Err(failure);
    }
    if new.is_empty() {
        return Ok(());
    }
    Ok(ceremony
        .checkpoint()
        .record(|diary| diary.addresses.extend(new))?)
}

/// Why a new address is not to be trusted; `None` when it is.
async fn unknown(
    ceremony: &Ceremony<'_>,
    node: &Client,
    address: &str,
    id: Option<&str>,
) -> Option<Failure> {
    let new = node.address();
    let found = sys::health_now(node).await.and_then(|h| h.cluster_id);
    match (id, &found) {
        (Some(id), Some(found)) if id == found => {
            ceremony.note(format!("{new} is the same cluster at a new address"));
            return None;
        }
        (Some(id), Some(found)) => return Some(another(new, found, id)),
        _ => {}
    }
    let typed = &ceremony.options.accept_addresses;
    if typed.iter().any(|typed| key(typed) == key(new)) {
        return None;
    }
    let directory = ceremony.diary().directory().display().to_string();
    let accept = format!("--accept-address {new}");
    let again = ceremony.options.again(ceremony.config);
    let not_said = id
        .map(|id| format!(", and it does not say that it is cluster {id}"))
        .unwrap_or_default();
    Some(
        Failure::refused(format!(
            "{new} is not known to this checkpoint ({directory}), which began its cluster at \
             {address}{not_said}; nothing was sent there"
        ))
        .advise(format!(
            "correct cluster.address or cluster.nodes in the file; only if that cluster really has this \
             address too: {again} {accept}"
        )),
    )
}

/// Whether an active node belongs to the checkpoint's cluster, asked before any token is sent to it. `false`
/// while it does not say whose it is, and the cluster is known.
///
/// # Errors
/// It says that it is another one.
pub(super) fn belongs(
    ceremony: &Ceremony<'_>,
    node: &Client,
    health: &Health,
) -> Result<bool, Failure> {
    let checkpoint = ceremony.diary();
    let known = checkpoint.diary().cluster.cluster_id.as_deref();
    let known = known.or(ceremony.config.cluster.id.as_deref());
    match (known, health.cluster_id.as_deref()) {
        (None, _) => Ok(true),
        (Some(_), None) => Ok(false),
        (Some(known), Some(found)) if known == found => Ok(true),
        (Some(known), Some(found)) => Err(another(node.address(), found, known)),
    }
}

fn another(address: &str, found: &str, known: &str) -> Failure {
    Failure::refused(format!(
        "{address} is cluster {found}, this checkpoint belongs to {known}"
    ))
    .advise("correct cluster.address or cluster.nodes, or give this cluster a checkpoint.path of its own")
}
