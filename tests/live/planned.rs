//! `plan`: what `apply` would do, said without doing any of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::ceremony::{Api, Ceremony, Server, handed_over, handed_over_on, root_from_shares};
use crate::support::{Action, Proxy, Setup, require};

/// Every file of the checkpoint with its bytes.
fn checkpoint(ceremony: &Ceremony) -> BTreeMap<String, Vec<u8>> {
    let read = |path: &Path| (path.display().to_string(), fs::read(path).expect("a file"));
    let files = ceremony.files_in("checkpoint");
    files
        .iter()
        .map(|name| read(&ceremony.path(&format!("checkpoint/{name}"))))
        .collect()
}

/// Somebody who may do everything, as after a break-glass.
fn root<'s>(server: &'s Server, ceremony: &Ceremony) -> Api<'s> {
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    server
        .api()
        .with(&root_from_shares(&ada, "generate-root-token", &shares))
}

/// What the plan says of a step.
fn step<'p>(plan: &'p Value, name: &str) -> &'p Value {
    let steps = plan["steps"].as_array().expect("steps");
    let found = steps.iter().find(|step| step["step"] == name);
    found.unwrap_or_else(|| panic!("no step {name}: {plan}"))
}

#[test]
fn before_init_the_plan_is_the_whole_ceremony_and_touches_nothing() {
    let server = Server::in_memory();
    let ceremony = Ceremony::unproved(&server);
    ceremony.save();
    let run = ceremony.run(&["plan"]);
    run.exits(0).prints(&[
        "not initialised",
        "a share for alice: ",
        "alice.age, encrypted to their age key",
        "user operator of auth/userpass/",
        "vault-bootstrap-break-glass",
        "custodian prove alice",
        "nothing was written",
        "next: vault-bootstrap ",
    ]);
    assert!(!server.api().initialised(), "{run}");
    assert!(!ceremony.path("checkpoint").exists(), "{run}");
    ceremony.run(&["plan", "--detailed-exitcode"]).exits(4);
}

#[test]
fn before_init_the_plan_says_which_secrets_of_this_machine_are_missing() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    ceremony.save();
    fs::remove_file(ceremony.path("operator.password")).expect("it was there");
    let run = ceremony.run(&["plan"]);
    run.exits(0)
        .prints(&["apply would stop here", "operator.password"])
        .never_says(&["next: vault-bootstrap apply"]);
}

#[test]
fn a_server_that_somebody_else_initialised_is_not_planned_for() {
    let (server, _ceremony) = handed_over();
    let other = Ceremony::another_at(&server);
    let run = other.run(&["plan"]);
    run.exits(3).says(&[
        "is initialised, and not by the checkpoint",
        "what to do: plan with the file",
    ]);
}

#[test]
fn after_hand_over_a_plan_finds_nothing_where_nothing_changed_and_leaves_no_token() {
    for setup in Setup::ALL {
        require!(setup.components());
        let (server, ceremony) = handed_over_on(setup);
        let (before, log) = (checkpoint(&ceremony), server.audit().after_this());
        let run = ceremony.run(&["plan", "--output", "json", "--detailed-exitcode"]);
        let plan = run.exits(0).event();
        assert_eq!(
            (&plan["changes"], &plan["unseen"]),
            (&json!(0), &json!(0)),
            "{plan}"
        );
        assert_eq!(plan["looked_as"], "auditor", "{plan}");
        for name in ["secrets", "auth-methods", "policies", "roles"] {
            assert_eq!(step(&plan, name)["action"], "nothing", "{plan}");
        }
        assert_eq!(log.writes(), Vec::<String>::new());
        assert_eq!(
            log.requests().last().map(String::as_str),
            Some("update auth/token/revoke-self")
        );
        assert_eq!(checkpoint(&ceremony), before);
    }
}

