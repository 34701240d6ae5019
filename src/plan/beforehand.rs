//! The plan of a whole ceremony, before `sys/init`: from the file alone, for a server that is empty.

use crate::bootstrap::{Options, shares_come_later};
use crate::checkpoint::Diary;
use crate::checkpoint::unproved::{unproved, unproved_custodians};
use crate::code::{Code, Reported};
use crate::config::{
    AuditDevice, AuthMount, BreakGlass, Config, Custodian, CustodianKind, Drill, Login, Plugin,
    SecretsEngine,
};
use crate::desired::grant;
use crate::edge::cluster;
use crate::edge::references::not_here;
use crate::event::{Plan, PlannedAction, PlannedItem, PlannedStep};
use crate::failure::{Failure, Problem};
use crate::plan::made;
use crate::session::{catalogue, cluster_identity};
use crate::shell::ShellCommand;
use crate::step::{Step, order};
use crate::vault::{Health, Product, sys};

/// The whole ceremony, for a server that is not initialised.
///
/// # Errors
/// It cannot be asked, or it is initialised.
pub(super) async fn plan(
    (config, options): (&Config, &Options),
    diary: Option<&Diary>,
) -> Result<Plan, Failure> {
    let client = cluster::open(config).await?;
    let health = sys::health(&client).await?;
    if health.initialized {
        return Err(foreign(config));
    }
    let seal = sys::seal_status(&client).await?;
    let is_openbao = health.product == Product::OpenBao;
    let two_phase = shares_come_later(config, (is_openbao, &health.version), seal.recovery_seal);
    let away = not_here(config).await;
    let away: Vec<Problem> = away.into_iter().flat_map(|one| one.problems).collect();
    let steps = order(two_phase).into_iter().filter_map(|step| {
        let items = of_step((config, options), step, seal.recovery_seal);
        let problems = match step {
            Step::Preflight => away.clone(),
            _ => Vec::new(),
        };
        items.map(|items| PlannedStep {
            step,
            action: if problems.is_empty() {
                PlannedAction::Do
            } else {
                PlannedAction::Refuse
            },
            items: items.into_iter().map(PlannedItem::from).collect(),
            unchanged: 0,
            unmanaged: Vec::new(),
            findings: not_built_in(config, &health, step),
            problems,
        })
    });
    let steps = (None, steps.collect());
    let plan = made((config, options), &health, steps, people(config, diary));
    // Nobody can begin before the holders have shown that they can open.
    let first = unproved(config, diary).map(|name| {
        let prove = ShellCommand::new("custodian prove").with(name);
        config.command(prove).into()
    });
    Ok(Plan {
        next: first.unwrap_or(plan.next),
        ..plan
    })
}

/// A type of auth method that this server is not known to have.
fn not_built_in(config: &Config, health: &Health, step: Step) -> Vec<Reported> {
    let said = (step == Step::AuthMethods).then(|| catalogue::not_built_in(config, health));
    let said = said.flatten();
    let said = said.map(|text| Reported::new(Code::NotOnThisServer, text));
    said.into_iter().collect()
}

fn foreign(config: &Config) -> Failure {
    Failure::refused(
        Code::AlreadyInitialised,
        format!(
            "{} is initialised, and not by the checkpoint {}",
            config.cluster.address,
            config.checkpoint.path.display()
        ),
    )
    .advise(format!(
        "plan with the file and the checkpoint of the run that initialised it; or look at it as it is: with its id in \
         cluster.id and --login NAME ({}); or name an empty server",
        cluster_identity::where_the_id_is(config.cluster.address.as_str())
    ))
}

/// What the step makes, one thing a line; `None` where the file asks for nothing of it.
fn of_step(
    (config, options): (&Config, &Options),
    step: Step,
    recovery: bool,
) -> Option<Vec<String>> {
    let init = &config.init;
    let made = match step {
        Step::Preflight | Step::WaitUntilActive | Step::HandOver => return Some(Vec::new()),
        Step::Initialize => vec![format!(
            "{} {} shares, {} needed",
            init.shares,
            if recovery { "recovery" } else { "unseal" },
            init.threshold
        )],
        Step::StoreRecoveryKeys => init.custodians.iter().map(share).collect(),
        Step::Audit => {
            let device =
                |device: &AuditDevice| format!("{}, of type {}", device.path, device.device_type);
            config.audit.iter().map(device).collect()
        }
        Step::Secrets => {
            let engine = |engine: &SecretsEngine| {
                format!("{}/, of type {}", engine.path, engine.engine_type)
            };
            let plugins = config.plugins.iter().map(Plugin::path);
            plugins.chain(config.secrets.iter().map(engine)).collect()
        }
        Step::AuthMethods => {
            let method =
                |method: &AuthMount| format!("auth/{}/, of type {}", method.path, method.auth_type);
            config.auth.iter().map(method).collect()
        }
        Step::Policies => {
            let names = config.policies.iter().map(|policy| policy.name.clone());
            names.chain([grant::POLICY.to_owned()]).collect()
        }
        Step::Roles => roles(config),
        Step::Writes => config
            .writes
            .iter()
            .flat_map(|write| {
                let out = write.handed_out();
                let out =
                    out.map(|(what, to)| format!("{}: hands out {what} to {to}, once", write.path));
                std::iter::once(write.path.clone()).chain(out)
            })
            .collect(),
        Step::Logins => config.logins.iter().map(login).collect(),
        Step::Drill => drill(config),
        Step::RevokeRoot if options.keeps_root(config) => {
            vec![
                "not revoked, as revoke_root: false says: kept, encrypted in the checkpoint"
                    .to_owned(),
            ]
        }
        Step::RevokeRoot => vec!["asks once before, unless --yes is typed".to_owned()],
    };
    (!made.is_empty()).then_some(made)
}

