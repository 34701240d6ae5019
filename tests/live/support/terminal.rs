//! The program under test at a pseudo-terminal, for what asks a person.

use std::process::Command;
use std::time::Duration;

use expectrl::{Captures, Eof, Expect, Needle, Regex, Session};
use rustix::process::Signal;

use super::process::eventually;
use super::tool::Watcher;

/// A run at a pseudo-terminal. Dropping it ends it.
pub struct Terminal {
    session: expectrl::session::OsSession,
    limit: Duration,
    watcher: Watcher,
    /// Everything so far.
    shown: String,
}

impl Terminal {
    /// Starts a run; what is waited for must come within `limit`.
    pub(super) fn open(command: Command, limit: Duration, watcher: Watcher) -> Self {
        let mut session = Session::spawn(command).expect("a pseudo-terminal");
        session.set_expect_timeout(Some(limit));
        Self {
            session,
            limit,
            watcher,
            shown: String::new(),
        }
    }

    /// Waits until the program has shown this text, and returns everything up to its end.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        self.wait_for(text, text)
    }

    /// Waits until the program shows anything, and returns the beginning of it: what a terminal does not hold it waits to show.
    #[track_caller]
    pub fn beginning(&mut self) -> String {
        let (mut text, limit) = (String::new(), self.limit);
        let shows = || {
            text = self.rest();
            !text.is_empty()
        };
        assert!(eventually(limit, shows), "nothing was shown");
        self.shown.push_str(&text);
        text
    }

    /// Waits until the program has shown something that matches, and returns everything up to its end.
    #[track_caller]
    pub fn expect_pattern(&mut self, pattern: &str) -> String {
        self.wait_for(Regex(pattern), pattern)
    }

    #[track_caller]
    fn wait_for(&mut self, needle: impl Needle, what: &str) -> String {
        match self.session.expect(needle) {
            Ok(captures) => {
                let text = shown(&captures);
                self.shown.push_str(&text);
                text
            }
            Err(error) => panic!(
                "the terminal never showed {what:?}: {error}\n{}",
                self.rest()
            ),
        }
    }

    fn rest(&mut self) -> String {
        let mut rest = [0; 4096];
        let read = self.session.try_read(&mut rest).unwrap_or(0);
        String::from_utf8_lossy(&rest[..read]).into_owned()
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.session.get_process().pid().as_raw().cast_unsigned()
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        self.session
            .send_line(line)
            .expect("the terminal takes a line");
    }

    /// Types keys as they are, such as `\x03` for control-C.
    pub fn type_keys(&mut self, keys: &str) {
        self.session.send(keys).expect("the terminal takes keys");
    }

    /// Kills the program where it stands, as `kill -9` does; what it had shown.
    #[track_caller]
    pub fn kill(self) -> (i32, String) {
        let id = self.session.get_process().pid().as_raw();
        let id = rustix::process::Pid::from_raw(id).expect("a process");
        rustix::process::kill_process(id, Signal::KILL).expect("the program is there");
        self.finish()
    }

    /// Waits for the end, and returns the exit code (negative: a signal) with what was shown since the last wait.
    #[track_caller]
    pub fn finish(mut self) -> (i32, String) {
        use expectrl::process::unix::WaitStatus;
        let shown = self.wait_for(Eof, "its end");
        let process = self.session.get_process();
        let mut status = Ok(WaitStatus::StillAlive);
        let gone = eventually(self.limit, || {
            // This reaps the program, so the status is there only once.
            status = process.status();
            !matches!(status, Ok(WaitStatus::StillAlive))
        });
        assert!(gone, "closed the terminal but did not end: {shown}");
        let code = match status {
            Ok(WaitStatus::Exited(_, code)) => code,
            Ok(WaitStatus::Signaled(_, signal, _)) => -(signal as i32),
            other => panic!("an unexpected end: {other:?}\n{shown}"),
        };
        self.watcher.saw(&[("the terminal", &self.shown)]);
        (code, shown)
    }
}

fn shown(captures: &Captures) -> String {
    String::from_utf8_lossy(captures.as_bytes()).into_owned()
}
