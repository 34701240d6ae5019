//! `unseal`: holders open a Shamir seal one after the other.

use super::handed_over;
use crate::ceremony::{Ceremony, Server};
use crate::support::{Setup, require};

#[test]
fn holders_open_a_sealed_server_one_after_the_other() {
    require!(Setup::Vault1211Shamir.components());
    let mut server = Server::of(Setup::Vault1211Shamir);
    let starter = handed_over(&server);
    let bob = Ceremony::guest(&server, &starter, "bob");
    let carol = Ceremony::guest(&server, &starter, "carol");
    server.restart();
    let words = |key: &'static str| ["unseal", "--identity", key];
    let first = bob.run(&words("bob.key"));
    first
        .exits(0)
        .prints(&["sealed, 1 of 2 shares given"])
        .shows_no_token();
    bob.run(&["unseal"])
        .exits(2)
        .says(&["name one of alice, bob, carol with --custodian"]);
    carol.run(&words("carol.key")).exits(0).prints(&["open"]);
    carol.run(&words("carol.key")).exits(0).prints(&["open"]);
    assert_eq!(server.get("sys/seal-status", None).1["sealed"], false);
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
