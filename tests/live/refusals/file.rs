//! Refused by the file alone: exit 2, with line and column, and no server is asked.

use serde_json::json;

use super::{before, nothing_was_written, refused_before};
use crate::ceremony::{Ceremony, Server, handed_over};

/// A text in place of the file.
fn refused_text(change: impl FnOnce(String) -> String, texts: &[&str]) {
    let (server, ceremony) = before();
    let text = serde_json::to_string_pretty(&ceremony.file).expect("a text");
    ceremony.write("bootstrap.yaml", &change(text));
    let run = ceremony.run_as_is(&["apply", "--yes"]);
    run.exits(2).says(texts);
    nothing_was_written(&server, &ceremony, &run);
}

#[test]
fn a_file_that_is_not_yaml() {
    refused_text(|_| "cluster: [".into(), &["bootstrap.yaml:", "not YAML"]);
}

#[test]
fn a_file_that_is_not_there() {
    let (server, ceremony) = before();
    let run = ceremony.run_as_is(&["apply", "--yes", "-c", "elsewhere.yaml"]);
    run.exits(2).says(&[
        "elsewhere.yaml",
        "cannot be read",
        "name the configuration: vault-bootstrap -c FILE COMMAND",
    ]);
    nothing_was_written(&server, &ceremony, &run);
}

#[test]
fn a_key_that_stands_twice() {
    let twice = |text: String| {
        text.replacen(
            "\"threshold\": 2",
            "\"threshold\": 2,\n    \"threshold\": 1",
            1,
        )
    };
    refused_text(twice, &["duplicate key `threshold`; it stands on line"]);
}

#[test]
fn aliases_that_would_fill_the_memory() {
    let bomb = |text: String| {
        let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
        for (next, last) in "bcdefghi".chars().zip("abcdefgh".chars()) {
            let list = vec![format!("*{last}"); 10].join(", ");
            bomb.push_str(&format!("{next}: &{next} [{list}]\n"));
        }
        bomb + &text
    };
    refused_text(bomb, &["aliases"]);
}

#[test]
fn an_unknown_key_a_misspelt_one_and_a_value_of_the_wrong_kind_come_all_at_once() {
    let (server, mut ceremony) = before();
    ceremony
        .remove("/cluster/address")
        .set("/cluster/adress", json!("https://vault:8200"));
    ceremony
        .remove("/auth/userpass/users/ada/token_ttl")
        .set("/auth/userpass/users/ada/token_tll", json!("15m"));
    ceremony.set("/init/threshold", json!("two"));
    refused_before(
        &server,
        &ceremony,
        2,
        &[
            "unknown key `adress`; did you mean `address`?",
            "unknown key `token_tll`; did you mean `token_ttl`?",
            "init.threshold: expected a whole number",
        ],
    );
}

#[test]
fn a_threshold_above_the_shares() {
    let (server, mut ceremony) = before();
    ceremony.set("/init/threshold", json!(4));
    refused_before(
        &server,
        &ceremony,
        2,
        &["the threshold is 4 and there are 3 shares"],
    );
}

#[test]
fn fewer_custodians_than_shares() {
    let (server, mut ceremony) = before();
    ceremony.set("/init/shares", json!(5));
    refused_before(&server, &ceremony, 2, &["3 custodians for 5 shares"]);
}

#[test]
fn two_shares_with_one_name() {
    let (server, mut ceremony) = before();
    ceremony.set("/init/custodians/1/name", json!("alice"));
    refused_before(
        &server,
        &ceremony,
        2,
        &["`custodians[0]` has this name already"],
    );
}

#[test]
fn two_shares_in_one_place() {
    let (server, mut ceremony) = before();
    ceremony.set("/init/custodians/1/age/file", json!("shares/alice.age"));
    refused_before(&server, &ceremony, 2, &["keeps its share there already"]);
}

#[test]
fn plain_http_to_another_machine() {
    let (server, mut ceremony) = before();
    ceremony.set("/cluster/address", json!("http://192.0.2.1:8200"));
    refused_before(&server, &ceremony, 2, &["cluster.address", "plain `http`"]);
}

