//! What is wrong with a file, and where it is said to be.

use super::{edited, problems_of, refused, validates, with};

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
        (&deep, "recursion limit exceeded"),
        (&block, "lists and maps inside each other"),
    ];
    for (text, expected) in cases {
        let found = refused(text).join("\n");
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
    - {name: carol, yubikey: {public_key: carol.asc, file: c.pgp}}
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
            "1:1: missing key `break_glass`: emergency access: `{logins: [NAME, NAME]}`, or `{none: \"reason\"}` to go without at your own risk",
            "1:10: version: expected `1`",
            "4:3: cluster.adress: unknown key `adress`; did you mean `address`?",
            "5:9: cluster.tls.verify: unknown key `verify`; the keys here are `ca_cert`, `server_name`, `client_cert` and `client_key`",
            "6:23: cluster.timeouts.request: expected a time such as `30s`, `10m` or `1h30m`",
            "9:14: init.threshold: the threshold is 3 and there are 2 shares: nobody could ever open the cluster",
            "12:21: init.custodians[1].yubikey: unknown key `yubikey`; the keys here are `name`, `ssm`, `secretsmanager`, `age`, `pgp` and `kubernetes`",
            "13:30: checkpoint.key: unknown key `kmss`; expected `kms`, `identity` or `passphrase`; did you mean `kms`?",
            "17:5: audit.file.optoins: unknown key `optoins`; did you mean `options`?",
            "20:84: auth.oidc.config.oidc_client_secret: secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`",
            "24:9: auth.oidc.roles.operator.token_tll: unknown key `token_tll`; did you mean `token_ttl`?",
            "25:25: auth.oidc.roles.operator.token_num_uses: expected a whole number",
            "26:30: auth.oidc.roles.operator.oidc_scopes[1]: expected text; put it in quotes",
            "28:3: policies.Operator: names of policies are lower case; the servers would change it",
            "29:18: policies.empty.rules: the policy is empty",
            "30:19: policies.missing.file: /etc/vault/policies/missing.hcl: cannot be read: no such file",
            "32:15: logins.ada.auth: no auth method of this file has this path; `auth` has `oidc`",
            "32:49: logins.ada.password: secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`",
            "33:15: logins.bob.auth: no auth method of this file has this path; `auth` has `oidc`",
        ],
    );
}

const UNKNOWN: &str = "
- logins: [ada, backup]
+ logins: [ada, backup], drill: never
> 24:45: break_glass.drill: expected `before-revoke` or `later`
- threshold: 2
+ threshold: 2
+   recoveries: true
> 6:3: init.recoveries: unknown key `recoveries`; the keys here are
- threshold: 2
+ threshold: 2
+   recovery: later
> 6:13: init.recovery: expected `two-phase` or `at-init`
- threshold: 2
+ threshold: 2
+   generation: 0
> 6:15: init.generation: expected
- .agekey}
+ .agekey}, mirror: x
> 9:83: checkpoint.mirror: unknown key `mirror`; the keys here are `path`, `key` and `replica`
- .agekey}
+ .agekey}, replica: x
> 9:92: checkpoint.replica: expected `{ssm: …}` or `{s3: …}`
- auth: approle, role_id: abc
+ auth: approle, with: {token_request: {kubeconfig: x}}, role_id: abc
> 23:50: logins.backup.with.token_request.kubeconfig: unknown key `kubeconfig`
";

#[test]
fn keys_and_values_that_nothing_implements_are_unknown() {
    for (text, expected) in edited(UNKNOWN) {
        let found = refused(&text);
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{expected}: {found:?}"
        );
        assert!(!validates(&text), "{expected}");
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
fn a_hostile_file_takes_no_time_and_reaches_no_terminal() {
    let many: String = (0..50_000).map(|number| format!("k{number}:\n")).collect();
    let start = std::time::Instant::now();
    let found = refused(&many);
    assert!(
        found.len() <= 500 && start.elapsed().as_secs() < 60,
        "{:?}",
        start.elapsed()
    );
    let found = refused(&with("version: 1", "version: 1\n\"\\e[2Jx\": 1")).join("");
    assert!(
        found.contains("unknown key `\u{fffd}[2Jx`") && !found.contains('\u{1b}'),
        "{found:?}"
    );
}
