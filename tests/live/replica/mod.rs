//! The machine vanishes with its disk: the ceremony goes on elsewhere, from a replica that forgets when told.

mod away;
mod buckets;
mod damaged;
mod late;
mod leases;
mod leaving;
mod machines;
mod overtaken;
mod places;
mod rehearsed;
mod rotating;
mod shares;
mod two_ceremonies;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Run, Server, looks_like_a_share};
use crate::support::{
    Action, Bucket, Faults, Gate, LocalStack, Proxy, RequestInfo, eventually, require,
};

const NEEDED: [&str; 2] = ["openbao-2.7.2", "localstack-4.9.2"];
/// The one request that is never repeated.
const INIT: &str = "PUT sys/init";
/// What comes once the answer of the initialisation is stored.
const MOUNTS: &str = "GET sys/mounts";
const PATIENCE: Duration = Duration::from_secs(60);

/// A ceremony whose checkpoint has a replica in the parameter store.
fn with_parameters(server: &Server) -> Ceremony {
    let mut ceremony = Ceremony::at(server);
    let aws = LocalStack::shared();
    ceremony.environment = aws.env();
    let (path, key) = (
        format!("{}/checkpoint", ceremony.prefix()),
        aws.kms_create_key(),
    );
    ceremony.set(
        "/checkpoint/replica",
        json!({ "ssm": { "parameter": path, "kms_key": key } }),
    );
    ceremony
}

/// The same in a bucket.
fn with_a_bucket(server: &Server, make: impl Fn(&str) -> Bucket) -> (Ceremony, Bucket) {
    let mut ceremony = Ceremony::at(server);
    ceremony.environment = LocalStack::shared().env();
    let name = ceremony
        .prefix()
        .replace(['/', '_', '.'], "-")
        .to_lowercase();
    let bucket = make(name.trim_matches('-'));
    ceremony.set(
        "/checkpoint/replica",
        json!({ "s3": { "bucket": bucket.name(), "prefix": "vault/test" } }),
    );
    (ceremony, bucket)
}

/// Puts a proxy with these faults before AWS.
fn before_aws(ceremony: &mut Ceremony, faults: &Faults) -> Proxy {
    let proxy = faults.before(&LocalStack::shared().endpoint());
    for (name, value) in &mut ceremony.environment {
        if name == "AWS_ENDPOINT_URL" {
            *value = proxy.address();
        }
    }
    proxy
}

/// The label of writing into a part of the replica in the parameter store.
fn writes(part: &str) -> String {
    format!("AmazonSSM.PutParameter */{part}*")
}

/// The name of the parameter that a request writes.
fn written(request: &RequestInfo) -> Option<String> {
    let label = request.label();
    label
        .strip_prefix("AmazonSSM.PutParameter ")
        .map(str::to_owned)
}

/// What a request writes into a parameter, as it was before it was made base64 for it.
fn value(request: &RequestInfo) -> Option<Vec<u8>> {
    written(request)?;
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    STANDARD.decode(body["Value"].as_str()?).ok()
}

/// The disk of the machine is gone; holders have proved what they have proved.
fn lose_the_disk(ceremony: &Ceremony) {
    std::fs::remove_dir_all(ceremony.path("checkpoint")).expect("it was there");
}

/// The id that a refused run says may be taken over.
#[track_caller]
fn id_in(run: &Run) -> String {
    let said = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    let after = said.split("--take-over ").nth(1);
    let id = after.and_then(|rest| rest.split_whitespace().next());
    id.unwrap_or_else(|| panic!("no id is said\n{run}"))
        .to_owned()
}

/// Runs on a machine that knows nothing, first without and then with the word that the other one is gone.
#[track_caller]
fn elsewhere(ceremony: &Ceremony) -> Run {
    let refused = ceremony.apply();
    refused.exits(3).says(&[
        "another run holds",
        "if it is still going, wait for it to end",
    ]);
    let id = id_in(&refused);
    ceremony.run(&["apply", "--yes", "--take-over", &id])
}

/// Names at the replica in the parameter store, without the path.
fn kept(ceremony: &Ceremony) -> Vec<String> {
    let path = format!("{}/checkpoint", ceremony.prefix());
    let names = LocalStack::shared().ssm_names_under(&path);
    let short = |name: &String| name[path.len() + 1..].to_owned();
    names.iter().map(short).collect()
}

#[track_caller]
fn only_public_things_are_kept(names: &[String]) {
    let is_commit = |name: &String| name.starts_with("commit");
    let public = |name: &String| is_commit(name) || name.starts_with("diary-");
    assert!(names.iter().all(public), "{names:?}");
    let commits = names.iter().filter(|name| is_commit(name)).count();
    assert_eq!(commits, 1, "{names:?}");
}

/// Starts a run at a proxy that holds the `nth` request with this label, and kills it there.
fn killed_at(
    server: &Server,
    ceremony: &mut Ceremony,
    label: &str,
    nth: usize,
    answered: bool,
) -> Proxy {
    let held = if answered {
        Action::HoldAnswer
    } else {
        Action::Hold
    };
    let faults = Faults::new().nth(nth, label, held);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.start();
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    proxy
}

