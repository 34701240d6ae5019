//! Shares that go away or change after they were stored: none is forgotten before all are there, and root
//! does not go while one is missing.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::before;
use crate::ceremony::{Ceremony, Server, root_from_shares};
use crate::support::{Action, Faults, Proxy, RequestInfo};

/// A ceremony that gave shares to alice and carol and stopped at bob, whose name was taken meanwhile.
fn stopped_at_bob() -> (Server, Ceremony, Proxy) {
    let (server, mut ceremony) = before();
    let taken = ceremony.path("shares/bob.age");
    let faults = Faults::new().every("PUT sys/init", move |_: &RequestInfo| {
        fs::create_dir_all(taken.parent().expect("a directory")).expect("a directory");
        fs::write(&taken, "precious").expect("a file");
        Action::Pass
    });
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let texts = [
        "alice holds a share",
        "carol holds a share",
        "shares/bob.age",
    ];
    ceremony.apply().exits(3).says(&texts);
    assert!(ceremony.keeps_secrets());
    fs::rename(
        ceremony.path("shares/bob.age"),
        ceremony.path("precious.age"),
    )
    .expect("it was there");
    (server, ceremony, proxy)
}

/// Every custodian holds a share of their own, and any two of them bring root back.
fn all_shares_are_good(server: &Server, ceremony: &Ceremony) {
    let share = |name: &str| ceremony.custody().share(name);
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    for pair in [["alice", "carol"], ["bob", "alice"]] {
        let root = root_from_shares(&ada, "generate-root-token", &pair.map(share));
        let root = server.api().with(&root);
        root.write("auth/token/revoke-self", &json!({}));
    }
}

#[test]
fn shares_that_are_gone_while_they_are_still_in_hand_are_stored_again() {
    let (server, ceremony, _proxy) = stopped_at_bob();
    for name in ["alice", "carol"] {
        fs::remove_file(ceremony.path(&format!("shares/{name}.age"))).expect("it was there");
    }
    let run = ceremony.apply();
    run.exits(4)
        .says(&[
            "the share of alice is not at",
            "the share of carol is not at",
            "alice holds a share",
            "carol holds a share",
        ])
        .prints(&["done, with findings"])
        .never_says(&["- shares/"]);
    assert!(!ceremony.keeps_secrets());
    all_shares_are_good(&server, &ceremony);
}

#[test]
fn a_share_that_changed_while_it_is_still_in_hand_is_refused_until_it_is_moved_away() {
    let (server, ceremony, _proxy) = stopped_at_bob();
    let share = ceremony.path("shares/carol.age");
    fs::write(&share, "something else").expect("a file");
    let log = server.audit().after_this();
    let run = ceremony.apply();
    run.exits(3).says(&[
        "refused:",
        "shares/carol.age, the share of carol, changed since it was stored",
        "move it away",
        "will be stored again",
    ]);
    assert!(ceremony.keeps_secrets());
    assert_eq!(log.writes(), Vec::<String>::new());
    assert_eq!(
        fs::read_to_string(&share).expect("a file"),
        "something else"
    );
    fs::remove_file(&share).expect("it was there");
    ceremony.apply().exits(4);
    all_shares_are_good(&server, &ceremony);
}

/// The second custodian is a parameter store, so that there is a moment between two shares.
#[test]
fn a_share_that_goes_while_others_are_stored_is_not_forgotten() {
    crate::support::require!(["localstack-4.9.2"]);
    let (_server, mut ceremony) = before();
    let bob = ceremony.ssm_custodian("bob");
    ceremony.set("/init/custodians/1", bob);
    let alice = ceremony.path("shares/alice.age");
    let proxy = before_aws(&mut ceremony, alice);
    let run = ceremony.apply();
    run.exits(3)
        .says(&["the share of alice is not at", "run apply again"]);
    assert!(ceremony.keeps_secrets());
    ceremony.apply().exits(4);
    assert_eq!(ceremony.files_in("shares"), ["alice.age", "carol.age"]);
    drop(proxy);
}

/// A proxy before the parameter store that takes alice's share away when bob's is read back.
fn before_aws(ceremony: &mut Ceremony, share: PathBuf) -> Proxy {
    let endpoint = ceremony
        .environment
        .iter()
        .position(|(name, _)| name == "AWS_ENDPOINT_URL")
        .expect("an endpoint");
    let is_there = share.clone();
    let faults = Faults::new()
        .first("AmazonSSM.GetParameter *", move |_: &RequestInfo| {
            fs::remove_file(&share).expect("it was there");
            Action::Pass
        })
        .when(move |_| is_there.exists());
    let proxy = faults.before(&ceremony.environment[endpoint].1);
    ceremony.environment[endpoint].1 = proxy.address();
    proxy
}

#[test]
fn a_share_that_goes_just_before_root_does_keeps_root_alive() {
    let (server, mut ceremony) = before();
    let (share, aside) = (
        ceremony.path("shares/alice.age"),
        ceremony.path("alice.aside"),
    );
    let (from, to) = (share.clone(), aside.clone());
    let goes = move |_: &RequestInfo| {
        fs::rename(&from, &to).expect("it was there");
        Action::Pass
    };
    let faults = Faults::new().first("LIST auth/token/accessors", goes);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.apply();
    run.exits(3)
        .says(&["the share of alice is not at", "root is still valid"]);
    assert!(ceremony.keeps_secrets(), "root is in the checkpoint\n{run}");
    fs::rename(&aside, &share).expect("it was there");
    ceremony.apply().exits(4);
    all_shares_are_good(&server, &ceremony);
}

#[test]
fn a_holder_taken_out_of_the_file_after_the_shares_were_stored_keeps_root_alive() {
    let (server, mut ceremony) = before();
    ceremony.write("wrong.password", "this is not her password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    ceremony.apply().exits(1).says(&["login ada"]);
    ceremony.set("/logins/ada/password", json!({ "file": "ada.password" }));
    let all = ceremony.file["init"]["custodians"].clone();
    let two = json!([all[0], all[2]]);
    ceremony.set("/init/custodians", two);
    ceremony.set("/init/shares", json!(2));
    fs::remove_file(ceremony.path("shares/bob.age")).expect("it was stored");
    let log = server.audit().after_this();
    ceremony.apply().exits(3).says(&[
        "any 2 of 3 open it, but the file says 2 of 2",
        "the shares were given to alice, bob, carol, but the file names alice, carol",
        "put init back in the file",
    ]);
    assert!(ceremony.keeps_secrets(), "root is alive");
    assert!(
        !log.requests()
            .contains(&"update auth/token/revoke".to_owned())
    );
}
