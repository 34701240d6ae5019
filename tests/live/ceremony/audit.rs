//! What a server's audit log says: who asked what, in which order.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Requests that change no state: how the tool looks, and how it logs in and out.
const NO_WRITES: [&str; 6] = [
    "auth/token/revoke-self",
    "sys/capabilities-self",
    "auth/token/lookup-accessor",
    "sys/audit-hash/",
    "auth/token/lookup-self",
    // The server tries its device.
    "sys/audit/test",
];

/// An audit log, read from a place on.
pub struct AuditLog {
    path: PathBuf,
    from: usize,
}

impl AuditLog {
    /// The whole log at this path.
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            from: 0,
        }
    }

    /// The same log from its present end on.
    pub fn after_this(&self) -> Self {
        Self {
            path: self.path.clone(),
            from: self.all().len(),
        }
    }

    fn all(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).expect("an audit line"))
            .collect()
    }

    /// The text of the log, to look for what must not be there.
    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap_or_default()
    }

    /// Every request as `operation path`, in order.
    pub fn requests(&self) -> Vec<String> {
        let lines = self.all().into_iter().skip(self.from);
        let requests = lines.filter(|line| line["type"] == "request");
        let name = |line: Value| {
            let text = |key: &str| line["request"][key].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("operation"), text("path"))
        };
        requests.map(name).collect()
    }

    /// The requests that change something on the server: neither reads, nor logging in and out.
    pub fn writes(&self) -> Vec<String> {
        let is_write = |request: &String| {
            let (operation, path) = request.split_once(' ').expect("two words");
            let login = path.starts_with("auth/") && path.contains("/login");
            !matches!(operation, "read" | "list")
                && !login
                && !NO_WRITES.iter().any(|prefix| path.starts_with(prefix))
        };
        self.requests().into_iter().filter(is_write).collect()
    }

    /// The place of the first request that begins with `text`.
    #[track_caller]
    pub fn place(&self, text: &str) -> usize {
        let requests = self.requests();
        let place = requests
            .iter()
            .position(|request| request.starts_with(text));
        place.unwrap_or_else(|| panic!("no {text} in {requests:#?}"))
    }
}
