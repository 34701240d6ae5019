//! Refused after `initialize`: nothing is sent after the refusing step, root stays in the checkpoint, and
//! a run with the cause mended ends as if nothing had been.

use std::net::TcpListener;

use serde_json::json;

use super::before;
use crate::ceremony::{Ceremony, Run, Server};

/// Applies; the run is refused with these texts, and no request that begins with one of `never` was sent.
#[track_caller]
pub(super) fn refused(
    server: &Server,
    ceremony: &Ceremony,
    code: i32,
    texts: &[&str],
    never: &[&str],
) -> Run {
    let run = ceremony.apply();
    run.exits(code).says(texts).says(&["what to do:"]);
    let requests = server.audit().requests();
    for beginning in never {
        let sent = requests
            .iter()
            .any(|request| request.starts_with(beginning));
        assert!(!sent, "{beginning} was sent: {requests:#?}\n{run}");
    }
    assert!(ceremony.keeps_secrets(), "root is in the checkpoint\n{run}");
    run
}

/// Requests of the steps from `roles` on.
const ROLES_AND_AFTER: [&str; 3] = [
    "update auth/userpass/users",
    "update auth/userpass/login",
    "update auth/token/revoke-self",
];
/// Requests of the steps after `log in another way`.
const REVOCATION: [&str; 1] = ["list auth/token/accessors"];

#[test]
fn a_policy_that_the_server_rejects() {
    let (server, mut ceremony) = before();
    let wrong = "path \"secret/x\" { policy = \"nope\" }";
    ceremony.set("/policies/operator", json!({ "rules": wrong }));
    let texts = [
        "sys/policies/acl/operator",
        "invalid policy",
        "run apply again",
    ];
    refused(&server, &ceremony, 1, &texts, &ROLES_AND_AFTER);
    ceremony.set(
        "/policies/operator",
        json!({ "rules": crate::ceremony::OPERATOR }),
    );
    ceremony.apply().exits(4);
}

#[test]
fn an_identity_provider_that_is_down() {
    let (server, mut ceremony) = before();
    let nobody = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    let secret = ceremony.password("oidc");
    ceremony.set(
        "/auth/oidc",
        json!({ "type": "oidc", "config": {
            "oidc_discovery_url": format!("http://{nobody}"),
            "oidc_client_id": "vault",
            "oidc_client_secret": { "file": "oidc.password" },
        } }),
    );
    let texts = ["auth/oidc/config", "error checking oidc discovery URL"];
    let never = ["update sys/policies", "update auth/userpass/users"];
    refused(&server, &ceremony, 1, &texts, &never).never_says(&[&secret]);
    ceremony.remove("/auth/oidc");
    ceremony.apply().exits(4);
}

#[test]
fn a_door_that_does_not_open_leaves_root_alive() {
    let (server, mut ceremony) = before();
    ceremony.write("wrong.password", "this is not her password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    let texts = [
        "login ada",
        "wrong user name or password",
        "it was tried with ",
        "wrong.password",
        "let both be the one that is in force",
        "root is still valid",
        "run apply again",
    ];
    refused(&server, &ceremony, 1, &texts, &REVOCATION)
        .says(&["auditor opened", "operator opened"]);
    ceremony.set("/logins/ada/password", json!({ "file": "ada.password" }));
    ceremony.apply().exits(4);
    assert!(!ceremony.keeps_secrets());
}

#[test]
fn a_login_that_may_more_than_the_file_allows() {
    let (server, mut ceremony) = before();
    ceremony.remove("/logins/operator/can").set(
        "/logins/operator/cannot",
        json!({ "secret/data/production/stripe": ["update"] }),
    );
    let texts = [
        "login operator",
        "it opened, but",
        "secret/data/production/stripe",
    ];
    refused(&server, &ceremony, 1, &texts, &REVOCATION);
}

#[test]
fn a_grant_that_another_policy_takes_away() {
    let (server, mut ceremony) = before();
    let rules = "path \"sys/generate-root-token/attempt\" { capabilities = [\"deny\"] }";
    ceremony.set("/policies/never", json!({ "rules": rules }));
    ceremony.set("/auth/userpass/users/ada/token_policies", json!(["never"]));
    let texts = [
        "refused:",
        "the grant of ada does not hold",
        "sys/generate-root-token/attempt",
        "root is still valid",
    ];
    refused(&server, &ceremony, 3, &texts, &REVOCATION);
}

