//! Policies, quotas and identities.

use serde_json::json;

use super::document::Document;

/// All of them.
pub fn documents() -> Vec<Document> {
    let mut all = identities();
    all.extend(oidc_provider());
    let rules = "path \"mutant/*\" { capabilities = [\"read\"] }\n";
    all.push(
        Document::policy(rules)
            .drifts(json!({ "policy": "path \"*\" { capabilities = [\"sudo\"] }" }))
            .edits(json!([
                ["rules", format!("# in words\n{rules}")],
                [
                    "rules",
                    "path \"mutant/*\" { capabilities = [\"read\", \"list\"] }\n"
                ],
                [
                    "rules",
                    "path \"mutant/*\" { capabilities = [\"list\", \"read\"] }\n"
                ],
            ])),
    );
    let password = |length: u8| {
        format!(
            "length = {length}\nrule \"charset\" {{ charset = \"abcdefghijklmnopqrstuvwxyz\" min-chars = 1 }}\n"
        )
    };
    all.push(
        Document::write("sys/policies/password/p", json!({ "policy": password(20) }))
            .drifts(json!({ "policy": password(8) }))
            .edits(json!([
                ["policy", password(21)],
                ["policy", format!("# words\n{}", password(21))]
            ])),
    );
    all.push(
        Document::write(
            "sys/quotas/rate-limit/q",
            json!({ "rate": 100_000, "interval": "10s", "path": "kv1" }),
        )
        .alone()
        .replaced()
        .drifts(
            json!({ "rate": 90_000, "interval": "20s", "block_interval": "1s", "path": "secret" }),
        )
        .edits(json!([
            ["rate", "100000"],
            ["interval", 10],
            ["rate", 100_001],
            ["block_interval", "2s"],
            ["block_interval"],
            ["interval"]
        ])),
    );
    all
}

fn identities() -> Vec<Document> {
    let entity = Document::write(
        "identity/entity/name/e",
        json!({ "policies": ["b", "a"], "metadata": { "team": "a", "on": "b" }, "disabled": false }),
    )
    .drifts(json!({ "policies": ["everything"], "metadata": { "team": "x" }, "disabled": true }))
    .edits(json!([["policies", ["a", "b"]], ["policies", "a,b"], ["metadata/team", "b"], ["metadata/on"],
        ["disabled", "false"], ["disabled"], ["metadata"], ["policies"]]));
    let group = Document::write(
        "identity/group/name/g",
        json!({ "policies": ["b", "a"], "metadata": { "team": "a", "on": "b" } }),
    )
    .drifts(json!({ "policies": ["everything"], "metadata": { "team": "x" } }))
    .edits(json!([
        ["policies", ["a", "b"]],
        ["policies", "a,b"],
        ["metadata/team", "b"],
        ["metadata/on"],
        ["metadata"],
        ["policies"]
    ]));
    vec![entity, group]
}

fn oidc_provider() -> Vec<Document> {
    let key = Document::write(
        "identity/oidc/key/k",
        json!({ "allowed_client_ids": ["*"], "rotation_period": "24h", "verification_ttl": "24h" }),
    )
    .drifts(
        json!({ "allowed_client_ids": ["x"], "rotation_period": "25h", "verification_ttl": "26h" }),
    )
    .edits(json!([
        ["rotation_period", "1440m"],
        ["allowed_client_ids", "*"],
        ["verification_ttl", 86400],
        ["verification_ttl"]
    ]));
    let scope = Document::write(
        "identity/oidc/scope/s",
        json!({ "template": "{\"a\": 1}", "description": "words" }),
    )
    .drifts(json!({ "template": "{\"a\": 2}", "description": "other words" }))
    .edits(json!([["template", "{\"a\": 3}"], ["description"]]));
    let assignment = Document::write(
        "identity/oidc/assignment/a",
        json!({ "entity_ids": [], "group_ids": [] }),
    )
    .alone();
    vec![key, scope, assignment]
}
