//! Sections with what becomes of each.

use super::each;

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
             oidc_client_secret: ${env `CLIENT_SECRET`}\n    roles:\n      - name: a\n        user_claim: email\n        allowed_redirect_uris: [\"http://localhost:8250/oidc/callback\"]\n        \
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
        (
            "plugins:\n  - {plugin_name: wallet, command: wallet --chain=main -v, type: secret, odd: 1,\n     \
             sha256: 275239824e00e61b0a220e61a41791c7e9b4bd726f8b0c27077a338f8131c9dc}\n  - {plugin_name: door, command: door, type: auth, version: v1.0.0,\n     \
             sha256: 275239824e00e61b0a220e61a41791c7e9b4bd726f8b0c27077a338f8131c9dc}\n  - {plugin_name: x, command: x, type: unknown}\n",
            &[
                "plugins:\n  auth:\n    door:\n      command: door\n",
                "  secret:\n    wallet:\n      command: wallet\n",
                "--chain=main",
            ],
            &[
                "line 2: sys/plugins/catalog/secret/wallet: odd: this key has no place",
                "line 6: sys/plugins/catalog/unknown/x: no server has a plugin of this type",
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
