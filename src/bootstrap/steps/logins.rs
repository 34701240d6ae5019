//! Every declared login really logs in, may what it must and may not what it must not; a break-glass
//! login also holds the grant. Its token is revoked again.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::steps::documents::grant_is_as_written;
use crate::bootstrap::view::View;
use crate::code::Code;
use crate::config::{BreakGlass, Capability, Config, Login};
use crate::desired::observation::Observation;
use crate::desired::privilege_escalation;
use crate::door::{self, Door, DoorProof};
use crate::edge::doors;
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::finding::{Detail, Finding};
use crate::root_generation;
use crate::session::{Authority, OpenLogin};
use crate::step::Step;
use crate::step::decide::Recorded;
use crate::vault::auth::token;
use crate::vault::{AuthResponse, Client, Dialect, policies, probe_root_generation};

/// Under which name the evidence keeps who could make themselves root.
const ESCALATE: &str = "can_escalate";

/// The proof is the login itself. A run that revokes root logs in with all of them itself, however often they opened
/// before: a password, a provider or an entity may be another by now. Otherwise there is nothing to look at
/// but what an earlier run proved; it stands as long as nothing was written since and the same logins are
/// declared, and after the hand-over it is no more than a record.
pub(super) fn observe(view: &View<'_>) -> Observation {
    let Some(evidence) = view.evidence() else {
        return Observation::absent();
    };
    let proved: Vec<String> = evidence.get("declared").unwrap_or_default();
    let same = proved == declared(view.config);
    let done = view.recorded() == Recorded::Done && !view.revokes_root();
    let stands = done && same && !view.earlier_changes;
    if stands && !view.diary.handed_over() {
        return Observation {
            findings: could_escalate(view),
            ..Observation::present(evidence)
        };
    }
    if view.is_root() && !stands {
        return Observation::absent();
    }
    Observation {
        findings: could_escalate(view),
        evidence,
        ..Observation::unknown(vec![if same {
            Detail::LoginsNotTried
        } else {
            Detail::OtherLogins
        }])
    }
}

/// Who could make themselves root when they were tried, by what. Whoever looks is asked anew, with the roles.
fn could_escalate(view: &View<'_>) -> Vec<Finding> {
    let found: Option<BTreeMap<String, Vec<String>>> = view.diary.fact(Step::Logins, ESCALATE);
    let tried = view.diary.steps.get(&Step::Logins);
    let at = tried
        .and_then(|entry| entry.finished.clone())
        .unwrap_or_default();
    let looks = |name: &str| matches!(&view.authority, Authority::Login(one) if one.name == name);
    let stands = found.into_iter().flatten().filter(|(name, _)| {
        let declared = view.config.logins.iter().any(|login| login.name == *name);
        declared && !looks(name) && !privilege_escalation::is_accepted(view.config, name)
    });
    // Under root nothing was written since.
    let said = stands.map(|(name, places)| match &view.authority {
        Authority::Root(_) => Finding::CanEscalate(name, places),
        _ => Finding::CouldEscalate(name, places, at.clone()),
    });
    said.collect()
}

pub(super) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    let (mut opened, mut failures) = (Vec::new(), Vec::new());
    let logins = machines_first(ceremony.config);
    let unattended = logins.iter().any(|login| !login.needs_a_person());
    // One after the other: a person can sign in to one browser window at a time.
    for login in logins {
        // Nobody signs in for a run that is going to fail.
        if login.needs_a_person() && !failures.is_empty() {
            continue;
        }
        if let Some(proof) = ceremony.signed_in.get(&login.name) {
            opened.push(proof.clone());
            continue;
        }
        let keep = !unattended && ceremony.control_login.is_none();
        match try_login(ceremony, login, keep).await {
            Ok((proof, kept)) => {
                ceremony.note(format!("{} opened", login.name));
                ceremony.control_login = kept.or(ceremony.control_login.take());
                if login.needs_a_person() {
                    let proof = proof.clone();
                    ceremony.signed_in.insert(login.name.clone(), proof);
                }
                opened.push(proof);
            }
            Err(failure) => failures.push(failure),
        }
    }
    Failure::check(failures).map_err(root_stands)?;
    one_auth_method(ceremony);
    let found = ceremony.findings.borrow();
    let escalate = found.iter().filter_map(|one| match one {
        Finding::CanEscalate(login, places) => Some((login.clone(), places.clone())),
        _ => None,
    });
    Ok(Evidence::default()
        .with("declared", declared(ceremony.config))
        .with(ESCALATE, escalate.collect::<BTreeMap<_, _>>())
        .with("opened", opened))
}

/// In the order of the file, those that no person is needed for before the others.
fn machines_first(config: &Config) -> Vec<&Login> {
    let mut logins: Vec<_> = config.logins.iter().collect();
    logins.sort_by_key(|login| login.needs_a_person());
    logins
}

/// One identity provider down, and nobody gets in.
fn one_auth_method(ceremony: &Ceremony<'_>) {
    let doors = ceremony.config.doors();
    let accepted = matches!(
        ceremony.config.break_glass,
        BreakGlass::Logins {
            accept_one_auth_method: true,
            ..
        }
    );
    if let Some(first) = doors.first()
        && doors.iter().all(|door| door.auth == first.auth)
        && !accepted
    {
        ceremony.find(Finding::OneAuthMethod(first.auth.clone()));
    }
}

