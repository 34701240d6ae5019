//! Other files whose sections are merged into the configuration.

use super::*;

/// Files with their texts.
type Texts<'t> = &'t [(&'t str, &'t str)];

/// `SMALL`, which includes others; each file with its text.
fn load_with(include: &str, files: Texts) -> Result<Config, String> {
    let text = with("version: 1\n", &format!("version: 1\ninclude: {include}\n"));
    load_files(&text, files)
}

/// What is wrong, with the names of files as they are from the directory on.
fn load_files(text: &str, files: Texts) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [("bootstrap.yaml", text)].iter().chain(files) {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let here = format!("{}/", directory.path().display());
    let loaded = load(&directory.path().join("bootstrap.yaml"), &env);
    loaded.map_err(|problems| problems.to_string().replace(&here, ""))
}

#[track_caller]
fn problems_with(include: &str, files: Texts, expected: &[&str]) {
    let found = load_with(include, files).map(|_| ()).unwrap_err();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
}

const PAYMENTS: &str = r#"
policies:
  payments: {file: payments.hcl}
auth:
  userpass:
    users:
      ben: {password: {file: ben.password}, token_policies: payments}
  approle/:
    roles:
      payments: {token_policies: [payments, reader]}
  jwt:
    config: {jwks_url: "https://a"}
    roles:
      ci: {role_type: jwt, user_claim: sub, bound_audiences: vault}
secrets:
  payments: {type: kv-v2}
identity:
  groups:
    payments: {policies: [payments], member_entities: [ben]}
  entities:
    ben: {aliases: [{auth: userpass, name: ben}]}
writes:
  - {path: payments/config, data: {max_versions: 3}}
logins:
  ben: {auth: userpass, username: ben, password: {file: ben.password}}
"#;

#[test]
fn sections_of_an_included_file_are_added_to_those_of_the_configuration() {
    let text = SMALL
        .replacen("version: 1\n", "version: 1\ninclude: teams/*.yaml\n", 1)
        .replace("logins: [ada, backup]", "logins: [ada, ben]")
        .replace(
            "  backup: {auth: approle, role_id: abc, secret_id: {env: SECRET_ID}}\n",
            "",
        );
    let text = text + "writes: [{path: sys/x, data: {a: 1}}]\nidentity: {groups: {all: {}}}\n";
    let files = [
        ("teams/payments.yaml", PAYMENTS),
        ("teams/payments.hcl", "path \"b\" {}"),
    ];
    let config = load_files(&text, &files).unwrap();
    let names = |names: Vec<&str>| names.join(" ");
    let policies = config.policies.iter().map(|policy| policy.name.as_str());
    assert_eq!(names(policies.collect()), "reader payments");
    let users = &config.auth_mount("userpass").unwrap().users;
    let users = users.iter().map(|(name, _)| name.as_str());
    assert_eq!(names(users.collect()), "ada ben");
    let roles = &config.auth_mount("approle").unwrap().roles;
    let roles = roles.iter().map(|(name, _)| name.as_str());
    assert_eq!(names(roles.collect()), "backup payments");
    assert_eq!(config.auth_mount("jwt").unwrap().roles.len(), 1);
    assert_eq!(config.secrets[0].path, "payments");
    let groups = config.identity.groups.iter().map(|one| one.name.as_str());
    assert_eq!(names(groups.collect()), "all payments");
    assert_eq!(config.identity.entities[0].name, "ben");
    let writes = config.writes.iter().map(|write| write.path.as_str());
    assert_eq!(names(writes.collect()), "sys/x payments/config");
    assert_eq!(config.doors().len(), 2);
    assert!(config.include[0].ends_with("teams/payments.yaml"));

    // Relative paths start at the file in which they stand.
    let LoginKind::Userpass {
        password: SecretRef::File(file),
        ..
    } = &config.login("ben").unwrap().kind
    else {
        panic!()
    };
    assert_eq!(*file, config.directory.join("teams/ben.password"));
    let PolicySource::Rules {
        file: Some(file),
        text,
    } = &config.policy("payments").unwrap().source
    else {
        panic!()
    };
    assert_eq!(*file, config.directory.join("teams/payments.hcl"));
    assert_eq!(text, "path \"b\" {}");
    assert_eq!(
        config.checkpoint.path,
        config.directory.join(".vault-bootstrap/lab")
    );
}

#[test]
fn a_name_that_stands_twice_is_refused_with_both_places() {
    let one = "policies: {reader: {builtin: auditor}}\nsecrets: {a: {type: kv}}\n\
               auth:\n  userpass:\n    users: {ada: {password: {file: x}}}\n    tune: {max_lease_ttl: 1h}\n";
    let two = "secrets:\n  a/: {type: kv}\nlogins:\n  ada: {auth: userpass, username: ada, password: {file: x}}\n\
               auth:\n  userpass: {tune: {max_lease_ttl: 2h}}\n";
    problems_with(
        "[one.yaml, two.yaml]",
        &[("one.yaml", one), ("two.yaml", two)],
        &[
            "one.yaml:1:12: policies.reader: duplicate key `reader`; it stands in bootstrap.yaml:21 already",
            "one.yaml:5:13: auth.userpass.users.ada: duplicate key `ada`; it stands in bootstrap.yaml:16 already",
            "two.yaml:2:3: secrets.a: duplicate key `a/`; it stands in one.yaml:2 already",
            "two.yaml:4:3: logins.ada: duplicate key `ada`; it stands in bootstrap.yaml:23 already",
            "two.yaml:6:14: auth.userpass.tune: duplicate key `tune`; it stands in one.yaml:6 already",
        ],
    );
}

