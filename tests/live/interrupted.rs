//! A stop that is asked for during the initialisation: heard at once, but for the one request that cannot be
//! repeated.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{Action, Faults, Setup, eventually, require};

const INIT: &str = "PUT sys/init";
/// What is said of it for as long as it is in the checkpoint.
const ROOT_STAYS: &str =
    "no run has revoked the root token, which stays, encrypted, in the checkpoint";
/// Much less than what is waited for here, and enough for a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// Starts a run, stops it when it says that it waits for this, and holds that it does not wait on.
fn stopped_while_waiting(ceremony: &Ceremony, what: &str) -> Run {
    let run = ceremony.start();
    run.wait_for_line(what, |line| line.contains(what));
    let begun = Instant::now();
    run.signal(Signal::TERM);
    let run = Run::from(run.finish());
    assert!(begun.elapsed() < SOON, "{:?}\n{run}", begun.elapsed());
    run.exits(143).says(&["nothing is half done"]);
    run
}

#[test]
fn a_stop_is_heard_while_it_waits_for_nodes_to_open() {
    require!(Setup::Vault1211Shamir.components());
    let server = Server::of(Setup::Vault1211Shamir);
    let mut ceremony = Ceremony::at(&server);
    // Health, seal and whether it is initialised; then nothing more.
    let faults = Faults::new().from(4, "*", Action::Refuse);
    let silent = faults.before(&server.address());
    ceremony.set(
        "/cluster/nodes",
        json!([server.address(), silent.address()]),
    );
    stopped_while_waiting(&ceremony, "all nodes to open");
    assert!(ceremony.keeps_secrets(), "the answer was kept before");
    ceremony.remove("/cluster/nodes");
    ceremony.apply().exits(4);
}

#[test]
fn a_stop_is_heard_while_it_waits_for_a_request_of_an_earlier_run() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().first(INIT, Action::Hold);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.start();
    assert!(proxy.wait_for_held(Duration::from_secs(60)));
    run.kill();
    stopped_while_waiting(&ceremony, "a request of an earlier run");
    assert_eq!(proxy.count(INIT), 1);
    ceremony.run(&["status"]).exits(4).never_says(&[ROOT_STAYS]);
    ceremony.set("/cluster/timeouts", json!({ "request": "1s" }));
    ceremony.apply().exits(4);
    assert_eq!(proxy.count(INIT), 2);
}

#[test]
fn a_stop_waits_for_the_answer_of_the_one_request_that_cannot_be_repeated() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let slow = Action::Delay(Duration::from_secs(2));
    let proxy = Faults::new().every(INIT, slow).before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.start();
    assert!(eventually(Duration::from_secs(60), || proxy.count(INIT) == 1));
    run.signal(Signal::INT);
    Run::from(run.finish())
        .exits(130)
        .says(&[&format!("nothing is half done; {ROOT_STAYS}")]);
    ceremony.run(&["status"]).exits(4).prints(&[ROOT_STAYS]);
    assert!(server.api().initialised() && ceremony.keeps_secrets());
    ceremony.apply().exits(4);
    assert_eq!(proxy.count(INIT), 1);
    ceremony.run(&["status"]).exits(0).never_says(&[ROOT_STAYS]);
}
