//! A lease is given up on every way out, and another machine goes on without taking over.

use rustix::process::Signal;

use super::leases::{deletes, leases};
use super::*;

/// Another machine, with a directory of its own, for which nothing is in the way.
#[track_caller]
fn another_machine_goes_on(ceremony: &mut Ceremony, server: &Server) {
    assert_eq!(leases(ceremony), Vec::<String>::new());
    ceremony.set("/checkpoint/path", json!("elsewhere"));
    ceremony.apply().exits(4);
    // The first one finds that it was done, and keeps nothing either.
    ceremony.set("/checkpoint/path", json!("checkpoint"));
    assert!(ceremony.keeps_secrets());
    ceremony.apply().exits(4);
    is_handed_over(server, ceremony);
    only_public_things_are_kept(&kept(ceremony));
}

#[test]
fn after_an_ordinary_failure_another_machine_goes_on_without_taking_over() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    ceremony.write("wrong.password", "this is not the password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    ceremony.apply().exits(1).says(&["login ada"]);
    assert!(ceremony.keeps_secrets());
    ceremony.set("/logins/ada/password", json!({ "file": "ada.password" }));
    another_machine_goes_on(&mut ceremony, &server);
}

#[test]
fn after_a_stop_in_the_middle_another_machine_goes_on_without_taking_over() {
    require!(NEEDED);
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let server = Server::in_memory();
        let mut ceremony = with_parameters(&server);
        let faults = Faults::new().first("POST sys/mounts/secret", Action::Hold);
        let proxy = faults.before(&server.address());
        ceremony.set("/cluster/address", json!(proxy.address()));
        let run = ceremony.start();
        assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
        run.signal(signal);
        Run::from(run.finish())
            .exits(code)
            .says(&["nothing is half done"]);
        another_machine_goes_on(&mut ceremony, &server);
    }
}

#[test]
fn a_proof_that_fails_or_is_stopped_gives_the_lease_up() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    ceremony
        .run(&["custodian", "prove", "alice", "--identity", "bob.key"])
        .exits(1);
    assert_eq!(leases(&ceremony), Vec::<String>::new());
    let silent = Faults::new().every(writes("diary-"), Action::Hold);
    let aws = before_aws(&mut ceremony, &silent);
    ceremony.save();
    let proving = ["custodian", "prove", "alice", "--identity", "alice.key"];
    let run = ceremony.tool().spawn(&proving);
    assert!(aws.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    assert_eq!(leases(&ceremony), ["claim-1"]);
    run.signal(Signal::TERM);
    Run::from(run.finish()).exits(143);
    assert_eq!(leases(&ceremony), Vec::<String>::new());
}

#[test]
fn an_abandoning_that_is_refused_or_stopped_gives_the_lease_up() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let _proxy = killed_at(&server, &mut ceremony, "GET sys/mounts", 1, false);
    ceremony.run(&["apply", "--abandon", "test"]).exits(3);
    assert_eq!(leases(&ceremony), Vec::<String>::new());
    let silent = Faults::new().every("*", Action::Hold);
    let silent = silent.before(&server.address());
    ceremony.set("/cluster/address", json!(silent.address()));
    ceremony.save();
    let run = ceremony.tool().spawn(&["apply", "--abandon", "lose test"]);
    assert!(silent.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    assert_eq!(leases(&ceremony), ["claim-1"]);
    run.signal(Signal::TERM);
    Run::from(run.finish())
        .exits(143)
        .says(&["nothing is half done"]);
    assert_eq!(leases(&ceremony), Vec::<String>::new());
    assert!(ceremony.keeps_secrets());
}

#[test]
fn a_lease_that_cannot_be_given_up_is_a_warning_and_changes_nothing() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let away = Faults::new().every(deletes("claim-"), Action::Refuse);
    let _aws = before_aws(&mut ceremony, &away);
    let warning = ["another machine will have to take it over"];
    ceremony
        .run(&["custodian", "prove", "alice", "--identity", "alice.key"])
        .exits(0)
        .says(&warning);
    ceremony
        .run(&["apply", "--abandon", "test"])
        .exits(0)
        .says(&warning);
    ceremony.apply().exits(4).says(&warning);
    assert_eq!(leases(&ceremony), ["claim-1"]);
    ceremony.run(&["apply", "--abandon", "test"]).exits(0);
}

/// From a moment on nothing of AWS answers any more: a stop is heard all the same, long before any time-out.
#[test]
fn a_stop_is_heard_while_the_replica_is_silent_and_nothing_was_initialised() {
    require!(NEEDED);
    // The lease, and the first commit of the run: the one before the one request.
    for silent in ["claim-", "diary-"] {
        let server = Server::in_memory();
        let mut ceremony = with_parameters(&server);
        let faults = Faults::new()
            .every("*", Action::Hold)
            .since(1, writes(silent));
        let aws = before_aws(&mut ceremony, &faults);
        ceremony.save();
        let run = ceremony.start();
        assert!(aws.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
        let asked = std::time::Instant::now();
        run.signal(Signal::TERM);
        Run::from(run.finish())
            .exits(143)
            .says(&["nothing is half done"]);
        // Twice five seconds to bring it up to date and to give it up; a time-out of AWS is ninety.
        assert!(asked.elapsed() < Duration::from_secs(30), "at {silent}");
        assert!(!server.api().initialised());
    }
}
