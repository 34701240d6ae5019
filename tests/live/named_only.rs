//! `manage: named`: what the file does not name is another tool's.

use serde_json::{Value, json};

use crate::ceremony::{Api, Ceremony, Run, Server, handed_over_managed};
use crate::support::{Setup, require};

const EACH: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];
const APPLY: [&str; 4] = ["apply", "--yes", "--login", "admin"];

fn admin<'a>(server: &'a Server, ceremony: &Ceremony) -> Api<'a> {
    server.api().log_in("admin", &ceremony.secrets["admin"])
}

fn saved(ceremony: &Ceremony) -> Run {
    ceremony.save();
    ceremony.run(&APPLY)
}

fn field(api: &Api<'_>, path: &str, name: &str) -> Value {
    api.read(path)["data"][name].clone()
}

#[test]
fn fields_that_the_file_does_not_name_are_left_to_others_and_those_that_it_names_are_put_back() {
    const ROLE: &str = "auth/approle/role/spare";
    const TUNE: &str = "sys/auth/approle/tune";
    const GROUP: &str = "identity/group/name/crew";
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = handed_over_managed(setup);
        let tunes = "path \"sys/auth/approle/tune\" { capabilities = [\"create\", \"read\", \"update\", \"sudo\"] }";
        ceremony
            .set("/policies/tuner", json!({ "rules": tunes }))
            .set(
                "/auth/userpass/users/admin/token_policies",
                json!(["auditor", "admin", "tuner"]),
            );
        saved(&ceremony).never_says(&["differs from the file"]);
        ceremony
            .set(
                "/auth/approle",
                json!({
                    "manage": "named", "tune": { "max_lease_ttl": "2h" },
                    "roles": { "spare": { "manage": "named", "token_policies": ["operator"], "token_num_uses": 5 } },
                }),
            )
            .set(
                "/identity",
                json!({ "groups": { "crew": { "manage": "named", "policies": ["operator"] } } }),
            );
        saved(&ceremony).never_says(&["differs from the file"]);
        let others = admin(&server, &ceremony);
        others.write(ROLE, &json!({ "token_ttl": "7m", "secret_id_num_uses": 3 }));
        others.write(
            TUNE,
            &json!({ "default_lease_ttl": "9m", "description": "theirs" }),
        );
        others.write(GROUP, &json!({ "metadata": { "team": "theirs" } }));
        let log = server.audit().after_this();
        ceremony
            .run(&APPLY)
            .never_says(&["differs from the file", ROLE, TUNE, GROUP]);
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
        // A line that is taken out is left as it is, and what is named is written beside what is not.
        ceremony
            .remove("/auth/approle/roles/spare/token_num_uses")
            .set("/auth/approle/roles/spare/token_max_ttl", json!("1h"))
            .set("/auth/approle/tune/max_lease_ttl", json!("3h"));
        saved(&ceremony).never_says(&["differs from the file"]);
        for (name, value) in [
            ("token_ttl", 420),
            ("secret_id_num_uses", 3),
            ("token_num_uses", 5),
            ("token_max_ttl", 3600),
        ] {
            assert_eq!(field(&others, ROLE, name), value, "{setup:?} {name}");
        }
        assert_eq!(field(&others, TUNE, "default_lease_ttl"), 540, "{setup:?}");
        assert_eq!(field(&others, TUNE, "max_lease_ttl"), 10800, "{setup:?}");
        assert_eq!(
            field(&others, GROUP, "metadata"),
            json!({ "team": "theirs" })
        );
        // What is named is the file's, and so is whether a secret id is asked for.
        others.write(ROLE, &json!({ "token_policies": ["admin"] }));
        let no_id = json!({ "bind_secret_id": false, "secret_id_bound_cidrs": "", "token_bound_cidrs": "10.0.0.0/8" });
        others.write(ROLE, &no_id);
        ceremony
            .run(&["plan", "--login", "admin"])
            .prints(&["token_policies", "bind_secret_id"])
            .never_says(&["token_bound_cidrs"]);
        let wider = [&APPLY[..], &["--allow-widening"]].concat();
        ceremony.run(&wider).never_says(&["differs from the file"]);
        assert_eq!(
            field(&others, ROLE, "token_policies"),
            json!(["operator"]),
            "{setup:?}"
        );
        assert_eq!(field(&others, ROLE, "bind_secret_id"), true, "{setup:?}");
        assert_eq!(
            field(&others, ROLE, "token_bound_cidrs"),
            json!(["10.0.0.0/8"]),
            "{setup:?}"
        );
    }
}

#[test]
fn what_a_write_does_not_name_is_left_to_others_and_what_it_named_goes_back_with_the_entry() {
    const APP: &str = "secret/metadata/app";
    const CONFIG: &str = "secret/config";
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = handed_over_managed(setup);
        let may = "capabilities = [\"create\", \"read\", \"update\"]";
        let rules = format!("path \"{APP}\" {{ {may} }}\npath \"{CONFIG}\" {{ {may} }}");
        ceremony
            .set("/policies/keeper", json!({ "rules": rules }))
            .set(
                "/auth/userpass/users/admin/token_policies",
                json!(["auditor", "admin", "keeper"]),
            );
        saved(&ceremony).never_says(&["differs from the file"]);
        ceremony.set(
            "/writes",
            json!([
                { "path": APP, "manage": "named", "data": { "max_versions": 5 } },
                { "path": CONFIG, "manage": "named", "data": { "max_versions": 9 } },
            ]),
        );
        ceremony.save();
        ceremony
            .run(&[&APPLY[..], &["--adopt-documents"]].concat())
            .never_says(&["differs from the file"]);
        let others = admin(&server, &ceremony);
        let theirs = json!({ "cas_required": true, "custom_metadata": { "team": "theirs" } });
        others.write(APP, &theirs);
        others.write(CONFIG, &json!({ "delete_version_after": "3h" }));
        let log = server.audit().after_this();
        ceremony
            .run(&APPLY)
            .never_says(&["differs from the file", APP, CONFIG]);
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
        let left = || {
            assert_eq!(field(&others, APP, "cas_required"), true, "{setup:?}");
            let metadata = field(&others, APP, "custom_metadata");
            assert_eq!(metadata, json!({ "team": "theirs" }), "{setup:?}");
            let after = field(&others, CONFIG, "delete_version_after");
            assert_eq!(after, "3h0m0s", "{setup:?}");
        };
        // What is named is the file's.
        others.write(APP, &json!({ "max_versions": 2 }));
        ceremony
            .run(&["plan", "--login", "admin"])
            .prints(&["max_versions"])
            .never_says(&["cas_required", "delete_version_after"]);
        ceremony.run(&APPLY).never_says(&["differs from the file"]);
        assert_eq!(field(&others, APP, "max_versions"), 5, "{setup:?}");
        left();
        ceremony.remove("/writes");
        saved(&ceremony).never_says(&["differs from the file"]);
        assert_eq!(field(&others, APP, "max_versions"), 0, "{setup:?}");
        assert_eq!(field(&others, CONFIG, "max_versions"), 0, "{setup:?}");
        left();
        for (path, why) in [
            ("secret/data/app", "a write of values replaces all of them"),
            (
                "sys/quotas/rate-limit/all",
                "resets each field that it does not name",
            ),
            ("sys/config/cors", "nobody has measured"),
        ] {
            let entry =
                json!([{ "path": path, "manage": "named", "data": { "data": { "rate": 1 } } }]);
            ceremony.set("/writes", entry);
            ceremony.save();
            for verb in [&["plan"][..], &APPLY] {
                ceremony.run(verb).exits(2).says(&[path, why]);
            }
        }
    }
}
