//! Parameter store and KMS that deny, that hold something, that are down: refused before initialisation.
//! Denials come from a proxy, because the local AWS enforces no policies.

use serde_json::json;

use super::{nothing_was_written, refused_before};
use crate::ceremony::{Ceremony, Server};
use crate::support::{Action, Faults, LocalStack, Proxy, require};

const NEEDED: [&str; 2] = ["openbao-2.7.2", "localstack-4.9.2"];

/// A server, and a ceremony whose first share goes to the parameter store.
fn with_a_parameter() -> (Server, Ceremony) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let alice = ceremony.ssm_custodian("alice");
    ceremony.set("/init/custodians/0", alice);
    (server, ceremony)
}

/// The same, with AWS behind a proxy with these faults.
fn behind(faults: &Faults) -> (Server, Ceremony, Proxy) {
    let (server, mut ceremony) = with_a_parameter();
    let proxy = faults.before(&LocalStack::shared().endpoint());
    for (name, value) in &mut ceremony.environment {
        if name == "AWS_ENDPOINT_URL" {
            *value = proxy.address();
        }
    }
    (server, ceremony, proxy)
}

fn denied() -> Action {
    let body =
        r#"{"__type":"AccessDeniedException","message":"User is not authorized to perform this"}"#;
    Action::Respond(400, "application/x-amz-json-1.1", body.to_owned())
}

#[track_caller]
fn no_parameter_is_left(ceremony: &Ceremony) {
    let names = LocalStack::shared().ssm_names_under(&ceremony.prefix());
    assert_eq!(names, Vec::<String>::new());
}

#[test]
fn a_parameter_that_already_exists() {
    require!(NEEDED);
    let (server, ceremony) = with_a_parameter();
    let name = format!("{}/alice", ceremony.prefix());
    LocalStack::shared()
        .ssm_put(&name, "precious", false)
        .expect("it is free");
    let texts = [
        "refused:",
        &name,
        "already holds something",
        "nothing is ever overwritten",
    ];
    refused_before(&server, &ceremony, 3, &texts);
    assert_eq!(
        LocalStack::shared().ssm_get(&name).as_deref(),
        Some("precious")
    );
    assert_eq!(
        LocalStack::shared().ssm_names_under(&ceremony.prefix()),
        [name]
    );
}

#[test]
fn a_parameter_that_may_not_be_written() {
    require!(NEEDED);
    let (server, ceremony, _proxy) =
        behind(&Faults::new().every("AmazonSSM.PutParameter *", denied()));
    refused_before(
        &server,
        &ceremony,
        1,
        &["custodian alice", "aws-ssm://us-east-1", "ssm:PutParameter"],
    );
    no_parameter_is_left(&ceremony);
}

#[test]
fn a_parameter_that_is_stored_and_may_not_be_read_back() {
    require!(NEEDED);
    let (server, ceremony, _proxy) =
        behind(&Faults::new().every("AmazonSSM.GetParameter *", denied()));
    let texts = [
        "custodian alice",
        "takes a value that cannot be read back",
        "ssm:GetParameter",
    ];
    refused_before(&server, &ceremony, 1, &texts);
    no_parameter_is_left(&ceremony);
}

#[test]
fn a_canary_that_may_not_be_deleted_is_a_warning_that_says_how() {
    require!(NEEDED);
    let (_server, ceremony, _proxy) =
        behind(&Faults::new().every("AmazonSSM.DeleteParameter *", denied()));
    let run = ceremony.apply();
    run.exits(4).says(&[
        "warning:",
        "canary",
        "could not be deleted",
        "aws ssm delete-parameter --name",
    ]);
    assert_eq!(
        LocalStack::shared()
            .ssm_names_under(&ceremony.prefix())
            .len(),
        2
    );
}

#[test]
fn a_custodians_kms_key_that_is_disabled() {
    require!(NEEDED);
    let (server, ceremony) = with_a_parameter();
    let key = ceremony.file["init"]["custodians"][0]["ssm"]["kms_key"]
        .as_str()
        .expect("a key")
        .to_owned();
    LocalStack::shared().kms_disable(&key);
    refused_before(
        &server,
        &ceremony,
        1,
        &[&key, "is Disabled", "aws kms enable-key"],
    );
    no_parameter_is_left(&ceremony);
    LocalStack::shared().kms_enable(&key);
    ceremony.apply().exits(4);
}

#[test]
fn a_checkpoint_kms_key_that_is_disabled() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let key = ceremony.kms_checkpoint();
    LocalStack::shared().kms_disable(&key);
    refused_before(
        &server,
        &ceremony,
        1,
        &["the checkpoint's key cannot be used", &key, "is Disabled"],
    );
    LocalStack::shared().kms_enable(&key);
    ceremony.apply().exits(4);
}

