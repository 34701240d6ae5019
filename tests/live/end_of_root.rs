//! The end of root: the doors have opened in the run that revokes, and once root is dead nothing that fails
//! keeps the cluster from being handed over.

mod control;

use std::time::Duration;

use serde_json::json;

use crate::ceremony::{Ceremony, OPERATOR, Run, Server};
use crate::support::{
    Account, Action, Faults, OpenIdProvider, Proxy, Running, eventually, require,
};

/// More than a run needs to come to a login.
const PATIENCE: Duration = Duration::from_secs(60);

const REVOCATION: &str = "POST auth/token/revoke-self";
const SCAN: &str = "LIST auth/token/accessors";
const LOOK: &str = "GET auth/token/lookup-self";
const HEALTH: &str = "GET sys/health";

/// How the plain ceremony counts revocations: three doors are tried and closed, then root goes.
const ROOTS: usize = 4;

/// Puts a proxy with these faults before the server of a ceremony.
fn watched(ceremony: &mut Ceremony, server: &Server, faults: &Faults) -> Proxy {
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    proxy
}

/// Starts a run, and kills it when root's revocation is held.
fn killed_while_root_goes(ceremony: &Ceremony, proxy: &Proxy) {
    let run = ceremony.start();
    assert!(
        proxy.wait_for_held(Duration::from_secs(60)),
        "{:#?}",
        proxy.counts()
    );
    run.kill();
    assert!(ceremony.keeps_secrets());
}

fn refusal(status: u16, text: &str) -> Action {
    let body = json!({ "errors": [text] }).to_string();
    Action::Respond(status, "application/json", body)
}

fn no_root_is_left(server: &Server, ceremony: &Ceremony) {
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    auditor.no_root_is_left();
}

#[test]
fn doors_that_opened_in_an_earlier_run_are_opened_again_before_root_goes() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let password = ceremony.secrets["ada"].clone();
    ceremony.write("key-of-ada", &password);
    ceremony.set("/logins/ada/password", json!({ "file": "key-of-ada" }));
    let mut terminal = ceremony.terminal(&["apply"]);
    terminal.expect("Revoke the root token now?");
    terminal.type_line("n");
    assert_eq!(terminal.finish().0, 1);
    ceremony.write("key-of-ada", "not her password any more");
    let log = server.audit().after_this();
    let run = ceremony.apply();
    run.exits(1).says(&[
        "login ada",
        "wrong user name or password",
        "root is still valid",
    ]);
    assert!(ceremony.keeps_secrets(), "{run}");
    let requests = log.requests();
    let scans = requests
        .iter()
        .any(|request| request.starts_with("list auth/token/accessors"));
    assert!(!scans, "nobody prepares to revoke: {requests:#?}");
    ceremony.write("key-of-ada", &password);
    let run = ceremony.apply();
    run.exits(4)
        .says(&["ada opened"])
        .never_says(&["repaired", "has changed"]);
    no_root_is_left(&server, &ceremony);
}

/// Addresses that people were shown so far.
fn shown(run: &Running, provider: &OpenIdProvider) -> Vec<String> {
    let text = run.stderr_so_far();
    let words = text.split_whitespace();
    let shown = words.filter(|word| word.starts_with(&provider.issuer()));
    shown.map(str::to_owned).collect()
}

