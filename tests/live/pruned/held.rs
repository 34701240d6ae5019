//! What second factors hold back.

use serde_json::json;

use super::{APPLY, EACH, admin, declare, saved, with_more};
use crate::support::require;

#[test]
fn a_group_stays_while_an_enforcement_of_second_factors_names_it() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = with_more(setup, true);
        declare(&mut ceremony);
        saved(&ceremony, &APPLY).never_says(&["differs from the file"]);
        let others = admin(&server, &ceremony);
        let method = json!({ "method_name": "phone", "issuer": "a" });
        let method = others.write("identity/mfa/method/totp", &method);
        let group = others.read("identity/group/name/crew")["data"]["id"].clone();
        let enforced = json!({
            "mfa_method_ids": [method["data"]["method_id"]], "identity_group_ids": [group],
        });
        others.write("identity/mfa/login-enforcement/of-crew", &enforced);
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
