//! Run again: nothing is written where nothing changed, and what changed is noticed.

use serde_json::json;

use crate::ceremony::{Ceremony, Server, handed_over};
use crate::happy::NOT_REHEARSED;
use crate::support::{Setup, require};

#[test]
fn a_second_run_writes_nothing_and_says_so() {
    let (server, ceremony) = handed_over();
    let report = ceremony.report();
    let log = server.audit().after_this();
    let run = ceremony.apply();
    run.exits(4)
        .prints(&["nothing was written", NOT_REHEARSED])
        .never_says(&["repaired", "differs"]);
    // Nobody logged in and no drill was held, so neither is said to be as it was.
    run.prints(&[
        "steps were not checked again, or only in part:",
        "- log in another way\n",
        "- rehearse break-glass\n",
    ]);
    run.says(&[
        "recorded, not re-checked: logins are not tried again",
        "recorded, not re-checked: no drill is held after the hand-over: vault-bootstrap rehearse holds one",
    ]);
    run.never_says(&["everything is as the file says"]);
    assert_eq!(log.writes(), Vec::<String>::new());
    assert!(!log.requests().is_empty());
    assert_eq!(
        log.requests().last().map(String::as_str),
        Some("update auth/token/revoke-self")
    );
    assert_eq!(
        ceremony.report(),
        report,
        "the report of the ceremony stands"
    );
}

#[test]
fn a_type_of_kv_with_its_version_is_the_one_that_the_server_lists() {
    let silent = |setup: Setup| {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        let mounts = json!({
            "first": { "type": "kv-v1" },
            "second": { "type": "kv-v2", "description": "of a team" },
            "tuned": { "type": "kv-v2", "tune": { "options": { "version": "2" } } },
        });
        ceremony.set("/secrets", mounts);
        ceremony.apply().exits(4);
        let log = server.audit().after_this();
        let run = ceremony.apply();
        run.exits(4)
            .prints(&["nothing was written"])
            .never_says(&["differs"]);
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
        // No version is taken for another.
        ceremony.set("/secrets/second/type", json!("kv-v1"));
        let run = ceremony.apply();
        run.exits(4).prints(&["sys/mounts/second/tune"]);
    };
    silent(Setup::OpenBao272Static);
    silent(Setup::OpenBao262StaticApiAudit);
    silent(Setup::Vault1211Shamir);
}

