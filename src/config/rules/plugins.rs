//! Rules of plugins. A server takes most mistakes here without a word, and says them when the plugin is to run.

use super::names::is_generic_name;
use crate::code::Code;
use crate::config::reading::Reading;

/// What every server has built in, by the kind of plugin (Vault 1.21.1, OpenBao 2.6.2 and 2.7.2). A plugin of such a name would
/// stand in its place, also under mounts that are there.
const BUILT_IN: [(&str, &[&str]); 3] = [
    (
        "secret",
        &[
            "cubbyhole",
            "database",
            "identity",
            "kubernetes",
            "kv",
            "kv-v1",
            "kv-v2",
            "pki",
            "rabbitmq",
            "ssh",
            "system",
            "totp",
            "transit",
        ],
    ),
    (
        "auth",
        &[
            "approle",
            "cert",
            "jwt",
            "kubernetes",
            "oidc",
            "token",
            "userpass",
        ],
    ),
    (
        "database",
        &[
            "cassandra-database-plugin",
            "influxdb-database-plugin",
            "mysql-aurora-database-plugin",
            "mysql-database-plugin",
            "mysql-legacy-database-plugin",
            "mysql-rds-database-plugin",
            "postgresql-database-plugin",
            "redis-database-plugin",
        ],
    ),
];
/// Digits of a SHA-256.
const DIGITS: usize = 64;

/// Where each plugin stands.
const ALL: [&str; 3] = ["plugins", "*", "*"];

pub(super) fn names_are_plain_and_free(reading: &mut Reading) {
    for place in reading.all(&ALL) {
        let (kind, name) = (&place[1], &place[2]);
        if !is_generic_name(name) {
            let text = "a name of a plugin has letters, digits, `_`, and within it `-` and `.`";
            reading.refuse(Code::FileValueInvalid, &place, text);
        }
        let mut built_in = BUILT_IN.iter().filter(|(of, _)| of == kind);
        if built_in.any(|(_, names)| names.contains(&name.as_str())) {
            let text = format!(
                "every server has `{name}` built in, and a plugin of that name would take its place: give it another name"
            );
            reading.refuse(Code::FileContradicts, &place, text);
        }
    }
}

pub(super) fn files_are_named_with_their_digest(reading: &mut Reading) {
    for (path, digest) in reading.texts(&["plugins", "*", "*", "sha256"]) {
        let is_hex = digest.chars().all(|digit| digit.is_ascii_hexdigit());
        if digest.len() != DIGITS || !is_hex {
            let text = "expected 64 hex digits, as `sha256sum` prints them";
            reading.refuse(Code::FileValueInvalid, &path, text);
        }
    }
    for (path, command) in reading.texts(&["plugins", "*", "*", "command"]) {
        if command.is_empty() || command.contains('/') || command.contains("..") {
            let text = "expected the name of a file in the server's `plugin_directory`, without `/` and `..`: the servers run no \
                        other";
            reading.refuse(Code::FileValueInvalid, &path, text);
        } else if command.contains(char::is_whitespace) {
            let text =
                "the servers take what follows a blank for arguments: write them under `args`";
            reading.refuse(Code::FileValueInvalid, &path, text);
        }
    }
    for place in reading.all(&ALL) {
        let has = |key: &str| reading.has(&[&place[..], &[key.to_owned()]].concat());
        let (command, image, runtime) = (has("command"), has("oci_image"), has("runtime"));
        match (command, image) {
            (Some(false), Some(false)) => reading.refuse(
                Code::FileKeyMissing,
                &place,
                "missing key `command`: the file in the server's `plugin_directory`",
            ),
            (Some(true), Some(true)) => reading.refuse(
                Code::FileContradicts,
                &place,
                "only one of `command` and `oci_image` is allowed here",
            ),
            (_, Some(false)) if runtime == Some(true) => reading.refuse(
                Code::FileContradicts,
                &place,
                "`runtime` runs containers, and there is no `oci_image`",
            ),
            _ => {}
        }
    }
    for place in reading.all(&["plugins", "*", "*", "env", "*"]) {
        let name = place.last().map(String::as_str).unwrap_or_default();
        if name.is_empty() || name.contains(['=', '\0']) {
            let text = "the name of a variable has no `=` in it";
            reading.refuse(Code::FileValueInvalid, &place, text);
        }
    }
}

/// The servers make `v1.0.0` of `v1`, and the mount is to say the same.
pub(super) fn versions_are_whole(reading: &mut Reading) {
    for (path, version) in reading.texts(&["plugins", "*", "*", "version"]) {
        let bare = version.strip_prefix('v').unwrap_or(version);
        let numbers = bare.split(['-', '+']).next().unwrap_or_default();
        let numbers: Vec<&str> = numbers.split('.').collect();
        let is_number =
            |text: &&str| !text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit());
        let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-+".contains(letter);
        if numbers.len() != 3 || !numbers.iter().all(is_number) || !bare.chars().all(plain) {
            let text = "expected a version such as `v1.2.3`";
            reading.refuse(Code::FileValueInvalid, &path, text);
        } else if bare
            .split_once('+')
            .is_some_and(|(_, after)| after.contains("builtin"))
        {
            let text = "the servers keep `+builtin` for what they have themselves";
            reading.refuse(Code::FileValueInvalid, &path, text);
        }
    }
}

/// OpenBao 2.7 has no catalogue in a namespace, and 2.6 has the one of the whole cluster there (tried).
pub(super) fn catalogue_is_of_the_cluster(reading: &mut Reading) {
    let namespace = reading.text(&["cluster", "namespace"]).unwrap_or_default();
    if !namespace.is_empty() && !reading.all(&ALL).is_empty() {
        let text = "the catalogue is of the whole cluster, and not of a namespace: register plugins with a file without \
                    `cluster.namespace`";
        reading.refuse(Code::FileContradicts, &["plugins"], text);
    }
}
