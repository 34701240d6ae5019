//! At a terminal: one question before the root token is revoked, and secrets that are typed unseen.

use std::time::Duration;

use serde_json::json;

use crate::ceremony::{Ceremony, Server};
use crate::support::{Action, Faults, seen};

#[test]
fn a_person_is_asked_once_before_root_goes_and_may_say_no() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    let mut terminal = ceremony.terminal(&["apply"]);
    let shown = terminal.expect("Revoke the root token now?");
    assert!(shown.contains("opened operator"), "{shown}");
    assert!(shown.contains("(break-glass, not rehearsed)"), "{shown}");
    terminal.type_line("n");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 1, "{shown}");
    assert!(
        shown.contains("the root token was not revoked: you said no"),
        "{shown}"
    );
    assert!(ceremony.keeps_secrets());
    let mut terminal = ceremony.terminal(&["apply"]);
    terminal.expect("Revoke the root token now?");
    terminal.type_line("y");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 4, "{shown}");
    assert!(!ceremony.keeps_secrets());
    server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"])
        .no_root_is_left();
}

#[test]
fn what_is_not_as_promised_is_called_a_finding_before_root_goes_and_no_open_door() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::unproved(&server);
    ceremony.set("/init/accept_unproved", json!(["alice", "bob"]));
    let mut terminal = ceremony.terminal(&["apply"]);
    let shown = terminal.expect("Revoke the root token now?");
    assert!(shown.contains("finding: custodian carol"), "{shown}");
    let lines: Vec<&str> = shown.lines().map(str::trim).collect();
    assert!(lines.contains(&"opened auditor"), "{shown}");
    assert!(!shown.contains("open custodian"), "{shown}");
    terminal.type_line("n");
    assert_eq!(terminal.finish().0, 1);
}

#[test]
fn control_c_at_the_question_leaves_root_for_another_run() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    let mut terminal = ceremony.terminal(&["apply"]);
    terminal.expect("Revoke the root token now?");
    terminal.type_keys("\u{3}");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 130, "{shown}");
    assert!(ceremony.keeps_secrets());
    ceremony.apply().exits(4);
}

#[test]
fn a_secret_that_is_typed_is_never_shown() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let reference = json!({ "prompt": "password of the operator" });
    ceremony.set("/auth/userpass/users/operator/password", reference.clone());
    ceremony.set("/logins/operator/password", reference);
    let mut terminal = ceremony.terminal(&["apply", "--yes"]);
    terminal.expect("password of the operator");
    terminal.type_line("typed-and-never-shown");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 4, "{shown}");
    assert!(!shown.contains("typed-and-never-shown"), "{shown}");
    server.api().log_in("operator", "typed-and-never-shown");
}

#[test]
fn a_secret_that_nobody_is_there_to_type() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set(
        "/logins/operator/password",
        json!({ "prompt": "password of the operator" }),
    );
    ceremony
        .apply()
        .exits(2)
        .says(&["no terminal to ask on", "what to do:", "{file: PATH}"]);
    assert!(!server.api().initialised());
}

#[test]
fn a_holder_reads_the_word_of_a_challenge_elsewhere_and_types_it() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::unproved(&server);
    ceremony.set("/init/accept_unproved", json!(["alice", "carol"]));
    let mut terminal = ceremony.terminal(&["custodian", "prove", "bob"]);
    let shown = terminal.expect("-----END AGE ENCRYPTED FILE-----");
    let begin = shown.find("-----BEGIN AGE").expect("an armored file");
    let word = ceremony
        .custody()
        .open("bob", &shown[begin..].replace('\r', ""));
    terminal.expect("as bob reads it");
    terminal.type_line(word.trim());
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("bob is proved") && !shown.contains(word.trim()),
        "{shown}"
    );
    ceremony.apply().exits(4).never_says(&["custodian bob is"]);
}

