//! Which break-glass login opens: they are tried one after the other, and what it takes to open one is read only then.

use super::event::Event;
use super::{Options, Told};
use crate::config::{BreakGlass, Config, Login};
use crate::door::{self, Notice, Tell};
use crate::edge::doors::{Hall, door};
use crate::edge::references::{self, Resolved, resolve};
use crate::failure::{Exit, Failure};
use crate::vault::{Client, Session};

/// Tells what a door has to say.
struct Telling<'a>(&'a dyn Fn(Event));

impl Tell for Telling<'_> {
    fn tell(&self, door: &str, notice: Notice<'_>) {
        let login = door.to_owned();
        (self.0)(match notice {
            Notice::SignIn { url, wait, .. } => Event::SignIn {
                login,
                url: url.to_owned(),
                code: None,
                seconds: wait.as_secs(),
            },
            Notice::Device {
                url,
                user_code,
                wait,
            } => Event::SignIn {
                login,
                url: url.to_owned(),
                code: user_code.map(str::to_owned),
                seconds: wait.as_secs(),
            },
            Notice::Note(text) => Event::Note {
                text: format!("{door}: {text}"),
            },
        });
    }
}

/// The break-glass logins in the order in which they are tried.
pub(super) fn doors<'a>(config: &'a Config, options: &Options) -> Result<Vec<&'a Login>, Failure> {
    if let BreakGlass::None { reason } = &config.break_glass {
        return Err(Failure::usage(format!(
            "{} gives the way back up: break_glass.none: {reason}",
            config.file.display()
        ))
        .advise(
            "name logins under break_glass.logins and run apply, while an administrator still can",
        ));
    }
    let mut doors = config.doors();
    if let Some(name) = &options.login {
        doors.retain(|login| login.name == *name);
        if doors.is_empty() {
            let names: Vec<_> = config
                .doors()
                .iter()
                .map(|login| login.name.clone())
                .collect();
            return Err(Failure::usage(format!(
                "{} has no break-glass login {name}",
                config.file.display()
            ))
            .advise(format!("it has: {}", names.join(", "))));
        }
    }
    // No person is called for what a program can do.
    doors.sort_by_key(|login| login.needs_a_person());
    Ok(doors)
}

/// The first door that opens. What it takes to open one is read only when it is tried.
pub(super) async fn let_in(
    (config, options, told): (&Config, &Options, Told<'_>),
    client: &Client,
    doors: Vec<&Login>,
    mut resolved: Resolved,
) -> Result<(String, Session, Resolved), Failure> {
    let mut failures = Vec::new();
    for login in doors {
        let mut missing = Vec::new();
        let mut wanted = references::of_logins(std::iter::once(login));
        wanted.retain(|reference| !resolved.contains_key(*reference));
        resolved.extend(resolve(wanted, &mut missing, &mut Vec::new()).await);
        let tried = match Failure::all(missing) {
            Some(failure) => Err(failure),
            None => enter((config, options, told), client, login, &resolved).await,
        };
        match tried {
            Ok(session) => return Ok((login.name.clone(), session, resolved)),
            Err(failure) => {
                if matches!(failure.exit, Exit::Interrupted(_)) {
                    return Err(failure);
                }
                (told.1)(Event::Warning {
                    text: format!("the login {} does not open: {failure}", login.name),
                });
                failures.push(failure);
            }
        }
    }
    Err(Failure::all(failures)
        .unwrap_or_else(|| Failure::usage("no break-glass login is declared")))
}

async fn enter(
    (config, options, told): (&Config, &Options, Told<'_>),
    client: &Client,
    login: &Login,
    resolved: &Resolved,
) -> Result<Session, Failure> {
    let hall = Hall {
        config,
        resolved,
        sign_in_seconds: options.sign_in_seconds,
    };
    let door = door(&hall, login)?;
    Ok(door::open(client, &door, &Telling(told.1)).await?)
}
