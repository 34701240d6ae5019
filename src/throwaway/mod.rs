//! `throwaway`: a real server of this machine with the whole ceremony, for as long as a command runs.
//!
//! It is the same ceremony, with the same file: `replaced` says what is other than there. `running` is the server,
//! `watcher` what ends it whatever happens here, and `cleaning` removes what even that has left.

mod certificates;
mod cleaning;
mod command;
mod environment;
mod instance;
mod login;
mod owner;
mod program;
mod random;
mod references;
mod renewal;
mod replaced;
mod running;
mod seed;
mod server_config;
mod stand_in;
mod up;
mod watcher;
mod work;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::bootstrap;
use crate::code::Code;
use crate::config::{self, Config};
use crate::event::{Caller, Outcome};
use crate::failure::{Exit, Failure};
use crate::holders::{self, ProofMethod};
use crate::interrupt::stopped_by;
use crate::secret::Token;
use crate::shell::ShellCommand;
use crate::throwaway::environment::Variable;
use crate::throwaway::instance::{Instance, unwritable};
use crate::throwaway::login::{chosen, log_in, root};
use crate::throwaway::program::Program;
use crate::throwaway::replaced::Replaced;
use crate::throwaway::running::Running;
use crate::throwaway::up::Claimed;
use crate::vault::Client;

pub use environment::Form;
pub use up::{Listed, down, env, list};
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
    /// The command gets a root token, which is not revoked.
    pub root: bool,
    /// What is left of a run that failed is kept.
    pub keep: bool,
    /// A file that says how to reach the server, and its form.
    pub export: Option<(PathBuf, Form)>,
    /// The command; a person at a terminal does without.
    pub argv: Vec<OsString>,
}

impl Options {
    /// Whether something was typed of which server it is to be.
    fn says_what_server(&self) -> bool {
        self.server.is_some() || self.in_memory || self.login.is_some() || self.root
    }
}

/// A server that had its ceremony.
struct Ready {
    running: Running,
    client: Client,
    config: Config,
    token: Token,
    variables: Vec<Variable>,
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
    if !options.argv.is_empty() {
        command::check(&options.argv)?;
    }
    if let Some((file, form)) = &options.export {
        up::can_be_exported((file, *form))?;
    }
    let program = prepared(options, config.as_ref(), caller).await?;
    let instance = Instance::make()?;
    let done = with_server(options, (&program, &instance), config, caller).await;
    let well = matches!(done, Ok(Exit::Done | Exit::OfCommand(0)));
    if options.keep && !well {
        said_of_kept(&instance, caller);
    } else {
        // Where a server was, it is removed already.
        instance
            .remove()
            .map_err(|error| unwritable(instance.path(), &error))?;
    }
    done.map(Outcome::from).map_err(removed)
}

/// Starts a server that outlives this run. One that is up already stays as it is.
///
/// # Errors
/// As of [`run`]; or another run is starting one of this name.
pub async fn up(
    name: &str,
    options: &Options,
    config: Option<Config>,
    caller: Caller<'_>,
) -> Result<(), Failure> {
    let program = prepared(options, config.as_ref(), caller).await?;
    let instance = Instance::make()?;
    let config_is_typed = config.is_some();
    let made = match up::claim(&instance, name).await {
        Ok(Claimed::Ours) => {
            let ready = async {
                if let Some((file, form)) = &options.export {
                    up::can_be_exported((file, *form))?;
                }
                made_ready(options, (&program, &instance), config, caller).await
            };
            stays(Box::pin(ready).await, &instance).await
        }
        Ok(Claimed::There(other)) => {
            let text = format!("{name} is up already, in {}", other.path().display());
            caller.events.note(text);
            let _ = instance.remove();
            if options.says_what_server() || config_is_typed {
                let down = ShellCommand::new("vault-bootstrap throwaway down").with(name);
                caller.events.note(format!(
                    "it stays as it was made, whatever is typed now; to have another one, first: {down}"
                ));
            }
            return match &options.export {
                Some((file, form)) => up::export_of(&other, (file, *form)),
                None => Ok(()),
            };
        }
        Err(failure) => Err(failure),
    };
    if made.is_err() {
        let _ = instance.remove();
    }
    made.map_err(removed)
}

/// Holds that it can go well, before anything is there; and removes what another run has left.
async fn prepared(
    options: &Options,
    config: Option<&Config>,
    caller: Caller<'_>,
) -> Result<Program, Failure> {
    if let Some(config) = config {
        stand_in::check(config)?;
        if !config.plugins.is_empty() {
            return Err(Failure::usage(
                Code::SystemAway,
                "the plugins of the file are programs of other machines, and no throwaway server has them",
            )
            .advise("take plugins, and what is mounted of them, out of a copy of the file"));
        }
    }
    let program = Program::find(options.server.as_deref()).await?;
    cleaning::sweep(caller.events).await;
    Ok(program)
}

