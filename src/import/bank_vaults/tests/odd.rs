//! Startup secrets, what has no place, odd files, and the file as a whole.

use std::path::Path;

use serde_json::Value;

use super::{each, of, refused};
use crate::config::from_text;
use crate::import::bank_vaults::of_text;

#[test]
fn every_value_of_a_startup_secret_is_a_secret() {
    each(&[
        (
            "startupSecrets:\n  - type: kv\n    path: secret/data/app\n    data:\n      data: {user: planted-4711, deep: {size: 4711, ok: true}, from: \"${env `APP`}\"}\n      \
             options: {cas: 0}\n  - {type: kv, path: old/app, data: {data: {a: planted-4711}}}\n\
             secrets:\n  - {type: kv, path: secret, options: {version: 2}}\n  - {type: kv, path: old, options: {version: 1}}\n",
            &[
                "  - path: secret/data/app\n    data:\n      data:\n        user: {file: TO-BE-FILLED/secret/data/app.data.user}\n        \
                 deep:\n          size: {file: TO-BE-FILLED/secret/data/app.data.deep.size}\n          ok: {file: TO-BE-FILLED/secret/data/app.data.deep.ok}\n        \
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
            "purgeUnmanagedConfig: {enabled: true, exclude: {audit: true}}\nplugins:\n  - {plugin_name: wallet, type: secret, sha256: x, command: wallet}\n\
             quotas: [1]\nauth:\n",
            &[],
            &[
                "line 1: purgeUnmanagedConfig: here apply --prune deletes what was made here",
                "line 3: sys/plugins/catalog/secret/wallet: expected 64 hex digits",
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
                "options.version: that bank-vaults may read this word as true or false",
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
    let deep = format!("secrets: {}", "[".repeat(60) + &"]".repeat(60));
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
            && text.contains("# checkpoint: {path: \".vault-bootstrap/vault.internal\"")
    );
    // Taken out of their comments, the lines are those of a file.
    let mut filled: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(':') && !rest.contains("TO BE") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    for number in 0..3 {
        filled = filled.replacen("age1…", &format!("age1-of-{number}"), 1);
    }
    let problems = from_text(&filled, Path::new("x"), Path::new(""), &|_| None);
    let problems = problems.expect_err("userpass and its operator are missing");
    let all: Vec<_> = problems.list.iter().map(ToString::to_string).collect();
    assert!(all.iter().all(|one| one.contains("logins")), "{all:?}");
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
