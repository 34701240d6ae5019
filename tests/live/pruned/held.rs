//! What second factors hold back.

use serde_json::{Value, json};

use super::{APPLY, EACH, admin, declare, saved, with_more};
use crate::ceremony::Api;
use crate::support::require;

/// An enforcement about the group, and the group's id.
fn enforced(others: &Api<'_>) -> (Value, Value) {
    let method = json!({ "method_name": "phone", "issuer": "a" });
    let method = others.write("identity/mfa/method/totp", &method);
    let group = others.read("identity/group/name/crew")["data"]["id"].clone();
    let enforced = json!({
        "mfa_method_ids": [method["data"]["method_id"]], "identity_group_ids": [group],
    });
    others.write("identity/mfa/login-enforcement/of-crew", &enforced);
    (enforced, group)
}

#[test]
fn a_group_stays_while_an_enforcement_of_second_factors_names_it() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_more(setup, true);
        declare(&mut ceremony);
        saved(&ceremony, &APPLY).never_says(&["differs from the file"]);
        let others = admin(&server, &ceremony);
        let (_, group) = enforced(&others);
        ceremony.remove("/identity").save();
        ceremony
            .run(&[&APPLY[..], &["--prune", "groups"]].concat())
            .exits(4)
            .prints(&[
                "identity/group/name/crew is not in the file any more; not deleted: it is used by \
                 identity/mfa/login-enforcement/of-crew",
            ]);
        assert_eq!(others.read("identity/group/name/crew")["data"]["id"], group);
    }
}

#[test]
fn what_a_held_group_needs_is_neither_announced_nor_deleted_and_goes_with_it_later() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_more(setup, true);
        declare(&mut ceremony);
        saved(&ceremony, &APPLY).never_says(&["differs from the file"]);
        let others = admin(&server, &ceremony);
        let (enforced, _) = enforced(&others);
        // Nothing else names the policy.
        ceremony
            .set(
                "/auth/userpass/users/operator/token_policies",
                json!(["operator"]),
            )
            .remove("/auth/approle/roles/spare")
            .remove("/auth/userpass/users/leaver")
            .set(
                "/auth/userpass/users/changed",
                json!({ "password": { "file": "changed.password" } }),
            )
            .remove("/policies/left")
            .remove("/identity")
            .save();
        let kinds = "policies,users,roles,groups,entities";
        let plan = ceremony.run(&["plan", "--login", "admin", "--prune", kinds]);
        plan.never_says(&["goes first"]).prints(&[
            "identity/group/name/crew: not in the file any more",
            "vault delete identity/mfa/login-enforcement/of-crew",
        ]);
        let prune = [&APPLY[..], &["--prune", kinds]].concat();
        ceremony.run(&prune).exits(4).prints(&[
            "sys/policies/acl/left is not in the file any more; not deleted: it is used by identity/group/name/crew",
            "identity/entity/name/leaver is not in the file any more; not deleted: it is used by identity/group/name/crew",
        ]);
        let members = &others.read("identity/group/name/crew")["data"]["member_entity_ids"];
        assert_eq!(members.as_array().map(Vec::len), Some(1), "{setup:?}");
        let nobody = json!({ "identity_group_ids": [], "auth_method_types": ["approle"] });
        let body = json!({ "mfa_method_ids": enforced["mfa_method_ids"] });
        let body = [&body, &nobody].map(|part| part.as_object().expect("fields").clone());
        let body: serde_json::Map<_, _> = body.into_iter().flatten().collect();
        others.write("identity/mfa/login-enforcement/of-crew", &body.into());
        ceremony.run(&prune).never_says(&["not deleted"]);
        for path in [
            "sys/policies/acl/left",
            "identity/group/name/crew",
            "identity/entity/name/leaver",
        ] {
            assert_eq!(others.get(path).0, 404, "{setup:?} {path}");
        }
    }
}
