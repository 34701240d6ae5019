//! `policies: {files: PATTERN}`.

use super::*;

/// `SMALL` with this under `policies`, and policies in a directory of this name.
fn load_policies(policies: &str, names: &[&str]) -> Result<Config, String> {
    let text = with(
        "  reader: {rules: 'path \"a\" { capabilities = [\"read\"] }'}\n",
        policies,
    );
    let (directory, file) = directory_with(&text);
    for name in names {
        let path = directory.path().join("policies").join(name);
        std::fs::write(path, format!("\u{feff}path \"{name}\" {{}}\n")).unwrap();
    }
    let here = format!("{}/", directory.path().display());
    load(&file, &env).map_err(|problems| problems.to_string().replace(&here, ""))
}

fn names(config: &Config) -> String {
    let names = config.policies.iter().map(|policy| policy.name.as_str());
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_file_of_a_pattern_is_a_policy_that_is_called_like_it() {
    let config = load_policies(
        "  auditor: {builtin: auditor}\n  files: policies/*.hcl\n  writer: {rules: x}\n",
        &["reader.hcl", "team.admin.hcl", "notes.txt"],
    )
    .unwrap();
    assert_eq!(names(&config), "auditor writer operator reader team.admin");
    let PolicySource::Rules {
        text,
        file: Some(file),
    } = &config.policy("reader").unwrap().source
    else {
        panic!()
    };
    assert_eq!(text, "path \"reader.hcl\" {}\n");
    assert_eq!(*file, config.directory.join("policies/reader.hcl"));
    let several = "  files:\n    - policies/r*.hcl\n    - policies/operator.hcl\n";
    let config = load_policies(several, &["reader.hcl", "writer.hcl"]).unwrap();
    assert_eq!(names(&config), "reader operator");
    assert!(validates(&with(
        "  reader:",
        &format!("{several}  reader:")
    )));
}

#[test]
fn a_policy_that_is_called_files_is_one_all_the_same() {
    let config = load_policies("  files: {rules: x}\n", &[]).unwrap();
    assert_eq!(names(&config), "files");
    let config = load_policies("  files: {file: policies/operator.hcl}\n", &[]).unwrap();
    assert_eq!(names(&config), "files");
    let config = load_policies("  files: policies/*\n", &["files.hcl"]).unwrap();
    assert_eq!(names(&config), "files operator");
    assert!(validates(&with(
        "  reader:",
        "  files: {rules: x}\n  reader:"
    )));
}

#[test]
fn a_token_may_have_the_policy_of_a_file() {
    let policies = "  files: policies/*.hcl\n";
    let text = SMALL
        .replace("token_ttl: 15m", "token_policies: [operator]")
        .replace(
            "  reader: {rules: 'path \"a\" { capabilities = [\"read\"] }'}\n",
            policies,
        );
    let (_directory, file) = directory_with(&text);
    assert_eq!(load(&file, &env).unwrap().warnings, []);
}

#[test]
fn what_no_policy_can_be_made_of_is_a_problem_at_the_pattern() {
    let cases: [(&str, &[&str], &[&str]); 10] = [
        (
            "  files: policies/*.hcl\n",
            &["Reader.hcl", "root.hcl", "a b.hcl", "response-wrapping.hcl"],
            &[
                "20:10: policies.files: policies/Reader.hcl: names of policies are lower case; the servers would change it",
                "20:10: policies.files: policies/a b.hcl: a policy needs a name without spaces",
                "20:10: policies.files: policies/response-wrapping.hcl: the policy `response-wrapping` cannot be written",
                "20:10: policies.files: policies/root.hcl: the policy `root` cannot be written",
            ],
        ),
        (
            "  operator: {rules: x}\n  files: [policies/*.hcl, policies/*.txt]\n",
            &["reader.hcl", "reader.txt"],
            &[
                "21:11: policies.files[0]: policies/operator.hcl: the policy `operator` stands on line 20 already",
                "21:27: policies.files[1]: policies/reader.txt: the policy `reader` comes from policies/reader.hcl already",
            ],
        ),
        (
            "  files: policies/*.hlc\n",
            &[],
            &["20:10: policies.files: no file matches `policies/*.hlc`"],
        ),
        (
            "  files: policy/*.hcl\n",
            &[],
            &["20:10: policies.files: policy/: cannot be read: no such directory"],
        ),
        (
            "  files: policies/**/*.hcl\n",
            &[],
            &[
                "20:10: policies.files: `**` is not known here: `*` and `?` stand for letters of one file name",
            ],
        ),
        (
            "  files: nothing.hcl\n",
            &[],
            &["20:10: policies.nothing.file: nothing.hcl: cannot be read: no such file"],
        ),
        (
            "  files: []\n",
            &[],
            &["20:10: policies.files: the list is empty"],
        ),
        (
            "  files: [5]\n",
            &[],
            &["20:11: policies.files[0]: expected text; put it in quotes"],
        ),
        (
            "  files: 5\n",
            &[],
            &[
                "20:10: policies.files: expected a list or text, `{builtin: …}`, `{file: …}` or `{rules: …}`; put it in quotes",
            ],
        ),
        (
            "  files: {rule: x}\n",
            &[],
            &[
                "20:11: policies.files: unknown key `rule`; expected `builtin`, `file` or `rules`; did you mean `rules`?",
            ],
        ),
    ];
    for (policies, files, expected) in cases {
        let found = load_policies(policies, files)
            .map(|_| ())
            .expect_err(policies);
        let expected: Vec<String> = expected
            .iter()
            .map(|line| format!("bootstrap.yaml:{line}"))
            .collect();
        let found: Vec<&str> = found.lines().collect();
        assert!(
            found.len() == expected.len()
                && found
                    .iter()
                    .zip(&expected)
                    .all(|(found, line)| found.starts_with(line.as_str())),
            "{found:#?}\n{expected:#?}"
        );
    }
}

#[test]
fn ten_thousand_files_are_read_at_once() {
    let text = with("policies:\n", "policies:\n  files: many/*.hcl\n");
    let (directory, file) = directory_with(&text);
    let many = directory.path().join("many");
    std::fs::create_dir(&many).unwrap();
    for number in 0..10_000 {
        std::fs::write(many.join(format!("p{number}.hcl")), "path \"a\" {}").unwrap();
    }
    let start = std::time::Instant::now();
    assert_eq!(load(&file, &env).unwrap().policies.len(), 10_001);
    let took = start.elapsed();
    // Without optimisation and on a busy machine; optimised it is a small part of a second.
    assert!(took.as_secs() < 30, "{took:?}");
}
