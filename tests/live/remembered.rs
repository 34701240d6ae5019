//! The file is compared with what was sent, and the server with what it made of it: nothing is guessed.

use serde_json::json;

use crate::ceremony::{Api, Ceremony, Server, handed_over, handed_over_on, root_from_shares};
use crate::support::{Setup, require};

/// Both releases of OpenBao, and Vault.
const EACH: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];
/// Nobody has its other half.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmEImFVKjUfDInfM2Zsh1DjDrjbsv\n\
    F204aQKu+UmuSMVJ+VDI37sPgyCNTx+gGfKp92n+gBmBvrClhMgDaZSTVA==\n\
    -----END PUBLIC KEY-----\n";

/// Keeps root alive: a door that does not open ends each run before root is revoked.
fn root_stays(ceremony: &mut Ceremony) {
    ceremony.set("/logins/operator/can", json!({ "sys/mounts": ["sudo"] }));
}

/// Somebody who may do everything, as after a break-glass.
pub(crate) fn root<'s>(server: &'s Server, ceremony: &Ceremony) -> Api<'s> {
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let path = if server.setup().is_openbao() {
        "generate-root-token"
    } else {
        "generate-root"
    };
    server.api().with(&root_from_shares(&ada, path, &shares))
}

/// A server with a ceremony whose root lives on.
fn with_root(setup: Setup) -> (Server, Ceremony) {
    let server = Server::of(setup);
    let mut ceremony = Ceremony::at(&server);
    root_stays(&mut ceremony);
    (server, ceremony)
}

/// A run that writes exactly these paths, and a second one that writes nothing.
#[track_caller]
fn writes(server: &Server, ceremony: &Ceremony, paths: &[&str]) {
    for expected in [paths, &[]] {
        let log = server.audit().after_this();
        let run = ceremony.apply();
        let mut written = log.writes();
        written
            .retain(|line| !line.contains("auth/userpass/login") && !line.contains("/revoke-self"));
        let expected: Vec<String> = expected
            .iter()
            .map(|path| format!("update {path}"))
            .collect();
        assert_eq!(written, expected, "{run}");
    }
}

#[test]
fn the_corrected_type_of_a_bound_claim_is_written() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_root(setup);
        let role = "/auth/jwt/roles/ci";
        ceremony
            .set(
                "/auth/jwt",
                json!({ "config": { "jwt_validation_pubkeys": [PUBLIC_KEY] } }),
            )
            .set(
                role,
                json!({
                    "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"],
                    "bound_claims": { "project_id": 22, "email_verified": "true" }, "token_ttl": "5m",
                }),
            );
        ceremony.apply().exits(1);
        const PATH: &str = "auth/jwt/role/ci";
        for (place, value) in [
            ("/bound_claims/project_id", json!("22")),
            ("/bound_claims/email_verified", json!(true)),
            ("/token_ttl", json!("300s")),
            ("/bound_audiences", json!("vault")),
        ] {
            ceremony.set(&format!("{role}{place}"), value.clone());
            writes(&server, &ceremony, &[PATH]);
        }
    }
}

#[test]
fn a_line_taken_out_of_a_role_goes_back_to_the_servers_default() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_root(setup);
        let user = "/auth/userpass/users/extra";
        let word = ceremony.password("extra");
        let lines = json!({
            "token_bound_cidrs": ["10.0.0.0/8"], "token_no_default_policy": true, "token_num_uses": 7,
            "token_ttl": "15m", "token_type": "batch", "token_period": "1h",
        });
        ceremony.set(user, json!({ "password": { "file": "extra.password" } }));
        for (name, value) in lines.as_object().expect("lines") {
            if name != "token_type" {
                ceremony.set(&format!("{user}/{name}"), value.clone());
            }
        }
        ceremony.apply().exits(1);
        for name in lines.as_object().expect("lines").keys() {
            if name == "token_type" {
                continue;
            }
            ceremony.remove(&format!("{user}/{name}"));
            writes(&server, &ceremony, &["auth/userpass/users/extra"]);
        }
        // The user may log in from here again, and nobody has changed their password.
        server.api().log_in("extra", &word);
    }
}

