//! Rules of mounts, audit devices and secret values; and of `writes`: what another section makes is written by that
//! section alone.

use std::collections::HashMap;

use super::auth::{auth_type, members};
use crate::code::Code;
use crate::config::auth_types::mount_path;
use crate::config::check::REFERENCES;
use crate::config::model::kv_version;
use crate::config::reading::{Reading, under};
use crate::config::sections;
use crate::config::tree::Kind;

/// Ends of field names whose values are secrets.
const SECRET_NAMES: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "private_key",
    "bindpass",
    "secret_key",
    "secret_id",
    "api_key",
    "client_key",
    "access_key",
];

/// The servers' API paths that belong to one section whole.
const SECTIONS: [(&str, &str); 3] = [
    ("sys/policies/acl", "policies"),
    ("sys/policy", "policies"),
    ("sys/audit", "audit"),
];

/// What has a role above it in its path and is no field of it: ids that a machine was given beforehand.
const IDS: [&str; 3] = ["/role-id", "/secret-id", "/custom-secret-id"];

pub(super) fn mount_paths_are_plain(reading: &mut Reading) {
    for section in ["audit", "secrets", "auth"] {
        for key in reading.keys(&[section]).unwrap_or_default() {
            let path = mount_path(key);
            if !plain_path(&path) {
                reading.refuse(
                    Code::FileValueInvalid,
                    &[section, key],
                    "a path has no `/` in front, and neither `//` nor `..` in it",
                );
            }
            let taken = match section {
                "secrets" => ["sys", "identity", "cubbyhole"].contains(&path.as_str()),
                "auth" => path == "token",
                _ => false,
            };
            if taken {
                reading.refuse(
                    Code::FileContradicts,
                    &[section, key],
                    "every server has this mount already",
                );
            }
        }
    }
}

/// The servers take `kv-v2` with another version, and mount version 2 all the same; a version that they do not know they
/// refuse without saying so.
pub(super) fn versions_of_kv_agree(reading: &mut Reading) {
    for mount in reading.keys(&["secrets"]).unwrap_or_default() {
        let Some(written) = reading.text(&["secrets", mount, "type"]) else {
            continue;
        };
        let of_type = kv_version(written);
        if of_type.is_none() && written != "kv" {
            continue;
        }
        let places: [&[&str]; 2] = [&["options", "version"], &["tune", "options", "version"]];
        for place in places {
            let path = under(&["secrets", mount], place);
            let version = reading.value::<String>(&path);
            match (of_type, version.as_deref()) {
                (Some(own), Some(version)) if version != own => {
                    let text = format!("`{written}` is `kv` with `version: \"{own}\"`");
                    reading.refuse(Code::FileContradicts, &path, text);
                }
                (None, Some(version)) if !["1", "2"].contains(&version) => {
                    let text = "expected \"1\" or \"2\", the versions of `kv`";
                    reading.refuse(Code::FileValueInvalid, &path, text);
                }
                _ => {}
            }
        }
    }
}

fn plain_path(path: &str) -> bool {
    path.split('/').all(|part| {
        !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control)
    })
}

pub(super) fn audit_files_are_different(reading: &mut Reading) {
    let devices = reading.keys(&["audit"]);
    if devices.as_ref().is_some_and(Vec::is_empty) {
        reading.warn(
            Code::NoAuditDevice,
            &["audit"],
            "no audit device: nothing would ever tell who read what",
        );
    }
    let mut files: HashMap<&str, &str> = HashMap::new();
    for device in devices.unwrap_or_default() {
        if reading.text(&["audit", device, "type"]) != Some("file") {
            continue;
        }
        let options = ["audit", device, "options"];
        let path = under(&options, &["file_path"]);
        let has = match reading.has(&options) {
            Some(true) => reading.has(&path),
            options => options,
        };
        if has == Some(false) {
            reading.refuse(
                Code::FileKeyMissing,
                &["audit", device],
                "missing key `file_path` in `options`: a file device needs it",
            );
        }
        let Some(file) = reading.text(&path) else {
            continue;
        };
        if let Some(other) = files.insert(file, device) {
            let text = format!("`audit.{other}` writes to this file already");
            reading.refuse(Code::FileContradicts, &path, text);
        }
    }
}