#[test]
fn problems_of_all_files_come_at_once_each_with_its_file_and_line() {
    let one = "policies:\n  Writer: {rules: x}\n  empty: {file: empty.hcl}\n\
               auth:\n  userpass:\n    users:\n      eve: {password: hunter2, token_tll: 1h}\n";
    let two = "writes:\n  - {path: /v1/x, data: {a: 1}}\nlogins: [a]\nsecrets: {kv: {type: kv-v2, options: {version: \"1\"}}}\n";
    let text = with(
        "version: 1\n",
        "version: 1\ninclude: [a/one.yaml, a/two.yaml]\n",
    );
    let text = text.replace("threshold: 2", "threshold: 3");
    let files = [
        ("a/one.yaml", one),
        ("a/two.yaml", two),
        ("a/empty.hcl", "\n"),
    ];
    let found = load_files(&text, &files).map(|_| ()).unwrap_err();
    assert_eq!(
        found.lines().collect::<Vec<_>>(),
        [
            "bootstrap.yaml:6:14: init.threshold: the threshold is 3 and there are 2 shares: nobody could ever open the cluster",
            "a/one.yaml:2:3: policies.Writer: names of policies are lower case; the servers would change it",
            "a/one.yaml:3:17: policies.empty.file: the policy is empty",
            "a/one.yaml:7:23: auth.userpass.users.eve.password: secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`",
            "a/one.yaml:7:32: auth.userpass.users.eve.token_tll: unknown key `token_tll`; did you mean `token_ttl`?",
            "a/two.yaml:2:12: writes[0].path: an API path has neither `v1/` nor `/` in front, no `/` at the end, and neither `//` nor `..` in it",
            "a/two.yaml:3:9: logins: expected a map",
            "a/two.yaml:4:48: secrets.kv.options.version: `kv-v2` is `kv` with `version: \"2\"`",
        ]
    );
}

#[test]
fn what_belongs_to_the_whole_cluster_stands_in_the_configuration_itself() {
    let one = "version: 1\nrevoke_root: false\naudit: {}\ninclude: [b.yaml]\npolices: {}\n";
    let sections = "`policies`, `auth`, `secrets`, `identity`, `writes` and `logins`";
    let expected = [
        format!("one.yaml:1:1: version: `version` can only stand in bootstrap.yaml; an included file has {sections}"),
        format!("one.yaml:2:1: revoke_root: `revoke_root` can only stand in bootstrap.yaml; an included file has {sections}"),
        format!("one.yaml:3:1: audit: `audit` can only stand in bootstrap.yaml; an included file has {sections}"),
        "one.yaml:4:1: include: an included file includes no other; name that in `include` of bootstrap.yaml".into(),
        "one.yaml:5:1: polices: unknown key `polices`; did you mean `policies`?".into(),
    ];
    let found = load_with("one.yaml", &[("one.yaml", one)])
        .map(|_| ())
        .unwrap_err();
    // The directory is that of the test.
    let found: Vec<String> = found.lines().map(str::to_owned).collect();
    assert_eq!(found, expected);
}

#[test]
fn files_that_cannot_be_included_are_named_and_nothing_follows_from_them() {
    let cases: [(&str, Texts, &str); 11] = [
        ("teams/*.yaml", &[], "bootstrap.yaml:2:10: include: "),
        (
            "one.yaml",
            &[],
            "bootstrap.yaml:2:10: include: one.yaml: cannot be read: no such file",
        ),
        (
            "[a.yaml, \"*.yml\"]",
            &[("a.yaml", "policies:\n")],
            "bootstrap.yaml:2:19: include[1]: no file matches `*.yml`; did you mean `*.yaml`?",
        ),
        (
            "[\"*.yaml\"]",
            &[],
            "bootstrap.yaml:2:11: include[0]: bootstrap.yaml: this file is read already",
        ),
        (
            "[a.yaml, ./a.yaml]",
            &[("a.yaml", "policies:\n")],
            "bootstrap.yaml:2:19: include[1]: ./a.yaml: this file is read already",
        ),
        (
            "[*.yaml]",
            &[],
            "a pattern that begins with `*` needs quotes",
        ),
        (
            "a/**/b.yaml",
            &[],
            "bootstrap.yaml:2:10: include: `**` is not known here",
        ),
        (
            "5",
            &[],
            "bootstrap.yaml:2:10: include: expected a list or text",
        ),
        ("a.yaml", &[("a.yaml", "")], "a.yaml:1:1: the file is empty"),
        (
            "a.yaml",
            &[("a.yaml", "- a")],
            "a.yaml:1:1: expected a map with `policies`, `auth`",
        ),
        (
            "a.yaml",
            &[("a.yaml", "policies: [")],
            "a.yaml:1:11: policies: not YAML",
        ),
    ];
    for (include, files, expected) in cases {
        let found = load_with(include, files).map(|_| ()).expect_err(expected);
        assert!(
            found.contains(expected) && !found.contains('\n'),
            "{expected}\n{found}"
        );
    }
    // A user of the file that cannot be read is not said to be missing.
    let text = with("username: ada", "username: ben").replacen(
        "version: 1\n",
        "version: 1\ninclude: a.yaml\n",
        1,
    );
    let found = load_files(&text, &[("a.yaml", "auth: {")])
        .map(|_| ())
        .unwrap_err();
    assert!(!found.contains("ben"), "{found}");
}

