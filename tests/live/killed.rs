//! Killed at any moment and run again: the same end, and never a second initialisation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Run, Server, disturbed};
use crate::support::{Action, Proxy, Setup, require};

/// The one request that is never repeated.
const INIT: &str = "PUT /v1/sys/init";

/// What a rule does to the request at a place that the test chooses between two runs.
struct Trap {
    place: AtomicUsize,
    base: AtomicUsize,
}

/// Starts a run and kills it when the proxy holds a request; the run's end when it came to one.
fn killed(ceremony: &Ceremony, proxy: &Proxy) -> Option<Run> {
    let mut run = ceremony.start();
    loop {
        if proxy.wait_for_held(Duration::from_millis(5)) {
            run.kill();
            return None;
        }
        if run.has_ended() {
            return Some(Run::from(run.finish()));
        }
    }
}

fn through(
    server: &Server,
    rule: impl Fn(usize, &str) -> Action + Send + Sync + 'static,
) -> (Ceremony, Proxy) {
    let mut ceremony = Ceremony::at(server);
    let proxy = disturbed(&server.address(), rule);
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
    let trap = Arc::new(Trap {
        place: AtomicUsize::new(1),
        base: AtomicUsize::new(0),
    });
    let set = trap.clone();
    let (ceremony, proxy) = through(&server, move |place, label| {
        let wanted = set.place.load(Ordering::SeqCst);
        match place - set.base.load(Ordering::SeqCst) {
            here if here != wanted => Action::Pass,
            _ if wanted.is_multiple_of(2) || label == INIT => Action::Hold,
            _ => Action::HoldAnswer,
        }
    });
    let mut kills = 0;
    let last = loop {
        trap.base.store(proxy.total(), Ordering::SeqCst);
        if let Some(run) = killed(&ceremony, &proxy) {
            break run;
        }
        kills += 1;
        trap.place.fetch_add(3, Ordering::SeqCst);
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
    let (ceremony, proxy) = through(&server, |_, label| match label {
        INIT => Action::DropAnswer,
        _ => Action::Pass,
    });
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
    assert_eq!(proxy.count_of(INIT), 1);
    assert_eq!(ceremony.files_in("shares"), Vec::<String>::new());
    ceremony.run(&["status"]).exits(4);
}

#[test]
fn killed_while_the_initialisation_is_under_way_it_knows_what_was_lost() {
    let server = Server::in_memory();
    let (ceremony, proxy) = through(&server, |_, label| match label {
        INIT => Action::HoldAnswer,
        _ => Action::Pass,
    });
    assert!(killed(&ceremony, &proxy).is_none());
    ceremony
        .apply()
        .exits(3)
        .says(&["its answer never reached"]);
    assert_eq!(proxy.count_of(INIT), 1);
}

#[test]
fn killed_before_the_initialisation_arrives_the_next_run_initialises_once() {
    let server = Server::in_memory();
    let first = Arc::new(AtomicUsize::new(0));
    let (mut ceremony, proxy) = through(&server, move |_, label| match label {
        INIT if first.fetch_add(1, Ordering::SeqCst) == 0 => Action::Hold,
        _ => Action::Pass,
    });
    ceremony.set("/cluster/timeouts", json!({ "request": "2s" }));
    assert!(killed(&ceremony, &proxy).is_none());
    assert!(!server.api().initialised());
    ceremony.apply().exits(4);
    assert_eq!(proxy.count_of(INIT), 2, "one was held and never arrived");
}

/// The first request is still on its way when the second run has looked long enough and sends its own: the
/// server obeys the late one and refuses the other, which is no proof that somebody else was there.
#[test]
fn a_first_initialisation_that_arrives_after_the_second_look_is_an_answer_lost_and_nobody_elses() {
    let server = Server::in_memory();
    let sent = Arc::new(AtomicUsize::new(0));
    let (mut ceremony, proxy) = through(&server, move |_, label| match label {
        INIT if sent.fetch_add(1, Ordering::SeqCst) == 0 => Action::Keep,
        INIT => Action::PassAfterKept,
        _ => Action::Pass,
    });
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
    assert_eq!(proxy.count_of(INIT), 2);
    assert_eq!(ceremony.files_in("shares"), Vec::<String>::new());
}

/// A gateway's refusal says nothing about the request behind it, whatever it looks like.
#[test]
fn a_refusal_that_is_not_the_servers_takes_nothing_back() {
    for (kind, page) in crate::proxied::PAGES {
        let server = Server::in_memory();
        let (ceremony, proxy) = through(&server, move |_, label| match label {
            INIT => Action::DoAndRespond(403, kind, page.to_owned()),
            _ => Action::Pass,
        });
        ceremony.apply().exits(1).says(&[
            "no usable answer to the one request that initialises",
            "neither vault nor openbao",
        ]);
        ceremony
            .apply()
            .exits(3)
            .says(&["its answer never reached"])
            .never_says(&["not by this checkpoint"]);
        assert_eq!(proxy.count_of(INIT), 1);
    }
}

#[test]
fn killed_when_root_was_revoked_and_nobody_heard_of_it() {
    let server = Server::in_memory();
    let revocations = Arc::new(AtomicUsize::new(0));
    // Three doors are tried and closed; the fourth revocation is root's own.
    let (ceremony, proxy) = through(&server, move |_, label| match label {
        "POST /v1/auth/token/revoke-self" if revocations.fetch_add(1, Ordering::SeqCst) == 3 => {
            Action::HoldAnswer
        }
        _ => Action::Pass,
    });
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
    let taken = Arc::new(AtomicUsize::new(0));
    let (mut ceremony, proxy) = through(&server, move |_, label| {
        let ours = label.ends_with("/custom-secret-id") && !label.starts_with("GET");
        match ours && taken.fetch_add(1, Ordering::SeqCst) == 0 {
            true => Action::HoldAnswer,
            false => Action::Pass,
        }
    });
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
    let lost = Arc::new(AtomicUsize::new(0));
    let (ceremony, _proxy) = through(&server, move |_, label| match label {
        label if label.contains("/v1/sys/policies/acl/operator") && !label.starts_with("GET") => {
            match lost.fetch_add(1, Ordering::SeqCst) {
                0 => Action::DropAnswer,
                _ => Action::Pass,
            }
        }
        _ => Action::Pass,
    });
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
        let sent = Arc::new(AtomicUsize::new(0));
        let (mut ceremony, proxy) = through(&server, move |_, label| match label {
            "POST /v1/sys/auth/userpass" => match sent.fetch_add(1, Ordering::SeqCst) {
                0 => Action::Keep,
                _ => Action::PassAfterKept,
            },
            _ => Action::Pass,
        });
        ceremony.set("/cluster/timeouts", json!({ "request": "2s" }));
        ceremony
            .apply()
            .exits(4)
            .says(&["sys/auth/userpass may have been written"]);
        assert_eq!(proxy.count_of("POST /v1/sys/auth/userpass"), 2);
    }
}

