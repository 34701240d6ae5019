//! `kill -9` after every event, of the run and of its watcher.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::Place;
use crate::support::{Running, eventually, require};

const BAO: &str = "openbao-2.7.2";
const VAULT: &str = "vault-1.21.1";
/// What is said of a run that is worth a kill, in its order: on `-v` and of each step its beginning and its end.
const EVENTS: [&str; 32] = [
    "directory made",
    "ports chosen",
    "watcher started",
    "the server answers",
    " 1/14 ",
    "with seal",
    " 2/14 ",
    "initialising",
    "2/14*done",
    "3/14 ",
    "3/14*done",
    "4/14 ",
    "4/14*done",
    "5/14 ",
    "5/14*done",
    "6/14 ",
    "6/14*done",
    "7/14 ",
    "7/14*done",
    "8/14 ",
    "8/14*done",
    "9/14 ",
    "9/14*done",
    "10/14 ",
    "10/14*done",
    "11/14 ",
    "12/14 ",
    "12/14*done",
    "13/14 ",
    "14/14*done",
    "the command starts",
    "at-work",
];
/// Says that it runs, and would for long.
const COMMAND: [&str; 4] = ["--", "sh", "-c", "echo at-work >&2; sleep 20"];

/// A run that has come to this event.
fn at(place: &Place, event: &str, more: &[&str]) -> Running {
    let words = [&["-v"], more, &COMMAND[..]].concat();
    let run = place.tool.spawn(&place.words(&words));
    let (said, done) = event.split_once('*').unwrap_or((event, ""));
    run.wait_for_line(event, |line| line.contains(said) && line.contains(done));
    run
}

/// The watcher of the one run that there is; none before it is started.
fn watcher(place: &Place) -> Option<Pid> {
    let all = place.processes();
    let found = all
        .iter()
        .find(|(_, line)| line.contains("throwaway watch "));
    found.and_then(|(id, _)| Pid::from_raw(i32::try_from(*id).ok()?))
}

fn the_run_dies(name: &str, events: &[&str], more: &[&str]) {
    require!([name]);
    for event in events {
        let place = Place::with(name);
        let run = at(&place, event, more);
        run.kill();
        // What it had started ends by itself; a directory that nobody watched yet is removed by the next run.
        place.tool.run(&["throwaway", "list"]).expect_code(0);
        place.is_clean();
    }
}

fn the_watcher_dies(name: &str, events: &[&str], more: &[&str]) {
    require!([name]);
    for event in events {
        let place = Place::with(name);
        let run = at(&place, event, more);
        let Some(id) = watcher(&place) else {
            run.kill();
            place.tool.run(&["throwaway", "list"]).expect_code(0);
            continue;
        };
        kill_process(id, Signal::KILL).expect("it is there");
        let ended = run.finish();
        assert_ne!(ended.code, 0, "{event}: {}", ended.stderr);
        // The run itself removes what the watcher would have.
        place.is_clean();
    }
}

#[test]
fn nothing_stays_of_a_run_that_is_killed_after_any_event() {
    the_run_dies(BAO, &EVENTS, &["--inmem"]);
}

#[test]
fn nothing_stays_of_a_run_on_vault_that_is_killed() {
    the_run_dies(VAULT, &["watcher started", "initialising", "at-work"], &[]);
}

#[test]
fn nothing_stays_where_the_watcher_is_killed_after_any_event() {
    the_watcher_dies(BAO, &EVENTS[2..], &["--inmem"]);
}

#[test]
fn nothing_stays_where_both_are_killed() {
    require!([BAO]);
    let place = Place::with(BAO);
    let run = at(&place, "at-work", &[]);
    let id = watcher(&place).expect("a watcher");
    kill_process(id, Signal::STOP).expect("it is there");
    run.kill();
    kill_process(id, Signal::KILL).expect("it is there");
    assert_eq!(
        place.directories().len(),
        1,
        "nobody was there to remove it"
    );
    place.run(&["--inmem", "--", "true"]).expect_code(0);
    place.is_clean();
}

#[test]
fn what_is_of_another_machine_is_shown_and_removed_only_by_force() {
    require!([BAO]);
    let place = Place::with(BAO);
    let name = format!(
        "vault-bootstrap-throwaway.{}.4026531836.1.1.abcdefgh",
        "0".repeat(16)
    );
    std::fs::create_dir(place.temporary().join(&name)).expect("made");
    place.run(&["--inmem", "--", "true"]).expect_code(0);
    let list = place
        .tool
        .run(&["throwaway", "list", "--output", "json"])
        .expect_code(0);
    let list: serde_json::Value = serde_json::from_str(&list.stdout).expect("JSON");
    assert_eq!(list[0]["state"], "elsewhere");
    assert_eq!(list[0]["name"], "abcdefgh");
    let refused = place
        .tool
        .run(&["throwaway", "down", "abcdefgh"])
        .expect_code(3);
    assert!(
        refused.stderr.contains("down abcdefgh --force"),
        "{}",
        refused.stderr
    );
    place
        .tool
        .run(&["throwaway", "down", "abcdefgh", "--force"])
        .expect_code(0);
    place.is_clean();
}

#[test]
fn what_the_command_has_started_ends_with_a_run_that_is_killed() {
    require!([BAO]);
    let place = Place::with(BAO);
    let script = "sleep 300 & echo child $! >&2; wait";
    let words = place.words(&["--inmem", "--", "sh", "-c", script]);
    let run = place.tool.spawn(&words);
    let line = run.wait_for_line("child", |line| line.starts_with("child "));
    run.kill();
    let child = line.trim_start_matches("child ").to_owned();
    // One that has ended and was not waited for has no command line any more.
    let lives =
        || std::fs::read(format!("/proc/{child}/cmdline")).is_ok_and(|line| !line.is_empty());
    assert!(eventually(Duration::from_secs(10), || !lives()), "{child}");
    place.is_clean();
}
