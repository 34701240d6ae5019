//! Rules of `writes`: what another section makes is written by that section alone.

use super::auth::{auth_type, members};
use crate::config::api::mount_path;
use crate::config::reading::Reading;

/// The servers' API paths that belong to one section whole.
const SECTIONS: [(&str, &str); 3] = [
    ("sys/policies/acl", "policies"),
    ("sys/policy", "policies"),
    ("sys/audit", "audit"),
];

/// What has a role above it in its path and is no field of it: ids that a machine was given beforehand.
const IDS: [&str; 3] = ["/role-id", "/secret-id", "/custom-secret-id"];

/// A second writer would undo the first in each run, and could put anything in place of the grant.
pub(super) fn writes_keep_to_themselves(reading: &mut Reading) {
    let taken = taken(reading);
    for (path, text) in reading.texts(&["writes", "*", "path"]) {
        let small = text.to_lowercase();
        let owner = taken.iter().find(|(owned, _)| {
            small.strip_prefix(owned.as_str()).is_some_and(|rest| {
                rest.is_empty() || (rest.starts_with('/') && !IDS.contains(&rest))
            })
        });
        if let Some((_, section)) = owner {
            let text = format!("`{section}` writes this path; say it there");
            reading.refuse(&path, text);
        }
    }
}

/// Paths in small letters, as the servers compare most names, and the section that writes there.
fn taken(reading: &Reading) -> Vec<(String, String)> {
    let mut taken: Vec<(String, String)> = SECTIONS
        .iter()
        .map(|(path, section)| ((*path).to_owned(), (*section).to_owned()))
        .collect();
    let mut own = |path: String, section: String| taken.push((path.to_lowercase(), section));
    for (section, listing, prefix) in [("secrets", "sys/mounts", ""), ("auth", "sys/auth", "auth/")]
    {
        for name in reading.keys(&[section]).unwrap_or_default() {
            let mount = mount_path(name);
            own(format!("{listing}/{mount}"), format!("{section}.{name}"));
            if reading.has(&[section, name, "config"]) == Some(true) {
                own(
                    format!("{prefix}{mount}/config"),
                    format!("{section}.{name}"),
                );
            }
        }
    }
    for (mount, kind, name) in members(reading) {
        let collection = match (kind, auth_type(reading, mount)) {
            ("users", _) => "users",
            (_, Some("cert")) => "certs",
            (_, Some("ldap")) => "groups",
            (_, Some("token")) => "roles",
            _ => "role",
        };
        let path = format!("auth/{}/{collection}/{name}", mount_path(mount));
        own(path, format!("auth.{mount}"));
    }
    taken
}
