//! What random files are made of: documents, the lines that each may have, and values for each line, several of which mean
//! the same in another spelling. What no write can take back is not among them.

mod engines;

use serde_json::{Value, json};

use crate::support::Setup;

/// Nobody has its other half.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmEImFVKjUfDInfM2Zsh1DjDrjbsv\n\
    F204aQKu+UmuSMVJ+VDI37sPgyCNTx+gGfKp92n+gBmBvrClhMgDaZSTVA==\n\
    -----END PUBLIC KEY-----\n";

/// A document that a file may have.
pub struct Template {
    /// Where a server has it.
    pub path: String,
    /// Where a section of the file has it; empty for one of `writes`.
    pub place: String,
    /// What it always says.
    pub base: Value,
    /// What it may say: names, and values of each.
    pub lines: Vec<(String, Vec<Value>)>,
}

fn of(path: &str, place: &str, base: Value, lines: &Value) -> Template {
    let lines = lines.as_object().expect("lines").iter();
    let lines =
        lines.map(|(name, values)| (name.clone(), values.as_array().expect("values").clone()));
    Template {
        path: path.to_owned(),
        place: place.to_owned(),
        base,
        lines: lines.collect(),
    }
}

fn write(path: &str, base: Value, lines: Value) -> Template {
    of(path, "", base, &lines)
}

/// What stands in the file beside them, so that there is a place for each.
pub fn mounts() -> Vec<(&'static str, Value)> {
    let mut all: Vec<_> = [
        "database",
        "kubernetes",
        "pki",
        "rabbitmq",
        "ssh",
        "transit",
    ]
    .into_iter()
    .map(|name| (name, json!({ "type": name })))
    .collect();
    all.push(("kv1", json!({ "type": "kv" })));
    all
}

/// Methods of the same.
pub fn methods() -> Vec<(&'static str, Value)> {
    vec![
        ("approle", json!({ "type": "approle" })),
        ("cert", json!({ "type": "cert" })),
        (
            "jwt",
            json!({ "type": "jwt", "config": { "jwt_validation_pubkeys": [PUBLIC_KEY] } }),
        ),
        ("kubernetes", json!({ "type": "kubernetes" })),
    ]
}

/// Lines of whatever gives tokens, and more.
fn of_tokens(more: &Value) -> Value {
    let mut lines = json!({
        "token_policies": [["a", "b"], ["b", "a"], "a,b", "a"],
        "token_ttl": ["15m", 900, "900s", "10m"],
        "token_max_ttl": ["2h", 7200],
        "token_explicit_max_ttl": ["3h", "180m"],
        "token_period": ["1h", 3600],
        "token_bound_cidrs": [["10.0.0.0/8", "127.0.0.0/8"], "10.0.0.0/8", ["127.0.0.1/32"]],
        "token_no_default_policy": [true, false],
        "token_num_uses": [3, 4],
        "token_type": ["service", "default"],
    });
    for (name, values) in more.as_object().expect("lines") {
        lines[name] = values.clone();
    }
    lines
}

/// All of them.
pub fn templates(setup: Setup) -> Vec<Template> {
    let mut all = of_methods();
    all.extend(of_mounts());
    all.extend(engines::all());
    all.extend(of_identities());
    all.extend(of_the_server(setup));
    all
}

/// A role for tokens of others.
fn of_claims() -> Template {
    let jwt = json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["v"] });
    let claims = json!({
        "bound_claims": [{ "project": 22 }, { "project": "22" }, { "project": ["22"] }, { "on": true, "off": "true" }],
        "bound_claims_type": ["string"], "claim_mappings": [{ "a": "b" }, { "a": "b", "c": "d" }],
        "clock_skew_leeway": ["30s", 30], "bound_subject": ["x", "y"], "groups_claim": ["groups"],
        "user_claim_json_pointer": [true, false], "expiration_leeway": [7, "7s"],
    });
    of(
        "auth/jwt/role/random",
        "/auth/jwt/roles/random",
        jwt,
        &of_tokens(&claims),
    )
}

fn of_methods() -> Vec<Template> {
    let password = json!({ "password": { "file": "random.password" } });
    let approle = json!({
        "secret_id_ttl": ["1h", "60m", 3600], "secret_id_num_uses": [1, 2], "bind_secret_id": [true],
        "secret_id_bound_cidrs": [["10.0.0.0/8"], "10.0.0.0/8", ["10.0.0.0/8", "127.0.0.0/8"]],
    });
    let accounts =
        json!({ "bound_service_account_names": ["a"], "bound_service_account_namespaces": ["n"] });
    let workloads = json!({ "audience": ["v", "w"], "alias_name_source": ["serviceaccount_name", "serviceaccount_uid"] });
    vec![
        of(
            "auth/userpass/users/random",
            "/auth/userpass/users/random",
            password,
            &of_tokens(&json!({})),
        ),
        of(
            "auth/approle/role/one",
            "/auth/approle/roles/one",
            json!({}),
            &of_tokens(&approle),
        ),
        of(
            "auth/approle/role/two",
            "/auth/approle/roles/two",
            json!({ "token_ttl": "1m" }),
            &approle,
        ),
        of_claims(),
        of(
            "auth/kubernetes/role/random",
            "/auth/kubernetes/roles/random",
            accounts,
            &of_tokens(&workloads),
        ),
        write(
            "auth/token/roles/random",
            json!({}),
            json!({
                "allowed_policies": [["b", "a"], "a,b"], "disallowed_policies": ["c"], "orphan": [true, "true", false],
                "renewable": [false, true], "token_period": ["1h", 3600], "path_suffix": ["suffix"],
                "token_bound_cidrs": ["10.0.0.0/8"], "token_explicit_max_ttl": ["1h"], "token_no_default_policy": [true],
            }),
        ),
        write(
            "auth/approle/role/three",
            json!({ "bind_secret_id": true }),
            json!({ "token_ttl": ["1h", 3600, "60m"] }),
        ),
        of(
            "auth/cert/config",
            "/auth/cert/config",
            json!({ "ocsp_cache_size": 50 }),
            &json!({
                "disable_binding": [true, false, "true"], "enable_identity_alias_metadata": [true],
            }),
        ),
    ]
}

