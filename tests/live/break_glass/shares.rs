//! Shares that are none, or not of this cluster: said, and nothing is left of the attempt.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{evidence, handed_over, handed_over_elsewhere, nothing_is_left, rehearse};
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
    let cases: [(&str, &[&str]); 2] = [
        (
            &foreign.custody().share("bob"),
            &[
                "the shares of alice, bob do not make the key of this cluster",
                "rehearse --without NAME",
            ],
        ),
        (&right[..right.len() - 8], &["bob"]),
    ];
    for (text, said) in cases {
        ceremony.custody().replace("bob", text);
        rehearse(&ceremony).exits(3).says(said);
        nothing_is_left(&server, &ceremony);
    }
    assert_eq!(
        evidence(&ceremony, "rehearsal-")["findings"],
        serde_json::json!([])
    );
    // One that another holder has too is not given at all.
    ceremony
        .custody()
        .replace("bob", &ceremony.custody().share("alice"));
    let run = rehearse(&ceremony);
    run.exits(4)
        .says(&["what is kept for alice and for bob is one and the same share"]);
    nothing_is_left(&server, &ceremony);
}
