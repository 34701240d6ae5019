//! Documents that a server answers in another spelling than they were sent in: written once, and equal from then on.

use serde_json::{Value, json};

use super::{Cluster, EACH, write};
use crate::support::{Setup, require};

/// A path, what is sent there, and a field that the server answers otherwise.
type Spelt = (&'static str, &'static str, Value);

/// Of every server.
fn everywhere() -> Vec<Spelt> {
    let grant = "GRANT SELECT, INSERT ON *.* TO '{{name}}'@'%' IDENTIFIED BY '{{password}}';";
    let connection = json!({ "plugin_name": "mysql-database-plugin", "username": "r", "password": { "file": "database.password" },
        "connection_url": "{{username}}:{{password}}@tcp(127.0.0.1:3306)/", "allowed_roles": ["p"], "verify_connection": false });
    let mut all = vec![
        // As they were reported.
        ("database/config/my", "connection_url", connection),
        (
            "database/roles/p",
            "creation_statements",
            json!({ "db_name": "my", "creation_statements": grant }),
        ),
        (
            "pki/roles/r",
            "not_before_duration",
            json!({ "allowed_domains": "localhost", "not_before_duration": "1m" }),
        ),
        (
            "pki/roles/hours",
            "max_ttl",
            json!({ "allowed_domains": "localhost", "max_ttl": "1.5h" }),
        ),
        (
            "pki/config/auto-tidy",
            "safety_buffer",
            json!({ "enabled": true, "tidy_cert_store": true, "interval_duration": "12h", "safety_buffer": "72h" }),
        ),
        (
            "ssh/roles/ca",
            "not_before_duration",
            json!({ "key_type": "ca", "allow_user_certificates": true, "not_before_duration": "30s" }),
        ),
        (
            "sys/quotas/rate-limit/kv",
            "path",
            json!({ "path": "secret", "rate": 100_000 }),
        ),
        (
            "sys/config/cors",
            "allowed_headers",
            json!({ "allowed_origins": ["https://ui.example.com"], "allowed_headers": ["X-Custom"] }),
        ),
        (
            "identity/oidc/provider/main",
            "issuer",
            json!({ "issuer": "https://vault.example.com", "allowed_client_ids": ["*"] }),
        ),
        (
            "rabbitmq/roles/r",
            "vhosts",
            json!({ "tags": "b,a", "vhosts": "{\"/\":{\"write\":\".*\"}}" }),
        ),
    ];
    all.extend(of_the_documentation());
    all.extend(of_mounts());
    all
}

fn of_the_documentation() -> Vec<Spelt> {
    vec![
        // Base64 of `{}`, and of `{"a": 1}`.
        (
            "identity/oidc/role/r",
            "template",
            json!({ "key": "default", "ttl": "1h", "template": "e30=" }),
        ),
        (
            "identity/oidc/scope/s",
            "template",
            json!({ "template": "eyJhIjogMX0=" }),
        ),
        (
            "identity/oidc/client/c",
            "redirect_uris",
            json!({ "key": "default", "redirect_uris": "https://a.example.com/cb", "id_token_ttl": "30m" }),
        ),
        (
            "identity/oidc/assignment/a",
            "entity_ids",
            json!({ "entity_ids": "b,a", "group_ids": "c" }),
        ),
        (
            "identity/entity/name/e",
            "policies",
            json!({ "policies": "b,a", "disabled": "false" }),
        ),
        (
            "sys/rotate/config",
            "interval",
            json!({ "max_operations": 2_000_000_000, "interval": "2160h" }),
        ),
        (
            "sys/quotas/config",
            "rate_limit_exempt_paths",
            json!({ "rate_limit_exempt_paths": "sys/health" }),
        ),
        (
            "secret/metadata/m",
            "delete_version_after",
            json!({ "delete_version_after": "3600", "max_versions": "5" }),
        ),
        (
            "auth/token/roles/r",
            "token_bound_cidrs",
            json!({ "allowed_policies": "b,a", "token_bound_cidrs": "10.0.0.1/32,10.1.0.0/16", "orphan": "true" }),
        ),
    ]
}