#[test]
fn a_third_run_from_another_place_that_has_no_keys_left_finds_everything_too() {
    let (server, ceremony) = handed_over();
    for key in ["checkpoint.key", "alice.key", "bob.key", "carol.key"] {
        std::fs::remove_file(ceremony.path(key)).expect("it was there");
    }
    let log = server.audit().after_this();
    ceremony.apply().exits(4).prints(&["nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn a_changed_password_in_the_file_is_noticed_although_no_server_gives_it_back() {
    let (server, mut ceremony) = handed_over();
    let old = ceremony.secrets["operator"].clone();
    let new = ceremony.password("operator");
    let log = server.audit().after_this();
    let run = ceremony.apply();
    run.exits(4).prints(&[
        "roles differs from the file",
        "auth/userpass/users/operator",
        "password is another one in the file than was sent",
    ]);
    run.never_says(&[&old, &new]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn a_policy_changed_by_hand_after_hand_over_is_a_finding_and_is_left_alone() {
    let (server, ceremony) = handed_over();
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let root = server.api().with(&crate::ceremony::root_from_shares(
        &ada,
        "generate-root-token",
        &shares,
    ));
    root.write(
        "sys/policies/acl/operator",
        &json!({ "policy": "path \"secret/*\" { capabilities = [\"sudo\"] }" }),
    );
    root.write(
        "auth/userpass/users/operator",
        &json!({ "token_policies": ["operator", "auditor"] }),
    );
    let log = server.audit().after_this();
    let run = ceremony.apply();
    run.exits(4).prints(&[
        "policies differs from the file",
        "sys/policies/acl/operator",
        "roles differs from the file",
        "token_policies",
        "there is a root token",
    ]);
    run.never_says(&["repaired"]);
    let events = ceremony.run(&["apply", "--yes", "--output", "json"]);
    let events = events.exits(4).events();
    for step in ["policies", "roles"] {
        let finished =
            |event: &&serde_json::Value| event["event"] == "step-finished" && event["step"] == step;
        let finished = events.iter().find(finished).expect("every step ends");
        assert_eq!(finished["outcome"], "differs", "{step}");
    }
    assert_eq!(log.writes(), Vec::<String>::new());
}

/// Lines of a file that nobody can carry out any more: the shares were made and given away long ago.
const OF_THE_SHARES: [(&str, &str, &str); 3] = [
    (
        "/init/threshold",
        "3",
        "the cluster was given shares of which any 2 of 3 open it, but the file says 3 of 3",
    ),
    (
        "/init/custodians/2/name",
        "\"charlie\"",
        "the shares were given to alice, bob, carol, but the file names alice, bob, charlie",
    ),
    (
        "/init/custodians/2/age/file",
        "\"shares/charlie.age\"",
        "shares/carol.age, but the file says shares/charlie.age, which was not checked",
    ),
];

#[test]
fn a_file_that_says_of_the_shares_what_is_not_so_is_a_finding_after_the_hand_over() {
    let (_server, mut ceremony) = handed_over();
    for (place, value, finding) in OF_THE_SHARES {
        let before = ceremony.file.pointer(place).expect("a line").clone();
        ceremony.set(place, serde_json::from_str(value).expect("JSON"));
        ceremony.apply().exits(4).prints(&[finding]);
        ceremony.set(place, before);
    }
    ceremony.set("/init/threshold", json!(3));
    let args = [
        "rehearse",
        "--identity",
        "alice.key",
        "--identity",
        "bob.key",
    ];
    let identities = ["--identity", "carol.key"];
    ceremony.save();
    let rehearsed = ceremony.run(&[&args[..], &identities[..]].concat());
    rehearsed.says(&["any 2 of 3 open it, but the file says 3 of 3"]);
}

#[test]
fn root_is_not_revoked_by_a_file_that_says_of_the_shares_what_is_not_so() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set(
        "/logins/operator/can",
        json!({ "secret/data/production/stripe": ["delete"] }),
    );
    ceremony
        .apply()
        .exits(1)
        .says(&["operator", "it opened, but"]);
    for (place, value, finding) in OF_THE_SHARES {
        let before = ceremony.file.pointer(place).expect("a line").clone();
        ceremony.set(place, serde_json::from_str(value).expect("JSON"));
        ceremony
            .apply()
            .exits(3)
            .says(&["give each share", finding, "put init back in the file"]);
        ceremony.set(place, before);
    }
}

#[test]
fn what_was_changed_by_hand_is_repaired_while_root_lives() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let operator = ceremony.file["logins"]["operator"].clone();
    // A user who may write policies, and a door that does not open: root stays for another run.
    ceremony.set(
        "/policies/operator",
        json!({ "rules": "path \"sys/policies/acl/*\" { capabilities = [\"update\"] }" }),
    );
    ceremony.set(
        "/logins/operator/can",
        json!({ "secret/data/production/stripe": ["read"] }),
    );
    ceremony
        .apply()
        .exits(1)
        .says(&["operator", "it opened, but"]);
    let hand = server
        .api()
        .log_in("operator", &ceremony.secrets["operator"]);
    hand.write(
        "sys/policies/acl/auditor",
        &json!({ "policy": "path \"x\" { capabilities = [\"read\"] }" }),
    );
    ceremony.set(
        "/policies/operator",
        json!({ "rules": crate::ceremony::OPERATOR }),
    );
    ceremony.set("/logins/operator", operator);
    let log = server.audit().after_this();
    ceremony
        .apply()
        .exits(4)
        .says(&["not as in the file", "sys/policies/acl/auditor", "repaired"]);
    let mut policies: Vec<_> = log
        .writes()
        .into_iter()
        .filter(|write| write.contains("sys/policies"))
        .collect();
    policies.sort();
    assert_eq!(
        policies,
        [
            "update sys/policies/acl/auditor",
            "update sys/policies/acl/operator"
        ]
    );
}

#[test]
fn a_plain_field_that_the_server_keeps_to_itself_is_written_when_it_changes_and_only_then() {
    const KEY: &str = "update totp/keys/door";
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let operator = ceremony.file["logins"]["operator"].clone();
    // The server answers neither `generate` nor `key_size` nor `exported`.
    let key = json!({
        "generate": true, "issuer": "tests", "account_name": "door", "key_size": 20, "exported": false,
    });
    ceremony
        .set("/secrets/totp", json!({ "type": "totp" }))
        .set(
            "/writes",
            json!([{ "path": "totp/keys/door", "data": key }]),
        )
        // A door that does not open, so that root stays for another run.
        .set("/logins/operator/can", json!({ "sys/mounts": ["sudo"] }));
    let log = server.audit();
    ceremony.apply().exits(1).says(&["it opened, but"]);
    assert_eq!(log.writes().iter().filter(|write| *write == KEY).count(), 1);
    for size in [20, 32, 32] {
        let changed = ceremony.file["writes"][0]["data"]["key_size"] != size;
        ceremony.set("/writes/0/data/key_size", json!(size));
        let log = log.after_this();
        let run = ceremony.apply();
        run.exits(1);
        let written: Vec<_> = log.writes();
        if changed {
            run.says(&["key_size was sent as 20, the file says 32"]);
            assert_eq!(written, [KEY], "{run}");
        } else {
            run.never_says(&["not known to be the same"]);
            assert_eq!(written, Vec::<String>::new(), "{run}");
        }
    }
    // Without the memory nobody knows: it is written once, and then it is known.
    forget(&ceremony, "totp/keys/door");
    for expected in [vec![KEY], vec![]] {
        let log = log.after_this();
        let run = ceremony.apply();
        assert_eq!(log.writes(), expected, "{run}");
    }
    ceremony.set("/logins/operator", operator);
    ceremony.apply().exits(4);
}

#[test]
fn a_password_that_is_changed_and_changed_back_is_written_both_times_and_never_else() {
    const USER: &str = "update auth/userpass/users/extra";
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let first = ceremony.password("extra");
    ceremony
        .set(
            "/auth/userpass/users/extra",
            json!({ "password": { "file": "extra.password" } }),
        )
        // A door that does not open, so that root stays for another run.
        .set("/logins/operator/can", json!({ "sys/mounts": ["sudo"] }));
    ceremony.apply().exits(1);
    for (password, expected) in [
        (first.as_str(), vec![]),
        ("another-password", vec![USER]),
        ("another-password", vec![]),
        (first.as_str(), vec![USER]),
        (first.as_str(), vec![]),
    ] {
        ceremony.write("extra.password", password);
        let log = server.audit().after_this();
        let run = ceremony.apply();
        assert_eq!(log.writes(), expected, "{run}");
        server.api().log_in("extra", password);
    }
}

/// Takes what is remembered of a path out of the memory.
fn forget(ceremony: &Ceremony, path: &str) {
    let file = ceremony.path("checkpoint/memory.jsonl");
    let text = std::fs::read_to_string(&file).expect("a memory");
    let of_it = format!("{{\"path\":\"{path}\"");
    let kept: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with(&of_it))
        .collect();
    assert!(kept.len() < text.lines().count());
    std::fs::write(&file, kept.join("\n") + "\n").expect("written");
}
