//! Disks that are full or read-only: found before the one request that cannot be repeated.

use std::path::Path;

use serde_json::json;

use super::{before, nothing_was_written};
use crate::ceremony::Ceremony;
use crate::support::Disk;

/// A file system of its own over a directory of the ceremony, whose runs see it from now on. Where none may be
/// mounted it says why, and what stands in for it.
fn disk(ceremony: &mut Ceremony, name: &str, options: &str, stand_in: &str) -> Option<Disk> {
    match Disk::over(&ceremony.path(name), options) {
        Ok(disk) => {
            ceremony.through = disk.through(&ceremony.path(""));
            Some(disk)
        }
        Err(why) => {
            println!("replaced by {stand_in}: no file system may be mounted here: {why}");
            None
        }
    }
}

#[test]
fn a_full_disk_under_the_checkpoint() {
    let (server, mut ceremony) = before();
    let diary = std::fs::read(ceremony.path("checkpoint/diary.json")).expect("the proofs");
    let options = "size=16k,mode=0700";
    let stand_in = "no_file_may_grow_under_the_checkpoint";
    let Some(disk) = disk(&mut ceremony, "checkpoint", options, stand_in) else {
        return;
    };
    std::fs::write(disk.file("diary.json"), diary).expect("room for the diary");
    std::fs::write(disk.file("ballast"), [0; 4096]).expect("room for a page");
    let run = ceremony.apply();
    run.exits(1).says(&[
        "cannot write",
        "checkpoint/",
        "No space left on device",
        "make room on that disk",
    ]);
    nothing_was_written(&server, &ceremony, &run);
    assert!(!disk.file("secrets").exists());
    std::fs::remove_file(disk.file("ballast")).expect("ours");
    disk.remount("size=1m");
    ceremony.apply().exits(4);
}

#[test]
fn a_read_only_checkpoint_directory() {
    let (server, mut ceremony) = before();
    let options = "size=1m,mode=0700";
    let stand_in = "a_checkpoint_where_nobody_can_make_a_directory";
    let Some(disk) = disk(&mut ceremony, "checkpoint", options, stand_in) else {
        return;
    };
    disk.remount("ro");
    let run = ceremony.apply();
    run.exits(1).says(&[
        "Read-only file system",
        "make that file system writable (mount -o remount,rw)",
    ]);
    nothing_was_written(&server, &ceremony, &run);
}

#[test]
fn a_full_disk_under_the_shares() {
    let (server, mut ceremony) = before();
    let stand_in = "a_share_where_nobody_can_make_a_file";
    let Some(disk) = disk(&mut ceremony, "small", "size=4k", stand_in) else {
        return;
    };
    std::fs::write(disk.file("ballast"), [0; 4096]).expect("room for a page");
    ceremony.set("/init/custodians/0/age/file", json!("small/alice.age"));
    let run = ceremony.apply();
    run.exits(1).says(&[
        "custodian alice: small/",
        "No space left on device",
        "make room on that disk",
    ]);
    nothing_was_written(&server, &ceremony, &run);
    let left = std::fs::read_dir(disk.file("")).expect("ours");
    assert_eq!(left.count(), 1, "the ballast alone");
}

/// Needs no right at all: a limit on the size of files, which ends a write as a full disk does.
#[test]
fn no_file_may_grow_under_the_checkpoint() {
    let (server, mut ceremony) = before();
    // Ignored, the signal leaves the error to the program, as it does when a service manager sets the limit.
    let limit = r#"trap "" XFSZ; ulimit -f 0; exec "$0" "$@""#;
    ceremony.through = ["sh", "-c", limit].map(str::to_owned).to_vec();
    let run = ceremony.apply();
    run.exits(1)
        .says(&["cannot write", "checkpoint/", "File too large", "ulimit -f"]);
    nothing_was_written(&server, &ceremony, &run);
    ceremony.through.clear();
    ceremony.apply().exits(4);
}

/// Needs no right at all: no directory can be made there, even by root.
#[test]
fn a_checkpoint_where_nobody_can_make_a_directory() {
    let (server, mut ceremony) = before();
    let path = Path::new("/sys/vault-bootstrap");
    ceremony.set("/checkpoint/path", json!(path));
    let run = ceremony.apply();
    run.exits(1)
        .says(&["cannot create /sys/vault-bootstrap", "what to do:"]);
    assert!(!path.exists());
    nothing_was_written(&server, &ceremony, &run);
}

/// As above.
#[test]
fn a_share_where_nobody_can_make_a_file() {
    let (server, mut ceremony) = before();
    let path = Path::new("/sys/kernel/alice.age");
    ceremony.set("/init/custodians/0/age/file", json!(path));
    let run = ceremony.apply();
    run.exits(1)
        .says(&["custodian alice: /sys/kernel/", "what to do:"]);
    assert!(!path.exists());
    nothing_was_written(&server, &ceremony, &run);
}

#[test]
fn a_checkpoint_directory_that_others_can_enter() {
    use std::os::unix::fs::PermissionsExt;
    let (server, ceremony) = before();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(ceremony.path("checkpoint"), open).expect("ours");
    let run = ceremony.apply();
    run.exits(3)
        .says(&["can be entered by others", "chmod 700"]);
    nothing_was_written(&server, &ceremony, &run);
}

#[test]
fn a_damaged_checkpoint() {
    let (server, ceremony) = before();
    ceremony.write("checkpoint/diary.json", "{");
    let run = ceremony.apply();
    run.exits(3)
        .says(&["diary.json is damaged", "restore the checkpoint directory"]);
    nothing_was_written(&server, &ceremony, &run);
}
