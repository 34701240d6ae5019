//! One custodian, one login or one slip less does not stop it; and half way, everybody knows of it.

use super::lost::killed_at_verify;
use super::*;

const SETUP: Setup = Setup::OpenBao272Static;

fn old_file(rotation: &Rotation) -> Value {
    let text = std::fs::read(rotation.ceremony.path("old.yaml")).expect("a file");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn an_old_custodian_that_cannot_be_opened_is_named_and_left() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let rotation = Rotation::at(&server, true);
    let mut old = old_file(&rotation);
    old["init"]["custodians"][2]["ssm"]["kms_key"] = json!("alias/deleted-key");
    rotation.ceremony.write("old.yaml", &old.to_string());
    rotation.rotate().exits(0).says(&["carol", "is left there"]);
    assert_eq!(rotation.state()["phase"], "done");
    let ada = rotation.ada(&server);
    assert!(!opens(&ada, SETUP, &rotation.old[..2]), "the old shares");
}

#[test]
fn an_old_share_in_a_place_that_is_gone_is_named_and_left() {
    require!(["openbao-2.7.2"]);
    let (_server, rotation) = Rotation::ready();
    let bob = rotation.ceremony.path("shares/bob.age");
    std::fs::remove_file(&bob).expect("gone");
    std::os::unix::fs::symlink("/nowhere/bob.age", &bob).expect("a link");
    rotation
        .rotate()
        .exits(0)
        .says(&["shares/bob.age", "is left there"]);
    assert!(bob.is_symlink());
}

#[test]
fn an_old_share_that_cannot_be_deleted_is_a_finding_and_no_bar_for_the_next_generation() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let mut rotation = Rotation::at(&server, true);
    let parameter = rotation.ceremony.file["init"]["custodians"][2]["ssm"]["parameter"]
        .as_str()
        .map(str::to_owned)
        .expect("a name");
    let denied = json!({"__type": "AccessDeniedException", "message": "no"}).to_string();
    let denied = Action::Respond(400, "application/x-amz-json-1.1", denied);
    let faults = Faults::new().every(format!("AmazonSSM.DeleteParameter {parameter}"), denied);
    let aws = faults.before(&LocalStack::shared().endpoint());
    rotation
        .ceremony
        .environment
        .push(("AWS_ENDPOINT_URL".into(), aws.address()));
    rotation
        .rotate()
        .exits(4)
        .says(&["the old share of carol", "could not be removed"])
        .prints(&["generation 2 of the shares is in effect"]);
    assert_eq!(rotation.state()["phase"], "done");
    let two = rotation.ceremony.file.to_string();
    rotation.ceremony.write("old.yaml", &two);
    rotation.ceremony.set("/init/generation", json!(3));
    rotation
        .rotate()
        .exits(0)
        .prints(&["generation 3 of the shares is in effect"]);
}

#[test]
fn a_login_that_ends_while_people_are_asked_is_made_anew() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/break_glass/rotation", json!(true));
    ceremony.set("/auth/userpass/users/ada/token_ttl", json!("4s"));
    ceremony.apply().exits(4);
    let old = NAMES.map(|name| ceremony.custody().share(name)).to_vec();
    ceremony.write("old.yaml", &ceremony.file.to_string());
    ceremony.set("/init/generation", json!(2));
    let rotation = Rotation { ceremony, old };
    let words = ["recovery", "rotate", "--from", "old.yaml", "--yes"];
    let mut terminal = rotation.ceremony.terminal(&words);
    for (name, share) in NAMES.iter().zip(&rotation.old).take(2) {
        terminal.expect(&format!("The share of {name}"));
        server.api().time_passes(3);
        terminal.type_line(share);
    }
    for name in NAMES {
        terminal.expect(&format!("shares/{name}.g2.age"));
        server.api().time_passes(3);
        terminal.type_line(&rotation.ceremony.custody().share(name));
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    rotation.is_done(&server, SETUP);
}

