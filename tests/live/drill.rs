//! Break-glass is rehearsed while root is still valid: with the shares as their custodians keep them.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Run, Server, killed_or_ended};
use crate::support::{
    Action, Faults, RequestInfo, Setup, Sweep, Terminal, Tool, eventually, require,
};

/// Every custodian's key at hand.
const WORDS: [&str; 8] = [
    "apply",
    "--yes",
    "--identity",
    "alice.key",
    "--identity",
    "bob.key",
    "--identity",
    "carol.key",
];
const START: &str = "POST sys/generate-root-token/attempt";
/// The same for the API.
const PATH: &str = "sys/generate-root-token/attempt";
const PATIENCE: Duration = Duration::from_secs(60);

fn with_a_drill(server: &Server) -> Ceremony {
    let mut ceremony = Ceremony::at(server);
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    ceremony.save();
    ceremony
}

/// Two quorums, which together are all, and each of their tokens was seen alive and dead.
fn was_held(ceremony: &Ceremony) {
    let drill = ceremony.evidence("drill");
    let quorums = drill["quorums"].as_array().expect("quorums");
    let names: Vec<&Value> = quorums.iter().map(|one| &one["custodians"]).collect();
    assert_eq!(
        names,
        [&json!(["alice", "bob"]), &json!(["alice", "carol"])]
    );
    for quorum in quorums {
        let proof = &quorum["proof"];
        assert_eq!(
            (&proof["before"], &proof["after"]),
            (&json!(200), &json!(403))
        );
    }
    assert_eq!(drill["login"], "ada");
}

/// No root token, and no attempt at one.
fn nothing_is_left(server: &Server, ceremony: &Ceremony) {
    let password = |name: &str| &ceremony.secrets[name];
    server
        .api()
        .log_in("audit-reader", password("audit"))
        .no_root_is_left();
    let ada = server.api().log_in("ada", password("ada"));
    assert_eq!(ada.read(PATH)["data"]["started"], false);
}

