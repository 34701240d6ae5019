//! The comparison of before and after: what was expected, what a killed run has kept, what could not be looked at, and what
//! it costs.

use serde_json::{Value, json};

use super::at_work::{TOKENS, crowd};
use super::left_behind::{ALL, SAME, differences, works};
use super::lost::{at_work, killed};
use super::{evidence, handed_over, nothing_is_left, rehearse, with_keys};
use crate::ceremony::{Ceremony, Server, root_from_shares};
use crate::support::{Action, Faults, require};

#[test]
fn what_was_expected_is_no_finding_and_what_did_not_happen_is_said() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let options = [
        "--expect",
        "sys/policies/acl/all",
        "--expect",
        "auth/extra/*",
        "--expect",
        "sys/policies/acl/never",
    ];
    let script = format!(
        "{ALL}; \"$1\" auth enable -path=extra userpass >/dev/null; \
         \"$1\" write auth/extra/users/eve password=x >/dev/null"
    );
    works(&server, &ceremony, &options, &script)
        .exits(0)
        .says(&[
            "as expected: policy all is new",
            "as expected: auth method extra (userpass) is new",
            "as expected: auth/extra/users/eve is new",
            "expected, but nothing there has changed: sys/policies/acl/never",
            "of what was compared, only what was expected has changed",
        ]);
    let comparison = evidence(&ceremony, "break-glass-")["comparison"].clone();
    assert_eq!(comparison["expected"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        comparison["did_not_happen"],
        json!(["sys/policies/acl/never"])
    );
    // Who expects a method does not expect everybody in it.
    let script = "\"$1\" auth enable -path=more userpass >/dev/null; \
                  \"$1\" write auth/more/users/eve password=x >/dev/null";
    works(&server, &ceremony, &["--expect", "auth/more/"], script)
        .exits(4)
        .says(&[
            "as expected: auth method more",
            "auth/more/users/eve is new; to undo it",
        ]);
    ceremony
        .run(&with_keys(
            "break-glass",
            &["--reason", "x", "--expect", "*", "--", "true"],
        ))
        .exits(2);
    nothing_is_left(&server, &ceremony);
}

/// Killed while its command works, which has written a policy.
fn killed_at_work(server: &Server, ceremony: &Ceremony) {
    let program = server.program();
    let program = program.to_str().expect("a path");
    let script = format!("{ALL}; echo ready >&2; exec sleep 300 >/dev/null 2>&1");
    killed(at_work(ceremony, &script, &[program]));
}

#[test]
fn what_a_killed_command_has_left_is_told_by_the_next_rehearsal() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    killed_at_work(&server, &ceremony);
    let run = rehearse(&ceremony);
    run.exits(4).prints(&[
        "policy all is new; to undo it: bao policy delete all",
        "one thing has changed",
    ]);
    let facts = evidence(&ceremony, "rehearsal-");
    assert_eq!(
        facts["comparison"]["with_an_earlier_command"], true,
        "{facts:#}"
    );
    // It was told; from now on it is there.
    rehearse(&ceremony).exits(0).never_says(&["compared"]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn what_a_killed_run_has_left_is_a_finding_until_the_next_run_compares_it() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    killed_at_work(&server, &ceremony);
    let open = [
        "is not yet compared with what there was before",
        "break-glass.limited holds a root token, encrypted",
    ];
    ceremony.run(&["status"]).exits(4).prints(&open);
    ceremony.apply().exits(4).prints(&open);
    rehearse(&ceremony).exits(4);
    ceremony.run(&["status"]).exits(0).never_says(&open);
    let run = ceremony.apply();
    run.never_says(&open);
    assert!(!run.stdout.contains("break-glass."), "{run}");
    nothing_is_left(&server, &ceremony);
}

