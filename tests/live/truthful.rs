//! What is said is all that was found, and what stands on disk says the same.

use serde_json::{Value, json};

use crate::break_glass::rehearse;
use crate::ceremony::{Ceremony, Server, handed_over, killed_or_ended};
use crate::remembered::root;
use crate::support::{Action, Faults, Setup, require};

const NEEDED: [&str; 1] = ["openbao-2.7.2"];

/// Codes of the findings that the report on disk has.
fn reported(ceremony: &Ceremony) -> Vec<String> {
    let report = ceremony.report();
    let findings = report["findings"].as_array().expect("findings").iter();
    let code = |one: &Value| one["code"].as_str().expect("a code").to_owned();
    findings.map(code).collect()
}

#[test]
fn the_report_has_what_the_last_run_found_and_nothing_that_is_settled() {
    require!(NEEDED);
    let (_server, ceremony) = handed_over();
    assert_eq!(reported(&ceremony), ["not-rehearsed"]);
    rehearse(&ceremony).exits(0);
    ceremony
        .apply()
        .exits(0)
        .says(&["the report was made anew, with what this run has found"]);
    assert_eq!(reported(&ceremony), Vec::<String>::new());
    std::fs::remove_file(ceremony.path("shares/carol.age")).expect("it was there");
    ceremony.apply().exits(4);
    assert_eq!(reported(&ceremony), ["share-gone"]);
    let page = std::fs::read_to_string(ceremony.path("checkpoint/report.txt")).expect("a page");
    assert!(page.contains("the share of carol is not at"), "{page}");
    ceremony.apply().exits(4).never_says(&["made anew"]);
}

#[test]
fn a_step_that_has_found_something_is_not_called_unchanged() {
    require!(NEEDED);
    let (_server, mut ceremony) = handed_over();
    ceremony.set("/audit/file/description", json!("another one"));
    let run = ceremony.run(&["apply", "--yes", "--output", "json"]);
    run.exits(4);
    let audit = |one: &Value| one["event"] == "step-finished" && one["step"] == "audit";
    let line = run.events().into_iter().find(audit).expect("its end");
    assert_eq!(line["outcome"], "with-findings", "{line}");
    ceremony
        .apply()
        .exits(4)
        .says(&["with findings"])
        .prints(&["[audit-device-differs]"]);
}

#[test]
fn a_login_that_another_one_stands_in_for_is_a_finding() {
    require!(NEEDED);
    let (_server, mut ceremony) = handed_over();
    ceremony.write("wrong.password", "this is not the password");
    ceremony.set(
        "/logins/auditor/password",
        json!({ "file": "wrong.password" }),
    );
    ceremony
        .apply()
        .exits(4)
        .prints(&["the login auditor does not open, and another one looked in its place"]);
}

