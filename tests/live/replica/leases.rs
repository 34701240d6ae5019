//! Claims: given up on every way out, and only by who holds them.

use rustix::process::Signal;

use super::*;

/// The label of deleting a part of the replica in the parameter store.
pub(super) fn deletes(part: &str) -> String {
    format!("AmazonSSM.DeleteParameter */{part}*")
}

pub(super) fn leases(ceremony: &Ceremony) -> Vec<String> {
    let mut names = kept(ceremony);
    names.retain(|name| name.starts_with("claim-"));
    names
}

#[test]
fn who_was_taken_over_does_not_give_up_the_lease_of_a_third_machine() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let may_go = Gate::default();
    let faults = Faults::new().every(MOUNTS, Action::Await(may_go.clone()));
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.set("/cluster/timeouts", json!({ "request": "110s" }));
    let first = ceremony.start();
    assert!(eventually(PATIENCE, || faults.struck(MOUNTS) > 0));
    ceremony.set("/checkpoint/path", json!("second"));
    ceremony.set("/cluster/address", json!(server.address()));
    let id = id_in(&ceremony.apply());
    ceremony.write("wrong.password", "this is not the password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    ceremony
        .run(&["apply", "--yes", "--take-over", &id])
        .exits(1)
        .says(&["login ada"]);
    assert_eq!(leases(&ceremony), Vec::<String>::new());
    let third = Faults::new().every("*", Action::Hold);
    let third = third.before(&server.address());
    ceremony.set("/checkpoint/path", json!("third"));
    ceremony.set("/cluster/address", json!(third.address()));
    let run = ceremony.start();
    assert!(third.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    assert_eq!(leases(&ceremony), ["claim-1"]);
    may_go.open();
    Run::from(first.finish()).exits(3);
    assert_eq!(leases(&ceremony), ["claim-1"], "it is of the third machine");
    run.kill();
}

#[test]
fn killed_while_taking_over_the_lease_that_was_taken_over_does_not_hold_again() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let _proxy = killed_at(
        &server,
        &mut ceremony,
        "GET auth/token/lookup-self",
        1,
        false,
    );
    lose_the_disk(&ceremony);
    ceremony.set("/checkpoint/path", json!("elsewhere"));
    let id = id_in(&ceremony.apply());
    let faults = Faults::new().first("AmazonSSM.DeleteParameter */claim-1", Action::Hold);
    let aws = before_aws(&mut ceremony, &faults);
    ceremony.save();
    let run = ceremony
        .tool()
        .spawn(&["apply", "--yes", "--take-over", &id]);
    assert!(aws.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    assert_eq!(leases(&ceremony), ["claim-1", "claim-2"]);
    ceremony.apply().exits(4);
    only_public_things_are_kept(&kept(&ceremony));
}

#[test]
fn stopped_before_the_first_step_it_gives_up_its_lease() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    // The checkpoint's key is looked for once the lease is made; the replica's was before.
    ceremony.kms_checkpoint();
    let faults = Faults::new()
        .every("TrentService.*", Action::Hold)
        .since(1, writes("claim-"));
    let aws = before_aws(&mut ceremony, &faults);
    let run = ceremony.start();
    assert!(aws.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    assert_eq!(leases(&ceremony), ["claim-1"]);
    run.signal(Signal::TERM);
    Run::from(run.finish()).exits(143);
    assert_eq!(leases(&ceremony), Vec::<String>::new());
}

/// What another machine does meanwhile: the lease after ours is its own, and so is this part.
fn another_takes_over(path: &str) {
    let lease =
        r#"{"version": 1, "id": "fedcba9876543210", "owner": "another machine", "at": "now"}"#;
    for (name, value) in [("claim-2", lease), (PART_OF_ANOTHER, "{}")] {
        let made =
            LocalStack::shared().ssm_put(&format!("{path}/{name}"), &STANDARD.encode(value), false);
        made.expect("it is new");
    }
}

const PART_OF_ANOTHER: &str = "secrets-9-fedcba9876543210.0";

#[test]
fn who_is_taken_over_while_it_sweeps_deletes_nothing_of_the_next_machine() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let path = format!("{}/checkpoint", ceremony.prefix());
    // The answer is there; the room for it is looked for, to be deleted.
    let faults = Faults::new()
        .first("AmazonSSM.GetParametersByPath *", move |_: &RequestInfo| {
            another_takes_over(&path);
            Action::Pass
        })
        .since(2, writes("secrets-"));
    let _aws = before_aws(&mut ceremony, &faults);
    ceremony
        .apply()
        .exits(3)
        .says(&["another machine has taken aws-ssm://us-east-1"]);
    let names = kept(&ceremony);
    for name in ["claim-2", PART_OF_ANOTHER] {
        assert!(names.iter().any(|kept| kept == name), "{name}: {names:?}");
    }
}

#[test]
fn of_several_leases_that_are_taken_over_the_lowest_goes_first() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let path = format!("{}/checkpoint", ceremony.prefix());
    for number in [10, 2] {
        let lease =
            json!({"version": 1, "id": "fedcba9876543210", "owner": "another", "at": "now"});
        let value = STANDARD.encode(lease.to_string());
        let name = format!("{path}/claim-{number}");
        let made = LocalStack::shared().ssm_put(&name, &value, false);
        made.expect("it is new");
    }
    let order: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = order.clone();
    let watched = Faults::new().every(deletes("claim-"), move |request: &RequestInfo| {
        seen.lock().expect("ours").push(request.label());
        Action::Pass
    });
    let _aws = before_aws(&mut ceremony, &watched);
    ceremony
        .run(&[
            "apply",
            "--abandon",
            "test",
            "--take-over",
            "fedcba9876543210",
        ])
        .exits(0);
    let order = order.lock().expect("ours").clone();
    let wanted =
        [2, 10, 11].map(|number| format!("AmazonSSM.DeleteParameter {path}/claim-{number}"));
    assert_eq!(order, wanted);
}
