//! From uninitialised to handed over on every set-up, and what the server and the custodians say afterwards.

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, OPERATOR, Server, looks_like_a_share, root_from_shares};
use crate::support::{Account, Kubernetes, LocalStack, OpenIdProvider, Setup, require};

/// The one finding that stands until a drill can be held.
pub const NOT_REHEARSED: &str = "break-glass is not rehearsed";
/// What a server says that lets anybody start a root generation.
const OPEN: &str = "sys/generate-root answers anybody";

/// The whole ceremony and the whole promise on one set-up.
fn handed_over_on(setup: Setup) {
    require!(setup.components());
    require!(["oidc-provider-9.13.3", "kubeapi-1.34.2"]);
    let server = Server::of(setup);
    let mut ceremony = Ceremony::at(&server);
    let aws = setup.components().contains(&"localstack-4.9.2");
    if aws {
        for (place, name) in ["alice", "bob"].into_iter().enumerate() {
            let custodian = ceremony.ssm_custodian(name);
            ceremony.set(&format!("/init/custodians/{place}"), custodian);
        }
        ceremony.kms_checkpoint();
    }
    let provider = OpenIdProvider::start();
    ceremony.on_call_door(&provider);
    ceremony.workload_door(Kubernetes::shared());
    let seal = if setup == Setup::Vault1211Shamir {
        "shamir"
    } else {
        "auto"
    };
    ceremony.set("/init/seal", json!(seal));
    let run = ceremony.apply_with(&provider, Account::Alice);
    run.exits(4)
        .prints(&["done, with findings", NOT_REHEARSED])
        .shows_no_token();
    let findings = run
        .stdout
        .lines()
        .filter(|line| line.starts_with("  - "))
        .count();
    let expected = if setup.is_openbao() { 1 } else { 2 };
    assert_eq!(findings, expected, "{run}");
    assert!(setup.is_openbao() || run.stdout.contains(OPEN), "{run}");
    assert!(!ceremony.keeps_secrets());
    run.says(&["on-call opened", "payments opened", "ada opened"]);
    the_server_is_as_the_file_says(&server, &ceremony);
    the_audit_log_saw_it_in_order(&server);
    if aws {
        let names = ["alice", "bob"].map(|name| format!("{}/{name}", ceremony.prefix()));
        assert_eq!(
            LocalStack::shared().ssm_names_under(&ceremony.prefix()),
            names,
            "no canary is left"
        );
    }
    let log = server.audit().after_this();
    ceremony.apply().exits(4).prints(&["nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
    a_quorum_brings_root_back(&server, &ceremony);
}

fn the_server_is_as_the_file_says(server: &Server, ceremony: &Ceremony) {
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    auditor.no_root_is_left();
    let policy = auditor.read("sys/policies/acl/operator");
    assert_eq!(policy["data"]["policy"], OPERATOR);
    let grant = auditor.read("sys/policies/acl/vault-bootstrap-break-glass");
    assert!(
        grant["data"]["policy"]
            .as_str()
            .expect("a text")
            .contains("sys/generate-root")
    );
    let user = |name: &str| auditor.read(&format!("auth/userpass/users/{name}"))["data"].clone();
    assert_eq!(
        user("ada")["token_policies"],
        json!(["vault-bootstrap-break-glass"])
    );
    assert_eq!(user("ada")["token_ttl"], 900);
    assert_eq!(user("operator")["token_policies"], json!(["operator"]));
    let devices = auditor.read("sys/audit")["data"].clone();
    assert_eq!(devices["file/"]["type"], "file", "{devices:#}");
    let operator = server
        .api()
        .log_in("operator", &ceremony.secrets["operator"]);
    operator.write(
        "secret/data/production/stripe",
        &json!({ "data": { "key": "value" } }),
    );
    assert_eq!(
        operator.read("secret/data/production/stripe")["data"]["data"]["key"],
        "value"
    );
    assert_eq!(operator.get("sys/policies/acl/operator").0, 403);
}

fn the_audit_log_saw_it_in_order(server: &Server) {
    let log = server.audit();
    let order = [
        "update sys/audit-hash/file",
        "update sys/mounts/secret",
        "update sys/auth/userpass",
        "update sys/policies/acl/operator",
        "update auth/userpass/login/ada",
        "list auth/token/accessors",
    ];
    let places = order.map(|request| log.place(request));
    assert!(places.is_sorted(), "{order:?} came at {places:?}");
    let users = log.place("create auth/userpass/users/ada");
    assert!(
        places[3] < users && users < places[4],
        "users at {users}, the others at {places:?}"
    );
}

fn a_quorum_brings_root_back(server: &Server, ceremony: &Ceremony) {
    let shares = ["alice", "bob", "carol"].map(|name| ceremony.custody().share(name));
    assert!(shares.iter().all(|share| looks_like_a_share(share)));
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let path = if server.setup().is_openbao() {
        "generate-root-token"
    } else {
        "generate-root"
    };
    for pair in [[0, 1], [2, 0]] {
        let quorum = pair.map(|place| shares[place].clone());
        let root = server.api().with(&root_from_shares(&ada, path, &quorum));
        assert_eq!(
            root.read("auth/token/lookup-self")["data"]["policies"],
            json!(["root"])
        );
        root.write("auth/token/revoke-self", &Value::Null);
        assert_eq!(root.get("auth/token/lookup-self").0, 403);
    }
}

#[test]
fn openbao_2_7_2_with_a_static_seal_is_handed_over() {
    handed_over_on(Setup::OpenBao272Static);
}

#[test]
fn openbao_2_6_2_with_a_kms_seal_is_handed_over_to_parameter_store_and_age() {
    handed_over_on(Setup::OpenBao262AwsKms);
}

#[test]
fn openbao_2_6_2_that_takes_audit_devices_over_its_api_is_handed_over() {
    handed_over_on(Setup::OpenBao262StaticApiAudit);
}

#[test]
fn vault_1_21_1_with_a_kms_seal_is_handed_over_to_parameter_store_and_age() {
    handed_over_on(Setup::Vault1211AwsKms);
}

#[test]
fn vault_1_21_1_with_key_shares_is_handed_over() {
    handed_over_on(Setup::Vault1211Shamir);
}

#[test]
fn vault_with_key_shares_is_opened_again_by_its_custodians_after_a_restart() {
    require!(Setup::Vault1211Shamir.components());
    let mut server = Server::of(Setup::Vault1211Shamir);
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/cluster/timeouts", json!({ "active": "2s" }));
    ceremony.apply().exits(4);
    server.restart();
    ceremony.apply().exits(3).says(&["is sealed"]);
    let next = "unseal --custodian NAME";
    ceremony
        .run(&["status"])
        .exits(4)
        .prints(&["the server is sealed", next]);
    server.unseal_by_hand(&["carol", "alice"].map(|name| ceremony.custody().share(name)));
    server.wait_active();
    ceremony.apply().exits(4).prints(&["nothing was written"]);
}

#[test]
fn three_nodes_are_unsealed_and_handed_over_whichever_is_named() {
    require!(Setup::Vault1211Shamir.components());
    let nodes = crate::ceremony::builder(Setup::Vault1211Shamir).start_cluster(3);
    let nodes: Vec<Server> = nodes.into_iter().map(Server::from).collect();
    let mut ceremony = Ceremony::at(&nodes[1]);
    let addresses: Vec<String> = nodes.iter().map(|node| node.address()).collect();
    ceremony.set("/cluster/nodes", json!(addresses));
    let run = ceremony.apply();
    run.exits(4).says(&["3 nodes"]);
    assert!(nodes.iter().all(|node| !node.is_sealed()));
    // The file now names a standby; the active node is found among the others.
    let standby = nodes
        .iter()
        .find(|node| node.get("sys/health", None).0 == 429)
        .expect("a standby");
    ceremony.set("/cluster/address", json!(standby.address()));
    ceremony.apply().exits(4).prints(&["nothing was written"]);
    // Alone it is no use: what it says may be old.
    ceremony.remove("/cluster/nodes");
    ceremony.set("/cluster/timeouts", json!({ "active": "2s" }));
    let text = format!("{} is standby", standby.address());
    let log = nodes
        .iter()
        .map(|node| node.audit().after_this())
        .collect::<Vec<_>>();
    ceremony
        .apply()
        .exits(1)
        .says(&["waited 2s for an active node", &text, "what to do:"]);
    assert!(log.iter().all(|log| log.requests().is_empty()));
}
