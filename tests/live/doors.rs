//! Doors that work without root, with a real identity provider and a real Kubernetes API; and those that do
//! not open, in words that say why.

use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

use crate::ceremony::{AUDIENCE, Ceremony, Run, Server};
use crate::support::{Account, Authority, Kubernetes, OpenIdProvider, Setup, eventually, require};

const WORKLOADS: [&str; 2] = ["openbao-2.7.2", "kubeapi-1.34.2"];

/// The doors were tried, one did not open: root lives, and nothing of the revocation was sent.
#[track_caller]
pub(crate) fn stopped_at_the_door(server: &Server, ceremony: &Ceremony, run: &Run, texts: &[&str]) {
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
        &[
            "the token is for another audience than the role's: it was asked for",
            "audience of the role the same",
        ],
    );
}

/// Forbids it, and waits until the API knows.
fn forbid_token_review(namespace: &str) {
    let kubernetes = Kubernetes::shared();
    let reviewer = kubernetes.token_request(namespace, "reviewer", &kubernetes.address());
    kubernetes.forbid_token_review(namespace, "reviewer");
    let review = json!({ "spec": { "token": reviewer } });
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let is_known = || kubernetes.call_as(&reviewer, "POST", path, Some(&review)).0 == 403;
    assert!(eventually(Duration::from_secs(10), is_known));
}

#[test]
fn a_reviewer_that_may_not_review_any_more_when_the_workload_comes() {
    require!(WORKLOADS);
    let (server, mut ceremony, namespace) = with_workload();
    ceremony.write("wrong.password", "not the one of the user");
    let right = ceremony.file["logins"]["operator"]["password"].clone();
    ceremony.set(
        "/logins/operator/password",
        json!({ "file": "wrong.password" }),
    );
    ceremony.apply().exits(1).says(&["login operator"]);
    ceremony.set("/logins/operator/password", right);
    forbid_token_review(&namespace);
    let run = ceremony.apply();
    let texts = [
        "could not have the token reviewed by the Kubernetes API",
        "reviewer may not create tokenreviews (403)",
        "what to do: kubectl create clusterrolebinding vault-reviewer --clusterrole=system:auth-delegator",
    ];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
    run.never_says(&["things to look at"]);
    Kubernetes::shared().allow_token_review(&namespace, "reviewer");
    ceremony.apply().exits(4);
}

#[test]
fn all_that_keeps_workloads_out_is_said_at_once_and_before_anything_is_initialised() {
    require!(WORKLOADS);
    let (server, mut ceremony, namespace) = with_workload();
    forbid_token_review(&namespace);
    let by_token = ceremony.file["logins"]["payments"].clone();
    let mut login = |name: &str, key: &str, value: Value| {
        let mut login = by_token.clone();
        login["with"]["token_request"][key] = value;
        ceremony.set(&format!("/logins/{name}"), login);
    };
    login(
        "without-right",
        "credential",
        json!({ "file": "reviewer.jwt" }),
    );
    login("unknown", "service_account", json!("nobody"));
    login("nowhere", "api_server", json!("https://127.0.0.1:1"));
    login("outside", "api_server", Value::Null);
    login("other-authority", "ca_cert", json!("other.pem"));
    ceremony.set(
        "/logins/no-file",
        json!({ "auth": "kubernetes", "role": "payments", "with": { "token_file": "none.jwt" } }),
    );
    ceremony.set(
        "/logins/by-command",
        json!({ "auth": "kubernetes", "role": "payments", "with": { "command": ["false"] } }),
    );
    ceremony.write(
        "expired.jwt",
        &unsigned(&json!({ "sub": "ci", "exp": 1000 })),
    );
    ceremony.set(
        "/logins/expired",
        json!({ "auth": "kubernetes", "role": "payments", "with": { "token_file": "expired.jwt" } }),
    );
    let reviewer = json!({ "sub": "system:serviceaccount:vault:reviewer", "exp": 1000 });
    ceremony.write("forged.jwt", &unsigned(&reviewer));
    let mut forged = ceremony.file["auth"]["kubernetes"].clone();
    forged["type"] = json!("kubernetes");
    forged["config"]["token_reviewer_jwt"] = json!({ "file": "forged.jwt" });
    ceremony.set("/auth/forged", forged);
    let other = std::fs::read_to_string(Authority::new().certificate()).expect("a certificate");
    ceremony.write("other.pem", &other);
    // The server asks there with the token of whoever logs in.
    let host = Kubernetes::shared().address();
    ceremony.set(
        "/auth/elsewhere",
        json!({ "type": "kubernetes", "config": { "kubernetes_host": host, "kubernetes_ca_cert": other } }),
    );
    let run = ceremony.apply();
    run.exits(1).shows_no_token().says(&[
        "auth/kubernetes/config: https://127.0.0.1:",
        "reviewer may not create tokenreviews (403)",
        "--clusterrole=system:auth-delegator",
        "login without-right: https://127.0.0.1:",
        "reviewer may not create serviceaccounts/token",
        "--verb=create --resource=serviceaccounts/token",
        "login unknown: https://127.0.0.1:",
        "there is no service account nobody",
        "correct service_account and namespace of token_request",
        "login nowhere: https://127.0.0.1:1/",
        "login outside: token_request has no api_server",
        "auth/elsewhere/config: https://127.0.0.1:",
        "login other-authority: https://127.0.0.1:",
        "invalid peer certificate",
        "login no-file: ",
        "login by-command: ",
        "login expired: the token is not valid at this time: the token, from ",
        "expired.jwt, is of ci, ended at 1970-01-01T00:16:40Z",
        "token_reviewer_jwt was not accepted (401): it is of system:serviceaccount:vault:reviewer, ended at",
        "kubectl create token reviewer -n vault",
    ]);
    run.never_says(&["login payments", "root is still valid"]);
    assert!(!server.api().initialised());
}

