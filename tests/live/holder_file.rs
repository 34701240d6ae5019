//! A holder with nothing but the printed file, their key and their share.

use crate::ceremony::{Ceremony, Run, handed_over, handed_over_on};
use crate::support::{Scratch, Setup, Tool, require};

/// A machine of one holder.
struct Machine {
    directory: Scratch,
    name: &'static str,
}

impl Machine {
    /// With what `holder-file` prints at the ceremony's machine, and what that says must be there.
    fn of(starter: &Ceremony, name: &'static str) -> Self {
        let printed = starter.run(&["holder-file", name]);
        let text = &printed.exits(0).stdout;
        let machine = Self {
            directory: Scratch::new(),
            name,
        };
        let at = |file: &str| machine.directory.file(file);
        std::fs::write(at(&format!("holder-{name}.yaml")), text).expect("written");
        let (key, share) = (format!("{name}.key"), format!("shares/{name}.age"));
        assert!(text.contains(&format!("#   {share}: ")), "{text}");
        std::fs::create_dir(at("shares")).expect("a directory");
        std::fs::copy(starter.path(&share), at(&share)).expect("a copy");
        std::fs::copy(starter.path(&key), at(&key)).expect("a copy");
        machine
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        let own = ["-c".to_owned(), format!("holder-{}.yaml", self.name)];
        let key = ["--identity".to_owned(), format!("{}.key", self.name)];
        let words = words.iter().map(|word| (*word).to_owned());
        own.into_iter().chain(words).chain(key).collect()
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> Run {
        let words = self.words(words);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Tool::new()
            .directory(self.directory.path())
            .run(&words)
            .into()
    }

    /// Gives the share; the password of the login is typed.
    fn submit(&self, code: &str, password: &str) -> String {
        let words = self.words(&["share", "submit", code, "--yes"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut terminal = Tool::new()
            .directory(self.directory.path())
            .terminal(&words);
        terminal.expect("password of ada");
        terminal.type_line(password);
        let (code, shown) = terminal.finish();
        assert_eq!(code, 0, "{shown}");
        assert!(!shown.contains(password), "{shown}");
        shown
    }
}

#[test]
fn with_the_printed_file_alone_one_holder_gives_a_share_and_another_one_unseals() {
    require!(Setup::Vault1211Shamir.components());
    let (mut server, starter) = handed_over_on(Setup::Vault1211Shamir);
    let (bob, carol) = (Machine::of(&starter, "bob"), Machine::of(&starter, "carol"));
    let status: Run = Tool::new()
        .directory(bob.directory.path())
        .run(&["-c", "holder-bob.yaml", "status"])
        .into();
    status.exits(4).prints(&[
        "share submit CODE",
        "the checkpoint of this cluster is not here",
    ]);
    bob.run(&["custodian", "prove", "bob"])
        .exits(0)
        .prints(&["bob is proved"]);
    let started = starter.run(&["break-glass", "start", "--reason", "the provider is down"]);
    let code = started.exits(0).stdout.trim().to_owned();
    let shown = bob.submit(&code, &starter.secrets["ada"]);
    assert!(
        shown.contains("the share of bob was accepted: 1 of 2"),
        "{shown}"
    );
    server.restart();
    carol
        .run(&["unseal"])
        .exits(0)
        .prints(&["sealed, 1 of 2 shares given"])
        .shows_no_token();
    bob.run(&["unseal"]).exits(0).prints(&["unsealed"]);
}

#[test]
fn the_ceremony_writes_a_file_for_each_holder_that_says_which_cluster_it_is() {
    use std::os::unix::fs::PermissionsExt;
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let id = server.api().read("sys/health")["cluster_id"].clone();
    let id = id.as_str().expect("an id");
    for name in ["alice", "bob", "carol"] {
        let path = starter.path(&format!("checkpoint/holder-{name}.yaml"));
        let mode = path
            .metadata()
            .expect("it was written")
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
        let text = std::fs::read_to_string(&path).expect("a text");
        assert!(
            text.contains(&format!("\n  id: {id} "))
                || text.contains(&format!("\n  id: \"{id}\" ")),
            "{text}"
        );
        // The same but for the address, which is another one by now.
        let printed = starter.run(&["holder-file", name]).exits(0).stdout.clone();
        let without = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with("  address: "));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(without(&text), without(&printed));
    }
}

#[test]
fn a_holder_file_is_an_event_too_and_says_what_it_does_not_know() {
    require!(["openbao-2.7.2"]);
    let (_server, starter) = handed_over();
    let run = starter.run(&["holder-file", "bob", "--output", "json"]);
    let event = run.exits(0).event();
    assert_eq!(
        (&event["event"], &event["custodian"]),
        (&"holder-file".into(), &"bob".into())
    );
    let (id, text) = (event["cluster_id"].as_str(), event["text"].as_str());
    assert!(text.expect("a text").contains(id.expect("an id")));
    starter
        .run(&["holder-file", "mallory"])
        .exits(2)
        .says(&["no custodian mallory", "it has: alice, bob, carol"]);
    std::fs::remove_dir_all(starter.path("checkpoint")).expect("it was there");
    let run = starter.run(&["holder-file", "bob"]);
    run.exits(0)
        .says(&["it has no cluster.id, which share submit needs"])
        .prints(&["version: 1"]);
}
