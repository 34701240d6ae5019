//! A `bootstrap.yaml` in a fresh directory, with everything it refers to. JSON is YAML, so a test
//! changes a tree and not a text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::custody::Custody;
use super::run::Run;
use super::secrecy::Written;
use super::server::{DEVICE, Server};
use crate::support::{Canaries, Gpg, Running, Terminal, Tool};

/// Custodians of the plain ceremony.
pub const HOLDERS: [&str; 3] = ["alice", "bob", "carol"];
/// What the operator may do.
pub const OPERATOR: &str =
    r#"path "secret/data/*" { capabilities = ["create", "read", "update"] }"#;

/// One ceremony that can be run again and again.
pub struct Ceremony {
    pub(super) directory: TempDir,
    /// What stands in the file.
    pub file: Value,
    /// Environment of the tool.
    pub environment: Vec<(String, String)>,
    /// Words before the tool's own command.
    pub through: Vec<String>,
    pub(super) identities: BTreeMap<String, age::x25519::Identity>,
    /// Where the keys of holders with PGP are.
    pub(super) pgp: Option<PathBuf>,
    /// Every secret that the tool was given; none may ever be printed.
    pub secrets: BTreeMap<String, String>,
    /// Every secret that is known so far, those that the server made among them.
    pub canaries: Canaries,
    pub(super) written: Written,
    /// Where the server itself is.
    pub(super) server: String,
}

impl Ceremony {
    /// Three `age` custodians who proved that they can open, two shares make a quorum; userpass logins
    /// of an auditor, an operator and the break-glass door `ada`. Keys and passwords are those of the other tests.
    pub fn at(server: &Server) -> Self {
        let mut ceremony = super::template::proved(server);
        let custodians = ceremony.file["init"]["custodians"].take();
        ceremony.file = plain(server);
        ceremony.set("/init/custodians", custodians);
        ceremony
    }

    /// The same, for a test that has one already: keys and passwords are its own.
    pub fn another_at(server: &Server) -> Self {
        let mut ceremony = Self::unproved(server);
        ceremony.prove_all();
        ceremony
    }

    /// The same, and no holder has opened anything yet.
    pub fn unproved(server: &Server) -> Self {
        let mut ceremony = Self {
            directory: of_a_test(),
            file: plain(server),
            environment: Vec::new(),
            through: Vec::new(),
            identities: BTreeMap::new(),
            pgp: None,
            secrets: BTreeMap::new(),
            canaries: Canaries::default(),
            written: Written::default(),
            server: server.address(),
        };
        let custodians = HOLDERS.map(|name| ceremony.age_custodian(name));
        ceremony.set("/init/custodians", json!(custodians));
        ceremony.identity_file("checkpoint.key");
        for name in ["ada", "audit", "operator"] {
            ceremony.password(name);
        }
        ceremony
    }

    /// A holder's own machine: the file of `of`, the holder's key and share, the password of the break-glass login,
    /// and nothing else.
    pub fn guest(server: &Server, of: &Self, name: &str) -> Self {
        let mut guest = Self::unproved(server);
        guest.file = of.file.clone();
        guest.secrets = of.secrets.clone();
        guest.environment = of.environment.clone();
        for key in [
            "checkpoint.key",
            "alice.key",
            "bob.key",
            "carol.key",
            "audit.password",
        ] {
            std::fs::remove_file(guest.path(key)).expect("it was made");
        }
        for file in [format!("{name}.key"), "ada.password".to_owned()] {
            let text = std::fs::read_to_string(of.path(&file)).expect("a file");
            guest.write(&file, &text);
        }
        let share = format!("shares/{name}.age");
        std::fs::create_dir(guest.path("shares")).expect("a directory");
        std::fs::copy(of.path(&share), guest.path(&share)).expect("a copy");
        guest.sees_the_log_of(server);
        guest
    }

