//! Whether the root token of the ceremony lives.

use crate::failure::Failure;
use crate::secret::RootToken;
use crate::session::Session;
use crate::vault::auth::token;
use crate::vault::{Client, sys};

/// How many leaders in a row may go away before they have said whether root lives.
const LOOKS: usize = 4;

/// Whether the root token lives, by the word of a node that still leads afterwards: a standby answers too,
/// from what it knows.
///
/// # Errors
/// No node is active, or none stays so; or it answers neither 200 nor 403.
pub(super) async fn root_lives(session: &Session<'_>, root: &RootToken) -> Result<bool, Failure> {
    for _ in 0..LOOKS {
        session.cluster.find_active().await?;
        let node = session.client().in_namespace(None);
        match token::lookup_self(&node, root.token()).await {
            Ok(_) => return Ok(true),
            Err(error) if !error.is_forbidden() => return Err(error.into()),
            Err(_) if sys::is_active(&node).await => return Ok(false),
            Err(_) => {}
        }
    }
    Err(
        Failure::failed("no node led for long enough to say whether root lives")
            .advise("see in the servers' logs why the leader changes, then run apply again")
            .passing(),
    )
}

/// Nobody but us was ever shown this token, and we did not revoke it.
pub(super) fn dead_root(session: &Session<'_>, active: &Client) -> Failure {
    Failure::refused(format!(
        "the root token in the checkpoint is dead at {}, and no run of ours revoked it",
        active.address()
    ))
    .advise(format!(
        "see that cluster.address is the cluster that is meant, then in its audit log who revoked the token; \
         with a quorum of the shares a root token can be made. Only if it holds no data and shall be wiped: {}",
        session.config.command("apply --abandon")
    ))
}
