//! The end of a root token, for sure: on whichever node leads, and proved dead there.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::way::Way;
use crate::failure::Failure;
use crate::secret::RootToken;
use crate::vault::RootSession;
use crate::vault::root::Life;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Revokes the token and proves it dead, on the node that leads; where that changes, on the next one. One that is dead
/// already has nothing left to prove but that.
///
/// # Errors
/// It could not be shown to be dead within the time that an active node is waited for.
pub(super) async fn end(way: &mut Way<'_>, token: RootToken) -> Result<Value, Failure> {
    let (begun, limit) = (Instant::now(), way.config.cluster.timeouts.active);
    let mut token = token;
    loop {
        let session = RootSession::new(&way.client, token);
        let error = match session.look().await {
            Ok(Life::Dead) if crate::vault::sys::is_active(&way.client).await => {
                return Ok(
                    json!({"node": way.client.address(), "after": 403, "before": "dead already"}),
                );
            }
            Ok(Life::Dead) => {
                token = session.into_token();
                Failure::failed(format!("{} leads no more", way.client.address())).passing()
            }
            Ok(Life::Alive(_)) => match session.revoke().await {
                Ok(proof) => return Ok(json!(proof)),
                Err(broken) => {
                    token = broken.session.into_token();
                    broken.error.into()
                }
            },
            Err(error) => {
                token = session.into_token();
                error.into()
            }
        };
        if begun.elapsed() >= limit {
            return Err(alive(way, &error));
        }
        tokio::time::sleep(PAUSE).await;
        way.keep_to_active()
            .await
            .map_err(|failure| alive(way, &failure))?;
    }
}

fn alive(way: &Way<'_>, why: &Failure) -> Failure {
    Failure::refused(format!("a root token could not be shown to be dead: {why}")).advise(format!(
        "run it again as soon as the cluster answers; it ends that token first: {}",
        way.config.command("rehearse")
    ))
}
