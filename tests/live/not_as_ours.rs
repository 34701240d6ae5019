//! After the hand-over, what is not certain is not taken for ours, not repeated and not shown.

use serde_json::json;

use crate::ceremony::{Api, Ceremony, Run, Server, handed_over_managed, killed_or_ended};
use crate::support::{Action, Faults, Setup, require};

const OPENBAO: Setup = Setup::OpenBao272Static;

fn written(ceremony: &Ceremony) -> Run {
    ceremony.run(&["apply", "--yes", "--login", "admin"])
}

fn admin<'a>(server: &'a Server, ceremony: &Ceremony) -> Api<'a> {
    server.api().log_in("admin", &ceremony.secrets["admin"])
}

#[test]
fn while_root_is_valid_nobody_checks_plans_or_names_a_login() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/revoke_root", json!(false));
    ceremony.run(&["apply", "--yes", "--keep-root"]).exits(4);
    ceremony
        .run(&["status"])
        .exits(4)
        .prints(&["no run has revoked the root token"]);
    ceremony.set(
        "/policies/operator",
        json!({ "rules": "path \"x\" { capabilities = [\"read\"] }" }),
    );
    ceremony.save();
    let diary = std::fs::read(ceremony.path("checkpoint/diary.json")).expect("a diary");
    let log = server.audit().after_this();
    for words in [
        &["apply", "--check"] as &[_],
        &["apply", "--yes", "--keep-root", "--login", "operator"],
    ] {
        ceremony
            .run(words)
            .exits(3)
            .says(&["with its root token revoked; this one is not"]);
    }
    assert_eq!(log.writes(), Vec::<String>::new());
    assert_eq!(
        std::fs::read(ceremony.path("checkpoint/diary.json")).expect("a diary"),
        diary
    );
    // A plan looks with the right that apply has.
    ceremony.remove("/revoke_root");
    ceremony
        .run(&["plan"])
        .prints(&["looked as    root", "revoke root and prove it"]);
}

#[test]
fn what_is_done_once_is_not_repeated_because_the_memory_is_lost() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    ceremony
        .set("/secrets/later", json!({ "type": "pki" }))
        .set(
            "/writes",
            json!([{ "path": "later/root/generate/internal", "data": { "common_name": "tests" } }]),
        );
    written(&ceremony)
        .exits(4)
        .never_says(&["differs from the file"]);
    std::fs::remove_file(ceremony.path("checkpoint/memory.jsonl")).expect("it was there");
    let log = server.audit().after_this();
    written(&ceremony).exits(4).prints(&[
        "nothing here remembers whether it was",
        "--again later/root/generate/internal",
    ]);
    assert!(
        !log.writes()
            .iter()
            .any(|line| line.contains("root/generate")),
        "{:?}",
        log.writes()
    );
}

#[test]
fn the_computed_policy_shows_no_secret_and_a_value_of_others_is_shown_nowhere() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    let key = ceremony.write("client.key", "-----BEGIN TEST-----\nof-a-test\n");
    assert!(key.exists());
    let hand = admin(&server, &ceremony);
    hand.write("sys/mounts/later", &json!({ "type": "kv" }));
    ceremony.set(
        "/writes",
        json!([
            { "path": "later/app", "data": { "greeting": "hello" } },
            { "path": "identity/oidc/client/app", "data": { "key": "default" } },
            { "path": "identity/group/name/ops", "data": { "metadata": { "team": "a" } } },
        ]),
    );
    written(&ceremony).never_says(&["differs from the file"]);
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    for path in ["later/app", "identity/oidc/client/app"] {
        assert_eq!(auditor.get(path).0, 403, "{path}");
    }
    assert_eq!(auditor.get("identity/group/name/ops").0, 200);
    let run = ceremony.run(&["apply", "--check", "--output", "json"]);
    assert_eq!(run.exits(4).codes(), ["not-rehearsed"]);
    ceremony.run(&["apply", "--check"]).says(&[
        "not compared, since reading it may show secrets",
        "later/app",
    ]);
    // A first value of the file itself is shown to nobody who is asked, and stands in no plan.
    let first =
        json!({ "path": "secret/data/new", "data": { "data": { "word": "F1RST-of-the-file" } } });
    let writes = ceremony.file["writes"].as_array_mut().expect("a list");
    writes.push(first);
    let run = ceremony.run(&["plan", "--login", "admin", "-o", "monday.plan"]);
    run.prints(&["secret/data/new"]).never_says(&["F1RST"]);
    let text = std::fs::read_to_string(ceremony.path("monday.plan")).expect("a plan");
    assert!(
        text.contains("secret/data/new") && !text.contains("F1RST"),
        "{text}"
    );
    // What a user stores there by now is nobody's business.
    hand.write("later/app", &json!({ "greeting": "S3CRET-of-the-users" }));
    for words in [
        &["plan", "--login", "admin", "-o", "monday.plan"] as &[_],
        &["apply", "--check", "--login", "admin"],
        &["apply", "--yes", "--login", "admin"],
    ] {
        let run = ceremony.run(words);
        assert!(
            run.stdout.contains("later/app") || run.stderr.contains("later/app"),
            "{run}"
        );
        run.never_says(&["S3CRET"]);
    }
    for name in [
        "monday.plan",
        "checkpoint/report.json",
        "checkpoint/memory.jsonl",
        "checkpoint/diary.json",
    ] {
        let text = std::fs::read_to_string(ceremony.path(name)).expect("a file");
        assert!(!text.contains("S3CRET"), "{name}");
    }
}

