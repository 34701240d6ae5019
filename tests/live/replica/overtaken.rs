//! A machine that was taken over, and one that was at another place before: neither replaces what counts by now.

use std::path::Path;

use super::two_ceremonies::back_up;
use super::*;

const KIND: &str = "application/x-amz-json-1.1";
const THROTTLED: &str = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("it is there")).expect("JSON")
}

/// Holds the first request with each of these labels.
fn holding_once(server: &Server, labels: &[&str]) -> Proxy {
    let faults = Faults::new();
    for label in labels {
        faults.first(*label, Action::Hold);
    }
    faults.before(&server.address())
}

#[test]
fn a_commit_that_comes_late_does_not_replace_that_of_the_machine_that_took_over_and_vanished() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    ceremony.prove_all();
    let throttled = Action::Respond(400, KIND, THROTTLED.to_owned());
    let faults = Faults::new().every(writes("commit"), throttled);
    let _aws = before_aws(&mut ceremony, &faults);
    let proxy = holding_once(&server, &["GET auth/token/lookup-self"]);
    ceremony.set("/cluster/address", json!(proxy.address()));
    let first = ceremony.start();
    assert!(eventually(PATIENCE, || faults.struck(&writes("commit")) > 0));
    ceremony.set("/checkpoint/path", json!("elsewhere"));
    ceremony.environment = LocalStack::shared().env();
    let id = id_in(&ceremony.apply());
    let other = ceremony
        .tool()
        .spawn(&["apply", "--yes", "--take-over", &id]);
    // It has initialised the cluster, and the answer is at both of its places.
    assert!(proxy.wait_for_held(PATIENCE), "{}", other.stderr_so_far());
    other.kill();
    std::fs::remove_dir_all(ceremony.path("elsewhere")).expect("it was there");
    faults.lift();
    Run::from(first.finish()).exits(3).says(&[
        "another machine has taken aws-ssm://us-east-1",
        "leave it to that one",
    ]);
    ceremony.set("/checkpoint/path", json!("third"));
    elsewhere(&ceremony).exits(4);
    // The first one finds that it was done, and keeps no room for an answer either.
    ceremony.set("/checkpoint/path", json!("checkpoint"));
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    only_public_things_are_kept(&kept(&ceremony));
    assert_eq!(proxy.count(INIT), 1);
}

#[test]
fn an_old_copy_with_a_mark_of_another_place_takes_up_the_answer_from_this_one() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    // At the first place it comes to a higher number than at the second.
    for _ in 0..3 {
        ceremony.prove_all();
    }
    let proxy = holding_once(&server, &[INIT, "GET auth/token/lookup-self"]);
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.start();
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    let (directory, copy) = (ceremony.path("checkpoint"), ceremony.path("copy"));
    back_up(&directory, &copy);
    let two = format!("{}/two/checkpoint", ceremony.prefix());
    ceremony.set("/checkpoint/replica/ssm/parameter", json!(two));
    let run = ceremony.start();
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    lose_the_disk(&ceremony);
    std::fs::rename(copy, directory).expect("it is restored");
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    assert_eq!(proxy.count(INIT), 2, "the first never arrived");
}

#[test]
fn what_was_handed_over_is_not_replaced_by_another_ceremony_whose_place_the_file_names() {
    require!(NEEDED);
    let (server, other) = (Server::in_memory(), Server::in_memory());
    let (mut one, mut two) = (with_parameters(&server), with_parameters(&other));
    one.apply().exits(4);
    // More than the first ever wrote.
    for _ in 0..5 {
        two.prove_all();
    }
    two.apply().exits(4);
    let (diary, there) = (one.path("checkpoint/diary.json"), kept(&two));
    let before = read(&diary);
    one.set(
        "/checkpoint/replica",
        two.file["checkpoint"]["replica"].clone(),
    );
    one.apply().exits(3).says(&["describe two ceremonies"]);
    assert_eq!(read(&diary), before);
    assert_eq!(kept(&two), there);
}