fn of_mounts() -> Vec<Spelt> {
    vec![
        (
            "kubernetes/roles/r",
            "allowed_kubernetes_namespaces",
            json!({ "allowed_kubernetes_namespaces": "b,a", "service_account_name": "s", "token_max_ttl": "2h" }),
        ),
        (
            "pki/root/generate/internal",
            "common_name",
            json!({ "common_name": "tests", "issuer_name": "root" }),
        ),
        (
            "pki/issuer/root",
            "usage",
            json!({ "issuer_name": "root", "usage": "read-only,issuing-certificates,crl-signing,ocsp-signing" }),
        ),
        (
            "pki/config/issuers",
            "default",
            json!({ "default": "root" }),
        ),
        (
            "ssh/roles/otp",
            "key_type",
            json!({ "key_type": "OTP", "default_user": "u", "cidr_list": "10.0.0.0/8", "port": "22" }),
        ),
        (
            "totp/keys/k",
            "period",
            json!({ "generate": "true", "issuer": "i", "account_name": "a", "period": "30s" }),
        ),
        (
            "transit/keys/k",
            "auto_rotate_period",
            json!({ "auto_rotate_period": "30d" }),
        ),
        (
            "auth/cert/config",
            "ocsp_cache_size",
            json!({ "ocsp_cache_size": "7" }),
        ),
    ]
}

/// What OpenBao 2.7.2 does not have any more.
fn of_directories() -> Vec<Spelt> {
    let ldif = "dn: cn={{.Username}}\nobjectClass: person\n";
    vec![
        (
            "ldap/config",
            "url",
            json!({ "binddn": "cn=x", "bindpass": { "file": "database.password" }, "url": "LDAP://127.0.0.1",
                "request_timeout": "1m", "skip_static_role_import_rotation": true }),
        ),
        (
            "ldap/role/r",
            "deletion_ldif",
            json!({ "creation_ldif": ldif, "deletion_ldif": "ZG46IGNuPXgKY2hhbmdldHlwZTogZGVsZXRlCg==",
                "default_ttl": "1h", "max_ttl": "24h" }),
        ),
        (
            "auth/ldap/users/ben",
            "groups",
            json!({ "policies": "b,a", "groups": "y,x" }),
        ),
        (
            "auth/radius/users/ben",
            "policies",
            json!({ "policies": "b,a" }),
        ),
    ]
}

/// What Vault alone has.
fn of_vault() -> Vec<Spelt> {
    vec![
        (
            "auth/aws/config/tidy/identity-accesslist",
            "safety_buffer",
            json!({ "safety_buffer": "48h" }),
        ),
        (
            "auth/aws/config/client",
            "max_retries",
            json!({ "max_retries": "3", "allowed_sts_header_values": "x-b,x-a" }),
        ),
        (
            "auth/okta/groups/ops",
            "policies",
            json!({ "policies": "b,a" }),
        ),
        (
            "aws/roles/r",
            "policy_document",
            json!({ "credential_type": "iam_user", "policy_document": "{ \"Version\": \"2012-10-17\", \"Statement\": [] }" }),
        ),
        (
            "aws/config/lease",
            "lease",
            json!({ "lease": "30m", "lease_max": "12h" }),
        ),
        (
            "consul/roles/r",
            "consul_policies",
            json!({ "consul_policies": "b,a", "ttl": "1h" }),
        ),
        (
            "nomad/config/lease",
            "ttl",
            json!({ "ttl": "1h", "max_ttl": "2h" }),
        ),
        (
            "nomad/role/r",
            "global",
            json!({ "policies": "b,a", "global": "true" }),
        ),
        ("gcp/config", "ttl", json!({ "ttl": "1h", "max_ttl": "2h" })),
        (
            "mongodbatlas/roles/r",
            "roles",
            json!({ "project_id": "p", "roles": "GROUP_READ_ONLY", "ttl": "1h" }),
        ),
    ]
}

