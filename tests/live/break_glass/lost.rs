//! Root tokens that nobody has, and those of colleagues: the first are found and revoked, the others are left alone.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{
    GIVES, MAKES, auditor, begins, evidence, handed_over, nothing_is_left, rehearse, with_keys,
};
use crate::ceremony::{Ceremony, Run, Server, root_from_shares};
use crate::support::{Action, Faults, Proxy, Running, eventually, require};

const PATIENCE: Duration = Duration::from_secs(40);
/// Says that it works, and works on.
pub(super) const WORKS: &str = "echo ready >&2; exec sleep 300 >/dev/null 2>&1";

/// A proxy that drops the answer to the last share of the first quorum.
fn dropping(server: &Server) -> Proxy {
    Faults::new()
        .nth(2, GIVES, Action::DropAnswer)
        .before(&server.address())
}

pub(super) fn at_work(ceremony: &Ceremony, script: &str, rest: &[&str]) -> Running {
    ceremony.save();
    let words = [
        "--reason",
        "must not be lost",
        "--env",
        "--",
        "sh",
        "-c",
        script,
        "sh",
    ];
    let words: Vec<&str> = words.iter().chain(rest).copied().collect();
    let run = ceremony.tool().spawn(&with_keys("break-glass", &words));
    run.wait_for_line("that it works", |line| line.contains("ready"));
    run
}

pub(super) fn killed(run: Running) {
    let pid = i32::try_from(run.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("an id"), Signal::KILL).expect("it runs");
    drop(run);
}

