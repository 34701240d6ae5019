//! What a command needs to reach a throwaway server, in its environment or in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use zeroize::Zeroizing;

use crate::config::{Config, Given, LoginKind, SecretRef};
use crate::edge::references::{of_logins, resolve};
use crate::failure::Failure;
use crate::secret::Token;
use crate::shell::quoted;
use crate::throwaway::instance::Instance;

/// Of these no proxy knows anything.
const LOOPBACK: [&str; 2] = ["127.0.0.1", "localhost"];
/// What variables of logins begin with.
pub(super) const LOGIN: &str = "VAULT_BOOTSTRAP_LOGIN_";
/// The word of a shell by which its children get a variable.
const FOR_CHILDREN: &str = "export";
/// What is shown where a person would read a secret.
const MASK: &str = "…";

/// One variable.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: Zeroizing<String>,
    /// Not to be read over a shoulder.
    secret: bool,
}

/// In which form they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// For `. FILE` of a shell, and for `eval`.
    #[default]
    Shell,
    /// For `$GITHUB_ENV` of GitHub Actions.
    Github,
    /// For `artifacts:reports:dotenv` of GitLab.
    Gitlab,
    /// An object.
    Json,
}

/// All of them; what logins need is written into files of `instance`.
pub(super) async fn of(
    config: &Config,
    (address, token): (&str, &Token),
    instance: &Instance,
) -> Result<Vec<Variable>, Failure> {
    let mut all = Vec::new();
    let mut add = |name: String, value: Zeroizing<String>, secret| {
        all.push(Variable {
            name,
            value,
            secret,
        });
    };
    let authority = instance.file("ca.pem").display().to_string();
    for product in ["VAULT", "BAO"] {
        add(format!("{product}_ADDR"), address.to_owned().into(), false);
        add(format!("{product}_CACERT"), authority.clone().into(), false);
        if let Some(namespace) = &config.cluster.namespace {
            add(
                format!("{product}_NAMESPACE"),
                namespace.clone().into(),
                false,
            );
        }
        add(format!("{product}_TOKEN"), token.written_out(), true);
    }
    for name in ["NO_PROXY", "no_proxy"] {
        let hosts = with_loopback(std::env::var_os(name).as_deref());
        add(name.to_owned(), hosts.into(), false);
    }
    for (name, request) in logins(config, instance).await? {
        add(name, request.into(), false);
    }
    Ok(all)
}

/// For each login that needs nobody, the words behind `bao write` that log in as it: `auth/userpass/login/ada
/// password=@FILE`.
async fn logins(config: &Config, instance: &Instance) -> Result<Vec<(String, String)>, Failure> {
    let mut found = Vec::new();
    for login in &config.logins {
        if login.needs_a_person() {
            continue;
        }
        let mut failures = Vec::new();
        let wanted = of_logins(std::iter::once(login));
        let resolved = resolve(wanted, &mut failures, &mut Vec::new()).await;
        Failure::check(failures)?;
        let name = variable_of(&login.name);
        let handed = |reference: &SecretRef, field: &str| {
            let text = resolved.get(reference).map(|secret| secret.written_out());
            let file = format!("logins/{name}.{field}");
            let path = instance.write(&file, text.as_deref().map_or("", String::as_str))?;
            Ok::<_, Failure>(format!("{field}=@{}", path.display()))
        };
        let mount = &login.auth;
        let request = match &login.kind {
            LoginKind::Userpass { username, password } | LoginKind::Ldap { username, password } => {
                format!(
                    "auth/{mount}/login/{username} {}",
                    handed(password, "password")?
                )
            }
            LoginKind::AppRole { role_id, secret_id } => {
                let role_id = match role_id {
                    Given::Plain(text) => format!("role_id={text}"),
                    Given::Secret(reference) => handed(reference, "role_id")?,
                };
                format!(
                    "auth/{mount}/login {role_id} {}",
                    handed(secret_id, "secret_id")?
                )
            }
            // A certificate or a token of somebody else is no text to hand on.
            _ => continue,
        };
        found.push((format!("{LOGIN}{name}"), request));
    }
    Ok(found)
}

