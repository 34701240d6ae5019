//! Rules of `ldap` and `cert`: what the fields alone show about a login that could not work, or that anybody could read.

use url::Url;

use super::auth::{auth_type, members, mount_of};
use crate::code::Code;
use crate::config::auth_types::mount_path;
use crate::config::reading::{Reading, under};

/// What the server asks where nothing else is said.
const DEFAULT_URL: &str = "ldap://127.0.0.1";
/// What the users and groups of a directory have instead of the fields of other roles.
const NOT_OF_A_DIRECTORY: [&str; 2] = ["token_policies", "token_ttl"];

/// The auth methods of this type that have a `config` in the file; who wrote none configures it elsewhere.
fn configured<'a>(reading: &Reading<'a>, wanted: &str) -> Vec<&'a str> {
    let mounts = reading.keys(&["auth"]).unwrap_or_default();
    let has = |mount: &&str| {
        let keys = reading.keys(&["auth", mount, "config"]);
        auth_type(reading, mount) == Some(wanted) && keys.is_some_and(|keys| !keys.is_empty())
    };
    mounts.into_iter().filter(has).collect()
}

/// A directory that the server cannot find a user in, since nothing says where users are.
pub(super) fn directories_are_complete(reading: &mut Reading) {
    for mount in configured(reading, "ldap") {
        let logins = reading.keys(&["logins"]).unwrap_or_default();
        if !logins
            .iter()
            .any(|login| mount_of(reading, login) == Some(mount))
        {
            continue;
        }
        let config = ["auth", mount, "config"];
        let lacks = |key: &str| reading.has(&under(&config, &[key])) == Some(false);
        let finds_nobody = ["userdn", "upndomain", "binddn", "discoverdn"]
            .into_iter()
            .all(lacks);
        if lacks("url") {
            let text =
                format!("no `url`: the server asks {DEFAULT_URL}, a directory on its own machine");
            reading.warn(Code::FileKeyMissing, &config, text);
        }
        if finds_nobody {
            let text = "missing key `userdn`: nobody is found without it, but with `upndomain`, or with `binddn` or \
                        `discoverdn` and a search from the top";
            reading.refuse(Code::FileKeyMissing, &config, text);
        }
        let pair = ["binddn", "bindpass"].map(|key| reading.has(&under(&config, &[key])));
        if pair == [Some(false), Some(true)] {
            let text = "missing key `binddn`, whose password `bindpass` is";
            reading.refuse(Code::FileKeyMissing, &config, text);
        }
        if pair == [Some(true), Some(false)] && !is_true(reading, &config, "discoverdn") {
            let text = "no `bindpass`: without it `binddn` is not used to search";
            reading.warn(Code::FileKeyMissing, &config, text);
        }
    }
}

/// A directory that hears every password over a line that others can read, or that anybody may pretend to be.
pub(super) fn directories_are_asked_in_secret(reading: &mut Reading) {
    for mount in configured(reading, "ldap") {
        let config = ["auth", mount, "config"];
        let url = under(&config, &["url"]);
        let starts_tls = is_true(reading, &config, "starttls");
        // Several may stand there, with commas between them.
        let given = reading.text(&url).unwrap_or_default();
        let clear = |one: &&str| {
            let parsed = Url::parse(one.trim());
            parsed.is_ok_and(|parsed| parsed.scheme() == "ldap" && !is_on_its_machine(&parsed))
        };
        if !starts_tls && let Some(one) = given.split(',').find(clear) {
            let text = format!(
                "passwords go to {} unencrypted: use `ldaps://`, or `starttls: true`",
                one.trim()
            );
            reading.warn(Code::FileContradicts, &url, text);
        }
        if is_true(reading, &config, "insecure_tls") {
            let text = "the certificate of the directory is not checked, so whoever stands between hears every password; \
                        give its authority in `certificate` instead";
            reading.warn(
                Code::FileContradicts,
                &under(&config, &["insecure_tls"]),
                text,
            );
        }
        if is_false(reading, &config, "deny_null_bind") {
            let text = "with this an empty password opens every account of a directory that takes it for nobody's";
            reading.warn(
                Code::FileContradicts,
                &under(&config, &["deny_null_bind"]),
                text,
            );
        }
    }
}

