//! Groups, entities and aliases by name: made, compared, corrected and left alone.

mod asked;
mod factor_fields;
mod factors;
mod handed_over;
mod moved;

use serde_json::{Value, json};

use crate::ceremony::{Api, Ceremony, Run, Server};
use crate::remembered::root;
use crate::support::{Setup, require};

/// Both releases of OpenBao, and Vault.
const EACH: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];
/// Nobody has its other half.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmEImFVKjUfDInfM2Zsh1DjDrjbsv\n\
    F204aQKu+UmuSMVJ+VDI37sPgyCNTx+gGfKp92n+gBmBvrClhMgDaZSTVA==\n\
    -----END PUBLIC KEY-----\n";
const KEEP: [&str; 3] = ["apply", "--yes", "--keep-root"];

/// A cluster with all that [`declare`] adds, whose root stays.
fn declared_as_root(setup: Setup) -> (Server, Ceremony) {
    let server = Server::of(setup);
    let mut ceremony = Ceremony::at(&server);
    declare(&mut ceremony);
    ceremony.set("/revoke_root", json!(false));
    ceremony.run(&KEEP).exits(4);
    (server, ceremony)
}

/// Auth methods, a policy, and people and machines that are in groups.
fn declare(ceremony: &mut Ceremony) -> String {
    let word = ceremony.password("eve");
    let read =
        |path: &str| json!({ "rules": format!("path \"{path}\" {{ capabilities = [\"read\"] }}") });
    ceremony
        .set("/policies/staff", read("secret/data/staff/*"))
        .set("/policies/machines", read("secret/data/machines/*"))
        .set(
            "/auth/userpass/users/eve",
            json!({ "password": { "file": "eve.password" }, "token_ttl": "15m" }),
        )
        .set(
            "/auth/approle",
            json!({ "roles": { "batch": { "token_ttl": "15m" } } }),
        )
        .set(
            "/auth/jwt",
            json!({ "config": { "jwt_validation_pubkeys": [PUBLIC_KEY] } }),
        )
        .set("/identity", identity());
    word
}

fn identity() -> Value {
    json!({
        "groups": {
            "platform": {
                "type": "external", "policies": ["staff", "operator"], "metadata": { "team": "platform" },
                "alias": { "auth": "jwt", "name": "Platform" },
            },
            "all": { "policies": ["staff"], "member_entities": ["eve@example.com"], "member_groups": ["platform", "machines"] },
            "machines": { "policies": ["machines"], "member_entities": [{ "auth": "approle", "name": "batch" }] },
        },
        "entities": {
            "eve@example.com": {
                "metadata": { "floor": "3" },
                "aliases": [
                    { "auth": "userpass", "name": "eve", "custom_metadata": { "desk": "12" } },
                    { "auth": "jwt", "name": "eve@example.com" },
                ],
            },
            "batch": { "aliases": [{ "auth": "approle", "name": "batch" }] },
        },
    })
}

/// What a run writes of identities.
#[track_caller]
fn writes(server: &Server, run: impl Fn() -> Run, expected: &[&str]) {
    let log = server.audit().after_this();
    let run = run();
    let mut written: Vec<_> = log.writes();
    written.retain(|line| line.contains(" identity/"));
    // An id is another one at each server.
    for line in &mut written {
        if let Some((before, _)) = line.split_once("-alias/id/") {
            *line = format!("{before}-alias/id");
        }
        if let Some((of_type, _)) = line.rsplit_once('/')
            && of_type.contains("mfa/method/")
        {
            *line = format!("{of_type}/id");
        }
    }
    written.sort();
    let mut wanted: Vec<_> = expected
        .iter()
        .map(|path| format!("update {path}"))
        .collect();
    wanted.sort();
    // Vault says which of the two it is.
    let written: Vec<_> = written
        .iter()
        .map(|line| line.replace("create ", "update "))
        .collect();
    assert_eq!(written, wanted, "{run}");
}

fn of(api: &Api<'_>, path: &str) -> Value {
    api.read(&format!("identity/{path}"))["data"].clone()
}

fn id(api: &Api<'_>, path: &str) -> Value {
    of(api, path)["id"].clone()
}

fn accessor(api: &Api<'_>, method: &str) -> Value {
    api.read("sys/auth")["data"][format!("{method}/")]["accessor"].clone()
}

#[test]
fn groups_and_entities_are_made_and_give_what_they_say_and_a_second_run_writes_nothing() {
    for setup in EACH {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        let word = declare(&mut ceremony);
        ceremony.set("/revoke_root", json!(false));
        ceremony
            .run(&["plan"])
            .prints(&["external group platform", "entity eve@example.com"]);
        ceremony
            .run(&KEEP)
            .exits(4)
            .never_says(&["identity/group", "identity/entity"]);
        let root = root(&server, &ceremony);
        let eve = of(&root, "entity/name/eve@example.com");
        let platform = of(&root, "group/name/platform");
        assert_eq!(platform["policies"].as_array().map(Vec::len), Some(2));
        assert_eq!(platform["alias"]["name"], "Platform");
        assert_eq!(platform["alias"]["mount_accessor"], accessor(&root, "jwt"));
        let all = of(&root, "group/name/all");
        assert_eq!(all["member_entity_ids"], json!([eve["id"]]));
        assert_eq!(all["member_group_ids"].as_array().map(Vec::len), Some(2));
        assert_eq!(eve["metadata"], json!({ "floor": "3" }));
        assert_eq!(eve["aliases"].as_array().map(Vec::len), Some(2));

        // A person has the policies of the group, by the server's own word.
        let eve = server.api().log_in("eve", &word);
        assert_eq!(eve.get("secret/data/staff/x").0, 404);
        assert_eq!(eve.get("secret/data/machines/x").0, 403);
        // A machine has those of its group and of the group that this is in.
        let role = root.read("auth/approle/role/batch/role-id")["data"]["role_id"].clone();
        let secret = root.write("auth/approle/role/batch/secret-id", &json!({}));
        let secret = &secret["data"]["secret_id"];
        let answer = server.api().put(
            "auth/approle/login",
            &json!({ "role_id": role, "secret_id": secret }),
        );
        let token = answer.1["auth"]["client_token"].as_str().expect("a token");
        let machine = server.api().with(token);
        assert_eq!(machine.get("secret/data/machines/x").0, 404);
        assert_eq!(machine.get("secret/data/staff/x").0, 404);
        assert_eq!(machine.get("secret/data/other/x").0, 403);

        let log = server.audit().after_this();
        ceremony
            .run(&KEEP)
            .exits(4)
            .prints(&["nothing was written"]);
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
    }
}

