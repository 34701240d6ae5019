//! By which rules a server makes root tokens, and what is in the way of a login.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{
    ATTEMPT, GIVES, evidence, handed_over, handed_over_on, nothing_is_left, rehearse, with_keys,
};
use crate::ceremony::{Ceremony, Run, Server, root_from_shares};
use crate::support::{Action, Faults, Proxy, RequestInfo, Setup, require};

/// Every custodian's key at hand, for the ceremony.
fn apply_with_keys(ceremony: &Ceremony) -> Run {
    ceremony.run(&with_keys("apply", &["--yes"]))
}

/// Vault 2 asks for a token and its policies where Vault 1 lets anybody in. There is no Vault 2 to be had here, so this
/// proxy asks the server what the caller may do.
fn as_vault_2(server: &Server, request: &RequestInfo) -> Action {
    let path = request.path.trim_start_matches("/v1/");
    if !path.starts_with("sys/generate-root") && !path.starts_with("sys/rekey") {
        return Action::Pass;
    }
    let needed = match request.method.as_str() {
        "GET" => "read",
        "DELETE" => "delete",
        _ => "update",
    };
    let may = request.header("x-vault-token").is_some_and(|token| {
        let (_, answer) = server.put("sys/capabilities-self", token, json!({ "paths": [path] }));
        let list = answer["data"][path].as_array().cloned().unwrap_or_default();
        list.iter().any(|one| one == needed || one == "root")
    });
    if may {
        return Action::Pass;
    }
    let body = json!({ "errors": ["permission denied"] }).to_string();
    Action::Respond(403, "application/json", body)
}

#[test]
fn vault_2_which_is_a_proxy_here_wants_a_login_with_the_grant_and_gets_it() {
    require!(Setup::Vault1211AwsKms.components());
    let server = Arc::new(Server::of(Setup::Vault1211AwsKms));
    let mut ceremony = Ceremony::at(&server);
    let behind = server.clone();
    let proxy = Proxy::before(&server.address(), move |request| {
        as_vault_2(&behind, request)
    });
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    // Nobody is let in without a token, so there is no finding either.
    apply_with_keys(&ceremony)
        .exits(0)
        .never_says(&["answers anybody"]);
    rehearse(&ceremony).exits(0);
    let program = server.program();
    let program = program.to_str().expect("a path");
    let words = ["--reason", "x", "--env", "--", program, "audit", "list"];
    let run = ceremony.run(&with_keys("break-glass", &words));
    run.exits(0).prints(&["file/"]);
    let facts = evidence(&ceremony, "rehearsal-");
    assert_eq!(facts["root_generation"]["open_to_anybody"], false);
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    auditor.no_root_is_left();
}

/// OpenBao 2.5.3 to 2.5.x has neither the open endpoints nor those for logins; this proxy takes the latter away from 2.6.
#[test]
fn openbao_2_5_which_is_a_proxy_here_keeps_its_root_token_and_is_told_how_to_get_another() {
    require!(Setup::OpenBao262AwsKms.components());
    let server = Server::of(Setup::OpenBao262AwsKms);
    let mut ceremony = Ceremony::at(&server);
    let body = json!({ "errors": [] }).to_string();
    let gone = Action::Respond(404, "application/json", body);
    let faults = Faults::new().every("* sys/generate-root-token/*", gone);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.apply().exits(3).says(&[
        "cannot generate root tokens through its API",
        "disable_unauthed_generate_root_endpoints = false",
        "root is still valid",
    ]);
}

/// The grant is gone from the login, as root would take it.
#[test]
fn a_login_whose_grant_was_taken_away_is_told_so() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let root = root_from_shares(&ada, "generate-root-token", &shares);
    let root = server.api().with(&root);
    root.delete("sys/policies/acl/vault-bootstrap-break-glass");
    rehearse(&ceremony)
        .exits(3)
        .says(&["this login may make no root token"]);
    root.write("auth/token/revoke-self", &json!({}));
}

