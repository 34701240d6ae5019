//! Secrets that entries of `writes` hand out: what is taken, and what is refused.

use super::{load_text, refused, with};

/// The file with these entries of `writes`.
fn writes(entries: &str) -> String {
    with("policies:\n", &format!("writes: [{entries}]\npolicies:\n"))
}

#[test]
fn what_is_handed_out_is_the_secret_of_the_answer_or_what_the_file_names() {
    let age = "age: {recipient: age1bob, file: b.age}, fields: [private_key, ca_chain]";
    for (entry, what, to) in [
        (
            "path: auth/approle/role/ci/secret-id, hand_out: {file: ci}",
            "its secret_id",
            "/etc/vault/ci",
        ),
        (
            &format!("path: pki/issue/web, hand_out: {{{age}}}"),
            "its private_key and ca_chain",
            "/etc/vault/b.age, encrypted to age1bob",
        ),
        (
            "path: pki/root/generate/exported, hand_out: {ssm: {parameter: /x, kms_key: alias/y}, wrap: 90s}",
            "its answer, wrapped for 1m30s,",
            "the SSM parameter /x",
        ),
        (
            "path: pki/issue/web, hand_out: {secretsmanager: {name: x, kms_key: alias/y}}",
            "its private_key",
            "the secret x of AWS Secrets Manager",
        ),
        (
            "path: other/make, hand_out: {file: k, fields: [api_key]}",
            "its api_key",
            "/etc/vault/k",
        ),
    ] {
        let text = writes(&format!("{{{entry}, data: {{}}}}"));
        let config = load_text(&text).unwrap();
        let said = config.writes[0].handed_out();
        assert_eq!(said, Some((what.to_owned(), to.to_owned())), "{entry}");
    }
}

#[test]
fn what_cannot_be_handed_out_once_and_for_good_is_refused_with_its_line() {
    let id = "path: auth/approle/role/ci/secret-id, data: {}";
    let cases: [(&str, &str); 21] = [
        (
            "path: other/make, data: {}, hand_out: {file: k}",
            "writes[0].hand_out: which field of its answer",
        ),
        (
            "path: auth/token/create, data: {}, hand_out: {file: k, fields: [x]}",
            "writes[0].hand_out: what the server makes there ends",
        ),
        (
            "path: database/creds/app, data: {}, hand_out: {file: k, fields: [password]}",
            "writes[0].hand_out: what the server makes there ends",
        ),
        (
            "path: auth/approle/login, data: {}, hand_out: {file: k, wrap: 1m}",
            "writes[0].hand_out: what the server makes there ends",
        ),
        (
            "path: auth/approle/role/ci/custom-secret-id, data: {secret_id: {file: x}}, hand_out: {file: k}",
            "writes[0].hand_out: this secret id is yours",
        ),
        (
            "path: pki/root/generate/internal, data: {}, hand_out: {file: k}",
            "writes[0].hand_out: this key never leaves",
        ),
        (
            &format!("{id}, hand_out: {{file: k, wrap: 1m, fields: [secret_id]}}"),
            "writes[0].hand_out.fields: the whole answer is wrapped",
        ),
        (
            "path: pki/issue/web, data: {}, hand_out: {file: k, wrap: 1m}",
            "writes[0].hand_out.wrap: a certificate of a role with `generate_lease` ends with this run",
        ),
        (
            &format!("{id}, hand_out: {{file: k, wrap: 0s}}"),
            "writes[0].hand_out.wrap: expected whole seconds",
        ),
        (
            &format!("{id}, hand_out: {{file: k, wrap: 1500ms}}"),
            "writes[0].hand_out.wrap: expected whole seconds",
        ),
        (
            &format!("{id}, hand_out: {{file: k, wrap: soon}}"),
            "writes[0].hand_out.wrap: expected a time",
        ),
        (
            &format!("{id}, hand_out: {{file: k, fields: [\"\"]}}"),
            "writes[0].hand_out.fields: expected names",
        ),
        (
            &format!("{id}, hand_out: {{wrap: 1m}}"),
            "writes[0].hand_out",
        ),
        (
            &format!("{id}, hand_out: {{file: k, age: {{recipient: age1x, file: l}}}}"),
            "writes[0].hand_out",
        ),
        (
            &format!("{id}, hand_out: {{age: {{recipient: AGE-SECRET-KEY-1, file: l}}}}"),
            "writes[0].hand_out.age.recipient: expected an age recipient",
        ),
        (
            &format!("{id}, hand_out: {{secretsmanager: {{name: a:b}}}}"),
            "writes[0].hand_out.secretsmanager.name: expected the name of a secret",
        ),
        (
            &format!("{id}, hand_out: {{secretsmanager: {{name: a, endpoint: http://b}}}}"),
            "writes[0].hand_out.secretsmanager.endpoint: plain `http`",
        ),
        (
            &format!(
                "{id}, hand_out: {{secretsmanager: {{name: k}}}}}}, {{path: pki/issue/a, data: {{}}, hand_out: {{secretsmanager: {{name: k}}}}"
            ),
            "writes[1].hand_out: what `writes[0]` hands out goes there",
        ),
        (
            &format!("{id}, hand_out: {{file: shares/bob.age}}"),
            "writes[0].hand_out: the share of bob goes there already",
        ),
        (
            &format!(
                "{id}, hand_out: {{file: k}}}}, {{path: pki/issue/a, data: {{}}, hand_out: {{file: ./k}}"
            ),
            "writes[1].hand_out: what `writes[0]` hands out goes there",
        ),
        (
            &format!(
                "{id}, name: a, hand_out: {{file: k, wrap: 1m}}}}, {{path: a/b, data: {{x: {{from_write: a.id}}}}"
            ),
            "writes[1].data.x.from_write: the answer to that entry is wrapped",
        ),
    ];
    for (entry, expected) in cases {
        let found = refused(&writes(&format!("{{{entry}}}")));
        assert_eq!(found.len(), 1, "{entry}\n{found:#?}");
        let said = found[0].split_once(": ").map(|(_, said)| said);
        assert!(said.unwrap().starts_with(expected), "{entry}\n{found:#?}");
    }
}

#[test]
fn one_path_is_handed_out_by_one_entry() {
    let entry =
        |file: &str| format!("{{path: pki/issue/a, data: {{}}, hand_out: {{file: {file}}}}}");
    let found = refused(&writes(&format!("{}, {}", entry("k"), entry("l"))));
    assert_eq!(found.len(), 2);
    assert!(
        found[0].contains("another entry writes this path too"),
        "{found:#?}"
    );
}
