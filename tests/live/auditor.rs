//! The policy that is computed from the file: its login sees all that is declared, and no secret.

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Server};
use crate::support::{Setup, require};

#[test]
fn the_auditor_may_read_all_that_the_file_declares_on_every_server() {
    for setup in [
        Setup::OpenBao272Static,
        Setup::OpenBao262StaticApiAudit,
        Setup::Vault1211Shamir,
    ] {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        let connection = json!({
            "plugin_name": "postgresql-database-plugin", "verify_connection": false, "allowed_roles": ["*"],
            "connection_url": "postgresql://{{username}}:{{password}}@127.0.0.1:1/x", "username": "u",
        });
        ceremony
            .set("/secrets/deep~1kv", json!({ "type": "kv", "options": { "version": "1" }, "tune": { "max_lease_ttl": "48h" } }))
            .set("/secrets/db", json!({ "type": "database" }))
            .set("/secrets/transit", json!({ "type": "transit" }))
            .set("/secrets/pki", json!({ "type": "pki" }))
            .set("/secrets/ssh", json!({ "type": "ssh" }))
            .set("/auth/deep~1approle", json!({ "type": "approle", "tune": { "default_lease_ttl": "1h" }, "roles": { "batch": { "token_policies": ["operator"] } } }))
            .set("/auth/approle", json!({ "type": "approle", "roles": { "other": { "token_policies": ["operator"] } } }))
            .set("/writes", json!([
                { "path": "db/config/main", "data": connection },
                { "path": "db/roles/app", "data": { "db_name": "main", "creation_statements": ["SELECT 1"] } },
                { "path": "transit/keys/app", "data": { "type": "aes256-gcm96" } },
                { "path": "pki/roles/web", "data": { "allowed_domains": ["example.org"] } },
                { "path": "pki/config/urls", "data": { "issuing_certificates": ["http://127.0.0.1/ca"] } },
                { "path": "ssh/roles/otp", "data": { "key_type": "otp", "default_user": "ubuntu" } },
                { "path": "identity/group/name/ops", "data": { "policies": ["operator"] } },
                { "path": "sys/quotas/rate-limit/all", "data": { "rate": 500 } },
                { "path": "deep/kv/first", "data": { "a": "b" } },
                { "path": "deep/kv/kept", "data": { "a": "b" }, "manage": true },
            ]));
        ceremony.apply().exits(4);
        let run = ceremony.run(&["apply", "--check", "--output", "json"]);
        let end = run.exits(4).events().pop().expect("an end");
        let codes: Vec<_> = end["findings"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["code"].clone())
            .collect();
        // Vault lets anybody generate root.
        let of_server = |code: &&Value| **code != "open-endpoint";
        let unseen = end["findings"].to_string();
        assert!(
            unseen.contains("and this login may not: deep/kv/kept, so it may"),
            "{unseen}"
        );
        let codes: Vec<_> = codes.iter().filter(of_server).collect();
        assert_eq!(codes, ["not-seen", "not-rehearsed"], "{setup:?} {end:#}");
        // Whoever looks is no reader of secrets, and that is said.
        let said = ceremony.run(&["apply", "--check"]);
        said.prints(&["reading it may show secrets, and this login may not: deep/kv/kept"]);
        let auditor = server
            .api()
            .log_in("audit-reader", &ceremony.secrets["audit"]);
        for secret in [
            "deep/kv/first",
            "deep/kv/kept",
            "secret/data/production/stripe",
        ] {
            assert_eq!(auditor.get(secret).0, 403, "{secret}");
        }
        // A policy of before is one that differs.
        ceremony.set("/writes/0/data/username", json!("other"));
        ceremony.set("/secrets/more~1kv", json!({ "type": "kv" }));
        ceremony.save();
        let plan = ceremony.run(&["plan"]);
        plan.prints(&[
            "sys/policies/acl/auditor",
            "+ path \"sys/mounts/more/kv/tune\" {",
            "sys/mounts/more/kv",
        ]);
    }
}
