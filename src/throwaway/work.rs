//! What a server is there for: a command, or a person at a terminal.

use crate::child::forwarded;
use crate::code::Code;
use crate::event::Caller;
use crate::failure::{Exit, Failure};
use crate::shell::ShellCommand;
use crate::throwaway::environment::{self, Form};
use crate::throwaway::instance::{COMMAND, Instance};
use crate::throwaway::owner::Owner;
use crate::throwaway::{Options, Ready, command, renewal, up};

/// Runs the command; its code.
pub(super) async fn with_command(
    options: &Options,
    (ready, instance): (&mut Ready, &Instance),
    caller: Caller<'_>,
) -> Result<Exit, Failure> {
    let reached = (&ready.config, ready.client.address());
    let child = command::prepared(&options.argv, reached, &ready.variables);
    tracing::info!("the command starts");
    let started = |id| {
        // Where the disk refuses, it is ended by nobody but itself.
        if let Some(owner) = Owner::of(id) {
            let _ = instance.write(COMMAND, &owner.to_string());
        }
    };
    let lost = async {
        tokio::select! {
            _ = ready.running.gone() => {}
            () = renewal::keep(&ready.client, &ready.token, caller.events) => {}
        }
    };
    match forwarded::run(child, (caller.interrupt, started), lost).await {
        Ok(Some(end)) => Ok(Exit::OfCommand(end.code())),
        Ok(None) => Err(ready.running.ended_by_itself()),
        Err(error) => Err(Failure::failed(
            Code::CommandFailed,
            format!("the command cannot be run: {error}"),
        )),
    }
}

/// For a person: what there is, until they have seen enough.
pub(super) async fn playground(
    (ready, instance): (&mut Ready, &Instance),
    caller: Caller<'_>,
) -> Result<Exit, Failure> {
    let text = environment::text(&ready.variables, Form::Json, false);
    instance.write(up::ENVIRONMENT, &text)?;
    let env = ShellCommand::new("vault-bootstrap throwaway env").with(instance.word());
    let address = ready.client.address();
    caller.events.note(format!(
        "at {address}; to use it, type in another terminal:"
    ));
    // By itself, so that it fits on a line.
    caller.events.note(format!("eval \"$({env})\""));
    let logins = ready.variables.iter().map(|one| one.name.as_str());
    for name in logins.filter(|name| name.starts_with(environment::LOGIN)) {
        let text = format!("{name} is what logs in as another, behind `write -field=token`");
        caller.events.note(text);
    }
    caller.events.note("Ctrl-C ends it and removes everything");
    tokio::select! {
        _ = ready.running.gone() => Err(ready.running.ended_by_itself()),
        _ = caller.interrupt.next() => Ok(Exit::Done),
    }
}
