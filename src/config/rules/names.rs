//! Rules of names, addresses and places that the servers have no path for: they answer with 404 and do not say why.

use url::Url;

use super::auth::{auth_type, members};
use crate::code::Code;
use crate::config::auth_types::mount_path;
use crate::config::check::not_read;
use crate::config::problem::meant;
use crate::config::reading::{Reading, under};
use crate::config::sections;
use crate::span;

/// Types whose configuration has more than one path, or another one than `config`, and where it goes instead.
const CONFIGURED_ELSEWHERE: [(&str, &str, &str); 4] = [
    (
        "auth",
        "aws",
        "write `auth/PATH/config/client` under `writes`",
    ),
    (
        "secrets",
        "database",
        "write each connection under `connections`, by its name",
    ),
    (
        "secrets",
        "pki",
        "write `urls`, `cluster`, `crl`, `acme` or `auto_tidy`, and times under `tune`",
    ),
    ("secrets", "ssh", "write `ca`"),
];

/// A misspelt code would accept nothing, and nobody would notice before the finding comes.
pub(super) fn accepted_codes_exist(reading: &mut Reading) {
    for name in reading.keys(&["accept"]).unwrap_or_default() {
        let known = || Code::ALL.iter().map(|code| code.text());
        if !known().any(|code| code == name) {
            let hint = meant(name, known());
            let text = format!("no finding has the code `{name}`{hint}");
            reading.refuse(Code::NameUnknown, &["accept", name], text);
        }
    }
}

pub(super) fn addresses_end_before_the_api(reading: &mut Reading) {
    let before_the_api = |address: &str| {
        let path = Url::parse(address).map(|url| url.path().trim_end_matches('/').to_owned());
        !path.is_ok_and(|path| path == "/v1" || path.ends_with("/v1"))
    };
    let patterns: [&[&str]; 2] = [&["cluster", "address"], &["cluster", "nodes", "*"]];
    for pattern in patterns {
        let text = "leave `/v1` out: the program adds it, as `VAULT_ADDR` has none either";
        reading.refuse_unless(Code::FileValueInvalid, pattern, before_the_api, text);
    }
}

/// `\w(([\w-.]+)?\w)?` in both products (`framework.GenericNameRegex`): anything else is a path that is not there.
pub(super) fn members_have_names_of_a_path(reading: &mut Reading) {
    for (mount, kind, name) in members(reading) {
        let typed = auth_type(reading, mount);
        let typed = typed.is_some_and(|kind| crate::config::auth_types::TYPED.contains(&kind));
        if typed && !is_generic_name(name) {
            let text = format!(
                "the servers have no path for `{name}`: letters, digits, `_`, and within the name `-` and `.`"
            );
            reading.refuse(Code::FileValueInvalid, &["auth", mount, kind, name], text);
        }
    }
}

pub(super) fn is_generic_name(name: &str) -> bool {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    name.starts_with(word)
        && name.ends_with(word)
        && name
            .chars()
            .all(|letter| word(letter) || "-.".contains(letter))
}

pub(super) fn configurations_have_their_place(reading: &mut Reading) {
    for (section, of_type, place) in CONFIGURED_ELSEWHERE {
        for path in reading.keys(&[section]).unwrap_or_default() {
            let found = match section {
                "auth" => auth_type(reading, path),
                _ => reading.text(&[section, path, "type"]),
            };
            let config = under(&[section, path], &["config"]);
            if found == Some(of_type) && reading.has(&config) == Some(true) {
                let text = format!("{of_type} has no path `config` of its own: {place}");
                reading.refuse(Code::FileValueInvalid, &config, text);
            }
        }
    }
}

/// Ends of the names of fields that are times. What no server reads would be answered with 400 after `sys/init`.
const TIMES: [&str; 8] = [
    "ttl", "period", "interval", "duration", "timeout", "expiry", "buffer", "leeway",
];

/// Times of engines and methods that have no model here. Data of `kv` may say anything.
pub(super) fn times_are_those_of_the_servers(reading: &mut Reading) {
    let patterns: [&[&str]; 4] = [
        &["secrets", "*", "config"],
        &["auth", "*", "config"],
        &["auth", "*", "roles", "*"],
        &["auth", "*", "users", "*"],
    ];
    let mut places: Vec<_> = patterns.iter().flat_map(|one| reading.all(one)).collect();
    places.extend(
        sections::entries(reading.root)
            .into_iter()
            .map(|one| one.place),
    );
    for (place, path) in reading.texts(&["writes", "*", "path"]) {
        if !is_in_kv(reading, path) {
            places.push([&place[..2], &["data".to_owned()]].concat());
        }
    }
    for place in places {
        for name in reading.keys(&place).unwrap_or_default() {
            let here = [&place[..], &[name.to_owned()]].concat();
            let text = reading.text(&here).unwrap_or_default();
            let Some(time) = span::read(text) else {
                continue;
            };
            if TIMES.iter().any(|end| name.ends_with(end)) && !span::servers_read(text) {
                reading.refuse(Code::FileValueInvalid, &here, not_read(time));
            }
        }
    }
}

fn is_in_kv(reading: &Reading, path: &str) -> bool {
    let mounts = reading.keys(&["secrets"]).unwrap_or_default();
    mounts.into_iter().any(|mount| {
        let rest = path.strip_prefix(&mount_path(mount));
        let is_kv = |text: &str| text.starts_with("kv");
        rest.is_some_and(|rest| rest.starts_with('/'))
            && reading.text(&["secrets", mount, "type"]).is_some_and(is_kv)
    })
}