#[test]
fn what_changed_on_the_server_stands_in_the_plan_line_by_line_and_is_left_alone() {
    let (server, ceremony) = handed_over();
    let text = root(&server, &ceremony).read("sys/policies/acl/operator");
    let text = text["data"]["policy"].as_str().expect("a text").to_owned();
    let changed = format!("{text}\n# by hand\npath \"secret/*\" {{ capabilities = [\"sudo\"] }}\n");
    let admin = root(&server, &ceremony);
    admin.write("sys/policies/acl/operator", &json!({ "policy": changed }));
    admin.write(
        "auth/userpass/users/operator",
        &json!({ "token_policies": ["operator", "auditor"] }),
    );
    let log = server.audit().after_this();
    let run = ceremony.run(&["plan", "--detailed-exitcode"]);
    run.exits(4).prints(&[
        "other than the file; this login does not write it",
        "    ~ sys/policies/acl/operator\n",
        "- path \"secret/*\" { capabilities = [\"sudo\"] }",
        "auth/userpass/users/operator",
        "token_policies",
        "nothing was written",
    ]);
    assert_eq!(log.writes(), Vec::<String>::new());
    let json = ceremony.run(&["plan", "--output", "json"]);
    let plan = json.exits(0).event();
    for name in ["policies", "roles"] {
        assert_eq!(step(&plan, name)["action"], "differs", "{plan}");
    }
    // The same as apply finds.
    let run = ceremony.apply();
    run.exits(4).prints(&[
        "policies differs from the file",
        "roles differs from the file",
    ]);
}

/// The token of root is the one with most to lose: it is looked with, shown nowhere, and stays its owner's.
#[test]
fn a_token_that_somebody_gives_looks_and_is_not_ended() {
    let (server, mut ceremony) = handed_over();
    ceremony.set(
        "/policies/later",
        json!({ "rules": "path \"secret/data/later\" { capabilities = [\"read\"] }" }),
    );
    let token = root_from_shares(
        &server.api().log_in("ada", &ceremony.secrets["ada"]),
        "generate-root-token",
        &["alice", "bob"].map(|name| ceremony.custody().share(name)),
    );
    let mut terminal = ceremony.terminal(&["plan", "--ask-token"]);
    terminal.expect("token for http://127.0.0.1:");
    terminal.type_line(&token);
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("looked as    the token that was given"),
        "{shown}"
    );
    assert!(shown.contains("+ sys/policies/acl/later"), "{shown}");
    assert!(shown.contains("there is a root token"), "{shown}");
    assert!(!shown.contains(&token), "{shown}");
    ceremony.write("token", &token);
    let log = server.audit().after_this();
    let run = ceremony.run(&["plan", "--token-file", "token", "--detailed-exitcode"]);
    run.exits(4)
        .prints(&["looked as    the token that was given"]);
    assert_eq!(log.writes(), Vec::<String>::new());
    assert_eq!(
        server.api().with(&token).get("auth/token/lookup-self").0,
        200
    );
    ceremony
        .run(&["plan", "--ask-token"])
        .exits(2)
        .says(&["--token-file FILE"]);
    ceremony.write("token", "hvs.nobody");
    ceremony
        .run(&["plan", "--token-file", "token"])
        .exits(1)
        .says(&["the token that was given is not valid here"]);
    ceremony
        .run(&["plan", "--token-file", "token", "-o", "a.plan"])
        .exits(2);
}

#[test]
fn while_root_is_valid_no_token_is_taken_for_a_plan() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/revoke_root", json!(false));
    ceremony.run(&["apply", "--yes", "--keep-root"]).exits(4);
    ceremony.write("token", "hvs.somebody");
    let run = ceremony.run(&["plan", "--token-file", "token"]);
    run.exits(3)
        .says(&["root is still valid", "plan looks as root"]);
}

#[test]
fn a_line_that_is_new_in_the_file_is_planned_as_something_to_create() {
    let (_server, mut ceremony) = handed_over();
    ceremony.set(
        "/policies/later",
        json!({ "rules": "path \"secret/data/later\" { capabilities = [\"read\"] }" }),
    );
    ceremony.save();
    let run = ceremony.run(&["plan"]);
    run.exits(0).prints(&["    + sys/policies/acl/later\n"]);
}

