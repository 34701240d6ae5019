//! What puts a field back that the file does not name any more, or that somebody else has set.
//!
//! Measured on OpenBao 2.6.2 and 2.7.2 and Vault 1.21.1. `null` is never sent: it keeps some fields as they are.

use serde_json::{Value, json};

use crate::desired::kind::{Kind, Writing};

/// Groups of a directory that a user is in, as the servers look for them.
const GROUP_FILTER: &str =
    "(|(memberUid={{.Username}})(member={{.UserDN}})(uniqueMember={{.UserDN}}))";
/// Fields that the empty value of their type puts back (measured). No other field is guessed at.
const RESET_BY_TYPE: [&str; 149] = [
    "allow_expired_cert_revocation",
    "allow_role_ext_key_usage",
    "allowed_client_ids",
    "allowed_common_names",
    "allowed_dns_sans",
    "allowed_email_sans",
    "allowed_entity_aliases",
    "allowed_kubernetes_namespace_selector",
    "allowed_kubernetes_namespaces",
    "allowed_metadata_extensions",
    "allowed_names",
    "allowed_organizational_units",
    "allowed_policies",
    "allowed_policies_glob",
    "allowed_redirect_uris",
    "allowed_response_headers",
    "allowed_roles",
    "allowed_uri_sans",
    "anonymous_group_search",
    "assignments",
    "audience",
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "auto_rebuild",
    "auto_rotate_period",
    "binddn",
    "bound_audiences",
    "bound_claims",
    "bound_issuer",
    "bound_service_account_namespace_selector",
    "bound_subject",
    "cas_required",
    "case_sensitive_names",
    "claim_mappings",
    "cleanup_dead_servers",
    "clock_skew_leeway",
    "creation_statements",
    "crl_distribution_points",
    "custom_metadata",
    "default_follows_latest_issuer",
    "default_lease_ttl",
    "default_role",
    "default_ttl",
    "deletion_allowed",
    "delta_crl_distribution_points",
    "description",
    "disable",
    "disable_binding",
    "disabled",
    "disallowed_policies",
    "disallowed_policies_glob",
    "discoverdn",
    "display_name",
    "dns_resolver",
    "enable_delta",
    "enable_identity_alias_metadata",
    "enable_metadata_on_failures",
    "enable_templating",
    "enabled",
    "entity_ids",
    "expiration_leeway",
    "extra_annotations",
    "extra_labels",
    "generated_role_rules",
    "groupdn",
    "groups_claim",
    "iam_groups",
    "iam_tags",
    "insecure_tls",
    "issuer",
    "issuing_certificates",
    "kubernetes_role_name",
    "listing_visibility",
    "maintain_stored_certificate_counts",
    "max_age",
    "max_lease_ttl",
    "max_page_size",
    "max_ttl",
    "max_versions",
    "member_entities",
    "member_entity_ids",
    "member_group_ids",
    "member_groups",
    "metadata",
    "min_encryption_version",
    "min_quorum",
    "name_template",
    "nas_identifier",
    "not_before_leeway",
    "ocsp_ca_certificates",
    "ocsp_disable",
    "ocsp_enabled",
    "ocsp_fail_open",
    "ocsp_query_all_servers",
    "ocsp_servers",
    "ocsp_servers_override",
    "oidc_disable_confirmation",
    "oidc_scopes",
    "orphan",
    "passthrough_request_headers",
    "password_policy",
    "path_suffix",
    "policies",
    "policy_arns",
    "poll_interval",
    "publish_stored_certificate_count_metrics",
    "redirect_uris",
    "renew_statements",
    "required_extensions",
    "revocation_statements",
    "role_arns",
    "rollback_statements",
    "root_credentials_rotate_statements",
    "root_rotation_statements",
    "scopes_supported",
    "secret_id_bound_cidrs",
    "secret_id_num_uses",
    "secret_id_ttl",
    "service_account_name",
    "starttls",
    "template",
    "tidy_acme",
    "tidy_cert_store",
    "tidy_cross_cluster_revoked_certs",
    "tidy_expired_issuers",
    "tidy_invalid_certs",
    "tidy_move_legacy_ca_bundle",
    "tidy_revocation_queue",
    "tidy_revoked_cert_issuer_associations",
    "tidy_revoked_certs",
    "token_bound_cidrs",
    "token_default_audiences",
    "token_default_ttl",
    "token_explicit_max_ttl",
    "token_max_ttl",
    "token_no_default_policy",
    "token_num_uses",
    "token_period",
    "token_policies",
    "token_policies_template_claims",
    "token_strictly_bind_ip",
    "token_ttl",
    "upndomain",
    "use_token_groups",
    "user_claim_json_pointer",
    "user_path",
    "userdn",
    "username_as_alias",
    "verbose_oidc_logging",
];

