//! Auth methods: their tuning, configs, roles and users.

use serde_json::{Value, json};

use super::document::Document;
use crate::support::{Authority, Setup};

/// Nobody has their other halves.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmEImFVKjUfDInfM2Zsh1DjDrjbsv\n\
    F204aQKu+UmuSMVJ+VDI37sPgyCNTx+gGfKp92n+gBmBvrClhMgDaZSTVA==\n\
    -----END PUBLIC KEY-----\n";

/// Fields that every login's token has, and what is planted in them; others of the document after them.
fn of_tokens(more: Value) -> Value {
    let mut fields = json!({
        "token_policies": ["everything"], "token_ttl": 77, "token_max_ttl": 7777, "token_explicit_max_ttl": 8888,
        "token_period": 99, "token_bound_cidrs": ["127.0.0.0/8"], "token_no_default_policy": true,
        "token_num_uses": 9, "token_type": "service",
    });
    for (name, value) in more.as_object().expect("fields") {
        fields[name] = value.clone();
    }
    fields
}

/// All of them.
pub fn documents(setup: Setup, issuer: &str) -> Vec<Document> {
    let mut all = vec![user(), approle(setup), tune(), lockout(), token_role()];
    all.extend(jwt(setup));
    all.extend(oidc(setup, issuer));
    all.extend(kubernetes(setup));
    all.push(cert());
    if setup != Setup::OpenBao272Static {
        all.extend(ldap());
    }
    all
}

fn user() -> Document {
    let password = json!({ "file": "mutant.password" });
    Document::user(
        json!({ "password": password, "token_ttl": "15m", "token_policies": ["b", "a"],
        "token_bound_cidrs": ["10.0.0.0/8"], "token_num_uses": 7, "token_no_default_policy": true }),
    )
    .beside(json!({ "password": "that of the twin" }))
    .drifts(of_tokens(json!({ "token_no_default_policy": false })))
    .edits(json!([
        ["token_ttl", "900s"], ["token_policies", ["a", "b"]], ["token_bound_cidrs", "10.0.0.0/8"],
        ["token_num_uses"], ["token_policies"], ["token_no_default_policy"], ["token_bound_cidrs"],
        ["token_ttl"], ["token_period", "1h"], ["token_period", 3600], ["token_period"],
    ]))
}

fn approle(setup: Setup) -> Document {
    let mut drifts = of_tokens(json!({
        "secret_id_ttl": 60, "secret_id_bound_cidrs": ["0.0.0.0/0"], "secret_id_num_uses": 0,
        "bind_secret_id": false, "token_type": "default",
    }));
    if setup.is_openbao() {
        drifts["token_strictly_bind_ip"] = json!(true);
    }
    Document::role(
        "approle",
        json!({ "token_policies": ["operator"], "secret_id_ttl": "1h", "bind_secret_id": true,
        "secret_id_bound_cidrs": ["10.0.0.0/8", "127.0.0.0/8"], "secret_id_num_uses": 4, "token_type": "service" }),
    )
    .drifts(drifts)
    .edits(json!([
        ["secret_id_ttl", "60m"], ["secret_id_bound_cidrs", ["127.0.0.0/8", "10.0.0.0/8"]], ["bind_secret_id"],
        ["secret_id_bound_cidrs", "127.0.0.0/8,10.0.0.0/8"], ["secret_id_ttl", 3600], ["token_type"],
        ["secret_id_num_uses"], ["token_policies", "operator"], ["token_policies"], ["secret_id_ttl"],
    ]))
}

