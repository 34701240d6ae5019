//! Addresses that are new in the file: shares and root go only where the checkpoint knows the way.

use std::collections::BTreeSet;

use crate::bootstrap::ceremony::Ceremony;
use crate::code::Code;
use crate::failure::Failure;
use crate::session::cluster_identity::{another, key, known, nodes};
use crate::vault::{Client, sys};

/// Refuses an address that the checkpoint does not know, for as long as shares or a root token may go there.
/// It becomes known when the node says the recorded cluster id, or when it was typed.
pub(crate) async fn check_addresses(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let (known, address, id) = {
        let checkpoint = ceremony.records.borrow();
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
    Failure::check(failures)?;
    if new.is_empty() {
        return Ok(());
    }
    Ok(ceremony
        .records
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
    let directory = ceremony.records.borrow().directory().display().to_string();
    let again = ceremony.options.again(ceremony.config);
    let accept = again.and("--accept-address").with(new);
    let not_said = id
        .map(|id| format!(", and it does not say that it is cluster {id}"))
        .unwrap_or_default();
    Some(
        Failure::refused(Code::AddressUnknown, format!(
            "{new} is not known to this checkpoint ({directory}), which began its cluster at \
             {address}{not_said}; nothing was sent there"
        ))
        .advise(format!(
            "correct cluster.address or cluster.nodes in the file; only if that cluster really has this \
             address too: {accept}"
        )),
    )
}
