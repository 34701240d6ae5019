//! After the hand-over a login writes what it may, once somebody agrees, and nothing else is written.

use serde_json::{Value, json};

use crate::ceremony::{Api, Ceremony, Run, Server, handed_over_managed};
use crate::support::{Setup, require};

const OPENBAO: Setup = Setup::OpenBao272Static;
const ALL: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];

/// `apply` as the administrator, of whom nobody is asked.
fn written(ceremony: &Ceremony) -> Run {
    ceremony.run(&["apply", "--yes", "--login", "admin"])
}

fn saved(ceremony: &Ceremony, arguments: &[&str]) -> Run {
    ceremony.save();
    ceremony.run(arguments)
}

fn admin<'a>(server: &'a Server, ceremony: &Ceremony) -> Api<'a> {
    server.api().log_in("admin", &ceremony.secrets["admin"])
}

fn rules(path: &str) -> Value {
    json!({ "rules": format!("path \"{path}\" {{ capabilities = [\"read\"] }}") })
}

/// The outcomes of a step in one run, in their order.
fn outcomes(run: &Run, step: &str) -> Vec<String> {
    let of = |event: &&Value| event["event"] == "step-finished" && event["step"] == step;
    let events = run.events();
    let outcomes = events.iter().filter(of);
    outcomes
        .map(|event| event["outcome"].as_str().expect("a word").to_owned())
        .collect()
}

#[test]
fn what_the_file_says_by_now_is_written_and_then_nothing_differs() {
    for setup in ALL {
        require!(setup.components());
        let (server, mut ceremony) = handed_over_managed(setup);
        let silent = written(&ceremony);
        silent
            .prints(&["nothing was written"])
            .never_says(&["differs"]);
        ceremony
            .set("/policies/operator", rules("secret/data/other"))
            .set("/policies/later", rules("later/data/*"))
            .set(
                "/secrets/later",
                json!({ "type": "kv", "options": { "version": "2" } }),
            )
            .set(
                "/auth/approle",
                json!({ "type": "approle", "roles": { "batch": { "token_policies": ["later"] } } }),
            )
            .set("/auth/userpass/users/operator/token_ttl", json!("30m"))
            .set(
                "/writes",
                json!([{ "path": "later/data/first", "data": { "data": { "a": "b" } } }]),
            );
        ceremony.password("operator");
        ceremony.save();
        let plan = ceremony
            .run(&["plan", "--login", "admin", "--output", "json"])
            .event();
        let actions: Vec<_> = plan["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .filter(|step| step["action"] == "write")
            .map(|step| step["step"].clone())
            .collect();
        assert_eq!(
            actions,
            ["secrets", "auth-methods", "policies", "roles", "writes"],
            "{plan:#}"
        );
        let run = ceremony.run(&["apply", "--yes", "--login", "admin", "--output", "json"]);
        for step in ["secrets", "auth-methods", "policies", "roles", "writes"] {
            assert_eq!(
                outcomes(&run, step),
                ["differs", "repaired"],
                "{setup:?} {step} {run}"
            );
        }
        let admin = admin(&server, &ceremony);
        let text = admin.read("sys/policies/acl/operator");
        assert!(
            text["data"]["policy"]
                .as_str()
                .expect("a text")
                .contains("secret/data/other"),
            "{text}"
        );
        assert_eq!(
            admin.read("auth/userpass/users/operator")["data"]["token_ttl"],
            1800
        );
        assert_eq!(
            admin.read("auth/approle/role/batch")["data"]["token_policies"],
            json!(["later"])
        );
        assert_eq!(
            admin.read("later/data/first")["data"]["data"],
            json!({ "a": "b" })
        );
        server
            .api()
            .log_in("operator", &ceremony.secrets["operator"]);
        let log = server.audit().after_this();
        let again = written(&ceremony);
        again
            .prints(&["nothing was written"])
            .never_says(&["differs", "not written:"]);
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
        // The report tells it.
        let of_policies = ceremony.evidence("policies");
        assert!(
            of_policies["written"]
                .as_array()
                .expect("a list")
                .contains(&json!("sys/policies/acl/later")),
            "{of_policies}"
        );
    }
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_written_and_it_is_said_how() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    ceremony.set("/policies/operator", rules("secret/data/other"));
    ceremony.save();
    let log = server.audit().after_this();
    let run = ceremony.run(&["apply", "--login", "admin"]);
    run.exits(4)
        .prints(&["nothing was written", "policies differs from the file"])
        .says(&["there is no terminal to ask on; to write it: vault-bootstrap apply --yes --login admin"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn a_person_sees_all_of_it_and_may_say_no() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    ceremony
        .set("/policies/operator", rules("secret/data/other"))
        .set("/policies/later", rules("later/data/of-a-team"))
        .set("/auth/userpass/users/operator/token_ttl", json!("30m"));
    ceremony.save();
    let log = server.audit().after_this();
    let mut terminal = ceremony.terminal(&["apply", "--login", "admin"]);
    let shown = terminal.expect("Write this as admin?");
    for text in [
        "+ path \"secret/data/other\"",
        "- path \"secret/data/*\"",
        "token_ttl",
        "+ path \"later/data/of-a-team\"",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    terminal.type_line("n");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 4, "{shown}");
    assert!(shown.contains("policies differs from the file"), "{shown}");
    assert_eq!(log.writes(), Vec::<String>::new());
    let mut terminal = ceremony.terminal(&["apply", "--login", "admin"]);
    terminal.expect("Write this as admin?");
    terminal.type_line("y");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 4, "{shown}");
    assert!(!shown.contains("differs from the file"), "{shown}");
    assert_eq!(log.writes().len(), 3, "{:?}", log.writes());
}

#[test]
fn what_moved_while_a_person_was_thinking_is_not_overwritten() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    ceremony.set("/policies/operator", rules("secret/data/other"));
    ceremony.save();
    let mut terminal = ceremony.terminal(&["apply", "--login", "admin"]);
    terminal.expect("Write this as admin?");
    let other = json!({ "policy": "path \"x\" { capabilities = [\"deny\"] }" });
    admin(&server, &ceremony).write("sys/policies/acl/operator", &other);
    terminal.type_line("y");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 3, "{shown}");
    assert!(
        shown.contains("another thing by now than what was shown"),
        "{shown}"
    );
    let now = admin(&server, &ceremony).read("sys/policies/acl/operator");
    assert_eq!(now["data"]["policy"], other["policy"]);
}

