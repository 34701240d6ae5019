//! The operator's own command, which goes on as long as it likes: signals are handed on to it, and how it ends is up to it.

use std::io::{self, IsTerminal};

use rustix::process::{Signal, kill_process, kill_process_group};
use rustix::termios::{tcgetattr, tcgetpgrp};
use tokio::process::Command;

use super::attended::{End, GRACE, as_it_was, ended};
use crate::interrupt::Interrupt;

/// Runs it to its end, and tells its number once it is `started`. `None` where what it needs is `lost` before: it is ended then.
pub(crate) async fn run(
    mut child: Command,
    (interrupt, started): (&Interrupt, impl FnOnce(i32)),
    lost: impl Future<Output = ()>,
) -> io::Result<Option<End>> {
    child.kill_on_drop(true);
    let own_group = !io::stdin().is_terminal();
    if own_group {
        // What is handed on reaches all that it has started. At a terminal it stays in ours, or it could not read there.
        child.process_group(0);
    }
    let stdin = io::stdin();
    let terminal = tcgetattr(&stdin).ok();
    let front = tcgetpgrp(&stdin).ok();
    let mut running = child.spawn()?;
    drop(child);
    let pid = super::pid_of(&running);
    if let Some(pid) = pid {
        started(pid.as_raw_nonzero().get());
    }
    let send = |signal| {
        let Some(pid) = pid else { return };
        let _ = if own_group {
            kill_process_group(pid, signal)
        } else {
            kill_process(pid, signal)
        };
    };
    tokio::pin!(lost);
    let status = loop {
        tokio::select! {
            status = running.wait() => break Some(status?),
            () = &mut lost => break None,
            signal = interrupt.next() => {
                // Ctrl-C is the command's own where it sits at the terminal: it has had it already.
                let from_terminal = matches!(signal, 2 | 3) && !own_group;
                if !from_terminal && let Some(signal) = Signal::from_named_raw(i32::from(signal)) {
                    send(signal);
                }
            }
        }
    };
    if status.is_none() {
        send(Signal::TERM);
        if tokio::time::timeout(GRACE, running.wait()).await.is_err() {
            send(Signal::KILL);
            running.wait().await?;
        }
    }
    if let Some(terminal) = terminal {
        as_it_was(&terminal, front);
    }
    Ok(status.map(ended))
}
