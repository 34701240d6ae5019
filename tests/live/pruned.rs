//! What was made here and the file names no more is deleted where that is asked for, and nothing else.

mod held;

use serde_json::{Value, json};

use crate::ceremony::{Api, Ceremony, Run, Server, handed_over_managed, killed_or_ended};
use crate::support::{Action, Faults, Setup, require};

const EACH: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];
const APPLY: [&str; 4] = ["apply", "--yes", "--login", "admin"];
const KINDS: &str = "policies,roles,users,groups,entities,quotas";
/// All that is taken out of the file, by its path.
const MADE: [&str; 6] = [
    "sys/policies/acl/left",
    "auth/userpass/users/leaver",
    "auth/approle/role/spare",
    "identity/group/name/crew",
    "identity/entity/name/leaver",
    "sys/quotas/rate-limit/team",
];

/// What the administrator needs beside what they have, and whether they may delete.
fn more(deletes: bool) -> Value {
    let mut rules = String::new();
    let mut rule = |path: &str, words: &str| {
        rules.push_str(&format!("path \"{path}\" {{ capabilities = [{words}] }}\n"));
    };
    for path in [
        "auth/userpass/users",
        "auth/approle/role",
        "auth/token/roles",
    ] {
        rule(path, "\"list\"");
        rule(
            &format!("{path}/+"),
            "\"read\", \"create\", \"update\", \"list\"",
        );
    }
    rule("identity/group/id", "\"list\"");
    rule("identity/entity/id", "\"list\"");
    let may = if deletes { ", \"delete\"" } else { "" };
    for path in MADE
        .iter()
        .chain(&["sys/policies/acl/kept", "auth/userpass/users/changed"])
    {
        rule(path, &format!("\"read\", \"create\", \"update\"{may}"));
    }
    for number in 0..12 {
        let may = "\"read\", \"create\", \"update\", \"delete\"";
        rule(&format!("sys/policies/acl/many-{number}"), may);
    }
    json!({ "rules": rules })
}

fn read(path: &str) -> Value {
    json!({ "rules": format!("path \"{path}\" {{ capabilities = [\"read\"] }}") })
}

fn saved(ceremony: &Ceremony, arguments: &[&str]) -> Run {
    ceremony.save();
    ceremony.run(arguments)
}

fn admin<'a>(server: &'a Server, ceremony: &Ceremony) -> Api<'a> {
    server.api().log_in("admin", &ceremony.secrets["admin"])
}

/// A cluster whose administrator has a second policy.
fn with_more(setup: Setup, deletes: bool) -> (Server, Ceremony) {
    let (server, mut ceremony) = handed_over_managed(setup);
    ceremony
        .set("/policies/more", more(deletes))
        .set("/auth/approle", json!({ "roles": {} }))
        .set(
            "/auth/userpass/users/admin/token_policies",
            json!(["auditor", "admin", "more"]),
        );
    saved(&ceremony, &APPLY).never_says(&["differs from the file"]);
    (server, ceremony)
}

fn declare(ceremony: &mut Ceremony) {
    ceremony.password("leaver");
    ceremony.password("changed");
    let user = |name: &str| json!({ "password": { "file": format!("{name}.password") }, "token_policies": ["left"] });
    ceremony
        .set("/policies/left", read("secret/data/left"))
        .set("/policies/kept", read("secret/data/kept"))
        .set("/auth/userpass/users/leaver", user("leaver"))
        .set("/auth/userpass/users/changed", json!({ "password": { "file": "changed.password" } }))
        .set("/auth/approle/roles/spare", json!({ "token_policies": ["left"] }))
        .set("/auth/userpass/users/operator/token_policies", json!(["operator", "left"]))
        .set(
            "/identity",
            json!({
                "groups": { "crew": { "policies": ["left"], "member_entities": ["leaver"] } },
                "entities": { "leaver": { "aliases": [{ "auth": "userpass", "name": "leaver" }] } },
            }),
        )
        .set(
            "/writes",
            json!([{ "path": "sys/quotas/rate-limit/team", "data": { "rate": 1000, "path": "secret/" } }]),
        );
}

