//! Shares in AWS Secrets Manager: kept, watched, and refused before anything is initialised. Denials come from a proxy,
//! because the local AWS enforces no policies.

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, EVERY_KEY, Run, Server, killed_or_ended, looks_like_a_share};
use crate::refusals::{nothing_was_written, refused_before};
use crate::support::{Action, Faults, LocalStack, Proxy, Setup, free_port, require};

mod handed_out;
mod refused;

const NEEDED: [&str; 2] = ["openbao-2.7.2", "localstack-4.9.2"];
const CREATE: &str = "secretsmanager.CreateSecret *";

/// A server, and a ceremony whose first share goes to Secrets Manager; the name of the secret.
fn with_a_secret_on(setup: Setup) -> (Server, Ceremony, String) {
    let server = Server::of(setup);
    let mut ceremony = Ceremony::at(&server);
    let alice = ceremony.secretsmanager_custodian("alice");
    ceremony.set("/init/custodians/0", alice);
    let name = format!("{}/alice", ceremony.prefix());
    (server, ceremony, name)
}

fn with_a_secret() -> (Server, Ceremony, String) {
    with_a_secret_on(Setup::OpenBao272Static)
}

/// The same, with AWS behind a proxy with these faults.
fn behind(faults: &Faults) -> (Server, Ceremony, Proxy) {
    let (server, mut ceremony, _) = with_a_secret();
    let proxy = faults.before(&LocalStack::shared().endpoint());
    through(&mut ceremony, &proxy);
    (server, ceremony, proxy)
}

fn through(ceremony: &mut Ceremony, proxy: &Proxy) {
    for (name, value) in &mut ceremony.environment {
        if name == "AWS_ENDPOINT_URL" {
            *value = proxy.address();
        }
    }
}

fn with_keys(ceremony: &Ceremony, words: &[&str]) -> Run {
    ceremony.run(&[words, &EVERY_KEY[..]].concat())
}

/// What is left there, each with whether it is scheduled for deletion.
fn left(ceremony: &Ceremony) -> Vec<(String, bool)> {
    LocalStack::shared().secrets_under(&ceremony.prefix())
}

#[track_caller]
fn only_the_share_is_left(ceremony: &Ceremony) {
    let name = format!("{}/alice", ceremony.prefix());
    assert_eq!(left(ceremony), [(name, false)]);
    assert!(looks_like_a_share(&ceremony.custody().share("alice")));
}

#[test]
fn a_share_in_secrets_manager_is_kept_opened_and_watched() {
    for setup in [Setup::OpenBao262StaticApiAudit, Setup::OpenBao272Static] {
        require!([setup.components(), vec!["localstack-4.9.2"]].concat());
        let (server, mut ceremony, name) = with_a_secret_on(setup);
        if matches!(setup, Setup::OpenBao272Static) {
            ceremony.remove("/init/recovery");
        }
        ceremony.set("/break_glass/drill", json!("before-revoke"));
        ceremony.run(&["plan"]).prints(&[&format!(
            "a share for alice: the secret {name} of AWS Secrets Manager"
        )]);
        // A machine proves it, and leaves nothing.
        ceremony
            .run(&["custodian", "prove", "alice"])
            .exits(0)
            .prints(&["alice is proved: aws-secretsmanager://us-east-1"]);
        assert_eq!(left(&ceremony), []);
        with_keys(&ceremony, &["apply", "--yes"])
            .exits(0)
            .says(&[&format!(
                "alice holds a share: aws-secretsmanager://us-east-1/{name}"
            )]);
        only_the_share_is_left(&ceremony);
        let tags = LocalStack::shared().secret_tags(&name);
        assert!(
            tags.contains(&"made-by=vault-bootstrap".to_owned()),
            "{tags:?}"
        );
        with_keys(&ceremony, &["rehearse"]).exits(0);
        let log = server.audit().after_this();
        ceremony.apply().exits(0);
        assert_eq!(log.writes(), Vec::<String>::new());
        watched(&ceremony, &name);
    }
}

/// Another version, also one that is not in use yet, and a deletion that can be taken back, are each seen.
#[track_caller]
fn watched(ceremony: &Ceremony, name: &str) {
    let aws = LocalStack::shared();
    let share = aws.secret(name).expect("a share");
    aws.put_version(name, "somebody's", "AWSPENDING");
    let changed = "the share of alice, changed since it was stored";
    ceremony.apply().exits(4).prints(&[changed, "[AWSPENDING]"]);
    aws.schedule_deletion(name);
    let restore =
        format!("aws secretsmanager restore-secret --secret-id {name} --region us-east-1");
    ceremony
        .apply()
        .exits(4)
        .prints(&[changed, "is scheduled for deletion", &restore]);
    // Whoever needs it is told the same.
    let keys = ["--identity", "bob.key"];
    ceremony
        .run(&[&["rehearse"][..], &keys].concat())
        .says(&["is scheduled for deletion", &restore]);
    aws.restore_secret(name);
    aws.put_version(name, "somebody's", "AWSCURRENT");
    ceremony
        .apply()
        .exits(4)
        .prints(&[changed, "[AWSCURRENT]", "[AWSPREVIOUS]"]);
    // Nothing was repaired, and the share is still there.
    assert_eq!(aws.secret(name).as_deref(), Some("somebody's"));
    aws.put_version(name, &share, "AWSCURRENT");
    with_keys(ceremony, &["rehearse"]).prints(&["alice"]);
    aws.delete_secret(name);
    ceremony
        .apply()
        .exits(4)
        .prints(&["the share of alice is not at"]);
}

