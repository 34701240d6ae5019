//! Shares that go to several accounts of AWS by their profiles.

use serde_json::json;

use crate::break_glass::rehearse;
use crate::ceremony::{Ceremony, Server};
use crate::support::{LocalStack, require};

/// A program with credentials in its environment, as in most pipelines, and custodians with profiles of their own.
#[test]
fn a_share_goes_to_the_account_of_its_profile_whatever_the_environment_says() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let mut custodian = ceremony.ssm_custodian("alice");
    custodian["ssm"]["profile"] = json!("elsewhere");
    // The key of the environment's account is not that account's.
    custodian["ssm"]
        .as_object_mut()
        .expect("a map")
        .remove("kms_key");
    ceremony.set("/init/custodians/0", custodian.clone());
    let home = ceremony.path("aws");
    std::fs::create_dir(&home).expect("a directory");
    ceremony.write("aws/none", "");
    let credentials = home.join("credentials").display().to_string();
    for (name, file) in [
        ("AWS_SHARED_CREDENTIALS_FILE", credentials.clone()),
        ("AWS_CONFIG_FILE", home.join("none").display().to_string()),
    ] {
        ceremony.environment.push((name.to_owned(), file));
    }
    ceremony.write("aws/credentials", "");
    ceremony.apply().exits(1).says(&[
        "profile elsewhere",
        "~/.aws/credentials",
        "aws configure list-profiles",
    ]);
    assert!(!server.api().initialised());
    ceremony.write(
        "aws/credentials",
        "[elsewhere]\naws_access_key_id = 111111111111\naws_secret_access_key = test\n",
    );
    ceremony.apply().exits(4);
    let parameter = custodian["ssm"]["parameter"].as_str().expect("a name");
    let here = LocalStack::shared().ssm_get(parameter);
    assert_eq!(here, None, "the share is in the account of the environment");
    rehearse(&ceremony).exits(0);
}
