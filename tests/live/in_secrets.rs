//! Shares in Secrets of a real Kubernetes API server: kept, opened, looked at, and refused before anything is initialised.

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, EVERY_KEY, Run, Server, killed_or_ended, looks_like_a_share};
use crate::support::{Action, Faults, Kubernetes, RequestInfo, Setup, require};

/// OpenBao in two phases and with initialisation, and Vault, which this program unseals with the shares.
const EACH: [Setup; 3] = [
    Setup::OpenBao262StaticApiAudit,
    Setup::OpenBao272Static,
    Setup::Vault1211Shamir,
];

/// alice's share goes to a Secret that an account may create, read and delete.
fn with_a_secret(server: &Server) -> (Ceremony, String) {
    let mut ceremony = Ceremony::at(server);
    let namespace = ceremony.kubernetes_account("ceremony");
    let alice = ceremony.secret_custodian("alice", "ceremony");
    ceremony.set("/init/custodians/0", alice);
    let kubernetes = Kubernetes::shared();
    kubernetes.allow_secrets(&namespace, "ceremony", &["create"], &[]);
    let names = ["alice-share", "alice-share-g2"];
    kubernetes.allow_secrets(&namespace, "ceremony", &["get", "delete"], &names);
    (ceremony, format!("{namespace}/alice-share"))
}

fn with_keys(ceremony: &Ceremony, words: &[&str]) -> Run {
    ceremony.run(&[words, &EVERY_KEY[..]].concat())
}

#[test]
fn a_share_in_a_secret_is_kept_opened_and_missed_as_one_in_a_file_is() {
    for setup in EACH {
        require!([setup.components(), vec!["kubeapi-1.34.2"]].concat());
        let server = Server::of(setup);
        let (mut ceremony, secret) = with_a_secret(&server);
        ceremony.set("/break_glass/drill", json!("before-revoke"));
        if matches!(setup, Setup::OpenBao262StaticApiAudit) {
            ceremony.remove("/init/recovery");
        }
        if matches!(setup, Setup::Vault1211Shamir) {
            let accepted = json!({ "reason": "Vault cannot close it", "until": "2999-12-31" });
            ceremony.set("/accept/open-endpoint", accepted);
        }
        ceremony.run(&["plan"]).prints(&[&format!(
            "a share for alice: secret {secret}, encrypted to their age key"
        )]);
        let prove = ["custodian", "prove", "alice", "--identity", "alice.key"];
        ceremony.run(&prove).exits(0);
        let run = with_keys(&ceremony, &["apply", "--yes"]);
        run.exits(0)
            .says(&[&format!("alice holds a share: secret {secret}")]);
        kept_as_meant(&ceremony, &secret);
        missed(&ceremony, &secret);
        with_keys(&ceremony, &["rehearse"]).exits(0);
    }
}