pub(super) fn audit_options_keep_secrets(reading: &mut Reading) {
    for path in reading.all(&["audit", "*", "options", "log_raw"]) {
        let value = reading.value::<String>(&path).unwrap_or_default();
        if matches!(value.to_ascii_lowercase().as_str(), "true" | "t" | "1") {
            let text = "`log_raw` writes every secret in clear, the root token and the recovery keys first";
            reading.refuse(Code::FileSecretInClear, &path, text);
        }
    }
    for (path, mode) in reading.texts(&["audit", "*", "options", "mode"]) {
        match u32::from_str_radix(mode, 8) {
            Ok(bits) if bits & 0o111 != 0 => {
                reading.refuse(
                    Code::FileValueInvalid,
                    &path,
                    "an audit file is never executable",
                );
            }
            Ok(bits) if bits <= 0o777 => {}
            _ => reading.refuse(
                Code::FileValueInvalid,
                &path,
                "expected an octal mode such as \"0600\"",
            ),
        }
    }
}

pub(super) fn secrets_are_references(reading: &mut Reading) {
    let patterns: [&[&str]; 6] = [
        &["auth", "*", "config"],
        &["auth", "*", "roles", "*"],
        &["auth", "*", "users", "*"],
        &["secrets", "*", "config"],
        &["writes", "*", "data"],
        &["plugins", "*", "*", "env"],
    ];
    for pattern in patterns {
        for path in reading.all(pattern) {
            literals(reading, &path);
        }
    }
    for entry in sections::entries(reading.root) {
        literals(reading, &entry.place);
        // The secret that a one-time password is computed from; its name says less elsewhere.
        let totp = entry
            .place
            .first()
            .is_some_and(|section| section == "secrets")
            && reading.text(&["secrets", &entry.place[1], "type"]) == Some("totp");
        for field in ["key", "url"].into_iter().filter(|_| totp) {
            let here = [&entry.place[..], &[field.to_owned()]].concat();
            if reading.text(&here).is_some_and(|text| !text.is_empty()) {
                reading.refuse(Code::FileSecretInClear, &here, REFERENCES);
            }
        }
    }
}

/// What an entry of `writes` has beside its fields would be sent as one of them.
const OF_WRITES: [&str; 3] = ["hand_out", "manage", "unmanaged_fields"];

/// A name of a section is part of a path, and its fields are those of the API.
pub(super) fn names_of_sections_are_plain(reading: &mut Reading) {
    for entry in sections::entries(reading.root) {
        for key in OF_WRITES {
            let here = [&entry.place[..], &[key.to_owned()]].concat();
            if reading.has(&here) == Some(true) {
                let text = format!("`{key}` is for entries of `writes`: write this one there");
                reading.refuse(Code::FileKeyUnknown, &here, text);
            }
        }
        if !plain_path(&entry.path) {
            let text = "a name is part of a path here: it has no `/` at its ends, and neither `//` nor `..` in it";
            reading.refuse(Code::FileValueInvalid, &entry.place, text);
        }
    }
}

/// Reports literal values of fields that are secrets by their name. Depth is bounded by that of the document.
fn literals(reading: &mut Reading, path: &[String]) {
    for name in reading.keys(path).unwrap_or_default() {
        let here = [path, &[name.to_owned()]].concat();
        if is_secret(name) && reading.text(&here).is_some_and(|text| !text.is_empty()) {
            reading.refuse(Code::FileSecretInClear, &here, REFERENCES);
        }
        let node = reading.find(&here);
        if node.is_some_and(|node| matches!(node.kind, Kind::Map(_)) && !node.reference) {
            literals(reading, &here);
        }
    }
}

/// Whether a field is a secret by its name.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|end| {
        name.strip_suffix(end)
            .is_some_and(|before| before.is_empty() || before.ends_with(['_', '-', '.']))
    })
}

