//! What is written where: results on stdout, progress on stderr, and a secret nowhere.

use std::time::Duration;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Run, Server, handed_over};
use crate::happy::NOT_REHEARSED;
use crate::support::{Action, Faults, Tool};

#[test]
fn colour_is_for_terminals_or_for_who_asks() {
    let server = Server::in_memory();
    let ceremony = Ceremony::unproved(&server);
    ceremony
        .run(&["apply", "--yes"])
        .exits(3)
        .never_says(&["\u{1b}"]);
    ceremony
        .run(&["apply", "--yes", "--color", "never"])
        .exits(3)
        .never_says(&["\u{1b}"]);
    ceremony
        .run(&["apply", "--yes", "--color", "always"])
        .exits(3)
        .says(&["\u{1b}["]);
}

/// Everything that opens anything, as far as a test can know it.
fn known_secrets(ceremony: &Ceremony) -> Vec<String> {
    let shares = ["alice", "bob", "carol"].map(|name| ceremony.custody().share(name));
    ceremony.secrets.values().cloned().chain(shares).collect()
}

#[test]
fn the_most_talkative_run_says_no_secret() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    let runs = [
        ceremony.run(&["apply", "--yes", "-vvv"]),
        ceremony.run(&["apply", "--yes", "-vvv", "--output", "json"]),
        ceremony.run(&["status", "-vvv"]),
    ];
    let secrets = known_secrets(&ceremony);
    assert!(secrets.len() > 8);
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    for run in &runs {
        run.never_says(&secrets).shows_no_token();
    }
    for name in ceremony.files_in("checkpoint") {
        let bytes = std::fs::read(ceremony.path("checkpoint").join(&name)).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            secrets.iter().all(|secret| !text.contains(secret)),
            "a secret is in {name}"
        );
    }
    let log = server.audit().text();
    assert!(
        secrets.iter().all(|secret| !log.contains(secret)),
        "a secret is in the audit log"
    );
}

#[test]
fn a_checkpoint_in_the_middle_of_the_ceremony_shows_no_secret_and_no_share_at_all() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set(
        "/policies/operator",
        json!({ "rules": "path \"x\" { policy = \"nope\" }" }),
    );
    ceremony.apply().exits(1);
    assert!(ceremony.keeps_secrets());
    let secrets = known_secrets(&ceremony);
    for name in ceremony.files_in("checkpoint") {
        let path = ceremony.path("checkpoint").join(&name);
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
        assert!(
            secrets.iter().all(|secret| !text.contains(secret.as_str())),
            "a secret is in {name}"
        );
        use std::os::unix::fs::PermissionsExt;
        let mode = path.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "others can read {name}");
    }
}

#[test]
fn status_says_where_it_stands_and_what_to_type_next() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony
        .run(&["status"])
        .exits(4)
        .prints(&["not initialised", "next: vault-bootstrap apply"]);
    let rules = ceremony.file["policies"]["operator"].clone();
    ceremony.set(
        "/policies/operator",
        json!({ "rules": "path \"x\" { policy = \"nope\" }" }),
    );
    ceremony.apply().exits(1);
    ceremony
        .run(&["status"])
        .exits(4)
        .prints(&["active", "continues where it stopped", "begun"]);
    ceremony.set("/policies/operator", rules);
    ceremony.apply().exits(4);
    ceremony
        .run(&["status"])
        .exits(0)
        .prints(&["active", "compares the server with the file once more"]);
    let run = ceremony.run(&["status", "--output", "json"]);
    let status = run.exits(0).event();
    assert_eq!(
        (&status["event"], &status["version"]),
        (&json!("status"), &json!(3))
    );
    assert!(
        status["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .all(|step| step["state"] == "done"),
        "{status:#}"
    );
}

