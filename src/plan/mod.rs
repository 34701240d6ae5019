//! `plan`: what `apply` would do to this server, step by step. Writes nothing and takes no lock; once root is revoked it logs
//! in to look, as `apply` does.

mod authority;
mod beforehand;
pub mod file;
mod looking;

use crate::bootstrap::{Options, needs_nobody};
use crate::changes::{self, SavedPlan};
use crate::checkpoint::replica::looking::diary_there;
use crate::checkpoint::running::running;
use crate::checkpoint::{self, Diary};
use crate::code::Code;
use crate::config::Config;
use crate::desired::named_only;
use crate::edge::token::TokenSource;
use crate::event::{Caller, Plan, PlannedAction, PlannedChange, PlannedItem, PlannedStep};
use crate::evidence::operator::in_words;
use crate::failure::Failure;
use crate::finding::{Detail, Finding, Unwritten};
use crate::plan::authority::authority;
use crate::plan::looking::{Looked, Looking, Seen};
use crate::session::cluster_identity::{key, known_by, nodes};
use crate::session::{Authority, Session, Who, taking_over};
use crate::shell::ShellCommand;
use crate::step::Step;
use crate::step::decide::{Decision, Recorded, Refusal};
use crate::vault::{Health, sys};

/// Says what `apply` would do with these options. Where root is revoked it looks as `who`, else through the first login that
/// opens and needs nobody.
///
/// # Errors
/// The server cannot be asked, is somebody else's, or the login that was named does not open.
///
/// Beside the plan there is what a file of it holds, once the cluster is handed over and a login has looked.
pub async fn plan(
    config: &Config,
    options: &Options,
    who: Option<&Who>,
    caller: Caller<'_>,
) -> Result<(Plan, Option<SavedPlan>), Failure> {
    named_only::can_be_left(config)?;
    if let Some(run) = running(&config.checkpoint.path) {
        let text = format!(
            "process {} of {} is at work with {} since {}: what is below may be behind it; plan again once it has ended",
            run.process,
            in_words(&run.operator),
            config.checkpoint.path.display(),
            run.since
        );
        caller.events.warn(Code::AnotherRun, text);
    }
    let diary = checkpoint::read_diary(&config.checkpoint.path)?;
    let begun = |diary: &Diary| diary.recorded(Step::Initialize) != Recorded::Nothing;
    match diary {
        Some(diary) if begun(&diary) => {
            Box::pin(begun_here(config, options, (diary, who), caller)).await
        }
        diary => {
            let known = known_elsewhere(config);
            caller.unless_stopped(Box::pin(known)).await?;
            // A login is asked for where somebody else has initialised it. Which cluster it is, the file has to say.
            if let (Some(who), Some(id)) = (who, &config.cluster.id)
                && caller
                    .unless_stopped(Box::pin(taking_over::is_initialised(config)))
                    .await?
            {
                let diary =
                    Diary::of_another(&config.cluster.name, config.cluster.address.as_str(), id);
                let known = (diary, Some(who));
                let (plan, _) = Box::pin(begun_here(config, options, known, caller)).await?;
                return Ok((not_taken_over(config, plan, who), None));
            }
            let plan = beforehand::plan((config, options), diary.as_ref());
            let plan = caller.unless_stopped(Box::pin(plan)).await?;
            Ok((plan, None))
        }
    }
}

/// The file of a plan of which no login has looked at a cluster that is handed over: of the ceremony itself.
///
/// # Errors
/// It is not for this checkpoint to hold.
pub fn of_ceremony(config: &Config, made: &Plan) -> Result<SavedPlan, Failure> {
    let as_nobody = made.looked_as.as_deref().is_none_or(|name| name == "root");
    if as_nobody && !made.elsewhere {
        return Ok(SavedPlan::of_ceremony(config, made));
    }
    Err(Failure::refused(
        Code::NotHandedOver,
        "a plan can be written to a file of a ceremony, or once a login of the file has looked at a cluster that is handed over",
    )
    .advise(format!(
        "look without -o, or take the cluster over first: {}",
        config.command("apply --adopt-cluster --login NAME")
    )))
}

/// Whether a plan file is of a ceremony, which is then still to be held as it says.
///
/// # Errors
/// The file or the server is another one by now.
pub async fn holds_ceremony(
    config: &Config,
    saved: Option<&SavedPlan>,
    keep_root: bool,
    caller: Caller<'_>,
) -> Result<bool, Failure> {
    let Some(saved) = saved.filter(|one| one.is_of_ceremony()) else {
        return Ok(false);
    };
    let options = Options {
        keep_root: keep_root || !config.revoke_root,
        ..Options::default()
    };
    let (now, _) = Box::pin(plan(config, &options, None, caller)).await?;
    saved.holds_ceremony(config, &now)?;
    Ok(true)
}