#[test]
fn a_challenge_is_answered_another_day_and_a_mistake_in_typing_costs_nothing() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::unproved(&server);
    let prove = ["custodian", "prove", "bob"];
    let with = |option: &[&'static str]| [&prove[..], option].concat();
    let write = with(&["--challenge-file", "bob.challenge"]);
    ceremony.run(&with(&["--answer"])).exits(2).says(&[
        "no challenge waits for bob",
        "custodian prove bob --challenge-file FILE",
    ]);
    ceremony
        .run(&write)
        .exits(0)
        .prints(&["the challenge of bob is in bob.challenge"])
        .says(&[
            "age -d -i KEYFILE bob.challenge",
            "custodian prove bob --answer",
        ]);
    let read = || std::fs::read_to_string(ceremony.path("bob.challenge")).expect("a file");
    let challenge = read();
    let word = ceremony.custody().open("bob", &challenge);
    let diary = std::fs::read_to_string(ceremony.path("checkpoint/diary.json")).expect("a diary");
    assert!(!diary.contains(word.trim()), "{diary}");
    // Whoever asks again gets the same, and no file is overwritten by another one.
    ceremony.run(&write).exits(0);
    assert_eq!(read(), challenge);
    ceremony.write("taken", "something else");
    ceremony
        .run(&with(&["--challenge-file", "taken"]))
        .exits(2)
        .says(&["taken exists, and is never overwritten"]);
    let mut terminal = ceremony.terminal(&prove);
    let shown = terminal.expect("as bob reads it").replace('\r', "");
    assert!(shown.contains(challenge.trim()), "{shown}\n{challenge}");
    drop(terminal);
    ceremony
        .apply()
        .exits(3)
        .says(&["only 0 of the 2 custodians"]);
    // The file names another recipient meanwhile: that challenge proves nothing of them.
    let entry = ceremony.file["init"]["custodians"][1].clone();
    let other = ceremony.file["init"]["custodians"][2]["age"]["recipient"].clone();
    ceremony.set("/init/custodians/1/age/recipient", other);
    ceremony
        .run(&with(&["--answer"]))
        .exits(2)
        .says(&["no challenge waits for bob as the file has them now"]);
    ceremony.set("/init/custodians/1", entry);
    let mut terminal = ceremony.terminal(&with(&["--answer"]));
    terminal.expect("as bob reads it:\r\n  age -d -i KEYFILE bob.challenge\r\nWord (hidden): ");
    terminal.type_line("k3mfq-mistyped");
    terminal.expect("try again");
    terminal.type_line(&word.trim().to_uppercase());
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("bob is proved"), "{shown}");
    ceremony
        .run(&with(&["--answer"]))
        .exits(2)
        .says(&["bob is proved since 20", "there is nothing left to do"])
        .never_says(&["as the file has them now"]);
}

#[test]
fn a_wrong_word_proves_nothing() {
    let server = Server::in_memory();
    let ceremony = Ceremony::unproved(&server);
    let mut terminal = ceremony.terminal(&["custodian", "prove", "bob"]);
    for guess in ["a-guess", "another", "the-last"] {
        terminal.expect("as bob reads it");
        terminal.type_line(guess);
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 1, "{shown}");
    assert!(
        shown.contains("the answer is not the word of the challenge"),
        "{shown}"
    );
    ceremony
        .apply()
        .exits(3)
        .says(&["only 0 of the 2 custodians"]);
}

#[test]
fn a_refusal_is_wrapped_for_a_terminal_and_its_command_stays_whole() {
    let server = Server::in_memory();
    let ceremony = Ceremony::unproved(&server);
    let (code, shown) = ceremony.terminal(&["apply", "--yes"]).finish();
    assert_eq!(code, 3, "{shown}");
    let plain = shown.replace("\u{1b}[1;31m", "").replace("\u{1b}[1m", "");
    let plain = plain.replace("\u{1b}[0m", "");
    let refusal = &plain[plain.find("refused: ").expect("a refusal")..];
    for line in refusal.lines() {
        assert!(line.chars().count() <= 80, "{line}\n{shown}");
    }
    let command = "\n              vault-bootstrap custodian prove alice;";
    assert!(refusal.replace('\r', "").contains(command), "{shown}");
}

/// The lines that begin with the number of a step, without what they say of time.
fn steps(lines: &[String]) -> Vec<&str> {
    let numbered = |line: &&String| line.contains("/14 ");
    lines
        .iter()
        .filter(numbered)
        .map(|line| &line[..])
        .collect()
}

