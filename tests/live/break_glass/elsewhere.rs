//! Rehearsed with holders who are not there: each gives a share from a machine of their own, the one who began gives
//! the last.

use rustix::process::Signal;
use serde_json::json;

use super::holders::{holder, submit};
use super::{
    ATTEMPT, accessors, auditor, evidence, handed_over, handed_over_elsewhere, handed_over_on,
    nothing_is_left, rehearse,
};
use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{Running, Setup, require};

/// With the key of alice alone.
const REHEARSE: [&str; 5] = [
    "rehearse",
    "--identity",
    "alice.key",
    "--holders-elsewhere",
    "60s",
];

/// The code that `names` are told.
fn code_for(run: &Running, names: &str) -> String {
    let asked = format!("{names}: asked for their shares");
    run.wait_for_line(&asked, |line| line.contains(&asked));
    let so_far = run.stderr_so_far();
    let after = &so_far[so_far.find(&asked).expect("it was said")..];
    if !after.contains("BG1-") {
        run.wait_for_line("a code", |line| {
            line.contains("BG1-") && !so_far.contains(line)
        });
    }
    let shown = run.stderr_so_far();
    let after = &shown[shown.find(&asked).expect("it was said")..];
    let code = &after[after.find("BG1-").expect("a code")..];
    code.split_whitespace().next().expect("a word").to_owned()
}

fn rehearsed_on(setup: Setup) {
    require!(setup.components());
    let (server, starter) = handed_over_on(setup);
    let (bob, carol) = (
        holder(&server, &starter, "bob"),
        holder(&server, &starter, "carol"),
    );
    let auditor = auditor(&server, &starter);
    let before = accessors(&auditor);
    let run = starter.tool().spawn(&REHEARSE);
    let first = code_for(&run, "bob");
    submit(&bob, &first, "bob").exits(0).shows_no_token();
    let second = code_for(&run, "carol");
    assert_ne!(first, second);
    submit(&bob, &first, "bob").exits(3);
    submit(&carol, &second, "carol").exits(0);
    let run = Run::from(run.finish());
    run.exits(if setup.is_openbao() { 0 } else { 4 })
        .says(&[
            "1 of 1 holders elsewhere have given a share",
            "alice, bob made a root token",
            "alice, carol made a root token",
            "Compare by telephone the end of the code",
        ])
        .shows_no_token();
    assert_eq!(accessors(&auditor), before);
    auditor.no_root_is_left();
    let facts = evidence(&starter, "rehearsal-");
    let elsewhere: Vec<_> = facts["quorums"]
        .as_array()
        .expect("quorums")
        .iter()
        .map(|quorum| (&quorum["custodians"], &quorum["elsewhere"]))
        .collect();
    assert_eq!(
        elsewhere,
        [
            (&json!(["alice", "bob"]), &json!(["bob"])),
            (&json!(["alice", "carol"]), &json!(["carol"]))
        ]
    );
    starter.apply().never_says(&["not rehearsed"]);
    // Bob has shown that he has his; alice's was opened here.
    let missing = |name: &str| format!("the share of {name} is not at ");
    for name in ["alice", "bob"] {
        std::fs::remove_file(starter.path(&format!("shares/{name}.age"))).expect("it was there");
    }
    let run = starter.apply();
    run.exits(4).prints(&[&missing("alice")]);
    run.never_says(&[&missing("bob")]);
}

#[test]
fn every_share_is_tried_though_its_holder_is_elsewhere_on_openbao() {
    rehearsed_on(Setup::OpenBao272Static);
}

#[test]
fn every_share_is_tried_though_its_holder_is_elsewhere_on_vault() {
    rehearsed_on(Setup::Vault1211AwsKms);
}

#[test]
fn holders_who_do_not_come_are_named_and_no_attempt_stays() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let mut words = REHEARSE;
    words[4] = "10s";
    starter
        .run(&words)
        .exits(1)
        .says(&["0 of 1 holders gave their share within 10s; asked were bob"]);
    nothing_is_left(&server, &starter);
    let facts = evidence(&starter, "rehearsal-");
    let why = facts["failed"].as_str().expect("why");
    assert!(why.contains("asked were bob"), "{facts:#}");
    // Somebody must be here: whoever gives the last share receives the token.
    starter
        .run(&["rehearse", "--holders-elsewhere", "10s"])
        .exits(3)
        .says(&["each quorum needs a share that is given from here"]);
    starter.apply().exits(4).prints(&["not rehearsed"]);
}

#[test]
fn a_wrong_share_from_elsewhere_is_told_and_nothing_is_left() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let (_other, foreign) = handed_over_elsewhere();
    let theirs = foreign.custody().share("bob");
    starter.custody().replace("bob", &theirs);
    let bob = holder(&server, &starter, "bob");
    let run = starter.tool().spawn(&REHEARSE);
    submit(&bob, &code_for(&run, "bob"), "bob").exits(0);
    Run::from(run.finish())
        .exits(3)
        .says(&["the shares of alice, bob do not make the key of this cluster"]);
    nothing_is_left(&server, &starter);
}

