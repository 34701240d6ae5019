//! The end of root: scanned as root just before, revoked, and proved dead on the same active node where
//! it was alive a moment ago and where another login is alive now.

use serde_json::Value;

use super::logins::root_stands;
use super::store_recovery_keys;
use crate::bootstrap::ceremony::{Ceremony, Session};
use crate::bootstrap::decide::Recorded;
use crate::bootstrap::evidence::Evidence;
use crate::bootstrap::step::{Observation, Step};
use crate::bootstrap::{forgetting, questions, session, witness};
use crate::failure::Failure;
use crate::secret::Token;
use crate::vault::scan::{Found, Scan, scan};
use crate::vault::token::{self, TokenInfo};
use crate::vault::{Client, Error, RootSession};

/// Under which name the evidence keeps what was seen of root's end.
const PROOF: &str = "proof";

pub(super) async fn observe(ceremony: &Ceremony<'_>) -> Result<Observation, Failure> {
    if ceremony.keeps_root() {
        ceremony.find("the root token is alive: revoke_root is false and --keep-root was typed");
        return Ok(Observation::present(
            Evidence::default().with("root", "kept on purpose"),
        ));
    }
    let (recorded, evidence) = recorded(ceremony);
    match (&ceremony.session, recorded) {
        // A revocation of ours broke off, perhaps with its leader: this is another one.
        (Session::Root(root), Recorded::Started) => {
            if session::root_lives(ceremony, root).await? {
                return Ok(Observation::absent());
            }
            rest_of_the_proof(ceremony, evidence, "403, on the next active node").await
        }
        (Session::Root(_), _) => Ok(Observation::absent()),
        // We are no longer root although a root token was kept: it was found dead when this run began,
        // and the request that revoked it was ours. Only what came after it is still to be shown.
        (_, Recorded::Started) => {
            rest_of_the_proof(ceremony, evidence, "403, found by the next run").await
        }
        (Session::Login { token, .. }, _) => rescan(ceremony, token, evidence).await,
        (Session::None, _) => Ok(Observation::unknown("there is no login to look with")),
    }
}

/// Root is dead: the proof if it was recorded, else where it was found to be so, and what comes after.
async fn rest_of_the_proof(
    ceremony: &Ceremony<'_>,
    evidence: Option<Evidence>,
    after: &str,
) -> Result<Observation, Failure> {
    let mut evidence = evidence.unwrap_or_default();
    if evidence.get::<Value>(PROOF).is_none() {
        evidence.set("after", after);
        evidence.set("node", ceremony.client().address());
    }
    Ok(Observation::present(
        witness::aftermath(ceremony, evidence).await?,
    ))
}

fn recorded(ceremony: &Ceremony<'_>) -> (Recorded, Option<Evidence>) {
    let checkpoint = ceremony.diary();
    let diary = checkpoint.diary();
    let evidence = diary
        .steps
        .get(&Step::RevokeRoot)
        .map(|entry| entry.evidence.clone());
    (diary.recorded(Step::RevokeRoot), evidence)
}