    /// Where everything is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file that only its owner reads.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.path(name);
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path);
        std::io::Write::write_all(&mut file.expect("a file"), content.as_bytes()).expect("written");
        self.may_hold_secrets(&path);
        path
    }

    /// Names a file of the test's own, in which secrets are where they belong.
    pub fn may_hold_secrets(&self, path: &Path) {
        let mut files = self.written.lock().expect("no panic holds it");
        files.push(path.to_owned());
    }

    /// Sets one place of the file, by JSON pointer; maps on the way come into being.
    pub fn set(&mut self, pointer: &str, value: Value) -> &mut Self {
        let mut place = &mut self.file;
        for part in pointer.trim_start_matches('/').split('/') {
            place = match part.parse::<usize>() {
                Ok(index) if place.is_array() => &mut place[index],
                _ => &mut place[part.replace("~1", "/")],
            };
        }
        *place = value;
        self
    }

    /// Takes one key out of the file.
    pub fn remove(&mut self, pointer: &str) -> &mut Self {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let parent = self.file.pointer_mut(parent).expect("a place");
        parent
            .as_object_mut()
            .expect("a map")
            .shift_remove(key)
            .expect("a key");
        self
    }

    /// Makes a password, as a file `NAME.password`.
    pub fn password(&mut self, name: &str) -> String {
        let word: String = age::x25519::Identity::generate().to_public().to_string();
        let secret = format!("pw-{name}-{}", &word[20..44]);
        self.write(&format!("{name}.password"), &format!("{secret}\n"));
        self.secrets.insert(name.to_owned(), secret.clone());
        secret
    }

    /// An entry of `init.custodians` with an identity of its own.
    pub fn age_custodian(&mut self, name: &str) -> Value {
        let identity = self.identity_file(&format!("{name}.key"));
        json!({ "name": name, "age": { "recipient": identity, "file": format!("shares/{name}.age") } })
    }

    /// Holders with PGP keys read their shares here: runs are looked through for them.
    pub fn read_by(&mut self, gpg: &Gpg) {
        self.pgp = Some(gpg.home().to_owned());
    }

    /// Where this ceremony's parameters are.
    pub fn prefix(&self) -> String {
        let place = self
            .directory
            .path()
            .file_name()
            .expect("a name")
            .to_string_lossy();
        format!("/vault/{place}")
    }

    /// Makes an identity in a file and returns its recipient.
    fn identity_file(&mut self, name: &str) -> String {
        let identity = age::x25519::Identity::generate();
        let text = identity.to_string();
        self.write(name, &format!("{}\n", text.expose_secret()));
        self.secrets
            .insert(name.to_owned(), text.expose_secret().to_owned());
        let recipient = identity.to_public().to_string();
        self.identities
            .insert(name.trim_end_matches(".key").to_owned(), identity);
        recipient
    }

    /// Every `age` holder opens a challenge.
    pub fn prove_all(&mut self) {
        for custodian in self.file["init"]["custodians"]
            .as_array()
            .cloned()
            .unwrap_or_default()
        {
            let is = |kind| custodian.get(kind).is_some();
            if !["ssm", "secretsmanager", "pgp"].into_iter().any(is) {
                let name = custodian["name"].as_str().expect("a name");
                self.run(&[
                    "custodian",
                    "prove",
                    name,
                    "--identity",
                    &format!("{name}.key"),
                ])
                .exits(0);
            }
        }
    }

    /// Writes `bootstrap.yaml` as it now is.
    pub fn save(&self) {
        let text = serde_json::to_string_pretty(&self.file).expect("a text");
        self.write("bootstrap.yaml", &text);
    }

    /// The tool in this directory. Each of its runs is looked through for secrets when it ends.
    pub fn tool(&self) -> Tool {
        let watch = self.watch();
        watch.learn();
        Tool::new()
            .watched(move |shown, home| watch.allows(shown, home))
            .directory(self.directory.path())
            .envs(self.environment.clone())
            .through(&self.through)
    }

    /// Runs the tool to its end, the file written as it now is.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.save();
        self.run_as_is(arguments)
    }

    /// Runs the tool to its end, the file left alone.
    #[track_caller]
    pub fn run_as_is(&self, arguments: &[&str]) -> Run {
        self.tool().run(arguments).into()
    }

    /// Starts the main job and returns while it works.
    pub fn start(&self) -> Running {
        self.save();
        self.tool().spawn(&["apply", "--yes"])
    }

    /// Starts the tool at a terminal.
    pub fn terminal(&self, arguments: &[&str]) -> Terminal {
        self.save();
        self.tool().terminal(arguments)
    }

    /// A run at a pseudo-terminal that shows what is typed until somebody turns it off, as a person's does.
    pub fn terminal_that_echoes(&self, arguments: &[&str]) -> Terminal {
        self.save();
        // Before the program is there: afterwards it would turn on again what the program has turned off.
        let words = ["sh", "-c", "stty echo && exec \"$@\"", "sh"].map(str::to_owned);
        self.tool().through(&words).terminal(arguments)
    }

    /// The main job, as a machine does it.
    #[track_caller]
    pub fn apply(&self) -> Run {
        self.run(&["apply", "--yes"])
    }

    /// The custodians' side: what they hold.
    pub fn custody(&self) -> Custody<'_> {
        Custody {
            directory: self.directory.path(),
            identities: &self.identities,
            file: &self.file,
        }
    }

    /// Whether the checkpoint still holds anything secret.
    pub fn keeps_secrets(&self) -> bool {
        self.path("checkpoint/secrets").exists()
    }

    /// The report of the last ceremony.
    pub fn report(&self) -> Value {
        let text = std::fs::read(self.path("checkpoint/report.json")).expect("a report");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// What the report says about one step.
    pub fn evidence(&self, step: &str) -> Value {
        let report = self.report();
        let steps = report["steps"].as_array().expect("steps");
        let found = steps.iter().find(|entry| entry["step"] == step);
        found.unwrap_or_else(|| panic!("no {step} in {report:#}"))["evidence"].clone()
    }

    /// Names of the files in a directory of the ceremony, sorted.
    pub fn files_in(&self, name: &str) -> Vec<String> {
        names(&self.path(name))
    }
}

