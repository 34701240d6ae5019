//! Whatever is lost, mistaken or restored in the middle: no share is thrown away that may be one of those that hold.

use super::*;

const SETUP: Setup = Setup::OpenBao272Static;

/// Killed when the share of this number is given back, and whether the server heard of it.
pub(super) fn killed_at_verify(
    rotation: &mut Rotation,
    server: &Server,
    place: (usize, bool),
) -> Proxy {
    let words = rotation.words();
    killed_at_verify_with(rotation, server, place, &words)
}

/// The same, as it is typed like this.
pub(super) fn killed_at_verify_with(
    rotation: &mut Rotation,
    server: &Server,
    (number, heard): (usize, bool),
    words: &[String],
) -> Proxy {
    let held = if heard {
        Action::HoldAnswer
    } else {
        Action::Hold
    };
    let faults = Faults::new().nth(number, "POST sys/r*/verify", held);
    let proxy = faults.before(&server.address());
    rotation
        .ceremony
        .set("/cluster/address", json!(proxy.address()));
    rotation.ceremony.save();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let run = rotation.ceremony.tool().spawn(&words);
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    assert_eq!(rotation.state()["phase"], "verifying");
    proxy
}

fn nothing_is_thrown_away_while_the_key_of_the_seal_is_away_on(setup: Setup) {
    let key = LocalStack::shared().kms_create_key();
    let server = Server::from(crate::ceremony::builder(setup).kms_key(&key).start());
    let mut rotation = Rotation::at(&server, false);
    let _proxy = killed_at_verify(&mut rotation, &server, (2, true));
    let before = rotation.ceremony.files_in("shares");
    LocalStack::shared().kms_disable(&key);
    rotation
        .rotate()
        .exits(3)
        .says(&["could not tell whether"])
        .never_says(&["is in effect as before"]);
    assert_eq!(rotation.ceremony.files_in("shares"), before);
    LocalStack::shared().kms_enable(&key);
    rotation.rotate().exits(0);
    rotation.is_done(&server, setup);
}

#[test]
fn nothing_is_thrown_away_while_the_key_of_openbaos_seal_is_away() {
    require!(Setup::OpenBao262AwsKms.components());
    nothing_is_thrown_away_while_the_key_of_the_seal_is_away_on(Setup::OpenBao262AwsKms);
}

#[test]
fn nothing_is_thrown_away_while_the_key_of_vaults_seal_is_away() {
    require!(Setup::Vault1211AwsKms.components());
    nothing_is_thrown_away_while_the_key_of_the_seal_is_away_on(Setup::Vault1211AwsKms);
}

#[test]
fn a_new_share_that_is_typed_wrong_throws_none_away() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let _proxy = killed_at_verify(&mut rotation, &server, (2, true));
    let before = rotation.ceremony.files_in("shares");
    for typed in [rotation.old[0].as_str(), "oops"] {
        let mut terminal = rotation.ceremony.terminal(&[
            "recovery",
            "rotate",
            "--from",
            "old.yaml",
            "--yes",
            "--identity",
            "bob.key",
        ]);
        for _ in 0..if typed == "oops" { 3 } else { 1 } {
            terminal.expect("alice.g2.age");
            terminal.type_line(typed);
        }
        if typed == "oops" {
            // Another holder may have a new one.
            terminal.expect("carol.g2.age");
            terminal.type_line("");
        }
        // The old one is asked for, since only that could prove that the new ones do not hold.
        terminal.expect("shares/alice.age");
        terminal.type_line(&rotation.old[0]);
        terminal.expect("The share of carol");
        terminal.type_line(&rotation.old[2]);
        let (code, shown) = terminal.finish();
        assert_eq!(code, 3, "{shown}");
        assert_eq!(rotation.ceremony.files_in("shares"), before, "{shown}");
    }
    rotation.rotate().exits(0);
    rotation.is_done(&server, SETUP);
}

/// A server that kept the new key and not its numbers says the old ones for ever.
#[test]
fn numbers_alone_throw_no_share_away() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let dave = rotation.ceremony.age_custodian("dave");
    let custodians = rotation.ceremony.file["init"]["custodians"].as_array();
    let mut custodians = custodians.cloned().expect("a list");
    custodians.push(dave);
    rotation
        .ceremony
        .set("/init/custodians", json!(custodians))
        .set("/init/shares", json!(4));
    let before = server.api().read("sys/seal-status");
    killed_at_verify(&mut rotation, &server, (2, true));
    let as_before = Action::Respond(200, "application/json", before.to_string());
    let faults = Faults::new().every("GET sys/seal-status", as_before);
    let proxy = faults.before(&server.address());
    rotation
        .ceremony
        .set("/cluster/address", json!(proxy.address()));
    rotation
        .rotate()
        .exits(4)
        .says(&["it did not record their new number"]);
    rotation.is_done(&server, SETUP);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    let _ = std::fs::remove_dir_all(to);
    let mut copying = std::process::Command::new("cp");
    let copied = copying.arg("-a").arg(from).arg(to).status();
    assert!(copied.expect("cp").success());
}

