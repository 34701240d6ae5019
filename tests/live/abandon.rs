//! A ceremony that is given up: what is destroyed, under which words, and that a new one can begin.

use serde_json::json;

use crate::ceremony::{Ceremony, Run, Server, handed_over};
use crate::support::{Action, Faults, Proxy};

/// The one request that is never repeated.
const INIT: &str = "PUT sys/init";

/// A cluster that is initialised, whose root token only the checkpoint has.
fn unfinished() -> (Server, Ceremony) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.write("wrong.password", "this is not her password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    ceremony.apply().exits(1).says(&["login ada"]);
    assert!(ceremony.keeps_secrets());
    ceremony.set("/logins/ada/password", json!({ "file": "ada.password" }));
    (server, ceremony)
}

#[test]
fn the_only_way_into_a_living_cluster_is_destroyed_under_its_own_words_only() {
    let (server, ceremony) = unfinished();
    ceremony
        .run(&["apply", "--abandon", "prod"])
        .exits(2)
        .says(&["prod is not the name of this cluster"]);
    ceremony
        .run(&["apply", "--abandon", "test"])
        .exits(3)
        .says(&[
            &server.address(),
            "is initialised",
            "checkpoint keeps the root token",
            "nobody may ever open it again",
            "vault-bootstrap apply --abandon 'lose test'",
            "else continue: vault-bootstrap apply",
        ]);
    assert!(ceremony.keeps_secrets());
    let log = server.audit().after_this();
    let run = ceremony.run(&["apply", "--abandon", "lose test", "--output", "json"]);
    run.exits(0);
    assert_eq!(
        log.requests(),
        Vec::<String>::new(),
        "it asks with no token"
    );
    let said = run.event();
    assert_eq!(said["cluster"], "test");
    let text = said.to_string();
    for part in [
        "checkpoint/secrets: the root token",
        "stop the server and empty its storage",
        "shares/alice.age",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!ceremony.keeps_secrets());
    ceremony
        .apply()
        .exits(3)
        .says(&["is initialised, but not by this checkpoint"]);
}

#[test]
fn a_server_that_does_not_answer_may_live() {
    let (mut server, ceremony) = unfinished();
    server.kill();
    ceremony
        .run(&["apply", "--abandon", "test"])
        .exits(3)
        .says(&["cannot be reached", "apply --abandon 'lose test'"]);
    assert!(ceremony.keeps_secrets());
}