fn tune() -> Document {
    Document::tune(
        "auth/approle",
        json!({ "default_lease_ttl": "1h", "audit_non_hmac_request_keys": ["b", "a"] }),
    )
    .drifts(json!({
        "default_lease_ttl": 60, "max_lease_ttl": 8000, "listing_visibility": "unauth", "token_type": "service",
        "audit_non_hmac_request_keys": ["x"], "audit_non_hmac_response_keys": ["y"],
        "passthrough_request_headers": ["X-A"], "allowed_response_headers": ["X-B"],
        "description": "of somebody else",
    }))
    .edits(json!([
        ["default_lease_ttl", "60m"], ["audit_non_hmac_request_keys", ["a", "b"]], ["default_lease_ttl", 3600],
        ["audit_non_hmac_request_keys"], ["default_lease_ttl"], ["token_type", "batch"], ["token_type"],
        ["listing_visibility", "unauth"], ["listing_visibility"],
    ]))
}

fn lockout() -> Document {
    Document::tune("auth/userpass", json!({ "max_lease_ttl": "12h" }))
        .drifts(
            json!({ "user_lockout_config": { "lockout_disable": true }, "token_type": "batch" }),
        )
        .edits(
            json!([["user_lockout_config", { "lockout_threshold": "7" }], ["max_lease_ttl", 43200],
            ["user_lockout_config"], ["max_lease_ttl"]]),
        )
}

fn token_role() -> Document {
    Document::write(
        "auth/token/roles/r",
        json!({ "allowed_policies": ["b", "a"], "orphan": true, "token_period": "1h", "path_suffix": "first" }),
    )
    .drifts(json!({
        "allowed_policies": ["everything"], "disallowed_policies": ["d"], "allowed_policies_glob": ["*"],
        "disallowed_policies_glob": ["d*"], "orphan": false, "renewable": false, "path_suffix": "other",
        "token_period": 60, "token_bound_cidrs": ["127.0.0.0/8"], "token_type": "service", "token_num_uses": 4,
        "allowed_entity_aliases": ["e"], "token_no_default_policy": true, "token_explicit_max_ttl": 700,
    }))
    .edits(json!([
        ["allowed_policies", ["a", "b"]], ["token_period", 3600], ["allowed_policies", "a,b"], ["orphan", "true"],
        ["orphan"], ["path_suffix"], ["token_period"], ["allowed_policies"],
    ]))
}

fn jwt(setup: Setup) -> Vec<Document> {
    let config = json!({ "jwt_validation_pubkeys": [PUBLIC_KEY], "bound_issuer": "https://ci.example.com",
        "jwt_supported_algs": ["ES256", "RS256"] });
    let config = Document::config("jwt", config)
        .replaced()
        .drifts(json!({ "bound_issuer": "https://evil.example.com", "default_role": "r", "jwt_supported_algs": ["ES384"] }))
        .edits(json!([["jwt_supported_algs", ["RS256", "ES256"]], ["jwt_supported_algs", "RS256,ES256"],
            ["default_role", "r"], ["jwt_supported_algs"], ["bound_issuer"], ["default_role"]]));
    let mut drifts = of_tokens(json!({
        "bound_audiences": ["x"], "bound_claims": { "project_id": "23" }, "bound_subject": "somebody",
        "claim_mappings": { "x": "y" }, "user_claim": "email", "groups_claim": "groups",
        "clock_skew_leeway": 7, "expiration_leeway": 8, "not_before_leeway": 9, "user_claim_json_pointer": true,
        "bound_claims_type": "glob",
    }));
    if setup.is_openbao() {
        drifts["token_policies_template_claims"] = json!(true);
        drifts["token_strictly_bind_ip"] = json!(true);
    }
    let role = json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["b", "a"],
        "bound_claims": { "project_id": 22, "email_verified": "true" }, "claim_mappings": { "a": "b" },
        "token_ttl": "5m", "clock_skew_leeway": "30s" });
    let role = Document::role("jwt", role)
        .needs(&["role_type", "user_claim"])
        .drifts(drifts)
        .edits(json!([
            ["bound_claims/project_id", "22"],
            ["bound_claims/email_verified", true],
            ["bound_audiences", ["a", "b"]],
            ["token_ttl", "300s"],
            ["clock_skew_leeway", 30],
            ["claim_mappings/c", "d"],
            ["claim_mappings/a"],
            ["bound_claims/project_id", ["22"]],
            ["clock_skew_leeway"],
            ["claim_mappings"],
            ["bound_audiences"],
            ["token_ttl"],
        ]));
    vec![config, role]
}

