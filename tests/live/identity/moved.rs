//! Aliases that somebody else has, that a killed run has made, or that are of an auth method which is another one by now.

use serde_json::json;

use super::{EACH, KEEP, accessor, declare, declared_as_root, id, identity, of, writes};
use crate::ceremony::{Api, Ceremony, Server, killed_or_ended};
use crate::remembered::root;
use crate::support::{Action, Faults, require};

#[test]
fn an_alias_moves_from_the_entity_that_a_login_has_made_and_the_plan_says_so() {
    for setup in EACH {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        let word = declare(&mut ceremony);
        let identity = ceremony.file["identity"].take();
        ceremony
            .remove("/identity")
            .set("/revoke_root", json!(false));
        ceremony.run(&KEEP).exits(4);
        let before = server.api().log_in("eve", &word);
        let root = root(&server, &ceremony);
        let entity =
            |api: &Api<'_>| api.read("auth/token/lookup-self")["data"]["entity_id"].clone();
        let made_by_login = entity(&before);
        ceremony.set("/identity", identity);
        ceremony.run(&["plan"]).prints(&[
            "identity/entity/name/eve@example.com/alias/userpass: it belongs to \"entity_",
            "moves to \"eve@example.com\"",
        ]);
        ceremony.run(&KEEP).exits(4);
        let declared = id(&root, "entity/name/eve@example.com");
        assert_ne!(made_by_login, declared);
        let now = server.api().log_in("eve", &word);
        assert_eq!(entity(&now), declared, "{setup:?}");
        assert_eq!(now.get("secret/data/staff/x").0, 404);
        writes(&server, || ceremony.run(&KEEP), &[]);
    }
}

#[test]
fn an_alias_that_a_killed_run_has_made_is_found_and_not_sent_again() {
    for setup in EACH {
        require!(setup.components());
        for path in [
            "identity/group-alias",
            "identity/entity-alias",
            "identity/group/name/all",
        ] {
            let server = Server::of(setup);
            let mut ceremony = Ceremony::at(&server);
            declare(&mut ceremony);
            let faults = Faults::new().first(format!("POST {path}"), Action::HoldAnswer);
            let proxy = faults.before(&server.address());
            ceremony
                .set("/cluster/address", json!(proxy.address()))
                .set("/logins/operator/can", json!({ "sys/mounts": ["sudo"] }));
            assert!(killed_or_ended(ceremony.start(), &[&proxy]).is_none());
            ceremony.apply().exits(1).says(&["it opened, but"]);
            writes(&server, || ceremony.apply(), &[]);
        }
    }
}

#[test]
fn a_group_of_another_type_and_an_alias_that_is_taken_are_refused_before_anything_is_written() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = declared_as_root(setup);
        ceremony
            .remove("/identity/groups/all/member_entities")
            .remove("/identity/groups/all/member_groups")
            .set("/identity/groups/all/type", json!("external"))
            .set(
                "/identity/groups/all/alias",
                json!({ "auth": "jwt", "name": "all" }),
            );
        let log = server.audit().after_this();
        ceremony.run(&KEEP).exits(3).says(&[
            "identity/group/name/all is internal, the file says external, and no write changes that",
            "delete the group by hand",
        ]);
        assert_eq!(log.writes(), Vec::<String>::new());
        ceremony.set("/identity", identity());
        // What one entity is called is to be the other's, which is called something there.
        ceremony
            .set(
                "/identity/entities/eve@example.com/aliases/1/name",
                json!("x@example.com"),
            )
            .set(
                "/identity/entities/batch/aliases",
                json!([{ "auth": "approle", "name": "batch" }, { "auth": "jwt", "name": "b" }]),
            );
        ceremony.run(&KEEP).exits(4);
        ceremony.set(
            "/identity/entities/batch/aliases/1/name",
            json!("x@example.com"),
        );
        ceremony.set(
            "/identity/entities/eve@example.com/aliases/1/name",
            json!("y@example.com"),
        );
        ceremony.run(&KEEP).exits(3).says(&[
            "x@example.com belongs to the entity eve@example.com, and batch is called b there",
            "identity/entity-alias/id/",
        ]);
    }
}

#[test]
fn a_group_alias_moves_to_another_group() {
    for setup in EACH {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        declare(&mut ceremony);
        let other = json!({ "type": "external", "alias": { "auth": "jwt", "name": "other" } });
        ceremony
            .set("/identity/groups/other", other)
            .set("/revoke_root", json!(false));
        ceremony.run(&KEEP).exits(4);
        // Each gets the name of the other.
        ceremony
            .set("/identity/groups/other/alias/name", json!("Platform"))
            .set("/identity/groups/platform/alias/name", json!("other"));
        ceremony.run(&["plan"]).prints(&[
            "identity/group/name/other/alias: it belongs to \"platform\", and moves to \"other\"",
        ]);
        ceremony.run(&KEEP).exits(4);
        let root = root(&server, &ceremony);
        assert_eq!(
            of(&root, "group/name/other")["alias"]["name"],
            "Platform",
            "{setup:?}"
        );
        assert_eq!(
            of(&root, "group/name/platform")["alias"]["name"],
            "other",
            "{setup:?}"
        );
        writes(&server, || ceremony.run(&KEEP), &[]);
    }
}

#[test]
fn an_auth_method_that_is_mounted_anew_gets_its_aliases_anew() {
    for setup in EACH {
        require!(setup.components());
        let (server, ceremony) = declared_as_root(setup);
        let root = root(&server, &ceremony);
        root.delete("sys/auth/jwt");
        ceremony.run(&KEEP).exits(4);
        let now = accessor(&root, "jwt");
        let platform = of(&root, "group/name/platform");
        assert_eq!(platform["alias"]["mount_accessor"], now, "{setup:?}");
        let eve = of(&root, "entity/name/eve@example.com");
        let aliases = eve["aliases"].as_array().expect("aliases");
        assert!(
            aliases.iter().any(|one| one["mount_accessor"] == now),
            "{setup:?}: {eve}"
        );
        writes(&server, || ceremony.run(&KEEP), &[]);
    }
}
