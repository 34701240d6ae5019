//! Other users of this machine, who only have to have numbers. Root alone may become them.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::skipped;

/// Whoever runs the program.
pub const OPERATOR: u32 = 47_110;
/// Another user, who means no good.
pub const OTHER: u32 = 47_111;

/// Whether other users can be played here; says where the run has ended that they cannot, and panics instead when
/// `REQUIRE_ALL=1`.
pub fn is_root() -> bool {
    if rustix::process::geteuid().is_root() {
        skipped::something_is_tried();
        return true;
    }
    let reason = "these are not run as root, who alone may become other users";
    assert!(
        std::env::var("REQUIRE_ALL").as_deref() != Ok("1"),
        "required: {reason}"
    );
    skipped::skip(reason);
    false
}

/// Leaves the test, saying why, where other users cannot be played.
macro_rules! require_root {
    () => {
        if !$crate::support::is_root() {
            return;
        }
    };
}
pub(crate) use require_root;

/// A directory of this user, with this mode.
pub fn directory_of(user: u32, mode: u32) -> (TempDir, PathBuf) {
    let made = tempfile::Builder::new().prefix("vb-users-").tempdir();
    let made = made.expect("a directory");
    let path = made.path().canonicalize().expect("it is there");
    set_mode(&path, mode);
    give(&path, user);
    (made, path)
}

/// Makes a file or directory this user's.
pub fn give(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).expect("root may");
}

/// The same of all that is below it.
pub fn give_all(path: &Path, user: u32) {
    let mut command = Command::new("chown");
    command.args(["-R", &format!("{user}:{user}")]).arg(path);
    assert!(command.status().expect("chown").success());
}

/// Sets who may do what.
pub fn set_mode(path: &Path, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("root may");
}

/// Lets this user do something.
#[track_caller]
pub fn as_user(user: u32, words: &[&str]) {
    let mut command = Command::new("setpriv");
    let user = user.to_string();
    command
        .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
        .args(words);
    let output = command.output().expect("setpriv");
    assert!(output.status.success(), "{words:?}: {output:?}");
}

/// The words before a command that let this user run it. The program is opened before: where it lies may be closed
/// to them.
pub fn through_user(user: u32) -> Vec<String> {
    let start = format!(
        r#"exec 9<"$0"; exec setpriv --reuid={user} --regid={user} --clear-groups /proc/self/fd/9 "$@""#
    );
    ["sh", "-c", &start].map(str::to_owned).to_vec()
}

/// A pipe of this name, which nobody reads or writes.
pub fn named_pipe(path: &Path) {
    let made = Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(path)
        .status();
    assert!(made.expect("mkfifo").success());
}
