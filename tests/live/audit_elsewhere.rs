//! A log that was moved or deleted, and a server that was not told: it writes to a file that nobody looks at.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::ceremony::{Ceremony, Run, Server, declared, handed_over_on};
use crate::support::{Action, DeclaredAudit, Faults, RequestInfo, Setup, eventually, require};

const ADVICE: &str = "send it SIGHUP, or move the log back";

/// Away with the log.
type Rotation = fn(&Server);

/// As people do who know no better.
fn moved(server: &Server) {
    moved_file(&server.audit_file());
}

fn moved_file(file: &Path) {
    fs::rename(file, file.with_extension("log.1")).expect("a log");
    fs::write(file, "").expect("a log");
}

fn deleted(server: &Server) {
    fs::remove_file(server.audit_file()).expect("a log");
}

/// The server opens the log again.
fn told(server: &Server) {
    server.hang_up();
    let writes = || {
        server.get("sys/internal/ui/mounts", None);
        fs::metadata(server.audit_file()).is_ok_and(|log| log.len() > 0)
    };
    assert!(eventually(Duration::from_secs(10), writes));
}

fn finding(server: &Server) -> String {
    format!(
        "audit device file: what this run asked of {} is not in {}{}: the server may write its log somewhere else",
        server.address(),
        server.audit_file().display(),
        if server.audit_file().exists() {
            ""
        } else {
            ", a file that is not there"
        }
    )
}

fn rehearse(ceremony: &Ceremony) -> Run {
    let keys = ["alice.key", "bob.key", "carol.key"];
    let keys = keys.iter().flat_map(|key| ["--identity", key]);
    let words: Vec<&str> = ["rehearse"].into_iter().chain(keys).collect();
    ceremony.run(&words)
}

/// After the hand-over.
fn is_found(server: &Server, ceremony: &Ceremony, rotation: Rotation) {
    ceremony.apply().exits(4);
    let quiet = |run: &Run| {
        run.never_says(&["write its log somewhere else"]);
    };
    quiet(&ceremony.apply());
    quiet(rehearse(ceremony).prints(&["rehearsed: "]));
    rotation(server);
    let found = finding(server);
    let run = ceremony.apply();
    run.exits(4).prints(&[&found, ADVICE]);
    let json = ceremony.run(&["apply", "--yes", "--output", "json"]);
    let end = json.events().pop().expect("an event");
    let findings = end["findings"].as_array().expect("findings").iter();
    let codes = findings.filter(|one| one["code"] == "audit-not-written");
    assert_eq!(codes.count(), 1, "{end:#}");
    let run = rehearse(ceremony);
    run.exits(4).prints(&[&found, ADVICE]);
    told(server);
    quiet(&ceremony.apply());
    quiet(rehearse(ceremony).prints(&["rehearsed: "]));
}

/// In the middle: the first run stops after the audit step.
fn keeps_root(server: &Server, mut ceremony: Ceremony, rotation: Rotation) {
    ceremony.write("wrong.password", "this is not her password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    ceremony.apply().exits(1).says(&["login ada"]);
    ceremony.set("/logins/ada/password", json!({ "file": "ada.password" }));
    rotation(server);
    let file = server.audit_file();
    let asked = format!("is not in {}", file.display());
    let run = ceremony.apply();
    run.exits(3).says(&[
        "audit device file: what this run asked of ",
        &asked,
        "send the server SIGHUP",
    ]);
    assert!(ceremony.keeps_secrets(), "{run}");
    told(server);
    ceremony.apply().exits(4);
    assert!(!ceremony.keeps_secrets());
    let auditor = &ceremony.secrets["audit"];
    server
        .api()
        .log_in("audit-reader", auditor)
        .no_root_is_left();
}

#[test]
fn a_log_of_openbao_that_was_moved_after_the_hand_over_is_found() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    is_found(&server, &Ceremony::at(&server), moved);
}

#[test]
fn a_log_of_openbao_that_was_deleted_after_the_hand_over_is_found() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    is_found(&server, &Ceremony::at(&server), deleted);
}

