//! `vault-bootstrap`: parse, dispatch, exit code. Everything else is in the library.

#[path = "main/quorum.rs"]
mod quorum;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::Shell;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use vault_bootstrap::bootstrap::event::Event;
use vault_bootstrap::bootstrap::{self, Options};
use vault_bootstrap::break_glass::event::Event as Moment;
use vault_bootstrap::cli::{
    Apply, Cli, ColorChoice, Command, CompletionTarget, Custodian, Global, OutputForm, Recovery,
    ReportOf, Rotate,
};
use vault_bootstrap::config::{self, Config, Typed, in_shell};
use vault_bootstrap::edge::cluster;
use vault_bootstrap::failure::{Exit, Failure, Problem};
use vault_bootstrap::hardening;
use vault_bootstrap::interrupt::Interrupt;
use vault_bootstrap::recovery;
use vault_bootstrap::report::{Color, Output, Report};
use vault_bootstrap::secret::wipe_stack;

/// Wipes every block of memory as it is given back: HTTP and TLS buffers too hold secrets.
#[global_allocator]
static WIPING: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let unlocked = hardening::harden();
    let no_color = std::env::var("NO_COLOR").ok();
    let report = Report::new(output(&cli.global), color(&cli.global), no_color.as_deref());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => {
            log_to_stderr(cli.global.verbose);
            let result = runtime.block_on(dispatch(cli, &report, unlocked));
            // A thread that still waits at a prompt cannot be called back, and is not waited for.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Failure::failed(format!("no event loop to run on: {error}"))),
    };
    wipe_stack();
    // Connections and their buffers went with the event loop: whoever waits to read this finds no secret here.
    let exit = match result {
        Ok(ended) => {
            match &ended.last {
                Some(Last::Event(event)) => report.event(event),
                Some(Last::Moment(moment)) => report.moment(moment),
                None => {}
            }
            ended.exit
        }
        Err(failure) => {
            report.failure(&failure);
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

/// How a command ended, and what is still to be said.
struct Ended {
    exit: Exit,
    last: Option<Last>,
}

/// The last word of a command.
enum Last {
    /// Of the ceremony.
    Event(Event),
    /// Of a quorum's work.
    Moment(Moment),
}

impl From<Exit> for Ended {
    fn from(exit: Exit) -> Self {
        Self { exit, last: None }
    }
}

async fn dispatch(cli: Cli, report: &Report, unlocked: Option<String>) -> Result<Ended, Failure> {
    match cli.command {
        Command::Schema => {
            let text = serde_json::to_string_pretty(&config::schema()).unwrap_or_default();
            report.plain(&format!("{text}\n"));
            Ok(Exit::Done.into())
        }
        Command::Completions { target } => {
            report.plain(&completions(target));
            Ok(Exit::Done.into())
        }
        Command::Apply(typed) => Box::pin(apply(&cli.global, typed, report, unlocked)).await,
        Command::Rehearse(typed) => Box::pin(quorum::rehearse(&cli.global, typed, report)).await,
        Command::BreakGlass(typed) => {
            Box::pin(quorum::break_glass(&cli.global, *typed, report)).await
        }
        Command::Share(typed) => quorum::submit(&cli.global, typed, report).await,
        Command::Unseal(typed) => quorum::unseal(&cli.global, typed, report).await,
        Command::Report(ReportOf::Verify {
            file,
            key,
            signature,
        }) => {
            quorum::verify(&file, &key, signature, report)?;
            Ok(Exit::Done.into())
        }
        Command::Status => {
            let config = load(&cli.global)?;
            let client = cluster::open(&config).await;
            let (status, exit) = bootstrap::status(&config, client).await?;
            report.status(&status);
            Ok(exit.into())
        }
        Command::Recovery(Recovery::Rotate(typed)) => {
            Box::pin(rotate(&cli.global, typed, report)).await
        }
        Command::Custodian(Custodian::Prove { name, identity }) => {
            let config = load(&cli.global)?;
            let show = |armored: &str| report.plain(armored);
            let identity = identity.as_deref();
            let (interrupt, tell) = (Interrupt::default(), |event| report.event(&event));
            let told = (&interrupt, &tell as &dyn Fn(Event));
            let proving = bootstrap::prove_custodian(&config, &name, identity, &show, told);
            let subject = Box::pin(stoppable(&interrupt, proving)).await?;
            let facts = serde_json::json!({"version": 1, "proved": name, "subject": subject});
            report.result(&format!("{name} is proved: {subject}"), &facts);
            Ok(Exit::Done.into())
        }
    }
}

async fn apply(
    global: &Global,
    typed: Apply,
    report: &Report,
    unlocked: Option<String>,
) -> Result<Ended, Failure> {
    let mut config = load(global)?;
    config.typed = Typed {
        command: match &typed.abandon {
            Some(word) if word.is_empty() => "apply --abandon".to_owned(),
            Some(word) => format!("apply --abandon {}", in_shell(word)),
            None => "apply".to_owned(),
        },
        identities: typed.identity.clone(),
        holders: typed.holders.holders_elsewhere,
        yes: typed.yes,
        ..Typed::default()
    };
    let interrupt = Interrupt::default();
    let tell = |event| report.event(&event);
    if let Some(word) = &typed.abandon {
        let take_over = typed.take_over.as_deref();
        let show = |text: &str| report.advice(text);
        let abandoning = bootstrap::abandon(&config, word, take_over, &show, (&interrupt, &tell));
        let abandoned = Box::pin(stoppable(&interrupt, abandoning)).await?;
        report.abandoned(&abandoned);
        return Ok(Exit::Done.into());
    }
    let options = Options {
        yes: typed.yes,
        keep_root: typed.keep_root,
        revoke_other_roots: typed.revoke_other_roots,
        accept_addresses: typed.accept_address,
        take_over: typed.take_over,
        sign_in_seconds: typed.sign_in_timeout,
        identities: typed.identity,
        holders: typed.holders.holders_elsewhere,
        report: typed.report,
    };
    if !options.yes && config.revoke_root && !std::io::stdin().is_terminal() {
        return Err(
            Failure::usage("there is no terminal to ask on before the root token goes")
                .advise(bootstrap::without_a_terminal(&config, &options)),
        );
    }
    if let Some(text) = unlocked {
        tell(Event::Warning { step: None, text });
    }
    let applying = Box::pin(bootstrap::apply(&config, &options, &tell, &interrupt));
    let ended = stoppable(&interrupt, applying).await?;
    Ok(Ended {
        exit: ended.exit,
        last: Some(Last::Event(ended.last)),
    })
}

async fn rotate(global: &Global, typed: Rotate, report: &Report) -> Result<Ended, Failure> {
    let (mut config, mut old) = (load(global)?, load_file(&typed.from)?);
    config.typed = Typed {
        command: recovery::verb(&old),
        identities: typed.identity.clone(),
        yes: typed.yes,
        ..Typed::default()
    };
    old.typed = config.typed.clone();
    let options = recovery::Options {
        yes: typed.yes,
        take_over: typed.take_over,
        identities: typed.identity,
        sign_in_seconds: typed.sign_in_timeout,
    };
    let interrupt = Interrupt::default();
    let voice = recovery::Voice {
        note: &|text| report.advice(text),
        tell: &|event| report.event(&event),
    };
    let rotating = recovery::rotate((&config, &old), &options, &voice, &interrupt);
    let rotated = Box::pin(stoppable(&interrupt, rotating)).await?;
    report.result(&rotated.text(&config, &old), &rotated);
    let exit = if rotated.findings.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    };
    Ok(exit.into())
}

/// Work that is told of the signals that end a process, and ends in its own way.
async fn stoppable<T>(
    interrupt: &Interrupt,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let result = tokio::select! {
        result = work => result,
        never = pass_on_signals(interrupt) => match never? {},
    };
    result.map_err(|failure| interrupt.instead_of(failure))
}

/// Turns SIGINT, SIGTERM, SIGHUP and SIGQUIT into a request to stop, for as long as the work goes on.
async fn pass_on_signals(interrupt: &Interrupt) -> Result<std::convert::Infallible, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("no signals: {error}"));
    let mut interrupted = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(failed)?;
    // A lost SSH session must not take the answer of `sys/init` with it.
    let mut hung_up = signal(SignalKind::hangup()).map_err(failed)?;
    let mut quit = signal(SignalKind::quit()).map_err(failed)?;
    loop {
        tokio::select! {
            _ = interrupted.recv() => interrupt.request(2),
            _ = terminated.recv() => interrupt.request(15),
            _ = hung_up.recv() => interrupt.request(1),
            _ = quit.recv() => interrupt.request(3),
        }
    }
}

