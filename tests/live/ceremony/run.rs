//! One run of the tool, to its end, and what it said.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A run that takes longer has hung.
const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks whether it ended.
const PAUSE: Duration = Duration::from_millis(5);

/// The tool itself, with an environment of its own.
pub fn tool(directory: &Path, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vault-bootstrap"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", directory);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(directory);
    command
}

/// What a run ended with.
#[derive(Debug)]
pub struct Run {
    /// Its exit code; 128 and the signal when it was killed.
    pub code: i32,
    /// The result.
    pub stdout: String,
    /// Progress and advice.
    pub stderr: String,
}

impl Run {
    /// Runs to the end.
    pub fn of(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self::end_of(command.spawn().expect("the tool starts"))
    }

    /// Waits for a run that was begun with pipes.
    pub fn end_of(mut child: Child) -> Self {
        let drain = |pipe: Option<Box<dyn std::io::Read + Send>>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                if let Some(mut pipe) = pipe {
                    let _ = pipe.read_to_end(&mut bytes);
                }
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let out = drain(child.stdout.take().map(|pipe| Box::new(pipe) as _));
        let err = drain(child.stderr.take().map(|pipe| Box::new(pipe) as _));
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child of ours") {
                break status;
            }
            if begun.elapsed() > LIMIT {
                let _ = child.kill();
                let _ = child.wait();
                let said = err.join().unwrap_or_default();
                panic!("the tool did not end within {LIMIT:?}; it said:\n{said}");
            }
            std::thread::sleep(PAUSE);
        };
        use std::os::unix::process::ExitStatusExt;
        let code = status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        let text = |thread: std::thread::JoinHandle<String>| thread.join().expect("its output");
        Self {
            code,
            stdout: text(out),
            stderr: text(err),
        }
    }

    /// The exit code, with everything that was said when it is another.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit code\n{self}");
        self
    }

    /// Every one of these texts stands on stderr.
    #[track_caller]
    pub fn says(&self, texts: &[&str]) -> &Self {
        for text in texts {
            assert!(self.stderr.contains(text), "not said: {text}\n{self}");
        }
        self
    }

    /// Every one of these texts stands on stdout.
    #[track_caller]
    pub fn prints(&self, texts: &[&str]) -> &Self {
        for text in texts {
            assert!(self.stdout.contains(text), "not printed: {text}\n{self}");
        }
        self
    }

    /// None of these texts stands anywhere.
    #[track_caller]
    pub fn never_says(&self, texts: &[&str]) -> &Self {
        for text in texts {
            let found = self.stderr.contains(text) || self.stdout.contains(text);
            assert!(!found, "said: {text}\n{self}");
        }
        self
    }

    /// The events of `--output json`, one a line.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{self}"))
        };
        self.stdout.lines().map(parse).collect()
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "--- exit {}\n--- stdout\n{}\n--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}