#[test]
fn no_way_back() {
    let (server, mut ceremony) = before();
    ceremony.remove("/break_glass");
    refused_before(
        &server,
        &ceremony,
        2,
        &["missing key `break_glass`", "{none: \"reason\"}"],
    );
}

#[test]
fn a_way_back_that_only_a_batch_token_would_open() {
    let (server, mut ceremony) = before();
    ceremony.set("/auth/userpass/users/ada/token_type", json!("batch"));
    refused_before(
        &server,
        &ceremony,
        2,
        &["a break-glass login needs service tokens"],
    );
}

#[test]
fn a_secret_that_stands_in_the_file() {
    let (server, mut ceremony) = before();
    ceremony.set("/logins/ada/password", json!("hunter2-in-clear"));
    let run = refused_before(&server, &ceremony, 2, &["secret values are references"]);
    run.never_says(&["hunter2-in-clear"]);
}

#[test]
fn a_secret_file_that_is_not_there() {
    let (server, ceremony) = before();
    std::fs::remove_file(ceremony.path("operator.password")).expect("it was there");
    refused_before(&server, &ceremony, 1, &["operator.password"]);
}

#[test]
fn a_root_token_that_would_stay_by_the_file_alone_or_by_the_command_alone() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::unproved(&server);
    let run = ceremony.run(&["apply", "--yes", "--keep-root"]);
    run.exits(2).says(&[
        "--keep-root was typed, and the file revokes root",
        "revoke_root: false",
    ]);
    nothing_was_written(&server, &ceremony, &run);
    ceremony.set("/revoke_root", json!(false));
    refused_before(
        &server,
        &ceremony,
        2,
        &[
            "take revoke_root: false out of the file",
            "vault-bootstrap apply --yes --keep-root",
        ],
    );
}

#[test]
fn nobody_there_to_ask_and_no_yes() {
    let (server, ceremony) = before();
    let run = ceremony.run(&["apply"]);
    run.exits(2)
        .says(&["no terminal to ask on", "vault-bootstrap apply --yes"]);
    nothing_was_written(&server, &ceremony, &run);
}

#[test]
fn a_server_of_somebody_else_is_told_before_a_terminal_is_missed() {
    let (server, mut ceremony) = handed_over();
    let _ = &server;
    ceremony.set("/checkpoint/path", json!("chekpoint"));
    ceremony.run(&["apply"]).exits(3).says(&[
        "is initialised, but not by this checkpoint",
        "chekpoint, in which no ceremony was begun",
        "give its checkpoint.path",
    ]);
}

#[test]
fn a_capability_that_no_server_takes_is_told_with_its_line() {
    let (server, mut ceremony) = before();
    let rules = "path \"a\" {\n  capabilities = [\"raed\"]\n}\n";
    ceremony.set("/policies/operator", json!({ "rules": rules }));
    refused_before(
        &server,
        &ceremony,
        2,
        &[
            "policies.operator.rules: line 2 of it: `raed` is no capability of a policy; did you mean `read`?",
        ],
    );
    ceremony.write("wrong.hcl", rules);
    ceremony.set("/policies/operator", json!({ "file": "wrong.hcl" }));
    refused_before(
        &server,
        &ceremony,
        2,
        &["wrong.hcl:2: `raed` is no capability"],
    );
}

#[test]
fn a_deleted_checkpoint_is_told_before_keys_of_holders_are_asked_for() {
    let (_server, mut ceremony) = handed_over();
    std::fs::remove_dir_all(ceremony.path("checkpoint")).expect("it was there");
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    let run = ceremony.apply();
    run.exits(3).says(&[
        "is initialised, but not by this checkpoint",
        "restore that directory from a copy",
        "if the shares were stored and a break-glass login was proved, break-glass still works",
    ]);
    run.never_says(&["no terminal to ask on", "--identity"]);
}
