//! `apply --check --from`: what one machine should see is a finding where it does not, and what lies on another is counted
//! apart, with where it is seen.

use std::fs;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Run, Server, declared};
use crate::support::{DeclaredAudit, Setup, require};

fn check(ceremony: &Ceremony, from: &str) -> Run {
    ceremony.run(&["apply", "--check", "--from", from, "--output", "json"])
}

/// Things that were counted apart: what each is, and the command that looks at it.
fn apart(run: &Run) -> Vec<(String, String)> {
    let end: Value = run.events().pop().expect("an event");
    let apart = end["summary"]["apart"].as_array().cloned();
    let text = |one: &Value, key: &str| one[key].as_str().expect("a text").to_owned();
    let apart = apart.unwrap_or_default();
    let apart = apart.iter();
    apart
        .map(|one| (text(one, "thing"), text(one, "look")))
        .collect()
}

fn has(run: &Run, code: &str) -> bool {
    run.codes().contains(&code.to_owned())
}

#[test]
fn on_the_servers_machine_the_log_must_be_there_and_what_people_have_need_not() {
    for setup in [Setup::OpenBao272Static, Setup::Vault1211Shamir] {
        require!(setup.components());
        let server = Server::of(setup);
        let ceremony = Ceremony::at(&server);
        ceremony.apply().exits(4);
        for name in ["alice", "bob", "carol"] {
            fs::remove_file(ceremony.path(&format!("shares/{name}.age"))).expect("a share");
        }
        fs::remove_file(ceremony.path("operator.password")).expect("a password");
        let run = check(&ceremony, "operator");
        run.exits(4);
        for code in ["share-gone", "not-seen", "not-rehearsed"] {
            assert!(has(&run, code), "{setup:?} {code} {run}");
        }
        assert_eq!(apart(&run), [], "{run}");
        for from in ["pipeline", "server"] {
            let run = check(&ceremony, from);
            for code in [
                "share-gone",
                "not-seen",
                "not-rehearsed",
                "audit-not-written",
            ] {
                assert!(!has(&run, code), "{setup:?} {from} {code} {run}");
            }
            let apart = apart(&run);
            let count = |thing: &str, look: &str| {
                let all = apart.iter();
                all.filter(|one| one.0 == thing && one.1.contains(look))
                    .count()
            };
            let operator = "apply --check --from operator";
            assert_eq!(count("custodians-share", operator), 3, "{from} {run}");
            assert_eq!(count("secret", operator), 1, "{from} {run}");
            assert_eq!(count("rehearsal", "status"), 1, "{from} {run}");
            // It was read.
            assert_eq!(count("audit-log", ""), 0, "{from} {run}");
        }
        ceremony
            .run(&["apply", "--check", "--from", "server"])
            .prints(&[
                "on another machine, counted apart:",
                "the share of bob was not looked at",
                "look on the operator's machine:",
                "apply --check --from operator",
            ])
            .never_says(&["everything is as the file says"]);
        // The server goes on with another file, and nobody told it.
        let log = server.audit_file();
        fs::rename(&log, log.with_extension("log.1")).expect("a log");
        fs::write(&log, "").expect("a log");
        let run = check(&ceremony, "server");
        run.exits(4);
        assert!(has(&run, "audit-not-written"), "{setup:?} {run}");
        fs::remove_file(&log).expect("a log");
        fs::rename(log.with_extension("log.1"), &log).expect("a log");
    }
}

#[test]
fn a_log_that_cannot_be_read_is_a_finding_on_the_servers_machine_and_is_counted_apart_elsewhere() {
    require!(["openbao-2.7.2"]);
    let server = Server::with_audit(Some(DeclaredAudit {
        file: Some("audit.log".into()),
        ..declared(false)
    }));
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/audit/file/options/file_path", json!("audit.log"));
    ceremony.apply().exits(4);
    let run = check(&ceremony, "server");
    assert!(has(run.exits(4), "not-seen"), "{run}");
    ceremony
        .run(&["apply", "--check", "--from", "server"])
        .exits(4)
        .prints(&[
            "its log audit.log was not looked at: its path begins in the server's directory",
        ]);
    for from in ["operator", "pipeline"] {
        let run = check(&ceremony, from);
        assert!(!has(&run, "not-seen"), "{from} {run}");
        let apart = apart(&run);
        let log = apart.iter().find(|one| one.0 == "audit-log");
        let (_, look) = log.unwrap_or_else(|| panic!("{from} {run}"));
        assert!(look.contains("apply --check --from server"), "{look}");
    }
}

#[test]
fn without_its_checkpoint_no_machine_says_anything_of_a_cluster() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    ceremony.apply().exits(4);
    let kept = ceremony.path("checkpoint");
    fs::rename(&kept, kept.with_extension("away")).expect("a checkpoint");
    for from in ["operator", "pipeline", "server"] {
        ceremony
            .run(&["apply", "--check", "--from", from])
            .exits(3)
            .says(&[
                "has no checkpoint of this cluster",
                "run it where the ceremony was held",
            ]);
    }
}
