//! `break-glass -- CMD`: a command works as root, and root is dead afterwards.

use rustix::process::Signal;

use super::{
    accessors, auditor, evidence, handed_over, handed_over_on, nothing_is_left, with_keys,
};
use crate::ceremony::{Ceremony, Run};
use crate::support::{Setup, require};

fn break_glass(ceremony: &Ceremony, words: &[&str]) -> Run {
    ceremony.run(&with_keys("break-glass", words))
}

fn a_policy_is_listed_on(setup: Setup) {
    require!(setup.components());
    let (server, ceremony) = handed_over_on(setup);
    let program = server.program();
    let program = program.to_str().expect("a path");
    let before = accessors(&auditor(&server, &ceremony));
    let words = ["--reason", "test", "--env", "--", program, "policy", "list"];
    let run = break_glass(&ceremony, &words);
    run.exits(0)
        .prints(&["vault-bootstrap-break-glass"])
        .shows_no_token();
    run.says(&["the command exited with code 0; its root token is no longer valid"]);
    // What is never compared stands in the evidence, and in no one's way.
    run.never_says(&["batch tokens, which no server lists"]);
    let auditor = auditor(&server, &ceremony);
    auditor.no_root_is_left();
    // The two sessions of the auditor are all that is more than before.
    assert_eq!(accessors(&auditor).len(), before.len() + 1);
    let evidence = evidence(&ceremony, "break-glass-");
    assert_eq!(evidence["reason"], "test");
    let not_compared = evidence["comparison"]["not_compared"].to_string();
    assert!(not_compared.contains("batch tokens"), "{evidence}");
    assert_eq!(evidence["generated"]["after"], 403);
    assert_eq!(evidence["limited"]["proof"]["after"], 403);
    assert_eq!(evidence["limited"]["proof"]["before"], 200);
    assert_eq!(evidence["inspection"]["proof"]["before"], 200);
    assert_eq!(evidence["inspection"]["proof"]["after"], 403);
}

#[test]
fn a_shell_says_what_it_is_and_a_command_that_failed_without_a_token_in_its_environment_where_it_is()
 {
    require!(["openbao-2.7.2"]);
    let (_server, ceremony) = handed_over();
    let hint = "type --env before it, without which the token is in no environment";
    break_glass(&ceremony, &["--reason", "x", "--", "sh", "-c", "exit 7"])
        .exits(7)
        .says(&[hint]);
    break_glass(
        &ceremony,
        &["--reason", "x", "--env", "--", "sh", "-c", "exit 7"],
    )
    .exits(7)
    .never_says(&[hint]);
    let mut terminal = ceremony.terminal(&with_keys("break-glass", &["--reason", "x", "--env"]));
    terminal.expect("this is a shell with the rights of root on");
    terminal.expect("exit ends it, and its token");
    terminal.expect("root of test> ");
    terminal.type_line("exit");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("its root token is no longer valid"),
        "{shown}"
    );
}

#[test]
fn the_custodians_and_the_login_are_enough_on_openbao_272() {
    a_policy_is_listed_on(Setup::OpenBao272Static);
}

#[test]
fn the_custodians_and_the_login_are_enough_on_openbao_262() {
    a_policy_is_listed_on(Setup::OpenBao262AwsKms);
}

#[test]
fn the_custodians_and_the_login_are_enough_on_vault_with_recovery_keys() {
    a_policy_is_listed_on(Setup::Vault1211AwsKms);
}

#[test]
fn the_custodians_and_the_login_are_enough_on_vault_with_unseal_keys() {
    a_policy_is_listed_on(Setup::Vault1211Shamir);
}

#[test]
fn the_command_reads_the_token_by_a_descriptor_and_finds_none_in_its_environment() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    ceremony
        .environment
        .push(("BAO_TOKEN".into(), "of-before".into()));
    let script = "test -z \"$VAULT_TOKEN$BAO_TOKEN\" && \
                  test $(wc -c < /dev/fd/$VAULT_BOOTSTRAP_TOKEN_FD) -gt 20 && \
                  export VAULT_TOKEN=$(cat /dev/fd/$VAULT_BOOTSTRAP_TOKEN_FD) && \
                  \"$1\" token lookup -field=explicit_max_ttl && echo && \"$1\" token lookup -field=orphan";
    let program = server.program();
    let words = ["--reason", "x", "--", "sh", "-c", script, "sh"];
    let words: Vec<&str> = words.into_iter().chain(program.to_str()).collect();
    let run = break_glass(&ceremony, &words);
    run.exits(0).prints(&["1930 true"]).shows_no_token();
    nothing_is_left(&server, &ceremony);
}

