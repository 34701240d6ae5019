//! A replica that is moved in the middle: each place that was given something is remembered.

use super::*;

/// Killed with everything in hand, and the file names another place since: both places, as they are said.
fn moved(server: &Server) -> (Ceremony, [String; 2], Proxy) {
    let mut ceremony = with_parameters(server);
    let proxy = killed_at(
        server,
        &mut ceremony,
        "GET auth/token/lookup-self",
        1,
        false,
    );
    let path = |name: &str| format!("{}/{name}checkpoint", ceremony.prefix());
    let paths = ["", "other/"].map(path);
    ceremony.set("/checkpoint/replica/ssm/parameter", json!(paths[1]));
    let places = paths.map(|path| format!("aws-ssm://us-east-1{path}"));
    (ceremony, places, proxy)
}

#[test]
fn each_place_that_the_shares_left_for_is_a_finding_of_its_own() {
    require!(NEEDED);
    let server = Server::in_memory();
    let (ceremony, [old, new], _proxy) = moved(&server);
    ceremony.apply().exits(4).prints(&[
        &format!(
            "encrypted, for {old}: the file no longer names that place, so nothing was deleted"
        ),
        &format!("encrypted, for {new}: they were deleted there, which was verified"),
    ]);
}

#[test]
fn what_a_place_that_was_left_may_still_hold_is_said_by_whoever_gives_the_ceremony_up() {
    require!(NEEDED);
    let server = Server::in_memory();
    let (mut ceremony, [first, second], _proxy) = moved(&server);
    ceremony.write("wrong.password", "this is not the password");
    ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
    ceremony.apply().exits(1).says(&["login ada"]);
    let third = format!("{}/third/checkpoint", ceremony.prefix());
    ceremony.set("/checkpoint/replica/ssm/parameter", json!(third));
    let run = ceremony.run(&["apply", "--abandon", "lose test"]);
    run.exits(0).prints(&[
        &format!("delete what {first} may still hold, encrypted"),
        &format!("delete what {second} may still hold, encrypted"),
    ]);
    // It is new, and held nothing.
    run.never_says(&[
        &format!("{third} may still hold"),
        "its deletion was read back",
    ]);
}