impl Kind {
    /// The value that puts a field back to what it is without being named, where that is known; `made` is the server's own.
    pub(crate) fn default_of(&self, path: &str, field: &str, made: &Value) -> Default {
        // Kept by a write that replaces the rest (measured).
        if field == "namespace_in_state" {
            return Default::Is(json!(true));
        }
        // The same of a second factor (Vault's source; measured on OpenBao 2.6.2 and 2.7.2).
        if field == "username_format" && path.starts_with("identity/mfa/method/") {
            return Default::Is(json!(""));
        }
        if self.writing != Writing::Merges {
            return Default::LeaveOut;
        }
        // Replaced by the server also where it keeps the others.
        if matches!(
            field,
            "role_type" | "bound_claims_type" | "callback_mode" | "credential_config"
        ) {
            return Default::LeaveOut;
        }
        if is_for_good(path, field) {
            return Default::None;
        }
        if let Some(own) = stated(path, field) {
            return Default::Is(own);
        }
        if !RESET_BY_TYPE.contains(&field) {
            return Default::NotKnown;
        }
        Default::Is(match made {
            Value::Number(_) => json!(0),
            Value::Bool(_) => json!(false),
            Value::String(_) => json!(""),
            Value::Array(_) => json!([]),
            Value::Object(_) => json!({}),
            Value::Null => return Default::LeaveOut,
        })
    }
}

/// The default of a field that is not the empty value of its type, where that is known.
pub(crate) fn stated(path: &str, field: &str) -> Option<Value> {
    named_default(path, field).or_else(|| of_a_collection(path, field))
}

/// Whether no write takes a field back: made at creation, another document's, or refused (measured).
fn is_for_good(path: &str, field: &str) -> bool {
    match field {
        "local_secret_ids" | "connection_details" => true,
        "exportable" | "allow_plaintext_backup" | "type" | "derived" => path.contains("/keys/"),
        // An empty one is no address to the servers, which answer with 500.
        "path" | "aia_path" => path.ends_with("/config/cluster"),
        _ => false,
    }
}

/// The default of a field that is not the empty value of its type, wherever it is.
fn named_default(path: &str, field: &str) -> Option<Value> {
    let tunes = path.ends_with("/tune");
    Some(match field {
        "bind_secret_id" | "renewable" | "deny_null_bind" => json!(true),
        "token_type" if tunes || path.starts_with("auth/token/") => json!("default-service"),
        "token_type" => json!("default"),
        "alias_name_source" => json!("serviceaccount_uid"),
        "delete_version_after" => json!("0s"),
        "userattr" | "groupattr" => json!("cn"),
        "request_timeout" => json!(90),
        "groupfilter" => json!(GROUP_FILTER),
        "userfilter" => json!("({{.UserAttr}}={{.Username}})"),
        "tls_min_version" | "tls_max_version" => json!("tls12"),
        "connection_timeout" => json!(30),
        "dereference_aliases" => json!("never"),
        "min_decryption_version" => json!(1),
        _ if tunes && field.ends_with("_lease_ttl") => json!(0),
        // What is not named in it stays as it is.
        "user_lockout_config" => json!({
            "lockout_counter_reset_duration": "0", "lockout_disable": false, "lockout_duration": "0",
            "lockout_threshold": "0",
        }),
        _ => return None,
    })
}

