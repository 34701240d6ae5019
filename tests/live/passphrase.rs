//! A checkpoint that a passphrase opens: interrupted in the middle, taken up with the right one, and refused
//! with another.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Server};
use crate::support::{Action, Faults, LocalStack, Proxy, require};

const RIGHT: &str = "correct horse battery staple";
const WRONG: &str = "correct horse battery stable";
/// The first thing that root asks: the shares are with their custodians, nothing is configured yet.
const FIRST: &str = "GET auth/token/lookup-self";
/// More than a run needs to come there, the work for the passphrase included.
const PATIENCE: Duration = Duration::from_secs(180);

/// A ceremony whose first run is held after the initialisation.
fn held(server: &Server, key: Value) -> (Ceremony, Proxy) {
    with_a_passphrase(server, key, &Faults::new().first(FIRST, Action::Hold))
}

fn with_a_passphrase(server: &Server, key: Value, faults: &Faults) -> (Ceremony, Proxy) {
    let mut ceremony = Ceremony::at(server);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.set("/checkpoint/key", json!({ "passphrase": key }));
    for (name, text) in [("right", RIGHT), ("wrong", WRONG)] {
        ceremony.secrets.insert(name.into(), text.into());
    }
    (ceremony, proxy)
}

/// The first run, killed where it is held.
fn killed_after_initialisation(ceremony: &Ceremony, proxy: &Proxy) {
    let run = ceremony.start();
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    assert!(ceremony.keeps_secrets());
}

/// Everything in the checkpoint, byte for byte, but whose run locked it last.
fn contents(ceremony: &Ceremony) -> BTreeMap<String, Vec<u8>> {
    let read = |name: String| {
        let bytes = std::fs::read(ceremony.path("checkpoint").join(&name)).expect("a file");
        (name, bytes)
    };
    let contents: BTreeMap<_, _> = ceremony
        .files_in("checkpoint")
        .into_iter()
        .filter(|name| name != "lock")
        .map(read)
        .collect();
    let texts = contents
        .values()
        .map(|bytes| String::from_utf8_lossy(bytes));
    for text in texts {
        assert!(!text.contains(RIGHT) && !text.contains(WRONG));
    }
    contents
}

/// What a run says that was given another passphrase.
const REFUSAL: [&str; 3] = [
    "checkpoint/secrets cannot be opened: this passphrase does not open this checkpoint",
    "what to do:",
    "give the key or the passphrase that checkpoint.key named when this ceremony began",
];

/// Both runs after the kill; `give` puts a passphrase where the file looks for it.
fn goes_on_with_the_right_one_alone(
    server: &Server,
    ceremony: &mut Ceremony,
    give: impl Fn(&mut Ceremony, &str),
) {
    let before = contents(ceremony);
    let log = server.audit().after_this();
    give(ceremony, WRONG);
    let run = ceremony.apply();
    run.exits(3).says(&["refused:"]).says(&REFUSAL);
    run.never_says(&[RIGHT, WRONG]).shows_no_token();
    assert_eq!(log.requests(), Vec::<String>::new());
    assert!(contents(ceremony) == before, "the checkpoint was changed");
    give(ceremony, RIGHT);
    let run = ceremony.apply();
    run.exits(4).never_says(&[RIGHT]).shows_no_token();
    assert!(!ceremony.keeps_secrets());
    contents(ceremony);
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    auditor.no_root_is_left();
    // Nothing is locked any more, so nothing has to be opened.
    give(ceremony, WRONG);
    ceremony.apply().exits(4).prints(&["nothing was written"]);
}

#[test]
fn a_passphrase_in_a_file() {
    let server = Server::in_memory();
    let (mut ceremony, proxy) = held(&server, json!({ "file": "passphrase" }));
    let give = |ceremony: &mut Ceremony, text: &str| {
        ceremony.write("passphrase", &format!("{text}\n"));
    };
    give(&mut ceremony, RIGHT);
    killed_after_initialisation(&ceremony, &proxy);
    goes_on_with_the_right_one_alone(&server, &mut ceremony, give);
}

#[test]
fn a_passphrase_in_the_environment() {
    let server = Server::in_memory();
    let (mut ceremony, proxy) = held(&server, json!({ "env": "PASSPHRASE" }));
    let give = |ceremony: &mut Ceremony, text: &str| {
        ceremony.environment = vec![("PASSPHRASE".to_owned(), text.to_owned())];
    };
    give(&mut ceremony, RIGHT);
    killed_after_initialisation(&ceremony, &proxy);
    goes_on_with_the_right_one_alone(&server, &mut ceremony, give);
}

