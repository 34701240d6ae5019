//! A file of bank-vaults and what becomes of it, section by section.

use serde_json::Value;

use super::*;
use crate::config::{Config, from_text};
use crate::import::file::FILLED;

/// What no line of ours may ever show.
const SECRET: &str = "planted-4711";

/// The file, and what is said of it.
fn of(text: &str) -> (String, Converted) {
    let made = of_text(text, Path::new("vault-config.yml"), None);
    let (converted, text) = made.unwrap_or_else(|failure| panic!("{failure}"));
    let said = format!("{text}{converted:?}");
    assert!(!said.contains(SECRET), "{said}");
    assert!(converted.left_out.iter().all(|one| one.line > 0), "{said}");
    assert!(converted.to_fill.iter().all(|one| one.line > 0), "{said}");
    (text, converted)
}

/// As this program reads it, once what is missing is filled in.
fn read(text: &str) -> Config {
    let env = |_: &str| Some("https://of.the.environment".to_owned());
    let whole = format!("{text}{FILLED}");
    from_text(&whole, Path::new("x"), Path::new(""), &env)
        .unwrap_or_else(|problems| panic!("{problems}\n{whole}"))
}

fn refused(text: &str) -> String {
    let failure = of_text(text, Path::new("vault-config.yml"), None).map(|(_, text)| text);
    let failure = failure.expect_err("it is refused");
    assert_eq!(failure.exit, Exit::Usage);
    let said = format!("{failure:?}");
    assert!(!said.contains(SECRET), "{said}");
    said
}

