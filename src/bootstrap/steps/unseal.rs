//! Shamir seals: opens every node with the shares that this run still has in hand.

use std::time::Duration;

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

/// Hands in shares and waits until the node is open. A follower takes the last share, says that it is
/// still sealed and opens when the leader has let it in, moments later; where that came to nothing, it
/// begins to count anew and gets the shares again.
async fn one(ceremony: &Ceremony<'_>, node: &Client) -> Result<(), Failure> {
    let (begun, mut handed_in) = (Instant::now(), None::<Instant>);
    let limit = ceremony.config.cluster.timeouts.active;
    while sys::seal_status(node).await?.sealed {
        if handed_in.is_none_or(|at| at.elapsed() >= LET_IN) {
            hand_in(ceremony, node).await?;
            handed_in = Some(Instant::now());
            continue;
        }
        let what = format!("{} to open", node.address());
        let waited = ceremony.wait(begun, limit, &what, "sealed").await;
        waited.map_err(|_| still_sealed(node))?;
    }
    if handed_in.is_some() {
        ceremony.note(format!("unsealed {}", node.address()));
    }
    Ok(())
}

/// How long the leader may take to let a follower in before the shares are handed in once more.
const LET_IN: Duration = Duration::from_secs(5);

async fn hand_in(ceremony: &Ceremony<'_>, node: &Client) -> Result<(), Failure> {
    let threshold = sys::seal_status(node).await?.t;
    // More shares than it wants would begin a second count.
    let enough = match usize::try_from(threshold) {
        Ok(0) | Err(_) => ceremony.shares.len(),
        Ok(threshold) => threshold,
    };
    for share in ceremony.shares.iter().take(enough) {
        if !sys::unseal(node, share).await?.sealed {
            break;
        }
    }
    Ok(())
}

fn still_sealed(node: &Client) -> Failure {
    let address = node.address();
    Failure::refused(format!("{address} is still sealed after all shares"))
        .advise("look at the server's log; if it belongs to another cluster, correct cluster.nodes")
}
