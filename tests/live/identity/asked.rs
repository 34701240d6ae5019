//! Logins of the file and second factors: none may be asked for one.

use serde_json::json;

use super::EACH;
use super::factors::{admin, declare};
use crate::ceremony::{Ceremony, Server, handed_over_managed};
use crate::support::require;

#[test]
fn a_login_that_the_server_asks_for_a_second_factor_says_what_is_enforced() {
    for setup in EACH {
        require!(setup.components());
        let (server, ceremony) = handed_over_managed(setup);
        let admin = admin(&server, &ceremony);
        let phone = admin.write(
            "identity/mfa/method/totp",
            &json!({ "method_name": "phone", "issuer": "a" }),
        );
        let phone = &phone["data"]["method_id"];
        let everybody = json!({ "mfa_method_ids": [phone], "auth_method_types": ["userpass"] });
        admin.write("identity/mfa/login-enforcement/everybody", &everybody);
        let said = [
            "was answered with a demand for a second factor, by the enforcement everybody (totp phone)",
            "vault read identity/mfa/login-enforcement/everybody",
        ];
        let run = ceremony.run(&["plan", "--login", "admin"]);
        run.exits(1).says(&said).shows_no_token();
        let run = ceremony.run(&["plan", "--login", "admin", "--output", "json"]);
        assert!(run.stdout.contains("\"second-factor\""), "{run}");
    }
}

#[test]
fn an_enforcement_about_a_login_of_the_file_is_refused_before_anything_is_asked() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    declare(&mut ceremony);
    ceremony.set(
        "/mfa/enforcements/people/auth_method_types",
        json!(["userpass"]),
    );
    ceremony.apply().exits(2).says(&[
        "mfa.enforcements.people.auth_method_types[0]: the break-glass login `ada` would be asked for a second factor",
    ]);
    assert!(!server.api().initialised());
}

#[test]
fn a_login_that_the_server_alone_has_in_a_group_is_not_shut_out_by_what_it_writes() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = handed_over_managed(setup);
        let write = ["apply", "--yes", "--login", "admin"];
        ceremony.set(
            "/identity",
            json!({ "groups": { "top": { "member_groups": ["crew"] }, "crew": { "manage": "named" } } }),
        );
        ceremony.save();
        ceremony.run(&write).never_says(&["differs from the file"]);
        let theirs = admin(&server, &ceremony);
        let own = theirs.read("auth/token/lookup-self")["data"]["entity_id"].clone();
        theirs.write(
            "identity/group/name/crew",
            &json!({ "member_entity_ids": [own] }),
        );
        ceremony.set(
            "/mfa",
            json!({
                "methods": { "phone": { "type": "totp", "issuer": "a" } },
                "enforcements": { "people": { "methods": ["phone"], "groups": ["top"] } },
            }),
        );
        ceremony.save();
        ceremony.run(&write).exits(3).says(&[
            "identity/mfa/login-enforcement/people is about top, which the login admin is, or is in, on the server",
            "no enforcement was written",
        ]);
        ceremony
            .run(&["plan", "--login", "admin"])
            .never_says(&["a demand for a second factor"])
            .prints(&[
                "apply would stop here",
                "the login admin is, or is in",
                "take admin out of it",
            ]);
        theirs.write(
            "identity/group/name/crew",
            &json!({ "member_entity_ids": [] }),
        );
        ceremony
            .run(&write)
            .says(&["identity/mfa/login-enforcement/people"]);
        let made = theirs.read("identity/mfa/login-enforcement/people");
        assert_eq!(made["data"]["name"], "people", "{setup:?}");
    }
}
