//! Settings of servers and engines that fewer files have, as the servers' documentation names them.

use serde_json::json;

use super::document::Document;
use crate::support::Setup;

/// Engines that these are in, beside those of the other documents.
pub const ENGINES: [&str; 2] = ["kubernetes", "rabbitmq"];

/// All of them.
pub fn documents(setup: Setup) -> Vec<Document> {
    let mut all = vec![client(), role(), provider(), issuer()];
    all.extend(of_the_server(setup));
    all.extend(of_engines(setup));
    all.extend(of_certificates(setup));
    all
}

fn client() -> Document {
    let body = json!({ "key": "default", "redirect_uris": ["https://b.example.com", "https://a.example.com"],
        "assignments": ["allow_all"], "id_token_ttl": "30m", "access_token_ttl": "1h" });
    Document::write("identity/oidc/client/r", body)
        .drifts(json!({ "redirect_uris": ["https://evil.example.com"], "assignments": [], "id_token_ttl": 99,
            "access_token_ttl": 98 }))
        .edits(json!([
            ["redirect_uris", ["https://a.example.com", "https://b.example.com"]], ["id_token_ttl", 1800],
            ["access_token_ttl", "60m"], ["redirect_uris", "https://a.example.com"], ["assignments"], ["id_token_ttl"],
            ["redirect_uris"], ["access_token_ttl"],
        ]))
}

fn role() -> Document {
    let body = json!({ "key": "default", "ttl": "1h", "template": "{\"a\": 1}" });
    Document::write("identity/oidc/role/r", body)
        .drifts(json!({ "ttl": 60, "template": "{\"a\": 2}" }))
        .edits(json!([
            ["ttl", 3600],
            ["template", "{\"a\":1}"],
            ["ttl", "60m"],
            ["template", "eyJhIjogM30="],
            ["template"],
            ["ttl"],
        ]))
}

fn provider() -> Document {
    let body = json!({ "allowed_client_ids": ["b", "a"], "issuer": "https://vault.example.com" });
    Document::write("identity/oidc/provider/r", body)
        .alone()
        .drifts(json!({ "allowed_client_ids": ["*"], "issuer": "https://evil.example.com" }))
        .edits(json!([
            ["allowed_client_ids", ["a", "b"]],
            ["issuer", "https://b.example.com"],
            ["allowed_client_ids", "a,b"],
            ["issuer"],
            ["allowed_client_ids"],
        ]))
}

fn issuer() -> Document {
    Document::write(
        "identity/oidc/config",
        json!({ "issuer": "https://vault.example.com" }),
    )
    .alone()
    .drifts(json!({ "issuer": "https://evil.example.com" }))
    .edits(json!([["issuer", "https://b.example.com"], ["issuer"]]))
}

fn of_the_server(setup: Setup) -> Vec<Document> {
    let origins = json!(["https://b.example.com", "https://a.example.com"]);
    let cors = Document::write(
        "sys/config/cors",
        json!({ "allowed_origins": origins, "allowed_headers": ["X-B", "X-A"] }),
    )
    .alone()
    .replaced()
    .drifts(
        json!({ "allowed_origins": ["https://evil.example.com"], "allowed_headers": ["X-Evil"] }),
    )
    .edits(json!([
        [
            "allowed_origins",
            ["https://a.example.com", "https://b.example.com"]
        ],
        ["allowed_headers", ["X-A", "X-B"]],
        ["allowed_origins", "https://a.example.com"],
        ["allowed_headers"],
    ]));
    let quotas = json!({ "enable_rate_limit_response_headers": true, "rate_limit_exempt_paths": ["sys/seal-status", "sys/health"] });
    let quotas = Document::write("sys/quotas/config", quotas)
        .alone()
        .replaced()
        .drifts(json!({ "enable_rate_limit_audit_logging": true, "enable_rate_limit_response_headers": false,
            "rate_limit_exempt_paths": ["kv1/*"] }))
        .edits(json!([
            ["rate_limit_exempt_paths", ["sys/health", "sys/seal-status"]], ["enable_rate_limit_response_headers", "true"],
            ["rate_limit_exempt_paths"], ["enable_rate_limit_response_headers"],
        ]));
    let mut all = vec![cors, quotas];
    all.extend(of_keys_and_raft(setup));
    all.extend(headers());
    if setup.is_openbao() {
        let namespace = Document::write(
            "sys/namespaces/mutant",
            json!({ "custom_metadata": { "a": "b", "c": "d" } }),
        )
        .alone()
        .replaced()
        .drifts(json!({ "custom_metadata": { "a": "x" } }))
        .edits(json!([
            ["custom_metadata/a", "e"],
            ["custom_metadata/c"],
            ["custom_metadata"]
        ]));
        all.push(namespace);
    }
    all
}

fn of_keys_and_raft(setup: Setup) -> Vec<Document> {
    let mut changed = json!({ "max_operations": 3_000_000_000_u64, "interval": "4320h" });
    if setup == Setup::OpenBao272Static {
        // Alone it is taken by this one only: the others answer 204 and leave it on.
        changed["enabled"] = json!(false);
    }
    let rotation = Document::write(
        "sys/rotate/config",
        json!({ "max_operations": 2_000_000_000, "interval": "2160h" }),
    )
    .alone()
    .drifts(changed)
    .edits(json!([
        ["interval", "129600m"],
        ["max_operations", "2000000000"],
        ["interval"],
        ["max_operations"],
        ["enabled", true],
    ]));
    let autopilot = json!({ "max_trailing_logs": 2000, "last_contact_threshold": "15s", "server_stabilization_time": "30s",
        "min_quorum": 3 });
    let autopilot = Document::write("sys/storage/raft/autopilot/configuration", autopilot)
        .alone()
        .drifts(json!({ "max_trailing_logs": 3000, "last_contact_threshold": "16s", "cleanup_dead_servers": true,
            "dead_server_last_contact_threshold": "48h" }))
        .edits(json!([
            ["max_trailing_logs", "2000"], ["last_contact_threshold", "15000ms"], ["max_trailing_logs"],
            ["last_contact_threshold"], ["server_stabilization_time"],
        ]));
    vec![rotation, autopilot]
}

