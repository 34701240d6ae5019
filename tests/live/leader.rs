//! Three nodes, and another one leads in the middle: the ceremony finds it and ends as if nothing had been.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Server, builder};
use crate::support::{Action, Faults, Proxy, RequestInfo, Setup, eventually, require};

/// An election with the shortest times of raft takes a few seconds.
pub const ELECTION: Duration = Duration::from_secs(20);

/// The request at which something happens to the leader, before the server sees it: its label, and which of
/// those with this label it is, from 1.
type Moment = (&'static str, usize);
/// What happens to the leader.
type Blow = fn(&Mutex<Vec<Server>>, &RequestInfo);

/// Three nodes of OpenBao, each behind a proxy; one blow falls.
struct Cluster {
    nodes: Arc<Mutex<Vec<Server>>>,
    proxies: Vec<Proxy>,
    ceremony: Ceremony,
    faults: Faults,
}

impl Cluster {
    fn of_three(moment: Moment, blow: Blow) -> Self {
        Self::of_three_when(moment, blow, |_: &RequestInfo| true)
    }

    fn of_three_when(
        moment: Moment,
        blow: Blow,
        when: impl Fn(&RequestInfo) -> bool + Send + Sync + 'static,
    ) -> Self {
        let nodes = builder(Setup::OpenBao272Static)
            .votes_at_once()
            .start_cluster(3);
        let nodes: Vec<Server> = nodes.into_iter().map(Server::from).collect();
        let mut ceremony = Ceremony::at(&nodes[0]);
        let upstreams: Vec<String> = nodes.iter().map(|node| node.address()).collect();
        let nodes = Arc::new(Mutex::new(nodes));
        let (label, nth) = moment;
        let struck = nodes.clone();
        let faults = Faults::new().nth(nth, label, move |request: &RequestInfo| {
            blow(&struck, request);
            Action::Pass
        });
        let faults = faults.when(when);
        let before = |upstream: &String| faults.before(upstream);
        let proxies: Vec<Proxy> = upstreams.iter().map(before).collect();
        let addresses: Vec<String> = proxies.iter().map(Proxy::address).collect();
        ceremony.set("/cluster/address", json!(addresses[0]));
        ceremony.set("/cluster/nodes", json!(addresses));
        ceremony.set("/cluster/timeouts", json!({ "active": "90s" }));
        Self {
            nodes,
            proxies,
            ceremony,
            faults,
        }
    }

    /// The same, counted from when the test says so.
    fn of_three_once(moment: Moment, blow: Blow, begun: &Arc<AtomicBool>) -> Self {
        let begun = begun.clone();
        let when = move |_: &RequestInfo| begun.load(Ordering::SeqCst);
        Self::of_three_when(moment, blow, when)
    }

    fn nodes(&self) -> MutexGuard<'_, Vec<Server>> {
        locked(&self.nodes)
    }

    /// The address, as the file names it, of the node that leads now.
    fn leader(&self) -> String {
        let place = leader_among(&self.nodes()).expect("a leader");
        self.proxies[place].address()
    }

    /// The ceremony in which the leader changed ends like any other; what it says of root's end.
    fn converges(&self) -> Value {
        let run = self.ceremony.apply();
        run.exits(4).says(&["3 nodes", "ada opened"]);
        self.faults.have_struck();
        run.shows_no_token();
        assert!(!self.ceremony.keeps_secrets());
        let first = self.ceremony.evidence("wait-until-active")["node"].clone();
        assert_ne!(first, self.leader(), "the leader did not change\n{run}");
        self.nothing_is_left_to_do();
        self.ceremony.evidence("revoke-root")
    }

    /// No root token, and no attempt at one.
    fn no_token_and_no_attempt_is_left(&self) {
        let nodes = self.nodes();
        let leader = &nodes[leader_among(&nodes).expect("a leader")];
        let secrets = &self.ceremony.secrets;
        leader
            .api()
            .log_in("audit-reader", &secrets["audit"])
            .no_root_is_left();
        let ada = leader.api().log_in("ada", &secrets["ada"]);
        let attempt = ada.read("sys/generate-root-token/attempt");
        assert_eq!(attempt["data"]["started"], false);
    }

    fn nothing_is_left_to_do(&self) {
        let log = {
            let nodes = self.nodes();
            let leader = &nodes[leader_among(&nodes).expect("a leader")];
            let auditor = &self.ceremony.secrets["audit"];
            let auditor = leader.api().log_in("audit-reader", auditor);
            auditor.no_root_is_left();
            leader.audit().after_this()
        };
        let run = self.ceremony.apply();
        run.exits(4).prints(&["nothing was written"]);
        assert_eq!(log.writes(), Vec::<String>::new());
        assert!(!log.requests().is_empty());
    }
}

