//! Several holders, each at a machine of their own: one starts, each gives a share, the starter goes on.

use serde_json::{Value, json};

use super::{
    ATTEMPT, GIVES, auditor, handed_over, handed_over_elsewhere, handed_over_on, nothing_is_left,
    rehearse,
};
use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{Action, Faults, Setup, require};

const START: [&str; 4] = ["break-glass", "start", "--reason", "the provider is down"];

/// The ceremony's cluster and three holders, each in a directory of their own with their own key, a file that names
/// the cluster by its id, and nothing else of the ceremony.
pub(crate) struct Holders {
    pub(crate) starter: Ceremony,
    pub(crate) bob: Ceremony,
    carol: Ceremony,
}

impl Holders {
    pub(crate) fn of((server, mut starter): (&Server, Ceremony)) -> Self {
        let (bob, carol) = (
            holder(server, &starter, "bob"),
            holder(server, &starter, "carol"),
        );
        starter.set("/cluster/id", id_of(server));
        starter.save();
        Self {
            starter,
            bob,
            carol,
        }
    }

    pub(crate) fn start(&self) -> String {
        let run = self.starter.run(&START);
        run.exits(0).shows_no_token();
        run.says(&["send this to the holders", "2 shares are needed"]);
        run.stdout.trim().to_owned()
    }
}

fn id_of(server: &Server) -> Value {
    server.api().read("sys/health")["cluster_id"].clone()
}

/// Somebody at a machine of their own, with a share of this ceremony and the file for it.
pub(super) fn holder(server: &Server, of: &Ceremony, name: &str) -> Ceremony {
    let mut holder = Ceremony::guest(server, of, name);
    holder.set("/cluster/id", id_of(server));
    holder.save();
    holder
}

pub(super) fn submit(holder: &Ceremony, code: &str, name: &str) -> Run {
    let key = format!("{name}.key");
    holder.run(&["share", "submit", code, "--identity", &key, "--yes"])
}

pub(super) fn finish(starter: &Ceremony, words: &[&str]) -> Run {
    let before = ["break-glass", "finish"];
    starter.run(
        &before
            .into_iter()
            .chain(words.iter().copied())
            .collect::<Vec<_>>(),
    )
}

fn completed_on(setup: Setup) {
    require!(setup.components());
    let (server, starter) = handed_over_on(setup);
    let holders = Holders::of((&server, starter));
    let code = holders.start();
    submit(&holders.bob, &code, "bob")
        .exits(0)
        .prints(&["the share of bob was accepted: 1 of 2"]);
    let progress = holders.carol.run(&["break-glass", "progress"]);
    progress.exits(0).prints(&["1 of 2 shares given"]);
    let last = submit(&holders.carol, &code, "carol");
    last.exits(0)
        .says(&["the share of carol was the last one"])
        .shows_no_token();
    let encoded = last.stdout.trim();
    let program = server.program();
    let program = program.to_str().expect("a path");
    let words = [encoded, "--env", "--", program, "policy", "list"];
    let run = finish(&holders.starter, &words);
    run.exits(0)
        .prints(&["vault-bootstrap-break-glass"])
        .shows_no_token();
    auditor(&server, &holders.starter).no_root_is_left();
    let evidence = super::evidence(&holders.starter, "break-glass-");
    assert_eq!(evidence["reason"], "the provider is down");
}

#[test]
fn three_people_at_three_machines_break_the_glass_on_openbao_272() {
    completed_on(Setup::OpenBao272Static);
}

#[test]
fn three_people_at_three_machines_break_the_glass_on_openbao_262() {
    completed_on(Setup::OpenBao262AwsKms);
}

#[test]
fn three_people_at_three_machines_break_the_glass_on_vault() {
    completed_on(Setup::Vault1211AwsKms);
}

#[test]
fn the_starter_gives_the_last_share_and_needs_nothing_sent_back() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let holders = Holders::of((&server, starter));
    let code = holders.start();
    submit(&holders.bob, &code, "bob").exits(0);
    let words = ["--identity", "alice.key", "--", "true"];
    finish(&holders.starter, &words)
        .exits(0)
        .says(&["1 of 2 shares were given"]);
    nothing_is_left(&server, &holders.starter);
    rehearse(&holders.starter).exits(0);
}

