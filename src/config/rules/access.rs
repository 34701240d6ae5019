//! Rules of policies, roles and the break-glass logins.

use std::collections::HashSet;

use super::auth::{auth_type, members, mount_of, setting};
use crate::code::Code;
use crate::config::auth_types::mount_path;
use crate::config::reading::{Reading, under};
use crate::config::values::Field;

/// The policy that the program writes for break-glass.
pub(super) const GRANT: &str = "vault-bootstrap-break-glass";

/// Requests that a root generation takes: status, start, the shares of a quorum, a retry, proof, cancel.
const FEWEST_USES: u32 = 10;

const DOORS: [&str; 2] = ["break_glass", "logins"];

const NO_ROLE_OF_APPROLE: &str = "a role id does not say which role it belongs to, so the break-glass policy could not be tied to one role; \
     give the break-glass role an `approle` mount of its own, with one role";
const NO_ROLE_OF_CERT: &str = "missing key `role`: the break-glass policy is tied to a role, and this auth method has not exactly one";

const NO_LOGIN: &str = "no login of this file has this name";

pub(super) fn policy_names_are_free(reading: &mut Reading) {
    for name in reading.keys(&["policies"]).unwrap_or_default() {
        if let Some(text) = unfit_policy_name(name) {
            reading.refuse(Code::FileValueInvalid, &["policies", name], text);
        }
    }
}

/// Why no policy of the file can have this name.
pub(in crate::config) fn unfit_policy_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "root" => "the policy `root` cannot be written",
        "response-wrapping" => "the policy `response-wrapping` cannot be written",
        GRANT => "this name belongs to the policy that the program writes for `break_glass`",
        _ if name.is_empty()
            || name.contains(|letter: char| letter.is_whitespace() || letter.is_control()) =>
        {
            "a policy needs a name without spaces"
        }
        _ if name.starts_with('/') || name.ends_with('/') => {
            "the name of a policy neither begins nor ends with `/`"
        }
        _ if name.to_lowercase() != name => {
            "names of policies are lower case; the servers would change it"
        }
        _ => return None,
    })
}

pub(super) fn policies_of_tokens_exist(reading: &mut Reading) {
    let known = reading.keys(&["policies"]);
    let known: Option<HashSet<&str>> = known.map(|names| names.into_iter().collect());
    for (mount, kind, name) in members(reading) {
        let is_directory = auth_type(reading, mount) == Some("ldap");
        let field = if is_directory {
            "policies"
        } else {
            "token_policies"
        };
        let path = ["auth", mount, kind, name, field];
        let Some(policies) = reading.value::<Field>(&path) else {
            continue;
        };
        for policy in policies.strings() {
            if policy == "root" {
                reading.refuse(
                    Code::FileContradicts,
                    &path,
                    "no login may have the policy `root`",
                );
            } else if known.as_ref().is_some_and(|known| !known.contains(policy))
                && policy != "default"
                && policy != GRANT
                && !policy.contains("{{")
            {
                let text = format!(
                    "the policy `{policy}` is not in this file; without it the token may do nothing by it"
                );
                reading.warn(Code::NameUnknown, &path, text);
            }
        }
    }
}

/// Auth methods that take JWTs, from people or from machines.
fn takes_jwts(reading: &Reading, mount: &str) -> bool {
    matches!(auth_type(reading, mount), Some("oidc" | "jwt"))
}

pub(super) fn oidc_is_complete(reading: &mut Reading) {
    const KEYS: [&str; 4] = [
        "oidc_discovery_url",
        "jwks_url",
        "jwks_pairs",
        "jwt_validation_pubkeys",
    ];
    for mount in reading.keys(&["auth"]).unwrap_or_default() {
        let config = ["auth", mount, "config"];
        let empty = reading.keys(&config).is_none_or(|keys| keys.is_empty());
        if empty || !takes_jwts(reading, mount) {
            continue;
        }
        let has = |key: &str| reading.has(&under(&config, &[key]));
        let given = KEYS.map(has);
        let pair = (has("oidc_client_id"), has("oidc_client_secret"));
        let count = given.iter().filter(|has| **has == Some(true)).count();
        if count > 1 || given == [Some(false); 4] {
            let text = "exactly one of `oidc_discovery_url`, `jwks_url`, `jwks_pairs` and `jwt_validation_pubkeys` says where keys come from";
            reading.refuse(Code::FileContradicts, &config, text);
        }
        if let (Some(id), Some(secret)) = pair
            && id != secret
        {
            let text = "`oidc_client_id` and `oidc_client_secret` go together";
            reading.refuse(Code::FileContradicts, &config, text);
        }
    }
}

