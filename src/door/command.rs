//! Runs the program that prints a JWT: no shell, no standard input, bounded in time and output.
//!
//! What it prints is a secret and is never shown. What it says on standard error is shown only when
//! it failed, and then one line of it with everything that looks like a secret masked.

use std::time::Duration;

use tokio::process::Command;

use crate::child::captured::{self, Bounds, Fault};
use crate::door::jwt::{self, LARGEST};
use crate::door::model::Program;
use crate::secret::SecretText;

/// A token is printed in a second or two; sixty cover a slow cloud login.
const TIME: Duration = Duration::from_secs(60);
/// How much of standard error is looked at.
const LARGEST_COMPLAINT: usize = 4096;

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
    command.args(arguments);
    withhold(&mut command, &asked.without);
    let bounds = Bounds {
        time,
        printed: LARGEST,
        complaint: LARGEST_COMPLAINT,
    };
    let ended = match captured::run(command, None, bounds).await {
        Ok(ended) => ended,
        Err(Fault::Start(reason)) => return Err(Error::Start { program, reason }),
        Err(Fault::TimedOut) => {
            return Err(Error::TimedOut {
                program,
                after: time,
            });
        }
        Err(Fault::TooMuch) => return Err(Error::TooMuch { program }),
    };
    if !ended.status.success() {
        return Err(Error::Failed {
            program,
            status: ended.status.to_string(),
            said: captured::first_line(&ended.complaint),
        });
    }
    jwt::parse(&ended.printed).ok_or(Error::NotJwt { program })
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
