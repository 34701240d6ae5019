//! The whole way from a file to its configuration or to its problems.

use std::path::PathBuf;

use super::*;

const EXAMPLE: &str = include_str!("../../bootstrap.example.yaml");

const PRODUCTION: &str = include_str!("tests/production.yaml");

const SMALL: &str = r#"version: 1
cluster: {name: lab, address: "http://127.0.0.1:8200"}
init:
  shares: 2
  threshold: 2
  custodians:
    - {name: alice, age: {recipient: age1alice, file: shares/alice.age}}
    - {name: bob, age: {recipient: age1bob, file: shares/bob.age}}
checkpoint: {path: .vault-bootstrap/lab, key: {identity: keys/checkpoint.agekey}}
audit:
  file: {type: file, options: {file_path: /var/log/audit.log}}
auth:
  userpass:
    users:
      ada: {password: {file: /run/secrets/ada}, token_ttl: 15m}
  approle:
    roles:
      backup: {token_ttl: 20m}
policies:
  reader: {rules: 'path "a" { capabilities = ["read"] }'}
logins:
  ada: {auth: userpass, username: ada, password: {file: /run/secrets/ada}}
  backup: {auth: approle, role_id: abc, secret_id: {env: SECRET_ID}}
break_glass: {logins: [ada, backup]}
"#;

fn env(name: &str) -> Option<String> {
    match name {
        "OIDC_CLIENT_ID" => Some("client".into()),
        "SHARES" => Some("2".into()),
        "HIDDEN" => Some("hunter2".into()),
        _ => None,
    }
}

fn load_text(text: &str) -> Result<Config, Vec<String>> {
    parse(text, Path::new("/etc/vault/bootstrap.yaml"), &env).map_err(|problems| {
        Problems::new("b".into(), problems)
            .list
            .iter()
            .map(ToString::to_string)
            .collect()
    })
}

/// `SMALL` with one text replaced by another.
fn with(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replacen(from, to, 1)
}

#[track_caller]
fn problems_of(text: &str, expected: &[&str]) {
    let found = load_text(text).map(|_| ()).unwrap_err();
    assert_eq!(found, expected, "\n{text}");
}

fn validates(text: &str) -> bool {
    let mut problems = Vec::new();
    let Some(root) = tree::parse(text, &env, &mut problems) else {
        return false;
    };
    jsonschema::validator_for(&schema())
        .unwrap()
        .is_valid(&root.value())
}

#[test]
fn the_small_configuration_is_read() {
    let config = load_text(SMALL).unwrap();
    assert_eq!(config.init.custodians.len(), 2);
    assert_eq!(
        config.checkpoint.path,
        PathBuf::from("/etc/vault/.vault-bootstrap/lab")
    );
    assert_eq!(
        config
            .auth_mount("userpass")
            .unwrap()
            .user("ada")
            .unwrap()
            .get("token_ttl"),
        Some(&Field::String("15m".into()))
    );
    assert_eq!(
        config
            .auth_mount("userpass")
            .unwrap()
            .user("ada")
            .unwrap()
            .get("password"),
        Some(&Field::Secret(SecretRef::File("/run/secrets/ada".into())))
    );
    assert_eq!(config.doors().len(), 2);
    assert!(
        config.revoke_root && config.warnings.is_empty(),
        "{:?}",
        config.warnings
    );
    assert!(validates(SMALL));
}

