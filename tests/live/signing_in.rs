//! People who sign in at a real identity provider, also from another machine: by the line for SSH, by an address that
//! they paste, by a code; and those who do not get in.

use serde_json::json;

use crate::ceremony::{Ceremony, Run, Server};
use crate::doors::stopped_at_the_door;
use crate::support::{Account, HttpClient, OpenIdProvider, require};

const PEOPLE: [&str; 2] = ["openbao-2.7.2", "oidc-provider-9.13.3"];

fn with_people() -> (Server, Ceremony, OpenIdProvider) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let provider = OpenIdProvider::start();
    ceremony.on_call_door(&provider);
    (server, ceremony, provider)
}

/// What the browser of another machine needs, as it stands below the address.
fn led_here(shown: &str) -> Option<(String, u16)> {
    let at = shown.find("ssh -L ")?;
    let command = shown[at..].lines().next()?.trim().to_owned();
    let port = command.strip_prefix("ssh -L ")?.split(':').next()?.parse();
    Some((command, port.ok()?))
}

#[test]
fn the_line_that_leads_a_browser_here_has_the_port_that_is_listened_on() {
    require!(PEOPLE);
    let (_server, mut ceremony, provider) = with_people();
    let uris = "/auth/oidc/roles/on-call/allowed_redirect_uris";
    let declared = ceremony.file.pointer(uris).expect("addresses")[0].clone();
    let declared = url::Url::parse(declared.as_str().expect("a text")).expect("an address");
    let taken = declared.port().expect("a port");
    // Somebody has the port of the file, and the person came in by SSH.
    let somebody = std::net::TcpListener::bind(("127.0.0.1", taken)).expect("a free port");
    ceremony.set("/logins/on-call/with", json!("browser"));
    ceremony.save();
    let tool = ceremony.tool();
    let tool = tool.env("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22");
    let run = tool.spawn(&["apply", "--yes"]);
    let address = run.wait_for_url(&provider.issuer());
    run.wait_for_line("the line for SSH", |line| line.contains("ssh -L "));
    let shown = run.stderr_so_far();
    let (command, port) = led_here(&shown).expect("the line");
    assert_eq!(
        command,
        format!("ssh -L {port}:localhost:{port} THIS-MACHINE")
    );
    assert_ne!(port, taken, "{shown}");
    let said = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("another program of this machine has the port of http://localhost:"),
        "{shown}"
    );
    let back = provider
        .sign_in(&address, Account::Alice)
        .expect("an address");
    assert_eq!(
        url::Url::parse(&back).expect("an address").port(),
        Some(port)
    );
    let answer = HttpClient::default().call("GET", &back, &[], None);
    assert!(answer.is_ok(), "{answer:?}");
    Run::from(run.finish()).exits(4).says(&["on-call opened"]);
    drop(somebody);
}

#[test]
fn a_person_whose_browser_reaches_nobody_pastes_the_address_that_it_ended_at() {
    require!(PEOPLE);
    let (server, ceremony, provider) = with_people();
    let mut terminal = ceremony.terminal(&["apply"]);
    let shown = terminal.expect("or paste the address that the browser ended at");
    let (_, port) = led_here(&shown).expect("the line for SSH");
    let start = shown.find(&provider.issuer()).expect("the address");
    let address = shown[start..].split_whitespace().next().expect("whole");
    let back = provider
        .sign_in(address, Account::Alice)
        .expect("an address");
    let code = url::Url::parse(&back).expect("an address");
    let code = code.query_pairs().find(|(name, _)| name == "code");
    let code = code.expect("a code").1.into_owned();
    assert!(
        back.starts_with(&format!("http://localhost:{port}/")),
        "{back}"
    );
    // That of another sign-in is none, and nobody waits for another address.
    let state = "state=";
    let (before, _) = back.split_once(state).expect("a state");
    terminal.type_line(&format!("{before}{state}another&code={code}"));
    terminal.expect("belongs to another sign-in");
    terminal.expect("or paste the address that the browser ended at");
    terminal.type_line(&back);
    let more = terminal.expect("Revoke the root token now?");
    assert!(more.contains("on-call opened"), "{more}");
    // What was typed before a question is no answer to it.
    terminal.type_line("y");
    let (exit, last) = terminal.finish();
    assert_eq!(exit, 4, "{last}");
    for text in [&more, &last] {
        assert!(!text.contains(&code), "{text}");
    }
    let login = server.audit().requests();
    assert!(
        login
            .iter()
            .any(|request| request.ends_with("auth/oidc/oidc/callback")),
        "{login:#?}"
    );
}

#[test]
fn a_browser_that_comes_back_by_itself_leaves_the_terminal_for_the_next_question() {
    require!(PEOPLE);
    let (_server, ceremony, provider) = with_people();
    let mut terminal = ceremony.terminal(&["apply"]);
    let shown = terminal.expect("or paste the address that the browser ended at");
    let start = shown.find(&provider.issuer()).expect("the address");
    let address = shown[start..].split_whitespace().next().expect("whole");
    // Half an address stands there when the browser comes after all.
    terminal.type_keys("http://localhost:1/half");
    provider
        .sign_in_and_deliver(address, Account::Alice)
        .expect("a page");
    terminal.expect("Revoke the root token now?");
    terminal.type_line("n");
    let (exit, last) = terminal.finish();
    assert_eq!(exit, 1, "{last}");
    assert!(
        last.contains("you said no") && !last.contains("/half"),
        "{last}"
    );
}

