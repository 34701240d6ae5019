//! What the command wrote, by the server's own audit logs, in logs that can be read on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use memchr::{memchr, memmem};
use serde_json::{Value, json};

use crate::audit_log::AuditLog;
use crate::break_glass::audit_lines::Marked;
use crate::finding::{Finding, Left};
use crate::shell::quoted;

/// Paths that the evidence names at the most.
const PATHS: usize = 1000;
/// Paths that are said at the most.
const SAID: usize = 10;
/// Tokens that are followed at the most.
const TOKENS: usize = 100_000;
/// Before each accessor in a line.
const ACCESSOR: &[u8] = b"accessor\":\"";
/// What changes something.
const WRITES: [&str; 4] = ["create", "update", "patch", "delete"];

/// What the logs tell of the command.
#[derive(Default)]
pub(in crate::break_glass) struct Written {
    /// For the evidence.
    pub(in crate::break_glass) facts: Vec<Value>,
    /// Gaps, and batch tokens.
    pub(in crate::break_glass) findings: Vec<Finding>,
    /// For people, a line for each log.
    pub(in crate::break_glass) notes: Vec<String>,
}

/// What one log tells.
#[derive(Default)]
struct Told {
    /// Writes by operation and path.
    paths: BTreeMap<(String, String), usize>,
    /// Accessors of the command's token and of those that it and they have made, as the log writes them.
    tokens: BTreeSet<String>,
    batch_tokens: usize,
    /// The token was seen to be made, and to be revoked.
    made: bool,
    revoked: bool,
}

