//! Several machines at one replica, and what a person sees of it.

use super::*;

/// A machine with a directory of its own, for the same cluster and the same people.
fn second_machine(ceremony: &mut Ceremony) {
    ceremony.set("/checkpoint/path", json!("elsewhere"));
}

#[test]
fn of_two_machines_at_once_the_second_is_refused_and_one_that_was_taken_over_does_nothing_more() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let may_go = Gate::default();
    let faults = Faults::new().every(MOUNTS, Action::Await(may_go.clone()));
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.set("/cluster/timeouts", json!({ "request": "110s" }));
    let first = ceremony.start();
    assert!(eventually(PATIENCE, || faults.struck(MOUNTS) > 0));
    second_machine(&mut ceremony);
    ceremony.set("/cluster/address", json!(server.address()));
    let refused = ceremony.apply();
    refused
        .exits(3)
        .says(&["another run holds aws-ssm://us-east-1", "in /"]);
    ceremony
        .run(&["apply", "--yes", "--take-over", "0123456789abcdef"])
        .exits(3);
    let id = id_in(&refused);
    // It comes to a door that does not open, and root stays alive for the one that was taken over.
    ceremony.write("wrong.password", "this is not the password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    ceremony
        .run(&["apply", "--yes", "--take-over", &id])
        .exits(1)
        .says(&["login ada"]);
    let log = server.audit().after_this();
    may_go.open();
    let first = Run::from(first.finish());
    first.exits(3).says(&[
        "another machine has taken aws-ssm://us-east-1",
        "leave it to that one",
    ]);
    assert_eq!(log.writes(), Vec::<String>::new(), "{first}");
    ceremony.set("/logins/ada/password", json!({ "file": "ada.password" }));
    ceremony.apply().exits(4);
}

#[test]
fn status_says_where_the_replica_is_and_who_holds_it() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    ceremony.run(&["status"]).exits(4).prints(&["nothing yet"]);
    killed_at(
        &server,
        &mut ceremony,
        "GET auth/token/lookup-self",
        1,
        false,
    );
    lose_the_disk(&ceremony);
    let run = ceremony.run(&["status"]);
    run.exits(4).prints(&[
        "replica aws-ssm://us-east-1",
        "with secrets; held by user",
        "to be taken over as",
        "next: vault-bootstrap apply --take-over ",
        "initialise the cluster done",
    ]);
    let machine = ceremony.run(&["status", "--output", "json"]);
    let said = machine.event();
    let id = said["lease"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(said["lease"]["here"], false);
    let refused = ceremony.run(&["apply", "--yes", "--output", "json"]);
    refused.exits(3);
    assert_eq!(refused.event()["problems"][0]["take_over"], id, "{refused}");
    assert!(
        said["replica"]
            .as_str()
            .expect("a text")
            .contains("checkpoint"),
        "{said}"
    );
}

#[test]
fn what_is_abandoned_is_destroyed_at_the_replica_too() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    killed_at(
        &server,
        &mut ceremony,
        "GET auth/token/lookup-self",
        1,
        false,
    );
    assert!(
        kept(&ceremony)
            .iter()
            .any(|name| name.starts_with("secrets-"))
    );
    lose_the_disk(&ceremony);
    let refused = ceremony.run(&["apply", "--abandon", "lose test"]);
    let id = id_in(refused.exits(3));
    ceremony
        .run(&["apply", "--abandon", "lose test", "--take-over", &id])
        .exits(0)
        .prints(&["its deletion was read back", "empty its storage"]);
    only_public_things_are_kept(&kept(&ceremony));
    assert!(!ceremony.keeps_secrets());
}

/// The pods of a Kubernetes Job follow each other, and each is another machine.
#[test]
fn a_run_that_is_given_a_name_goes_on_from_the_one_before_it_and_another_name_does_not() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let named = |ceremony: &mut Ceremony, name: &str| {
        let entry = ("VAULT_BOOTSTRAP_RUN".to_owned(), name.to_owned());
        ceremony
            .environment
            .retain(|(variable, _)| *variable != entry.0);
        ceremony.environment.push(entry);
    };
    named(&mut ceremony, "a name; of nothing");
    ceremony
        .apply()
        .exits(2)
        .says(&["VAULT_BOOTSTRAP_RUN is no name of a run"]);
    named(&mut ceremony, "5c0f8a2e-job");
    let _proxy = killed_at(&server, &mut ceremony, MOUNTS, 1, false);
    lose_the_disk(&ceremony);
    named(&mut ceremony, "another-job");
    ceremony.apply().exits(3).says(&["another run holds"]);
    named(&mut ceremony, "5c0f8a2e-job");
    lose_the_disk(&ceremony);
    ceremony
        .apply()
        .exits(4)
        .says(&["taking over from the run of the same name by user"]);
    is_handed_over(&server, &ceremony);
    // A machine that comes later has the report all the same.
    lose_the_disk(&ceremony);
    ceremony
        .run(&["apply", "--yes", "--report", "copy.json"])
        .exits(4)
        .says(&["the report was made anew"]);
    let copy = std::fs::read_to_string(ceremony.path("copy.json")).expect("a copy");
    assert!(copy.contains("revoke-root"), "{copy}");
    // And knows which cluster it must be.
    lose_the_disk(&ceremony);
    let keys = ["alice", "bob", "carol"].map(|name| format!("{name}.key"));
    let words = keys.iter().flat_map(|key| ["--identity", key]);
    let rehearse: Vec<&str> = std::iter::once("rehearse").chain(words).collect();
    let run = ceremony.run(&rehearse);
    run.says(&["made a root token"])
        .never_says(&["nothing here says which cluster"]);
}
