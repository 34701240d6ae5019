//! Refused after `initialize`: nothing is sent after the refusing step, root stays in the checkpoint, and
//! a run with the cause mended ends as if nothing had been.

use std::net::TcpListener;

use serde_json::json;

use super::before;
use crate::ceremony::{Ceremony, Run, Server, declared, disturbed};
use crate::support::{Action, Setup, eventually, require};

/// Applies; the run is refused with these texts, and no request that begins with one of `never` was sent.
#[track_caller]
fn refused(server: &Server, ceremony: &Ceremony, code: i32, texts: &[&str], never: &[&str]) -> Run {
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

/// The server's own refusal is for a person to look at; a page of something before it is not.
#[test]
fn an_audit_file_that_the_server_cannot_open_is_refused_and_a_gateways_page_is_tried_again() {
    for setup in [Setup::OpenBao262StaticApiAudit, Setup::Vault1211Shamir] {
        require!(setup.components());
        let server = Server::from(crate::ceremony::builder(setup).in_memory().start());
        let mut ceremony = Ceremony::at(&server);
        let page = std::sync::atomic::AtomicBool::new(true);
        let proxy = disturbed(&server.address(), move |_, label| {
            let enables = label == "POST /v1/sys/audit/file";
            if enables && page.swap(false, std::sync::atomic::Ordering::SeqCst) {
                Action::Respond(503, "text/html", "<html>503</html>".into())
            } else {
                Action::Pass
            }
        });
        ceremony.set("/cluster/address", json!(proxy.address()));
        let place = "/audit/file/options/file_path";
        ceremony.set(place, json!("/proc/nowhere/audit.log"));
        let run = ceremony.apply();
        run.exits(3).says(&[
            "looking for the active node again",
            "was answered with 400",
            "what to do:",
        ]);
        ceremony.set(place, json!(server.audit_file()));
        ceremony.apply().exits(4);
    }
}

#[test]
fn openbao_without_the_audit_stanza_is_shown_the_stanza_and_goes_on_once_it_is_there() {
    let server = Server::with_audit(None);
    let ceremony = Ceremony::at(&server);
    let run = ceremony.apply();
    let stanza = format!(
        "audit \"file\" \"file\" {{\n  options {{\n    file_path = \"{}\"\n  }}\n}}",
        server.audit_file().display()
    );
    run.exits(3).says(&[
        "refused:",
        "takes no audit devices over its API",
        "reload it (SIGHUP)",
    ]);
    run.shows(&stanza);
    assert_eq!(
        ceremony.files_in("shares").len(),
        3,
        "the shares are safe with their custodians"
    );
    server.reload_with(&stanza);
    let log = server.audit();
    let seen = || {
        log.requests()
            .iter()
            .any(|request| request.contains("sys/audit/test"))
    };
    assert!(
        eventually(std::time::Duration::from_secs(10), seen),
        "the server opened its device"
    );
    ceremony.apply().exits(4);
    for write in [
        "update sys/mounts/secret",
        "update sys/auth/userpass",
        "update sys/policies/acl/operator",
    ] {
        log.place(write);
    }
}

#[test]
fn a_device_that_logs_in_clear_has_seen_the_root_token() {
    let server = Server::with_audit(Some(declared(true)));
    let ceremony = Ceremony::at(&server);
    let texts = [
        "refused:",
        "log_raw: the root token stands in",
        "empty the storage, start it, then vault-bootstrap apply --abandon and",
    ];
    refused(
        &server,
        &ceremony,
        3,
        &texts,
        &[
            "update sys/mounts",
            "update sys/auth",
            "update sys/policies",
        ],
    );
}

#[test]
fn a_device_that_logs_in_clear_after_the_hand_over_is_a_finding_and_no_reason_to_wipe() {
    let (server, ceremony) = before();
    ceremony.apply().exits(4);
    let raw = ceremony.path("raw.log");
    server.reload_with(&format!(
        "audit \"file\" \"raw\" {{\n  options {{\n    file_path = \"{}\"\n    log_raw = \"true\"\n  }}\n}}",
        raw.display()
    ));
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    let there = || auditor.read("sys/audit")["data"]["raw/"].is_object();
    assert!(eventually(std::time::Duration::from_secs(10), there));
    ceremony
        .apply()
        .exits(4)
        .prints(&[
            "audit device raw of",
            "has log_raw",
            "remove log_raw, destroy that log and rotate",
        ])
        .never_says(&["empty the storage", "holds no data", "root token stands"]);
}

#[test]
fn a_device_with_another_description_or_reach_is_shown_with_both() {
    let (server, mut ceremony) = before();
    ceremony
        .set("/audit/file/description", json!("who did what"))
        .set("/audit/file/local", json!(true));
    let texts = [
        "refused:",
        "sys/audit/file: description is \"\", the file says \"who did what\"",
        "sys/audit/file: local is false, the file says true",
    ];
    refused(&server, &ceremony, 3, &texts, &["update sys/mounts"]);
    ceremony
        .remove("/audit/file/description")
        .remove("/audit/file/local");
    ceremony.apply().exits(4);
}

#[test]
fn a_device_with_another_option_is_shown_and_left_alone() {
    let (server, mut ceremony) = before();
    ceremony.set("/audit/file/options/mode", json!("0640"));
    let texts = [
        "refused:",
        "sys/audit/file: mode is 0600, the file says 0640",
        "let a person add the right one",
    ];
    refused(
        &server,
        &ceremony,
        3,
        &texts,
        &[
            "update sys/mounts",
            "delete sys/audit",
            "update sys/audit/file",
        ],
    );
    ceremony.remove("/audit/file/options/mode");
    ceremony.apply().exits(4);
}

#[test]
fn a_policy_that_the_server_rejects() {
    let (server, mut ceremony) = before();
    let wrong = "path \"secret/x\" { capabilities = [\"nope\"] }";
    ceremony.set("/policies/operator", json!({ "rules": wrong }));
    let texts = [
        "sys/policies/acl/operator",
        "invalid capability",
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
        "root is still alive",
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
        "root is still alive",
    ];
    refused(&server, &ceremony, 3, &texts, &REVOCATION);
}

#[test]
fn another_root_token_stops_the_revocation_until_it_may_go_too() {
    let (server, mut ceremony) = before();
    ceremony.set("/writes", json!([{ "path": "auth/token/create", "data": { "policies": ["root"], "no_parent": true } }]));
    let texts = [
        "refused:",
        "other root tokens are alive: accessor",
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
        .says(&["warning: dies with root if it is its child: accessor"]);
}

#[test]
fn root_that_is_kept_on_purpose_is_a_finding_until_it_goes() {
    let (server, mut ceremony) = before();
    ceremony.set("/revoke_root", json!(false));
    let keep = ["apply", "--yes", "--keep-root"];
    ceremony
        .run(&keep)
        .exits(4)
        .prints(&["the root token is alive: revoke_root is false"]);
    assert!(ceremony.keeps_secrets());
    let log = server.audit().after_this();
    ceremony
        .run(&keep)
        .exits(4)
        .prints(&["nothing was written", "the root token is alive"]);
    assert_eq!(log.writes(), Vec::<String>::new());
    ceremony.remove("/revoke_root");
    ceremony
        .apply()
        .exits(4)
        .never_says(&["the root token is alive"]);
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
        .prints(&["no break-glass door, on purpose: a cluster for an afternoon"]);
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
