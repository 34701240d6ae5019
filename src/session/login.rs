//! A login of the file: opened, kept, and ended.

use crate::code::Code;
use crate::config::{Config, Field, Login, LoginKind, SecretRef};
use crate::door;
use crate::edge::doors::{LoginContext, door};
use crate::edge::references::{Resolved, of_logins, resolve};
use crate::event::EventSink;
use crate::failure::{Exit, Failure};
use crate::secret::Token;
use crate::vault::auth::token;
use crate::vault::{AuthResponse, Client, Error};

/// A token that ends sooner is replaced before anything that takes its time.
const SECONDS_LEFT: i64 = 60;

/// A login that is open. Its token is ours, and is ended by value.
#[derive(Debug)]
pub struct OpenLogin {
    /// Its name in the file.
    pub name: String,
    /// What the server answered.
    pub answer: AuthResponse,
}

impl OpenLogin {
    /// Logs in.
    pub(crate) async fn open(
        context: &LoginContext<'_>,
        client: &Client,
        login: &Login,
        events: &EventSink<'_>,
    ) -> Result<Self, Failure> {
        let door = door(context, login)?;
        Ok(Self {
            name: login.name.clone(),
            answer: door::open(client, &door, events)
                .await
                .map_err(|failure| mended(context.config, login, failure.into()))?,
        })
    }

    /// The first of these logins that opens. What it takes to open one is read only when it is tried, and kept in
    /// `resolved`.
    ///
    /// # Errors
    /// None opens: why, of each. Or a question was interrupted.
    pub(crate) async fn first(
        (config, sign_in_seconds): (&Config, u64),
        client: &Client,
        logins: &[&Login],
        resolved: &mut Resolved,
        events: &EventSink<'_>,
    ) -> Result<Self, Failure> {
        let mut failures = Vec::new();
        for login in logins {
            let mut missing = Vec::new();
            let mut wanted = of_logins(std::iter::once(*login));
            wanted.retain(|reference| !resolved.contains_key(*reference));
            resolved.extend(resolve(wanted, &mut missing, &mut Vec::new()).await);
            let context = LoginContext {
                config,
                resolved,
                sign_in_seconds,
            };
            let tried = match Failure::all(missing) {
                Some(failure) => Err(failure),
                None => Self::open(&context, client, login, events).await,
            };
            match tried {
                Err(failure) if matches!(failure.exit, Exit::Interrupted(_)) => {
                    return Err(failure);
                }
                Err(failure) => {
                    events.warn(
                        failure.code(),
                        format!("the login {} does not open: {failure}", login.name),
                    );
                    failures.push(failure);
                }
                opened => return opened,
            }
        }
        let nobody = || Failure::usage(Code::NoLogin, "no break-glass login is declared");
        Err(Failure::all(failures).unwrap_or_else(nobody))
    }

    /// Its token.
    pub(crate) fn token(&self) -> &Token {
        &self.answer.token
    }