#[test]
fn what_stood_in_a_role_that_was_deleted_is_made_again_with_it() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    let id = ceremony.password("machine");
    ceremony
        .set("/auth/approle", json!({ "type": "approle", "roles": { "machine": { "token_policies": ["operator"] } } }))
        .set("/writes", json!([
            { "path": "auth/approle/role/machine/role-id", "data": { "role_id": "machine" } },
            { "path": "auth/approle/role/machine/custom-secret-id", "data": { "secret_id": { "file": "machine.password" } } },
        ]));
    // The administrator's own policy does not have these paths.
    let more = "path \"auth/approle/role/machine/*\" { capabilities = [\"create\", \"read\", \"update\"] }\n\
                path \"auth/approle/role/machine\" { capabilities = [\"create\", \"read\", \"update\", \"delete\"] }\n";
    let rules = ceremony.file["policies"]["admin"]["rules"]
        .as_str()
        .expect("a text")
        .to_owned();
    ceremony.set(
        "/policies/admin",
        json!({ "rules": format!("{rules}{more}") }),
    );
    written(&ceremony);
    written(&ceremony).never_says(&["differs from the file"]);
    let opens = || {
        let answer = server.api().put(
            "auth/approle/login",
            &json!({ "role_id": "machine", "secret_id": id }),
        );
        answer.0
    };
    assert_eq!(opens(), 200);
    admin(&server, &ceremony).delete("auth/approle/role/machine");
    written(&ceremony)
        .exits(4)
        .never_says(&["differs from the file", "not written"]);
    assert_eq!(opens(), 200);
}

#[test]
fn a_user_of_somebody_else_is_not_taken_for_ours_and_a_killed_write_is_repeated() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    let theirs = json!({ "password": "theirs-of-a-test", "token_policies": ["operator"] });
    admin(&server, &ceremony).write("auth/userpass/users/mallory", &theirs);
    let ours = ceremony.password("mallory");
    let user =
        json!({ "password": { "file": "mallory.password" }, "token_policies": ["operator"] });
    ceremony.set("/auth/userpass/users/mallory", user);
    written(&ceremony).exits(4).prints(&[
        "auth/userpass/users/mallory",
        "nothing here remembers having written it",
    ]);
    ceremony.run(&["apply", "--yes", "--login", "admin", "--adopt-documents"]);
    server.api().log_in("mallory", &ours);
    // Killed while a new user is made, the next run makes sure of the password.
    let faults = Faults::new().first("POST auth/userpass/users/zoe", Action::HoldAnswer);
    let proxy = faults.before(&server.address());
    let direct = ceremony.file["cluster"]["address"].clone();
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.password("zoe");
    let user = json!({ "password": { "file": "zoe.password" }, "token_policies": ["operator"] });
    ceremony.set("/auth/userpass/users/zoe", user);
    ceremony.save();
    let run = ceremony
        .tool()
        .spawn(&["apply", "--yes", "--login", "admin"]);
    assert!(killed_or_ended(run, &[&proxy]).is_none());
    ceremony.set("/cluster/address", direct);
    let second = ceremony.password("zoe");
    written(&ceremony).never_says(&["differs from the file", "not compared"]);
    server.api().log_in("zoe", &second);
    written(&ceremony).prints(&["nothing was written"]);
}

