//! The same once root is revoked, through a login and as far as that may.

use serde_json::json;

use super::{EACH, accessor, declare, id, of, writes};
use crate::ceremony::{Api, Ceremony, Server, handed_over_managed};
use crate::support::{Setup, require};

const APPLY: [&str; 4] = ["apply", "--yes", "--login", "admin"];

fn admin<'a>(server: &'a Server, ceremony: &Ceremony) -> Api<'a> {
    server.api().log_in("admin", &ceremony.secrets["admin"])
}

/// Everything of the file but the role ids of machines, which a login that only looks does not read.
fn with_people(setup: Setup) -> (Server, Ceremony) {
    let (server, mut ceremony) = handed_over_managed(setup);
    declare(&mut ceremony);
    ceremony
        .remove("/identity/groups/machines")
        .set("/identity/groups/all/member_groups", json!(["platform"]))
        .remove("/identity/entities/batch");
    (server, ceremony)
}

#[test]
fn a_login_that_may_makes_and_corrects_them_and_drift_is_seen() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_people(setup);
        let plan = ceremony.run(&["plan", "--login", "admin"]);
        plan.prints(&[
            "identity/group/name/platform/alias",
            "identity/entity/name/eve@example.com",
        ]);
        let run = ceremony.run(&APPLY);
        run.exits(4).never_says(&["differs from the file"]);
        let admin = admin(&server, &ceremony);
        let platform = of(&admin, "group/name/platform");
        assert_eq!(platform["alias"]["name"], "Platform", "{setup:?}");
        writes(&server, || ceremony.run(&APPLY), &[]);
        // Looking alone sees it too, with a login that may not write.
        ceremony
            .run(&["apply", "--check", "--login", "auditor"])
            .never_says(&["identity/group", "identity/entity"]);
        admin.write(
            "identity/group/name/all",
            &json!({ "policies": ["staff", "operator"] }),
        );
        let strangers = json!({
            "name": "strangers", "mount_accessor": accessor(&admin, "jwt"), "canonical_id": platform["id"],
        });
        admin.write("identity/group-alias", &strangers);
        let seen = [
            "roles differs from the file: identity/group/name/all: policies is [\"operator\",\"staff\"]",
            "roles differs from the file: identity/group/name/platform/alias: name is \"strangers\"",
        ];
        if setup.is_openbao() {
            ceremony
                .run(&["apply", "--check", "--login", "auditor"])
                .exits(4)
                .prints(&seen);
        }
        ceremony.set("/identity/groups/all/metadata", json!({ "team": "all" }));
        let expected = ["identity/group/name/all", "identity/group-alias/id"];
        writes(&server, || ceremony.run(&APPLY), &expected);
        assert_eq!(
            of(&admin, "group/name/all")["metadata"],
            json!({ "team": "all" })
        );
        writes(&server, || ceremony.run(&APPLY), &[]);
    }
}

#[test]
fn a_login_that_may_not_is_told_the_rules_and_what_hangs_on_them() {
    for setup in EACH {
        require!(setup.components());
        let (server, ceremony) = with_people(setup);
        let plan = ceremony.run(&["plan", "--login", "auditor"]);
        plan.prints(&[
            "path \"identity/group/name/platform\" { capabilities = [\"create\", \"read\", \"update\"] }",
            "path \"identity/entity/name/eve@example.com\"",
            "path \"identity/group-alias\"",
            "path \"identity/entity-alias\"",
        ]);
        writes(
            &server,
            || ceremony.run(&["apply", "--yes", "--login", "auditor"]),
            &[],
        );
    }
}

#[test]
fn an_alias_of_a_login_moves_only_where_that_is_meant() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_people(setup);
        let identity = ceremony.file["identity"].take();
        ceremony.remove("/identity");
        ceremony.run(&APPLY).exits(4);
        let word = ceremony.secrets["eve"].clone();
        server.api().log_in("eve", &word);
        ceremony.set("/identity", identity);
        let alias = "identity/entity/name/eve@example.com/alias/userpass";
        let run = ceremony.run(&APPLY);
        run.exits(4)
            .prints(&[alias, "apply --adopt-documents overwrites it"]);
        let admin = admin(&server, &ceremony);
        let eve = server.api().log_in("eve", &word);
        let entity =
            |api: &Api<'_>| api.read("auth/token/lookup-self")["data"]["entity_id"].clone();
        let declared = id(&admin, "entity/name/eve@example.com");
        assert_ne!(entity(&eve), declared, "{setup:?}");
        let run = ceremony.run(&[&APPLY[..], &["--adopt-documents"]].concat());
        run.exits(4).says(&["moves to \"eve@example.com\""]);
        let eve = server.api().log_in("eve", &word);
        assert_eq!(entity(&eve), declared, "{setup:?}");
        writes(&server, || ceremony.run(&APPLY), &[]);
    }
}