/// All new shares go to the parameter store, and none of them arrives.
fn killed_while_storing(rotation: &mut Rotation) -> Vec<String> {
    let all: Vec<Value> = NAMES
        .iter()
        .map(|name| rotation.ceremony.ssm_custodian(name))
        .collect();
    let name = |one: &Value| format!("{}-g2", one["ssm"]["parameter"].as_str().expect("a name"));
    let names = all.iter().map(name).collect();
    rotation.ceremony.set("/init/custodians", json!(all));
    // Three trial values, then the shares.
    let faults = Faults::new().from(4, "AmazonSSM.PutParameter *", Action::Hold);
    let aws = faults.before(&LocalStack::shared().endpoint());
    let elsewhere = ("AWS_ENDPOINT_URL".into(), aws.address());
    rotation.ceremony.environment.push(elsewhere);
    let run = rotation.start();
    assert!(aws.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    let deadline = std::time::Instant::now() + PATIENCE;
    while rotation.state()["new"]
        .as_object()
        .map_or(0, |new| new.len())
        < NAMES.len()
    {
        assert!(std::time::Instant::now() < deadline, "not all are begun");
    }
    run.kill();
    rotation.ceremony.environment.pop();
    names
}

#[test]
fn a_checkpoint_from_a_copy_throws_no_share_away_that_holds() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let (_server, mut rotation) = Rotation::ready();
    let names = killed_while_storing(&mut rotation);
    let (directory, kept) = (
        rotation.ceremony.path("checkpoint"),
        rotation.ceremony.path("kept"),
    );
    copy(&directory, &kept);
    rotation.rotate().exits(0);
    copy(&kept, &directory);
    rotation
        .rotate()
        .exits(1)
        .says(&["only 0 of the 2 old shares of a quorum are available"])
        .never_says(&["is in effect as before", "is no longer valid"]);
    for name in &names {
        assert!(LocalStack::shared().ssm_get(name).is_some(), "{name}");
    }
}

#[test]
fn a_parameter_that_somebody_made_after_a_kill_is_left_alone() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let (server, mut rotation) = Rotation::ready();
    let names = killed_while_storing(&mut rotation);
    let aws = LocalStack::shared();
    aws.ssm_put(&names[1], "theirs", false).expect("written");
    rotation
        .rotate()
        .exits(3)
        .says(&["is not known to be ours"]);
    let left = aws.ssm_get(&names[1]);
    assert_eq!(left.as_deref(), Some("theirs"));
    let ada = rotation.ada(&server);
    assert!(opens(&ada, SETUP, &rotation.old[..2]), "the old shares");
}

#[test]
fn another_file_of_the_old_shares_is_refused_when_it_goes_on() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let _proxy = killed_at_verify(&mut rotation, &server, (1, false));
    let before = rotation.ceremony.files_in("shares");
    let whole = std::fs::read_to_string(rotation.ceremony.path("old.yaml")).expect("a file");
    for (pointer, value) in [
        ("/init/threshold", json!(3)),
        ("/init/custodians/0/age/file", json!("elsewhere/alice.age")),
    ] {
        let mut old: Value = serde_json::from_str(&whole).expect("JSON");
        *old.pointer_mut(pointer).expect("a field") = value;
        rotation.ceremony.write("old.yaml", &old.to_string());
        rotation
            .rotate()
            .exits(3)
            .says(&["is not the file that this rotation began with"]);
        assert_eq!(rotation.ceremony.files_in("shares"), before);
    }
    rotation.ceremony.write("old.yaml", &whole);
    rotation.rotate().exits(0);
    rotation.is_done(&server, SETUP);
}

#[test]
fn what_from_names_and_was_never_stored_there_is_refused_before_anything_begins() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let rotation = Rotation::at(&server, true);
    let (file, aws) = (
        &rotation.ceremony.path("shares/payroll.age"),
        LocalStack::shared(),
    );
    std::fs::write(file, "somebody's").expect("written");
    let foreign = format!("{}/other/recovery-key-1", rotation.ceremony.prefix());
    aws.ssm_put(&foreign, "theirs", false).expect("written");
    let whole = std::fs::read_to_string(rotation.ceremony.path("old.yaml")).expect("a file");
    for (pointer, value) in [
        ("/init/custodians/0/age/file", json!("shares/payroll.age")),
        ("/init/custodians/2/ssm/parameter", json!(foreign)),
    ] {
        let mut old: Value = serde_json::from_str(&whole).expect("JSON");
        *old.pointer_mut(pointer).expect("a field") = value;
        rotation.ceremony.write("old.yaml", &old.to_string());
        rotation.rotate().exits(3).says(&["was stored at"]);
        rotation.nothing_happened(&server, SETUP);
    }
    assert!(file.exists());
    assert!(aws.ssm_get(&foreign).is_some());
    // In its place lies another thing than what was stored.
    rotation.ceremony.write("old.yaml", &whole);
    let alice = rotation.ceremony.path("shares/alice.age");
    std::fs::write(&alice, "somebody's").expect("written");
    rotation.rotate().exits(3).says(&["is not what was stored"]);
    rotation.nothing_happened(&server, SETUP);
    assert!(alice.exists());
}
