//! Policies that name an auth method where the servers want its accessor.

use serde_json::{Value, json};

use crate::ceremony::{Api, Ceremony, Server, handed_over_managed};
use crate::support::{Setup, require};

fn own_place(method: &str) -> Value {
    json!({ "rules": format!(
        "path \"secret/data/{{{{identity.entity.aliases.accessor(auth/{method}).name}}}}\" {{ capabilities = [\"read\"] }}"
    ) })
}

fn accessor(api: &Api<'_>, method: &str) -> String {
    let methods = api.read("sys/auth");
    let found = methods["data"][format!("{method}/")]["accessor"].as_str();
    found.expect("an accessor").to_owned()
}

fn text(api: &Api<'_>, policy: &str) -> String {
    let read = api.read(&format!("sys/policies/acl/{policy}"));
    read["data"]["policy"].as_str().expect("a text").to_owned()
}

#[test]
fn the_accessor_is_filled_in_compared_so_and_written_anew_where_the_method_is_another_one() {
    for setup in [
        Setup::OpenBao272Static,
        Setup::OpenBao262StaticApiAudit,
        Setup::Vault1211Shamir,
    ] {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        ceremony
            .set("/auth/deep~1approle", json!({ "type": "approle" }))
            .set("/policies/own", own_place("userpass"))
            .set("/policies/machines", own_place("deep/approle"))
            .set(
                "/auth/userpass/users/operator/token_policies",
                json!(["operator", "own"]),
            )
            .set("/revoke_root", json!(false));
        let kept = ["apply", "--yes", "--keep-root"];
        ceremony.run(&kept).exits(4);
        let auditor = server
            .api()
            .log_in("audit-reader", &ceremony.secrets["audit"]);
        let first = accessor(&auditor, "deep/approle");
        assert!(text(&auditor, "machines").contains(&format!("aliases.{first}.name")));
        assert!(text(&auditor, "own").contains(&accessor(&auditor, "userpass")));
        // It works: the operator reads what has their name, and nobody else's.
        let operator = server
            .api()
            .log_in("operator", &ceremony.secrets["operator"]);
        assert_eq!(operator.get("secret/data/operator").0, 404);
        let log = server.audit().after_this();
        ceremony
            .run(&kept)
            .exits(4)
            .prints(&["nothing was written"]);
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
        // Mounted anew by hand, it has another accessor.
        let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
        let attempt = if setup.is_openbao() {
            "generate-root-token"
        } else {
            "generate-root"
        };
        let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
        let root = server
            .api()
            .with(&crate::ceremony::root_from_shares(&ada, attempt, &shares));
        root.delete("sys/auth/deep/approle");
        root.write("sys/auth/deep/approle", &json!({ "type": "approle" }));
        ceremony
            .run(&kept)
            .exits(4)
            .says(&["sys/policies/acl/machines"]);
        let second = accessor(&auditor, "deep/approle");
        assert_ne!(first, second);
        assert!(
            text(&auditor, "machines").contains(&format!("aliases.{second}.name")),
            "{setup:?}"
        );
    }
}

#[test]
fn a_method_and_a_policy_that_names_it_are_written_in_one_run_after_the_hand_over() {
    let (server, mut ceremony) = handed_over_managed(Setup::OpenBao272Static);
    ceremony
        .set("/auth/approle", json!({ "type": "approle" }))
        .set("/policies/machines", own_place("approle"));
    let run = ceremony.run(&["apply", "--yes", "--login", "admin"]);
    run.exits(4).never_says(&["differs from the file"]);
    let admin = server.api().log_in("admin", &ceremony.secrets["admin"]);
    let now = text(&admin, "machines");
    assert!(
        now.contains(&format!("aliases.{}.name", accessor(&admin, "approle"))),
        "{now}"
    );
    let log = server.audit().after_this();
    ceremony
        .run(&["apply", "--yes", "--login", "admin"])
        .exits(4)
        .prints(&["nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn what_no_server_would_take_for_an_accessor_is_said_before_anything_is_asked() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/policies/own", own_place("oidc"));
    ceremony.apply().exits(2).says(&[
        "policies.own",
        "`accessor(auth/oidc)` is of no auth method of the file",
    ]);
    let raw = "path \"x/{{identity.entity.aliases.userpass.name}}\" { capabilities = [\"read\"] }";
    ceremony.set("/policies/own", json!({ "rules": raw }));
    ceremony
        .apply()
        .exits(2)
        .says(&["write `identity.entity.aliases.accessor(auth/userpass)`"]);
    assert!(!server.api().initialised());
}
