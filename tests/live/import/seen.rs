//! What is not seen, what is odd, and who reads.

use serde_json::{Value, json};

use super::{Cluster, FILLED, SETUPS, changes};
use crate::support::{Setup, require};

#[test]
fn what_a_login_may_not_see_is_named_in_the_file_and_ends_with_4() {
    for setup in SETUPS {
        require!(setup.components());
        let cluster = Cluster::start(setup);
        let root = cluster.root();
        root.write(
            "sys/policies/acl/hidden",
            &json!({"policy": "path \"a\" { capabilities = [\"read\"] }"}),
        );
        let rules = "path \"sys/policies/acl\" { capabilities = [\"list\"] }\n\
                     path \"sys/policies/acl/reads-all\" { capabilities = [\"read\"] }\n\
                     path \"sys/auth\" { capabilities = [\"read\"] }\n";
        root.write("sys/policies/acl/little", &json!({"policy": rules}));
        let token = |policies: Value| {
            let made = root.write(
                "auth/token/create",
                &json!({"policies": policies, "ttl": "1h"}),
            );
            made["auth"]["client_token"]
                .as_str()
                .expect("a token")
                .to_owned()
        };
        let (run, text) = cluster.import(&token(json!(["little"])), "little.yaml");
        run.exits(4).says(&[
            "not seen, so that it is not known what is there: sys/mounts: this login may not read it",
        ]);
        for path in [
            "sys/audit: this login may not read it",
            "sys/mounts: this login may not read it",
            "sys/policies/acl/hidden: this login may not read it",
            "auth/userpass/users/: this login may not list it",
            "sys/quotas/rate-limit/: this login may not list it",
            "identity/group/name/: this login may not list it",
        ] {
            assert!(text.contains(&format!("#   {path}\n")), "{path}\n{text}");
        }
        assert!(
            text.contains("\n  reads-all:\n") && text.contains("\n  userpass: {}\n"),
            "{text}"
        );
        // A token that is none, and one that may read nothing, are answered alike: nothing is said to be there.
        for (token, name) in [
            ("hvs.no-such-token".to_owned(), "none.yaml"),
            (token(json!(["no-such-policy"])), "without.yaml"),
        ] {
            let run = cluster.import_only(&token, name);
            run.exits(1).says(&[
                "refused all that was asked (403): the token is not valid, or may read nothing; no file was written",
                "give a token that is valid, whole and of this cluster",
            ]);
            run.never_says(&["not seen", "plan --login NAME"]);
            assert!(!cluster.directory.path().join(name).exists(), "{name}");
        }
        let run = cluster.run(&[
            "import",
            "--address",
            &cluster.server.address(),
            "--token-file",
            "token",
            "-o",
            "little.yaml",
        ]);
        run.exits(2)
            .says(&["little.yaml is there, and is never overwritten"]);
    }
}

#[test]
fn odd_names_and_what_looks_like_a_reference_are_right_in_the_file_or_named() {
    for setup in SETUPS {
        require!(setup.components());
        let cluster = Cluster::start(setup);
        let root = cluster.root();
        let rules = json!({"policy": "path \"a\" { capabilities = [\"read\"] }\n\n# ${HOME} {{identity.entity.id}}\n"});
        for name in ["gr%C3%B6%C3%9Fe", "with%20space", "team/a", "no", "0123"] {
            root.write(&format!("sys/policies/acl/{name}"), &rules);
        }
        root.write(
            "sys/mounts/a%20b%23c/d%C3%A9",
            &json!({"type": "kv", "description": "one: \"two\" # three\nfour"}),
        );
        root.write(
            "identity/group/name/a%20%40b",
            &json!({"metadata": {"a-b": "- c: #", "yes": "no", "turned": "a\u{202e}b"}}),
        );
        root.write(
            "identity/group/name/reads",
            &json!({"metadata": {"file": "/etc/passwd"}, "policies": ["no"]}),
        );
        let token = cluster.token_of_operator();
        let (run, text) = cluster.import(&token, "odd.yaml");
        run.exits(0);
        assert!(
            !text.contains('\u{202e}') && !run.stderr.contains('\u{202e}'),
            "{text}"
        );
        for line in [
            "#   sys/policies/acl/with space: a policy needs a name without spaces\n",
            "#   identity/group/name/reads: metadata would read as a reference to a secret\n",
            "  \"größe\":\n",
            "  \"no\":\n",
            "  \"0123\":\n",
            "  team/a:\n",
            "  - path: \"identity/group/name/a @b\"\n",
            "        turned: \"a\\u202eb\"\n",
            "  \"a b#c/dé\":\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("/etc/passwd"), "{text}");
        cluster.write("bootstrap.yaml", &format!("{text}{FILLED}"));
        let (run, plan) = cluster.plan("bootstrap.yaml");
        let found: Vec<_> = changes(&plan)
            .into_iter()
            // The root token of this test, by its policies, is no document of the file.
            .filter(|one| one["code"] != "other-root-tokens")
            .collect();
        assert_eq!(found, Vec::<Value>::new(), "{run}");
    }
}

#[test]
fn a_login_of_the_configuration_reads_and_its_token_is_ended_and_a_typed_one_is_not() {
    let cluster = Cluster::start(Setup::OpenBao272Static);
    let (_, text) = cluster.import(&cluster.token_of_operator(), "first.yaml");
    cluster.write("bootstrap.yaml", &format!("{text}{FILLED}"));
    let log = cluster.server.audit().after_this();
    let run = cluster.run(&["import", "--login", "operator"]);
    run.exits(0).shows_no_token();
    // Printed as it is.
    assert_eq!(run.stdout, text, "{run}");
    let last = log.requests().pop();
    assert_eq!(last.as_deref(), Some("update auth/token/revoke-self"));
    let run = cluster.run(&["import", "--login", "nobody"]);
    run.exits(2).says(&["has no login nobody"]);

    let token = cluster.token_of_operator();
    let address = cluster.server.address();
    let mut terminal =
        cluster
            .tool()
            .terminal(&["import", "--address", &address, "-o", "typed.yaml"]);
    terminal.expect("token for");
    terminal.type_line(&token);
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(&token), "{shown}");
    let (status, _) = cluster
        .server
        .api()
        .with(&token)
        .get("auth/token/lookup-self");
    assert_eq!(status, 200, "the token is still valid");
    let run = cluster.run(&["import", "--address", &address]);
    run.exits(2).says(&["--token-file FILE"]);
}

#[test]
fn json_tells_what_was_found_and_needs_a_file_for_the_rest() {
    let cluster = Cluster::start(Setup::OpenBao272Static);
    cluster.write("token", &cluster.token_of_operator());
    let address = cluster.server.address();
    let mut arguments = vec![
        "import",
        "--address",
        &address,
        "--token-file",
        "token",
        "--output",
        "json",
    ];
    cluster.run(&arguments).exits(2);
    arguments.extend(["-o", "one.yaml"]);
    let run = cluster.run(&arguments);
    let last = run.exits(0).events().pop().expect("an event");
    assert_eq!(last["event"], "imported");
    assert_eq!(last["unseen"], json!([]));
    assert_eq!(last["to_fill"][0]["path"], "auth/userpass/users/operator");
    assert!(last["entries"].as_u64() > Some(3), "{last}");
    let nowhere = cluster.run(&["import", "--token-file", "token"]);
    nowhere.exits(2).says(&["vault-bootstrap import --address"]);
    let elsewhere = cluster.run(&[
        "import",
        "--address",
        "http://192.0.2.1:8200",
        "--token-file",
        "token",
    ]);
    elsewhere.exits(2).says(&["cluster.address"]);
}
