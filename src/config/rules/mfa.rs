//! Rules of `mfa`: what the servers refuse half way; and no enforcement may be about a login of this file, which would get no
//! token any more.

use std::collections::BTreeSet;

use super::auth::{auth_type, mount_of};
use super::identity::{ENTITIES, GROUPS, is_name};
use super::names::is_generic_name;
use crate::code::Code;
use crate::config::auth_types::mount_path;
use crate::config::model::identity::{AliasName, Member};
use crate::config::problem::meant;
use crate::config::reading::{Reading, under};
use crate::config::tree::Node;

const METHODS: [&str; 2] = ["mfa", "methods"];
const ENFORCEMENTS: [&str; 2] = ["mfa", "enforcements"];
/// What an enforcement says whom it is about by.
const TARGETS: [&str; 4] = ["auth_methods", "auth_method_types", "groups", "entities"];

pub(super) fn names_fit_the_servers(reading: &mut Reading) {
    for name in reading.keys(&METHODS).unwrap_or_default() {
        if !is_name(name) {
            let text = "a name here is not empty, is neither `.` nor `..`, and has neither `/`, control characters nor spaces \
                        at its ends";
            reading.refuse(Code::FileValueInvalid, &under(&METHODS, &[name]), text);
        }
    }
    for name in reading.keys(&ENFORCEMENTS).unwrap_or_default() {
        if !is_generic_name(name) {
            let text = format!(
                "the servers have no path for `{name}`: letters, digits, `_`, and within the name `-` and `.`"
            );
            reading.refuse(Code::FileValueInvalid, &under(&ENFORCEMENTS, &[name]), text);
        }
    }
}

/// Written by its path, nothing would hold an enforcement against the logins of the file.
pub(super) fn enforcements_have_their_section(reading: &mut Reading) {
    for (place, path) in reading.texts(&["writes", "*", "path"]) {
        if path
            .trim_matches('/')
            .starts_with("identity/mfa/login-enforcement/")
        {
            let text = "an enforcement is written in `mfa.enforcements`, where it is held against the logins of this file";
            reading.refuse(Code::FileValueInvalid, &place, text);
        }
    }
}

pub(super) fn values_are_those_of_the_servers(reading: &mut Reading) {
    const KNOWN: [(&str, &[&str]); 3] = [
        ("digits", &["6", "8"]),
        ("skew", &["0", "1"]),
        ("algorithm", &["SHA1", "SHA256", "SHA512"]),
    ];
    for name in reading.keys(&METHODS).unwrap_or_default() {
        for (field, values) in KNOWN {
            let path = under(&METHODS, &[name, field]);
            let given = reading.node(&path).map(Node::value);
            let given = given.filter(|value| !value.is_null()).map(|value| {
                let text = value.as_str().map(str::to_owned);
                text.unwrap_or_else(|| value.to_string())
            });
            if given.is_some_and(|given| !values.contains(&given.as_str())) {
                let text = format!("the servers take {}", values.join(", "));
                reading.refuse(Code::FileValueInvalid, &path, text);
            }
        }
    }
}

pub(super) fn enforcements_name_what_is_there(reading: &mut Reading) {
    for name in reading.keys(&ENFORCEMENTS).unwrap_or_default() {
        let path = under(&ENFORCEMENTS, &[name]);
        let empty = |key: &str| {
            let path = under(&path, &[key]);
            reading.count(&path) == Some(0)
        };
        let none = |key: &&str| empty(key) || reading.has(&under(&path, &[key])) == Some(false);
        let (no_method, nobody) = (empty("methods"), TARGETS.iter().all(none));
        if no_method {
            let text = "the servers want one method at least: name one of `mfa.methods`";
            reading.refuse(Code::FileContradicts, &under(&path, &["methods"]), text);
        }
        if nobody {
            let text = "nobody would need it: name `auth_methods`, `auth_method_types`, `groups` or `entities`";
            reading.refuse(Code::FileContradicts, &path, text);
        }
    }
    for (key, section) in [
        ("methods", METHODS),
        ("groups", GROUPS),
        ("entities", ENTITIES),
    ] {
        let known = reading.keys(&section);
        for (path, name) in reading.texts(&["mfa", "enforcements", "*", key, "*"]) {
            let unknown = known.as_ref().filter(|known| !known.contains(&name));
            if let Some(known) = unknown {
                let hint = meant(name, known.iter().copied());
                let text = format!("`{}` has no `{name}`{hint}", section.join("."));
                reading.refuse(Code::NameUnknown, &path, text);
            }
        }
    }
    let Some(mounts) = reading.keys(&["auth"]) else {
        return;
    };
    for (path, given) in reading.texts(&["mfa", "enforcements", "*", "auth_methods", "*"]) {
        let wanted = mount_path(given);
        if !mounts.iter().any(|mount| mount_path(mount) == wanted) {
            let short = wanted.strip_prefix("auth/").unwrap_or(&wanted);
            let hint = mounts.iter().find(|mount| mount_path(mount) == short);
            let hint = hint.map_or_else(
                || meant(given, mounts.iter().copied()),
                |mount| format!("; did you mean `{mount}`?"),
            );
            let text = format!("no auth method of this file has this path{hint}");
            reading.refuse(Code::NameUnknown, &path, text);
        }
    }
    let types: Option<BTreeSet<&str>> = mounts.iter().map(|one| auth_type(reading, one)).collect();
    let Some(types) = types else { return };
    for (path, given) in reading.texts(&["mfa", "enforcements", "*", "auth_method_types", "*"]) {
        if !types.contains(given) && given != "token" {
            let hint = meant(given, types.iter().copied());
            let text = format!(
                "no auth method of this file is of this type, which the servers refuse{hint}"
            );
            reading.refuse(Code::NameUnknown, &path, text);
        }
    }
}

