//! Break-glass, exercised once while root is still valid: the shares as their custodians keep them, and a login with the
//! grant, make a root token; it is looked at, revoked, and answers 403. Every share is in one of the quorums.

use serde_json::{Value, json};

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::scrub;
use crate::bootstrap::steps::logins::root_stands;
use crate::bootstrap::view::View;
use crate::checkpoint::diary::QUORUMS;
use crate::checkpoint::{Generating, Proof, now};
use crate::code::{Code, Reported};
use crate::config::{BreakGlass, Config, Drill, Login};
use crate::desired::observation::Observation;
use crate::edge::custodians;
use crate::event::Caller;
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::finding::{Detail, Finding};
use crate::root_generation::{
    self, Asked, Attempt, Known, Origin, OrphanedToken, Quorum, RootGenerationRun, Stage, is_root,
    plainly_lost, quorums,
};
use crate::session::OpenLogin;
use crate::session::login::break_glass_logins;
use crate::shares::fetch::Ask;
use crate::shares::quorum::{Asking, Gathered};
use crate::step::Step;
use crate::step::decide::Recorded;
use crate::vault::auth::scan::scan;
use crate::vault::auth::token::revoke_accessor;
use crate::vault::{Client, Dialect, Generation, RootSession, sys};

/// Another way to give a share that no machine opens.
const OTHERWISE: &str = "; or let it be given from elsewhere: --holders-elsewhere 30m; or rehearse later, which is a \
                         finding: break_glass.drill: later";

/// How many nodes may lead, one after the other, while one quorum makes its token.
const LEADERS: usize = 4;

/// A drill is held in the run that revokes root, whatever an earlier one has shown. Afterwards it is no more than a record.
pub(crate) fn observe(view: &View<'_>) -> Observation {
    let BreakGlass::Logins { drill, .. } = &view.config.break_glass else {
        return Observation::nothing_declared();
    };
    let later = || Evidence::default().with("drill", "later");
    let held = view.diary.drill_was_held() && !view.revokes_root();
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
        verb: "apply".into(),
        otherwise: OTHERWISE,
        shares: config.init.shares,
        may_skip: false,
    }
}

pub(crate) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    settle(ceremony).await?;
    let result = hold(ceremony).await;
    scrub::after_the_shares(ceremony);
    if result.is_err()
        && let Err(left) = settle(ceremony).await
    {
        ceremony.warn(
            Code::RunLeftOpen,
            format!("the next run will clean up what is left of the drill: {left}"),
        );
    }
    result.map_err(root_stands)
}

async fn hold(ceremony: &Ceremony<'_>) -> Result<Evidence, Failure> {
    let client = ceremony.client();
    let dialect = dialect(ceremony, &client).await?;
    // People take their time; a login does not wait for them.
    let shares = shares_back(ceremony).await?;
    let threshold = usize::try_from(ceremony.config.init.threshold).unwrap_or(usize::MAX);
    let quorums = quorums(&shares.held, &shares.elsewhere, threshold)?;
    let mut session = DrillSession::log_in(ceremony, &client, dialect).await?;
    let proofs = each_quorum(&mut session, &quorums).await;
    let login = session.leave().await;
    let proofs = proofs?;
    are_proved(ceremony, &shares).await?;
    Ok(Evidence::default()
        .with("login", login)
        .with(QUORUMS, proofs))
}

/// Whoever opened their share has shown more than a challenge does. Which one a person typed is not known, but where all
/// were given here, no two are the same: each was opened.
async fn are_proved(ceremony: &Ceremony<'_>, shares: &Gathered) -> Result<(), Failure> {
    let all = shares.elsewhere.is_empty();
    for held in shares.held.iter().filter(|held| all || !held.typed) {
        let name = &held.name;
        let is_over = |reported: &Reported| Finding::is_of_unproved(reported, name);
        let (over, rest): (Vec<_>, Vec<_>) = ceremony
            .findings
            .take()
            .into_iter()
            .partition(|finding| is_over(&finding.reported()));
        ceremony.findings.replace(rest);
        if over.is_empty() {
            continue;
        }
        let proof = Proof {
            subject: custodians::one(ceremony.config, name)
                .await?
                .proof_subject(),
            at: now(),
        };
        ceremony.records.record(|diary| {
            diary.settle(Step::Preflight, is_over);
            diary.proofs.insert(name.clone(), proof);
        })?;
    }
    Ok(())
}