#[test]
fn a_passphrase_in_the_parameter_store() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let (mut ceremony, proxy) = held(&server, Value::Null);
    let parameter = format!("{}/passphrase", ceremony.prefix());
    let reference = json!({ "ssm": parameter });
    ceremony.set("/checkpoint/key/passphrase", reference);
    ceremony.environment = LocalStack::shared().env();
    let give = |_: &mut Ceremony, text: &str| {
        let stored = LocalStack::shared().ssm_put(&parameter, text, true);
        assert_eq!(stored, Ok(()));
    };
    give(&mut ceremony, RIGHT);
    killed_after_initialisation(&ceremony, &proxy);
    goes_on_with_the_right_one_alone(&server, &mut ceremony, give);
}

#[test]
fn a_passphrase_is_typed_twice_at_first_and_once_to_go_on() {
    let server = Server::in_memory();
    let (ceremony, proxy) = held(&server, json!({ "prompt": "word of the checkpoint" }));
    let mut terminal = ceremony.terminal(&["apply", "--yes"]);
    terminal.expect("word of the checkpoint: ");
    terminal.type_line(RIGHT);
    terminal.expect("once more: ");
    terminal.type_line(RIGHT);
    assert!(proxy.wait_for_held(PATIENCE));
    let (code, shown) = terminal.kill();
    assert_eq!(code, -9, "{shown}");
    assert!(!shown.contains(RIGHT), "{shown}");
    let (before, log) = (contents(&ceremony), server.audit().after_this());
    let taken_up_with = |text: &str| {
        let mut terminal = ceremony.terminal(&["apply", "--yes"]);
        terminal.expect("word of the checkpoint: ");
        terminal.type_line(text);
        let (code, shown) = terminal.finish();
        assert!(!shown.contains(text), "{shown}");
        assert!(!shown.contains("once more"), "{shown}");
        let words: Vec<_> = shown.split_whitespace().collect();
        (code, words.join(" "))
    };
    let (code, shown) = taken_up_with(WRONG);
    assert_eq!(code, 3, "{shown}");
    assert!(REFUSAL.iter().all(|text| shown.contains(text)), "{shown}");
    assert_eq!(log.requests(), Vec::<String>::new());
    assert!(contents(&ceremony) == before, "the checkpoint was changed");
    let (code, shown) = taken_up_with(RIGHT);
    assert_eq!(code, 4, "{shown}");
    assert!(!ceremony.keeps_secrets());
    // Nobody is asked for what opens nothing.
    ceremony.apply().exits(4).prints(&["nothing was written"]);
}

#[test]
fn a_passphrase_that_is_typed_differently_the_second_time_locks_nothing() {
    let server = Server::in_memory();
    let key = json!({ "prompt": "word of the checkpoint" });
    let (ceremony, proxy) = with_a_passphrase(&server, key, &Faults::new());
    let mut terminal = ceremony.terminal(&["apply", "--yes"]);
    terminal.expect("word of the checkpoint: ");
    terminal.type_line(RIGHT);
    terminal.expect("once more: ");
    terminal.type_line(WRONG);
    let (code, shown) = terminal.finish();
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("the two inputs differ"), "{shown}");
    assert!(!server.api().initialised() && !ceremony.keeps_secrets());
    assert_eq!(proxy.total(), 0);
}

/// The question is longer than what a terminal takes at once, so it is still being written when its beginning is seen.
#[test]
fn what_is_typed_as_soon_as_a_hidden_question_begins_is_never_shown() {
    let server = Server::in_memory();
    let key = json!({ "prompt": "word of the checkpoint ".repeat(12_000) });
    let (ceremony, _proxy) = with_a_passphrase(&server, key, &Faults::new());
    let mut terminal = ceremony.terminal_that_echoes(&["apply", "--yes"]);
    let mut shown = terminal.beginning();
    assert!(shown.contains("word of the"), "{shown}");
    terminal.type_line(RIGHT);
    shown += &terminal.expect("once more: ");
    terminal.type_line(WRONG);
    let (code, rest) = terminal.finish();
    shown += &rest;
    assert_eq!(code, 1, "{rest}");
    assert!(rest.contains("the two inputs differ"), "{rest}");
    assert!(!shown.contains(RIGHT) && !shown.contains(WRONG), "{rest}");
}