#[test]
fn what_somebody_has_changed_on_the_server_is_put_back() {
    for setup in EACH {
        require!(setup.components());
        let (server, ceremony) = declared_as_root(setup);
        let root = root(&server, &ceremony);
        let before = |path: &str| of(&root, path);
        let (all, platform) = (before("group/name/all"), before("group/name/platform"));
        let batch = id(&root, "entity/name/batch");
        root.write(
            "identity/group/name/all",
            &json!({ "policies": ["staff", "other"], "member_entity_ids": [batch, all["member_entity_ids"][0]] }),
        );
        root.write(
            "identity/group/name/machines",
            &json!({ "metadata": { "a": "b" } }),
        );
        root.write(
            "identity/group-alias",
            &json!({ "name": "strangers", "mount_accessor": accessor(&root, "jwt"), "canonical_id": platform["id"] }),
        );
        root.write(
            "identity/entity/name/batch",
            &json!({ "policies": ["other"], "disabled": true }),
        );
        let eve = before("entity/name/eve@example.com");
        let aliases = eve["aliases"].as_array().expect("aliases");
        let mine = aliases.iter().find(|one| one["mount_type"] == "userpass");
        let mine = mine.expect("an alias");
        root.write(
            &format!("identity/entity-alias/id/{}", mine["id"].as_str().expect("an id")),
            &json!({ "name": "mallory", "mount_accessor": mine["mount_accessor"], "canonical_id": eve["id"] }),
        );
        let plan = ceremony.run(&["plan"]);
        plan.prints(&[
            "identity/group/name/all",
            "member_entities is [\"batch\",\"eve@example.com\"]",
            "identity/group/name/platform/alias",
            "name is \"strangers\"",
            "name is \"mallory\"",
        ]);
        let run = || {
            let run = ceremony.run(&KEEP);
            run.exits(4).never_says(&["stays", "no write puts it back"]);
            run
        };
        writes(
            &server,
            run,
            &[
                "identity/entity/name/batch",
                "identity/group/name/all",
                "identity/group/name/machines",
                "identity/entity-alias/id",
                "identity/group-alias/id",
            ],
        );
        let now = of(&root, "group/name/all");
        assert_eq!(now["policies"], json!(["staff"]), "{setup:?}");
        assert_eq!(now["member_entity_ids"], all["member_entity_ids"]);
        assert_eq!(
            of(&root, "group/name/platform")["alias"]["name"],
            "Platform"
        );
        let batch = of(&root, "entity/name/batch");
        assert_eq!(batch["disabled"], false);
        assert!(batch["policies"].as_array().is_none_or(Vec::is_empty));
        writes(&server, || ceremony.run(&KEEP), &[]);
    }
}

#[test]
fn lines_that_are_corrected_are_written_and_aliases_are_changed_by_their_id() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = declared_as_root(setup);
        let root = root(&server, &ceremony);
        let alias = of(&root, "group/name/platform")["alias"]["id"].clone();
        ceremony
            .set(
                "/identity/groups/platform/alias/name",
                json!("platform-team"),
            )
            .set("/identity/groups/all/member_groups", json!(["platform"]))
            .remove("/identity/groups/platform/metadata")
            .set(
                "/identity/entities/eve@example.com/metadata/floor",
                json!("4"),
            )
            .remove("/identity/entities/eve@example.com/aliases/0/custom_metadata");
        writes(
            &server,
            || ceremony.run(&KEEP),
            &[
                "identity/entity/name/eve@example.com",
                "identity/group/name/all",
                "identity/group/name/platform",
                "identity/entity-alias/id",
                "identity/group-alias/id",
            ],
        );
        let platform = of(&root, "group/name/platform");
        assert_eq!(platform["alias"]["name"], "platform-team");
        assert_eq!(platform["alias"]["id"], alias, "{setup:?}");
        assert!(
            platform["metadata"]
                .as_object()
                .is_none_or(serde_json::Map::is_empty)
        );
        let all = of(&root, "group/name/all");
        assert_eq!(all["member_group_ids"], json!([platform["id"]]));
        writes(&server, || ceremony.run(&KEEP), &[]);
        // Taken out of the file they stay, and are told.
        ceremony
            .set("/identity/groups/all/member_groups", json!([]))
            .remove("/identity/groups/platform");
        ceremony.run(&KEEP).exits(4).prints(&[
            "identity/group/name/platform is not in the file any more, and is left on the server",
            "identity/group/name/platform/alias is not in the file any more",
        ]);
        assert_eq!(of(&root, "group/name/platform")["alias"]["id"], alias);
    }
}
