//! A hostile server: a real OpenBao or Vault behind a stand-in that puts a hostile text into one field of its answers at a
//! time, because no real server does. The fields are those that a run without it was answered with, so a new one is tried
//! too.

mod holders;
mod poison;
mod systems;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use self::poison::{Poison, heard};
use crate::ceremony::{Ceremony, Run, Server, handed_over_on};
use crate::support::{Action, Change, Proxy, RequestInfo, Setup, require};

const NEEDED: [&str; 1] = ["openbao-2.7.2"];
const BOTH: [Setup; 2] = [Setup::OpenBao272Static, Setup::Vault1211Shamir];
/// For a shell, a terminal, and whoever reads lines: each of its characters beside letters may do something.
const HOSTILE: &str = "x; touch F #\u{1b}[2J\u{1b}]0;y\u{7}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{ad}\u{2028}\u{e0041}\r\u{7f}\nINJECTED";
/// What stands there first and does the harm in a shell.
const IN_SHELL: &str = "; touch F";
/// As much as one answer may hold, nearly.
const LONG: usize = 20 << 20;
/// More than any run says of its own, in bytes.
const MOST: usize = 64 * 1024;
/// A run ends by itself, whatever it is told.
const LIMIT: Duration = Duration::from_secs(60);
/// What a command that is advised begins with.
const PROGRAMS: [&str; 7] = [
    "vault-bootstrap",
    "bao",
    "vault",
    "curl",
    "gpg",
    "aws",
    "kubectl",
];

