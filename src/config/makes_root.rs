//! Policies that make whoever has them root.

use crate::config::policy_text::{covers, rules};

/// What makes its holder root: any policy, any token, root itself.
const WAYS: [(&str, &[&str]); 7] = [
    ("sys/policies/acl/any", &["create", "update", "patch"]),
    ("sys/policy/any", &["create", "update", "patch"]),
    ("auth/token/create", &["sudo"]),
    ("auth/token/create-orphan", &["sudo"]),
    ("identity/entity/id/any", &["create", "update", "patch"]),
    ("sys/generate-root/update", &["update"]),
    ("sys/generate-root-token/update", &["update"]),
];

/// The rule of a policy that may make its holder root.
pub(crate) fn way_to_root(text: &str) -> Option<String> {
    rules(text).into_iter().find_map(|(rule, may)| {
        let is_way = |(path, enough): &(&str, &[&str])| {
            covers(&rule, path) && enough.iter().any(|one| may.iter().any(|has| has == one))
        };
        WAYS.iter().any(is_way).then_some(rule.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_may_do_everything_is_found_and_one_of_an_application_is_not() {
        for (text, way) in [
            (
                "path \"*\" { capabilities = [\"create\", \"sudo\"] }",
                Some("*"),
            ),
            (
                "path \"sys/policies/acl/*\" { capabilities = [\"update\"] }",
                Some("sys/policies/acl/*"),
            ),
            (
                "path \"auth/token/create\" { capabilities = [\"update\", \"sudo\"] }",
                Some("auth/token/create"),
            ),
            (
                "path \"auth/token/create\" { capabilities = [\"update\"] }",
                None,
            ),
            (
                "path \"sys/policies/acl/*\" { capabilities = [\"read\", \"list\"] }",
                None,
            ),
            (
                "path \"secret/*\" { capabilities = [\"create\", \"update\", \"sudo\"] }",
                None,
            ),
            ("path \"*\" { policy = \"sudo\" }", Some("*")),
        ] {
            assert_eq!(way_to_root(text).as_deref(), way, "{text}");
        }
    }
}