pub(super) fn write_paths_are_plain(reading: &mut Reading) {
    let plain = |path: &str| plain_path(path) && !path.starts_with("v1/");
    let text = "an API path has neither `v1/` nor `/` in front, no `/` at the end, and neither `//` nor `..` in it";
    reading.refuse_unless(
        Code::FileValueInvalid,
        &["writes", "*", "path"],
        plain,
        text,
    );
}

/// A second writer would undo the first in each run, and could put anything in place of the grant.
pub(super) fn writes_keep_to_themselves(reading: &mut Reading) {
    let taken = taken(reading);
    for (path, text) in reading.texts(&["writes", "*", "path"]) {
        let small = written_at(reading, &path, text).to_lowercase();
        let owner = taken.iter().find(|(owned, _)| {
            small.strip_prefix(owned.as_str()).is_some_and(|rest| {
                rest.is_empty() || (rest.starts_with('/') && !IDS.contains(&rest))
            })
        });
        if let Some((_, section)) = owner {
            let text = format!("`{section}` writes this path; put it there");
            reading.refuse(Code::FileContradicts, &path, text);
        }
    }
}

/// Where a write ends up: identities and second factors can be written by a name in the body as well.
fn written_at(reading: &Reading, path: &[String], text: &str) -> String {
    let field = |name: &str| {
        let place = [&path[..2], &["data".to_owned(), name.to_owned()]].concat();
        reading.text(&place)
    };
    match (text, field("name"), field("method_name")) {
        ("identity/group" | "identity/entity", Some(name), _) => format!("{text}/name/{name}"),
        (_, _, Some(name)) if text.starts_with(MFA_METHOD) => format!("{MFA_METHOD}/{name}"),
        _ => text.to_owned(),
    }
}

/// Where second factors are written, whatever their type: a name is one of them all.
const MFA_METHOD: &str = "identity/mfa/method";

/// Paths in small letters, as the servers compare most names, and the section that writes there.
fn taken(reading: &Reading) -> Vec<(String, String)> {
    let whole = SECTIONS.map(|(path, section)| (path.to_owned(), section.to_owned()));
    let mut taken = Vec::from(whole);
    let mut own = |path: String, section: String| taken.push((path.to_lowercase(), section));
    for (section, listing, prefix) in [("secrets", "sys/mounts", ""), ("auth", "sys/auth", "auth/")]
    {
        for name in reading.keys(&[section]).unwrap_or_default() {
            let mount = mount_path(name);
            let owner = format!("{section}.{name}");
            own(format!("{listing}/{mount}"), owner.clone());
            if reading.has(&[section, name, "config"]) == Some(true) {
                own(format!("{prefix}{mount}/config"), owner);
            }
        }
    }
    for entry in sections::entries(reading.root) {
        own(entry.path, entry.place.join("."));
    }
    for place in reading.all(&["plugins", "*", "*"]) {
        own(
            format!("sys/plugins/catalog/{}", place[1..].join("/")),
            place.join("."),
        );
    }
    for (section, kind) in [("groups", "group"), ("entities", "entity")] {
        for name in reading.keys(&["identity", section]).unwrap_or_default() {
            let path = format!("identity/{kind}/name/{name}");
            own(path, format!("identity.{section}"));
        }
    }
    for (section, path) in [
        ("methods", MFA_METHOD),
        ("enforcements", "identity/mfa/login-enforcement"),
    ] {
        for name in reading.keys(&["mfa", section]).unwrap_or_default() {
            own(format!("{path}/{name}"), format!("mfa.{section}"));
        }
    }
    for (mount, kind, name) in members(reading) {
        let collection = match (kind, auth_type(reading, mount)) {
            ("users", _) => "users",
            (_, Some("cert")) => "certs",
            (_, Some("ldap")) => "groups",
            (_, Some("token")) => "roles",
            _ => "role",
        };
        let path = format!("auth/{}/{collection}/{name}", mount_path(mount));
        own(path, format!("auth.{mount}"));
    }
    taken
}