#[test]
fn a_look_that_fails_forgets_no_lost_token() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let body = json!({ "errors": ["hiccup"] }).to_string();
    let faults = Faults::new().nth(2, GIVES, Action::DropAnswer).first(
        "* auth/token/accessors",
        Action::Respond(400, "application/json", body),
    );
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    rehearse(&ceremony).exits(1).says(&["hiccup"]);
    assert_eq!(auditor(&server, &ceremony).roots().len(), 1);
    rehearse(&ceremony)
        .exits(0)
        .says(&["revoked the root token of an answer that was lost"]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn an_old_loss_does_not_hide_a_new_one() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let yesterday = jiff::Timestamp::now().as_second() - 86_400;
    let journal = json!({
        "version": 1, "cluster": "test",
        "strays": [{ "kind": "lost", "since": yesterday, "until": yesterday + 120 }],
    });
    ceremony.write("checkpoint/break-glass.json", &journal.to_string());
    let proxy = dropping(&server);
    ceremony.set("/cluster/address", json!(proxy.address()));
    rehearse(&ceremony)
        .exits(0)
        .says(&["revoked the root token of an answer that was lost"]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn a_colleague_who_works_as_root_is_not_disturbed_by_what_a_killed_run_left() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    killed(at_work(&ceremony, WORKS, &[]));
    let program = server.program();
    let program = program.to_str().expect("a path");
    ceremony.set("/checkpoint/path", json!("of-a-colleague"));
    let script = "echo ready >&2; while ! test -e go; do sleep 0.1; done; exec \"$1\" token lookup -field=path";
    let colleague = at_work(&ceremony, script, &[program]);
    ceremony.set("/checkpoint/path", json!("checkpoint"));
    let run = rehearse(&ceremony);
    run.exits(4)
        .says(&["a root token of an earlier run is no longer valid"]);
    run.prints(&["another root token is still valid: accessor"]);
    ceremony.write("go", "");
    Run::from(colleague.finish())
        .exits(0)
        .prints(&["auth/token/create-orphan"]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn why_a_killed_emergency_was_begun_stands_in_the_evidence() {
    require!(["openbao-2.7.2"]);
    let (_server, ceremony) = handed_over();
    killed(at_work(&ceremony, WORKS, &[]));
    rehearse(&ceremony).exits(0);
    let facts = evidence(&ceremony, "break-glass-");
    assert_eq!(facts["reason"], "must not be lost", "{facts:#}");
    let failed = facts["failed"].as_str().expect("why");
    assert!(failed.contains("the run was killed"), "{facts:#}");
}

#[test]
fn killed_twice_what_may_be_our_own_attempt_is_said_to_be() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let faults = Faults::new()
        .nth(2, GIVES, Action::HoldAnswer)
        .every(begins(), Action::HoldAnswer)
        .since(2, GIVES);
    let proxy = faults.before(&server.address());
    let direct = server.address();
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    for _ in 0..2 {
        let run = ceremony.tool().spawn(&with_keys("rehearse", &[]));
        assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
        run.kill();
    }
    ceremony.set("/cluster/address", json!(direct));
    let run = rehearse(&ceremony);
    run.exits(3)
        .says(&["of an earlier run that was cut off, or of somebody else"]);
    let nonce = run
        .stderr
        .split_once("cancel --nonce ")
        .expect("how to end it")
        .1;
    ceremony
        .run(&["break-glass", "cancel", "--nonce", nonce.trim()])
        .exits(0);
    rehearse(&ceremony)
        .exits(0)
        .says(&["revoked the root token of an answer that was lost"]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn what_a_command_left_is_told_when_it_was_ended_too() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let program = server.program();
    let program = program.to_str().expect("a path");
    let script = "\"$1\" token create -orphan -policy=root -ttl=600s -field=token_accessor && exec sleep 300";
    let words = [
        "--reason",
        "x",
        "--max-age",
        "10s",
        "--env",
        "--",
        "sh",
        "-c",
        script,
        "sh",
        program,
    ];
    let run = ceremony.run(&with_keys("break-glass", &words));
    run.exits(1).says(&[
        "the command was ended at its time",
        "another root token is still valid: accessor",
        "auth/token/create",
    ]);
    run.never_says(&["ended its own token"]);
    assert_eq!(auditor(&server, &ceremony).roots().len(), 1);
}

#[test]
fn all_that_the_command_started_ends_with_it() {
    require!(["openbao-2.7.2"]);
    let (_server, ceremony) = handed_over();
    let script = "sleep 300 >/dev/null 2>&1 & echo $! > started; wait";
    let words = [
        "--reason",
        "x",
        "--max-age",
        "10s",
        "--",
        "sh",
        "-c",
        script,
    ];
    ceremony.run(&with_keys("break-glass", &words)).exits(1);
    let id = std::fs::read_to_string(ceremony.path("started")).expect("an id");
    let alive = format!("/proc/{}/cmdline", id.trim());
    let ended = || std::fs::read(&alive).map_or(true, |words| words.is_empty());
    assert!(eventually(PATIENCE, ended), "{id} is alive");
}

#[test]
fn a_token_that_cannot_be_kept_is_not_left_alive() {
    require!(["openbao-2.7.2"]);
    for kept in ["generated", "limited", "inspection"] {
        let name = format!("break-glass.{kept}");
        let (server, ceremony) = handed_over();
        let in_the_way = ceremony.path("checkpoint").join(name).join("x");
        std::fs::create_dir_all(in_the_way).expect("a directory");
        let words = ["--reason", "x", "--", "touch", "ran"];
        let run = ceremony.run(&with_keys("break-glass", &words));
        assert!([1, 3].contains(&run.code), "{run}");
        assert!(!ceremony.path("ran").exists());
        auditor(&server, &ceremony).no_root_is_left();
    }
}

#[test]
fn where_no_token_is_made_for_the_command_that_stands_in_the_evidence_with_the_reason() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let body = json!({ "errors": ["not today"] }).to_string();
    let faults = Faults::new().every(MAKES, Action::Respond(400, "application/json", body));
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let words = ["--reason", "the provider is down", "--", "touch", "ran"];
    ceremony
        .run(&with_keys("break-glass", &words))
        .exits(1)
        .says(&["not today"]);
    assert!(!ceremony.path("ran").exists());
    let facts = evidence(&ceremony, "break-glass-2");
    assert_eq!(facts["reason"], "the provider is down");
    let why = facts["failed"].as_str().expect("why");
    assert!(why.contains("not today"), "{facts:#}");
    nothing_is_left(&server, &ceremony);
}

#[test]
fn a_drill_that_is_taken_up_leaves_a_colleagues_root_token_alone() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    let faults = Faults::new().nth(2, GIVES, Action::HoldAnswer);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let words = with_keys("apply", &["--yes"]);
    let run = ceremony.tool().spawn(&words);
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let root = root_from_shares(&ada, "generate-root-token", &shares);
    let root = server.api().with(&root);
    ceremony
        .run(&words)
        .exits(3)
        .says(&["--revoke-other-roots"]);
    assert_eq!(root.get("auth/token/lookup-self").0, 200);
    root.write("auth/token/revoke-self", &Value::Null);
}

/// An emergency has no time for a key that is not to be had: the token of before is found by the next root token.
#[test]
fn without_the_checkpoints_key_what_a_killed_run_left_is_in_nobodys_way() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let faults = Faults::new().every(MAKES, Action::Hold);
    let proxy = faults.before(&server.address());
    let direct = server.address();
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let words = with_keys("break-glass", &["--reason", "x", "--", "true"]);
    let run = ceremony.tool().spawn(&words);
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    ceremony.set("/cluster/address", json!(direct));
    std::fs::remove_file(ceremony.path("checkpoint.key")).expect("it was there");
    let run = ceremony.run(&words);
    run.exits(0).says(&[
        "a root token may still be valid",
        "revoked the root token of an answer that was lost",
    ]);
    auditor(&server, &ceremony).no_root_is_left();
}
