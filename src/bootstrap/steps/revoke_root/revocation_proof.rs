//! Who sees that root is revoked: a login that opened while root was valid. Its 200 makes the 403 mean something,
//! and where it may, it looks for root tokens that are left.
//!
//! Once root is revoked nothing here keeps the cluster from being handed over, since no later run could do
//! better: what fails is a finding, and only a node that leads no more is waited for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bootstrap::ceremony::Ceremony;
use crate::code::Code;
use crate::config::{Config, Login};
use crate::desired::grant;
use crate::event::{ControlLogin, RootProof};
use crate::evidence::facts::{Evidence, FINDINGS};
use crate::failure::Failure;
use crate::finding::Finding;
use crate::secret::Token;
use crate::session::{Authority, OpenLogin};
use crate::vault::auth::scan::{Found, LOOKS, scan_until_quiet};
use crate::vault::auth::token;
use crate::vault::{Client, Error, sys};

/// Under which name the evidence keeps what was seen of root's end.
pub(crate) const PROOF: &str = "proof";
/// Between two looks at what cannot be looked at later.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1500),
];

/// The logins in the order in which they are of use here: no person is called for what a program can see,
/// and an auditor sees most.
pub(crate) fn in_order(config: &Config) -> Vec<&Login> {
    let mut logins: Vec<_> = config.logins.iter().collect();
    logins.sort_by_key(|login| (login.needs_a_person(), !grant::is_auditor(config, login)));
    logins
}

/// Lets a login in as the control while root is still valid, best one that may scan. A person who has signed in
/// for it in this run is not asked again, unless that token has come to its end.
///
/// # Errors
/// No login is declared, or one does not open or answer. Root is still valid then.
pub(crate) async fn call(ceremony: &mut Ceremony<'_>, client: &Client) -> Result<(), Failure> {
    let events = ceremony.caller.events;
    if let Some(before) = ceremony.control_login.take() {
        match before.lasts(client).await {
            Ok(true) => {
                ceremony.control_login = Some(before);
                return Ok(());
            }
            _ => before.end(client, events).await,
        }
    }
    for login in in_order(ceremony.config) {
        if login.needs_a_person() && ceremony.control_login.is_some() {
            break;
        }
        let opened = ceremony.open(login, client).await?;
        let scans = match may_scan(client, opened.token()).await {
            Ok(scans) => scans,
            Err(error) => {
                opened.end(client, events).await;
                return Err(error.into());
            }
        };
        let spare = if scans || ceremony.control_login.is_none() {
            ceremony.control_login.replace(opened)
        } else {
            Some(opened)
        };
        if let Some(spare) = spare {
            spare.end(client, events).await;
        }
        if scans {
            break;
        }
    }
    let Some(control) = &ceremony.control_login else {
        return Err(Failure::refused(
            Code::NoLogin,
            "no login is declared, so nothing could show that the server still answers",
        )
        .advise("declare at least one under logins"));
    };
    token::lookup_self(client, control.token()).await?;
    Ok(())
}

async fn may_scan(client: &Client, token: &Token) -> Result<bool, Error> {
    match token::list_accessors(&client.in_namespace(None), token).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_forbidden() => Ok(false),
        Err(error) => Err(error),
    }
}

/// What is to be seen once root is revoked, by whoever is there: the control, the login of this run, or one
/// that opens now.
///
/// # Errors
/// The node leads no more: to be looked at again on the next one.
pub(crate) async fn aftermath(
    ceremony: &Ceremony<'_>,
    mut evidence: Evidence,
) -> Result<Evidence, Failure> {
    let before = ceremony.findings.borrow().len();
    match (&ceremony.control_login, &ceremony.authority) {
        (Some(login), _) => look(ceremony, login, &mut evidence).await?,
        (None, Authority::Login(login)) => look(ceremony, login, &mut evidence).await?,
        (None, Authority::Root(_) | Authority::Given(_) | Authority::None) => {
            look_as_anybody(ceremony, &mut evidence).await?;
        }
    }
    if let Some(proof) = root_proof(&evidence) {
        ceremony.note(format!("proof: {}", proof.in_words()));
    }
    let found = ceremony.findings_since(before);
    if !found.is_empty() {
        evidence.set(FINDINGS, Finding::all_reported(&found));
    }
    Ok(evidence)
}

async fn look_as_anybody(ceremony: &Ceremony<'_>, evidence: &mut Evidence) -> Result<(), Failure> {
    ceremony
        .cluster
        .find_active()
        .await
        .map_err(root_is_revoked)?;
    let client = ceremony.client();
    let mut failures = Vec::new();
    for login in in_order(ceremony.config) {
        match ceremony.open(login, &client).await {
            Ok(login) => {
                let seen = look(ceremony, &login, evidence).await;
                login.end(&client, ceremony.caller.events).await;
                return seen;
            }
            Err(failure) => failures.push(failure),
        }
    }
    let nobody = || Failure::failed(Code::NoLogin, "no login is declared");
    unseen(
        ceremony,
        &Failure::all(failures).unwrap_or_else(nobody).to_string(),
    )
    .await
}

