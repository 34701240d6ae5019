//! Rules between the keys of the file that no schema can say. Each rule is a function with its name.
//!
//! Only what is certain is refused; what is probably a mistake is a warning. A rule reads what it needs through
//! [`Reading`], and is silent where that is damaged: the damage is reported already, and what would follow from it
//! is nobody's mistake. Nothing here asks a server.

mod access;
mod cluster;
mod logins;
mod mounts;
mod writes;

use crate::config::api::TYPED;
use crate::config::reading::{Reading, mount_path};
use crate::config::tree::Kind;

type Rule = fn(&mut Reading);

const RULES: [Rule; 24] = [
    cluster::plain_http_stays_on_this_machine,
    cluster::nodes_are_different,
    cluster::threshold_fits_the_shares,
    cluster::every_share_has_a_custodian,
    cluster::custodians_are_different,
    cluster::accepted_custodians_exist,
    cluster::recipients_are_public,
    cluster::fingerprints_are_whole,
    mounts::mount_paths_are_plain,
    mounts::audit_files_are_different,
    mounts::audit_options_keep_secrets,
    access::policy_names_are_free,
    access::policies_of_tokens_exist,
    access::oidc_is_complete,
    access::roles_of_people_are_bound,
    mounts::secrets_are_references,
    mounts::write_paths_are_plain,
    writes::writes_keep_to_themselves,
    logins::auth_methods_exist,
    logins::capabilities_say_something,
    logins::keys_fit_the_auth_method,
    logins::members_exist_and_fit,
    access::doors_exist,
    access::doors_can_open,
];

/// Holds the document against all rules.
pub(super) fn check(reading: &mut Reading) {
    for rule in RULES {
        rule(reading);
    }
}

/// A longer path.
fn under<'p>(path: &[&'p str], more: &[&'p str]) -> Vec<&'p str> {
    [path, more].concat()
}

/// The type of an auth method, by default its path. `None` where nobody knows.
fn auth_type<'a>(reading: &Reading<'a>, mount: &'a str) -> Option<&'a str> {
    let path = ["auth", mount, "type"];
    match reading.has(&path) {
        Some(true) => match &reading.node(&path)?.kind {
            Kind::Null => Some(mount),
            _ => reading.text(&path),
        },
        Some(false) => Some(mount),
        // The shape took the path for the type as well.
        None => TYPED.contains(&mount).then_some(mount),
    }
}

/// Every role and user: its auth method, which of the two it is, and its name.
fn members<'a>(reading: &Reading<'a>) -> Vec<(&'a str, &'static str, &'a str)> {
    let mut members = Vec::new();
    for mount in reading.keys(&["auth"]).unwrap_or_default() {
        for kind in ["roles", "users"] {
            let names = reading.keys(&["auth", mount, kind]).unwrap_or_default();
            members.extend(names.into_iter().map(|name| (mount, kind, name)));
        }
    }
    members
}

/// The auth method of a login, as its key stands in `auth`.
fn mount_of<'a>(reading: &Reading<'a>, login: &str) -> Option<&'a str> {
    let wanted = mount_path(reading.text(&["logins", login, "auth"])?);
    let mounts = reading.keys(&["auth"])?;
    mounts.into_iter().find(|mount| mount_path(mount) == wanted)
}