/// `on-call` as `ON_CALL`.
fn variable_of(name: &str) -> String {
    let plain = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() => letter.to_ascii_uppercase(),
        _ => '_',
    };
    name.chars().map(plain).collect()
}

/// They as a text; `masked` where a person reads along.
pub(super) fn text(variables: &[Variable], form: Form, masked: bool) -> Zeroizing<String> {
    let shown = |one: &Variable| {
        if one.secret && masked {
            Zeroizing::new(MASK.to_owned())
        } else {
            one.value.clone()
        }
    };
    if form == Form::Json {
        let entries = variables.iter().map(|one| {
            let (name, value) = (&one.name, shown(one));
            // Neither address, path nor token has a character that JSON would have to escape but these.
            let value = Zeroizing::new(value.replace('\\', "\\\\").replace('"', "\\\""));
            Zeroizing::new(format!("  \"{name}\": \"{}\"", &*value))
        });
        let entries: Vec<_> = entries.collect();
        let lines: Vec<&str> = entries.iter().map(|entry| entry.as_str()).collect();
        return Zeroizing::new(format!("{{\n{}\n}}\n", lines.join(",\n")));
    }
    let lines: Vec<_> = variables
        .iter()
        .map(|one| {
            let value = shown(one);
            let quotes = Zeroizing::new(quoted(&value));
            let (word, blank, value) = match form {
                Form::Shell => (FOR_CHILDREN, " ", &quotes),
                _ => ("", "", &value),
            };
            Zeroizing::new([word, blank, &one.name, "=", value, "\n"].concat())
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
    Zeroizing::new(lines.concat())
}

/// As [`text`] wrote them in JSON.
pub(super) fn read(text: &str) -> Option<Vec<Variable>> {
    let all: BTreeMap<String, String> = serde_json::from_str(text).ok()?;
    let variable = |(name, value): (String, String)| Variable {
        secret: name.ends_with("_TOKEN"),
        name,
        value: value.into(),
    };
    Some(all.into_iter().map(variable).collect())
}

/// What no proxy is asked for, and loopback.
fn with_loopback(before: Option<&OsStr>) -> String {
    let before = before.map(OsStr::to_string_lossy).unwrap_or_default();
    let hosts = before
        .split(',')
        .map(str::trim)
        .filter(|host| !host.is_empty());
    let mut seen = BTreeSet::new();
    let hosts = hosts.chain(LOOPBACK).filter(|host| seen.insert(*host));
    hosts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_added_to_what_no_proxy_is_asked_for() {
        for (before, expected) in [
            (None, "127.0.0.1,localhost"),
            (Some(""), "127.0.0.1,localhost"),
            (Some("a.b, localhost"), "a.b,localhost,127.0.0.1"),
        ] {
            assert_eq!(with_loopback(before.map(OsStr::new)), expected);
        }
    }

    #[test]
    fn each_form_is_what_its_reader_takes_and_a_person_reads_no_secret() {
        let all = || {
            [("A", "/a b/c\"d", false), ("A_TOKEN", "hvs.x", true)].map(|(name, value, secret)| {
                let (name, value) = (name.to_owned(), value.to_owned().into());
                Variable {
                    name,
                    value,
                    secret,
                }
            })
        };
        let shell = text(&all(), Form::Shell, false);
        assert_eq!(*shell, "export A='/a b/c\"d'\nexport A_TOKEN=hvs.x\n");
        let dotenv = "A=/a b/c\"d\nA_TOKEN=hvs.x\n";
        assert_eq!(*text(&all(), Form::Gitlab, false), dotenv);
        assert_eq!(*text(&all(), Form::Github, false), dotenv);
        let json = text(&all(), Form::Json, false);
        let again = read(&json).unwrap();
        assert_eq!(*text(&again, Form::Shell, false), *shell);
        for form in [Form::Shell, Form::Gitlab, Form::Json] {
            assert!(!text(&again, form, true).contains("hvs.x"));
        }
    }

    #[test]
    fn the_name_of_a_login_is_one_of_a_variable() {
        assert_eq!(variable_of("on-call.2"), "ON_CALL_2");
    }
}