/// A server, what stands before it, and the fields that it was seen to answer with.
struct Stage {
    proxy: Proxy,
    poison: Poison,
    seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Stage {
    /// `rule` decides where the stand-in does something else than change the answer.
    fn before(
        address: &str,
        rule: impl Fn(&RequestInfo) -> Option<Action> + Send + Sync + 'static,
    ) -> Self {
        let (poison, seen) = (Poison::default(), Arc::<Mutex<BTreeSet<String>>>::default());
        let (given, fields) = (poison.clone(), seen.clone());
        let proxy = Proxy::listening(
            address,
            move |request| {
                let given = given.clone();
                let change = move |body: &mut Vec<u8>| given.fill(body);
                rule(request).unwrap_or_else(|| Action::Change(Change::of_bytes(change)))
            },
            move |_, body| {
                heard(body, &mut fields.lock().expect("no panic holds it"));
            },
        );
        Self {
            proxy,
            poison,
            seen,
        }
    }

    /// Runs the tool with a hostile text in each of these fields, and again for machines where it was shown.
    fn try_each(&self, names: &[&str], run: &dyn Fn(&[&str]) -> Run) {
        let mut shown = 0;
        for name in names {
            self.poison.set(name, HOSTILE);
            let text = run(&[]);
            judge(name, &text);
            if text.stdout.contains(IN_SHELL) || text.stderr.contains(IN_SHELL) {
                shown += 1;
                judge(name, &run(&["--output", "json"]));
            }
        }
        assert!(shown > 0, "nothing hostile was ever shown");
    }

    /// The fields that were seen; these are among them.
    fn seen(&self, known: &[&str]) -> BTreeSet<String> {
        let seen = self.seen.lock().expect("no panic holds it").clone();
        let missing: Vec<_> = known.iter().filter(|name| !seen.contains(**name)).collect();
        assert!(missing.is_empty(), "{missing:?} of {seen:?}");
        seen
    }
}

fn names(seen: &BTreeSet<String>) -> Vec<&str> {
    seen.iter().map(String::as_str).collect()
}

/// Nothing that a person reads or pastes does anything but what it says.
#[track_caller]
fn judge(field: &str, run: &Run) {
    for (name, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        let wrong = wrong_with(text);
        let short: String = text.chars().take(4000).collect();
        assert!(
            wrong.is_none(),
            "{field}, {name}: {wrong:?}\n{}",
            short.escape_debug()
        );
    }
    assert!([0, 1, 2, 3, 4].contains(&run.code), "{field}: {}", run.code);
}

fn wrong_with(text: &str) -> Option<String> {
    let does = |letter: &char| {
        *letter != '\n'
            && (letter.is_control() || (!letter.is_ascii() && HOSTILE.contains(*letter)))
    };
    if let Some(letter) = text.chars().find(does) {
        return Some(format!("{letter:?} is shown as it is"));
    }
    if text.len() > MOST {
        return Some(format!("{} bytes", text.len()));
    }
    if text
        .lines()
        .any(|line| line.trim_start().starts_with("INJECTED"))
    {
        return Some("a line of the server's own".into());
    }
    let mut commands = text.lines().flat_map(commands);
    commands
        .find(|command| runs_the_text(command))
        .map(str::to_owned)
}

/// What may be pasted of a line: from each program that a command may begin with to the end; of an event, to the end of the
/// text that it stands in.
fn commands(line: &str) -> Vec<&str> {
    let marks = ["", ": ", "; ", "-- ", "`", "(", "with ", "\"", "&& "];
    let begins = |at: usize| {
        let before = &line[..at];
        marks.iter().any(|mark| {
            (mark.is_empty() && before.trim().is_empty())
                || (!mark.is_empty() && before.ends_with(mark))
        })
    };
    let places = PROGRAMS.iter().flat_map(|program| {
        let found = line.match_indices(program);
        found
            .filter(|(at, _)| line[at + program.len()..].starts_with(' '))
            .map(|(at, _)| at)
    });
    places
        .filter(|at| begins(*at))
        .map(|at| &line[at..])
        .map(|rest| {
            if line.starts_with('{') {
                &rest[..end_of_text(rest)]
            } else {
                rest
            }
        })
        .collect()
}

/// Where a text of JSON ends.
fn end_of_text(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().find(|(_, letter)| {
        let ends = *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |(at, _)| at)
}

/// Whether a shell takes what the server said for another command.
fn runs_the_text(command: &str) -> bool {
    let mut quoted = false;
    command.char_indices().any(|(at, letter)| {
        quoted ^= letter == '\'';
        !quoted && command[at..].starts_with(IN_SHELL)
    })
}

#[test]
fn what_a_hostile_text_can_do_is_noticed() {
    for bad in [
        "\u{1b}[2J",
        "a\u{202e}b",
        "a\rb",
        "error: x\n  INJECTED",
        "what to do: vault-bootstrap break-glass cancel --nonce x; touch F #",
        "with: curl -d '{\"nonce\":\"a\"}' x; touch F #",
        "{\"text\":\"do: vault-bootstrap x --nonce y; touch F #\"}",
    ] {
        assert!(wrong_with(bad).is_some(), "{bad:?}");
    }
    for good in [
        "error: there is a root token: accessor x; touch F #\\u{1b}\n",
        "with: vault-bootstrap break-glass cancel --nonce 'x; touch F #'",
        "{\"text\":\"do: vault-bootstrap x\"},{\"text\":\"accessor \\\"x; touch F #\\\"\"}",
    ] {
        assert_eq!(wrong_with(good), None);
    }
}

fn run(ceremony: &Ceremony, words: &[&str]) -> Run {
    ceremony.tool().limit(LIMIT).run(words).into()
}

#[test]
fn status_shows_nothing_of_a_hostile_server_as_it_is() {
    require!(["openbao-2.7.2", "vault-1.21.1"]);
    for setup in BOTH {
        status_on(setup);
    }
}

fn status_on(setup: Setup) {
    let (server, mut ceremony) = handed_over_on(setup);
    let stage = Stage::before(&server.address(), |_| None);
    ceremony
        .set("/cluster/address", json!(stage.proxy.address()))
        .save();
    let status = |more: &[&str]| run(&ceremony, &[&["status"], more].concat());
    status(&[]).exits(0).prints(&[", active"]);
    let seen = stage.seen(&["version", "cluster_id"]);
    stage.try_each(&names(&seen), &status);
    stage.poison.set("version", HOSTILE);
    status(&[]).prints(&[
        "/v1/sys/health is unusable: its version is malformed (\"x; touch F #\\u{1b}[2J",
    ]);
    for name in names(&seen) {
        stage.poison.set(name, &"A".repeat(LONG));
        judge(name, &status(&[]));
        judge(name, &status(&["--output", "json"]));
    }
}

#[test]
fn a_first_apply_shows_nothing_of_a_hostile_server_as_it_is() {
    require!(NEEDED);
    let server = Server::in_memory();
    // It never comes to be initialised: each run meets the same server.
    let refused = json!({ "errors": [HOSTILE] }).to_string();
    let stage = Stage::before(&server.address(), move |request| {
        let refused = || Action::Respond(400, "application/json", refused.clone());
        (request.label() == "PUT sys/init").then(refused)
    });
    let apply = |more: &[&str]| {
        let mut ceremony = Ceremony::at(&server);
        ceremony
            .set("/cluster/address", json!(stage.proxy.address()))
            .save();
        run(&ceremony, &[&["apply", "--yes"], more].concat())
    };
    let refused = apply(&[]);
    refused
        .exits(1)
        .says(&["sys/init was answered with 400: x; touch F #"]);
    judge("errors", &refused);
    assert!(!server.api().initialised());
    let seen = stage.seen(&["version", "type"]);
    stage.try_each(&names(&seen), &apply);
}

#[test]
fn a_later_apply_shows_nothing_of_a_hostile_server_as_it_is() {
    require!(["openbao-2.7.2", "vault-1.21.1"]);
    for setup in BOTH {
        later_apply_on(setup);
    }
}

fn later_apply_on(setup: Setup) {
    let (server, mut ceremony) = handed_over_on(setup);
    let stage = Stage::before(&server.address(), |_| None);
    let address = stage.proxy.address();
    ceremony.set("/cluster/address", json!(address)).save();
    let words = ["apply", "--yes", "--accept-address", &address];
    let apply = |more: &[&str]| run(&ceremony, &[&words, more].concat());
    apply(&[]).exits(4);
    let seen = stage.seen(&[
        "accessor",
        "policies",
        "display_name",
        "type",
        "keys",
        "description",
    ]);
    stage.try_each(&names(&seen), &apply);
    for name in ["display_name", "description"] {
        stage.poison.set(name, &"A".repeat(LONG));
        judge(name, &apply(&[]));
    }
}

#[test]
fn break_glass_shows_nothing_of_a_hostile_server_as_it_is() {
    require!(["openbao-2.7.2", "vault-1.21.1"]);
    for setup in BOTH {
        break_glass_on(setup);
    }
}

fn break_glass_on(setup: Setup) {
    let (server, mut ceremony) = handed_over_on(setup);
    let stage = Stage::before(&server.address(), |_| None);
    ceremony
        .set("/cluster/address", json!(stage.proxy.address()))
        .save();
    let attempt = if setup.is_openbao() {
        "sys/generate-root-token/attempt"
    } else {
        "sys/generate-root/attempt"
    };
    let break_glass = |output: &[&str]| {
        // Whatever the run before it could not end would be all that this one is about.
        let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
        ada.delete(attempt);
        let words = ["break-glass", "--reason", "test"];
        let keys = ["--identity", "alice.key", "--identity", "bob.key"];
        let words = [&words[..], &keys, output, &["--", "true"]];
        run(&ceremony, &words.concat())
    };
    break_glass(&[]).exits(0);
    let seen = stage.seen(&["nonce", "accessor", "encoded_token"]);
    stage.try_each(&names(&seen), &break_glass);
    // Somebody else's attempt, of which only the nonce is known.
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    ada.write(attempt, &json!({}));
    stage.poison.set("nonce", HOSTILE);
    for output in [&[][..], &["--output", "json"]] {
        let told = run(&ceremony, &[&["break-glass", "progress"], output].concat());
        let why = ["its nonce is malformed"];
        if output.is_empty() {
            told.exits(1).says(&why);
        } else {
            told.exits(1).prints(&why);
        }
        judge("nonce", &told);
    }
}
