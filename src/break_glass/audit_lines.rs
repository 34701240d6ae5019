//! Where the server's own log tells of a root token: the lines that hold the HMAC of its accessor, in logs that can be
//! read from here.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::way::Way;
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
pub(super) async fn mark(way: &Way<'_>, root: &Token, accessor: &str, logs: &[Log]) -> Vec<Marked> {
    let client = way.client.in_namespace(None);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

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
