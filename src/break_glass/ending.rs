//! The end of a root token, for sure: on whichever node leads, and proved dead there.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::break_glass::session::BreakGlassSession;
use crate::failure::Failure;
use crate::secret::RootToken;
use crate::vault::RootSession;
use crate::vault::keys::root::Life;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Revokes the token and proves it dead, on the node that leads; where that changes, on the next one. One that is dead
/// already has nothing left to prove but that.
///
/// # Errors
/// It could not be shown to be dead within the time that an active node is waited for.
pub(super) async fn end(
    session: &mut BreakGlassSession<'_>,
    token: RootToken,
) -> Result<Value, Failure> {
    let (begun, limit) = (Instant::now(), session.config.cluster.timeouts.active);
    let mut token = token;
    loop {
        let root = RootSession::new(&session.client, token);
        let error = match root.look().await {
            Ok(Life::Dead) if crate::vault::sys::is_active(&session.client).await => {
                return Ok(
                    json!({"node": session.client.address(), "after": 403, "before": "dead already"}),
                );
            }
            Ok(Life::Dead) => {
                token = root.into_token();
                Failure::failed(format!("{} leads no more", session.client.address())).passing()
            }
            Ok(Life::Alive(_)) => match root.revoke().await {
                Ok(proof) => return Ok(json!(proof)),
                Err(broken) => {
                    token = broken.session.into_token();
                    broken.error.into()
                }
            },
            Err(error) => {
                token = root.into_token();
                error.into()
            }
        };
        if begun.elapsed() >= limit {
            return Err(alive(session, &error));
        }
        tokio::time::sleep(PAUSE).await;
        session
            .keep_to_active()
            .await
            .map_err(|failure| alive(session, &failure))?;
    }
}

fn alive(session: &BreakGlassSession<'_>, why: &Failure) -> Failure {
    Failure::refused(format!("a root token could not be shown to be dead: {why}")).advise(format!(
        "run it again as soon as the cluster answers; it ends that token first: {}",
        session.config.command("rehearse")
    ))
}
