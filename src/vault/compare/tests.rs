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

/// The rows of a table: what is between the bars, without the blanks around it.
fn rows<const N: usize>(table: &str) -> impl Iterator<Item = [&str; N]> {
    let lines = table.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        cells.try_into().expect(line)
    })
}

/// A field of this value; without one nothing at all.
fn field(name: &str, value: &str) -> serde_json::Value {
    if value.is_empty() {
        return json!({});
    }
    json!({ name: serde_json::from_str::<serde_json::Value>(value).expect(value) })
}

/// The rule, the field, the file's value and the server's, both as JSON.
const THE_SAME: &str = r#"
    durations             | token_ttl             | "8h"                  | 28800
    sums                  | token_max_ttl         | "1h30m"               | 5400
    seconds as text       | token_period          | "30"                  | 30
    seconds               | max_age               | 3600                  | 3600
    leeway                | clock_skew_leeway     | -1                    | -1
    zero                  | token_ttl             | ""                    | 0
    comma string          | token_policies        | "b, a"                | ["a", "b"]
    order                 | token_policies        | ["b", "a"]            | ["a", "b"]
    twice                 | policies              | ["a", "a"]            | ["a"]
    case                  | policies              | ["Ops"]               | ["ops"]
    list as string        | oidc_scopes           | ["a", "b"]            | "b,a"
    one for a list        | bound_audiences       | "vault"               | ["vault"]
    redirects             | allowed_redirect_uris | ["http://b", "http://a"] | ["http://a", "http://b"]
    no list               | bound_audiences       | []                    | null
    no map                | bound_claims          | {}                    | null
    null                  | bound_subject         | null                  | ""
    empty and absent      | groups_claim          | ""                    |
    cidr                  | token_bound_cidrs     | ["10.0.0.1/32", "10.1.0.0/16"] | ["10.1.0.0/16", "10.0.0.1"]
    cidr 6                | token_bound_cidrs     | "::1/128"             | ["::1"]
    token type            | token_type            | ""                    | "default"
    role name             | default_role          | "Operator"            | "operator"
    number as text        | token_num_uses        | "3"                   | 3
    bool as text          | options               | {"log_raw": false}    | {"log_raw": "false"}
    version               | options               | {"version": 2}        | {"version": "2"}
    added options         | options               | {"file_path": "/a"}   | {"file_path": "/a", "path": "/a"}
    pem                   | kubernetes_ca_cert    | "-----BEGIN X-----\r\nAA\r\n-----END X-----\r\n" | "-----BEGIN X-----\nAA\n-----END X-----"
    order of claims       | bound_claims          | {"groups": ["b", "a"]}  | {"groups": ["a", "b"]}
    one claim for a list  | bound_claims          | {"hd": "x.com", "email_verified": true} | {"email_verified": true, "hd": ["x.com"]}
    not wanted            | token_ttl             |                       | 5
    durations by their look | delete_version_after | "1h"                 | "1h0m0s"
    seconds by their look | delete_version_after  | 90                    | "1m30s"
    list of maps          | jwks_pairs            | [{"jwks_url": "a"}]   | [{"jwks_url": "a", "jwks_ca_pem": ""}]
"#;

#[test]
fn the_same_in_the_servers_writing_is_the_same() {
    for [rule, name, want, have] in rows(THE_SAME) {
        let comparison = compare(&field(name, want).into(), &field(name, have));
        assert_eq!(comparison, Comparison::default(), "{rule}");
    }
    let old_names = json!({"policies": ["a"], "ttl": "1h"});
    let new_names = json!({"token_policies": ["a"], "token_ttl": 3600});
    let comparison = compare(&old_names.into(), &new_names);
    assert_eq!(comparison, Comparison::default(), "old names");
}

/// The field, the file's value and the server's, both as JSON, and what is named.
const DIFFERENT: &str = r#"
    token_ttl              | "8h"                     | 3600                     | token_ttl
    token_policies         | ["a"]                    | []                       | token_policies
    token_policies         | []                       | ["a"]                    | token_policies
    token_policies         | ["a"]                    | ["a", "b"]               | token_policies
    bound_claims           | {"hd": "x.com"}          | null                     | bound_claims.hd
    bound_claims           | {}                       | {"hd": "x.com"}          | bound_claims.hd
    bound_claims           | {"hd": "a,b"}            | {"hd": ["a", "b"]}       | bound_claims.hd
    options                | {"log_raw": false}       | {"log_raw": "true"}      | options.log_raw
    disable_iss_validation | true                     | false                    | disable_iss_validation
    token_type             | "batch"                  | "default"                | token_type
    token_type             | "default"                | "batch"                  | token_type
    audience               | "vault"                  |                          | audience
    user_claim             | "Email"                  | "email"                  | user_claim
    token_bound_cidrs      | []                       | ["10.0.0.1"]             | token_bound_cidrs
    jwks_pairs             | [{"a": "1"}, {"a": "2"}] | [{"a": "2"}, {"a": "1"}] | jwks_pairs
"#;

#[test]
fn what_differs_is_named() {
    for [name, want, have, named] in rows(DIFFERENT) {
        let comparison = compare(&field(name, want).into(), &field(name, have));
        assert_eq!(fields(&comparison), [named], "{want} {have}");
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
fn a_mount_of_kv_without_a_version_is_one_of_version_1() {
    let options = |version: &str| Body::from(json!({"options": {"version": version}}));
    let without = json!({"options": {}});
    assert!(compare_tune(&options("1"), &without).is_same());
    assert!(compare_tune(&options("1"), &json!({"options": null})).is_same());
    let second = compare_tune(&options("2"), &without);
    assert_eq!(fields(&second), ["options.version"]);
    let downgraded = compare_tune(&options("1"), &json!({"options": {"version": "2"}}));
    assert_eq!(fields(&downgraded), ["options.version"]);
}

#[test]
fn policies_are_compared_by_their_text() {
    assert!(same_policy("path \"a\" {}\n", "path \"a\" {}"));
    assert!(!same_policy("path \"a\" {}", "path \"b\" {}"));
}
