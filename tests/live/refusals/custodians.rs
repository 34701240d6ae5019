//! Custodians that exist, that deny, whose holder was never heard of: refused before initialisation.

use serde_json::json;

use super::{before, nothing_was_written, refused_before};
use crate::ceremony::{Ceremony, Server};

#[test]
fn a_custodian_that_already_holds_something() {
    let (server, ceremony) = before();
    std::fs::create_dir(ceremony.path("shares")).expect("a directory");
    std::fs::write(ceremony.path("shares/bob.age"), "precious").expect("a file");
    let run = ceremony.apply();
    run.exits(3).says(&[
        "refused:",
        "shares/bob.age already holds something",
        "nothing is ever overwritten",
    ]);
    assert!(!server.api().initialised());
    assert_eq!(ceremony.files_in("shares"), ["bob.age"]);
    assert_eq!(
        std::fs::read_to_string(ceremony.path("shares/bob.age")).expect("there"),
        "precious"
    );
}

#[test]
fn a_custodian_that_is_a_symbolic_link_to_nowhere() {
    let (server, ceremony) = before();
    std::fs::create_dir(ceremony.path("shares")).expect("a directory");
    std::os::unix::fs::symlink("/nowhere/at/all", ceremony.path("shares/bob.age")).expect("a link");
    ceremony.apply().exits(3).says(&["shares/bob.age"]);
    assert!(!server.api().initialised());
    assert_eq!(ceremony.files_in("shares"), ["bob.age"]);
}

#[test]
fn every_custodian_that_cannot_be_written_is_named_at_once() {
    let (server, mut ceremony) = before();
    ceremony.write("a-file", "");
    for (place, name) in ["alice", "bob"].into_iter().enumerate() {
        ceremony.set(
            &format!("/init/custodians/{place}/age/file"),
            json!(format!("a-file/{name}.age")),
        );
    }
    refused_before(
        &server,
        &ceremony,
        1,
        &[
            "custodian alice: a-file/",
            "custodian bob: a-file/",
            "Not a directory",
            "ls -la a-file",
        ],
    );
}

#[test]
fn holders_who_never_opened_anything() {
    let server = Server::in_memory();
    let ceremony = Ceremony::unproved(&server);
    refused_before(
        &server,
        &ceremony,
        3,
        &[
            "only 0 of the 2 custodians that a quorum needs are proved",
            "alice, bob, carol",
            "vault-bootstrap custodian prove alice",
            "init.accept_unproved: [alice, bob, carol]",
        ],
    );
}

#[test]
fn an_aws_without_region_and_without_credentials_is_told_of_both_at_once() {
    let (server, mut ceremony) = before();
    ceremony.environment = vec![("AWS_EC2_METADATA_DISABLED".into(), "true".into())];
    ceremony.set(
        "/init/custodians/0",
        json!({ "name": "alice", "ssm": { "parameter": "/vault/alice", "kms_key": "alias/vault" } }),
    );
    refused_before(
        &server,
        &ceremony,
        1,
        &[
            "no AWS region is known",
            "export AWS_REGION; there are no credentials either: set AWS_ACCESS_KEY_ID",
        ],
    );
}

#[test]
fn who_has_neither_identities_nor_proofs_is_told_of_both_at_once() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::unproved(&server);
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    ceremony.run(&["apply", "--yes"]).exits(2).says(&[
        "alice",
        "--identity",
        "only 0 of the 2 custodians that a quorum needs are proved",
    ]);
    assert!(!server.api().initialised());
}

#[test]
fn a_proof_of_another_key_than_the_one_in_the_file_does_not_count() {
    let (server, mut ceremony) = before();
    for name in ["alice", "bob"] {
        let renewed = ceremony.age_custodian(name);
        let place = if name == "alice" {
            "/init/custodians/0"
        } else {
            "/init/custodians/1"
        };
        ceremony.set(place, renewed);
    }
    refused_before(
        &server,
        &ceremony,
        3,
        &["only 1 of the 2 custodians", "alice, bob"],
    );
}

#[test]
fn a_holder_with_the_wrong_identity_proves_nothing() {
    let server = Server::in_memory();
    let ceremony = Ceremony::unproved(&server);
    let run = ceremony.run(&["custodian", "prove", "alice", "--identity", "bob.key"]);
    run.exits(1)
        .says(&[
            "the challenge of alice: none of the given identities opens it",
            "the recipient that is wanted is age1",
        ])
        .never_says(&["shares/alice.age"]);
    let unknown = ceremony.run(&["custodian", "prove", "dave", "--identity", "bob.key"]);
    unknown
        .exits(2)
        .says(&["has no custodian dave", "it has: alice, bob, carol"]);
    nothing_was_written(&server, &ceremony, &run);
}

#[test]
fn an_identity_file_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let (server, ceremony) = before();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(ceremony.path("checkpoint.key"), open).expect("ours");
    refused_before(
        &server,
        &ceremony,
        1,
        &[
            "checkpoint.key: can be read by others (mode 0644)",
            "chmod 600",
        ],
    );
}

#[test]
fn unproved_holders_are_accepted_by_name_and_stay_a_finding() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::unproved(&server);
    ceremony.set("/init/accept_unproved", json!(["alice", "bob"]));
    let run = ceremony.apply();
    run.exits(4).prints(&[
        "custodian alice is accepted unproved",
        "custodian carol is unproved",
    ]);
    ceremony.apply().exits(4).prints(&[
        "custodian alice is accepted unproved",
        "custodian carol is unproved",
    ]);
}

#[test]
fn one_key_of_two_custodians_is_a_finding_until_the_file_accepts_it_by_name() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::another_at(&server);
    let alices = ceremony.file["init"]["custodians"][0]["age"]["recipient"].clone();
    ceremony.set("/init/custodians/1/age/recipient", alices.clone());
    ceremony
        .run(&["custodian", "prove", "bob", "--identity", "alice.key"])
        .exits(0);
    let recipient = alices.as_str().expect("a text");
    let said = format!(
        "age recipient {recipient} opens 2 of the shares (alice, bob), and 2 are a quorum; if that is meant: \
         init.accept_one_trust_domain: [alice, bob]"
    );
    let run = ceremony.run(&["apply", "--yes", "--output", "json"]);
    let events = run.exits(4).events();
    let warned = |event: &&serde_json::Value| event["event"] == "warning" && event["text"] == said;
    let warned = events.iter().find(warned).expect("a warning");
    assert_eq!(warned["code"], "one-trust-domain");
    let findings = ceremony.report()["findings"].to_string();
    assert!(
        findings.contains(r#""code":"one-trust-domain""#),
        "{findings}"
    );
    for (accepted, is_finding) in [(json!(["alice"]), true), (json!(["bob", "alice"]), false)] {
        ceremony.set("/init/accept_one_trust_domain", accepted);
        let run = ceremony.apply();
        if is_finding {
            run.exits(4).prints(&[&said]);
        } else {
            run.exits(4).never_says(&["accept_one_trust_domain"]);
        }
    }
}

#[test]
fn an_identity_that_opens_no_share_is_named_before_anybody_is_asked() {
    let (server, mut ceremony) = before();
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    ceremony
        .run(&["custodian", "new", "eve", "-o", "eve.key"])
        .exits(0);
    let words = ["apply", "--yes", "--identity", "eve.key"];
    ceremony
        .run(&words)
        .exits(2)
        .says(&["eve.key opens no share of this file", "age-keygen -y"]);
    assert!(!server.api().initialised());
}