fn of_mounts() -> Vec<Template> {
    let tune = json!({
        "default_lease_ttl": ["30m", 1800, "1800s"], "max_lease_ttl": ["10h", 36000], "listing_visibility": ["unauth", "hidden"],
        "audit_non_hmac_request_keys": [["b", "a"], ["a", "b"], "a"], "passthrough_request_headers": [["X-A"], "X-A"],
    });
    vec![
        of("sys/mounts/pki/tune", "/secrets/pki/tune", json!({}), &tune),
        of(
            "sys/auth/approle/tune",
            "/auth/approle/tune",
            json!({}),
            &tune,
        ),
        of(
            "secret/config",
            "/secrets/secret/config",
            json!({}),
            &json!({
                "max_versions": [5, "5", 6], "cas_required": [true, false], "delete_version_after": ["1h", 3600, "60m"],
            }),
        ),
        of(
            "sys/policies/acl/random",
            "/policies/random",
            json!({}),
            &json!({ "rules": [
            "path \"a\" { capabilities = [\"read\"] }", "path \"a\" { capabilities = [\"read\", \"list\"] }\n",
            "# words\npath \"a\" { capabilities = [\"read\"] }",
        ] }),
        ),
    ]
}

fn of_identities() -> Vec<Template> {
    vec![
        write(
            "identity/entity/name/random",
            json!({}),
            json!({
                "policies": [["b", "a"], ["a", "b"], "b,a"], "metadata": [{ "a": "b" }, { "a": "b", "c": "d" }], "disabled": [true, "false"],
            }),
        ),
        write(
            "identity/group/name/random",
            json!({}),
            json!({
                "policies": [["b", "a"], ["a", "b"], "b,a"], "metadata": [{ "a": "b" }, { "c": "d" }],
            }),
        ),
        write(
            "identity/oidc/key/random",
            json!({}),
            json!({
                "rotation_period": ["25h", "90000s", 90000], "verification_ttl": ["26h"], "allowed_client_ids": ["*", ["b", "a"]],
                "algorithm": ["ES256", "RS256"],
            }),
        ),
        write(
            "identity/oidc/role/random",
            json!({ "key": "default" }),
            json!({
                "ttl": ["1h", 3600], "template": ["{\"a\": 1}", "{\"a\":1}", "eyJhIjogMX0="],
            }),
        ),
        write(
            "identity/oidc/client/random",
            json!({ "key": "default" }),
            json!({
                "redirect_uris": [["https://b.example.com", "https://a.example.com"], "https://a.example.com"],
                "assignments": ["allow_all", ["allow_all"]], "id_token_ttl": ["30m", 1800], "access_token_ttl": ["1h", "60m"],
            }),
        ),
        write(
            "identity/oidc/scope/random",
            json!({}),
            json!({ "template": ["{\"a\": 1}", "eyJhIjogMX0="], "description": ["x", "y"] }),
        ),
        write(
            "identity/oidc/provider/random",
            json!({}),
            json!({
                "allowed_client_ids": ["*", ["*"], ["b", "a"]], "issuer": ["https://a.example.com", "https://b.example.com"],
            }),
        ),
        write(
            "identity/oidc/config",
            json!({}),
            json!({ "issuer": ["https://a.example.com", "https://b.example.com"] }),
        ),
    ]
}

fn of_the_server(setup: Setup) -> Vec<Template> {
    let password = |length: u8| {
        format!(
            "length = {length}\nrule \"charset\" {{ charset = \"abcdefghij\" min-chars = 1 }}\n"
        )
    };
    let mut all = vec![
        write(
            "sys/quotas/rate-limit/random",
            json!({ "rate": 100_000, "path": "kv1" }),
            json!({
                "rate": ["100000", 100_001, 100_000.5], "interval": ["10s", 10, "1m"], "block_interval": ["2s", 3],
            }),
        ),
        write(
            "sys/quotas/config",
            json!({}),
            json!({
                "enable_rate_limit_response_headers": [true, "true", false], "enable_rate_limit_audit_logging": [true],
            }),
        ),
        write(
            "sys/policies/password/random",
            json!({ "policy": password(20) }),
            json!({
                "policy": [password(21), format!("# words\n{}", password(20))],
            }),
        ),
        write(
            "sys/config/cors",
            json!({ "allowed_origins": ["https://a.example.com"] }),
            json!({
                "allowed_origins": ["https://a.example.com", ["https://b.example.com", "https://a.example.com"], "*"],
                "allowed_headers": [["X-B", "X-A"], "X-A", ["X-A", "X-B"]],
            }),
        ),
        write(
            "sys/rotate/config",
            json!({ "enabled": true }),
            json!({
                "max_operations": [2_000_000_000, "2000000000"], "interval": ["2160h", "129600m"],
            }),
        ),
        write(
            "sys/storage/raft/autopilot/configuration",
            json!({}),
            json!({
                "max_trailing_logs": [2000, "2000"], "last_contact_threshold": ["15s", "15000ms"], "server_stabilization_time": ["30s"],
            }),
        ),
    ];
    if setup.is_openbao() {
        all.push(write(
            "sys/namespaces/random",
            json!({}),
            json!({ "custom_metadata": [{ "a": "b" }, { "a": "b", "c": "d" }] }),
        ));
    }
    all
}