#[test]
fn a_key_taken_out_of_claims_and_a_shorter_list_may_let_in_more() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["a"], "token_policies": ["operator"],
        "bound_claims": { "team": "core", "dept": "ops" }, "token_bound_cidrs": ["10.0.0.0/8"],
    });
    ceremony.set(
        "/auth/jwt",
        json!({ "type": "jwt", "roles": { "batch": role } }),
    );
    written(&ceremony).never_says(&["differs from the file"]);
    ceremony.set(
        "/auth/jwt/roles/batch/bound_claims",
        json!({ "team": "core" }),
    );
    written(&ceremony)
        .exits(4)
        .prints(&["bound_claims", "takes --allow-widening"]);
    ceremony.set(
        "/auth/jwt/roles/batch/bound_claims",
        json!({ "team": "core", "dept": "ops" }),
    );
    ceremony.set(
        "/auth/jwt/roles/batch/token_bound_cidrs",
        json!(["0.0.0.0/0"]),
    );
    written(&ceremony)
        .exits(4)
        .prints(&["token_bound_cidrs", "takes --allow-widening"]);
    let read = admin(&server, &ceremony).read("auth/jwt/role/batch");
    assert_eq!(read["data"]["bound_claims"]["dept"], "ops");
    assert_eq!(read["data"]["token_bound_cidrs"], json!(["10.0.0.0/8"]));
}

#[test]
fn a_403_at_the_write_is_a_finding_and_all_else_is_written() {
    for setup in [OPENBAO, Setup::Vault1211Shamir] {
        require!(setup.components());
        let (server, mut ceremony) = handed_over_managed(setup);
        let rules = ceremony.file["policies"]["admin"]["rules"]
            .as_str()
            .expect("a text")
            .to_owned();
        let narrow = "path \"later/data/narrow\" { capabilities = [\"create\", \"read\", \"update\"] allowed_parameters = { \"no\" = [] } }\n";
        ceremony.set(
            "/policies/admin",
            json!({ "rules": format!("{rules}{narrow}") }),
        );
        ceremony.set(
            "/secrets/later",
            json!({ "type": "kv", "options": { "version": "2" } }),
        );
        written(&ceremony);
        ceremony.set(
            "/writes",
            json!([
                { "path": "later/data/narrow", "data": { "data": { "a": "b" } } },
                { "path": "later/data/wide", "data": { "data": { "a": "b" } } },
            ]),
        );
        ceremony.set("/auth/userpass/users/operator/token_ttl", json!("30m"));
        written(&ceremony)
            .exits(4)
            .prints(&["[not-permitted]", "later/data/narrow"].map(|text| {
                if text.starts_with('[') {
                    "not written"
                } else {
                    text
                }
            }));
        let admin = admin(&server, &ceremony);
        assert_eq!(
            admin.read("auth/userpass/users/operator")["data"]["token_ttl"],
            1800,
            "{setup:?}"
        );
        assert_eq!(
            admin.read("later/data/wide")["data"]["data"],
            json!({ "a": "b" }),
            "{setup:?}"
        );
    }
}

#[test]
fn what_stands_in_a_mount_that_is_left_is_left_too() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    let rules = ceremony.file["policies"]["admin"]["rules"]
        .as_str()
        .expect("a text")
        .to_owned();
    ceremony.set("/policies/admin", json!({ "rules": format!("{rules}path \"sys/auth/fresh\" {{ capabilities = [\"deny\"] }}\n") }));
    written(&ceremony);
    ceremony.set(
        "/auth/fresh",
        json!({ "type": "approle", "roles": { "batch": { "token_policies": ["operator"] } } }),
    );
    ceremony.set(
        "/policies/operator",
        json!({ "rules": "path \"x\" { capabilities = [\"read\"] }" }),
    );
    let log = server.audit().after_this();
    written(&ceremony).exits(4).prints(&[
        "auth/fresh/role/batch",
        "it stands in sys/auth/fresh, which is not written",
    ]);
    assert_eq!(log.writes().len(), 1, "{:?}", log.writes());
}

#[test]
fn a_rule_to_paste_is_about_one_path_alone() {
    let (_server, mut ceremony) = handed_over_managed(OPENBAO);
    let path = "sys/quotas/rate-limit/x\" { capabilities = [\"read\"] } path \"sys/*";
    ceremony.set("/writes", json!([{ "path": path, "data": { "rate": 5 } }]));
    let run = written(&ceremony);
    assert!(!run.stdout.contains("it takes path \"sys/quotas"), "{run}");
}
