//! A node that is sealed in the middle, by a person or because its key is gone.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{Shared, root_stands_and_nothing_more_was_written};
use crate::ceremony::{Ceremony, Run, Server, builder};
use crate::leader::{ELECTION, locked};
use crate::support::{Action, Faults, LocalStack, Proxy, RequestInfo, Setup, eventually, require};

/// A write of the step before the users.
const MOMENT: &str = "POST sys/policies/acl/operator";

/// A ceremony in which somebody seals the server, and takes this key away before. A server with a key of its own
/// that is seconds old may still be looking for what to open, and would open itself again.
fn sealed_in_the_middle(setup: Setup, key: Option<String>) -> (Shared<Server>, Ceremony, Proxy) {
    let mut builder = builder(setup);
    if let Some(key) = &key {
        builder = builder.kms_key(key);
    }
    let server = Server::from(builder.start());
    let mut ceremony = Ceremony::at(&server);
    let address = server.address();
    let server = Arc::new(Mutex::new(server));
    let seals = server.clone();
    let faults = Faults::new().first(MOMENT, move |request: &RequestInfo| {
        let root = request.header("x-vault-token").expect("the root token");
        if let Some(key) = &key {
            LocalStack::shared().kms_disable(key);
        }
        let (status, answer) = locked(&seals).put("sys/seal", root, json!({}));
        assert_eq!(status, 204, "{answer}");
        Action::Pass
    });
    let proxy = faults.before(&address);
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.set("/cluster/timeouts", json!({ "active": "8s" }));
    (server, ceremony, proxy)
}

#[test]
fn a_sealed_server_that_opens_in_time_is_waited_for() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony, proxy) = sealed_in_the_middle(Setup::OpenBao272Static, None);
    ceremony.set("/cluster/timeouts", json!({ "active": "60s" }));
    let sealed = format!("{} is sealed", proxy.address());
    let mut run = ceremony.start();
    // Unless it has opened itself by then.
    let seen = || run.has_ended() || run.stderr_so_far().contains(&sealed);
    assert!(eventually(ELECTION, seen), "{}", run.stderr_so_far());
    if !run.has_ended() {
        locked(&server).restart();
    }
    let run = Run::from(run.finish());
    run.exits(4);
    let opened = locked(&server).log().matches("vault is unsealed").count();
    assert!(opened > 1, "it was not sealed in the middle\n{run}");
    assert!(!ceremony.keeps_secrets());
}

#[test]
fn a_server_with_its_own_key_that_somebody_seals_has_to_be_restarted() {
    require!(Setup::Vault1211AwsKms.components());
    let key = LocalStack::shared().kms_create_key();
    let (server, mut ceremony, proxy) =
        sealed_in_the_middle(Setup::Vault1211AwsKms, Some(key.clone()));
    let run = ceremony.apply();
    let sealed = format!("{} is sealed (seal awskms)", proxy.address());
    run.exits(3).says(&[
        "refused:",
        &sealed,
        "check that the key exists, is enabled",
        "restart the server if it stays sealed",
        "apply --yes",
    ]);
    root_stands_and_nothing_more_was_written(&ceremony, &proxy);
    // Sealed still, it is refused as at first.
    ceremony.apply().exits(3).says(&[&sealed]);
    LocalStack::shared().kms_enable(&key);
    locked(&server).restart();
    ceremony.set("/cluster/timeouts", json!({ "active": "60s" }));
    ceremony.apply().exits(4);
    assert!(!ceremony.keeps_secrets());
}

#[test]
fn a_server_with_key_shares_that_somebody_seals_is_opened_by_the_holders() {
    require!(["vault-1.21.1"]);
    let (server, mut ceremony, proxy) = sealed_in_the_middle(Setup::Vault1211Shamir, None);
    let run = ceremony.apply();
    let sealed = format!("{} is sealed (seal shamir)", proxy.address());
    run.exits(3).says(&[
        "refused:",
        &sealed,
        "let each holder of a quorum give their share: ",
        "unseal --custodian NAME",
        "apply --yes",
    ]);
    root_stands_and_nothing_more_was_written(&ceremony, &proxy);
    for name in ["alice", "carol"] {
        let share = ceremony.custody().share(name);
        locked(&server).must_put("sys/unseal", None, json!({ "key": share }));
    }
    ceremony.set("/cluster/timeouts", json!({ "active": "60s" }));
    ceremony.apply().exits(4);
    assert!(!ceremony.keeps_secrets());
}

/// The server starts anew right after it was initialised, and nobody opens it.
fn key_disabled_after_init(setup: Setup) {
    let aws = LocalStack::shared();
    let key = aws.kms_create_key();
    let server = Server::from(builder(setup).kms_key(&key).start());
    let mut ceremony = Ceremony::at(&server);
    let address = server.address();
    let server = Arc::new(Mutex::new(server));
    let (restarts, disabled) = (server.clone(), key.clone());
    let faults = Faults::new()
        .nth(2, "*", move |_: &RequestInfo| {
            LocalStack::shared().kms_disable(&disabled);
            locked(&restarts).kill();
            locked(&restarts).restart();
            Action::Pass
        })
        .since(1, "PUT sys/init");
    let proxy = faults.before(&address);
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.set("/cluster/timeouts", json!({ "active": "5s" }));
    let run = ceremony.apply();
    let sealed = format!("{} is sealed (seal awskms)", proxy.address());
    run.exits(3).says(&[
        "refused:",
        &sealed,
        "its own seal, awskms: check that the key exists, is enabled and may be used by the server",
        "apply --yes",
    ]);
    assert!(ceremony.keeps_secrets(), "{run}\n{:#?}", proxy.counts());
    root_stands_and_nothing_more_was_written(&ceremony, &proxy);
    assert_eq!(proxy.count("GET sys/audit"), 0);
    aws.kms_enable(&key);
    locked(&server).restart();
    ceremony.set("/cluster/timeouts", json!({ "active": "60s" }));
    ceremony.apply().exits(4);
    assert_eq!(proxy.count("PUT sys/init"), 1);
    assert!(!ceremony.keeps_secrets());
}

#[test]
fn a_key_that_is_disabled_after_openbao_was_initialised_is_named_with_its_seal() {
    require!(Setup::OpenBao262AwsKms.components());
    key_disabled_after_init(Setup::OpenBao262AwsKms);
}

#[test]
fn a_key_that_is_disabled_after_vault_was_initialised_is_named_with_its_seal() {
    require!(Setup::Vault1211AwsKms.components());
    key_disabled_after_init(Setup::Vault1211AwsKms);
}