#[test]
fn a_code_of_another_attempt_another_cluster_or_with_a_slip_takes_no_share() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let (other, foreign) = handed_over_elsewhere();
    let holders = Holders::of((&server, starter));
    let code = holders.start();
    let elsewhere = Holders::of((&other, foreign)).start();
    submit(&holders.bob, &elsewhere, "bob")
        .exits(3)
        .says(&["the code is not for cluster test"]);
    let mut slip = code.clone();
    slip.replace_range(10..11, if &code[10..11] == "x" { "y" } else { "x" });
    submit(&holders.bob, &slip, "bob")
        .exits(2)
        .says(&["a letter of it is missing"]);
    // Somebody ends the attempt and begins another one.
    let ada = server.api().log_in("ada", &holders.starter.secrets["ada"]);
    ada.delete(ATTEMPT);
    submit(&holders.bob, &code, "bob")
        .exits(3)
        .says(&["this attempt no longer exists"]);
    ada.write(ATTEMPT, &json!({}));
    submit(&holders.bob, &code, "bob")
        .exits(3)
        .says(&["another attempt is under way", "nothing was given to it"]);
    assert_eq!(ada.read(ATTEMPT)["data"]["progress"], 0);
    finish(&holders.starter, &["--", "true"])
        .exits(3)
        .says(&["the server does not have this attempt any more"]);
}

#[test]
fn a_file_that_does_not_name_its_cluster_gives_no_share() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let mut holders = Holders::of((&server, starter));
    let code = holders.start();
    holders.bob.remove("/cluster/id");
    submit(&holders.bob, &code, "bob").exits(2).says(&[
        "does not say which cluster it is for",
        "never from the code",
    ]);
}

#[test]
fn one_share_twice_and_one_of_another_cluster_are_told_to_their_holder() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let (_other, foreign) = handed_over_elsewhere();
    let holders = Holders::of((&server, starter));
    let code = holders.start();
    submit(&holders.bob, &code, "bob").exits(0);
    submit(&holders.bob, &code, "bob")
        .exits(3)
        .says(&["the share of bob was given already; nothing has changed"]);
    // Whose it is that was typed, nobody knows.
    let words = ["share", "submit", &code, "--yes", "--custodian", "carol"];
    let mut terminal = holders.carol.terminal(&words);
    for _ in 0..3 {
        terminal.expect("The share of carol");
        terminal.type_line(&holders.starter.custody().share("bob"));
    }
    let (code_of_it, shown) = terminal.finish();
    assert_eq!(code_of_it, 3, "{shown}");
    let said = "the share that was typed for carol was given already; nothing has changed";
    let line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(line.contains(said), "{shown}");
    let theirs = foreign.custody().share("carol");
    holders.starter.custody().replace("carol", &theirs);
    let file = "shares/carol.age";
    std::fs::copy(holders.starter.path(file), holders.carol.path(file)).expect("a copy");
    submit(&holders.carol, &code, "carol").exits(3).says(&[
        "the shares that were given do not make the key of this cluster",
        "the server has dropped all of them",
        "all submit again",
    ]);
    holders
        .carol
        .run(&["break-glass", "progress"])
        .prints(&["0 of 2 shares given"]);
    submit(&holders.bob, &code, "bob").exits(0);
    let words = ["--identity", "alice.key", "--", "true"];
    finish(&holders.starter, &words).exits(0);
    nothing_is_left(&server, &holders.starter);
}

#[test]
fn an_attempt_that_waits_is_in_nobodys_way_and_can_be_given_up() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let holders = Holders::of((&server, starter));
    holders.start();
    for words in [
        &START[..],
        &["rehearse"],
        &["break-glass", "--reason", "x", "--", "true"],
    ] {
        holders.starter.run(words).exits(3).says(&[
            "an attempt with several holders was started here",
            "0 of 2 shares given",
            "or give it up: vault-bootstrap break-glass cancel",
        ]);
    }
    let cancel = ["break-glass", "cancel"];
    holders.starter.run(&cancel).exits(0);
    holders.starter.run(&cancel).exits(2);
    nothing_is_left(&server, &holders.starter);
    assert!(!holders.starter.path("checkpoint/break-glass.pad").exists());
}

#[test]
fn the_token_of_an_attempt_that_was_complete_and_given_up_is_named_by_the_next_rehearsal() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let holders = Holders::of((&server, starter));
    let code = holders.start();
    submit(&holders.bob, &code, "bob").exits(0);
    submit(&holders.carol, &code, "carol").exits(0);
    let roots: Vec<Value> = auditor(&server, &holders.starter).roots();
    assert_eq!(roots.len(), 1, "made, and nobody has it");
    let cancelled = holders.starter.run(&["break-glass", "cancel"]);
    cancelled.exits(0).says(&["the next rehearse names it"]);
    // Told once, though each quorum sees it.
    let run = rehearse(&holders.starter);
    run.exits(4)
        .prints(&["a root token is still valid that may be of an attempt that was given up"]);
    assert_eq!(
        run.stdout.matches("root token is still valid").count(),
        1,
        "{run}"
    );
    // Another attempt in between does not make it forgotten, and it may as well be a colleague's: nobody ends it.
    holders.start();
    finish(
        &holders.starter,
        &[
            "--identity",
            "alice.key",
            "--identity",
            "bob.key",
            "--",
            "true",
        ],
    );
    let run = rehearse(&holders.starter);
    run.exits(4).prints(&["another root token is still valid"]);
    assert_eq!(
        run.stdout.matches("root token is still valid").count(),
        1,
        "{run}"
    );
    assert_eq!(auditor(&server, &holders.starter).roots().len(), 1);
}

