//! Slips of people around a rotation: what they typed or wrote takes no share away that may hold, and bars no way.

use super::lost::{killed_at_verify, killed_at_verify_with};
use super::*;

const SETUP: Setup = Setup::OpenBao272Static;
const BY_HAND: [&str; 5] = ["recovery", "rotate", "--from", "old.yaml", "--yes"];

/// The new shares hold and nobody heard it; an old one is typed for one of them, and then new ones where old ones are
/// asked for.
#[test]
fn new_shares_that_are_typed_for_old_ones_throw_none_away() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let _proxy = killed_at_verify(&mut rotation, &server, (2, true));
    let before = rotation.ceremony.files_in("shares");
    let new = NAMES.map(|name| rotation.ceremony.custody().share(name));
    let mut terminal = rotation.ceremony.terminal(&BY_HAND);
    for (file, typed) in [
        ("alice.g2.age", rotation.old[0].as_str()),
        ("bob.g2.age", &new[1]),
        ("shares/alice.age", &new[0]),
        ("shares/bob.age", &new[1]),
    ] {
        terminal.expect(file);
        terminal.type_line(typed);
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("let one key"), "{shown}");
    assert_eq!(rotation.ceremony.files_in("shares"), before, "{shown}");
    rotation.rotate().exits(0);
    rotation.is_done(&server, SETUP);
}

/// Holders read the old files where the new ones are asked for: the server takes them, and that shows nothing.
#[test]
fn where_people_alone_say_that_these_are_the_new_shares_nothing_is_said_to_hold() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let _proxy = killed_at_verify(&mut rotation, &server, (1, false));
    let before = rotation.ceremony.files_in("shares");
    let mut terminal = rotation.ceremony.terminal(&BY_HAND);
    for (name, share) in NAMES.iter().zip(&rotation.old).take(2) {
        terminal.expect(&format!("{name}.g2.age"));
        terminal.type_line(share);
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 3, "{shown}");
    assert_eq!(rotation.ceremony.files_in("shares"), before, "{shown}");
    let ada = rotation.ada(&server);
    assert!(opens(&ada, SETUP, &rotation.old[..2]), "the old shares");
    rotation.rotate().exits(0);
    rotation.is_done(&server, SETUP);
}

/// Nobody heard that the new shares hold, and the people of before have left with their keys.
#[test]
fn new_custodians_alone_bring_it_to_its_end_once_their_shares_hold() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let new = ["dave", "erin", "frank"].map(|name| rotation.ceremony.age_custodian(name));
    rotation.ceremony.set("/init/custodians", json!(new));
    let all = rotation.words();
    let _proxy = {
        let mut words = all.clone();
        words.extend(["--identity".to_owned(), "frank.key".to_owned()]);
        killed_at_verify_with(&mut rotation, &server, (2, true), &words)
    };
    let mut words = BY_HAND.to_vec();
    for key in ["dave.key", "erin.key", "frank.key"] {
        words.extend(["--identity", key]);
    }
    rotation.ceremony.run(&words).exits(0);
    rotation.is_done(&server, SETUP);
}

#[test]
fn a_name_that_the_ceremony_does_not_know_is_no_old_custodian() {
    require!(["openbao-2.7.2"]);
    let (server, rotation) = Rotation::ready();
    let file = rotation.ceremony.path("shares/payroll.age");
    std::fs::write(&file, "somebody's").expect("written");
    let text = std::fs::read_to_string(rotation.ceremony.path("old.yaml")).expect("a file");
    let mut old: Value = serde_json::from_str(&text).expect("JSON");
    old["init"]["custodians"][0]["name"] = json!("zed");
    old["init"]["custodians"][0]["age"]["file"] = json!("shares/payroll.age");
    rotation.ceremony.write("old.yaml", &old.to_string());
    rotation
        .rotate()
        .exits(3)
        .says(&["no share was stored with zed"]);
    rotation.nothing_happened(&server, SETUP);
    assert!(file.exists());
}

/// Alice's new share was made for a key that nobody has: it is never read back.
fn made_for_a_wrong_key(rotation: &mut Rotation) -> Value {
    let right = rotation.ceremony.file["init"]["custodians"].clone();
    let mut wrong = rotation.ceremony.age_custodian("frank");
    wrong["name"] = json!("alice");
    wrong["age"]["file"] = right[0]["age"]["file"].clone();
    rotation.ceremony.set("/init/custodians/0", wrong);
    let words = rotation.words();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let mut terminal = rotation.ceremony.terminal(&words);
    for _ in 0..3 {
        terminal.expect("alice.g2.age");
        terminal.type_line(&rotation.old[0]);
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 1, "{shown}");
    right
}

#[test]
fn a_slip_in_the_file_of_the_new_shares_is_mended_and_it_goes_on() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let right = made_for_a_wrong_key(&mut rotation);
    rotation.ceremony.set("/init/custodians", right);
    rotation
        .rotate()
        .exits(0)
        .says(&["removed shares/alice.g2.age, which was not valid"]);
    rotation.is_done(&server, SETUP);
}

#[test]
fn a_rotation_that_nobody_verified_is_no_bar_for_the_next_generation() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let right = made_for_a_wrong_key(&mut rotation);
    rotation.ceremony.set("/init/custodians", right);
    rotation.ceremony.set("/init/generation", json!(3));
    rotation
        .rotate()
        .exits(0)
        .says(&["shares/alice.g2.age", "is not valid and is left there"]);
    rotation.is_done(&server, SETUP);
}