/// The same, behind a proxy that leads to the server until it is told to lead to an empty one.
fn unfinished_then_wiped() -> ([Server; 2], [Proxy; 2], Faults, Ceremony) {
    let (server, fresh) = (Server::in_memory(), Server::in_memory());
    let mut ceremony = Ceremony::at(&server);
    let (faults, other) = (Faults::new(), Faults::new().before(&fresh.address()));
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.write("wrong.password", "this is not her password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    ceremony.apply().exits(1).says(&["login ada"]);
    assert!(ceremony.keeps_secrets());
    ceremony.set("/logins/ada/password", json!({ "file": "ada.password" }));
    ceremony.set("/audit/file/options/file_path", json!(fresh.audit_file()));
    ([server, fresh], [proxy, other], faults, ceremony)
}

#[test]
fn after_a_wipe_the_name_is_enough_and_the_next_ceremony_begins_with_the_proofs_of_the_holders() {
    let (_servers, proxies, faults, ceremony) = unfinished_then_wiped();
    faults.every("*", Action::Lead(proxies[1].address()));
    ceremony
        .apply()
        .exits(3)
        .says(&["is not initialised, but this checkpoint", "apply --abandon"]);
    let run = ceremony.run(&["apply", "--abandon", "test"]);
    run.exits(0).prints(&[
        "abandoned: test",
        "checkpoint/secrets: the root token",
        "remove the shares of the old cluster",
        "shares/bob.age",
    ]);
    run.never_says(&["stop the server"]);
    ceremony.apply().exits(3).says(&["already holds something"]);
    std::fs::remove_dir_all(ceremony.path("shares")).expect("ours");
    ceremony.apply().exits(4);
    assert!(!ceremony.keeps_secrets());
}

#[test]
fn an_empty_server_at_an_address_that_the_checkpoint_does_not_know_says_nothing_about_the_cluster()
{
    let (servers, proxies, faults, mut ceremony) = unfinished_then_wiped();
    let (began, mistyped) = (proxies[0].address(), servers[1].address());
    ceremony.set("/cluster/address", json!(mistyped));
    let refused = |run: &Run, also: &str| {
        run.exits(3)
            .says(&[also, "nobody may ever open it again", "'lose test'"]);
        assert!(ceremony.keeps_secrets());
    };
    let unknown = format!("{mistyped} is not known to this checkpoint");
    let run = ceremony.run(&["apply", "--abandon", "test"]);
    refused(&run, &unknown);
    refused(&run, &format!("{began} is initialised"));
    // Also where the old address is empty by now: whose the new one is, nobody has said.
    faults.every("*", Action::Lead(proxies[1].address()));
    refused(&ceremony.run(&["apply", "--abandon", "test"]), &unknown);
    let accepted = ceremony.run(&["apply", "--yes", "--accept-address", &mistyped]);
    accepted.exits(3);
    // Once it is said to be of the cluster, all that are of it must be empty.
    faults.lift();
    let run = ceremony.run(&["apply", "--abandon", "test"]);
    refused(&run, &format!("{began} is initialised"));
    let lost = ceremony.run(&["apply", "--abandon", "lose test"]);
    lost.exits(0)
        .prints(&["stop the server and empty its storage"]);
    assert!(!ceremony.keeps_secrets());
}

#[test]
fn at_a_terminal_the_words_are_typed_and_anything_else_destroys_nothing() {
    let (_server, ceremony) = unfinished();
    for (typed, code) in [("test", 1), ("", 1), ("lose test", 0)] {
        let mut terminal = ceremony.terminal(&["apply", "--abandon"]);
        let shown = terminal.expect("type lose test");
        assert!(shown.contains("keeps the root token"), "{shown}");
        terminal.type_line(typed);
        let (ended, shown) = terminal.finish();
        assert_eq!(ended, code, "{typed}: {shown}");
        assert_eq!(ceremony.keeps_secrets(), code != 0, "{typed}: {shown}");
    }
}

#[test]
fn without_a_terminal_and_without_a_name_nothing_is_destroyed() {
    let (_server, ceremony) = unfinished();
    ceremony
        .run(&["apply", "--abandon"])
        .exits(2)
        .says(&["no terminal to ask on", "apply --abandon 'lose test'"]);
    ceremony
        .run(&["apply", "--abandon", "test", "--yes"])
        .exits(2);
    assert!(ceremony.keeps_secrets());
}

#[test]
fn where_the_answer_was_lost_there_is_nothing_to_lose_and_the_name_is_enough() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().every(INIT, Action::DropAnswer);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.apply().exits(1);
    ceremony
        .apply()
        .exits(3)
        .says(&["its answer never reached", "apply --abandon"]);
    ceremony
        .run(&["apply", "--abandon", "test"])
        .exits(0)
        .prints(&[
            "room for an answer that never came",
            "unless somebody else initialised it, who holds its keys then",
            "empty its storage",
        ]);
    assert!(!ceremony.keeps_secrets());
}

/// It is somebody else's, and nothing of it is in this checkpoint.
#[test]
fn nobody_is_told_to_wipe_a_cluster_that_this_checkpoint_never_initialised() {
    let (server, others) = unfinished();
    let ceremony = Ceremony::at(&server);
    ceremony.apply().exits(3).says(&["is initialised"]);
    ceremony
        .run(&["apply", "--abandon", "test"])
        .exits(0)
        .prints(&["nothing: there were no secrets"])
        .never_says(&["empty its storage", "stop the server"]);
    assert!(others.keeps_secrets());
}

#[test]
fn a_cluster_that_was_handed_over_has_nothing_to_abandon() {
    let (_server, ceremony) = handed_over();
    ceremony
        .run(&["apply", "--abandon", "test"])
        .exits(0)
        .prints(&["nothing: there were no secrets", "was handed over"]);
    ceremony.run(&["status"]).exits(0);
}
