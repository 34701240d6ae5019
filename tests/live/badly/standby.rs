//! A standby answers reads from what it knows, and hands writes on: it decides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::ceremony::{Ceremony, Server, builder};
use crate::leader::{ELECTION, leader_among};
use crate::support::{Action, Proxy, Setup, eventually, require};

/// A proxy that counts what only an active node should be asked: whatever carries a token or a password.
fn counting(node: &Server) -> (Proxy, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let proxy = Proxy::before(&node.address(), move |request| {
        let asks = request.header("x-vault-token").is_some() || request.path.contains("/login/");
        counter.fetch_add(usize::from(asks), Ordering::SeqCst);
        Action::Pass
    });
    (proxy, count)
}

#[test]
fn a_standby_at_the_address_of_the_file_is_asked_for_nothing_but_the_way() {
    require!(["openbao-2.7.2"]);
    let nodes = builder(Setup::OpenBao272Static)
        .votes_at_once()
        .start_cluster(3);
    let mut nodes: Vec<Server> = nodes.into_iter().map(Server::from).collect();
    let mut ceremony = Ceremony::at(&nodes[0]);
    let (proxies, counts): (Vec<_>, Vec<_>) = nodes.iter().map(counting).unzip();
    let addresses: Vec<String> = proxies.iter().map(Proxy::address).collect();
    // The first of the nodes is initialised, and leads: the address is another one.
    ceremony.set("/cluster/address", json!(addresses[2]));
    ceremony.set("/cluster/nodes", json!(addresses));
    let run = ceremony.apply();
    run.exits(4).says(&["3 nodes", "ada opened"]);
    let standby = |leader: usize| {
        let asked = counts.iter().map(|count| count.load(Ordering::SeqCst));
        let asked: Vec<usize> = asked.collect();
        assert!(asked[leader] > 20, "{asked:?}");
        asked.iter().sum::<usize>() - asked[leader]
    };
    let first = leader_among(&nodes).expect("a leader");
    assert_ne!(first, 2, "the address leads: this proves nothing");
    assert_eq!(standby(first), 0, "standbys were asked\n{run}");

    // The leader goes and comes back as a standby; a file that names it alone leads nowhere.
    nodes[first].kill();
    assert!(eventually(ELECTION, || leader_among(&nodes).is_some()));
    nodes[first].restart();
    let open = || nodes[first].get("sys/health", None).0 == 429;
    assert!(eventually(ELECTION, open), "{}", nodes[first].log());
    let now = leader_among(&nodes).expect("a leader");
    ceremony.set("/cluster/address", json!(addresses[first]));
    ceremony.set("/cluster/timeouts", json!({ "active": "3s" }));
    ceremony.remove("/cluster/nodes");
    let before = counts[first].load(Ordering::SeqCst);
    let run = ceremony.apply();
    let leader = nodes[now].address();
    let way = format!("the node that leads is {leader}: add it to cluster.nodes");
    run.exits(1).says(&[
        "waited 3s for an active node",
        "is standby",
        &way,
        "what to do:",
    ]);
    ceremony.set("/cluster/nodes", json!([addresses[first], leader]));
    let run = ceremony.apply();
    run.exits(4).prints(&["nothing was written"]);
    assert_eq!(counts[first].load(Ordering::SeqCst), before, "asked\n{run}");
    nodes.iter_mut().for_each(|node| node.kill());
}
