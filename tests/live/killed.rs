//! Killed at any moment and run again: the same end, and never a second initialisation.

use std::time::Duration;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Run, Server, killed_or_ended};
use crate::support::{Action, Faults, Proxy, RequestInfo, Setup, Sweep, require};

/// The one request that is never repeated.
const INIT: &str = "PUT sys/init";

/// Starts a run and kills it when the proxy holds a request; the run's end when it came to one.
fn killed(ceremony: &Ceremony, proxy: &Proxy) -> Option<Run> {
    killed_or_ended(ceremony.start(), &[proxy])
}

fn through(server: &Server, faults: &Faults) -> (Ceremony, Proxy) {
    let mut ceremony = Ceremony::at(server);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    (ceremony, proxy)
}

/// What the server is like for an auditor, apart from names made by chance and by the clock.
pub fn state_of(server: &Server, ceremony: &Ceremony) -> Value {
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    auditor.no_root_is_left();
    let (_, policies) = auditor.list("sys/policies/acl");
    let texts = policies["data"]["keys"]
        .as_array()
        .expect("names")
        .iter()
        .map(|name| {
            auditor.read(&format!(
                "sys/policies/acl/{}",
                name.as_str().expect("a name")
            ))["data"]["policy"]
                .clone()
        });
    let users = ["ada", "audit-reader", "operator"]
        .map(|name| auditor.read(&format!("auth/userpass/users/{name}"))["data"].clone());
    let mounts = |path: &str| {
        let listing = auditor.read(path)["data"].clone();
        let names: Vec<String> = listing
            .as_object()
            .expect("a map")
            .keys()
            .cloned()
            .collect();
        names
    };
    json!({
        "policies": texts.collect::<Vec<_>>(), "users": users,
        "mounts": mounts("sys/mounts"), "auth": mounts("sys/auth"),
    })
}

/// The same of a ceremony that nothing disturbed.
pub fn undisturbed() -> Value {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    ceremony.apply().exits(4);
    state_of(&server, &ceremony)
}

/// Each run is killed three requests later than the one before, by turns before its request arrives and
/// before its answer does; the one request that cannot be repeated only before it arrives.
#[test]
fn killed_again_and_again_it_ends_as_if_nothing_had_been() {
    let server = Server::in_memory();
    let sweep = Sweep::new().step(3).never_heard(INIT);
    let (mut ceremony, proxy) = through(&server, &Faults::new().every("*", sweep.clone()));
    // Once `sys/init` was held, each run looks for so long whether it arrives after all, and is killed three looks later.
    ceremony.set("/cluster/timeouts", json!({ "request": "5s" }));
    let mut kills = 0;
    let last = loop {
        sweep.next_run();
        if let Some(run) = killed(&ceremony, &proxy) {
            break run;
        }
        kills += 1;
    };
    last.exits(4).shows_no_token();
    assert!(kills > 10, "{kills} kills only: {:#?}", proxy.counts());
    assert!(!ceremony.keeps_secrets());
    assert_eq!(state_of(&server, &ceremony), undisturbed());
    let two = ["bob", "carol"].map(|name| ceremony.custody().share(name));
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let root = server.api().with(&crate::ceremony::root_from_shares(
        &ada,
        "generate-root-token",
        &two,
    ));
    root.write("auth/token/revoke-self", &json!({}));
}

#[test]
fn an_answer_of_the_initialisation_that_is_lost_is_told_by_name_and_never_asked_for_again() {
    let server = Server::in_memory();
    let (ceremony, proxy) = through(&server, &Faults::new().every(INIT, Action::DropAnswer));
    ceremony.apply().exits(1).says(&[
        "no usable answer to the one request that initialises",
        "run apply again",
    ]);
    assert!(server.api().initialised());
    for _ in 0..2 {
        ceremony.apply().exits(3).says(&[
            "this checkpoint asked for that, and its answer never reached",
            "unless somebody else did it, no one holds the shares or the root token",
            "if somebody did, they hold the keys",
            "stop it, empty its storage, start it, then vault-bootstrap apply --abandon and",
        ]);
    }
    assert_eq!(proxy.count(INIT), 1);
    assert_eq!(ceremony.files_in("shares"), Vec::<String>::new());
    ceremony.run(&["status"]).exits(4);
}

