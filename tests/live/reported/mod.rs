//! What was reported of other tools for these servers, and its like from the servers' documentation: many documents, one
//! ceremony.

mod places;
mod spelt;
mod taken_out;
mod types;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::ceremony::{Api, AuditLog, Ceremony, Run, Server};
use crate::mutations::administered;
use crate::support::Setup;

/// Both releases of OpenBao, and Vault.
const EACH: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];
/// Secrets engines of the documents, called like their types.
const ENGINES: [&str; 7] = [
    "database",
    "kubernetes",
    "pki",
    "rabbitmq",
    "ssh",
    "totp",
    "transit",
];
/// Those that OpenBao does not have.
const OF_VAULT: [&str; 6] = ["aws", "consul", "gcp", "ldap", "mongodbatlas", "nomad"];

/// One cluster, whose documents are written by root while it is kept, and then by an administrator.
struct Cluster {
    server: Server,
    ceremony: Ceremony,
    /// What is not as it has to be: all of it is told at the end.
    problems: Vec<String>,
}

impl Cluster {
    /// All engines, and an `approle`, a `cert` and a `kubernetes` method; nothing is written yet.
    fn of(setup: Setup) -> Self {
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        administered(&mut ceremony);
        ceremony.password("database");
        ceremony.set("/revoke_root", json!(false));
        let mut engines = ENGINES.to_vec();
        match setup {
            Setup::Vault1211Shamir => engines.extend(OF_VAULT),
            Setup::OpenBao262StaticApiAudit => engines.push("ldap"),
            _ => {}
        }
        for engine in engines {
            ceremony.set(&format!("/secrets/{engine}"), json!({ "type": engine }));
        }
        for method in ["approle", "cert"] {
            ceremony.set(&format!("/auth/{method}"), json!({ "type": method }));
        }
        Self {
            server,
            ceremony,
            problems: Vec::new(),
        }
    }

    fn setup(&self) -> Setup {
        self.server.setup()
    }

    fn admin(&self) -> Api<'_> {
        self.server
            .api()
            .log_in("admin", &self.ceremony.secrets["admin"])
    }

    /// As root while it is kept, and afterwards as the administrator.
    fn apply(&self) -> Run {
        let root = self.ceremony.file.get("revoke_root").is_some();
        let keep = ["apply", "--yes", "--keep-root"];
        let login = [
            "apply",
            "--yes",
            "--login",
            "admin",
            "--allow-widening",
            "--adopt-documents",
        ];
        self.ceremony.run(if root { &keep } else { &login })
    }

    /// Root goes, and the administrator stays.
    fn hand_over(&mut self) {
        self.ceremony.remove("/revoke_root");
        self.ceremony.apply().exits(4);
    }

    /// A run writes exactly these, in any order, and no word of it says that something stays as it was.
    fn writes(&mut self, when: &str, paths: &[String]) {
        let log = self.server.audit().after_this();
        let run = self.apply();
        let written = written(&log);
        let expected: BTreeSet<_> = paths.iter().cloned().collect();
        for path in expected.difference(&written) {
            self.problem(when, format!("not written: {path}"));
        }
        for path in written.difference(&expected) {
            self.problem(when, format!("written for nothing: {path}"));
        }
        let stays = ["[not-put-back]", "differs from the file", "not-put-back"];
        for line in run.stdout.lines() {
            if stays.iter().any(|words| line.contains(words)) {
                self.problem(when, line.to_owned());
            }
        }
        if run.code != 4 {
            self.problem(when, run.to_string());
        }
    }

    fn problem(&mut self, when: &str, text: String) {
        let setup = self.setup();
        self.problems.push(format!("{setup:?} {when}: {text}"));
    }

    /// Nothing is other than it has to be.
    #[track_caller]
    fn ends(&self) {
        assert!(self.problems.is_empty(), "{}", self.problems.join("\n"));
    }
}

/// What was written, but for the policy that is computed from the file.
fn written(log: &AuditLog) -> BTreeSet<String> {
    let paths = log.writes().into_iter();
    let paths = paths.filter_map(|line| Some(line.split_once(' ')?.1.to_owned()));
    paths
        .filter(|path| path != "sys/policies/acl/auditor")
        .collect()
}

/// An entry of `writes`.
fn write(path: &str, data: &Value) -> Value {
    json!({ "path": path, "data": data })
}