#[test]
fn the_example_is_read_without_a_problem_and_fits_the_schema() {
    let config = load_text(EXAMPLE).unwrap();
    assert_eq!(config.warnings, []);
    assert_eq!(
        config.cluster.address.as_str(),
        "https://vault.internal:8200/"
    );
    assert_eq!(config.logins.len(), 7);
    assert_eq!(
        config
            .auth
            .iter()
            .map(|mount| mount.auth_type.as_str())
            .collect::<Vec<_>>(),
        ["oidc", "kubernetes", "jwt", "approle", "userpass", "ldap"]
    );
    assert!(matches!(
        config.login("ci").unwrap().kind,
        LoginKind::Jwt { .. }
    ));
    let claims = config
        .auth_mount("oidc")
        .unwrap()
        .role("operator")
        .unwrap()
        .get("bound_claims")
        .unwrap();
    let Field::Map(claims) = claims else {
        panic!("{claims:?}")
    };
    assert_eq!(
        claims
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["hd", "email_verified", "groups"]
    );
    assert!(validates(EXAMPLE));
}

#[test]
fn every_level_of_the_example_refuses_an_unknown_key_here_and_in_the_schema() {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    let mut tried = 0;
    for (number, line) in lines.iter().enumerate() {
        // Below names of the operator and fields of free types every key is known; before a closed map none is.
        let free = ["  ldap:", "      url:", "    data:", "  - path:"];
        let code = line.split(" #").next().unwrap_or_default().trim_end();
        let indent = line.len() - line.trim_start().len();
        let names = [
            "audit:",
            "secrets:",
            "auth:",
            "policies:",
            "logins:",
            "    roles:",
            "    users:",
        ];
        let next = lines
            .get(number + 1)
            .map_or(0, |next| next.len() - next.trim_start().len());
        if !code.ends_with(':')
            || code.starts_with('#')
            || next <= indent
            || lines[number + 1].trim_start().starts_with(['-', '#'])
        {
            continue;
        }
        let in_ldap = lines[..number]
            .iter()
            .rposition(|line| line.starts_with("  ldap:"))
            .is_some_and(|start| {
                !lines[start + 1..=number]
                    .iter()
                    .any(|line| !line.is_empty() && !line.starts_with("   "))
            });
        if names.contains(&code) || free.iter().any(|start| line.starts_with(start)) || in_ldap {
            continue;
        }
        let mut text: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        text.insert(number + 1, format!("{}nonsense: 1", " ".repeat(next)));
        let text = text.join("\n");
        let found = load_text(&text).map(|_| ()).unwrap_err();
        assert!(
            found.iter().any(|problem| problem.starts_with(&format!(
                "{}:{}: ",
                number + 2,
                next + 1
            )) && problem.contains("unknown key `nonsense`")),
            "{line}: {found:?}"
        );
        assert!(!validates(&text), "{line}");
        tried += 1;
    }
    assert!(tried >= 20, "{tried}");
}

