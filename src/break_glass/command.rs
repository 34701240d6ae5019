//! The operator's command: what is run, and with what in its environment.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::time::Duration;

use jiff::fmt::friendly::SpanPrinter;
use tokio::time::Instant;

use crate::break_glass::session::BreakGlassSession;
use crate::child::attended::{self, End};
use crate::code::Code;
use crate::disk::trust;
use crate::edge::references::cluster_environment;
use crate::failure::Failure;
use crate::secret::Token;

/// What is run where no command was typed.
const SHELL: &str = "/bin/sh";

/// What is to be done as root, and why.
#[derive(Debug, Clone)]
pub struct Command {
    /// Program and arguments; a shell where there are none.
    pub argv: Vec<OsString>,
    /// Why, for the evidence and for whoever looks the token up.
    pub reason: String,
    /// How long the command may work; its token lives a little longer.
    pub max_age: Duration,
    /// Whether the command gets the token in its environment too.
    pub env: bool,
    /// API paths that it is there to change.
    pub expect: Vec<String>,
}

impl Command {
    /// The program alone: arguments may hold secrets.
    pub(super) fn program(&self) -> String {
        let first = self.argv.first();
        first.map_or("a shell".to_owned(), |first| {
            first.to_string_lossy().into_owned()
        })
    }

    /// What begins now, and how it ends.
    pub(super) fn announced(&self, cluster: &str) -> String {
        let limit = SpanPrinter::new().unsigned_duration_to_string(&self.max_age);
        if !self.argv.is_empty() {
            return format!("the command runs as root for at most {limit}");
        }
        let token = if self.env {
            "VAULT_TOKEN and BAO_TOKEN hold its token"
        } else {
            "its token is read from the file descriptor $VAULT_BOOTSTRAP_TOKEN_FD"
        };
        format!(
            "this is a shell with the rights of root on {cluster}, for at most {limit}: {token}; exit ends it, and its token \
             with it"
        )
    }

    /// Why it may have failed: most programs look for a token in their environment.
    pub(super) fn hint(&self, ran: &Result<End, Failure>) -> Option<&'static str> {
        let failed = matches!(ran, Ok(End::Code(code)) if *code != 0);
        (failed && !self.env).then_some(
            "if it found no token, or was denied (403): type --env before it, without which the token is in no environment, \
             but only at the file descriptor $VAULT_BOOTSTRAP_TOKEN_FD",
        )
    }

    /// Holds that it is there, and that nobody else may put another program in its place: before anybody is asked for a
    /// share, and right before it is started.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.argv.is_empty() && !std::io::stdin().is_terminal() {
            return Err(Failure::usage(
                Code::NoTerminal,
                "there is no terminal for a shell, and no command",
            )
            .advise("write the command behind --"));
        }
        let argv = self.argv();
        if !trust::can_be_run(&argv[0]) {
            let name = argv[0].to_string_lossy();
            return Err(Failure::usage(
                Code::CommandFailed,
                format!("no program {name} can be run here"),
            )
            .advise(
                "write its full path; it is run without a shell: sh -c '…' for what needs one",
            ));
        }
        match trust::program(&argv[0]) {
            None => Ok(()),
            Some((program, doubt)) => Err(Failure::refused(
                Code::FileUnsafe,
                format!("{} is not safe to run as root: {doubt}", program.display()),
            )
            .advise(doubt.advice())),
        }
    }

    fn argv(&self) -> Vec<OsString> {
        if !self.argv.is_empty() {
            return self.argv.clone();
        }
        let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
        vec![shell.unwrap_or_else(|| SHELL.into())]
    }
}

/// The command, with the token in reach of it alone.
pub(super) async fn run(
    session: &BreakGlassSession<'_>,
    token: &Token,
    command: &Command,
    until: Instant,
) -> Result<End, Failure> {
    // It may be another one by now than the one that was looked at before any share was given.
    command.check()?;
    let argv = command.argv();
    let mut child = tokio::process::Command::new(&argv[0]);
    child.args(&argv[1..]);
    cluster_environment(session.config, session.client.address(), &mut child);
    if command.argv.is_empty() {
        // A start file of the shell may set another one.
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let name = session
            .config
            .cluster
            .name
            .chars()
            .filter(|letter| plain(*letter));
        child.env("PS1", format!("root of {}> ", name.collect::<String>()));
    }
    if command.env {
        token.into_environment(&mut child, "VAULT_TOKEN");
        token.into_environment(&mut child, "BAO_TOKEN");
    }
    let ran = attended::run(child, token, (until, session.caller.interrupt)).await;
    ran.map_err(|error| {
        Failure::failed(
            Code::CommandFailed,
            format!("{} cannot be run: {error}", argv[0].to_string_lossy()),
        )
        .advise("write the full path of the program; it is run without a shell")
    })
}
