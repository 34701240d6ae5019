//! The way back, walked once while root still lives: the shares as their custodians keep them, and a login with the
//! grant, make a root token; it is looked at, revoked, and answers 403. Every share is in one of the quorums.

pub(crate) mod session;

use crate::bootstrap::steps::drill::session::DrillSession;
use serde_json::{Value, json};

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::scrub;
use crate::bootstrap::steps::logins::root_stands;
use crate::bootstrap::view::View;
use crate::checkpoint::Generating;
use crate::checkpoint::diary::QUORUMS;
use crate::config::{BreakGlass, Config, Drill};
use crate::custodian::{Custodian, IdentityFile};
use crate::desired::observation::{Detail, Observation};
use crate::evidence::facts::Evidence;
use crate::failure::{Exit, Failure};
use crate::root_generation::{self, Held, Known, Moment, Quorum, quorums};
use crate::secret::RootToken;
use crate::shares::fetch::{self, Ask};
use crate::step::decide::Recorded;
use crate::vault::auth::scan::{Found, scan};
use crate::vault::auth::token;
use crate::vault::keys::root::Life;
use crate::vault::{Client, Dialect, Generation, RootSession};

pub(crate) use crate::bootstrap::steps::drill::session::end_interrupted_session;

/// A drill that was held stands until the hand-over: the shares are looked at once more right before root is revoked, and
/// have not changed since then. Afterwards it is no more than a record.
pub(crate) fn observe(view: &View<'_>) -> Observation {
    let BreakGlass::Logins { drill, .. } = &view.config.break_glass else {
        return Observation::nothing_declared();
    };
    let later = || Evidence::default().with("drill", "later");
    let held = view.diary.drill_was_held();
    if held || *drill == Drill::Later || !view.is_root() {
        let done = view.recorded() == Recorded::Done;
        let evidence = view.evidence().filter(|_| done).unwrap_or_else(later);
        if done && view.diary.handed_over() {
            return Observation {
                evidence,
                ..Observation::unknown(vec![Detail::NoDrill])
            };
        }
        return Observation::present(evidence);
    }
    Observation::absent()
}

/// How a person is asked for a share that no machine opens.
pub(crate) fn ask(config: &Config) -> Ask<'_> {
    Ask {
        config,
        verb: "apply",
        otherwise: "; or let it be given from elsewhere: --holders-elsewhere 30m; or rehearse later, which is a \
                    finding: break_glass.drill: later",
        shares: config.init.shares,
        may_skip: false,
    }
}

pub(crate) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    settle(ceremony).await?;
    scrub::custodians_again(ceremony)
        .await
        .map_err(root_stands)?;
    let result = hold(ceremony).await;
    scrub::after_the_shares(ceremony);
    if result.is_err()
        && let Err(left) = settle(ceremony).await
    {
        ceremony.warn(format!(
            "what is left of the drill is ended by the next run: {left}"
        ));
    }
    result.map_err(root_stands)
}

async fn hold(ceremony: &Ceremony<'_>) -> Result<Evidence, Failure> {
    let client = ceremony.client();
    let dialect = dialect(ceremony, &client).await?;
    // People take their time; a login does not wait for them.
    let (held, elsewhere) = shares_back(ceremony).await?;
    let threshold = usize::try_from(ceremony.config.init.threshold).unwrap_or(usize::MAX);
    let quorums = quorums(&held, &elsewhere, threshold);
    let mut session = DrillSession::log_in(ceremony, &client, dialect).await?;
    let proofs = each_quorum(&mut session, &quorums).await;
    let login = session.leave().await;
    Ok(Evidence::default()
        .with("login", login)
        .with(QUORUMS, proofs?))
}

/// Every share as its custodian keeps it; nobody is asked twice. With holders elsewhere, whose names come second, one
/// person here is enough where no machine opens any.
async fn shares_back(ceremony: &Ceremony<'_>) -> Result<(Vec<Held>, Vec<String>), Failure> {
    let identities = fetch::identities(&ceremony.options.identities)?;
    let (mut held, mut people) = (Vec::new(), Vec::new());
    let with_holders = ceremony.options.holders.is_some();
    for custodian in &ceremony.custodians {
        if with_holders && !custodian.opens_with(&identities).await {
            people.push(custodian);
            continue;
        }
        held.push(share_of(ceremony, custodian, &identities).await?);
    }
    let mut elsewhere = Vec::new();
    for custodian in people {
        if held.is_empty() {
            match share_of(ceremony, custodian, &identities).await {
                Ok(share) => {
                    held.push(share);
                    continue;
                }
                Err(failure) if matches!(failure.exit, Exit::Interrupted(_)) => {
                    return Err(failure);
                }
                // Whoever has nothing to type here may have it elsewhere.
                Err(failure) => ceremony.note(failure.to_string()),
            }
        }
        elsewhere.push(custodian.name().to_owned());
    }
    if held.is_empty() {
        return Err(Failure::refused(
            "each quorum needs a share that is given from here, and the last one: there is none for holders elsewhere",
        ));
    }
    Ok((held, elsewhere))
}

