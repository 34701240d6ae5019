//! Programs that another user may replace.

use super::*;
use crate::break_glass::nothing_is_left;
use crate::ceremony::Run;
use crate::support::{Action, Faults, Gate};

/// More than a run needs to come to its command.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_program_that_another_user_may_replace_is_not_run() {
    require_root!();
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let (_held, theirs) = directory_of(OTHER, 0o755);
    let program = theirs.join("program");
    std::fs::write(&program, "#!/bin/sh\nid > ran\n").expect("a file");
    set_mode(&program, 0o755);
    let why = ["--reason", "a test", "--", text(&program)];
    let run = ceremony.run(&[&["break-glass"][..], &why].concat());
    run.exits(3)
        .says(&["is not safe to run as root", &format!("user {OTHER}")]);
    assert!(!ceremony.path("ran").exists());
    // Nor where the shares were given from elsewhere.
    ceremony
        .run(&["break-glass", "start", "--reason", "a test"])
        .exits(0);
    let keys = ["--identity", "alice.key", "--identity", "bob.key"];
    let words = [
        &["break-glass", "finish"][..],
        &keys,
        &["--", text(&program)],
    ]
    .concat();
    let run = ceremony.run(&words);
    assert_ne!(run.code, 0, "{run}");
    run.says(&["is not safe to run as root", &format!("user {OTHER}")]);
    assert!(!ceremony.path("ran").exists());
    drop(server);
}

/// Looked at before any share was asked for, and another user's by the time it is to run.
#[test]
fn a_program_that_became_another_users_while_shares_were_given_is_not_run_and_no_root_token_is_left()
 {
    require_root!();
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let (_held, place) = directory_of(0, 0o755);
    let program = place.join("program");
    std::fs::write(&program, "#!/bin/sh\nid > ran\n").expect("a file");
    set_mode(&program, 0o755);
    let may_go = Gate::default();
    let reads = "LIST sys/policies/acl";
    let faults = Faults::new().first(reads, Action::Await(may_go.clone()));
    let proxy = faults.before(&server.address());
    ceremony
        .set("/cluster/address", json!(proxy.address()))
        .save();
    let keys = ["--identity", "alice.key", "--identity", "bob.key"];
    let words = [
        &["break-glass", "--reason", "a test"][..],
        &keys,
        &["--", text(&program)],
    ];
    let run = ceremony.tool().spawn(&words.concat());
    assert!(
        eventually(PATIENCE, || faults.struck(reads) > 0),
        "{}",
        run.stderr_so_far()
    );
    give(&program, OTHER);
    may_go.open();
    let run = Run::from(run.finish());
    run.exits(3)
        .says(&["is not safe to run as root", &format!("user {OTHER}")]);
    assert!(!ceremony.path("ran").exists());
    nothing_is_left(&server, &ceremony);
}
