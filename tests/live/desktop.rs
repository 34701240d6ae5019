//! Where a person sits at the machine of the ceremony: the program opens their browser, and that browser
//! learns the address and nothing else.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{
    Account, OTHER, OpenIdProvider, directory_of, eventually, require, require_root, set_mode,
};

const PEOPLE: [&str; 2] = ["openbao-2.7.2", "oidc-provider-9.13.3"];
/// What a browser does first: it notes how it was called, and hands over to the window that is open already.
/// The move comes last, so that nobody reads half of a note.
const BROWSER: &str = r#"#!/bin/sh
cat "/proc/$$/environ" > NOTES.environment
printf '%s\n' "$@" > NOTES.new
mv NOTES.new NOTES.arguments
"#;
/// More than a run needs to come to its doors.
const PATIENCE: Duration = Duration::from_secs(60);

/// A ceremony whose break-glass door opens with a browser on this machine.
fn at_a_desk() -> (Server, Ceremony, OpenIdProvider) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let provider = OpenIdProvider::start();
    ceremony.on_call_door(&provider);
    ceremony.set("/logins/on-call/with", json!("browser"));
    (server, ceremony, provider)
}

/// Installs the browser as `name`; what it notes is read with [`noted`].
fn install(ceremony: &Ceremony, name: &str) -> PathBuf {
    let notes = ceremony.path("browser");
    let script = BROWSER.replace("NOTES", &notes.display().to_string());
    let path = ceremony.write(name, &script);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("a mode");
    path
}

/// What the browser was called with, and its environment.
fn noted(ceremony: &Ceremony) -> (Vec<String>, Vec<String>) {
    let arguments = ceremony.path("browser.arguments");
    assert!(eventually(PATIENCE, || arguments.exists()), "no browser");
    let text = |name: &str| std::fs::read_to_string(ceremony.path(name)).expect("a note");
    let arguments = text("browser.arguments");
    let environment = text("browser.environment");
    (
        arguments.lines().map(str::to_owned).collect(),
        environment
            .split_terminator('\0')
            .map(str::to_owned)
            .collect(),
    )
}

/// Runs the ceremony and signs in at the address that the browser was given, which must be the one that is
/// shown; what the browser found in its environment.
fn signed_in(ceremony: &Ceremony, provider: &OpenIdProvider) -> Vec<String> {
    let run = ceremony.start();
    let (arguments, environment) = noted(ceremony);
    let shown = run.wait_for_url(&provider.issuer());
    assert_eq!(arguments, [shown]);
    let page = provider.sign_in_and_deliver(&arguments[0], Account::Alice);
    let run = Run::from(run.finish());
    assert!(page.is_ok(), "{page:?}\n{run}");
    run.exits(4).says(&["on-call opened", "ada opened"]);
    run.shows_no_token();
    environment
}

#[test]
fn a_browser_that_another_user_may_replace_is_not_opened_and_the_address_is_shown() {
    require_root!();
    require!(["openbao-2.7.2", "oidc-provider-9.13.3"]);
    let (_server, mut ceremony, provider) = at_a_desk();
    let opener = install(&ceremony, "xdg-open");
    let (_held, theirs) = directory_of(OTHER, 0o755);
    let program = theirs.join("xdg-open");
    std::fs::copy(&opener, &program).expect("a copy");
    set_mode(&program, 0o755);
    let named = ("BROWSER".to_owned(), program.display().to_string());
    let path = format!(
        "{}:{}",
        theirs.display(),
        std::env::var("PATH").expect("a PATH")
    );
    ceremony
        .environment
        .extend([named, ("PATH".to_owned(), path)]);
    let run = ceremony.apply_with(&provider, Account::Alice);
    run.exits(4).says(&[
        "on-call opened",
        "was not run, it is not safe",
        "open the address yourself",
    ]);
    assert!(!ceremony.path("browser.arguments").exists(), "it ran");
}

#[test]
fn a_person_signs_in_with_the_browser_that_opens_and_it_gets_no_secret() {
    require!(PEOPLE);
    let (server, mut ceremony, provider) = at_a_desk();
    let browser = install(&ceremony, "a browser");
    let ada = ceremony.secrets["ada"].clone();
    for reference in ["/auth/userpass/users/ada/password", "/logins/ada/password"] {
        ceremony.set(reference, json!({ "env": "PASSWORD_OF_ADA" }));
    }
    let given = [
        ("BROWSER", browser.to_str().expect("a path")),
        ("DISPLAY", ":7"),
        ("PASSWORD_OF_ADA", &ada),
        ("VAULT_TOKEN", "a-token-of-somebody"),
        ("BAO_TOKEN", "another-token"),
        ("AWS_SECRET_ACCESS_KEY", "a-key-of-the-custodians"),
        ("AWS_SESSION_TOKEN", "a-session-of-theirs"),
    ];
    ceremony.environment = given
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let environment = signed_in(&ceremony, &provider);
    let of = |wanted: &str| {
        let found = environment.iter().filter_map(|line| line.split_once('='));
        found.into_iter().find(|(name, _)| *name == wanted)
    };
    // It is a child of the ceremony and finds its window.
    assert_eq!(of("DISPLAY"), Some(("DISPLAY", ":7")), "{environment:#?}");
    assert!(of("HOME").is_some() && of("PATH").is_some());
    let all = environment.join("\n");
    let secrets = given[2..].iter().map(|(_, value)| *value);
    let secrets = secrets.chain(ceremony.secrets.values().map(String::as_str));
    for secret in secrets {
        assert!(!all.contains(secret), "{secret} is in its environment");
    }
    ceremony.apply().exits(4).prints(&["nothing was written"]);
    server.api().log_in("ada", &ada);
}

#[test]
fn where_the_named_browser_is_missing_the_desktop_opens_the_one_it_prefers() {
    require!(PEOPLE);
    let (_server, mut ceremony, provider) = at_a_desk();
    let opener = install(&ceremony, "xdg-open");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", opener.parent().expect("a place").display());
    ceremony.environment = vec![
        ("BROWSER".to_owned(), "/nowhere/browser".to_owned()),
        ("PATH".to_owned(), path),
    ];
    signed_in(&ceremony, &provider);
}

#[test]
fn where_no_browser_opens_the_address_is_there_to_be_copied() {
    require!(PEOPLE);
    let (_server, mut ceremony, provider) = at_a_desk();
    let nowhere = ("PATH".to_owned(), "/nowhere".to_owned());
    ceremony.environment = vec![nowhere];
    let run = ceremony.apply_with(&provider, Account::Alice);
    run.exits(4).says(&["on-call opened"]);
}
