//! A request to stop: taken at once, but for the one request whose answer exists only once.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::code::Code;
use crate::failure::{Exit, Failure};

/// How long a run that was stopped still ends what it began.
pub(crate) const AFTER_A_STOP: Duration = Duration::from_secs(5);

/// The signals that end a process, heard from now on instead of ending it.
pub(crate) struct Signals {
    hang_up: Signal,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            // A lost SSH session must not take the answer of `sys/init` with it.
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The number of the next one.
    pub(crate) async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.hang_up.recv() => 1,
            _ = self.interrupt.recv() => 2,
            _ = self.quit.recv() => 3,
            _ = self.terminate.recv() => 15,
        }
    }
}

/// Set by a signal, asked by the loop.
#[derive(Debug, Default)]
pub struct Interrupt {
    signal: Cell<Option<u8>>,
    notify: Notify,
    /// How many want it so just now.
    defer_signals: Cell<u32>,
}

/// While it lives, a stop that is asked for waits.
#[must_use]
pub(crate) struct DeferredSignals<'a>(&'a Interrupt);

impl Drop for DeferredSignals<'_> {
    fn drop(&mut self) {
        self.0.defer_signals.set(self.0.defer_signals.get() - 1);
        self.0.notify.notify_one();
    }
}

impl Interrupt {
    /// Asks the ceremony to stop because of this signal.
    pub fn request(&self, signal: u8) {
        self.signal.set(Some(signal));
        self.notify.notify_one();
    }

    /// Nothing is dropped in the middle as long as what this returns lives.
    pub(crate) fn defer_signals(&self) -> DeferredSignals<'_> {
        self.defer_signals.set(self.defer_signals.get() + 1);
        DeferredSignals(self)
    }

    /// Returns once a stop was asked for, and is heard.
    pub(crate) async fn requested(&self) -> Failure {
        loop {
            if self.defer_signals.get() == 0
                && let Some(failure) = self.pending()
            {
                return failure;
            }
            self.notify.notified().await;
        }
    }

    /// Waits for the next signal and takes it away: what comes of it is for whoever asked.
    pub(crate) async fn next(&self) -> u8 {
        loop {
            if let Some(signal) = self.signal.take() {
                return signal;
            }
            self.notify.notified().await;
        }
    }

    /// How a run ends that failed with this: a prompt that was interrupted knows no signal. What went wrong otherwise
    /// is said, whatever signal came meanwhile.
    pub fn with_its_signal(&self, mut failure: Failure) -> Failure {
        if let (Exit::Interrupted(_), Some(signal)) = (failure.exit, self.signal.get()) {
            failure.exit = Exit::Interrupted(signal);
        }
        failure
    }

    /// The stop that was asked for, if one was.
    pub fn pending(&self) -> Option<Failure> {
        let signal = self.signal.get()?;
        Some(stopped_by(signal, "nothing is half done"))
    }
}

/// A stop by this signal, and what a person must know of what it leaves. Most commands begin anew when they are run again;
/// for one that does not, see [`goes_on`].
pub fn stopped_by(signal: u8, what: &str) -> Failure {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        _ => "SIGTERM",
    };
    Failure::new(
        Exit::Interrupted(signal),
        Code::Interrupted,
        format!("interrupted by {name}; {what}"),
    )
    .advise("run the same command again: it starts from the beginning")
}

/// The same stop of a command that takes up what it has done; `left` is what else it leaves.
pub fn goes_on(mut failure: Failure, left: Option<impl fmt::Display>) -> Failure {
    let last = failure.problems.last_mut();
    let Some(stop) = last.filter(|problem| problem.code == Code::Interrupted) else {
        return failure;
    };
    if let Some(left) = left {
        stop.what.push_str(&format!("; {left}"));
    }
    failure.advise("run the same command again: it continues from here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_waits_for_the_last_who_does_not_hear_it() {
        let interrupt = Interrupt::default();
        let outer = interrupt.defer_signals();
        drop(interrupt.defer_signals());
        interrupt.request(2);
        let soon = std::time::Duration::from_millis(20);
        let heard = tokio::time::timeout(soon, interrupt.requested()).await;
        assert!(heard.is_err(), "the outer one does not hear it");
        drop(outer);
        assert_eq!(interrupt.requested().await.exit, Exit::Interrupted(2));
    }

    #[test]
    fn a_prompt_that_was_interrupted_ends_with_the_signal_and_nothing_else_does() {
        let interrupt = Interrupt::default();
        interrupt.request(15);
        let lost = Failure::refused(
            Code::InitAnswerLost,
            "initialised, and its answer could not be kept",
        );
        assert_eq!(interrupt.with_its_signal(lost.clone()), lost);
        let prompt = Failure::new(
            Exit::Interrupted(2),
            Code::Interrupted,
            "interrupted while asking",
        );
        assert_eq!(
            interrupt.with_its_signal(prompt).exit,
            Exit::Interrupted(15)
        );
    }
}
