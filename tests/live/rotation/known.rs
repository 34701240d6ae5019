//! Half way, whoever asks for shares knows of it before a holder is asked, and asks for none that open nothing.

use super::lost::killed_at_verify;
use super::*;

const KEYS: [&str; 4] = ["--identity", "alice.key", "--identity", "bob.key"];

/// A drill or the real thing with this file, and holders whose keys are here.
fn with(rotation: &Rotation, file: &str, words: &[&str]) -> Run {
    let mut all = words.to_vec();
    all.splice(1..1, KEYS.into_iter().chain(["-c", file]));
    rotation.ceremony.run_as_is(&all)
}

/// Killed while a quorum of the old shares is given: nothing was made yet.
fn killed_at_update(rotation: &mut Rotation, server: &Server) -> Proxy {
    let faults = Faults::new().first("POST sys/rotate/recovery/update", Action::Hold);
    let proxy = faults.before(&server.address());
    rotation.killed_at(&proxy);
    proxy
}

const REHEARSE: [&str; 1] = ["rehearse"];
const BREAK: [&str; 5] = ["break-glass", "--reason", "x", "--", "true"];
const START: [&str; 4] = ["break-glass", "start", "--reason", "x"];
const NEXT: &str = "recovery rotate --from old.yaml";

#[test]
fn shares_that_are_known_to_open_nothing_are_asked_of_nobody() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let _proxy = killed_at_update(&mut rotation, &server);
    for words in [&REHEARSE[..], &BREAK] {
        let run = with(&rotation, "bootstrap.yaml", words);
        run.exits(3)
            .says(&[
                "generation 1 of the shares is in effect",
                "generation 2",
                NEXT,
            ])
            .never_says(&["has answered"]);
    }
    let run = with(&rotation, "old.yaml", &REHEARSE);
    run.exits(4)
        .prints(&["generation 2 of the shares is not finished", NEXT]);
    let run = with(&rotation, "old.yaml", &BREAK);
    run.exits(0)
        .says(&["generation 2 of the shares is not finished", NEXT]);
    let words = ["-c", "bootstrap.yaml"].into_iter().chain(START);
    let words: Vec<_> = words.collect();
    rotation
        .ceremony
        .run_as_is(&words)
        .exits(3)
        .says(&["generation 1 of the shares is in effect"]);
    rotation.rotate().exits(0);
    with(&rotation, "old.yaml", &BREAK)
        .exits(3)
        .says(&["generation 2 of the shares is in effect"])
        .never_says(&["has answered"]);
    with(&rotation, "bootstrap.yaml", &BREAK)
        .exits(0)
        .never_says(&["is not finished"]);
    rotation.is_done(&server, Setup::OpenBao272Static);
}

#[test]
fn where_nobody_knows_which_shares_hold_each_file_asks_for_its_own_and_says_so() {
    require!(["openbao-2.7.2"]);
    for (heard, holds) in [(true, "bootstrap.yaml"), (false, "old.yaml")] {
        let (server, mut rotation) = Rotation::ready();
        let _proxy = killed_at_verify(&mut rotation, &server, (2, heard));
        for file in ["bootstrap.yaml", "old.yaml"] {
            let (code, opens) = if file == holds { (0, true) } else { (3, false) };
            let run = with(&rotation, file, &BREAK);
            run.exits(code)
                .says(&["is not finished", NEXT, "use the other file"]);
            let warned = run.stderr.find("is not finished").expect("said");
            let asked = run.stderr.find("has answered").expect("asked");
            assert!(warned < asked, "{}", run.stderr);
            let run = with(&rotation, file, &REHEARSE);
            run.exits(if opens { 4 } else { 3 });
        }
        rotation.rotate().exits(0);
        rotation.is_done(&server, Setup::OpenBao272Static);
    }
}

/// Both have one name: a holder who has carried the first away must be told which of them to destroy.
#[test]
fn a_share_of_an_earlier_attempt_that_was_carried_away_is_named_with_its_attempt_and_its_content() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let _proxy = killed_at_verify(&mut rotation, &server, (1, false));
    let state = rotation.state();
    let first = &state["new"]["alice"];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (attempt, digest) = (text(&first["mark"]), text(&first["stored"]["digest"]));
    let file = rotation.ceremony.path("shares/alice.g2.age");
    let away = rotation.ceremony.path("carried-away.age");
    std::fs::rename(file, &away).expect("moved");
    let run = rotation.rotate();
    run.exits(0).says(&[
        &format!(
            "alice was given a share at shares/alice.g2.age (attempt {attempt}, {digest}) that is not valid"
        ),
        "let alice destroy it",
    ]);
    let second = rotation.state()["new"]["alice"].clone();
    let (attempt, digest) = (text(&second["mark"]), text(&second["stored"]["digest"]));
    assert_ne!(second["mark"], first["mark"]);
    run.says(&[&format!(
        "alice holds a new share: shares/alice.g2.age (attempt {attempt}, {digest})"
    )]);
    rotation.is_done(&server, Setup::OpenBao272Static);
}
