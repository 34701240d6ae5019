//! A replica that may copy what it is given, and shares that a replica does not keep.

use serde_json::json;

use super::refused_before;
use crate::ceremony::{Ceremony, Server};
use crate::support::{Action, Bucket, LocalStack, Proxy, RequestInfo, require};

const NEEDED: [&str; 2] = ["openbao-2.7.2", "localstack-4.9.2"];
const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>not you</Message></Error>";

/// A ceremony with a bucket, which is asked through a proxy.
fn with_a_bucket(
    rule: impl Fn(&RequestInfo) -> Action + Send + Sync + 'static,
) -> (Server, Ceremony, Proxy) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let name = ceremony.prefix().replace(['/', '_', '.'], "-");
    let bucket = Bucket::plain(name.to_lowercase().trim_matches('-'));
    let proxy = Proxy::before(&LocalStack::shared().endpoint(), rule);
    ceremony.environment = LocalStack::shared().env();
    for (name, value) in &mut ceremony.environment {
        if name == "AWS_ENDPOINT_URL" {
            *value = proxy.address();
        }
    }
    let place = json!({ "s3": { "bucket": bucket.name(), "prefix": "vault/test" } });
    ceremony.set("/checkpoint/replica", place);
    (server, ceremony, proxy)
}

fn denied(request: &RequestInfo, question: &str) -> Action {
    match request.method == "GET" && request.path.contains(question) {
        true => Action::Respond(403, "application/xml", DENIED.to_owned()),
        false => Action::Pass,
    }
}

#[test]
fn a_bucket_that_does_not_say_whether_it_is_replicated_is_refused() {
    require!(NEEDED);
    let (server, ceremony, _aws) = with_a_bucket(|request| denied(request, "?replication"));
    let texts = ["s3:GetReplicationConfiguration is denied: not you"];
    refused_before(&server, &ceremony, 1, &texts);
}

#[test]
fn shares_in_files_beside_a_replica_are_warned_of_and_found() {
    require!(NEEDED);
    // Whether it locks is shown by the trial, which deletes.
    let (_server, ceremony, _aws) = with_a_bucket(|request| denied(request, "?object-lock"));
    let run = ceremony.apply();
    let said = "are files of this machine, which the replica does not keep";
    run.exits(4).says(&["warning:", said]);
    run.prints(&[said, "bring them to their holders, or use ssm"]);
    let findings = ceremony.report()["findings"].to_string();
    assert!(findings.contains(said), "{findings}");
    ceremony
        .apply()
        .exits(4)
        .prints(&["nothing was written", said]);
}
