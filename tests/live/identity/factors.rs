//! Second factors and whose logins need one, by name: made once, compared, corrected and left alone.

use serde_json::{Value, json};

use super::{EACH, KEEP, accessor, id, writes};
use crate::ceremony::{Api, Ceremony, Server, handed_over_managed, killed_or_ended};
use crate::remembered::root;
use crate::support::{Action, Faults, Setup, require};

const APPLY: [&str; 4] = ["apply", "--yes", "--login", "admin"];

/// An auth method that no login of the file comes in by, a person of it, and all kinds of second factors.
pub(super) fn declare(ceremony: &mut Ceremony) -> String {
    let word = ceremony.password("eve");
    let integration = ceremony.password("duo-integration");
    let secret = |name: &str| json!({ "file": format!("{name}.password") });
    for name in ["duo", "okta", "ping"] {
        ceremony.password(name);
    }
    let settings = settings(&integration);
    ceremony.write("ping.password", &settings);
    ceremony.secrets.insert("ping".to_owned(), settings);
    let eve = json!({ "password": secret("eve"), "token_ttl": "15m" });
    ceremony
        .set("/auth/staff", json!({ "type": "userpass", "users": { "eve": eve } }))
        .set("/auth/approle", json!({ "roles": { "batch": { "token_ttl": "15m" } } }))
        .set(
            "/identity",
            json!({
                "groups": { "admins": { "member_entities": ["eve"] } },
                "entities": { "eve": { "aliases": [{ "auth": "staff", "name": "eve" }] } },
            }),
        )
        .set(
            "/mfa",
            json!({
                "methods": {
                    "phone": { "type": "totp", "issuer": "vault.example.com", "period": "60s", "digits": 8 },
                    "push": {
                        "type": "duo", "api_hostname": "api-x.duosecurity.com", "push_info": "from=lab",
                        "username_format": "{{identity.entity.name}}",
                        "integration_key": secret("duo-integration"), "secret_key": secret("duo"),
                    },
                    "okta": { "type": "okta", "org_name": "example", "api_token": secret("okta"), "base_url": "okta.com" },
                    "ping": { "type": "pingid", "settings_file_base64": secret("ping") },
                },
                "enforcements": {
                    "people": { "methods": ["push", "phone"], "auth_methods": ["staff"] },
                    "admins": { "methods": ["phone"], "groups": ["admins"], "entities": ["eve"] },
                    "machines": { "methods": ["okta"], "auth_method_types": ["approle"] },
                },
            }),
        );
    word
}

/// What PingID gives out, with a key in it.
fn settings(key: &str) -> String {
    use base64::Engine as _;
    let encoder = base64::engine::general_purpose::STANDARD;
    let key = encoder.encode(key);
    encoder.encode(format!(
        "use_base64_key={key}\nuse_signature=true\ntoken=abc\nidp_url=https://idp.example.com/pingid\norg_alias=1814\n\
         admin_url=https://idp.example.com/pingid\nauthenticator_url=https://authenticator.example.com/pingid/ppm\n"
    ))
}

/// All methods of the server.
fn methods(api: &Api<'_>) -> Vec<Value> {
    let (_, listed) = api.list("identity/mfa/method");
    let all = listed["data"]["key_info"].as_object();
    all.into_iter()
        .flat_map(serde_json::Map::values)
        .cloned()
        .collect()
}

pub(super) fn method(api: &Api<'_>, name: &str) -> Value {
    let mut all = methods(api);
    all.retain(|one| one["name"] == name);
    assert_eq!(all.len(), 1, "{name}: {all:?}");
    all.remove(0)
}

fn enforcement(api: &Api<'_>, name: &str) -> Value {
    api.read(&format!("identity/mfa/login-enforcement/{name}"))["data"].clone()
}

/// What a login is asked for.
fn asked(server: &Server, word: &str) -> Value {
    let body = json!({ "password": word });
    let (status, answer) = server.api().put("auth/staff/login/eve", &body);
    assert_eq!(status, 200, "{answer}");
    answer["auth"]["mfa_requirement"]["mfa_constraints"].clone()
}

pub(super) fn declared_as_root(setup: Setup) -> (Server, Ceremony, String) {
    let server = Server::of(setup);
    let mut ceremony = Ceremony::at(&server);
    let word = declare(&mut ceremony);
    ceremony.set("/revoke_root", json!(false));
    ceremony.run(&KEEP).exits(4);
    (server, ceremony, word)
}

fn handed_over(setup: Setup) -> (Server, Ceremony, String) {
    let (server, mut ceremony) = handed_over_managed(setup);
    let word = declare(&mut ceremony);
    ceremony
        .run(&APPLY)
        .exits(4)
        .never_says(&["differs from the file"]);
    (server, ceremony, word)
}

pub(super) fn admin<'a>(server: &'a Server, ceremony: &Ceremony) -> Api<'a> {
    server.api().log_in("admin", &ceremony.secrets["admin"])
}

