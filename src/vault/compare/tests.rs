//! One row for each rule by which the servers rewrite what they are given.

use serde_json::json;

use crate::secret::SecretText;
use crate::vault::compare::*;

fn fields(comparison: &Comparison) -> Vec<&str> {
    comparison
        .differences
        .iter()
        .map(|difference| difference.field.as_str())
        .collect()
}

fn secret(text: &str) -> Body {
    SecretText::new(text.into()).into()
}

#[test]
fn the_same_in_the_servers_writing_is_the_same() {
    let rows = [
        (
            "durations",
            json!({"token_ttl": "8h"}),
            json!({"token_ttl": 28800}),
        ),
        (
            "sums",
            json!({"token_max_ttl": "1h30m"}),
            json!({"token_max_ttl": 5400}),
        ),
        (
            "seconds as text",
            json!({"token_period": "30"}),
            json!({"token_period": 30}),
        ),
        (
            "seconds",
            json!({"max_age": 3600}),
            json!({"max_age": 3600}),
        ),
        (
            "leeway",
            json!({"clock_skew_leeway": -1}),
            json!({"clock_skew_leeway": -1}),
        ),
        ("zero", json!({"token_ttl": ""}), json!({"token_ttl": 0})),
        (
            "comma string",
            json!({"token_policies": "b, a"}),
            json!({"token_policies": ["a", "b"]}),
        ),
        (
            "order",
            json!({"token_policies": ["b", "a"]}),
            json!({"token_policies": ["a", "b"]}),
        ),
        (
            "twice",
            json!({"policies": ["a", "a"]}),
            json!({"policies": ["a"]}),
        ),
        (
            "case",
            json!({"policies": ["Ops"]}),
            json!({"policies": ["ops"]}),
        ),
        (
            "list as string",
            json!({"oidc_scopes": ["a", "b"]}),
            json!({"oidc_scopes": "b,a"}),
        ),
        (
            "one for a list",
            json!({"bound_audiences": "vault"}),
            json!({"bound_audiences": ["vault"]}),
        ),
        (
            "redirects",
            json!({"allowed_redirect_uris": ["http://b", "http://a"]}),
            json!({"allowed_redirect_uris": ["http://a", "http://b"]}),
        ),
        (
            "no list",
            json!({"bound_audiences": []}),
            json!({"bound_audiences": null}),
        ),
        (
            "no map",
            json!({"bound_claims": {}}),
            json!({"bound_claims": null}),
        ),
        (
            "null",
            json!({"bound_subject": null}),
            json!({"bound_subject": ""}),
        ),
        ("empty and absent", json!({"groups_claim": ""}), json!({})),
        (
            "cidr",
            json!({"token_bound_cidrs": ["10.0.0.1/32", "10.1.0.0/16"]}),
            json!({"token_bound_cidrs": ["10.1.0.0/16", "10.0.0.1"]}),
        ),
        (
            "cidr 6",
            json!({"token_bound_cidrs": "::1/128"}),
            json!({"token_bound_cidrs": ["::1"]}),
        ),
        (
            "token type",
            json!({"token_type": ""}),
            json!({"token_type": "default"}),
        ),
        (
            "role name",
            json!({"default_role": "Operator"}),
            json!({"default_role": "operator"}),
        ),
        (
            "number as text",
            json!({"token_num_uses": "3"}),
            json!({"token_num_uses": 3}),
        ),
        (
            "bool as text",
            json!({"options": {"log_raw": false}}),
            json!({"options": {"log_raw": "false"}}),
        ),
        (
            "version",
            json!({"options": {"version": 2}}),
            json!({"options": {"version": "2"}}),
        ),
        (
            "added options",
            json!({"options": {"file_path": "/a"}}),
            json!({"options": {"file_path": "/a", "path": "/a"}}),
        ),
        (
            "pem",
            json!({"kubernetes_ca_cert": "-----BEGIN X-----\r\nAA\r\n-----END X-----\r\n"}),
            json!({"kubernetes_ca_cert": "-----BEGIN X-----\nAA\n-----END X-----"}),
        ),
        (
            "claims",
            json!({"bound_claims": {"groups": ["b", "a"], "hd": "x.com", "email_verified": true}}),
            json!({"bound_claims": {"hd": ["x.com"], "groups": ["a", "b"], "email_verified": true}}),
        ),
        (
            "old names",
            json!({"policies": ["a"], "ttl": "1h"}),
            json!({"token_policies": ["a"], "token_ttl": 3600}),
        ),
        ("not wanted", json!({}), json!({"token_ttl": 5})),
        (
            "durations by their look",
            json!({"delete_version_after": "1h"}),
            json!({"delete_version_after": "1h0m0s"}),
        ),
        (
            "seconds by their look",
            json!({"delete_version_after": 90}),
            json!({"delete_version_after": "1m30s"}),
        ),
        (
            "list of maps",
            json!({"jwks_pairs": [{"jwks_url": "a"}]}),
            json!({"jwks_pairs": [{"jwks_url": "a", "jwks_ca_pem": ""}]}),
        ),
    ];
    for (rule, want, have) in rows {
        let comparison = compare(&want.into(), &have);
        assert_eq!(comparison, Comparison::default(), "{rule}");
    }
}

