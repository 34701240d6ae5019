//! Checkpoints as earlier releases left them, taken up by the program and brought to their end.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Server};

#[test]
fn a_ceremony_that_an_earlier_release_left_without_an_answer_is_brought_to_its_end() {
    let forms = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints");
    for form in fs::read_dir(forms).expect("fixtures").flatten() {
        if !form.path().is_dir() {
            continue;
        }
        let server = Server::in_memory();
        let mut ceremony = Ceremony::unproved(&server);
        ceremony.set("/cluster/timeouts", json!({ "request": "2s" }));
        let directory = ceremony.path("checkpoint");
        let mut private = DirBuilder::new();
        private.mode(0o700).create(&directory).expect("a directory");
        for name in ["diary.json", "secrets"] {
            let from = form.path().join("awaited").join(name);
            fs::copy(from, directory.join(name)).expect("a copy");
        }
        ceremony.prove_all();
        // It began at an address that is long gone.
        let run = ceremony.run(&["apply", "--yes", "--accept-address", &server.address()]);
        run.exits(4).says(&["continues from its checkpoint"]);
        assert!(!ceremony.keeps_secrets());
        let auditor = server
            .api()
            .log_in("audit-reader", &ceremony.secrets["audit"]);
        auditor.no_root_is_left();
    }
}

#[test]
fn a_diary_with_one_replica_and_no_node_that_was_asked_is_carried_on() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.write("wrong.password", "this is not the password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    ceremony.apply().exits(1).says(&["login ada"]);
    let path = ceremony.path("checkpoint/diary.json");
    let text = fs::read_to_string(&path).expect("a diary");
    let mut diary: Value = serde_json::from_str(&text).expect("JSON");
    let map = diary.as_object_mut().expect("a map");
    map.shift_remove("attempt").expect("it is of this release");
    map.insert("left_for".into(), json!("s3://bucket/vault"));
    fs::write(&path, diary.to_string()).expect("written");
    ceremony.set("/logins/ada/password", json!({ "file": "ada.password" }));
    ceremony
        .apply()
        .exits(4)
        .prints(&["the shares left this machine, encrypted, for s3://bucket/vault"]);
    assert!(!ceremony.keeps_secrets());
}
