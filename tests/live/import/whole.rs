//! All of a large cluster.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::planted::plant;
use super::{Cluster, FILLED, PLANTED, SETUPS, changes, equal};
use crate::support::require;

#[test]
fn a_cluster_of_300_objects_is_a_file_that_changes_nothing_and_one_line_changed_is_that_change() {
    for setup in SETUPS {
        require!(setup.components());
        let cluster = Cluster::start(setup);
        let compared = plant(&cluster);
        cluster.root().write("auth/token/revoke-self", &json!({}));
        let token = cluster.token_of_operator();
        let log = cluster.server.audit().after_this();
        let (run, text) = cluster.import(&token, "imported.yaml");
        run.exits(0).shows_no_token();
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
        let asked = log.requests();
        let credential = |request: &&String| {
            // No login, in spite of its name.
            let request = request.replace("/login-enforcement", "");
            [
                "/data/",
                "/creds/",
                "/role-id",
                "kv-1/",
                "totp/code",
                "/login",
                "revoke",
            ]
            .iter()
            .any(|part| request.contains(part))
        };
        let secret: Vec<_> = asked.iter().filter(credential).collect();
        assert!(secret.is_empty(), "{secret:?}");
        for planted in PLANTED {
            assert!(
                !text.contains(planted) && !run.stderr.contains(planted),
                "{planted}"
            );
        }
        let mode = fs::metadata(cluster.directory.file("imported.yaml"))
            .expect("a file")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        for line in [
            "  id: ",
            "#   shares: 3\n",
            "#   auth/userpass/users/user-7: password, TO-BE-FILLED/auth/userpass/users/user-7.password\n",
            "        password: {file: TO-BE-FILLED/auth/userpass/users/user-7.password}\n",
            "#   database/config/main: password, TO-BE-FILLED/database/config/main.password\n",
            "#   ssh/config/ca: the server made its key\n",
            "#   totp/keys: its keys, which no read shows whole: 1\n",
        ] {
            assert!(text.contains(line), "{setup:?}: {line}\n{text}");
        }
        only_what_was_set(&text);
        plans_as_it_is(&cluster, &text, compared);
    }
}

/// A field that nobody has set has no line.
fn only_what_was_set(text: &str) {
    for part in [
        "      app-3:\n        bind_secret_id: false\n        secret_id_bound_cidrs: [\"127.0.0.0/8\"]\n        \
         secret_id_num_uses: 3\n",
        "  - path: pki/roles/host-3\n    data:\n      allowed_domains: [team-3.internal]\n      max_ttl: 86400\n      \
         require_cn: false\n",
        "  - path: pki/config/crl\n    data:\n      expiry: \"24h\"\n  - ",
        "  - path: transit/keys/key-3\n    data:\n      type: ecdsa-p256\n  - ",
        "  - path: database/roles/reader\n    data:\n      creation_statements: [\"CREATE ROLE \\\"{{name}}\\\";\"]\n      \
         db_name: main\n      default_ttl: 3600\n  - ",
        "  - path: sys/quotas/rate-limit/q3\n    data:\n      path: kv-3/\n      rate: 103\n  - ",
        "  - path: auth/token/roles/batch\n    data:\n      allowed_policies: [team-1]\n      orphan: true\n      \
         renewable: false\n  - ",
        "  - path: identity/group/name/group-3\n    data:\n      metadata:\n        number: \"3\"\n      policies: [team-3]\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

/// The file as it is changes nothing; with one line changed, that is the change.
fn plans_as_it_is(cluster: &Cluster, text: &str, compared: u64) {
    let filled = format!("{text}{FILLED}");
    cluster.write("bootstrap.yaml", &filled);
    let log = cluster.server.audit().after_this();
    let (run, plan) = cluster.plan("bootstrap.yaml");
    run.exits(0);
    assert_eq!(changes(&plan), Vec::<Value>::new(), "{run}");
    assert_eq!(plan["changes"], 0, "{run}");
    assert!(
        equal(&plan) >= compared,
        "{} of {compared}\n{run}",
        equal(&plan)
    );
    assert_eq!(
        (&plan["looked_as"], &plan["elsewhere"]),
        (&json!("operator"), &json!(true)),
        "{run}"
    );
    let next = plan["next"].as_str().expect("a command");
    assert!(
        next.ends_with("apply --adopt-cluster --login operator"),
        "{next}"
    );
    assert!(!cluster.directory.file("checkpoint").exists(), "{run}");
    let changed = filled.replacen("token_ttl: 1017", "token_ttl: 1018", 1);
    assert_ne!(changed, filled);
    cluster.write("changed.yaml", &changed);
    let (run, plan) = cluster.plan("changed.yaml");
    let found = changes(&plan);
    assert_eq!(found.len(), 1, "{run}");
    assert_eq!(found[0]["path"], "auth/approle/role/app-17", "{run}");
    assert_eq!(found[0]["field"], "token_ttl", "{run}");
    let step = plan["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .find(|step| step["step"] == "roles");
    assert_eq!(step.expect("a step")["action"], "differs", "{run}");
    assert_eq!(
        (&found[0]["have"], &found[0]["want"]),
        (&json!("1017"), &json!("1018")),
        "{run}"
    );
    let written: Vec<_> = log
        .writes()
        .into_iter()
        .filter(|one| !one.contains("/login/"))
        .collect();
    assert_eq!(written, Vec::<String>::new());
    // A wrong id is another cluster, to which no password goes.
    let log = cluster.server.audit().after_this();
    let id = filled
        .lines()
        .find(|line| line.starts_with("  id: "))
        .expect("an id");
    cluster.write(
        "other.yaml",
        &filled.replace(id, "  id: 00000000-0000-0000-0000-000000000000"),
    );
    cluster
        .run(&["-c", "other.yaml", "plan", "--login", "operator"])
        .exits(3);
    assert_eq!(log.requests(), Vec::<String>::new());
    // Who looks at such a cluster makes no file of a plan that nobody carries out.
    cluster
        .run(&["plan", "--login", "operator", "-o", "a.plan"])
        .exits(3);
}