#[test]
fn what_differs_is_named() {
    let rows = [
        (
            json!({"token_ttl": "8h"}),
            json!({"token_ttl": 3600}),
            "token_ttl",
        ),
        (
            json!({"token_policies": ["a"]}),
            json!({"token_policies": []}),
            "token_policies",
        ),
        (
            json!({"token_policies": []}),
            json!({"token_policies": ["a"]}),
            "token_policies",
        ),
        (
            json!({"token_policies": ["a"]}),
            json!({"token_policies": ["a", "b"]}),
            "token_policies",
        ),
        (
            json!({"bound_claims": {"hd": "x.com"}}),
            json!({"bound_claims": null}),
            "bound_claims.hd",
        ),
        (
            json!({"bound_claims": {}}),
            json!({"bound_claims": {"hd": "x.com"}}),
            "bound_claims.hd",
        ),
        (
            json!({"bound_claims": {"hd": "a,b"}}),
            json!({"bound_claims": {"hd": ["a", "b"]}}),
            "bound_claims.hd",
        ),
        (
            json!({"options": {"log_raw": false}}),
            json!({"options": {"log_raw": "true"}}),
            "options.log_raw",
        ),
        (
            json!({"disable_iss_validation": true}),
            json!({"disable_iss_validation": false}),
            "disable_iss_validation",
        ),
        (
            json!({"token_type": "batch"}),
            json!({"token_type": "default"}),
            "token_type",
        ),
        (
            json!({"token_type": "default"}),
            json!({"token_type": "batch"}),
            "token_type",
        ),
        (json!({"audience": "vault"}), json!({}), "audience"),
        (
            json!({"user_claim": "Email"}),
            json!({"user_claim": "email"}),
            "user_claim",
        ),
        (
            json!({"token_bound_cidrs": []}),
            json!({"token_bound_cidrs": ["10.0.0.1"]}),
            "token_bound_cidrs",
        ),
        (
            json!({"jwks_pairs": [{"a": "1"}, {"a": "2"}]}),
            json!({"jwks_pairs": [{"a": "2"}, {"a": "1"}]}),
            "jwks_pairs",
        ),
    ];
    for (want, have, field) in rows {
        let comparison = compare(&want.clone().into(), &have);
        assert_eq!(fields(&comparison), [field], "{want} {have}");
        assert_eq!(comparison.unreadable, [] as [&str; 0], "{want} {have}");
    }
}

