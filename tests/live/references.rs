//! Secrets that stand elsewhere: in the environment and in the parameter store, through a whole ceremony.

use serde_json::json;

use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{Account, LocalStack, OpenIdProvider, require};

const COMPONENTS: [&str; 3] = ["openbao-2.7.2", "oidc-provider-9.13.3", "localstack-4.9.2"];

/// Nothing that was said and nothing that is kept holds one of the secrets.
#[track_caller]
fn nowhere(ceremony: &Ceremony, server: &Server, run: &Run) {
    let secrets: Vec<&str> = ceremony.secrets.values().map(String::as_str).collect();
    run.never_says(&secrets).shows_no_token();
    let kept = ceremony.files_in("checkpoint");
    assert!(!kept.is_empty());
    for name in kept {
        let bytes = std::fs::read(ceremony.path("checkpoint").join(&name)).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        let found = secrets.iter().find(|secret| text.contains(**secret));
        assert_eq!(found, None, "in {name}");
    }
    let log = server.audit().text();
    assert!(!secrets.iter().any(|secret| log.contains(secret)));
}

#[test]
fn passwords_and_a_client_secret_come_from_the_environment_and_the_parameter_store() {
    require!(COMPONENTS);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let provider = OpenIdProvider::start();
    ceremony.on_call_door(&provider);
    let (store, prefix) = (LocalStack::shared(), ceremony.prefix());
    ceremony.environment = store.env();
    let (operator, ada) = (
        ceremony.secrets["operator"].clone(),
        ceremony.secrets["ada"].clone(),
    );
    let variable = ("PASSWORD_OF_OPERATOR".to_owned(), operator.clone());
    ceremony.environment.push(variable);
    for (name, value) in [("ada", ada.as_str()), ("oidc", provider.client_secret())] {
        let stored = store.ssm_put(&format!("{prefix}/{name}"), value, false);
        assert_eq!(stored, Ok(()));
        std::fs::remove_file(ceremony.path(&format!("{name}.password"))).expect("it was there");
    }
    std::fs::remove_file(ceremony.path("operator.password")).expect("it was there");
    let by_name = json!({ "ssm": format!("{prefix}/ada") });
    let region = LocalStack::REGION;
    let by_map = json!({ "ssm": { "parameter": format!("{prefix}/oidc"), "region": region } });
    ceremony
        .set(
            "/auth/userpass/users/operator/password",
            json!({ "env": "PASSWORD_OF_OPERATOR" }),
        )
        .set(
            "/logins/operator/password",
            json!({ "env": "PASSWORD_OF_OPERATOR" }),
        )
        .set("/auth/userpass/users/ada/password", by_name.clone())
        .set("/logins/ada/password", by_name)
        .set("/auth/oidc/config/oidc_client_secret", by_map);
    let run = ceremony.apply_with(&provider, Account::Alice);
    run.exits(4)
        .says(&["operator opened", "on-call opened", "ada opened"]);
    nowhere(&ceremony, &server, &run);
    server.api().log_in("operator", &operator);
    server.api().log_in("ada", &ada);
    let log = server.audit().after_this();
    // One that is not encrypted is taken, and told.
    store.ssm_delete(&format!("{prefix}/ada"));
    store.ssm_put_plain(&format!("{prefix}/ada"), &ada);
    let again = ceremony.run(&["apply", "--yes", "-vvv"]);
    again
        .exits(4)
        .prints(&["nothing was written"])
        .says(&["/ada: it is no SecureString: whoever may read parameters reads it"]);
    again.never_says(&["differs", "not compared", "may not read"]);
    assert_eq!(log.writes(), Vec::<String>::new());
    nowhere(&ceremony, &server, &again);
    // They are read each time: what changed there is noticed.
    ceremony.environment.last_mut().expect("a variable").1 = "another-password".to_owned();
    ceremony
        .apply()
        .exits(4)
        .prints(&["password is another one in the file than was sent"]);
}

#[test]
fn a_reference_with_nothing_behind_it_is_found_before_anything_is_initialised() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.environment = LocalStack::shared().env();
    let missing = format!("{}/nothing", ceremony.prefix());
    ceremony
        .set(
            "/auth/userpass/users/operator/password",
            json!({ "env": "PASSWORD_OF_OPERATOR" }),
        )
        .set(
            "/auth/userpass/users/ada/password",
            json!({ "ssm": missing }),
        );
    let address = format!("aws-ssm://{}{missing}", LocalStack::REGION);
    ceremony.apply().exits(1).says(&[
        "environment variable PASSWORD_OF_OPERATOR: not set",
        "export PASSWORD_OF_OPERATOR",
        &address,
        "not found",
        "make it: aws ssm put-parameter --type SecureString --name",
        "or correct the name or region in the file",
    ]);
    assert!(!server.api().initialised());
}