/// Everybody who may list Secrets sees whose share it is, and nobody but its holder sees the share.
#[track_caller]
fn kept_as_meant(ceremony: &Ceremony, secret: &str) {
    let found = Kubernetes::shared().secret(secret).expect("a Secret");
    let marks = &found["metadata"]["annotations"];
    assert_eq!(marks["vault-bootstrap/cluster"], "test");
    assert_eq!(marks["vault-bootstrap/custodian"], "alice");
    let label = &found["metadata"]["labels"]["app.kubernetes.io/managed-by"];
    assert_eq!(label, "vault-bootstrap");
    assert_eq!(found["immutable"], true);
    let share = ceremony.custody().share("alice");
    assert!(looks_like_a_share(&share));
    let kept = Kubernetes::shared().kept_share(secret).expect("a share");
    assert!(kept.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
    assert!(!found.to_string().contains(&share) && !kept.contains(&share));
}

/// What is gone or another one is a finding; put back as it was, it is none.
fn missed(ceremony: &Ceremony, secret: &str) {
    let kubernetes = Kubernetes::shared();
    let kept = kubernetes.kept_share(secret).expect("a share");
    let look = |code: i32, texts: &[&str]| {
        ceremony
            .run(&["apply", "--check"])
            .exits(code)
            .prints(texts);
    };
    look(0, &[]);
    kubernetes.delete_secret(secret);
    look(
        4,
        &[&format!("the share of alice is not at secret {secret}")],
    );
    kubernetes.create_secret(secret, "another");
    look(
        4,
        &[
            "the share of alice, changed since it was stored",
            "digest was sha256:",
        ],
    );
    kubernetes.delete_secret(secret);
    kubernetes.create_secret(secret, &kept);
    look(0, &[]);
    // Whoever is not let in has seen nothing, and says so.
    let token = std::fs::read_to_string(ceremony.path("ceremony.token")).expect("a token");
    ceremony.write("ceremony.token", "a.b.c");
    look(
        4,
        &[
            &format!("secret {secret}"),
            "token_file was not accepted (401)",
        ],
    );
    ceremony.write("ceremony.token", &token);
}

#[test]
fn new_shares_go_to_a_secret_of_their_own_and_the_old_one_is_removed() {
    require!(["openbao-2.7.2", "kubeapi-1.34.2"]);
    let server = Server::in_memory();
    let (mut ceremony, secret) = with_a_secret(&server);
    ceremony.set("/break_glass/rotation", json!(true));
    with_keys(&ceremony, &["apply", "--yes"]).exits(4);
    let old = ceremony.custody().share("alice");
    ceremony.write("old.yaml", &ceremony.file.to_string());
    ceremony.set("/init/generation", json!(2));
    let rotate = ["recovery", "rotate", "--from", "old.yaml", "--yes"];
    let run = with_keys(&ceremony, &rotate);
    run.exits(0)
        .says(&[&format!("removed secret {secret}, the old share of alice")]);
    assert_eq!(Kubernetes::shared().secret(&secret), None);
    let new = ceremony.custody().share("alice");
    assert!(looks_like_a_share(&new) && new != old);
    let holder = ceremony.run(&["holder-file", "alice"]);
    let line = format!("#   no share: a token that may get secret {secret}-g2\n");
    holder.exits(0).prints(&[&line]);
    with_keys(&ceremony, &["rehearse"]).exits(0);
}

#[test]
fn an_unverified_share_in_a_secret_is_made_anew_and_what_is_somebody_elses_is_left_there() {
    require!(["openbao-2.7.2", "kubeapi-1.34.2"]);
    let server = Server::in_memory();
    let (mut ceremony, secret) = with_a_secret(&server);
    ceremony.remove("/init/recovery");
    let place = secret.clone();
    let takes_it = move |_: &RequestInfo| {
        Kubernetes::shared().create_secret(&place, "somebody's");
        Action::Pass
    };
    let faults = Faults::new()
        .first("* sys/rotate/recovery/init", takes_it)
        .first("POST sys/rotate/recovery/verify", Action::Hold);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    for _ in 0..2 {
        let run = ceremony.apply();
        run.exits(3)
            .says(&[&format!("secret {secret}: custodian name already taken")]);
    }
    let kubernetes = Kubernetes::shared();
    assert_eq!(
        kubernetes.kept_share(&secret).as_deref(),
        Some("somebody's")
    );
    kubernetes.delete_secret(&secret);
    let killed = killed_or_ended(ceremony.start(), &[&proxy]);
    assert!(killed.is_none(), "it was not stopped at the verification");
    let unverified = kubernetes.kept_share(&secret).expect("a share");
    ceremony.apply().exits(4);
    assert_ne!(kubernetes.kept_share(&secret), Some(unverified));
    with_keys(&ceremony, &["rehearse"]).exits(0);
}

/// Two custodians in Secrets, and an account that may do nothing.
fn without_rights() -> (Server, Ceremony, String) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let namespace = ceremony.kubernetes_account("ceremony");
    for (place, name) in ["alice", "bob"].into_iter().enumerate() {
        let custodian = ceremony.secret_custodian(name, "ceremony");
        ceremony.set(&format!("/init/custodians/{place}"), custodian);
    }
    ceremony.prove_all();
    (server, ceremony, namespace)
}

