//! The operator's command: found before anything is started, and run with what it takes to reach the server.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use crate::code::Code;
use crate::disk::trust;
use crate::edge::references::cluster_environment;
use crate::failure::Failure;
use crate::hardening;
use crate::secret::Token;
use crate::config::Config;
use crate::throwaway::watcher::through_ourselves;

/// Of these no proxy knows anything.
const LOOPBACK: [&str; 2] = ["127.0.0.1", "localhost"];

/// Holds that there is a program of this name.
pub(super) fn check(argv: &[OsString]) -> Result<(), Failure> {
    match argv.first() {
        Some(name) if trust::can_be_run(name) => Ok(()),
        first => {
            let name = first.map(|name| name.to_string_lossy()).unwrap_or_default();
            Err(Failure::usage(
                Code::CommandFailed,
                format!("no program {name} can be run here"),
            )
            .advise("write its full path; it is run without a shell: sh -c '…' for what needs one"))
        }
    }
}

/// The command, ready to be started.
pub(super) fn prepared(
    argv: &[OsString],
    (config, address): (&Config, &str),
    token: &Token,
) -> tokio::process::Command {
    let mut command = through_ourselves(hardening::umask_before(), argv);
    cluster_environment(config, address, &mut command);
    for name in ["VAULT_TOKEN", "BAO_TOKEN"] {
        token.into_environment(&mut command, name);
    }
    for name in ["NO_PROXY", "no_proxy"] {
        command.env(name, with_loopback(std::env::var_os(name).as_deref()));
    }
    command
}

/// What no proxy is asked for, and loopback.
fn with_loopback(before: Option<&OsStr>) -> String {
    let before = before.map(OsStr::to_string_lossy).unwrap_or_default();
    let hosts = before.split(',').map(str::trim).filter(|host| !host.is_empty());
    let mut seen = BTreeSet::new();
    let hosts = hosts.chain(LOOPBACK).filter(|host| seen.insert(*host));
    hosts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_added_to_what_no_proxy_is_asked_for() {
        for (before, expected) in [
            (None, "127.0.0.1,localhost"),
            (Some(""), "127.0.0.1,localhost"),
            (Some("a.b, localhost"), "a.b,localhost,127.0.0.1"),
        ] {
            assert_eq!(with_loopback(before.map(OsStr::new)), expected);
        }
    }

    #[test]
    fn a_command_that_is_not_there_is_found_before_anything_starts() {
        assert!(check(&["sh".into()]).is_ok());
        let failure = check(&["no-such-command".into()]).unwrap_err();
        assert_eq!(failure.to_string(), "no program no-such-command can be run here");
    }
}
