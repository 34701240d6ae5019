//! The first hours: a configuration out of `example`, keys out of `custodian new`, and the ceremony that comes of them,
//! with no other program at hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ceremony::{Ceremony, Run, Server, builder};
use crate::support::{Scratch, Setup, Tool, require};

const HOLDERS: [&str; 3] = ["alice", "bob", "carol"];

/// Somebody who begins, in an empty directory.
struct Beginner {
    directory: Scratch,
}

impl Beginner {
    fn new() -> Self {
        Self {
            directory: Scratch::new(),
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.file(name)
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> Run {
        Tool::new()
            .directory(self.directory.path())
            .run(words)
            .into()
    }

    /// Makes a key; its recipient.
    #[track_caller]
    fn key(&self, name: &str) -> String {
        let file = format!("keys/{name}.key");
        let run = self.run(&["custodian", "new", name, "-o", &file]);
        let recipient = run.exits(0).stdout.trim().to_owned();
        assert!(
            recipient.starts_with("age1") && recipient.len() == 62,
            "{run}"
        );
        recipient
    }

    /// The commands in the head of a configuration that make directories and passwords.
    fn prepare_as_told(&self, text: &str) {
        let head = text.split("\nversion:").next().expect("a head");
        let lines = head.lines().filter_map(|line| line.strip_prefix("#   "));
        for line in lines.filter(|line| line.contains("mkdir") || line.contains("urandom")) {
            let mut shell = Command::new("sh");
            let ended = shell
                .args(["-euc", line])
                .current_dir(self.directory.path())
                .status();
            assert!(ended.expect("a shell").success(), "{line}");
        }
    }

    /// Writes `bootstrap.yaml` as a person makes it out of an example: what is marked is replaced, by hand.
    fn configure(&self, kind: &str, server: &Server) {
        let mut text = self.run(&["example", kind]).exits(0).stdout.clone();
        self.prepare_as_told(&text);
        self.key("checkpoint");
        for name in HOLDERS {
            text = replaced(&text, &format!("age1-of-{name}"), &self.key(name));
        }
        text = replaced(
            &text,
            "https://vault.internal:8200 #",
            &format!("{} #", server.address()),
        );
        let log = server.audit_file().display().to_string();
        text = replaced(&text, "/var/log/openbao/audit.log", &log);
        std::fs::write(self.at("bootstrap.yaml"), text).expect("written");
    }

    fn prove(&self) {
        for name in HOLDERS {
            let key = format!("keys/{name}.key");
            self.run(&["custodian", "prove", name, "--identity", &key])
                .exits(0);
        }
    }

    fn apply(&self) -> Run {
        let keys = HOLDERS.map(|name| format!("keys/{name}.key"));
        let mut words = vec!["apply", "--yes"];
        words.extend(keys.iter().flat_map(|key| ["--identity", key.as_str()]));
        self.run(&words)
    }
}

#[track_caller]
fn replaced(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old}");
    text.replace(old, new)
}

/// What the file of an example says becomes a cluster, with what is found where the product is as it is.
fn handed_over(kind: &str, server: &Server, opened: &[&str], findings: &[&str]) {
    let person = Beginner::new();
    person.configure(kind, server);
    person.prove();
    let run = person.apply();
    let code = if findings.is_empty() { 0 } else { 4 };
    run.exits(code)
        .prints(findings)
        .says(opened)
        .shows_no_token();
    let found = run
        .stdout
        .lines()
        .filter(|line| line.starts_with("  - "))
        .count();
    assert_eq!(found, findings.len(), "{run}");
    person.apply().exits(code).prints(&["nothing was written"]);
}

#[test]
fn the_minimal_example_becomes_a_cluster_on_openbao() {
    require!(["openbao-2.7.2"]);
    handed_over(
        "minimal",
        &Server::in_memory(),
        &["ada opened", "auditor opened"],
        &[],
    );
}

const OF_USERPASS: [&str; 5] = [
    "auditor opened",
    "oscar opened",
    "backup opened",
    "ada opened",
    "emergency opened",
];

#[test]
fn the_example_with_passwords_and_an_approle_becomes_a_cluster_on_openbao() {
    require!(["openbao-2.7.2"]);
    handed_over("userpass", &Server::in_memory(), &OF_USERPASS, &[]);
}

#[test]
fn the_example_with_passwords_and_an_approle_becomes_a_cluster_on_vault() {
    require!(Setup::Vault1211Shamir.components());
    let server = Server::from(builder(Setup::Vault1211Shamir).start());
    let open = ["sys/generate-root answers anybody"];
    handed_over("userpass", &server, &OF_USERPASS, &open);
}

/// As printed, nothing replaced: whoever forgets it is told before anything is asked of a server.
#[test]
fn an_example_that_nobody_has_changed_is_refused_with_what_to_change() {
    let person = Beginner::new();
    let text = person.run(&["example"]).exits(0).stdout.clone();
    person.prepare_as_told(&text);
    std::fs::write(person.at("bootstrap.yaml"), &text).expect("written");
    person.key("checkpoint");
    let line = |name: &str| {
        let of_it = |line: &&str| line.contains(&format!("age1-of-{name}"));
        let number = text.lines().position(|line| of_it(&line)).expect("a line") + 1;
        format!("bootstrap.yaml:{number}:")
    };
    let said =
        |name| format!("custodian {name}: shares/{name}.age: the recipient is not an X25519 one");
    person.run(&["custodian", "prove", "bob"]).exits(2).says(&[
        &line("bob"),
        &said("bob"),
        "vault-bootstrap custodian new NAME -o FILE",
    ]);
    let run = person.run(&["apply", "--yes"]);
    for name in HOLDERS {
        run.exits(2).says(&[&line(name), &said(name)]);
    }
    person
        .run(&["example", "every"])
        .exits(2)
        .says(&["minimal", "userpass", "kubernetes"]);
}

#[test]
fn no_file_that_may_be_there_is_advised_to_be_written_over() {
    let person = Beginner::new();
    let written = "vault-bootstrap example > bootstrap.yaml";
    person.run(&["status"]).exits(2).says(&[written]);
    for file in ["prod.yaml", "old/bootstrap.yaml"] {
        person
            .run(&["-c", file, "status"])
            .exits(2)
            .says(&["no such file", "vault-bootstrap -c FILE COMMAND"])
            .never_says(&["> bootstrap.yaml"]);
    }
    let ceremony = Ceremony::at(&Server::in_memory());
    ceremony
        .run(&["recovery", "rotate", "--from", "old.yaml"])
        .exits(2)
        .says(&["old.yaml", "no such file", "name with --from a copy"])
        .never_says(&["> bootstrap.yaml"]);
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().expect("it is there").permissions().mode() & 0o7777
}

#[test]
fn a_new_key_needs_no_configuration_and_is_shown_to_nobody() {
    let person = Beginner::new();
    let run = person.run(&["custodian", "new", "bob", "-o", "bob.key"]);
    let text = std::fs::read_to_string(person.at("bob.key")).expect("a key");
    let recipient = run.exits(0).stdout.trim();
    assert!(
        text.contains(&format!("# public key: {recipient}\n")),
        "{run}"
    );
    assert_eq!(mode(&person.at("bob.key")), 0o600);
    let entry = format!("- {{name: bob, age: {{recipient: {recipient}, file: shares/bob.age}}}}\n");
    run.shows(&entry).never_says(&["AGE-SECRET-KEY"]);
    let secret = text.lines().last().expect("a line");
    assert!(secret.starts_with("AGE-SECRET-KEY-1"));
    // The checkpoint's is no custodian's.
    person
        .run(&["custodian", "new", "checkpoint", "-o", "keys/own.key"])
        .exits(0)
        .shows("    key: {identity: keys/own.key}\n")
        .says(&["for checkpoint:"])
        .never_says(&["init.custodians"]);
    for again in [
        &["custodian", "new", "bob", "-o", "bob.key"][..],
        &["custodian", "new", "x", "-o", "/dev/stdout"],
    ] {
        person
            .run(again)
            .exits(3)
            .says(&["already taken", "what to do: a key is never overwritten"])
            .never_says(&["AGE-SECRET-KEY"]);
    }
    assert_eq!(
        std::fs::read_to_string(person.at("bob.key")).expect("a key"),
        text
    );
    person
        .run(&["custodian", "new", "bob"])
        .exits(2)
        .says(&["-o"]);
    person
        .run(&["custodian", "new", "a\nb", "-o", "x"])
        .exits(2)
        .says(&["a name on one line"]);
    let words = [
        "custodian",
        "new",
        "eve: x",
        "-o",
        "k/eve.key",
        "--output",
        "json",
    ];
    let run = person.run(&words);
    let event = run.exits(0).event();
    assert_eq!(event["event"], "new-identity");
    assert_eq!(event["file"], "k/eve.key");
    let recipient = event["recipient"].as_str().expect("a text");
    let entry = format!(
        "- {{name: \"eve: x\", age: {{recipient: {recipient}, file: \"shares/eve: x.age\"}}}}"
    );
    assert_eq!(event["entry"], entry);
    run.never_says(&["AGE-SECRET-KEY"]);
}
