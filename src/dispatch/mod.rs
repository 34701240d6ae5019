//! From what was typed to the commands: options, configuration, signals, and what is said last.

mod completions;
mod import;
mod prune;
mod shares;
#[cfg(feature = "throwaway")]
mod throwaway;

use std::convert::Infallible;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::abandon;
use crate::bootstrap::{self, Options};
use crate::cli::{
    Apply, Cli, Command, Custodian, ExampleKind, Global, Place, Plan, Recovery, ReportOf, Rotate,
};
use crate::code::Code;
use crate::config::{self, Config, Problems, Typed};
use crate::edge::token::TokenSource;
use crate::edge::{cluster, others};
use crate::event::{self, Caller, Event, EventSink, Outcome};
use crate::examples;
use crate::failure::{Exit, Failure, Problem};
use crate::holders::{self, ProofMethod};
use crate::interrupt::{Interrupt, Signals, goes_on};
use crate::machine::Machine;
use crate::plan;
use crate::recovery;
use crate::report::Report;
use crate::session::Who;
use crate::shell::ShellCommand;
use crate::status;

/// How often a line that shows time is written again.
const TICK: Duration = Duration::from_millis(250);

/// Carries out what was typed. `unlocked` is the warning that memory cannot be locked here.
///
/// # Errors
/// The command did not end well: all problems, each with what to do.
pub async fn dispatch(
    cli: Cli,
    report: &Report,
    unlocked: Option<String>,
) -> Result<Outcome, Failure> {
    let (interrupt, receiver) = (Interrupt::default(), |event| report.event(&event));
    let events = EventSink::new(&receiver);
    let caller = Caller {
        interrupt: &interrupt,
        events: &events,
    };
    let (global, command) = (cli.global, cli.command);
    let working: Working<'_> = match command {
        Command::Schema { events } => return Ok(schema(events, report)),
        Command::Example { kind } => {
            report.plain(example(kind));
            return Ok(Exit::Done.into());
        }
        Command::Completions { target, command } => {
            report.plain(&completions::completions(target, &command)?);
            return Ok(Exit::Done.into());
        }
        Command::Custodian(Custodian::New { name, out }) => {
            let made = holders::new_identity(&name, &out)?;
            return Ok(Outcome::done(Event::NewIdentity(made)));
        }
        Command::Report(ReportOf::Verify {
            file,
            key,
            signature,
        }) => return shares::verify(file, &key, signature),
        Command::Apply(typed) => Box::pin(apply(&global, typed, caller, unlocked)),
        Command::Rehearse(typed) => Box::pin(shares::rehearse(&global, typed, caller)),
        Command::BreakGlass(typed) => {
            Box::pin(shares::break_glass(&global, *typed, (report, caller)))
        }
        Command::Share(typed) => Box::pin(shares::submit(&global, typed, caller)),
        Command::Unseal(typed) => Box::pin(shares::unseal(&global, typed, caller)),
        Command::Plan(typed) => Box::pin(plan(&global, typed, caller)),
        Command::Import(typed) => Box::pin(import::import(&global, typed, caller)),
        #[cfg(feature = "throwaway")]
        Command::Throwaway(typed) => {
            Box::pin(throwaway::throwaway(&global, *typed, (report, caller)))
        }
        Command::Status => Box::pin(show_status(&global, caller)),
        Command::HolderFile { name } => Box::pin(holder_file(&global, name, caller)),
        Command::Recovery(Recovery::Rotate(typed)) => Box::pin(rotate(&global, typed, caller)),
        Command::Custodian(Custodian::Prove {
            name,
            identity,
            challenge_file,
            answer,
        }) => {
            let files = (identity, challenge_file);
            Box::pin(prove(&global, name, (files, answer), caller))
        }
    };
    // Work that is told of the signals that end a process, and ends in its own way.
    let result = tokio::select! {
        result = working => result,
        never = pass_on_signals(&interrupt) => match never? {},
        never = tick(report) => match never {},
    };
    result.map_err(|failure| interrupt.with_its_signal(failure))
}

/// A command at work.
type Working<'a> = Pin<Box<dyn Future<Output = Result<Outcome, Failure>> + 'a>>;

fn schema(of_events: bool, report: &Report) -> Outcome {
    let schema = if of_events {
        event::schema()
    } else {
        config::schema()
    };
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    report.plain(&format!("{text}\n"));
    Exit::Done.into()
}

fn example(kind: ExampleKind) -> &'static str {
    match kind {
        ExampleKind::Minimal => examples::MINIMAL,
        ExampleKind::Userpass => examples::USERPASS,
        ExampleKind::Oidc => examples::OIDC,
        ExampleKind::Kubernetes => examples::KUBERNETES,
        ExampleKind::Aws => examples::AWS,
        ExampleKind::Ldap => examples::LDAP,
    }
}