#[test]
fn nothing_is_lost_beside_many_others() {
    let policies: String = (0..100)
        .map(|number| format!("  p{number}: {{rules: x}}\n"))
        .collect();
    let roles: String = (0..100)
        .map(|number| format!("      r{number}: {{}}\n"))
        .collect();
    let text = with("version: 1\n", "version: 1\ninclude: a.yaml\n")
        .replacen(
            "policies:\n",
            &format!("policies:\n  files: more/*\n{policies}"),
            1,
        )
        .replacen("    roles:\n", &format!("    roles:\n{roles}"), 1)
        .replace("logins: [ada, backup]", "logins: [ada]");
    let one = "policies:\n  files: b.hcl\n  one: {rules: x}\nauth: {approle: {roles: {one: {}}}}\nsecrets: {a: {type: kv}}\n";
    let files = [
        ("a.yaml", one),
        ("b.hcl", "x"),
        ("more/c.hcl", "x"),
        ("more/d.hcl", "x"),
    ];
    let config = load_files(&text, &files).unwrap();
    for name in ["reader", "p0", "p99", "one", "b", "c", "d"] {
        assert!(config.policy(name).is_some(), "{name}");
    }
    assert_eq!(config.policies.len(), 105);
    let roles = config.auth_mount("approle").unwrap();
    assert!(roles.role("one").is_some() && roles.role("backup").is_some());
    assert_eq!((roles.roles.len(), config.secrets.len()), (102, 1));
}

#[test]
fn a_warning_names_the_included_file() {
    let one = "auth:\n  userpass:\n    users:\n      ben: {password: {file: x}, token_policies: [nobody]}\n";
    let config = load_with("one.yaml", &[("one.yaml", one)]).unwrap();
    let said: Vec<String> = config
        .warnings
        .iter()
        .map(|warning| config.located(warning))
        .collect();
    let place = "/one.yaml:4:34: auth.userpass.users.ben.token_policies: the policy `nobody`";
    assert!(said.len() == 1 && said[0].contains(place), "{said:?}");
}

#[test]
fn ten_thousand_policies_and_two_thousand_roles_of_a_hundred_files_are_an_ordinary_set() {
    let one = |team: usize| {
        let numbers = || team * 100..(team + 1) * 100;
        let policy = |number| {
            format!(
                "  p{number}:\n    rules: |\n      path \"secret/data/{number}/*\" {{\n        capabilities = [\"read\", \"list\"]\n      }}\n"
            )
        };
        let role = |number| {
            format!(
                "      r{number}:\n        token_policies: [p{number}, p{}]\n        token_ttl: 1h\n",
                number + 500
            )
        };
        let policies: String = numbers().map(policy).collect();
        let roles: String = numbers().step_by(5).map(role).collect();
        format!("policies:\n{policies}auth:\n  approle:\n    roles:\n{roles}")
    };
    let names: Vec<String> = (0..100).map(|team| format!("teams/{team}.yaml")).collect();
    let texts: Vec<String> = (0..100).map(one).collect();
    let files = names
        .iter()
        .zip(&texts)
        .map(|(name, text)| (name.as_str(), text.as_str()));
    let files: Vec<_> = files.collect();
    let text = with("logins: [ada, backup]", "logins: [ada]");
    let several = text.replacen("version: 1\n", "version: 1\ninclude: teams/*.yaml\n", 1);
    let one_file = text
        .replacen(
            "policies:\n",
            &texts
                .iter()
                .map(|text| {
                    text.split("auth:\n")
                        .next()
                        .unwrap()
                        .replacen("policies:\n", "", 1)
                })
                .fold("policies:\n".to_owned(), |all, text| all + &text),
            1,
        )
        .replacen(
            "    roles:\n",
            &texts
                .iter()
                .map(|text| text.split("    roles:\n").nth(1).unwrap())
                .fold("    roles:\n".to_owned(), |all, text| all + text),
            1,
        );
    for (text, files) in [(several, &files[..]), (one_file, &[])] {
        let start = std::time::Instant::now();
        let config = load_files(&text, files).unwrap();
        let took = start.elapsed();
        let roles = config.auth_mount("approle").unwrap().roles.len();
        assert_eq!((config.policies.len(), roles), (10_001, 2_001));
        // Without optimisation and on a busy machine; optimised it is a small part of a second.
        assert!(took.as_secs() < 30, "{took:?}");
    }
}