fn oidc(setup: Setup, issuer: &str) -> Vec<Document> {
    let config = json!({ "oidc_discovery_url": issuer, "oidc_client_id": "vault",
        "oidc_client_secret": { "file": "client.secret" }, "default_role": "r" });
    let config = Document::config("oidc", config)
        .replaced()
        .beside(json!({ "oidc_client_secret": "the-client's-secret" }))
        .drifts(json!({ "oidc_client_id": "other", "default_role": "other", "oidc_response_mode": "form_post",
            "oidc_response_types": ["code"], "namespace_in_state": false, "bound_issuer": issuer,
            "jwt_supported_algs": ["ES256"] }))
        .edits(json!([["oidc_response_types", ["code"]], ["jwt_supported_algs", "RS256"], ["default_role", "R"],
            ["oidc_response_types", "code"], ["jwt_supported_algs"], ["oidc_response_types"], ["default_role"]]));
    let mut drifts = of_tokens(json!({
        "bound_audiences": ["x"], "bound_claims": { "hd": "example.org" }, "bound_subject": "somebody",
        "user_claim": "sub", "groups_claim": "roles", "oidc_scopes": ["openid"], "max_age": 99,
        "allowed_redirect_uris": ["https://evil.example.com/oidc/callback"], "verbose_oidc_logging": true,
        "claim_mappings": { "x": "y" },
    }));
    if setup.is_openbao() {
        drifts["oidc_disable_confirmation"] = json!(true);
        drifts["poll_interval"] = json!(3);
    }
    let role = json!({ "role_type": "oidc", "user_claim": "email", "groups_claim": "groups",
        "allowed_redirect_uris": ["http://localhost:8250/oidc/callback", "http://localhost:8251/oidc/callback"],
        "bound_claims": { "hd": ["example.com", "example.net"] }, "oidc_scopes": ["profile", "email"],
        "max_age": "1h", "token_policies": ["operator"] });
    let role = Document::role("oidc", role)
        .needs(&["role_type", "user_claim"])
        .drifts(drifts)
        .edits(json!([
            ["oidc_scopes", ["email", "profile"]],
            ["bound_claims/hd", ["example.net", "example.com"]],
            [
                "allowed_redirect_uris",
                [
                    "http://localhost:8251/oidc/callback",
                    "http://localhost:8250/oidc/callback"
                ]
            ],
            ["max_age", "60m"],
            [
                "allowed_redirect_uris",
                ["http://localhost:8250/oidc/callback"]
            ],
            [
                "allowed_redirect_uris",
                "http://localhost:8250/oidc/callback"
            ],
            ["bound_claims/hd", "example.com"],
            ["max_age"],
            ["groups_claim"],
            ["oidc_scopes"],
            ["token_policies"],
        ]));
    vec![config, role]
}