#[test]
fn second_factors_and_enforcements_are_made_and_asked_for_and_a_second_run_writes_nothing() {
    for setup in EACH {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        let word = declare(&mut ceremony);
        ceremony.set("/revoke_root", json!(false));
        ceremony.run(&["plan"]).prints(&[
            "second factor phone, of type totp",
            "enforcement people of push, phone",
        ]);
        ceremony.run(&KEEP).exits(4).never_says(&["identity/mfa"]);
        let root = root(&server, &ceremony);
        let phone = method(&root, "phone");
        assert_eq!(
            (&phone["period"], &phone["digits"]),
            (&json!(60), &json!(8))
        );
        let people = enforcement(&root, "people");
        assert_eq!(
            people["auth_method_accessors"],
            json!([accessor(&root, "staff")])
        );
        assert_eq!(people["mfa_method_ids"].as_array().map(Vec::len), Some(2));
        let admins = enforcement(&root, "admins");
        assert_eq!(admins["mfa_method_ids"], json!([phone["id"]]));
        assert_eq!(
            admins["identity_group_ids"],
            json!([id(&root, "group/name/admins")])
        );
        assert_eq!(
            admins["identity_entity_ids"],
            json!([id(&root, "entity/name/eve")])
        );
        let machines = enforcement(&root, "machines");
        assert_eq!(machines["auth_method_types"], json!(["approle"]));
        let asked = asked(&server, &word);
        assert_eq!(asked["admins"]["any"][0]["id"], phone["id"], "{setup:?}");
        assert_eq!(asked["people"]["any"].as_array().map(Vec::len), Some(2));
        writes(&server, || ceremony.run(&KEEP), &[]);
    }
}

#[test]
fn a_run_that_is_killed_between_a_method_and_its_answer_makes_no_second_one() {
    for setup in EACH {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        declare(&mut ceremony);
        let faults = Faults::new().first("POST identity/mfa/method/totp", Action::HoldAnswer);
        let proxy = faults.before(&server.address());
        ceremony.set("/cluster/address", json!(proxy.address()));
        let run = killed_or_ended(ceremony.start(), &[&proxy]);
        assert!(run.is_none(), "{run:?}");
        ceremony.apply().exits(4);
        let auditor = server
            .api()
            .log_in("audit-reader", &ceremony.secrets["audit"]);
        assert_eq!(methods(&auditor).len(), 4, "{setup:?}");
        method(&auditor, "phone");
    }
}

#[test]
fn what_somebody_has_changed_of_them_is_put_back() {
    for setup in EACH {
        require!(setup.components());
        let (server, ceremony, word) = declared_as_root(setup);
        let root = root(&server, &ceremony);
        let before = (enforcement(&root, "people"), enforcement(&root, "admins"));
        let phone = method(&root, "phone");
        let at = |one: &Value| {
            format!(
                "identity/mfa/method/{}/{}",
                text(&one["type"]),
                text(&one["id"])
            )
        };
        root.write(
            &at(&phone),
            &json!({ "issuer": "other", "period": 60, "digits": 8, "qr_size": 0 }),
        );
        let staff = accessor(&root, "staff");
        root.write(
            "identity/mfa/login-enforcement/people",
            &json!({ "mfa_method_ids": [phone["id"]], "auth_method_accessors": [accessor(&root, "approle"), staff] }),
        );
        root.write(
            "identity/mfa/login-enforcement/admins",
            &json!({ "mfa_method_ids": [phone["id"]], "identity_group_ids": [], "auth_method_types": ["approle"] }),
        );
        ceremony.run(&["plan"]).prints(&[
            "identity/mfa/method/totp/phone",
            "issuer is \"other\", the file says \"vault.example.com\"",
            "qr_size",
            "auth_methods is [\"approle\",\"staff\"], the file says [\"staff\"]",
            "methods is [\"phone\"], the file says [\"phone\",\"push\"]",
            "groups is",
        ]);
        let run = || {
            let run = ceremony.run(&KEEP);
            run.exits(4).never_says(&["stays", "no write puts it back"]);
            run
        };
        let expected = [
            "identity/mfa/login-enforcement/admins",
            "identity/mfa/login-enforcement/people",
            "identity/mfa/method/totp/id",
        ];
        writes(&server, run, &expected);
        assert_eq!(method(&root, "phone"), phone, "{setup:?}");
        let sorted = |mut one: Value| {
            let ids = one["mfa_method_ids"].as_array_mut().expect("a list");
            ids.sort_by_key(ToString::to_string);
            one
        };
        assert_eq!(sorted(enforcement(&root, "people")), sorted(before.0));
        assert_eq!(enforcement(&root, "admins"), before.1, "{setup:?}");
        assert!(asked(&server, &word)["people"].is_object());
        writes(&server, run, &[]);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn after_the_hand_over_a_login_that_may_makes_and_corrects_them_and_an_auditor_sees_drift() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony, word) = handed_over(setup);
        assert!(asked(&server, &word)["people"].is_object(), "{setup:?}");
        writes(&server, || ceremony.run(&APPLY), &[]);
        ceremony
            .run(&["apply", "--check", "--login", "auditor"])
            .never_says(&["differs from the file"]);
        let admin = admin(&server, &ceremony);
        let push = method(&admin, "push")["id"].clone();
        let people = json!({ "mfa_method_ids": [push], "auth_method_types": ["approle"] });
        admin.write("identity/mfa/login-enforcement/people", &people);
        ceremony
            .run(&["apply", "--check", "--login", "auditor"])
            .exits(4)
            .prints(&["roles differs from the file: identity/mfa/login-enforcement/people: methods is [\"push\"]"]);
        ceremony
            .set("/mfa/methods/phone/period", json!("30s"))
            .remove("/mfa/methods/push/push_info")
            .remove("/mfa/methods/push/username_format")
            .set(
                "/mfa/enforcements/machines/methods",
                json!(["okta", "ping"]),
            )
            .remove("/mfa/enforcements/admins/entities");
        let expected = [
            "identity/mfa/login-enforcement/admins",
            "identity/mfa/login-enforcement/machines",
            "identity/mfa/login-enforcement/people",
            "identity/mfa/method/duo/id",
            "identity/mfa/method/totp/id",
        ];
        writes(&server, || ceremony.run(&APPLY), &expected);
        assert_eq!(method(&admin, "phone")["period"], 30, "{setup:?}");
        let push = method(&admin, "push");
        assert_eq!(
            (&push["pushinfo"], &push["username_format"]),
            (&json!(""), &json!(""))
        );
        assert_eq!(
            enforcement(&admin, "admins")["identity_entity_ids"],
            json!([])
        );
        assert_eq!(
            enforcement(&admin, "people")["auth_method_types"],
            json!([])
        );
        writes(&server, || ceremony.run(&APPLY), &[]);
    }
}

