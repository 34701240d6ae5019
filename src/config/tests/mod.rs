//! The whole way from a file to its configuration or to its problems.

mod accepted;
mod damaged;
mod directories;
mod hand_out;
mod identity;
mod included;
mod mfa;
mod plugins;
mod policy_files;
mod problems;
mod rules;
mod sections;
mod signing_in;
mod sources;
mod spellings;

use std::path::PathBuf;

use super::*;

const EXAMPLE: &str = include_str!("../../../bootstrap.example.yaml");

const PRODUCTION: &str = include_str!("production.yaml");

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
    let (name, directory) = ("/etc/vault/bootstrap.yaml", "/etc/vault");
    from_text(text, Path::new(name), Path::new(directory), &env)
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

/// What is wrong with a file.
#[track_caller]
fn refused(text: &str) -> Vec<String> {
    load_text(text).map(|_| ()).unwrap_err()
}

/// A field of a role or user.
fn field<'c>(config: &'c Config, mount: &str, member: &str, name: &str) -> &'c Field {
    let mount = config.auth_mount(mount).unwrap();
    let member = mount.user(member).or(mount.role(member)).unwrap();
    member.get(name).unwrap()
}

/// A directory with the file `bootstrap.yaml` and the policy `operator.hcl` that it names.
fn directory_with(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bootstrap.yaml");
    std::fs::create_dir(directory.path().join("policies")).unwrap();
    let policy = directory.path().join("policies/operator.hcl");
    std::fs::write(policy, "path \"a\" {}\n").unwrap();
    std::fs::write(&file, text).unwrap();
    (directory, file)
}

/// `SMALL` with one text replaced by another.
fn with(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replacen(from, to, 1)
}

/// The cases of a list: the file that `SMALL` becomes when the lines after `-` are replaced by those after `+`, and
/// how what is said of it begins, which stands after `>`.
fn edited(cases: &str) -> Vec<(String, &str)> {
    let (mut from, mut to) = (Vec::new(), Vec::new());
    let mut edited = Vec::new();
    for line in cases.trim().lines() {
        match line.split_at(2) {
            ("- ", text) => from.push(text),
            ("+ ", text) => to.push(text),
            ("> ", expected) => {
                edited.push((with(&from.join("\n"), &to.join("\n")), expected));
                (from, to) = (Vec::new(), Vec::new());
            }
            _ => panic!("{line}"),
        }
    }
    edited
}

#[track_caller]
fn problems_of(text: &str, expected: &[&str]) {
    assert_eq!(refused(text), expected, "\n{text}");
}

fn validates(text: &str) -> bool {
    let Some(root) = Documents::new(&env).read(text, 0) else {
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
        Path::new("/etc/vault/.vault-bootstrap/lab")
    );
    let of_ada = |name| field(&config, "userpass", "ada", name);
    assert_eq!(of_ada("token_ttl"), &Field::String("15m".into()));
    let password = SecretRef::File("/run/secrets/ada".into());
    assert_eq!(of_ada("password"), &Field::Secret(password));
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
    let types = config.auth.iter().map(|mount| mount.auth_type.as_str());
    assert_eq!(
        types.collect::<Vec<_>>(),
        ["oidc", "kubernetes", "jwt", "approle", "userpass", "ldap"]
    );
    assert!(matches!(
        config.login("ci").unwrap().kind,
        LoginKind::Jwt { .. }
    ));
    let Field::Map(claims) = field(&config, "oidc", "operator", "bound_claims") else {
        panic!("{config:?}")
    };
    let claims = claims.iter().map(|(name, _)| name.as_str());
    assert_eq!(claims.collect::<Vec<_>>(), ["email_verified", "groups"]);
    assert!(validates(EXAMPLE));
}

