//! The one request that initialises, refused or unanswered: whose initialisation it was, and where it was asked for.

use std::time::Duration;

use serde_json::json;

use crate::ceremony::{Ceremony, Server, builder, declared};
use crate::support::{Action, DeclaredAudit, Faults, Proxy, Setup, require};

/// The one request that is never repeated.
const INIT: &str = "PUT sys/init";
const PATIENCE: Duration = Duration::from_secs(60);

/// A proxy that does this to the first request that initialises.
fn at_the_first(server: &Server, action: Action) -> Proxy {
    Faults::new().first(INIT, action).before(&server.address())
}

fn nodes(ceremony: &mut Ceremony, nodes: &[&Proxy]) {
    let addresses: Vec<_> = nodes.iter().map(|node| node.address()).collect();
    ceremony.set("/cluster/address", json!(addresses[0]));
    ceremony.set("/cluster/nodes", json!(addresses));
}

/// What its audit stanza cannot do the server finds out after it has made its keys.
#[test]
fn a_server_that_initialises_itself_and_cannot_go_on_says_why() {
    require!(["openbao-2.6.2", "openbao-2.7.2"]);
    for setup in [Setup::OpenBao272Static, Setup::OpenBao262AwsKms] {
        let audit = DeclaredAudit {
            prefix: Some("x: ".into()),
            ..declared(false)
        };
        let builder = builder(setup).in_memory().declared_audit(Some(audit));
        let server = Server::from(builder.start());
        let run = Ceremony::at(&server).apply();
        run.exits(3).says(&[
            "audit log prefixing is not allowed",
            "either it initialised itself and broke off for this reason",
            "as an audit stanza that cannot work is, correct that first",
            "empty its storage",
        ]);
        run.never_says(&["repeated on its way"]);
    }
}

#[test]
fn our_own_request_that_a_proxy_repeated_is_not_said_to_be_somebody_elses() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let proxy = at_the_first(&server, Action::Twice);
    ceremony.set("/cluster/address", json!(proxy.address()));
    let both = [
        "either somebody else did it in between",
        "or our own request was repeated on its way",
        "the answer with the keys is lost",
        "if somebody did, they hold the keys",
        "stop it, empty its storage, start it, then vault-bootstrap apply --abandon and",
    ];
    let run = ceremony.apply();
    run.exits(3)
        .says(&["PUT", "was answered with 400", "already initialized"])
        .says(&both);
    assert!(server.api().initialised());
    for _ in 0..2 {
        let again = ceremony.apply();
        again
            .exits(3)
            .says(&["is initialised, and refused this checkpoint"])
            .says(&both)
            .never_says(&["not by this checkpoint", "this checkpoint asked for that"]);
    }
    assert_eq!(proxy.count(INIT), 1);
    assert_eq!(ceremony.files_in("shares"), Vec::<String>::new());
    ceremony
        .run(&["apply", "--abandon", "test"])
        .exits(0)
        .prints(&["unless somebody else initialised it, who holds its keys then: stop the server"]);
    ceremony
        .apply()
        .exits(3)
        .says(&["is initialised, but not by this checkpoint"]);
}

#[test]
fn a_refusal_that_initialised_nothing_is_taken_back() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let body = r#"{"errors": ["invalid seal configuration"]}"#;
    let refusal = Action::Respond(400, "application/json", body.to_owned());
    let proxy = at_the_first(&server, refusal);
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony
        .apply()
        .exits(1)
        .says(&["was answered with 400: invalid seal configuration"]);
    assert!(!ceremony.keeps_secrets());
    let diary = std::fs::read_to_string(ceremony.path("checkpoint/diary.json")).expect("a diary");
    assert!(!diary.contains("\"initialize\"") && !diary.contains("\"attempt\""));
    ceremony.apply().exits(4);
    assert_eq!(proxy.count(INIT), 2);
}

#[test]
fn a_lost_answer_is_told_of_the_node_that_was_asked_wherever_the_file_has_it_now() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let asked = at_the_first(&server, Action::DropAnswer);
    let other = Faults::new().before(&server.address());
    nodes(&mut ceremony, &[&asked, &other]);
    ceremony.apply().exits(1);
    nodes(&mut ceremony, &[&other, &asked]);
    let lost = format!(
        "{} is initialised; this checkpoint asked for that, and its answer",
        asked.address()
    );
    ceremony.apply().exits(3).says(&[&lost]);
    nodes(&mut ceremony, &[&other]);
    let gone = format!("{} was asked to initialise the cluster", asked.address());
    ceremony.apply().exits(3).says(&[
        &gone,
        "the file no longer names that node",
        &format!("put {} back into cluster.nodes", asked.address()),
        "apply --abandon",
    ]);
    assert_eq!((asked.count(INIT), other.count(INIT)), (1, 0));
}

#[test]
fn where_an_earlier_request_may_still_arrive_the_next_one_goes_too() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let asked = at_the_first(&server, Action::Refuse);
    let other = Faults::new().before(&server.address());
    ceremony.set("/cluster/timeouts", json!({ "request": "2s" }));
    nodes(&mut ceremony, &[&asked, &other]);
    ceremony.apply().exits(1);
    nodes(&mut ceremony, &[&other, &asked]);
    ceremony.apply().exits(4);
    assert_eq!((asked.count(INIT), other.count(INIT)), (2, 0));
}

#[test]
fn another_node_that_somebody_initialised_is_not_taken_for_the_one_that_was_asked() {
    let (server, stranger) = (Server::in_memory(), Server::in_memory());
    let mut ceremony = Ceremony::at(&server);
    let asked = at_the_first(&server, Action::Refuse);
    let other = Faults::new().before(&stranger.address());
    nodes(&mut ceremony, &[&asked, &other]);
    ceremony.apply().exits(1);
    let body = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
    stranger.api().write("sys/init", &body);
    nodes(&mut ceremony, &[&other, &asked]);
    let (node, others) = (asked.address(), other.address());
    ceremony
        .apply()
        .exits(3)
        .says(&[
            &format!("{others} is initialised, and {node}, the node that this checkpoint asked"),
            "correct cluster.nodes",
        ])
        .never_says(&["this checkpoint asked for that"]);
    assert!(!server.api().initialised());
}

/// Killed before its request arrived, it cannot know whose initialisation it finds.
#[test]
fn a_cluster_that_somebody_initialises_after_a_killed_attempt_is_not_said_to_be_empty_for_certain()
{
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let proxy = at_the_first(&server, Action::Hold);
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.start();
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    assert!(!server.api().initialised());
    let body = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
    server.api().write("sys/init", &body);
    ceremony.apply().exits(3).says(&[
        "its answer never reached",
        "unless somebody else did it, no one holds the shares",
        "if somebody did, they hold the keys; to forget this attempt:",
    ]);
    ceremony
        .run(&["apply", "--abandon", "test"])
        .exits(0)
        .prints(&["unless somebody else initialised it"]);
    ceremony.apply().exits(3).says(&["not by this checkpoint"]);
}
