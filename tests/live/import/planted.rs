//! A cluster with much in it, made by real requests.

use std::fs;

use serde_json::{Value, json};

use super::{Cluster, PLANTED};
use crate::support::Authority;

/// Makes a cluster of more than 300 objects; the number of those that a plan can compare.
pub(super) fn plant(cluster: &Cluster) -> u64 {
    let root = cluster.root();
    let write = |path: String, body: Value| {
        root.write(&path, &body);
    };
    let mount = json!({
        "type": "kv", "description": "of team 0", "options": {"version": "2"},
        "config": {"default_lease_ttl": "1h", "max_lease_ttl": "2h", "audit_non_hmac_request_keys": ["a"],
                   "listing_visibility": "unauth", "passthrough_request_headers": ["X-A"]}
    });
    write("sys/mounts/kv-0".into(), mount);
    for number in 1..8 {
        write(format!("sys/mounts/kv-{number}"), json!({"type": "kv"}));
    }
    for engine in ["pki", "ssh", "database", "transit", "totp"] {
        write(format!("sys/mounts/{engine}"), json!({"type": engine}));
    }
    for method in ["approle", "jwt", "kubernetes", "cert"] {
        let config = json!({"default_lease_ttl": "30m"});
        write(
            format!("sys/auth/{method}"),
            json!({"type": method, "config": config}),
        );
    }
    policies_and_members(cluster);
    documents(cluster);
    // What is compared: not the users with their passwords, nor the connection and the reviewer.
    100 + 40 + 30 + 2 + 40
}

/// Policies, users, roles and the configs of their methods.
fn policies_and_members(cluster: &Cluster) {
    let root = cluster.root();
    let write = |path: String, body: Value| {
        root.write(&path, &body);
    };
    for number in 0..100 {
        let text = format!(
            "# of team {number}\npath \"kv-0/data/team-{number}/*\" {{\n  capabilities = [\"read\", \"list\"]\n}}\n"
        );
        write(
            format!("sys/policies/acl/team-{number}"),
            json!({"policy": text}),
        );
    }
    for number in 0..60 {
        let user = json!({
            "password": PLANTED[0], "token_policies": [format!("team-{number}"), "default"],
            "token_ttl": 600 + number, "token_bound_cidrs": ["10.0.0.0/8"]
        });
        write(format!("auth/userpass/users/user-{number}"), user);
    }
    for number in 0..40 {
        let role = json!({
            "token_policies": [format!("team-{number}")], "token_ttl": 1000 + number, "bind_secret_id": number % 2 == 0,
            "secret_id_bound_cidrs": ["127.0.0.0/8"], "secret_id_num_uses": number
        });
        write(format!("auth/approle/role/app-{number}"), role);
    }
    let key = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n\
               q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n-----END PUBLIC KEY-----";
    write(
        "auth/jwt/config".into(),
        json!({"jwt_validation_pubkeys": [key]}),
    );
    for number in 0..30 {
        let role = json!({
            "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["ci"],
            "bound_claims": {"project": [format!("team-{number}"), "all"]}, "token_policies": [format!("team-{number}")]
        });
        write(format!("auth/jwt/role/ci-{number}"), role);
    }
    let authority = Authority::new();
    let pem = fs::read_to_string(authority.certificate()).expect("a certificate");
    let config = json!({
        "kubernetes_host": "https://127.0.0.1:6443", "kubernetes_ca_cert": pem, "token_reviewer_jwt": PLANTED[3],
        "disable_iss_validation": false, "issuer": "https://issuer"
    });
    write("auth/kubernetes/config".into(), config);
    let role = json!({
        "bound_service_account_names": ["a", "b"], "bound_service_account_namespaces": ["c"], "audience": "vault"
    });
    write("auth/kubernetes/role/pods".into(), role);
    write(
        "auth/cert/certs/of-a-test".into(),
        json!({"certificate": pem}),
    );
}

/// Documents that stand in `writes`.
fn documents(cluster: &Cluster) {
    let root = cluster.root();
    let write = |path: String, body: Value| {
        root.write(&path, &body);
    };
    write(
        "pki/config/urls".into(),
        json!({"issuing_certificates": ["https://pki/ca"]}),
    );
    write("pki/config/crl".into(), json!({"expiry": "24h"}));
    write(
        "ssh/config/ca".into(),
        json!({"generate_signing_key": true}),
    );
    for number in 0..8 {
        let role = json!({"allowed_domains": [format!("team-{number}.internal")], "require_cn": false, "max_ttl": "24h"});
        write(format!("pki/roles/host-{number}"), role);
        let role = json!({"key_type": "ca", "allow_user_certificates": true, "allowed_users": format!("u{number}"), "ttl": "1h"});
        write(format!("ssh/roles/user-{number}"), role);
        write(
            format!("transit/keys/key-{number}"),
            json!({"type": "ecdsa-p256"}),
        );
        write(
            format!("sys/quotas/rate-limit/q{number}"),
            json!({"rate": 100 + number, "path": format!("kv-{number}/")}),
        );
    }
    write(
        "sys/quotas/rate-limit/all".into(),
        json!({"rate": 9000, "interval": "2s"}),
    );
    let connection = json!({
        "plugin_name": "postgresql-database-plugin", "verify_connection": false, "username": "vault",
        "connection_url": "postgresql://{{username}}:{{password}}@127.0.0.1/x", "password": PLANTED[1],
        "allowed_roles": ["reader"]
    });
    write("database/config/main".into(), connection);
    let role = json!({"db_name": "main", "creation_statements": ["CREATE ROLE \"{{name}}\";"], "default_ttl": "1h"});
    write("database/roles/reader".into(), role);
    write(
        "totp/keys/t".into(),
        json!({"generate": true, "issuer": "i", "account_name": "a"}),
    );
    let rules = "length = 20\nrule \"charset\" {\n  charset = \"abcde\"\n}\n";
    write(
        "sys/policies/password/long".into(),
        json!({"policy": rules}),
    );
    write(
        "auth/token/roles/batch".into(),
        json!({"allowed_policies": ["team-1"], "orphan": true, "renewable": false}),
    );
    for number in 0..8 {
        let group = json!({"policies": [format!("team-{number}")], "metadata": {"number": number.to_string()}});
        write(format!("identity/group/name/group-{number}"), group);
    }
    write(
        "identity/entity/name/ada".into(),
        json!({"metadata": {"mail": "ada@x"}}),
    );
    write("kv-0/data/a".into(), json!({"data": {"k": PLANTED[2]}}));
    write("kv-1/b".into(), json!({"k": PLANTED[2]}));
}