/// Whether somebody is who is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Is {
    No,
    /// Who comes in there is said by others: a provider, a certificate, the server.
    Perhaps,
    Yes,
}

/// A login of the file: its auth method, and what that calls it, where the file shows it.
struct Door<'a> {
    login: &'a str,
    mount: &'a str,
    called: Option<String>,
}

pub(super) fn logins_stay_open(reading: &mut Reading) {
    for login in reading.keys(&["logins"]).unwrap_or_default() {
        let Some(mount) = mount_of(reading, login) else {
            continue;
        };
        let called = called(reading, login, mount);
        let door = Door {
            login,
            mount,
            called,
        };
        for target in TARGETS {
            for (path, given) in reading.texts(&["mfa", "enforcements", "*", target, "*"]) {
                let is = match target {
                    "auth_methods" if mount_path(given) == mount_path(mount) => Is::Yes,
                    "auth_method_types" if auth_type(reading, mount) == Some(given) => Is::Yes,
                    "entities" => entity(reading, &door, given),
                    "groups" => group(reading, &door, given, &mut BTreeSet::new()),
                    _ => Is::No,
                };
                tell(reading, &door, &path, is);
            }
        }
    }
}

fn tell(reading: &mut Reading, door: &Door, path: &[String], is: Is) {
    let login = door.login;
    let names = reading.texts(&["break_glass", "logins", "*"]);
    let kind = if names.iter().any(|(_, name)| *name == login) {
        "break-glass login"
    } else {
        "login"
    };
    match is {
        Is::No => {}
        Is::Yes => {
            let text = format!(
                "the {kind} `{login}` would be asked for a second factor, which this program cannot give, so it would not open: \
                 take this out, or let `{login}` come in by another auth method, and as somebody else, whom no enforcement is about"
            );
            reading.refuse(Code::SecondFactor, path, text);
        }
        Is::Perhaps => {
            let text = format!(
                "whoever comes in by the {kind} `{login}` may be meant here, and would not get in: this program cannot give a \
                 second factor"
            );
            reading.warn(Code::SecondFactor, path, text);
        }
    }
}

/// What its auth method calls a login; `None` where the file does not show it.
fn called(reading: &Reading, login: &str, mount: &str) -> Option<String> {
    let own = |keys: &[&str]| {
        let path = under(&["logins", login], keys);
        reading.text(&path).map(str::to_owned)
    };
    match auth_type(reading, mount)? {
        "userpass" => own(&["username"]),
        // With these the directory says who it is, whatever was typed.
        "ldap" => {
            let other = ["userfilter", "upndomain"];
            let says = |key: &&str| reading.has(&["auth", mount, "config", key]) != Some(false);
            own(&["username"]).filter(|_| !other.iter().any(says))
        }
        // A role id does not say which role it belongs to.
        "approle" => match reading.keys(&["auth", mount, "roles"])?[..] {
            [role] => Some(role.to_owned()),
            _ => None,
        },
        "kubernetes" => {
            let request = |key: &str| own(&["with", "token_request", key]);
            let (namespace, account) = (request("namespace")?, request("service_account")?);
            Some(format!("{namespace}/{account}"))
        }
        _ => None,
    }
}

fn alias(door: &Door, alias: &AliasName) -> Is {
    if alias.auth != mount_path(door.mount) {
        return Is::No;
    }
    match &door.called {
        Some(called) if called.eq_ignore_ascii_case(&alias.name) => Is::Yes,
        Some(_) => Is::No,
        None => Is::Perhaps,
    }
}

fn entity(reading: &Reading, door: &Door, name: &str) -> Is {
    let path = under(&ENTITIES, &[name, "aliases"]);
    let places = reading.places(&path);
    let aliases = places.iter().filter_map(|place| {
        let named: AliasName = reading.value(&under(&path, &[place]))?;
        Some(alias(door, &named))
    });
    aliases.max().unwrap_or(Is::No)
}

/// Whether a login is in a group, or in one that is in it. A circle is refused elsewhere.
fn group<'a>(
    reading: &Reading<'a>,
    door: &Door,
    name: &'a str,
    seen: &mut BTreeSet<&'a str>,
) -> Is {
    if !seen.insert(name) {
        return Is::No;
    }
    let path = under(&GROUPS, &[name]);
    let by_provider = reading.value::<AliasName>(&under(&path, &["alias"]));
    let by_provider = by_provider.filter(|alias| alias.auth == mount_path(door.mount));
    let mut is = if by_provider.is_some() {
        Is::Perhaps
    } else {
        Is::No
    };
    let members = under(&path, &["member_entities"]);
    for place in reading.places(&members) {
        is = is.max(match reading.value(&under(&members, &[&place])) {
            Some(Member::Entity(name)) => entity(reading, door, &name),
            Some(Member::Alias(named)) => alias(door, &named),
            None => Is::No,
        });
    }
    let inner = under(&path, &["member_groups"]);
    for place in reading.places(&inner) {
        if let Some(name) = reading.text(&under(&inner, &[&place])) {
            is = is.max(group(reading, door, name, seen));
        }
    }
    is
}
