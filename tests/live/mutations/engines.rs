//! Secrets engines: their tuning, config, roles and stored data.

use serde_json::json;

use super::document::Document;
use crate::support::Setup;

/// All of them.
pub fn documents(setup: Setup) -> Vec<Document> {
    let mut all = kv();
    all.extend(pki());
    all.extend(ssh_and_database());
    all.extend(transit());
    if !setup.is_openbao() {
        all.extend(aws());
    }
    all
}

fn kv() -> Vec<Document> {
    let mut all = vec![
        Document::tune("secret", json!({ "max_lease_ttl": "10h" }))
            .drifts(json!({
                "default_lease_ttl": 60, "max_lease_ttl": 8000, "listing_visibility": "unauth",
                "audit_non_hmac_request_keys": ["x"], "audit_non_hmac_response_keys": ["y"],
                "passthrough_request_headers": ["X-A"], "allowed_response_headers": ["X-B"],
                "description": "of somebody else",
            }))
            .edits(json!([
                ["max_lease_ttl", 36000], ["default_lease_ttl", "30m"], ["default_lease_ttl", "1800s"], ["max_lease_ttl"],
                ["default_lease_ttl"],
            ])),
        Document::engine_config("secret", json!({ "max_versions": 5, "delete_version_after": "1h" }))
            .drifts(json!({ "max_versions": 1, "cas_required": true, "delete_version_after": "1s" }))
            .edits(json!([["max_versions", "5"], ["delete_version_after", "60m"], ["delete_version_after", 3600],
                ["delete_version_after"], ["max_versions", 7]])),
        Document::write(
            "secret/metadata/app",
            json!({ "max_versions": 3, "delete_version_after": "2h", "custom_metadata": { "a": "1", "b": "2" } }),
        )
        .drifts(json!({ "max_versions": 9, "cas_required": true, "delete_version_after": "3s",
            "custom_metadata": { "a": "x" } }))
        .edits(json!([["max_versions", "3"], ["delete_version_after", "120m"], ["custom_metadata/a", "2"],
            ["custom_metadata/b"], ["delete_version_after"], ["max_versions"], ["custom_metadata"], ["cas_required", true],
            ["cas_required"]])),
    ];
    let data = json!({ "port": 5432, "on": "true", "hosts": ["a", "b"], "host": ["a"], "timeout": "60s", "a": "1" });
    all.push(
        Document::write("secret/data/team/stored", json!({ "data": data }))
            .replaced()
            .drifts(json!({ "data": { "port": 1 } }))
            .edits(json!([
                ["data/port", "5432"],
                ["data/on", true],
                ["data/hosts", ["b", "a"]],
                ["data/host", "a"],
                ["data/timeout", "1m"],
                ["data/b", ""],
                ["data/a"],
                ["data/hosts"]
            ])),
    );
    all.push(
        Document::write("kv1/stored", data)
            .replaced()
            .drifts(
                json!({ "port": "5432", "on": true, "hosts": ["b", "a"], "host": "a", "b": "" }),
            )
            .edits(json!([
                ["port", "5432"],
                ["on", true],
                ["hosts", ["b", "a"]],
                ["host", "a"],
                ["timeout", "1m"],
                ["b", ""],
                ["a"],
                ["hosts"]
            ])),
    );
    all
}

fn transit() -> Vec<Document> {
    let drifts = json!({ "deletion_allowed": true, "min_encryption_version": 1, "auto_rotate_period": "25h" });
    let key = Document::write(
        "transit/keys/k",
        json!({ "type": "aes256-gcm96", "auto_rotate_period": "24h" }),
    )
    .alone()
    .changed_below("config")
    .drifts(drifts.clone())
    .edits(json!([
        ["auto_rotate_period", "1440m"],
        ["auto_rotate_period", 86400],
        ["auto_rotate_period", "48h"],
        ["auto_rotate_period"],
        ["auto_rotate_period", "2h"]
    ]));
    let other = Document::write("transit/keys/other", json!({ "type": "aes256-gcm96" })).alone();
    let settings = Document::write(
        "transit/keys/other/config",
        json!({ "deletion_allowed": false, "auto_rotate_period": "3h" }),
    )
    .alone()
    .read_above()
    .drifts(drifts)
    .edits(json!([
        ["deletion_allowed", "false"],
        ["auto_rotate_period", "180m"],
        ["deletion_allowed", true],
        ["auto_rotate_period"],
        ["deletion_allowed"],
        ["min_encryption_version", 1]
    ]));
    vec![key, other, settings]
}