#[track_caller]
fn is_handed_over(server: &Server, ceremony: &Ceremony) {
    assert!(!ceremony.keeps_secrets());
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    auditor.no_root_is_left();
    for name in ["alice", "bob", "carol"] {
        assert!(
            looks_like_a_share(&ceremony.custody().share(name)),
            "{name}"
        );
    }
}

#[test]
fn killed_with_its_disk_gone_the_ceremony_goes_on_elsewhere_from_every_stage() {
    require!(NEEDED);
    for (label, nth, answered) in [
        (INIT, 1, false),
        ("GET auth/token/lookup-self", 1, false),
        ("POST sys/mounts/secret", 1, true),
        ("POST auth/userpass/users/ada", 1, true),
        // Three doors are tried and closed; the fourth revocation is root's own.
        ("POST auth/token/revoke-self", 4, false),
        ("POST auth/token/revoke-self", 4, true),
    ] {
        let server = Server::in_memory();
        let mut ceremony = with_parameters(&server);
        ceremony.set("/cluster/timeouts", json!({ "request": "3s" }));
        let proxy = killed_at(&server, &mut ceremony, label, nth, answered);
        lose_the_disk(&ceremony);
        elsewhere(&ceremony).exits(4).shows_no_token();
        is_handed_over(&server, &ceremony);
        only_public_things_are_kept(&kept(&ceremony));
        let asked = if label == INIT { 2 } else { 1 };
        assert_eq!(proxy.count(INIT), asked, "{label}");
    }
}

#[test]
fn an_answer_that_no_place_had_yet_is_lost_with_its_machine_and_told_by_name() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let proxy = killed_at(&server, &mut ceremony, INIT, 1, true);
    lose_the_disk(&ceremony);
    elsewhere(&ceremony)
        .exits(3)
        .says(&["this checkpoint asked for that, and its answer never reached"]);
    assert_eq!(proxy.count(INIT), 1);
}

/// Killed between the disk and the replica: the disk knows more, and goes on as if nothing had been.
#[test]
fn an_answer_that_only_the_disk_has_goes_on_from_the_disk_without_taking_over() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    // The first is the room, the second the answer.
    let faults = Faults::new().nth(2, writes("secrets-"), Action::Hold);
    let aws = before_aws(&mut ceremony, &faults);
    let run = ceremony.start();
    assert!(aws.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    assert_eq!(
        ceremony.files_in("shares"),
        Vec::<String>::new(),
        "nothing is done without the replica"
    );
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    only_public_things_are_kept(&kept(&ceremony));
}

#[test]
fn what_was_destroyed_has_no_history_and_the_report_says_that_shares_left_the_machine() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let names: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let seen = names.clone();
    let watched = Faults::new().every(writes(""), move |request: &RequestInfo| {
        seen.lock().expect("ours").extend(written(request));
        Action::Pass
    });
    let _aws = before_aws(&mut ceremony, &watched);
    ceremony.apply().exits(4).prints(&[
        "the shares left this machine, encrypted, for aws-ssm://us-east-1",
        "deleted there, which was verified",
        "rotate the shares with verification: copy the file to OLD.yaml, write init.generation one higher",
    ]);
    let names = names.lock().expect("ours").clone();
    let count = |kind: &str| names.iter().filter(|name| name.contains(kind)).count();
    assert!(count("/secrets-") >= 3, "room, answer, root: {names:?}");
    assert!(count("/trial-") >= 1 && count("/claim-") == 1, "{names:?}");
    for name in names.iter() {
        let versions = LocalStack::shared().ssm_versions(name);
        let public = name.contains("/diary-") || name.contains("/commit-");
        assert!(versions == 0 || public, "{name} has {versions} versions");
    }
    only_public_things_are_kept(&kept(&ceremony));
    assert!(
        ceremony.report()["findings"]
            .to_string()
            .contains("the shares left this machine")
    );
    ceremony
        .apply()
        .exits(4)
        .prints(&["nothing was written", "the shares left this machine"]);
}

#[test]
fn whatever_is_written_to_the_replica_is_public_or_encrypted() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let values: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let seen = values.clone();
    let watched = Faults::new().every(writes(""), move |request: &RequestInfo| {
        seen.lock().expect("ours").extend(value(request));
        Action::Pass
    });
    let _aws = before_aws(&mut ceremony, &watched);
    // It hears what the server says.
    let proxy = Faults::new().before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.apply().exits(4);
    let values = values.lock().expect("ours").join(&b'\n');
    let canaries = &ceremony.canaries;
    assert!(canaries.count("root_token") >= 1 && canaries.count("keys_base64") >= 3);
    let kept = String::from_utf8_lossy(&values);
    assert!(kept.contains("ciphertext") && kept.contains("init-answer"));
    canaries.are_not_in("the replica", &values);
}

#[test]
fn after_hand_over_another_machine_finds_that_everything_is_done() {
    require!(NEEDED);
    let server = Server::in_memory();
    let ceremony = with_parameters(&server);
    ceremony.apply().exits(4);
    lose_the_disk(&ceremony);
    ceremony
        .run(&["status"])
        .exits(0)
        .prints(&["replica aws-ssm://us-east-1", "without secrets"]);
    let log = server.audit().after_this();
    ceremony.apply().exits(4).prints(&["nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}