#[test]
fn what_a_login_may_not_write_is_named_with_the_rule_and_the_rest_is_written() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    ceremony
        .set("/policies/operator", rules("secret/data/other"))
        .set(
            "/secrets/other",
            json!({ "type": "kv", "description": "of a team" }),
        )
        .set(
            "/writes",
            json!([{ "path": "other/first", "data": { "a": "b" } }]),
        );
    let plan = saved(&ceremony, &["plan", "--login", "admin"]);
    plan.prints(&[
        "not written: the login admin may not",
        "path \"other/first\" { capabilities",
    ]);
    let run = written(&ceremony);
    run.exits(4).prints(&[
        "writes differs from the file: other/first: it is not on the server; not written: the login admin may not",
        "path \"other/first\" { capabilities = [\"create\", \"read\", \"update\"] }",
    ]);
    run.never_says(&["policies differs"]);
    let mounts = admin(&server, &ceremony).read("sys/mounts");
    assert_eq!(mounts["data"]["other/"]["description"], "of a team");
    // The auditor, who looks where nobody else is named, may write nothing.
    ceremony.set("/policies/operator", rules("secret/data/third"));
    let log = server.audit().after_this();
    ceremony.apply().exits(4).prints(&[
        "the login auditor may not; it takes path \"sys/policies/acl/operator\"",
        "by the file another login may: apply --login NAME (admin); or write it by break-glass:",
        "break-glass --reason REASON --expect sys/policies/acl/operator --env -- bao policy write operator FILE",
    ]);
    assert_eq!(log.writes(), Vec::<String>::new());
    // What to type next is not the run that has just found it.
    ceremony
        .run(&["plan"])
        .prints(&["next: vault-bootstrap apply --login admin\n"]);
    let keys = "rehearse --identity alice.key --identity bob.key --identity carol.key";
    let keys: Vec<&str> = keys.split(' ').collect();
    ceremony.run(&keys).says(&["made a root token"]);
    ceremony.apply().exits(4).prints(&[
        "next: vault-bootstrap apply --login admin\n      writes what this login may not",
    ]);
    ceremony
        .run(&["apply", "--yes", "--login", "operator"])
        .exits(4)
        .prints(&[
            "next: vault-bootstrap apply --login auditor\n      looks as the login that may read",
        ]);
}