/// The server answers one look-up with 503 after two people have signed in: the step begins anew.
#[test]
fn a_person_who_signed_in_is_not_asked_again_when_the_step_begins_anew() {
    require!(["openbao-2.7.2", "oidc-provider-9.13.3"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let provider = OpenIdProvider::start();
    ceremony.on_call_door(&provider);
    // Machines come first; the second person's login meets a server that is away for a moment.
    let logins = ceremony.file["logins"].clone();
    ceremony.set(
        "/logins",
        json!({ "on-call": logins["on-call"], "second": logins["on-call"], "ada": logins["ada"] }),
    );
    ceremony.set("/break_glass/logins", json!(["on-call", "second", "ada"]));
    let away = refusal(503, "away for a moment");
    let faults = Faults::new().nth(3, "GET sys/internal/ui/resultant-acl", away);
    let proxy = watched(&mut ceremony, &server, &faults);
    let run = ceremony.start();
    for number in 0..3 {
        let there = || shown(&run, &provider).len() > number;
        assert!(eventually(PATIENCE, there), "{}", run.stderr_so_far());
        let address = shown(&run, &provider)[number].clone();
        let page = provider.sign_in_and_deliver(&address, Account::Alice);
        assert!(page.is_ok(), "{page:?}");
    }
    let run = Run::from(run.finish());
    run.exits(4)
        .says(&["looking for the active node again", "second opened"]);
    for (line, times) in [
        ("on-call: sign in within", 1),
        ("second: sign in within", 2),
    ] {
        let counts = proxy.counts();
        assert_eq!(
            run.stderr.matches(line).count(),
            times,
            "{run}\n{counts:#?}"
        );
    }
    let opened = ceremony.evidence("logins")["opened"].clone();
    assert_eq!(opened.as_array().map(Vec::len), Some(3), "{opened:#}");
}

#[test]
fn a_machine_whose_secret_opens_twice_is_enough_to_see_root_go() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.password("backup");
    ceremony.set(
        "/auth/approle",
        json!({ "type": "approle", "roles": { "backup": {
            "token_policies": ["operator"], "token_ttl": "20m", "secret_id_num_uses": 2,
        } } }),
    );
    ceremony.set("/writes", json!([
        { "path": "auth/approle/role/backup/role-id", "data": { "role_id": "backup-of-the-test" } },
        { "path": "auth/approle/role/backup/custom-secret-id", "data": { "secret_id": { "file": "backup.password" } } },
    ]));
    let ada = ceremony.file["logins"]["ada"].clone();
    ceremony.set("/logins", json!({
        "backup": { "auth": "approle", "role_id": "backup-of-the-test", "secret_id": { "file": "backup.password" } },
        "ada": ada,
    }));
    let run = ceremony.apply();
    run.exits(4).says(&["backup opened", "ada opened"]);
    assert!(!ceremony.keeps_secrets(), "{run}");
    let evidence = ceremony.evidence("revoke-root");
    assert_eq!(evidence["control"]["login"], "backup", "{evidence:#}");
    assert_eq!(evidence["second_scan"], "no login may scan", "{evidence:#}");
}

#[test]
fn a_login_that_may_not_end_its_own_token_is_refused_while_root_lives() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let itself = "path \"auth/token/lookup-self\" { capabilities = [\"read\"] }\n\
                  path \"sys/capabilities-self\" { capabilities = [\"update\"] }\n";
    ceremony.set(
        "/policies/operator",
        json!({ "rules": format!("{OPERATOR}\n{itself}") }),
    );
    ceremony.set(
        "/auth/userpass/users/operator/token_no_default_policy",
        json!(true),
    );
    let run = ceremony.apply();
    run.exits(1).says(&[
        "login operator",
        "auth/token/revoke-self is denied",
        "root is still valid",
    ]);
    assert!(ceremony.keeps_secrets(), "{run}");
    let ended = server.audit().requests();
    assert!(
        ended
            .iter()
            .any(|request| request == "update auth/token/revoke-accessor"),
        "its token was ended by root: {ended:#?}"
    );
    let rules = "path \"auth/token/revoke-self\" { capabilities = [\"update\"] }";
    ceremony.set(
        "/policies/operator",
        json!({ "rules": format!("{OPERATOR}\n{itself}{rules}") }),
    );
    ceremony.apply().exits(4);
}

#[test]
fn what_fails_after_root_is_dead_stands_in_the_report_and_bars_no_hand_over() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    // The control is looked at after root is, whose 403 is the server's own.
    let faults = Faults::new()
        .every(SCAN, refusal(500, "the list is broken"))
        .since(ROOTS, REVOCATION)
        .from(ROOTS + 1, REVOCATION, refusal(403, "not you"));
    let proxy = watched(&mut ceremony, &server, &faults);
    let finding = "root is revoked, but what came after could not be checked";
    let run = ceremony.apply();
    run.exits(4).prints(&[finding, "the list is broken"]);
    assert!(!ceremony.keeps_secrets(), "{run}");
    let evidence = ceremony.evidence("revoke-root");
    assert_eq!(evidence["proof"]["after"], 403, "{evidence:#}");
    assert_eq!(evidence["control"]["status"], 200, "{evidence:#}");
    let found = ceremony.report()["findings"].to_string();
    assert!(found.contains(finding), "{found}");
    drop(proxy);
    ceremony.set("/cluster/address", json!(server.address()));
    ceremony
        .apply()
        .exits(4)
        .prints(&["nothing was written", finding]);
    no_root_is_left(&server, &ceremony);
}

