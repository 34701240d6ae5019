//! Killed, or left without an answer, at any moment: the next run ends what is left.

use serde_json::json;

use super::{GIVES, MAKES, begins, handed_over, nothing_is_left, rehearse, with_keys};
use crate::ceremony::killed_or_ended;
use crate::drill::of_no_earlier_run;
use crate::support::{Action, Faults, RequestInfo, Sweep, require};

/// Looks at what there is, which come in any order and change nothing; one of them stands for all.
fn compares(request: &RequestInfo) -> bool {
    let label = request.label();
    let one = ["LIST sys/policies/acl", "LIST auth/token/accessors"];
    let looks = [
        "sys/policies",
        "sys/mounts",
        "sys/auth",
        "sys/audit",
        "sys/namespaces",
        "identity",
        "auth",
    ];
    let path = label.split_once(' ').map_or("", |(_, path)| path);
    let reads = !request.writes() || path.starts_with("sys/audit-hash");
    reads
        && !one.contains(&label.as_str())
        && !path.starts_with("auth/token/lookup")
        && looks.iter().any(|look| path.starts_with(look))
}

/// Kills a run at each of its requests; after each, another one that is not disturbed leaves nothing.
fn killed_everywhere(words: &[&str], at_least: usize) {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    // Before it begins, there is nothing to leave.
    let sweep = Sweep::new().from(begins());
    let faults = Faults::new()
        .every("*", sweep.clone())
        .when(|request| of_no_earlier_run(request) && !compares(request));
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let mut kills = 0;
    for number in 1.. {
        assert!(number < 100, "it never comes to its end");
        sweep.next_run();
        match killed_or_ended(ceremony.tool().spawn(words), &[&proxy]) {
            Some(run) => {
                run.exits(0);
                break;
            }
            None => kills += 1,
        }
        sweep.rest();
        let run = rehearse(&ceremony);
        // Nobody heard the nonce of what was begun: it may be a colleague's, and is ended as it is said.
        if let Some((_, nonce)) = run.stderr.split_once("break-glass cancel --nonce ") {
            run.exits(3);
            let nonce = nonce.trim();
            ceremony
                .run(&["break-glass", "cancel", "--nonce", nonce])
                .exits(0);
            rehearse(&ceremony).exits(0);
        } else {
            run.exits(0);
        }
        nothing_is_left(&server, &ceremony);
    }
    assert!(kills >= at_least, "{kills} kills only");
    nothing_is_left(&server, &ceremony);
}

#[test]
fn what_a_killed_rehearsal_leaves_is_ended_by_the_next() {
    killed_everywhere(&with_keys("rehearse", &[]), 15);
}

#[test]
fn what_a_killed_emergency_leaves_is_ended_by_the_next_rehearsal() {
    killed_everywhere(
        &with_keys("break-glass", &["--reason", "x", "--", "true"]),
        10,
    );
}

/// The server made a root token, and nobody got it.
#[test]
fn a_root_token_whose_answer_was_lost_is_found_and_revoked() {
    require!(["openbao-2.7.2"]);
    for words in [
        with_keys("rehearse", &[]),
        with_keys("break-glass", &["--reason", "x", "--", "true"]),
    ] {
        let (server, mut ceremony) = handed_over();
        let faults = Faults::new().nth(2, GIVES, Action::DropAnswer);
        let proxy = faults.before(&server.address());
        ceremony.set("/cluster/address", json!(proxy.address()));
        ceremony.run(&words).exits(0).says(&[
            "the answer to the last share is lost",
            "revoked the root token of an answer that was lost",
        ]);
        nothing_is_left(&server, &ceremony);
    }
}

/// The token for the command was made, and its answer did not come.
#[test]
fn a_token_for_the_command_whose_answer_was_lost_is_revoked_and_nothing_runs() {
    require!(["openbao-2.7.2"]);
    for number in [1, 2] {
        let (server, mut ceremony) = handed_over();
        let faults = Faults::new().nth(number, MAKES, Action::DropAnswer);
        let proxy = faults.before(&server.address());
        ceremony.set("/cluster/address", json!(proxy.address()));
        let words = with_keys("break-glass", &["--reason", "x", "--", "touch", "ran"]);
        ceremony.run(&words).exits(1);
        assert!(!ceremony.path("ran").exists());
        nothing_is_left(&server, &ceremony);
    }
}
