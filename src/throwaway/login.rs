//! Whose token the command gets.

use crate::bootstrap;
use crate::checkpoint::{self, Kept};
use crate::code::Code;
use crate::config::{Config, Login};
use crate::edge::doors::LoginContext;
use crate::edge::references::{Resolved, key_of_checkpoint, of_logins, resolve};
use crate::event::Caller;
use crate::failure::Failure;
use crate::secret::Token;
use crate::session::login::OpenLogin;
use crate::throwaway::Options;
use crate::vault::Client;

/// Whose token the command gets: who was named, or the first that needs nobody and is no way back in an emergency.
pub(super) fn chosen<'c>(options: &Options, config: &'c Config) -> Result<&'c Login, Failure> {
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

/// The root token, which the ceremony has kept.
pub(super) async fn root(config: &Config) -> Result<Token, Failure> {
    let key = key_of_checkpoint(config, &Resolved::new()).await?;
    match checkpoint::kept(&config.checkpoint.path, &config.cluster.name, &key).await? {
        Kept::RootToken(root) => Ok(root.into_token()),
        _ => Err(Failure::failed(
            Code::SecretsMissing,
            "the ceremony has kept no root token",
        )),
    }
}

/// The token of a login.
pub(super) async fn log_in(
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
