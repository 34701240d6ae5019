//! Two places that do not go on from each other: neither takes a secret from the other.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::away::refusing_after;
use super::*;

/// A backup of the checkpoint's directory.
pub(super) fn back_up(directory: &Path, copy: &Path) {
    std::fs::create_dir(copy).expect("a directory");
    std::fs::set_permissions(copy, PermissionsExt::from_mode(0o700)).expect("ours");
    for entry in std::fs::read_dir(directory).expect("it is there") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("a copy");
    }
}

fn secrets(ceremony: &Ceremony) -> Vec<u8> {
    std::fs::read(ceremony.path("checkpoint/secrets")).expect("the answer is kept")
}

#[test]
fn a_place_of_an_older_ceremony_never_takes_the_answer_of_one_that_began_without_it() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    // What the older one left there.
    ceremony.prove_all();
    lose_the_disk(&ceremony);
    let replica = ceremony.file["checkpoint"]["replica"].clone();
    ceremony.remove("/checkpoint/replica");
    ceremony.prove_all();
    let _proxy = killed_at(
        &server,
        &mut ceremony,
        "GET auth/token/lookup-self",
        1,
        false,
    );
    let answer = secrets(&ceremony);
    ceremony.set("/checkpoint/replica", replica);
    // The first look leaves a mark; it must not make the second one another.
    for _ in 0..2 {
        ceremony
            .apply()
            .exits(3)
            .says(&["keeps the root token", "knows nothing of them"]);
        assert!(secrets(&ceremony) == answer, "the answer was taken away");
    }
    ceremony.remove("/checkpoint/replica");
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
}

#[test]
fn an_answer_that_is_here_alone_stays_whatever_another_machine_does_meanwhile() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let (_proxy, _aws, down) = refusing_after(&mut ceremony, &server, INIT);
    ceremony
        .apply()
        .exits(1)
        .says(&["its only answer is in", "on this machine alone"]);
    let answer = secrets(&ceremony);
    down.lift();
    ceremony.set("/checkpoint/path", json!("elsewhere"));
    let refused = ceremony.run(&["custodian", "prove", "alice", "--identity", "alice.key"]);
    refused.exits(3).says(&["another run holds"]);
    let id = id_in(&refused);
    ceremony
        .run(&["apply", "--abandon", "lose test", "--take-over", &id])
        .exits(0);
    ceremony.set("/checkpoint/path", json!("checkpoint"));
    for _ in 0..2 {
        ceremony.apply().exits(3).says(&[
            "keeps all shares and the root token",
            "knows nothing of them",
        ]);
        assert!(secrets(&ceremony) == answer, "the answer was taken away");
    }
    let other = format!("{}/other/checkpoint", ceremony.prefix());
    ceremony.set("/checkpoint/replica/ssm/parameter", json!(other));
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
}

#[test]
fn an_old_copy_of_the_directory_takes_up_what_the_replica_knows_since() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    ceremony.prove_all();
    let (directory, copy) = (ceremony.path("checkpoint"), ceremony.path("copy"));
    back_up(&directory, &copy);
    let proxy = killed_at(
        &server,
        &mut ceremony,
        "GET auth/token/lookup-self",
        1,
        false,
    );
    lose_the_disk(&ceremony);
    std::fs::rename(copy, directory).expect("it is restored");
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    only_public_things_are_kept(&kept(&ceremony));
    assert_eq!(proxy.count(INIT), 1);
}

/// The answer is at the replica since, one generation after what the copy saw there.
#[test]
fn a_copy_of_just_before_the_answer_does_not_take_it_from_the_replica() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let (directory, copy) = (ceremony.path("checkpoint"), ceremony.path("copy"));
    let (from, to) = (directory.clone(), copy.clone());
    // The commit that names the answer, and then the next one.
    let faults = Faults::new()
        .every(INIT, move |_: &RequestInfo| {
            back_up(&from, &to);
            Action::Pass
        })
        .nth(2, writes("commit-"), Action::Hold)
        .since(1, INIT);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let aws = before_aws(&mut ceremony, &faults);
    let run = ceremony.start();
    assert!(aws.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    lose_the_disk(&ceremony);
    std::fs::rename(copy, directory).expect("it is restored");
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    only_public_things_are_kept(&kept(&ceremony));
    assert_eq!(proxy.count(INIT), 1);
}

/// The file of a second cluster names the place of the first one.
#[test]
fn a_place_that_another_cluster_uses_is_refused_and_left_as_it_is() {
    require!(NEEDED);
    let (server, other) = (Server::in_memory(), Server::in_memory());
    let mut ceremony = with_parameters(&server);
    ceremony.write("wrong.password", "this is not the password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    ceremony.apply().exits(1).says(&["login ada"]);
    let there = kept(&ceremony);
    // Its own directories, its own server, the same place.
    ceremony.set("/checkpoint/path", json!("of-the-other"));
    ceremony.set("/cluster/address", json!(other.address()));
    ceremony
        .apply()
        .exits(3)
        .says(&["is not known to this checkpoint", "nothing was sent there"]);
    assert_eq!(kept(&ceremony), there);
    ceremony.set("/checkpoint/path", json!("of-another-name"));
    ceremony.set("/cluster/name", json!("other"));
    ceremony.apply().exits(3).says(&[
        "checkpoint aws-ssm://us-east-1",
        "belongs to cluster test, the file says other",
        "another place in checkpoint.replica",
    ]);
    assert_eq!(kept(&ceremony), there);
    assert!(!other.api().initialised());
    // The first one goes on as if nothing had been.
    ceremony.set("/checkpoint/path", json!("checkpoint"));
    ceremony.set("/cluster/name", json!("test"));
    ceremony.set("/cluster/address", json!(server.address()));
    ceremony.set("/logins/ada/password", json!({ "file": "ada.password" }));
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
}