impl Drop for Cluster {
    /// Without notice: nodes that are told to end wait for each other.
    fn drop(&mut self) {
        let mut nodes = self.nodes();
        nodes.iter_mut().for_each(|node| node.kill());
        if std::thread::panicking() {
            // Why a node did not join or open is known to nobody else.
            for (place, node) in nodes.iter().enumerate() {
                println!(
                    "--- log of node {place}, {}\n{}",
                    node.address(),
                    node.log()
                );
            }
        }
    }
}

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Which of the nodes that run leads.
pub fn leader_among(nodes: &[Server]) -> Option<usize> {
    nodes
        .iter()
        .position(|node| node.id().is_some() && node.get("sys/health", None).0 == 200)
}

/// The operator's own way: the leader hands over to another node, and stays in the cluster.
fn steps_down(nodes: &Mutex<Vec<Server>>, request: &RequestInfo) {
    let nodes = locked(nodes);
    let place = leader_among(&nodes).expect("a leader");
    let token = request.header("x-vault-token").expect("the root token");
    let (status, answer) = nodes[place].put("sys/step-down", token, json!({}));
    assert_eq!(status, 204, "{answer}");
    let another = || leader_among(&nodes).is_some_and(|now| now != place);
    assert!(eventually(ELECTION, another), "nobody else leads");
}

/// The same, and the request comes when the cluster is calm again: a write reaches the new leader. A read shows
/// nothing of that, the standby answers it by itself.
fn has_stepped_down(nodes: &Mutex<Vec<Server>>, request: &RequestInfo) {
    let before = leader_among(&locked(nodes)).expect("a leader");
    steps_down(nodes, request);
    let token = request.header("x-vault-token").expect("the root token");
    let calm = json!({ "calm": true });
    let hands_on = || {
        let (status, _) = locked(nodes)[before].put("cubbyhole/calm", token, calm.clone());
        status == 204
    };
    assert!(eventually(ELECTION, hands_on), "it hands no request on");
}

/// A power failure.
fn is_killed(nodes: &Mutex<Vec<Server>>, _: &RequestInfo) {
    let mut nodes = locked(nodes);
    let place = leader_among(&nodes).expect("a leader");
    nodes[place].kill();
}

/// 200, revoked, 403 and the control, all on the node that leads.
#[track_caller]
fn proved_on(leader: &str, evidence: &Value) {
    let proof = &evidence["proof"];
    assert_eq!(proof["node"], leader, "{evidence:#}");
    assert_eq!(
        (
            &proof["before"],
            &proof["after"],
            &evidence["control"]["status"]
        ),
        (&json!(200), &json!(403), &json!(200)),
        "{evidence:#}"
    );
}

#[test]
fn a_leader_that_steps_down_while_policies_are_written() {
    require!(["openbao-2.7.2"]);
    let moment = ("POST sys/policies/acl/operator", 1);
    let cluster = Cluster::of_three(moment, steps_down);
    let evidence = cluster.converges();
    proved_on(&cluster.leader(), &evidence);
}