#[test]
fn whatever_the_command_does_its_root_token_is_dead_afterwards() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let program = server.program();
    let program = program.to_str().expect("a path");
    let cases: [(&[&str], i32, &str); 3] = [
        (&["sh", "-c", "exit 7"], 7, "the command exited with code 7"),
        (
            &["sh", "-c", "kill -SEGV $$"],
            139,
            "the command was ended by signal 11",
        ),
        (
            &[program, "token", "revoke", "-self"],
            0,
            "the command exited with code 0; its root token is no longer valid",
        ),
    ];
    for (command, code, said) in cases {
        let mut words = vec!["--reason", "x", "--env", "--"];
        words.extend(command);
        break_glass(&ceremony, &words).exits(code).says(&[said]);
        nothing_is_left(&server, &ceremony);
    }
}

#[test]
fn a_command_that_is_not_there_costs_nobody_a_share() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let directory = ceremony.path("").display().to_string();
    let log = server.audit().after_this();
    for missing in [
        "/there/is/no/such",
        "no-such-program",
        "ada.password",
        &directory,
    ] {
        let run = break_glass(&ceremony, &["--reason", "x", "--", missing, "policy"]);
        run.exits(2).says(&[
            &format!("no program {missing} can be run here"),
            "write its full path",
        ]);
        run.never_says(&["has answered"]);
    }
    assert_eq!(log.requests(), Vec::<String>::new());
}

#[test]
fn a_command_that_leaves_a_root_token_is_told_of() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let program = server.program();
    let program = program.to_str().expect("a path");
    let leaves = [
        "token",
        "create",
        "-orphan",
        "-policy=root",
        "-ttl=60s",
        "-field=token_accessor",
    ];
    let mut words = vec!["--reason", "x", "--env", "--", program];
    words.extend(leaves);
    let run = break_glass(&ceremony, &words);
    run.exits(4).says(&[
        "another root token is still valid: accessor",
        "auth/token/create",
    ]);
    assert_eq!(auditor(&server, &ceremony).roots().len(), 1);
}

#[test]
fn at_its_time_the_command_is_ended_and_so_is_its_token() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let words = ["--reason", "x", "--max-age", "10s", "--", "sleep", "600"];
    break_glass(&ceremony, &words).exits(1).says(&[
        "the command was ended at its time; its root token is no longer valid",
        "give it longer with --max-age",
    ]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn a_stop_ends_the_command_and_its_token() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let script = "echo ready >&2; exec sleep 600";
        let words = with_keys("break-glass", &["--reason", "x", "--", "sh", "-c", script]);
        ceremony.save();
        let run = ceremony.tool().spawn(&words);
        run.wait_for_line("the command", |line| line.contains("ready"));
        run.signal(signal);
        Run::from(run.finish())
            .exits(code)
            .says(&["as signal", "its root token is no longer valid"]);
        nothing_is_left(&server, &ceremony);
    }
}

/// Ctrl-C belongs to whoever sits in front: a shell that catches it goes on, and so do we.
#[test]
fn at_a_terminal_control_c_is_the_commands_own() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let script = "trap 'echo caught it' INT; echo ready; while ! read line; do :; done; exit 5";
    let words = with_keys("break-glass", &["--reason", "x", "--", "sh", "-c", script]);
    let mut terminal = ceremony.terminal(&words);
    terminal.expect("ready");
    terminal.type_keys("\x03");
    terminal.expect("caught it");
    terminal.type_line("on with it");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 5, "{shown}");
    assert!(
        shown.contains("its root token is no longer valid"),
        "{shown}"
    );
    nothing_is_left(&server, &ceremony);
}

/// Nobody has the key at hand: each share is asked for by name, and is not shown.
#[test]
fn at_a_terminal_the_shares_are_typed_and_never_shown() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let words = ["break-glass", "--reason", "x", "--", "true"];
    let mut terminal = ceremony.terminal(&words);
    for name in ["alice", "bob"] {
        terminal.expect(&format!("The share of {name}, as {name} reads it"));
        terminal.type_line(&ceremony.custody().share(name));
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    nothing_is_left(&server, &ceremony);
}

/// The shell puts itself in front of the terminal, as under a shell with jobs: whoever gives the terminal back from behind
/// would be stopped, with the root token valid.
#[test]
fn a_shell_that_stays_too_long_is_ended_and_its_token_with_it_where_jobs_are_controlled() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let through = ["bash", "-mc", r#""$0" "$@"; echo "over: $?""#];
    ceremony.through = through.map(str::to_owned).to_vec();
    ceremony.environment = vec![("SHELL".to_owned(), "/bin/bash".to_owned())];
    let words = ["--reason", "x", "--env", "--max-age", "10s"];
    let mut terminal = ceremony.terminal(&with_keys("break-glass", &words));
    terminal.expect("this is a shell with the rights of root on");
    terminal.expect("its root token is no longer valid");
    terminal.expect("over: 1");
    nothing_is_left(&server, &ceremony);
    drop(terminal);
    ceremony.through = Vec::new();
    let run = ceremony.run(&with_keys("break-glass", &["--reason", "x"]));
    run.exits(2)
        .says(&["there is no terminal for a shell, and no command"]);
}
