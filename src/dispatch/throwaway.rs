//! Dispatch of throwaway servers.

use std::path::Path;

use super::{load_file, warn_of_others};
use crate::cli::{Global, OfThrowaway, Throwaway};
use crate::code::Code;
use crate::event::{Caller, Outcome};
use crate::failure::Failure;
use crate::report::Report;
use crate::throwaway::{self, Options};

/// The file that most commands read without being told.
const USUAL: &str = "bootstrap.yaml";

pub(super) async fn throwaway(
    global: &Global,
    typed: Throwaway,
    (report, caller): (&Report, Caller<'_>),
) -> Result<Outcome, Failure> {
    report.leave_stdout();
    match typed.more {
        None => {}
        Some(OfThrowaway::Watch { directory, argv }) => {
            let watched = throwaway::watch(&directory, &argv, caller).await;
            return watched.map(Outcome::from);
        }
        Some(OfThrowaway::Become {
            parent,
            umask,
            argv,
        }) => return Err(throwaway::become_another(parent, umask, &argv)),
    }
    if typed.command.is_empty() {
        return Err(Failure::usage(
            Code::NoTerminal,
            "no command was typed that the server is for",
        )
        .advise("write it behind --, such as: vault-bootstrap throwaway -- bao status"));
    }
    let options = Options {
        server: typed.server.server,
        in_memory: typed.server.inmem,
        login: typed.login,
        keep: typed.keep,
        argv: typed.command,
    };
    let config = if global.config_is_typed {
        let config = load_file(&global.config, caller).await?;
        warn_of_others(&[&config], caller);
        Some(config)
    } else {
        if Path::new(USUAL).exists() {
            caller.events.note(format!(
                "{USUAL} lies here and is not read; type -c {USUAL} to have the server made by it"
            ));
        }
        None
    };
    throwaway::run(&options, config, caller).await
}