#[test]
fn a_member_who_has_never_logged_in_is_a_finding_until_they_have() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over_managed(Setup::OpenBao272Static);
    let word = declare(&mut ceremony);
    let member = json!({ "auth": "userpass", "name": "eve" });
    let identity =
        json!({ "groups": { "all": { "policies": ["staff"], "member_entities": [member] } } });
    ceremony.set("/identity", identity);
    let nobody = "identity/group/name/all: no entity of the server is called userpass/eve";
    ceremony.run(&APPLY).exits(4).prints(&[nobody]);
    writes(&server, || ceremony.run(&APPLY), &[]);
    server.api().log_in("eve", &word);
    let run = || {
        let run = ceremony.run(&APPLY);
        run.never_says(&[nobody]);
        run
    };
    writes(&server, run, &["identity/group/name/all"]);
    let eve = server.api().log_in("eve", &word);
    assert_eq!(eve.get("secret/data/staff/x").0, 404);
    writes(&server, run, &[]);
}

#[test]
fn who_becomes_root_by_a_group_is_a_finding_unless_that_is_meant() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over_managed(Setup::OpenBao272Static);
    let group = json!({ "policies": ["admin"], "member_entities": ["eve"] });
    let eve = json!({ "aliases": [{ "auth": "userpass", "name": "operator" }] });
    ceremony.set(
        "/identity",
        json!({ "groups": { "admins": group }, "entities": { "eve": eve } }),
    );
    let found = "whoever is, or is in, admins may become root by the rule for \"sys/policies/acl/*\" of the policy admin";
    ceremony
        .run(&[&APPLY[..], &["--adopt-documents"]].concat())
        .exits(4)
        .prints(&[found, "break_glass.accept_admins: [admins]"]);
    ceremony.set("/break_glass/accept_admins", json!(["admin", "admins"]));
    ceremony.run(&APPLY).never_says(&["may become root"]);
    let operator = server
        .api()
        .log_in("operator", &ceremony.secrets["operator"]);
    let asked = json!({ "paths": ["sys/policies/acl/x"] });
    let may = operator.write("sys/capabilities-self", &asked)["data"]["sys/policies/acl/x"].clone();
    assert!(
        may.as_array()
            .is_some_and(|may| may.contains(&json!("update"))),
        "{may}"
    );
}

#[test]
fn others_are_counted_and_named_and_entities_of_logins_are_not() {
    for setup in EACH {
        require!(setup.components());
        let (server, ceremony) = with_people(setup);
        ceremony.run(&APPLY).exits(4);
        let admin = admin(&server, &ceremony);
        admin.write(
            "identity/group/name/theirs",
            &json!({ "policies": ["staff"] }),
        );
        admin.write("identity/entity/name/zoe", &json!({}));
        let all = ceremony.run(&["plan", "--login", "admin", "--all"]);
        all.prints(&["identity/group/name/theirs", "identity/entity/name/zoe"]);
        assert!(!all.stdout.contains("entity_"), "{all}");
        writes(&server, || ceremony.run(&APPLY), &[]);
    }
}

#[test]
fn a_write_of_another_group_stands_beside_them() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = with_people(Setup::OpenBao272Static);
    let write = json!({ "path": "identity/group/name/dev", "data": { "policies": ["staff"] } });
    ceremony.set("/writes", json!([write]));
    let all = [
        "identity/group/name/dev",
        "identity/group/name/all",
        "identity/group/name/platform",
        "identity/entity/name/eve@example.com",
        "identity/group-alias",
        "identity/entity-alias",
        "identity/entity-alias",
    ];
    writes(&server, || ceremony.run(&APPLY), &all);
    writes(&server, || ceremony.run(&APPLY), &[]);
    let own = json!({ "path": "identity/group/name/All", "data": { "policies": ["operator"] } });
    ceremony.set("/writes", json!([own]));
    ceremony
        .run(&APPLY)
        .exits(2)
        .says(&["`identity.groups` writes this path; put it there"]);
    assert_eq!(
        of(&admin(&server, &ceremony), "group/name/dev")["policies"],
        json!(["staff"])
    );
}
