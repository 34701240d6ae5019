//! A ceremony in a namespace: everything of the file is made there, and what belongs to the cluster, root above
//! all, stays where it is.

use std::time::Duration;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Server};
use crate::support::{Action, Faults, HttpClient, Proxy, RequestInfo, Setup, require};

/// One in another: neither is there on a new server.
const NAMESPACE: &str = "company/platform";
const REASON: &str = "the cluster's own administrators come later";

fn in_a_namespace(server: &Server) -> Ceremony {
    let mut ceremony = Ceremony::at(server);
    ceremony.set("/cluster/namespace", json!(NAMESPACE));
    ceremony.set("/break_glass", json!({ "none": REASON }));
    ceremony
}

#[test]
fn everything_of_the_file_is_made_in_its_namespace_and_nothing_beside_it() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let ceremony = in_a_namespace(&server);
    let run = ceremony.apply();
    run.exits(4)
        .prints(&["no break-glass login, on purpose", REASON])
        .says(&["operator opened", "ada opened"])
        .shows_no_token();
    assert!(!ceremony.keeps_secrets());
    let made = &ceremony.evidence("secrets")["namespaces"];
    assert_eq!(*made, json!(["company", NAMESPACE]));
    // A path may begin with its namespace.
    let (status, answer) = server.put(
        &format!("{NAMESPACE}/auth/userpass/login/operator"),
        None,
        json!({ "password": ceremony.secrets["operator"] }),
    );
    assert_eq!(status, 200, "{answer}");
    let token = answer["auth"]["client_token"].as_str().expect("a token");
    let path = format!("{NAMESPACE}/secret/data/production/stripe");
    server.must_put(&path, token, json!({ "data": { "key": "value" } }));
    let path = "auth/userpass/login/operator";
    let (status, _) = server.put(path, None, json!({ "password": "any" }));
    assert_eq!(status, 403, "nothing is mounted in the root namespace");
    let root = ceremony.evidence("revoke-root");
    let proof = &root["proof"];
    assert_eq!(
        (&proof["before"], &proof["after"]),
        (&json!(200), &json!(403))
    );
    assert_eq!(root["control"]["status"], 200);
    assert_eq!(root["tokens_scanned"], 1, "root's own: {root:#}");
    assert_eq!(root["second_scan"], "no login may scan", "{root:#}");
    let log = server.audit().after_this();
    ceremony.apply().exits(4).prints(&["nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
    assert!(!log.requests().is_empty());
}

/// Makes another root token when the first scan begins.
fn with_another_root_token(server: &Server) -> Proxy {
    let upstream = server.address();
    let makes_one = move |request: &RequestInfo| {
        let token = request.header("x-vault-token").expect("the root token");
        let url = format!("{upstream}/v1/auth/token/create");
        let body = json!({ "policies": ["root"], "no_parent": true }).to_string();
        let headers = [("X-Vault-Token", token)];
        let answer = HttpClient::default().call("POST", &url, &headers, Some(body));
        assert!(answer.is_ok_and(|answer| answer.status == 200));
        Action::Pass
    };
    Faults::new()
        .first("LIST auth/token/accessors", makes_one)
        .before(&server.address())
}

#[test]
fn root_tokens_are_looked_for_where_they_are_whatever_namespace_the_file_names() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = in_a_namespace(&server);
    let proxy = with_another_root_token(&server);
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony
        .apply()
        .exits(3)
        .says(&["refused:", "there are other root tokens: accessor"]);
    assert!(ceremony.keeps_secrets());
    let run = ceremony.run(&["apply", "--yes", "--revoke-other-roots"]);
    run.exits(4).says(&["revoked another root token"]);
    let evidence = ceremony.evidence("revoke-root");
    assert_eq!(evidence["other_root_tokens_revoked"], 1);
    assert_eq!(evidence["tokens_scanned"], 1, "{evidence:#}");
}

#[test]
fn killed_when_the_first_level_of_its_namespace_was_made() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = in_a_namespace(&server);
    let faults = Faults::new().first("POST sys/namespaces/platform", Action::Hold);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.start();
    assert!(proxy.wait_for_held(Duration::from_secs(60)));
    run.kill();
    ceremony.apply().exits(4);
    ceremony.apply().exits(4).prints(&["nothing was written"]);
}

/// Root is generated in the root namespace only, so a login elsewhere could never bring it back.
#[test]
fn what_is_secret_in_an_engine_of_a_new_namespace_is_recorded_before_it_is_sent() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = in_a_namespace(&server);
    std::fs::write(ceremony.path("after"), "3h0m0s").expect("written");
    ceremony.set(
        "/secrets/secret/config",
        json!({ "delete_version_after": { "file": "after" } }),
    );
    ceremony.apply().exits(4).never_says(&["3h0m0s"]);
    // One run made the namespace and wrote there.
    let diary = std::fs::read(ceremony.path("checkpoint/diary.json")).expect("a diary");
    let diary: Value = serde_json::from_slice(&diary).expect("JSON");
    let secret = diary["references"].as_array().expect("names");
    assert!(
        secret.contains(&json!("secret/config#delete_version_after")),
        "{secret:?}"
    );
}

#[test]
fn a_login_in_a_namespace_is_no_break_glass_door() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = in_a_namespace(&server);
    ceremony.set("/break_glass", json!({ "logins": ["ada"] }));
    let text = "root generation belongs to the root namespace, and so do its logins";
    ceremony
        .apply()
        .exits(2)
        .says(&["break_glass.logins", text]);
    assert!(!server.api().initialised());
    assert_eq!(server.audit().requests(), Vec::<String>::new());
}

#[test]
fn a_server_without_namespaces_is_refused_before_it_is_initialised() {
    require!(Setup::Vault1211Shamir.components());
    let server = Server::of(Setup::Vault1211Shamir);
    let ceremony = in_a_namespace(&server);
    let run = ceremony.apply();
    run.exits(3).says(&[
        "is Vault 1.21.1, which has no namespaces, and the file names company/platform",
        "leave cluster.namespace empty",
    ]);
    assert!(!server.api().initialised());
    assert_eq!(ceremony.files_in("shares"), Vec::<String>::new());
    let status: Value = server.api().read("sys/seal-status");
    assert_eq!(status["initialized"], false);
}