/// Every share as its custodian keeps it; nobody is asked twice. With holders elsewhere, one person here is enough where
/// no machine opens any.
async fn shares_back(ceremony: &Ceremony<'_>) -> Result<Gathered, Failure> {
    let options = ceremony.options;
    let asking = Asking {
        config: ceremony.config,
        identities: &options.identities,
        without: &[],
        last: &[],
        held: &[],
        every: true,
        holders: options.holders.is_some(),
        caller: ceremony.caller,
        verb: "apply",
        otherwise: OTHERWISE,
    };
    let people = options.holders.map_or(usize::MAX, |_| 1);
    asking.gather_from(people, usize::MAX).await
}

async fn dialect(ceremony: &Ceremony<'_>, client: &Client) -> Result<Dialect, Failure> {
    let rules = root_generation::rules(client, ceremony.token()?).await?;
    Ok(rules.dialect)
}

async fn each_quorum(
    session: &mut DrillSession<'_>,
    quorums: &[Quorum<'_>],
) -> Result<Vec<Value>, Failure> {
    let mut proofs = Vec::new();
    for quorum in quorums {
        proofs.push(with_any_leader(session, quorum).await?);
    }
    Ok(proofs)
}

/// A quorum's root token. Where the leader is lost in the middle, this attempt alone is made again at the next one: what
/// is in hand here is not asked for again, and what other quorums have shown stands.
async fn with_any_leader(
    session: &mut DrillSession<'_>,
    quorum: &Quorum<'_>,
) -> Result<Value, Failure> {
    let ceremony = session.ceremony;
    for _ in 1..LEADERS {
        let failure = match one(session, quorum).await {
            Err(failure) => failure,
            proof => return proof,
        };
        if !ceremony.cluster.passes(&failure).await {
            return Err(failure);
        }
        ceremony.note(failure.to_string());
        ceremony.cluster.find_active().await?;
        session.client = ceremony.client();
        settle(ceremony).await?;
        let again = match &quorum.elsewhere[..] {
            [] => "nobody is asked again".to_owned(),
            names => format!("asked again: {}", names.join(", ")),
        };
        let (leader, names) = (session.client.address(), quorum.names().join(", "));
        ceremony.note(format!("{leader} leads: once more with {names}; {again}"));
    }
    one(session, quorum).await
}

async fn one(session: &mut DrillSession<'_>, quorum: &Quorum<'_>) -> Result<Value, Failure> {
    let names = quorum.names();
    let root = root_generation::make(session, quorum).await?;
    let root = RootSession::new(&session.client, root);
    is_root(&root).await?;
    let proof = root.revoke().await.map_err(|broken| broken.error)?;
    forget(session.ceremony).await?;
    session.ceremony.note(format!(
        "{} made a root token, which is revoked",
        names.join(", ")
    ));
    let mut facts = json!({"custodians": names, "proof": proof});
    if !quorum.elsewhere.is_empty() {
        facts["elsewhere"] = json!(quorum.elsewhere);
    }
    Ok(facts)
}

async fn forget(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    ceremony.records.record(|diary| diary.generating = None)?;
    ceremony.replicate().await
}

/// Ends what an earlier drill left: its attempt, and an orphaned root token that its last share made.
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
    let (client, token) = (ceremony.client(), ceremony.token()?);
    let generation = Generation::new(&client, dialect(ceremony, &client).await?, token);
    let known = Known {
        nonce: nonce.as_deref(),
        // Before hand-over nobody else has a reason to begin one, and a ceremony goes on after any kill.
        started_here: true,
    };
    let was_there = root_generation::leftover(&generation, known).await?;
    // An attempt that was still there has made none.
    if let Some(before) = roots.filter(|_| !was_there) {
        let mut found = scan(&client, token).await?.roots;
        found.retain(|root| !before.contains(&root.accessor));
        let waited = ceremony.config.cluster.timeouts.request;
        let lost = match clock {
            Some(sent) => OrphanedToken::lost(sent, waited, i64::MAX),
            None => OrphanedToken::Lost {
                since: i64::MIN,
                until: i64::MAX,
            },
        };
        // Of several, one is a colleague's: the end of root refuses them, and a person looks.
        let ours = plainly_lost(&found, &[lost]);
        for orphan in found.iter().filter(|root| ours.contains(&root.accessor)) {
            revoke_accessor(&client.in_namespace(None), token, &orphan.accessor).await?;
            ceremony.note(format!("revoked what a drill had left: {}", orphan.line()));
        }
    }
    forget(ceremony).await
}

