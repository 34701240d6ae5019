//! Shares in files, and a machine that vanishes with all its directories.

use super::*;

fn lose_everything(ceremony: &Ceremony) {
    lose_the_disk(ceremony);
    std::fs::remove_dir_all(ceremony.path("shares")).expect("it was there");
}

/// The replica still keeps the shares: the holders get theirs on the other machine.
#[test]
fn shares_that_vanished_before_their_copy_was_deleted_are_stored_elsewhere() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    // The room, the answer, and the root token alone.
    let faults = Faults::new().nth(3, writes("secrets-"), Action::Hold);
    let aws = before_aws(&mut ceremony, &faults);
    let run = ceremony.start();
    assert!(aws.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    assert_eq!(ceremony.files_in("shares").len(), 3);
    lose_everything(&ceremony);
    elsewhere(&ceremony).exits(4).shows_no_token();
    is_handed_over(&server, &ceremony);
    only_public_things_are_kept(&kept(&ceremony));
}

/// Nobody has them any more: root stays, and it is said by name.
#[test]
fn shares_that_vanished_after_their_copy_was_deleted_keep_root_alive() {
    require!(NEEDED);
    let server = Server::in_memory();
    let mut ceremony = with_parameters(&server);
    let _proxy = killed_at(&server, &mut ceremony, "POST sys/mounts/secret", 1, false);
    lose_everything(&ceremony);
    elsewhere(&ceremony).exits(3).says(&[
        "the share of alice is not at",
        "the share of bob is not at",
        "the share of carol is not at",
        "no quorum is left where they were stored",
        "bring it back from where it was moved",
        "nothing makes another share before hand-over",
    ]);
    assert!(ceremony.keeps_secrets(), "root is kept for who mends it");
}
