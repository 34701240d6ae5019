//! LocalStack: keys that refuse, and parameters that are created once.

use crate::support::{LocalStack, require};

#[test]
fn kms_encrypts_and_refuses_with_a_disabled_key() {
    require!(["localstack-4.9.2"]);
    let aws = LocalStack::shared();
    let key = aws.kms_create_key();
    aws.kms_alias(&key, &format!("alias/{key}"));
    let ciphertext = aws
        .kms_encrypt(&format!("alias/{key}"), b"a share")
        .expect("encrypts");
    assert_eq!(
        aws.kms_decrypt(&key, &ciphertext).expect("decrypts"),
        b"a share"
    );
    aws.kms_disable(&key);
    assert_eq!(
        aws.kms_decrypt(&key, &ciphertext),
        Err("DisabledException".to_owned())
    );
    aws.kms_enable(&key);
    assert!(aws.kms_decrypt(&key, &ciphertext).is_ok());
    assert!(aws.kms_arn(&key).starts_with("arn:aws:kms:us-east-1:"));
}

#[test]
fn the_parameter_store_creates_only_once() {
    require!(["localstack-4.9.2"]);
    let aws = LocalStack::shared();
    let name = "/create-only/share-1";
    assert_eq!(aws.ssm_get(name), None);
    assert_eq!(aws.ssm_put(name, "first", false), Ok(()));
    let again = aws.ssm_put(name, "second", false);
    assert_eq!(again, Err("ParameterAlreadyExists".to_owned()));
    assert_eq!(aws.ssm_get(name).as_deref(), Some("first"));
    assert_eq!(aws.ssm_put(name, "second", true), Ok(()));
    assert_eq!(aws.ssm_get(name).as_deref(), Some("second"));
    assert_eq!(aws.ssm_names_under("/create-only"), [name]);
    aws.ssm_delete(name);
    assert!(aws.ssm_names_under("/create-only").is_empty());
}
