//! Refused for an audit device: nothing worth auditing is sent without it.

use serde_json::json;

use super::before;
use super::later::refused;
use crate::ceremony::{Ceremony, Server, declared};
use crate::support::{Action, Faults, Setup, eventually, require};

/// The server's own refusal is for a person to look at; a page of something before it is not.
#[test]
fn an_audit_file_that_the_server_cannot_open_is_refused_and_a_gateways_page_is_tried_again() {
    for setup in [Setup::OpenBao262StaticApiAudit, Setup::Vault1211Shamir] {
        require!(setup.components());
        let server = Server::from(crate::ceremony::builder(setup).in_memory().start());
        let mut ceremony = Ceremony::at(&server);
        let page = Action::Respond(503, "text/html", "<html>503</html>".into());
        let faults = Faults::new().first("POST sys/audit/file", page);
        let proxy = faults.before(&server.address());
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
    ceremony.may_hold_secrets(&raw);
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
        "by a new device under a new path",
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
