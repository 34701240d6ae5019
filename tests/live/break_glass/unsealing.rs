//! `unseal`: holders open a Shamir seal one after the other.

use super::handed_over_on;
use crate::ceremony::{Ceremony, Server};
use crate::support::{Faults, Setup, require};
use serde_json::json;

#[test]
fn holders_open_a_sealed_server_one_after_the_other() {
    require!(Setup::Vault1211Shamir.components());
    let (mut server, starter) = handed_over_on(Setup::Vault1211Shamir);
    let bob = Ceremony::guest(&server, &starter, "bob");
    let carol = Ceremony::guest(&server, &starter, "carol");
    server.restart();
    let words = |key: &'static str| ["unseal", "--identity", key];
    let first = bob.run(&words("bob.key"));
    first
        .exits(0)
        .prints(&["sealed, 1 of 2 shares given"])
        .says(&["1 share is still missing: one more holder types vault-bootstrap unseal"])
        .shows_no_token();
    // The server counts no share twice, and says nothing of it.
    bob.run(&words("bob.key")).exits(3).says(&[
        "the share of bob was given already; nothing has changed",
        "another holder must give theirs: vault-bootstrap unseal",
    ]);
    bob.run(&["custodian", "new", "stranger", "-o", "stranger.key"])
        .exits(0);
    bob.run(&words("stranger.key"))
        .exits(2)
        .says(&[
            "stranger.key opens no share of this file",
            "name the key of a holder",
        ])
        .never_says(&["cannot tell whose share"]);
    bob.run(&["unseal"])
        .exits(2)
        .says(&["name one of alice, bob, carol with --custodian"]);
    carol
        .run(&words("carol.key"))
        .exits(0)
        .prints(&["unsealed"]);
    carol
        .run(&words("carol.key"))
        .exits(0)
        .prints(&["unsealed"]);
    assert_eq!(server.get("sys/seal-status", None).1["sealed"], false);
}

#[test]
fn where_the_checkpoint_is_no_share_is_given_to_an_address_that_it_does_not_know() {
    require!(Setup::Vault1211Shamir.components());
    let (mut server, mut starter) = handed_over_on(Setup::Vault1211Shamir);
    server.restart();
    let elsewhere = Faults::new().before(&server.address());
    starter.set("/cluster/address", json!(elsewhere.address()));
    let run = starter.run(&["unseal", "--identity", "bob.key"]);
    run.exits(3).says(&[
        &elsewhere.address(),
        "is not known to the checkpoint here",
        "no share was given",
    ]);
    assert_eq!(server.get("sys/seal-status", None).1["progress"], 0);
}

#[test]
fn a_seal_that_opens_by_itself_takes_no_share() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    ceremony
        .run(&["unseal", "--identity", "bob.key"])
        .exits(3)
        .says(&["is not initialised, so no share opens it"]);
}

#[test]
fn what_is_no_share_at_all_costs_nobody_the_share_that_was_given_before() {
    require!(Setup::Vault1211Shamir.components());
    let (mut server, starter) = handed_over_on(Setup::Vault1211Shamir);
    let bob = Ceremony::guest(&server, &starter, "bob");
    let carol = Ceremony::guest(&server, &starter, "carol");
    let whole = std::fs::read(carol.path("shares/carol.age")).expect("a share");
    starter.custody().replace("carol", &"00".repeat(10));
    let damaged = starter.path("shares/carol.age");
    std::fs::copy(damaged, carol.path("shares/carol.age")).expect("a copy");
    server.restart();
    let words = ["unseal", "--identity", "bob.key"];
    bob.run(&words).exits(0);
    let words = ["unseal", "--identity", "carol.key"];
    let refused = carol.run(&words);
    refused
        .exits(3)
        .says(&["the 1 given before are still there"]);
    assert!(!refused.stderr.contains("dropped"), "{}", refused.stderr);
    std::fs::write(carol.path("shares/carol.age"), whole).expect("written");
    carol.run(&words).exits(0).prints(&["unsealed"]);
}
