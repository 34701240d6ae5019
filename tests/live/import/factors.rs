//! Second factors of a cluster that is there.

use serde_json::{Value, json};

use super::{Cluster, FILLED, OPERATOR, READS_ALL, SETUPS, changes, equal};
use crate::support::require;

/// What a write of a method answers with.
fn made(answer: &Value) -> Value {
    answer["data"]["method_id"].clone()
}

#[test]
fn second_factors_are_carried_over_by_name_and_plan_as_no_change() {
    for setup in SETUPS {
        require!(setup.components());
        let cluster = Cluster::start(setup);
        let root = cluster.root();
        root.write("sys/auth/team/staff", &json!({ "type": "userpass" }));
        let staff = root.read("sys/auth")["data"]["team/staff/"]["accessor"].clone();
        let phone = json!({ "method_name": "phone", "issuer": "a", "period": "1m", "skew": 0 });
        let phone = made(&root.write("identity/mfa/method/totp", &phone));
        let push = json!({
            "method_name": "push", "api_hostname": "a", "integration_key": "user-planted-4711",
            "secret_key": "db-planted-4711", "push_info": "from=a", "use_passcode": true,
        });
        let push = made(&root.write("identity/mfa/method/duo", &push));
        let okta =
            json!({ "method_name": "okta", "org_name": "a", "api_token": "kv-planted-4711" });
        root.write("identity/mfa/method/okta", &okta);
        let nameless = made(&root.write("identity/mfa/method/totp", &json!({ "issuer": "b" })));
        let people = json!({ "mfa_method_ids": [phone, push], "auth_method_accessors": [staff] });
        root.write("identity/mfa/login-enforcement/people", &people);
        root.write("identity/group/name/crew", &json!({}));
        let crew = root.read("identity/group/name/crew")["data"]["id"].clone();
        let crew = json!({ "mfa_method_ids": [phone], "identity_group_ids": [crew] });
        root.write("identity/mfa/login-enforcement/crew", &crew);
        let (run, text) = cluster.import(&cluster.token_of_operator(), "imported.yaml");
        run.exits(0).shows_no_token();
        for part in [
            "\nmfa:\n  methods:\n",
            "    phone:\n      type: totp\n      issuer: a\n      period: 60\n      skew: 0\n",
            "      secret_key: {file: TO-BE-FILLED/identity/mfa/method/duo/push.secret_key}\n",
            "      push_info: \"from=a\"\n",
            "  enforcements:\n    people:\n",
            "      auth_methods: [team/staff]\n",
            "#   identity/mfa/login-enforcement/crew: it is about groups or entities",
            &format!(
                "#   identity/mfa/method/totp/{}: it has no name",
                nameless.as_str().expect("an id")
            ),
        ] {
            assert!(text.contains(part), "{setup:?}: {part}\n{text}");
        }
        assert!(!text.contains("planted-4711"), "{text}");
        cluster.write("bootstrap.yaml", &format!("{text}{FILLED}"));
        let (run, plan) = cluster.plan("bootstrap.yaml");
        run.exits(0);
        assert_eq!(changes(&plan), Vec::<Value>::new(), "{run}");
        // What is other there is seen.
        let other = format!("{text}{FILLED}").replace("period: 60", "period: 30");
        cluster.write("other.yaml", &other);
        let (run, plan) = cluster.plan("other.yaml");
        let found = changes(&plan);
        assert_eq!(found.len(), 1, "{run}");
        assert_eq!(found[0]["path"], "identity/mfa/method/totp/phone", "{run}");
        assert!(equal(&plan) > 0, "{run}");
    }
}

#[test]
fn methods_of_a_namespace_above_are_others() {
    require!(["openbao-2.7.2"]);
    let cluster = Cluster::start(SETUPS[0]);
    let root = cluster.root();
    root.write("sys/namespaces/team", &json!({}));
    let push = json!({ "method_name": "phone", "api_hostname": "a", "integration_key": "b", "secret_key": "c" });
    root.write("identity/mfa/method/duo", &push);
    root.write(
        "team/identity/mfa/method/totp",
        &json!({ "method_name": "phone", "issuer": "a" }),
    );
    root.write("team/sys/auth/userpass", &json!({ "type": "userpass" }));
    root.write(
        "team/sys/policies/acl/reads-all",
        &json!({ "policy": READS_ALL }),
    );
    let operator =
        json!({ "password": OPERATOR, "token_policies": ["reads-all"], "token_ttl": "1h" });
    root.write("team/auth/userpass/users/operator", &operator);
    cluster.write("token", &cluster.root);
    let address = cluster.server.address();
    let from = [
        "import",
        "--address",
        &address,
        "--token-file",
        "token",
        "--namespace",
        "team",
    ];
    let run = cluster.run(&from);
    run.exits(0);
    let text = &run.stdout;
    assert!(text.contains("    phone:\n      type: totp\n"), "{text}");
    assert!(!text.contains("duo"), "{text}");
    cluster.write("bootstrap.yaml", &format!("{text}{FILLED}"));
    let (run, plan) = cluster.plan("bootstrap.yaml");
    run.exits(0);
    let found = changes(&plan);
    assert!(
        !found.iter().any(|one| one.to_string().contains("mfa")),
        "{run}"
    );
    let mut roles = plan["steps"].as_array().expect("steps").iter();
    let roles = roles.find(|step| step["step"] == "roles").expect("a step");
    // The method; of the user the password is not there.
    assert_eq!(roles["unchanged"], 1, "{run}");
}
