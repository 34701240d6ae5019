//! Break-glass after the hand-over: rehearsed, and in an emergency.

mod at_work;
mod compared;
mod consent;
mod elsewhere;
mod emergency;
pub(crate) mod holders;
mod killed;
mod left_behind;
mod lost;
mod memory;
mod rehearsal;
mod rules;
mod shares;
mod theirs;
mod typed;
mod unsealing;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ceremony::{
    Api, Ceremony, EVERY_KEY, Run, Server, handed_over, handed_over_elsewhere, handed_over_on,
};

/// Where an attempt is looked at.
const ATTEMPT: &str = "sys/generate-root-token/attempt";
/// A share is given.
const GIVES: &str = "* sys/generate-root-token/update";
/// The token for the command is made.
const MAKES: &str = "* auth/token/create-orphan";

/// The label of beginning an attempt.
fn begins() -> String {
    format!("POST {ATTEMPT}")
}

/// `command` with every key and these words.
fn with_keys<'a>(command: &'a str, words: &[&'a str]) -> Vec<&'a str> {
    let before = std::iter::once(command).chain(EVERY_KEY);
    before.chain(words.iter().copied()).collect()
}

pub(crate) fn rehearse(ceremony: &Ceremony) -> Run {
    ceremony.run(&with_keys("rehearse", &[]))
}

/// A look that stays the same from the first time to the last: an auditor's own session.
fn auditor<'a>(server: &'a Server, ceremony: &Ceremony) -> Api<'a> {
    server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"])
}

fn accessors(auditor: &Api<'_>) -> BTreeSet<String> {
    let (status, answer) = auditor.list("auth/token/accessors");
    assert_eq!(status, 200, "{answer}");
    let keys = answer["data"]["keys"].as_array().expect("keys");
    keys.iter()
        .map(|key| key.as_str().expect("a text").to_owned())
        .collect()
}

/// No root token, and no attempt at one.
pub(crate) fn nothing_is_left(server: &Server, ceremony: &Ceremony) {
    auditor(server, ceremony).no_root_is_left();
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    assert_eq!(ada.read(ATTEMPT)["data"]["started"], false);
    let left = ceremony.files_in("checkpoint");
    let tokens = ["generated", "limited", "inspection"].map(|kept| format!("break-glass.{kept}"));
    assert!(!left.iter().any(|name| tokens.contains(name)), "{left:?}");
}

/// The newest evidence of this kind.
fn evidence(ceremony: &Ceremony, kind: &str) -> Value {
    let mut names = ceremony.files_in("checkpoint");
    names.retain(|name| name.starts_with(kind) && name.ends_with(".json"));
    // Of two runs of one second the names do not tell which was later.
    let written = |name: &String| {
        let file = std::fs::metadata(ceremony.path("checkpoint").join(name));
        file.and_then(|file| file.modified()).expect("a time")
    };
    let name = names
        .iter()
        .max_by_key(|name| written(name))
        .expect("evidence");
    let text = std::fs::read_to_string(ceremony.path("checkpoint").join(name)).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}
