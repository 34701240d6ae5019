//! Audit before anything worth auditing: enabled over the API where the product lets us, verified where
//! it is declared in the server's own configuration, and proved by a marker found in the log.
//!
//! A device that differs is a finding and is never deleted: a new one has a new salt, and for a moment
//! there would be none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::evidence::Evidence;
use crate::bootstrap::step::Observation;
use crate::config::AuditDevice as Wanted;
use crate::failure::Failure;
use crate::vault::audit::{self, AuditDevice};

pub(super) async fn observe(ceremony: &Ceremony<'_>) -> Result<Observation, Failure> {
    if ceremony.config.audit.is_empty() {
        ceremony.find("the file declares no audit device: nobody will know who did what");
    }
    let there = match audit::list_audit(&ceremony.client(), ceremony.token()?).await {
        Ok(there) => there,
        Err(error) if error.is_forbidden() => {
            return Ok(Observation::unknown("this login may not read sys/audit"));
        }
        Err(error) => return Err(error.into()),
    };
    refuse_raw(ceremony, &there)?;
    let (mut missing, mut different) = (Vec::new(), Vec::new());
    for wanted in &ceremony.config.audit {
        match there
            .iter()
            .find(|device| device.path.trim_end_matches('/') == wanted.path)
        {
            None => missing.push(format!("create sys/audit/{}", wanted.path)),
            Some(device) => {
                let lines = differences(wanted, device);
                different.extend(
                    lines
                        .iter()
                        .map(|line| format!("sys/audit/{}: {line}", wanted.path)),
                );
            }
        }
    }
    if !different.is_empty() && ceremony.is_root() {
        return Err(differs(&different));
    }
    for line in different {
        ceremony.find(line);
    }
    if missing.is_empty() && ceremony.is_root() && !proved(ceremony) {
        return Ok(Observation::partial(vec![
            "no marker was found in the log yet".into(),
        ]));
    }
    let paths: Vec<_> = there.iter().map(|device| device.path.clone()).collect();
    let evidence = Evidence::default().with("devices", paths);
    Ok(match (missing.is_empty(), there.is_empty()) {
        (true, _) => Observation::present(evidence),
        (false, true) => Observation {
            details: missing,
            ..Observation::absent()
        },
        (false, false) => Observation::partial(missing),
    })
}

pub(super) async fn apply(
    ceremony: &mut Ceremony<'_>,
    _observation: Observation,
) -> Result<Evidence, Failure> {
    let there = audit::list_audit(&ceremony.client(), ceremony.token()?).await?;
    let known = |path: &str| {
        there
            .iter()
            .any(|device| device.path.trim_end_matches('/') == path)
    };
    let missing: Vec<_> = ceremony
        .config
        .audit
        .iter()
        .filter(|d| !known(&d.path))
        .collect();
    for wanted in &missing {
        enable(ceremony, wanted, &missing).await?;
    }
    let there = audit::list_audit(&ceremony.client(), ceremony.token()?).await?;
    refuse_raw(ceremony, &there)?;
    let mut proofs = BTreeMap::new();
    for device in &there {
        proofs.insert(
            device.path.trim_end_matches('/').to_owned(),
            prove(ceremony, device).await?,
        );
    }
    let paths: Vec<_> = there.iter().map(|device| device.path.clone()).collect();
    Ok(Evidence::default()
        .with("devices", paths)
        .with("proved", proofs))
}

/// Never deleted and never replaced by us: its log and the salt of its hashes would go with it.
fn differs(lines: &[String]) -> Failure {
    Failure::refused(format!("an audit device differs from the file: {}", lines.join("; "))).advise(
        "say in the file what the device is, or let a person add the right one under a new path and \
         remove the old one afterwards; then run apply again",
    )
}