#[test]
fn a_create_whose_answer_is_lost_is_looked_up_and_adopted() {
    require!(NEEDED);
    // The first is the trial value, the second the share.
    let faults = Faults::new().nth(2, CREATE, Action::DropAnswer);
    let (_server, ceremony, proxy) = behind(&faults);
    ceremony.apply().exits(4);
    assert!(proxy.count(CREATE) >= 2);
    only_the_share_is_left(&ceremony);
}

#[test]
fn killed_between_the_secret_and_its_record_it_is_stored_once() {
    require!(NEEDED);
    // The trial value first: what a killed run left of that is taken away too.
    for nth in [1, 2] {
        let faults = Faults::new().nth(nth, CREATE, Action::HoldAnswer);
        let (server, ceremony, proxy) = behind(&faults);
        let run = ceremony.start();
        assert!(proxy.wait_for_held(std::time::Duration::from_secs(30)));
        run.kill();
        assert_eq!(left(&ceremony).len(), 1);
        ceremony.apply().exits(4);
        only_the_share_is_left(&ceremony);
        let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
        let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
        crate::ceremony::root_from_shares(&ada, "generate-root-token", &shares);
    }
}

/// An unverified share is removed and made anew under its name, which a secret that can be restored still has. Each of the
/// runs is killed a little later on that way.
#[test]
fn a_share_that_was_never_in_effect_is_made_anew_under_its_name() {
    require!(NEEDED);
    let (server, mut ceremony, name) = with_a_secret();
    ceremony.remove("/init/recovery");
    let faults = Faults::new()
        .first("POST sys/rotate/recovery/verify", Action::Hold)
        .first("secretsmanager.TagResource *", Action::HoldAnswer)
        .first("secretsmanager.RestoreSecret *", Action::HoldAnswer)
        .first("secretsmanager.UpdateSecret *", Action::HoldAnswer)
        .first("secretsmanager.UntagResource *", Action::Hold);
    let proxy = faults.before(&server.address());
    let aws = faults.before(&LocalStack::shared().endpoint());
    ceremony.set("/cluster/address", json!(proxy.address()));
    through(&mut ceremony, &aws);
    let mut kills = 0;
    let last = loop {
        match killed_or_ended(ceremony.start(), &[&proxy, &aws]) {
            Some(run) => break run,
            None => kills += 1,
        }
    };
    last.exits(4);
    assert_eq!(kills, 5);
    only_the_share_is_left(&ceremony);
    let tags = LocalStack::shared().secret_tags(&name);
    assert!(!tags.iter().any(|tag| tag.contains("removed")), "{tags:?}");
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    crate::ceremony::root_from_shares(&ada, "generate-root-token", &shares);
}

#[test]
fn the_endpoint_of_the_file_is_asked_whatever_the_environment_says() {
    require!(NEEDED);
    let (server, mut ceremony, _) = with_a_secret();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let variable = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
    ceremony.environment.push((variable.into(), nobody.clone()));
    let said = format!("{variable}, which is {nobody}");
    refused_before(&server, &ceremony, 1, &["custodian alice", &said]);
    ceremony.set("/init/custodians/0/secretsmanager/endpoint", json!(nobody));
    let said = format!("endpoint in the file, which is {nobody}");
    refused_before(&server, &ceremony, 1, &["custodian alice", &said]);
    let here = LocalStack::shared().endpoint();
    ceremony.set("/init/custodians/0/secretsmanager/endpoint", json!(here));
    ceremony.apply().exits(4);
    only_the_share_is_left(&ceremony);
}

#[test]
fn an_account_with_a_quorum_in_two_services_is_a_finding() {
    require!(NEEDED);
    let (_server, mut ceremony, _) = with_a_secret();
    let bob = ceremony.ssm_custodian("bob");
    ceremony.set("/init/custodians/1", bob);
    ceremony.remove("/init/accept_one_trust_domain");
    ceremony
        .apply()
        .exits(4)
        .prints(&["AWS account 000000000000", "alice", "bob"]);
}

#[test]
fn the_file_of_a_holder_says_where_a_secret_is() {
    require!(NEEDED);
    let (_server, mut ceremony, name) = with_a_secret();
    let at = |key: &str| format!("/init/custodians/0/secretsmanager/{key}");
    ceremony.set(&at("endpoint"), json!("https://vpce.example.com"));
    ceremony.set(&at("region"), json!("eu-central-1"));
    let printed = ceremony.run(&["holder-file", "alice"]);
    printed.exits(0).prints(&[
        "AWS credentials that may read it there",
        &format!("secretsmanager: {{name: {name}, kms_key: "),
        "endpoint: \"https://vpce.example.com\", region: eu-central-1}",
    ]);
}

fn denied() -> Action {
    let text = "User: arn:aws:iam::1:user/ada is not authorized to perform this";
    let body = json!({ "__type": "AccessDeniedException", "message": text });
    Action::Respond(400, "application/x-amz-json-1.1", body.to_string())
}