#[test]
fn another_key_or_seal_in_the_file_is_compared_with_what_the_shares_were_made_for() {
    require!(NEEDED);
    let (_server, mut ceremony) = handed_over();
    let before = ceremony.file["init"]["custodians"][2]["age"]["recipient"].clone();
    let other = ceremony.age_custodian("dave")["age"]["recipient"].clone();
    ceremony.set("/init/custodians/2/age/recipient", other.clone());
    ceremony.set("/init/seal", json!("shamir"));
    let was = format!("the share of carol was encrypted to {}", text(&before));
    let is = format!("the file says {}", text(&other));
    let seal = "made for a cluster with `seal: auto`, and the file says `seal: shamir`";
    ceremony.apply().exits(4).prints(&[
        "[shares-not-as-in-file]",
        &was,
        &is,
        "recovery rotate",
        seal,
    ]);
    rehearse(&ceremony).exits(4).prints(&[&was, &is, seal]);
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn a_user_whom_the_file_names_no_more_is_named_as_long_as_the_server_has_them() {
    require!(NEEDED);
    let (_server, mut ceremony) = handed_over();
    ceremony.remove("/auth/userpass/users/operator");
    ceremony.remove("/logins/operator");
    let left =
        "auth/userpass/users/operator is not in the file any more, and is left on the server";
    ceremony.apply().exits(4).prints(&[left]);
    let delete = "curl -sS -X DELETE -H \"X-Vault-Token: $VAULT_TOKEN\" \
                  \"$VAULT_ADDR/v1/auth/userpass/users/operator\"";
    let keys = ["alice.key", "bob.key"];
    let words = keys.iter().flat_map(|key| ["--identity", key]);
    let words = ["break-glass", "--reason", "x", "--env"]
        .into_iter()
        .chain(words);
    let words: Vec<&str> = words.chain(["--", "sh", "-c", delete]).collect();
    ceremony.run(&words);
    ceremony
        .apply()
        .exits(4)
        .never_says(&["is not in the file any more"]);
}

#[test]
fn a_step_that_is_repeated_after_a_kill_shows_all_its_writes() {
    require!(NEEDED);
    let written = |ceremony: &Ceremony, step: &str| {
        let facts = ceremony.evidence(step);
        let mut all: Vec<String> = ["written_before", "written"]
            .iter()
            .filter_map(|fact| facts[*fact].as_array())
            .flatten()
            .map(|path| text(path).to_owned())
            .collect();
        all.sort();
        all
    };
    let server = Server::in_memory();
    let undisturbed = Ceremony::at(&server);
    undisturbed.apply().exits(4);
    for (step, label, action) in [
        (
            "policies",
            "POST sys/policies/acl/operator",
            Action::HoldAnswer,
        ),
        (
            "roles",
            "POST auth/userpass/users/operator",
            Action::HoldAnswer,
        ),
        ("secrets", "POST sys/mounts/secret", Action::HoldAnswer),
        ("roles", "POST auth/userpass/users/ada", Action::Hold),
    ] {
        let server = Server::in_memory();
        let mut ceremony = Ceremony::at(&server);
        let proxy = Faults::new().first(label, action).before(&server.address());
        ceremony.set("/cluster/address", json!(proxy.address()));
        assert!(killed_or_ended(ceremony.start(), &[&proxy]).is_none());
        ceremony.apply().exits(4);
        assert_eq!(
            written(&ceremony, step),
            written(&undisturbed, step),
            "{step}: {:#}",
            ceremony.evidence(step)
        );
        let page = std::fs::read_to_string(ceremony.path("checkpoint/report.txt"));
        assert!(page.expect("a page").contains(&label[5..]), "{label}");
    }
}

#[test]
fn a_server_that_is_down_is_named_at_once_with_the_way_to_stop() {
    require!(NEEDED);
    let (mut server, ceremony) = handed_over();
    server.kill();
    let down = ["start the server there, or correct cluster.address"];
    ceremony.apply().exits(1).says(&down);
    ceremony.save();
    let run = ceremony.tool().spawn(&["rehearse"]);
    run.wait_for_line("what it waits for", |line| {
        line.contains("nothing listens at")
    });
    run.signal(rustix::process::Signal::INT);
    let run = crate::ceremony::Run::from(run.finish());
    run.exits(130).says(&[
        "start the server there",
        "waited for up to",
        "Ctrl-C ends that safely",
    ]);
}

#[test]
fn a_policy_that_is_nowhere_is_named_as_long_as_somebody_has_it() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let policies = "/auth/userpass/users/ada/token_policies";
    ceremony.set(policies, json!(["opreator"]));
    let nowhere = "the policy opreator is neither in the file nor on the server";
    for _ in 0..2 {
        ceremony.apply().exits(4).prints(&[nowhere]);
    }
    ceremony.set(policies, json!(["default"]));
    ceremony.apply().never_says(&[nowhere]);
}

#[test]
fn a_mount_that_the_file_names_no_more_is_named_as_long_as_the_server_has_it() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony
        .set("/secrets/extra", json!({ "type": "kv" }))
        .set("/auth/more", json!({ "type": "approle" }));
    ceremony
        .apply()
        .exits(4)
        .never_says(&["is not in the file any more"]);
    ceremony.remove("/secrets/extra").remove("/auth/more");
    for _ in 0..2 {
        ceremony.apply().exits(4).prints(&[
            "sys/mounts/extra is not in the file any more",
            "sys/auth/more is not in the file any more",
        ]);
    }
}

#[test]
fn an_id_of_the_file_that_is_not_the_one_of_the_checkpoint_is_refused_everywhere() {
    require!(NEEDED);
    let (_server, mut ceremony) = handed_over();
    let known = ceremony.evidence("initialize").to_string();
    let id = "11111111-2222-3333-4444-555555555555";
    assert!(!known.contains(id));
    ceremony.set("/cluster/id", json!(id));
    ceremony.save();
    let said =
        format!("the file says cluster.id {id}, and the checkpoint checkpoint is of cluster");
    for words in [
        &["apply", "--yes"][..],
        &["plan"],
        &["rehearse", "--identity", "alice.key"],
    ] {
        ceremony
            .run(words)
            .exits(3)
            .says(&[&said, "correct cluster.id in the file"]);
    }
}

