//! Values that a server makes for one entry of `writes`, and that a later entry takes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{Setup, require};

const ALL: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];

/// What is requested, signed and set.
const ACTS: [&str; 3] = [
    "ca/intermediate/generate/internal",
    "root-ca/root/sign-intermediate",
    "ca/intermediate/set-signed",
];
const EVERYTHING: &str =
    r#"path "*" { capabilities = ["create", "read", "update", "list", "sudo"] }"#;

/// Root stays, to write what is edited.
fn written(ceremony: &Ceremony) -> Run {
    ceremony.save();
    ceremony.run(&["apply", "--yes", "--keep-root"])
}

fn with_an_intermediate(ceremony: &mut Ceremony) {
    ceremony
        .set("/secrets/root-ca", json!({ "type": "pki" }))
        .set("/secrets/ca", json!({ "type": "pki" }))
        .set(
            "/writes",
            json!([
                { "path": "root-ca/root/generate/internal", "data": { "common_name": "root", "issuer_name": "first" } },
                { "path": "ca/intermediate/generate/internal", "name": "request", "data": { "common_name": "ca" } },
                { "path": "root-ca/root/sign-intermediate", "name": "signed",
                  "data": { "common_name": "ca", "csr": { "from_write": "request.csr" } } },
                { "path": "ca/intermediate/set-signed", "data": { "certificate": { "from_write": "signed.certificate" } } },
                { "path": "identity/oidc/client/app", "name": "app", "data": { "redirect_uris": ["https://app.example.com"] } },
                { "path": "identity/oidc/provider/main",
                  "data": { "allowed_client_ids": [{ "from_write": "app.client_id" }] } },
            ]),
        );
}

#[test]
fn what_is_to_be_done_again_is_refused_where_nothing_is_done_once() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    for path in ["ca/root/generate/internal", "secret/config"] {
        ceremony
            .run(&["apply", "--yes", "--again", path])
            .exits(2)
            .says(&[path, "has nothing there that is done once"]);
    }
    assert!(!server.api().initialised());
}

#[test]
fn an_intermediate_authority_is_requested_signed_and_set_in_one_run_and_never_again() {
    for setup in ALL {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        ceremony
            .set("/revoke_root", json!(false))
            .set("/policies/operator", json!({ "rules": EVERYTHING }))
            .remove("/logins/operator/cannot");
        with_an_intermediate(&mut ceremony);
        written(&ceremony).exits(4).never_says(&["PRIVATE KEY"]);
        let api = server
            .api()
            .log_in("operator", &ceremony.secrets["operator"]);
        let certificate = |path: &str| api.read(path)["data"]["certificate"].clone();
        let (own, roots) = (certificate("ca/cert/ca"), certificate("root-ca/cert/ca"));
        assert!(
            own.as_str()
                .is_some_and(|pem| pem.contains("BEGIN CERTIFICATE")),
            "{own}"
        );
        assert_ne!(own, roots);
        let id = api.read("identity/oidc/client/app")["data"]["client_id"].clone();
        let provider = api.read("identity/oidc/provider/main")["data"].clone();
        assert_eq!(provider["allowed_client_ids"], json!([id]));
        let log = server.audit().after_this();
        written(&ceremony).prints(&["nothing was written"]);
        let again = log.writes();
        assert!(
            !again.iter().any(|line| line.contains("intermediate")),
            "{again:?}"
        );
        // What everybody may see is remembered, and nothing else of an answer.
        let memory = ceremony.path("checkpoint/memory.jsonl");
        let text = std::fs::read_to_string(&memory).expect("a memory");
        assert!(!text.contains("PRIVATE KEY") && text.contains("BEGIN CERTIFICATE REQUEST"));
        let other: Value = json!([{ "from_write": "app.client_id" }, "another"]);
        ceremony.set("/writes/5/data/allowed_client_ids", other);
        written(&ceremony).says(&["identity/oidc/provider/main"]);
        let provider = api.read("identity/oidc/provider/main")["data"].clone();
        let allowed = provider["allowed_client_ids"].as_array().expect("a list");
        assert!(
            allowed.contains(&id) && allowed.contains(&json!("another")),
            "{provider}"
        );
        // Done once more, each takes what the one before it answers by now.
        let again = ACTS.map(|path| ["--again", path]).concat();
        let words = [&["apply", "--yes", "--keep-root"][..], &again].concat();
        let log = server.audit().after_this();
        let run = ceremony.run(&words);
        run.exits(4);
        let writes = log.writes();
        for path in ACTS {
            let times = writes.iter().filter(|line| line.ends_with(path)).count();
            assert_eq!(times, 1, "{path}: {writes:?}");
        }
        let issuers = api.list("ca/issuers").1["data"]["keys"].clone();
        let issuers = issuers.as_array().expect("issuers").iter();
        let keys = issuers.map(|id| {
            let path = format!("ca/issuer/{}", id.as_str().expect("an id"));
            api.read(&path)["data"]["key_id"].to_string()
        });
        assert_eq!(keys.collect::<BTreeSet<_>>().len(), 2, "{setup:?}: {run}");
    }
}