#[test]
fn what_the_server_has_of_a_secret_is_never_shown_whatever_becomes_of_its_place_in_the_file() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let word = ceremony.password("app");
    let data = |phrase| {
        json!([{
            "path": "secret/data/app", "data": { "data": { "user": "u", "phrase": phrase } },
        }])
    };
    let reader = "path \"secret/data/app\" { capabilities = [\"read\"] }";
    ceremony
        .set("/policies/reader", json!({ "rules": reader }))
        .set(
            "/auth/userpass/users/audit-reader/token_policies",
            json!(["auditor", "reader"]),
        )
        .set("/writes", data(json!({ "file": "app.password" })));
    ceremony.apply().exits(4).never_says(&[&word]);
    let run = ceremony.apply();
    run.exits(4)
        .never_says(&["differs", "data.phrase", "may not read"]);
    // Gone from here: not compared, and no finding.
    std::fs::remove_file(ceremony.path("app.password")).expect("it was there");
    let run = ceremony.apply();
    run.exits(4).says(&[
        "app.password",
        "a first value, not looked at any more: secret/data/app",
    ]);
    run.never_says(&[&word, "differs"]);
    // Out of the file, then in clear: a finding each, and never the server's value.
    ceremony.remove("/writes/0/data/data/phrase");
    let run = ceremony.apply();
    run.exits(4)
        .prints(&["data.phrase is not in the file any more"])
        .never_says(&[&word]);
    ceremony.set("/writes", data(json!("plain-now")));
    let run = ceremony.apply();
    run.exits(4)
        .prints(&["data.phrase is another one in the file than was sent"])
        .never_says(&[&word]);
}

#[test]
fn a_duration_that_the_server_writes_in_its_own_way_is_written_once() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony
        .set(
            "/writes",
            json!([{ "path": "secret/config", "data": { "delete_version_after": "1h" } }]),
        )
        // A door that does not open, so that root stays for another run.
        .set("/logins/operator/can", json!({ "sys/mounts": ["sudo"] }));
    ceremony.apply().exits(1);
    let log = server.audit().after_this();
    let run = ceremony.apply();
    run.exits(1).never_says(&["delete_version_after"]);
    assert_eq!(log.writes(), Vec::<String>::new(), "{run}");
}

#[test]
fn after_hand_over_a_missing_password_of_the_only_login_is_said_once_with_what_to_do() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony
        .remove("/logins/auditor")
        .remove("/logins/operator");
    ceremony.apply().exits(4);
    std::fs::remove_file(ceremony.path("ada.password")).expect("it was there");
    let run = ceremony.apply();
    run.exits(1).says(&[
        "ada.password: the secret is no longer here",
        "put it back, or name in the file another login",
    ]);
    let text = run.to_string();
    assert_eq!(text.matches("not re-checked").count(), 1, "{text}");
}

#[test]
fn a_passphrase_that_is_not_set_is_one_problem_and_not_two() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set(
        "/checkpoint/key",
        json!({ "passphrase": { "env": "NO_SUCH_PASSPHRASE" } }),
    );
    let run = ceremony.apply();
    run.exits(1)
        .says(&["environment variable NO_SUCH_PASSPHRASE: not set"]);
    run.never_says(&["was not read"]);
}

#[test]
fn what_was_only_looked_at_again_is_not_called_repaired() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    // A door that does not open, so that root stays for another run.
    ceremony.set("/logins/operator/can", json!({ "sys/mounts": ["sudo"] }));
    ceremony.apply().exits(1);
    ceremony.apply().exits(1).never_says(&["repaired"]);
}

#[test]
fn a_challenge_is_not_shown_where_nobody_can_answer_it() {
    let server = Server::in_memory();
    let ceremony = Ceremony::unproved(&server);
    let run = ceremony.run(&["custodian", "prove", "alice"]);
    run.exits(2).says(&["no terminal to ask on"]);
    run.never_says(&["BEGIN AGE"]);
}
