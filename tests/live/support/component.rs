//! Where the installed components are.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use super::skipped;

/// The directory with the install script and what belongs to it.
pub fn servers_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers")
}

/// The path of a component in the cache: a program, or for Node packages their `node_modules`.
///
/// The install script alone knows how the cache is laid out, so it is asked, once for each component.
pub fn component(name: &str) -> Option<PathBuf> {
    static KNOWN: OnceLock<Mutex<HashMap<String, Option<PathBuf>>>> = OnceLock::new();
    let mut known = KNOWN
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    known
        .entry(name.to_owned())
        .or_insert_with(|| ask_for_path(name))
        .clone()
}

fn ask_for_path(name: &str) -> Option<PathBuf> {
    let output = Command::new(servers_directory().join("install"))
        .args(["--path", name])
        .output()
        .expect("tests/servers/install runs");
    assert_ne!(
        output.status.code(),
        Some(64),
        "there is no component {name}"
    );
    output
        .status
        .success()
        .then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// Whether all of these are installed; says what is not when the run has ended, and panics instead when
/// `REQUIRE_ALL=1`.
pub fn available(names: &[&str]) -> bool {
    let Some(missing) = names.iter().find(|name| component(name).is_none()) else {
        return true;
    };
    let reason = format!("{missing} is not installed (tests/servers/install {missing})");
    assert!(
        std::env::var("REQUIRE_ALL").as_deref() != Ok("1"),
        "required: {reason}"
    );
    skipped::skip(&reason);
    false
}

/// The path of a component that [`available`] has been asked about.
pub fn installed(name: &str) -> PathBuf {
    component(name)
        .inspect(|_| skipped::something_is_tried())
        .unwrap_or_else(|| panic!("{name} is not installed; guard the test with require!"))
}
