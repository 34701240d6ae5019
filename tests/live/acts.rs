//! Writes that may have arrived: what is done once is not done twice, and what was corrected is not taken for sent.

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Server, killed_or_ended};
use crate::support::{Action, Faults, Proxy, require};

const NEEDED: [&str; 1] = ["openbao-2.7.2"];

/// Keeps root alive, behind a proxy.
fn through(server: &Server, faults: &Faults, writes: Value) -> (Ceremony, Proxy) {
    let mut ceremony = Ceremony::at(server);
    let proxy = faults.before(&server.address());
    ceremony
        .set("/cluster/address", json!(proxy.address()))
        .set("/secrets/ssh", json!({ "type": "ssh" }))
        .set("/secrets/pki", json!({ "type": "pki" }))
        .set("/writes", writes)
        .set("/logins/operator/can", json!({ "sys/mounts": ["sudo"] }));
    (ceremony, proxy)
}

/// How often this was written.
fn times(server: &Server, path: &str) -> usize {
    let writes = server.audit().writes();
    writes.iter().filter(|line| line.ends_with(path)).count()
}

#[test]
fn a_key_that_a_killed_run_has_made_is_found_and_not_made_again() {
    require!(NEEDED);
    for (path, data) in [
        ("ssh/config/ca", json!({ "generate_signing_key": true })),
        (
            "pki/root/generate/internal",
            json!({ "common_name": "tests", "issuer_name": "first" }),
        ),
    ] {
        let server = Server::in_memory();
        let faults = Faults::new().first(format!("POST {path}"), Action::HoldAnswer);
        let writes = json!([{ "path": path, "data": data }]);
        let (ceremony, proxy) = through(&server, &faults, writes);
        assert!(killed_or_ended(ceremony.start(), &[&proxy]).is_none());
        ceremony.apply().exits(1).says(&["it opened, but"]);
        ceremony.apply().exits(1).says(&["it opened, but"]);
        assert_eq!(times(&server, path), 1, "{path}");
    }
}

#[test]
fn what_may_have_been_made_under_no_known_name_stops_the_run_until_somebody_has_looked() {
    require!(NEEDED);
    const PATH: &str = "pki/root/generate/internal";
    for action in [Action::HoldAnswer, Action::Hold] {
        let server = Server::in_memory();
        let faults = Faults::new().first(format!("POST {PATH}"), action);
        let writes = json!([{ "path": PATH, "data": { "common_name": "tests" } }]);
        let (ceremony, proxy) = through(&server, &faults, writes);
        assert!(killed_or_ended(ceremony.start(), &[&proxy]).is_none());
        let before = times(&server, PATH);
        ceremony.apply().exits(3).says(&[
            "it may have arrived, and a second write makes a second one",
            "apply --again pki/root/generate/internal",
        ]);
        assert_eq!(times(&server, PATH), before);
        ceremony
            .run(&["apply", "--yes", "--again", PATH])
            .exits(1)
            .says(&["it opened, but"]);
        assert_eq!(times(&server, PATH), before + 1);
    }
}

#[test]
fn what_the_server_refuses_to_make_may_be_corrected_and_made() {
    require!(NEEDED);
    let server = Server::in_memory();
    let writes = json!([{ "path": "pki/root/generate/internal", "data": { "common_name": "tests", "key_type": "none" } }]);
    let (mut ceremony, _proxy) = through(&server, &Faults::new(), writes);
    ceremony
        .apply()
        .exits(1)
        .says(&["pki/root/generate/internal"]);
    ceremony.set("/writes/0/data/key_type", json!("ec"));
    ceremony.apply().exits(1).says(&["it opened, but"]);
}

#[test]
fn a_corrected_type_that_was_answered_with_503_is_sent_again() {
    require!(NEEDED);
    let server = Server::in_memory();
    let path = "secret/metadata/app";
    let data = |team: Value| json!([{ "path": path, "data": { "max_versions": team } }]);
    // The server takes both for the same, so only what was sent tells them apart.
    let unavailable = Action::Respond(503, "application/json", "{\"errors\":[]}".to_owned());
    let faults = Faults::new().nth(2, format!("POST {path}"), unavailable);
    let (mut ceremony, _proxy) = through(&server, &faults, data(json!(3)));
    ceremony.apply().exits(1).says(&["it opened, but"]);
    ceremony.set("/writes", data(json!("3")));
    let before = times(&server, path);
    ceremony.apply().exits(1).says(&["it opened, but"]);
    assert_eq!(times(&server, path), before + 1);
}