fn kubernetes(setup: Setup) -> Vec<Document> {
    let mut drifts = json!({ "kubernetes_host": "https://evil.example.com", "issuer": "x",
        "disable_iss_validation": false, "pem_keys": [] });
    if !setup.is_openbao() {
        drifts["use_annotations_as_alias_metadata"] = json!(true);
    }
    let config = json!({ "kubernetes_host": "https://127.0.0.1:6443", "disable_local_ca_jwt": true,
        "pem_keys": [PUBLIC_KEY], "kubernetes_ca_cert": certificate() });
    let config = Document::config("kubernetes", config)
        .replaced()
        .drifts(drifts)
        .edits(json!([
            ["issuer", "https://k8s.example.com"],
            ["kubernetes_host", "https://127.0.0.1:6444"],
            ["disable_iss_validation", false],
            ["issuer"],
            ["disable_iss_validation"],
            ["pem_keys"]
        ]));
    let role = json!({ "bound_service_account_names": ["b", "a"], "bound_service_account_namespaces": ["n"],
        "audience": "vault", "alias_name_source": "serviceaccount_name", "token_max_ttl": "1h" });
    let role = Document::role("kubernetes", role)
        .drifts(of_tokens(json!({
            "bound_service_account_names": ["*"], "bound_service_account_namespaces": ["*"], "audience": "x",
            "alias_name_source": "serviceaccount_uid",
            "bound_service_account_namespace_selector": "{\"matchLabels\":{\"a\":\"b\"}}",
        })))
        .edits(json!([
            ["bound_service_account_names", ["a", "b"]], ["bound_service_account_namespaces", "n"],
            ["token_max_ttl", "3600s"], ["alias_name_source"], ["audience"], ["bound_service_account_names", "a,b"],
            ["token_max_ttl"],
        ]));
    vec![config, role]
}

fn cert() -> Document {
    let role = json!({ "certificate": certificate(), "allowed_common_names": ["b", "a"],
        "allowed_dns_sans": ["x.example.com"], "token_ttl": "1h" });
    Document::write("auth/cert/certs/r", role)
        .drifts(of_tokens(json!({
            "allowed_common_names": ["*"], "allowed_dns_sans": ["*"], "allowed_email_sans": ["x@example.com"],
            "allowed_uri_sans": ["spiffe://x"], "allowed_organizational_units": ["ou"],
            "required_extensions": ["1.2.3:x"], "display_name": "somebody", "ocsp_enabled": true,
            "ocsp_servers_override": ["http://127.0.0.1:1"], "ocsp_fail_open": true, "ocsp_query_all_servers": true,
            "allowed_metadata_extensions": ["1.2.3"],
        })))
        .edits(json!([
            ["allowed_common_names", ["a", "b"]], ["token_ttl", 3600], ["allowed_common_names", "a,b"],
            ["allowed_dns_sans", "x.example.com"], ["allowed_dns_sans"], ["allowed_common_names"], ["token_ttl"],
        ]))
}

/// Of an authority of nobody's.
fn certificate() -> String {
    let authority = Authority::new();
    std::fs::read_to_string(authority.certificate()).expect("a PEM file")
}

fn ldap() -> Vec<Document> {
    let config = json!({ "url": "ldap://127.0.0.1:1", "userdn": "ou=people,dc=example,dc=com", "userattr": "uid",
        "token_policies": ["b", "a"], "request_timeout": "30s", "insecure_tls": false });
    let config = Document::config("ldap", config)
        .drifts(of_tokens(json!({
            "url": "ldap://evil.example.com", "userdn": "dc=evil", "userattr": "mail", "groupdn": "ou=g",
            "groupattr": "x", "groupfilter": "(x={{.UserDN}})", "userfilter": "(y={{.Username}})", "insecure_tls": true,
            "starttls": true, "tls_min_version": "tls11", "tls_max_version": "tls13", "binddn": "cn=x", "deny_null_bind": false, "discoverdn": true,
            "upndomain": "example.com", "case_sensitive_names": true, "use_token_groups": true, "request_timeout": 7,
            "anonymous_group_search": true, "username_as_alias": true, "connection_timeout": 9,
            "dereference_aliases": "always", "max_page_size": 5,
        })))
        .edits(json!([
            ["token_policies", ["a", "b"]], ["request_timeout", 30], ["token_policies", "a,b"], ["insecure_tls", "false"],
            ["insecure_tls"], ["request_timeout"], ["userattr"], ["token_policies"], ["userdn"],
        ]));
    let group = Document::write("auth/ldap/groups/g", json!({ "policies": ["b", "a"] }))
        .drifts(json!({ "policies": ["everything"] }))
        .edits(json!([
            ["policies", ["a", "b"]],
            ["policies", "a,b"],
            ["policies", ["c"]]
        ]));
    vec![config, group]
}
