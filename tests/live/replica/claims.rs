//! Claims: given up on every way out, and only by who holds them.

use std::sync::atomic::AtomicBool;

use rustix::process::Signal;

use super::*;

/// The name of the parameter that a request deletes.
fn deleted(request: &RequestInfo) -> Option<String> {
    if request.label() != "AmazonSSM.DeleteParameter" {
        return None;
    }
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    body["Name"].as_str().map(str::to_owned)
}

fn claims(ceremony: &Ceremony) -> Vec<String> {
    let mut names = kept(ceremony);
    names.retain(|name| name.starts_with("claim-"));
    names
}

#[test]
fn who_was_taken_over_does_not_give_up_the_claim_of_a_third_machine() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let (arrived, may_go) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (arrives, waits) = (arrived.clone(), may_go.clone());
    let proxy = disturbed(&server.address(), move |_, label| {
        if label == "GET /v1/sys/mounts" {
            arrives.store(true, Ordering::SeqCst);
            eventually(Duration::from_secs(100), || waits.load(Ordering::SeqCst));
        }
        Action::Pass
    });
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.set("/cluster/timeouts", json!({ "request": "110s" }));
    let first = ceremony.start();
    assert!(eventually(PATIENCE, || arrived.load(Ordering::SeqCst)));
    ceremony.set("/checkpoint/path", json!("second"));
    ceremony.set("/cluster/address", json!(server.address()));
    let id = id_in(&ceremony.apply());
    ceremony.write("wrong.password", "this is not the password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    ceremony
        .run(&["apply", "--yes", "--take-over", &id])
        .exits(1)
        .says(&["login ada"]);
    assert_eq!(claims(&ceremony), Vec::<String>::new());
    let third = disturbed(&server.address(), |_, _| Action::Hold);
    ceremony.set("/checkpoint/path", json!("third"));
    ceremony.set("/cluster/address", json!(third.address()));
    let run = ceremony.start();
    assert!(third.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    assert_eq!(claims(&ceremony), ["claim-1"]);
    may_go.store(true, Ordering::SeqCst);
    Run::from(first.finish()).exits(3);
    assert_eq!(claims(&ceremony), ["claim-1"], "it is of the third machine");
    run.kill();
}

#[test]
fn killed_while_taking_over_the_claim_that_was_taken_over_does_not_hold_again() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let _proxy = killed_at(
        &server,
        &mut ceremony,
        "GET /v1/auth/token/lookup-self",
        1,
        false,
    );
    lose_the_disk(&ceremony);
    ceremony.set("/checkpoint/path", json!("elsewhere"));
    let id = id_in(&ceremony.apply());
    let held = AtomicBool::new(false);
    let aws = before_aws(&mut ceremony, move |request| match deleted(request) {
        Some(name) if name.ends_with("/claim-1") && !held.swap(true, Ordering::SeqCst) => {
            Action::Hold
        }
        _ => Action::Pass,
    });
    ceremony.save();
    let run = ceremony
        .tool()
        .spawn(&["apply", "--yes", "--take-over", &id]);
    assert!(aws.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    assert_eq!(claims(&ceremony), ["claim-1", "claim-2"]);
    ceremony.apply().exits(4);
    only_public_things_are_kept(&kept(&ceremony));
}

#[test]
fn stopped_before_the_first_step_it_gives_up_its_claim() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    // The checkpoint's key is looked for once the claim is made; the replica's was before.
    ceremony.kms_checkpoint();
    let claimed = AtomicBool::new(false);
    let aws = before_aws(&mut ceremony, move |request| {
        if written(request).is_some_and(|name| name.contains("/claim-")) {
            claimed.store(true, Ordering::SeqCst);
        }
        match request.label().starts_with("TrentService.") && claimed.load(Ordering::SeqCst) {
            true => Action::Hold,
            false => Action::Pass,
        }
    });
    let run = ceremony.start();
    assert!(aws.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    assert_eq!(claims(&ceremony), ["claim-1"]);
    run.signal(Signal::TERM);
    Run::from(run.finish()).exits(143);
    assert_eq!(claims(&ceremony), Vec::<String>::new());
}

#[test]
fn a_claim_that_stays_behind_does_not_make_a_proof_fail() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let _aws = before_aws(&mut ceremony, |request| match deleted(request) {
        Some(name) if name.contains("/claim-") => Action::Refuse,
        _ => Action::Pass,
    });
    for name in ["alice", "bob"] {
        ceremony
            .run(&[
                "custodian",
                "prove",
                name,
                "--identity",
                &format!("{name}.key"),
            ])
            .exits(0);
        assert_eq!(claims(&ceremony), ["claim-1"]);
    }
}
