//! The leader is lost between any two requests, by its own will or by a power failure, and comes back as a follower.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::{everything, seed};
use crate::ceremony::{Ceremony, Run, Server, builder};
use crate::killed::{state_of, undisturbed};
use crate::leader::{ELECTION, leader_among, locked};
use crate::support::{Action, Faults, Proxy, RequestInfo, Setup, eventually, require};

/// How many points are tried without `BADLY=all`.
const SAMPLE: usize = 3;
/// How many clusters of three stand at a time.
const AT_ONCE: usize = 2;

/// What the program itself would not wait longer for is a hang.
const LONGEST_RUN: Duration = Duration::from_secs(150);

/// How the leader goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    StepsDown,
    IsKilled,
}

/// What happens, and before which of the requests that only an active node can answer.
#[derive(Debug, Clone, Copy)]
struct Point {
    number: usize,
    end: End,
}

/// Three nodes, and what the proxies before them share.
struct Stage {
    point: Point,
    nodes: Mutex<Vec<Server>>,
    faults: Faults,
    /// The node that was killed and is not back.
    down: Mutex<Option<usize>>,
}

impl Stage {
    /// The leader goes.
    fn strike(&self) -> Action {
        let mut nodes = locked(&self.nodes);
        let place = leader_among(&nodes).expect("a leader");
        if self.point.end == End::StepsDown && self.steps_down(&nodes[place]) {
            let another = || leader_among(&nodes).is_some_and(|now| now != place);
            let again = || nobody_else_can(&nodes, place) && leader_among(&nodes).is_some();
            assert!(
                eventually(ELECTION, || another() || again()),
                "nobody leads"
            );
            return Action::Pass;
        }
        nodes[place].kill();
        *locked(&self.down) = Some(place);
        Action::Refuse
    }

    /// Whether it did: once root is dead, nobody may ask for that.
    fn steps_down(&self, leader: &Server) -> bool {
        let root = self.faults.root();
        root.is_some_and(|root| leader.put("sys/step-down", &*root, json!({})).0 == 204)
    }

    /// The power is back once the other two have a leader, or where they cannot have one because they had not
    /// joined yet.
    fn restarts(&self) {
        let Some(place) = *locked(&self.down) else {
            return;
        };
        let mut nodes = locked(&self.nodes);
        if leader_among(&nodes).is_some() || nobody_else_can(&nodes, place) {
            nodes[place].restart();
            *locked(&self.down) = None;
        }
    }

    fn run(&self, ceremony: &Ceremony) -> Run {
        let mut run = ceremony.start();
        assert!(eventually(LONGEST_RUN, || {
            self.restarts();
            run.has_ended()
        }));
        run.finish().into()
    }
}

/// Whether the other nodes have not joined yet: such a one is sealed (503), or not even initialised (501).
fn nobody_else_can(nodes: &[Server], place: usize) -> bool {
    let others = nodes
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != place);
    let outside = |node: &Server| [501, 503].contains(&node.api().get("sys/health").0);
    others.into_iter().all(|(_, node)| outside(node))
}

/// Everybody may ask any node for the rest.
fn needs_the_leader(request: &RequestInfo) -> bool {
    request.header("x-vault-token").is_some() || request.path.contains("/login/")
}

/// How many of those requests an undisturbed ceremony takes.
fn how_many() -> usize {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new()
        .every("*", Action::Pass)
        .when(needs_the_leader);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.apply().exits(4);
    faults.struck("*")
}

fn try_point(point: Point, expected: &serde_json::Value) {
    println!("{point:?}");
    let nodes = builder(Setup::OpenBao272Static)
        .votes_at_once()
        .start_cluster(3);
    let nodes: Vec<Server> = nodes.into_iter().map(Server::from).collect();
    let mut ceremony = Ceremony::at(&nodes[0]);
    let upstreams: Vec<String> = nodes.iter().map(|node| node.address()).collect();
    let stage = Arc::new(Stage {
        point,
        nodes: Mutex::new(nodes),
        faults: Faults::new(),
        down: Mutex::default(),
    });
    let struck = Arc::downgrade(&stage);
    let strike = move |_: &RequestInfo| struck.upgrade().expect("it stands").strike();
    stage
        .faults
        .nth(point.number, "*", strike)
        .when(needs_the_leader);
    let before = |upstream: &String| stage.faults.before(upstream);
    let proxies: Vec<Proxy> = upstreams.iter().map(before).collect();
    let addresses: Vec<String> = proxies.iter().map(Proxy::address).collect();
    ceremony.set("/cluster/address", json!(addresses[0]));
    ceremony.set("/cluster/nodes", json!(addresses));
    ceremony.set("/cluster/timeouts", json!({ "active": "90s" }));
    let run = stage.run(&ceremony);
    run.shows_no_token();
    run.exits(4);
    stage.faults.have_struck();
    assert!(!ceremony.keeps_secrets());
    // It came back by the end, or does now.
    assert!(eventually(ELECTION, || {
        stage.restarts();
        locked(&stage.down).is_none()
    }));
    let again = ceremony.apply();
    again.exits(4).prints(&["nothing was written"]);
    let mut nodes = locked(&stage.nodes);
    let leader = leader_among(&nodes).expect("a leader");
    assert_eq!(&state_of(&nodes[leader], &ceremony), expected, "{point:?}");
    // Nodes that are told to end wait for each other.
    nodes.iter_mut().for_each(|node| node.kill());
}

#[test]
fn a_leader_lost_between_any_two_requests_is_followed_to_the_same_end() {
    require!(["openbao-2.7.2"]);
    let (requests, seed, expected) = (how_many(), seed(), undisturbed());
    let both = |number| [End::StepsDown, End::IsKilled].map(|end| Point { number, end });
    let all: Vec<Point> = (1..=requests).flat_map(both).collect();
    let points: Vec<Point> = if everything() {
        all
    } else {
        // An odd stride meets both ends.
        let stride = (all.len() / SAMPLE) | 1;
        let place = |nth: usize| all[(seed + nth * stride) % all.len()];
        (0..SAMPLE).map(place).collect()
    };
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(point) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
            try_point(*point, &expected);
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    println!("{} of {} points tried", points.len(), requests * 2);
}
