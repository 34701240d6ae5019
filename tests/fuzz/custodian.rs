//! Answers of AWS, and files of `age` custodians: whatever is there is understood or refused.

use std::process::Command;

use proptest::prelude::*;
use proptest::sample::select;
use vault_bootstrap::aws::kms::KmsKey;
use vault_bootstrap::custodian::{Aws, Custodian, Error, Reached, Stored, ssm};
use vault_bootstrap::replica::{Commit, Replica};
use vault_bootstrap::secret::{Share, ShareMaterial};

use crate::feed::{answers, damaged, for_a_while, write};
use crate::responder::{Responder, runtime};

const SHARE: &str = "c2hhcmUgb25lIG9mIHRocmVlIGluIGFsbCwgMzMgYnl0ZXM=";
/// Tells the test that it is its own child, and the port of the service.
const PORT: &str = "FUZZ_AWS_PORT";

const WORDS: &[&str] = &[
    "Parameter",
    "Name",
    "Type",
    "Value",
    "Version",
    "LastModifiedDate",
    "ARN",
    "DataType",
    "SecureString",
    "String",
    "Tier",
    "KeyMetadata",
    "KeyId",
    "Arn",
    "Enabled",
    "KeyState",
    "KeyUsage",
    "ENCRYPT_DECRYPT",
    "PendingDeletion",
    "MultiRegion",
    "CiphertextBlob",
    "Plaintext",
    "EncryptionAlgorithm",
    "SYMMETRIC_DEFAULT",
    "__type",
    "message",
    "ParameterAlreadyExists",
    "ParameterNotFound",
    "AccessDeniedException",
    "DisabledException",
    "SecretString",
    "VersionId",
    "VersionIdsToStages",
    "AWSCURRENT",
    "DeletedDate",
    "vault-bootstrap-removed",
    "ResourceNotFoundException",
    "InvalidRequestException",
    "scheduled for deletion",
    "1e400",
    "-1",
];

const TRUE: &[&str] = &[
    r#"{"Parameter":{"Name":"/vault/share","Type":"SecureString","Value":"c2hhcmUgb25lIG9mIHRocmVlIGluIGFsbCwgMzMgYnl0ZXM=","Version":1,"LastModifiedDate":1795248000.123,"ARN":"arn:aws:ssm:us-east-1:000000000000:parameter/vault/share","DataType":"text"}}"#,
    r#"{"Version":1,"Tier":"Standard"}"#,
    r#"{"KeyMetadata":{"KeyId":"1234abcd","Arn":"arn:aws:kms:us-east-1:000000000000:key/1234abcd","Enabled":true,"KeyState":"Enabled","KeyUsage":"ENCRYPT_DECRYPT","KeySpec":"SYMMETRIC_DEFAULT","CreationDate":1795248000.0,"MultiRegion":false}}"#,
    r#"{"CiphertextBlob":"AAAA","KeyId":"arn:aws:kms:us-east-1:000000000000:key/1234abcd"}"#,
    r#"{"Plaintext":"AAAA","KeyId":"arn:aws:kms:us-east-1:000000000000:key/1234abcd"}"#,
    r#"{"__type":"ParameterNotFound"}"#,
    r#"{"__type":"com.amazonaws.ssm#ParameterAlreadyExists","message":"it exists"}"#,
    r#"{"__type":"AccessDeniedException","message":"not authorized to perform: ssm:PutParameter"}"#,
    r#"{"Parameter":{"Name":"/vault/replica/commit-2","Type":"SecureString","Value":"eyJ2ZXJzaW9uIjoxLCJnZW5lcmF0aW9uIjoyLCJpZCI6IjAxMjM0NTY3ODlhYmNkZWYiLCJvd25lciI6Im1lIiwid3JpdHRlbiI6IjIwMjYtMTEtMjFUMDg6MDA6MDBaIiwiZGlhcnkiOnsibmFtZSI6ImRpYXJ5LTEtMDEyMzQ1Njc4OWFiY2RlZiIsInBpZWNlcyI6MSwiZGlnZXN0Ijoic2hhMjU2OjAwIn0sInNlY3JldHMiOm51bGx9","Version":1}}"#,
    r#"{"Parameters":[{"Name":"/vault/replica/claim-1","Value":"eyJ2ZXJzaW9uIjoxLCJpZCI6IjAxMjM0NTY3ODlhYmNkZWYiLCJvd25lciI6Im1lIiwiYXQiOiIyMDI2LTExLTIxVDA4OjAwOjAwWiJ9"},{"Name":"/vault/replica/secrets-1-0123456789abcdef.0"}],"NextToken":"AAAA","Parameter":{"Name":"/vault/replica/claim-1","Value":"eyJ2ZXJzaW9uIjoxLCJpZCI6IjAxMjM0NTY3ODlhYmNkZWYiLCJvd25lciI6Im1lIiwiYXQiOiIyMDI2LTExLTIxVDA4OjAwOjAwWiJ9"}}"#,
    r#"{"Name":"vault/share","ARN":"arn:aws:secretsmanager:us-east-1:000000000000:secret:vault/share-AbCdEf","SecretString":"c2hhcmUgb25lIG9mIHRocmVlIGluIGFsbCwgMzMgYnl0ZXM=","VersionId":"0123456789abcdef0123456789abcdef","VersionStages":["AWSCURRENT"],"VersionIdsToStages":{"0123456789abcdef0123456789abcdef":["AWSCURRENT"]},"KmsKeyId":"1234abcd","ReplicationStatus":[{"Region":"eu-west-1"}],"RotationEnabled":false,"CreatedDate":1795248000.123}"#,
    r#"{"Name":"vault/share","DeletedDate":1795248000.123,"Tags":[{"Key":"vault-bootstrap-removed","Value":"true"}]}"#,
    r#"{"__type":"InvalidRequestException","message":"a secret with this name is already scheduled for deletion"}"#,
    r#"{"__type":"DisabledException","message":"key is disabled"}"#,
];

