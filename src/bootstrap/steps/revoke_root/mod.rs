//! Root is revoked: scanned as root just before, revoked, and proved to be so on the same active node where it was
//! valid a moment ago and where another login is valid now.

pub(crate) mod questions;
pub(crate) mod revocation_proof;

use serde_json::Value;

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::steps::logins::root_stands;
use crate::bootstrap::steps::revoke_root::revocation_proof::{PROOF, root_proof};
use crate::bootstrap::steps::store_recovery_keys;
use crate::bootstrap::view::View;
use crate::bootstrap::{authority, scrub};
use crate::code::Code;
use crate::desired::observation::Observation;
use crate::evidence::facts::{Evidence, ROOT};
use crate::failure::Failure;
use crate::finding::{Detail, Finding};
use crate::secret::Token;
use crate::session::{Authority, audit_trail};
use crate::step::Step;
use crate::step::decide::Recorded;
use crate::vault::auth::scan::{Found, LOOKS, Scan, Watch, scan, scan_until_quiet};
use crate::vault::auth::token::{self, TokenInfo};
use crate::vault::{Client, Error, RootSession};

pub(crate) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    // What was revoked, or found dead once that was begun, is not kept by a word that is typed later.
    let is_over = view.recorded() != Recorded::Nothing && !view.is_root();
    if view.options.keeps_root(view.config) && !is_over {
        return Ok(Observation {
            findings: vec![Finding::RootIsKept],
            ..Observation::present(Evidence::default().with(ROOT, "kept on purpose"))
        });
    }
    match (&view.authority, view.recorded()) {
        // A revocation that was begun has something left to show, whether or not it killed root.
        (Authority::Root(_), _) | (_, Recorded::Started) => Ok(Observation::absent()),
        (Authority::Login(login), _) => rescan(view, login.token()).await,
        (Authority::Given(token), _) => rescan(view, token).await,
        (Authority::None, _) => Ok(Observation::unknown(vec![Detail::NoLogin])),
    }
}

/// Root is revoked: the proof if it was recorded, else where it was found to be so, and what comes after.
async fn rest_of_the_proof(ceremony: &Ceremony<'_>, after: &str) -> Result<Evidence, Failure> {
    let view = ceremony.view(Step::RevokeRoot);
    let mut evidence = view.evidence().unwrap_or_default();
    if evidence.get::<Value>(PROOF).is_none() {
        evidence.set("after", after);
        evidence.set("node", ceremony.client().address());
    }
    revocation_proof::aftermath(ceremony, evidence).await
}

/// After hand-over: a login that may scan looks for root tokens; another is told that it may not.
async fn rescan(view: &View<'_>, token: &Token) -> Result<Observation, Failure> {
    let evidence = view.evidence().unwrap_or_default();
    let kept = evidence.get::<Value>(ROOT).is_some() && root_proof(&evidence).is_none();
    let unproved: Vec<_> = kept
        .then_some(Finding::RootEndedElsewhere)
        .into_iter()
        .collect();
    match scan_until_quiet(&view.client(), token, &view.whole_tokens).await {
        Ok((scan, true)) if scan.roots.is_empty() => Ok(Observation {
            findings: unproved,
            ..Observation::present(evidence)
        }),
        Ok((scan, quiet)) => {
            let roots = scan.roots.into_iter().map(Finding::RootToken);
            let at_work =
                (!quiet).then(|| Finding::StillAtWork(LOOKS, view.config.command("rehearse")));
            Ok(Observation {
                findings: unproved.into_iter().chain(roots).chain(at_work).collect(),
                ..Observation::unknown(vec![Detail::RootTokensFound])
            })
        }
        Err(error) if error.is_forbidden() => Ok(Observation {
            evidence,
            findings: unproved,
            ..Observation::unknown(vec![Detail::MayNotListAccessors])
        }),
        Err(error) => Err(error.into()),
    }
}

/// What of the revocation a run of before did not come to, where it had begun it and root is revoked by now.
async fn found_dead(ceremony: &mut Ceremony<'_>) -> Result<Option<Evidence>, Failure> {
    if ceremony.diary().recorded(Step::RevokeRoot) != Recorded::Started {
        return Ok(None);
    }
    let after = match &ceremony.authority {
        // A revocation of ours broke off, perhaps with its leader: this is another one.
        Authority::Root(root) => {
            if authority::root_is_valid(ceremony, root).await? {
                return Ok(None);
            }
            "403, on the next active node"
        }
        // A root token was kept and was found revoked when this run began, and the request that revoked it was ours.
        Authority::Login(_) | Authority::Given(_) | Authority::None => "403, found by the next run",
    };
    rest_of_the_proof(ceremony, after).await.map(Some)
}

