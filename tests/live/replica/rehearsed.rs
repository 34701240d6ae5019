//! What is rehearsed on a machine that vanishes is known, and shown, by the next one.

use super::*;

/// `rehearse` with every custodian's key, and signed.
const REHEARSE: [&str; 9] = [
    "rehearse",
    "--identity",
    "alice.key",
    "--identity",
    "bob.key",
    "--identity",
    "carol.key",
    "--sign-key",
    "evidence.key",
];

/// The key that signs, and the one that verifies.
fn signs(ceremony: &Ceremony) {
    let pair = minisign::KeyPair::generate_unencrypted_keypair().expect("keys");
    let secret = pair.sk.to_box(None).expect("a key").into_string();
    ceremony.write("evidence.key", &secret);
    let public = pair.pk.to_box().expect("a key").into_string();
    ceremony.write("evidence.pub", &public);
}

/// The documents of this kind in the directory, sorted.
fn documents(ceremony: &Ceremony, kind: &str) -> Vec<String> {
    let mut names = ceremony.files_in("checkpoint");
    names.retain(|name| name.starts_with(kind));
    names.sort();
    names
}

#[track_caller]
fn is_verified(ceremony: &Ceremony, kind: &str) {
    let file = format!("checkpoint/{}", documents(ceremony, kind)[0]);
    ceremony
        .run(&["report", "verify", &file, "--key", "evidence.pub"])
        .exits(0);
}

fn rehearsed_and_lost(ceremony: &Ceremony, place: &str) {
    ceremony.apply().exits(4).prints(&["not rehearsed"]);
    signs(ceremony);
    ceremony.run(&REHEARSE).exits(0);
    let before = documents(ceremony, "rehearsal-");
    assert_eq!(before.len(), 3, "{before:?}");
    lose_the_disk(ceremony);
    let at = format!(", at {place}");
    ceremony
        .run(&["status"])
        .exits(0)
        .prints(&["last rehearsed 2", &before[0], &at]);
    let status = ceremony.run(&["status", "--output", "json"]).event();
    assert_eq!(status["rehearsed"]["without"], json!([]), "{status}");
    ceremony
        .apply()
        .says(&["the last rehearsal is known from the replica"])
        .prints(&["last rehearsed 2"])
        .never_says(&["not rehearsed"]);
    assert_eq!(documents(ceremony, "rehearsal-"), before);
    is_verified(ceremony, "rehearsal-");
}

#[test]
fn a_machine_that_vanishes_takes_no_evidence_of_its_rehearsal_with_it() {
    require!(NEEDED);
    let server = Server::in_memory();
    let ceremony = with_parameters(&server);
    rehearsed_and_lost(&ceremony, "aws-ssm://us-east-1");
    let server = Server::in_memory();
    let (ceremony, bucket) = with_a_bucket(&server, Bucket::versioned);
    rehearsed_and_lost(&ceremony, &format!("s3://{}", bucket.name()));
    assert!(bucket.contents().contains("signature of evidence"));
}

#[test]
fn evidence_that_the_replica_does_not_take_is_a_finding_and_says_so_itself() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    ceremony.apply().exits(4);
    signs(&ceremony);
    let denied = r#"{"__type": "AccessDeniedException", "message": "no"}"#;
    let denied = Action::Respond(400, "application/x-amz-json-1.1", denied.to_owned());
    let faults = Faults::new().every(writes("evidence-"), denied);
    let _aws = before_aws(&mut ceremony, &faults);
    ceremony
        .run(&REHEARSE)
        .exits(4)
        .prints(&["may be on this machine only", "rehearsed: break-glass into"]);
    let names = documents(&ceremony, "rehearsal-");
    assert_eq!(names.len(), 3, "{names:?}");
    let text = std::fs::read_to_string(ceremony.path("checkpoint").join(&names[0]));
    let facts: Value = serde_json::from_str(&text.expect("evidence")).expect("JSON");
    let codes = facts["findings"].as_array().expect("findings").iter();
    let codes: Vec<_> = codes.map(|one| one["code"].clone()).collect();
    assert!(codes.contains(&json!("replica-unreachable")), "{facts:#}");
    let file = format!("checkpoint/{}", names[0]);
    ceremony
        .run(&["report", "verify", &file, "--key", "evidence.pub"])
        .exits(4)
        .prints(&["is what was signed"]);
}
