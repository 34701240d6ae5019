//! What people type for shares: looked at while they still sit there.

use super::{evidence, handed_over, handed_over_on, nothing_is_left};
use crate::ceremony::Ceremony;
use crate::support::{Setup, Terminal, require};

fn in_one_line(shown: &str) -> String {
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is no share is named by what is wrong with it, never shown, and asked for again.
fn slips(terminal: &mut Terminal, name: &str, share: &str) {
    terminal.expect(&format!("The share of {name}"));
    for (typed, wrong) in [
        ("oops!", "it is not one whole line of base64"),
        (&share[..36], "it has 27 bytes of 33"),
    ] {
        terminal.type_line(typed);
        let said = terminal.expect(&format!("The share of {name}"));
        let whole = in_one_line(&said);
        assert!(whole.contains(wrong) && !said.contains(typed), "{said}");
        // What is wrong and the question stand on lines of their own, which fit.
        let shown = said.replace("\u{1b}[?25h", "");
        let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
        let begins = |begin: &str| lines.iter().any(|line| line.starts_with(begin));
        assert!(
            begins("That is not a share: ") && begins("The share of "),
            "{said}"
        );
        assert!(
            lines.iter().all(|line| line.chars().count() <= 80),
            "{said}"
        );
    }
}

#[test]
fn a_slip_is_asked_for_again_and_an_empty_line_leaves_its_holder_out() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let share = |name| ceremony.custody().share(name);
    for (words, code) in [
        (&["break-glass", "--reason", "x", "--", "true"][..], 0),
        (&["rehearse"][..], 4),
    ] {
        let mut terminal = ceremony.terminal(words);
        slips(&mut terminal, "alice", &share("alice"));
        terminal.type_line(&share("alice"));
        let asked = terminal.expect("leaves bob out");
        assert!(asked.contains("The share of bob"), "{asked}");
        terminal.type_line("");
        terminal.expect("The share of carol");
        terminal.type_line(&share("carol"));
        let (ended, shown) = terminal.finish();
        assert_eq!(ended, code, "{shown}");
        nothing_is_left(&server, &ceremony);
    }
    let facts = evidence(&ceremony, "rehearsal-");
    let bob = &facts["custodians"][2];
    assert_eq!(
        (&bob["name"], &bob["answered"]),
        (&"bob".into(), &false.into())
    );
}

#[test]
fn who_types_no_share_three_times_is_left_out_like_one_who_is_not_there() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let share = |name| ceremony.custody().share(name);
    let mut terminal = ceremony.terminal(&["break-glass", "--reason", "x", "--", "true"]);
    slips(&mut terminal, "alice", &share("alice"));
    terminal.type_line("oops!");
    for name in ["bob", "carol"] {
        terminal.expect(&format!("The share of {name}"));
        terminal.type_line(&share(name));
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    nothing_is_left(&server, &ceremony);
}

/// Nobody else can give it instead: an empty line is a slip, too.
#[test]
fn a_holder_alone_is_asked_again_before_anything_is_given() {
    require!(Setup::Vault1211Shamir.components());
    let (mut server, starter) = handed_over_on(Setup::Vault1211Shamir);
    let carol = Ceremony::guest(&server, &starter, "carol");
    let share = starter.custody().share("carol");
    server.restart();
    let words = ["unseal", "--custodian", "carol"];
    let mut terminal = carol.terminal(&words);
    terminal.expect("The share of carol");
    terminal.type_line("");
    let said = terminal.expect("The share of carol");
    assert!(said.contains("nothing was typed"), "{said}");
    assert!(!said.contains("leaves"), "{said}");
    terminal.type_line("oops!");
    terminal.expect("The share of carol");
    terminal.type_line("oops!");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 3, "{shown}");
    let shown = in_one_line(&shown);
    assert!(
        shown.contains("what carol typed 3 times is not a share"),
        "{shown}"
    );
    assert_eq!(server.get("sys/seal-status", None).1["progress"], 0);
    let mut terminal = carol.terminal(&words);
    slips(&mut terminal, "carol", &share);
    terminal.type_line(&share);
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(server.get("sys/seal-status", None).1["progress"], 1);
}

#[test]
fn a_command_that_is_advised_has_the_options_that_were_typed() {
    require!(["openbao-2.7.2"]);
    let (_server, ceremony) = handed_over();
    let file = ceremony.file.to_string();
    ceremony.write("other.yaml", &file);
    let keys = ["--identity", "alice.key"];
    let command = "vault-bootstrap -c other.yaml";
    for (words, work, advised) in [
        (
            &["break-glass", "--reason", "it is down", "--env"][..],
            &["--", "true"][..],
            "break-glass --identity KEYFILE --reason 'it is down' --identity alice.key --env -- CMD",
        ),
        (
            &["rehearse", "--login", "ada"],
            &[],
            "rehearse --identity KEYFILE --identity alice.key --login ada",
        ),
    ] {
        let all = [&["-c", "other.yaml"], words, &keys, work].concat();
        ceremony
            .run_as_is(&all)
            .exits(1)
            .says(&[&format!("let bob's key open it here: {command} {advised}")]);
    }
    ceremony
        .run_as_is(&[
            "break-glass",
            "cancel",
            "-c",
            "other.yaml",
            "--login",
            "ada",
        ])
        .exits(2)
        .says(&[&format!("{command} break-glass progress --login ada")]);
}

/// The lines of a file that is pasted are no answers to the questions that come after it.
#[test]
fn a_file_that_is_pasted_whole_is_one_slip() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let file = std::fs::read_to_string(ceremony.path("shares/alice.age")).expect("a file");
    let mut terminal = ceremony.terminal(&["break-glass", "--reason", "x", "--", "true"]);
    terminal.expect("Share (hidden");
    terminal.type_line(file.trim_end());
    let said = terminal.expect("Share (hidden");
    assert!(
        said.contains("That is not a share: it is the encrypted file"),
        "{said}"
    );
    for name in ["alice", "bob"] {
        terminal.type_line(&ceremony.custody().share(name));
        if name == "alice" {
            terminal.expect("The share of bob");
        }
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    nothing_is_left(&server, &ceremony);
}

/// It goes on from nothing.
#[test]
fn a_rehearsal_that_is_interrupted_does_not_say_that_it_continues() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let mut terminal = ceremony.terminal(&["rehearse"]);
    terminal.expect("The share of alice");
    terminal.type_keys("\u{3}");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 130, "{shown}");
    let line = in_one_line(&shown);
    assert!(line.contains("it starts from the beginning"), "{shown}");
    assert!(!line.contains("it continues from here"), "{shown}");
    nothing_is_left(&server, &ceremony);
}
