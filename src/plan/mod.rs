//! `plan`: what `apply` would do to this server, step by step. Writes nothing and takes no lock; once root is revoked it logs
//! in to look, as `apply` does.

mod beforehand;
mod looking;

use crate::bootstrap::{Options, in_order, needs_nobody, state};
use crate::checkpoint::{self, Diary, Kept};
use crate::code::Code;
use crate::config::{Config, Login};
use crate::edge::references::key_of_checkpoint;
use crate::event::{Caller, Plan, PlannedAction, PlannedChange, PlannedItem, PlannedStep};
use crate::failure::Failure;
use crate::finding::{Change, Detail, Finding};
use crate::plan::looking::{Looked, Looking};
use crate::session::cluster_identity::key;
use crate::session::{Authority, Session};
use crate::step::Step;
use crate::step::decide::{Decision, Recorded, Refusal};
use crate::vault::Health;

/// Says what `apply` would do with these options. Where root is revoked it looks through `login`, else through the first
/// login that opens and needs nobody.
///
/// # Errors
/// The server cannot be asked, is somebody else's, or the login that was named does not open.
pub async fn plan(
    config: &Config,
    options: &Options,
    login: Option<&str>,
    caller: Caller<'_>,
) -> Result<Plan, Failure> {
    let diary = checkpoint::read_diary(&config.checkpoint.path)?;
    let begun = |diary: &Diary| diary.recorded(Step::Initialize) != Recorded::Nothing;
    match diary {
        Some(diary) if begun(&diary) => {
            Box::pin(begun_here(config, options, (diary, login), caller)).await
        }
        diary => {
            let plan = beforehand::plan((config, options), diary.as_ref());
            caller.unless_stopped(plan).await
        }
    }
}

/// Of a ceremony that has begun: what the server has is looked at.
async fn begun_here(
    config: &Config,
    options: &Options,
    (diary, login): (Diary, Option<&str>),
    caller: Caller<'_>,
) -> Result<Plan, Failure> {
    let mut looking = Looking::begin(config, options, diary.clone(), caller).await?;
    let beginning = async {
        // No password and no token goes to a node before it has said which cluster it is of.
        let health = looking.session.cluster.find_active().await?;
        Ok((health, authority(&looking.session, &diary, login).await?))
    };
    let (health, authority) = Box::pin(caller.unless_stopped(beginning)).await?;
    looking.session.authority = authority;
    let looked_as = match &looking.session.authority {
        Authority::None => None,
        Authority::Root(_) => Some("root".to_owned()),
        Authority::Login(login) => Some(login.name.clone()),
    };
    let looked = caller.unless_stopped(looking.steps()).await;
    let root = looking.session.is_root();
    let client = looking.session.client();
    if let Authority::Login(login) = looking.session.authority {
        login.end(&client, caller.events).await;
    }
    let steps: Vec<_> = looked?.into_iter().map(|one| planned(one, root)).collect();
    Ok(made(
        (config, options),
        &health,
        (looked_as, steps),
        Vec::new(),
    ))
}

/// The plan of these steps.
fn made(
    (config, options): (&Config, &Options),
    health: &Health,
    (looked_as, steps): (Option<String>, Vec<PlannedStep>),
    people: Vec<String>,
) -> Plan {
    let count = |of: fn(&PlannedStep) -> bool| steps.iter().filter(|step| of(step)).count();
    Plan {
        cluster: config.cluster.name.clone(),
        address: key(&config.cluster.address),
        server: format!(
            "{} {}, {}",
            health.product.name(),
            health.version,
            state(health)
        ),
        looked_as,
        changes: count(|step| step.action.is_change() || !step.findings.is_empty()),
        unseen: count(PlannedStep::leaves_unseen),
        steps,
        people,
        next: options.again(config).into(),
    }
}