/// The directory of a ceremony.
pub(super) fn of_a_test() -> TempDir {
    let named = tempfile::Builder::new().prefix("vb-test-").tempdir();
    named.expect("a directory")
}

fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

fn plain(server: &Server) -> Value {
    let user = |name: &str| json!({ "file": format!("{name}.password") });
    let mut file = json!({
        "version": 1,
        "cluster": { "name": "test", "address": server.address() },
        "init": { "shares": 3, "threshold": 2, "custodians": [] },
        "checkpoint": { "path": "checkpoint", "key": { "identity": "checkpoint.key" } },
        "audit": { DEVICE: { "type": "file", "options": { "file_path": server.audit_file() } } },
        "secrets": { "secret": { "type": "kv", "options": { "version": "2" } } },
        "auth": { "userpass": { "type": "userpass", "users": {
            "ada": { "password": user("ada"), "token_ttl": "15m" },
            "audit-reader": { "password": user("audit"), "token_policies": ["auditor"], "token_ttl": "15m" },
            "operator": { "password": user("operator"), "token_policies": ["operator"], "token_ttl": "1h" },
        } } },
        "policies": { "auditor": { "builtin": "auditor" }, "operator": { "rules": OPERATOR } },
        "logins": {
            "auditor": { "auth": "userpass", "username": "audit-reader", "password": user("audit") },
            "operator": {
                "auth": "userpass", "username": "operator", "password": user("operator"),
                "can": { "secret/data/production/stripe": ["read", "update"] },
                "cannot": { "sys/audit/file": ["delete"], "sys/policies/acl/operator": ["update"] },
            },
            "ada": { "auth": "userpass", "username": "ada", "password": user("ada") },
        },
        "break_glass": { "logins": ["ada"], "drill": "later", "accept_one_auth_method": true },
    });
    // The tests of two phases take this out again.
    if server.setup().is_openbao() {
        file["init"]["recovery"] = json!("at-init");
    }
    file
}