#[test]
fn a_person_signs_in_with_the_code_that_a_device_shows() {
    require!(PEOPLE);
    let (_server, mut ceremony, provider) = with_people();
    ceremony.set("/logins/on-call/with", json!("device"));
    ceremony.set("/auth/oidc/roles/on-call/callback_mode", json!("device"));
    // As the example has it: an address that nobody listens at, since the server takes no role without one.
    let uris = "/auth/oidc/roles/on-call/allowed_redirect_uris";
    ceremony.set(uris, json!(["http://localhost:8250/oidc/callback"]));
    let run = ceremony.start();
    let address = run.wait_for_url(&provider.issuer());
    // The code is part of the address, so there is nothing to type.
    let approved = provider.approve_device(&address, None, Account::Alice);
    let run = Run::from(run.finish());
    assert!(approved.is_ok(), "{approved:?}\n{run}");
    run.exits(4).says(&["on-call opened"]);
}

#[test]
fn a_person_signs_in_with_a_browser_elsewhere() {
    require!(PEOPLE);
    let (_server, ceremony, provider) = with_people();
    let run = ceremony.apply_with(&provider, Account::Alice);
    run.exits(4)
        .says(&["on-call opened", "ada opened"])
        .never_says(&["all break-glass logins depend on one"]);
    let opened = ceremony.evidence("logins")["opened"].clone();
    let door = opened
        .as_array()
        .expect("doors")
        .iter()
        .find(|door| door["login"] == "on-call");
    assert_eq!(door.expect("the door")["break_glass"], true);
    ceremony.apply().exits(4).prints(&["nothing was written"]);
}

#[test]
fn a_person_without_the_claims_stays_outside() {
    require!(PEOPLE);
    let (server, ceremony, provider) = with_people();
    let run = ceremony.apply_with(&provider, Account::Mallory);
    let texts = [
        "login on-call",
        "somebody signed in whom the role does not let in: claim",
        "it may be the wrong person, whom the browser still knew: sign out at the provider",
        "if it was the right one, compare bound_claims",
    ];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
    ceremony.apply_with(&provider, Account::Alice).exits(4);
}

#[test]
fn nobody_signs_in_for_a_run_in_which_a_machine_cannot() {
    require!(PEOPLE);
    let (server, mut ceremony, provider) = with_people();
    let right = ceremony.file["logins"]["operator"]["password"].clone();
    // The person stands first in the file.
    let logins = ceremony.file["logins"].clone();
    let mut reordered = json!({ "on-call": logins["on-call"] });
    for (name, login) in logins.as_object().expect("a map") {
        reordered[name] = login.clone();
    }
    ceremony.set("/logins", reordered);
    ceremony.write("wrong.password", "not the one of the user");
    ceremony.set(
        "/logins/operator/password",
        json!({ "file": "wrong.password" }),
    );
    let run = ceremony.apply();
    let texts = ["login operator"];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
    run.never_says(&["sign in within", &provider.issuer()]);
    ceremony.set("/logins/operator/password", right);
    ceremony.apply_with(&provider, Account::Alice).exits(4);
}

#[test]
fn nobody_comes_to_sign_in() {
    require!(PEOPLE);
    let (server, ceremony, _provider) = with_people();
    let run = ceremony.run(&["apply", "--yes", "--sign-in-timeout", "1"]);
    stopped_at_the_door(
        &server,
        &ceremony,
        &run,
        &[
            "nobody finished the sign-in within 1s",
            "an error of its own instead of a sign-in, read it: invalid_client means oidc_client_id",
            "register http://localhost:",
        ],
    );
}

#[test]
fn a_provider_that_went_down_between_configuration_and_sign_in() {
    require!(PEOPLE);
    let (server, ceremony, mut provider) = with_people();
    ceremony
        .run(&["apply", "--yes", "--sign-in-timeout", "1"])
        .exits(1);
    provider.stop();
    let run = ceremony.run(&["apply", "--yes", "--sign-in-timeout", "2"]);
    run.exits(1).says(&["what to do:"]);
    assert!(ceremony.keeps_secrets());
    provider.restart();
    ceremony.apply_with(&provider, Account::Alice).exits(4);
    drop(server);
}

#[test]
fn a_client_secret_that_the_provider_does_not_know() {
    require!(PEOPLE);
    let (server, ceremony, provider) = with_people();
    ceremony.write("oidc.password", "another-secret-altogether");
    let run = ceremony.apply_with(&provider, Account::Alice);
    let texts = ["could not redeem the sign-in", "oidc_client_secret"];
    stopped_at_the_door(&server, &ceremony, &run, &texts);
    run.never_says(&["another-secret-altogether"]);
    // The server does not give the secret back; that it changed in the file is noticed all the same.
    ceremony.write("oidc.password", provider.client_secret());
    let run = ceremony.apply_with(&provider, Account::Alice);
    run.exits(4).says(&["auth/oidc/config: oidc_client_secret"]);
}

#[test]
fn an_address_to_come_back_to_that_the_provider_was_never_told() {
    require!(PEOPLE);
    let (server, mut ceremony, provider) = with_people();
    let elsewhere = "http://localhost:8250/somewhere/else";
    ceremony.set(
        "/auth/oidc/roles/on-call/allowed_redirect_uris",
        json!([elsewhere]),
    );
    let run = ceremony.run(&["apply", "--yes", "--sign-in-timeout", "1"]);
    run.exits(1).says(&["login on-call", "what to do:"]);
    assert!(ceremony.keeps_secrets());
    drop((server, provider));
}
