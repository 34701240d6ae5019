//! Doors that work without root, with a real identity provider and a real Kubernetes API; and those that do
//! not open, in words that say why.

use std::process::Command;

use serde_json::json;

use crate::ceremony::{AUDIENCE, Ceremony, Run, Server};
use crate::support::{Account, Authority, Kubernetes, OpenIdProvider, Setup, require};

pub(crate) const PEOPLE: [&str; 2] = ["openbao-2.7.2", "oidc-provider-9.13.3"];
const WORKLOADS: [&str; 2] = ["openbao-2.7.2", "kubeapi-1.34.2"];

/// The doors were tried, one did not open: root lives, and nothing of the revocation was sent.
#[track_caller]
fn stopped_at_the_door(server: &Server, ceremony: &Ceremony, run: &Run, texts: &[&str]) {
    run.exits(1)
        .says(texts)
        .says(&["what to do:", "root is still valid"])
        .shows_no_token();
    assert!(ceremony.keeps_secrets());
    let requests = server.audit().requests();
    assert!(
        !requests
            .iter()
            .any(|request| request.ends_with("auth/token/accessors")),
        "{requests:#?}"
    );
    let secrets: Vec<&str> = ceremony.secrets.values().map(String::as_str).collect();
    run.never_says(&secrets);
}

pub(crate) fn with_people() -> (Server, Ceremony, OpenIdProvider) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let provider = OpenIdProvider::start();
    ceremony.on_call_door(&provider);
    (server, ceremony, provider)
}

#[test]
fn a_person_signs_in_with_a_browser_elsewhere() {
    require!(PEOPLE);
    let (_server, ceremony, provider) = with_people();
    let run = ceremony.apply_with(&provider, Account::Alice);
    run.exits(4)
        .says(&["on-call opened", "ada opened"])
        .never_says(&["all doors hang on one"]);
    let opened = ceremony.evidence("logins")["opened"].clone();
    let door = opened
        .as_array()
        .expect("doors")
        .iter()
        .find(|door| door["login"] == "on-call");
    assert_eq!(door.expect("the door")["break_glass"], true);
    ceremony.apply().exits(4).prints(&["nothing was written"]);
}

#[test]
fn a_person_without_the_claims_stays_outside() {
    require!(PEOPLE);
    let (server, ceremony, provider) = with_people();
    let run = ceremony.apply_with(&provider, Account::Mallory);
    let texts = [
        "login on-call",
        "the role does not let it in: claim",
        "bound_claims",
    ];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
    ceremony.apply_with(&provider, Account::Alice).exits(4);
}

#[test]
fn nobody_signs_in_for_a_run_in_which_a_machine_cannot() {
    require!(PEOPLE);
    let (server, mut ceremony, provider) = with_people();
    let right = ceremony.file["logins"]["operator"]["password"].clone();
    // The person stands first in the file.
    let logins = ceremony.file["logins"].clone();
    let mut reordered = json!({ "on-call": logins["on-call"] });
    for (name, login) in logins.as_object().expect("a map") {
        reordered[name] = login.clone();
    }
    ceremony.set("/logins", reordered);
    ceremony.write("wrong.password", "not the one of the user");
    ceremony.set(
        "/logins/operator/password",
        json!({ "file": "wrong.password" }),
    );
    let run = ceremony.apply();
    let texts = ["login operator"];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
    run.never_says(&["sign in within", &provider.issuer()]);
    ceremony.set("/logins/operator/password", right);
    ceremony.apply_with(&provider, Account::Alice).exits(4);
}

#[test]
fn nobody_comes_to_sign_in() {
    require!(PEOPLE);
    let (server, ceremony, _provider) = with_people();
    let run = ceremony.run(&["apply", "--yes", "--sign-in-timeout", "1"]);
    stopped_at_the_door(
        &server,
        &ceremony,
        &run,
        &["nobody finished the sign-in within 1 s"],
    );
}

#[test]
fn a_provider_that_went_down_between_configuration_and_sign_in() {
    require!(PEOPLE);
    let (server, ceremony, mut provider) = with_people();
    ceremony
        .run(&["apply", "--yes", "--sign-in-timeout", "1"])
        .exits(1);
    provider.stop();
    let run = ceremony.run(&["apply", "--yes", "--sign-in-timeout", "2"]);
    run.exits(1).says(&["what to do:"]);
    assert!(ceremony.keeps_secrets());
    provider.restart();
    ceremony.apply_with(&provider, Account::Alice).exits(4);
    drop(server);
}

