//! Looking at a cluster changes nothing, neither there nor here.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use crate::ceremony::{Ceremony, Server, handed_over};
use crate::support::{Action, Faults, Proxy, require};

/// POSTs that only ask, and the login that looks, which ends: they change nothing else at the server.
const QUESTIONS: [&str; 6] = [
    "PUT sys/capabilities-self",
    "POST sys/capabilities-self",
    "PUT sys/audit-hash/file",
    "POST auth/token/lookup-accessor",
    "POST auth/userpass/login/audit-reader",
    "POST auth/token/revoke-self",
];

/// Every file below a directory with its bytes and the time of its last change.
fn files(directory: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let changed = fs::metadata(&path).and_then(|file| file.modified());
                let file = (fs::read(&path).expect("a file"), changed.expect("a time"));
                found.insert(path.display().to_string(), file);
            }
        }
    }
    found
}

#[test]
fn a_plan_sends_no_write_touches_no_file_and_takes_no_lock() {
    let (server, mut ceremony) = handed_over();
    let proxy = Proxy::before(&server.address(), |_| Action::Pass);
    ceremony.set("/cluster/address", json!(proxy.address()));
    let policy = json!({ "rules": "path \"secret/data/other\" { capabilities = [\"read\"] }" });
    ceremony.set("/policies/operator", policy);
    ceremony.save();
    let directory = ceremony.path("checkpoint");
    // Another run is at it: looking does not mind.
    let lock = File::open(directory.join("lock")).expect("a lock");
    lock.lock().expect("it is free");
    let before = files(&directory);
    let run = ceremony.run(&["plan", "--output", "json"]);
    let plan = run.exits(0).event();
    assert_eq!(plan["changes"], 1, "{plan}");
    assert_eq!(files(&directory), before, "no file is written");
    let asks = |label: &str| {
        let reads = ["GET ", "LIST ", "HEAD "]
            .iter()
            .any(|verb| label.starts_with(verb));
        reads || QUESTIONS.contains(&label)
    };
    let sent = proxy.counts();
    let written: Vec<_> = sent.keys().filter(|label| !asks(label)).collect();
    assert!(written.is_empty(), "{written:?}");
    assert!(sent.len() > 10, "it has looked: {sent:?}");
}

#[test]
fn a_server_that_audits_is_not_said_to_audit_nothing_because_the_file_is_silent() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.remove("/audit");
    let run = ceremony.apply();
    run.exits(4)
        .prints(&["those that the server has (file) are not checked"]);
    assert!(!run.stdout.contains("nobody will know"), "{run}");
    let report = std::fs::read_to_string(ceremony.path("checkpoint/report.txt")).expect("a report");
    assert!(
        report.contains("written by  ") && report.contains(" (uid "),
        "{report}"
    );
}

#[test]
fn status_tells_of_a_run_that_goes_on_and_of_what_the_last_report_says() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().first("GET sys/policies/acl/operator", Action::Hold);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let quiet = ceremony.run(&["status"]);
    assert!(!quiet.stdout.contains("running"), "{quiet}");
    let mut run = ceremony.start();
    let begun = Instant::now();
    while !proxy.wait_for_held(Duration::from_millis(20)) {
        assert!(!run.has_ended(), "it waits for its answer");
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
    let line = format!("running  process {} of ", run.id());
    let once = format!("once process {} has ended, which is at it", run.id());
    ceremony.run(&["status"]).exits(4).prints(&[&line, &once]);
    let said = ceremony.run(&["status", "--output", "json"]).event();
    assert_eq!(said["running"]["process"], run.id(), "{said}");
    run.kill();
    let killed = ceremony.run(&["status"]);
    assert!(!killed.stdout.contains("running"), "{killed}");
    ceremony.apply().exits(4);
    let said = ceremony.run(&["status", "--output", "json"]).event();
    let report = ceremony.report();
    let codes: Vec<_> = report["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["code"].clone())
        .collect();
    assert!(!codes.is_empty(), "{report:#}");
    assert_eq!(said["report"]["findings"], json!(codes), "{said:#}");
    assert_eq!(said["report"]["written"], report["written"]);
    let code = codes[0].as_str().expect("a name");
    ceremony
        .run(&["status"])
        .prints(&["report   ", "found ", code]);
}
