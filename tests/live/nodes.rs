//! Three nodes, and not all of them serve.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::ceremony::{Ceremony, Server, builder};
use crate::leader::{ELECTION, leader_among};
use crate::support::{Setup, eventually, require};

/// Those that lead and follow, in the order of the file.
fn three() -> (Vec<Server>, Ceremony, Vec<String>) {
    let nodes = builder(Setup::OpenBao272Static)
        .votes_at_once()
        .start_cluster(3);
    let nodes: Vec<Server> = nodes.into_iter().map(Server::from).collect();
    let mut ceremony = Ceremony::at(&nodes[0]);
    let addresses: Vec<String> = nodes.iter().map(|node| node.address()).collect();
    ceremony.set("/cluster/address", json!(addresses[0]));
    ceremony.set("/cluster/nodes", json!(addresses));
    ceremony.set("/cluster/timeouts", json!({ "active": "90s" }));
    (nodes, ceremony, addresses)
}

#[test]
fn a_node_that_is_down_is_said_and_without_a_quorum_of_nodes_nobody_waits_for_long() {
    require!(["openbao-2.7.2"]);
    let (mut nodes, ceremony, addresses) = three();
    let run = ceremony.apply();
    run.exits(4)
        .says(&[&format!("initialised {}", addresses[0])])
        .never_says(&["is not serving"]);
    assert_eq!(ceremony.evidence("initialize")["node"], addresses[0]);
    let page = std::fs::read_to_string(ceremony.path("checkpoint/report.txt")).expect("a page");
    assert!(page.contains(&addresses[0]), "{page}");

    let status = ceremony.run(&["status"]);
    let of_a_node = |address: &str, state: &str| format!("node     {address}  {state}");
    status.prints(&[&of_a_node(&addresses[0], "active")]);
    status.prints(&[&of_a_node(&addresses[1], "standby")]);

    // The one that the address leads to is down, and another one leads: the cluster is there all the same.
    nodes[0].kill();
    assert!(eventually(ELECTION, || leader_among(&nodes).is_some()));
    let status = ceremony.run(&["status"]);
    let absent = format!("{} is listed in the file but is not serving", addresses[0]);
    status
        .exits(4)
        .prints(&["server   OpenBao 2.7.2, active", &absent])
        .never_says(&["could not be asked"]);
    nodes[0].restart();
    let is_back = || nodes[0].get("sys/health", None).0 == 429;
    assert!(eventually(ELECTION, is_back), "{}", nodes[0].log());

    let leader = leader_among(&nodes).expect("a leader");
    let followers: Vec<usize> = (0..3).filter(|place| *place != leader).collect();
    let down = &addresses[followers[0]];
    nodes[followers[0]].kill();
    let absent = format!(
        "{down} is listed in the file but is not serving: {down}/v1/sys/health cannot be reached"
    );
    ceremony.apply().exits(4).prints(&[&absent]);
    let status = ceremony.run(&["status"]);
    status.exits(4).prints(&[&absent]);
    status.prints(&[&format!(
        "node     {down}  {down}/v1/sys/health cannot be reached"
    )]);

    nodes[followers[1]].kill();
    // The one that is left leads until it notices.
    assert!(eventually(ELECTION, || leader_among(&nodes).is_none()));
    let alone = format!("{} is standby", addresses[leader]);
    ceremony
        .run(&["status"])
        .exits(4)
        .prints(&["no node that answers is the leader: ", &alone]);
    let begun = Instant::now();
    let keys = ["alice.key", "bob.key", "carol.key"];
    let keys = keys.iter().flat_map(|key| ["--identity", key]);
    let words: Vec<&str> = ["rehearse"].into_iter().chain(keys).collect();
    let run = ceremony.run(&words);
    run.exits(1).says(&[
        "1 of the 3 listed nodes answer, and none of them is the leader",
        "start the others; then continue: vault-bootstrap",
    ]);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(45), "{took:?}\n{run}");
    // Nodes that are told to end wait for each other.
    nodes.iter_mut().for_each(|node| node.kill());
}

/// The listed nodes do all the work, and whoever is sent to the address alone finds nobody.
#[test]
fn an_address_where_nothing_answers_is_said_beside_nodes_that_do() {
    const NOBODY: &str = "http://127.0.0.1:9";
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/cluster/address", json!(NOBODY));
    ceremony.set("/cluster/nodes", json!([server.address()]));
    let finding = format!("{NOBODY} is listed in the file but is not serving: {NOBODY}/v1/");
    let run = ceremony.apply();
    run.exits(4)
        .says(&["if that stays so, correct cluster.address"])
        .prints(&[&finding]);
    let answers = format!("active, as {} says", server.address());
    let status = ceremony.run(&["status"]);
    status.exits(4).prints(&[&finding, &answers]);
    ceremony.set("/cluster/address", json!(server.address()));
    ceremony.apply().exits(4).never_says(&[NOBODY]);
    let status = ceremony.run(&["status"]);
    status.exits(0).never_says(&[NOBODY, ", as http"]);
}