/// Says with every problem that root was not touched.
pub(super) fn root_stands(mut failure: Failure) -> Failure {
    for problem in &mut failure.problems {
        let advice = problem
            .advice
            .take()
            .map(|advice| format!("{advice}; "))
            .unwrap_or_default();
        let stands = "root is still valid and stays in the checkpoint; run apply again";
        problem.advice = Some(format!("{advice}{stands}"));
    }
    failure
}

/// Opens, judges and ends one login; a good one is handed back instead of ended when `keep` says so.
async fn try_login(
    ceremony: &Ceremony<'_>,
    login: &Login,
    keep: bool,
) -> Result<(Value, Option<OpenLogin>), Failure> {
    let client = ceremony.client();
    let door = doors::door(&ceremony.login_context(), login)?;
    let opened = ceremony.open(login, &client).await?;
    let result = judge(ceremony, login, &door, &opened.answer).await;
    let kept = if keep && result.is_ok() {
        Some(opened)
    } else {
        // Whatever was found, the token of a try must not stay; what was found comes first.
        let ended = end(ceremony, &client, login, opened.answer).await;
        if result.is_ok() {
            ended?;
        }
        None
    };
    let proof = json!({
        "login": login.name,
        "break_glass": is_break_glass(ceremony.config, login),
        "proof": result?,
    });
    Ok((proof, kept))
}

/// A login that may not even revoke itself is ended by its accessor, as root; once root is gone nobody
/// could do that, so it counts as a login that did not open.
async fn end(
    ceremony: &Ceremony<'_>,
    client: &Client,
    login: &Login,
    session: AuthResponse,
) -> Result<(), Failure> {
    let accessor = session.accessor;
    let error = match token::revoke_self(client, session.token).await {
        Ok(()) => return Ok(()),
        // A batch token has no accessor and ends with its own time to live.
        Err(_) if accessor.is_empty() => return Ok(()),
        Err(error) => error,
    };
    token::revoke_accessor(client, ceremony.token()?, &accessor).await?;
    if !error.is_forbidden() {
        return Ok(());
    }
    let (name, address) = (&login.name, client.address());
    Err(Failure::failed(Code::LoginPowersOther, format!(
        "login {name} at {address}: it opened, but may not end its own token (auth/token/revoke-self is denied)"
    ))
    .advise(
        "give it update on auth/token/revoke-self by a policy of its role, or the default policy \
         (token_no_default_policy: false)",
    ))
}

async fn judge(
    ceremony: &Ceremony<'_>,
    login: &Login,
    door: &Door,
    session: &AuthResponse,
) -> Result<DoorProof, Failure> {
    let proof = door::prove(&ceremony.client(), door, session).await?;
    if is_break_glass(ceremony.config, login) {
        door::fit_for_break_glass(&proof).map_err(|reasons| unfit(login, &reasons))?;
        holds_the_grant(ceremony, login, session).await?;
        let more =
            privilege_escalation::more_than_the_grant(&proof.policies, &proof.identity_policies);
        if !more.is_empty() {
            ceremony.find(Finding::MoreThanTheGrant(login.name.clone(), more));
        }
    }
    let (config, client) = (ceremony.config, ceremony.client());
    let found = privilege_escalation::look(config, &client, (login, &session.token)).await?;
    if !found.is_empty() {
        ceremony.find(Finding::CanEscalate(login.name.clone(), found));
    }
    Ok(proof)
}

fn unfit(login: &Login, reasons: &[String]) -> Failure {
    Failure::refused(
        Code::BreakGlassLoginUnfit,
        format!(
            "{} cannot be a break-glass login: {}",
            login.name,
            reasons.join("; ")
        ),
    )
    .advise("correct its role in the file, or name another login under break_glass.logins")
}

/// A grant that does not hold would lock the cluster: root stays, and a person must look.
async fn holds_the_grant(
    ceremony: &Ceremony<'_>,
    login: &Login,
    session: &AuthResponse,
) -> Result<(), Failure> {
    grant_is_as_written(ceremony).await?;
    let client = ceremony.client();
    let rules = probe_root_generation(&client, Some(ceremony.token()?)).await?;
    let Some(api) = Dialect::of(rules) else {
        return Err(root_generation::off(client.address()));
    };
    let acl = policies::resultant_acl(&client, &session.token).await?;
    door::grant_holds(&acl, api).map_err(|missing| {
        Failure::refused(
            Code::GrantMissing,
            format!(
                "the grant of {} does not hold: {}",
                login.name,
                missing.join(", ")
            ),
        )
        .advise("look at the role's token_policies and at policies that deny these paths")
    })
}

fn is_break_glass(config: &Config, login: &Login) -> bool {
    match &config.break_glass {
        BreakGlass::Logins { names, .. } => names.contains(&login.name),
        BreakGlass::None { .. } => false,
    }
}

/// What was declared, so that a change of it is tried again.
fn declared(config: &Config) -> Vec<String> {
    let line = |login: &Login| {
        let door = if is_break_glass(config, login) {
            " break-glass"
        } else {
            ""
        };
        let words = |verb: &str, list: &[(String, Vec<Capability>)]| {
            let each = |(path, capabilities): &(String, Vec<Capability>)| {
                let names: Vec<_> = capabilities.iter().map(|name| name.as_str()).collect();
                format!(", {verb} {} {path}", names.join("+"))
            };
            list.iter().map(each).collect::<String>()
        };
        format!(
            "{} auth/{} {}{door}{}{}",
            login.name,
            login.auth,
            doors::identity(login),
            words("can", &login.can),
            words("cannot", &login.cannot)
        )
    };
    config.logins.iter().map(line).collect()
}