#[test]
fn a_secret_of_a_method_that_is_another_is_sent_and_never_shown() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony, _) = handed_over(Setup::OpenBao272Static);
    ceremony.password("okta");
    let plan = ceremony.run(&["plan", "--login", "admin"]);
    plan.prints(&["identity/mfa/method/okta/okta", "api_token"]);
    writes(
        &server,
        || ceremony.run(&APPLY),
        &["identity/mfa/method/okta/id"],
    );
    writes(&server, || ceremony.run(&APPLY), &[]);
    // Whoever has it no more compares the rest.
    std::fs::remove_file(ceremony.path("okta.password")).expect("it was there");
    ceremony.run(&APPLY).says(&["okta.password"]);
}

#[test]
fn whoever_may_not_is_told_the_rules_and_what_hangs_on_them() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = handed_over_managed(setup);
        declare(&mut ceremony);
        let plan = ceremony.run(&["plan", "--login", "auditor"]);
        // No server knows such a path by the name of a method.
        plan.never_says(&["write identity/mfa/method/totp/phone"]);
        plan.prints(&[
            "path \"identity/mfa/method/totp\" { capabilities = [\"create\", \"read\", \"update\"] }",
            "path \"identity/mfa/login-enforcement/people\"",
        ]);
        writes(
            &server,
            || ceremony.run(&["apply", "--yes", "--login", "auditor"]),
            &[],
        );
    }
}

#[test]
fn what_the_file_names_no_more_is_left_and_told_and_so_are_others() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony, _) = handed_over(setup);
        let admin = admin(&server, &ceremony);
        let theirs = admin.write(
            "identity/mfa/method/totp",
            &json!({ "method_name": "theirs", "issuer": "a" }),
        );
        let theirs = &theirs["data"]["method_id"];
        let all = json!({ "mfa_method_ids": [theirs], "auth_method_types": ["approle"] });
        admin.write("identity/mfa/login-enforcement/of-others", &all);
        ceremony
            .run(&["plan", "--login", "admin", "--all"])
            .prints(&[
                "identity/mfa/method/totp/theirs",
                "identity/mfa/login-enforcement/of-others",
            ]);
        ceremony
            .remove("/mfa/enforcements/machines")
            .remove("/mfa/methods/okta");
        writes(
            &server,
            || {
                let run = ceremony.run(&APPLY);
                run.exits(4).prints(&[
                    "identity/mfa/method/okta/okta is not in the file any more, and is left on the server",
                    "identity/mfa/login-enforcement/machines is not in the file any more",
                ]);
                run
            },
            &[],
        );
        method(&admin, "okta");
    }
}

#[test]
fn a_method_of_another_type_of_that_name_is_never_replaced() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony, _) = declared_as_root(setup);
        let root = root(&server, &ceremony);
        let phone = method(&root, "phone");
        let other =
            json!({ "type": "okta", "org_name": "a", "api_token": { "file": "okta.password" } });
        ceremony.set("/mfa/methods/phone", other);
        let run = || {
            let run = ceremony.run(&KEEP);
            run.exits(3).says(&[
                "identity/mfa/method/okta/phone is of type totp on the server",
                "To keep it: type: totp",
            ]);
            run
        };
        writes(&server, run, &[]);
        assert_eq!(method(&root, "phone"), phone, "{setup:?}");
    }
}
