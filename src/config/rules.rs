//! Rules between the keys of the file that no schema can say. Each rule is a function with its name.
//!
//! Only what is certain is refused; what is probably a mistake is a warning. Nothing here asks a server.

mod access;
mod cluster;
mod mounts;

use super::model::{
    AuditDevice, AuthMount, BreakGlass, Cluster, Fields, Init, Login, Policy, SecretsEngine, Write,
};
use super::reading::Reading;

/// Everything that could be read.
pub(super) struct Parts {
    pub(super) cluster: Option<Cluster>,
    pub(super) init: Option<Init>,
    pub(super) audit: Vec<AuditDevice>,
    pub(super) secrets: Vec<SecretsEngine>,
    pub(super) auth: Vec<AuthMount>,
    pub(super) policies: Vec<Policy>,
    pub(super) writes: Vec<Write>,
    pub(super) logins: Vec<Login>,
    pub(super) break_glass: Option<BreakGlass>,
}

type Rule = fn(&Parts, &mut Reading);

const RULES: [Rule; 19] = [
    cluster::plain_http_stays_on_this_machine,
    cluster::nodes_are_different,
    cluster::threshold_fits_the_shares,
    cluster::every_share_has_a_custodian,
    cluster::custodians_are_different,
    cluster::accepted_custodians_exist,
    cluster::recipients_are_public,
    mounts::mount_paths_are_plain,
    mounts::audit_files_are_different,
    mounts::audit_options_keep_secrets,
    access::policy_names_are_free,
    access::policies_have_a_text,
    access::policies_of_tokens_exist,
    access::oidc_is_complete,
    access::roles_of_people_are_bound,
    mounts::secrets_are_references,
    mounts::write_paths_are_plain,
    access::doors_exist,
    access::doors_can_open,
];

/// Holds `parts` against all rules.
pub(super) fn check(parts: &Parts, reading: &mut Reading) {
    for rule in RULES {
        rule(parts, reading);
    }
}

/// Every role and user, with its place.
fn members(parts: &Parts) -> impl Iterator<Item = (&AuthMount, &'static str, &str, &Fields)> {
    parts.auth.iter().flat_map(|mount| {
        let roles = mount
            .roles
            .iter()
            .map(move |(name, fields)| (mount, "roles", name.as_str(), fields));
        roles.chain(
            mount
                .users
                .iter()
                .map(move |(name, fields)| (mount, "users", name.as_str(), fields)),
        )
    })
}
