//! Other systems than the server that say hostile things: the API server of Kubernetes, AWS, whoever visits the call-back
//! of a sign-in.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{HOSTILE, IN_SHELL, LONG, Stage, judge, names, run};
use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{
    Action, Bucket, HttpClient, LocalStack, OpenIdProvider, Proxy, RequestInfo, require,
};

const AWS: [&str; 2] = ["openbao-2.7.2", "localstack-4.9.2"];

/// As the servers of AWS are asked, through this address.
fn through(ceremony: &mut Ceremony, address: &str) {
    ceremony.environment = LocalStack::shared().env();
    for (name, value) in &mut ceremony.environment {
        if name == "AWS_ENDPOINT_URL" {
            address.clone_into(value);
        }
    }
}

/// Two shares, the checkpoint's key and the replica of the checkpoint are at AWS.
fn at_aws(server: &Server) -> (Ceremony, Bucket) {
    let mut ceremony = Ceremony::at(server);
    let alice = ceremony.ssm_custodian("alice");
    ceremony.set("/init/custodians/0", alice);
    let bob = ceremony.secretsmanager_custodian("bob");
    ceremony.set("/init/custodians/1", bob);
    let name = ceremony.prefix().replace(['/', '_', '.'], "-");
    let bucket = Bucket::plain(name.to_lowercase().trim_matches('-'));
    let key = LocalStack::shared().kms_create_key();
    let place = json!({ "s3": { "bucket": bucket.name(), "prefix": "vault/test" } });
    ceremony.set("/checkpoint/replica", place);
    ceremony.set("/checkpoint/key", json!({ "kms": key }));
    (ceremony, bucket)
}

/// A ceremony that came to its end with AWS behind a stage.
fn handed_over_at_aws() -> (Server, Ceremony, Stage) {
    let server = Server::in_memory();
    let (mut ceremony, _bucket) = at_aws(&server);
    let stage = Stage::before(&LocalStack::shared().endpoint(), |_| None);
    through(&mut ceremony, &stage.proxy.address());
    ceremony.apply().exits(4);
    (server, ceremony, stage)
}

#[test]
fn nothing_that_aws_answers_is_shown_as_it_is() {
    require!(AWS);
    let (_server, ceremony, stage) = handed_over_at_aws();
    // Of parameters, of a secret, of a bucket and of a key.
    let secret = ["VersionId", "SecretString", "KmsKeyId"];
    let seen = stage.seen(&[&["Name", "ARN", "Value", "KeyId", "Key"][..], &secret].concat());
    let status = |more: &[&str]| run(&ceremony, &[&["status"], more].concat());
    let apply = |more: &[&str]| run(&ceremony, &[&["apply", "--yes"], more].concat());
    for name in names(&seen) {
        stage.poison.set(name, HOSTILE);
        judge(name, &status(&[]));
        judge(name, &apply(&[]));
        judge(name, &apply(&["--output", "json"]));
    }
    for name in ["Value", "Message"] {
        stage.poison.set(name, &"A".repeat(LONG));
        judge(name, &status(&[]));
    }
}

#[test]
fn nothing_that_aws_refuses_with_is_shown_as_it_is() {
    require!(AWS);
    let server = Server::in_memory();
    assert!(!server.api().initialised());
    let (mut ceremony, _bucket) = at_aws(&server);
    let plain: String = HOSTILE.chars().filter(|letter| *letter >= ' ').collect();
    let said = Arc::new(Mutex::new(HOSTILE.to_owned()));
    let shown = said.clone();
    let refuse = move |request: &RequestInfo| {
        let said = shown.lock().expect("no panic holds it").clone();
        let answer = match request.header("x-amz-target") {
            Some(_) => {
                let body = json!({ "__type": "AccessDeniedException", "message": said });
                Action::Respond(400, "application/x-amz-json-1.1", body.to_string())
            }
            None => {
                let body =
                    format!("<Error><Code>AccessDenied</Code><Message>{said}</Message></Error>");
                Action::Respond(403, "application/xml", body)
            }
        };
        Some(answer)
    };
    let stage = Stage::before(&LocalStack::shared().endpoint(), refuse);
    through(&mut ceremony, &stage.proxy.address());
    ceremony.save();
    let words = [&["status"][..], &["apply", "--yes"]];
    let mut repeated = 0;
    for text in [HOSTILE, &plain, &"A".repeat(1 << 20)] {
        text.clone_into(&mut said.lock().expect("no panic holds it"));
        for words in words {
            for output in [&[][..], &["--output", "json"]] {
                let run = run(&ceremony, &[words, output].concat());
                judge("message", &run);
                repeated += usize::from(format!("{}{}", run.stdout, run.stderr).contains(IN_SHELL));
            }
        }
    }
    let last = run(&ceremony, &["apply", "--yes"]);
    assert!(repeated > 0, "nothing hostile was ever shown\n{last}");
    assert!(!server.api().initialised());
}

/// What an API server may answer where a token is asked for, none of it one.
fn answers() -> Vec<(u16, String)> {
    let status = |message: &str| json!({ "kind": "Status", "message": message, "reason": message });
    let user = format!("User \"{HOSTILE}\" cannot create resource");
    let mut answers: Vec<(u16, String)> = [400, 401, 403, 404, 409, 429, 500, 503]
        .map(|code| (code, status(HOSTILE).to_string()))
        .to_vec();
    answers.extend([
        (403, status(&user).to_string()),
        (201, json!({ "status": { "token": HOSTILE } }).to_string()),
        (
            201,
            json!({ "status": { "token": "A".repeat(LONG) } }).to_string(),
        ),
        (201, HOSTILE.to_owned()),
        (200, "[".repeat(1 << 17)),
    ]);
    answers
}

