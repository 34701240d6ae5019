//! The operator's command: found before anything is started, and run with what it takes to reach the server.

use std::ffi::OsString;
use std::path::Path;

use crate::code::Code;
use crate::config::Config;
use crate::disk::trust;
use crate::edge::references::cluster_environment;
use crate::failure::Failure;
use crate::hardening;
use crate::shell::ShellCommand;
use crate::throwaway::environment::Variable;
use crate::throwaway::watcher::through_ourselves;

/// Holds that there is a program of this name.
pub(super) fn check(argv: &[OsString]) -> Result<(), Failure> {
    match argv.first() {
        Some(name) if trust::can_be_run(name) => Ok(()),
        first => {
            let name = first.map(|name| name.to_string_lossy()).unwrap_or_default();
            let advice = if Path::new(&*name).is_file() {
                let command = ShellCommand::new("chmod +x").with(&name);
                format!("it is there, and may not be run: {command}")
            } else {
                "write its full path; it is run without a shell: sh -c '…' for what needs one"
                    .to_owned()
            };
            Err(Failure::usage(
                Code::CommandFailed,
                format!("no program {name} can be run here"),
            )
            .advise(advice))
        }
    }
}

/// The command, ready to be started. What is in the environment for another server is taken away.
pub(super) fn prepared(
    argv: &[OsString],
    (config, address): (&Config, &str),
    variables: &[Variable],
) -> tokio::process::Command {
    // What most have, where nobody looked.
    let mask = hardening::umask_before().unwrap_or(0o022);
    let mut command = through_ourselves(Some(mask), argv);
    cluster_environment(config, address, &mut command);
    for one in variables {
        command.env(&one.name, one.value.as_str());
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_not_there_is_found_before_anything_starts() {
        assert!(check(&["sh".into()]).is_ok());
        let failure = check(&["no-such-command".into()]).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "no program no-such-command can be run here"
        );
    }
}
