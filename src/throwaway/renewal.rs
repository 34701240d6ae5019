//! The token of the command lives as long as the command.

use std::time::Duration;

use tokio::time::sleep;

use crate::code::Code;
use crate::event::EventSink;
use crate::secret::Token;
use crate::vault::Client;
use crate::vault::auth::token;

/// Not more often than that.
const SHORTEST: Duration = Duration::from_secs(1);

/// Renews it each time when half of its life is over. Never returns: one that cannot be renewed is said, and left.
pub(super) async fn keep(client: &Client, token: &Token, events: &EventSink<'_>) {
    let mut left = match token::lookup_self(client, token).await {
        Ok(info) => info.ttl,
        // It may not look at itself; it may renew itself all the same.
        Err(_) => 60,
    };
    while let Ok(seconds @ 1..) = u64::try_from(left) {
        sleep((Duration::from_secs(seconds) / 2).max(SHORTEST)).await;
        match token::renew_self(client, token).await {
            Ok(now) if now > left / 2 => left = now,
            Ok(_) => {
                let text =
                    "the token of the command reaches the end of its longest life: token_max_ttl";
                events.warn(Code::TokenEnds, text);
                break;
            }
            Err(error) => {
                let text = format!("the token of the command cannot be renewed: {error}");
                events.warn(Code::TokenEnds, text);
                break;
            }
        }
    }
    // A token without an end needs nothing.
    std::future::pending::<()>().await;
}
