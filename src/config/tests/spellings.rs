//! Words that no server has, each with what was probably meant.

use super::{edited, load_text, refused, with};

const BROKEN: &str = r#"
- policies:
+ secrets: {kv: {type: kv2}}
+ policies:
> 19: secrets.kv.type: no server has a type `kv2`; did you mean `kv-v2`?
- policies:
+ secrets: {db: {type: postgresql}}
+ policies:
> 19: secrets.db.type: no server has a type `postgresql`; did you mean `database`?
- policies:
+ secrets: {db: {type: databse}}
+ policies:
> 19: secrets.db.type: no server has a type `databse`; did you mean `database`?
-   approle:
+   k8s: {}
+   approle:
> 16: auth.k8s: the path is the type, and no server has one `k8s`; did you mean `type: kubernetes`?
-   approle:
+   people: {type: user-pass}
+   approle:
> 16: auth.people.type: no server has a type `user-pass`; did you mean `userpass`?
-       backup: {token_ttl: 20m}
+       backup: {ttl: 20m}
> 18: auth.approle.roles.backup.ttl: unknown key `ttl`; did you mean `token_ttl`?
-       backup: {token_ttl: 20m}
+       backup: {policies: reader}
> 18: auth.approle.roles.backup.policies: unknown key `policies`; did you mean `token_policies`?
-       backup: {token_ttl: 20m}
+       backup: {bound_cidrs: 10.0.0.0/8}
> 18: auth.approle.roles.backup.bound_cidrs: unknown key `bound_cidrs`; did you mean `token_bound_cidrs`?
-   approle:
+   oidc: {config: {discovery_url: "https://a"}}
+   approle:
> 16: auth.oidc.config.discovery_url: unknown key `discovery_url`; did you mean `oidc_discovery_url`?
-   approle:
+   cert: {tune: {default_ttl: 1h}}
+   approle:
> 16: auth.cert.tune.default_ttl: unknown key `default_ttl`; did you mean `default_lease_ttl`?
-   approle:
+   cert: {roles: {web: {certificate: a, ttl: 1h}}}
+   approle:
> 16: auth.cert.roles.web.ttl: an old name; did you mean `token_ttl`?
- policies:
+ writes: [{path: auth/token/roles/r, data: {period: 1h}}]
+ policies:
> 19: writes[0].data.period: an old name; did you mean `token_period`?
- policies:
+ writes: [{path: auth/approle/roles/other, data: {token_ttl: 1h}}]
+ policies:
> 19: writes[0].path: did you mean `auth/approle/role/other`?
- policies:
+ writes: [{path: auth/userpass/user/ben, data: {token_ttl: 1h}}]
+ policies:
> 19: writes[0].path: did you mean `auth/userpass/users/ben`?
- policies:
+ writes: [{path: auth/token/role/r, data: {token_period: 1h}}]
+ policies:
> 19: writes[0].path: did you mean `auth/token/roles/r`?
- policies:
+ secrets: {pki: {type: pki}}
+ writes: [{path: pki/role/web, data: {max_ttl: 1h}}]
+ policies:
> 20: writes[0].path: did you mean `pki/roles/web`?
- policies:
+ secrets: {t: {type: transit}}
+ writes: [{path: t/key/a, data: {type: ed25519}}]
+ policies:
> 20: writes[0].path: did you mean `t/keys/a`?
- policies:
+ secrets: {db: {type: database}}
+ writes: [{path: db/connection/pg, data: {plugin_name: p}}]
+ policies:
> 20: writes[0].path: did you mean `db/config/pg`?
- policies:
+ secrets: {kv: {type: kv-v2}}
+ writes: [{path: kv/app, data: {data: {a: b}}}]
+ policies:
> 20: writes[0].path: `kv` is `kv` with versions; did you mean `kv/data/app`?
- logins:
-   ada: {auth: userpass, username: ada, password: {file: /run/secrets/ada}}
+ secrets: {kv: {type: kv-v2}}
+ logins:
+   ada: {auth: userpass, username: ada, password: {file: /run/secrets/ada}, can: {kv/team/x: [read]}}
> 23: logins.ada.can."kv/team/x": `kv` is `kv` with versions; did you mean `kv/data/team/x`?
- policies:
+ secrets: {kv: {type: kv, options: {version: "2"}}}
+ writes: [{path: kv/data/app, data: {a: b}}]
+ policies:
> 20: writes[0].data: missing key `data`: a value of `kv` with versions is `data: {data: {…}}`
- policies:
+ writes: [{path: sys/mounts/more, data: {type: kv}}]
+ policies:
> 19: writes[0].path: `secrets` mounts; put it there
- policies:
+ writes: [{path: identity/groups/ops, data: {policies: reader}}]
+ policies:
> 19: writes[0].path: did you mean `identity/group/name/ops`?
"#;

/// With the line alone.
fn without_column(problem: &str) -> String {
    let parts: Vec<_> = problem.splitn(3, ':').collect();
    format!("{}:{}", parts[0], parts[2])
}

#[test]
fn a_word_that_no_server_has_is_refused_with_the_one_that_was_meant() {
    for (text, expected) in edited(BROKEN) {
        let found = refused(&text);
        assert!(
            found
                .iter()
                .any(|problem| without_column(problem).starts_with(expected)),
            "{expected}\n{found:#?}"
        );
    }
}

#[test]
fn what_a_login_may_not_is_a_path_that_the_server_asks_a_policy_for() {
    let of = |path: &str| {
        let text = with(
            "policies:",
            "secrets: {kv: {type: kv-v2}, old: {type: kv}}\npolicies:",
        );
        let login = "username: ada, password: {file: /run/secrets/ada}";
        assert_eq!(text.matches(login).count(), 1, "{text}");
        load_text(&text.replace(login, &format!("{login}, cannot: {{{path}: [read]}}")))
    };
    for path in [
        "kv/data/a",
        "kv/metadata/a",
        "kv/config",
        "old/a",
        "other/a",
    ] {
        of(path).unwrap_or_else(|found| panic!("{path}: {found:?}"));
    }
    assert!(of("kv/a").is_err());
}

#[test]
fn a_plugin_may_be_called_like_a_type_with_something_after_it() {
    for mount in [
        "secrets: {a: {type: database-of-ours}}",
        "secrets: {a: {type: kvstore}}",
        "secrets: {a: {type: vault-plugin-x}}",
    ] {
        load_text(&with("policies:", &format!("{mount}\npolicies:"))).unwrap();
    }
}
