//! A replica that goes away in the middle.

use super::leases::leases;
use super::*;

/// AWS does not take what is written, from the time on when the server has seen this request.
pub(super) fn refusing_after(
    ceremony: &mut Ceremony,
    server: &Server,
    label: &'static str,
) -> (Proxy, Proxy, Faults) {
    let faults = Faults::new()
        .every(writes(""), Action::Refuse)
        .since(1, label);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let aws = before_aws(ceremony, &faults);
    (proxy, aws, faults)
}

#[test]
fn a_replica_that_is_away_in_the_middle_stops_the_ceremony_with_root_alive() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let (_proxy, aws, _) = refusing_after(&mut ceremony, &server, "POST sys/auth/userpass");
    let run = ceremony.apply();
    run.exits(1).says(&[
        "replica of the checkpoint: aws-ssm://us-east-1",
        "what to do:",
    ]);
    let sent = server.audit().requests();
    let policies = |request: &String| request.starts_with("update sys/policies");
    assert!(
        !sent.iter().any(policies),
        "it was not announced: {sent:#?}"
    );
    assert!(ceremony.keeps_secrets());
    drop(aws);
    for (name, value) in &mut ceremony.environment {
        if name == "AWS_ENDPOINT_URL" {
            *value = LocalStack::shared().endpoint();
        }
    }
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    only_public_things_are_kept(&kept(&ceremony));
}

#[test]
fn a_replica_that_is_away_when_the_answer_comes_says_that_it_is_here_alone() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let (proxy, _aws, down) = refusing_after(&mut ceremony, &server, INIT);
    let mut new = vec![
        "its only answer is in",
        "on this machine alone",
        "keep this machine",
    ];
    for _ in 0..2 {
        ceremony
            .apply()
            .exits(1)
            .says(&["replica of the checkpoint"])
            .says(&std::mem::take(&mut new));
        assert!(ceremony.keeps_secrets());
        assert_eq!(ceremony.files_in("shares"), Vec::<String>::new());
    }
    down.lift();
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    assert_eq!(proxy.count(INIT), 1);
}

/// A run that cannot even compare the two places knows nothing, and gives nothing up.
#[test]
fn a_lease_that_stayed_for_an_answer_stays_when_the_next_run_cannot_look() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let (_proxy, _aws, down) = refusing_after(&mut ceremony, &server, INIT);
    ceremony.apply().exits(1).says(&["on this machine alone"]);
    assert_eq!(leases(&ceremony), ["claim-1"]);
    down.lift();
    let names = kept(&ceremony);
    let room = names.iter().find(|name| name.starts_with("secrets-"));
    let room = room.expect("the room was made beforehand");
    let path = format!("{}/checkpoint/{room}", ceremony.prefix());
    LocalStack::shared().ssm_delete(&path);
    ceremony.apply().exits(3).says(&["a piece is missing"]);
    assert_eq!(leases(&ceremony), ["claim-1"]);
    assert!(ceremony.keeps_secrets());
}

/// After the hand-over nothing of it is needed: what is looked at is the cluster.
#[test]
fn a_replica_that_cannot_be_reached_after_the_hand_over_is_a_warning() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    ceremony.apply().exits(4);
    is_handed_over(&server, &ceremony);
    let without = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    ceremony
        .environment
        .retain(|(name, _)| !without.contains(&name.as_str()));
    ceremony
        .environment
        .push(("AWS_EC2_METADATA_DISABLED".into(), "true".into()));
    ceremony.apply().exits(4).says(&[
        "no usable AWS credentials",
        "was handed over and needs nothing of it",
        "what another machine has recorded there since is not known here",
    ]);
    // A proof that only this machine knows is no proof to the next one.
    let prove = ["custodian", "prove", "alice", "--identity", "alice.key"];
    ceremony
        .run(&prove)
        .exits(1)
        .says(&["no usable AWS credentials"]);
    // And nobody knows what a machine that has nothing needs.
    lose_the_disk(&ceremony);
    ceremony.apply().exits(1).says(&[
        "no usable AWS credentials",
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "aws sts get-caller-identity",
    ]);
}
