//! `throwaway`: a real server of this machine with the whole ceremony, for as long as a command runs.
//!
//! It is the same ceremony, with the same file: `replaced` says what is other than there. `running` is the server,
//! `watcher` what ends it whatever happens here, and `cleaning` removes what even that has left.

mod certificates;
mod cleaning;
mod command;
mod instance;
mod owner;
mod program;
mod random;
mod references;
mod renewal;
mod replaced;
mod running;
mod server_config;
mod watcher;

use std::ffi::OsString;
use std::path::Path;

use crate::bootstrap;
use crate::child::forwarded;
use crate::code::Code;
use crate::config::{self, Config, Login};
use crate::edge::doors::LoginContext;
use crate::edge::references::{of_logins, resolve};
use crate::event::{Caller, Outcome};
use crate::failure::{Exit, Failure};
use crate::holders::{self, ProofMethod};
use crate::interrupt::stopped_by;
use crate::secret::Token;
use crate::session::login::OpenLogin;
use crate::throwaway::instance::Instance;
use crate::throwaway::program::Program;
use crate::throwaway::replaced::Replaced;
use crate::throwaway::running::Running;
use crate::vault::Client;

pub use watcher::{become_another, watch};

/// What a server has where no file is named.
const DEFAULT: &str = include_str!("default.yaml");
/// How messages call it.
const DEFAULT_NAME: &str = "the built-in configuration";

/// What was typed.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name or path of the server's program.
    pub server: Option<OsString>,
    /// Nothing is kept on disk but logs and keys.
    pub in_memory: bool,
    /// Whose token the command gets.
    pub login: Option<String>,
    /// What is left of a run that failed is kept.
    pub keep: bool,
    /// The command.
    pub argv: Vec<OsString>,
}

/// Runs a command with a server that goes with it.
///
/// # Errors
/// The server did not start, the ceremony or the login failed. The code of the command is no error.
pub async fn run(
    options: &Options,
    config: Option<Config>,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    command::check(&options.argv)?;
    let program = Program::find(options.server.as_deref()).await?;
    cleaning::sweep(caller.events).await;
    let instance = Instance::make()?;
    let made = with_server(options, (&program, &instance), config, caller).await;
    if made.is_err() && !options.keep {
        // The server is ended by now, or was never there.
        let _ = instance.remove();
    }
    made.map_err(|failure| match failure.exit {
        Exit::Interrupted(signal) => stopped_by(signal, "the throwaway server is removed"),
        _ => failure,
    })
}

async fn with_server(
    options: &Options,
    (program, instance): (&Program, &Instance),
    config: Option<Config>,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let named = config.is_some();
    let config = match config {
        Some(config) => config,
        None => default(instance)?,
    };
    let mut replaced = replaced::replace(config, instance, program.product)?;
    if named {
        for line in &replaced.told {
            caller.events.note(format!("replaced: {line}"));
        }
    }
    let place = (instance, options.in_memory);
    let (mut running, client) =
        Running::start(program, place, &mut replaced.config, caller).await?;
    let done = Box::pin(at_work(options, &replaced, (&mut running, &client), caller)).await;
    let keep = options.keep && done.is_err();
    let ended = running.end(keep).await;
    let code = done?;
    ended?;
    Ok(Exit::OfCommand(code).into())
}

fn default(instance: &Instance) -> Result<Config, Failure> {
    let loaded = config::from_text(DEFAULT, Path::new(DEFAULT_NAME), instance.path(), &|_| None);
    loaded.map_err(|problems| {
        let first = problems.list.first().map(|problem| problems.located(problem));
        Failure::failed(Code::Unexpected, first.unwrap_or_default())
    })
}

/// The ceremony, a login, and the command; its code.
async fn at_work(
    options: &Options,
    replaced: &Replaced,
    (running, client): (&mut Running, &Client),
    caller: Caller<'_>,
) -> Result<u8, Failure> {
    let login = chosen(options, &replaced.config)?;
    ceremony(replaced, caller).await?;
    let token = log_in(&replaced.config, login, client, caller).await?;
    let address = client.address();
    let child = command::prepared(&options.argv, (&replaced.config, address), &token);
    let lost = async {
        tokio::select! {
            _ = running.gone() => {}
            () = renewal::keep(client, &token, caller.events) => {}
        }
    };
    let ran = forwarded::run(child, caller.interrupt, lost).await;
    match ran {
        Ok(Some(end)) => Ok(end.code()),
        Ok(None) => Err(running.ended_by_itself()),
        Err(error) => Err(Failure::failed(
            Code::CommandFailed,
            format!("the command cannot be run: {error}"),
        )),
    }
}

async fn ceremony(replaced: &Replaced, caller: Caller<'_>) -> Result<(), Failure> {
    let config = &replaced.config;
    for (custodian, identity) in config.init.custodians.iter().zip(&replaced.identities) {
        let way = ProofMethod::Identity(identity);
        holders::prove_custodian(config, &custodian.name, way, caller).await?;
    }
    let typed = bootstrap::Options {
        yes: true,
        identities: replaced.identities.clone(),
        ..bootstrap::Options::default()
    };
    bootstrap::apply(config, &typed, caller).await.map(drop)
}

/// Whose token the command gets: who was named, or the first that needs nobody and is no way back in an emergency.
fn chosen<'c>(options: &Options, config: &'c Config) -> Result<&'c Login, Failure> {
    if let Some(name) = &options.login {
        return bootstrap::named(config, name);
    }
    let doors = config.doors();
    let is_door = |login: &Login| doors.iter().any(|door| door.name == login.name);
    let mut logins = config.logins.iter();
    let found = logins.find(|login| !login.needs_a_person() && !is_door(login));
    found.ok_or_else(|| {
        Failure::usage(
            Code::NoLogin,
            "no login of the file is for the command: each needs a person, or is for break-glass",
        )
        .advise("name one with --as NAME, or declare one in the file")
    })
}

async fn log_in(
    config: &Config,
    login: &Login,
    client: &Client,
    caller: Caller<'_>,
) -> Result<Token, Failure> {
    let mut failures = Vec::new();
    let wanted = of_logins(std::iter::once(login));
    let resolved = resolve(wanted, &mut failures, &mut Vec::new()).await;
    Failure::check(failures)?;
    let context = LoginContext {
        config,
        resolved: &resolved,
        sign_in_seconds: 300,
    };
    let opened = OpenLogin::open(&context, client, login, caller.events).await?;
    Ok(opened.answer.token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_configuration_is_one_and_its_first_login_is_for_the_command() {
        let at = Path::new("/t");
        let config = config::from_text(DEFAULT, Path::new(DEFAULT_NAME), at, &|_| None).unwrap();
        let login = chosen(&Options::default(), &config).unwrap();
        assert_eq!(login.name, "developer");
        let named = Options {
            login: Some("app".into()),
            ..Options::default()
        };
        assert_eq!(chosen(&named, &config).unwrap().name, "app");
    }
}
