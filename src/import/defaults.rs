//! What a field is where nobody has set it: such fields make a file long and say nothing.
//!
//! Measured on OpenBao 2.6.2 and 2.7.2; of Vault by its documentation. A default that is not known costs a line in the file,
//! since what is not empty is written.

use serde_json::{Value, json};

use crate::desired::defaults::stated;
use crate::span;

/// Whether nobody has set it.
pub(super) fn is_default(kind: &str, path: &str, field: &str, value: &Value) -> bool {
    match of_kind(kind, field).or_else(|| stated(path, field)) {
        Some(own) => *value == own || value.is_null() || is_same_time(&own, value),
        None => is_empty(value),
    }
}

/// A time that one product has as text and the other as seconds.
fn is_same_time(own: &Value, value: &Value) -> bool {
    let time = own.as_str().and_then(span::read);
    time.is_some_and(|time| value.as_u64() == Some(time.as_secs()))
}

/// Nothing, as every type has it.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// Of kinds whose defaults are not those of other documents.
fn of_kind(kind: &str, field: &str) -> Option<Value> {
    Some(match (kind, field) {
        (
            "pki/roles",
            "allow_ip_sans"
            | "allow_localhost"
            | "allow_wildcard_certificates"
            | "client_flag"
            | "server_flag"
            | "enforce_hostnames"
            | "require_cn"
            | "use_csr_common_name"
            | "use_csr_sans",
        )
        | ("config/jwt", "namespace_in_state")
        | ("config/kubernetes", "disable_iss_validation") => json!(true),
        ("pki/roles", "cn_validations") => json!(["email", "hostname"]),
        ("pki/roles", "key_usage") => {
            json!(["DigitalSignature", "KeyAgreement", "KeyEncipherment"])
        }
        ("pki/roles", "key_type") => json!("rsa"),
        ("pki/roles", "key_bits") => json!(2048),
        ("pki/roles" | "ssh/roles", "issuer_ref") | ("ssh/roles", "algorithm_signer") => {
            json!("default")
        }
        ("pki/roles" | "ssh/roles", "not_before_duration") => json!(30),
        ("pki/roles", "not_before_bound" | "not_after_bound") => json!("permit"),
        ("pki/roles", "serial_number_source") => json!("json-csr"),
        ("ssh/roles", "port") => json!(22),
        ("pki/auto-tidy", "acme_account_safety_buffer") => json!(2_592_000),
        ("pki/auto-tidy", "page_size") => json!(1000),
        ("pki/auto-tidy", "min_startup_backoff_duration") => json!("5m"),
        ("pki/auto-tidy", "max_startup_backoff_duration") => json!("15m"),
        (_, "max_crl_entries") => json!(100_000),
        ("jwt/role", "role_type") => json!("oidc"),
        ("jwt/role", "bound_claims_type") => json!("string"),
        ("jwt/role", "callback_mode") => json!("client"),
        ("database/role", "credential_type") => json!("password"),
        ("group", "type") => json!("internal"),
        ("mfa/totp", "algorithm") => json!("SHA1"),
        ("mfa/totp", "digits") => json!(6),
        ("mfa/totp", "key_size") => json!(20),
        ("mfa/totp", "max_validation_attempts") => json!(5),
        ("mfa/totp", "period") => json!(30),
        ("mfa/totp", "qr_size") => json!(200),
        ("mfa/totp", "skew") => json!(1),
        // Where it is not said, the server leaves it out.
        ("mfa/okta", "production") => json!(true),
        ("mfa/okta", "base_url") => json!("okta.com"),
        ("rate-limit", "interval") => json!(1),
        ("rate-limit", "group_by") => json!("ip"),
        ("quota-config", "rate_limit_exempt_paths") => json!([
            "sys/generate-recovery-token/attempt",
            "sys/generate-recovery-token/update",
            "sys/generate-root/attempt",
            "sys/generate-root/update",
            "sys/health",
            "sys/seal-status",
            "sys/unseal"
        ]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_true_by_default_is_said_where_it_is_false() {
        let path = "pki/roles/a";
        let is = |field: &str, value: Value| is_default("pki/roles", path, field, &value);
        assert!(is("require_cn", json!(true)) && !is("require_cn", json!(false)));
        assert!(is("allow_any_name", json!(false)) && !is("allow_any_name", json!(true)));
        assert!(is("key_bits", json!(2048)) && !is("key_bits", json!(0)));
        let role = |value: Value| is_default("", "auth/approle/role/a", "bind_secret_id", &value);
        assert!(role(json!(true)) && !role(json!(false)));
        let crl = |value: Value| is_default("", "pki/config/crl", "expiry", &value);
        assert!(crl(json!("72h")) && !crl(json!("24h")));
        let tidy = |value: Value| {
            is_default(
                "pki/auto-tidy",
                "pki/config/auto-tidy",
                "min_startup_backoff_duration",
                &value,
            )
        };
        assert!(tidy(json!("5m")) && tidy(json!(300)) && !tidy(json!(301)));
    }
}
