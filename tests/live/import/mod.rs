//! `import`: a cluster that is there as a file, and the file as a plan that changes nothing.

mod bank_vaults;
mod factors;
mod planted;
mod seen;
mod whole;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::ceremony::{Api, Run, Server};
use crate::support::{Scratch, Setup, Tool};

const SETUPS: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];
/// What no file may hold.
const PLANTED: [&str; 4] = [
    "user-planted-4711",
    "db-planted-4711",
    "kv-planted-4711",
    "jwt-planted-4711",
];
const OPERATOR: &str = "operator-4711-of-a-test";
/// What no server tells, as a person fills it in.
const FILLED: &str = "
init:
  shares: 3
  threshold: 2
  custodians:
    - {name: alice, age: {recipient: age1-of-alice, file: shares/alice.age}}
    - {name: bob, age: {recipient: age1-of-bob, file: shares/bob.age}}
    - {name: carol, age: {recipient: age1-of-carol, file: shares/carol.age}}
checkpoint: {path: checkpoint, key: {passphrase: {prompt: passphrase}}}
logins:
  operator: {auth: userpass, username: operator, password: {file: operator.password}}
break_glass: {none: of a test}
";
/// Whoever reads all, and writes nothing.
const READS_ALL: &str = "path \"*\" { capabilities = [\"read\", \"list\", \"sudo\"] }\n\
                         path \"auth/token/revoke-self\" { capabilities = [\"update\"] }\n";

/// A server that somebody has initialised, with an operator who reads all, and a directory on a machine that has nothing.
struct Cluster {
    server: Server,
    root: String,
    directory: Scratch,
}

impl Cluster {
    fn start(setup: Setup) -> Self {
        let server = if setup == Setup::OpenBao272Static {
            Server::in_memory()
        } else {
            Server::of(setup)
        };
        let root = server.init_by_hand().root_token;
        let cluster = Self {
            server,
            root,
            directory: Scratch::new(),
        };
        let root = cluster.root();
        if !setup.declares_audit() {
            let options = json!({"file_path": cluster.server.audit_file()});
            root.write(
                "sys/audit/file",
                &json!({"type": "file", "options": options}),
            );
        }
        root.write("sys/auth/userpass", &json!({"type": "userpass"}));
        root.write("sys/policies/acl/reads-all", &json!({"policy": READS_ALL}));
        let operator =
            json!({"password": OPERATOR, "token_policies": ["reads-all"], "token_ttl": "1h"});
        root.write("auth/userpass/users/operator", &operator);
        cluster.write("operator.password", OPERATOR);
        cluster
    }

    fn root(&self) -> Api<'_> {
        self.server.api().with(&self.root)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.directory.write(name, text);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("our own file");
        file
    }

    fn tool(&self) -> Tool {
        Tool::new().directory(self.directory.path())
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.tool().run(arguments).into()
    }

    /// Imports with this token into a file, and gives its text.
    fn import(&self, token: &str, name: &str) -> (Run, String) {
        let run = self.import_only(token, name);
        let text = fs::read_to_string(self.directory.file(name)).unwrap_or_default();
        (run, text)
    }

    fn import_only(&self, token: &str, name: &str) -> Run {
        self.write("token", token);
        let address = self.server.address();
        self.run(&[
            "import",
            "--address",
            &address,
            "--token-file",
            "token",
            "-o",
            name,
        ])
    }

    /// The token of a login as `operator`.
    fn token_of_operator(&self) -> String {
        let body = json!({"password": OPERATOR});
        let (_, answer) = self.server.api().put("auth/userpass/login/operator", &body);
        answer["auth"]["client_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// The plan of this file through its login.
    fn plan(&self, name: &str) -> (Run, Value) {
        let run = self.run(&[
            "-c", name, "plan", "--login", "operator", "--output", "json",
        ]);
        let last = run.events().pop().expect("a plan");
        (run, last)
    }
}

/// Everything in a plan that is not merely unseen.
fn changes(plan: &Value) -> Vec<Value> {
    let steps = plan["steps"].as_array().unwrap_or_else(|| panic!("{plan}"));
    let mut all = Vec::new();
    for step in steps {
        let items = step["items"].as_array().into_iter().flatten();
        all.extend(items.filter(|item| item["change"] != "unseen").cloned());
        for kind in ["findings", "problems"] {
            all.extend(step[kind].as_array().into_iter().flatten().cloned());
        }
    }
    all
}

/// How many documents a plan has found equal.
fn equal(plan: &Value) -> u64 {
    let steps = plan["steps"].as_array().expect("steps");
    steps
        .iter()
        .filter_map(|step| step["unchanged"].as_u64())
        .sum()
}