#[test]
fn each_step_is_one_line_with_its_mark_and_its_details_below_it() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    let keys = ["alice", "bob", "carol"].map(|name| format!("{name}.key"));
    let identities = keys.iter().flat_map(|key| ["--identity", key]);
    let words: Vec<&str> = ["apply", "--yes"].into_iter().chain(identities).collect();
    let (code, shown) = ceremony.terminal(&words).finish();
    assert_eq!(code, 0, "{shown}");
    let lines = seen(&shown);
    let steps = steps(&lines);
    assert_eq!(steps.len(), 14, "{lines:#?}");
    for (place, step) in steps.iter().enumerate() {
        assert!(step.starts_with(&format!("{:>2}/14 ", place + 1)), "{step}");
        assert!(step.contains(" ok ") && step.contains(" s"), "{step}");
    }
    let place = |text: &str| {
        let found = lines.iter().position(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("not seen: {text}\n{lines:#?}"))
    };
    let step = place("2/14 initialise the cluster");
    assert_eq!(lines[step + 1], "      initialising: do not kill this now");
    let step = place("13/14 revoke root and prove it");
    let proof = "      proof: root token 200 before, 403 after; control login auditor 200";
    assert_eq!(lines[step + 1], proof);
    for line in &lines {
        assert!(!line.trim().starts_with("ok "), "an orphan: {line}");
        assert!(
            line.is_ascii(),
            "the environment says nothing of UTF-8: {line}"
        );
    }
    let end = &lines[place("done, nothing left open")..];
    for (line, begins) in end.iter().skip(2).zip([
        "cluster      test, http://127.0.0.1:",
        "id           ",
        "shares       3 recovery shares, 2 needed: alice, bob, carol",
        "audit        file: marker found in the log",
        "logins       opened: auditor, operator, ada",
        "break-glass  exercised 20",
        "root         revoked 20",
        "             control login auditor 200",
        "",
        "findings: none",
        "next: vault-bootstrap apply",
        "      compares the server with the file once more",
        "report: checkpoint/report.json",
    ]) {
        assert!(line.starts_with(begins), "{line}\n{end:#?}");
    }
}

#[test]
fn a_question_has_the_heading_of_its_step_and_the_step_is_named_again_at_its_end() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    ceremony.save();
    let tool = ceremony.tool().env("LC_ALL", "C.UTF-8");
    let mut terminal = tool.terminal(&["apply"]);
    let mut shown = terminal.expect("Revoke the root token now?");
    let lines = seen(&shown);
    let last = *steps(&lines).last().expect("steps");
    assert_eq!(last, "13/14 revoke root and prove it", "{lines:#?}");
    terminal.type_line("y");
    let (code, rest) = terminal.finish();
    assert_eq!(code, 4, "{rest}");
    shown.push_str(&rest);
    let lines = seen(&shown);
    let question = lines.iter().position(|line| line.starts_with("Revoke the"));
    let after = &lines[question.expect("a question") + 1..];
    let marked = "13/14 revoke root and prove it             ✓ done ";
    assert!(after[0].starts_with(marked), "{lines:#?}");
    assert!(
        after[1].starts_with("      proof: root token 200"),
        "{lines:#?}"
    );
    assert_eq!(steps(&lines).len(), 15, "{lines:#?}");
}

#[test]
fn while_the_server_initialises_it_is_seen_to_run_and_a_log_says_it_once() {
    const SLOW: Duration = Duration::from_millis(2500);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().first("PUT sys/init", Action::Delay(SLOW));
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let mut terminal = ceremony.terminal(&["apply", "--yes"]);
    let shown = terminal.expect(" 2 s");
    let lines = seen(&shown);
    let last = lines
        .iter()
        .rposition(|line| line.contains("2/14 initialise"));
    let last = last.expect("a step");
    assert!(lines[last].ends_with(" 2 s"), "{lines:#?}");
    assert_eq!(lines[last + 1], "      initialising: do not kill this now");
    assert_eq!(terminal.finish().0, 4);
    let elsewhere = Server::in_memory();
    let run = Ceremony::at(&elsewhere).apply();
    run.exits(4);
    let said = run.stderr.matches("initialising: do not kill this now");
    assert_eq!(said.count(), 1, "{run}");
    assert!(!run.stderr.contains(['\u{1b}', '\r']), "{run}");
    let begun = " 2/14 initialise the cluster\n      initialising";
    run.shows(begun);
    run.shows("\n 2/14 initialise the cluster               ok done ");
}
