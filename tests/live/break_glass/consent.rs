//! A holder is told what a share is wanted for, and asked, before anything is done for it.

use serde_json::json;

use super::holders::{Holders, submit};
use super::{ATTEMPT, handed_over, handed_over_on};
use crate::support::{Setup, require};

#[test]
fn a_holder_is_told_why_and_by_whom_a_share_is_wanted_and_is_asked() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let holders = Holders::of((&server, starter));
    let code = holders.start();
    let words = ["share", "submit", &code, "--identity", "bob.key"];
    holders.bob.run(&words).exits(2).says(&[
        "reason: the provider is down",
        "by userpass-ada",
        " s ago",
        "compare with them by telephone: ",
        "no terminal to ask on: Give your share to this attempt?",
        "share submit CODE --yes",
    ]);
    // Each on a line of its own, which texts that are compared without their line ends do not show.
    let run = holders.bob.run(&words);
    run.shows("\n  reason: the provider is down\n");
    run.never_says(&["\\u{a}"]);
    let ada = server.api().log_in("ada", &holders.starter.secrets["ada"]);
    let given = || ada.read(ATTEMPT)["data"]["progress"].clone();
    assert_eq!(given(), 0);
    for (answer, expected) in [("n", 0), ("y", 1)] {
        let mut terminal = holders.bob.terminal(&words);
        terminal.expect("Give your share to this attempt?");
        terminal.type_line(answer);
        let (code, shown) = terminal.finish();
        assert_eq!(code, i32::from(answer == "n"), "{shown}");
        assert_eq!(given(), expected, "{answer}");
    }
}

#[test]
fn no_command_of_a_login_runs_for_an_attempt_that_the_holder_does_not_want_or_the_server_does_not_have()
 {
    require!(["openbao-2.7.2", "vault-1.21.1"]);
    for setup in [Setup::OpenBao272Static, Setup::Vault1211Shamir] {
        let (server, starter) = handed_over_on(setup);
        let mut holders = Holders::of((&server, starter));
        let code = holders.start();
        let marker = holders.bob.path("ran");
        let shown = marker.to_str().expect("a path").to_owned();
        let login =
            json!({ "auth": "jwt", "role": "any", "with": { "command": ["touch", shown] } });
        holders.bob.set("/auth/jwt", json!({ "type": "jwt", "roles": { "any": { "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["x"] } } }));
        holders.bob.set("/logins/bob", login);
        holders.bob.set("/break_glass/logins", json!(["bob"]));
        let words = ["share", "submit", &code, "--identity", "bob.key"];
        let asked = "no terminal to ask on: Give your share to this attempt?";
        holders.bob.run(&words).exits(2).says(&[asked]);
        assert!(!marker.exists(), "it ran and nobody was asked");
        let ada = server.api().log_in("ada", &holders.starter.secrets["ada"]);
        if !setup.is_openbao() {
            // Vault lets anybody look, so what is not there is known before anybody logs in.
            ada.delete("sys/generate-root/attempt");
            let run = submit(&holders.bob, &code, "bob");
            run.exits(3).says(&["this attempt no longer exists"]);
            assert!(!marker.exists(), "it ran for nothing");
            continue;
        }
        submit(&holders.bob, &code, "bob").exits(1);
        assert!(marker.exists(), "this test shows nothing: it never runs");
    }
}
