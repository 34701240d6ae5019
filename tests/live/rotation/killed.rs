//! Killed anywhere, it goes on from there, and at every moment one making of the shares is in effect.

use super::*;
use crate::ceremony::killed_or_ended;
use crate::support::{Faults, Sweep};

/// Kills one run after the other, each one request later than the one before; the run that came to its end.
fn spring(
    sweep: &Sweep,
    (rotation, server): (&Rotation, &Server),
    proxies: &[&Proxy],
) -> (Run, usize) {
    let mut kills = 0;
    loop {
        sweep.next_run();
        match killed_or_ended(rotation.start(), proxies) {
            // Nobody knows whose it is that was begun when the answer was lost with the run.
            Some(run) if run.stderr.contains("by somebody else is under way") => {
                run.exits(3);
                rotation.ada(server).delete("sys/rotate/recovery/init");
            }
            Some(run) => return (run, kills),
            None => kills += 1,
        }
        assert!(kills < 200, "it never comes to its end");
    }
}

#[test]
fn killed_at_any_request_the_next_run_brings_it_to_its_end() {
    require!(["openbao-2.7.2"]);
    for heard_at_even in [false, true] {
        let (server, mut rotation) = Rotation::ready();
        let sweep = Sweep::new()
            .heard_at_even(heard_at_even)
            .from("* sys/rotate/*");
        let faults = Faults::new().every("*", sweep.clone());
        let proxy = faults.before(&server.address());
        rotation
            .ceremony
            .set("/cluster/address", json!(proxy.address()));
        let (last, kills) = spring(&sweep, (&rotation, &server), &[&proxy]);
        last.exits(0);
        assert!(kills > 6, "{kills} kills only");
        rotation.is_done(&server, Setup::OpenBao272Static);
    }
}

/// The parameter store is asked for the trial value, the old share, the new one, and to delete both.
#[test]
fn killed_at_any_request_to_the_parameter_store_the_next_run_brings_it_to_its_end() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    for heard_at_even in [false, true] {
        let server = Server::in_memory();
        let mut rotation = Rotation::at(&server, true);
        let sweep = Sweep::new().heard_at_even(heard_at_even);
        let faults = Faults::new().every("AmazonSSM.*", sweep.clone());
        let aws = faults.before(&LocalStack::shared().endpoint());
        rotation
            .ceremony
            .environment
            .push(("AWS_ENDPOINT_URL".into(), aws.address()));
        let (last, kills) = spring(&sweep, (&rotation, &server), &[&aws]);
        last.exits(0);
        assert!(kills > 6, "{kills} kills only");
        rotation.is_done(&server, Setup::OpenBao272Static);
    }
}

/// Between the last word to the server and the first old share that goes.
#[test]
fn killed_once_the_new_shares_hold_the_next_run_only_takes_the_old_ones_away() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let verifies = "POST sys/rotate/recovery/verify";
    let faults = Faults::new().nth(2, verifies, Action::HoldAnswer);
    let proxy = faults.before(&server.address());
    rotation.killed_at(&proxy);
    assert_eq!(rotation.state()["phase"], "verifying");
    let before = rotation.ceremony.files_in("shares");
    assert_eq!(before.len(), 6, "{before:?}");
    let verified = proxy.count(verifies);
    rotation.rotate().exits(0);
    assert_eq!(proxy.count(verifies), verified);
    rotation.is_done(&server, Setup::OpenBao272Static);
}
