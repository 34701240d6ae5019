//! The test components themselves: each starts, does what tests need of it, and is gone afterwards.

mod aws;
mod logins;
mod processes;
mod proxy;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Authority, DeclaredAudit, HttpClient, Initialised, Scratch, Setup, Tls, VaultServer,
    eventually, is_gone, require,
};

fn audit_file_body(server: &VaultServer) -> Value {
    json!({ "type": "file", "options": { "file_path": server.audit_file() } })
}

/// What every set-up must do: initialise, work as root, keep its data over a restart, and go away.
fn check_setup(setup: Setup, seal: &str, check_audit: impl Fn(&VaultServer, &Initialised)) {
    let mut server = VaultServer::start(setup);
    assert_eq!(
        server.get("sys/init", None),
        (200, json!({ "initialized": false }))
    );
    assert_eq!(server.get("sys/seal-status", None).1["type"], seal);
    let initialised = server.init_by_hand();
    assert_eq!(initialised.shares.len(), 3);
    let root = initialised.root_token.as_str();
    check_audit(&server, &initialised);
    server.restart();
    if seal == "shamir" {
        assert!(server.is_sealed());
        server.unseal_by_hand(&initialised.shares[1..]);
    }
    server.wait_active();
    assert_eq!(
        server.get("auth/token/lookup-self", root).0,
        200,
        "{}",
        server.log()
    );
    let (id, port) = (server.id().expect("it runs"), server.port());
    drop(server);
    assert!(is_gone(id, port));
}

fn has_a_declared_device(server: &VaultServer, initialised: &Initialised) {
    let root = initialised.root_token.as_str();
    let (_, devices) = server.get("sys/audit", root);
    assert_eq!(devices["data"]["main/"]["type"], "file", "{devices}");
    let (status, refusal) = server.put("sys/audit/more", root, audit_file_body(server));
    assert_eq!(status, 400, "{refusal}");
    let read = |entry: &Value| entry["request"]["path"] == "sys/audit";
    assert!(server.audit_entries().iter().any(read));
}

fn takes_a_device_over_the_api(server: &VaultServer, initialised: &Initialised) {
    let root = initialised.root_token.as_str();
    assert_eq!(server.get("sys/audit", root).1["data"], json!({}));
    server.must_put("sys/audit/main", root, audit_file_body(server));
    assert_eq!(
        server.get("sys/audit", root).1["data"]["main/"]["type"],
        "file"
    );
    assert!(!server.audit_entries().is_empty());
}

#[test]
fn openbao_2_7_2_with_a_static_seal_declares_its_audit_file() {
    let setup = Setup::OpenBao272Static;
    require!(setup.components());
    check_setup(setup, "static", has_a_declared_device);
}

#[test]
fn openbao_2_6_2_with_a_kms_seal_declares_its_audit_file() {
    let setup = Setup::OpenBao262AwsKms;
    require!(setup.components());
    check_setup(setup, "awskms", has_a_declared_device);
}

#[test]
fn openbao_2_6_2_can_be_told_to_take_audit_devices_over_the_api() {
    let setup = Setup::OpenBao262StaticApiAudit;
    require!(setup.components());
    check_setup(setup, "static", takes_a_device_over_the_api);
}

#[test]
fn vault_1_21_1_with_a_kms_seal_takes_audit_devices_over_the_api() {
    let setup = Setup::Vault1211AwsKms;
    require!(setup.components());
    check_setup(setup, "awskms", takes_a_device_over_the_api);
}

#[test]
fn vault_1_21_1_unseals_with_key_shares() {
    let setup = Setup::Vault1211Shamir;
    require!(setup.components());
    check_setup(setup, "shamir", takes_a_device_over_the_api);
}

#[test]
fn a_declared_audit_file_can_be_raw_and_elsewhere() {
    require!(Setup::OpenBao272Static.components());
    let elsewhere = Scratch::new();
    let file = elsewhere.path().join("raw.log");
    let audit = DeclaredAudit {
        name: "raw".to_owned(),
        file: Some(file.clone()),
        log_raw: true,
        prefix: None,
    };
    let server = VaultServer::builder(Setup::OpenBao272Static)
        .declared_audit(Some(audit))
        .start();
    let root = server.init_by_hand().root_token;
    assert_eq!(server.get("auth/token/lookup-self", root.as_str()).0, 200);
    let written = std::fs::read_to_string(file).expect("the audit file");
    assert!(written.contains(&root), "nothing raw in {written}");
}

#[test]
fn a_listener_line_opens_root_generation_to_everybody() {
    require!(Setup::OpenBao272Static.components());
    let path = "sys/generate-root/attempt";
    let server = VaultServer::builder(Setup::OpenBao272Static)
        .listener_line("disable_unauthed_generate_root_endpoints = false")
        .start();
    server.init_by_hand();
    assert_eq!(server.get(path, None).0, 200);
}

#[test]
fn a_listener_serves_https_and_asks_for_client_certificates() {
    require!(Setup::OpenBao272Static.components());
    let authority = Authority::new();
    let names = "DNS:localhost,IP:127.0.0.1";
    let client = authority.issue("client", "DNS:client");
    let tls = Tls {
        server: authority.issue("server", names),
        client_authority: Some(authority.certificate()),
        client: Some(client),
    };
    let server = VaultServer::builder(Setup::OpenBao272Static)
        .tls(tls)
        .start();
    assert!(server.address().starts_with("https://127.0.0.1:"));
    server.init_by_hand();
    let stranger = HttpClient::default();
    let url = format!("{}/v1/sys/seal-status", server.address());
    assert!(stranger.call("GET", &url, &[], None).is_err());
}

#[test]
fn an_expired_certificate_is_expired() {
    let authority = Authority::new();
    let expired = authority.issue_expired("server", "IP:127.0.0.1");
    let check = |seconds: &str| {
        let file = expired
            .certificate
            .to_str()
            .expect("a plain path")
            .to_owned();
        let command = ["x509", "-noout", "-checkend", seconds, "-in", &file];
        std::process::Command::new("openssl")
            .args(command)
            .output()
            .expect("openssl")
            .status
    };
    assert!(!check("0").success());
}

#[test]
fn three_nodes_find_each_other_and_one_takes_over() {
    require!(Setup::OpenBao272Static.components());
    let mut nodes = VaultServer::builder(Setup::OpenBao272Static).start_cluster(3);
    let root = nodes[0].init_by_hand().root_token;
    nodes[1..].iter().for_each(VaultServer::wait_standby);
    nodes[0].wait_voters(&root, 3);
    nodes[0].kill();
    let takes_over = || {
        nodes[1..]
            .iter()
            .any(|node| node.get("sys/health", None).0 == 200)
    };
    assert!(eventually(Duration::from_secs(60), takes_over));
}