pub(crate) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    if let Some(evidence) = found_dead(ceremony).await? {
        return Ok(evidence);
    }
    let asked = ceremony.at_home(&ceremony.client());
    let own = look_up_root(ceremony, &asked).await?;
    ask(ceremony, &asked, &own.accessor).await?;
    // A person may have taken an hour to answer, and another node may lead by now.
    ceremony.cluster.find_active().await?;
    let client = ceremony.client();
    look_up_root(ceremony, &ceremony.at_home(&client)).await?;
    // Whoever looks afterwards has come in before: a login that fails now must find root still valid.
    revocation_proof::call(ceremony, &client)
        .await
        .map_err(root_stands)?;
    let control = ceremony.control_login.as_ref();
    let control = control.map(|login| login.answer.accessor.clone());
    ceremony.whole_tokens.add(control);
    let (revoked, last) = last_look(ceremony, &client, &own.accessor).await?;
    ceremony.whole_tokens.add(last.accessors());
    // Whoever ends root leaves a line of it: the log may have been moved since the step that looked.
    let looked = audit_trail::look(ceremony, (&ceremony.diary(), None), ceremony.token()?).await?;
    audit_trail::all_written(&looked.elsewhere).map_err(root_stands)?;
    // It may be long since they were given to their custodians, and without a quorum there is no break-glass.
    scrub::custodians_again(ceremony)
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
    let Authority::Root(root) = std::mem::replace(&mut ceremony.authority, Authority::None) else {
        return Err(Failure::failed(
            Code::SecretsMissing,
            "there is no root token to revoke",
        ));
    };
    let proof = match RootSession::new(&client, root).revoke().await {
        Ok(proof) => proof,
        Err(broken) => {
            let failure = not_revoked(&broken.error);
            ceremony.authority = Authority::Root(broken.session.into_token());
            return Err(failure);
        }
    };
    let begun = begun.with(PROOF, &proof);
    // It cannot be had again, and what follows may fail.
    ceremony
        .checkpoint()
        .start_with(Step::RevokeRoot, begun.clone())
        .map_err(|error| revocation_proof::root_is_revoked(error.into()))?;
    if let Err(failure) = ceremony.replicate().await {
        return Err(revocation_proof::root_is_revoked(failure));
    }
    revocation_proof::aftermath(ceremony, begun).await
}

/// What root says of itself; that it was revoked before we did it is told by name.
async fn look_up_root(ceremony: &Ceremony<'_>, node: &Client) -> Result<TokenInfo, Failure> {
    match token::lookup_self(node, ceremony.token()?).await {
        Err(error) if error.is_forbidden() => Err(authority::revoked_root(ceremony, node)),
        other => Ok(other?),
    }
}

/// Shows what is there and asks. Nothing is revoked before the answer.
async fn ask(ceremony: &mut Ceremony<'_>, client: &Client, own: &str) -> Result<(), Failure> {
    let scan = scan(client, ceremony.token()?).await?;
    ceremony.whole_tokens.add(scan.accessors());
    for child in &scan.children {
        ceremony.warn(
            Code::TokensEndWithRoot,
            format!(
                "will be revoked with the root token if that created it: {}",
                child.line()
            ),
        );
    }
    let others = scan.roots_but(own);
    if !others.is_empty() && !ceremony.options.revoke_other_roots {
        return Err(other_roots_found(ceremony, &others));
    }
    if ceremony.options.yes {
        return Ok(());
    }
    scrub::before_a_question(ceremony)?;
    questions::before_revoking(ceremony, &others, &scan.children).await?;
    scrub::after_the_answer(ceremony).await
}

/// What counts is what is seen here: our own root token, no other, and nobody at work. How many others were revoked; what
/// was made with them meanwhile is revoked too.
async fn last_look(
    ceremony: &Ceremony<'_>,
    client: &Client,
    own: &str,
) -> Result<(usize, Scan), Failure> {
    let token = ceremony.token()?;
    if !ceremony.options.revoke_other_roots {
        let (last, quiet) = scan_until_quiet(client, token, &ceremony.whole_tokens).await?;
        let others = last.roots_but(own);
        if !others.is_empty() {
            return Err(other_roots_found(ceremony, &others));
        }
        return if quiet {
            Ok((0, last))
        } else {
            Err(somebody_at_work())
        };
    }
    let (mut watch, mut revoked) = (Watch::default(), 0);
    let ended = |other: &Found| {
        ceremony.note(format!("revoked another root token: {}", other.line()));
        revoked += 1;
    };
    if watch.end_roots_but(client, (token, own), ended).await? {
        return Ok((revoked, watch.scan));
    }
    Err(somebody_at_work())
}

fn somebody_at_work() -> Failure {
    Failure::refused(Code::RootTokensBeingMade, format!(
        "somebody may be making root tokens: each of {LOOKS} searches found a new one, or a token that was gone \
         before it could be looked up"
    ))
    .advise("find out who in the audit log; root is still valid here and can revoke what they hold")
}

fn other_roots_found(ceremony: &Ceremony<'_>, others: &[Found]) -> Failure {
    let lines: Vec<_> = others.iter().map(Found::line).collect();
    let command = ceremony
        .options
        .again_with(ceremony.config, "--revoke-other-roots");
    Failure::refused(
        Code::OtherRootTokens,
        format!("there are other root tokens: {}", lines.join("; ")),
    )
    .advise(format!(
        "find out who made them; to revoke them too: {command}"
    ))
}

fn not_revoked(error: &Error) -> Failure {
    let failure = Failure::failed(
        Code::RootNotProvedRevoked,
        format!("could not prove that root is revoked: {error}"),
    )
    .advise("run apply again: it checks whether root is revoked, and revokes it if not")
    .answered(error.status());
    if error.is_retryable() {
        failure.passing()
    } else {
        failure
    }
}
