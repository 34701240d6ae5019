//! `rehearse`: the drill after hand-over, and what it leaves: evidence, and nothing else.

use std::process::Command;

use serde_json::json;

use super::{
    accessors, auditor, evidence, handed_over, handed_over_on, nothing_is_left, rehearse, with_keys,
};
use crate::support::{Setup, require};

fn rehearsed_on(setup: Setup) {
    require!(setup.components());
    let (server, ceremony) = handed_over_on(setup);
    let auditor = auditor(&server, &ceremony);
    let before = accessors(&auditor);
    let run = rehearse(&ceremony);
    // Vault 1 lets anybody start a generation, which is a finding.
    run.exits(if setup.is_openbao() { 0 } else { 4 })
        .shows_no_token();
    run.prints(&[
        "rehearsed: break-glass into",
        "works, and its root tokens are no longer valid",
    ]);
    assert_eq!(
        accessors(&auditor),
        before,
        "the accessors are those of before"
    );
    auditor.no_root_is_left();
    let evidence = evidence(&ceremony, "rehearsal-");
    let quorums = evidence["quorums"].as_array().expect("quorums");
    assert_eq!(quorums[0]["custodians"], json!(["alice", "bob"]));
    assert_eq!(quorums[1]["custodians"], json!(["alice", "carol"]));
    for quorum in quorums {
        assert_eq!(quorum["proof"]["before"], 200);
        assert_eq!(quorum["proof"]["after"], 403);
        let lines = quorum["audit"][0]["lines"].as_array().expect("lines");
        let paths: Vec<_> = lines.iter().map(|line| line["path"].as_str()).collect();
        assert!(paths.contains(&Some("auth/token/revoke-self")), "{paths:?}");
    }
    // What was missing is not missed any more.
    ceremony.apply().never_says(&["not rehearsed"]);
}

#[test]
fn nothing_is_left_behind_but_evidence_on_openbao_272() {
    rehearsed_on(Setup::OpenBao272Static);
}

#[test]
fn nothing_is_left_behind_but_evidence_on_openbao_262() {
    rehearsed_on(Setup::OpenBao262AwsKms);
}

#[test]
fn nothing_is_left_behind_but_evidence_on_vault_with_recovery_keys() {
    rehearsed_on(Setup::Vault1211AwsKms);
}

#[test]
fn nothing_is_left_behind_but_evidence_on_vault_with_unseal_keys() {
    rehearsed_on(Setup::Vault1211Shamir);
}

#[test]
fn a_custodian_who_does_not_answer_is_named_and_two_are_too_many() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let one_key = [
        "rehearse",
        "--identity",
        "alice.key",
        "--identity",
        "bob.key",
    ];
    let run = ceremony.run(&one_key);
    run.exits(4)
        .prints(&["the share of carol was not tried: no terminal"]);
    let facts = evidence(&ceremony, "rehearsal-");
    assert_eq!(facts["custodians"][2]["name"], "carol");
    assert_eq!(facts["custodians"][2]["answered"], false);
    let log = server.audit().after_this();
    ceremony
        .run(&["rehearse", "--identity", "alice.key"])
        .exits(1)
        .says(&[
            "only 1 of the 2 shares needed are available; none was given to the server",
            "no share of bob: ",
            "no share of carol: ",
        ]);
    assert!(
        !log.writes()
            .iter()
            .any(|line| line.contains("generate-root"))
    );
    nothing_is_left(&server, &ceremony);
}

/// Nobody may take it for a share of its own: together the two open nothing.
#[test]
fn a_share_that_is_a_copy_of_anothers_is_not_said_to_work() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let alices = ceremony.custody().share("alice");
    ceremony.custody().replace("carol", &alices);
    let said = "what is kept for alice and for carol is one and the same share, which counts once";
    let run = rehearse(&ceremony);
    run.exits(4).prints(&[
        "the share of carol was not tried: ",
        said,
        "shares/carol.age, the share of carol, changed since it was stored",
    ]);
    let facts = evidence(&ceremony, "rehearsal-");
    assert_eq!(facts["custodians"][2]["answered"], false);
    let without = ["--identity", "alice.key", "--identity", "carol.key"];
    let run = ceremony.run(&[&["rehearse"][..], &without].concat());
    run.exits(1).says(&["1 of the 2 shares needed", said]);
    nothing_is_left(&server, &ceremony);
}