#[test]
fn a_checkpoint_kms_key_that_may_encrypt_and_not_decrypt() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.kms_checkpoint();
    let faults = Faults::new().every("TrentService.Decrypt", denied());
    let proxy = faults.before(&LocalStack::shared().endpoint());
    for (name, value) in &mut ceremony.environment {
        if name == "AWS_ENDPOINT_URL" {
            *value = proxy.address();
        }
    }
    refused_before(
        &server,
        &ceremony,
        1,
        &["the checkpoint's key cannot be used", "kms:Decrypt"],
    );
}

#[test]
fn a_kms_key_that_does_not_exist() {
    require!(NEEDED);
    let (server, mut ceremony) = with_a_parameter();
    ceremony.set(
        "/init/custodians/0/ssm/kms_key",
        json!("alias/nobody-made-this"),
    );
    let texts = [
        "custodian alice: aws-kms://us-east-1/alias/nobody-made-this: KMS key",
        "or its region in the file, or make the key",
        "aws kms list-aliases --region us-east-1",
    ];
    refused_before(&server, &ceremony, 1, &texts);
}

#[test]
fn aws_that_cannot_be_reached() {
    require!(NEEDED);
    let (server, mut ceremony) = with_a_parameter();
    for (name, value) in &mut ceremony.environment {
        if name == "AWS_ENDPOINT_URL" {
            *value = format!("http://127.0.0.1:{}", crate::support::free_port());
        }
    }
    let endpoint = "AWS_ENDPOINT_URL, which is http://127.0.0.1:";
    refused_before(&server, &ceremony, 1, &[endpoint]);
}

#[test]
fn a_put_whose_answer_is_lost_is_looked_up_and_adopted() {
    require!(NEEDED);
    // The first put is the canary, the second the share.
    let faults = Faults::new().nth(2, "AmazonSSM.PutParameter *", Action::DropAnswer);
    let (_server, ceremony, proxy) = behind(&faults);
    ceremony.apply().exits(4);
    assert!(proxy.count("AmazonSSM.PutParameter *") >= 2);
    assert_eq!(
        LocalStack::shared()
            .ssm_names_under(&ceremony.prefix())
            .len(),
        1
    );
    assert!(crate::ceremony::looks_like_a_share(
        &ceremony.custody().share("alice")
    ));
}

#[test]
fn killed_between_two_custodians_each_share_is_stored_once() {
    require!(NEEDED);
    let faults = Faults::new().nth(2, "AmazonSSM.PutParameter *", Action::HoldAnswer);
    let (server, ceremony, proxy) = behind(&faults);
    let run = ceremony.start();
    assert!(proxy.wait_for_held(std::time::Duration::from_secs(30)));
    run.kill();
    let stored =
        ["bob", "carol"].map(|name| ceremony.files_in("shares").contains(&format!("{name}.age")));
    ceremony.apply().exits(4);
    let shares = ["alice", "bob", "carol"].map(|name| ceremony.custody().share(name));
    assert!(
        shares
            .iter()
            .all(|share| crate::ceremony::looks_like_a_share(share)),
        "{stored:?}"
    );
    assert_eq!(
        LocalStack::shared()
            .ssm_names_under(&ceremony.prefix())
            .len(),
        1
    );
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    crate::ceremony::root_from_shares(&ada, "generate-root-token", &shares[..2]);
}

#[test]
fn a_share_that_is_gone_from_its_custodian_is_a_finding() {
    require!(NEEDED);
    let (server, ceremony) = with_a_parameter();
    ceremony.apply().exits(4);
    LocalStack::shared().ssm_delete(&format!("{}/alice", ceremony.prefix()));
    std::fs::write(ceremony.path("shares/bob.age"), "something else").expect("ours");
    let log = server.audit().after_this();
    let run = ceremony.apply();
    run.exits(4).prints(&[
        "the share of alice is not at",
        "the share of bob, changed since it was stored",
    ]);
    let said = format!("{}{}", run.stdout, run.stderr);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(said.matches("of alice is not at").count(), 1, "once\n{run}");
    assert_eq!(log.writes(), Vec::<String>::new());
    nothing_was_repaired(&ceremony);
}

fn nothing_was_repaired(ceremony: &Ceremony) {
    no_parameter_is_left(ceremony);
    let bob = std::fs::read_to_string(ceremony.path("shares/bob.age")).expect("there");
    assert_eq!(bob, "something else");
}

#[test]
fn a_proof_by_machine_needs_no_holder() {
    require!(NEEDED);
    let (server, ceremony) = with_a_parameter();
    let run = ceremony.run(&["custodian", "prove", "alice"]);
    run.exits(0)
        .prints(&["alice is proved: aws-ssm://us-east-1"]);
    no_parameter_is_left(&ceremony);
    nothing_was_written(&server, &ceremony, &run);
}
