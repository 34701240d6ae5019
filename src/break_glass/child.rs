//! The command that works with the root token: started with it, waited for, and ended in time.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::time::{Instant, sleep_until};

use super::emergency::Command;
use super::way::Way;
use crate::config::{Config, SecretRef};
use crate::edge::references::environment_secrets;
use crate::failure::Failure;
use crate::secret::Token;

/// How long a command that was told to end may take before it is made to.
pub(super) const GRACE: Duration = Duration::from_secs(10);
/// Under which name the command finds the number of the file descriptor.
const DESCRIPTOR: &str = "VAULT_BOOTSTRAP_TOKEN_FD";
/// What is run where no command was typed.
const SHELL: &str = "/bin/sh";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with this code.
    Code(u8),
    /// By a signal that was none of ours.
    Signal(u8),
    /// By us, at the end of its time.
    TooLong,
    /// By us, because we were told to stop by this signal.
    Stopped(u8),
}

impl End {
    /// As a shell would say it.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) | Self::Stopped(signal) => 128 | signal,
            Self::TooLong => 1,
        }
    }

    pub(super) fn in_words(self) -> String {
        match self {
            Self::Code(code) => format!("ended with {code}"),
            Self::Signal(signal) => format!("was ended by signal {signal}"),
            Self::TooLong => "was ended at its time".to_owned(),
            Self::Stopped(signal) => format!("was ended, as signal {signal} asked for"),
        }
    }
}

/// Runs it to its end, which comes at `until` at the latest.
///
/// # Errors
/// It cannot be started, or not be waited for.
pub(super) async fn run(
    way: &Way<'_>,
    token: &Token,
    command: &Command,
    until: Instant,
) -> Result<End, Failure> {
    let argv = argv(command);
    let name = argv[0].to_string_lossy().into_owned();
    let failed = |error: std::io::Error| {
        Failure::failed(format!("{name} cannot be run: {error}"))
            .advise("write the full path of the program; it is run without a shell")
    };
    let inherited = token.inherited().map_err(failed)?;
    let mut child = tokio::process::Command::new(&argv[0]);
    child.args(&argv[1..]).kill_on_drop(true);
    let own_group = !std::io::stdin().is_terminal();
    if own_group {
        // All that it starts ends with it. At a terminal it stays in ours, or it could not read from there.
        child.process_group(0);
    }
    environment(way.config, way.client.address(), &mut child);
    child.env(DESCRIPTOR, inherited.number().to_string());
    if command.env {
        token.into_environment(&mut child, "VAULT_TOKEN");
        token.into_environment(&mut child, "BAO_TOKEN");
    }
    // Whatever the command does to the terminal, the operator gets it back as it was.
    let stdin = std::io::stdin();
    let terminal = tcgetattr(&stdin).ok();
    inherited.open_to_children(true).map_err(failed)?;
    let spawned = child.spawn();
    inherited.open_to_children(false).map_err(failed)?;
    let mut running = spawned.map_err(failed)?;
    drop(child);
    let end = wait(way, &mut running, (until, own_group))
        .await
        .map_err(failed);
    if let Some(terminal) = terminal {
        let _ = tcsetattr(&stdin, OptionalActions::Now, &terminal);
    }
    // It may have left children that hold the descriptor: nothing is in it any more.
    drop(inherited);
    end
}

fn argv(command: &Command) -> Vec<OsString> {
    if !command.argv.is_empty() {
        return command.argv.clone();
    }
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    vec![shell.unwrap_or_else(|| SHELL.into())]
}

/// The server, as both command lines know it. What was in the environment for another one, and what the file reads
/// from it, is taken away.
fn environment(config: &Config, address: &str, child: &mut tokio::process::Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("VAULT_") || text.starts_with("BAO_") {
            child.env_remove(&name);
        }
    }
    for name in environment_secrets(config) {
        child.env_remove(name);
    }
    let tls = &config.cluster.tls;
    let file = |reference: &Option<SecretRef>| match reference {
        Some(SecretRef::File(path)) => Some(path.clone().into_os_string()),
        _ => None,
    };
    let values = [
        ("ADDR", Some(OsString::from(address))),
        ("CACERT", file(&tls.ca_cert)),
        (
            "TLS_SERVER_NAME",
            tls.server_name.clone().map(OsString::from),
        ),
        ("CLIENT_CERT", file(&tls.client_cert)),
        ("CLIENT_KEY", file(&tls.client_key)),
    ];
    for (name, value) in values {
        let Some(value) = value else { continue };
        for product in ["VAULT", "BAO"] {
            child.env(format!("{product}_{name}"), &value);
        }
    }
}

async fn wait(
    way: &Way<'_>,
    running: &mut tokio::process::Child,
    (until, own_group): (Instant, bool),
) -> std::io::Result<End> {
    let interrupt = way.told.0;
    let told = loop {
        tokio::select! {
            status = running.wait() => return Ok(ended(status?)),
            () = sleep_until(until) => break End::TooLong,
            signal = interrupt.next() => {
                // Ctrl-C is the command's own where it sits at the terminal: it has had it already.
                let from_terminal = matches!(signal, 2 | 3) && std::io::stdin().is_terminal();
                if !from_terminal {
                    break End::Stopped(signal);
                }
            }
        }
    };
    if let Some(pid) = running
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw)
    {
        // It may have ended meanwhile, and is not waited for yet: the number is still its own.
        let end = |signal| {
            let _ = if own_group {
                kill_process_group(pid, signal)
            } else {
                kill_process(pid, signal)
            };
        };
        end(Signal::TERM);
        let ended = tokio::time::timeout(GRACE, running.wait()).await;
        if own_group || ended.is_err() {
            // The group lives for as long as anybody is in it.
            end(Signal::KILL);
        }
    }
    running.wait().await?;
    Ok(told)
}

fn ended(status: ExitStatus) -> End {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let signal = status.signal().and_then(|signal| u8::try_from(signal).ok());
    match (code, signal) {
        (Some(code), _) => End::Code(code),
        (None, Some(signal)) => End::Signal(signal),
        (None, None) => End::Code(u8::MAX),
    }
}