#[test]
fn killed_while_the_initialisation_is_under_way_it_knows_what_was_lost() {
    let server = Server::in_memory();
    let (ceremony, proxy) = through(&server, &Faults::new().every(INIT, Action::HoldAnswer));
    assert!(killed(&ceremony, &proxy).is_none());
    ceremony
        .apply()
        .exits(3)
        .says(&["its answer never reached"]);
    assert_eq!(proxy.count(INIT), 1);
}

#[test]
fn killed_before_the_initialisation_arrives_the_next_run_initialises_once() {
    let server = Server::in_memory();
    let (mut ceremony, proxy) = through(&server, &Faults::new().first(INIT, Action::Hold));
    ceremony.set("/cluster/timeouts", json!({ "request": "2s" }));
    assert!(killed(&ceremony, &proxy).is_none());
    assert!(!server.api().initialised());
    ceremony.apply().exits(4);
    assert_eq!(proxy.count(INIT), 2, "one was held and never arrived");
}

/// The first request is still on its way when the second run has looked long enough and sends its own: the
/// server obeys the late one and refuses the other, which is no proof that somebody else was there.
#[test]
fn a_first_initialisation_that_arrives_after_the_second_look_is_an_answer_lost_and_nobody_elses() {
    let server = Server::in_memory();
    let faults = Faults::new()
        .first(INIT, Action::Keep)
        .from(2, INIT, Action::PassAfterKept);
    let (mut ceremony, proxy) = through(&server, &faults);
    ceremony.set(
        "/cluster/timeouts",
        json!({ "request": "1s", "init": "1s" }),
    );
    ceremony.apply().exits(1).says(&[
        "no usable answer to the one request that initialises",
        "was not answered within 1s",
    ]);
    assert!(!server.api().initialised());
    ceremony
        .apply()
        .exits(1)
        .says(&[
            "no usable answer to the one request that initialises",
            "was answered with 400",
            "run apply again",
        ])
        .never_says(&["not by this checkpoint"]);
    assert!(server.api().initialised());
    for _ in 0..2 {
        ceremony
            .apply()
            .exits(3)
            .says(&["its answer never reached", "no one holds the shares"])
            .never_says(&["not by this checkpoint"]);
    }
    assert_eq!(proxy.count(INIT), 2);
    assert_eq!(ceremony.files_in("shares"), Vec::<String>::new());
}

/// A gateway's refusal says nothing about the request behind it, whatever it looks like.
#[test]
fn a_refusal_that_is_not_the_servers_takes_nothing_back() {
    for (kind, page) in crate::proxied::PAGES {
        let server = Server::in_memory();
        let refusal = Action::DoAndRespond(403, kind, page.to_owned());
        let (ceremony, proxy) = through(&server, &Faults::new().every(INIT, refusal));
        ceremony.apply().exits(1).says(&[
            "no usable answer to the one request that initialises",
            "neither vault nor openbao",
        ]);
        ceremony
            .apply()
            .exits(3)
            .says(&["its answer never reached"])
            .never_says(&["not by this checkpoint"]);
        assert_eq!(proxy.count(INIT), 1);
    }
}

#[test]
fn killed_when_root_was_revoked_and_nobody_heard_of_it() {
    let server = Server::in_memory();
    // Three doors are tried and closed; the fourth revocation is root's own.
    let faults = Faults::new().nth(4, "POST auth/token/revoke-self", Action::HoldAnswer);
    let (ceremony, proxy) = through(&server, &faults);
    assert!(killed(&ceremony, &proxy).is_none(), "{:#?}", proxy.counts());
    assert!(ceremony.keeps_secrets());
    ceremony.apply().exits(4);
    assert!(!ceremony.keeps_secrets());
    assert_eq!(state_of(&server, &ceremony), undisturbed());
    let proof = ceremony.evidence("revoke-root");
    assert_eq!(proof["after"], "403, found by the next run", "{proof}");
    // What was seen as root before cannot be seen again.
    for seen in [
        "other_root_tokens_revoked",
        "tokens_scanned",
        "accessors_without_token",
    ] {
        assert!(proof[seen].is_u64(), "{seen}: {proof}");
    }
}

