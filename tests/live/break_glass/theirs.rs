//! What is ours and what is not: an attempt of a colleague, a token of another time, a journal of another cluster, and
//! what one run leaves for the next.

use std::time::Duration;

use serde_json::{Value, json};

use super::holders::{Holders, finish, submit};
use super::lost::{WORKS, at_work, killed};
use super::{
    ATTEMPT, GIVES, auditor, begins, handed_over, handed_over_elsewhere, nothing_is_left, rehearse,
    with_keys,
};
use crate::ceremony::{Ceremony, Server, root_from_shares};
use crate::support::{Action, Faults, Proxy, require};

const PATIENCE: Duration = Duration::from_secs(40);

/// A rehearsal through this proxy, killed with a request in the air.
fn killed_rehearsal(ceremony: &mut Ceremony, proxy: &Proxy) {
    let direct = ceremony.file["cluster"]["address"].clone();
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let run = ceremony.tool().spawn(&with_keys("rehearse", &[]));
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    ceremony.set("/cluster/address", direct);
}

#[test]
fn an_attempt_that_a_colleague_began_after_a_kill_is_left_alone() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let faults = Faults::new().first(begins(), Action::Hold);
    let proxy = faults.before(&server.address());
    killed_rehearsal(&mut ceremony, &proxy);
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let theirs = ada.write(ATTEMPT, &json!({}))["data"]["nonce"].clone();
    let nonce = theirs.as_str().expect("a nonce");
    let cancel = format!("break-glass cancel --nonce {nonce}");
    let may_be = "of an earlier run that was cut off, or of somebody else";
    rehearse(&ceremony).exits(3).says(&[may_be, &cancel]);
    assert_eq!(ada.read(ATTEMPT)["data"]["nonce"], theirs);
    ceremony
        .run(&["break-glass", "cancel", "--nonce", nonce])
        .exits(0);
    rehearse(&ceremony).exits(0);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn a_root_token_that_a_colleague_made_after_a_kill_is_left_alone() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    ceremony.set("/cluster/timeouts", json!({ "request": "2s" }));
    let faults = Faults::new().nth(2, GIVES, Action::Hold);
    let proxy = faults.before(&server.address());
    killed_rehearsal(&mut ceremony, &proxy);
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    ada.delete(ATTEMPT);
    // Longer than a request of the killed run was waited for.
    server.api().time_passes(4);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let root = root_from_shares(&ada, "generate-root-token", &shares);
    let root = server.api().with(&root);
    rehearse(&ceremony)
        .exits(4)
        .prints(&["another root token is still valid: accessor"]);
    assert_eq!(root.get("auth/token/lookup-self").0, 200);
    root.write("auth/token/revoke-self", &Value::Null);
}

#[test]
fn two_root_tokens_whose_answers_were_lost_are_both_revoked() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let faults = Faults::new()
        .nth(2, GIVES, Action::DropAnswer)
        .nth(4, GIVES, Action::DropAnswer);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    rehearse(&ceremony).exits(1);
    assert_eq!(auditor(&server, &ceremony).roots().len(), 2);
    rehearse(&ceremony)
        .exits(0)
        .says(&["revoked the root token of an answer that was lost"]);
    nothing_is_left(&server, &ceremony);
}

/// Bob has given his share; the starter gives the last one through this proxy.
fn last_from_here(at: (&Server, Ceremony), proxy: &Proxy) -> Holders {
    let mut holders = Holders::of(at);
    let code = holders.start();
    submit(&holders.bob, &code, "bob").exits(0);
    holders
        .starter
        .set("/cluster/address", json!(proxy.address()));
    holders
}

const ALICE: [&str; 4] = ["--identity", "alice.key", "--", "true"];

#[test]
fn a_look_that_fails_after_the_last_share_of_the_starter_loses_no_root_token() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let body = json!({ "errors": ["hiccup"] }).to_string();
    let hiccup = Action::Respond(500, "application/json", body);
    let faults = Faults::new()
        .first("* auth/token/lookup-self", hiccup)
        .since(1, GIVES);
    let proxy = faults.before(&server.address());
    let holders = last_from_here((&server, starter), &proxy);
    finish(&holders.starter, &ALICE);
    nothing_is_left(&server, &holders.starter);
}

