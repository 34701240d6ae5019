//! What was not tried, told when the run has ended: a line that a test prints while it passes is seen by nobody.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once};

/// Every test that was left, in whole or in part, and what it lacks.
static SKIPPED: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
/// Whether any test used any component.
static TRIED: AtomicBool = AtomicBool::new(false);
const NOTHING: &str = "failed: no test that needs a component could be tried\n";
/// That of a run in which tests fail.
const FAILED: i32 = 101;

/// A test uses what is installed.
pub fn something_is_tried() {
    TRIED.store(true, Ordering::SeqCst);
}

/// This test is left, in whole or in part, for this reason.
pub fn skip(reason: &str) {
    at_the_end();
    // The harness names a test's thread after it.
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test").to_owned();
    skipped().insert(test, reason.to_owned());
}

fn skipped() -> MutexGuard<'static, BTreeMap<String, String>> {
    SKIPPED
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The tests that were left, by what they lack.
fn told() -> String {
    let skipped = skipped();
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (test, reason) in skipped.iter() {
        reasons.entry(reason).or_default().push(test);
    }
    let mut text = String::new();
    for (reason, tests) in reasons {
        text += &format!("skipped {}: {reason}\n", tests.len());
        text.extend(tests.iter().map(|test| format!("    {test}\n")));
    }
    text
}

extern "C" fn tell() {
    let mut text = told();
    let tried = TRIED.load(Ordering::SeqCst);
    if !tried {
        text += NOTHING;
    }
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
        assert!(said.ends_with(super::NOTHING), "{said}");
    }
}
