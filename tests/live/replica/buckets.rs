//! Replicas in S3: buckets that keep versions, that lock them, that are not there.

use super::*;

#[test]
fn a_versioned_bucket_forgets_every_version_of_what_was_secret() {
    require!(NEEDED);
    for make in [Bucket::plain, Bucket::versioned] {
        let server = Server::in_memory();
        let (mut ceremony, bucket) = with_a_bucket(&server, make);
        let _proxy = killed_at(
            &server,
            &mut ceremony,
            "GET auth/token/lookup-self",
            1,
            false,
        );
        let keys = bucket.keys_of_versions();
        assert!(keys.iter().any(|key| key.contains("/secrets-")), "{keys:?}");
        lose_the_disk(&ceremony);
        elsewhere(&ceremony).exits(4);
        is_handed_over(&server, &ceremony);
        let keys = bucket.keys_of_versions();
        let names: Vec<_> = keys
            .iter()
            .map(|key| key.replace("vault/test/", ""))
            .collect();
        only_public_things_are_kept(&names);
        let text = bucket.contents();
        assert!(
            text.contains("\"cluster\"") && !text.contains("ciphertext\":\""),
            "{text}"
        );
    }
}

#[test]
fn a_bucket_that_keeps_what_is_deleted_is_refused_before_anything_is_written() {
    require!(NEEDED);
    let server = Server::in_memory();
    let (ceremony, bucket) = with_a_bucket(&server, Bucket::locked);
    ceremony.apply().exits(3).says(&[
        &format!("s3://{}/vault/test: keeps what was deleted", bucket.name()),
        "object lock is on in this bucket",
        "a bucket without object lock",
    ]);
    assert!(!server.api().initialised());
    assert_eq!(bucket.keys_of_versions(), Vec::<String>::new());
}

#[test]
fn a_bucket_where_versions_may_not_be_deleted_is_refused_before_anything_is_initialised() {
    require!(NEEDED);
    let server = Server::in_memory();
    let (mut ceremony, _bucket) = with_a_bucket(&server, Bucket::versioned);
    let denied = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let denied = Action::Respond(403, "application/xml", denied.to_owned());
    let faults = Faults::new().every("DELETE */trial-*", denied);
    let _aws = before_aws(&mut ceremony, &faults);
    ceremony.apply().exits(3).says(&[
        "keeps what was deleted: s3:DeleteObjectVersion is denied",
        "where s3:DeleteObjectVersion is allowed",
    ]);
    assert!(!server.api().initialised());
}

#[test]
fn a_bucket_that_does_not_exist() {
    require!(NEEDED);
    let server = Server::in_memory();
    let (mut ceremony, _) = with_a_bucket(&server, Bucket::plain);
    ceremony.set(
        "/checkpoint/replica/s3/bucket",
        json!("nobody-made-this-bucket"),
    );
    ceremony.apply().exits(1).says(&[
        "s3://nobody-made-this-bucket/vault/test: not found",
        "aws s3api create-bucket --bucket nobody-made-this-bucket",
    ]);
    assert!(!server.api().initialised());
}
