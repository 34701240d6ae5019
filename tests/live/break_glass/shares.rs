//! Shares that are none, or not of this cluster: said, and nothing is left of the attempt.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use serde_json::json;

use super::{evidence, handed_over, handed_over_elsewhere, nothing_is_left, rehearse, with_keys};
use crate::support::require;

#[test]
fn a_share_in_any_spelling_counts_and_one_of_another_cluster_does_not() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let (_other, foreign) = handed_over_elsewhere();
    let right = ceremony.custody().share("bob");
    let bytes = STANDARD.decode(&right).expect("base64");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let url_safe = right.replace('+', "-").replace('/', "_");
    for spelled in [
        hex.clone(),
        hex.to_uppercase(),
        url_safe,
        format!("{right}\n"),
    ] {
        ceremony.custody().replace("bob", &spelled);
        // Another file than the one that was stored, which is a finding.
        let run = rehearse(&ceremony);
        run.exits(4).says(&["bob has answered"]);
        run.prints(&["the share of bob, changed since it was stored"]);
    }
    // The others are tried all the same, and the wrong one is known by name.
    for text in [&*foreign.custody().share("bob"), &right[..right.len() - 8]] {
        ceremony.custody().replace("bob", text);
        rehearse(&ceremony).exits(4).prints(&[
            "the share of bob is wrong: beside shares that make a root token it makes none",
            "rehearsed: break-glass into",
        ]);
        nothing_is_left(&server, &ceremony);
        let facts = evidence(&ceremony, "rehearsal-");
        assert_eq!(facts["wrong_shares"], json!(["bob"]));
        let made = facts["quorums"].as_array().expect("quorums");
        let of = |quorum: &serde_json::Value| quorum["custodians"].to_string();
        assert!(made.iter().all(|quorum| !of(quorum).contains("bob")));
    }
    // Without a quorum of right ones nothing is rehearsed.
    let carols = ceremony.custody().share("carol");
    ceremony
        .custody()
        .replace("carol", &foreign.custody().share("carol"));
    rehearse(&ceremony).exits(3);
    nothing_is_left(&server, &ceremony);
    ceremony.custody().replace("carol", &carols);
    // One that another holder has too is not given at all.
    ceremony
        .custody()
        .replace("bob", &ceremony.custody().share("alice"));
    let run = rehearse(&ceremony);
    run.exits(4)
        .says(&["what is kept for alice and for bob is one and the same share"]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn a_wrong_share_keeps_no_other_quorum_from_opening_and_one_that_was_changed_is_asked_last() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let (_other, foreign) = handed_over_elsewhere();
    ceremony
        .custody()
        .replace("bob", &foreign.custody().share("bob"));
    let words = with_keys("break-glass", &["--reason", "x", "--", "true"]);
    // The diary knows what was stored.
    ceremony
        .run(&words)
        .exits(0)
        .says(&[
            "the share of bob, changed since",
            "alice has answered",
            "carol has answered",
        ])
        .never_says(&["bob has answered"]);
    // A machine without one finds out.
    let id = server.get("sys/health", None).1["cluster_id"].clone();
    ceremony.set("/cluster/id", id);
    ceremony.set("/checkpoint/path", json!("elsewhere"));
    let run = ceremony.run(&words);
    // Since carol's does in its place, it is known which one is wrong.
    run.exits(4)
        .says(&["the share of bob is wrong: beside shares that make a root token it makes none"])
        .never_says(&["at least one share of each quorum"]);
    run.says(&[
        "bob has answered",
        "the shares of alice, bob make no root token; trying another quorum",
        "carol has answered",
    ]);
    let mut names = ceremony.files_in("elsewhere");
    names.retain(|name| name.ends_with(".json") && name.starts_with("break-glass-"));
    let path = ceremony.path("elsewhere").join(&names[0]);
    let text = std::fs::read_to_string(path).expect("evidence");
    let facts: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(facts["quorum"], "alice, carol");
    assert_eq!(facts["refused_quorums"], json!(["alice, bob"]));
    nothing_is_left(&server, &ceremony);
    // Where every quorum has a wrong share, nothing is left of the tries.
    ceremony
        .custody()
        .replace("carol", &foreign.custody().share("carol"));
    ceremony
        .run(&words)
        .exits(3)
        .says(&["do not make the key of this cluster", "--without NAME"]);
    nothing_is_left(&server, &ceremony);
}
