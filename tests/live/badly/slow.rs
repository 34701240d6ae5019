//! A server that takes two seconds over an answer: slow, and not down.

use std::time::Duration;

use serde_json::json;

use super::{everything, seed};
use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{Action, Faults, require};

/// How long an answer takes.
const SLOW: Duration = Duration::from_secs(2);
/// Without `BADLY=all` one request in so many is slow: every step has one in some run.
const ONE_IN: usize = 6;
/// With it, about ninety of them one after the other.
const LIMIT: Duration = Duration::from_secs(400);

#[test]
fn a_server_that_takes_two_seconds_over_an_answer_meets_no_time_out() {
    require!(["openbao-2.7.2"]);
    let (each, seed) = (if everything() { 1 } else { ONE_IN }, seed());
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new()
        .every("*", Action::Delay(SLOW))
        .when(move |request| (request.number + seed).is_multiple_of(each));
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    let run: Run = ceremony.tool().limit(LIMIT).run(&["apply", "--yes"]).into();
    run.exits(4).says(&["ada opened"]).never_says(&[
        "was not answered within",
        "looking for the active node again",
    ]);
    let slow = faults.struck("*");
    println!("{slow} of {} answers were slow", proxy.total());
    assert!(slow >= proxy.total() / each, "{slow}");
    assert!(!ceremony.keeps_secrets());
}
