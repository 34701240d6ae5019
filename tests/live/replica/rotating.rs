//! Shares are made while the checkpoint has a replica, and the machine vanishes with its disk.

use super::*;

const VERIFY: &str = "POST sys/rotate/recovery/verify";

fn all_in_the_parameter_store(server: &Server) -> Ceremony {
    let mut ceremony = with_parameters(server);
    let all = ["alice", "bob", "carol"].map(|name| ceremony.ssm_custodian(name));
    ceremony.set("/init/custodians", json!(all));
    ceremony
}

#[test]
fn the_first_keys_of_a_machine_that_vanished_once_they_held_are_known_elsewhere() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = all_in_the_parameter_store(&server);
    ceremony.remove("/init/recovery");
    let _proxy = killed_at(&server, &mut ceremony, VERIFY, 2, true);
    lose_the_disk(&ceremony);
    elsewhere(&ceremony).exits(4);
    let seal = server.api().read("sys/seal-status");
    assert_eq!(seal["n"], 3);
}

#[test]
fn a_rotation_of_a_machine_that_vanished_goes_on_elsewhere() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = all_in_the_parameter_store(&server);
    let left = "the shares left this machine, encrypted";
    let rotation = "`recovery rotate` is advised after hand-over: it needs `rotation: true`";
    ceremony.set("/break_glass/rotation", json!(true));
    ceremony
        .apply()
        .exits(4)
        .prints(&[left])
        .never_says(&[rotation]);
    ceremony.write("old.yaml", &ceremony.file.to_string());
    ceremony.set("/init/generation", json!(2));
    let faults = Faults::new().nth(2, VERIFY, Action::HoldAnswer);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let words = ["recovery", "rotate", "--from", "old.yaml", "--yes"];
    let run = ceremony.tool().spawn(&words);
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    lose_the_disk(&ceremony);
    let refused = ceremony.run(&words);
    let id = id_in(&refused);
    let advised = format!("recovery rotate --from old.yaml --take-over {id} --yes");
    refused.exits(3).says(&[&advised]);
    let taken = [&words[..], &["--take-over", &id]].concat();
    ceremony
        .run(&taken)
        .exits(0)
        .prints(&["generation 2 of the shares is in effect"]);
    let names = kept(&ceremony);
    let evidence = |name: &String| name.contains("evidence-rotation-");
    assert!(names.iter().any(evidence), "{names:?}");
    // What left the machine is no longer valid.
    let run = ceremony.apply();
    assert!(!run.to_string().contains(left), "{run}");
}