fn rehearsed_on(setup: Setup) {
    require!(setup.components());
    let server = Server::of(setup);
    let ceremony = with_a_drill(&server);
    let run = ceremony.run(&WORDS);
    // Vault 1 lets anybody start a generation, which is a finding.
    run.exits(if setup.is_openbao() { 0 } else { 4 })
        .shows_no_token()
        .never_says(&["not rehearsed"]);
    was_held(&ceremony);
    let rehearsed = &ceremony.report()["break_glass"]["rehearsed"];
    assert_eq!(rehearsed, "in this ceremony, before root was revoked");
    let log = server.audit().after_this();
    let again = ceremony.apply();
    again.exits(if setup.is_openbao() { 0 } else { 4 });
    again.prints(&["nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn every_share_helps_to_make_a_root_token_on_openbao_272() {
    rehearsed_on(Setup::OpenBao272Static);
}

#[test]
fn every_share_helps_to_make_a_root_token_on_openbao_262() {
    rehearsed_on(Setup::OpenBao262AwsKms);
}

#[test]
fn every_share_helps_to_make_a_root_token_on_vault_with_recovery_keys() {
    rehearsed_on(Setup::Vault1211AwsKms);
}

#[test]
fn every_share_helps_to_make_a_root_token_on_vault_with_unseal_keys() {
    rehearsed_on(Setup::Vault1211Shamir);
}

#[test]
fn a_custodian_whose_share_the_drill_has_opened_is_proved() {
    require!(["openbao-2.7.2"]);
    let server = Server::of(Setup::OpenBao272Static);
    let mut ceremony = Ceremony::unproved(&server);
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    ceremony.set("/init/accept_unproved", json!(["alice", "bob"]));
    let run = ceremony.run(&WORDS);
    run.exits(0).prints(&["findings: none"]);
    let findings = &ceremony.report()["findings"];
    assert_eq!(*findings, json!([]));
    ceremony.apply().exits(0).prints(&["findings: none"]);
}

/// What a person types into the question for the share of each, one after the other.
fn typed(terminal: &mut Terminal, shares: &[(&str, &str)]) -> String {
    let mut shown = String::new();
    for (name, share) in shares {
        shown.push_str(&terminal.expect(&format!("The share of {name}")));
        terminal.type_line(share);
    }
    shown
}

#[test]
fn a_share_typed_for_another_holder_is_named_by_what_is_known_of_it_and_asked_for_again() {
    require!(["openbao-2.7.2"]);
    let server = Server::of(Setup::OpenBao272Static);
    let ceremony = with_a_drill(&server);
    let mut terminal = ceremony.terminal(&["apply", "--yes", "--identity", "carol.key"]);
    let mut shown = terminal.expect("The share of alice");
    let [alices, bobs, carols] =
        ["alice", "bob", "carol"].map(|name| ceremony.custody().share(name));
    terminal.type_line(&carols);
    shown += &typed(&mut terminal, &[("alice", &alices), ("bob", &alices)]);
    shown += &typed(&mut terminal, &[("alice", &alices), ("bob", &bobs)]);
    let (code, rest) = terminal.finish();
    shown += &rest;
    assert_eq!(code, 0, "{shown}");
    let line = in_one_line(&shown);
    for said in [
        "what was typed for alice is the share that is kept for carol, which counts once: asking alice again",
        "what was typed for alice and for bob is one and the same share, which counts once: asking alice and bob again",
    ] {
        assert!(line.contains(said), "{shown}");
    }
    for share in [&alices, &bobs, &carols] {
        assert!(!shown.contains(share.as_str()), "{shown}");
    }
    was_held(&ceremony);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn a_share_typed_three_times_for_another_holder_ends_the_drill() {
    require!(["openbao-2.7.2"]);
    let server = Server::of(Setup::OpenBao272Static);
    let ceremony = with_a_drill(&server);
    let words = [
        "apply",
        "--yes",
        "--identity",
        "alice.key",
        "--identity",
        "carol.key",
    ];
    let mut terminal = ceremony.terminal(&words);
    for _ in 0..3 {
        terminal.expect("The share of bob");
        terminal.type_line(&ceremony.custody().share("carol"));
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 3, "{shown}");
    let line = in_one_line(&shown);
    let said = "what was typed for bob is the share that is kept for carol, which counts once";
    assert!(line.contains("refused:") && line.contains(said), "{shown}");
    ceremony.run(&WORDS).exits(0);
}

fn in_one_line(shown: &str) -> String {
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every killed run leaves a token of a login, and so one more of these.
pub fn of_no_earlier_run(request: &RequestInfo) -> bool {
    !request.path.ends_with("/lookup-accessor")
}

/// Each run is killed one request later in the drill than the one before, by turns before its request arrives and
/// before its answer does: what a dead run left is ended by the next, whatever it was.
#[test]
fn killed_at_any_request_of_the_drill_no_attempt_and_no_root_token_is_left() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = with_a_drill(&server);
    let sweep = Sweep::new().from(START);
    let faults = Faults::new()
        .every("*", sweep.clone())
        .when(of_no_earlier_run);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let tool: Tool = ceremony.tool();
    let mut kills = 0;
    let last = loop {
        sweep.next_run();
        match killed_or_ended(tool.spawn(&WORDS), &[&proxy]) {
            Some(run) => break run,
            None => kills += 1,
        }
        assert!(kills < 200, "it never comes to its end");
    };
    last.exits(0);
    assert!(kills > 20, "{kills} kills only");
    was_held(&ceremony);
    nothing_is_left(&server, &ceremony);
}

/// Killed between its proofs and the end of root, it proves all of it once more: who holds the shares, and whether the
/// audit log is written, is known of today only.
#[test]
fn the_run_that_revokes_root_has_held_the_drill_and_found_the_marker_itself() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = with_a_drill(&server);
    // One look at all tokens belongs to each quorum of the drill.
    let faults = Faults::new().nth(3, "LIST auth/token/accessors", Action::HoldAnswer);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let run = ceremony.tool().spawn(&WORDS);
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.signal(Signal::KILL);
    run.finish();
    let diary = std::fs::read_to_string(ceremony.path("checkpoint/diary.json")).expect("a diary");
    let diary: Value = serde_json::from_str(&diary).expect("JSON");
    assert_eq!(diary["steps"]["drill"]["state"], "done");
    assert_ne!(diary["steps"]["revoke-root"]["state"], "done");
    let killed = ceremony.run(&WORDS);
    killed.exits(0).says(&[
        "the marker's HMAC was found in",
        "alice, bob made a root token",
        "alice, carol made a root token",
    ]);
    was_held(&ceremony);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn stopped_in_the_middle_of_a_drill_no_attempt_stays() {
    require!(["openbao-2.7.2"]);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let server = Server::in_memory();
        let mut ceremony = with_a_drill(&server);
        let faults = Faults::new().first("*/generate-root-token/update", Action::HoldAnswer);
        let proxy = faults.before(&server.address());
        ceremony.set("/cluster/address", json!(proxy.address()));
        ceremony.save();
        let run = ceremony.tool().spawn(&WORDS);
        assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
        run.signal(signal);
        Run::from(run.finish())
            .exits(code)
            .says(&["nothing is half done"]);
        // The login that walked: root ended it.
        assert_eq!(proxy.count("POST auth/token/revoke-accessor"), 1);
        let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
        assert_eq!(ada.read(PATH)["data"]["started"], false);
        ceremony.run(&WORDS).exits(0);
        nothing_is_left(&server, &ceremony);
    }
}

/// The request for an attempt is on its way when the stop comes: it arrives after all, and whoever asked waits for it.
#[test]
fn stopped_while_an_attempt_is_asked_for_it_is_ended_all_the_same() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = with_a_drill(&server);
    let late = Duration::from_secs(2);
    let faults = Faults::new().first(START, Action::Delay(late));
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let run = ceremony.tool().spawn(&WORDS);
    assert!(
        eventually(PATIENCE, || faults.struck(START) > 0),
        "{}",
        run.stderr_so_far()
    );
    run.signal(Signal::TERM);
    Run::from(run.finish()).exits(143);
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let started = || ada.read(PATH)["data"]["started"] == json!(true);
    assert!(!eventually(late * 2, started), "it arrived after all");
    ceremony.run(&WORDS).exits(0);
    nothing_is_left(&server, &ceremony);
}

/// The program sees that it is free, and then somebody is faster; or it is not free to begin with.
#[test]
fn an_attempt_of_somebody_else_is_neither_disturbed_nor_used() {
    require!(["openbao-2.7.2"]);
    for method in ["GET", "POST"] {
        let server = Arc::new(Server::in_memory());
        let mut ceremony = with_a_drill(&server);
        let theirs = server.clone();
        let begins = move |request: &RequestInfo| {
            let token = request.header("x-vault-token").expect("a login's");
            let (status, answer) = theirs.put(PATH, token, json!({}));
            assert_eq!(status, 200, "{answer}");
            Action::Pass
        };
        // Root asks for the rules of the server there as well; the drill asks as the login.
        let faults = Faults::new()
            .first(format!("{method} {PATH}"), begins)
            .not_of_root();
        let proxy = faults.before(&server.address());
        ceremony.set("/cluster/address", json!(proxy.address()));
        ceremony.save();
        ceremony.run(&WORDS).exits(3).says(&[
            "a root generation of somebody else is under way (0 of 2 shares given, nonce",
            "the server does not say since when",
            "root is still valid",
        ]);
        let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
        assert_eq!(ada.read(PATH)["data"]["started"], true, "it is theirs");
        ada.delete(PATH);
        ceremony.run(&WORDS).exits(0);
        nothing_is_left(&server, &ceremony);
    }
}