#[test]
fn a_rotation_that_may_be_somebody_elses_is_not_ended_by_the_next_run() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let faults = Faults::new().first("POST sys/rotate/recovery/init", Action::Hold);
    let proxy = faults.before(&server.address());
    rotation.killed_at(&proxy);
    let ada = rotation.ada(&server);
    let init = "sys/rotate/recovery/init";
    let wanted = json!({ "secret_shares": 3, "secret_threshold": 2, "require_verification": true });
    let theirs = ada.write(init, &wanted)["data"]["nonce"].clone();
    let nonce = theirs.as_str().expect("a nonce");
    rotation
        .rotate()
        .exits(3)
        .says(&["curl -sS -X DELETE", nonce]);
    assert_eq!(ada.read(init)["data"]["nonce"], theirs);
    ada.delete(init);
    rotation.rotate().exits(0);
    rotation.is_done(&server, SETUP);
}

#[test]
fn half_way_status_and_apply_name_the_command_that_brings_it_to_its_end() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let _proxy = killed_at_verify(&mut rotation, &server, (2, true));
    let next = "recovery rotate --from";
    for file in ["bootstrap.yaml", "old.yaml"] {
        let status = rotation.ceremony.run_as_is(&["status", "-c", file]);
        status.exits(4).prints(&["generation 2", next]);
    }
    let old = ["apply", "--yes", "-c", "old.yaml"];
    rotation
        .ceremony
        .run_as_is(&old)
        .exits(4)
        .prints(&["generation 2 of the shares is not finished", next]);
    rotation.rotate().exits(0);
    let status = rotation.ceremony.run(&["status"]);
    status.exits(0);
}

/// A person reads hexadecimal where the server gave base64, and mistypes once.
#[test]
fn a_share_is_read_back_in_every_spelling_and_a_slip_is_asked_about_again() {
    require!(["openbao-2.7.2"]);
    let (server, rotation) = Rotation::ready();
    let mut terminal = rotation.ceremony.terminal(&[
        "recovery",
        "rotate",
        "--from",
        "old.yaml",
        "--yes",
        "--identity",
        "bob.key",
        "--identity",
        "carol.key",
    ]);
    terminal.expect("alice.g2.age");
    terminal.type_line(&rotation.old[0]);
    terminal.expect("alice.g2.age");
    terminal.type_line(&in_hex(&rotation.ceremony.custody().share("alice")));
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    rotation.is_done(&server, SETUP);
}

fn in_hex(share: &str) -> String {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(share);
    let bytes = bytes.expect("base64").into_iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_old_share_that_is_not_of_this_cluster_is_left_out_where_others_make_a_quorum() {
    require!(["openbao-2.7.2"]);
    let (server, rotation) = Rotation::ready();
    let words = ["recovery", "rotate", "--from", "old.yaml", "--yes"];
    let mut terminal = rotation.ceremony.terminal(&words);
    terminal.expect("The share of alice");
    terminal.type_line(&in_hex(&"QUJD".repeat(11)));
    for name in &NAMES[1..] {
        terminal.expect(&format!("The share of {name}"));
        let number = NAMES.iter().position(|one| one == name).expect("there");
        terminal.type_line(&rotation.old[number]);
    }
    for name in NAMES {
        terminal.expect(&format!("shares/{name}.g2.age"));
        terminal.type_line(&rotation.ceremony.custody().share(name));
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    rotation.is_done(&server, SETUP);
}

#[test]
fn the_same_generation_with_another_place_is_not_done_already() {
    require!(["openbao-2.7.2"]);
    let (_server, mut rotation) = Rotation::ready();
    rotation.rotate().exits(0);
    rotation
        .ceremony
        .set("/init/custodians/1/age/file", json!("elsewhere/bob.age"));
    rotation
        .rotate()
        .exits(3)
        .says(&["bob", "elsewhere/bob.g2.age"]);
}