#[test]
fn a_client_secret_that_the_provider_does_not_know() {
    require!(PEOPLE);
    let (server, ceremony, provider) = with_people();
    ceremony.write("oidc.password", "another-secret-altogether");
    let run = ceremony.apply_with(&provider, Account::Alice);
    let texts = ["could not redeem the sign-in", "oidc_client_secret"];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
    run.never_says(&["another-secret-altogether"]);
    // The server does not give the secret back; that it changed in the file is noticed all the same.
    ceremony.write("oidc.password", provider.client_secret());
    let run = ceremony.apply_with(&provider, Account::Alice);
    run.exits(4).says(&["auth/oidc/config: oidc_client_secret"]);
}

#[test]
fn an_address_to_come_back_to_that_the_provider_was_never_told() {
    require!(PEOPLE);
    let (server, mut ceremony, provider) = with_people();
    let elsewhere = "http://localhost:8250/somewhere/else";
    ceremony.set(
        "/auth/oidc/roles/on-call/allowed_redirect_uris",
        json!([elsewhere]),
    );
    let run = ceremony.run(&["apply", "--yes", "--sign-in-timeout", "1"]);
    run.exits(1).says(&["login on-call", "what to do:"]);
    assert!(ceremony.keeps_secrets());
    drop((server, provider));
}

fn with_workload() -> (Server, Ceremony, String) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let workload = ceremony.workload_door(Kubernetes::shared());
    (server, ceremony, workload.namespace)
}

#[test]
fn a_workload_logs_in_with_a_token_that_the_api_server_makes() {
    require!(WORKLOADS);
    let (_server, ceremony, _) = with_workload();
    ceremony.apply().exits(4).says(&["payments opened"]);
    ceremony.apply().exits(4).prints(&["nothing was written"]);
}

#[test]
fn a_workload_logs_in_with_a_token_from_a_file_or_a_command() {
    require!(WORKLOADS);
    let (_server, mut ceremony, namespace) = with_workload();
    let token = Kubernetes::shared().token_request(&namespace, "payments", AUDIENCE);
    ceremony.write("payments.jwt", &token);
    ceremony.set(
        "/logins/payments/with",
        json!({ "token_file": "payments.jwt" }),
    );
    let mut by_command = ceremony.file["logins"]["payments"].clone();
    by_command["with"] = json!({ "command": ["cat", "payments.jwt"] });
    ceremony.set("/logins/by-command", by_command);
    let run = ceremony.apply();
    run.exits(4)
        .says(&["payments opened", "by-command opened"])
        .never_says(&[&token]);
}

#[test]
fn a_service_account_that_the_role_does_not_name() {
    require!(WORKLOADS);
    let (server, mut ceremony, _) = with_workload();
    ceremony.set(
        "/logins/payments/with/token_request/service_account",
        json!("other"),
    );
    let run = ceremony.apply();
    let texts = [
        "login payments",
        "the role does not name this service account",
        "bound_service_account_names",
    ];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
}

#[test]
fn a_token_for_another_audience() {
    require!(WORKLOADS);
    let (server, mut ceremony, _) = with_workload();
    let issuer = Kubernetes::shared().address();
    ceremony.set(
        "/logins/payments/with/token_request/audience",
        json!(issuer),
    );
    let run = ceremony.apply();
    stopped_at_the_door(
        &server,
        &ceremony,
        &run,
        &["the token is for another audience than the role's"],
    );
}

#[test]
fn a_reviewer_that_may_not_review() {
    require!(WORKLOADS);
    let (server, ceremony, namespace) = with_workload();
    Kubernetes::shared().forbid_token_review(&namespace, "reviewer");
    let run = ceremony.apply();
    let texts = [
        "could not have the token reviewed by the Kubernetes API",
        "system:auth-delegator",
    ];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
    Kubernetes::shared().allow_token_review(&namespace, "reviewer");
    ceremony.apply().exits(4);
}

#[test]
fn a_service_account_that_may_not_ask_for_tokens() {
    require!(WORKLOADS);
    let (server, mut ceremony, _) = with_workload();
    ceremony.set(
        "/logins/payments/with/token_request/credential",
        json!({ "file": "reviewer.jwt" }),
    );
    let run = ceremony.apply();
    stopped_at_the_door(
        &server,
        &ceremony,
        &run,
        &["login payments", "serviceaccounts"],
    );
}

