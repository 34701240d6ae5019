//! `--output json`: one event a line, each as `schema --events` says, and the last one the command's own.

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Run, SCHEMA, Server, handed_over};
use crate::happy::NOT_REHEARSED;

#[test]
fn json_is_one_event_a_line_with_its_version() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    let run = ceremony.run(&["apply", "--yes", "--output", "json"]);
    run.exits(4);
    let events = run.events();
    assert!(
        events
            .iter()
            .all(|event| event["version"] == 3 && event["event"].is_string()),
        "{run}"
    );
    let names: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().expect("a name"))
        .collect();
    assert_eq!(names[0], "begin");
    assert_eq!(names.last(), Some(&"end"));
    let steps = |name: &str| -> Vec<&Value> {
        events
            .iter()
            .filter(|event| event["event"] == name)
            .map(|event| &event["step"])
            .collect()
    };
    assert_eq!(steps("step-started"), steps("step-finished"));
    assert_eq!(steps("step-started").len(), 14);
    let end = events.last().expect("an end");
    assert_eq!(end["unchanged"], false);
    let report = ceremony.path("checkpoint/report.json");
    assert_eq!(end["report"], report.to_str().expect("a path"));
    assert!(
        end["findings"][0]["text"]
            .as_str()
            .expect("a text")
            .starts_with(NOT_REHEARSED)
    );
    assert_eq!(end["findings"][0]["code"], "not-rehearsed");
    assert_eq!(run.stderr, "", "progress is in the events");
    let again = ceremony.run(&["apply", "--yes", "--output", "json"]);
    let events = again.exits(4).events();
    let end = events.last().expect("an end");
    assert_eq!(end["unchanged"], true);
    // What no request was sent for is said to be recorded, step by step and at the end.
    for step in ["preflight", "logins", "drill"] {
        let finished = |event: &&Value| event["event"] == "step-finished" && event["step"] == step;
        let finished = events.iter().find(finished).expect("every step ends");
        assert_eq!(finished["outcome"], "not-rechecked", "{step}");
        assert_eq!(finished["requests"], 0, "{step}");
        let named = end["not_rechecked"].as_array().expect("a list");
        assert!(named.contains(&json!(step)), "{step}: {end}");
    }
}

#[test]
fn a_failure_is_an_event_too() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set(
        "/policies/operator",
        json!({ "rules": "path \"x\" { policy = \"nope\" }" }),
    );
    let run = ceremony.run(&["apply", "--yes", "--output", "json"]);
    // It stands in one place.
    assert_eq!(run.exits(1).stderr, "", "{run}");
    let failed = run.events().pop().expect("an event");
    assert_eq!(
        (&failed["event"], &failed["exit"], &failed["version"]),
        (&json!("failed"), &json!(1), &json!(3))
    );
    assert!(
        failed["problems"][0]["what"]
            .as_str()
            .expect("a text")
            .contains("invalid policy")
    );
    assert!(failed["problems"][0]["advice"].is_string());
    assert_eq!(failed["problems"][0]["code"], "server-refused");
}

#[test]
fn every_command_speaks_the_events_of_the_schema_and_ends_with_its_own() {
    let (_server, ceremony) = handed_over();
    let code = |run: &Run| run.events().pop().expect("an event")["code"].clone();
    let last = |arguments: &[&str]| {
        let run = ceremony.run(&[arguments, &["--output", "json"]].concat());
        assert_eq!(run.stderr, "", "all of it is in the events\n{run}");
        let event = run.events().pop().expect("an event");
        event["event"].as_str().expect("a name").to_owned()
    };
    let (alice, bob) = (["--identity", "alice.key"], ["--identity", "bob.key"]);
    let keys = [alice, bob].concat();
    assert_eq!(last(&["status"]), "status");
    assert_eq!(
        last(&[&["custodian", "prove", "alice"], &alice[..]].concat()),
        "proved"
    );
    assert_eq!(
        last(&[&["rehearse", "--without", "carol"], &keys[..]].concat()),
        "end"
    );
    assert_eq!(last(&["break-glass", "start", "--reason", "x"]), "started");
    assert_eq!(last(&["break-glass", "progress"]), "progress");
    assert_eq!(last(&["break-glass", "cancel"]), "cancelled");
    // What a command prints is the command's: the events go to stderr.
    let work = ["break-glass", "--reason", "x", "--output", "json"];
    let run = ceremony.run(&[&work[..], &keys, &["--", "echo", "out"]].concat());
    assert_eq!(run.exits(0).stdout, "out\n");
    let events = Run {
        stdout: run.stderr.clone(),
        ..run
    };
    assert_eq!(code(&events), 0);
}

#[test]
fn the_schema_of_events_refuses_what_no_command_says() {
    for other in [
        json!({ "version": 3, "event": "rumour" }),
        json!({ "version": 3, "event": "note" }),
        json!({ "event": "note", "text": "without a version" }),
        json!({ "version": 3, "event": "step-started", "step": "dance", "number": 1, "of": 14 }),
    ] {
        assert!(!SCHEMA.is_valid(&other), "{other}");
    }
    let note = json!({ "version": 3, "event": "note", "text": "one" });
    assert!(SCHEMA.is_valid(&note));
}
