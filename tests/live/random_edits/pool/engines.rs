//! Documents of secrets engines.

use serde_json::json;

use super::{Template, write};

/// All of them.
pub fn all() -> Vec<Template> {
    let mut all = authorities();
    all.extend(keys());
    all.extend(others());
    all
}

fn authorities() -> Vec<Template> {
    vec![
        write(
            "pki/roles/random",
            json!({}),
            json!({
                "allowed_domains": [["b.example.com", "a.example.com"], "b.example.com,a.example.com", "a.example.com"],
                "allow_subdomains": [true, "true", false], "max_ttl": ["1h", 3600], "ttl": ["30m", "1800s"],
                "key_type": ["ec", "rsa"], "not_before_duration": ["1m", 60, "2m"], "ou": [["y", "x"], "x"],
                "key_usage": [["DigitalSignature"], "DigitalSignature,KeyAgreement"], "require_cn": [false, true],
                "allow_localhost": [false], "no_store": [true],
            }),
        ),
        write(
            "pki/config/urls",
            json!({}),
            json!({
                "issuing_certificates": ["http://127.0.0.1/a", ["http://127.0.0.1/a"], ["http://127.0.0.1/b", "http://127.0.0.1/a"]],
                "ocsp_servers": [["http://127.0.0.1/o"]], "enable_templating": [true, "false"],
            }),
        ),
        write(
            "pki/config/crl",
            json!({}),
            json!({ "expiry": ["48h", "2d", "2880m"], "ocsp_expiry": ["6h", "360m"], "ocsp_disable": [true] }),
        ),
        write(
            "pki/config/auto-tidy",
            json!({ "tidy_cert_store": true }),
            json!({
                "enabled": [true, false, "true"], "interval_duration": ["13h", 46800], "safety_buffer": ["73h", "262800s"],
                "tidy_revoked_certs": [true], "pause_duration": ["1m", "60s"], "issuer_safety_buffer": ["8761h"],
                "acme_account_safety_buffer": ["721h"],
            }),
        ),
        write(
            "pki/config/acme",
            json!({ "enabled": false }),
            json!({
                "eab_policy": ["always-required", "new-account-required"], "default_directory_policy": ["forbid"],
                "allow_role_ext_key_usage": [true], "dns_resolver": ["127.0.0.1:53"],
            }),
        ),
    ]
}

fn keys() -> Vec<Template> {
    let connection = json!({ "plugin_name": "postgresql-database-plugin", "username": "v", "password": { "file": "random.password" },
        "connection_url": "postgresql://{{username}}:{{password}}@127.0.0.1:5432/app", "verify_connection": false });
    vec![
        write(
            "ssh/roles/random",
            json!({ "key_type": "ca", "allow_user_certificates": true }),
            json!({
                "ttl": ["30m", 1800, "1800s"], "max_ttl": ["2h"], "allowed_users": ["b,a", "a,b"], "default_user": ["x"],
                "default_extensions": [{ "permit-pty": "" }, { "permit-pty": "", "a": "b" }], "not_before_duration": ["30s", 30],
            }),
        ),
        write(
            "transit/keys/random",
            json!({ "type": "aes256-gcm96" }),
            json!({
                "auto_rotate_period": ["24h", 86400, "1440m", "48h"], "deletion_allowed": [true, false],
            }),
        ),
        write(
            "transit/config/keys",
            json!({}),
            json!({ "disable_upsert": [true, "true", false] }),
        ),
        write(
            "database/config/random",
            connection,
            json!({
                "allowed_roles": [["b", "a"], "a,b", "*"], "password_policy": ["p", "q"],
                "root_rotation_statements": [["x"], "x", ["x", "y"]],
            }),
        ),
        write(
            "database/roles/random",
            json!({ "db_name": "random", "creation_statements": "GRANT a, b;" }),
            json!({
                "default_ttl": ["1h", 3600], "max_ttl": ["2h"], "revocation_statements": ["x", ["x"], ["y", "x"]],
                "renew_statements": ["z"],
            }),
        ),
    ]
}

fn others() -> Vec<Template> {
    vec![
        write(
            "kubernetes/roles/random",
            json!({ "allowed_kubernetes_namespaces": ["n"], "service_account_name": "s" }),
            json!({
                "token_default_ttl": ["1h", 3600], "token_max_ttl": ["2h"], "token_default_audiences": [["y", "x"], "x,y"],
            }),
        ),
        write(
            "rabbitmq/roles/random",
            json!({ "tags": "a" }),
            json!({
                "vhosts": ["{\"/\":{\"write\":\".*\"}}", "{\"/\": {\"write\": \".*\"}}"], "vhost_topics": ["{\"/\":{\"a\":{\"read\":\".*\"}}}"],
            }),
        ),
        write(
            "rabbitmq/config/lease",
            json!({}),
            json!({ "ttl": ["1h", 3600], "max_ttl": ["2h", 7200] }),
        ),
        write(
            "kv1/random",
            json!({ "a": "1" }),
            json!({ "b": ["1", 1, true, [1, 2], [2, 1], ""], "c": ["60s", "1m", null] }),
        ),
        write(
            "secret/data/random",
            json!({ "data": { "a": "1" } }),
            json!({
                "data": [{ "a": 1 }, { "a": "1", "b": "" }, { "a": ["x", "y"] }, { "a": ["y", "x"] }, { "a": { "b": null } }],
            }),
        ),
        write(
            "secret/metadata/random",
            json!({}),
            json!({
                "max_versions": [3, "3"], "cas_required": [false], "delete_version_after": ["2h", "120m", "7200"],
                "custom_metadata": [{ "a": "1" }, { "a": "1", "b": "2" }],
            }),
        ),
    ]
}
