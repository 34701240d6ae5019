//! A plan in a file: what it shows is written, and nothing else.

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Server, handed_over_elsewhere, handed_over_managed};
use crate::support::{Action, Faults, Setup};

const OPENBAO: Setup = Setup::OpenBao272Static;

fn rules(path: &str) -> Value {
    json!({ "rules": format!("path \"{path}\" {{ capabilities = [\"read\"] }}") })
}

/// A cluster whose file was changed since, and a plan of that.
fn planned() -> (Server, Ceremony) {
    let (server, mut ceremony) = handed_over_managed(OPENBAO);
    ceremony
        .set("/policies/operator", rules("secret/data/other"))
        .set("/auth/userpass/users/operator/token_ttl", json!("30m"));
    ceremony.password("operator");
    let plan = ceremony.run(&["plan", "--login", "admin", "-o", "monday.plan"]);
    plan.exits(0).prints(&["sys/policies/acl/operator"]);
    (server, ceremony)
}

const APPLY: [&str; 3] = ["apply", "--plan", "monday.plan"];

#[test]
fn what_was_planned_is_written_without_a_question_and_only_once() {
    let (server, ceremony) = planned();
    let log = server.audit().after_this();
    ceremony
        .run(&APPLY)
        .exits(4)
        .never_says(&["differs from the file", "not written"]);
    let written = ["sys/policies/acl/operator", "auth/userpass/users/operator"];
    let writes = log.writes();
    assert!(
        written
            .iter()
            .all(|path| writes.iter().any(|line| line.ends_with(path))),
        "{writes:?}"
    );
    assert_eq!(writes.len(), 2, "{writes:?}");
    server
        .api()
        .log_in("operator", &ceremony.secrets["operator"]);
    let log = server.audit().after_this();
    ceremony.run(&APPLY).exits(3).says(&[
        "planned, and not so any more",
        "make the plan anew",
        "plan -o FILE --login ",
    ]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn a_plan_is_refused_where_the_file_or_the_server_moved_since() {
    let (server, mut ceremony) = planned();
    let log = server.audit().after_this();
    ceremony.set("/policies/operator", rules("secret/data/third"));
    ceremony.run(&APPLY).exits(3).says(&[
        "another one than when the plan was made",
        "another value is to be sent to",
    ]);
    ceremony.set("/policies/operator", rules("secret/data/other"));
    ceremony.set("/policies/later", rules("later/*"));
    ceremony
        .run(&APPLY)
        .exits(3)
        .says(&["not planned: sys/policies/acl/later"]);
    ceremony.remove("/policies/later");
    let old = ceremony.secrets["operator"].clone();
    let new = ceremony.password("operator");
    let run = ceremony.run(&APPLY);
    run.exits(3)
        .says(&["another value is to be sent to"])
        .never_says(&[&old, &new]);
    assert_eq!(log.writes(), Vec::<String>::new());
    ceremony.write("operator.password", &format!("{old}\n"));
    server
        .api()
        .log_in("admin", &ceremony.secrets["admin"])
        .write(
            "auth/userpass/users/operator",
            &json!({ "token_ttl": "2h" }),
        );
    let log = server.audit().after_this();
    ceremony
        .run(&APPLY)
        .exits(3)
        .says(&["token_ttl", "not planned"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn a_plan_of_another_cluster_another_release_or_an_edited_one_is_refused() {
    let (server, ceremony) = planned();
    let log = server.audit().after_this();
    let text = std::fs::read_to_string(ceremony.path("monday.plan")).expect("a plan");
    assert!(
        !ceremony
            .secrets
            .values()
            .any(|secret| text.contains(secret)),
        "a secret is in the plan"
    );
    use std::os::unix::fs::PermissionsExt;
    let mode = ceremony
        .path("monday.plan")
        .metadata()
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0);
    let (_other, elsewhere) = handed_over_elsewhere();
    elsewhere.write("monday.plan", &text);
    elsewhere
        .run(&APPLY)
        .exits(3)
        .says(&["the plan is for the cluster test ("]);
    let changed = |old: &str, new: &str| {
        assert!(text.contains(old), "{old}: {text}");
        ceremony.write("monday.plan", &text.replace(old, new));
        ceremony.run(&APPLY)
    };
    changed("sys/policies/acl/operator", "sys/policies/acl/admin")
        .exits(3)
        .says(&["not planned"]);
    changed("\"admin\"", "\"auditor\"")
        .exits(3)
        .says(&["another one than when the plan was made"]);
    changed("\"version\": 2", "\"version\": 3")
        .exits(2)
        .says(&["is no plan that this release can carry out"]);
    ceremony.write("monday.plan", &text[..text.len() / 2]);
    ceremony.run(&APPLY).exits(2).says(&["is no plan"]);
    ceremony
        .run(&["apply", "--plan", "tuesday.plan"])
        .exits(2)
        .says(&["cannot read tuesday.plan", "plan -o FILE"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

/// A plan of a ceremony that nobody has begun.
fn planned_ceremony(server: &Server) -> Ceremony {
    let ceremony = Ceremony::at(server);
    ceremony
        .run(&["plan", "-o", "monday.plan"])
        .exits(0)
        .prints(&["plan file: monday.plan", "apply --plan monday.plan"]);
    assert!(!server.api().initialised());
    ceremony
}

#[test]
fn a_whole_ceremony_is_held_as_it_was_planned_and_not_once_more() {
    let server = Server::in_memory();
    let ceremony = planned_ceremony(&server);
    ceremony
        .run(&APPLY)
        .exits(4)
        .prints(&["root         revoked"])
        .shows_no_token();
    let again = ceremony.run(&APPLY);
    again.exits(3).says(&["the server was ", "plan -o FILE"]);
}

#[test]
fn a_ceremony_is_not_held_where_the_file_or_the_server_moved_since() {
    let server = Server::in_memory();
    let mut ceremony = planned_ceremony(&server);
    // Another form and a secret's other value are the same plan; another line is not.
    ceremony.password("operator");
    let file = ceremony.path("bootstrap.yaml");
    let text = std::fs::read_to_string(&file).expect("the file");
    std::fs::write(&file, format!("# for Monday\n\n{text}")).expect("the file");
    ceremony.set("/auth/userpass/users/operator/token_ttl", json!("30m"));
    ceremony.save();
    ceremony
        .run(&APPLY)
        .exits(3)
        .says(&["says something else", "nothing was written"]);
    assert!(!server.api().initialised());
    ceremony.run(&["plan", "-o", "monday.plan"]).exits(0);
    let other = Server::in_memory();
    ceremony.set("/cluster/address", json!(other.address()));
    ceremony.save();
    ceremony.run(&APPLY).exits(3).says(&["the address was "]);
    ceremony.set("/cluster/address", json!(server.address()));
    ceremony.save();
    ceremony.run(&["apply", "--yes"]).exits(4);
    ceremony.run(&APPLY).exits(3).says(&["the server was "]);
}

#[test]
fn a_ceremony_that_was_killed_goes_on_by_a_plan_of_the_rest() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().first("POST sys/policies/acl/operator", Action::Hold);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = crate::ceremony::killed_or_ended(ceremony.start(), &[&proxy]);
    assert!(run.is_none(), "{run:?}");
    ceremony
        .run(&["plan", "-o", "monday.plan"])
        .exits(0)
        .prints(&["looked as    root", "sys/policies/acl/operator"]);
    ceremony
        .run(&APPLY)
        .exits(4)
        .prints(&["root         revoked"]);
}

#[test]
fn a_run_that_was_killed_while_it_wrote_is_taken_up_by_the_next() {
    for action in [Action::Hold, Action::HoldAnswer] {
        let (server, mut ceremony) = handed_over_managed(OPENBAO);
        let faults = Faults::new().first("POST sys/policies/acl/operator", action);
        let proxy = faults.before(&server.address());
        ceremony
            .set("/cluster/address", json!(proxy.address()))
            .set("/policies/operator", rules("secret/data/other"))
            .set("/auth/userpass/users/operator/token_ttl", json!("30m"));
        ceremony.save();
        let run = ceremony
            .tool()
            .spawn(&["apply", "--yes", "--login", "admin"]);
        assert!(crate::ceremony::killed_or_ended(run, &[&proxy]).is_none());
        let admin = server.api().log_in("admin", &ceremony.secrets["admin"]);
        ceremony
            .run(&["apply", "--yes", "--login", "admin"])
            .exits(4)
            .never_says(&["differs from the file"]);
        let have = admin.read("sys/policies/acl/operator");
        assert!(
            have["data"]["policy"]
                .as_str()
                .expect("a text")
                .contains("secret/data/other"),
            "{have}"
        );
        assert_eq!(
            admin.read("auth/userpass/users/operator")["data"]["token_ttl"],
            1800
        );
        let log = server.audit().after_this();
        ceremony
            .run(&["apply", "--yes", "--login", "admin"])
            .exits(4)
            .prints(&["nothing was written"]);
        assert_eq!(log.writes(), Vec::<String>::new());
    }
}