async fn stays(ready: Result<Ready, Failure>, instance: &Instance) -> Result<(), Failure> {
    let ready = ready?;
    // From then on others find it.
    let text = environment::text(&ready.variables, Form::Json, false);
    match instance.write(up::ENVIRONMENT, &text) {
        Ok(_) => ready.running.detach().await,
        Err(failure) => {
            ready.running.end(false).await?;
            Err(failure)
        }
    }
}

fn removed(failure: Failure) -> Failure {
    match failure.exit {
        Exit::Interrupted(signal) => stopped_by(signal, "the throwaway server is removed"),
        _ => failure,
    }
}

fn said_of_kept(instance: &Instance, caller: Caller<'_>) {
    for line in instance.last_lines() {
        caller.events.note(format!("server: {line}"));
    }
    let down = ShellCommand::new("vault-bootstrap throwaway down").with(instance.word());
    caller.events.note(format!(
        "{} is kept, and not removed before this is typed: {down}",
        instance.path().display()
    ));
}

async fn with_server(
    options: &Options,
    place: (&Program, &Instance),
    config: Option<Config>,
    caller: Caller<'_>,
) -> Result<Exit, Failure> {
    let mut ready = Box::pin(made_ready(options, place, config, caller)).await?;
    let done = if options.argv.is_empty() {
        work::playground((&mut ready, place.1), caller).await
    } else {
        work::with_command(options, (&mut ready, place.1), caller).await
    };
    let well = matches!(done, Ok(Exit::Done | Exit::OfCommand(0)));
    ready.running.end(options.keep && !well).await?;
    done
}

/// A server, with all that the file says in it.
async fn made_ready(
    options: &Options,
    (program, instance): (&Program, &Instance),
    config: Option<Config>,
    caller: Caller<'_>,
) -> Result<Ready, Failure> {
    let named = config.is_some();
    let config = match config {
        Some(config) => config,
        None => default(instance)?,
    };
    let mut replaced = replaced::replace(config, instance, program.product)?;
    let login = if options.root {
        None
    } else {
        Some(chosen(options, &replaced.config)?.name.clone())
    };
    if options.root {
        replaced.config.revoke_root = false;
        caller
            .events
            .note("the root token stays valid, and the command gets it, as --root says");
    }
    if named {
        for line in &replaced.told {
            caller.events.note(format!("replaced: {line}"));
        }
    }
    let place = (instance, options.in_memory);
    let (mut running, client) =
        Running::start(program, place, &mut replaced.config, caller).await?;
    let made = async {
        Box::pin(ceremony(&replaced, caller)).await?;
        let config = &replaced.config;
        let token = match &login {
            Some(name) => log_in(config, bootstrap::named(config, name)?, &client, caller).await?,
            None => root(config).await?,
        };
        let reached = (client.address(), &token);
        let variables = environment::of(&replaced.config, reached, instance).await?;
        if let Some((file, form)) = &options.export {
            up::export(instance, &variables, (file, *form))?;
        }
        Ok((token, variables))
    };
    let made = Box::pin(made);
    let made = tokio::select! {
        made = made => made,
        // Whoever waits for an answer would wait for long.
        _ = running.gone() => Err(running.ended_by_itself()),
    };
    match made {
        Ok((token, variables)) => Ok(Ready {
            running,
            client,
            config: replaced.config,
            token,
            variables,
        }),
        Err(failure) => {
            running.end(options.keep).await?;
            Err(failure)
        }
    }
}

fn default(instance: &Instance) -> Result<Config, Failure> {
    let loaded = config::from_text(DEFAULT, Path::new(DEFAULT_NAME), instance.path(), &|_| None);
    loaded.map_err(|problems| {
        let first = problems
            .list
            .first()
            .map(|problem| problems.located(problem));
        Failure::failed(Code::Unexpected, first.unwrap_or_default())
    })
}

async fn ceremony(replaced: &Replaced, caller: Caller<'_>) -> Result<(), Failure> {
    let config = &replaced.config;
    for (custodian, identity) in config.init.custodians.iter().zip(&replaced.identities) {
        let way = ProofMethod::Identity(identity);
        holders::prove_custodian(config, &custodian.name, way, caller).await?;
    }
    let typed = bootstrap::Options {
        yes: true,
        keep_root: !config.revoke_root,
        identities: replaced.identities.clone(),
        ..bootstrap::Options::default()
    };
    let applied = Box::pin(bootstrap::apply(config, &typed, caller));
    applied.await.map(drop)
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