async fn enable(
    ceremony: &Ceremony<'_>,
    wanted: &Wanted,
    missing: &[&Wanted],
) -> Result<(), Failure> {
    let device = AuditDevice {
        path: wanted.path.clone(),
        device_type: wanted.device_type.clone(),
        description: wanted.description.clone(),
        options: wanted.options.iter().cloned().collect(),
        local: wanted.local,
    };
    let Err(error) = audit::enable_audit(&ceremony.client(), ceremony.token()?, &device).await
    else {
        return Ok(());
    };
    // A server that takes no devices over its API says so with 400 (OpenBao 2.3.2 and later, unless
    // `unsafe_allow_api_audit_creation` is set).
    let declarative = error
        .messages()
        .iter()
        .any(|text| text.contains("declarative"));
    if declarative {
        return Err(stanza_needed(ceremony, missing));
    }
    let now = audit::list_audit(&ceremony.client(), ceremony.token()?).await?;
    if now
        .iter()
        .any(|there| there.path.trim_end_matches('/') == wanted.path)
    {
        return Ok(());
    }
    if error.is_retryable() {
        // Nobody knows who said that, the server or something before it: the step is looked at anew.
        return Err(error.into());
    }
    let advice = "see that the server's user may write there, or correct the device in the file; \
                  then run apply again";
    Err(Failure::refused(error.to_string()).advise(error.advice().unwrap_or_else(|| advice.into())))
}

fn stanza_needed(ceremony: &Ceremony<'_>, missing: &[&Wanted]) -> Failure {
    let stanzas: Vec<String> = missing.iter().map(|device| stanza(device)).collect();
    Failure::refused(format!(
        "{} takes no audit devices over its API, and {} not declared in its configuration",
        ceremony.client().address(),
        if missing.len() == 1 { "one is" } else { "some are" },
    ))
    .advise(format!(
        "add this to the configuration of every node, reload it (SIGHUP), then run apply again:\n{}",
        stanzas.join("\n")
    ))
}