#[test]
fn every_level_of_the_example_refuses_an_unknown_key_here_and_in_the_schema() {
    let indent_of = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    let mut tried = 0;
    for (number, line) in lines.iter().enumerate() {
        // Below names of the operator and fields of free types every key is known; before a closed map none is.
        let free = ["  ldap:", "      url:", "    data:", "  - path:"];
        let code = line.split(" #").next().unwrap_or_default().trim_end();
        let names = [
            "audit:",
            "secrets:",
            "auth:",
            "policies:",
            "logins:",
            "    roles:",
            "    users:",
            "  groups:",
            "  entities:",
        ];
        let next = lines.get(number + 1).map_or(0, |next| indent_of(next));
        if !code.ends_with(':')
            || code.starts_with('#')
            || next <= indent_of(line)
            || lines[number + 1].trim_start().starts_with(['-', '#'])
        {
            continue;
        }
        // The nearest line above that begins an auth method.
        let mut above = lines[..=number].iter().rev();
        let method = above.find(|line| !line.is_empty() && !line.starts_with("   "));
        let in_ldap = method.is_some_and(|line| line.starts_with("  ldap:"));
        if names.contains(&code) || free.iter().any(|start| line.starts_with(start)) || in_ldap {
            continue;
        }
        let (before, after) = lines.split_at(number + 1);
        let nonsense = format!("{}nonsense: 1", " ".repeat(next));
        let text = [before, &[&nonsense], after].concat().join("\n");
        let found = refused(&text);
        let place = format!("{}:{}: ", number + 2, next + 1);
        let mut there = found.iter().filter(|problem| problem.starts_with(&place));
        assert!(
            there.any(|problem| problem.contains("unknown key `nonsense`")),
            "{line}: {found:?}"
        );
        assert!(!validates(&text), "{line}");
        tried += 1;
    }
    assert!(tried >= 20, "{tried}");
}

#[test]
fn a_version_of_kv_in_the_name_of_its_type_is_one_in_its_options() {
    let both = |first: &str, second: &str| {
        let of = |mount: &str| {
            let text = with(
                "policies:\n",
                &format!("secrets: {{kv: {{{mount}}}}}\npolicies:\n"),
            );
            format!("{:?}", load_text(&text).unwrap().secrets)
        };
        assert_eq!(of(first), of(second), "{first}");
    };
    both("type: kv-v2", r#"type: kv, options: {version: "2"}"#);
    both("type: kv-v1", r#"type: kv, options: {version: "1"}"#);
    both(
        r#"type: kv-v2, options: {version: "2"}"#,
        r#"type: kv, options: {version: "2"}"#,
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
    let found = refused(&with("name: lab, ", "name: ${SHARES}, ")).join("\n");
    assert!(found.contains("use block style there"), "{found}");
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = with(
        "      ada: {password: {file: /run/secrets/ada}, token_ttl: 15m}",
        "      ada: &user\n        password: {file: /run/secrets/ada}\n        token_ttl: 15m\n      bob: {<<: *user, token_ttl: 5m}",
    );
    let config = load_text(&text).unwrap();
    let of_bob = |name| field(&config, "userpass", "bob", name);
    assert_eq!(of_bob("token_ttl"), &Field::String("5m".into()));
    let password = SecretRef::File("/run/secrets/ada".into());
    assert_eq!(of_bob("password"), &Field::Secret(password));
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
        matches!(field(&config, "sso", "r", "map"), Field::Map(_)),
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
    let claims = field(&config, "oidc", "r", "bound_claims");
    assert!(
        matches!(claims, Field::Map(_)),
        "a claim named env is a claim: {claims:?}"
    );
}

#[test]
fn a_whole_production_file_is_read() {
    let (_directory, file) = directory_with(PRODUCTION);
    let config = load(&file, &env).unwrap();
    assert_eq!(config.warnings, []);
    let doors = config.doors();
    let mounts: Vec<_> = doors.iter().map(|door| door.auth.as_str()).collect();
    assert_eq!(mounts, ["oidc", "userpass"]);
    assert!(validates(PRODUCTION));
}

#[test]
fn a_choice_that_is_no_text_is_taken_and_another_value_is_not() {
    let managed = |value: &str| {
        let write =
            format!("writes: [{{path: a/b, data: {{a: b}}, manage: {value}}}]\nbreak_glass:");
        load_text(&with("break_glass:", &write)).map(|config| config.writes[0].manage)
    };
    assert_eq!(managed("true").unwrap(), OfWrite::Values);
    assert_eq!(managed("false").unwrap(), OfWrite::Whole);
    assert_eq!(managed("named").unwrap(), OfWrite::Named);
    for wrong in ["7", "name", "[named]"] {
        let said = managed(wrong).unwrap_err();
        assert!(
            said[0].contains("expected `true`, `false` or `named`"),
            "{said:?}"
        );
    }
}