#[test]
fn a_leader_that_is_killed_while_users_are_written() {
    require!(["openbao-2.7.2"]);
    let moment = ("POST auth/userpass/users/operator", 1);
    let cluster = Cluster::of_three(moment, is_killed);
    let evidence = cluster.converges();
    proved_on(&cluster.leader(), &evidence);
}

/// No error tells of it: the standby that led before answers reads itself and hands writes on.
#[test]
fn a_leader_that_steps_down_unnoticed_is_not_asked_by_the_next_step() {
    require!(["openbao-2.7.2"]);
    let moment = ("POST sys/policies/acl/operator", 1);
    let cluster = Cluster::of_three(moment, has_stepped_down);
    let evidence = cluster.converges();
    proved_on(&cluster.leader(), &evidence);
    for proxy in &cluster.proxies {
        let users = proxy.count("POST auth/userpass/users/ada");
        let leads = proxy.address() == cluster.leader();
        assert_eq!(users, usize::from(leads), "at {}", proxy.address());
    }
}

#[test]
fn a_leader_that_steps_down_unnoticed_before_root_goes() {
    require!(["openbao-2.7.2"]);
    let moment = ("LIST auth/token/accessors", 1);
    let cluster = Cluster::of_three(moment, has_stepped_down);
    let evidence = cluster.converges();
    proved_on(&cluster.leader(), &evidence);
}

/// What a standby says of a token is no proof; three doors are closed before root's own revocation.
#[test]
fn a_leader_that_steps_down_unnoticed_while_root_goes() {
    require!(["openbao-2.7.2"]);
    let moment = ("POST auth/token/revoke-self", 4);
    let cluster = Cluster::of_three(moment, has_stepped_down);
    let evidence = cluster.converges();
    assert_eq!(
        evidence["after"], "403, on the next active node",
        "{evidence:#}"
    );
    assert_eq!(evidence["node"], cluster.leader(), "{evidence:#}");
    assert_eq!(evidence["control"]["status"], 200, "{evidence:#}");
}

/// Root scans before the question and twice before it goes, and the auditor in between, to see whether it may; the
/// fifth time root is gone.
#[test]
fn a_leader_that_is_killed_after_root_has_gone() {
    require!(["openbao-2.7.2"]);
    let moment = ("LIST auth/token/accessors", 5);
    let cluster = Cluster::of_three(moment, is_killed);
    let evidence = cluster.converges();
    let first = cluster.ceremony.evidence("wait-until-active")["node"].clone();
    proved_on(first.as_str().expect("a node"), &evidence);
    let second = evidence["second_scan"].as_str().expect("a text");
    assert!(second.starts_with("auditor saw"), "{evidence:#}");
}

/// The attempt at a root token is in the memory of the leader alone.
#[test]
fn a_leader_that_is_killed_in_the_middle_of_a_rehearsal() {
    require!(["openbao-2.7.2"]);
    let moment = ("POST sys/generate-root-token/update", 2);
    let cluster = Cluster::of_three(moment, is_killed);
    cluster.ceremony.apply().exits(4);
    let mut words = vec!["rehearse"];
    let keys = ["alice.key", "bob.key", "carol.key"];
    words.extend(keys.iter().flat_map(|key| ["--identity", key]));
    let run = cluster.ceremony.run(&words);
    run.exits(0).shows_no_token();
    assert!(cluster.faults.seen(moment.0) > 4, "{run}");
    cluster.no_token_and_no_attempt_is_left();
}