#[test]
fn a_slip_in_what_was_handed_back_costs_nothing() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let holders = Holders::of((&server, starter));
    let code = holders.start();
    submit(&holders.bob, &code, "bob").exits(0);
    let last = submit(&holders.carol, &code, "carol");
    let encoded = last.stdout.trim();
    let (body, _) = encoded.rsplit_once('-').expect("a word at its end");
    let other = if body.ends_with('A') { "B" } else { "A" };
    let slip = format!("{}{other}", &body[..body.len() - 1]);
    let with_word = encoded.replacen(&body[..1], if body.starts_with('x') { "y" } else { "x" }, 1);
    finish(&holders.starter, &[&with_word, "--", "true"])
        .exits(2)
        .says(&["a letter of it is missing or wrong"]);
    // Without the word, as another program prints it, what comes out is looked at.
    let run = finish(&holders.starter, &[&slip, "--", "true"]);
    assert!([0, 3].contains(&run.code), "{run}");
    if run.code == 3 {
        run.says(&["copy what the last holder was handed once more; nothing was changed"]);
        finish(&holders.starter, &[body, "--", "true"]).exits(0);
    }
    nothing_is_left(&server, &holders.starter);
}

#[test]
fn the_starter_waits_for_the_holders_and_no_longer_than_was_said() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let holders = Holders::of((&server, starter));
    let code = holders.start();
    let words = [
        "break-glass",
        "finish",
        "--wait",
        "60s",
        "--identity",
        "alice.key",
    ];
    let words: Vec<&str> = words.into_iter().chain(["--", "true"]).collect();
    let waiting = holders.starter.tool().spawn(&words);
    waiting.wait_for_line("how far it is", |line| {
        line.contains("0 of 2 shares were given")
    });
    submit(&holders.bob, &code, "bob").exits(0);
    Run::from(waiting.finish())
        .exits(0)
        .says(&["1 of 2 shares were given"]);
    nothing_is_left(&server, &holders.starter);
    holders.start();
    let late = ["--wait", "10s", "--identity", "alice.key", "--", "true"];
    finish(&holders.starter, &late).exits(1).says(&[
        "0 of 2 shares were given within 10s; the attempt is ended",
        "break-glass start --reason WHY",
    ]);
    nothing_is_left(&server, &holders.starter);
    let facts = super::evidence(&holders.starter, "break-glass-");
    assert!(
        facts["failed"]
            .as_str()
            .expect("why")
            .contains("within 10s"),
        "{facts:#}"
    );
}

#[test]
fn a_share_whose_answer_is_lost_is_told_with_what_may_have_come_of_it() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let mut holders = Holders::of((&server, starter));
    let code = holders.start();
    submit(&holders.bob, &code, "bob").exits(0);
    let faults = Faults::new().every(GIVES, Action::DropAnswer);
    let proxy = faults.before(&server.address());
    holders
        .carol
        .set("/cluster/address", json!(proxy.address()));
    submit(&holders.carol, &code, "carol").exits(1).says(&[
        "nobody knows whether the share counts",
        "if yours was the last share, an orphaned root token is still valid",
        "types vault-bootstrap break-glass cancel, then rehearse",
    ]);
}

#[test]
fn a_wrong_share_of_the_starter_is_told_to_have_cost_those_of_the_holders() {
    require!(["openbao-2.7.2"]);
    let (server, starter) = handed_over();
    let (_other, foreign) = handed_over_elsewhere();
    let holders = Holders::of((&server, starter));
    let code = holders.start();
    submit(&holders.bob, &code, "bob").exits(0);
    let right = holders.starter.custody().share("alice");
    let theirs = foreign.custody().share("alice");
    holders.starter.custody().replace("alice", &theirs);
    let words = ["--identity", "alice.key", "--", "true"];
    finish(&holders.starter, &words).exits(3).says(&[
        "the server has dropped all of them, those of the holders too",
        "all submit again with the same code",
    ]);
    holders.starter.custody().replace("alice", &right);
    submit(&holders.bob, &code, "bob").exits(0);
    finish(&holders.starter, &words).exits(0);
    nothing_is_left(&server, &holders.starter);
}
