//! Auth methods whose system cannot be here: an identity provider, a Kubernetes cluster, a directory. The file says what
//! stands in their place, or what to add to it is said.

use crate::code::Code;
use crate::config::{
    AuthMount, Config, Field, Fields, Instead, LoginKind, SecretRef, TokenSource, yaml,
};
use crate::disk::read;
use crate::failure::Failure;
use crate::hex;
use crate::throwaway::instance::{Instance, unwritable};
use crate::throwaway::random;

/// Field of a config by which a type of auth method finds its system.
const ENDPOINTS: [(&str, &str); 5] = [
    ("oidc", "oidc_discovery_url"),
    ("jwt", "oidc_discovery_url"),
    ("jwt", "jwks_url"),
    ("kubernetes", "kubernetes_host"),
    ("ldap", "url"),
];
/// What a user has of a role. Addresses that a token is bound to are those of other machines.
const BOUND: &str = "token_bound_cidrs";

/// Holds that there is something in the place of each system that is not here, and that what the section names is there.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    let named = |mount: &&AuthMount| {
        config
            .throwaway
            .auth
            .iter()
            .any(|(path, _)| *path == mount.path)
    };
    let unknown = config
        .throwaway
        .auth
        .iter()
        .find(|(path, _)| config.auth_mount(path).is_none());
    if let Some((path, _)) = unknown {
        return Err(Failure::usage(
            Code::NameUnknown,
            format!("throwaway.auth.{path}: no auth method of the file has this path"),
        )
        .advise("name one of auth, or take the line out"));
    }
    let away = config
        .auth
        .iter()
        .filter(|mount| !named(mount) && is_away(config, mount));
    let away: Vec<_> = away.collect();
    if away.is_empty() {
        return Ok(());
    }
    let list = away
        .iter()
        .map(|mount| format!("auth.{} ({})", mount.path, mount.auth_type));
    let lines = away
        .iter()
        .map(|mount| format!("{}: {{stand_in: userpass}}", yaml(&mount.path)));
    let (list, lines) = (
        list.collect::<Vec<_>>().join(", "),
        lines.collect::<Vec<_>>().join(", "),
    );
    Err(Failure::usage(
        Code::SystemAway,
        format!("a system that logins stand on cannot be on this machine: {list}"),
    )
    .advise(format!(
        "add to {}, or say {{endpoint: URL}} where there is one here: throwaway: {{auth: {{{lines}}}}}",
        config.file.display()
    )))
}

/// Whether it asks a system of which nothing says that it is here.
fn is_away(config: &Config, mount: &AuthMount) -> bool {
    let asks = |field: &str| mount.config.get(field).is_some();
    let mut logins = config
        .logins
        .iter()
        .filter(|login| login.auth == mount.path);
    match mount.auth_type.as_str() {
        "userpass" | "approle" => false,
        "oidc" | "kubernetes" | "ldap" => true,
        "jwt" => {
            asks("oidc_discovery_url")
                || asks("jwks_url")
                || logins.any(|login| !is_ready(&login.kind))
        }
        _ => logins.any(|login| !is_ready(&login.kind)),
    }
}

/// Whether what it logs in with is here.
fn is_ready(login: &LoginKind) -> bool {
    let there = |path| read::open_or_handed(path).is_ok();
    match login {
        LoginKind::Cert {
            certificate: SecretRef::File(certificate),
            key: SecretRef::File(key),
            ..
        } => there(certificate) && there(key),
        LoginKind::Jwt {
            with: TokenSource::TokenFile(path),
            ..
        } => there(path),
        LoginKind::Jwt {
            with: TokenSource::Command(_),
            ..
        } => true,
        _ => false,
    }
}

/// Puts there what the section says.
pub(super) fn replace(
    config: &mut Config,
    instance: &Instance,
    told: &mut Vec<String>,
) -> Result<(), Failure> {
    for (path, instead) in config.throwaway.auth.clone() {
        match instead {
            Instead {
                endpoint: Some(endpoint),
                ..
            } => {
                told.push(format!("auth.{path}: its system is {endpoint}"));
                at_endpoint(config, &path, endpoint.as_str());
            }
            _ => {
                told.push(format!(
                    "auth.{path}: userpass, each role a user with its policies"
                ));
                users(config, &path, instance)?;
            }
        }
    }
    Ok(())
}

fn at_endpoint(config: &mut Config, path: &str, endpoint: &str) {
    let Some(mount) = config.auth.iter_mut().find(|mount| mount.path == path) else {
        return;
    };
    for (of_type, field) in ENDPOINTS {
        if mount.auth_type != of_type {
            continue;
        }
        for (name, value) in &mut mount.config.0 {
            if name == field {
                // The issuer is the address to the letter.
                *value = Field::String(endpoint.trim_end_matches('/').to_owned());
            }
        }
    }
}

