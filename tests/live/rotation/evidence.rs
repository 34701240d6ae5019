//! What a rotation leaves to show afterwards.

use super::*;

#[test]
fn a_rotation_leaves_signed_evidence_of_who_what_and_where() {
    require!(["openbao-2.7.2"]);
    let (_server, rotation) = Rotation::ready();
    let ceremony = &rotation.ceremony;
    let pair = minisign::KeyPair::generate_unencrypted_keypair().expect("keys");
    let secret = pair.sk.to_box(None).expect("a key").into_string();
    ceremony.write("evidence.key", &secret);
    let public = pair.pk.to_box().expect("a key").into_string();
    ceremony.write("evidence.pub", &public);
    let mut words = rotation.words();
    words.extend(["--sign-key", "evidence.key"].map(str::to_owned));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // Carol has taken hers away, as holders are told to.
    std::fs::remove_file(ceremony.path("shares/carol.age")).expect("it was there");
    let run = ceremony.run(&words);
    run.exits(0).prints(&["evidence: ", "rotation-"]);
    let mut names = ceremony.files_in("checkpoint");
    names.retain(|name| name.starts_with("rotation-"));
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    let file = format!("checkpoint/{}", names[0]);
    ceremony
        .run(&["report", "verify", &file, "--key", "evidence.pub"])
        .exits(0)
        .prints(&["is what was signed: rotation of"]);
    let text = std::fs::read_to_string(ceremony.path(&file)).expect("evidence");
    let facts: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(facts["before"]["generation"], 1);
    assert_eq!(facts["after"]["generation"], 2);
    assert_eq!(facts["login"]["name"], "ada");
    assert!(facts["operator"]["uid"].is_number());
    assert_eq!(facts["new_shares"].as_array().map(Vec::len), Some(3));
    assert_eq!(facts["old_shares"][0]["removed"], true, "{text}");
    assert_eq!(facts["old_shares"][2]["removed"], false, "{text}");
    assert_eq!(facts["old_shares"][2]["left"], "it was not there");
    let verified = facts["verified"].as_str().expect("how");
    assert!(verified.starts_with("by the server"), "{verified}");
    assert!(!rotation.old.iter().any(|share| text.contains(share)));
    run.says(&["each holder needs their new file", "holder-alice.yaml"]);
    let file = std::fs::read_to_string(ceremony.path("checkpoint/holder-alice.yaml"));
    assert!(file.expect("a file").contains("generation: 2"));
    // A second run changes nothing, and shows nothing new.
    rotation.rotate().exits(0).prints(&["nothing was written"]);
    let again = ceremony.files_in("checkpoint");
    let again = again.iter().filter(|name| name.starts_with("rotation-"));
    assert_eq!(again.count(), 3);
}

#[test]
fn what_was_rehearsed_with_the_old_shares_says_nothing_of_the_new_ones() {
    require!(["openbao-2.7.2"]);
    let (_server, rotation) = Rotation::ready();
    let ceremony = &rotation.ceremony;
    let keys = NAMES.map(|name| format!("{name}.key"));
    let keys = keys.iter().flat_map(|key| ["--identity", key]);
    let rehearse: Vec<&str> = std::iter::once("rehearse").chain(keys).collect();
    let before = [&rehearse[..], &["-c", "old.yaml"]].concat();
    ceremony.run_as_is(&before).exits(0);
    ceremony
        .run_as_is(&["apply", "--yes", "-c", "old.yaml"])
        .exits(0);
    rotation.rotate().exits(0);
    ceremony.apply().exits(4).prints(&[
        "[not-rehearsed] break-glass is not rehearsed since generation 2 of the shares is in effect",
        "next: vault-bootstrap rehearse",
    ]);
    ceremony.run(&rehearse).exits(0);
    ceremony.apply().exits(0).never_says(&["not rehearsed"]);
}
