//! Sections that know where the servers take them: roles and connections of engines, quotas, password policies, headers.

use serde_json::json;

use crate::ceremony::{Ceremony, Server};
use crate::remembered::root;
use crate::support::{Setup, require};

const KEEP: [&str; 3] = ["apply", "--yes", "--keep-root"];

fn declare(ceremony: &mut Ceremony) {
    ceremony.password("database");
    let connection = json!({ "plugin_name": "postgresql-database-plugin", "allowed_roles": ["app"], "username": "v",
        "connection_url": "postgresql://{{username}}:{{password}}@127.0.0.1:5432/app",
        "password": { "file": "database.password" }, "verify_connection": false });
    ceremony
        .set("/revoke_root", json!(false))
        .set(
            "/secrets/db",
            json!({ "type": "database", "connections": { "pg": connection },
                "roles": { "app": { "db_name": "pg", "creation_statements": ["CREATE ROLE x"], "default_ttl": "1h" } } }),
        )
        .set(
            "/secrets/pki",
            json!({ "type": "pki", "urls": { "issuing_certificates": ["https://ca.example.com"] },
                "roles": { "web": { "allowed_domains": ["example.com"], "allow_subdomains": true } } }),
        )
        .set(
            "/secrets/ssh",
            json!({ "type": "ssh", "ca": { "generate_signing_key": true },
                "roles": { "people": { "key_type": "ca", "allow_user_certificates": true, "ttl": "30m" } } }),
        )
        .set(
            "/secrets/transit",
            json!({ "type": "transit", "config": { "disable_upsert": true },
                "keys": { "app": { "type": "aes256-gcm96" } } }),
        )
        .set("/quotas", json!({ "rate_limit": { "all": { "rate": 5000 } } }))
        .set(
            "/password_policies/long",
            json!({ "policy": "length = 20\nrule \"charset\" { charset = \"abcdefghij\" }\n" }),
        )
        .set("/audit_headers", json!({ "x-trace": { "hmac": true } }));
}

#[test]
fn roles_and_connections_of_engines_are_written_where_they_belong_and_compared_like_writes() {
    for setup in [
        Setup::OpenBao272Static,
        Setup::OpenBao262StaticApiAudit,
        Setup::Vault1211Shamir,
    ] {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        declare(&mut ceremony);
        ceremony.run(&KEEP).exits(4);
        let root = root(&server, &ceremony);
        for path in [
            "db/config/pg",
            "db/roles/app",
            "pki/config/urls",
            "pki/roles/web",
            "ssh/config/ca",
            "ssh/roles/people",
            "transit/keys/app",
            "sys/quotas/rate-limit/all",
            "sys/policies/password/long",
            "sys/config/auditing/request-headers/x-trace",
        ] {
            root.read(path);
        }
        let log = server.audit().after_this();
        ceremony
            .run(&KEEP)
            .exits(4)
            .prints(&["nothing was written"]);
        assert_eq!(log.writes(), Vec::<String>::new());
        // One line that is corrected, one that is taken out, and one that somebody has changed on the server.
        ceremony
            .set("/secrets/ssh/roles/people/ttl", json!("20m"))
            .remove("/secrets/db/roles/app/default_ttl");
        root.write("pki/roles/web", &json!({ "allow_any_name": true }));
        let log = server.audit().after_this();
        ceremony.run(&KEEP).exits(4);
        let mut written = log.writes();
        written.sort();
        let expected = ["db/roles/app", "pki/roles/web", "ssh/roles/people"];
        assert_eq!(written, expected.map(|path| format!("update {path}")));
        let role = &root.read("pki/roles/web")["data"];
        assert_eq!(role["allow_any_name"], false, "{role}");
        assert_eq!(root.read("ssh/roles/people")["data"]["ttl"], 1200);
    }
}