#[test]
fn a_login_that_comes_to_its_end_in_the_middle_leaves_no_attempt() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/auth/userpass/users/ada/token_ttl", json!("2s"));
    ceremony.apply().exits(4);
    let faults = Faults::new().every(GIVES, Action::Delay(Duration::from_secs(3)));
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    rehearse(&ceremony).exits(1).says(&[
        "the login is no longer let in: its token has expired",
        "run the same command again",
    ]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn who_may_write_policies_can_escalate_to_root_unless_that_is_meant() {
    require!(["openbao-2.7.2"]);
    for (accepted, code) in [(json!([]), 4), (json!(["operator"]), 0)] {
        let server = Server::in_memory();
        let mut ceremony = Ceremony::at(&server);
        let rules = "path \"sys/policies/acl/*\" { capabilities = [\"update\"] }\n\
                     path \"auth/userpass/users/ada\" { capabilities = [\"update\"] }\n\
                     path \"auth/token/roles/*\" { capabilities = [\"create\"] }\n\
                     path \"auth/token/create-orphan\" { capabilities = [\"update\", \"sudo\"] }\n\
                     path \"identity/group-alias\" { capabilities = [\"update\"] }\n\
                     path \"identity/entity/merge\" { capabilities = [\"update\"] }\n\
                     path \"secret/data/*\" { capabilities = [\"read\", \"update\"] }";
        ceremony.set("/policies/operator", json!({ "rules": rules }));
        ceremony.remove("/logins/operator/cannot");
        ceremony.set("/break_glass/drill", json!("before-revoke"));
        ceremony.set("/break_glass/accept_admins", accepted);
        let run = apply_with_keys(&ceremony);
        run.exits(code);
        if code == 4 {
            run.prints(&[
                "the login operator can escalate to root: it may write auth/token/create-orphan, auth/token/roles/*, \
                 auth/userpass/users/ada, identity/entity/merge, identity/group-alias, sys/policies/acl/*, \
                 sys/policies/acl/vault-bootstrap-break-glass",
                "break_glass.accept_admins: [operator]",
            ]);
        }
    }
}

#[test]
fn a_break_glass_login_with_more_than_the_grant_and_one_auth_method_are_findings() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set(
        "/auth/userpass/users/ada/token_policies",
        json!(["operator"]),
    );
    ceremony.set("/break_glass/accept_one_auth_method", json!(false));
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    let said = [
        "the break-glass login ada can do more than ask for root: it also has the policies operator",
        "every break-glass login uses auth/userpass: if that is down, nobody gets in",
    ];
    apply_with_keys(&ceremony).exits(4).prints(&said);
    // They stand in the report, and the next run says them again.
    ceremony.apply().exits(4).prints(&said);
}

#[test]
fn the_next_break_glass_login_is_tried_where_the_first_does_not_open() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let password: Value = json!({ "file": "grace.password" });
    ceremony.password("grace");
    let second = json!({ "type": "userpass", "users": { "grace": { "password": password, "token_ttl": "15m" } } });
    ceremony.set("/auth/second", second);
    ceremony.set(
        "/logins/grace",
        json!({ "auth": "second", "username": "grace", "password": password }),
    );
    ceremony.set("/break_glass/logins", json!(["ada", "grace"]));
    ceremony.apply().exits(4);
    ceremony.write("ada.password", "another\n");
    rehearse(&ceremony)
        .exits(4)
        .prints(&["the break-glass login ada does not open"]);
    assert_eq!(evidence(&ceremony, "rehearsal-")["login"]["name"], "grace");
    let one = with_keys("rehearse", &["--login", "ada"]);
    ceremony
        .run(&one)
        .exits(1)
        .says(&["the login ada does not open"]);
    assert_eq!(server.api().get(ATTEMPT).0, 403);
}

#[test]
fn the_old_path_of_policies_and_the_default_policy_let_nobody_escalate() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let own = ["auth/token/lookup-self", "sys/internal/ui/resultant-acl"];
    let own = own
        .map(|path| format!("path \"{path}\" {{ capabilities = [\"read\"] }}\n"))
        .concat();
    let more = [
        "auth/token/revoke-self",
        "sys/capabilities-self",
        "sys/policy/*",
    ];
    let more = more
        .map(|path| format!("path \"{path}\" {{ capabilities = [\"update\"] }}\n"))
        .concat();
    let all = format!(
        "{own}{more}path \"secret/*\" {{ capabilities = [\"read\", \"update\", \"list\"] }}"
    );
    ceremony.set("/policies/default", json!({ "rules": all }));
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    apply_with_keys(&ceremony).exits(4).prints(&[
        "the login ada can escalate to root: it may write sys/policy/*",
        "the login operator can escalate to root",
    ]);
}

#[test]
fn who_writes_roles_of_tokens_or_aliases_of_groups_can_escalate_to_root() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let paths = [
        "auth/token/roles/*",
        "auth/token/create/*",
        "identity/group-alias",
        "secret/*",
    ];
    let rules = paths.map(|path| {
        format!("path \"{path}\" {{ capabilities = [\"create\", \"read\", \"update\"] }}\n")
    });
    ceremony.set("/policies/operator", json!({ "rules": rules.concat() }));
    ceremony.apply().exits(4).prints(&[
        "the login operator can escalate to root: it may write auth/token/roles/*, identity/group-alias",
    ]);
}

#[test]
fn on_vault_2_which_is_a_proxy_here_a_login_without_the_grant_is_told_so() {
    require!(Setup::Vault1211Shamir.components());
    let (server, mut ceremony) = handed_over_on(Setup::Vault1211Shamir);
    let server = Arc::new(server);
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let root = root_from_shares(&ada, "generate-root", &shares);
    let root = server.api().with(&root);
    root.delete("sys/policies/acl/vault-bootstrap-break-glass");
    root.write("auth/token/revoke-self", &json!({}));
    let behind = server.clone();
    let proxy = Proxy::before(&server.address(), move |request| {
        as_vault_2(&behind, request)
    });
    ceremony.set("/cluster/address", json!(proxy.address()));
    rehearse(&ceremony)
        .exits(3)
        .says(&["this login may make no root token"]);
}
