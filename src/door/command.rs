//! Runs the program that prints a JWT: no shell, no standard input, bounded in time and output.
//!
//! What it prints is a secret and is never shown. What it says on standard error is shown only when
//! it failed, and then one line of it with everything that looks like a secret masked.

use std::time::Duration;

use tokio::process::Command;

use crate::child::captured::{self, Bounds, Fault};
use crate::code::Code;
use crate::door::jwt::{self, LARGEST};
use crate::failure::Problem;
use crate::secret::SecretText;
use crate::span;

/// A token is printed in a second or two; sixty cover a slow cloud login.
const TIME: Duration = Duration::from_secs(60);
/// How much of standard error is looked at.
const LARGEST_COMPLAINT: usize = 4096;

const BY_HAND: &str =
    "run it by hand with standard input closed and without VAULT_* and BAO_* variables";
const ONE_JWT: &str = "it must print one JWT on standard output and nothing else";

/// Runs it and takes what it prints.
pub(super) async fn run(argv: &[String], withheld: &[String]) -> Result<SecretText, Problem> {
    run_within(argv, withheld, TIME).await
}

async fn run_within(
    argv: &[String],
    withheld: &[String],
    time: Duration,
) -> Result<SecretText, Problem> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Problem::new(Code::FileValueInvalid, "command is empty")
            .advise("write it as a list: command: [kubectl, create, token, NAME, -n, NAMESPACE]"));
    };
    let problem =
        |what: String| Problem::new(Code::CommandFailed, format!("command {program}{what}"));
    let mut command = Command::new(program);
    command.args(arguments);
    withhold(&mut command, withheld);
    let bounds = Bounds {
        time,
        printed: LARGEST,
        complaint: LARGEST_COMPLAINT,
    };
    let ended = captured::run(command, None, bounds);
    let ended = ended.await.map_err(|fault| match fault {
        Fault::Start(reason) => problem(format!(": {reason}"))
            .advise("write the full path of the program; it is run without a shell"),
        Fault::Untrusted(what, advice) => problem(format!(": {what}")).advise(advice),
        Fault::TimedOut => {
            problem(format!(" was ended after {}", span::text(time))).advise(BY_HAND)
        }
        Fault::TooMuch => {
            problem(format!(" printed more than {} KiB", LARGEST / 1024)).advise(ONE_JWT)
        }
    })?;
    if !ended.status.success() {
        let said = captured::first_line(&ended.complaint);
        let said = said.map(|line| format!(": {line}")).unwrap_or_default();
        return Err(problem(format!(" failed ({}){said}", ended.status)).advise(BY_HAND));
    }
    jwt::parse(&ended.printed)
        .ok_or_else(|| problem(" did not print a JWT".to_owned()).advise(ONE_JWT))
}

/// Takes the secrets that this process was given away from a child's environment.
pub(crate) fn withhold(command: &mut Command, withheld: &[String]) {
    for (name, _) in std::env::vars_os() {
        if is_withheld(&name.to_string_lossy(), withheld) {
            command.env_remove(&name);
        }
    }
}

fn is_withheld(name: &str, withheld: &[String]) -> bool {
    name.starts_with("VAULT_")
        || name.starts_with("BAO_")
        || withheld.iter().any(|taken| taken == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> [String; 3] {
        ["/bin/sh".into(), "-c".into(), script.into()]
    }

    async fn failure(script: &str, time: Duration) -> String {
        run_within(&shell(script), &[], time)
            .await
            .unwrap_err()
            .what
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_jwt_on_standard_output_is_taken() {
        assert_eq!(
            run(&shell("printf 'a.b.c\\n'; echo noise >&2"), &[])
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
        assert_eq!(shown, "command /bin/sh was ended after 300ms");
        assert!(start.elapsed() < Duration::from_secs(10));
        // A full pipe of complaints holds nobody up.
        assert!(
            run_within(
                &shell("head -c 300000 /dev/zero >&2; echo a.b.c"),
                &[],
                LONG
            )
            .await
            .is_ok()
        );
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let missing = run(&["/nonexistent/tool".into()], &[]).await.unwrap_err();
        let shown = missing.what;
        assert!(shown.starts_with("command /nonexistent/tool: "), "{shown}");
        assert_eq!(run(&[], &[]).await.unwrap_err().what, "command is empty");
    }

    #[test]
    fn tokens_of_the_server_and_named_secrets_are_withheld() {
        let named = ["ADA_PASSWORD".to_owned()];
        for (name, withheld) in [
            ("VAULT_TOKEN", true),
            ("BAO_TOKEN", true),
            ("ADA_PASSWORD", true),
            ("KUBECONFIG", false),
            ("AWS_PROFILE", false),
            ("PATH", false),
        ] {
            assert_eq!(is_withheld(name, &named), withheld, "{name}");
        }
    }
}