#[test]
fn status_says_done_of_no_server_that_is_another_one_empty_or_away() {
    let (mut server, mut ceremony) = crate::ceremony::handed_over();
    ceremony.run(&["status"]).exits(0);
    let own = ceremony.file["cluster"]["address"].clone();
    let (other, empty) = (Server::in_memory(), Server::in_memory());
    let init = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
    other.api().write("sys/init", &init);
    for (address, finding) in [
        (other.address(), "the server is cluster "),
        (
            empty.address(),
            "the server is not initialised, and the checkpoint here is of cluster",
        ),
    ] {
        ceremony.set("/cluster/address", json!(address));
        let status = ceremony.run(&["status"]);
        status
            .exits(4)
            .prints(&[
                finding,
                "next: vault-bootstrap status\n",
                "once cluster.address leads to the cluster of the checkpoint here",
            ])
            .never_says(&["next: vault-bootstrap apply"]);
    }
    let strangers = Ceremony::unproved(&other);
    strangers
        .run(&["status"])
        .exits(4)
        .prints(&[
            "the server is initialised, and not by the checkpoint here",
            "next: curl http://127.0.0.1:",
            "shows its cluster_id: with that as cluster.id in the file",
        ])
        .never_says(&["custodian prove"]);
    // What refuses says where the id is to be had, and no number of a step that no screen shows.
    strangers
        .run(&["apply", "--yes"])
        .exits(3)
        .says(&["rehearse names it, and so does the server as cluster_id: curl http://127.0.0.1:"])
        .never_says(&["its step 3"]);
    ceremony.set("/cluster/address", own);
    server.stop();
    let run = ceremony.run(&["status", "--output", "json"]);
    let findings = run.exits(4).event()["findings"].clone();
    assert_eq!(
        findings,
        json!([{
            "code": "server-unreachable",
            "text": "the server could not be asked, so whether it is still as recorded is unknown",
        }])
    );
}

#[test]
fn a_checkpoint_that_was_edited_makes_status_say_done_of_no_server() {
    let (_server, done) = crate::ceremony::handed_over();
    let elsewhere = Server::in_memory();
    let ceremony = Ceremony::at(&elsewhere);
    ceremony.save();
    // What somebody wrote who wants it to look as if all were done.
    let diary = std::fs::read_to_string(done.path("checkpoint/diary.json")).expect("a diary");
    ceremony.write("checkpoint/diary.json", &diary);
    ceremony.run(&["status"]).exits(4).prints(&[
        "as recorded here; apply looks again, and names what",
        "the server is not initialised",
    ]);
}

#[test]
fn the_next_command_of_status_works_when_it_is_typed_and_names_the_file() {
    let server = Server::in_memory();
    let ceremony = Ceremony::unproved(&server);
    ceremony.save();
    std::fs::rename(
        ceremony.path("bootstrap.yaml"),
        ceremony.path("my cluster.yaml"),
    )
    .expect("ours");
    let file = ["-c", "my cluster.yaml"];
    let status = || -> Value {
        let run = ceremony.run_as_is(&[&file[..], &["status", "--output", "json"]].concat());
        serde_json::from_str(&run.stdout).expect("JSON")
    };
    let mut typed = Vec::new();
    while !status()["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .all(|step| step["state"] == "done")
    {
        let next = status()["next"].as_str().expect("a command").to_owned();
        let verb = next
            .strip_prefix("vault-bootstrap -c 'my cluster.yaml' ")
            .unwrap_or_else(|| panic!("{next}"));
        let mut words: Vec<&str> = verb.split(' ').collect();
        // What a person does who is there: opens the challenge, says yes.
        let key = words.last().map(|name| format!("{name}.key"));
        match words[0] {
            "custodian" => words.extend(["--identity", key.as_deref().expect("a name")]),
            _ => words.push("--yes"),
        }
        let run = ceremony.run_as_is(&[&file[..], &words].concat());
        assert!(matches!(run.code, 0 | 4), "{next}\n{run}");
        typed.push(verb.to_owned());
        assert!(typed.len() < 9, "{typed:#?}");
    }
    assert_eq!(
        typed,
        ["custodian prove alice", "custodian prove bob", "apply"]
    );
}

#[test]
fn a_command_in_advice_names_the_file_and_what_was_typed_before() {
    let server = Server::in_memory();
    let ceremony = Ceremony::unproved(&server);
    ceremony.save();
    std::fs::rename(ceremony.path("bootstrap.yaml"), ceremony.path("prod.yaml")).expect("ours");
    let run = |arguments: &[&str]| ceremony.run_as_is(&[&["-c", "prod.yaml"], arguments].concat());
    run(&["apply", "--yes"])
        .exits(3)
        .says(&["vault-bootstrap -c prod.yaml custodian prove alice"]);
    run(&["apply", "--revoke-other-roots"])
        .exits(2)
        .says(&["vault-bootstrap -c prod.yaml apply --yes --revoke-other-roots"]);
    run(&["custodian", "prove", "alice"])
        .exits(2)
        .says(&["vault-bootstrap -c prod.yaml custodian prove alice --identity KEYFILE"]);
}

#[test]
fn status_works_without_the_server_and_without_any_key() {
    let (server, ceremony) = handed_over();
    drop(server);
    std::fs::remove_file(ceremony.path("checkpoint.key")).expect("ours");
    ceremony
        .run(&["status"])
        .exits(4)
        .prints(&["cannot be reached", "the server could not be asked"]);
}

#[test]
fn the_report_has_every_step_with_its_evidence_for_machines_and_for_people() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    ceremony
        .run(&["apply", "--yes", "--report", "copy.json"])
        .exits(4);
    let report = ceremony.report();
    assert_eq!(report["version"], 2);
    assert_eq!(report["break_glass"]["rehearsed"], "not rehearsed");
    let proof = &ceremony.evidence("revoke-root")["proof"];
    assert_eq!(
        (&proof["before"], &proof["after"]),
        (&json!(200), &json!(403))
    );
    assert_eq!(
        ceremony.evidence("audit")["proved"]["file"],
        "marker found in the log"
    );
    let logins = ceremony.evidence("logins");
    assert_eq!(
        logins["opened"].as_array().expect("doors").len(),
        3,
        "{logins:#}"
    );
    let copy = std::fs::read(ceremony.path("copy.json")).expect("a copy");
    assert_eq!(
        serde_json::from_slice::<Value>(&copy).expect("JSON"),
        report
    );
    let text = std::fs::read_to_string(ceremony.path("checkpoint/report.txt")).expect("a page");
    assert!(
        text.contains("revoke-root") && text.contains(NOT_REHEARSED),
        "{text}"
    );
    for line in text.lines() {
        let whole = !line.trim().contains(' ');
        assert!(line.chars().count() <= 80 || whole, "{line}\n{text}");
    }
    assert!(!text.contains("identity_policies"), "empty\n{text}");
    let ignore = std::fs::read_to_string(ceremony.path("checkpoint/.gitignore")).expect("a file");
    assert_eq!(ignore, "*\n");
}

