//! Servers that are not what the file says: found before anything is initialised.

use std::net::TcpListener;

use serde_json::json;

use super::{before, nothing_was_written, refused_before};
use crate::ceremony::{Ceremony, Server, builder};
use crate::support::{Action, Faults, Setup, require};

#[test]
fn a_web_page_where_the_server_should_be() {
    let (server, mut ceremony) = before();
    let page = "<html>Welcome to nginx</html>";
    let page = Action::Respond(200, "text/html", page.to_owned());
    let stranger = Faults::new().every("*", page).before(&server.address());
    ceremony.set("/cluster/address", json!(stranger.address()));
    let texts = [
        "text/html",
        "neither vault nor openbao",
        "check cluster.address and any proxy",
    ];
    let run = refused_before(&server, &ceremony, 1, &texts);
    run.never_says(&["Welcome to nginx"]);
}

#[test]
fn a_redirect_to_another_place() {
    let (server, mut ceremony) = before();
    let elsewhere = format!("{}/v1/sys/health", server.address());
    let faults = Faults::new().every("*", Action::Redirect(elsewhere));
    let stranger = faults.before(&server.address());
    let text = format!("points to {}, which is not followed", server.address());
    ceremony.set("/cluster/address", json!(stranger.address()));
    let texts = [text.as_str(), "cluster.nodes if it belongs to this cluster"];
    refused_before(&server, &ceremony, 3, &texts);
}

#[test]
fn nothing_where_the_server_should_be() {
    let (server, mut ceremony) = before();
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    ceremony.set("/cluster/address", json!(format!("http://{port}")));
    refused_before(
        &server,
        &ceremony,
        1,
        &["cannot be reached: connection refused", "curl -sSik"],
    );
}

#[test]
fn https_where_the_server_speaks_http() {
    let (server, mut ceremony) = before();
    ceremony.set(
        "/cluster/address",
        json!(server.address().replace("http", "https")),
    );
    refused_before(
        &server,
        &ceremony,
        1,
        &["no trusted connection", "speak plain http"],
    );
}

#[test]
fn a_seal_that_is_not_as_the_file_says() {
    let (server, mut ceremony) = before();
    ceremony.set("/init/seal", json!("shamir"));
    refused_before(
        &server,
        &ceremony,
        3,
        &["has seal static, which is not what init.seal says"],
    );
}

fn initialise_by_hand(server: &Server) {
    server.api().write(
        "sys/init",
        &json!({ "recovery_shares": 1, "recovery_threshold": 1 }),
    );
}

#[test]
fn a_cluster_that_somebody_else_initialised() {
    let (server, ceremony) = before();
    initialise_by_hand(&server);
    let run = ceremony.apply();
    run.exits(3).says(&[
        "is initialised, but not by this checkpoint",
        "if an earlier run did it, give its checkpoint.path",
        "if a colleague did it, they hold the keys",
    ]);
    assert_eq!(ceremony.files_in("shares"), Vec::<String>::new());
    assert!(!ceremony.keeps_secrets());
    let writes = server.audit().writes();
    assert!(writes.is_empty(), "{writes:?}");
}

#[test]
fn two_addresses_that_are_two_clusters() {
    let (one, mut ceremony) = before();
    let other = Server::in_memory();
    for server in [&one, &other] {
        initialise_by_hand(server);
    }
    ceremony.set("/cluster/nodes", json!([one.address(), other.address()]));
    ceremony
        .apply()
        .exits(3)
        .says(&["are two clusters", "correct cluster.nodes"]);
    assert_eq!(ceremony.files_in("shares"), Vec::<String>::new());
    for server in [&one, &other] {
        assert!(server.audit().writes().is_empty());
    }
}

#[test]
fn a_node_that_belongs_to_a_cluster_of_somebody_else() {
    let (server, mut ceremony) = before();
    let other = Server::in_memory();
    initialise_by_hand(&other);
    ceremony.set("/cluster/nodes", json!([server.address(), other.address()]));
    let run = ceremony.apply();
    run.exits(3)
        .says(&["initialised, but not by this checkpoint"]);
    nothing_was_written(&server, &ceremony, &run);
}

