//! Whether any secret that went by stands in what a run said or left behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::stage::Stage;
use crate::ceremony::Run;

/// The places where a secret stands, by name.
pub fn found(stage: &Stage, runs: &[Run]) -> BTreeSet<String> {
    let mut secrets = stage.trap.secrets();
    secrets.extend(stage.ceremony.secrets.values().cloned());
    let forms: BTreeSet<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    let holds = |text: &str| forms.iter().any(|form| text.contains(form.as_str()));
    let mut places = BTreeSet::new();
    for (number, run) in runs.iter().enumerate() {
        for (name, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
            if holds(text) {
                places.insert(format!("{name} of run {}", number + 1));
            }
        }
    }
    for directory in ["checkpoint", "shares"] {
        for (name, bytes) in files(&stage.ceremony.path(directory)) {
            if holds(&String::from_utf8_lossy(&bytes)) {
                places.insert(name);
            }
        }
    }
    places
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| {
        let path = entry.path();
        Some((path.display().to_string(), fs::read(&path).ok()?))
    });
    files.collect()
}

/// A secret as it is, and in the writings in which it might slip through.
pub fn forms(secret: &str) -> Vec<String> {
    let hexadecimal =
        |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let mut forms = vec![
        secret.to_owned(),
        hexadecimal(secret.as_bytes()),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ];
    if let Ok(bytes) = STANDARD.decode(secret) {
        forms.push(hexadecimal(&bytes));
        forms.push(URL_SAFE_NO_PAD.encode(&bytes));
    }
    forms
}
