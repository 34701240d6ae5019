//! Keys go to this cluster only: an address that was changed in the file is somebody else's until proved.

use serde_json::json;

use crate::ceremony::{Ceremony, Server};
use crate::support::{Action, Faults, Proxy, Setup, require};

/// A listener that says what the cluster said, and takes whatever it is given.
fn stranger(server: &Server) -> Proxy {
    Faults::new().before(&server.address())
}

/// Only questions that anybody may ask came here.
#[track_caller]
fn got_no_key(proxy: &Proxy) {
    let counts = proxy.counts();
    let plain = ["GET sys/health", "GET sys/seal-status", "GET sys/init"];
    let others: Vec<_> = counts
        .keys()
        .filter(|label| !plain.contains(&label.as_str()))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn unseal_shares_go_to_no_address_that_the_checkpoint_does_not_know() {
    require!(Setup::Vault1211Shamir.components());
    let server = Server::of(Setup::Vault1211Shamir);
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().first("POST sys/unseal", Action::Hold);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.start();
    assert!(proxy.wait_for_held(std::time::Duration::from_secs(60)));
    run.kill();
    let other = stranger(&server);
    ceremony.set("/cluster/address", json!(other.address()));
    let run = ceremony.apply();
    let accept = format!("--accept-address {}", other.address());
    run.exits(3).says(&[
        &format!("{} is not known to this checkpoint", other.address()),
        &proxy.address(),
        "correct cluster.address or cluster.nodes in the file",
        &accept,
    ]);
    run.never_says(&["empty its storage", "remove the checkpoint"]);
    got_no_key(&other);
    assert!(server.is_sealed());
    // A word that is typed is for that address and no other.
    let typed = ["apply", "--yes", "--accept-address", "http://127.0.0.1:9"];
    ceremony.run(&typed).exits(3);
    got_no_key(&other);
    ceremony
        .run(&["apply", "--yes", "--accept-address", &other.address()])
        .exits(4);
    assert!(!server.is_sealed());
}

#[test]
fn the_root_token_and_passwords_go_to_no_node_of_another_cluster_whatever_was_typed() {
    let (server, other) = (Server::in_memory(), Server::in_memory());
    let init = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
    other.api().write("sys/init", &init);
    let mut ceremony = Ceremony::at(&server);
    let operator = ceremony.file["logins"]["operator"].clone();
    // A door that does not open, so that root stays for another run.
    ceremony.set("/logins/operator/can", json!({ "sys/mounts": ["sudo"] }));
    ceremony.apply().exits(1);
    let watched = stranger(&other);
    for typed in [vec![], vec!["--accept-address", "ADDRESS"]] {
        ceremony.set("/cluster/address", json!(watched.address()));
        let address = watched.address();
        let typed = typed
            .iter()
            .map(|word| if *word == "ADDRESS" { &address } else { *word });
        let words: Vec<&str> = ["apply", "--yes"].into_iter().chain(typed).collect();
        let run = ceremony.run(&words);
        run.exits(3)
            .says(&["is cluster", "which the file or the checkpoint names"])
            .never_says(&["empty its storage"]);
        got_no_key(&watched);
    }
    // The same cluster at another address says so itself.
    let same = stranger(&server);
    ceremony.set("/cluster/address", json!(same.address()));
    ceremony.set("/logins/operator", operator);
    ceremony
        .apply()
        .exits(4)
        .says(&["is the same cluster at a new address"]);
    // After hand-over it is passwords that would go there.
    ceremony.set("/cluster/address", json!(watched.address()));
    ceremony
        .apply()
        .exits(3)
        .says(&["is cluster", "which the file or the checkpoint names"]);
    got_no_key(&watched);
}