#[test]
fn a_machine_logs_in_by_approle_with_ids_that_were_given_to_it() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let secret = ceremony.password("backup");
    ceremony.set(
        "/auth/approle",
        json!({ "type": "approle", "roles": { "backup": {
        "token_policies": ["operator"], "token_ttl": "20m",
    } } }),
    );
    ceremony.set("/writes", json!([
        { "path": "auth/approle/role/backup/role-id", "data": { "role_id": "backup-of-the-test" } },
        { "path": "auth/approle/role/backup/custom-secret-id", "data": { "secret_id": { "file": "backup.password" } } },
    ]));
    ceremony.set("/logins/backup", json!({
        "auth": "approle", "role_id": "backup-of-the-test", "secret_id": { "file": "backup.password" },
        "can": { "secret/data/backup": ["read"] },
    }));
    ceremony
        .apply()
        .exits(4)
        .says(&["backup opened"])
        .never_says(&[&secret]);
    let log = server.audit().after_this();
    ceremony.apply().exits(4).prints(&["nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

/// A JWT with these claims, signed with a key in the authority's directory.
fn jwt(authority: &Authority, claims: &serde_json::Value) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let part = |value: &serde_json::Value| BASE64.encode(value.to_string());
    let signed = format!(
        "{}.{}",
        part(&json!({ "alg": "RS256", "typ": "JWT" })),
        part(claims)
    );
    let directory = authority.directory();
    std::fs::write(directory.join("signed"), &signed).expect("a file");
    let output = Command::new("openssl")
        .current_dir(directory)
        .args(["dgst", "-sha256", "-sign", "jwt.key", "signed"])
        .output()
        .expect("openssl is installed");
    format!("{signed}.{}", BASE64.encode(output.stdout))
}

#[test]
fn a_pipeline_logs_in_with_a_jwt_of_its_platform_and_not_with_that_of_another_repository() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let platform = Authority::new();
    platform.openssl("genrsa -out jwt.key 2048", &[]);
    platform.openssl("rsa -in jwt.key -pubout -out jwt.pub", &[]);
    let now = std::time::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_secs();
    let claims = |repository: &str| {
        json!({ "iss": "https://ci.example.com", "aud": "https://vault.example.com", "sub": repository,
            "repository": repository, "iat": now, "nbf": now, "exp": now + 600 })
    };
    ceremony.set("/auth/ci", json!({
        "type": "jwt",
        "config": { "jwt_validation_pubkeys": [{ "file": platform.directory().join("jwt.pub") }], "bound_issuer": "https://ci.example.com" },
        "roles": { "deploy": {
            "role_type": "jwt", "user_claim": "repository", "bound_audiences": ["https://vault.example.com"],
            "bound_claims": { "repository": "company/payments" }, "token_policies": ["operator"], "token_ttl": "10m",
        } },
    }));
    ceremony.set(
        "/logins/ci",
        json!({ "auth": "ci", "role": "deploy", "with": { "token_file": "ci.jwt" } }),
    );
    ceremony.write("ci.jwt", &jwt(&platform, &claims("stranger/fork")));
    let run = ceremony.apply();
    let texts = ["login ci", "the role does not let it in", "repository"];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
    ceremony.write("ci.jwt", &jwt(&platform, &claims("company/payments")));
    ceremony.apply().exits(4).says(&["ci opened"]);
    ceremony.apply().exits(4).prints(&["nothing was written"]);
}

#[test]
fn vault_lets_people_and_workloads_in_as_well() {
    require!(["vault-1.21.1", "oidc-provider-9.13.3", "kubeapi-1.34.2"]);
    let server = Server::of(Setup::Vault1211Shamir);
    let mut ceremony = Ceremony::at(&server);
    let provider = OpenIdProvider::start();
    ceremony.on_call_door(&provider);
    ceremony.workload_door(Kubernetes::shared());
    let run = ceremony.apply_with(&provider, Account::Mallory);
    stopped_at_the_door(
        &server,
        &ceremony,
        &run,
        &["the role does not let it in: claim"],
    );
    ceremony
        .apply_with(&provider, Account::Alice)
        .exits(4)
        .says(&["on-call opened", "payments opened"]);
    ceremony.apply().exits(4).prints(&["nothing was written"]);
}
