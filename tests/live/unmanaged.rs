//! What is on the server and not in the file: counted, named where that is asked for, and never touched.

use serde_json::{Value, json};

use crate::ceremony::handed_over_managed;
use crate::support::{Setup, require};

#[test]
fn what_the_file_does_not_name_is_counted_named_and_left_alone_and_a_second_way_to_root_is_a_finding()
 {
    for setup in [
        Setup::OpenBao272Static,
        Setup::OpenBao262StaticApiAudit,
        Setup::Vault1211Shamir,
    ] {
        require!(setup.components());
        let (server, ceremony) = handed_over_managed(setup);
        let quiet = ceremony.run(&["plan", "--login", "admin"]);
        assert!(!quiet.stdout.contains("not in the file"), "{quiet}");
        let admin = server.api().log_in("admin", &ceremony.secrets["admin"]);
        let rules = |text: &str| json!({ "policy": text });
        admin.write(
            "sys/policies/acl/team",
            &rules("path \"secret/*\" { capabilities = [\"read\"] }"),
        );
        admin.write(
            "sys/policies/acl/all",
            &rules("path \"*\" { capabilities = [\"create\", \"update\", \"sudo\"] }"),
        );
        admin.write(
            "auth/userpass/users/eve",
            &json!({ "password": "of-a-test-4711", "token_policies": ["all"] }),
        );
        admin.write("sys/mounts/other", &json!({ "type": "kv" }));
        let all = [
            "sys/mounts/other",
            "sys/policies/acl/team",
            "sys/policies/acl/all",
            "auth/userpass/users/eve",
        ];
        let plan = ceremony.run(&["plan", "--login", "admin"]);
        plan.prints(&[
            "4 on the server and not in the file, left alone: plan --all names them",
            "may make whoever has it root, by its rule for \"*\"",
        ]);
        plan.never_says(&["auth/userpass/users/eve"]);
        ceremony.run(&["plan", "--all"]).prints(&all);
        let log = server.audit().after_this();
        let run = ceremony.run(&["apply", "--yes", "--all"]);
        run.exits(4)
            .says(&all)
            .prints(&["the policy all is on the server and not in the file"]);
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
        let json = ceremony.run(&["apply", "--check", "--output", "json"]);
        let events = json.exits(4).events();
        let of = |step: &str| -> Vec<Value> {
            let event = events
                .iter()
                .find(|one| one["event"] == "step-finished" && one["step"] == step);
            let facts = event.expect("a step")["evidence"]["unmanaged"].clone();
            facts.as_array().cloned().unwrap_or_default()
        };
        assert_eq!(of("secrets"), ["sys/mounts/other"]);
        assert_eq!(
            of("policies"),
            ["sys/policies/acl/all", "sys/policies/acl/team"]
        );
        assert_eq!(of("roles"), ["auth/userpass/users/eve"]);
    }
}
