//! Rules of mounts, audit devices and secret values.

use std::collections::HashMap;

use crate::config::api::mount_path;
use crate::config::check::REFERENCES;
use crate::config::reading::{Reading, under};
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

pub(super) fn mount_paths_are_plain(reading: &mut Reading) {
    for section in ["audit", "secrets", "auth"] {
        for key in reading.keys(&[section]).unwrap_or_default() {
            let path = mount_path(key);
            if !plain_path(&path) {
                reading.refuse(
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
                reading.refuse(&[section, key], "every server has this mount already");
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
    let Some(devices) = reading.keys(&["audit"]) else {
        return;
    };
    if devices.is_empty() {
        reading.warn(
            &["audit"],
            "no audit device: nothing would ever tell who read what",
        );
    }
    let mut files: HashMap<&str, &str> = HashMap::new();
    for device in devices {
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
                &["audit", device],
                "missing key `file_path` in `options`: a file device needs it",
            );
        }
        let Some(file) = reading.text(&path) else {
            continue;
        };
        if let Some(other) = files.insert(file, device) {
            let text = format!("`audit.{other}` writes to this file already");
            reading.refuse(&path, text);
        }
    }
}

pub(super) fn audit_options_keep_secrets(reading: &mut Reading) {
    for path in reading.all(&["audit", "*", "options", "log_raw"]) {
        let value = reading
            .node(&path)
            .and_then(|node| reading.at(node).read::<String>());
        if value
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "true" | "t" | "1"))
        {
            let text = "`log_raw` writes every secret in clear, the root token and the recovery keys first";
            reading.refuse(&path, text);
        }
    }
    for (path, mode) in reading.texts(&["audit", "*", "options", "mode"]) {
        match u32::from_str_radix(mode, 8) {
            Ok(bits) if bits & 0o111 != 0 => {
                reading.refuse(&path, "an audit file is never executable");
            }
            Ok(bits) if bits <= 0o777 => {}
            _ => reading.refuse(&path, "expected an octal mode such as \"0600\""),
        }
    }
}

pub(super) fn secrets_are_references(reading: &mut Reading) {
    let patterns: [&[&str]; 5] = [
        &["auth", "*", "config"],
        &["auth", "*", "roles", "*"],
        &["auth", "*", "users", "*"],
        &["secrets", "*", "config"],
        &["writes", "*", "data"],
    ];
    for pattern in patterns {
        for path in reading.all(pattern) {
            literals(reading, &path);
        }
    }
}

/// Reports literal values of fields that are secrets by their name. Depth is bounded by that of the document.
fn literals(reading: &mut Reading, path: &[String]) {
    for name in reading.keys(path).unwrap_or_default() {
        let here = [path, &[name.to_owned()]].concat();
        if is_secret(name) && reading.text(&here).is_some_and(|text| !text.is_empty()) {
            reading.refuse(&here, REFERENCES);
        }
        let node = reading.find(&here);
        if node.is_some_and(|node| matches!(node.kind, Kind::Map(_)) && !node.reference) {
            literals(reading, &here);
        }
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|end| {
        name.strip_suffix(end)
            .is_some_and(|before| before.is_empty() || before.ends_with(['_', '-', '.']))
    })
}

pub(super) fn write_paths_are_plain(reading: &mut Reading) {
    for (path, api_path) in reading.texts(&["writes", "*", "path"]) {
        if !plain_path(api_path) || api_path.starts_with("v1/") {
            let text = "an API path has neither `v1/` nor `/` in front, no `/` at the end, and neither `//` nor `..` in it";
            reading.refuse(&path, text);
        }
    }
}
