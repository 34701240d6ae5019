//! Where the server's own log tells of a root token: the lines that hold the HMAC of its accessor, in logs that can be
//! read from here.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::break_glass::session::BreakGlassSession;
use crate::config::Config;
use crate::secret::Token;
use crate::vault::audit::audit_hash;

/// What is read of a log at the most: a drill takes seconds.
const LIMIT: u64 = 64 * 1024 * 1024;
/// Lines that are referred to at the most; a drill makes about ten.
const LINES: usize = 100;

/// A log that can be read here, and how long it was.
pub(super) struct Log {
    device: String,
    file: PathBuf,
    begin: u64,
}

/// The accessor of a token as a log has it.
pub(super) struct Marked {
    device: String,
    file: PathBuf,
    begin: u64,
    hash: String,
}

/// The logs of the file's devices. Only regular files: a pipe would hold us up.
pub(super) fn logs(config: &Config) -> Vec<Log> {
    let files = config
        .audit
        .iter()
        .filter(|device| device.device_type == "file");
    files
        .filter_map(|device| {
            let (_, file) = device
                .options
                .iter()
                .find(|(name, _)| name == "file_path")?;
            let found = std::fs::metadata(file)
                .ok()
                .filter(std::fs::Metadata::is_file)?;
            Some(Log {
                device: device.path.clone(),
                file: file.into(),
                begin: found.len(),
            })
        })
        .collect()
}

/// Asks, as root, how each log writes this accessor. A device that the server does not have is left out.
pub(super) async fn mark(
    session: &BreakGlassSession<'_>,
    root: &Token,
    accessor: &str,
    logs: &[Log],
) -> Vec<Marked> {
    let client = session.client.in_namespace(None);
    let mut marked = Vec::new();
    for log in logs {
        if let Ok(hash) = audit_hash(&client, root, &log.device, accessor).await {
            marked.push(Marked {
                device: log.device.clone(),
                file: log.file.clone(),
                begin: log.begin,
                hash,
            });
        }
    }
    marked
}

/// The lines that tell of it, by request id.
pub(super) fn lines(marked: &[Marked]) -> Value {
    let found = marked.iter().map(|log| {
        let lines = references(&log.file, log.begin, &log.hash);
        json!({
            "device": log.device,
            "file": log.file,
            "hmac": log.hash,
            "lines": lines.map_or_else(|error| json!(error.to_string()), Value::Array),
        })
    });
    found.collect()
}

fn references(file: &Path, begin: u64, hash: &str) -> std::io::Result<Vec<Value>> {
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(begin))?;
    let mut reader = BufReader::new(file.take(LIMIT));
    let (mut found, mut line, mut at) = (Vec::new(), Vec::new(), begin);
    while found.len() < LINES {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        if contains(&line, hash.as_bytes()) {
            found.push(reference(&line, at));
        }
        at += length as u64;
    }
    Ok(found)
}

fn contains(line: &[u8], hash: &[u8]) -> bool {
    !hash.is_empty() && line.windows(hash.len()).any(|window| window == hash)
}

/// Enough to find the line again, and nothing that it says of anybody else.
fn reference(line: &[u8], at: u64) -> Value {
    let entry: Value = serde_json::from_slice(line).unwrap_or(Value::Null);
    json!({
        "byte": at,
        "time": entry["time"],
        "type": entry["type"],
        "request": entry["request"]["id"],
        "operation": entry["request"]["operation"],
        "path": entry["request"]["path"],
    })
}

/// When an attempt at this path began that has not ended, and whose it is, as far as a log here tells: the server
/// itself knows neither.
pub(super) fn began(config: &Config, path: &str) -> Option<String> {
    logs(config).into_iter().find_map(|log| {
        let from = log.begin.saturating_sub(LIMIT);
        began_in(&log.file, from, path).ok().flatten()
    })
}

fn began_in(file: &Path, from: u64, path: &str) -> std::io::Result<Option<String>> {
    let mut opened = File::open(file)?;
    opened.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(opened.take(LIMIT));
    let (mut line, mut last) = (Vec::new(), None);
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if contains(&line, path.as_bytes()) {
            last = start_of(&line, path).or(last);
        }
    }
    Ok(last.map(|said| format!("{said}, as {} says", file.display())))
}

/// The answer to a request that started one.
fn start_of(line: &[u8], path: &str) -> Option<String> {
    let entry: Value = serde_json::from_slice(line).ok()?;
    let request = &entry["request"];
    let starts = entry["type"] == "response"
        && request["path"] == path
        && request["operation"] == "update"
        && entry["error"].as_str().is_none_or(str::is_empty);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let who = text(&entry["auth"]["display_name"]).unwrap_or_else(|| "nobody who logged in".into());
    let from = text(&request["remote_address"]).unwrap_or_else(|| "somewhere".into());
    let time = text(&entry["time"]).filter(|_| starts)?;
    Some(format!("begun at {time} by {who} from {from}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_last_start_of_an_attempt_is_found_with_its_time_and_who_it_was() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let line = |kind: &str, time: &str, operation: &str, error: &str| {
            json!({"type": kind, "time": time, "error": error, "auth": {"display_name": "userpass-ada"},
                   "request": {"path": "sys/generate-root/attempt", "operation": operation, "remote_address": "10.0.0.7"}})
        };
        for entry in [
            line("response", "t1", "update", ""),
            line("request", "t2", "update", ""),
            line("response", "t3", "read", ""),
            line(
                "response",
                "t4",
                "update",
                "root generation already in progress",
            ),
        ] {
            writeln!(file, "{entry}").unwrap();
        }
        let found = began_in(file.path(), 0, "sys/generate-root/attempt")
            .unwrap()
            .unwrap();
        assert!(
            found.starts_with("begun at t1 by userpass-ada from 10.0.0.7, as "),
            "{found}"
        );
        assert_eq!(began_in(file.path(), 0, "sys/other").unwrap(), None);
    }

    #[test]
    fn lines_are_found_by_the_hash_after_the_beginning_and_referred_to_by_their_place() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let old = "{\"x\":\"hmac-sha256:aa\"}\n";
        let other = "{\"type\":\"request\",\"auth\":{\"accessor\":\"hmac-sha256:bb\"}}\n";
        let ours = "{\"type\":\"response\",\"time\":\"t\",\"request\":{\"id\":\"1-2\",\"operation\":\"read\",\
                    \"path\":\"auth/token/lookup-self\"},\"auth\":{\"accessor\":\"hmac-sha256:aa\"}}\n";
        write!(file, "{old}{other}{ours}").unwrap();
        let begin = old.len() as u64;
        let found = references(file.path(), begin, "hmac-sha256:aa").unwrap();
        assert_eq!(
            found,
            [json!({
                "byte": begin + other.len() as u64, "time": "t", "type": "response", "request": "1-2",
                "operation": "read", "path": "auth/token/lookup-self",
            })]
        );
    }
}
