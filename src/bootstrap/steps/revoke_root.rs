//! The end of root: scanned as root just before, revoked, and proved dead on the same active node where
//! it was alive a moment ago and where another login is alive now.

use crate::bootstrap::ceremony::{Ceremony, Session};
use crate::bootstrap::decide::Recorded;
use crate::bootstrap::evidence::Evidence;
use crate::bootstrap::scan::{Found, scan};
use crate::bootstrap::step::{Observation, Step};
use crate::bootstrap::{doors, questions};
use crate::config::Login;
use crate::door;
use crate::failure::Failure;
use crate::secret::Token;
use crate::vault::root::NotRevoked;
use crate::vault::token;
use crate::vault::{Client, RootSession, Session as LoginSession};

pub(super) async fn observe(ceremony: &Ceremony<'_>) -> Result<Observation, Failure> {
    if kept_on_purpose(ceremony) {
        ceremony.find("the root token is alive: revoke_root is false and --keep-root was typed");
        return Ok(Observation::present(
            Evidence::default().with("root", "kept on purpose"),
        ));
    }
    let (recorded, evidence) = recorded(ceremony);
    match (&ceremony.session, recorded) {
        (Session::Root(_), _) => Ok(Observation::absent()),
        // We are a login although a root token was kept: it was found dead when this run began. The
        // request that revoked it was ours, and only its answer was lost.
        (_, Recorded::Started) => {
            let evidence = evidence
                .unwrap_or_default()
                .with("after", "403, found by the next run");
            Ok(Observation::present(evidence))
        }
        (Session::Login { token, .. }, _) => rescan(ceremony, token, evidence).await,
        (Session::None, _) => Ok(Observation::unknown("there is no login to look with")),
    }
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
        Err(error) if error.status() == Some(403) => Ok(Observation {
            evidence,
            ..Observation::unknown("this login may not list accessors")
        }),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    let client = ceremony.client();
    let scan = scan(&client, ceremony.token()?).await?;
    let own = token::lookup_self(&client, ceremony.token()?).await?;
    let others: Vec<_> = scan
        .roots
        .iter()
        .filter(|t| t.accessor != own.accessor)
        .cloned()
        .collect();
    for orphanless in &scan.children {
        ceremony.warn(format!(
            "dies with root if it is its child: {}",
            orphanless.line()
        ));
    }
    judge_others(ceremony, &client, &others).await?;
    questions::before_revoking(ceremony, &others, &scan.children).await?;
    ceremony.checkpoint().start(Step::RevokeRoot)?;
    // The control login is opened before: a door that fails now must find root alive.
    let (control_name, control) = match ceremony.control.take() {
        Some(kept) => kept,
        None => control(ceremony, &client).await?,
    };
    let Session::Root(root) = std::mem::replace(&mut ceremony.session, Session::None) else {
        return Err(Failure::failed("there is no root token to revoke"));
    };
    let proof = RootSession::new(client.clone(), root)
        .revoke()
        .await
        .map_err(|error| not_revoked(&error))?;
    let after = token::lookup_self(&client, &control.token)
        .await
        .map_err(|error| {
            Failure::failed(format!(
                "{control_name} does not answer after the revocation: {error}"
            ))
            .advise("run apply again: it looks whether root is dead and goes on")
        })?;
    let second = second_scan(ceremony, &client).await?;
    token::revoke_self(&client, control.token).await?;
    Ok(Evidence::default()
        .with("node", client.address())
        .with("accessor", &own.accessor)
        .with("proof", &proof)
        .with(
            "control",
            serde_json::json!({"login": control_name, "status": 200, "accessor": after.accessor}),
        )
        .with("other_root_tokens_revoked", others.len())
        .with("tokens_scanned", scan.looked_at)
        .with("accessors_without_token", scan.dangling)
        .with("second_scan", second))
}

async fn judge_others(
    ceremony: &Ceremony<'_>,
    client: &Client,
    others: &[Found],
) -> Result<(), Failure> {
    if others.is_empty() {
        return Ok(());
    }
    if !ceremony.options.revoke_other_roots {
        let lines: Vec<_> = others.iter().map(Found::line).collect();
        return Err(Failure::refused(format!("other root tokens are alive: {}", lines.join("; ")))
            .advise("find out who made them; to revoke them too: vault-bootstrap apply --revoke-other-roots"));
    }
    for other in others {
        token::revoke_accessor(client, ceremony.token()?, &other.accessor).await?;
        ceremony.note(format!("revoked another root token: {}", other.line()));
    }
    Ok(())
}

/// Another login, opened while root still lives: the 200 that makes the 403 mean something.
async fn control(
    ceremony: &Ceremony<'_>,
    client: &Client,
) -> Result<(String, LoginSession), Failure> {
    let login = preferred(&ceremony.config.logins).ok_or_else(|| {
        Failure::refused(
            "no login is declared, so nothing could show that the server still answers",
        )
        .advise("declare at least one under logins")
    })?;
    let door = doors::door(ceremony, login)?;
    let session = door::open(client, &door, ceremony).await?;
    Ok((login.name.clone(), session))
}

fn preferred(logins: &[Login]) -> Option<&Login> {
    logins
        .iter()
        .find(|login| !login.needs_a_person())
        .or_else(|| logins.first())
}

/// Every login that needs no person tries to scan; the first that may has the last word.
async fn second_scan(ceremony: &Ceremony<'_>, client: &Client) -> Result<String, Failure> {
    for login in ceremony
        .config
        .logins
        .iter()
        .filter(|login| !login.needs_a_person())
    {
        let door = doors::door(ceremony, login)?;
        let session = door::open(client, &door, ceremony).await?;
        let result = scan(client, &session.token).await;
        token::revoke_self(client, session.token).await?;
        match result {
            Ok(scan) if scan.roots.is_empty() => {
                return Ok(format!(
                    "{} saw {} tokens and no root",
                    login.name, scan.looked_at
                ));
            }
            Ok(scan) => {
                let lines: Vec<_> = scan.roots.iter().map(Found::line).collect();
                return Err(Failure::refused(format!(
                    "root tokens are alive: {}",
                    lines.join("; ")
                ))
                .advise("find out who made them since the scan as root"));
            }
            Err(error) if error.status() == Some(403) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok("no login may scan".into())
}

fn kept_on_purpose(ceremony: &Ceremony<'_>) -> bool {
    !ceremony.config.revoke_root && ceremony.options.keep_root
}

fn not_revoked(error: &NotRevoked) -> Failure {
    Failure::failed(format!("root was not proved dead: {}", error.error))
        .advise("run apply again: it looks whether root is dead, and revokes it if not")
}
