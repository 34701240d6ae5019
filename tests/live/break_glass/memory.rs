//! While a command works as root, its token and the one that looks afterwards are the only secrets in the memory of the
//! program, and each stands there once.

use serde_json::json;

use super::{handed_over, nothing_is_left, with_keys};
use crate::ceremony::Run;
use crate::support::{Dump, Faults, cannot_dump, require, skip};

#[test]
fn while_the_command_works_nothing_but_its_token_and_the_one_that_looks_afterwards_is_in_memory() {
    require!(["openbao-2.7.2"]);
    if let Some(why) = cannot_dump() {
        let required = std::env::var("REQUIRE_ALL").as_deref() == Ok("1");
        assert!(!required || !why.contains("gdb"), "required: {why}");
        skip(why);
        return;
    }
    let (server, mut ceremony) = handed_over();
    let proxy = Faults::new().before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let script = "echo ready >&2; while ! test -e go; do sleep 0.1; done";
    let words = with_keys("break-glass", &["--reason", "x", "--", "sh", "-c", script]);
    let run = ceremony.tool().spawn(&words);
    run.wait_for_line("that it works", |line| line.contains("ready"));
    ceremony.learn_secrets();
    ceremony.canaries.add_all(&proxy.heard);
    assert!(
        ceremony.canaries.len() > 12,
        "{} canaries",
        ceremony.canaries.len()
    );
    let dump = Dump::of(run.id());
    let found = dump.search(&ceremony.canaries.search());
    for (find, place) in &found {
        println!("{find} in {place}\n    {}", dump.around(find.at));
    }
    ceremony.write("go", "");
    Run::from(run.finish()).exits(0);
    assert_eq!(found.len(), 2, "secrets in memory");
    for (find, _) in &found {
        assert!(find.name.contains("create-orphan"), "{}", find.name);
    }
    nothing_is_left(&server, &ceremony);
}