/// The stanza of OpenBao's configuration for a device: one attribute a line, all values texts.
fn stanza(device: &Wanted) -> String {
    let mut text = format!("audit \"{}\" \"{}\" {{\n", device.device_type, device.path);
    if !device.description.is_empty() {
        text.push_str(&format!(
            "  description = {}\n",
            quoted(&device.description)
        ));
    }
    text.push_str("  options {\n");
    for (name, value) in &device.options {
        text.push_str(&format!("    {name} = {}\n", quoted(value)));
    }
    text.push_str("  }\n}");
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Everything that a raw device has seen stands in its file in clear: the root token for a start.
fn refuse_raw(ceremony: &Ceremony<'_>, there: &[AuditDevice]) -> Result<(), Failure> {
    // The servers read truth values as Go does: `TRUE` and `T` are true as well.
    let is_true = |value: &String| ["true", "1", "t"].contains(&value.to_lowercase().as_str());
    let raw = |device: &&AuditDevice| device.options.get("log_raw").is_some_and(is_true);
    let Some(device) = there.iter().find(raw) else {
        return Ok(());
    };
    let path = device
        .options
        .get("file_path")
        .map_or("its log", String::as_str);
    Err(Failure::refused(format!(
        "audit device {} of {} has log_raw: the root token stands in {path} in clear",
        device.path,
        ceremony.client().address()
    ))
    .advise(
        "the cluster holds no data yet: remove log_raw from the server's configuration, destroy that \
         file, empty the storage, remove the checkpoint directory and run apply again",
    ))
}

fn differences(wanted: &Wanted, there: &AuditDevice) -> Vec<String> {
    let mut lines = Vec::new();
    if wanted.device_type != there.device_type {
        lines.push(format!(
            "type is {}, the file says {}",
            there.device_type, wanted.device_type
        ));
    }
    for (name, value) in &wanted.options {
        match there.options.get(name) {
            Some(have) if have == value => {}
            Some(have) => lines.push(format!("{name} is {have}, the file says {value}")),
            None => lines.push(format!("{name} is not set, the file says {value}")),
        }
    }
    lines
}

fn proved(ceremony: &Ceremony<'_>) -> bool {
    let checkpoint = ceremony.diary();
    let entry = checkpoint
        .diary()
        .steps
        .get(&crate::bootstrap::step::Step::Audit);
    let proofs = entry.and_then(|entry| entry.evidence.get::<BTreeMap<String, String>>("proved"));
    proofs.is_some_and(|proofs| {
        ceremony
            .config
            .audit
            .iter()
            .all(|device| proofs.contains_key(&device.path))
    })
}

/// Sends a marker, asks for its HMAC and looks for that in the log where the log can be read from here.
async fn prove(ceremony: &Ceremony<'_>, device: &AuditDevice) -> Result<&'static str, Failure> {
    let path = device.path.trim_end_matches('/');
    let file = device
        .options
        .get("file_path")
        .filter(|_| device.device_type == "file");
    let begin = file.and_then(|file| log_length(file));
    let marker = format!(
        "vault-bootstrap marker {}",
        crate::bootstrap::checkpoint::now()
    );
    let hash =
        audit::audit_hash(&ceremony.client(), ceremony.token()?, path, marker.as_str()).await?;
    let (Some(file), Some(begin)) = (file, begin) else {
        ceremony.note(format!(
            "{path}: its log cannot be read from here; the server's answer stands alone"
        ));
        return Ok("by the server's answer alone");
    };
    let started = Instant::now();
    loop {
        match contains_since(Path::new(file), begin, &hash) {
            Ok(true) => {
                ceremony.note(format!("{path}: the marker's HMAC stands in {file}"));
                return Ok("marker found in the log");
            }
            Ok(false) => {}
            Err(error) => {
                ceremony.note(format!("{path}: {file} cannot be read from here ({error})"));
                return Ok("by the server's answer alone");
            }
        }
        let what = format!("the marker in {file}");
        ceremony
            .wait(started, MARKER_LIMIT, &what, "not there yet")
            .await
            .map_err(|failure| {
                let advice = format!("see whether {file} is the log of this very server");
                Failure::refused(failure.to_string()).advise(advice)
            })?;
    }
}

/// Only a regular file is looked into: a pipe would hold us up, and `/dev/null` holds nothing.
fn log_length(file: &str) -> Option<u64> {
    let found = std::fs::metadata(file).ok()?;
    found.is_file().then_some(found.len())
}

/// A local file gets its line before the request is answered; the rest is for network disks.
const MARKER_LIMIT: Duration = Duration::from_secs(10);
/// What one look reads at the most; the marker was written after `begin`.
const LOOK_LIMIT: u64 = 64 * 1024 * 1024;

fn contains_since(file: &Path, begin: u64, hash: &str) -> std::io::Result<bool> {
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(begin))?;
    let mut text = Vec::new();
    file.take(LOOK_LIMIT).read_to_end(&mut text)?;
    Ok(text
        .windows(hash.len())
        .any(|window| window == hash.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            path: "file".into(),
            device_type: "file".into(),
            description: String::new(),
            options: vec![("file_path".into(), "/var/log/\"a\".log".into())],
            local: false,
        }
    }

    #[test]
    fn the_stanza_can_be_pasted() {
        assert_eq!(
            stanza(&wanted()),
            "audit \"file\" \"file\" {\n  options {\n    file_path = \"/var/log/\\\"a\\\".log\"\n  }\n}"
        );
    }

    #[test]
    fn a_device_that_differs_is_told_with_both_values() {
        let there = AuditDevice {
            path: "file/".into(),
            device_type: "socket".into(),
            description: String::new(),
            options: [("file_path".to_owned(), "/x".to_owned())].into(),
            local: false,
        };
        let lines = differences(&wanted(), &there);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("socket") && lines[1].contains("/x"));
    }

    #[test]
    fn only_what_was_written_after_the_marker_counts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hmac-sha256:aa old\n").unwrap();
        let begin = std::fs::metadata(file.path()).unwrap().len();
        assert!(!contains_since(file.path(), begin, "hmac-sha256:aa").unwrap());
        assert!(contains_since(file.path(), 0, "hmac-sha256:aa").unwrap());
    }
}