/// Reads the logs, each from before the command's token was made. `revoked` where this program has revoked it.
pub(in crate::break_glass) fn written(marked: &[Marked<'_>], revoked: bool) -> Written {
    let mut all = Written::default();
    for marked in marked {
        let (device, file) = (marked.device, marked.file.display().to_string());
        let (told, gap) = match &marked.looked {
            Ok((log, hash)) => read(log, hash, revoked),
            Err(why) => (None, Some(why.clone())),
        };
        if let Some(why) = &gap {
            all.findings
                .push(Left::Gap(device.to_owned(), file.clone(), why.clone()).into());
        }
        let Some(told) = told else {
            all.facts
                .push(json!({"device": device, "file": file, "gap": gap}));
            continue;
        };
        if told.batch_tokens > 0 {
            all.findings
                .push(Left::BatchTokens(device.to_owned(), told.batch_tokens).into());
        }
        let part = if gap.is_some() {
            ", as far as it can be read,"
        } else {
            ""
        };
        all.notes.push(told.in_words(device, part));
        all.facts.push(json!({
            "device": device,
            "file": file,
            "gap": gap,
            "tokens": told.tokens.len(),
            "batch_tokens": told.batch_tokens,
            "paths": told.facts(),
            "more_paths": told.paths.len().saturating_sub(PATHS),
        }));
    }
    all
}

/// What a log tells, and why that is not all of it.
fn read(log: &AuditLog, hash: &str, revoked: bool) -> (Option<Told>, Option<String>) {
    match told(log, hash) {
        Err(error) => (None, Some(error.to_string())),
        Ok(told) => {
            let gap = match log.gap() {
                Err(error) => Some(error.to_string()),
                Ok(gap) => gap.or_else(|| told.lacks(revoked)),
            };
            (Some(told), gap)
        }
    }
}

/// Follows the command's token, and the tokens that are made with it.
fn told(log: &AuditLog, hash: &str) -> io::Result<Told> {
    let (mut lines, mut told) = (log.all_since()?, Told::default());
    told.tokens.insert(hash.to_owned());
    while let Some(line) = lines.find_by(|line| names_one(line, &told.tokens))? {
        told.take(&line.entry, hash);
    }
    Ok(told)
}

/// Whether one of these accessors stands in the line.
fn names_one(mut line: &[u8], tokens: &BTreeSet<String>) -> bool {
    while let Some(at) = memmem::find(line, ACCESSOR) {
        line = &line[at + ACCESSOR.len()..];
        let end = memchr(b'"', line).unwrap_or(line.len());
        if std::str::from_utf8(&line[..end]).is_ok_and(|name| tokens.contains(name)) {
            return true;
        }
    }
    false
}

impl Told {
    fn take(&mut self, entry: &Value, hash: &str) {
        let (request, response) = (&entry["request"], &entry["response"]);
        let failed = entry["error"]
            .as_str()
            .is_some_and(|error| !error.is_empty());
        // What a handler refuses with 400 has its error there (both products, seen).
        let data = response["data"].as_object();
        let refused = data.is_some_and(|data| data.len() == 1 && data.contains_key("error"));
        if entry["type"] != "response" || failed || refused {
            return;
        }
        self.made |= response["auth"]["accessor"] == hash;
        let by = entry["auth"]["accessor"].as_str().unwrap_or_default();
        if !self.tokens.contains(by) {
            return;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (operation, path) = (text(&request["operation"]), text(&request["path"]));
        self.revoked |= by == hash && path == "auth/token/revoke-self";
        if !WRITES.contains(&operation.as_str()) {
            return;
        }
        let made = [
            &response["auth"]["accessor"],
            &response["wrap_info"]["wrapped_accessor"],
        ];
        let made = made.into_iter().filter_map(Value::as_str);
        for accessor in made.filter(|accessor| !accessor.is_empty()) {
            if self.tokens.len() < TOKENS {
                self.tokens.insert(accessor.to_owned());
            }
        }
        self.batch_tokens += usize::from(response["auth"]["token_type"] == "batch");
        let namespace = text(&request["namespace"]["path"]);
        *self
            .paths
            .entry((format!("{namespace}{path}"), operation))
            .or_default() += 1;
    }

    /// What of the token's life is not in it, though it must be.
    fn lacks(&self, revoked: bool) -> Option<String> {
        let lacks = match (self.made, self.revoked || !revoked) {
            (true, true) => return None,
            (false, false) => "neither that the command's token was made nor that it was revoked",
            (false, true) => "nothing of how the command's token was made",
            (true, false) => "nothing of how the command's token was revoked",
        };
        Some(format!("it tells {lacks}"))
    }

    fn facts(&self) -> Vec<Value> {
        let paths = self.paths.iter().take(PATHS);
        let fact = |((path, operation), times): (&(String, String), &usize)| json!({"path": path, "operation": operation, "times": times});
        paths.map(fact).collect()
    }

    fn in_words(&self, device: &str, part: &str) -> String {
        // Ours, at its end.
        let ours = |path: &str| path == "auth/token/revoke-self";
        let paths: BTreeSet<&str> = self.paths.keys().map(|(path, _)| path.as_str()).collect();
        let paths: Vec<&str> = paths.into_iter().filter(|path| !ours(path)).collect();
        if paths.is_empty() {
            return format!("by the log of audit device {device}{part} the command wrote nothing");
        }
        let said: Vec<String> = paths.iter().take(SAID).map(|path| quoted(path)).collect();
        let rest = match paths.len().saturating_sub(SAID) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let said = said.join(", ");
        let logins = if paths.iter().any(|path| opens_a_way_in(path)) {
            "; what somebody did who logged in with that is not among it"
        } else {
            ""
        };
        format!("by the log of audit device {device}{part} the command wrote {said}{rest}{logins}")
    }
}

/// Whether what is written there may be what somebody logs in with: such a token is made by nobody's token.
fn opens_a_way_in(path: &str) -> bool {
    let mut words = path.split('/');
    let tokens = path.contains("auth/token/");
    words.any(|word| word == "auth" || word == "identity") && !tokens
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn entry(kind: &str, by: &str, path: &str, more: &Value) -> Value {
        json!({"type": kind, "auth": {"accessor": by}, "response": more,
               "request": {"operation": "update", "path": path}})
    }

    fn told_of(entries: &[Value]) -> Told {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let log = AuditLog::at(file.path()).unwrap().unwrap();
        for entry in entries {
            writeln!(file, "{entry}").unwrap();
        }
        told(&log, "hmac-sha256:aa").unwrap()
    }

    #[test]
    fn a_log_that_nobody_could_look_at_is_a_gap() {
        let marked = Marked {
            device: "file/",
            file: std::path::Path::new("/var/log/audit.log"),
            looked: Err("permission denied".to_owned()),
        };
        let written = written(&[marked], true);
        let said: Vec<String> = written.findings.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 1);
        assert!(
            said[0].contains("file/ (/var/log/audit.log) has a gap: permission denied"),
            "{said:?}"
        );
        assert_eq!(written.facts[0]["gap"], "permission denied");
        assert_eq!(written.notes, Vec::<String>::new());
    }

    #[test]
    fn what_the_command_and_its_tokens_wrote_is_told_and_nobody_elses() {
        let (ours, child) = ("hmac-sha256:aa", "hmac-sha256:bb");
        let makes = |accessor: &str| json!({"auth": {"accessor": accessor}});
        let batch = json!({"auth": {"token_type": "batch"}});
        let told = told_of(&[
            entry(
                "response",
                "hmac-sha256:root",
                "auth/token/create-orphan",
                &makes(ours),
            ),
            entry("request", ours, "sys/policies/acl/all", &Value::Null),
            entry("response", ours, "sys/policies/acl/all", &Value::Null),
            entry(
                "response",
                ours,
                "sys/policies/acl/refused",
                &json!({"data": {"error": "hmac-sha256:ee"}}),
            ),
            entry(
                "response",
                "hmac-sha256:cc",
                "sys/policies/acl/theirs",
                &Value::Null,
            ),
            entry("response", ours, "auth/token/create", &makes(child)),
            entry("response", child, "auth/token/create-orphan", &batch),
            entry("response", ours, "auth/token/revoke-self", &Value::Null),
        ]);
        assert_eq!((told.tokens.len(), told.batch_tokens), (2, 1));
        let paths: Vec<&str> = told.paths.keys().map(|(path, _)| path.as_str()).collect();
        let all = [
            "auth/token/create",
            "auth/token/create-orphan",
            "auth/token/revoke-self",
            "sys/policies/acl/all",
        ];
        assert_eq!(paths, all);
        assert_eq!(told.lacks(true), None);
        let said = told.in_words("file", "");
        assert!(
            said.ends_with("auth/token/create, auth/token/create-orphan, sys/policies/acl/all"),
            "{said}"
        );
    }

    #[test]
    fn where_the_command_made_a_login_it_is_said_that_such_logins_are_not_followed() {
        let ours = "hmac-sha256:aa";
        for (path, said) in [
            ("auth/userpass/users/eve", true),
            ("team/sys/auth/back", true),
            ("identity/entity/name/eve", true),
            ("auth/token/create", false),
            ("sys/policies/acl/all", false),
        ] {
            let told = told_of(&[entry("response", ours, path, &Value::Null)]);
            let words = told.in_words("file", "");
            assert_eq!(words.contains("logged in with that"), said, "{words}");
        }
    }

    #[test]
    fn a_log_that_does_not_tell_the_whole_life_of_the_token_has_a_gap() {
        let made = json!({"auth": {"accessor": "hmac-sha256:aa"}});
        let makes = entry(
            "response",
            "hmac-sha256:root",
            "auth/token/create-orphan",
            &made,
        );
        let told = told_of(std::slice::from_ref(&makes));
        assert!(told.lacks(true).unwrap().contains("revoked"));
        assert_eq!(told.lacks(false), None);
        assert!(told_of(&[]).lacks(false).unwrap().contains("made"));
    }
}