fn users(config: &mut Config, path: &str, instance: &Instance) -> Result<(), Failure> {
    let Some(mount) = config.auth.iter_mut().find(|mount| mount.path == path) else {
        return Ok(());
    };
    let mut users: Vec<(String, Fields)> = Vec::new();
    let password = |name: &str| {
        let file = format!("stand-in/{}/{}", hex::file_name(path), hex::file_name(name));
        let word = random::word::<24>().map_err(|error| unwritable(instance.path(), &error))?;
        instance.write(&file, &word).map(SecretRef::File)
    };
    for (name, fields) in mount.roles.iter().chain(&mount.users) {
        // As the server keeps it.
        let name = name.to_lowercase();
        let mut kept = of_user(fields);
        kept.push(("password".into(), Field::Secret(password(&name)?)));
        users.push((name, Fields(kept)));
    }
    for login in config.logins.iter_mut().filter(|login| login.auth == path) {
        let name = match &login.kind {
            LoginKind::Oidc { role, .. }
            | LoginKind::Jwt { role, .. }
            | LoginKind::Kubernetes { role, .. }
            | LoginKind::Cert {
                role: Some(role), ..
            } => role.to_lowercase(),
            LoginKind::Ldap { username, .. } => username.to_lowercase(),
            _ => login.name.to_lowercase(),
        };
        if !users.iter().any(|(user, _)| *user == name) {
            let fields = vec![("password".into(), Field::Secret(password(&name)?))];
            users.push((name.clone(), Fields(fields)));
        }
        let found = users.iter().find(|(user, _)| *user == name);
        if let Some(Field::Secret(password)) = found.and_then(|(_, fields)| fields.get("password"))
        {
            login.kind = LoginKind::Userpass {
                username: name,
                password: password.clone(),
            };
        }
    }
    "userpass".clone_into(&mut mount.auth_type);
    mount.config = Fields::default();
    mount.roles.clear();
    mount.users = users;
    Ok(())
}

/// What is of tokens in a role, a user of a directory or a group there.
fn of_user(fields: &Fields) -> Vec<(String, Field)> {
    let kept = fields
        .iter()
        .filter_map(|(name, value)| match name.as_str() {
            BOUND => None,
            "policies" => Some(("token_policies".to_owned(), value.clone())),
            name if name.starts_with("token_") => Some((name.to_owned(), value.clone())),
            _ => None,
        });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn example(more: &str) -> Config {
        let text = concat!(include_str!("../../bootstrap.example.yaml"), "\n").to_owned() + more;
        let env = |name: &str| (name == "OIDC_CLIENT_ID").then(|| "client".to_owned());
        crate::config::from_text(&text, Path::new("bootstrap.yaml"), Path::new("/x"), &env).unwrap()
    }

    #[test]
    fn the_line_that_is_advised_is_all_that_the_example_needs() {
        let failure = check(&example("")).unwrap_err();
        let advice = failure.problems[0].advice.clone().unwrap();
        let line = &advice[advice.find("throwaway: {").unwrap()..];
        for path in ["oidc", "kubernetes", "ci", "ldap"] {
            assert!(line.contains(&format!("{path}: {{stand_in")), "{line}");
        }
        assert!(check(&example(line)).is_ok());
        let typo = check(&example("throwaway: {auth: {oidcc: {stand_in: userpass}}}"));
        assert!(typo.unwrap_err().to_string().contains("auth.oidcc"));
    }

    #[test]
    fn a_user_has_what_its_role_says_of_tokens_and_no_address_of_another_machine() {
        let text = |text: &str| Field::String(text.to_owned());
        let role = Fields(vec![
            ("bound_audiences".into(), text("x")),
            ("token_policies".into(), text("app")),
            (BOUND.into(), text("10.0.0.0/16")),
            ("token_ttl".into(), text("1h")),
        ]);
        let kept: Vec<_> = of_user(&role).into_iter().map(|(name, _)| name).collect();
        assert_eq!(kept, ["token_policies", "token_ttl"]);
    }

    #[test]
    fn an_endpoint_takes_the_place_of_the_one_in_the_file() {
        let mut config = example("throwaway: {auth: {ci: {endpoint: 'http://127.0.0.1:9000'}}}");
        at_endpoint(&mut config, "ci", "http://127.0.0.1:9000/");
        let url = config
            .auth_mount("ci")
            .unwrap()
            .config
            .get("oidc_discovery_url")
            .cloned();
        assert_eq!(url, Some(Field::String("http://127.0.0.1:9000".into())));
    }
}