pub(super) fn roles_of_people_are_bound(reading: &mut Reading) {
    for (mount, kind, name) in members(reading) {
        if !takes_jwts(reading, mount) {
            continue;
        }
        let path = ["auth", mount, kind, name];
        let bound = [
            "bound_claims",
            "bound_subject",
            "bound_audiences",
            "token_bound_cidrs",
        ];
        let none = |keys: &[&str]| {
            let mut keys = keys.iter();
            keys.all(|key| reading.has(&under(&path, &[key])) == Some(false))
        };
        let (unbound, unclaimed) = (none(&bound), none(&bound[..2]));
        let redirects = under(&path, &["allowed_redirect_uris"]);
        let empty = reading.value::<Field>(&redirects);
        let empty = empty.is_some_and(|uris| uris.strings().is_empty());
        let lacks_redirect = empty || reading.has(&redirects) == Some(false);
        let Some(role_type) = setting(reading, &path, "role_type") else {
            continue;
        };
        if role_type == "jwt" {
            if unbound {
                reading.refuse(Code::FileContradicts, &path, "a role for JWTs needs `bound_audiences`, `bound_subject`, `bound_claims` or `token_bound_cidrs`");
            }
            continue;
        }
        // The server wants one with `callback_mode: device` as well, where nobody uses it.
        if lacks_redirect {
            let text = "missing key `allowed_redirect_uris`; for this program it is `[\"http://localhost:8250/oidc/callback\"]`";
            reading.refuse(Code::FileKeyMissing, &path, text);
        }
        if unclaimed {
            let text = "no `bound_claims`: whoever has an account at the provider gets in";
            reading.warn(Code::FileContradicts, &path, text);
        }
    }
}

pub(super) fn doors_exist(reading: &mut Reading) {
    let known = reading.keys(&["logins"]);
    let exists = |name: &str| known.as_ref().is_none_or(|known| known.contains(&name));
    let mut names = Vec::new();
    for (path, name) in reading.texts(&["break_glass", "logins", "*"]) {
        if !exists(name) {
            reading.refuse(Code::NameUnknown, &path, NO_LOGIN);
        } else if names.contains(&name) {
            reading.refuse(
                Code::FileContradicts,
                &path,
                "this login is in the list already",
            );
        }
        names.push(name);
    }
    let mut mounts = names.iter().map(|name| mount_of(reading, name));
    let first = mounts.next().flatten();
    let accepted = reading.value(&["break_glass", "accept_one_auth_method"]) == Some(true);
    if !accepted && first.is_some() && mounts.all(|mount| mount == first) {
        let text = "all break-glass logins depend on one auth method; a second one on another is recommended";
        reading.warn(Code::OneAuthMethod, &DOORS, text);
    }
    let mut holders = Vec::new();
    for kind in ["groups", "entities"] {
        holders.extend(reading.keys(&["identity", kind]).unwrap_or_default());
    }
    reading.refuse_unless(
        Code::NameUnknown,
        &["break_glass", "accept_admins", "*"],
        |name| exists(name) || holders.contains(&name),
        "no login, group or entity of this file has this name",
    );
}

/// With a replica the shares leave this machine, and new ones are advised once it is handed over: who may make them is
/// settled while root is valid.
pub(super) fn shares_can_be_renewed(reading: &mut Reading) {
    let opens = !reading.texts(&["break_glass", "logins", "*"]).is_empty();
    let replica = reading.has(&["checkpoint", "replica"]) == Some(true);
    let may = reading.value(&["break_glass", "rotation"]) == Some(true);
    if opens && replica && !may {
        let text = "the replica gets the shares, encrypted, and `recovery rotate` is advised after hand-over: it needs `rotation: true`, \
                    or later an administrator who writes the policy";
        reading.warn(Code::GrantMissing, &["break_glass"], text);
    }
}