fn headers() -> Vec<Document> {
    let header = Document::write(
        "sys/config/ui/headers/X-Mutant",
        json!({ "values": ["b", "a"] }),
    )
    .alone()
    .replaced()
    .edits(json!([["values", ["a", "b"]], ["values", "a"]]));
    let audited = Document::write(
        "sys/config/auditing/request-headers/x-mutant",
        json!({ "hmac": true }),
    )
    .alone()
    .replaced()
    .edits(json!([["hmac", "true"], ["hmac"]]));
    vec![header, audited]
}

fn of_engines(setup: Setup) -> Vec<Document> {
    let role = json!({ "allowed_kubernetes_namespaces": ["b", "a"], "service_account_name": "s", "token_default_ttl": "1h",
        "token_default_audiences": ["y", "x"] });
    let account = Document::write("kubernetes/roles/r", role)
        .drifts(json!({ "allowed_kubernetes_namespaces": ["*"], "token_default_ttl": 60, "token_max_ttl": 7000,
            "token_default_audiences": ["z"], "name_template": "{{.RoleName}}", "extra_labels": { "a": "b" },
            "extra_annotations": { "a": "b" }, "service_account_name": "other" }))
        .edits(json!([
            ["allowed_kubernetes_namespaces", ["a", "b"]], ["token_default_ttl", 3600], ["token_default_audiences", "y,x"],
            ["allowed_kubernetes_namespaces", "a"], ["token_max_ttl", "2h"], ["token_max_ttl", 7200],
            ["token_default_audiences"], ["token_default_ttl"], ["token_max_ttl"],
        ]));
    let hosts = "{\"/\":{\"write\":\".*\",\"read\":\".*\"}}";
    let topics = "{\"/\":{\"a\":{\"read\":\".*\"}}}";
    let mut rabbit = Document::write(
        "rabbitmq/roles/r",
        json!({ "tags": "b,a", "vhosts": hosts }),
    )
    .replaced()
    .drifts(json!({ "tags": "administrator", "vhosts": "{\"/\":{\"configure\":\".*\"}}" }))
    .edits(json!([
        ["tags", "a,b"],
        ["vhosts", format!(" {hosts}")],
        ["tags"]
    ]));
    if setup.is_openbao() {
        // Vault 1.21.1 answers 500 to who reads a role with topics: its audit log panics at them.
        rabbit = rabbit
            .drifts(json!({ "vhost_topics": topics }))
            .edits(json!([["vhost_topics", topics], ["vhost_topics"]]));
    }
    let lease = Document::write(
        "rabbitmq/config/lease",
        json!({ "ttl": "1h", "max_ttl": "2h" }),
    )
    .alone()
    .replaced()
    .drifts(json!({ "ttl": 60, "max_ttl": 7000 }))
    .edits(json!([
        ["ttl", "60m"],
        ["max_ttl", 7200],
        ["ttl"],
        ["max_ttl"]
    ]));
    let acme = json!({ "enabled": false, "allowed_roles": ["r"], "eab_policy": "always-required",
        "default_directory_policy": "forbid" });
    let acme = Document::write("pki/config/acme", acme)
        .alone()
        .drifts(json!({ "allowed_roles": ["*"], "eab_policy": "new-account-required", "default_directory_policy": "role:r",
            "dns_resolver": "127.0.0.1:53", "allow_role_ext_key_usage": true }))
        .edits(json!([
            ["allowed_roles", "r"], ["enabled", "false"], ["eab_policy"], ["default_directory_policy"], ["allowed_roles"],
        ]));
    let keys = Document::write("transit/config/keys", json!({ "disable_upsert": true }))
        .alone()
        .replaced()
        .drifts(json!({ "disable_upsert": false }))
        .edits(json!([["disable_upsert", "true"], ["disable_upsert"]]));
    let mut all = vec![account, rabbit, lease, acme, keys];
    all.extend(database(setup));
    all
}

/// What `database` gives other credentials than passwords by.
fn database(_setup: Setup) -> Vec<Document> {
    let role = json!({ "db_name": "pg", "creation_statements": "x", "credential_type": "rsa_private_key",
        "credential_config": { "key_bits": "3072" } });
    let role = Document::write("database/roles/keys", role)
        .needs(&["db_name", "credential_type"])
        .drifts(json!({ "credential_config": { "key_bits": "4096" } }))
        .edits(json!([
            ["credential_config/key_bits", "4096"],
            ["credential_config/format", "pkcs8"],
            ["creation_statements", "y"],
            ["credential_config"]
        ]));
    vec![role]
}

fn of_certificates(setup: Setup) -> Vec<Document> {
    let mut body = json!({ "disable_binding": true, "ocsp_cache_size": 50 });
    let mut drifts = json!({ "disable_binding": false, "ocsp_cache_size": 60, "enable_identity_alias_metadata": true });
    if !setup.is_openbao() {
        body["role_cache_size"] = json!(50);
        drifts["role_cache_size"] = json!(60);
        drifts["enable_metadata_on_failures"] = json!(true);
    }
    let config = Document::config("cert", body).drifts(drifts).edits(json!([
        ["ocsp_cache_size", "50"],
        ["disable_binding", "true"],
        ["ocsp_cache_size"],
        ["disable_binding"],
        ["enable_identity_alias_metadata", true],
    ]));
    vec![config]
}