#[test]
fn stored_data_is_compared_as_it_stands() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_root(setup);
        let before = json!({
            "port": 5432, "on": "true", "hosts": ["a", "b"], "host": ["a"], "timeout": "60s", "a": "1",
        });
        ceremony.set("/secrets/kv1", json!({ "type": "kv" })).set(
            "/writes",
            json!([
                { "path": "secret/data/stored", "data": { "data": before } },
                { "path": "kv1/stored", "data": before },
            ]),
        );
        ceremony.apply().exits(1);
        for (name, value) in [
            ("port", json!("5432")),
            ("on", json!(true)),
            ("hosts", json!(["b", "a"])),
            ("host", json!("a")),
            ("timeout", json!("1m")),
            ("b", json!("")),
        ] {
            ceremony
                .set(&format!("/writes/0/data/data/{name}"), value.clone())
                .set(&format!("/writes/1/data/{name}"), value);
            writes(&server, &ceremony, &["secret/data/stored", "kv1/stored"]);
        }
        ceremony
            .remove("/writes/0/data/data/a")
            .remove("/writes/1/data/a");
        writes(&server, &ceremony, &["secret/data/stored", "kv1/stored"]);
    }
}

#[test]
fn a_signing_key_is_made_once_and_again_only_where_that_is_asked_for() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_root(setup);
        ceremony.set("/secrets/ssh", json!({ "type": "ssh" })).set(
            "/writes",
            json!([{ "path": "ssh/config/ca", "data": { "generate_signing_key": true } }]),
        );
        ceremony.apply().exits(1);
        writes(&server, &ceremony, &[]);
        ceremony.set("/writes/0/data/key_type", json!("ed25519"));
        writes(&server, &ceremony, &[]);
    }
}

#[test]
fn a_change_at_the_server_is_seen_in_fields_that_the_file_does_not_name() {
    for setup in [Setup::OpenBao272Static, Setup::OpenBao262AwsKms] {
        require!(setup.components());
        let (server, ceremony) = handed_over_on(setup);
        let admin = root(&server, &ceremony);
        admin.write(
            "auth/userpass/users/operator",
            &json!({ "token_num_uses": 9 }),
        );
        admin.write(
            "sys/mounts/secret/tune",
            &json!({ "listing_visibility": "unauth" }),
        );
        let run = ceremony.apply();
        run.exits(4).prints(&[
            "auth/userpass/users/operator: token_num_uses is 9, and was 0 after the last write",
            "sys/mounts/secret/tune: listing_visibility is \"unauth\"",
        ]);
    }
}

#[test]
fn a_connection_that_leads_elsewhere_is_seen() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let url =
        |host: &str| format!("postgresql://{{{{username}}}}:{{{{password}}}}@{host}:5432/app");
    let connection = |host: &str| {
        json!({
            "plugin_name": "postgresql-database-plugin", "connection_url": url(host), "username": "v",
            "password": { "file": "ada.password" }, "allowed_roles": ["app"], "verify_connection": false,
        })
    };
    ceremony
        .set("/secrets/database", json!({ "type": "database" }))
        .set(
            "/policies/reader",
            json!({ "rules": "path \"database/config/pg\" { capabilities = [\"read\"] }" }),
        )
        .set(
            "/auth/userpass/users/audit-reader/token_policies",
            json!(["auditor", "reader"]),
        )
        .set(
            "/writes",
            json!([{ "path": "database/config/pg", "data": connection("127.0.0.1") }]),
        );
    ceremony.apply().exits(4);
    ceremony
        .apply()
        .exits(4)
        .never_says(&["differs from the file"]);
    let mut elsewhere = connection("192.0.2.1");
    elsewhere["password"] = json!("x");
    root(&server, &ceremony).write("database/config/pg", &elsewhere);
    ceremony
        .apply()
        .exits(4)
        .prints(&["database/config/pg: connection_details.connection_url"]);
}

#[test]
fn what_somebody_else_has_set_is_put_back_while_root_lives() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_root(setup);
        ceremony.set(
            "/policies/operator",
            json!({ "rules": "path \"auth/userpass/users/*\" { capabilities = [\"update\"] }" }),
        );
        ceremony.apply().exits(1);
        let hand = server
            .api()
            .log_in("operator", &ceremony.secrets["operator"]);
        let set = json!({ "token_policies": ["root-like"], "token_bound_cidrs": ["127.0.0.0/8"], "token_num_uses": 3 });
        hand.write("auth/userpass/users/audit-reader", &set);
        writes(&server, &ceremony, &["auth/userpass/users/audit-reader"]);
    }
}

