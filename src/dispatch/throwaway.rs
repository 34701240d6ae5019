//! Dispatch of throwaway servers.

use std::io::IsTerminal;
use std::path::Path;

use super::{load_file, warn_of_others};
use crate::cli::{EnvForm, Global, OfThrowaway, OutputForm, Said, ServerOf, Throwaway};
use crate::code::Code;
use crate::config::Config;
use crate::event::{Caller, Outcome};
use crate::failure::{Exit, Failure};
use crate::report::Report;
use crate::shell::ShellCommand;
use crate::throwaway::{self, Form, Listed, Options};

/// The file that most commands read without being told.
const USUAL: &str = "bootstrap.yaml";

pub(super) async fn throwaway(
    global: &Global,
    typed: Throwaway,
    (report, caller): (&Report, Caller<'_>),
) -> Result<Outcome, Failure> {
    if let Some(more) = typed.more {
        return of_throwaway(global, more, (report, caller)).await;
    }
    report.leave_stdout();
    if typed.command.is_empty() && !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            Code::NoTerminal,
            "no command was typed that the server is for, and nobody is at a terminal to try it",
        )
        .advise("write the command behind --: vault-bootstrap throwaway -- bao status"));
    }
    let options = Options {
        keep: typed.keep,
        argv: typed.command,
        ..options(typed.server, typed.said)
    };
    let config = named(global, caller).await?;
    throwaway::run(&options, config, caller).await
}

async fn of_throwaway(
    global: &Global,
    typed: OfThrowaway,
    (report, caller): (&Report, Caller<'_>),
) -> Result<Outcome, Failure> {
    match typed {
        OfThrowaway::Watch { directory, argv } => {
            let watched = throwaway::watch(&directory, &argv, caller).await;
            return watched.map(Outcome::from);
        }
        OfThrowaway::Become {
            parent,
            umask,
            argv,
        } => {
            report.leave_stdout();
            return Err(throwaway::become_another(parent, umask, &argv));
        }
        OfThrowaway::Up { name, server, said } => {
            report.leave_stdout();
            let config = named(global, caller).await?;
            throwaway::up(&name, &options(server, said), config, caller).await?;
            let env = ShellCommand::new("vault-bootstrap throwaway env").with(&name);
            caller.events.note("it is up; to use it, type:");
            caller.events.note(format!("eval \"$({env})\""));
        }
        OfThrowaway::Down { name, force } => throwaway::down(&name, force, caller).await?,
        OfThrowaway::List => {
            let all = throwaway::list(caller).await;
            report.plain(&listed(&all, global.output));
        }
        OfThrowaway::Env { name, form } => {
            let text = throwaway::env(&name, form_of(form), report.is_read_by_a_person())?;
            report.plain(&text);
        }
    }
    Ok(Exit::Done.into())
}

fn options(server: ServerOf, said: Said) -> Options {
    let form = form_of(said.form);
    Options {
        server: server.server,
        in_memory: server.inmem,
        login: said.login,
        root: said.root,
        export: said.export.map(|file| (file, form)),
        ..Options::default()
    }
}

fn form_of(form: EnvForm) -> Form {
    match form {
        EnvForm::Shell => Form::Shell,
        EnvForm::Github => Form::Github,
        EnvForm::Gitlab => Form::Gitlab,
        EnvForm::Json => Form::Json,
    }
}

/// The file that was named. One that only lies here is for a cluster, and not read for a server of this machine.
async fn named(global: &Global, caller: Caller<'_>) -> Result<Option<Config>, Failure> {
    if global.config_is_typed {
        let config = load_file(&global.config, caller).await?;
        warn_of_others(&[&config], caller);
        return Ok(Some(config));
    }
    if Path::new(USUAL).exists() {
        caller.events.note(format!(
            "{USUAL} lies here and is not read; to have the server made by it, type -c {USUAL}"
        ));
    }
    Ok(None)
}

fn listed(all: &[Listed], output: OutputForm) -> String {
    if output == OutputForm::Json {
        let text = serde_json::to_string_pretty(all).unwrap_or_default();
        return format!("{text}\n");
    }
    let line = |one: &Listed| {
        let directory = one.directory.display();
        format!("{:<16} {:<10} {directory}\n", one.name, one.state)
    };
    all.iter().map(line).collect()
}
