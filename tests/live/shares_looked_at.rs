//! Whether shares are still as they were stored is said only of those that were looked at.

use serde_json::Value;

use crate::ceremony::{Ceremony, Server};
use crate::support::{LocalStack, require};

#[test]
fn without_access_to_a_custodian_its_share_was_not_seen() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let alice = ceremony.ssm_custodian("alice");
    ceremony.set("/init/custodians/0", alice);
    ceremony.apply().exits(4);
    ceremony
        .run(&["apply", "--check"])
        .exits(4)
        .never_says(&["the share of alice"]);
    let environment: Vec<(String, String)> = std::mem::take(&mut ceremony.environment);
    let run = ceremony.run(&["apply", "--check", "--output", "json"]);
    assert!(
        run.exits(4).codes().contains(&"not-seen".to_owned()),
        "{run}"
    );
    ceremony
        .run(&["apply", "--check"])
        .prints(&["the share of alice was not looked at"]);
    let run = ceremony.run(&["apply", "--check", "--from", "pipeline", "--output", "json"]);
    assert!(!run.codes().contains(&"not-seen".to_owned()), "{run}");
    ceremony.environment = environment;
    let parameter: Value = ceremony.file["init"]["custodians"][0]["ssm"]["parameter"].clone();
    assert!(parameter.is_string());
}

#[test]
fn a_share_that_was_put_back_is_as_it_was_once_a_rehearsal_has_fetched_it_from_there() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let alice = ceremony.ssm_custodian("alice");
    ceremony.set("/init/custodians/0", alice);
    ceremony.apply().exits(4);
    let parameter = ceremony.file["init"]["custodians"][0]["ssm"]["parameter"].clone();
    let parameter = parameter.as_str().expect("a name");
    let aws = LocalStack::shared();
    let share = aws.ssm_get(parameter).expect("a share");
    assert_eq!(aws.ssm_put(parameter, "something else", true), Ok(()));
    assert_eq!(aws.ssm_put(parameter, &share, true), Ok(()));
    ceremony.apply().exits(4).prints(&[
        "the share of alice, changed since it was stored",
        "bring back what was stored",
    ]);
    let keys = [
        "rehearse",
        "--identity",
        "bob.key",
        "--identity",
        "carol.key",
    ];
    ceremony
        .run(&keys)
        .exits(4)
        .prints(&["the share of alice, changed since it was stored"]);
    ceremony
        .apply()
        .exits(0)
        .never_says(&["changed since it was stored"]);
    ceremony.run(&keys).exits(0);
    // Another change is another one.
    assert_eq!(aws.ssm_put(parameter, "something else", true), Ok(()));
    ceremony
        .apply()
        .exits(4)
        .prints(&["the share of alice, changed since it was stored"]);
}

#[test]
fn where_too_few_shares_are_left_nobody_is_told_to_make_new_ones() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    ceremony.apply().exits(4);
    std::fs::remove_file(ceremony.path("shares/bob.age")).expect("a share");
    ceremony.apply().exits(4).prints(&[
        "where it was stored: restore it there",
        "are the right ones), or make new shares (recovery rotate)",
    ]);
    std::fs::remove_file(ceremony.path("shares/carol.age")).expect("a share");
    ceremony
        .apply()
        .exits(4)
        .prints(&[
            "the share of bob is not at ",
            "the share of carol is not at ",
            "are the right ones); fewer than a quorum are left where they were stored",
            "move the data to a new cluster while this one is unsealed",
        ])
        .never_says(&["make new shares (recovery rotate)"]);
}

#[test]
fn two_shares_that_were_exchanged_are_told_by_the_names_of_their_holders() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    ceremony.apply().exits(4);
    let [bob, carol, aside] =
        ["bob.age", "carol.age", "aside"].map(|name| ceremony.path(&format!("shares/{name}")));
    for (from, to) in [(&bob, &aside), (&carol, &bob), (&aside, &carol)] {
        std::fs::rename(from, to).expect("a share");
    }
    let exchanged = [
        "it is the share of bob: put each back under its own name",
        "it is the share of carol: put each back under its own name",
        // Nothing is lost.
        "or make new shares (recovery rotate)",
    ];
    ceremony.apply().exits(4).prints(&exchanged);
}