#[test]
fn a_document_of_somebody_else_is_not_overwritten_unless_that_is_meant() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    let theirs = json!({ "policy": "path \"theirs\" { capabilities = [\"read\"] }" });
    admin(&server, &ceremony).write("sys/policies/acl/team", &theirs);
    ceremony.set("/policies/team", rules("secret/data/team"));
    written(&ceremony).exits(4).prints(&[
        "sys/policies/acl/team",
        "not written: it is there, and nothing here remembers",
        "--adopt-documents",
    ]);
    let have = admin(&server, &ceremony).read("sys/policies/acl/team");
    assert_eq!(have["data"]["policy"], theirs["policy"]);
    let run = ceremony.run(&["apply", "--yes", "--login", "admin", "--adopt-documents"]);
    run.never_says(&["not written:", "differs from the file"]);
    let have = admin(&server, &ceremony).read("sys/policies/acl/team");
    assert!(
        have["data"]["policy"]
            .as_str()
            .expect("a text")
            .contains("secret/data/team"),
        "{have}"
    );
}

#[test]
fn what_lets_in_more_people_takes_a_word_of_its_own_where_nobody_is_asked() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    let bound = json!({ "token_policies": ["operator"], "token_bound_cidrs": ["10.0.0.0/8"] });
    ceremony.set(
        "/auth/approle",
        json!({ "type": "approle", "roles": { "batch": bound } }),
    );
    written(&ceremony).never_says(&["differs from the file", "not written:"]);
    ceremony.remove("/auth/approle/roles/batch/token_bound_cidrs");
    written(&ceremony).exits(4).prints(&[
        "token_bound_cidrs is not in the file any more",
        "takes --allow-widening",
    ]);
    let role = admin(&server, &ceremony).read("auth/approle/role/batch");
    assert_eq!(role["data"]["token_bound_cidrs"], json!(["10.0.0.0/8"]));
    let run = ceremony.run(&["apply", "--yes", "--login", "admin", "--allow-widening"]);
    run.never_says(&["differs from the file", "not written:", "stays"]);
    let role = admin(&server, &ceremony).read("auth/approle/role/batch");
    assert!(
        role["data"]["token_bound_cidrs"]
            .as_array()
            .is_none_or(Vec::is_empty),
        "{role}"
    );
}

#[test]
fn a_check_writes_nothing_and_ends_with_4_where_anything_differs_or_was_not_seen() {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    let check = ["apply", "--check", "--output", "json"];
    assert_eq!(ceremony.run(&check).exits(4).codes(), ["not-rehearsed"]);
    ceremony.set("/policies/operator", rules("secret/data/other"));
    ceremony.save();
    let log = server.audit().after_this();
    let run = ceremony.run(&["apply", "--check", "--login", "admin", "--output", "json"]);
    assert_eq!(run.exits(4).codes(), ["step-differs", "not-rehearsed"]);
    assert_eq!(log.writes(), Vec::<String>::new());
    ceremony
        .run(&["apply", "--check", "--yes"])
        .exits(2)
        .says(&["cannot be used with"]);
    // One that may read hardly anything: what it cannot see is never fine.
    let run = ceremony.run(&[
        "apply", "--check", "--login", "operator", "--output", "json",
    ]);
    let found = run.exits(4).codes();
    assert!(
        found.iter().filter(|code| *code == "not-seen").count() >= 5,
        "{found:?}"
    );
    let text = ceremony.run(&["apply", "--check", "--login", "operator"]);
    text.prints(&[
        "policies: this login may not read",
        "so it may be other than the file",
    ]);
    text.never_says(&["is as the file says"]);
}

#[test]
fn before_the_hand_over_there_is_nothing_to_check() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    ceremony
        .run(&["apply", "--check"])
        .exits(3)
        .says(&["has no checkpoint of this cluster", "vault-bootstrap plan"]);
    ceremony
        .run(&["apply", "--yes", "--login", "auditor"])
        .exits(3)
        .says(&["this one is not", "vault-bootstrap plan"]);
    assert!(!server.api().initialised());
}

#[test]
fn something_new_in_the_file_that_nobody_may_look_at_is_not_recorded_as_there() {
    let (_server, mut ceremony) = handed_over_managed(OPENBAO);
    ceremony.set(
        "/writes",
        json!([{ "path": "cubbyhole-of-none/first", "data": { "a": "b" } }]),
    );
    let run = saved(&ceremony, &["apply", "--yes", "--login", "operator"]);
    run.exits(4).prints(&[
        "cubbyhole-of-none/first is new in the file, and this login may not look",
        "nothing was written there",
    ]);
}

#[test]
fn a_login_that_the_file_does_not_have_is_named_with_those_that_it_has() {
    let (_server, ceremony) = handed_over_managed(OPENBAO);
    ceremony
        .run(&["apply", "--yes", "--login", "nobody"])
        .exits(2)
        .says(&[
            "has no login nobody",
            "one of these: auditor, operator, ada, admin",
        ]);
}