async fn holder_file(
    global: &Global,
    name: String,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let config = load_file(&global.config, caller).await?;
    let file = holders::holder_file(&config, &name)?;
    Ok(Outcome::done(Event::HolderFile(file)))
}

async fn show_status(global: &Global, caller: Caller<'_>) -> Result<Outcome, Failure> {
    let config = load_file(&global.config, caller).await?;
    let looking = async {
        let client = cluster::open(&config).await;
        Box::pin(status::status(&config, client)).await
    };
    let (status, exit) = Box::pin(caller.unless_stopped(looking)).await?;
    Ok(Outcome {
        exit,
        last: Some(Event::Status(Box::new(status))),
    })
}

async fn plan(global: &Global, typed: Plan, caller: Caller<'_>) -> Result<Outcome, Failure> {
    let config = load(global, caller).await?;
    for warning in &config.warnings {
        caller.events.warn(warning.code, config.located(warning));
    }
    let options = Options {
        keep_root: !config.revoke_root,
        login: typed.login.clone(),
        all: typed.all,
        adopt_documents: typed.adopt_documents,
        prune: prune::prune(&typed.prune.kinds, None)?,
        sign_in_seconds: typed.sign_in.sign_in_timeout,
        ..Options::default()
    };
    if let Some(name) = &typed.login {
        bootstrap::named(&config, name)?;
    }
    let who = match (typed.login, typed.token_file) {
        (Some(name), _) => Some(Who::Login(name)),
        (None, Some(file)) => Some(Who::Token(TokenSource::File(file))),
        (None, None) => typed.ask_token.then_some(Who::Token(TokenSource::Asked)),
    };
    let planning = plan::plan(&config, &options, who.as_ref(), caller);
    let (mut made, saved) = Box::pin(planning).await?;
    if let Some(file) = &typed.out {
        let saved = match saved {
            Some(saved) => saved,
            None => plan::of_ceremony(&config, &made)?,
        };
        plan::file::write(&config, &saved, file)?;
        let file = file.display().to_string();
        if !made.stops() {
            let apply = ShellCommand::new("apply --plan").with(&file);
            made.next = config.command(apply).into();
        }
        made.file = Some(file);
    }
    let differs = made.changes > 0 || made.unseen > 0;
    let exit = if typed.detailed_exitcode && differs {
        Exit::Findings
    } else {
        Exit::Done
    };
    Ok(Outcome {
        exit,
        last: Some(Event::Plan(made)),
    })
}

async fn prove(
    global: &Global,
    name: String,
    ((identity, file), answer): ((Option<PathBuf>, Option<PathBuf>), bool),
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let config = load(global, caller).await?;
    let way = match (&identity, &file) {
        (Some(path), _) => ProofMethod::Identity(path),
        (None, Some(file)) => ProofMethod::Written(file),
        (None, None) if answer => ProofMethod::Answer,
        (None, None) => ProofMethod::Shown,
    };
    holders::prove_custodian(&config, &name, way, caller).await
}

async fn apply(
    global: &Global,
    typed: Apply,
    caller: Caller<'_>,
    unlocked: Option<String>,
) -> Result<Outcome, Failure> {
    let mut config = load(global, caller).await?;
    config.typed = Typed {
        command: match &typed.abandon {
            Some(word) if word.is_empty() => "apply --abandon".into(),
            Some(word) => ShellCommand::new("apply --abandon").with(word),
            None => "apply".into(),
        },
        identities: typed.identity.clone(),
        holders: typed.holders.holders_elsewhere,
        yes: typed.yes,
        revoke_other_roots: typed.revoke_other_roots,
        accept_addresses: typed.accept_address.clone(),
        report: typed.report.clone(),
        ..Typed::default()
    };
    if let Some(word) = &typed.abandon {
        let take_over = typed.take_over.as_deref();
        let abandoned = abandon::abandon(&config, word, take_over, caller).await?;
        return Ok(Outcome::done(Event::Abandoned(abandoned)));
    }
    let plan = typed.plan.as_deref().map(plan::file::read).transpose()?;
    let held = plan::holds_ceremony(&config, plan.as_ref(), typed.keep_root, caller);
    let agreed = Box::pin(held).await?;
    let plan = plan.filter(|_| !agreed);
    let options = Options {
        yes: typed.yes || agreed,
        keep_root: typed.keep_root,
        revoke_other_roots: typed.revoke_other_roots,
        again_once: typed.again,
        accept_addresses: typed.accept_address,
        take_over: typed.take_over,
        sign_in_seconds: typed.sign_in.sign_in_timeout,
        identities: typed.identity,
        holders: typed.holders.holders_elsewhere,
        report: typed.report,
        login: plan.as_ref().map(|plan| plan.login.clone()).or(typed.login),
        check: typed.check.then_some(match typed.from {
            Place::Operator => Machine::Operator,
            Place::Pipeline => Machine::Pipeline,
            Place::Server => Machine::Server,
        }),
        all: typed.all,
        adopt_documents: plan
            .as_ref()
            .map_or(typed.adopt_documents, |plan| plan.adopt_documents),
        adopt_cluster: typed.adopt_cluster,
        plan,
        allow_widening: typed.allow_widening,
        prune: prune::prune(&typed.prune.kinds, typed.prune.confirm)?,
        terminal: std::io::stdin().is_terminal(),
    };
    options.prune.is_of(&config)?;
    // A plan names the login of its own cluster, which is looked at first.
    if let Some(name) = options.login.as_ref().filter(|_| options.plan.is_none()) {
        bootstrap::named(&config, name)?;
    }
    if let Some(text) = unlocked {
        caller.events.warn(Code::SystemFailed, text);
    }
    let applied = Box::pin(bootstrap::apply(&config, &options, caller)).await;
    applied.map_err(|failure| goes_on(failure, bootstrap::root_stays(&config)))
}

