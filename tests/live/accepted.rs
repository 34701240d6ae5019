//! A finding that the file accepts is still told, and no reason for exit 4 until its day is over.

use serde_json::json;

use crate::ceremony::{Ceremony, Server};
use crate::support::require;

#[test]
fn an_accepted_finding_is_told_with_its_reason_and_counts_again_when_its_day_is_over() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let codes = ceremony
        .run(&["apply", "--yes", "--output", "json"])
        .exits(4)
        .codes();
    assert!(!codes.is_empty());
    for code in &codes {
        ceremony.set(
            &format!("/accept/{code}"),
            json!({ "reason": "a lab", "until": "2999-12-31" }),
        );
    }
    let accepted = " (accepted until 2999-12-31: a lab)";
    ceremony
        .apply()
        .exits(0)
        .prints(&[
            "nothing was written; the file accepts each finding",
            accepted,
        ])
        .never_says(&["everything is as the file says"]);
    let run = ceremony.run(&["apply", "--output", "json"]);
    let end = run.exits(0).events().pop().expect("an end");
    assert_eq!(end["findings"][0]["accepted"]["reason"], "a lab");
    let report = std::fs::read_to_string(ceremony.path("checkpoint/report.txt")).expect("a report");
    assert!(report.contains("accepted until 2999-12-31"), "{report}");
    // One that is not accepted counts beside those that are.
    std::fs::remove_file(ceremony.path("shares/bob.age")).expect("a share");
    let run = ceremony.apply();
    run.exits(4)
        .prints(&["the share of bob is not at", accepted]);
    ceremony.set("/accept", json!({}));
    for code in codes.iter().chain([&"share-gone".to_owned()]) {
        ceremony.set(
            &format!("/accept/{code}"),
            json!({ "reason": "a lab", "until": "2020-01-01" }),
        );
    }
    ceremony
        .apply()
        .exits(4)
        .prints(&["; the file accepts it until 2020-01-01 only"])
        .never_says(&["(accepted until"]);
}