#[test]
fn a_difference_shows_both_sides() {
    let comparison = compare(
        &json!({"token_ttl": "8h", "user_claim": "email"}).into(),
        &json!({"token_ttl": 5, "user_claim": ""}),
    );
    let expected = [
        ("token_ttl", "5", "\"8h\""),
        ("user_claim", "(not set)", "\"email\""),
    ];
    for (difference, (field, have, want)) in comparison.differences.iter().zip(expected) {
        assert_eq!(
            (&*difference.field, &*difference.have, &*difference.want),
            (field, have, want)
        );
    }
    assert!(!comparison.is_same());
}

#[test]
fn what_the_server_keeps_back_is_unreadable_and_not_equal_by_guess() {
    let want = Body::Map(vec![
        ("oidc_client_secret".into(), secret("hunter2")),
        ("plugin_name".into(), "x".into()),
        (
            "provider_config".into(),
            Body::map([
                ("provider", Body::from("gsuite")),
                ("key", secret("hunter2")),
            ]),
        ),
    ]);
    let comparison = compare(&want, &json!({"provider_config": {"provider": "gsuite"}}));
    assert_eq!(
        comparison.unreadable,
        ["oidc_client_secret", "plugin_name", "provider_config.key"]
    );
    assert!(comparison.is_same());
}

#[test]
fn a_flag_tells_that_a_secret_is_missing() {
    let want = Body::map([("token_reviewer_jwt", secret("ey"))]);
    let set = compare(&want, &json!({"token_reviewer_jwt_set": true}));
    assert_eq!((set.is_same(), set.unreadable.len()), (true, 1));
    let unset = compare(&want, &json!({"token_reviewer_jwt_set": false}));
    assert_eq!(fields(&unset), ["token_reviewer_jwt"]);
}

#[test]
fn secrets_that_come_back_are_compared_and_never_shown() {
    let pem = "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----";
    let want = Body::Map(vec![
        ("kubernetes_ca_cert".into(), secret(&format!("{pem}\n"))),
        ("pem_keys".into(), Body::List(vec![secret("hunter2")])),
    ]);
    let same = compare(
        &want,
        &json!({"kubernetes_ca_cert": pem, "pem_keys": ["hunter2"]}),
    );
    assert_eq!(same, Comparison::default());
    let other = compare(
        &want,
        &json!({"kubernetes_ca_cert": "hunter3", "pem_keys": ["hunter3"]}),
    );
    assert_eq!(fields(&other), ["kubernetes_ca_cert", "pem_keys"]);
    assert!(!format!("{other:?}").contains("hunter"), "{other:?}");
}

#[test]
fn only_the_servers_own_form_of_a_duration_is_one_whatever_its_name() {
    let differs = |want: serde_json::Value, have| !compare(&want.into(), &have).is_same();
    assert!(differs(json!({"note": "60m"}), json!({"note": "1h"})));
    assert!(differs(json!({"note": "1h"}), json!({"note": "2h0m0s"})));
    assert!(differs(json!({"note": "x"}), json!({"note": "1h0m0s"})));
}

#[test]
fn tuning_knows_the_servers_defaults() {
    let want = json!({"max_lease_ttl": "768h", "default_lease_ttl": 0, "listing_visibility": "hidden",
        "token_type": "default", "audit_non_hmac_request_keys": "b,a"});
    let have = json!({"max_lease_ttl": 2_764_800, "default_lease_ttl": 2_764_800, "token_type": "default-service",
        "audit_non_hmac_request_keys": ["a", "b"]});
    let comparison = compare_tune(&want.into(), &have);
    assert_eq!(fields(&comparison), [] as [&str; 0]);
    assert_eq!(comparison.unreadable, ["default_lease_ttl"]);
    let comparison = compare_tune(&json!({"listing_visibility": "unauth"}).into(), &have);
    assert_eq!(fields(&comparison), ["listing_visibility"]);
}

#[test]
fn policies_are_compared_by_their_text() {
    assert!(same_policy("path \"a\" {}\n", "path \"a\" {}"));
    assert!(!same_policy("path \"a\" {}", "path \"b\" {}"));
}
