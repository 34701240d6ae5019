//! What was not tried, told when the run has ended: a line that a test prints while it passes is seen by nobody.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, Once};

/// Every test that asked for something, and what it lacks if it was left for that.
static ASKED: Mutex<BTreeMap<String, Option<String>>> = Mutex::new(BTreeMap::new());
/// That of a run in which tests fail.
const FAILED: i32 = 101;

/// This test has all it needs.
pub fn is_tried() {
    at_the_end();
    asked().entry(this_test()).or_default();
}

/// This test is left, in whole or in part, for this reason.
pub fn skip(reason: &str) {
    at_the_end();
    asked().insert(this_test(), Some(reason.to_owned()));
}

/// The harness names a test's thread after it.
fn this_test() -> String {
    let thread = std::thread::current();
    thread.name().unwrap_or("a test").to_owned()
}

fn asked() -> MutexGuard<'static, BTreeMap<String, Option<String>>> {
    ASKED
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// What to say of the tests that were left, and whether any other test could be tried; nothing where none was left.
fn told(asked: &BTreeMap<String, Option<String>>) -> Option<(String, bool)> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (test, reason) in asked {
        if let Some(reason) = reason {
            reasons.entry(reason).or_default().push(test);
        }
    }
    if reasons.is_empty() {
        return None;
    }
    let mut text = String::new();
    for (reason, tests) in reasons {
        text += &format!("skipped {}: {reason}\n", tests.len());
        text.extend(tests.iter().map(|test| format!("    {test}\n")));
    }
    let tried = asked.values().any(Option::is_none);
    if !tried {
        text += "failed: no test that needs any of this could be tried\n";
    }
    Some((text, tried))
}

extern "C" fn tell() {
    let Some((text, tried)) = told(&asked()) else {
        return;
    };
    let _ = std::io::stderr().write_all(text.as_bytes());
    if !tried {
        // SAFETY: it takes a number and does not return; the harness has written all it had to say.
        #[allow(unsafe_code)]
        unsafe {
            _exit(FAILED)
        }
    }
}

/// The harness has no hook for the end of a run; the process has.
fn at_the_end() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the function lives as long as the process, and never unwinds: it neither indexes nor unwraps.
        #[allow(unsafe_code)]
        let refused = unsafe { atexit(tell) };
        assert_eq!(refused, 0, "nothing could tell what is skipped");
    });
}

#[allow(unsafe_code)]
unsafe extern "C" {
    fn atexit(function: extern "C" fn()) -> i32;
    fn _exit(status: i32) -> !;
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};

    use super::super::{Scratch, component, require};

    const NEEDS_OPENBAO: &str =
        "break_glass::unsealing::a_seal_that_opens_by_itself_takes_no_share";
    const NEEDS_VAULT: &str = "happy::vault_1_21_1_with_key_shares_is_handed_over";

    /// This very program with these two tests, where nothing but `components` is installed.
    fn run_with(components: &[&str]) -> Output {
        let cache = Scratch::new();
        let servers = cache.file("vault-bootstrap/servers");
        std::fs::create_dir_all(&servers).expect("a directory");
        for name in components {
            let program = component(name).expect("it is installed");
            let directory = program.ancestors().nth(2).expect("a directory of its own");
            let link = servers.join(directory.file_name().expect("a name"));
            std::os::unix::fs::symlink(directory, link).expect("a link");
        }
        let mut command = Command::new(std::env::current_exe().expect("it runs"));
        command
            .args(["--exact", NEEDS_OPENBAO, NEEDS_VAULT])
            .env("XDG_CACHE_HOME", cache.path())
            .env_remove("REQUIRE_ALL");
        command.output().expect("it runs again")
    }

    #[test]
    fn what_was_skipped_is_named_at_the_end_and_a_run_that_tried_nothing_fails() {
        require!(["openbao-2.7.2"]);
        let named = |name: &str| format!("    {name}\n");
        let skipped =
            "skipped 1: vault-1.21.1 is not installed (tests/servers/install vault-1.21.1)\n";
        let some = run_with(&["openbao-2.7.2"]);
        let said = String::from_utf8_lossy(&some.stderr);
        assert!(some.status.success(), "{some:?}");
        assert_eq!(said, format!("{skipped}{}", named(NEEDS_VAULT)));
        let none = run_with(&[]);
        let said = String::from_utf8_lossy(&none.stderr);
        assert_eq!(none.status.code(), Some(super::FAILED), "{none:?}");
        assert!(said.contains(&named(NEEDS_OPENBAO)) && said.contains(&named(NEEDS_VAULT)));
        assert!(
            said.ends_with("failed: no test that needs any of this could be tried\n"),
            "{said}"
        );
    }
}