/// Documents of sections: where they stand in the file, and the rest as above.
fn of_sections(setup: Setup) -> Vec<(&'static str, Spelt)> {
    let mut all = vec![(
        "/auth/approle/roles/r",
        (
            "auth/approle/role/r",
            "token_bound_cidrs",
            json!({ "token_policies": "b,a", "token_bound_cidrs": "10.0.0.1/32", "secret_id_ttl": "90m" }),
        ),
    )];
    if setup != Setup::OpenBao272Static {
        let config = json!({ "url": "ldaps://dc.example.com", "userattr": "sAMAccountName", "request_timeout": "1m" });
        all.push((
            "/auth/ldap",
            (
                "auth/ldap/config",
                "userattr",
                json!({ "type": "ldap", "config": config }),
            ),
        ));
        let config = json!({ "host": "127.0.0.1", "secret": { "file": "database.password" }, "port": "1812" });
        all.push((
            "/auth/radius",
            (
                "auth/radius/config",
                "port",
                json!({ "type": "radius", "config": config }),
            ),
        ));
    }
    if !setup.is_openbao() {
        let config = json!({ "organization": "x", "organization_id": 1, "base_url": "https://github.example.com/api/v3" });
        all.push((
            "/auth/github",
            (
                "auth/github/config",
                "base_url",
                json!({ "type": "github", "config": config }),
            ),
        ));
    }
    all
}

/// Sent once as root and never again, by whomever, and each of them is answered otherwise than it was sent.
fn spelt(setup: Setup) {
    let mut cluster = Cluster::of(setup);
    let mut documents = everywhere();
    if setup != Setup::OpenBao272Static {
        documents.extend(of_directories());
    }
    if !setup.is_openbao() {
        documents.extend(of_vault());
        for method in ["aws", "okta"] {
            cluster
                .ceremony
                .set(&format!("/auth/{method}"), json!({ "type": method }));
        }
    }
    let writes = documents.iter().map(|(path, _, data)| write(path, data));
    cluster
        .ceremony
        .set("/writes", Value::Array(writes.collect()));
    for (place, (path, field, body)) in of_sections(setup) {
        cluster.ceremony.set(place, body.clone());
        let body = body.get("config").cloned().unwrap_or(body);
        documents.push((path, field, body));
    }
    let first = cluster.apply();
    first.exits(4).never_says(&["differs from the file"]);
    let admin = cluster.admin();
    for (path, field, body) in &documents {
        let (_, answer) = admin.get(path);
        assert_ne!(answer["data"][field], body[field], "{path} {field}");
    }
    drop(admin);
    cluster.writes("the second run", &[]);
    let run = cluster.ceremony.run(&["plan", "--output", "json"]);
    // What no server shows of them is named apart.
    let steps = run.events().pop().expect("a plan")["steps"].to_string();
    for (path, ..) in &documents {
        assert!(!steps.contains(*path), "{path}: {run}");
    }
    // Not a word of them is guessed: what is sent otherwise is written.
    let role = "pki/roles/r";
    let number = documents.iter().position(|(path, ..)| *path == role);
    let place = format!(
        "/writes/{}/data/not_before_duration",
        number.expect("it is there")
    );
    cluster.ceremony.set(&place, json!("60s"));
    cluster.writes("spelt otherwise in the file", &[role.to_owned()]);
    cluster.hand_over();
    cluster.writes("after the hand-over", &[]);
    cluster.ends();
}

#[test]
fn what_a_server_spells_otherwise_is_no_difference_for_ever() {
    for setup in EACH {
        require!(setup.components());
        spelt(setup);
    }
}
