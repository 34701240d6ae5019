//! What was typed, held against the file.

use crate::break_glass::options::Options;
use crate::code::Code;
use crate::config::{BreakGlass, Config, Login};
use crate::failure::Failure;
use crate::session::login::break_glass_logins;
use crate::shell::ShellCommand;

/// The break-glass logins in the order in which they are tried.
pub(super) fn logins<'a>(config: &'a Config, options: &Options) -> Result<Vec<&'a Login>, Failure> {
    let file = config.file.display();
    if let BreakGlass::None { reason } = &config.break_glass {
        return Err(Failure::usage(
            Code::NoLogin,
            format!("{file} declares no break-glass login: break_glass.none: {reason}"),
        )
        .advise(
            "name logins under break_glass.logins and run apply, while an administrator still can",
        ));
    }
    let mut logins = break_glass_logins(config);
    if let Some(name) = &options.login {
        let names: Vec<_> = logins.iter().map(|login| login.name.as_str()).collect();
        let has = format!("it has: {}", names.join(", "));
        logins.retain(|login| login.name == *name);
        if logins.is_empty() {
            return Err(Failure::usage(
                Code::NameUnknown,
                format!("{file} has no break-glass login {name}"),
            )
            .advise(has));
        }
    }
    Ok(logins)
}

/// Who is left out must be there: a slip would leave out nobody.
pub(super) fn known_names(config: &Config, options: &Options) -> Result<(), Failure> {
    let custodians = &config.init.custodians;
    let unknown = |name: &&String| !custodians.iter().any(|one| one.name == **name);
    match options.without.iter().find(unknown) {
        Some(name) => Err(Failure::usage(
            Code::NameUnknown,
            format!("{} has no custodian {name}", config.file.display()),
        )
        .advise(format!(
            "one of these, each with --without: {}",
            custodians
                .iter()
                .map(|one| one.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ))),
        None => Ok(()),
    }
}

/// The command to type once more, with the name of each value that only the person has.
pub(super) fn typed_again(command: &'static str, config: &Config) -> ShellCommand {
    config.command(match command {
        "break-glass start" => "break-glass start --reason REASON",
        "share submit" => "share submit CODE",
        command => command,
    })
}