#[test]
fn when_no_door_opens_after_root_is_dead_the_hand_over_says_so_and_is_made() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().nth(ROOTS, REVOCATION, Action::HoldAnswer);
    let proxy = watched(&mut ceremony, &server, &faults);
    killed_while_root_goes(&ceremony, &proxy);
    for name in ["ada", "audit", "operator"] {
        ceremony.write(&format!("{name}.password"), "nobody's password");
    }
    let run = ceremony.apply();
    run.exits(4).prints(&[
        "root is revoked",
        "login auditor",
        "wrong user name or password",
    ]);
    assert!(!ceremony.keeps_secrets(), "{run}");
    let evidence = ceremony.evidence("revoke-root");
    assert_eq!(
        evidence["after"], "403, found by the next run",
        "{evidence:#}"
    );
    no_root_is_left(&server, &ceremony);
}

#[test]
fn root_that_was_found_dead_is_not_kept_by_a_word_that_is_typed_later() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().nth(ROOTS, REVOCATION, Action::HoldAnswer);
    let proxy = watched(&mut ceremony, &server, &faults);
    killed_while_root_goes(&ceremony, &proxy);
    ceremony.set("/revoke_root", json!(false));
    let run = ceremony.run(&["apply", "--yes", "--keep-root"]);
    run.prints(&["root token 403, found by the next run"]);
    assert!(!run.stdout.contains("still valid"), "{run}");
    assert!(!run.stderr.contains("still valid"), "{run}");
    let evidence = ceremony.evidence("revoke-root");
    assert_eq!(
        evidence["after"], "403, found by the next run",
        "{evidence:#}"
    );
    no_root_is_left(&server, &ceremony);
}

#[test]
fn what_cannot_be_looked_at_any_more_once_root_is_dead_bars_no_hand_over() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let broken = refusal(500, "the policy is broken");
    let faults = Faults::new()
        .nth(ROOTS, REVOCATION, Action::HoldAnswer)
        .every("GET sys/policies/acl/operator", broken)
        .since(ROOTS, REVOCATION);
    let proxy = watched(&mut ceremony, &server, &faults);
    killed_while_root_goes(&ceremony, &proxy);
    let run = ceremony.apply();
    run.exits(4)
        .prints(&["root is revoked", "the policy is broken"]);
    assert!(!ceremony.keeps_secrets(), "{run}");
    let evidence = ceremony.evidence("revoke-root");
    assert_eq!(evidence["control"]["login"], "auditor", "{evidence:#}");
    no_root_is_left(&server, &ceremony);
}

/// Killed before the revocation arrived; when the next run looks, a node that leads no more says 403.
#[test]
fn a_refusal_of_a_node_that_leads_no_more_is_no_proof_for_the_next_run_either() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().nth(ROOTS, REVOCATION, Action::Hold);
    let proxy = watched(&mut ceremony, &server, &faults);
    killed_while_root_goes(&ceremony, &proxy);
    let standby =
        json!({ "initialized": true, "sealed": false, "standby": true, "version": "2.7.2" });
    let standby = Action::Respond(429, "application/json", standby.to_string());
    faults
        .first(LOOK, refusal(403, "permission denied"))
        .first(HEALTH, standby)
        .since(1, LOOK);
    ceremony.apply().exits(4);
    assert_eq!(faults.struck(HEALTH), 1, "the node was asked");
    no_root_is_left(&server, &ceremony);
    let evidence = ceremony.evidence("revoke-root");
    assert_eq!(evidence["proof"]["before"], 200, "{evidence:#}");
}

#[test]
fn where_every_door_needs_a_person_one_signs_in_to_show_that_the_server_still_answers() {
    require!(["openbao-2.7.2", "oidc-provider-9.13.3"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let provider = OpenIdProvider::start();
    ceremony.on_call_door(&provider);
    let door = ceremony.file["logins"]["on-call"].clone();
    ceremony.set("/logins", json!({ "on-call": door }));
    ceremony.set("/break_glass/logins", json!(["on-call"]));
    // Her token is kept as the control, so the first revocation is root's.
    let faults = Faults::new().first(REVOCATION, Action::HoldAnswer);
    let proxy = watched(&mut ceremony, &server, &faults);
    let run = ceremony.start();
    let address = run.wait_for_url(&provider.issuer());
    provider
        .sign_in_and_deliver(&address, Account::Alice)
        .expect("she is let in");
    assert!(proxy.wait_for_held(Duration::from_secs(60)));
    run.kill();
    let run: Run = ceremony.apply_with(&provider, Account::Alice);
    run.exits(4);
    let evidence = ceremony.evidence("revoke-root");
    assert_eq!(
        evidence["after"], "403, found by the next run",
        "{evidence:#}"
    );
    assert_eq!(evidence["control"]["login"], "on-call", "{evidence:#}");
    assert_eq!(evidence["control"]["status"], 200, "{evidence:#}");
    assert!(!ceremony.keeps_secrets());
}
