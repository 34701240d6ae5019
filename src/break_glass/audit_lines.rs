//! Where the server's own audit logs tell of a root token, in logs that can be read on this machine.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::audit_log::{AuditLog, Line};
use crate::config::Config;
use crate::printable;
use crate::secret::Token;
use crate::session::audit_trail::{DeviceLog, logs};
use crate::vault::Client;
use crate::vault::audit::audit_hash;

/// Lines that are referred to at the most; a drill makes about ten.
const LINES: usize = 100;
/// Characters of a name in a log.
const LONGEST_NAME: usize = 200;

/// How a log writes the accessor of a token.
pub(super) struct Marked<'l> {
    pub(super) device: &'l str,
    pub(super) file: &'l Path,
    /// The log and how it writes it, or why that is not known.
    pub(super) looked: Result<(&'l AuditLog, String), String>,
}

/// Asks, as root, how each log writes this accessor.
pub(super) async fn mark<'l>(
    client: &Client,
    root: &Token,
    accessor: &str,
    logs: &'l [DeviceLog],
) -> Vec<Marked<'l>> {
    let mut marked = Vec::new();
    for DeviceLog { device, file, log } in logs {
        let looked = match log {
            Ok(log) => match audit_hash(client, root, device, accessor).await {
                Ok(hash) => Ok((log, hash)),
                Err(error) => Err(format!(
                    "the server does not tell how it writes this run's token: {error}"
                )),
            },
            Err(why) => Err(why.clone()),
        };
        marked.push(Marked {
            device,
            file,
            looked,
        });
    }
    marked
}

/// The lines that tell of it, by request id.
pub(super) fn lines(marked: &[Marked<'_>]) -> Value {
    let found = marked.iter().map(|marked| match &marked.looked {
        Ok((log, hash)) => json!({
            "device": marked.device,
            "file": marked.file,
            "hmac": hash,
            "lines": references(log, hash).map_or_else(|error| json!(error.to_string()), Value::Array),
        }),
        Err(why) => json!({"device": marked.device, "file": marked.file, "lines": why}),
    });
    found.collect()
}

/// Enough to find each line again, and nothing that it says of anybody else.
fn references(log: &AuditLog, hash: &str) -> io::Result<Vec<Value>> {
    let (mut lines, mut found) = (log.since()?, Vec::new());
    while found.len() < LINES
        && let Some(Line { at, entry }) = lines.find(hash)?
    {
        found.push(json!({
            "byte": at,
            "time": entry["time"],
            "type": entry["type"],
            "request": entry["request"]["id"],
            "operation": entry["request"]["operation"],
            "path": entry["request"]["path"],
        }));
    }
    Ok(found)
}

/// When an attempt at this path began that has not ended, and whose it is, as far as a log here tells: the server
/// itself knows neither.
pub(super) fn began(config: &Config, path: &str) -> Option<String> {
    let mut logs = logs(config).into_iter();
    logs.find_map(|one| began_in(one.log.as_ref().ok()?, path).ok().flatten())
}

fn began_in(log: &AuditLog, path: &str) -> io::Result<Option<String>> {
    let (mut lines, mut last) = (log.tail()?, None);
    while let Some(line) = lines.find(path)? {
        last = start_of(&line.entry, path).or(last);
    }
    Ok(last.map(|start| format!("{start}, as {} says", log.file.display())))
}

/// The response to a request that started one.
fn start_of(entry: &Value, path: &str) -> Option<String> {
    let request = &entry["request"];
    let starts = entry["type"] == "response"
        && request["path"] == path
        && request["operation"] == "update"
        && entry["error"].as_str().is_none_or(str::is_empty);
    let time = entry["time"].as_str().filter(|_| starts)?;
    let who = entry["auth"]["display_name"].as_str();
    let who = who.unwrap_or("nobody who logged in");
    let from = request["remote_address"].as_str().unwrap_or("somewhere");
    let [time, who, from] = [time, who, from].map(|text| printable::line(text, LONGEST_NAME));
    Some(format!("begun at {time} by {who} from {from}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_last_start_of_an_attempt_is_found_with_its_time_and_who_it_was() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let line = |kind: &str, time: &str, operation: &str, error: &str| {
            json!({"type": kind, "time": time, "error": error, "auth": {"display_name": "userpass-ada"},
                   "request": {"path": "sys/generate-root/attempt", "operation": operation, "remote_address": "10.0.0.7"}})
        };
        let busy = "root generation already in progress";
        for entry in [
            line("response", "t1", "update", ""),
            line("request", "t2", "update", ""),
            line("response", "t3", "read", ""),
            line("response", "t4", "update", busy),
        ] {
            writeln!(file, "{entry}").unwrap();
        }
        let log = AuditLog::at(file.path()).unwrap().unwrap();
        let found = began_in(&log, "sys/generate-root/attempt").unwrap();
        let found = found.unwrap();
        assert!(
            found.starts_with("begun at t1 by userpass-ada from 10.0.0.7, as "),
            "{found}"
        );
        assert_eq!(began_in(&log, "sys/other").unwrap(), None);
    }

    #[test]
    fn lines_are_found_by_the_hash_after_the_beginning_and_referred_to_by_their_place() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let old = "{\"x\":\"hmac-sha256:aa\"}\n";
        write!(file, "{old}").unwrap();
        let log = AuditLog::at(file.path()).unwrap().unwrap();
        let other = "{\"type\":\"request\",\"auth\":{\"accessor\":\"hmac-sha256:bb\"}}\n";
        let ours = "{\"type\":\"response\",\"time\":\"t\",\"request\":{\"id\":\"1-2\",\"operation\":\"read\",\
                    \"path\":\"auth/token/lookup-self\"},\"auth\":{\"accessor\":\"hmac-sha256:aa\"}}\n";
        write!(file, "{other}{ours}").unwrap();
        assert_eq!(
            references(&log, "hmac-sha256:aa").unwrap(),
            [json!({
                "byte": old.len() + other.len(), "time": "t", "type": "response", "request": "1-2",
                "operation": "read", "path": "auth/token/lookup-self",
            })]
        );
    }
}
