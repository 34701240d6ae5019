//! `vault-bootstrap`: parse, dispatch, exit code. Everything else is in the library.

use std::process::ExitCode;

use clap::ColorChoice;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use vault_bootstrap::cli::{Cli, OutputForm};
use vault_bootstrap::code::Code;
use vault_bootstrap::dispatch::dispatch;
use vault_bootstrap::failure::Failure;
use vault_bootstrap::hardening;
use vault_bootstrap::report::Report;
use vault_bootstrap::secret::wipe_stack_and_registers;

/// Wipes every block of memory as it is given back: HTTP and TLS buffers too hold secrets.
#[global_allocator]
static WIPING: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    let cli = match Cli::of_this_process() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let unlocked = hardening::harden();
    let codes = cli.global.verbose > 0;
    let report = Report::new(cli.global.output, codes, cli.global.color, &|name| {
        std::env::var(name).ok()
    });
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
        Err(error) => Err(Failure::failed(
            Code::SystemFailed,
            format!("no event loop to run on: {error}"),
        )),
    };
    wipe_stack_and_registers();
    // Connections and their buffers went with the event loop: whoever waits to read this finds no secret here.
    let exit = match result {
        Ok(ended) => {
            if let Some(last) = &ended.last {
                report.event(last);
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

/// What was typed is no command: help, or what is wrong with it, in the form that was asked for.
fn misused(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || !asks_for_json() {
        error.exit();
    }
    let text = error.to_string();
    let what = text.split("\n\n").next().unwrap_or_default();
    let what = what.trim_start_matches("error: ").trim();
    let failure = Failure::usage(Code::InputWrong, what).advise("vault-bootstrap --help");
    Report::new(OutputForm::Json, false, ColorChoice::Never, &|_| None).failure(&failure);
    ExitCode::from(failure.exit.code())
}

/// By the words alone: they could not be read as a command.
fn asks_for_json() -> bool {
    let words: Vec<_> = std::env::args_os().collect();
    let pair = |pair: &[std::ffi::OsString]| pair[0] == "--output" && pair[1] == "json";
    words.windows(2).any(pair) || words.iter().any(|word| word == "--output=json")
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
