//! `bootstrap.yaml`: every text is a configuration or a list of problems.

use std::path::Path;

use crate::feed::{damaged, for_a_while, write};

const EXAMPLE: &str = include_str!("../../bootstrap.example.yaml");
const DEMO: &str = include_str!("../demo/bootstrap.yaml");
const PRODUCTION: &str = include_str!("../../src/config/tests/production.yaml");
const DAMAGED: &str = include_str!("../../src/config/tests/damaged.yaml");

const WORDS: &[&str] = &[
    "version: ",
    "cluster: ",
    "custodians: ",
    "checkpoint: ",
    "{file: x}",
    "{env: X}",
    "{prompt: x}",
    "{ssm: /x}",
    "age",
    "ssm",
    "secretsmanager",
    "kms",
    "shares: 256",
    "threshold: 0",
    "30s",
    "99999999999h",
    "-1m",
    "policies: ",
    "rules: ",
    "break_glass: {none: \"\"}",
    "with: browser",
    "token_ttl: ",
    "${NAME}",
    "${NAME:-x}",
    "${NAME:?why}",
];

fn name(name: &str) -> Option<String> {
    (name != "NOT_SET").then(|| "a value".to_owned())
}

#[test]
fn any_configuration_is_read_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bootstrap.yaml");
    let texts = [EXAMPLE, DEMO, PRODUCTION, DAMAGED].map(|text| text.as_bytes().to_vec());
    for_a_while("config", &damaged(texts.to_vec(), WORDS), |bytes| {
        write(&file, &bytes);
        if let Err(problems) = vault_bootstrap::config::load(&file, &name) {
            assert!(!problems.list.is_empty());
            for problem in &problems.list {
                assert!(problem.line > 0 && problem.column > 0, "{problem:?}");
                let _ = problem.to_string();
            }
            let _ = problems.advice();
        }
    });
}

#[test]
fn a_file_without_end_is_no_configuration() {
    let refused = |file: &Path, why: &str| {
        let problems = vault_bootstrap::config::load(file, &name).unwrap_err();
        let text = &problems.list[0].text;
        assert!(text.contains(why), "{text}");
    };
    refused(Path::new("/dev/zero"), "it is a device");
    let huge = tempfile::NamedTempFile::new().unwrap();
    huge.as_file().set_len(1 << 40).unwrap();
    refused(huge.path(), "longer than");
}