/// A break-glass login at the active node.
struct DrillSession<'w> {
    ceremony: &'w Ceremony<'w>,
    client: Client,
    dialect: Dialect,
    wanted: &'w Login,
    login: OpenLogin,
}

impl<'w> DrillSession<'w> {
    /// Logs in.
    async fn log_in(
        ceremony: &'w Ceremony<'w>,
        client: &Client,
        dialect: Dialect,
    ) -> Result<Self, Failure> {
        let logins = break_glass_logins(ceremony.config);
        let none = || Failure::refused(Code::NoLogin, "no break-glass login is declared");
        let wanted = *logins.first().ok_or_else(none)?;
        Ok(Self {
            ceremony,
            client: client.clone(),
            dialect,
            wanted,
            login: log_in(ceremony, client, wanted).await?,
        })
    }

    /// Ends the login's own token. Its name.
    async fn leave(self) -> &'w str {
        let events = self.ceremony.caller.events;
        self.login.end(&self.client, events).await;
        *self.ceremony.drill_accessor.borrow_mut() = None;
        &self.wanted.name
    }

    /// The login may have expired meanwhile.
    async fn log_in_again(&mut self) -> Result<(), Failure> {
        let again = log_in(self.ceremony, &self.client, self.wanted).await?;
        let before = std::mem::replace(&mut self.login, again);
        before.end(&self.client, self.ceremony.caller.events).await;
        Ok(())
    }
}

impl RootGenerationRun for DrillSession<'_> {
    fn caller(&self) -> Caller<'_> {
        self.ceremony.caller
    }

    fn generation(&self) -> Result<Generation<'_>, Failure> {
        let token = self.login.token();
        Ok(Generation::new(&self.client, self.dialect, token))
    }

    /// What is about to happen, on disk and at the replica before it does: the next run ends what is left of it.
    async fn record(&self, stage: Stage<'_>) -> Result<(), Failure> {
        let before = self.ceremony.diary().generating.clone();
        let mut generating = before.unwrap_or_default();
        match stage {
            Stage::Starting => generating.nonce = None,
            Stage::NotStarted => return forget(self.ceremony).await,
            Stage::Started(nonce) => generating.nonce = Some(nonce.to_owned()),
            Stage::NotMade => generating.roots = None,
            Stage::Completing => {
                let roots = scan(&self.client, self.ceremony.token()?).await?.roots;
                let accessors = roots.into_iter().map(|root| root.accessor);
                generating.roots = Some(accessors.collect());
                let health = sys::health_now(&self.client).await;
                generating.clock = health.and_then(|health| health.server_time_utc);
            }
        }
        self.ceremony
            .records
            .record(|diary| diary.generating = Some(generating))?;
        self.ceremony.replicate().await
    }

    async fn holders_give(&mut self, attempt: &Attempt, names: &[&str]) -> Result<(), Failure> {
        let (ceremony, client) = (self.ceremony, &self.client);
        let id = ceremony.cluster.id().ok_or_else(|| {
            let address = client.address();
            Failure::failed(
                Code::ClusterUnknown,
                format!("{address} does not say its cluster's id"),
            )
        })?;
        let asked = Asked {
            attempt,
            names,
            limit: ceremony.options.holders.unwrap_or_default(),
        };
        // Root does not expire while people take their time.
        let root = Generation::new(client, self.dialect, ceremony.token()?);
        let look = async || Ok(root.progress().await?);
        let cluster = (ceremony.config.cluster.name.as_str(), id);
        let requester = "root, of the ceremony".to_owned();
        let origin = Origin::now(cluster, "drill of the ceremony", requester);
        root_generation::holders_give(asked, origin, look, ceremony.caller.events).await?;
        self.log_in_again().await
    }
}

async fn log_in(
    ceremony: &Ceremony<'_>,
    client: &Client,
    login: &Login,
) -> Result<OpenLogin, Failure> {
    let login = ceremony.open(login, client).await?;
    *ceremony.drill_accessor.borrow_mut() = Some(login.answer.accessor.clone());
    Ok(login)
}

/// Ends the token of a drill that was interrupted: a stop drops it where it stands.
pub(crate) async fn end_interrupted_session(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let accessor = ceremony.drill_accessor.borrow().clone();
    if let Some(accessor) = accessor.filter(|_| ceremony.is_root()) {
        let client = ceremony.client().in_namespace(None);
        revoke_accessor(&client, ceremony.token()?, &accessor).await?;
        *ceremony.drill_accessor.borrow_mut() = None;
    }
    Ok(())
}