#[test]
fn files_that_are_no_configuration_are_refused_in_words() {
    let mut bomb = format!("a: &a [{}]\n", ["x"; 10].join(","));
    for (next, last) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        bomb += &format!(
            "{next}: &{next} [{}]\n",
            vec![format!("*{last}"); 10].join(",")
        );
    }
    let deep = "[".repeat(10_000);
    let block = (0..60)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect::<String>();
    let cases: [(&str, &str); 14] = [
        ("", "1:1: the file is empty"),
        ("# nothing\n", "1:1: the file is empty"),
        ("a: [", "not YAML"),
        ("a: 'b", "not YAML"),
        ("a:\n\tb: c", "not YAML"),
        ("just text", "1:1: expected a map"),
        ("- a\n- b", "1:1: expected a map"),
        ("a: 1\n---\nb: 2", "2:1: a second document"),
        ("a: !secret b", "1:4: a: tags"),
        ("a: *nothing", "1:4: a: no anchor `&nothing`"),
        ("? [a]\n: b", "1:3: a key is plain text"),
        (&bomb, "aliases repeat more than"),
        (&deep, "lists and maps inside each other"),
        (&block, "lists and maps inside each other"),
    ];
    for (text, expected) in cases {
        let found = load_text(text).map(|_| ()).unwrap_err().join("\n");
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn all_problems_come_at_once_each_at_its_place() {
    let text = r#"version: 2
cluster:
  name: lab
  adress: https://vault:8200
  tls: {verify: false}
  timeouts: {request: soon}
init:
  shares: 2
  threshold: 3
  custodians:
    - {name: alice, age: {recipient: age1a, file: a.age}}
    - {name: carol, pgp: {public_key: carol.asc, file: c.pgp}}
checkpoint: {path: cp, key: {kmss: alias/x}}
audit:
  file:
    type: file
    optoins: {file_path: /a}
auth:
  oidc:
    config: {oidc_discovery_url: https://a, oidc_client_id: a, oidc_client_secret: hunter2}
    roles:
      operator:
        user_claim: email
        token_tll: 8h
        token_num_uses: many
        oidc_scopes: [email, 5]
policies:
  Operator: {rules: 'path'}
  empty: {rules: ""}
  missing: {file: policies/missing.hcl}
logins:
  ada: {auth: userpas, username: ada, password: hunter2}
  bob: {auth: nowhere, username: ada, password: {file: x}}
"#;
    problems_of(
        text,
        &[
            "1:1: missing key `break_glass`: the way back in an emergency: `{logins: [NAME, NAME]}`, or `{none: \"reason\"}` to go without at your own risk",
            "1:10: version: expected `1`",
            "3:3: cluster: missing key `address`: the address of the cluster: `https://vault.internal:8200`. Plain `http` only to this machine",
            "4:3: cluster.adress: unknown key `adress`; did you mean `address`?",
            "5:9: cluster.tls.verify: unknown key `verify`; the keys here are `ca_cert`, `server_name`, `client_cert` and `client_key`",
            "6:23: cluster.timeouts.request: expected a time such as `30s`, `10m` or `1h30m`",
            "12:7: init.custodians[1]: one of `ssm` and `age` is missing",
            "12:21: init.custodians[1].pgp: unknown key `pgp`; the keys here are `name`, `ssm` and `age`",
            "13:30: checkpoint.key: unknown key `kmss`; expected `kms`, `identity` or `passphrase`; did you mean `kms`?",
            "17:5: audit.file.optoins: unknown key `optoins`; did you mean `options`?",
            "20:84: auth.oidc.config.oidc_client_secret: secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`",
            "24:9: auth.oidc.roles.operator.token_tll: unknown key `token_tll`; did you mean `token_ttl`?",
            "25:25: auth.oidc.roles.operator.token_num_uses: expected a whole number",
            "26:30: auth.oidc.roles.operator.oidc_scopes[1]: expected text; put it in quotes",
            "28:3: policies.Operator: names of policies are lower case; the servers would change it",
            "29:18: policies.empty.rules: the policy is empty",
            "30:19: policies.missing.file: /etc/vault/policies/missing.hcl: cannot be read: entity not found",
            "32:49: logins.ada.password: secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`",
            "33:15: logins.bob.auth: no auth method of this file has this path; `auth` has `oidc`",
        ],
    );
}

#[test]
fn keys_and_values_that_nothing_implements_are_unknown() {
    for (from, to, expected) in [
        (
            "logins: [ada, backup]",
            "logins: [ada, backup], drill: before-revoke",
            "24:45: break_glass.drill: expected `later`",
        ),
        (
            "threshold: 2",
            "threshold: 2\n  recovery: true",
            "6:3: init.recovery: unknown key `recovery`; the keys here are",
        ),
        (
            ".agekey}",
            ".agekey}, replica: x",
            "9:83: checkpoint.replica: unknown key `replica`; the keys here are `path` and `key`",
        ),
        (
            "auth: approle, role_id: abc",
            "auth: approle, with: {token_request: {kubeconfig: x}}, role_id: abc",
            "23:50: logins.backup.with.token_request.kubeconfig: unknown key `kubeconfig`",
        ),
    ] {
        let found = load_text(&with(from, to)).map(|_| ()).unwrap_err();
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{expected}: {found:?}"
        );
        assert!(!validates(&with(from, to)), "{expected}");
    }
}

#[test]
fn duplicate_keys_are_found_in_every_map() {
    problems_of(
        &with("  threshold: 2", "  threshold: 2\n  shares: 3"),
        &["6:3: init.shares: duplicate key `shares`; it stands on line 4 already"],
    );
    problems_of(
        &with("  reader:", "  reader: {builtin: auditor}\n  reader:"),
        &["21:3: policies.reader: duplicate key `reader`; it stands on line 20 already"],
    );
    problems_of(
        &with("name: lab,", "name: lab, name: lab,"),
        &["2:22: cluster.name: duplicate key `name`; it stands on line 2 already"],
    );
}

#[test]
fn variables_take_the_type_that_is_wanted_and_their_values_are_never_shown() {
    let config = load_text(
        &with("shares: 2", "shares: ${SHARES}").replace("role_id: abc", "role_id: \"${HIDDEN}\""),
    )
    .unwrap();
    assert_eq!(config.init.shares, 2);
    let LoginKind::AppRole { role_id, .. } = &config.login("backup").unwrap().kind else {
        panic!()
    };
    assert_eq!(
        *role_id,
        Given::Plain("${HIDDEN}".into()),
        "quoted text stays as it is"
    );
    problems_of(
        &with("shares: 2", "shares: ${NOPE:?count the people}")
            .replace("threshold: 2", "threshold: ${HIDDEN}"),
        &[
            "4:11: init.shares: the environment variable `NOPE` is not set: count the people",
            "5:14: init.threshold: expected a whole number",
        ],
    );
    let found = load_text(&with("name: lab, ", "name: ${SHARES}, "))
        .map(|_| ())
        .unwrap_err()
        .join("\n");
    assert!(found.contains("use block style there"), "{found}");
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = with(
        "      ada: {password: {file: /run/secrets/ada}, token_ttl: 15m}",
        "      ada: &user\n        password: {file: /run/secrets/ada}\n        token_ttl: 15m\n      bob: {<<: *user, token_ttl: 5m}",
    );
    let config = load_text(&text).unwrap();
    let bob = config.auth_mount("userpass").unwrap().user("bob").unwrap();
    assert_eq!(bob.get("token_ttl"), Some(&Field::String("5m".into())));
    assert_eq!(
        bob.get("password"),
        Some(&Field::Secret(SecretRef::File("/run/secrets/ada".into())))
    );
}

#[test]
fn references_stand_where_secrets_do_and_nowhere_else() {
    let text = SMALL.replace("  approle:\n", "  sso: {type: ldap, config: {bindpass: {ssm: {parameter: /p, region: eu-1}}, certificate: {file: ca.pem}, request_timeout: 5, userattr: cn}, roles: {r: {map: {env: a, two: b}}}}\n  approle:\n");
    let config = load_text(&text).unwrap();
    let sso = config.auth_mount("sso").unwrap();
    let aws = Aws {
        region: Some("eu-1".into()),
        ..Aws::default()
    };
    assert_eq!(
        sso.config.get("bindpass"),
        Some(&Field::Secret(SecretRef::Ssm {
            parameter: "/p".into(),
            aws
        }))
    );
    assert_eq!(
        sso.config.get("certificate"),
        Some(&Field::Secret(SecretRef::File("/etc/vault/ca.pem".into())))
    );
    assert!(
        matches!(sso.role("r").unwrap().get("map"), Some(Field::Map(_))),
        "two keys are a map"
    );
    problems_of(
        &text.replace(
            "bindpass: {ssm: {parameter: /p, region: eu-1}}",
            "bindpass: hunter2",
        ),
        &[
            "16:40: auth.sso.config.bindpass: secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`",
        ],
    );
    let claims = SMALL.replace("  approle:\n", "  oidc: {roles: {r: {user_claim: a, bound_claims: {env: prod}, allowed_redirect_uris: [x]}}}\n  approle:\n");
    let config = load_text(&claims).unwrap();
    let claims = config
        .auth_mount("oidc")
        .unwrap()
        .role("r")
        .unwrap()
        .get("bound_claims")
        .unwrap();
    assert!(
        matches!(claims, Field::Map(_)),
        "a claim named env is a claim: {claims:?}"
    );
}

#[test]
fn every_rule_finds_its_case() {
    let cases: &[(&str, &str, &str)] = &[
        (
            "\"http://127.0.0.1:8200\"",
            "\"http://vault:8200\"",
            "2:31: cluster.address: plain `http` would show",
        ),
        (
            "\"http://127.0.0.1:8200\"",
            "\"https://ada:pw@vault\"",
            "2:31: cluster.address: an address carries no user",
        ),
        (
            "\"http://127.0.0.1:8200\"",
            "\"https://vault?x\"",
            "2:31: cluster.address: an address carries no `?`",
        ),
        (
            "\"http://127.0.0.1:8200\"",
            "\"vault:8200\"",
            "2:31: cluster.address: the address must start with",
        ),
        (
            "\"http://127.0.0.1:8200\"",
            "\"https://a\", nodes: [\"https://b\", \"https://b\"]",
            "2:65: cluster.nodes[1]: this node",
        ),
        (
            "threshold: 2",
            "threshold: 3",
            "5:14: init.threshold: the threshold is 3 and there are 2 shares",
        ),
        (
            "threshold: 2",
            "threshold: 1",
            "5:14: init.threshold: with several shares",
        ),
        (
            "threshold: 2",
            "threshold: 0",
            "5:14: init.threshold: expected a number from 1 to 255",
        ),
        (
            "shares: 2",
            "shares: 256",
            "4:11: init.shares: expected a number from 1 to 255",
        ),
        (
            "shares: 2",
            "shares: 3",
            "6:3: init.custodians: 2 custodians for 3 shares",
        ),
        (
            "name: bob",
            "name: alice",
            "8:14: init.custodians[1].name: `custodians[0]` has this name already",
        ),
        (
            "shares/bob.age",
            "shares/alice.age",
            "8:51: init.custodians[1].age.file: `custodians[0]` keeps its share there",
        ),
        (
            "threshold: 2",
            "threshold: 2\n  accept_unproved: [eve]",
            "6:21: init.accept_unproved[0]: no custodian has this name",
        ),
        (
            "age1bob",
            "AGE-SECRET-KEY-1",
            "8:36: init.custodians[1].age.recipient: expected an age recipient",
        ),
        (
            "age: {recipient: age1bob, file: shares/bob.age}",
            "age: {recipient: age1bob, file: b}, ssm: {parameter: /p}",
            "8:7: init.custodians[1]: only one of `ssm` and `age`",
        ),
        (
            "file_path: /var/log/audit.log",
            "log_raw: true, file_path: /a",
            "11:41: audit.file.options.log_raw: `log_raw` writes every secret",
        ),
        (
            "file_path: /var/log/audit.log",
            "file_path: /a, mode: \"0755\"",
            "11:53: audit.file.options.mode: an audit file is never executable",
        ),
        (
            "file_path: /var/log/audit.log",
            "file_path: /a, mode: 0600",
            "11:53: audit.file.options.mode: a number with a leading zero",
        ),
        (
            "options: {file_path: /var/log/audit.log}",
            "options: {}",
            "11:3: audit.file: missing key `file_path`",
        ),
        (
            "options: {file_path: /var/log/audit.log}}",
            "options: {file_path: /a}}\n  two: {type: file, options: {file_path: /a}}",
            "12:42: audit.two.options.file_path: `audit.file` writes to this file",
        ),
        (
            "  reader:",
            "  root:",
            "20:3: policies.root: the policy `root`",
        ),
        (
            "  reader:",
            "  vault-bootstrap-break-glass:",
            "20:3: policies.vault-bootstrap-break-glass: this name belongs",
        ),
        (
            "{rules: 'path \"a\" { capabilities = [\"read\"] }'}",
            "{builtin: admin}",
            "20:21: policies.reader.builtin: expected `auditor`",
        ),
        (
            "token_ttl: 15m",
            "token_policies: root",
            "15:65: auth.userpass.users.ada.token_policies: no login may have",
        ),
        (
            "token_ttl: 15m",
            "token_type: batch",
            "15:61: auth.userpass.users.ada.token_type: a break-glass door needs service tokens",
        ),
        (
            "  userpass:\n",
            "  userpass:\n    tune: {token_type: default-batch}\n",
            "14:24: auth.userpass.tune.token_type: a break-glass door needs",
        ),
        (
            "token_ttl: 15m",
            "token_num_uses: 3",
            "15:65: auth.userpass.users.ada.token_num_uses: the token of a break-glass door",
        ),
        (
            "name: lab",
            "name: lab, namespace: team",
            "24:15: break_glass.logins: root generation belongs to the root namespace",
        ),
        (
            "{password: {file: /run/secrets/ada}, token_ttl: 15m}",
            "{token_ttl: 15m}",
            "15:12: auth.userpass.users.ada: one of `password` and `password_hash` is missing",
        ),
        (
            "username: ada",
            "username: eve",
            "22:35: logins.ada.username: not one of the users of `auth.userpass` in this file; it has `ada`",
        ),
        (
            "username: ada, ",
            "",
            "22:3: logins.ada: missing key `username`, which a login through `userpass` needs",
        ),
        (
            "username: ada",
            "username: ada, role: x",
            "22:46: logins.ada.role: a login through `userpass` takes `username` and `password`",
        ),
        (
            "password: {file: /run/secrets/ada}}\n  backup",
            "password: {file: /run/secrets/ada}, can: {sys: [reed]}}\n  backup",
            "22:88: logins.ada.can.sys[0]: expected `create`, `read`, `update`, `patch`, `delete`, `list` or `sudo`; did you mean `read`?",
        ),
        (
            "password: {file: /run/secrets/ada}}\n  backup",
            "password: {file: /run/secrets/ada}, can: {sys: [read]}, cannot: {sys: [read]}}\n  backup",
            "22:105: logins.ada.cannot.sys: `read` stands in `can`",
        ),
        (
            "logins: [ada, backup]",
            "logins: [ada, eve]",
            "24:29: break_glass.logins[1]: no login of this file",
        ),
        (
            "logins: [ada, backup]",
            "logins: [ada, ada]",
            "24:29: break_glass.logins[1]: this login stands",
        ),
        (
            "logins: [ada, backup]",
            "logins: []",
            "24:23: break_glass.logins: the list is empty",
        ),
        (
            "logins: [ada, backup]",
            "none: \"\"",
            "24:21: break_glass.none: expected some text",
        ),
        (
            "policies:\n",
            "writes: [{path: /v1/sys/x, data: {a: 1}}]\npolicies:\n",
            "19:17: writes[0].path: an API path has neither",
        ),
        (
            "policies:\n",
            "writes: [{path: kv/x, data: {data: {password: hunter2}}}]\npolicies:\n",
            "19:47: writes[0].data.data.password: secret values are references",
        ),
        (
            "policies:\n",
            "secrets: {sys: {type: kv}}\npolicies:\n",
            "19:11: secrets.sys: every server has this mount",
        ),
        (
            "  approle:\n",
            "  jwt: {roles: {r: {role_type: jwt, user_claim: a}}}\n  approle:\n",
            "16:17: auth.jwt.roles.r: a role for JWTs needs",
        ),
        (
            "  approle:\n",
            "  oidc: {roles: {r: {user_claim: a, bound_subject: x}}}\n  approle:\n",
            "16:18: auth.oidc.roles.r: missing key `allowed_redirect_uris`",
        ),
        (
            "  approle:\n",
            "  oidc: {config: {bound_issuer: a}}\n  approle:\n",
            "16:10: auth.oidc.config: exactly one of",
        ),
        (
            "  approle:\n",
            "  kubernetes: {roles: {r: {audience: a}}}\n  approle:\n",
            "16:27: auth.kubernetes.roles.r: missing key `bound_service_account_names`",
        ),
        (
            "  approle:\n",
            "  kube: {type: kubernetes, roles: {r: {audiense: a, bound_service_account_names: a}}}\n  approle:\n",
            "16:40: auth.kube.roles.r.audiense: unknown key `audiense`; did you mean `audience`?",
        ),
    ];
    for (from, to, expected) in cases {
        let found = load_text(&with(from, to)).map(|_| ()).expect_err(expected);
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{expected}\n{found:#?}"
        );
        assert!(
            !found.iter().any(|problem| problem.contains("hunter2")),
            "{found:?}"
        );
    }
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let warned = |text: &str| {
        load_text(text)
            .unwrap()
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    for (from, to, expected) in [
        (
            "logins: [ada, backup]",
            "logins: [ada]",
            "24:15: break_glass.logins: all doors hang on one auth method",
        ),
        (
            "token_ttl: 15m",
            "token_policies: [reader, nobody]",
            "15:49: auth.userpass.users.ada.token_policies: the policy `nobody` is not in this file",
        ),
        (
            "audit:\n  file: {type: file, options: {file_path: /var/log/audit.log}}\n",
            "",
            "1:1: audit: no audit device",
        ),
        (
            "  approle:\n",
            "  oidc: {roles: {r: {user_claim: a, allowed_redirect_uris: [x]}}}\n  approle:\n",
            "16:18: auth.oidc.roles.r: no `bound_claims`",
        ),
    ] {
        let found = warned(&with(from, to));
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{expected}\n{found:#?}"
        );
    }
}

#[test]
fn policies_come_from_their_files_and_long_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("policies")).unwrap();
    std::fs::write(
        directory.path().join("policies/operator.hcl"),
        "path \"a\" { capabilities = [\"read\"] }\n",
    )
    .unwrap();
    let file = directory.path().join("bootstrap.yaml");
    let text = with(
        "{rules: 'path \"a\" { capabilities = [\"read\"] }'}",
        "{file: policies/operator.hcl}",
    );
    std::fs::write(&file, text).unwrap();
    let config = load(&file, &env).unwrap();
    let PolicySource::Rules {
        text,
        file: Some(policy),
    } = &config.policy("reader").unwrap().source
    else {
        panic!()
    };
    assert_eq!(
        (text.as_str(), policy),
        (
            "path \"a\" { capabilities = [\"read\"] }\n",
            &directory.path().join("policies/operator.hcl")
        )
    );
    let missing = load(&directory.path().join("nothing.yaml"), &env).unwrap_err();
    assert!(
        missing
            .to_string()
            .ends_with("nothing.yaml:1:1: cannot be read: entity not found"),
        "{missing}"
    );
    std::fs::write(&file, "#".repeat(2 << 20)).unwrap();
    assert!(
        load(&file, &env)
            .unwrap_err()
            .to_string()
            .contains("longer than 1048576 bytes")
    );
}

#[test]
fn a_whole_production_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("policies")).unwrap();
    std::fs::write(
        directory.path().join("policies/operator.hcl"),
        "path \"a\" {}",
    )
    .unwrap();
    let file = directory.path().join("bootstrap.yaml");
    std::fs::write(&file, PRODUCTION).unwrap();
    let config = load(&file, &env).unwrap();
    assert_eq!(config.warnings, []);
    assert_eq!(
        config
            .doors()
            .iter()
            .map(|door| door.auth.as_str())
            .collect::<Vec<_>>(),
        ["oidc", "userpass"]
    );
    assert!(validates(PRODUCTION));
}
