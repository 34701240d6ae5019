//! Looking at a cluster changes nothing. The one page that calls the library: no command looks only, so far.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use serde_json::json;
use vault_bootstrap::bootstrap::{Looked, Options, look};
use vault_bootstrap::config::{self, Config};
use vault_bootstrap::event::{Caller, Event, EventSink};
use vault_bootstrap::interrupt::Interrupt;
use vault_bootstrap::secret::{RootToken, Token};
use vault_bootstrap::session::Authority;
use vault_bootstrap::step::Step;
use vault_bootstrap::step::decide::Decision;

use crate::ceremony::{Ceremony, Server, handed_over, root_from_shares};
use crate::support::{Action, Proxy, require};

/// POSTs that only ask: they change nothing at the server.
const QUESTIONS: [&str; 4] = [
    "PUT sys/capabilities-self",
    "POST sys/capabilities-self",
    "PUT sys/audit-hash/file",
    "PUT auth/token/lookup-accessor",
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

fn root(server: &Server, ceremony: &Ceremony) -> Authority {
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let token = root_from_shares(&ada, "generate-root-token", &shares);
    Authority::Root(RootToken::new(Token::new(token)))
}

fn looked(config: &Config, authority: Authority) -> Vec<Looked> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop");
    let (interrupt, receiver) = (Interrupt::default(), |_: Event| {});
    let events = EventSink::new(&receiver);
    let caller = Caller {
        interrupt: &interrupt,
        events: &events,
    };
    let options = Options::default();
    let looked = runtime.block_on(look(config, &options, authority, caller));
    looked.unwrap_or_else(|failure| panic!("{failure}"))
}

fn decided(looked: &[Looked], step: Step) -> Decision {
    let found = looked.iter().find(|looked| looked.step == step);
    let decision = found.map(|looked| looked.decision.clone());
    decision
        .expect("every step is judged")
        .expect("it can be judged")
}

#[test]
fn looking_at_every_step_sends_no_write_touches_no_file_and_takes_no_lock() {
    let (server, mut ceremony) = handed_over();
    let authority = root(&server, &ceremony);
    let proxy = Proxy::before(&server.address(), |_| Action::Pass);
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let file = ceremony.path("bootstrap.yaml");
    let load = || config::load(&file, &|_| None).expect("a sound configuration");
    let directory = ceremony.path("checkpoint");
    // Another run is at it: looking does not mind.
    let lock = File::open(directory.join("lock")).expect("a lock");
    lock.lock().expect("it is free");
    let before = files(&directory);
    let as_written = looked(&load(), authority);
    assert_eq!(as_written.len(), 14);
    // A run that revokes root stands on nothing that an earlier one proved.
    for step in [Step::Audit, Step::Logins] {
        assert_eq!(decided(&as_written, step), Decision::Repair, "{step:?}");
    }
    for step in [
        Step::Secrets,
        Step::AuthMethods,
        Step::Policies,
        Step::Roles,
    ] {
        assert_eq!(decided(&as_written, step), Decision::Skip, "{step:?}");
    }
    let policy = json!({ "rules": "path \"secret/data/other\" { capabilities = [\"read\"] }" });
    ceremony.set("/policies/operator", policy);
    ceremony.save();
    let changed = looked(&load(), root(&server, &ceremony));
    assert_eq!(decided(&changed, Step::Policies), Decision::Repair);
    let policies = changed.iter().find(|looked| looked.step == Step::Policies);
    let details = serde_json::to_value(&policies.expect("a step").details).expect("data");
    assert_eq!(details[0]["path"], "sys/policies/acl/operator");
    assert_eq!(
        (&details[0]["change"], &details[0]["field"]),
        (&json!("differs"), &json!("policy"))
    );
    // What an earlier step would change counts as changed: the doors would be tried anew, the report written.
    assert_eq!(decided(&changed, Step::Logins), Decision::Repair);
    assert_eq!(decided(&changed, Step::HandOver), Decision::Repair);
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
