//! Answers without an end from what stands in the place of AWS: taken in up to a limit, then an error. A stand-in
//! gives them, because no real AWS does.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::before;
use crate::ceremony::{Ceremony, Run};
use crate::support::{Action, Endless, LocalStack, Proxy, eventually, require};

const NEEDED: [&str; 2] = ["openbao-2.7.2", "localstack-4.9.2"];
/// What the program may have had in memory at any time, in KiB.
const MOST: u64 = 128 * 1024;
/// More than all attempts of one request together.
const LIMIT: Duration = Duration::from_secs(20);

/// Runs to the end, with AWS at the stand-in, and holds that it took little memory and time.
#[track_caller]
fn bounded(ceremony: &mut Ceremony, environment: &[(String, String)], arguments: &[&str]) -> Run {
    ceremony.environment = environment.to_vec();
    ceremony.save();
    let mut running = ceremony.tool().spawn(arguments);
    let mut most = 0;
    let ended = eventually(LIMIT, || {
        most = most.max(peak(running.id()));
        // Ended at once, which dropping it does: it would take the memory of the whole machine.
        assert!(most < MOST, "{} MiB in memory", most / 1024);
        running.has_ended()
    });
    assert!(ended, "still at it");
    assert!(most > 0, "its memory was never looked at");
    running.finish().into()
}

/// The most that a process ever had in memory, in KiB; 0 once it has ended.
fn peak(id: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    number.unwrap_or(0)
}

/// A place of S3 for the replica.
fn bucket() -> Value {
    json!({ "s3": { "bucket": "bucket", "prefix": "vault/test" } })
}

#[test]
fn an_answer_of_s3_without_an_end_is_refused() {
    require!(NEEDED);
    let (_server, mut ceremony) = before();
    let aws = Endless::start();
    ceremony.set("/checkpoint/replica", bucket());
    let mut environment = LocalStack::shared().env();
    environment.push(("AWS_ENDPOINT_URL_S3".to_owned(), aws.address()));
    let text = "s3://bucket/vault/test: the answer is larger than 4 MiB";
    bounded(&mut ceremony, &environment, &["status"])
        .exits(4)
        .prints(&[text]);
    bounded(&mut ceremony, &environment, &["apply", "--yes"])
        .exits(1)
        .says(&[text, "what to do:", "AWS_ENDPOINT_URL"]);
}

#[test]
fn a_listing_of_s3_without_an_end_is_refused() {
    require!(NEEDED);
    let (_server, mut ceremony) = before();
    ceremony.set("/checkpoint/replica", bucket());
    let page = |versions: usize, more: bool| {
        let version = "<Version><Key>k</Key></Version>".repeat(versions);
        format!("<L><IsTruncated>{more}</IsTruncated>{version}</L>")
    };
    for listing in [page(1, true), page(1001, false)] {
        let none = "<Error><Code>NotImplemented</Code></Error>";
        let aws = Proxy::before(&LocalStack::shared().endpoint(), move |request| {
            let (status, body) = match request.path.contains("versions=") {
                true => (200, listing.clone()),
                false => (404, none.to_owned()),
            };
            Action::Respond(status, "application/xml", body)
        });
        let mut environment = LocalStack::shared().env();
        environment.push(("AWS_ENDPOINT_URL_S3".to_owned(), aws.address()));
        bounded(&mut ceremony, &environment, &["apply", "--yes"])
            .exits(3)
            .says(&["there are too many versions to look through"]);
    }
}

#[test]
fn an_answer_of_parameter_store_or_kms_without_an_end_is_refused() {
    require!(NEEDED);
    let (_server, mut ceremony) = before();
    let aws = Endless::start();
    let key = LocalStack::shared().kms_create_key();
    let place = json!({ "ssm": { "parameter": "/vault/test", "kms_key": key } });
    ceremony.set("/checkpoint/replica", place);
    for (service, address) in [
        ("AWS_ENDPOINT_URL_SSM", "aws-ssm://us-east-1/vault/test"),
        ("AWS_ENDPOINT_URL_KMS", "aws-kms://us-east-1"),
    ] {
        let mut environment = LocalStack::shared().env();
        environment.push((service.to_owned(), aws.address()));
        let text = "the answer is larger than 8 MiB";
        bounded(&mut ceremony, &environment, &["status"])
            .exits(4)
            .prints(&[address, text]);
        bounded(&mut ceremony, &environment, &["apply", "--yes"])
            .exits(1)
            .says(&[address, text, "what to do:", "AWS_ENDPOINT_URL"]);
    }
}