/// Its holder could give nothing, and whoever's key opens it would have two.
#[test]
fn a_share_that_another_holders_key_opens_is_not_said_to_work() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let bobs = ceremony.custody().share("bob");
    ceremony.custody().replace("carol", &bobs);
    std::fs::copy(
        ceremony.path("shares/carol.age"),
        ceremony.path("shares/bob.age"),
    )
    .expect("a copy");
    let run = rehearse(&ceremony);
    run.exits(4).prints(&[
        "the share of bob was not tried: shares/bob.age: it is not encrypted to the key of its holder, which is here",
        "shares/bob.age, the share of bob, changed since it was stored",
    ]);
    let run = with_keys("break-glass", &["--reason", "x", "--", "true"]);
    let run = ceremony.run(&run);
    run.never_says(&["bob has answered"]);
    // Carol's key alone is one holder's.
    let alone = [
        "break-glass",
        "--identity",
        "carol.key",
        "--reason",
        "x",
        "--",
        "true",
    ];
    ceremony
        .run(&alone)
        .exits(1)
        .says(&["of the 2 shares needed are available"]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn evidence_is_signed_and_a_changed_word_shows() {
    require!(["openbao-2.7.2"]);
    let (_server, ceremony) = handed_over();
    let pair = minisign::KeyPair::generate_unencrypted_keypair().expect("keys");
    let secret = pair.sk.to_box(None).expect("a key").into_string();
    ceremony.write("evidence.key", &secret);
    ceremony.write(
        "evidence.pub",
        &pair.pk.to_box().expect("a key").into_string(),
    );
    ceremony
        .run(&with_keys("rehearse", &["--sign-key", "evidence.key"]))
        .exits(0);
    let names = ceremony.files_in("checkpoint");
    let name = names
        .iter()
        .find(|name| name.ends_with(".minisig"))
        .expect("a signature");
    let file = format!("checkpoint/{}", name.trim_end_matches(".minisig"));
    let verify = ["report", "verify", &file, "--key", "evidence.pub"];
    ceremony
        .run(&verify)
        .exits(0)
        .prints(&["is what was signed: rehearsal of"]);
    if let Ok(theirs) = Command::new("minisign")
        .args(["-V", "-m", &file, "-p", "evidence.pub"])
        .current_dir(ceremony.path("."))
        .output()
    {
        assert!(theirs.status.success(), "{theirs:?}");
    }
    let path = ceremony.path(&file);
    let text = std::fs::read_to_string(&path).expect("a file");
    for name in [
        "checkpoint/rehearsal-20200101T000000Z.json",
        "checkpoint/q4.json",
    ] {
        ceremony.write(name, &text);
        let signature = std::fs::read(ceremony.path(&format!("{file}.minisig"))).expect("a file");
        std::fs::write(ceremony.path(&format!("{name}.minisig")), signature).expect("written");
    }
    ceremony
        .run(&[
            "report",
            "verify",
            "checkpoint/rehearsal-20200101T000000Z.json",
            "--key",
            "evidence.pub",
        ])
        .exits(3)
        .says(&["its name is not the one it was written under"]);
    ceremony
        .run(&[
            "report",
            "verify",
            "checkpoint/q4.json",
            "--key",
            "evidence.pub",
        ])
        .exits(0);
    let other = minisign::KeyPair::generate_unencrypted_keypair().expect("keys");
    let both = [&pair.pk, &other.pk].map(|key| key.to_box().expect("a key").into_string());
    ceremony.write("both.pub", &both.concat());
    ceremony
        .run(&["report", "verify", &file, "--key", "both.pub"])
        .exits(2)
        .says(&["both.pub holds more than one public key"]);
    std::fs::write(&path, text.replace("alice", "mallory")).expect("written");
    ceremony
        .run(&verify)
        .exits(3)
        .says(&["is not what the key in evidence.pub has signed"]);
    let sign = |text: &str, comment: &str| {
        ceremony.write("signed.json", text);
        let text = std::io::Cursor::new(text);
        let signature = minisign::sign(None, &pair.sk, text, Some(comment), None).expect("signed");
        ceremony.write("signed.json.minisig", &signature.into_string());
        ceremony.run(&["report", "verify", "signed.json", "--key", "evidence.pub"])
    };
    let comment = signed_comment(&text);
    sign("a text", "a comment")
        .exits(3)
        .says(&["signed.json is signed, and"]);
    sign(&text, "rehearsal of prod, began 2020-01-01T00:00:00Z")
        .exits(3)
        .says(&["its comment is"]);
    let twice = text.replacen("\"kind\"", "\"kind\": \"break-glass\", \"kind\"", 1);
    sign(&twice, &comment)
        .exits(3)
        .says(&["it has the key \"kind\" twice"]);
    let hostile = text.replacen("\"test\"", "\"te\\u001b[2J\\u202est\"", 1);
    sign(&hostile, &signed_comment(&hostile))
        .exits(0)
        .prints(&["is what was signed: rehearsal of te\\u{1b}[2J\\u{202e}st, began"])
        .never_says(&["\u{1b}", "\u{202e}"]);
    let failed = text.replacen("\"kind\"", "\"failed\": \"nobody came\", \"kind\"", 1);
    sign(&failed, &comment)
        .exits(4)
        .prints(&["it is evidence of a run that failed: nobody came"]);
}

/// What this program signs beside evidence.
fn signed_comment(text: &str) -> String {
    let facts: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let text = |fact: &serde_json::Value| fact.as_str().expect("a text").to_owned();
    let (cluster, began) = (text(&facts["cluster"]["name"]), text(&facts["began"]));
    format!("{} of {cluster}, began {began}", text(&facts["kind"]))
}

#[test]
fn an_attempt_of_somebody_else_is_left_alone() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    ada.write(super::ATTEMPT, &json!({}));
    rehearse(&ceremony).exits(3).says(&[
        "a root generation of somebody else is under way",
        "begun at 20",
        "by userpass-ada from 127.0.0.1, as",
    ]);
    assert_eq!(
        ada.read(super::ATTEMPT)["data"]["started"],
        true,
        "it is theirs"
    );
    let nonce = ada.read(super::ATTEMPT)["data"]["nonce"].clone();
    let nonce = nonce.as_str().expect("a nonce");
    let cancel = ["break-glass", "cancel", "--nonce", nonce];
    ceremony.run(&cancel).exits(0);
    ceremony
        .run(&cancel)
        .exits(3)
        .says(&["no attempt of this nonce is under way"]);
    rehearse(&ceremony).exits(0);
}