fn take_out(ceremony: &mut Ceremony) {
    ceremony
        .remove("/policies/left")
        .remove("/policies/kept")
        .remove("/policies/adopted")
        .remove("/auth/userpass/users/leaver")
        .remove("/auth/userpass/users/changed")
        .remove("/auth/approle/roles/spare")
        .set(
            "/auth/userpass/users/operator/token_policies",
            json!(["operator"]),
        )
        .remove("/identity")
        .remove("/writes");
}

#[test]
fn what_was_made_here_is_deleted_with_what_hangs_on_it_and_what_is_used_or_changed_or_of_others_stays()
 {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_more(setup, false);
        declare(&mut ceremony);
        let others = admin(&server, &ceremony);
        let found = json!({ "policy": "path \"y\" { capabilities = [\"read\"] }" });
        others.write("sys/policies/acl/adopted", &found);
        ceremony.set("/policies/adopted", read("secret/data/adopted"));
        let adopts = [&APPLY[..], &["--adopt-documents"]].concat();
        saved(&ceremony, &adopts).never_says(&["differs from the file"]);
        let word = json!({ "password": "of-a-test-4711", "token_policies": ["kept"] });
        others.write("auth/userpass/users/stranger", &word);
        others.write(
            "sys/policies/acl/foreign",
            &json!({ "policy": "path \"x\" { capabilities = [\"read\"] }" }),
        );
        others.write("auth/userpass/users/changed", &json!({ "token_ttl": "7m" }));
        take_out(&mut ceremony);
        ceremony.save();
        let plan = ["plan", "--login", "admin", "--prune", KINDS];
        let denied = ceremony.run(&plan);
        denied.prints(&[
            "not deleted: the login admin may not; it takes path \"sys/policies/acl/left\" { capabilities = [\"read\", \"delete\"] }",
        ]);
        ceremony.set("/policies/more", more(true));
        saved(&ceremony, &APPLY).prints(&["sys/policies/acl/left is not in the file any more"]);
        let log = server.audit().after_this();
        let planned = ceremony.run(&plan);
        planned.prints(&[
            "- sys/policies/acl/left: made here, and not in the file any more; with it:",
            "auth/userpass/users/leaver names it, and goes first",
            "- sys/policies/acl/adopted: not in the file any more",
            "not deleted: nothing here remembers having made it",
            "not deleted: it is used by auth/userpass/users/stranger",
            "not deleted: it was changed since it was last written here, in token_ttl",
            "- identity/group/name/crew",
            "1 member",
            "--prune",
        ]);
        planned.never_says(&["- sys/policies/acl/foreign", "- sys/policies/acl/operator"]);
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
        let run = ceremony.run(&[&APPLY[..], &["--prune", KINDS]].concat());
        run.exits(4)
            .says(&["not in the file any more, to be deleted as admin"])
            .says(&MADE)
            .prints(&[
                "sys/policies/acl/kept is not in the file any more; not deleted: it is used by auth/userpass/users/stranger",
                "auth/userpass/users/changed is not in the file any more; not deleted: it was changed since",
            ]);
        let mut deleted = log.writes();
        deleted.sort();
        let mut wanted: Vec<String> = MADE.iter().map(|path| format!("delete {path}")).collect();
        wanted.sort();
        assert_eq!(deleted, wanted, "{setup:?} {run}");
        for path in MADE {
            assert_eq!(others.get(path).0, 404, "{setup:?} {path}");
        }
        for path in [
            "sys/policies/acl/kept",
            "sys/policies/acl/adopted",
            "sys/policies/acl/foreign",
            "auth/userpass/users/changed",
        ] {
            assert_eq!(others.get(path).0, 200, "{setup:?} {path}");
        }
        assert_eq!(
            ceremony.evidence("policies")["pruned"],
            json!(["sys/policies/acl/left"])
        );
        let log = server.audit().after_this();
        let again = ceremony.run(&[&APPLY[..], &["--prune", KINDS]].concat());
        again
            .says(&["nothing is to be deleted"])
            .never_says(&["sys/policies/acl/left", "role/spare"]);
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
    }
}