#[test]
fn nothing_that_an_api_server_of_kubernetes_answers_is_shown_as_it_is() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let (given, api) = api_server(&server);
    let mut ceremony = Ceremony::at(&server);
    ceremony.write("deployer.jwt", "not.a.token");
    ceremony.set(
        "/auth/kubernetes",
        json!({
            "type": "kubernetes",
            "config": { "kubernetes_host": api.address(), "disable_local_ca_jwt": true },
            "roles": { "payments": {
                "bound_service_account_names": ["payments"],
                "bound_service_account_namespaces": ["production"],
                "audience": "vault",
            } },
        }),
    );
    ceremony.set(
        "/logins/payments",
        json!({ "auth": "kubernetes", "role": "payments", "with": { "token_request": {
        "api_server": api.address(),
        "credential": { "file": "deployer.jwt" },
        "namespace": "production",
        "service_account": "payments",
        "audience": "vault",
    } } }),
    );
    applied_at_each(&ceremony, &given);
    assert!(ceremony.keeps_secrets(), "root is still there");
}

#[test]
fn nothing_that_is_answered_about_a_secret_of_kubernetes_is_shown_as_it_is() {
    require!(["openbao-2.7.2", "kubeapi-1.34.2"]);
    let server = Server::in_memory();
    let (given, api) = api_server(&server);
    let mut ceremony = Ceremony::at(&server);
    ceremony.write("deployer.jwt", "not.a.token");
    let recipient = ceremony.file["init"]["custodians"][0]["age"]["recipient"].clone();
    ceremony.set(
        "/init/custodians/0",
        json!({ "name": "alice", "kubernetes": {
            "secret": "vault/alice",
            "recipient": recipient,
            "api_server": api.address(),
            "token_file": "deployer.jwt",
        } }),
    );
    applied_at_each(&ceremony, &given);
    assert!(!server.api().initialised());
}

type Given = Arc<Mutex<(u16, String)>>;

/// An API server that answers everything with what it is given.
fn api_server(server: &Server) -> (Given, Proxy) {
    let given = Arc::new(Mutex::new((500, String::new())));
    let answer = given.clone();
    let api = Proxy::before(&server.address(), move |_| {
        let (code, body) = answer.lock().expect("no panic holds it").clone();
        Action::Respond(code, "application/json", body)
    });
    (given, api)
}

/// Applies once for each of the answers, in text and JSON by turns.
fn applied_at_each(ceremony: &Ceremony, given: &Given) {
    ceremony.save();
    for (number, (code, body)) in answers().into_iter().enumerate() {
        *given.lock().expect("no panic holds it") = (code, body);
        let output: &[&str] = if number % 2 == 0 {
            &[]
        } else {
            &["--output", "json"]
        };
        let run = run(ceremony, &[&["apply", "--yes"], output].concat());
        judge(&format!("answer {number}, {code}"), &run);
        assert_ne!(run.code, 0, "{code}");
    }
}

/// The address to visit after a sign-in, and the state of it.
fn call_back(address: &str) -> (String, String) {
    let asked = url::Url::parse(address).expect("an address");
    let word = |name: &str| {
        let mut words = asked.query_pairs().filter(|(key, _)| key == name);
        words.next().expect("it is there").1.into_owned()
    };
    (word("redirect_uri"), word("state"))
}

#[test]
fn nothing_that_a_provider_sends_a_browser_back_with_is_shown_as_it_is() {
    require!(["openbao-2.7.2", "oidc-provider-9.13.3"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let provider = OpenIdProvider::start();
    ceremony.on_call_door(&provider);
    ceremony.save();
    let long = "A".repeat(4000);
    for (error, description) in [
        (HOSTILE, HOSTILE),
        ("access_denied", HOSTILE),
        (HOSTILE, ""),
        (HOSTILE, &long),
    ] {
        let running = ceremony.start();
        let (back, state) = call_back(&running.wait_for_url(&provider.issuer()));
        let words = [
            ("error", error),
            ("error_description", description),
            ("state", &state),
        ];
        let url = url::Url::parse_with_params(&back, words).expect("an address");
        let page = HttpClient::default().call("GET", url.as_str(), &[], None);
        let page = page.expect("a page");
        assert!(!page.text.contains('\u{1b}'), "{:?}", page.text);
        let run = Run::from(running.finish());
        judge("error", &run);
        run.exits(1);
        // A code that no provider gave: the server asks the provider, and repeats what that says.
        let running = ceremony.start();
        let (back, state) = call_back(&running.wait_for_url(&provider.issuer()));
        let words = [("code", error), ("state", state.as_str())];
        let url = url::Url::parse_with_params(&back, words).expect("an address");
        HttpClient::default()
            .call("GET", url.as_str(), &[], None)
            .expect("a page");
        let run = Run::from(running.finish());
        judge("code", &run);
        run.exits(1);
    }
    assert!(ceremony.keeps_secrets());
}

/// What the record of a replica says of itself, in words of whoever has the bucket.
#[test]
fn a_commit_at_the_replica_that_says_hostile_things_is_not_shown_as_it_is() {
    require!(AWS);
    let (_server, ceremony, stage) = handed_over_at_aws();
    let status = |more: &[&str]| run(&ceremony, &[&["status"], more].concat());
    let fields: Vec<String> = ["written", "owner", "at", "id", "diary", "cluster", "name"]
        .map(str::to_owned)
        .to_vec();
    for field in &fields {
        stage.poison.set(field, HOSTILE);
        judge(field, &status(&[]));
        judge(field, &status(&["--output", "json"]));
    }
}
