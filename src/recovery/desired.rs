//! What the two files say of each other: found without asking anybody.

use crate::code::Code;
use crate::config::{BreakGlass, Config};
use crate::failure::Failure;
use crate::shell::ShellCommand;

/// The verb, as it is typed for these two files.
pub fn verb(old: &Config) -> ShellCommand {
    ShellCommand::new("recovery rotate --from").with(old.file.display())
}

/// Holds that the file asks for something that can be had, by a login that may.
pub(super) fn check(config: &Config, old: &Config) -> Result<(), Failure> {
    let (file, from) = (config.file.display(), old.file.display());
    let mut failures = Vec::new();
    let (before, wanted) = (old.init.generation, config.init.generation);
    if wanted <= before {
        failures.push(
            Failure::usage(Code::KeySetOther, format!(
                "{file} asks for generation {wanted} of the shares, and {from} has generation {before}"
            ))
            .advise(format!("in {file}, under init, write generation: {}", before + 1)),
        );
    }
    if config.cluster.name != old.cluster.name || config.checkpoint.path != old.checkpoint.path {
        failures.push(
            Failure::usage(
                Code::FileContradicts,
                format!("{file} and {from} are about two clusters"),
            )
            .advise("cluster.name and checkpoint.path must be the same in both"),
        );
    }
    failures.extend(without_the_grant(config));
    Failure::check(failures)
}

fn without_the_grant(config: &Config) -> Option<Failure> {
    let file = config.file.display();
    match &config.break_glass {
        BreakGlass::Logins { rotation: true, .. } => None,
        BreakGlass::Logins { .. } => Some(
            Failure::usage(Code::GrantMissing, format!("{file} lets no login make new shares")).advise(format!(
                "under break_glass write rotation: true, then let the grant be written: {}; where the cluster was \
                 handed over and apply may write no policies, this command then prints what an administrator has to \
                 write",
                config.command("apply")
            )),
        ),
        BreakGlass::None { .. } => Some(
            Failure::usage(Code::NoLogin, format!("{file} has no break-glass login, and only such a one may make new shares"))
                .advise("name one under break_glass.logins, with rotation: true"),
        ),
    }
}
