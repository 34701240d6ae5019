//! Shamir seals: opens every node with the shares that this run still has in hand.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::bootstrap::ceremony::Ceremony;
use crate::code::Code;
use crate::failure::Failure;
use crate::secret::ShareMaterial;
use crate::span;
use crate::vault::{self, Client, sys};

/// Unseals all nodes: those that answer at once, the others when they answer or have joined. One that
/// stays away keeps no other one sealed.
///
/// A follower takes the last share, says that it is still sealed and opens when the leader has let it in,
/// moments later; where that came to nothing, it begins to count anew and gets the shares again.
///
/// # Errors
/// A node refuses a share; or one does not answer, join or open within `cluster.timeouts.active`.
pub(super) async fn all_nodes(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let begun = Instant::now();
    let limit = ceremony.config.cluster.timeouts.active;
    let mut handed_in: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        let mut closed = Vec::new();
        for (node, mut state) in look(ceremony).await? {
            let at = handed_in.get(node.address());
            match state {
                State::Sealed if at.is_none_or(|at| at.elapsed() >= LET_IN) => {
                    state = hand_in(ceremony, &node).await?;
                    handed_in.insert(node.address().to_owned(), Instant::now());
                }
                State::Open => {
                    if handed_in.remove(node.address()).is_some() {
                        ceremony.note(format!("unsealed {}", node.address()));
                    }
                    continue;
                }
                _ => {}
            }
            closed.push((node, state));
        }
        if closed.is_empty() {
            return Ok(());
        }
        let said: Vec<_> = closed.iter().map(said).collect();
        ceremony
            .cluster
            .wait(begun, limit, "all nodes to open", &said.join(", "))
            .await
            .map_err(|_| still_closed(ceremony, &closed))?;
    }
}

/// How far a node is.
#[derive(Debug, PartialEq)]
enum State {
    /// It did not answer; what happened.
    Away(String),
    /// It does not know yet which cluster it belongs to.
    NotJoined,
    Sealed,
    Open,
}

fn said((node, state): &(Client, State)) -> String {
    let state = match state {
        State::Away(_) => "does not answer",
        State::NotJoined => "has not joined",
        State::Sealed => "is sealed",
        State::Open => "is open",
    };
    format!("{} {state}", node.address())
}

async fn look(ceremony: &Ceremony<'_>) -> Result<Vec<(Client, State)>, Failure> {
    let looks = ceremony.client().nodes().into_iter().map(|node| async {
        let state = match sys::seal_status(&node).await {
            Ok(status) if !status.initialized => State::NotJoined,
            Ok(status) if status.sealed => State::Sealed,
            Ok(_) => State::Open,
            Err(error) => away(error)?,
        };
        Ok::<_, vault::Error>((node, state))
    });
    let looks: Result<Vec<_>, _> = join_all(looks).await.into_iter().collect();
    Ok(looks?)
}

/// How long the leader may take to let a follower in before the shares are handed in once more.
const LET_IN: Duration = Duration::from_secs(5);

/// What may be mended while the others are unsealed; a refusal is not.
fn away(error: vault::Error) -> Result<State, vault::Error> {
    if error.is_retryable() {
        Ok(State::Away(error.to_string()))
    } else {
        Err(error)
    }
}

/// Hands in a quorum. A node that goes away meanwhile is one that is away.
async fn hand_in(ceremony: &Ceremony<'_>, node: &Client) -> Result<State, Failure> {
    match shares_to(ceremony, node).await {
        Ok(()) => Ok(State::Sealed),
        Err(error) => Ok(away(error)?),
    }
}

async fn shares_to(ceremony: &Ceremony<'_>, node: &Client) -> Result<(), vault::Error> {
    let threshold = sys::seal_status(node).await?.t;
    // More shares than it wants would begin a second count.
    let enough = match usize::try_from(threshold) {
        Ok(0) | Err(_) => ceremony.shares.len(),
        Ok(threshold) => threshold,
    };
    // With Shamir none is encrypted by the server.
    let open = ceremony.shares.iter().filter_map(ShareMaterial::as_plain);
    for share in open.take(enough) {
        if !sys::unseal(node, share).await?.sealed {
            break;
        }
    }
    Ok(())
}

/// Each node that stayed closed, with what to do about it. The shares are still in the checkpoint.
fn still_closed(ceremony: &Ceremony<'_>, closed: &[(Client, State)]) -> Failure {
    let again = ceremony.options.again(ceremony.config);
    let limit = span::text(ceremony.config.cluster.timeouts.active);
    let each = closed.iter().map(|(node, state)| {
        let address = node.address();
        match state {
            State::Away(why) => Failure::failed(Code::NodeMissing, format!("waited {limit} for {address}: {why}"))
                .advise(format!(
                    "start the server there, or remove it from cluster.nodes; then continue: {again}"
                )),
            State::NotJoined => {
                Failure::failed(Code::NodeMissing, format!("waited {limit} for {address}: it has not joined")).advise(format!(
                    "check its retry_join and its log, or remove it from cluster.nodes; then continue: {again}"
                ))
            }
            State::Sealed | State::Open => {
                Failure::refused(Code::NodeMissing, format!("{address} is still sealed after all shares")).advise(
                    "look at the server's log; if it belongs to another cluster, correct cluster.nodes",
                )
            }
        }
    });
    Failure::all(each.collect())
        .unwrap_or_else(|| Failure::failed(Code::NodeMissing, "not all nodes opened"))
}