/// What goes on with a cluster that no checkpoint here has anything of: a login takes it over.
fn not_taken_over(config: &Config, plan: Plan, who: &Who) -> Plan {
    let next = match who {
        Who::Login(name) => ShellCommand::new("apply --adopt-cluster --login").with(name),
        Who::Token(TokenSource::Asked) => ShellCommand::new("plan --ask-token"),
        Who::Token(TokenSource::File(file)) => {
            ShellCommand::new("plan --token-file").with(file.display().to_string())
        }
    };
    Plan {
        taken_over: false,
        next: config.command(next).into(),
        ..plan
    }
}

/// Of a ceremony that has begun: what the server has is looked at.
async fn begun_here(
    config: &Config,
    options: &Options,
    (diary, who): (Diary, Option<&Who>),
    caller: Caller<'_>,
) -> Result<(Plan, Option<SavedPlan>), Failure> {
    let opening = Box::pin(Looking::begin(config, options, diary.clone(), caller));
    let mut looking = caller.unless_stopped(opening).await?;
    let beginning = async {
        at_known_addresses(&looking.session, &diary)?;
        is_initialised(&looking.session, &diary).await?;
        // No password and no token goes to a node before it has said which cluster it is of.
        let health = looking.session.cluster.find_active().await?;
        Ok((health, authority(&looking.session, &diary, who).await?))
    };
    let (health, authority) = Box::pin(caller.unless_stopped(beginning)).await?;
    looking.session.authority = authority;
    let looked_as = match &looking.session.authority {
        Authority::None => None,
        Authority::Root(_) => Some("root".to_owned()),
        Authority::Login(login) => Some(login.name.clone()),
        Authority::Given(_) => Some("the token that was given".to_owned()),
    };
    let looked = caller.unless_stopped(looking.steps()).await;
    let root = looking.session.is_root();
    let client = looking.session.client();
    if let Authority::Login(login) = looking.session.authority {
        login.end(&client, caller.events).await;
    }
    let Seen { looked, saved } = looked?;
    let next = next_of(config, &looked, looked_as.as_deref());
    let not_shown = looked.iter().flat_map(|one| one.not_shown.iter().cloned());
    let not_shown = not_shown.collect();
    let steps: Vec<_> = looked.into_iter().map(|one| planned(one, root)).collect();
    let steps = (looked_as, steps);
    let plan = made((config, options), &health, steps, Vec::new());
    let next = next.unwrap_or(plan.next);
    let elsewhere = diary.adopted.is_some();
    Ok((
        Plan {
            elsewhere,
            taken_over: elsewhere,
            not_shown,
            next,
            ..plan
        },
        saved,
    ))
}

/// What helps where `apply` as this login would write nothing of what differs.
fn next_of(config: &Config, looked: &[Looked], looked_as: Option<&str>) -> Option<String> {
    if looked.iter().any(|one| one.writes) {
        return None;
    }
    let left = looked.iter().flat_map(|one| one.left.values());
    let places: Vec<_> = left.filter_map(Unwritten::in_its_place).collect();
    let next = changes::next(config, false, &places, looked_as);
    next.map(|(command, _)| command.into())
}

/// The plan of these steps.
fn made(
    (config, options): (&Config, &Options),
    health: &Health,
    (looked_as, steps): (Option<String>, Vec<PlannedStep>),
    people: Vec<String>,
) -> Plan {
    // While root is valid, `apply` takes no login.
    let by_login = looked_as.as_deref().is_some_and(|name| name != "root");
    let next = Options {
        login: options.login.clone().filter(|_| by_login),
        ..options.clone()
    };
    let count = |of: fn(&PlannedStep) -> bool| steps.iter().filter(|step| of(step)).count();
    let mut plan = Plan {
        cluster: config.cluster.name.clone(),
        address: key(&config.cluster.address),
        server: format!(
            "{} {}, {}",
            health.product.name(),
            health.version,
            health.state()
        ),
        looked_as,
        changes: count(|step| {
            let mut found = step.findings.iter();
            step.action.is_change() || found.any(|one| one.code != Code::NotSeen)
        }),
        unseen: count(PlannedStep::leaves_unseen),
        steps,
        people,
        not_shown: Vec::new(),
        all: options.all,
        elsewhere: false,
        taken_over: false,
        file: None,
        next: next.again(config).into(),
    };
    if plan.stops() {
        // The same once more helps nobody: what is wrong stands beside the step.
        plan.next = config.command("plan").into();
    }
    plan
}

/// A server that was emptied has no leader to wait for. One that cannot be asked is another matter.
async fn is_initialised(session: &Session<'_>, diary: &Diary) -> Result<(), Failure> {
    let answered = sys::health(&session.client()).await;
    let empty = answered.is_ok_and(|health| !health.initialized);
    if !empty || diary.recorded(Step::Initialize) != Recorded::Done {
        return Ok(());
    }
    Err(Failure::refused(
        Code::NotInitialised,
        format!(
            "{} is not initialised, and the checkpoint {} initialised it: it is another server, or its storage was emptied",
            key(session.client().address()),
            session.config.checkpoint.path.display()
        ),
    )
    .advise(format!(
        "correct cluster.address; if it was wiped: {}",
        session.config.command("apply --abandon")
    )))
}