/// With what right `apply` would look: root as the checkpoint keeps it, else a login.
async fn authority(
    session: &Session<'_>,
    diary: &Diary,
    login: Option<&str>,
) -> Result<Authority, Failure> {
    let config = session.config;
    if diary.recorded(Step::RevokeRoot) != Recorded::Done
        && checkpoint::keeps_something(&config.checkpoint.path)?
    {
        let key = key_of_checkpoint(config, &session.resolved).await?;
        let kept = checkpoint::kept(&config.checkpoint.path, &config.cluster.name, &key).await?;
        return match kept {
            Kept::RootToken(root) => Ok(Authority::Root(root)),
            Kept::Nothing | Kept::Awaited | Kept::InitAnswer(_) => Err(answer_first(session)),
        };
    }
    let logins = match login {
        Some(name) => vec![named(config, name)?],
        None => {
            let mut all = in_order(config);
            all.retain(|login| !login.needs_a_person());
            all
        }
    };
    let mut failures = Vec::new();
    for one in logins {
        match session.open(one, &session.client()).await {
            Ok(open) => return Ok(Authority::Login(Box::new(open))),
            Err(failure) if login.is_some() => return Err(failure),
            Err(failure) => {
                session.warn(
                    failure.code(),
                    format!("the login {} does not open: {failure}", one.name),
                );
                failures.push(failure);
            }
        }
    }
    Failure::all(failures).map_or(Ok(Authority::None), Err)
}

fn named<'c>(config: &'c Config, name: &str) -> Result<&'c Login, Failure> {
    config.login(name).ok_or_else(|| {
        let names: Vec<_> = config
            .logins
            .iter()
            .map(|login| login.name.as_str())
            .collect();
        Failure::usage(
            Code::NameUnknown,
            format!("{} has no login {name}", config.file.display()),
        )
        .advise(format!("one of these: {}", names.join(", ")))
    })
}

/// What the server has is judged once the answer to `sys/init` is taken apart, and that is for `apply`.
fn answer_first(session: &Session<'_>) -> Failure {
    Failure::refused(
        Code::StepUnseen,
        "the answer to sys/init is not taken apart yet: there is no root token to look with",
    )
    .advise(format!("go on first: {}", session.config.command("apply")))
}

/// What was found of a step, as what will be done about it.
fn planned(looked: Looked, root: bool) -> PlannedStep {
    let step = looked.step;
    let (action, problems) = match looked.decision {
        Err(failure) => (PlannedAction::Refuse, failure.problems),
        Ok(Decision::Refuse(why)) => (PlannedAction::Refuse, refused(step, why).problems),
        Ok(Decision::SkipUnseen) if never_looked_at(step, &looked.details) => {
            (PlannedAction::NotRepeated, Vec::new())
        }
        Ok(decision) => (action(step, decision, (root, &looked.details)), Vec::new()),
    };
    PlannedStep {
        step,
        action,
        items: looked.details.into_iter().map(item).collect(),
        unchanged: looked.equal,
        findings: Finding::all_reported(&looked.findings),
        problems,
    }
}

/// What was seen of one thing, as data.
fn item(detail: Detail) -> PlannedItem {
    let text = detail.to_string();
    let Detail::Document { path, change } = detail else {
        return PlannedItem {
            change: Some(PlannedChange::Unseen),
            ..text.into()
        };
    };
    let (change, field, values) = match change {
        Change::Create => (PlannedChange::Create, None, None),
        Change::Differs { field, have, want } => {
            (PlannedChange::Differs, Some(field), Some((have, want)))
        }
        Change::PolicyDiffers { have, want } => {
            (PlannedChange::PolicyDiffers, None, Some((have, want)))
        }
        Change::SecretDiffers { field } => (PlannedChange::SecretDiffers, Some(field), None),
        Change::NotSet { field, .. } => (PlannedChange::NotSet, Some(field), None),
        Change::NotRemembered { what } => (PlannedChange::NotRemembered, Some(what), None),
    };
    let (have, want) = values.unzip();
    PlannedItem {
        text,
        path: Some(path),
        change: Some(change),
        field,
        have,
        want,
    }
}

/// Whether nobody looks at it again once it is done: that is for `apply` before `sys/init`, and for `rehearse`.
fn never_looked_at(step: Step, details: &[Detail]) -> bool {
    let never = |detail: &Detail| matches!(detail, Detail::LoginsNotTried | Detail::NoDrill);
    step == Step::Preflight || (!details.is_empty() && details.iter().all(never))
}

fn action(step: Step, decision: Decision, (root, details): (bool, &[Detail])) -> PlannedAction {
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
        self.action == PlannedAction::NotSeen
    }
}