async fn share_of(
    ceremony: &Ceremony<'_>,
    custodian: &Custodian,
    identities: &[IdentityFile],
) -> Result<Held, Failure> {
    let mut ask = ask(ceremony.config);
    ask.may_skip = ceremony.options.holders.is_some();
    let share = fetch::share(&ask, custodian, identities).await?;
    Ok(Held {
        name: custodian.name().to_owned(),
        share,
    })
}

async fn dialect(ceremony: &Ceremony<'_>, client: &Client) -> Result<Dialect, Failure> {
    Ok(root_generation::rules(client, ceremony.token()?)
        .await?
        .dialect)
}

async fn each_quorum(
    session: &mut DrillSession<'_>,
    quorums: &[Quorum<'_>],
) -> Result<Vec<Value>, Failure> {
    let mut proofs = Vec::new();
    for quorum in quorums {
        let names = quorum.names();
        let root = session.root(quorum).await?;
        let proof = look_and_revoke(session.client, root).await?;
        forget(session.ceremony).await?;
        session.ceremony.note(format!(
            "{} made a root token, which is revoked",
            names.join(", ")
        ));
        let mut facts = json!({"custodians": names, "proof": proof});
        if !quorum.elsewhere.is_empty() {
            facts["elsewhere"] = json!(quorum.elsewhere);
        }
        proofs.push(facts);
    }
    Ok(proofs)
}

/// What is about to happen, on disk and at the replica before it does: the next run ends what is left of it.
async fn record(
    ceremony: &Ceremony<'_>,
    client: &Client,
    moment: Moment<'_>,
) -> Result<(), Failure> {
    let before = ceremony.diary().generating.clone();
    let mut generating = before.unwrap_or_default();
    match moment {
        Moment::Starting => generating.nonce = None,
        Moment::NotStarted => return forget(ceremony).await,
        Moment::Started(nonce) => generating.nonce = Some(nonce.to_owned()),
        Moment::NotMade => generating.roots = None,
        Moment::Completing => {
            let roots = scan(client, ceremony.token()?).await?.roots;
            let accessors = roots.into_iter().map(|root| root.accessor);
            generating.roots = Some(accessors.collect());
            let health = crate::vault::sys::health_now(client).await;
            generating.clock = health.and_then(|health| health.server_time_utc);
        }
    }
    ceremony
        .checkpoint()
        .record(|diary| diary.generating = Some(generating))?;
    ceremony.replicate().await
}

async fn forget(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    ceremony
        .checkpoint()
        .record(|diary| diary.generating = None)?;
    ceremony.replicate().await
}

/// One harmless act with the new token, and its end.
async fn look_and_revoke(client: &Client, root: RootToken) -> Result<Value, Failure> {
    let session = RootSession::new(client, root);
    match session.look().await? {
        Life::Alive(info) if info.is_root() => {}
        Life::Alive(_) => {
            return Err(Failure::refused(format!(
                "{}: the token that the quorum made is not root",
                client.address()
            )));
        }
        Life::Dead => {
            return Err(Failure::failed(format!(
                "{}: the token that the quorum made is not known there",
                client.address()
            ))
            .passing());
        }
    }
    match session.revoke().await {
        Ok(proof) => Ok(json!(proof)),
        Err(broken) => Err(broken.error.into()),
    }
}

/// Ends what an earlier drill left: its attempt, and a root token that its last share made and nobody has.
///
/// # Errors
/// The server cannot be asked, or somebody else's attempt is under way.
pub(crate) async fn settle(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let Some(generating) = ceremony.diary().generating.clone() else {
        return Ok(());
    };
    let Generating {
        nonce,
        roots,
        clock,
    } = generating;
    let client = ceremony.client();
    let generation = Generation::new(
        &client,
        dialect(ceremony, &client).await?,
        ceremony.token()?,
    );
    let known = Known {
        nonce: nonce.as_deref(),
        // Before hand-over nobody else has a reason to begin one, and a ceremony goes on after any kill.
        started_here: true,
    };
    let was_there = root_generation::leftover(&generation, known).await?;
    // An attempt that was still there has made none.
    if let Some(before) = roots.filter(|_| !was_there) {
        let found = scan(&client, ceremony.token()?).await?.roots;
        let latest = latest(ceremony, clock);
        let fits = |root: &&Found| {
            !before.contains(&root.accessor)
                && root.path == "auth/token/root"
                && clock.is_none_or(|clock| (clock - 1..=latest).contains(&root.made))
        };
        let strays: Vec<_> = found.iter().filter(fits).collect();
        // Of several, one is a colleague's: the end of root refuses them, and a person looks.
        if let [stray] = strays[..] {
            let client = client.in_namespace(None);
            token::revoke_accessor(&client, ceremony.token()?, &stray.accessor).await?;
            ceremony.note(format!("revoked what a drill had left: {}", stray.line()));
        }
    }
    forget(ceremony).await
}

/// For how long the answer to the last share was waited for: later tokens are of others.
fn latest(ceremony: &Ceremony<'_>, sent: Option<i64>) -> i64 {
    let waited = ceremony.config.cluster.timeouts.request.as_secs();
    let waited = i64::try_from(waited).unwrap_or(i64::MAX);
    sent.unwrap_or(i64::MAX).saturating_add(waited)
}