/// Each piece of a source, parts that stand in the file, and lines of what is not carried over.
#[track_caller]
fn each(cases: &[(&str, &[&str], &[&str])]) {
    for (source, parts, left) in cases {
        let (text, converted) = of(source);
        read(&text);
        for part in *parts {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let found: Vec<_> = converted.left_out.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), left.len(), "{source}\n{found:#?}");
        for part in *left {
            assert!(
                found.iter().any(|one| one.contains(part)),
                "{part}\n{found:#?}"
            );
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}

#[test]
fn policies_are_carried_over_as_text_as_a_map_and_with_accessors() {
    each(&[
        (
            "policies:\n  - name: Reader\n    rules: |\n      path \"a/*\" {\n        capabilities = [\"read\"]\n      }\n",
            &["  reader:\n    rules: |\n      path \"a/*\" {\n"],
            &[],
        ),
        (
            "policies:\n  - name: a\n    rules: path \"a\" {\n             capabilities = [\"read\"]\n           }\n",
            &["rules: \"path \\\"a\\\" { capabilities = [\\\"read\\\"] }\""],
            &[],
        ),
        (
            "policies:\n  - name: a\n    rules: {path: {\"a/*\": {capabilities: [read, list]}}}\n",
            &["\"a/*\": {\n", "\"capabilities\": [\n"],
            &[],
        ),
        (
            "policies:\n  - {name: a, rules: 'path \"x/{{identity.entity.aliases.__accessor__k8s_two.name}}\" {}'}\n\
             auth:\n  - {type: approle, path: k8s}\n  - {type: approle, path: k8s_two}\n",
            &["aliases.accessor(auth/k8s_two).name"],
            &[],
        ),
        (
            "policies:\n  - {name: a, rules: 'x __accessor__nowhere'}\n  - {name: b, rules: \"${ file `/b` }\"}\n\
             \u{20} - {name: c, rules: [1]}\n  - {name: d}\n  - {rules: x}\n  - text\n  - {name: e, rules: 'path \"e\" {}', odd: 1}\n",
            &["  e:\n"],
            &[
                "line 2: sys/policies/acl/a: it names the accessor",
                "line 3: sys/policies/acl/b: a template stands in its rules",
                "line 4: sys/policies/acl/c: `rules` is neither",
                "line 5: sys/policies/acl/d: it has no `rules`",
                "line 6: policies[4]: it has no `name`",
                "line 7: policies[5]: a map belongs here, and it is a text",
                "line 8: sys/policies/acl/e: odd: this key has no place",
            ],
        ),
    ]);
}

#[test]
fn auth_methods_with_a_model_have_their_roles_by_the_names_of_today() {
    each(&[
        (
            "auth:\n  - type: kubernetes\n    path: k8s/\n    description: of pods\n    options: {default_lease_ttl: 1h, odd: 1}\n    \
             config: {kubernetes_host: \"https://k\", token_reviewer_jwt: planted-4711, disable_iss_validation: \"true\"}\n    \
             roles:\n      - {name: app, bound_service_account_names: a, bound_service_account_namespaces: [b], policies: [p], ttl: 1h}\n",
            &[
                "  k8s:\n    type: kubernetes\n    description: \"of pods\"\n    tune:\n      default_lease_ttl: \"1h\"\n",
                "      token_reviewer_jwt: {file: TO-BE-FILLED/auth/k8s/config.token_reviewer_jwt}\n      disable_iss_validation: true\n",
                "        token_policies: [p]\n        token_ttl: \"1h\"\n",
            ],
            &["sys/auth/k8s/tune: odd: this key has no place"],
        ),
        (
            "auth:\n  - type: kubernetes\n    config: {issuer: x}\n",
            &["  kubernetes:"],
            &["line 3: auth/kubernetes/config: without kubernetes_host bank-vaults takes"],
        ),
        (
            "auth:\n  - type: oidc\n    config:\n      oidc_discovery_url: https://sso\n      oidc_client_id: ${env `CLIENT`}\n      \
             oidc_client_secret: ${env `CLIENT_SECRET`}\n    roles:\n      - name: a\n        user_claim: email\n        \
             bound_claims: {groups: [x]}\n        odd: 1\n",
            &[
                "      oidc_client_id: ${CLIENT}\n      oidc_client_secret: {env: CLIENT_SECRET}\n",
                "        bound_claims:\n          groups: [x]\n",
            ],
            &["auth/oidc/role/a: odd: this key has no place"],
        ),
        (
            "auth:\n  - type: approle\n    config: {a: b}\n    roles:\n      - {name: ci, period: 1h, token_period: 2h, policies: a}\n      - {name: ci}\n",
            &["      ci:\n        token_period: \"2h\"\n        token_policies: a\n"],
            &[
                "auth/approle: config: bank-vaults does not read it of type approle",
                "auth/approle/role/ci: period: token_period stands there too",
                "line 6: auth/approle/role/ci: it stands on line 5 already",
            ],
        ),
        (
            "auth:\n  - type: userpass\n    users:\n      - {username: ada, password: planted-4711, token_policies: a}\n      - {username: \"\", password: x}\n",
            &[
                "      ada:\n        password: {file: TO-BE-FILLED/auth/userpass/users/ada.password}\n",
            ],
            &["line 5: auth/userpass: users: `username` is no name"],
        ),
        (
            "auth:\n  - type: token\n    roles:\n      - {name: batch, allowed_policies: a, period: 1h, orphan: true}\n",
            &[
                "  - path: auth/token/roles/batch\n    data:\n      allowed_policies: a\n      token_period: \"1h\"\n      orphan: true\n",
            ],
            &[],
        ),
    ]);
}

#[test]
fn auth_methods_without_a_model_are_written_where_bank_vaults_writes_them() {
    each(&[
        (
            "auth:\n  - type: github\n    config: {organization: acme}\n    map:\n      teams: {dev: [a, b]}\n      users: {ada: ops}\n",
            &[
                "    config:\n      organization: acme\n",
                "  - path: auth/github/map/teams/dev\n    data:\n      value: [a, b]\n",
                "  - path: auth/github/map/users/ada\n    data:\n      value: ops\n",
            ],
            &[],
        ),
        (
            "auth:\n  - type: ldap\n    config: {url: \"ldaps://l\", bindpass: planted-4711}\n    groups: {dev: {policies: a}}\n    \
             users: {ada: {groups: dev, policies: b}}\n",
            &[
                "      bindpass: {file: TO-BE-FILLED/auth/ldap/config.bindpass}\n",
                "    roles:\n      dev:\n        policies: a\n    users:\n      ada:\n        groups: dev\n        policies: b\n",
            ],
            &[],
        ),
        (
            "auth:\n  - type: aws\n    config: {access_key: AKIA-planted-4711, secret_key: planted-4711, endpoint: \"https://e\"}\n    \
             crossaccountrole:\n      - {sts_account: 123456789012, sts_role: arn}\n    roles:\n      - {name: dev, auth_type: iam, policies: a, period: 1h}\n",
            &[
                "  - path: auth/aws/config/client\n    data:\n      access_key: {file: TO-BE-FILLED/auth/aws/config/client.access_key}\n",
                "  - path: auth/aws/config/sts/123456789012\n    data:\n      sts_role: arn\n",
                "      dev:\n        auth_type: iam\n        token_policies: a\n        token_period: \"1h\"\n",
            ],
            &[],
        ),
        (
            "auth:\n  - type: gcp\n    config: {credentials: \"{ private_key: -----BEGIN PRIVATE KEY-----planted-4711 }\"}\n    \
             roles: [{name: g, type: iam, policies: p}]\n  - type: azure\n    config: {tenant_id: t, resource: r}\n    roles: [{name: z, ttl: 5m}]\n  \
             - type: cert\n    roles: [{name: c, certificate: x, ttl: 5m}]\n  - type: okta\n    config: {org_name: o}\n    groups: {g: {policies: [p]}}\n",
            &[
                "credentials: {file: TO-BE-FILLED/auth/gcp/config.credentials}",
                "      z:\n        token_ttl: \"5m\"\n",
                "      c:\n        certificate: x\n        token_ttl: \"5m\"\n",
                "  - path: auth/okta/groups/g\n",
            ],
            &[],
        ),
        (
            "auth:\n  - {type: radius}\n  - {type: github, roles: [{name: a}], usersOrGroupsKey: x, users: [1]}\n  - {path: a}\n  - {type: \"${env `T`}\"}\n",
            &["  github:"],
            &[
                "line 2: auth/radius: bank-vaults knows no auth method of type radius",
                "auth/github: roles: bank-vaults does not read it",
                "auth/github: users: bank-vaults does not read it",
                "auth/github: usersOrGroupsKey: this key has no place",
                "line 4: auth[2]: it has no `type`",
                "line 5: auth[3]: `type` has a template in it",
            ],
        ),
    ]);
}

#[test]
fn engines_have_their_configuration_as_writes_and_what_others_need_comes_first() {
    each(&[
        (
            "secrets:\n  - type: kv\n    path: secret\n    description: of all\n    options: {version: 2}\n    config: {max_lease_ttl: 24h}\n    \
             configuration: {config: [{max_versions: 9}]}\n  - {type: kv, path: few, options: {version: 2}, max_versions: 3, local: true}\n",
            &[
                "    type: kv\n    description: \"of all\"\n    options:\n      version: \"2\"\n    tune:\n      max_lease_ttl: \"24h\"\n",
                "  - path: secret/config\n    data:\n      max_versions: 9\n",
                "    local: true\n    options:\n      version: \"2\"\n    config:\n      max_versions: 3\n",
            ],
            &[],
        ),
        (
            "secrets:\n  - type: pki\n    configuration:\n      roles: [{name: web, allowed_domains: [a, b]}]\n      \
             root/generate: [{name: internal, common_name: ca, create_only: true}]\n      config: [{name: urls, issuing_certificates: \"https://v\"}]\n",
            &[
                "writes:\n  - path: pki/config/urls\n    data:\n      issuing_certificates: \"https://v\"\n  \
                 - path: pki/root/generate/internal\n    data:\n      common_name: ca\n  - path: pki/roles/web\n    data:\n      allowed_domains: [a, b]\n",
            ],
            &[],
        ),
        (
            "secrets:\n  - type: database\n    configuration:\n      config:\n        - name: main\n          plugin_name: postgresql-database-plugin\n          \
             connection_url: \"postgresql://{{username}}:{{password}}@db/x\"\n          username: ${env `DB_USER`}\n          \
             password: ${ file `/run/secrets/db` }\n          rotate: true\n        - {name: other, connection_url: \"ada:planted-4711@tcp(d)/\"}\n        \
             - {name: third, password: \"x-${env `DB`}\"}\n",
            &[
                "      connection_url: \"postgresql://{{username}}:{{password}}@db/x\"\n      username: {env: DB_USER}\n      password: {file: /run/secrets/db}\n",
                "      connection_url: {file: TO-BE-FILLED/database/config/other.connection_url}\n",
                "      password: {file: TO-BE-FILLED/database/config/third.password}\n",
            ],
            &["line 10: database/config/main: rotate: bank-vaults rotates it afterwards"],
        ),
        (
            "secrets:\n  - type: plugin\n    plugin_name: wallet\n    path: eth\n    configuration:\n      x: [{name: a, save_to: kv/b, create_only: true}]\n      \
             y: {a: b}\n      z: [{name: a, data: {file: b}}]\n      roles: [{name: t, allowed_domains: \"__accessor__a\"}]\n  - {type: ssh, seal_wrap: maybe, odd: 1}\n",
            &["  eth:\n    type: wallet\n", "  - path: eth/x/a\n"],
            &[
                "eth/x/a: save_to: bank-vaults keeps the answer there",
                "eth/x/a: create_only: bank-vaults writes it once",
                "line 7: eth/y: a list belongs here, and it is a map",
                "eth/z/a: data: it would read as a reference to a secret",
                "eth/roles/t: allowed_domains: it names an accessor",
                "sys/mounts/ssh: seal_wrap: neither true nor false",
                "secrets: ssh: odd: this key has no place",
            ],
        ),
    ]);
}

#[test]
fn audit_devices_groups_and_their_aliases_are_carried_over() {
    each(&[
        (
            "audit:\n  - {type: file, description: log, options: {file_path: /a, mode: \"0600\", hmac_accessor: false}}\n  - {type: syslog, path: two}\n  \
             - {type: file, path: raw, options: {file_path: /b, log_raw: true}}\n",
            &[
                "  file:\n    type: file\n    description: log\n    options:\n      file_path: /a\n      mode: \"0600\"\n      hmac_accessor: false\n",
                "  two:\n    type: syslog\n",
            ],
            &["line 4: sys/audit/raw: `log_raw` writes every secret in clear"],
        ),
        (
            "groups:\n  - {name: dev, type: external, policies: [a], metadata: {floor: 3}}\n  - {name: ops, type: external, policies: \"a, b\"}\n\
             auth:\n  - {type: jwt}\n  - {type: approle}\n\
             group-aliases:\n  - {name: Dev, mountpath: jwt, group: dev}\n  - {name: D, mountpath: jwt, group: dev}\n  \
             - {name: o, mountpath: approle, group: ops}\n  - {name: o, mountpath: no-one, group: ops}\n  - {name: o, mountpath: jwt, group: x}\n  - {name: o}\n",
            &[
                "identity:\n  groups:\n    dev:\n      type: external\n      policies: [a]\n      metadata:\n        floor: \"3\"\n      \
                 alias:\n        auth: jwt\n        name: Dev\n    ops:\n      type: external\n      policies: [a, b]\n",
            ],
            &[
                "line 9: identity/group/name/dev/alias: a group has one alias",
                "line 10: identity/group/name/ops/alias: approle knows no groups",
                "line 11: identity/group/name/ops/alias: the file has no auth method no-one",
                "line 12: identity/group/name/x/alias: there is no such group",
                "line 13: group-aliases[5]: it has no `mountpath`",
                "line 13: group-aliases[5]: it has no `group`",
            ],
        ),
    ]);
}

#[test]
fn every_value_of_a_startup_secret_is_a_secret() {
    each(&[
        (
            "startupSecrets:\n  - type: kv\n    path: secret/data/app\n    data:\n      data: {user: planted-4711, deep: {n: 4711, ok: true}, from: \"${env `APP`}\"}\n      \
             options: {cas: 0}\n  - {type: kv, path: old/app, data: {data: {a: planted-4711}}}\n\
             secrets:\n  - {type: kv, path: secret, options: {version: 2}}\n  - {type: kv, path: old, options: {version: 1}}\n",
            &[
                "  - path: secret/data/app\n    data:\n      data:\n        user: {file: TO-BE-FILLED/secret/data/app.data.user}\n        \
                 deep:\n          n: {file: TO-BE-FILLED/secret/data/app.data.deep.n}\n          ok: {file: TO-BE-FILLED/secret/data/app.data.deep.ok}\n        \
                 from: {env: APP}\n      options:\n        cas: 0\n",
                "  - path: old/app\n    data:\n      a: {file: TO-BE-FILLED/old/app.a}\n",
            ],
            &[],
        ),
        (
            "startupSecrets:\n  - {type: kv, path: s/data/a, data: {secretKeyRef: [{name: n, key: k}]}}\n  \
             - {type: pki, path: pki/config/ca, data: {data: {c: planted-4711, k: planted-4711}}}\n  - {type: pki, path: pki/x}\n  \
             - {type: odd, path: y, data: {}}\n  - {type: kv, path: s/data/a, data: {data: {b: c}}}\n",
            &[
                "  - path: s/data/a\n    data:\n      data:\n        k: {file: TO-BE-FILLED/s/data/a.data.k}\n",
                "  - path: pki/config/ca\n    data:\n      pem_bundle: {file: TO-BE-FILLED/pki/config/ca.pem_bundle}\n",
            ],
            &[
                "line 4: pki/x: it has no `data`",
                "line 5: y: bank-vaults knows no startup secret of type odd",
                "line 6: s/data/a: it stands on line 2 already",
            ],
        ),
    ]);
}

#[test]
fn what_has_no_place_is_named_with_its_line_and_nothing_is_dropped_in_silence() {
    each(&[
        (
            "purgeUnmanagedConfig: {enabled: true, exclude: {audit: true}}\nplugins:\n  - {plugin_name: wallet, type: secret, sha256: x, command: y}\n\
             quotas: [1]\nauth:\n",
            &[],
            &[
                "line 1: purgeUnmanagedConfig: this program deletes nothing",
                "line 3: sys/plugins/catalog: wallet: register it yourself",
                "line 4: the configuration: quotas: this key has no place",
            ],
        ),
        ("purgeUnmanagedConfig: {enabled: false}\n", &[], &[]),
        (
            "policies: {a: b}\nsecrets: 1\naudit: []\n",
            &[],
            &[
                "line 1: policies: a list belongs here, and it is a map",
                "line 2: secrets: a list belongs here, and it is a number",
            ],
        ),
        (
            "secrets:\n  - {type: kv, \"${env `K`}\": 1, options: {version: yes}}\n",
            &[],
            &[
                "line 2: a name with a template in it: this key has no place",
                "options.version: bank-vaults may read this word as true or false",
                "line 2: sys/mounts/kv: expected \"1\" or \"2\"",
            ],
        ),
    ]);
}

#[test]
fn a_resource_of_the_operator_is_read_among_others_and_what_it_says_of_servers_is_named() {
    let inner = "    policies: [{name: a, rules: 'path \"a\" {}'}]\n";
    let text = format!(
        "kind: Service\n---\napiVersion: vault.banzaicloud.com/v1alpha1\nkind: Vault\nmetadata: {{name: v}}\nspec:\n  size: 1\n  externalConfig:\n{inner}"
    );
    each(&[(
        &text,
        &["policies:\n  a:\n"],
        &[
            "line 1: a document",
            "line 7: spec.size: it is about how servers are run",
        ],
    )]);
    let text = format!("externalConfig:\n{inner}size: 1\n");
    each(&[(&text, &["  a:\n"], &["line 3: size"])]);
}

#[test]
fn anchors_are_followed_and_odd_files_are_refused_with_their_line() {
    each(&[(
        "x-common: &c {ttl: 1h, policies: [p]}\nauth:\n  - type: approle\n    roles:\n      - {<<: *c, name: a}\n      - {<<: *c, name: b}\n",
        &[
            "      a:\n        token_ttl: \"1h\"\n        token_policies: [p]\n      b:\n        token_ttl: \"1h\"\n",
        ],
        &["line 1: the configuration: x-common: this key has no place"],
    )]);
    let deep = format!("secrets: {}", "[".repeat(60));
    let bomb = {
        let mut text = "secrets: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..8 {
            let below = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("b{level}: &a{level} [{below}]\n"));
        }
        text
    };
    for (text, parts) in [
        (
            "",
            &["InputWrong", "vault-config.yml has nothing in it"][..],
        ),
        ("# nothing\n---\n", &["vault-config.yml has nothing in it"]),
        ("- a\n", &["InputWrong", "no external configuration"]),
        ("a: 1\n", &["InputWrong", "no external configuration"]),
        (
            "auth: []\n---\npolicies: []\n",
            &["vault-config.yml:2", "second document"],
        ),
        (
            "auth:\n  - {type: a, type: b}\n",
            &["vault-config.yml:2", "duplicate key"],
        ),
        ("auth: [\n", &["not YAML"]),
        ("auth: !x []\n", &["vault-config.yml:1", "tags"]),
        (
            "auth:\n  - config: {password: planted-4711, mode: 0600}\n",
            &["vault-config.yml:2", "leading zero"],
        ),
        (
            "auth:\n${ if true }\n",
            &["vault-config.yml:2", "a template decides here"],
        ),
        ("auth: ${ env `A`\n", &["vault-config.yml:1", "without `}`"]),
        (&deep, &["inside each other"]),
        (&bomb, &["more than 500000 values"]),
    ] {
        let said = refused(text);
        for part in parts {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }
}