/// After hand-over: a login that may scan looks for root tokens; another is told that it may not.
async fn rescan(
    ceremony: &Ceremony<'_>,
    token: &Token,
    evidence: Option<Evidence>,
) -> Result<Observation, Failure> {
    let evidence = evidence.unwrap_or_default();
    match scan(&ceremony.client(), token).await {
        Ok(scan) if scan.roots.is_empty() => Ok(Observation::present(evidence)),
        Ok(scan) => {
            for root in &scan.roots {
                ceremony.find(format!("a root token is alive: {}", root.line()));
            }
            Ok(Observation::unknown("root tokens are alive"))
        }
        Err(error) if error.is_forbidden() => Ok(Observation {
            evidence,
            ..Observation::unknown("this login may not list accessors")
        }),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    let asked = ceremony.at_home(&ceremony.client());
    let own = alive(ceremony, &asked).await?;
    ask(ceremony, &asked, &own.accessor).await?;
    // A person may have taken an hour to answer, and another node may lead by now.
    ceremony.find_active().await?;
    let client = ceremony.client();
    alive(ceremony, &ceremony.at_home(&client)).await?;
    // Whoever looks afterwards has come in before: a door that fails now must find root alive.
    witness::call(ceremony, &client)
        .await
        .map_err(root_stands)?;
    // What counts is what the last scan sees.
    let revoked = revoke_others(ceremony, &client, &own.accessor).await?;
    let last = scan(&client, ceremony.token()?).await?;
    let others = other_roots(&last, &own.accessor);
    if !others.is_empty() {
        return Err(others_alive(ceremony, &others));
    }
    // It may be long since they were given to their custodians, and without a quorum there is no way back.
    forgetting::custodians_again(ceremony)
        .await
        .map_err(root_stands)?;
    store_recovery_keys::all_there(ceremony)
        .await
        .map_err(root_stands)?;
    ceremony.custodians.clear();
    let begun = Evidence::default()
        .with("node", client.address())
        .with("accessor", &own.accessor)
        .with("other_root_tokens_revoked", revoked)
        .with("tokens_scanned", last.looked_at)
        .with("accessors_without_token", last.dangling);
    ceremony
        .checkpoint()
        .start_with(Step::RevokeRoot, begun.clone())?;
    ceremony.replicate().await?;
    let Session::Root(root) = std::mem::replace(&mut ceremony.session, Session::None) else {
        return Err(Failure::failed("there is no root token to revoke"));
    };
    let proof = match RootSession::new(&client, root).revoke().await {
        Ok(proof) => proof,
        Err(broken) => {
            let failure = not_revoked(&broken.error);
            ceremony.session = Session::Root(broken.session.into_token());
            return Err(failure);
        }
    };
    let begun = begun.with(PROOF, &proof);
    // It cannot be had again, and what follows may fail.
    ceremony
        .checkpoint()
        .start_with(Step::RevokeRoot, begun.clone())
        .map_err(|error| witness::root_is_dead(error.into()))?;
    if let Err(failure) = ceremony.replicate().await {
        return Err(witness::root_is_dead(failure));
    }
    witness::aftermath(ceremony, begun).await
}

/// What root says of itself; that it is dead before we revoked it is told by name.
async fn alive(ceremony: &Ceremony<'_>, node: &Client) -> Result<TokenInfo, Failure> {
    match token::lookup_self(node, ceremony.token()?).await {
        Err(error) if error.is_forbidden() => Err(session::dead_root(ceremony, node)),
        other => Ok(other?),
    }
}

/// Shows what is there and asks. Nothing is revoked before the answer.
async fn ask(ceremony: &mut Ceremony<'_>, client: &Client, own: &str) -> Result<(), Failure> {
    let scan = scan(client, ceremony.token()?).await?;
    for child in &scan.children {
        ceremony.warn(format!(
            "dies with root if it is its child: {}",
            child.line()
        ));
    }
    let others = other_roots(&scan, own);
    if !others.is_empty() && !ceremony.options.revoke_other_roots {
        return Err(others_alive(ceremony, &others));
    }
    if ceremony.options.yes {
        return Ok(());
    }
    forgetting::before_a_question(ceremony)?;
    questions::before_revoking(ceremony, &others, &scan.children).await?;
    forgetting::after_the_answer(ceremony).await
}

async fn revoke_others(
    ceremony: &Ceremony<'_>,
    client: &Client,
    own: &str,
) -> Result<usize, Failure> {
    if !ceremony.options.revoke_other_roots {
        return Ok(0);
    }
    let others = other_roots(&scan(client, ceremony.token()?).await?, own);
    let client = &ceremony.at_home(client);
    for other in &others {
        token::revoke_accessor(client, ceremony.token()?, &other.accessor).await?;
        ceremony.note(format!("revoked another root token: {}", other.line()));
    }
    Ok(others.len())
}

fn other_roots(scan: &Scan, own: &str) -> Vec<Found> {
    let others = scan.roots.iter().filter(|root| root.accessor != own);
    others.cloned().collect()
}

fn others_alive(ceremony: &Ceremony<'_>, others: &[Found]) -> Failure {
    let lines: Vec<_> = others.iter().map(Found::line).collect();
    let command = ceremony
        .options
        .again_with(ceremony.config, "--revoke-other-roots");
    Failure::refused(format!("other root tokens are alive: {}", lines.join("; "))).advise(format!(
        "find out who made them; to revoke them too: {command}"
    ))
}

fn not_revoked(error: &Error) -> Failure {
    let failure = Failure::failed(format!("root was not proved dead: {error}"))
        .advise("run apply again: it looks whether root is dead, and revokes it if not");
    if error.is_retryable() {
        failure.passing()
    } else {
        failure
    }
}