#[test]
fn a_node_that_never_joins_what_was_initialised() {
    let (server, mut ceremony) = before();
    let other = Server::in_memory();
    ceremony.set("/cluster/nodes", json!([server.address(), other.address()]));
    ceremony.set("/cluster/timeouts", json!({ "active": "2s" }));
    let run = ceremony.apply();
    run.exits(3).says(&[
        &other.address(),
        "has not joined",
        "cluster.nodes in the file",
    ]);
    assert!(!other.api().initialised(), "{run}");
    assert!(
        server.audit().writes().is_empty(),
        "nothing was configured\n{run}"
    );
}

#[test]
fn a_listed_node_that_falls_silent_after_the_initialisation() {
    let (server, mut ceremony) = before();
    // Health, seal and whether it is initialised; then nothing more.
    let faults = Faults::new().from(4, "*", Action::Refuse);
    let silent = faults.before(&server.address());
    ceremony.set(
        "/cluster/nodes",
        json!([server.address(), silent.address()]),
    );
    ceremony.set("/cluster/timeouts", json!({ "active": "2s" }));
    let run = ceremony.apply();
    run.exits(1).says(&[
        &silent.address(),
        "start the server there, or remove it from cluster.nodes",
        "vault-bootstrap apply --yes",
    ]);
    assert!(
        server.audit().writes().is_empty(),
        "nothing was configured\n{run}"
    );
    ceremony.remove("/cluster/nodes");
    ceremony.apply().exits(4);
}

#[test]
fn a_checkpoint_of_another_cluster() {
    let (server, ceremony) = before();
    ceremony.apply().exits(4);
    let (other, mut second) = before();
    second.set("/checkpoint/path", json!(ceremony.path("checkpoint")));
    second.apply().exits(3).says(&[
        "is not initialised, but this checkpoint",
        "it is another cluster, or its storage was emptied",
    ]);
    assert!(!other.api().initialised());
    second.set("/cluster/name", json!("other"));
    second.apply().exits(3).says(&[
        "belongs to cluster test, the file says other",
        "a checkpoint.path of its own",
    ]);
    assert!(!other.api().initialised() && server.api().initialised());
}

#[test]
fn a_cluster_that_was_swapped_for_another_initialised_one() {
    let (_server, mut ceremony) = before();
    ceremony.apply().exits(4);
    let other = Server::in_memory();
    initialise_by_hand(&other);
    ceremony.set("/cluster/address", json!(other.address()));
    let run = ceremony.apply();
    assert!(matches!(run.code, 1 | 3), "{run}");
    assert!(other.audit().writes().is_empty());
}

#[test]
fn a_server_that_is_sealed() {
    // With key shares it stays so: a server with a seal that opens by itself opens again.
    require!(Setup::Vault1211Shamir.components());
    let server = Server::from(builder(Setup::Vault1211Shamir).in_memory().start());
    let mut ceremony = Ceremony::at(&server);
    let sealer = json!({ "rules": "path \"sys/seal\" { capabilities = [\"update\", \"sudo\"] }" });
    ceremony.set("/policies/operator", sealer);
    ceremony.remove("/logins/operator/can");
    ceremony.set("/cluster/timeouts", json!({ "active": "2s" }));
    ceremony.apply().exits(4);
    let operator = server
        .api()
        .log_in("operator", &ceremony.secrets["operator"]);
    operator.write("sys/seal", &json!({}));
    let log = server.audit().after_this();
    ceremony
        .apply()
        .exits(3)
        .says(&["is sealed"])
        .says(&["what to do:"]);
    assert_eq!(log.requests(), Vec::<String>::new());
}

#[test]
fn a_second_run_at_the_same_time() {
    let (server, mut ceremony) = before();
    // Accepts and never answers, so the first run stays in its preflight for as long as it takes.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", silent.local_addr().expect("its address"));
    ceremony.set("/cluster/address", json!(address));
    let first = ceremony.start();
    let visitor = silent.accept().expect("the first run asks");
    ceremony.set("/cluster/address", json!(server.address()));
    let second = ceremony.apply();
    let plan = ceremony.run(&["plan"]);
    first.kill();
    drop(visitor);
    second.exits(3).says(&[
        "another run holds",
        "checkpoint/lock",
        "wait for process ",
        " to end; two runs at once",
    ]);
    plan.says(&[
        "is at work with checkpoint since ",
        "plan again once it has ended",
    ]);
    nothing_was_written(&server, &ceremony, &second);
    ceremony.apply().exits(4);
}
