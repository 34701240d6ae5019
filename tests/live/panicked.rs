//! A panic in the middle, with everything in hand: what it shows of itself holds no secret.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{Action, Faults, Scratch, cannot_dump, skip};

/// A panic of the standard library's own that takes no arguments, so that a debugger can call it.
const PANIC: &str = "call (void)'core::panicking::panic_cannot_unwind'()";
/// `SIGABRT`, as the end of a run says it.
const ABORTED: i32 = -6;

#[test]
fn a_panic_with_its_whole_backtrace_shows_no_secret_and_leaves_no_core() {
    if let Some(why) = cannot_dump() {
        skip(why);
        return;
    }
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().every("GET auth/token/lookup-self", Action::Hold);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let full = ("RUST_BACKTRACE".to_owned(), "full".to_owned());
    ceremony.environment.push(full);
    let run = ceremony.start();
    assert!(proxy.wait_for_held(Duration::from_secs(60)));
    // It may leave a core of its own where it stands.
    let place = Scratch::new();
    let mut debugger = Command::new("gdb");
    debugger.current_dir(place.path());
    debugger.args(["-nx", "-batch", "-p", &run.id().to_string(), "-ex", PANIC]);
    // The debugger stops at the abort; the program is to come to its end by it.
    debugger.args(["-ex", "signal SIGABRT"]);
    let said = debugger
        .envs([("HOME", place.path()), ("DEBUGINFOD_URLS", "".as_ref())])
        .stdin(Stdio::null())
        .output()
        .expect("gdb");
    let ended = run.finish();
    assert!(!ended.core_dumped);
    let run = Run::from(ended);
    assert_eq!(run.code, ABORTED, "{run}\n{said:?}");
    run.says(&[
        "panicked at",
        "panic in a function that cannot unwind",
        "stack backtrace",
    ]);
    run.shows_no_token();
    assert!(ceremony.canaries.count("root_token") >= 1);
    let shown = format!("{}{}", run.stdout, run.stderr);
    ceremony.canaries.are_not_in("the panic", shown.as_bytes());
    // The server and the checkpoint are where they were.
    drop(proxy);
    ceremony.environment.clear();
    assert!(ceremony.keeps_secrets());
}
