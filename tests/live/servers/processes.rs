//! Nothing outlives its test, however the test ends; and the program under test is held to its time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use crate::support::{
    LocalStack, Process, Scratch, Setup, Tool, VaultServer, eventually, is_gone, require,
};

#[test]
fn a_panic_leaves_no_server_behind() {
    require!(Setup::OpenBao272Static.components());
    let seen = Mutex::new(None);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let server = VaultServer::start(Setup::OpenBao272Static);
        *seen.lock().expect("not poisoned") = Some((server.id().expect("it runs"), server.port()));
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    let (id, port) = seen
        .into_inner()
        .expect("not poisoned")
        .expect("the server ran");
    assert!(is_gone(id, port));
}

const ORPHAN: &str = "START_A_SERVER_AND_WAIT_TO_BE_KILLED";

/// Not a test of its own: the part of the next one that gets killed.
#[test]
fn a_server_that_waits_for_its_orphaning() {
    if std::env::var(ORPHAN).is_err() {
        return;
    }
    let server = VaultServer::start(Setup::OpenBao272Static);
    println!(
        "started {} {}",
        server.id().expect("it runs"),
        server.port()
    );
    eventually(Duration::from_secs(120), || false);
}

#[test]
fn a_killed_test_binary_leaves_no_server_behind() {
    require!(Setup::OpenBao272Static.components());
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command
        .args([
            "--exact",
            "--nocapture",
            "servers::processes::a_server_that_waits_for_its_orphaning",
        ])
        .env(ORPHAN, "1");
    let scratch = Scratch::new();
    let mut tests =
        Process::start(command, &scratch.file("tests.log")).expect("this binary starts");
    let started = tests.wait_until("a server", Duration::from_secs(60), || {
        started_server(&scratch).is_some()
    });
    started.expect("the server starts");
    let (id, port) = started_server(&scratch).expect("just seen");
    assert!(!is_gone(id, port));
    tests.kill();
    assert!(eventually(Duration::from_secs(10), || is_gone(id, port)));
}

fn started_server(scratch: &Scratch) -> Option<(u32, u16)> {
    let log = std::fs::read_to_string(scratch.file("tests.log")).unwrap_or_default();
    // The harness writes the test's name on the same line.
    let (_, rest) = log.split_once("started ")?;
    let (numbers, _) = rest.split_once('\n')?;
    let (id, port) = numbers.split_once(' ')?;
    Some((id.parse().ok()?, port.parse().ok()?))
}

#[test]
fn localstack_ends_when_it_is_dropped() {
    require!(["localstack-4.9.2"]);
    let aws = LocalStack::start();
    let (id, port) = (aws.id(), aws.port());
    assert!(!is_gone(id, port));
    drop(aws);
    assert!(is_gone(id, port));
}

#[test]
fn the_program_sees_nothing_of_our_environment() {
    let tool = Tool::new().env("SEEN", "yes");
    let names: Vec<_> = tool
        .command(&[])
        .get_envs()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(names, ["HOME", "PATH", "SEEN", "TMPDIR"]);
    let help = tool.run(&["--help"]).expect_code(0);
    assert!(help.stdout.contains("vault-bootstrap"), "{help:?}");
    tool.run(&["no-such-command"]).expect_code(2);
}

#[test]
fn the_program_can_be_followed_and_killed() {
    let tool = Tool::new();
    let run = tool.spawn(&["no-such-command"]);
    run.wait_for_line("what is wrong", |line| line.contains("no-such-command"));
    assert_eq!(run.finish().code, 2);
    tool.spawn(&["--help"]).kill();
}

#[test]
fn the_program_runs_at_a_terminal() {
    let mut terminal = Tool::new().terminal(&["--help"]);
    terminal.expect("vault-bootstrap");
    assert_eq!(terminal.finish().0, 0);
}
