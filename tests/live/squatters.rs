//! A port of this machine is whoever's took it first: over plain http nothing goes to a process of another user.

use serde_json::json;

use crate::ceremony::{Ceremony, Server};
use crate::support::{Kubernetes, OTHER, Scratch, Squatter, free_port, require, require_root};

/// Where the program is told that the server is.
fn at(host: &str, port: u16) -> serde_json::Value {
    json!(format!("http://{host}:{port}"))
}

#[test]
fn localhost_is_one_address_and_who_has_the_port_of_the_other_family_hears_nothing() {
    require!(["openbao-2.7.2"]);
    require_root!();
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let scratch = Scratch::new();
    let squatter = Squatter::on("::1", server.port(), server.port(), scratch.path());
    ceremony.set("/cluster/address", at("localhost", server.port()));
    ceremony
        .apply()
        .exits(4)
        .says(&["revoke root and prove it"]);
    assert_eq!(squatter.heard(), "");
    assert!(!squatter.was_asked());
}

#[test]
fn who_has_the_port_while_the_server_is_away_hears_nothing_whatever_is_asked() {
    require!(["openbao-2.7.2"]);
    require_root!();
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.apply().exits(4);
    let (port, scratch) = (free_port(), Scratch::new());
    // It looks like the server: all that it is asked, it asks the server.
    let squatter = Squatter::on("127.0.0.1", port, server.port(), scratch.path());
    ceremony.set("/cluster/address", at("127.0.0.1", port));
    let address = format!("http://127.0.0.1:{port}");
    for command in [
        &["apply", "--yes", "--accept-address", &address][..],
        &["status"],
        &["break-glass", "--reason", "attack", "--", "true"],
        &["break-glass", "start", "--reason", "attack"],
        &["rehearse"],
        &["unseal"],
    ] {
        let run = ceremony.run(command);
        let said = format!("a process of user {OTHER} has 127.0.0.1:{port}");
        if command[0] == "status" {
            run.prints(&[&said]);
        } else {
            run.says(&[
                &said,
                &format!("set cluster.plain_http.server_uid to {OTHER}"),
            ]);
        }
        assert_ne!(run.code, 0, "{command:?}");
        assert_eq!(squatter.heard(), "", "{command:?}");
    }
    assert!(squatter.was_asked(), "nobody connected: this shows nothing");
}

#[test]
fn the_user_that_the_file_names_may_serve_and_so_may_anybody_where_the_file_says_so() {
    require!(["openbao-2.7.2"]);
    require_root!();
    for key in [json!({ "server_uid": OTHER }), json!({ "unchecked": true })] {
        let server = Server::in_memory();
        let mut ceremony = Ceremony::at(&server);
        let (port, scratch) = (free_port(), Scratch::new());
        let relay = Squatter::on("127.0.0.1", port, server.port(), scratch.path());
        ceremony.set("/cluster/address", at("127.0.0.1", port));
        ceremony.set("/cluster/plain_http", json!({ "server_uid": OTHER + 1 }));
        ceremony.apply().exits(3);
        assert_eq!(relay.heard(), "");
        ceremony.set("/cluster/plain_http", key);
        ceremony.apply().exits(4);
        // The password of a login went through: what is not heard in the other tests would have been.
        assert!(relay.heard().contains(&ceremony.secrets["operator"]));
    }
}

#[test]
fn a_kubernetes_credential_goes_to_no_process_of_another_user() {
    require!(["openbao-2.7.2", "kubeapi-1.34.2"]);
    require_root!();
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.workload_door(Kubernetes::shared());
    let (port, scratch) = (free_port(), Scratch::new());
    let squatter = Squatter::on("127.0.0.1", port, port, scratch.path());
    ceremony.set(
        "/logins/payments/with/token_request/api_server",
        at("127.0.0.1", port),
    );
    ceremony
        .apply()
        .exits(1)
        .says(&[&format!("a process of user {OTHER} has 127.0.0.1:{port}")]);
    assert_eq!(squatter.heard(), "");
    assert!(squatter.was_asked());
}
