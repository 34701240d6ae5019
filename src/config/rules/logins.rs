//! Rules of logins: what each one needs by the type of its auth method, and what it names there.

use std::time::Duration;

use super::auth::{auth_type, mount_of, setting};
use crate::code::Code;
use crate::config::auth_types::mount_path;
use crate::config::check::quoted;
use crate::config::reading::{Reading, under};
use crate::config::tree::Kind;
use crate::span;

/// Types of auth methods that a login can use, with the keys that belong to each, and how many of these it needs.
const TYPES: [(&str, &[&str], usize); 7] = [
    ("userpass", &["username", "password"], 2),
    ("approle", &["role_id", "secret_id"], 2),
    ("jwt", &["role", "with"], 2),
    ("kubernetes", &["role", "with"], 2),
    ("oidc", &["role", "with"], 1),
    ("ldap", &["username", "password"], 1),
    ("cert", &["certificate", "key", "role"], 2),
];
/// All of these keys.
const KEYS: [&str; 8] = [
    "username",
    "password",
    "role_id",
    "secret_id",
    "role",
    "with",
    "certificate",
    "key",
];

pub(super) fn auth_methods_exist(reading: &mut Reading) {
    let Some(mounts) = reading.keys(&["auth"]) else {
        return;
    };
    for (path, auth) in reading.texts(&["logins", "*", "auth"]) {
        let mut paths = mounts.iter().map(|mount| mount_path(mount));
        if paths.any(|path| path == mount_path(auth)) {
            continue;
        }
        let known = match quoted(mounts.iter().copied(), "and") {
            known if known.is_empty() => "`auth` is empty".into(),
            known => format!("`auth` has {known}"),
        };
        let text = format!("no auth method of this file has this path; {known}");
        reading.refuse(Code::NameUnknown, &path, text);
    }
}

/// What revokes root needs somebody who shows afterwards that the server still answers.
pub(super) fn somebody_can_log_in_without_root(reading: &mut Reading) {
    let keeps = reading.value::<bool>(&["revoke_root"]) == Some(false);
    if keeps
        || reading
            .keys(&["logins"])
            .is_none_or(|logins| !logins.is_empty())
    {
        return;
    }
    let path = ["logins"];
    let text = "root is to be revoked, and nobody could log in afterwards: declare a login, or write `revoke_root: false`";
    if reading.has(&path) == Some(true) {
        reading.refuse(Code::NoLogin, &path, text);
    } else {
        reading.refuse(Code::NoLogin, &["break_glass"], text);
    }
}

pub(super) fn capabilities_say_something(reading: &mut Reading) {
    for key in ["can", "cannot"] {
        for path in reading.all(&["logins", "*", key, "*"]) {
            let [_, login, _, api_path] = &path[..] else {
                continue;
            };
            if reading.count(&path) == Some(0) {
                reading.refuse(
                    Code::FileValueInvalid,
                    &path,
                    "the list is empty, so nothing would be checked",
                );
            }
            if api_path.starts_with('/') || api_path.starts_with("v1/") || api_path.is_empty() {
                reading.refuse(
                    Code::FileValueInvalid,
                    &path,
                    "an API path has no `/` in front and no `v1/`",
                );
            }
            if key == "cannot" {
                contradiction(reading, login, api_path);
            }
        }
    }
}

fn contradiction(reading: &mut Reading, login: &str, api_path: &str) {
    let allowed = texts(reading, &["logins", login, "can", api_path]);
    let path = ["logins", login, "cannot", api_path];
    let denied = texts(reading, &path);
    if let Some(both) = denied.iter().find(|denied| allowed.contains(denied)) {
        let text = format!("`{both}` stands in `can` for this path as well");
        reading.refuse(Code::FileContradicts, &path, text);
    }
}

/// The sound texts of a list.
fn texts<'a>(reading: &Reading<'a>, path: &[&str]) -> Vec<&'a str> {
    let places = reading.places(path);
    let text = |place: &String| reading.text(&under(path, &[place]));
    places.iter().filter_map(text).collect()
}