#[test]
fn what_a_killed_command_has_left_is_told_by_the_next_break_glass() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    killed_at_work(&server, &ceremony);
    works(
        &server,
        &ceremony,
        &[],
        "\"$1\" secrets enable -path=extra kv >/dev/null",
    )
    .exits(4)
    .says(&[
        "policy all is new",
        "secrets engine extra (kv) is new",
        "has not been compared yet",
    ]);
    works(&server, &ceremony, &[], "true")
        .exits(0)
        .says(&[SAME]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn where_what_was_there_before_is_lost_that_is_a_finding() {
    require!(["openbao-2.7.2"]);
    for next in ["rehearse", "break-glass"] {
        let (server, ceremony) = handed_over();
        killed_at_work(&server, &ceremony);
        ceremony.write("checkpoint/break-glass.before", "{");
        let run = match next {
            "rehearse" => rehearse(&ceremony),
            _ => works(&server, &ceremony, &[], "true"),
        };
        let said = format!("{}{}", run.stdout, run.stderr);
        run.exits(4);
        assert!(
            said.contains("could not be compared with what was there before"),
            "{run}"
        );
        rehearse(&ceremony).exits(0);
        nothing_is_left(&server, &ceremony);
    }
}

#[test]
fn what_could_not_be_looked_at_is_a_finding_and_not_said_to_be_the_same() {
    require!(["openbao-2.7.2"]);
    let body = json!({ "errors": ["hiccup"] }).to_string();
    for (label, what) in [
        (
            "LIST sys/policies/acl",
            "policy sys/policies/acl/ could not be compared",
        ),
        (
            "GET sys/policies/acl/operator",
            "policy sys/policies/acl/operator could not be compared",
        ),
        ("GET sys/auth", "each auth method could not be compared"),
        (
            "LIST identity/entity/id",
            "each entity could not be compared",
        ),
    ] {
        for nth in [1, 2] {
            let (server, mut ceremony) = handed_over();
            let answer = Action::Respond(500, "application/json", body.clone());
            let proxy = Faults::new()
                .nth(nth, label, answer)
                .before(&server.address());
            ceremony.set("/cluster/address", json!(proxy.address()));
            ceremony.save();
            works(&server, &ceremony, &[], "true")
                .exits(4)
                .says(&[what, "not everything could be compared"])
                .never_says(&[SAME]);
            assert_eq!(differences(&ceremony), []);
        }
    }
}

#[test]
fn an_emergency_goes_on_where_nothing_can_be_looked_at_and_says_so() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let proxy = Faults::new()
        .every("LIST sys/policies/acl", Action::Refuse)
        .before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    works(&server, &ceremony, &[], "touch ran")
        .exits(4)
        .says(&["policy sys/policies/acl/ could not be compared"])
        .never_says(&[SAME]);
    assert!(ceremony.path("ran").exists());
    nothing_is_left(&server, &ceremony);
}

/// A cluster that is in use.
const POLICIES: usize = 1000;

/// When the server was asked, by its own log, in seconds since 1970; only of requests like these.
fn asked(log: &str, like: impl Fn(&str, &str) -> bool) -> Vec<f64> {
    let entries = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let requests = entries.filter(|entry| {
        let request = &entry["request"];
        let text = |field: &str| request[field].as_str().unwrap_or_default();
        entry["type"] == "request" && like(text("operation"), text("path"))
    });
    let at = |entry: Value| {
        let time: jiff::Timestamp = entry["time"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("one");
        time.as_duration().as_secs_f64()
    };
    requests.map(at).collect()
}

/// Each policy is read once before and once afterwards, and so is each token, by one look for root tokens and all others.
#[test]
fn a_large_cluster_is_asked_hardly_more_than_the_bare_reads() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    crowd(&server, &ceremony);
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let root = root_from_shares(&ada, "generate-root-token", &shares);
    let root = server.api().with(&root);
    let policy = "path \"secret/*\" { capabilities = [\"read\"] }";
    for number in 0..POLICIES {
        root.write(
            &format!("sys/policies/acl/p{number}"),
            &json!({ "policy": policy }),
        );
    }
    root.write("auth/token/revoke-self", &Value::Null);
    let length = std::fs::metadata(server.audit_file()).expect("a log").len();
    works(&server, &ceremony, &[], "true")
        .exits(0)
        .says(&[SAME]);
    let log = std::fs::read(server.audit_file()).expect("a log");
    let log =
        String::from_utf8_lossy(&log[usize::try_from(length).expect("a size")..]).into_owned();
    let counts = evidence(&ceremony, "break-glass-")["comparison"]["before"].clone();
    assert!(
        counts["policy"].as_u64() >= Some(POLICIES as u64),
        "{counts:#}"
    );
    assert!(
        counts["token"].as_u64() >= Some(TOKENS as u64),
        "{counts:#}"
    );
    let read =
        |operation: &str, path: &str| operation == "read" && path.starts_with("sys/policies/acl/p");
    assert_eq!(asked(&log, read).len(), 2 * POLICIES);
    let looked_up = |_: &str, path: &str| path == "auth/token/lookup-accessor";
    let looked_up = asked(&log, looked_up).len();
    assert!(
        (2 * TOKENS..2 * TOKENS + 60).contains(&looked_up),
        "{looked_up}"
    );
    let all = asked(&log, |_, _| true).len();
    let bare = 2 * (POLICIES + TOKENS);
    assert!(
        all * 10 <= bare * 12,
        "{all} requests for {bare} bare reads"
    );
}

#[test]
fn a_namespace_that_the_command_locks_is_told_and_what_is_in_a_sealed_or_locked_one_is_not_said_to_be_the_same()
 {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let make = "exec >/dev/null; \"$1\" namespace create team; \
                \"$1\" namespace create -key-shares=1 -key-threshold=1 vaulted; \"$1\" namespace seal vaulted";
    let expect = ["--expect", "sys/namespaces/*"];
    works(&server, &ceremony, &expect, make)
        .exits(4)
        .says(&["vaulted", "could not be compared"])
        .never_says(&[SAME]);
    works(
        &server,
        &ceremony,
        &[],
        "\"$1\" namespace lock team >/dev/null",
    )
    .exits(4)
    .says(&[
        "namespace team (locked) has changed; to restore it: bao namespace unlock team",
        "namespace team could not be compared: ",
        "namespace vaulted could not be compared: ",
        "namespace is sealed; nothing in it was compared",
        "not everything could be compared",
    ]);
    nothing_is_left(&server, &ceremony);
}
