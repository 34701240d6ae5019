//! A secret that is there or on its way out, rights and keys that are missing: refused before initialisation.

use super::*;

fn refused_with_nothing_left(ceremony: &Ceremony, server: &Server, code: i32, texts: &[&str]) {
    refused_before(server, ceremony, code, texts);
    assert_eq!(left(ceremony), []);
}

#[test]
fn a_secret_that_already_exists() {
    require!(NEEDED);
    let (server, ceremony, name) = with_a_secret();
    let aws = LocalStack::shared();
    aws.make_secret(&name, "precious");
    let texts = [
        "refused:",
        &name,
        "already holds something",
        "nothing is ever overwritten",
    ];
    refused_before(&server, &ceremony, 3, &texts);
    assert_eq!(aws.secret(&name).as_deref(), Some("precious"));
    assert_eq!(left(&ceremony), [(name, false)]);
}

#[test]
fn a_secret_that_somebody_has_deleted_and_that_can_be_restored() {
    require!(NEEDED);
    let (server, ceremony, name) = with_a_secret();
    let aws = LocalStack::shared();
    aws.make_secret(&name, "precious");
    aws.schedule_deletion(&name);
    let restore =
        format!("aws secretsmanager restore-secret --secret-id {name} --region us-east-1");
    let texts = [
        "custodian alice",
        "is scheduled for deletion",
        &restore,
        "or name another secret in the file",
    ];
    refused_before(&server, &ceremony, 3, &texts);
    assert_eq!(left(&ceremony), [(name.clone(), true)]);
    aws.restore_secret(&name);
    assert_eq!(aws.secret(&name).as_deref(), Some("precious"));
}

#[test]
fn a_secret_that_may_not_be_created() {
    require!(NEEDED);
    let (server, ceremony, _proxy) = behind(&Faults::new().every(CREATE, denied()));
    let texts = [
        "custodian alice: aws-secretsmanager://us-east-1",
        "secretsmanager:CreateSecret is denied: User: arn:aws:iam::1:user/ada",
        "allow secretsmanager:CreateSecret on arn:aws:secretsmanager:us-east-1:000000000000:secret:/vault/",
    ];
    refused_with_nothing_left(&ceremony, &server, 1, &texts);
}

#[test]
fn every_right_that_is_missing_is_named_at_once() {
    require!(NEEDED);
    let faults = Faults::new()
        .every("secretsmanager.GetSecretValue *", denied())
        .every("secretsmanager.DescribeSecret *", denied())
        .every("secretsmanager.DeleteSecret *", denied());
    let (server, ceremony, _proxy) = behind(&faults);
    let texts = [
        "takes a value that cannot be read back",
        "secretsmanager:GetSecretValue is denied",
        "secretsmanager:DescribeSecret is denied",
        "secretsmanager:DeleteSecret is denied",
        "aws secretsmanager delete-secret --force-delete-without-recovery --secret-id",
    ];
    refused_before(&server, &ceremony, 1, &texts);
}

#[test]
fn a_trial_value_that_may_not_be_deleted_is_a_warning_that_says_how() {
    require!(NEEDED);
    let (_server, ceremony, _proxy) =
        behind(&Faults::new().every("secretsmanager.DeleteSecret *", denied()));
    ceremony.apply().exits(4).says(&[
        "warning:",
        "could not be deleted",
        "aws secretsmanager delete-secret --force-delete-without-recovery --secret-id",
    ]);
    assert_eq!(left(&ceremony).len(), 2);
}

#[test]
fn kms_that_does_not_let_the_secret_be_made() {
    require!(NEEDED);
    let body =
        json!({ "__type": "AccessDeniedException", "message": "Access to KMS is not allowed" });
    let refusal = Action::Respond(400, "application/x-amz-json-1.1", body.to_string());
    let (server, ceremony, _proxy) = behind(&Faults::new().every(CREATE, refusal));
    let texts = [
        "kms:GenerateDataKey and kms:Decrypt is denied",
        "allow kms:GenerateDataKey and kms:Decrypt on arn:aws:kms:us-east-1:",
    ];
    refused_with_nothing_left(&ceremony, &server, 1, &texts);
}

#[test]
fn a_kms_key_that_is_disabled_or_of_another_region_or_of_nobody() {
    require!(NEEDED);
    let (server, mut ceremony, _) = with_a_secret();
    let custodian = ceremony.file["init"]["custodians"][0]["secretsmanager"].clone();
    let key = custodian["kms_key"].as_str().expect("a key").to_owned();
    let at = |key: &str| format!("/init/custodians/0/secretsmanager/{key}");
    LocalStack::shared().kms_disable(&key);
    let texts = [&*key, "is Disabled", "aws kms enable-key"];
    refused_with_nothing_left(&ceremony, &server, 1, &texts);
    LocalStack::shared().kms_enable(&key);
    ceremony.set(&at("region"), json!("eu-west-1"));
    let texts = [
        "custodian alice: aws-kms://eu-west-1/",
        "is not found",
        "or its region in the file",
        "aws kms list-aliases --region eu-west-1",
    ];
    refused_with_nothing_left(&ceremony, &server, 1, &texts);
    ceremony.remove(&at("region"));
    ceremony.set(&at("kms_key"), json!("alias/nobody-made-this"));
    let texts = [
        "custodian alice: aws-kms://us-east-1/alias/nobody-made-this",
        "kms_key",
    ];
    refused_with_nothing_left(&ceremony, &server, 1, &texts);
}

#[test]
fn a_share_goes_to_the_account_of_its_profile() {
    require!(NEEDED);
    let (server, mut ceremony, name) = with_a_secret();
    let at = |key: &str| format!("/init/custodians/0/secretsmanager/{key}");
    ceremony.set(&at("profile"), json!("elsewhere"));
    // The key of the environment's account is not that account's.
    ceremony.remove(&at("kms_key"));
    std::fs::create_dir(ceremony.path("aws")).expect("a directory");
    for (variable, file) in [
        ("AWS_SHARED_CREDENTIALS_FILE", "aws/credentials"),
        ("AWS_CONFIG_FILE", "aws/none"),
    ] {
        ceremony.write(file, "");
        let path = ceremony.path(file).display().to_string();
        ceremony.environment.push((variable.to_owned(), path));
    }
    let run = ceremony.apply();
    run.exits(1).says(&["profile elsewhere"]);
    nothing_was_written(&server, &ceremony, &run);
    let account = "[elsewhere]\naws_access_key_id = 111111111111\naws_secret_access_key = test\n";
    ceremony.write("aws/credentials", account);
    ceremony.apply().exits(4);
    assert_eq!(LocalStack::shared().secret(&name), None);
    with_keys(&ceremony, &["rehearse"]).exits(0);
}