#[test]
fn another_root_token_stops_the_revocation_until_it_may_go_too() {
    let (server, mut ceremony) = before();
    ceremony.set("/writes", json!([{ "path": "auth/token/create", "data": { "policies": ["root"], "no_parent": true } }]));
    let texts = [
        "refused:",
        "there are other root tokens: accessor",
        "vault-bootstrap apply --yes --revoke-other-roots",
    ];
    let run = refused(
        &server,
        &ceremony,
        3,
        &texts,
        &["update auth/token/revoke-accessor"],
    );
    run.shows_no_token();
    let run = ceremony.run(&["apply", "--yes", "--revoke-other-roots"]);
    run.exits(4).says(&["revoked another root token"]);
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    auditor.no_root_is_left();
    let created = server.audit().requests();
    let created = created
        .iter()
        .filter(|request| *request == "update auth/token/create");
    assert_eq!(
        created.count(),
        1,
        "a write that cannot be read back is sent once\n{run}"
    );
    assert_eq!(
        ceremony.evidence("revoke-root")["other_root_tokens_revoked"],
        1,
        "{run}"
    );
}

#[test]
fn a_token_that_dies_with_root_is_named_before() {
    let (_server, mut ceremony) = before();
    ceremony.set(
        "/writes",
        json!([{ "path": "auth/token/create", "data": { "policies": ["operator"] } }]),
    );
    ceremony
        .apply()
        .exits(4)
        .says(&["warning: will be revoked with the root token if that created it: accessor"]);
}

#[test]
fn root_that_is_kept_on_purpose_is_a_finding_until_it_goes() {
    let (server, mut ceremony) = before();
    ceremony.set("/revoke_root", json!(false));
    let keep = ["apply", "--yes", "--keep-root"];
    ceremony
        .run(&keep)
        .exits(4)
        .prints(&["the root token is still valid: revoke_root is false"]);
    assert!(ceremony.keeps_secrets());
    let log = server.audit().after_this();
    ceremony
        .run(&keep)
        .exits(4)
        .prints(&["nothing was written", "the root token is still valid"]);
    assert_eq!(log.writes(), Vec::<String>::new());
    ceremony.remove("/revoke_root");
    ceremony
        .apply()
        .exits(4)
        .never_says(&["the root token is still valid"]);
    assert!(!ceremony.keeps_secrets());
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    auditor.no_root_is_left();
}

#[test]
fn going_without_a_way_back_is_a_finding_with_its_reason() {
    let (_server, mut ceremony) = before();
    ceremony.set(
        "/break_glass",
        json!({ "none": "a cluster for an afternoon" }),
    );
    ceremony
        .apply()
        .exits(4)
        .prints(&["no break-glass login, on purpose: a cluster for an afternoon"]);
    ceremony
        .apply()
        .exits(4)
        .prints(&["a cluster for an afternoon", "nothing was written"]);
}

#[test]
fn a_mount_of_another_type_is_never_replaced() {
    let (server, mut ceremony) = before();
    let operator = ceremony.file["logins"]["operator"].clone();
    ceremony.remove("/logins/operator/can").set(
        "/logins/operator/cannot",
        json!({ "secret/data/production/stripe": ["update"] }),
    );
    ceremony.apply().exits(1);
    ceremony
        .set("/logins/operator", operator)
        .set("/secrets/secret", json!({ "type": "transit" }));
    let log = server.audit().after_this();
    let run = ceremony.apply();
    run.exits(3).says(&[
        "sys/mounts/secret is of type kv, the file says transit",
        "nothing is ever replaced",
    ]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn what_the_steps_have_found_is_said_where_a_later_one_stops_the_run() {
    let (server, mut ceremony) = before();
    let members = |members| json!({ "policies": ["operator"], "member_entities": members });
    ceremony.set(
        "/identity/groups/ops",
        members(json!([{ "auth": "userpass", "name": "ada" }])),
    );
    ceremony.write("wrong.password", "this is not her password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    let run = ceremony.run(&["apply", "--yes", "--output", "json"]);
    let warned = |event: &serde_json::Value| {
        event["event"] == "warning"
            && event["text"]
                .as_str()
                .is_some_and(|text| text.contains("no entity of the server is called userpass/ada"))
    };
    assert!(run.exits(1).events().iter().any(warned), "{run}");
    assert!(server.api().initialised());
}