fn load(global: &Global) -> Result<Config, Failure> {
    load_file(&global.config)
}

fn load_file(file: &Path) -> Result<Config, Failure> {
    config::load(file, &|name| std::env::var(name).ok()).map_err(|problems| {
        let file = problems.file.display().to_string();
        let lines = problems
            .list
            .iter()
            .map(|problem| format!("{file}:{problem}"));
        let mut list: Vec<_> = lines.map(|what| Problem { what, advice: None }).collect();
        if let Some(last) = list.last_mut() {
            last.advice = problems.advice();
        }
        Failure::with(Exit::Usage, list)
    })
}

fn completions(target: CompletionTarget) -> String {
    let mut command = Cli::command();
    let mut text = Vec::new();
    let shell = match target {
        CompletionTarget::Bash => Shell::Bash,
        CompletionTarget::Elvish => Shell::Elvish,
        CompletionTarget::Fish => Shell::Fish,
        CompletionTarget::Powershell => Shell::PowerShell,
        CompletionTarget::Zsh => Shell::Zsh,
        CompletionTarget::Man => {
            // Writing into memory does not fail.
            let _ = clap_mangen::Man::new(command).render(&mut text);
            return String::from_utf8_lossy(&text).into_owned();
        }
    };
    clap_complete::generate(shell, &mut command, "vault-bootstrap", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Only our own lines: what libraries log has not been looked through for secrets.
fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time();
    let ours = Targets::new().with_target("vault_bootstrap", level);
    tracing_subscriber::registry().with(lines).with(ours).init();
}

fn output(global: &Global) -> Output {
    match global.output {
        OutputForm::Text => Output::Text,
        OutputForm::Json => Output::Json,
    }
}

fn color(global: &Global) -> Color {
    match global.color {
        ColorChoice::Auto => Color::Auto,
        ColorChoice::Always => Color::Always,
        ColorChoice::Never => Color::Never,
    }
}