const COMMIT: &str = r#"{"version":1,"generation":2,"id":"0123456789abcdef","owner":"me","written":"now","diary":{"name":"diary-1-0123456789abcdef","pieces":1,"digest":"sha256:00"},"secrets":null}"#;

fn judge<T>(result: Result<T, Error>) -> Option<T> {
    let told = |error: Error| {
        let shown = format!("{error} {error:?} {:?}", error.advice());
        assert!(!shown.contains(SHARE), "{shown}");
    };
    result.map_err(told).ok()
}

fn stored(address: String) -> Stored {
    Stored {
        address,
        version: Some(1),
        last_modified: Some("2026-11-21T08:00:00Z".into()),
        digest: Some("sha256:00".into()),
        ..Stored::default()
    }
}

async fn ask_everything(custodian: &Custodian) {
    judge(custodian.presence().await);
    judge(custodian.canary("w").await);
    let share = ShareMaterial::Plain(Share::new(SHARE.into()));
    if let Some(prepared) = judge(custodian.prepare(&share).await) {
        judge(custodian.store(&share, &prepared).await);
    }
    judge(custodian.observe(&stored(custodian.address())).await);
    judge(custodian.fetch(&[]).await);
}

/// AWS is led here by the environment, which only a process of its own can have.
#[test]
fn any_answer_of_aws_is_understood_or_refused() {
    let Ok(port) = std::env::var(PORT) else {
        in_a_child("custodian::any_answer_of_aws_is_understood_or_refused");
        return;
    };
    let runtime = runtime();
    let responder = runtime.block_on(Responder::start(port.parse().unwrap()));
    let aws = Aws::default();
    let tags = std::collections::BTreeMap::new();
    responder.say(200, "application/x-amz-json-1.1", TRUE[2].as_bytes());
    let custodian = Custodian::in_parameter("alice", ("/vault/share", None), &tags, &aws);
    let custodian = runtime.block_on(custodian).unwrap();
    let reached = Reached {
        aws: &aws,
        endpoint: None,
    };
    let secret = Custodian::in_secrets_manager("alice", ("vault/share", None), &tags, reached);
    let secret = runtime.block_on(secret).unwrap();
    let key = runtime.block_on(KmsKey::open("1234abcd", &aws)).unwrap();
    let replica = Replica::in_ssm("/vault/replica", Some("1234abcd"), &aws);
    let replica = runtime.block_on(replica).unwrap();
    let commit: Commit = serde_json::from_str(COMMIT).unwrap();
    // Others are tried again by the SDK, after a pause.
    let status = select(&[200u16, 200, 200, 400, 403, 404][..]);
    for_a_while("aws", &(status, answers(TRUE, WORDS)), |(status, body)| {
        responder.say(status, "application/x-amz-json-1.1", &body);
        runtime.block_on(async {
            ask_everything(&custodian).await;
            ask_everything(&secret).await;
            judge(key.usable().await);
            judge(key.encrypt(b"plain", ("a", "b")).await);
            judge(key.decrypt(b"wrapped", ("a", "b")).await);
            judge(replica.look().await);
            // What is missing is waited for.
            if body.len().is_multiple_of(64) {
                judge(replica.fetch(&commit.diary).await);
            }
            // It opens a client of its own each time, which takes longer than all the others.
            if body.len().is_multiple_of(8) {
                judge(ssm::read_secret("/vault/share", &aws).await);
            }
        });
    });
}

fn in_a_child(test: &str) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let endpoint = format!("http://127.0.0.1:{port}");
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args([test, "--exact", "--nocapture"])
        .env(PORT, port.to_string());
    child.envs([
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIATEST"),
        ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ]);
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let counted = text.lines().find(|line| line.starts_with("aws: "));
    println!("{}", counted.unwrap_or_default());
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn any_file_in_the_place_of_a_share_is_understood_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public();
    let plain = age::encrypt(&recipient, SHARE.as_bytes()).unwrap();
    let armored = age::encrypt_and_armor(&recipient, SHARE.as_bytes()).unwrap();
    let key = directory.path().join("key");
    write(
        &key,
        age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).as_bytes(),
    );
    let identities = [vault_bootstrap::custodian::IdentityFile::read(&key).unwrap()];
    let place = directory.path().join("alice.age");
    let custodian = Custodian::in_age_file("alice", &recipient.to_string(), &place).unwrap();
    let runtime = runtime();
    let words: &[&str] = &[
        "-----BEGIN AGE ENCRYPTED FILE-----",
        "-----END AGE ENCRYPTED FILE-----",
        "-> scrypt ",
        "-> X25519 ",
        "age-encryption.org/v1",
        "--- ",
    ];
    let cases = damaged(vec![plain, armored.into_bytes()], words);
    for_a_while("age", &cases, |bytes| {
        write(&place, &bytes);
        runtime.block_on(async {
            ask_everything(&custodian).await;
            if let Some(share) = judge(custodian.fetch(&identities).await) {
                // What opens is what was encrypted, or the beginning of nothing.
                assert_eq!(share.expose(), SHARE);
            }
        });
    });
}

#[test]
fn any_text_is_a_recipient_or_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let cases = prop_oneof![
        "\\PC{0,80}",
        "age1[a-z0-9]{50,60}",
        "AGE-SECRET-KEY-1[A-Z0-9]{58}"
    ];
    for_a_while("recipient", &cases, |recipient| {
        let file = directory.path().join("bob.age");
        judge(Custodian::in_age_file("bob", &recipient, &file));
    });
}
