//! The program under test, run as an operator runs it but in an environment with nothing in it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::process::{end, eventually, exit_code, spawn};
use super::scratch::Scratch;
use super::terminal::Terminal;

/// Looks at what a run has shown, on each output by name, and at the home that it had.
type Look = dyn Fn(&[(&str, &str)], &Path) + Send + Sync;

/// Whoever looks at every run when it has ended, however it did.
#[derive(Clone, Default)]
pub(super) struct Watcher {
    look: Option<Arc<Look>>,
    home: PathBuf,
    /// A run needs its home until its end, however soon its tool goes.
    kept: Option<Arc<Scratch>>,
}

impl Watcher {
    pub(super) fn saw(&self, shown: &[(&str, &str)]) {
        if let Some(look) = &self.look {
            look(shown, &self.home);
        }
    }
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Watcher({})", self.look.is_some())
    }
}

/// How to run the program: its environment, its directory, and how long it may take.
#[derive(Debug)]
pub struct Tool {
    home: Arc<Scratch>,
    directory: Option<PathBuf>,
    environment: Vec<(String, String)>,
    through: Vec<String>,
    limit: Duration,
    watcher: Watcher,
}

/// What a run left behind.
#[derive(Debug)]
pub struct ToolResult {
    /// The exit code; the negative number of the signal for a killed run.
    pub code: i32,
    /// Everything on standard output.
    pub stdout: String,
    /// Everything on standard error.
    pub stderr: String,
    /// Whether it left its memory behind.
    pub core_dumped: bool,
}

impl ToolResult {
    /// Panics with the output unless the run ended with this code; returns the result for further looks.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }
}

impl Tool {
    /// A home and a TMPDIR of its own, PATH, two minutes, and nothing else.
    pub fn new() -> Self {
        let home = Arc::new(Scratch::new());
        std::fs::create_dir(home.file("tmp")).expect("the build directory is writable");
        let watcher = Watcher {
            kept: Some(home.clone()),
            ..Watcher::default()
        };
        Self {
            home,
            directory: None,
            environment: Vec::new(),
            through: Vec::new(),
            limit: Duration::from_secs(120),
            watcher,
        }
    }

    /// Lets `look` judge each run once it has ended: panic where it shows what it may not.
    pub fn watched(
        mut self,
        look: impl Fn(&[(&str, &str)], &Path) + Send + Sync + 'static,
    ) -> Self {
        self.watcher.look = Some(Arc::new(look));
        self.watcher.home = self.home.path().to_owned();
        self
    }

    /// Lets nobody judge the runs.
    pub fn unwatched(mut self) -> Self {
        self.watcher.look = None;
        self
    }

    /// The temporary home directory, which is also where runs start by default.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Adds one variable to the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds several variables to the environment.
    pub fn envs(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Runs in this directory.
    pub fn directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// Puts these words before the command, such as a program that starts another one.
    pub fn through(mut self, words: &[String]) -> Self {
        self.through = words.to_vec();
        self
    }

    /// Kills runs that take longer, and fails the test.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The prepared command, for runs that none of the others fits.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let built = env!("CARGO_BIN_EXE_vault-bootstrap");
        // `make test-memory` looks into the program as it is shipped.
        let given = std::env::var("VAULT_BOOTSTRAP_PROGRAM");
        let program = given.as_deref().unwrap_or(built);
        let mut words = self.through.iter().map(String::as_str).chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command
            .args(words)
            .args(arguments)
            .current_dir(self.directory.as_deref().unwrap_or(self.home.path()))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.file("tmp"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs to the end with nothing on standard input.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> ToolResult {
        self.spawn(arguments).finish()
    }

    /// Runs to the end with this text on standard input.
    #[track_caller]
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> ToolResult {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped());
        let mut running = Running::start(command, self.limit, self.watcher.clone());
        let mut pipe = running
            .child
            .stdin
            .take()
            .expect("standard input is a pipe");
        // A run that refuses early closes its end; that is the result's business, not ours.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        running.finish()
    }

    /// Starts a run and returns while it works.
    pub fn spawn(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null());
        Running::start(command, self.limit, self.watcher.clone())
    }