fn share(custodian: &Custodian) -> String {
    let place = match &custodian.kind {
        CustodianKind::Ssm(ssm) => format!("the SSM parameter {}", ssm.parameter),
        CustodianKind::SecretsManager(secret) => {
            format!("the secret {} of AWS Secrets Manager", secret.name)
        }
        CustodianKind::Age(age) => format!("{}, encrypted to their age key", age.file.display()),
        CustodianKind::Pgp(pgp) => format!("{}, encrypted to their PGP key", pgp.file.display()),
        CustodianKind::Kubernetes(kept) => {
            format!("secret {}, encrypted to their age key", kept.secret)
        }
    };
    format!("a share for {}: {place}", custodian.name)
}

fn roles(config: &Config) -> Vec<String> {
    let of_method = |method: &AuthMount| {
        let role = |(name, _): &(String, _)| format!("role {name} of auth/{}/", method.path);
        let user = |(name, _): &(String, _)| format!("user {name} of auth/{}/", method.path);
        let roles: Vec<_> = method.roles.iter().map(role).collect();
        roles
            .into_iter()
            .chain(method.users.iter().map(user))
            .collect::<Vec<_>>()
    };
    let identity = &config.identity;
    let groups = identity.groups.iter();
    let groups = groups.map(|one| format!("{} group {}", one.group_type.name(), one.name));
    let entities = identity.entities.iter();
    let entities = entities.map(|one| format!("entity {}", one.name));
    let factors = config.mfa.methods.iter();
    let factors =
        factors.map(|one| format!("second factor {}, of type {}", one.name, one.method_type));
    let enforced = config.mfa.enforcements.iter();
    let enforced =
        enforced.map(|one| format!("enforcement {} of {}", one.name, one.methods.join(", ")));
    let of_methods = config.auth.iter().flat_map(of_method);
    let identities = of_methods.chain(entities).chain(groups);
    identities.chain(factors).chain(enforced).collect()
}

fn login(login: &Login) -> String {
    let how = if login.needs_a_person() {
        "a person signs in"
    } else {
        "by itself"
    };
    format!("{} through auth/{}/: {how}", login.name, login.auth)
}

fn drill(config: &Config) -> Vec<String> {
    match &config.break_glass {
        BreakGlass::None { reason } => vec![format!("none: {reason}")],
        BreakGlass::Logins {
            drill: Drill::Later,
            ..
        } => vec!["not held: drill: later, a finding until rehearse was run".to_owned()],
        BreakGlass::Logins { .. } => {
            vec!["quorums of the shares make root tokens, which are revoked".to_owned()]
        }
    }
}

/// Who must be there, and when.
fn people(config: &Config, diary: Option<&Diary>) -> Vec<String> {
    let before = unproved_custodians(config, diary)
        .into_iter()
        .map(|custodian| {
            let command =
                config.command(ShellCommand::new("custodian prove").with(&custodian.name));
            format!("{}, before apply: {command}", custodian.name)
        });
    let signs_in = config.logins.iter().filter(|login| login.needs_a_person());
    let signs_in = signs_in.map(|login| {
        format!(
            "somebody who signs in as {}, in \"{}\"",
            login.name,
            Step::Logins.title()
        )
    });
    let drill = matches!(
        &config.break_glass,
        BreakGlass::Logins {
            drill: Drill::BeforeRevoke,
            ..
        }
    );
    let holds = |custodian: &&Custodian| drill && custodian.kind.is_a_persons();
    let holders: Vec<_> = config.init.custodians.iter().filter(holds).collect();
    let holders = holders.into_iter().map(|custodian| {
        format!(
            "{}, with their key, in \"{}\"",
            custodian.name,
            Step::Drill.title()
        )
    });
    before.chain(signs_in).chain(holders).collect()
}