pub(super) fn keys_fit_the_auth_method(reading: &mut Reading) {
    for login in reading.keys(&["logins"]).unwrap_or_default() {
        let mount = mount_of(reading, login);
        let Some(auth_type) = mount.and_then(|mount| auth_type(reading, mount)) else {
            continue;
        };
        let Some((_, takes, needs)) = TYPES.iter().find(|(name, ..)| *name == auth_type) else {
            let known = quoted(TYPES.map(|(name, ..)| name), "or");
            let text = format!(
                "this program logs in through {known}, not through an auth method of this type"
            );
            reading.refuse(Code::FileContradicts, &["logins", login, "auth"], text);
            continue;
        };
        for key in KEYS {
            let path = ["logins", login, key];
            let has = reading.has(&path);
            if has == Some(true) && !takes.contains(&key) {
                let takes = quoted(takes.iter().copied(), "and");
                let text = format!("a login through `{auth_type}` takes {takes}");
                reading.refuse(Code::FileContradicts, &path, text);
            }
            if has == Some(false) && takes[..*needs].contains(&key) {
                let text =
                    format!("missing key `{key}`, which a login through `{auth_type}` needs");
                reading.refuse(Code::FileKeyMissing, &["logins", login], text);
            }
        }
    }
}

pub(super) fn members_exist_and_fit(reading: &mut Reading) {
    for login in reading.keys(&["logins"]).unwrap_or_default() {
        let Some(mount) = mount_of(reading, login) else {
            continue;
        };
        match auth_type(reading, mount) {
            Some("userpass") => {
                member(reading, &["logins", login, "username"], mount, "users");
            }
            Some(auth_type @ ("jwt" | "kubernetes" | "oidc")) => {
                let path = ["logins", login, "role"];
                if let Some(role) = member(reading, &path, mount, "roles") {
                    with_fits(reading, login, auth_type, &["auth", mount, "roles", role]);
                }
            }
            Some("cert") => {
                member(reading, &["logins", login, "role"], mount, "roles");
            }
            _ => {}
        }
    }
}

/// The role or user that a login names, where there is one.
pub(super) fn member<'a>(
    reading: &mut Reading<'a>,
    path: &[&str],
    mount: &str,
    kind: &str,
) -> Option<&'a str> {
    let wanted = reading.text(path)?;
    let members = reading.keys(&["auth", mount, kind])?;
    if members.contains(&wanted) {
        return Some(wanted);
    }
    let known = match quoted(members, "and") {
        known if known.is_empty() => "it has none".into(),
        known => format!("it has {known}"),
    };
    let mount = mount_path(mount);
    let text = format!("not one of the {kind} of `auth.{mount}` in this file; {known}");
    reading.refuse(Code::NameUnknown, path, text);
    None
}

/// Kubernetes refuses a shorter life for a token (kubernetes: pkg/apis/authentication/validation).
const SHORTEST_LIFE: Duration = Duration::from_secs(600);

/// A token that Kubernetes would not make is found before anything else is.
pub(super) fn tokens_live_long_enough(reading: &mut Reading) {
    for login in reading.keys(&["logins"]).unwrap_or_default() {
        let path = ["logins", login, "with", "token_request", "expiration"];
        let life = reading.value::<Duration>(&path);
        if life.is_some_and(|life| life < SHORTEST_LIFE) {
            let shortest = span::text(SHORTEST_LIFE);
            let text = format!("Kubernetes makes no token for less than {shortest}");
            reading.refuse(Code::FileValueInvalid, &path, text);
        }
    }
}

/// How a login gets its credential, against what its role takes.
fn with_fits(reading: &mut Reading, login: &str, auth_type: &str, role: &[&str]) {
    let path = ["logins", login, "with"];
    let (Some(role_type), Some(callback), Some(given)) = (
        setting(reading, role, "role_type"),
        setting(reading, role, "callback_mode"),
        reading.has(&path),
    ) else {
        return;
    };
    // A map says where a JWT comes from, a text how a person gets to the provider; the browser is the default.
    let with = match reading.find(&path).map(|node| &node.kind) {
        Some(Kind::Map(_)) => None,
        _ if given && reading.text(&path).is_none() => return,
        _ => Some(reading.text(&path).unwrap_or("browser")),
    };
    let for_people = auth_type != "kubernetes" && role_type != "jwt";
    match with {
        None if for_people => reading.refuse(
            Code::FileContradicts,
            &path,
            "the role is for people (`role_type: oidc`); a JWT needs a role with `role_type: jwt`",
        ),
        // A method that needs `with` says so itself where it is missing.
        Some(_) if !for_people && (given || auth_type == "oidc") => {
            reading.refuse(Code::FileContradicts, &path, "the role takes a JWT: `with` is `{token_file: …}`, `{command: …}` or `{token_request: …}`");
        }
        Some(with) if for_people && (with == "device") != (callback == "device") => {
            let text = "`with: device` and `callback_mode: device` of the role go together";
            reading.refuse(Code::FileContradicts, &path, text);
        }
        _ => {}
    }
}