#[test]
fn a_log_that_is_gone_is_missed_at_another_address_of_this_machine_too() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.apply().exits(4);
    let proxy = Faults::new().before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony
        .apply()
        .never_says(&["write its log somewhere else"]);
    deleted(&server);
    let asked = format!("what this run asked of {} is not in", proxy.address());
    ceremony.apply().exits(4).prints(&[&asked, ADVICE]);
}

/// Where the server runs is not where we do.
#[test]
fn of_a_log_that_cannot_be_read_here_nothing_is_claimed() {
    require!(["openbao-2.7.2"]);
    let server = Server::with_audit(Some(DeclaredAudit {
        file: Some("audit.log".into()),
        ..declared(false)
    }));
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/audit/file/options/file_path", json!("audit.log"));
    let run = ceremony.apply();
    run.exits(4).says(&["its log cannot be read from here"]);
    // In the server's own directory, which is none of ours.
    deleted(&server);
    let nothing = ["write its log somewhere else", "is not in"];
    ceremony.apply().exits(4).never_says(&nothing);
    // One that stands where we do is not the server's.
    ceremony.write("audit.log", "");
    ceremony.apply().exits(4).never_says(&nothing);
    rehearse(&ceremony).exits(0).never_says(&nothing);
}

#[test]
fn a_log_of_vault_that_was_moved_after_the_hand_over_is_found() {
    require!(["vault-1.21.1"]);
    let server = Server::of(Setup::Vault1211Shamir);
    is_found(&server, &Ceremony::at(&server), moved);
}

#[test]
fn a_log_of_vault_that_was_deleted_after_the_hand_over_is_found() {
    require!(["vault-1.21.1"]);
    let server = Server::of(Setup::Vault1211Shamir);
    is_found(&server, &Ceremony::at(&server), deleted);
}

#[test]
fn root_stays_where_the_log_was_moved_in_the_middle() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    keeps_root(&server, Ceremony::at(&server), moved);
}

#[test]
fn root_stays_where_the_log_was_deleted_in_the_middle() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    keeps_root(&server, Ceremony::at(&server), deleted);
}

/// In one run, between the step that looks and the end of root.
#[test]
fn root_stays_where_the_log_was_moved_after_the_step_that_looked() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let file = server.audit_file();
    let away = file.clone();
    let faults = Faults::new().nth(
        1,
        "POST sys/policies/acl/operator",
        move |_: &RequestInfo| {
            moved_file(&away);
            Action::Pass
        },
    );
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let asked = format!("is not in {}", file.display());
    let run = ceremony.apply();
    run.exits(3).says(&[&asked, "root is still valid"]);
    assert!(ceremony.keeps_secrets(), "{run}");
    told(&server);
    ceremony.apply().exits(4);
    assert!(!ceremony.keeps_secrets());
}

#[test]
fn root_stays_where_the_log_of_vault_was_moved_in_the_middle() {
    require!(["vault-1.21.1"]);
    let server = Server::of(Setup::Vault1211Shamir);
    keeps_root(&server, Ceremony::at(&server), moved);
}

/// As a node whose configuration somebody forgot, and that leads now.
#[test]
fn a_device_that_a_node_does_not_declare_is_told_where_it_belongs() {
    require!(["openbao-2.7.2"]);
    let (mut server, ceremony) = handed_over_on(Setup::OpenBao272Static);
    let file = server.configuration_file();
    let configuration = fs::read_to_string(&file).expect("a configuration");
    let (before, rest) = configuration.split_once("audit \"").expect("a stanza");
    let (_, after) = rest.split_once("\n}\n}\n").expect("its end");
    fs::write(&file, format!("{before}{after}")).expect("a configuration");
    server.restart();
    let belongs = format!(
        "configuration of each node: add the device to that of {}",
        server.address()
    );
    ceremony
        .apply()
        .exits(4)
        .prints(&[&belongs])
        .never_says(&[ADVICE, "give it that rule"]);
}