fn pki() -> Vec<Document> {
    let role = json!({ "allowed_domains": ["b.example.com", "a.example.com"], "allow_subdomains": true,
        "max_ttl": "1h", "key_type": "ec", "key_bits": 256, "ou": "x", "not_before_duration": "1m" });
    let role = Document::write("pki/roles/r", role)
        .replaced()
        .drifts(json!({
            "allowed_domains": ["example.org"], "allow_subdomains": false, "max_ttl": 60, "ttl": 30, "key_type": "any",
            "key_bits": 384, "ou": ["y"], "not_before_duration": 3, "allow_any_name": true, "allow_glob_domains": true,
            "allow_bare_domains": true, "allow_localhost": false, "allow_ip_sans": false, "enforce_hostnames": false,
            "server_flag": false, "client_flag": false, "code_signing_flag": true, "email_protection_flag": true,
            "key_usage": ["CertSign"], "ext_key_usage": ["ocspsigning"], "require_cn": false, "no_store": true,
            "generate_lease": true, "organization": ["o"], "country": ["c"], "policy_identifiers": ["1.2.3"],
            "basic_constraints_valid_for_non_ca": true, "allowed_uri_sans": ["x"], "allowed_other_sans": ["*"],
        }))
        .edits(json!([
            ["allowed_domains", ["a.example.com", "b.example.com"]], ["max_ttl", 3600], ["ou", ["x"]],
            ["not_before_duration", "60s"], ["allowed_domains", "a.example.com,b.example.com"], ["key_bits", "256"],
            ["key_bits"], ["key_type"], ["allow_subdomains"], ["ou"], ["not_before_duration"], ["max_ttl"],
        ]));
    let urls = Document::write("pki/config/urls", json!({ "issuing_certificates": "http://127.0.0.1/ca" }))
        .alone()
        .drifts(json!({ "issuing_certificates": ["http://evil"], "crl_distribution_points": ["http://127.0.0.1/crl"],
            "ocsp_servers": ["http://127.0.0.1/ocsp"], "enable_templating": true }))
        .edits(json!([["issuing_certificates", ["http://127.0.0.1/ca"]],
            ["issuing_certificates", ["http://127.0.0.1/ca", "http://127.0.0.1/a"]],
            ["issuing_certificates", ["http://127.0.0.1/a", "http://127.0.0.1/ca"]],
            ["ocsp_servers", "http://127.0.0.1/ocsp"], ["ocsp_servers"]]));
    let crl = Document::write("pki/config/crl", json!({ "expiry": "48h" }))
        .alone()
        .drifts(
            json!({ "expiry": "1h", "disable": true, "ocsp_disable": true, "ocsp_expiry": "1h",
            "auto_rebuild_grace_period": "1h", "delta_rebuild_interval": "20m" }),
        )
        .edits(json!([
            ["expiry", "2880m"],
            ["ocsp_expiry", "6h"],
            ["ocsp_expiry", "360m"],
            ["ocsp_expiry"],
            ["expiry"]
        ]));
    let cluster = Document::write(
        "pki/config/cluster",
        json!({ "path": "http://127.0.0.1/v1/pki" }),
    )
    .alone()
    // Known: no write takes `aia_path` away again, the servers answer with 500.
    .drifts(json!({ "path": "http://evil.example.com" }))
    .edits(json!([
        ["aia_path", "http://127.0.0.1/aia"],
        ["path", "http://127.0.0.1/v1/other"]
    ]));
    let tidy = json!({ "enabled": true, "tidy_cert_store": true, "interval_duration": "13h" });
    let tidy = Document::write("pki/config/auto-tidy", tidy)
        .alone()
        .drifts(
            json!({ "enabled": false, "interval_duration": "14h", "tidy_revoked_certs": true,
            "issuer_safety_buffer": "73h", "pause_duration": "1s", "tidy_acme": true }),
        )
        .edits(json!([
            ["interval_duration", 46800],
            ["tidy_revoked_certs", true],
            ["issuer_safety_buffer", "74h"],
            ["tidy_revoked_certs"],
            ["issuer_safety_buffer"],
            ["interval_duration"]
        ]));
    vec![role, urls, crl, cluster, tidy]
}

