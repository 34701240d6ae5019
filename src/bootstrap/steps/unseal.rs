//! Shamir seals: opens every node with the shares that this run still has in hand.

use tokio::time::Instant;

use crate::bootstrap::ceremony::Ceremony;
use crate::failure::Failure;
use crate::vault::{Client, sys};

/// Unseals all nodes. A follower is waited for until it has joined.
///
/// # Errors
/// A node refuses a share, or does not join in time.
pub(super) async fn all_nodes(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let (mut first, mut joining) = (Vec::new(), Vec::new());
    for node in ceremony.client().nodes() {
        let initialized = sys::seal_status(&node).await?.initialized;
        if initialized {
            &mut first
        } else {
            &mut joining
        }
        .push(node);
    }
    // A node joins only once the one it joins is unsealed, whatever the order in the file.
    for node in first.into_iter().chain(joining) {
        joined(ceremony, &node).await?;
        one(ceremony, &node).await?;
    }
    Ok(())
}

async fn joined(ceremony: &Ceremony<'_>, node: &Client) -> Result<(), Failure> {
    let begun = Instant::now();
    while !sys::seal_status(node).await?.initialized {
        let what = format!("{} to join", node.address());
        ceremony
            .wait(
                begun,
                ceremony.config.cluster.timeouts.active,
                &what,
                "not joined",
            )
            .await?;
    }
    Ok(())
}

async fn one(ceremony: &Ceremony<'_>, node: &Client) -> Result<(), Failure> {
    if !sys::seal_status(node).await?.sealed {
        return Ok(());
    }
    for share in &ceremony.shares {
        if !sys::unseal(node, share).await?.sealed {
            ceremony.note(format!("unsealed {}", node.address()));
            return Ok(());
        }
    }
    Err(Failure::refused(format!(
        "{} is still sealed after all shares",
        node.address()
    ))
    .advise("look at the server's log; if it belongs to another cluster, correct cluster.nodes"))
}