/// The same of a field whose name means something else in other documents.
fn of_a_collection(path: &str, field: &str) -> Option<Value> {
    if let Some(own) = of_the_server(path, field) {
        return Some(own);
    }
    let tokens = path.starts_with("identity/oidc/");
    let pki = |name: &str| path.ends_with(&format!("/config/{name}"));
    Some(match field {
        "rotation_period" | "verification_ttl" | "id_token_ttl" | "access_token_ttl" if tokens => {
            json!(86_400)
        }
        "ttl" if path.starts_with("identity/oidc/role/") => json!(86_400),
        "url" if path.ends_with("/config") => json!("ldap://127.0.0.1"),
        "expiry" if pki("crl") => json!("72h"),
        "ocsp_expiry" | "auto_rebuild_grace_period" if pki("crl") => json!("12h"),
        "delta_rebuild_interval" if pki("crl") => json!("15m"),
        "interval_duration" if pki("auto-tidy") => json!(43_200),
        "safety_buffer" | "revoked_safety_buffer" if pki("auto-tidy") => json!(259_200),
        "issuer_safety_buffer" if pki("auto-tidy") => json!(31_536_000),
        "acme_account_safety_buffer" if pki("auto-tidy") => json!(2_592_000),
        "page_size" if pki("auto-tidy") => json!(1000),
        "revocation_queue_safety_buffer" if pki("auto-tidy") => json!(172_800),
        "allowed_roles" | "allowed_issuers" if pki("acme") => json!(["*"]),
        "default_directory_policy" if pki("acme") => json!("sign-verbatim"),
        "eab_policy" if pki("acme") => json!("not-required"),
        "max_ttl" if pki("acme") => json!("2160h"),
        "algorithm" if tokens => json!("RS256"),
        "kubernetes_role_type" => json!("Role"),
        "credential_type" => json!("password"),
        "pause_duration" if pki("auto-tidy") => json!("0s"),
        _ => return None,
    })
}

/// The same of what the server itself is set to.
fn of_the_server(path: &str, field: &str) -> Option<Value> {
    let rotates = path.starts_with("sys/rotate/");
    let raft = path.ends_with("/autopilot/configuration");
    Some(match field {
        "max_operations" if rotates => json!(3_865_470_566_u64),
        "interval" if rotates => json!(0),
        "enabled" if rotates => json!(true),
        "dead_server_last_contact_threshold" if raft => json!("24h"),
        "last_contact_threshold" | "server_stabilization_time" if raft => json!("10s"),
        "max_trailing_logs" if raft => json!(1000),
        "ocsp_cache_size" if path.ends_with("/config") => json!(100),
        "role_cache_size" if path.ends_with("/config") => json!(200),
        _ => return None,
    })
}

/// What puts a field back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Default {
    /// This value.
    Is(Value),
    /// Not naming it.
    LeaveOut,
    /// Nothing that a write could do.
    None,
    /// Nobody has measured it.
    NotKnown,
}

/// Whether a field that is put back to its default, or changed, keeps fewer people out.
pub(crate) fn widens(field: &str) -> bool {
    field.starts_with("bound_")
        || field.starts_with("allowed_")
        || field.starts_with("disallowed_")
        || field.starts_with("ocsp_")
        || field.ends_with("_cidrs")
        || field.ends_with("cidr_list")
        || field.ends_with("filter")
        || matches!(
            field,
            "audience"
                | "path"
                | "bind_secret_id"
                | "required_extensions"
                | "disabled"
                | "user_lockout_config"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::kind::{MERGED, MOUNT, REPLACED};

    #[test]
    fn a_field_goes_back_to_its_default_by_its_name_or_its_type() {
        let default = |field: &str, made: Value| MERGED.default_of("auth/a/role/b", field, &made);
        let is = |value: Value| Default::Is(value);
        assert_eq!(default("token_ttl", json!(900)), is(json!(0)));
        assert_eq!(default("token_policies", json!(["a"])), is(json!([])));
        assert_eq!(default("bound_claims", json!({"a": 1})), is(json!({})));
        assert_eq!(default("bind_secret_id", json!(false)), is(json!(true)));
        assert_eq!(default("token_type", json!("batch")), is(json!("default")));
        assert_eq!(
            default("bound_claims_type", json!("glob")),
            Default::LeaveOut
        );
        assert_eq!(default("local_secret_ids", json!(true)), Default::None);
        assert_eq!(default("nobody_knows_it", json!(1)), Default::NotKnown);
        let tune = MOUNT.default_of("sys/auth/a/tune", "default_lease_ttl", &json!(60));
        assert_eq!(tune, is(json!(0)));
        let tune = MOUNT.default_of("sys/auth/a/tune", "token_type", &json!("batch"));
        assert_eq!(tune, is(json!("default-service")));
        assert_eq!(REPLACED.default_of("a", "b", &json!(1)), Default::LeaveOut);
        let kept = REPLACED.default_of("auth/a/config", "namespace_in_state", &json!(false));
        assert_eq!(kept, is(json!(true)));
        let path = "identity/mfa/method/duo/push";
        let kept = REPLACED.default_of(path, "username_format", &json!("a"));
        assert_eq!(kept, is(json!("")));
        let cluster = MERGED.default_of("pki/config/cluster", "aia_path", &json!("http://a"));
        assert_eq!(cluster, Default::None);
    }
}
