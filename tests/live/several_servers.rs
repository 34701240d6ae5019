//! One address that leads each connection to the next of several servers, and a file that does not name them.

use serde_json::json;

use crate::ceremony::{Ceremony, Server, builder};
use crate::leader::{ELECTION, leader_among};
use crate::support::{RoundRobin, Setup, VaultServer, eventually, require};

const SEVERAL: &str = "several servers answer at ";

/// Three that have not found each other, behind one address.
fn three_apart() -> (Vec<Server>, RoundRobin, Ceremony) {
    let each = || builder(Setup::OpenBao272Static).in_memory().start();
    behind_one_address((0..3).map(|_| each()).collect())
}

fn behind_one_address(nodes: Vec<VaultServer>) -> (Vec<Server>, RoundRobin, Ceremony) {
    let nodes: Vec<Server> = nodes.into_iter().map(Server::from).collect();
    let address = RoundRobin::before(nodes.iter().map(|node| node.port()));
    let mut ceremony = Ceremony::at(&nodes[0]);
    ceremony.set("/cluster/address", json!(address.address()));
    ceremony.set("/cluster/timeouts", json!({ "active": "3s" }));
    (nodes, address, ceremony)
}

fn initialised(nodes: &[Server]) -> usize {
    nodes.iter().filter(|node| node.api().initialised()).count()
}

#[test]
fn three_servers_that_look_alike_are_told_after_init_and_no_share_is_given_up() {
    require!(["openbao-2.7.2"]);
    let (nodes, address, ceremony) = three_apart();
    let told = format!("{SEVERAL}{}: of 8 new connections ", address.address());
    let said = [
        told.as_str(),
        "led to one that is not initialised (OpenBao 2.7.2)",
        "led to one that is active, cluster ",
        "list each by its own address in cluster.nodes, then continue: vault-bootstrap",
        "keep the checkpoint",
    ];
    for _ in 0..3 {
        let run = ceremony.apply();
        run.exits(3)
            .says(&said)
            .never_says(&["abandon", "another cluster", "wiped", "emptied"]);
        assert_eq!(initialised(&nodes), 1, "{run}");
        assert!(ceremony.keeps_secrets(), "{run}");
    }
    let status = ceremony.run(&["status"]);
    status.exits(4).prints(&["next"]);
    // Whichever server is asked first.
    for place in 0..3 {
        address.lead_next_to(place);
        let run = ceremony.run(&["apply", "--abandon", "test"]);
        run.exits(3)
            .says(&[SEVERAL, "nothing was destroyed", "cluster.nodes"])
            .never_says(&["lose test"]);
        assert!(ceremony.keeps_secrets(), "{run}");
    }
    let run = ceremony.run(&["apply", "--abandon", "lose test"]);
    run.exits(0);
    assert!(!ceremony.keeps_secrets(), "{run}");
}

/// The nodes that the advice asks for, and the ceremony goes on with what it kept.
#[test]
fn the_servers_that_are_named_afterwards_are_told_one_by_one() {
    require!(["openbao-2.7.2"]);
    let (nodes, _address, mut ceremony) = three_apart();
    ceremony.apply().exits(3).says(&[SEVERAL]);
    let alive = nodes.iter().find(|node| node.api().initialised());
    let alive = alive.expect("one of them").address();
    ceremony.set("/cluster/address", json!(alive));
    let file = nodes.iter().find(|node| node.address() == alive);
    let file = file.expect("the same").audit_file();
    ceremony.set("/audit/file/options/file_path", json!(file));
    ceremony.apply().exits(3).says(&["--accept-address"]);
    let words = ["apply", "--yes", "--accept-address", &alive];
    ceremony.run(&words).exits(4).never_says(&[SEVERAL]);
    assert!(!ceremony.keeps_secrets());
}

#[test]
fn three_servers_that_say_their_names_are_told_before_anything_is_sent() {
    require!(["openbao-2.7.2"]);
    let nodes = builder(Setup::OpenBao272Static)
        .top_level("enable_response_header_raft_node_id = true")
        .start_cluster(3);
    let (nodes, _address, ceremony) = behind_one_address(nodes);
    let run = ceremony.apply();
    run.exits(3).says(&[
        SEVERAL,
        "led to one that is not initialised, node node-0 (OpenBao 2.7.2)",
        "node node-1",
        "nothing was sent",
        "cluster.nodes",
    ]);
    assert_eq!(initialised(&nodes), 0, "{run}");
    assert!(!ceremony.keeps_secrets());
}

#[test]
fn one_that_is_initialised_beside_others_that_are_not_is_told_before_anything_is_sent() {
    require!(["openbao-2.7.2"]);
    let (nodes, _address, ceremony) = three_apart();
    Ceremony::at(&nodes[1]).apply().exits(4);
    let run = ceremony.apply();
    run.exits(3)
        .says(&[SEVERAL, "nothing was sent", "cluster.nodes"])
        .never_says(&["may be wiped", "abandon"]);
    assert_eq!(initialised(&nodes), 1, "{run}");
    assert!(!ceremony.keeps_secrets());
}

/// All of one cluster: whoever is asked hands it on to the one that leads.
#[test]
fn a_load_balancer_before_an_open_cluster_is_no_crowd_of_servers() {
    require!(["openbao-2.7.2"]);
    let nodes = builder(Setup::OpenBao272Static)
        .votes_at_once()
        .start_cluster(3);
    let mut nodes: Vec<Server> = nodes.into_iter().map(Server::from).collect();
    let mut ceremony = Ceremony::at(&nodes[0]);
    let addresses: Vec<String> = nodes.iter().map(|node| node.address()).collect();
    ceremony.set("/cluster/address", json!(addresses[0]));
    ceremony.set("/cluster/nodes", json!(addresses));
    ceremony.apply().exits(4);
    let open = || {
        let states = nodes.iter().map(|node| node.get("sys/health", None).0);
        states.filter(|status| *status == 429).count() == 2
    };
    assert!(eventually(ELECTION, open));
    let leader = leader_among(&nodes).expect("a leader");
    let address = RoundRobin::before(nodes.iter().map(|node| node.port()));
    ceremony.set("/cluster/address", json!(address.address()));
    ceremony.remove("/cluster/nodes");
    address.lead_next_to(leader);
    let run = ceremony.apply();
    run.exits(4)
        .prints(&["nothing was written"])
        .never_says(&[SEVERAL]);
    let run = ceremony.run(&["apply", "--abandon", "test"]);
    run.exits(0)
        .prints(&["was handed over"])
        .never_says(&[SEVERAL]);
    nodes.iter_mut().for_each(|node| node.kill());
}