/// The last share is given while the one who began does not look.
#[test]
fn a_token_that_too_many_holders_have_made_is_told_and_named_by_the_next_rehearsal() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let (bob, carol) = (
        holder(&server, &starter, "bob"),
        holder(&server, &starter, "carol"),
    );
    let run = starter.tool().spawn(&REHEARSE);
    let code = code_for(&run, "bob");
    run.signal(Signal::STOP);
    submit(&bob, &code, "bob").exits(0);
    submit(&carol, &code, "carol").exits(0);
    run.signal(Signal::CONT);
    Run::from(run.finish())
        .exits(1)
        .says(&["the attempt no longer exists", "names such a token"]);
    rehearse(&starter)
        .exits(4)
        .prints(&["another root token is still valid"]);
}

#[test]
fn killed_or_stopped_while_it_waits_for_holders_no_attempt_stays() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let ada = server.api().log_in("ada", &starter.secrets["ada"]);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let run = starter.tool().spawn(&REHEARSE);
        code_for(&run, "bob");
        run.signal(signal);
        Run::from(run.finish()).exits(code);
        assert_eq!(ada.read(ATTEMPT)["data"]["started"], false);
    }
    let run = starter.tool().spawn(&REHEARSE);
    code_for(&run, "bob");
    run.signal(Signal::KILL);
    run.finish();
    assert_eq!(ada.read(ATTEMPT)["data"]["started"], true);
    rehearse(&starter)
        .exits(0)
        .says(&["ended the attempt that rehearse had begun"]);
    nothing_is_left(&server, &starter);
}

/// `apply` with the key of alice alone.
const APPLY: [&str; 6] = [
    "apply",
    "--yes",
    "--identity",
    "alice.key",
    "--holders-elsewhere",
    "60s",
];

fn with_a_drill(server: &Server) -> Ceremony {
    let mut ceremony = Ceremony::at(server);
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    ceremony.save();
    ceremony
}

#[test]
fn before_root_goes_holders_elsewhere_give_their_shares_to_the_drill() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let ceremony = with_a_drill(&server);
    let run = ceremony.tool().spawn(&APPLY);
    for name in ["bob", "carol"] {
        let code = code_for(&run, name);
        // What they keep is there by now.
        let holder = holder(&server, &ceremony, name);
        submit(&holder, &code, name).exits(0);
    }
    Run::from(run.finish())
        .exits(0)
        .says(&["alice, bob made a root token, which is revoked"])
        .never_says(&["not rehearsed"])
        .shows_no_token();
    let drill = ceremony.evidence("drill");
    assert_eq!(drill["quorums"][0]["elsewhere"], json!(["bob"]));
    assert_eq!(drill["quorums"][1]["elsewhere"], json!(["carol"]));
    nothing_is_left(&server, &ceremony);
}

/// No machine opens any share: whoever has one here types it, and the others come from elsewhere.
#[test]
fn one_person_here_is_enough_and_who_has_nothing_here_presses_enter() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let ceremony = with_a_drill(&server);
    let mut terminal = ceremony.terminal(&["apply", "--yes", "--holders-elsewhere", "60s"]);
    terminal.expect("The share of alice, as alice reads it");
    terminal.type_line("");
    terminal.expect("The share of bob, as bob reads it");
    terminal.type_line(&ceremony.custody().share("bob"));
    for name in ["alice", "carol"] {
        terminal.expect(&format!("{name}: asked for their shares"));
        let line = terminal.expect_pattern("BG1-[A-Za-z0-9_-]+\\s");
        let code = &line[line.rfind("BG1-").expect("a code")..];
        let holder = holder(&server, &ceremony, name);
        submit(&holder, code.trim(), name).exits(0);
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    let drill = ceremony.evidence("drill");
    assert_eq!(
        drill["quorums"][0]["custodians"],
        json!(["bob", "alice"]),
        "{drill:#}"
    );
    nothing_is_left(&server, &ceremony);
}

#[test]
fn where_they_do_not_come_root_stands_and_the_next_run_goes_on() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let ceremony = with_a_drill(&server);
    let mut words = APPLY;
    words[5] = "10s";
    ceremony.run(&words).exits(1).says(&[
        "0 of 1 holders gave their share within 10s; asked were bob",
        "root is still valid",
    ]);
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    assert_eq!(ada.read(ATTEMPT)["data"]["started"], false);
    ceremony
        .run(&super::with_keys("apply", &["--yes"]))
        .exits(0);
    nothing_is_left(&server, &ceremony);
    let other = Server::in_memory();
    // With nobody here, nothing is begun.
    with_a_drill(&other)
        .run(&["apply", "--yes", "--holders-elsewhere", "60s"])
        .exits(2)
        .says(&["no terminal to ask on"]);
    assert!(!other.api().initialised());
}