#[test]
fn root_that_is_revoked_is_not_said_to_be_kept() {
    require!(NEEDED);
    let (_server, mut ceremony) = handed_over();
    ceremony.set("/revoke_root", json!(false));
    ceremony.save();
    let kept = "the root token is still valid";
    ceremony
        .run(&["apply", "--yes", "--keep-root"])
        .exits(4)
        .never_says(&[kept]);
    assert!(!ceremony.report().to_string().contains(kept));
}

#[test]
fn the_quorum_is_that_of_the_checkpoint_and_a_key_that_opens_nothing_is_named() {
    require!(NEEDED);
    let (_server, mut ceremony) = handed_over();
    ceremony.age_custodian("mallory");
    ceremony
        .run(&[
            "rehearse",
            "--identity",
            "alice.key",
            "--identity",
            "mallory.key",
        ])
        .exits(1)
        .says(&[
            "mallory.key opens no share of this file",
            "only 1 of the 2 shares",
        ]);
    ceremony.set("/init/threshold", json!(3));
    ceremony.save();
    let words = ["--identity", "alice.key", "--identity", "bob.key"];
    let command = ["break-glass", "--reason", "x", "--env"];
    let run = ceremony.run(&[&command[..], &words, &["--", "true"]].concat());
    run.says(&["any 2 of 3 open it, but the file says 3 of 3"])
        .never_says(&["of the 3 shares needed"]);
}

/// Vault 1.21.1 panics in its own audit log at a RabbitMQ role with topics, and answers 500 to whoever reads it.
#[test]
fn what_a_server_cannot_show_stops_the_run_until_it_is_gone() {
    require!(["vault-1.21.1"]);
    let server = Server::of(Setup::Vault1211Shamir);
    let mut ceremony = Ceremony::at(&server);
    let topics = "{\"/\":{\"a\":{\"read\":\".*\"}}}";
    ceremony
        .set("/revoke_root", json!(false))
        .set("/secrets/rabbitmq", json!({ "type": "rabbitmq" }))
        .set(
            "/writes",
            json!([{ "path": "rabbitmq/roles/r", "data": { "tags": "a", "vhost_topics": topics } }]),
        );
    for _ in 0..2 {
        ceremony
            .run(&["apply", "--yes", "--keep-root"])
            .exits(1)
            .says(&[
                "v1/rabbitmq/roles/r was answered with 500",
                "none of its audit devices can write, or not this answer",
            ])
            .never_says(&["read before writing again"]);
    }
    ceremony.remove("/writes/0/data/vhost_topics");
    root(&server, &ceremony).delete("rabbitmq/roles/r");
    ceremony.run(&["apply", "--yes", "--keep-root"]).exits(4);
}

/// By hand here; a copy of the checkpoint that went on elsewhere leaves the same behind.
#[test]
fn root_that_somebody_else_has_ended_is_a_finding_and_not_proved_by_anything() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/revoke_root", json!(false));
    let keep = ["apply", "--yes", "--keep-root"];
    ceremony.run(&keep).exits(4);
    let valid = "kept on purpose, and still valid";
    ceremony.run(&keep).exits(4).prints(&[valid]);
    // Whatever root token there is.
    let admin = root(&server, &ceremony);
    let own = admin.read("auth/token/lookup-self")["data"]["accessor"].clone();
    for accessor in admin
        .roots()
        .iter()
        .filter(|one| **one != own)
        .chain([&own])
    {
        admin.put(
            "auth/token/revoke-accessor",
            &json!({ "accessor": accessor }),
        );
    }
    let ended = "no run recorded here revoked it: nothing shows who did";
    ceremony
        .run(&keep)
        .exits(4)
        .prints(&[ended, "nothing recorded shows that it was revoked"])
        .never_says(&["kept on purpose", "then this revokes root"]);
    ceremony.remove("/revoke_root");
    for _ in 0..2 {
        ceremony.apply().exits(4).prints(&[ended]);
    }
    assert!(reported(&ceremony).contains(&"root-token-invalid".to_owned()));
    let status = ceremony.run(&["status"]);
    status.exits(0).prints(&["root-token-invalid"]);
}
