//! What moves by itself in a document is no difference: use, a restart, another leader, another release.

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Server};
use crate::support::{Setup, require};

/// A ceremony of many kinds of documents, whose root lives on: a door does not open.
fn of_many_kinds(server: &Server) -> Ceremony {
    let mut ceremony = Ceremony::at(server);
    let password = "length = 20\nrule \"charset\" { charset = \"abcdefghijklmnopqrstuvwxyz\" min-chars = 1 }\n";
    let of = |path: &str, data: Value| json!({ "path": path, "data": data });
    ceremony
        .set("/secrets/transit", json!({ "type": "transit" }))
        .set("/secrets/pki", json!({ "type": "pki" }))
        .set("/secrets/ssh", json!({ "type": "ssh" }))
        .set("/secrets/totp", json!({ "type": "totp" }))
        .set("/secrets/kv1", json!({ "type": "kv" }))
        .set("/auth/approle", json!({ "roles": { "ci": { "token_policies": ["operator"], "secret_id_ttl": "1h" } } }))
        .set(
            "/writes",
            json!([
                of("secret/config", json!({ "max_versions": 5, "delete_version_after": "1h" })),
                of("secret/metadata/app", json!({ "custom_metadata": { "team": "a" }, "max_versions": 3 })),
                of("secret/data/app", json!({ "data": { "port": 1 } })),
                of("kv1/app", json!({ "port": 1 })),
                of("transit/keys/k", json!({ "type": "aes256-gcm96" })),
                of("pki/roles/r", json!({ "allowed_domains": "localhost", "max_ttl": "1h" })),
                of("pki/config/urls", json!({ "issuing_certificates": "http://127.0.0.1/ca" })),
                of("pki/root/generate/internal", json!({ "common_name": "tests", "issuer_name": "first" })),
                of("ssh/roles/r", json!({ "key_type": "ca", "allow_user_certificates": true, "allowed_users": "*" })),
                of("sys/policies/password/p", json!({ "policy": password })),
                of("sys/quotas/rate-limit/all", json!({ "rate": 10_000 })),
                of("identity/entity/name/app", json!({ "policies": ["operator"], "metadata": { "team": "a" } })),
                of("identity/group/name/apps", json!({ "policies": ["operator"], "metadata": { "team": "a" } })),
                of("identity/oidc/key/k", json!({ "allowed_client_ids": ["*"], "rotation_period": "24h" })),
                of("identity/oidc/role/r", json!({ "key": "k", "ttl": "1h" })),
                of("identity/oidc/assignment/a", json!({ "entity_ids": [], "group_ids": [] })),
                of("auth/token/roles/r", json!({ "allowed_policies": ["operator"], "orphan": true })),
            ]),
        )
        .set("/logins/operator/can", json!({ "sys/mounts": ["sudo"] }));
    ceremony
}

#[track_caller]
fn finds_nothing(server: &Server, ceremony: &Ceremony) {
    let log = server.audit().after_this();
    let run = ceremony.apply();
    run.exits(1)
        .says(&["it opened, but"])
        .never_says(&["not as in the file", "not re-checked: "]);
    let mut written = log.writes();
    written.retain(|line| !line.contains("/login") && !line.contains("revoke-self"));
    assert_eq!(written, Vec::<String>::new(), "{run}");
}

/// People log in, and what they use changes what the server tells of it.
fn is_used(server: &Server, ceremony: &Ceremony) {
    for name in ["ada", "operator"] {
        server.api().log_in(name, &ceremony.secrets[name]);
    }
}

#[test]
fn use_and_a_restart_make_no_difference() {
    for setup in [Setup::OpenBao272Static, Setup::OpenBao262StaticApiAudit] {
        require!(setup.components());
        let mut server = Server::of(setup);
        let ceremony = of_many_kinds(&server);
        ceremony.apply().exits(1).says(&["it opened, but"]);
        finds_nothing(&server, &ceremony);
        is_used(&server, &ceremony);
        finds_nothing(&server, &ceremony);
        server.restart();
        server.wait_active();
        finds_nothing(&server, &ceremony);
    }
}

#[test]
fn another_release_makes_no_difference() {
    require!(["openbao-2.6.2", "openbao-2.7.2"]);
    let mut server = Server::of(Setup::OpenBao262StaticApiAudit);
    let ceremony = of_many_kinds(&server);
    ceremony.apply().exits(1).says(&["it opened, but"]);
    server.upgrade(Setup::OpenBao272Static);
    server.wait_active();
    finds_nothing(&server, &ceremony);
}

#[test]
fn what_the_file_leaves_to_others_is_not_compared() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let rules = "path \"identity/oidc/provider/main\" { capabilities = [\"read\", \"update\"] }";
    let provider =
        |ids: Value| json!({ "issuer": "https://vault.example.com", "allowed_client_ids": ids });
    ceremony
        .set("/policies/operator", json!({ "rules": rules }))
        .set(
            "/writes",
            json!([{ "path": "identity/oidc/provider/main", "data": provider(json!([])) }]),
        )
        .set("/logins/operator", json!({
            "auth": "userpass", "username": "operator", "password": { "file": "operator.password" },
            "can": { "sys/mounts": ["sudo"] },
        }));
    ceremony.apply().exits(1);
    let hand = server
        .api()
        .log_in("operator", &ceremony.secrets["operator"]);
    hand.write("identity/oidc/provider/main", &provider(json!(["x"])));
    ceremony
        .run(&["plan"])
        .exits(0)
        .prints(&["identity/oidc/provider/main"]);
    ceremony.set("/writes/0/unmanaged_fields", json!(["allowed_client_ids"]));
    ceremony.save();
    ceremony
        .run(&["plan"])
        .exits(0)
        .never_says(&["identity/oidc/provider/main"]);
}

#[test]
fn data_of_kv_is_a_first_value_unless_the_file_manages_it() {
    require!(["openbao-2.7.2"]);
    for manage in [false, true] {
        let server = Server::in_memory();
        let mut ceremony = Ceremony::at(&server);
        let rules = "path \"secret/data/*\" { capabilities = [\"create\", \"read\", \"update\"] }";
        ceremony
            .set("/policies/reader", json!({ "rules": rules }))
            .set("/auth/userpass/users/audit-reader/token_policies", json!(["auditor", "reader"]))
            .set(
                "/writes",
                json!([{ "path": "secret/data/app", "data": { "data": { "port": 1 } }, "manage": manage }]),
            );
        ceremony.apply().exits(4);
        let hand = server
            .api()
            .log_in("audit-reader", &ceremony.secrets["audit"]);
        hand.write("secret/data/app", &json!({ "data": { "port": 2 } }));
        let run = ceremony.apply();
        run.exits(4);
        if manage {
            // This login may write it back, and so it does.
            run.says(&["data.port"])
                .never_says(&["differs from the file"]);
            assert_eq!(hand.read("secret/data/app")["data"]["data"]["port"], 1);
        } else {
            run.says(&["a first value, not looked at any more: secret/data/app"])
                .never_says(&["data.port"]);
        }
    }
}