    /// Whether its token lives long enough for something that takes its time.
    pub(crate) async fn lasts(&self, client: &Client) -> Result<bool, Error> {
        match token::lookup_self(client, self.token()).await {
            Ok(info) => Ok(info.ttl == 0 || info.ttl >= SECONDS_LEFT),
            Err(error) if error.is_forbidden() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends its token. One that cannot be ended is said, and ends by itself.
    pub(crate) async fn end(self, client: &Client, events: &EventSink<'_>) {
        let name = self.name;
        match token::revoke_self(client, self.answer.token).await {
            Err(error) if !error.is_forbidden() => events.warn(
                Code::RunLeftOpen,
                format!(
                    "the token of {name} could not be revoked and stays valid until its ttl ends: {error}"
                ),
            ),
            // Ended, or it had ended by itself.
            _ => {}
        }
    }
}

/// The failure, with what can be done about it by what this file says of the login.
fn mended(config: &Config, login: &Login, failure: Failure) -> Failure {
    if failure.code() != Code::LoginDenied {
        return failure;
    }
    match &login.kind {
        LoginKind::AppRole { .. } => with_what_is_sent(config, login, failure),
        LoginKind::Userpass { username, password } => {
            failure.advise(of_password(config, login, username, password))
        }
        _ => failure,
    }
}

/// What to do about a password that the server does not take: to compare it with itself helps nobody.
fn of_password(config: &Config, login: &Login, username: &str, password: &SecretRef) -> String {
    let mount = config.auth_mount(&login.auth);
    let user = mount.and_then(|mount| mount.user(username));
    let sent = user.and_then(|user| user.get("password"));
    let said = match (password, sent) {
        (SecretRef::Prompt(_), _) => "type it again".to_owned(),
        (_, Some(Field::Secret(sent))) if sent != password => format!(
            "the login takes it from {password}, and auth.{}.users.{username} of the file from {sent}: let both be the one \
             that is in force",
            login.auth
        ),
        (_, Some(_)) => format!(
            "the server has another password for {username} than {password}, or has locked {username} for a while after \
             wrong ones: put the one in force there"
        ),
        (_, None) => format!(
            "put the password into {password} that password_hash of auth.{}.users.{username} is made of",
            login.auth
        ),
    };
    let others = config.doors();
    let others = others.iter().map(|other| other.name.as_str());
    let others: Vec<_> = others.filter(|name| *name != login.name).collect();
    if others.is_empty() {
        return said;
    }
    format!(
        "{said}; or once root is revoked with another login: --login {}",
        others.join(", --login ")
    )
}

/// Of an approle whose ids the file itself sends, with where it does: nobody makes a new secret_id while only root could.
fn with_what_is_sent(config: &Config, login: &Login, failure: Failure) -> Failure {
    let roles = format!("auth/{}/role/", login.auth);
    let is_id = |path: &&str| {
        let ends = ["/role-id", "/custom-secret-id"]
            .iter()
            .any(|end| path.ends_with(end));
        path.starts_with(&roles) && ends
    };
    let sent = config.writes.iter().map(|write| write.path.as_str());
    let sent: Vec<_> = sent.filter(is_id).collect();
    if sent.is_empty() {
        return failure;
    }
    let sent = sent.join(" and ");
    failure.advise(format!(
        "compare role_id and secret_id of the login with what writes of the file sends to {sent}; then look at \
         secret_id_ttl, secret_id_num_uses and secret_id_bound_cidrs of the role"
    ))
}

/// The break-glass logins in the order in which they are tried: no person is called for what a program can do.
pub(crate) fn break_glass_logins(config: &Config) -> Vec<&Login> {
    let mut logins = config.doors();
    logins.sort_by_key(|login| login.needs_a_person());
    logins
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::from_text;

    #[test]
    fn advice_about_a_password_that_is_refused_is_possible() {
        for (users, login, expected) in [
            (
                "{users: {ada: {password: {file: /s/ada}}, bob: {password: {file: /s/bob}}}}",
                "{file: /s/ada}",
                "the server has another password for ada than /s/ada, or has locked ada for a while after wrong ones: put \
                the one in force there; or once root is revoked \
                 with another login: --login bob",
            ),
            (
                "{users: {ada: {password: {file: /s/other}}, bob: {password: {file: /s/bob}}}}",
                "{file: /s/ada}",
                "the login takes it from /s/ada, and auth.userpass.users.ada of the file from /s/other: let both be",
            ),
            (
                "{users: {ada: {password: {file: /s/ada}}, bob: {password: {file: /s/bob}}}}",
                "{prompt: password of ada}",
                "type it again; or ",
            ),
            (
                "{users: {ada: {password_hash: {file: /s/hash}}, bob: {password: {file: /s/bob}}}}",
                "{file: /s/ada}",
                "put the password into /s/ada that password_hash of auth.userpass.users.ada is made of; or",
            ),
        ] {
            let text = format!(
                r#"version: 1
cluster: {{name: lab, address: "http://127.0.0.1:8200"}}
init:
  shares: 1
  threshold: 1
  custodians: [{{name: alice, age: {{recipient: age1alice, file: shares/alice.age}}}}]
checkpoint: {{path: lab, key: {{identity: keys/checkpoint.agekey}}}}
audit: {{}}
auth: {{userpass: {users}}}
logins:
  ada: {{auth: userpass, username: ada, password: {login}}}
  bob: {{auth: userpass, username: bob, password: {{file: /s/bob}}}}
break_glass: {{logins: [ada, bob]}}
"#
            );
            let env = |_: &str| None;
            let config = from_text(&text, Path::new("/b.yaml"), Path::new("/"), &env).unwrap();
            let denied = Failure::failed(Code::LoginDenied, "wrong").advise("compare");
            let ada = config.login("ada").unwrap();
            let said = mended(&config, ada, denied);
            let advice = said.problems[0].advice.clone().unwrap();
            assert!(advice.starts_with(expected), "{advice}");
        }
    }
}