pub(super) fn doors_can_open(reading: &mut Reading) {
    let names = reading.texts(&["break_glass", "logins", "*"]);
    let namespace = reading.text(&["cluster", "namespace"]);
    if !names.is_empty() && namespace.is_some_and(|name| !name.trim_matches('/').is_empty()) {
        let text = "root generation belongs to the root namespace, and so do its logins; leave `cluster.namespace` empty, or go without: `break_glass: {none: \"reason\"}`";
        reading.refuse(Code::FileContradicts, &DOORS, text);
    }
    for (_, login) in names {
        let Some(mount) = mount_of(reading, login) else {
            continue;
        };
        let (kind, name) = match auth_type(reading, mount) {
            Some("userpass") => ("users", reading.text(&["logins", login, "username"])),
            Some("ldap") => {
                directory_door(reading, login, mount);
                continue;
            }
            Some(kind @ ("approle" | "cert")) => match the_role(reading, login, mount) {
                TheRole::Is(role) => ("roles", Some(role)),
                TheRole::OneOfMany => {
                    let (text, place) = if kind == "cert" {
                        (NO_ROLE_OF_CERT, &["logins", login][..])
                    } else {
                        (NO_ROLE_OF_APPROLE, &["logins", login, "auth"][..])
                    };
                    reading.refuse(Code::FileContradicts, place, text);
                    continue;
                }
                TheRole::Unknown => continue,
            },
            _ => ("roles", reading.text(&["logins", login, "role"])),
        };
        if let Some(name) = name {
            door(reading, mount, &["auth", mount, kind, name]);
        }
    }
}

/// The role behind a login that need not name one.
enum TheRole<'a> {
    Is(&'a str),
    OneOfMany,
    Unknown,
}

fn the_role<'a>(reading: &Reading<'a>, login: &str, mount: &str) -> TheRole<'a> {
    if let Some(role) = reading.text(&["logins", login, "role"]) {
        return TheRole::Is(role);
    }
    match reading.keys(&["auth", mount, "roles"]).as_deref() {
        Some([role]) => TheRole::Is(role),
        Some(_) => TheRole::OneOfMany,
        None => TheRole::Unknown,
    }
}

/// A directory has the users; what the server gives to one of them stands in `users`, and what tokens are like in `config`.
fn directory_door(reading: &mut Reading, login: &str, mount: &str) {
    let Some(username) = reading.text(&["logins", login, "username"]) else {
        return;
    };
    let users = ["auth", mount, "users"];
    let is_there = reading
        .keys(&users)
        .map(|names| names.iter().any(|name| name.eq_ignore_ascii_case(username)));
    if is_there == Some(false) {
        let text = format!(
            "the policy of break-glass is given to a user of the file: write `{username}: {{}}` below `users` of \
             `auth.{}`",
            mount_path(mount)
        );
        reading.refuse(Code::NameUnknown, &["logins", login, "username"], text);
    }
    door(reading, mount, &["auth", mount, "config"]);
}

fn door(reading: &mut Reading, mount: &str, path: &[&str]) {
    let own_path = under(path, &["token_type"]);
    let own = setting(reading, path, "token_type");
    let tuned_path = ["auth", mount, "tune", "token_type"];
    let tuned = reading.text(&tuned_path);
    let text = "a break-glass login needs service tokens: a batch token has no accessor and cannot be revoked";
    match (own, tuned) {
        (Some("batch"), _) => reading.refuse(Code::FileContradicts, &own_path, text),
        (_, Some("batch")) | (Some("" | "default"), Some("default-batch")) => {
            reading.refuse(Code::FileContradicts, &tuned_path, text);
        }
        _ => {}
    }
    let uses = under(path, &["token_num_uses"]);
    let few = |uses: u32| (1..FEWEST_USES).contains(&uses);
    if reading.value(&uses).is_some_and(few) {
        let text = format!(
            "the token of a break-glass login would run out in the middle of a quorum; 0 (any number) or at least \
             {FEWEST_USES}"
        );
        reading.refuse(Code::FileContradicts, &uses, text);
    }
}