#[test]
fn an_answer_of_secrets_manager_without_an_end_is_refused() {
    require!(NEEDED);
    let (server, mut ceremony) = before();
    let aws = Endless::start();
    let alice = ceremony.secretsmanager_custodian("alice");
    ceremony.set("/init/custodians/0", alice);
    let service = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
    let mut environment = LocalStack::shared().env();
    environment.push((service.to_owned(), aws.address()));
    bounded(&mut ceremony, &environment, &["apply", "--yes"])
        .exits(1)
        .says(&[
            "aws-secretsmanager://us-east-1",
            "larger than 8 MiB",
            service,
        ]);
    assert!(!server.api().initialised());
}

#[test]
fn an_account_that_is_told_without_an_end_is_one_that_is_not_known() {
    require!(NEEDED);
    let (_server, mut ceremony) = before();
    let aws = Endless::start();
    let key = LocalStack::shared().kms_create_key();
    let path = format!("{}/checkpoint", ceremony.prefix());
    let place = json!({ "ssm": { "parameter": path, "kms_key": key } });
    ceremony.set("/checkpoint/replica", place);
    let mut environment = LocalStack::shared().env();
    environment.push(("AWS_ENDPOINT_URL_STS".to_owned(), aws.address()));
    bounded(&mut ceremony, &environment, &["status"])
        .exits(4)
        .never_says(&["the answer is larger"]);
}

#[test]
fn credentials_without_an_end_are_refused() {
    require!(NEEDED);
    let (_server, mut ceremony) = before();
    let aws = Endless::start();
    for place in [json!({ "ssm": { "parameter": "/vault/test" } }), bucket()] {
        ceremony.set("/checkpoint/replica", place);
        for (source, text) in [
            // As in a container.
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "the answer is larger than 8 MiB",
            ),
            // As on a machine of EC2, which the SDK takes this one not to be then.
            (
                "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                "no credentials found in chain",
            ),
        ] {
            let environment = [
                ("AWS_REGION".to_owned(), LocalStack::REGION.to_owned()),
                (source.to_owned(), aws.address()),
            ];
            bounded(&mut ceremony, &environment, &["status"])
                .exits(4)
                .prints(&["no usable AWS credentials", text]);
        }
    }
}

/// One commit follows the other, whatever number is asked for.
#[test]
fn commits_without_an_end_are_refused() {
    require!(NEEDED);
    let (_server, mut ceremony) = before();
    let place = json!({ "ssm": { "parameter": "/vault/test" } });
    ceremony.set("/checkpoint/replica", place);
    let aws = Proxy::before(&LocalStack::shared().endpoint(), |request| {
        let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let name = asked["Name"].as_str().unwrap_or_default();
        let Some((_, number)) = name.split_once("/commit-") else {
            return Action::Pass;
        };
        let generation: u64 = number.parse().expect("a number");
        let part =
            json!({ "name": "diary-1-0123456789abcdef", "pieces": 1, "digest": "sha256:00" });
        let commit = json!({
            "version": 1, "generation": generation, "id": "0123456789abcdef", "owner": "me", "written": "now",
            "diary": part, "secrets": null,
        });
        let value = STANDARD.encode(commit.to_string());
        let answer = json!({ "Parameter": { "Name": name, "Type": "SecureString", "Value": value, "Version": 1 } });
        Action::Respond(200, "application/x-amz-json-1.1", answer.to_string())
    });
    let mut environment = LocalStack::shared().env();
    environment.push(("AWS_ENDPOINT_URL_SSM".to_owned(), aws.address()));
    bounded(&mut ceremony, &environment, &["status"])
        .exits(4)
        .prints(&["damaged: ", "one commit follows the other without an end"]);
    assert!(aws.total() < 200, "{} requests", aws.total());
}
