//! The command that works with the root token: started with it, waited for, and ended in time.

use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{SIGTTOU, SigSet};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until};

use crate::interrupt::Interrupt;
use crate::secret::Token;

/// How long a command that was told to end may take before it is made to.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// Under which name the command finds the number of the file descriptor.
const DESCRIPTOR: &str = "VAULT_BOOTSTRAP_TOKEN_FD";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
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
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) | Self::Stopped(signal) => 128 | signal,
            Self::TooLong => 1,
        }
    }

    pub(crate) fn in_words(self) -> String {
        match self {
            Self::Code(code) => format!("exited with code {code}"),
            Self::Signal(signal) => format!("was ended by signal {signal}"),
            Self::TooLong => "was ended at its time".to_owned(),
            Self::Stopped(signal) => format!("was ended, as signal {signal} asked for"),
        }
    }
}

/// Runs it to its end, which comes at `until` at the latest. It inherits the token on a file descriptor, whose number
/// stands in its environment.
pub(crate) async fn run(
    mut child: Command,
    token: &Token,
    (until, interrupt): (Instant, &Interrupt),
) -> io::Result<End> {
    let inherited = token.inherited()?;
    child.kill_on_drop(true);
    let own_group = !io::stdin().is_terminal();
    if own_group {
        // All that it starts ends with it. At a terminal it stays in ours, or it could not read from there.
        child.process_group(0);
    }
    child.env(DESCRIPTOR, inherited.number().to_string());
    // Whatever the command does to the terminal, the operator gets it back as it was.
    let stdin = io::stdin();
    let terminal = tcgetattr(&stdin).ok();
    let front = tcgetpgrp(&stdin).ok();
    inherited.open_to_children(true)?;
    let spawned = child.spawn();
    inherited.open_to_children(false)?;
    let mut running = spawned?;
    drop(child);
    let end = wait(&mut running, interrupt, (until, own_group)).await;
    if let Some(terminal) = terminal {
        as_it_was(&terminal, front);
    }
    // It may have left children that hold the descriptor: nothing is in it any more.
    drop(inherited);
    end
}

/// The terminal's settings, and whose it was. A shell puts itself in front, and whoever touches the terminal from behind
/// is stopped by the kernel with SIGTTOU: a run that is stopped here would leave its root token valid.
pub(super) fn as_it_was(settings: &Termios, front: Option<Pid>) {
    let mut stopping = SigSet::empty();
    stopping.add(SIGTTOU);
    let blocked = stopping.thread_block().is_ok();
    let stdin = io::stdin();
    if let Some(front) = front.filter(|_| blocked) {
        let _ = tcsetpgrp(&stdin, front);
    }
    if blocked {
        let _ = tcsetattr(&stdin, OptionalActions::Now, settings);
        let _ = stopping.thread_unblock();
    }
}

async fn wait(
    running: &mut Child,
    interrupt: &Interrupt,
    (until, own_group): (Instant, bool),
) -> io::Result<End> {
    let end = loop {
        tokio::select! {
            status = running.wait() => return Ok(ended(status?)),
            () = sleep_until(until) => break End::TooLong,
            signal = interrupt.next() => {
                // Ctrl-C is the command's own where it sits at the terminal: it has had it already.
                let from_terminal = matches!(signal, 2 | 3) && io::stdin().is_terminal();
                if !from_terminal {
                    break End::Stopped(signal);
                }
            }
        }
    };
    if let Some(pid) = super::pid_of(running) {
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
    Ok(end)
}

pub(super) fn ended(status: ExitStatus) -> End {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let signal = status.signal().and_then(|signal| u8::try_from(signal).ok());
    match (code, signal) {
        (Some(code), _) => End::Code(code),
        (None, Some(signal)) => End::Signal(signal),
        (None, None) => End::Code(u8::MAX),
    }
}