#[test]
fn a_kubernetes_that_only_the_server_reaches_is_no_mistake() {
    require!(WORKLOADS);
    let (server, mut ceremony, namespace) = with_workload();
    let token = Kubernetes::shared().token_request(&namespace, "payments", AUDIENCE);
    ceremony.write("payments.jwt", &token);
    ceremony.set(
        "/logins/payments/with",
        json!({ "token_file": "payments.jwt" }),
    );
    // Whoever answers from here under another authority is not the one that the file means.
    let host = Kubernetes::shared().address();
    let other = std::fs::read_to_string(Authority::new().certificate()).expect("a certificate");
    ceremony.write("kubernetes.pem", &other);
    ceremony.set("/auth/kubernetes/config/kubernetes_host", json!(host));
    let run = ceremony.apply();
    let config = format!("auth/kubernetes/config: {host}/apis/");
    run.exits(1).says(&[&config, "invalid peer certificate"]);
    assert!(!server.api().initialised());
    ceremony.write("kubernetes.pem", &Kubernetes::shared().ca_pem());
    ceremony.set(
        "/auth/kubernetes/config/kubernetes_host",
        json!("https://127.0.0.1:1"),
    );
    let run = ceremony.apply();
    run.exits(1).says(&[
        "the reviewer was not tried from here: https://127.0.0.1:1/",
        "login payments at ",
        "it asks kubernetes_host, https://127.0.0.1:1/, which could not be tried from here: https://127.0.0.1:1/",
        "correct kubernetes_host; else start it, or let the server, not this machine, reach it",
    ]);
    ceremony.set("/auth/kubernetes/config/kubernetes_host", json!(host));
    ceremony.apply().exits(4).says(&["payments opened"]);
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
    // Another secret in the login than the one that is sent.
    ceremony.write("other.password", "another-secret-id-of-the-test");
    ceremony.set(
        "/logins/backup/secret_id",
        json!({ "file": "other.password" }),
    );
    let run = ceremony.apply();
    let texts = [
        "does not accept this role_id with this secret_id; it was tried with ",
        "other.password",
        "auth/approle/role/backup/custom-secret-id",
    ];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
    ceremony.set(
        "/logins/backup/secret_id",
        json!({ "file": "backup.password" }),
    );
    ceremony
        .apply()
        .exits(4)
        .says(&["backup opened"])
        .never_says(&[&secret]);
    let log = server.audit().after_this();
    ceremony.apply().exits(4).prints(&["nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

/// A JWT with these claims and a signature of nobody.
fn unsigned(claims: &Value) -> String {
    format!("{}.c2ln", head_and_claims(claims))
}

fn head_and_claims(claims: &Value) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    let head = json!({ "alg": "RS256", "typ": "JWT" });
    format!("{}.{}", part(&head), part(claims))
}

/// A JWT with these claims, signed with a key in the authority's directory.
fn jwt(authority: &Authority, claims: &Value) -> String {
    let signed = head_and_claims(claims);
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
    let texts = [
        "login ci",
        "the role does not let in whose it is",
        "; the token, from ",
        "ci.jwt, is of stranger/fork, for https://vault.example.com, until ",
        r#"; its repository is "stranger/fork""#,
    ];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
    ceremony.write("ci.jwt", &jwt(&platform, &claims("company/payments")));
    let subject = "/auth/ci/roles/deploy/bound_subject";
    ceremony.set(subject, json!("company/paymentss"));
    let texts = ["bound_subject of the role is another than the token's subject"];
    stopped_at_the_door(&server, &ceremony, &ceremony.apply(), &texts);
    ceremony.set(subject, json!("company/payments"));
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
        &["somebody signed in whom the role does not let in: claim"],
    );
    ceremony
        .apply_with(&provider, Account::Alice)
        .exits(4)
        .says(&["on-call opened", "payments opened"]);
    ceremony.apply().exits(4).prints(&["nothing was written"]);
}
