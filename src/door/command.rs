//! Runs the program that prints a JWT: no shell, no standard input, bounded in time and output.
//!
//! What it prints is a secret and is never shown. What it says on standard error is shown only when
//! it failed, and then one line of it with everything that looks like a secret masked.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::Program;
use super::jwt::{self, LARGEST};
use crate::secret::SecretText;

/// A token is printed in a second or two; sixty cover a slow cloud login.
const TIME: Duration = Duration::from_secs(60);
/// How much of standard error is looked at.
const LARGEST_COMPLAINT: usize = 4096;
/// How much of it is shown.
const LONGEST_LINE: usize = 200;
/// A run of letters and digits this long is a token more often than a word.
const LONGEST_WORD: usize = 32;

/// Why there is no JWT.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No program.
    #[error("command is empty")]
    Empty,
    /// It cannot be started.
    #[error("command {program}: {reason}")]
    Start {
        /// First word of the command.
        program: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// It ended with another code than 0.
    #[error("command {program} failed ({status}){}", .said.as_deref().map(|line| format!(": {line}")).unwrap_or_default())]
    Failed {
        /// First word of the command.
        program: String,
        /// `exit status: 1`, `signal: 9 (SIGKILL)`.
        status: String,
        /// First line of its standard error, masked.
        said: Option<String>,
    },
    /// It was ended.
    #[error("command {program} was ended after {} s", .after.as_secs())]
    TimedOut {
        /// First word of the command.
        program: String,
        /// The bound.
        after: Duration,
    },
    /// It was ended.
    #[error("command {program} printed more than {} KiB", LARGEST / 1024)]
    TooMuch {
        /// First word of the command.
        program: String,
    },
    /// Its output is something else.
    #[error("command {program} did not print a JWT")]
    NotJwt {
        /// First word of the command.
        program: String,
    },
}

impl Error {
    /// The second half of the message.
    pub(super) fn advice(&self) -> Option<String> {
        match self {
            Self::Empty => Some(
                "write it as a list: command: [kubectl, create, token, NAME, -n, NAMESPACE]"
                    .to_owned(),
            ),
            Self::Start { .. } => {
                Some("write the full path of the program; it is run without a shell".to_owned())
            }
            Self::Failed { .. } | Self::TimedOut { .. } => Some(
                "run it by hand with standard input closed and without VAULT_* and BAO_* variables"
                    .to_owned(),
            ),
            Self::TooMuch { .. } | Self::NotJwt { .. } => {
                Some("it must print one JWT on standard output and nothing else".to_owned())
            }
        }
    }
}

/// Runs it and takes what it prints.
pub(super) async fn run(program: &Program) -> Result<SecretText, Error> {
    run_within(program, TIME).await
}

async fn run_within(asked: &Program, time: Duration) -> Result<SecretText, Error> {
    let (program, arguments) = asked.argv.split_first().ok_or(Error::Empty)?;
    let program = program.clone();
    let mut command = Command::new(&program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    withhold(&mut command, &asked.without);
    let child = command.spawn().map_err(|reason| Error::Start {
        program: program.clone(),
        reason,
    })?;
    let mut running = Running {
        group: group_of(&child),
        child,
    };
    let (status, printed, complaint) = match tokio::time::timeout(time, running.finish()).await {
        Err(_) => {
            return Err(Error::TimedOut {
                program,
                after: time,
            });
        }
        Ok(Err(reason)) => return Err(Error::Start { program, reason }),
        Ok(Ok(done)) => done,
    };
    let Some(printed) = printed else {
        return Err(Error::TooMuch { program });
    };
    if !status.success() {
        let said = first_line(&complaint);
        return Err(Error::Failed {
            program,
            status: status.to_string(),
            said,
        });
    }
    jwt::parse(&printed).ok_or(Error::NotJwt { program })
}

/// Takes the secrets that this process was given away from a child's environment.
pub(super) fn withhold(command: &mut Command, without: &[String]) {
    for (name, _) in std::env::vars_os() {
        if is_withheld(&name.to_string_lossy(), without) {
            command.env_remove(&name);
        }
    }
}

fn is_withheld(name: &str, without: &[String]) -> bool {
    name.starts_with("VAULT_")
        || name.starts_with("BAO_")
        || without.iter().any(|taken| taken == name)
}

fn group_of(child: &Child) -> Option<Pid> {
    child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw)
}

/// A program in a process group of its own, all of which ends with this value.
struct Running {
    child: Child,
    group: Option<Pid>,
}

type Done = (
    std::process::ExitStatus,
    Option<Zeroizing<Vec<u8>>>,
    Vec<u8>,
);