#[test]
fn what_the_server_refuses_takes_nothing_from_what_is_remembered() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_root(setup);
        let role = "/auth/approle/roles/r";
        ceremony
            .set(
                "/auth/approle",
                json!({ "roles": { "r": { "token_bound_cidrs": ["10.0.0.0/8"] } } }),
            )
            .set(
                "/policies/operator",
                json!({ "rules": "path \"auth/approle/role/r\" { capabilities = [\"update\"] }" }),
            );
        ceremony.apply().exits(1).says(&["it opened, but"]);
        let hand = server
            .api()
            .log_in("operator", &ceremony.secrets["operator"]);
        hand.write(
            "auth/approle/role/r",
            &json!({ "token_policies": ["everything"] }),
        );
        // A batch token has no number of uses: the server refuses the two together.
        ceremony.set(role, json!({ "token_type": "batch", "token_num_uses": 3 }));
        ceremony.apply().exits(1).says(&["auth/approle/role/r"]);
        ceremony.set(role, json!({ "token_ttl": "5m" }));
        writes(&server, &ceremony, &["auth/approle/role/r"]);
        let plan = ceremony.run(&["plan"]);
        plan.never_says(&["auth/approle/role/r"]);
        let text =
            std::fs::read_to_string(ceremony.path("checkpoint/memory.jsonl")).expect("it is there");
        let last = text
            .lines()
            .rfind(|line| line.contains("auth/approle/role/r\""))
            .expect("a line");
        let last: serde_json::Value = serde_json::from_str(last).expect("JSON");
        let made = &last["made"]["plain"];
        assert_ne!(made["token_bound_cidrs"], json!(["10.0.0.0/8"]), "{last}");
        assert_ne!(made["token_policies"], json!(["everything"]), "{last}");
    }
}

#[test]
fn what_was_changed_at_the_server_and_then_in_the_file_is_no_difference() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let admin = root(&server, &ceremony);
    admin.write(
        "auth/userpass/users/operator",
        &json!({ "token_ttl": "10m" }),
    );
    let differs = "auth/userpass/users/operator: token_ttl";
    ceremony.apply().exits(4).prints(&[differs]);
    ceremony.set("/auth/userpass/users/operator/token_ttl", json!("10m"));
    for _ in 0..2 {
        ceremony.apply().exits(4).never_says(&[differs]);
    }
}

#[test]
fn what_is_made_anew_takes_what_was_written_below_it_along() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = with_root(Setup::OpenBao272Static);
    let rules = "path \"sys/mounts/ssh\" { capabilities = [\"delete\", \"sudo\"] }";
    ceremony
        .set("/policies/operator", json!({ "rules": rules }))
        .set("/secrets/ssh", json!({ "type": "ssh" }))
        .set(
            "/writes",
            json!([{ "path": "ssh/config/ca", "data": { "generate_signing_key": true } }]),
        );
    ceremony.apply().exits(1).says(&["it opened, but"]);
    let hand = server
        .api()
        .log_in("operator", &ceremony.secrets["operator"]);
    hand.delete("sys/mounts/ssh");
    writes(&server, &ceremony, &["sys/mounts/ssh", "ssh/config/ca"]);
}

#[test]
fn a_member_who_was_put_into_a_group_is_seen() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = with_root(Setup::OpenBao272Static);
    let rules = "path \"identity/*\" { capabilities = [\"create\", \"update\", \"read\"] }";
    ceremony.set("/policies/operator", json!({ "rules": rules })).set(
        "/writes",
        json!([
            { "path": "identity/entity/name/mallory", "data": { "policies": [] } },
            { "path": "identity/group/name/admins", "data": { "policies": ["operator"], "member_entity_ids": [] } },
        ]),
    );
    ceremony.apply().exits(1).says(&["it opened, but"]);
    let hand = server
        .api()
        .log_in("operator", &ceremony.secrets["operator"]);
    let id = hand.read("identity/entity/name/mallory")["data"]["id"].clone();
    hand.write(
        "identity/group/name/admins",
        &json!({ "member_entity_ids": [id] }),
    );
    writes(&server, &ceremony, &["identity/group/name/admins"]);
}
