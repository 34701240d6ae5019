//! The way back is walked while root lives: with the shares as their custodians keep them.

use serde_json::json;

use crate::ceremony::{Ceremony, Server};
use crate::support::{Setup, require};

/// Every share in a quorum, on one set-up.
fn rehearsed_on(setup: Setup) {
    require!(setup.components());
    let server = Server::of(setup);
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    ceremony.save();
    let identities = ["alice", "bob", "carol"].map(|name| format!("{name}.key"));
    let mut words = vec!["apply", "--yes"];
    for file in &identities {
        words.extend(["--identity", file]);
    }
    let run = ceremony.run(&words);
    println!("{run}");
    println!("{:#}", ceremony.evidence("drill"));
    run.shows_no_token();
    let open = !setup.is_openbao();
    run.exits(if open { 4 } else { 0 });
}

#[test]
fn every_share_helps_to_make_a_root_token_on_openbao_272() {
    rehearsed_on(Setup::OpenBao272Static);
}

#[test]
fn every_share_helps_to_make_a_root_token_on_vault() {
    rehearsed_on(Setup::Vault1211Shamir);
}