impl Running {
    /// Its exit, what it printed (`None` when that was too much) and the start of its complaints.
    async fn finish(&mut self) -> std::io::Result<Done> {
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let printing = async {
            let mut printed = Zeroizing::new(Vec::with_capacity(LARGEST + 1));
            if let Some(stdout) = stdout {
                stdout
                    .take(LARGEST as u64 + 1)
                    .read_to_end(&mut printed)
                    .await?;
            }
            Ok::<_, std::io::Error>((printed.len() <= LARGEST).then_some(printed))
        };
        let (printed, complaint) = tokio::join!(printing, complaint(stderr));
        let printed = printed?;
        if printed.is_none() {
            self.end();
        }
        // Still our child until waited for, so its group cannot be somebody else's before this line.
        let status = self.child.wait().await?;
        self.group = None;
        Ok((status, printed, complaint))
    }

    fn end(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The start of it; the rest is read and dropped, so that the program does not wait for a reader.
async fn complaint<R: AsyncRead + Unpin>(stderr: Option<R>) -> Vec<u8> {
    let mut start = Vec::new();
    if let Some(mut stderr) = stderr {
        let read = (&mut stderr)
            .take(LARGEST_COMPLAINT as u64)
            .read_to_end(&mut start)
            .await;
        if read.is_ok() {
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        }
    }
    start
}

/// The first line that says something, bounded, control characters and secrets out.
fn first_line(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "+_=.-".contains(c);
    let mut shown = String::new();
    let mut rest = clean.as_str();
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let secret = word.len() > LONGEST_WORD
            || ["eyJ", "hvs.", "hvb.", "s.", "b."]
                .iter()
                .any(|start| word.starts_with(start) && word.len() > 8);
        shown.push_str(if secret { "…" } else { word });
        let next = after.chars().next().map_or(0, char::len_utf8);
        shown.push_str(&after[..next]);
        rest = &after[next..];
    }
    Some(shown.chars().take(LONGEST_LINE).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program {
            argv: vec!["/bin/sh".into(), "-c".into(), script.into()],
            without: vec![],
        }
    }

    async fn failure(script: &str, time: Duration) -> String {
        run_within(&shell(script), time)
            .await
            .unwrap_err()
            .to_string()
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_jwt_on_standard_output_is_taken() {
        assert_eq!(
            run(&shell("printf 'a.b.c\\n'; echo noise >&2"))
                .await
                .unwrap()
                .len(),
            5
        );
        assert_eq!(
            failure("echo hunter2", LONG).await,
            "command /bin/sh did not print a JWT"
        );
    }

    #[tokio::test]
    async fn a_failure_shows_one_line_without_secrets() {
        let script = "echo 'denied for eyJhbGciOi.x hvs.abcdefgh in /var/lib/x' >&2; echo second >&2; echo a.b.c; exit 3";
        assert_eq!(
            failure(script, LONG).await,
            "command /bin/sh failed (exit status: 3): denied for … … in /var/lib/x"
        );
    }

    #[tokio::test]
    async fn output_and_time_have_an_end() {
        assert_eq!(
            failure("yes", LONG).await,
            "command /bin/sh printed more than 64 KiB"
        );
        let start = std::time::Instant::now();
        let shown = failure("sleep 30 & sleep 30", Duration::from_millis(300)).await;
        assert_eq!(shown, "command /bin/sh was ended after 0 s");
        assert!(start.elapsed() < Duration::from_secs(10));
        // A full pipe of complaints holds nobody up.
        assert!(
            run_within(&shell("head -c 300000 /dev/zero >&2; echo a.b.c"), LONG)
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let missing = Program {
            argv: vec!["/nonexistent/tool".into()],
            without: vec![],
        };
        assert!(
            run(&missing)
                .await
                .unwrap_err()
                .to_string()
                .starts_with("command /nonexistent/tool: ")
        );
        let empty = Program {
            argv: vec![],
            without: vec![],
        };
        assert_eq!(
            run(&empty).await.unwrap_err().to_string(),
            "command is empty"
        );
    }

    #[test]
    fn tokens_of_the_server_and_named_secrets_are_withheld() {
        let without = ["ADA_PASSWORD".to_owned()];
        for (name, withheld) in [
            ("VAULT_TOKEN", true),
            ("BAO_TOKEN", true),
            ("ADA_PASSWORD", true),
            ("KUBECONFIG", false),
            ("AWS_PROFILE", false),
            ("PATH", false),
        ] {
            assert_eq!(is_withheld(name, &without), withheld, "{name}");
        }
    }
}