#[test]
fn help_schema_completions_and_man_page_need_no_file() {
    let tool = |arguments: &[&str]| Run::from(Tool::new().run(arguments));
    tool(&["--help"])
        .exits(0)
        .prints(&["Exit codes", "apply", "status", "custodian"]);
    tool(&["--version"]).exits(0).prints(&["vault-bootstrap"]);
    for verb in [
        "apply",
        "status",
        "custodian",
        "example",
        "holder-file",
        "schema",
        "completions",
    ] {
        tool(&[verb, "--help"])
            .exits(0)
            .prints(&["Usage:", "Example", "Exit codes: "]);
    }
    let schema = tool(&["schema"]);
    let schema: Value = serde_json::from_str(&schema.exits(0).stdout).expect("JSON");
    assert!(schema["properties"]["cluster"].is_object());
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        tool(&["completions", shell])
            .exits(0)
            .prints(&["vault-bootstrap", "apply"]);
    }
    tool(&["completions", "man"])
        .exits(0)
        .prints(&[".TH", "vault\\-bootstrap"]);
    tool(&["completions", "man", "break-glass", "start"])
        .exits(0)
        .prints(&[".TH", "start", "reason"]);
    tool(&["completions", "man", "nothing"])
        .exits(2)
        .says(&["there is no command nothing"]);
    tool(&["completions", "bash", "apply"]).exits(2);
    tool(&["aply"]).exits(2).says(&["apply"]);
    for form in [
        &["--output", "json", "aply"][..],
        &["aply", "--output=json"],
    ] {
        let run = tool(form);
        assert_eq!(run.exits(2).event()["problems"][0]["code"], "input-wrong");
        assert_eq!(run.stderr, "", "said in one place\n{run}");
    }
    tool(&[]).exits(2).says(&["Usage:"]);
}

/// Interrupts a run in the middle of its configuration, and takes it up again.
fn interrupted_by(signal: rustix::process::Signal, code: i32) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().first("* sys/policies/acl/operator*", Action::HoldAnswer);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.start();
    assert!(proxy.wait_for_held(Duration::from_secs(20)));
    run.signal(signal);
    Run::from(run.finish()).exits(code).says(&[
        "nothing is half done",
        "run the same command again: it continues from here",
    ]);
    assert!(ceremony.keeps_secrets());
    ceremony.apply().exits(4);
}

#[test]
fn interrupted_by_a_person_it_stops_safely_and_can_be_taken_up() {
    interrupted_by(rustix::process::Signal::INT, 130);
}

#[test]
fn ended_by_a_machine_it_stops_safely_and_can_be_taken_up() {
    interrupted_by(rustix::process::Signal::TERM, 143);
}