#[test]
fn the_file_says_what_is_missing_and_has_the_cluster_where_it_was_typed() {
    let (text, _) = of("policies: []\n");
    assert!(text.contains("# cluster: {name: vault"), "{text}");
    let connection = crate::import::Connection {
        address: "https://vault.internal:8200".into(),
        ..Default::default()
    };
    let cluster = connection.config().expect("a cluster");
    let made = of_text("policies: []\n", Path::new("x"), Some(&cluster));
    let (_, text) = made.expect("a file");
    let own = "\ncluster:\n  name: vault.internal\n  address: \"https://vault.internal:8200\"\n";
    assert!(text.contains(own) && !text.contains("# cluster"), "{text}");
    assert!(
        text.contains("# init:\n")
            && text.contains("# checkpoint: {path: .vault-bootstrap/vault.internal")
    );
    // Taken out of their remarks, the lines are those of a file.
    let mut filled: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(':') && !rest.contains("TO BE") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    filled = filled.replace("age1…", "age1-of-somebody");
    let problems = from_text(&filled, Path::new("x"), Path::new(""), &|_| None);
    let problems = problems.expect_err("userpass and its operator are missing");
    let all: Vec<_> = problems.list.iter().map(ToString::to_string).collect();
    assert!(
        all.iter().all(|one| one.contains("logins.operator")),
        "{all:?}"
    );
}

#[test]
fn every_entry_is_counted_and_what_is_to_be_filled_says_where() {
    let (_, converted) = of(
        "auth:\n  - type: userpass\n    users:\n      - username: ada\n        password: planted-4711\n",
    );
    assert_eq!(converted.entries, 2);
    let json: Value = serde_json::to_value(&converted).expect("plain data");
    assert_eq!(json["to_fill"][0]["line"], 5, "{json}");
    assert_eq!(json["to_fill"][0]["path"], "auth/userpass/users/ada");
    assert_eq!(json["from"], "bank-vaults");
}