#[test]
fn with_shares_in_hand_a_listed_node_that_is_down_is_named_and_keeps_no_other_sealed() {
    require!(Setup::Vault1211Shamir.components());
    let nodes = crate::ceremony::builder(Setup::Vault1211Shamir).start_cluster(2);
    let mut nodes: Vec<Server> = nodes.into_iter().map(Server::from).collect();
    let first = Arc::new(AtomicUsize::new(0));
    let (mut ceremony, proxy) = through(&nodes[0], move |_, label| match label {
        "POST /v1/sys/unseal" if first.fetch_add(1, Ordering::SeqCst) == 0 => Action::Hold,
        _ => Action::Pass,
    });
    let other = nodes[1].address();
    ceremony.set("/cluster/nodes", json!([proxy.address(), other]));
    assert!(killed(&ceremony, &proxy).is_none(), "{:#?}", proxy.counts());
    assert!(ceremony.keeps_secrets() && nodes[0].is_sealed());
    nodes[1].kill();
    ceremony.set("/cluster/timeouts", json!({ "active": "7s" }));
    let begun = std::time::Instant::now();
    let down = format!("{other} does not answer");
    ceremony.apply().exits(1).says(&[
        "of 7 s for all nodes to open",
        &down,
        &format!("waited 7 s for {other}"),
        "start the server there, or take it out of cluster.nodes",
        "vault-bootstrap apply --yes",
    ]);
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(!nodes[0].is_sealed(), "it answered and was opened");
    nodes[1].restart();
    ceremony.set("/cluster/timeouts", json!({ "active": "60s" }));
    ceremony.apply().exits(4);
    assert!(nodes.iter().all(|node| !node.is_sealed()));
}