#[test]
fn a_holder_who_is_left_out_is_a_finding_and_stands_in_the_evidence() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    ceremony
        .run(&with_keys("rehearse", &["--without", "carol"]))
        .exits(4)
        .prints(&["carol", "left out with --without"]);
    assert_eq!(evidence(&ceremony, "rehearsal-")["left_out"][0], "carol");
    nothing_is_left(&server, &ceremony);
    ceremony.run(&with_keys("rehearse", &[])).exits(0);
}

/// One that opens only on the day on which it is needed was never rehearsed.
#[test]
fn every_break_glass_login_that_needs_nobody_is_opened_and_the_others_are_named() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let auditor = auditor(&server, &ceremony);
    let before = accessors(&auditor);
    ceremony.set("/break_glass/logins", json!(["ada", "auditor"]));
    let run = rehearse(&ceremony);
    // The auditor's tokens may generate nothing.
    run.exits(4)
        .prints(&["the break-glass login auditor does not open: this login may make no root token"])
        .shows_no_token();
    let facts = evidence(&ceremony, "rehearsal-");
    assert_eq!(
        facts["logins"][0],
        json!({"name": "ada", "opened": true, "why": null})
    );
    assert_eq!(facts["logins"][1]["opened"], false, "{facts:#}");
    assert_eq!(facts["findings"][0]["code"], "break-glass-login-unfit");
    let why = "logins that were not opened: auditor";
    let words = with_keys("rehearse", &["--login", "ada"]);
    ceremony.run(&words).exits(0).prints(&[why]);
    ceremony.set(
        "/logins/auditor/password",
        json!({"prompt": "password of auditor"}),
    );
    let run = rehearse(&ceremony);
    run.exits(0).prints(&[why]).says(&[
        "the break-glass login auditor was not opened: it needs a person",
        "rehearse --login auditor",
    ]);
    let facts = evidence(&ceremony, "rehearsal-");
    assert_eq!(facts["logins"][1]["why"], "it needs a person");
    assert_eq!(accessors(&auditor), before);
}
