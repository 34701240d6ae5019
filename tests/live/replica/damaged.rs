//! A replica that is not what was written: it is refused, and bars nobody who does not need it.

use super::*;

/// Everything is in hand, and the run was killed.
fn killed_with_the_answer(server: &Server) -> (Ceremony, Proxy) {
    let mut ceremony = with_parameters(server);
    let label = "GET auth/token/lookup-self";
    let proxy = killed_at(server, &mut ceremony, label, 1, false);
    (ceremony, proxy)
}

/// Writes something else over every value whose name begins so.
fn damage(ceremony: &Ceremony, beginning: &str) {
    let names = kept(ceremony);
    let names: Vec<_> = names
        .iter()
        .filter(|name| name.starts_with(beginning))
        .collect();
    assert!(!names.is_empty(), "nothing there is {beginning}");
    for name in names {
        let name = format!("{}/checkpoint/{name}", ceremony.prefix());
        let written = LocalStack::shared().ssm_put(&name, &STANDARD.encode("else"), true);
        written.expect("it is written over");
    }
}

#[test]
fn a_replica_that_is_damaged_is_refused_and_can_be_given_up() {
    require!(NEEDED);
    for part in ["commit", "claim-", "diary-", "secrets-"] {
        let server = Server::in_memory();
        let (ceremony, _proxy) = killed_with_the_answer(&server);
        let place = format!("aws-ssm://us-east-1{}/checkpoint", ceremony.prefix());
        let lease = LocalStack::shared()
            .ssm_get(&format!("{}/checkpoint/claim-1", ceremony.prefix()))
            .expect("it was killed");
        let lease: Value =
            serde_json::from_slice(&STANDARD.decode(lease).expect("base64")).expect("JSON");
        let id = lease["id"].as_str().expect("a text").to_owned();
        lose_the_disk(&ceremony);
        damage(&ceremony, part);
        let there = kept(&ceremony);
        ceremony
            .run(&["apply", "--yes", "--take-over", &id])
            .exits(3)
            .says(&[
                "replica of the checkpoint: aws-ssm://us-east-1",
                "damaged: ",
                "what to do:",
                "vault-bootstrap apply --abandon",
                "nothing there is deleted",
            ]);
        ceremony
            .run(&["apply", "--abandon", "test", "--take-over", &id])
            .exits(0)
            .prints(&[
                &format!("delete what {place} may still hold, encrypted"),
                "damaged",
            ]);
        let names = kept(&ceremony);
        let gone = |name: &&String| !names.contains(name) && !name.starts_with("claim-");
        assert_eq!(there.iter().find(gone), None, "{part}");
    }
}

#[test]
fn a_directory_that_keeps_its_own_answer_goes_on_at_another_place_where_the_replica_is_damaged() {
    require!(NEEDED);
    let server = Server::in_memory();
    let (mut ceremony, _proxy) = killed_with_the_answer(&server);
    damage(&ceremony, "commit");
    ceremony.apply().exits(3).says(&[
        "damaged: ",
        "checkpoint keeps the root token itself",
        "another place in checkpoint.replica, then",
    ]);
    assert!(ceremony.keeps_secrets());
    let other = format!("{}/other/checkpoint", ceremony.prefix());
    ceremony.set("/checkpoint/replica/ssm/parameter", json!(other));
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
}

#[test]
fn what_was_handed_over_needs_no_replica_and_says_that_it_is_damaged() {
    require!(NEEDED);
    let server = Server::in_memory();
    let ceremony = with_parameters(&server);
    ceremony.apply().exits(4);
    damage(&ceremony, "commit");
    ceremony
        .apply()
        .exits(4)
        .says(&["damaged: ", "was handed over"])
        .prints(&["nothing was written"]);
    let run = ceremony.run(&["apply", "--abandon", "test"]);
    run.exits(0);
}