/// As for `apply`: while nothing here knows the cluster's id, nothing secret goes to an address that is new in the file.
fn at_known_addresses(session: &Session<'_>, diary: &Diary) -> Result<(), Failure> {
    if session.cluster.id().is_some() {
        return Ok(());
    }
    let known = known_by(diary).unwrap_or_default();
    let mut all = nodes(session.client()).map(|node| key(node.address()));
    match all.find(|address| !known.contains(address)) {
        None => Ok(()),
        Some(new) => Err(Failure::refused(
            Code::AddressUnknown,
            format!(
                "{new} is not known to this checkpoint ({}); nothing was sent there",
                session.config.checkpoint.path.display()
            ),
        )
        .advise("correct cluster.address or cluster.nodes in the file")),
    }
}

/// A ceremony that the replica alone knows of is taken up by `apply`, not by a look.
async fn known_elsewhere(config: &Config) -> Result<(), Failure> {
    let there = diary_there(config).await?;
    let begun = |diary: &Diary| diary.recorded(Step::Initialize) != Recorded::Nothing;
    if !there.is_some_and(|diary| begun(&diary)) {
        return Ok(());
    }
    Err(Failure::refused(
        Code::StepUnseen,
        "the replica of the checkpoint knows of a ceremony that this directory has nothing of",
    )
    .advise(format!("take it up first: {}", config.command("apply"))))
}

/// What was found of a step, as what will be done about it.
fn planned(mut looked: Looked, root: bool) -> PlannedStep {
    let step = looked.step;
    let items = std::mem::take(&mut looked.items);
    let missed = std::mem::take(&mut looked.missed);
    let (action, problems) = match &looked.decision {
        Err(failure) => (PlannedAction::Refuse, failure.problems.clone()),
        Ok(Decision::Refuse(why)) => (PlannedAction::Refuse, refused(step, *why).problems),
        Ok(Decision::SkipUnseen) if never_looked_at(step, &looked.details) => {
            (PlannedAction::NotRepeated, Vec::new())
        }
        Ok(Decision::Skip | Decision::SkipUnseen) if looked.prunes => {
            (PlannedAction::Write, Vec::new())
        }
        Ok(_) if looked.nothing_declared => (PlannedAction::Nothing, Vec::new()),
        Ok(decision) => (action(step, *decision, (root, &looked)), Vec::new()),
    };
    PlannedStep {
        step,
        action,
        items: items.into_iter().chain(missed).collect(),
        unchanged: looked.equal,
        unmanaged: looked.unmanaged,
        findings: Finding::all_reported(&looked.findings),
        problems,
    }
}

/// Whether nobody looks at it again once it is done: that is for `apply` before `sys/init`, and for `rehearse`.
fn never_looked_at(step: Step, details: &[Detail]) -> bool {
    let never = |detail: &Detail| matches!(detail, Detail::LoginsNotTried | Detail::NoDrill);
    step == Step::Preflight || (!details.is_empty() && details.iter().all(never))
}

fn action(step: Step, decision: Decision, (root, looked): (bool, &Looked)) -> PlannedAction {
    let details = &looked.details;
    match decision {
        Decision::Skip => PlannedAction::Nothing,
        Decision::SkipUnseen if details.contains(&Detail::RootTokensFound) => {
            PlannedAction::Differs
        }
        Decision::SkipUnseen => PlannedAction::NotSeen,
        Decision::Adopt => PlannedAction::Adopt,
        Decision::Apply | Decision::LookAgain => PlannedAction::Do,
        // What each run does once more has not changed.
        Decision::Repair if details.is_empty() => PlannedAction::Do,
        Decision::Repair if root || needs_nobody(step) => PlannedAction::Repair,
        Decision::Repair if looked.writes => PlannedAction::Write,
        Decision::Repair => PlannedAction::Differs,
        Decision::Refuse(_) => PlannedAction::Refuse,
    }
}

fn refused(step: Step, why: Refusal) -> Failure {
    let what = match why {
        Refusal::Foreign => "it is initialised, and not by this checkpoint",
        Refusal::AnswerLost => "it is initialised, and the answer with the keys is not here",
        Refusal::AnotherCluster => "it is not initialised, and this checkpoint initialised one",
        Refusal::Unseen => "it cannot be looked at, and must be",
    };
    Failure::refused(Code::StepUnseen, format!("{}: {what}", step.name()))
}

impl PlannedStep {
    /// Whether something that the file says of the server was not seen.
    fn leaves_unseen(&self) -> bool {
        let unseen = |item: &PlannedItem| item.change == Some(PlannedChange::Unseen);
        let other = !matches!(
            self.action,
            PlannedAction::NotRepeated | PlannedAction::Nothing
        );
        let mut found = self.findings.iter();
        let unlisted = found.any(|one| one.code == Code::NotSeen);
        unlisted
            || self.action == PlannedAction::NotSeen
            || (other && self.items.iter().any(unseen))
    }
}