/// The server refuses the same secret id a second time and shows none: it has to be looked up.
#[test]
fn killed_when_a_secret_id_was_taken_and_nobody_heard_of_it() {
    let server = Server::in_memory();
    let faults = Faults::new()
        .first("*/custom-secret-id", Action::HoldAnswer)
        .when(RequestInfo::writes);
    let (mut ceremony, proxy) = through(&server, &faults);
    ceremony.password("backup");
    let role = json!({ "token_policies": ["operator"], "token_ttl": "20m" });
    ceremony.set(
        "/auth/approle",
        json!({ "type": "approle", "roles": { "backup": role } }),
    );
    let path = "auth/approle/role/backup/custom-secret-id";
    let secret = json!({ "file": "backup.password" });
    ceremony.set(
        "/writes",
        json!([{ "path": path, "data": { "secret_id": secret, "metadata": "{\"for\":\"ci\"}" } }]),
    );
    assert!(killed(&ceremony, &proxy).is_none());
    ceremony.apply().exits(4);
    let log = server.audit().after_this();
    ceremony.apply().exits(4).prints(&["nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn an_answer_that_is_lost_after_a_write_is_looked_up_and_not_guessed() {
    let server = Server::in_memory();
    let faults = Faults::new()
        .first("* sys/policies/acl/operator*", Action::DropAnswer)
        .when(RequestInfo::writes);
    let (ceremony, _proxy) = through(&server, &faults);
    ceremony.apply().exits(4);
    let writes = server.audit().writes();
    let times = writes
        .iter()
        .filter(|write| write.ends_with("sys/policies/acl/operator"))
        .count();
    assert_eq!(times, 1, "it had arrived: {writes:#?}");
}

/// Slow is not lost: the first request arrives after the listing was looked at again.
#[test]
fn a_mount_that_arrives_after_the_second_look_is_our_own_and_no_other() {
    for setup in [Setup::OpenBao272Static, Setup::Vault1211Shamir] {
        require!(setup.components());
        let server = Server::from(crate::ceremony::builder(setup).in_memory().start());
        let mount = "POST sys/auth/userpass";
        let faults = Faults::new()
            .first(mount, Action::Keep)
            .from(2, mount, Action::PassAfterKept);
        let (mut ceremony, proxy) = through(&server, &faults);
        ceremony.set("/cluster/timeouts", json!({ "request": "2s" }));
        ceremony
            .apply()
            .exits(4)
            .says(&["sys/auth/userpass may have been written"]);
        assert_eq!(proxy.count(mount), 2);
    }
}

#[test]
fn with_shares_in_hand_a_listed_node_that_is_down_is_named_and_keeps_no_other_sealed() {
    require!(Setup::Vault1211Shamir.components());
    let nodes = crate::ceremony::builder(Setup::Vault1211Shamir).start_cluster(2);
    let mut nodes: Vec<Server> = nodes.into_iter().map(Server::from).collect();
    let faults = Faults::new().first("POST sys/unseal", Action::Hold);
    let (mut ceremony, proxy) = through(&nodes[0], &faults);
    let other = nodes[1].address();
    ceremony.set("/cluster/nodes", json!([proxy.address(), other]));
    assert!(killed(&ceremony, &proxy).is_none(), "{:#?}", proxy.counts());
    assert!(ceremony.keeps_secrets() && nodes[0].is_sealed());
    nodes[1].kill();
    ceremony.set("/cluster/timeouts", json!({ "active": "7s" }));
    let begun = std::time::Instant::now();
    let down = format!("{other} does not answer");
    ceremony.apply().exits(1).says(&[
        "of 7s for all nodes to open",
        &down,
        &format!("waited 7s for {other}"),
        "start the server there, or remove it from cluster.nodes",
        "vault-bootstrap apply --yes",
    ]);
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(!nodes[0].is_sealed(), "it answered and was opened");
    nodes[1].restart();
    ceremony.set("/cluster/timeouts", json!({ "active": "60s" }));
    ceremony.apply().exits(4);
    assert!(nodes.iter().all(|node| !node.is_sealed()));
}