#[test]
fn many_are_deleted_only_where_the_name_of_the_cluster_was_typed_and_a_killed_run_is_gone_on_with()
{
    let (server, mut ceremony) = with_more(Setup::OpenBao272Static, true);
    for number in 0..12 {
        ceremony.set(
            &format!("/policies/many-{number}"),
            read("secret/data/many"),
        );
    }
    saved(&ceremony, &APPLY).never_says(&["differs from the file"]);
    for number in 0..12 {
        ceremony.remove(&format!("/policies/many-{number}"));
    }
    ceremony.save();
    let log = server.audit().after_this();
    let prune = [&APPLY[..], &["--prune", "policies"]].concat();
    ceremony
        .run(&prune)
        .exits(4)
        .prints(&["12 documents would be deleted", "--prune-confirm test"]);
    let other = [&prune[..], &["--prune-confirm", "prod"]].concat();
    ceremony.run(&other).exits(2).says(&["has another name"]);
    ceremony
        .run(&["plan", "--prune", "mounts"])
        .exits(2)
        .says(&["deletes no secrets engine"]);
    let mut terminal = ceremony.terminal(&["apply", "--login", "admin", "--prune", "policies"]);
    terminal.expect("To delete these 12 as admin, type test");
    terminal.type_line("y");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 4, "{shown}");
    assert!(
        shown.contains("nothing was deleted: you did not type test"),
        "{shown}"
    );
    assert_eq!(log.writes(), Vec::<String>::new());
    // As a run leaves it that was killed right after its first deletion.
    admin(&server, &ceremony).delete("sys/policies/acl/many-0");
    let sure = [&prune[..], &["--prune-confirm", "test"]].concat();
    ceremony.run(&sure).exits(4).says(&[
        "sys/policies/acl/many-0 is not on the server any more, and is forgotten",
        "deleted: sys/policies/acl/many-11",
    ]);
    let log = server.audit().after_this();
    ceremony
        .run(&sure)
        .says(&["nothing is to be deleted"])
        .never_says(&["many-"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn a_deletion_of_a_killed_run_is_in_the_report_where_it_arrived_and_only_there() {
    const ROLE: &str = "auth/approle/role/spare";
    const POLICY: &str = "sys/policies/acl/left";
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_more(setup, true);
        declare(&mut ceremony);
        ceremony.set("/policies/adopted", read("secret/data/adopted"));
        saved(&ceremony, &[&APPLY[..], &["--adopt-documents"]].concat())
            .never_says(&["differs from the file"]);
        take_out(&mut ceremony);
        let faults = Faults::new()
            .first(format!("DELETE {ROLE}"), Action::HoldAnswer)
            .first(format!("DELETE {POLICY}"), Action::Hold);
        let proxy = faults.before(&server.address());
        ceremony.set("/cluster/address", json!(proxy.address()));
        ceremony.save();
        let prune = [&APPLY[..], &["--prune", KINDS]].concat();
        let killed = || killed_or_ended(ceremony.tool().spawn(&prune), &[&proxy]);
        let others = admin(&server, &ceremony);
        assert!(killed().is_none(), "{:#?}", proxy.counts());
        assert_eq!(others.get(ROLE).0, 404, "{setup:?}");
        let gone = format!("a run that was killed was about to delete {ROLE}, and it is gone");
        ceremony.run(&APPLY).says(&[&gone]);
        let users = ["changed", "leaver"].map(|name| format!("auth/userpass/users/{name}"));
        let deleted = json!([users[0], users[1], ROLE]);
        assert_eq!(ceremony.evidence("roles")["pruned"], deleted, "{setup:?}");
        ceremony.run(&APPLY).never_says(&[&gone]);
        // This one never arrives.
        assert!(killed().is_none(), "{:#?}", proxy.counts());
        let still =
            format!("a run that was killed was about to delete {POLICY}, and it is still there");
        ceremony.run(&APPLY).says(&[&still]);
        assert_eq!(others.get(POLICY).0, 200, "{setup:?}");
        let before = json!(["sys/policies/acl/kept"]);
        assert_eq!(ceremony.evidence("policies")["pruned"], before, "{setup:?}");
        ceremony.run(&prune).says(&[&format!("deleted: {POLICY}")]);
        // What is written later takes nothing from the record.
        ceremony.set("/policies/later", read("secret/data/later"));
        ceremony.set("/policies/more", more(false));
        saved(&ceremony, &APPLY);
        let pruned = &ceremony.evidence("policies")["pruned"];
        assert!(
            pruned
                .as_array()
                .is_some_and(|all| all.contains(&json!(POLICY))),
            "{setup:?} {pruned}"
        );
    }
}

#[test]
fn a_group_stays_where_somebody_has_something_by_it_through_other_groups() {
    let group = |name: &str| format!("identity/group/name/{name}");
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = handed_over_managed(setup);
        let deletes = json!({ "rules": "path \"identity/group/name/+\" { capabilities = [\"read\", \"delete\"] }" });
        ceremony
            .set("/policies/deletes", deletes)
            .set("/policies/deep", read("secret/data/deep"))
            .set("/policies/other", read("secret/data/other"))
            .set(
                "/auth/userpass/users/admin/token_policies",
                json!(["auditor", "admin", "deletes"]),
            )
            .set(
                "/identity",
                json!({
                    "entities": {
                        "boss": { "aliases": [{ "auth": "userpass", "name": "admin" }] },
                        "clerk": { "aliases": [{ "auth": "userpass", "name": "operator" }] },
                        "nobody": {},
                    },
                    "groups": {
                        "low": { "member_entities": ["boss"] },
                        "mid": { "member_groups": ["low"] },
                        "top": { "policies": ["deep"], "member_groups": ["mid"] },
                        "inner": { "member_entities": ["clerk"] },
                        "outer": { "policies": ["other"], "member_groups": ["inner"] },
                        "idle": { "member_entities": ["nobody"] },
                        "above-idle": { "policies": ["other"], "member_groups": ["idle"] },
                    },
                }),
            );
        saved(&ceremony, &[&APPLY[..], &["--adopt-documents"]].concat())
            .never_says(&["differs from the file"]);
        ceremony.remove("/identity/groups");
        ceremony.save();
        let in_use = "not deleted: the login admin, which would delete it, may do something by it";
        let comes_in = "not deleted: the login operator of the file logs in by it";
        let plan = ceremony.run(&[
            "plan", "--login", "admin", "--prune", "groups", "--output", "json",
        ]);
        let text = plan.to_string();
        let items = |name: &str| {
            let end = plan.events().pop().expect("an event");
            let steps = end["steps"].as_array().cloned().unwrap_or_default();
            let items = steps
                .iter()
                .flat_map(|step| step["items"].as_array().cloned());
            let found = items.flatten().find(|one| one["path"] == group(name));
            let found = found.unwrap_or_else(|| panic!("{name} {text}"));
            found["not_written"].as_str().unwrap_or_default().to_owned()
        };
        for (name, why) in [
            ("top", in_use),
            ("mid", in_use),
            ("low", in_use),
            ("inner", comes_in),
            ("outer", comes_in),
        ] {
            let why = why.trim_start_matches("not deleted: ");
            assert!(
                items(name).contains(why),
                "{setup:?} {name} {}",
                items(name)
            );
        }
        let run = ceremony.run(&[&APPLY[..], &["--prune", "groups"]].concat());
        let others = admin(&server, &ceremony);
        for (name, status) in [
            ("top", 200),
            ("mid", 200),
            ("low", 200),
            ("inner", 200),
            ("outer", 200),
            ("idle", 404),
            ("above-idle", 404),
        ] {
            assert_eq!(others.get(&group(name)).0, status, "{setup:?} {name} {run}");
        }
    }
}
