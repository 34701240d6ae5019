//! The steps of the ceremony, their order and why it is this one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One entry of the order. The name in the diary and in the report is the one of `serde`; it is
/// public and never changes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Everything that can be known to fail is found before anything is written.
    Preflight,
    /// `sys/init`, once.
    Initialize,
    /// Each share at its own custodian.
    StoreRecoveryKeys,
    /// Unsealed, elected, and answering an authenticated request.
    WaitUntilActive,
    /// Audit devices, before anything worth auditing.
    Audit,
    /// Secrets engines.
    Secrets,
    /// Auth methods and their `config`.
    AuthMethods,
    /// Policies, the break-glass grant among them.
    Policies,
    /// Roles and users of the auth methods.
    Roles,
    /// Any other API write, in the order of the file.
    Writes,
    /// Each declared login opens, and the grant holds.
    Logins,
    /// A quorum has made a root token, which was revoked again.
    Drill,
    /// No root token left, and proof of it.
    RevokeRoot,
    /// Report written, secrets of the checkpoint destroyed.
    HandOver,
}

/// The order is a security property: shares are safe before anything is built on them, audit is on
/// before anything worth auditing, a policy exists before a role that names it, and root is revoked last.
pub const ORDER: [Step; 14] = [
    Step::Preflight,
    Step::Initialize,
    Step::StoreRecoveryKeys,
    Step::WaitUntilActive,
    Step::Audit,
    Step::Secrets,
    Step::AuthMethods,
    Step::Policies,
    Step::Roles,
    Step::Writes,
    Step::Logins,
    Step::Drill,
    Step::RevokeRoot,
    Step::HandOver,
];

/// The order of a ceremony whose recovery shares are made in two phases. They come once the server audits what is
/// done with them, and still before any login exists: until there are some, whoever may ask for them gets them all.
const TWO_PHASE: [Step; 14] = {
    let mut order = ORDER;
    order[2] = Step::WaitUntilActive;
    order[3] = Step::Audit;
    order[4] = Step::StoreRecoveryKeys;
    order
};

/// The order of this ceremony. Which it is shows with `initialize`, up to which both are the same.
pub fn order(two_phase: bool) -> [Step; 14] {
    if two_phase { TWO_PHASE } else { ORDER }
}

impl Step {
    /// The name in diary, report and events.
    pub fn name(self) -> &'static str {
        self.name_and_title().0
    }

    /// What the step does, as a line for a person who waits for it.
    pub fn title(self) -> &'static str {
        self.name_and_title().1
    }

    fn name_and_title(self) -> (&'static str, &'static str) {
        match self {
            Step::Preflight => ("preflight", "check everything beforehand"),
            Step::Initialize => ("initialize", "initialise the cluster"),
            Step::StoreRecoveryKeys => ("store-recovery-keys", "give each share to its custodian"),
            Step::WaitUntilActive => ("wait-until-active", "wait until the cluster is active"),
            Step::Audit => ("audit", "audit first"),
            Step::Secrets => ("secrets", "secrets engines"),
            Step::AuthMethods => ("auth-methods", "auth methods and their configuration"),
            Step::Policies => ("policies", "policies and the break-glass grant"),
            Step::Roles => ("roles", "roles and users"),
            Step::Writes => ("writes", "other writes"),
            Step::Logins => ("logins", "log in another way"),
            Step::Drill => ("drill", "rehearse break-glass"),
            Step::RevokeRoot => ("revoke-root", "revoke root and prove it"),
            Step::HandOver => ("hand-over", "hand over"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_the_diary_is_the_name_in_the_report() {
        for step in ORDER {
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
    }

    #[test]
    fn audit_comes_before_every_write_that_is_worth_auditing_and_root_is_revoked_after_the_logins()
    {
        let place = |step| ORDER.iter().position(|other| *other == step).unwrap();
        assert!(place(Step::StoreRecoveryKeys) < place(Step::Audit));
        assert!(place(Step::Audit) < place(Step::Secrets));
        assert!(place(Step::Policies) < place(Step::Roles));
        assert!(place(Step::Logins) < place(Step::RevokeRoot));
        assert_eq!(ORDER.last(), Some(&Step::HandOver));
    }

    #[test]
    fn in_two_phases_the_shares_come_after_audit_and_before_any_login_exists() {
        let place = |step| TWO_PHASE.iter().position(|other| *other == step).unwrap();
        assert!(place(Step::Audit) < place(Step::StoreRecoveryKeys));
        for later in [Step::AuthMethods, Step::Policies, Step::Roles, Step::Writes] {
            assert!(place(Step::StoreRecoveryKeys) < place(later));
        }
        let rest = |order: [Step; 14]| {
            let rest = order
                .into_iter()
                .filter(|step| *step != Step::StoreRecoveryKeys);
            rest.collect::<Vec<_>>()
        };
        assert_eq!(rest(TWO_PHASE), rest(ORDER));
        assert_eq!(order(false)[..2], order(true)[..2]);
    }
}
