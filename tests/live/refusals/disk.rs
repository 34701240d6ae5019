//! Disks that are full or read-only: found before the one request that cannot be repeated.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{before, nothing_was_written};

/// A small file system of its own, gone at the end of the test.
struct Disk(PathBuf);

impl Disk {
    /// `None`, with the reason said, where we may not mount.
    fn at(path: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(path).expect("a directory");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path);
        let output = mount.output().expect("mount");
        if output.status.success() {
            return Some(Self(path.to_owned()));
        }
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        eprintln!("skipped: no file system of our own may be mounted here: {why}");
        None
    }

    fn remount(&self, options: &str) {
        let mut mount = Command::new("mount");
        let status = mount
            .args(["-o", &format!("remount,{options}")])
            .arg(&self.0)
            .status();
        assert!(status.expect("mount").success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_under_the_checkpoint() {
    let (server, ceremony) = before();
    let diary = std::fs::read(ceremony.path("checkpoint/diary.json")).expect("the proofs");
    let Some(_disk) = Disk::at(&ceremony.path("checkpoint"), "size=16k,mode=0700") else {
        return;
    };
    std::fs::write(ceremony.path("checkpoint/diary.json"), diary).expect("room for the diary");
    std::fs::write(ceremony.path("checkpoint/ballast"), [0; 4096]).expect("room for a page");
    let run = ceremony.apply();
    run.exits(1).says(&[
        "cannot write",
        "checkpoint/",
        "No space left on device",
        "make room on that disk",
    ]);
    nothing_was_written(&server, &ceremony, &run);
    std::fs::remove_file(ceremony.path("checkpoint/ballast")).expect("ours");
    _disk.remount("size=1m");
    ceremony.apply().exits(4);
}

#[test]
fn a_read_only_checkpoint_directory() {
    let (server, ceremony) = before();
    let Some(disk) = Disk::at(&ceremony.path("checkpoint"), "size=1m,mode=0700") else {
        return;
    };
    disk.remount("ro");
    let run = ceremony.apply();
    run.exits(1).says(&[
        "Read-only file system",
        "name a writable directory as checkpoint.path",
    ]);
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

#[test]
fn a_full_disk_under_the_shares() {
    let (server, mut ceremony) = before();
    let Some(_disk) = Disk::at(&ceremony.path("small"), "size=4k") else {
        return;
    };
    std::fs::write(ceremony.path("small/ballast"), [0; 4096]).expect("room for a page");
    ceremony.set(
        "/init/custodians/0/age/file",
        serde_json::json!("small/alice.age"),
    );
    let run = ceremony.apply();
    run.exits(1).says(&[
        "custodian alice: small/",
        "no storage space",
        "make room on that disk",
    ]);
    nothing_was_written(&server, &ceremony, &run);
    assert_eq!(ceremony.files_in("small"), ["ballast"]);
}