fn ssh_and_database() -> Vec<Document> {
    let role = json!({ "key_type": "ca", "allow_user_certificates": true, "allowed_users": "b,a", "ttl": "30m",
        "default_extensions": { "permit-pty": "" }, "default_user": "x" });
    let ssh = Document::write("ssh/roles/r", role)
        .replaced()
        .drifts(json!({
            "allow_host_certificates": true, "allowed_users": "*", "ttl": 60,
            "max_ttl": 8000, "default_extensions": { "permit-X11-forwarding": "" }, "default_user": "root",
            "allowed_domains": "example.com", "allow_bare_domains": true, "allow_subdomains": true,
            "allow_user_key_ids": true, "allowed_critical_options": "force-command", "allowed_extensions": "permit-pty",
            "algorithm_signer": "rsa-sha2-512", "key_id_format": "x",
        }))
        .edits(json!([["ttl", "1800s"], ["allowed_users", "a,b"], ["ttl", 1800], ["default_extensions/a", "b"],
            ["default_extensions"], ["allow_user_certificates", "true"], ["default_user"], ["ttl"]]));
    let connection = json!({
        "plugin_name": "postgresql-database-plugin", "username": "v", "password": { "file": "mutant.password" },
        "connection_url": "postgresql://{{username}}:{{password}}@127.0.0.1:5432/app", "allowed_roles": ["b", "a"],
        "verify_connection": false,
    });
    let config = Document::write("database/config/pg", connection)
        .alone()
        .needs(&["plugin_name", "verify_connection"])
        .drifts(json!({ "allowed_roles": ["*"], "root_rotation_statements": ["x"], "password_policy": "p" }))
        .edits(json!([["allowed_roles", ["a", "b"]], ["allowed_roles", "a,b"], ["password_policy", "p"],
            ["root_rotation_statements", ["x"]], ["root_rotation_statements"], ["password_policy"], ["allowed_roles"]]));
    let grant = "GRANT SELECT, INSERT ON ALL TABLES TO \"{{name}}\";";
    let role = Document::write(
        "database/roles/r",
        json!({ "db_name": "pg", "creation_statements": [grant, "SELECT 1"], "default_ttl": "1h",
            "revocation_statements": "x" }),
    )
    .drifts(json!({ "db_name": "other", "creation_statements": ["x"], "default_ttl": 60, "max_ttl": 7000,
        "revocation_statements": ["y"], "rollback_statements": ["z"], "renew_statements": ["w"] }))
    .edits(json!([["creation_statements", ["SELECT 1", grant]], ["default_ttl", 3600], ["creation_statements", "SELECT 1"],
        ["revocation_statements", ["x"]], ["revocation_statements"], ["default_ttl"]]));
    vec![ssh, config, role]
}

/// Written without asking AWS.
fn aws() -> Vec<Document> {
    let role = json!({ "credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/b", "arn:aws:iam::aws:policy/a"],
        "iam_tags": { "a": "b" } });
    let role = Document::write("aws/roles/r", role)
        .drifts(json!({ "policy_arns": ["arn:aws:iam::aws:policy/x"], "iam_groups": ["g"], "iam_tags": { "x": "y" },
            "user_path": "/x/" }))
        .edits(json!([["policy_arns", ["arn:aws:iam::aws:policy/a", "arn:aws:iam::aws:policy/b"]],
            ["policy_arns", "arn:aws:iam::aws:policy/a"], ["iam_groups", ["g"]], ["iam_groups"], ["iam_tags"]]));
    let lease = Document::write(
        "aws/config/lease",
        json!({ "lease": "1h", "lease_max": "2h" }),
    )
    .alone()
    .replaced()
    .drifts(json!({ "lease": "1m", "lease_max": "9h" }))
    .edits(json!([["lease", "60m"], ["lease_max", "120m"]]));
    vec![role, lease]
}
