//! By which rules a server makes root tokens: asked, never guessed from its version.

use crate::code::Code;
use crate::failure::Failure;
use crate::secret::Token;
use crate::vault::{Client, Dialect, Error, Generation, RootGeneration, probe_root_generation};

/// What a server said about its root generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How it is asked.
    pub dialect: Dialect,
    /// Anybody may start, feed and disturb an attempt: a finding.
    pub open: bool,
}

/// The rules of the server that `client` asks, as `token` may see them.
///
/// # Errors
/// The server cannot be asked, this login may not look, or the server cannot generate root tokens through its API.
pub async fn rules(client: &Client, token: &Token) -> Result<Rules, Failure> {
    let found = probe_root_generation(client, Some(token)).await;
    let found = found.map_err(may_not)?;
    let open = found == RootGeneration::OpenClassic;
    let Some(dialect) = Dialect::of(found) else {
        return Err(off(client.address()));
    };
    // Of the classic paths the probe saw only that somebody is let in.
    let progress = Generation::new(client, dialect, token).progress().await;
    progress.map_err(may_not)?;
    Ok(Rules { dialect, open })
}

fn may_not(error: Error) -> Failure {
    if !error.is_forbidden() {
        return error.into();
    }
    let failure = Failure::from(error);
    Failure::refused(Code::GrantMissing, format!("this login may make no root token: {failure}")).advise(
        "somebody removed its grant: let an administrator write the policy vault-bootstrap-break-glass and its \
         role again, or name another break-glass login",
    )
}

/// OpenBao 2.5.3 switched the open endpoints off, and 2.6.0 brought the ones that want a login.
pub fn off(address: &str) -> Failure {
    Failure::refused(Code::NoRootGeneration, format!(
        "{address} cannot generate root tokens through its API: its listener keeps the open endpoints off, and it has \
         none that require a login (OpenBao 2.5.3 to 2.5.x)"
    ))
    .advise(
        "without it a revoked root can never be replaced: upgrade it to OpenBao 2.6 or later; or set \
         disable_unauthed_generate_root_endpoints = false in the listener \
         of every node and restart it, which lets anybody who reaches it start or disturb a root generation",
    )
}