    /// Starts a run at a pseudo-terminal, for what asks a person.
    pub fn terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::open(self.command(arguments), self.limit, self.watcher.clone())
    }
}

/// The lines of one output so far, and the signal that there are more.
#[derive(Debug, Default)]
struct Lines {
    state: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

impl Lines {
    fn state(&self) -> MutexGuard<'_, (Vec<String>, bool)> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn follow(self: Arc<Self>, output: impl Read + Send + 'static) -> JoinHandle<()> {
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while matches!(output.read_until(b'\n', &mut line), Ok(read) if read > 0) {
                self.state()
                    .0
                    .push(String::from_utf8_lossy(&line).into_owned());
                self.changed.notify_all();
                line.clear();
            }
            self.state().1 = true;
            self.changed.notify_all();
        })
    }

    /// The first line that `wanted` accepts, or nothing if the output ends or the time runs out before.
    fn find(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let deadline = Instant::now() + limit;
        let mut state = self.state();
        loop {
            if let Some(line) = state.0.iter().find(|line| wanted(line)) {
                return Some(line.trim_end().to_owned());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.1 || left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    fn text(&self) -> String {
        self.state().0.concat()
    }
}

/// A run that is under way. Dropping it ends it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Arc<Lines>,
    stderr: Arc<Lines>,
    readers: Vec<JoinHandle<()>>,
    limit: Duration,
    watcher: Watcher,
}

impl Running {
    fn start(mut command: Command, limit: Duration, watcher: Watcher) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command).expect("the program starts");
        let (stdout, stderr) = (Arc::<Lines>::default(), Arc::<Lines>::default());
        let readers = vec![
            stdout
                .clone()
                .follow(child.stdout.take().expect("standard output is a pipe")),
            stderr
                .clone()
                .follow(child.stderr.take().expect("standard error is a pipe")),
        ];
        Self {
            child,
            stdout,
            stderr,
            readers,
            limit,
            watcher,
        }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard error that `wanted` accepts, and returns it.
    #[track_caller]
    pub fn wait_for_line(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.stderr.find(self.limit, wanted).unwrap_or_else(|| {
            panic!(
                "never said {what}:\n{}{}",
                self.stdout.text(),
                self.stderr.text()
            )
        })
    }

    /// Waits for an address on standard error that starts like this, and returns it whole.
    #[track_caller]
    pub fn wait_for_url(&self, start: &str) -> String {
        let line = self.wait_for_line(start, |line| line.contains(start));
        let address = &line[line.find(start).expect("the line has it")..];
        address
            .split_whitespace()
            .next()
            .unwrap_or(address)
            .to_owned()
    }

    /// Whether the run is over.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// What standard error has shown so far.
    pub fn stderr_so_far(&self) -> String {
        self.stderr.text()
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).expect("the program is there");
    }

    /// Kills the program where it stands, as `kill -9` does, and returns what it had written.
    #[track_caller]
    pub fn kill(mut self) -> ToolResult {
        end(&mut self.child, Duration::ZERO);
        self.finish()
    }

    /// Waits for the end; a run over the limit is killed and fails the test with what it wrote.
    #[track_caller]
    pub fn finish(mut self) -> ToolResult {
        let ended = eventually(self.limit, || matches!(self.child.try_wait(), Ok(Some(_))));
        let status = end(&mut self.child, Duration::ZERO).expect("the program has been reaped");
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
        assert!(
            ended,
            "still running after {:?}:\n{stdout}{stderr}",
            self.limit
        );
        self.watcher
            .saw(&[("stdout", &stdout), ("stderr", &stderr)]);
        ToolResult {
            code: exit_code(status),
            core_dumped: status.core_dumped(),
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child, Duration::from_secs(2));
    }
}
