//! The checkpoint here is gone, or of before: what is said is true, and nothing is taken away on its word.

use super::*;

const SETUP: Setup = Setup::OpenBao272Static;

#[test]
fn where_nothing_is_known_of_the_cluster_it_says_so_and_not_that_the_ceremony_is_unfinished() {
    require!(["openbao-2.7.2"]);
    let (server, rotation) = Rotation::ready();
    std::fs::remove_dir_all(rotation.ceremony.path("checkpoint")).expect("it was there");
    rotation
        .rotate()
        .exits(3)
        .says(&[
            "checkpoint knows nothing of the shares of this cluster",
            "-verify",
        ])
        .never_says(&["not handed over", "still on their way"]);
    rotation.nothing_happened(&server, SETUP);
}

/// The directory was put back from a copy: its diary knows the shares of before.
#[test]
fn an_old_copy_of_the_checkpoint_goes_on_from_the_shares_that_hold() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let diary = rotation.ceremony.path(DIARY);
    let before = std::fs::read(&diary).expect("a diary");
    rotation.rotate().exits(0);
    std::fs::write(&diary, before).expect("written");
    let share = |name| rotation.ceremony.custody().share(name);
    let second: Vec<String> = NAMES.map(share).to_vec();
    let old = rotation.ceremony.file.to_string();
    rotation.ceremony.write("old.yaml", &old);
    rotation.ceremony.set("/init/generation", json!(3));
    // Of what lies there nothing is known, so all of it is left.
    let run = rotation.rotate();
    run.exits(4)
        .prints(&["generation 3 of the shares is in effect: any 2 of these 3"]);
    run.says(&[
        "shares/alice.g2.age, an old share of alice that the checkpoint did not know, was left",
    ]);
    assert!(rotation.ceremony.path("shares/alice.g2.age").exists());
    let ada = rotation.ada(&server);
    let share = |name| rotation.ceremony.custody().share(name);
    let third: Vec<String> = NAMES.map(share).to_vec();
    assert!(opens(&ada, SETUP, &third[..2]) && !opens(&ada, SETUP, &second[..2]));
}