#[test]
fn an_attempt_whose_last_share_did_not_arrive_waits_on_whatever_else_is_typed() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let faults = Faults::new().first(GIVES, Action::Refuse);
    let proxy = faults.before(&server.address());
    let holders = last_from_here((&server, starter), &proxy);
    finish(&holders.starter, &ALICE).exits(1);
    rehearse(&holders.starter)
        .exits(3)
        .says(&["1 of 2 shares given"]);
    let words = with_keys("break-glass", &["--reason", "x", "--", "true"]);
    holders.starter.run(&words).exits(3);
    finish(&holders.starter, &ALICE).exits(0);
    nothing_is_left(&server, &holders.starter);
}

#[test]
fn a_last_answer_that_the_starter_lost_is_given_up_and_its_token_revoked_by_the_next_rehearsal() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let faults = Faults::new().first(GIVES, Action::DropAnswer);
    let proxy = faults.before(&server.address());
    let holders = last_from_here((&server, starter), &proxy);
    finish(&holders.starter, &ALICE).exits(1);
    finish(&holders.starter, &ALICE).exits(3).says(&[
        "the answer to the last share, which was given from here, is lost",
        "break-glass cancel",
    ]);
    holders.starter.run(&["break-glass", "cancel"]).exits(0);
    rehearse(&holders.starter)
        .exits(0)
        .says(&["revoked the root token of an answer that was lost"]);
    nothing_is_left(&server, &holders.starter);
}

#[test]
fn without_the_key_or_with_another_one_what_an_earlier_run_kept_is_left_for_who_can_open_it() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    killed(at_work(&ceremony, WORKS, &[]));
    let (key, away) = (
        ceremony.path("checkpoint.key"),
        ceremony.path("checkpoint.key.away"),
    );
    ceremony.may_hold_secrets(&away);
    std::fs::rename(&key, &away).expect("moved");
    let words = with_keys("break-glass", &["--reason", "x", "--", "true"]);
    for other in [None, Some("alice.key")] {
        if let Some(other) = other {
            std::fs::copy(ceremony.path(other), &key).expect("copied");
        }
        ceremony.run(&words).exits(4).says(&[
            "a root token may still be valid",
            "break-glass.limited",
            "another root token is still valid: accessor",
        ]);
    }
    std::fs::rename(&away, &key).expect("moved");
    rehearse(&ceremony)
        .exits(0)
        .says(&["a root token of an earlier run is no longer valid"]);
    nothing_is_left(&server, &ceremony);
}

/// Another cluster says 403 to any token: that is no proof that ours is dead.
#[test]
fn a_token_of_one_cluster_is_not_asked_about_at_another() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let (other, foreign) = handed_over_elsewhere();
    // An emergency's own machine: a directory of its own, which knows of no ceremony.
    ceremony.set("/checkpoint/path", json!("emergency"));
    killed(at_work(&ceremony, WORKS, &[]));
    ceremony.set("/cluster/address", json!(other.address()));
    ceremony.write("ada.password", &foreign.secrets["ada"]);
    rehearse(&ceremony)
        .exits(3)
        .says(&["a run that did not end, on the cluster of id"]);
    ceremony.set("/cluster/address", json!(server.address()));
    ceremony.write("ada.password", &ceremony.secrets["ada"]);
    rehearse(&ceremony)
        .exits(0)
        .says(&["a root token of an earlier run is no longer valid"]);
    auditor(&server, &ceremony).no_root_is_left();
}

#[test]
fn the_root_token_of_a_ceremony_that_waits_for_its_end_is_nobodys_to_revoke_by_hand() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    let mut terminal = ceremony.terminal(&["apply"]);
    terminal.expect("Revoke the root token now?");
    terminal.type_line("n");
    assert_eq!(terminal.finish().0, 1);
    let run = rehearse(&ceremony);
    run.exits(4)
        .prints(&["do not revoke this by hand", "vault-bootstrap apply"]);
    run.never_says(&["if nobody knows it, revoke it"]);
    ceremony.apply().exits(0);
    assert!(!ceremony.keeps_secrets());
}
