//! Places that are one and look like two, or belong to the program itself: found before anything is done.

use serde_json::json;

use super::{before, refused_before};
use crate::ceremony::{Ceremony, Server};
use crate::support::{Action, Faults};

#[test]
fn a_share_in_the_checkpoints_directory_where_the_report_would_replace_it() {
    let (server, mut ceremony) = before();
    ceremony.set(
        "/init/custodians/0/age/file",
        json!("checkpoint/report.json"),
    );
    let texts = [
        "custodian alice",
        "checkpoint/report.json is in the checkpoint's directory",
        "name a file outside checkpoint.path",
    ];
    refused_before(&server, &ceremony, 2, &texts);
}

#[test]
fn one_file_for_two_shares_however_it_is_spelt() {
    let (server, mut ceremony) = before();
    for spelling in ["shares/../shares/alice.age", "shares/./alice.age"] {
        ceremony.set("/init/custodians/1/age/file", json!(spelling));
        let texts = [
            "custodians alice and bob keep their shares at one place",
            "a place of its own",
        ];
        refused_before(&server, &ceremony, 2, &texts);
    }
}

#[test]
fn a_copy_of_the_report_onto_the_report_or_into_nowhere() {
    let (server, ceremony) = before();
    for (place, text) in [
        ("checkpoint/report.json", "is in the checkpoint's directory"),
        ("none/report.json", "cannot write --report none/report.json"),
        (".", "cannot write --report ."),
    ] {
        let run = ceremony.run(&["apply", "--yes", "--report", place]);
        run.exits(2).says(&[text, "what to do:"]);
        super::nothing_was_written(&server, &ceremony, &run);
    }
}

#[test]
fn a_grant_that_is_not_the_one_that_was_written_leaves_root_alive() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let policy = json!({
        "request_id": "1", "lease_id": "", "renewable": false, "lease_duration": 0,
        "data": { "name": "x", "policy": "path \"*\" { capabilities = [\"sudo\"] }" },
    });
    let another = Action::Respond(200, "application/json", policy.to_string());
    let faults = Faults::new().every("GET sys/policies/acl/vault-bootstrap-break-glass", another);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.apply().exits(3).says(&[
        "sys/policies/acl/vault-bootstrap-break-glass is not what this run wrote",
        "see in the audit log who wrote it",
    ]);
    assert!(ceremony.keeps_secrets());
}