/// Whether the directory is on the server's own machine. Of a scheme that it does not know, `Url` reads no number.
fn is_on_its_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    matches!(host, "localhost" | "[::1]") || host.starts_with("127.")
}

fn is_true(reading: &Reading, config: &[&str], key: &str) -> bool {
    flag(reading, config, key) == Some(true)
}

fn is_false(reading: &Reading, config: &[&str], key: &str) -> bool {
    flag(reading, config, key) == Some(false)
}

/// A truth value, which the servers take as text too.
fn flag(reading: &Reading, config: &[&str], key: &str) -> Option<bool> {
    let path = under(config, &[key]);
    match reading.text(&path) {
        Some(text) => text.parse().ok(),
        None => reading.value(&path),
    }
}

/// Users and groups of a directory have `policies` alone; other fields are taken without a word, and do nothing.
pub(super) fn members_of_directories_have_policies(reading: &mut Reading) {
    for (mount, kind, name) in members(reading) {
        if auth_type(reading, mount) != Some("ldap") {
            continue;
        }
        for field in NOT_OF_A_DIRECTORY {
            let path = ["auth", mount, kind, name, field];
            if reading.has(&path) != Some(true) {
                continue;
            }
            let text = if field == "token_policies" {
                "the server takes no notice of it here; did you mean `policies`?".to_owned()
            } else {
                let mount = mount_path(mount);
                format!(
                    "the server takes no notice of it here; it stands in `config` of `auth.{mount}`, for all users"
                )
            };
            reading.refuse(Code::FileKeyUnknown, &path, text);
        }
    }
}

/// A certificate is shown by TLS, and is no text that somebody types.
pub(super) fn certificates_can_be_shown(reading: &mut Reading) {
    for login in reading.keys(&["logins"]).unwrap_or_default() {
        let Some(mount) = mount_of(reading, login) else {
            continue;
        };
        if auth_type(reading, mount) != Some("cert") {
            continue;
        }
        let mut addresses = vec![(
            vec!["cluster".to_owned(), "address".to_owned()],
            reading.text(&["cluster", "address"]),
        )];
        let nodes = reading.texts(&["cluster", "nodes", "*"]);
        addresses.extend(nodes.into_iter().map(|(path, node)| (path, Some(node))));
        let plain = addresses
            .iter()
            .find(|(_, address)| address.is_some_and(|address| address.starts_with("http:")));
        if let Some((path, _)) = plain {
            let text = format!(
                "a certificate is shown to the server over TLS alone, and `{}` is `http`",
                path.join(".")
            );
            reading.refuse(Code::FileContradicts, &["logins", login, "auth"], text);
        }
        for key in ["certificate", "key"] {
            let path = ["logins", login, key, "prompt"];
            if reading.has(&path) == Some(true) {
                let text = "PEM has several lines, and a prompt takes one: name a file";
                reading.refuse(Code::FileContradicts, &path, text);
            }
        }
    }
}

/// A role of `cert` without an authority lets nobody in, and the server does not take it.
pub(super) fn roles_of_certificates_have_an_authority(reading: &mut Reading) {
    for (mount, kind, name) in members(reading) {
        let path = ["auth", mount, kind, name];
        let is_role = auth_type(reading, mount) == Some("cert") && kind == "roles";
        if is_role && reading.has(&under(&path, &["certificate"])) == Some(false) {
            let text = "missing key `certificate`: the PEM of the authority whose certificates the role takes";
            reading.refuse(Code::FileKeyMissing, &path, text);
        }
    }
}
