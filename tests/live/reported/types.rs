//! Types of values that somebody changes at the server, and lines that are there and say nothing.

use serde_json::json;

use super::EACH;
use crate::ceremony::handed_over_managed;
use crate::support::require;

/// Nobody has its other half.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmEImFVKjUfDInfM2Zsh1DjDrjbsv\n\
    F204aQKu+UmuSMVJ+VDI37sPgyCNTx+gGfKp92n+gBmBvrClhMgDaZSTVA==\n\
    -----END PUBLIC KEY-----\n";

#[test]
fn another_type_at_the_server_is_a_finding_and_a_line_that_says_nothing_is_as_one_that_is_taken_out()
 {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = handed_over_managed(setup);
        let write = ["apply", "--yes", "--login", "admin", "--allow-widening"];
        let claims = json!({ "project_id": 22, "/email/verified": "true" });
        let role = json!({
            "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["v"], "bound_claims": claims,
            "claim_mappings": { "a": "b" }, "token_bound_cidrs": ["10.0.0.0/8"],
        });
        ceremony
            .set(
                "/auth/jwt",
                json!({ "config": { "jwt_validation_pubkeys": [PUBLIC_KEY] } }),
            )
            .set("/auth/jwt/roles/ci", role);
        ceremony
            .run(&write)
            .exits(4)
            .never_says(&["differs from the file"]);
        let admin = server.api().log_in("admin", &ceremony.secrets["admin"]);
        let check = ["apply", "--check", "--login", "admin"];
        for (claim, other) in [
            ("project_id", json!("22")),
            ("/email/verified", json!(true)),
        ] {
            let mut changed = json!({ "role_type": "jwt", "bound_claims": claims });
            changed["bound_claims"][claim] = other;
            admin.write("auth/jwt/role/ci", &changed);
            ceremony
                .run(&check)
                .exits(4)
                .prints(&[&format!("bound_claims.{claim}")]);
            ceremony
                .run(&write)
                .exits(4)
                .never_says(&["differs from the file"]);
            let answer = admin.read("auth/jwt/role/ci");
            assert_eq!(answer["data"]["bound_claims"], claims, "{setup:?} {claim}");
        }
        for line in ["claim_mappings", "token_bound_cidrs"] {
            ceremony.set(&format!("/auth/jwt/roles/ci/{line}"), json!(null));
            ceremony
                .run(&write)
                .exits(4)
                .never_says(&["differs from the file"]);
            let have = admin.read("auth/jwt/role/ci")["data"][line].clone();
            assert!(
                [json!(null), json!([]), json!({})].contains(&have),
                "{setup:?} {line}: {have}"
            );
            ceremony
                .run(&write)
                .exits(4)
                .prints(&["nothing was written"]);
        }
    }
}