/// The control, and the second scan.
async fn look(
    ceremony: &Ceremony<'_>,
    login: &OpenLogin,
    evidence: &mut Evidence,
) -> Result<(), Failure> {
    let (client, name, token) = (ceremony.client(), &login.name, login.token());
    match patiently(async || answers_still(&client, name, token).await).await {
        Ok(control) => evidence.set("control", control),
        Err(error) => unseen(ceremony, &format!("{name} does not answer: {error}")).await?,
    }
    let whole = &ceremony.whole_tokens;
    match patiently(async || scan_until_quiet(&client, token, whole).await).await {
        Ok((scan, quiet)) => {
            if !quiet {
                let again = ceremony.config.command("rehearse");
                ceremony.find(Finding::StillAtWork(LOOKS, again));
            }
            let (seen, roots) = (scan.looked_at, said_of(&scan.roots));
            for root in scan.roots {
                ceremony.find(Finding::RootToken(root));
            }
            evidence.set(
                "second_scan",
                format!("{name} saw {seen} token(s) and {roots}"),
            );
        }
        Err(error) if error.is_forbidden() => evidence.set("second_scan", "no login may scan"),
        Err(error) => unseen(ceremony, &format!("{name} could not scan: {error}")).await?,
    }
    Ok(())
}

/// Looks again after a hiccup: it only reads, and no later run could see it in better light.
async fn patiently<T>(look: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
    for pause in PAUSES {
        match look().await {
            Err(error) if error.is_retryable() => tokio::time::sleep(pause).await,
            seen => return seen,
        }
    }
    look().await
}

async fn answers_still(client: &Client, name: &str, token: &Token) -> Result<Value, Error> {
    let info = token::lookup_self(client, token).await?;
    Ok(json!({"login": name, "status": 200, "accessor": info.accessor}))
}

fn said_of(roots: &[Found]) -> String {
    match roots.len() {
        0 => "no root".to_owned(),
        many => format!("{many} of root"),
    }
}

/// Something about the end of root could not be seen.
///
/// # Errors
/// The node leads no more, and the next one may show it.
pub(crate) async fn unseen(ceremony: &Ceremony<'_>, why: &str) -> Result<(), Failure> {
    if !sys::is_active(&ceremony.client()).await {
        return Err(root_is_revoked(Failure::failed(Code::RevocationUnseen, why)).passing());
    }
    ceremony.find(Finding::RevocationUnseen(why.to_owned()));
    Ok(())
}

/// Whatever fails now, this much is known and must be said.
pub(crate) fn root_is_revoked(failure: Failure) -> Failure {
    let mut failure = failure.about("root is revoked; ");
    for problem in &mut failure.problems {
        let advice = "run apply again to finish the hand-over";
        problem.advice.get_or_insert_with(|| advice.to_owned());
    }
    failure
}

/// What was seen of the end of root; none where nothing says that it has come.
pub(crate) fn root_proof(evidence: &Evidence) -> Option<RootProof> {
    let proof: Option<Value> = evidence.get(PROOF);
    let found: Option<String> = evidence.get("after");
    let status = |value: &Value| value.as_u64().and_then(|code| u16::try_from(code).ok());
    let of = |name: &str| proof.as_ref().and_then(|proof| status(&proof[name]));
    let (before, after) = (of("before"), of("after"));
    if after.is_none() && found.is_none() {
        return None;
    }
    let control: Option<Value> = evidence.get("control");
    let control = control.and_then(|one| {
        let login = one["login"].as_str()?.to_owned();
        let status = status(&one["status"])?;
        Some(ControlLogin { login, status })
    });
    Some(RootProof {
        before,
        after,
        found,
        control,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Diary;
    use crate::step::Step;

    #[test]
    fn the_end_of_root_is_as_it_was_recorded() {
        let evidence = recorded().steps[&Step::RevokeRoot].evidence.clone();
        let proof = root_proof(&evidence).unwrap();
        assert_eq!(
            proof.in_words(),
            "root token 200 before, 403 after; control login auditor 200"
        );
        assert_eq!(root_proof(&Evidence::default()), None);
        let kept = Evidence::default().with("root", "kept on purpose");
        assert_eq!(root_proof(&kept), None);
        let begun = Evidence::default()
            .with("accessor", "x")
            .with("control", json!(1));
        assert_eq!(root_proof(&begun), None);
    }

    fn recorded() -> Diary {
        let text = include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/checkpoints/form-1/handed-over/diary.json"
        ));
        Diary::read(text, "diary.json").unwrap()
    }
}