async fn rotate(global: &Global, typed: Rotate, caller: Caller<'_>) -> Result<Outcome, Failure> {
    let before = |failure: Failure| {
        match failure.code() {
        Code::FileFailed => failure.advise(
            "name with --from a copy of the file as it was when the current shares were made: its init says how \
             they were made and where they are",
        ),
        _ => failure,
    }
    };
    let (mut config, mut old) = (
        load_file(&global.config, caller).await?,
        load_file(&typed.from, caller).await.map_err(before)?,
    );
    warn_of_others(&[&config, &old], caller);
    config.typed = Typed {
        command: recovery::verb(&old),
        identities: typed.identity.clone(),
        yes: typed.yes,
        sign_key: typed.sign_key.clone(),
        ..Typed::default()
    };
    old.typed = config.typed.clone();
    let options = recovery::Options {
        yes: typed.yes,
        take_over: typed.take_over,
        identities: typed.identity,
        sign_in_seconds: typed.sign_in.sign_in_timeout,
        sign_key: typed.sign_key,
    };
    let rotated = Box::pin(recovery::rotate((&config, &old), &options, caller)).await?;
    let exit = Exit::of_findings(&rotated.findings);
    Ok(Outcome {
        exit,
        last: Some(Event::Rotated(rotated)),
    })
}

/// Turns SIGINT, SIGTERM, SIGHUP and SIGQUIT into a request to stop, for as long as the work goes on.
async fn pass_on_signals(interrupt: &Interrupt) -> Result<Infallible, Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::failed(Code::SystemFailed, format!("no signals: {error}")))?;
    loop {
        interrupt.request(signals.next().await);
    }
}

/// Lets a person see that a step runs, for as long as the work goes on.
async fn tick(report: &Report) -> Infallible {
    let mut every = tokio::time::interval(TICK);
    every.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        every.tick().await;
        if !report.ticks() {
            return std::future::pending().await;
        }
        report.tick();
    }
}

/// Whatever the command, a person should know who else may change what it goes by.
async fn load(global: &Global, caller: Caller<'_>) -> Result<Config, Failure> {
    let config = load_file(&global.config, caller).await?;
    warn_of_others(&[&config], caller);
    Ok(config)
}

fn warn_of_others(configs: &[&Config], caller: Caller<'_>) {
    for finding in others::findings(configs, None) {
        caller.events.warn(finding.code(), finding.to_string());
    }
}

/// Of a pipe, as `<(…)` of a shell is, it may be waited for: elsewhere, so that signals are heard.
async fn load_file(file: &Path, caller: Caller<'_>) -> Result<Config, Failure> {
    let file = file.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let loaded = config::load(&file, &|name| std::env::var(name).ok());
        loaded.map_err(not_loaded)
    });
    let failed = |error| {
        Failure::failed(
            Code::Unexpected,
            format!("cannot read the configuration: {error}"),
        )
    };
    let loaded = async { reading.await.map_err(failed)? };
    caller.unless_stopped(loaded).await
}

fn not_loaded(problems: Problems) -> Failure {
    let located = |problem: &config::Problem| Problem::new(problem.code, problems.located(problem));
    let mut list: Vec<_> = problems.list.iter().map(located).collect();
    if let Some(last) = list.last_mut() {
        last.advice = problems.advice();
    }
    Failure::with(Exit::Usage, list)
}
