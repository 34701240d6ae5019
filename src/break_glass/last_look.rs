//! What the command has left, looked for when its token is no longer valid: root tokens first, then anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::break_glass::comparison::{self, Before, Compared};
use crate::break_glass::leftovers;
use crate::break_glass::session::BreakGlassSession;
use crate::finding::Finding;
use crate::secret::Token;
use crate::span;
use crate::vault::auth::scan::{LOOKS, Watch};
use crate::vault::{TokenInfo, sys};

/// A cluster has many tokens, and one of root stays valid for as long as they are looked at.
pub(super) const LAST_LOOK: Duration = Duration::from_secs(60);

/// What was left, and what came of the comparison; the tokens of this run are `own`, and the one that looks is `accessor`.
pub(super) async fn last_look(
    session: &BreakGlassSession<'_>,
    (token, accessor): (&Token, &str),
    before: &Before,
    own: &BTreeSet<String>,
) -> (Vec<Finding>, Compared) {
    let (mut findings, tokens) = root_tokens(session, (token, accessor)).await;
    let tokens = (own, tokens.as_ref().map_err(Clone::clone));
    let mut compared = comparison::end(session, before, token, tokens).await;
    findings.append(&mut compared.findings);
    (findings, compared)
}

/// Other root tokens that are valid when the command's is not any more: it may have made one. Beside them all others that
/// were looked up.
async fn root_tokens(
    session: &BreakGlassSession<'_>,
    (token, accessor): (&Token, &str),
) -> (Vec<Finding>, Result<BTreeMap<String, TokenInfo>, String>) {
    let client = &session.client;
    let unseen = |why: String| Finding::CommandUnseen(why);
    let mut watch = Watch::default();
    let looked = tokio::time::timeout(LAST_LOOK, watch.until_quiet(client, token)).await;
    let mut findings = Vec::new();
    let why = match looked {
        // A standby answers too, from what it knows.
        Ok(Ok(_)) if !sys::is_active(client).await => {
            Some(format!("{} is no longer the leader", client.address()))
        }
        Ok(Ok(true)) => None,
        Ok(Ok(false)) => {
            let again = session.config.command("rehearse");
            findings.push(Finding::StillAtWork(LOOKS, again));
            None
        }
        Ok(Err(error)) if error.is_forbidden() => Some(format!(
            "the token that was to look is no longer valid, and only root could end it: accessor {accessor}"
        )),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("it took longer than {}", span::text(LAST_LOOK))),
    };
    findings.extend(why.clone().map(unseen));
    let tokens = match why {
        None => Ok(std::mem::take(&mut watch.scan.others)),
        Some(why) => Err(why),
    };
    // What was seen so far is told, however the look ended.
    let found = watch.scan.roots;
    match leftovers::judge(session, token, accessor, found).await {
        Ok(others) => findings.extend(others.into_values()),
        Err(failure) => findings.push(unseen(failure.to_string())),
    }
    (findings, tokens)
}