#[test]
fn a_login_that_may_read_nothing_sees_nothing_and_the_plan_says_so() {
    let (_server, ceremony) = handed_over();
    let run = ceremony.run(&["plan", "--login", "operator", "--detailed-exitcode"]);
    run.exits(4).prints(&[
        "looked as    operator",
        "not seen from here",
        "this login may not read",
        "no change in what was seen",
    ]);
    assert!(
        !run.stdout
            .contains("all that was looked at is as the file says"),
        "{run}"
    );
    ceremony
        .run(&["plan", "--login", "nobody"])
        .exits(2)
        .says(&["has no login nobody", "one of these: "]);
}

#[test]
fn a_ceremony_that_stopped_half_way_is_planned_from_where_it_stands() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let right = ceremony.secrets["operator"].clone();
    let wrong = ceremony.write("wrong", "not the password");
    ceremony.set("/logins/operator/password", json!({ "file": wrong }));
    ceremony.save();
    let run = ceremony.run(&["apply", "--yes"]);
    run.exits(1);
    let (before, log) = (checkpoint(&ceremony), server.audit().after_this());
    let run = ceremony.run(&["plan", "--output", "json"]);
    let plan = run.exits(0).event();
    run.never_says(&[&right]);
    assert_eq!(plan["looked_as"], "root", "{plan}");
    assert_eq!(step(&plan, "roles")["action"], "nothing", "{plan}");
    for name in ["logins", "revoke-root", "hand-over"] {
        assert_eq!(step(&plan, name)["action"], "do", "{name}: {plan}");
    }
    assert_eq!(log.writes(), Vec::<String>::new());
    assert_eq!(checkpoint(&ceremony), before);
}

#[test]
fn logins_that_nobody_has_tried_are_not_said_to_be_as_they_were() {
    let (_server, mut ceremony) = handed_over();
    let another = ceremony.file["logins"]["ada"].clone();
    ceremony.set("/logins/second", another);
    ceremony.save();
    let run = ceremony.run(&["plan", "--detailed-exitcode"]);
    run.exits(4).prints(&[
        "log in another way: not seen from here",
        "the file names other logins than those that were tried",
    ]);
}

#[test]
fn an_address_that_the_checkpoint_does_not_know_hears_nothing_of_a_plan() {
    let (server, mut ceremony) = handed_over();
    let path = ceremony.path("checkpoint/diary.json");
    let mut diary: Value =
        serde_json::from_slice(&fs::read(&path).expect("a diary")).expect("JSON");
    diary["cluster"]["cluster_id"] = Value::Null;
    fs::write(&path, diary.to_string()).expect("it is ours");
    let proxy = Proxy::before(&server.address(), |_| Action::Pass);
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let run = ceremony.run(&["plan"]);
    run.exits(3)
        .says(&["is not known to this checkpoint", "nothing was sent there"]);
    assert!(proxy.counts().is_empty(), "{:?}", proxy.counts());
}

#[test]
fn a_server_that_was_emptied_is_said_to_be_empty_and_not_waited_for() {
    require!(["openbao-2.7.2"]);
    let (_server, mut ceremony) = handed_over();
    let empty = Server::in_memory();
    ceremony.set("/cluster/address", json!(empty.address()));
    ceremony.save();
    ceremony
        .run(&["plan"])
        .exits(3)
        .says(&[
            "is not initialised, and the checkpoint",
            "its storage was emptied",
        ])
        .never_says(&["is sealed", "waiting"]);
}

#[test]
fn a_rehearsal_at_a_server_that_was_emptied_says_so_and_nothing_of_its_seal() {
    require!(["openbao-2.7.2"]);
    let (_server, mut ceremony) = handed_over();
    let empty = Server::in_memory();
    ceremony.set("/cluster/address", json!(empty.address()));
    ceremony
        .run(&[
            "rehearse",
            "--identity",
            "alice.key",
            "--identity",
            "bob.key",
        ])
        .exits(3)
        .says(&["is not initialised"])
        .never_says(&["is sealed", "--take-over"]);
}
