//! Other users of the same machine: what they lay in our way is not followed, and what they may change is not trusted.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::ceremony::{Ceremony, handed_over};
use crate::refusals::{before, nothing_was_written};
use crate::support::{
    Gpg, OPERATOR, OTHER, as_user, directory_of, eventually, give, give_all, named_pipe, require,
    require_root, set_mode, through_user,
};

mod programs;

/// Nobody is waited for.
const AT_ONCE: Duration = Duration::from_secs(15);
const KEYS: &str = "ssh-ed25519 AAAA operator@home\n";

/// The directory of a ceremony, and the program itself, are the operator's from now on.
fn as_operator(ceremony: &mut Ceremony) {
    ceremony.save();
    give_all(&ceremony.path(""), OPERATOR);
    ceremony.through = through_user(OPERATOR);
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// A link that another user has laid where everybody may, as in `/tmp`, to a file of the operator.
fn laid(ceremony: &Ceremony, target: &str) -> (tempfile::TempDir, PathBuf) {
    let (held, shared) = directory_of(0, 0o1777);
    let link = shared.join("link");
    let target = ceremony.path(target);
    as_user(OTHER, &["ln", "-s", text(&target), text(&link)]);
    (held, link)
}

#[test]
fn a_report_is_not_written_through_a_link_that_another_user_has_laid() {
    require_root!();
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = before();
    let keys = ceremony.write("authorized_keys", KEYS);
    as_operator(&mut ceremony);
    let (_shared, link) = laid(&ceremony, "authorized_keys");
    let run = ceremony.run(&["apply", "--yes", "--report", text(&link)]);
    run.exits(2)
        .says(&["is a link that another user has laid", "what to do:"]);
    assert_eq!(std::fs::read_to_string(keys).expect("a file"), KEYS);
    nothing_was_written(&server, &ceremony, &run);
    // Their directory in place of the file: a link of theirs on the way is none of ours either.
    let below = link.with_file_name("way");
    let home = ceremony.path("");
    as_user(OTHER, &["ln", "-s", text(&home), text(&below)]);
    let run = ceremony.run(&["apply", "--yes", "--report", text(&below.join("new.json"))]);
    run.exits(2)
        .says(&["way is a link that another user has laid"]);
    assert!(!ceremony.path("new.json").exists());
}

#[test]
fn no_file_is_read_through_a_link_that_another_user_has_laid() {
    require_root!();
    require!(["openbao-2.7.2"]);
    let (_server, mut ceremony) = before();
    as_operator(&mut ceremony);
    let (_shared, file) = laid(&ceremony, "bootstrap.yaml");
    ceremony
        .run(&["-c", text(&file), "status"])
        .exits(2)
        .says(&["is a link that another user has laid"]);
    let (_shared, key) = laid(&ceremony, "alice.key");
    let run = ceremony.run(&["custodian", "prove", "alice", "--identity", text(&key)]);
    assert_ne!(run.code, 0);
    run.says(&["is a link that another user has laid"]);
    // Their own file under their own link would be theirs to choose; a link of the operator is the operator's.
    let own = file.with_file_name("own");
    let target = ceremony.path("bootstrap.yaml");
    as_user(OPERATOR, &["ln", "-s", text(&target), text(&own)]);
    let run = ceremony.run(&["-c", text(&own), "status"]);
    run.never_says(&["link"]).prints(&["cluster"]);
}

#[test]
fn a_named_pipe_is_refused_at_once_wherever_a_file_is_meant() {
    require!(["openbao-2.7.2"]);
    let (_server, mut ceremony) = before();
    let pipe = ceremony.path("pipe");
    named_pipe(&pipe);
    let begun = Instant::now();
    for arguments in [
        &["apply", "--yes", "--report", "pipe"][..],
        &["-c", "pipe", "status"],
        &["custodian", "prove", "alice", "--identity", "pipe"],
        &["rehearse", "--sign-key", "pipe"],
    ] {
        let run = ceremony.run(arguments);
        assert!([1, 2, 3].contains(&run.code), "{arguments:?}\n{run}");
        run.says(&["it is a named pipe, not a file"]);
    }
    for pointer in [
        "/auth/userpass/users/ada/password",
        "/cluster/tls/ca_cert",
        "/checkpoint/key/identity",
    ] {
        let kept = ceremony.file.clone();
        let value = if pointer.ends_with("identity") {
            json!("pipe")
        } else {
            json!({ "file": "pipe" })
        };
        ceremony.set(pointer, value);
        let run = ceremony.apply();
        assert!([1, 2, 3].contains(&run.code), "{pointer}\n{run}");
        run.says(&["it is a named pipe, not a file"]);
        ceremony.file = kept;
    }
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    // The lock is given back each time.
    ceremony.apply().exits(4);
}

/// A holder's key is looked at by gpg in a home of its own, which is made in TMPDIR.
#[test]
fn gpg_makes_no_home_where_another_user_may_move_it_away() {
    require_root!();
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = before();
    let gpg = Gpg::new();
    let fingerprint = gpg.key("bob", "ed25519", "cv25519");
    let key = gpg.armored(&[&fingerprint]);
    std::fs::write(ceremony.path("bob.asc"), key).expect("written");
    let custodian =
        json!({ "name": "bob", "pgp": { "public_key": "bob.asc", "file": "shares/bob.pgp" } });
    ceremony.set("/init/custodians/1", custodian);
    as_operator(&mut ceremony);
    let (_theirs, open) = directory_of(OTHER, 0o777);
    let (_shared, link) = laid(&ceremony, "");
    let cases = [
        (open, "belongs to user 47111"),
        (link, "is a link that another user has laid"),
    ];
    for (place, said) in cases {
        ceremony.environment = vec![("TMPDIR".to_owned(), text(&place).to_owned())];
        let run = ceremony.run(&["apply", "--yes"]);
        assert_ne!(run.code, 0);
        run.says(&[" is not safe for gpg: ", said]);
        nothing_was_written(&server, &ceremony, &run);
        let left = std::fs::read_dir(&place).expect("a directory");
        let left = left.flatten().filter(|entry| {
            let name = entry.file_name();
            name.to_string_lossy().starts_with("vault-bootstrap-gpg")
        });
        assert_eq!(left.count(), 0);
    }
    // Everybody's directory, where each keeps what is theirs.
    let (_sticky, sticky) = directory_of(0, 0o1777);
    ceremony.environment = vec![("TMPDIR".to_owned(), text(&sticky).to_owned())];
    let run = ceremony.run(&["apply", "--yes"]);
    run.never_says(&["not safe for gpg"]);
}

/// As Kubernetes mounts a ConfigMap: modes that let everybody write, where nobody can.
#[test]
fn modes_of_a_read_only_mount_are_no_finding() {
    require_root!();
    require!(["openbao-2.7.2"]);
    let (_server, mut ceremony) = before();
    let (_held, shared) = directory_of(0, 0o755);
    let volume = shared.join("volume");
    std::fs::create_dir(&volume).expect("made");
    let file = volume.join("bootstrap.yaml");
    // What is written lies elsewhere.
    let checkpoint = ceremony.path("checkpoint");
    ceremony.set("/checkpoint/path", json!(checkpoint)).save();
    std::fs::copy(ceremony.path("bootstrap.yaml"), &file).expect("a copy");
    set_mode(&file, 0o666);
    set_mode(&volume, 0o777);
    let mut status = |mount: &str| {
        let script = format!("{mount} && exec \"$0\" \"$@\"");
        let through = ["unshare", "--mount", "sh", "-c", &script];
        ceremony.through = through.map(str::to_owned).to_vec();
        ceremony.run(&["-c", text(&file), "status"])
    };
    let said = "every user may write to";
    status("true").prints(&[said]);
    let volume = text(&volume);
    let mount =
        format!("mount --bind '{volume}' '{volume}' && mount -o remount,ro,bind '{volume}'");
    let run = status(&mount);
    run.never_says(&[said]).prints(&["not initialised"]);
    assert!(!run.stdout.contains(said), "{run}");
}

/// `-c /dev/fd/8` of a pipe that somebody may still write to, as of `<(…)` in a shell.
#[test]
fn a_run_that_waits_for_its_file_from_a_pipe_hears_sigterm() {
    require!(["openbao-2.7.2"]);
    let (_server, mut ceremony) = before();
    let pipe = ceremony.path("pipe");
    named_pipe(&pipe);
    let open = r#"exec 8<>pipe; exec "$0" "$@""#;
    ceremony.through = ["sh", "-c", open].map(str::to_owned).to_vec();
    ceremony.save();
    let mut running = ceremony.tool().spawn(&["-c", "/dev/fd/8", "status"]);
    let descriptors = PathBuf::from(format!("/proc/{}/fd", running.id()));
    let waits = eventually(AT_ONCE, || {
        let open = std::fs::read_dir(&descriptors).into_iter().flatten();
        let of_pipe = open.flatten().filter(|one| {
            let target = std::fs::read_link(one.path());
            target.is_ok_and(|target| target == pipe)
        });
        of_pipe.count() == 2
    });
    assert!(waits, "it has opened the pipe: {}", running.stderr_so_far());
    running.signal(Signal::TERM);
    let begun = Instant::now();
    assert!(eventually(AT_ONCE, || running.has_ended()), "it is deaf");
    assert!(begun.elapsed() < AT_ONCE);
    let run = running.finish();
    assert!([143, -15].contains(&run.code), "{run:?}");
}

#[test]
fn a_checkpoint_in_a_directory_of_another_user_is_refused_by_all_who_look() {
    require_root!();
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = before();
    let (_held, theirs) = directory_of(OTHER, 0o755);
    let checkpoint = theirs.join("checkpoint");
    let moved = std::process::Command::new("mv")
        .args([&ceremony.path("checkpoint"), &checkpoint])
        .status();
    assert!(moved.expect("mv").success());
    ceremony.set("/checkpoint/path", json!(checkpoint));
    as_operator(&mut ceremony);
    give_all(&checkpoint, OPERATOR);
    let why = [
        &format!("{} belongs to user {OTHER}", theirs.display()),
        "what to do:",
        "chown",
    ];
    for there in [true, false] {
        if !there {
            // They may always do that, and what is not there has not begun.
            as_user(
                OTHER,
                &["mv", text(&checkpoint), text(&theirs.join("gone"))],
            );
        }
        ceremony.run(&["status"]).exits(3).says(&why);
        let run = ceremony.apply();
        run.exits(3).says(&why);
        nothing_was_written(&server, &ceremony, &run);
        assert_eq!(checkpoint.exists(), there, "nothing is made there");
        let prove = ["custodian", "prove", "alice", "--identity", "alice.key"];
        ceremony.run(&prove).exits(3).says(&why);
    }
}

#[test]
fn a_checkpoint_that_others_can_enter_is_refused_by_whoever_only_looks() {
    require!(["openbao-2.7.2"]);
    let (_server, ceremony) = before();
    set_mode(&ceremony.path("checkpoint"), 0o755);
    ceremony
        .run(&["status"])
        .exits(3)
        .says(&["can be entered by others", "chmod 700"]);
}

#[test]
fn an_identity_below_a_directory_of_another_user_is_refused() {
    require_root!();
    require!(["openbao-2.7.2"]);
    let (_server, mut ceremony) = before();
    let (_held, theirs) = directory_of(OTHER, 0o755);
    let key = theirs.join("alice.key");
    std::fs::copy(ceremony.path("alice.key"), &key).expect("a copy");
    give(&key, OPERATOR);
    as_operator(&mut ceremony);
    let run = ceremony.run(&["custodian", "prove", "alice", "--identity", text(&key)]);
    assert_ne!(run.code, 0);
    run.says(&["is not safe here", &format!("belongs to user {OTHER}")]);
}

#[test]
fn a_file_that_everybody_may_write_to_is_a_warning_and_a_finding() {
    require!(["openbao-2.7.2"]);
    let (_server, ceremony) = before();
    ceremony.save();
    let file = ceremony.path("bootstrap.yaml");
    set_mode(&file, 0o666);
    let text = "other users can modify bootstrap.yaml or its contents: every user may write to";
    let status = ceremony.run_as_is(&["status"]);
    status.exits(4).prints(&["findings:", text, "chmod o-w "]);
    let run = ceremony.run_as_is(&["apply", "--yes"]);
    run.exits(4).says(&["warning", text]).prints(&[text]);
    let report = std::fs::read_to_string(ceremony.path("checkpoint/report.json"));
    assert!(report.expect("a report").contains(text));
    set_mode(&file, 0o600);
    ceremony.run_as_is(&["status"]).never_says(&[text]);
}

#[test]
fn a_directory_of_shares_that_is_open_to_others_is_a_finding() {
    require!(["openbao-2.7.2"]);
    let (_server, ceremony) = before();
    let shares = ceremony.path("shares");
    std::fs::create_dir_all(&shares).expect("a directory");
    set_mode(&shares, 0o777);
    let run = ceremony.apply();
    let text = "other users can modify shares or its contents: every user may write to";
    run.exits(4).says(&[text]).prints(&[text]);
}

#[test]
fn a_holder_takes_the_cluster_from_no_diary_of_somebody_else() {
    require_root!();
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let start = ["break-glass", "start", "--reason", "the provider is down"];
    let started = starter.run(&start);
    started.exits(0);
    let code = started.stdout.trim();
    let (_held, theirs) = directory_of(OTHER, 0o755);
    let diary = theirs.join("checkpoint");
    std::fs::create_dir(&diary).expect("a directory");
    std::fs::copy(
        starter.path("checkpoint/diary.json"),
        diary.join("diary.json"),
    )
    .expect("a copy");
    give_all(&diary, OTHER);
    let mut bob = Ceremony::guest(&server, &starter, "bob");
    bob.set("/checkpoint/path", json!(diary));
    let submit = ["share", "submit", code, "--identity", "bob.key"];
    bob.run(&submit)
        .exits(3)
        .says(&["is not safe there", &format!("belongs to user {OTHER}")]);
    let progress = starter.run(&["break-glass", "progress"]);
    progress.exits(0).prints(&["0 of 2 shares given"]);
    starter.run(&["break-glass", "cancel"]).exits(0);
}