/// The shares are here already, and nobody is asked for them again because another node leads.
#[test]
fn a_leader_that_is_lost_in_the_middle_of_the_drill_costs_nobody_a_second_answer() {
    require!(["openbao-2.7.2"]);
    let moment = ("POST sys/generate-root-token/update", 3);
    let mut cluster = Cluster::of_three(moment, is_killed);
    let ceremony = &mut cluster.ceremony;
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    let mut words = vec!["apply", "--yes"];
    let keys = ["alice.key", "bob.key", "carol.key"];
    words.extend(keys.iter().flat_map(|key| ["--identity", key]));
    let run = cluster.ceremony.run(&words);
    run.shows_no_token()
        .says(&["nobody is asked again", " leads: once more with "]);
    cluster.faults.have_struck();
    let shown = run.to_string();
    for name in ["alice", "bob", "carol"] {
        let asked = shown.matches(&format!("{name} has answered")).count();
        assert_eq!(asked, 1, "{name}\n{run}");
    }
    // The first quorum had made its token before, and made no second one.
    let quorums = cluster.ceremony.evidence("drill")["quorums"].clone();
    assert_eq!(quorums.as_array().map(Vec::len), Some(2), "{quorums:#}");
    assert_eq!(
        shown.matches("made a root token, which is revoked").count(),
        2,
        "{run}"
    );
    cluster.no_token_and_no_attempt_is_left();
}

/// Wherever the leader is lost, the rehearsal goes on at the next one, and leaves nothing.
#[test]
fn a_leader_that_is_killed_between_the_shares_of_a_rehearsal() {
    require!(["openbao-2.7.2"]);
    for moment in [
        // The login, what it may do, the new token's look at itself, its look at others, and its end.
        ("* auth/userpass/login/ada", 1),
        ("GET sys/generate-root-token/attempt", 1),
        ("LIST auth/token/accessors", 2),
        ("POST auth/token/revoke-self", 2),
    ] {
        let begun = Arc::new(AtomicBool::default());
        let cluster = Cluster::of_three_once(moment, is_killed, &begun);
        cluster.ceremony.apply().exits(4);
        begun.store(true, Ordering::SeqCst);
        let mut words = vec!["rehearse"];
        let keys = ["alice.key", "bob.key", "carol.key"];
        words.extend(keys.iter().flat_map(|key| ["--identity", key]));
        let run = cluster.ceremony.run(&words);
        run.exits(0).shows_no_token();
        cluster.faults.have_struck();
        cluster.no_token_and_no_attempt_is_left();
    }
}

#[test]
fn a_leader_that_is_killed_when_a_holder_gives_a_share_takes_the_attempt_with_it() {
    require!(["openbao-2.7.2"]);
    let moment = ("* sys/generate-root-token/update", 1);
    let cluster = Cluster::of_three(moment, is_killed);
    let starter = &cluster.ceremony;
    starter.apply().exits(4);
    let bob = {
        let nodes = cluster.nodes();
        let mut bob = Ceremony::guest(&nodes[0], starter, "bob");
        let id = nodes[0].api().read("sys/health")["cluster_id"].clone();
        bob.set("/cluster/id", id);
        bob.save();
        bob
    };
    let start = starter.run(&["break-glass", "start", "--reason", "x"]);
    let code = start.exits(0).stdout.trim();
    let words = ["share", "submit", code, "--identity", "bob.key", "--yes"];
    bob.run(&words).exits(1).says(&[
        "leads now and does not have the attempt",
        "ask whoever sent you the code for a new one",
    ]);
    cluster.faults.have_struck();
}

/// The command has not begun: what is left is ended at the next leader, and the advice is the command that works.
#[test]
fn a_leader_that_is_killed_before_the_command_of_break_glass_is_said_with_the_next_one() {
    require!(["openbao-2.7.2"]);
    let moment = ("* auth/token/create-orphan", 1);
    let cluster = Cluster::of_three(moment, is_killed);
    cluster.ceremony.apply().exits(4);
    let keys = ["alice.key", "bob.key"];
    let keys = keys.iter().flat_map(|key| ["--identity", key]);
    let words = ["break-glass", "--reason", "x"].into_iter().chain(keys);
    let words: Vec<&str> = words.chain(["--", "true"]).collect();
    cluster.ceremony.run(&words).exits(1).says(&[
        "the leader was lost, and ",
        "leads by now: type it again: vault-bootstrap break-glass",
    ]);
    cluster.faults.have_struck();
    cluster.ceremony.run(&words).exits(0).shows_no_token();
    cluster.no_token_and_no_attempt_is_left();
}