#[test]
fn every_missing_right_to_a_secret_is_told_with_its_role_before_anything_is_initialised() {
    require!(["openbao-2.7.2", "kubeapi-1.34.2"]);
    let (server, mut ceremony, namespace) = without_rights();
    let kubernetes = Kubernetes::shared();
    let account = format!("system:serviceaccount:{namespace}:ceremony has no such right (403)");
    let role = format!(
        "kubectl create role vault-bootstrap-bob-share -n {namespace} --verb=get,delete \
         --resource=secrets --resource-name=bob-share && kubectl create rolebinding \
         vault-bootstrap-bob-share -n {namespace} --role=vault-bootstrap-bob-share \
         --serviceaccount={namespace}:ceremony"
    );
    let refused = |ceremony: &Ceremony, code: i32, texts: &[&str]| {
        let run = ceremony.apply();
        run.exits(code).says(texts);
        assert!(!server.api().initialised(), "{run}");
    };
    let all = [
        &*format!(
            "custodian alice: secret {namespace}/alice-share: create of Secrets in namespace {namespace} \
             is denied: {account}"
        ),
        &format!(
            "custodian bob: secret {namespace}/bob-share: get of this Secret is denied: {account}"
        ),
        &format!("kubectl create role vault-bootstrap-create-shares -n {namespace} --verb=create"),
        &role,
    ];
    refused(&ceremony, 1, &all);
    // With the rights that were asked for, what is there already is never written over.
    kubernetes.allow_secrets(&namespace, "ceremony", &["create"], &[]);
    let names = ["alice-share", "bob-share"];
    kubernetes.allow_secrets(&namespace, "ceremony", &["get", "delete"], &names);
    let secret = format!("{namespace}/bob-share");
    kubernetes.create_secret(&secret, "precious");
    refused(
        &ceremony,
        3,
        &[&format!("secret {secret} already holds something")],
    );
    assert_eq!(kubernetes.kept_share(&secret).as_deref(), Some("precious"));
    kubernetes.delete_secret(&secret);
    // A trial leaves nothing there.
    assert_eq!(kubernetes.secret(&format!("{namespace}/alice-share")), None);
    let sound = ceremony.file["init"]["custodians"][0]["kubernetes"].clone();
    for (key, value, code, text) in not_to_be_reached() {
        let place = format!("/init/custodians/0/kubernetes/{key}");
        ceremony.set("/init/custodians/0/kubernetes", sound.clone());
        if value.is_null() {
            ceremony.remove(&place);
        } else {
            ceremony.set(&place, value);
        }
        refused(&ceremony, code, &["custodian alice: ", text]);
    }
}

/// What of the entry is another thing, what comes of it, and what is said.
fn not_to_be_reached() -> [(&'static str, Value, i32, &'static str); 6] {
    [
        (
            "api_server",
            json!("https://127.0.0.1:1"),
            1,
            "look at kubernetes: api_server",
        ),
        (
            "api_server",
            Value::Null,
            2,
            "kubernetes has no api_server, and the variable KUBERNETES_SERVICE_HOST is not there",
        ),
        (
            "token_file",
            Value::Null,
            2,
            "kubernetes: token_file is needed: the pod's own is not sent to another API server",
        ),
        (
            "token_file",
            json!("no.token"),
            1,
            "write a token into it that may create Secrets there and get this one: kubectl create token",
        ),
        ("ca_cert", json!("checkpoint.key"), 2, "kubernetes: ca_cert"),
        (
            "secret",
            json!("no-such-namespace/alice-share"),
            1,
            "create of Secrets in namespace no-such-namespace is denied",
        ),
    ]
}
