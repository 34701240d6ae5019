//! Rules of mounts, audit devices and secret values.

use std::collections::HashMap;

use super::{Parts, members};
use crate::config::model::{AuditDevice, Field, Fields};
use crate::config::reading::Reading;
use crate::config::tree::step;

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

pub(super) fn mount_paths_are_plain(parts: &Parts, reading: &mut Reading) {
    let audit = parts
        .audit
        .iter()
        .map(|device| ("audit", device.path.as_str()));
    let secrets = parts
        .secrets
        .iter()
        .map(|engine| ("secrets", engine.path.as_str()));
    let auth = parts.auth.iter().map(|mount| ("auth", mount.path.as_str()));
    for (section, path) in audit.chain(secrets).chain(auth) {
        if !plain_path(path) {
            reading.refuse(
                &[section, path],
                "a path has no `/` in front, and neither `//` nor `..` in it",
            );
        }
        let taken = match section {
            "secrets" => ["sys", "identity", "cubbyhole"].contains(&path),
            "auth" => path == "token",
            _ => false,
        };
        if taken {
            reading.refuse(&[section, path], "every server has this mount already");
        }
    }
}

fn plain_path(path: &str) -> bool {
    path.split('/').all(|part| {
        !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control)
    })
}

pub(super) fn audit_files_are_different(parts: &Parts, reading: &mut Reading) {
    let mut files: HashMap<&str, &str> = HashMap::new();
    for device in parts
        .audit
        .iter()
        .filter(|device| device.device_type == "file")
    {
        match option(device, "file_path") {
            None => reading.refuse(
                &["audit", &device.path],
                "missing key `file_path` in `options`: a file device needs it",
            ),
            Some(file) => {
                if let Some(other) = files.insert(file, &device.path) {
                    let text = format!("`audit.{other}` writes to this file already");
                    reading.refuse(&["audit", &device.path, "options", "file_path"], text);
                }
            }
        }
    }
    if reading.names("audit").is_empty() {
        reading.warn(
            &["audit"],
            "no audit device: nothing would ever tell who read what",
        );
    }
}

pub(super) fn audit_options_keep_secrets(parts: &Parts, reading: &mut Reading) {
    for device in &parts.audit {
        let truth = option(device, "log_raw").map(str::to_ascii_lowercase);
        if truth.is_some_and(|text| matches!(text.as_str(), "true" | "t" | "1")) {
            let text = "`log_raw` writes every secret in clear, the root token and the recovery keys first";
            reading.refuse(&["audit", &device.path, "options", "log_raw"], text);
        }
        if let Some(mode) = option(device, "mode") {
            let path = ["audit", &device.path, "options", "mode"];
            match u32::from_str_radix(mode, 8) {
                Ok(bits) if bits & 0o111 != 0 => {
                    reading.refuse(&path, "an audit file is never executable");
                }
                Ok(bits) if bits <= 0o777 => {}
                _ => reading.refuse(&path, "expected an octal mode such as \"0600\""),
            }
        }
    }
}

fn option<'d>(device: &'d AuditDevice, name: &str) -> Option<&'d str> {
    device
        .options
        .iter()
        .find(|(option, _)| option == name)
        .map(|(_, value)| value.as_str())
}

pub(super) fn secrets_are_references(parts: &Parts, reading: &mut Reading) {
    for mount in &parts.auth {
        literals(reading, &["auth", &mount.path, "config"], &mount.config);
    }
    for (mount, kind, name, fields) in members(parts) {
        literals(reading, &["auth", &mount.path, kind, name], fields);
    }
    for engine in &parts.secrets {
        literals(
            reading,
            &["secrets", &engine.path, "config"],
            &engine.config,
        );
    }
    for (index, write) in parts.writes.iter().enumerate() {
        literals(reading, &["writes", &step(index), "data"], &write.data);
    }
}

/// Reports literal values of fields that are secrets by their name. Depth is bounded by that of the document.
fn literals(reading: &mut Reading, path: &[&str], fields: &Fields) {
    for (name, field) in fields.iter() {
        let mut here = path.to_vec();
        here.push(name);
        match field {
            Field::String(text) if !text.is_empty() && is_secret(name) => {
                reading.refuse(&here, "secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`");
            }
            Field::Map(fields) => literals(reading, &here, fields),
            _ => {}
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

pub(super) fn write_paths_are_plain(parts: &Parts, reading: &mut Reading) {
    for (index, write) in parts.writes.iter().enumerate() {
        if !plain_path(&write.path) || write.path.starts_with("v1/") {
            let text = "an API path has neither `v1/` nor `/` in front, no `/` at the end, and neither `//` nor `..` in it";
            reading.refuse(&["writes", &step(index), "path"], text);
        }
    }
}
