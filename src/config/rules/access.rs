//! Rules of policies, roles and the doors of the way back.

use super::{Parts, members};
use crate::config::model::{AuthMount, BreakGlass, Field, Fields, Login, LoginKind, PolicySource};
use crate::config::reading::Reading;
use crate::config::tree::step;

/// The policy that the program writes for the way back.
const GRANT: &str = "vault-bootstrap-break-glass";

/// Requests that a root generation takes: status, start, the shares of a quorum, a retry, proof, cancel.
const FEWEST_USES: u64 = 10;

pub(super) fn policy_names_are_free(_: &Parts, reading: &mut Reading) {
    for name in reading.names("policies") {
        let text = match name {
            "root" => "the policy `root` cannot be written",
            GRANT => "this name belongs to the policy that the program writes for `break_glass`",
            _ if name.is_empty() || name.contains(char::is_whitespace) => {
                "a policy needs a name without spaces"
            }
            _ if name.to_lowercase() != name => {
                "names of policies are lower case; the servers would change it"
            }
            _ => continue,
        };
        reading.refuse(&["policies", name], text);
    }
}

pub(super) fn policies_have_a_text(parts: &Parts, reading: &mut Reading) {
    for policy in &parts.policies {
        if let PolicySource::Rules { text, file } = &policy.source
            && text.trim().is_empty()
        {
            let key = if file.is_some() { "file" } else { "rules" };
            reading.refuse(&["policies", &policy.name, key], "the policy is empty");
        }
    }
}

pub(super) fn policies_of_tokens_exist(parts: &Parts, reading: &mut Reading) {
    let known = reading.names("policies");
    for (mount, kind, name, fields) in members(parts) {
        let path = ["auth", &mount.path, kind, name, "token_policies"];
        for policy in fields
            .get("token_policies")
            .map(Field::strings)
            .unwrap_or_default()
        {
            if policy == "root" {
                reading.refuse(&path, "no login may have the policy `root`");
            } else if !known.contains(&policy)
                && policy != "default"
                && policy != GRANT
                && !policy.contains("{{")
            {
                let text = format!(
                    "the policy `{policy}` is not in this file; without it the token may do nothing by it"
                );
                reading.warn(&path, text);
            }
        }
    }
}

pub(super) fn oidc_is_complete(parts: &Parts, reading: &mut Reading) {
    for mount in parts
        .auth
        .iter()
        .filter(|mount| matches!(mount.auth_type.as_str(), "oidc" | "jwt"))
    {
        if mount.config.is_empty() {
            continue;
        }
        let keys = [
            "oidc_discovery_url",
            "jwks_url",
            "jwks_pairs",
            "jwt_validation_pubkeys",
        ];
        if keys
            .iter()
            .filter(|key| mount.config.get(key).is_some())
            .count()
            != 1
        {
            let text = "exactly one of `oidc_discovery_url`, `jwks_url`, `jwks_pairs` and `jwt_validation_pubkeys` says where keys come from";
            reading.refuse(&["auth", &mount.path, "config"], text);
        }
        if mount.config.get("oidc_client_id").is_some()
            != mount.config.get("oidc_client_secret").is_some()
        {
            reading.refuse(
                &["auth", &mount.path, "config"],
                "`oidc_client_id` and `oidc_client_secret` go together",
            );
        }
    }
}

pub(super) fn roles_of_people_are_bound(parts: &Parts, reading: &mut Reading) {
    for (mount, kind, name, fields) in members(parts) {
        if !matches!(mount.auth_type.as_str(), "oidc" | "jwt") {
            continue;
        }
        let path = ["auth", &mount.path, kind, name];
        let setting = |key: &str| fields.get(key).and_then(Field::as_str);
        let bound = [
            "bound_claims",
            "bound_subject",
            "bound_audiences",
            "token_bound_cidrs",
        ];
        let claims = |keys: &[&str]| keys.iter().any(|key| fields.get(key).is_some());
        if setting("role_type") == Some("jwt") {
            if !claims(&bound) {
                reading.refuse(&path, "a role for JWTs needs `bound_audiences`, `bound_subject`, `bound_claims` or `token_bound_cidrs`");
            }
            continue;
        }
        if !claims(&["allowed_redirect_uris"]) && setting("callback_mode") != Some("device") {
            let text = "missing key `allowed_redirect_uris`; for this program it is `[\"http://localhost:8250/oidc/callback\"]`";
            reading.refuse(&path, text);
        }
        if !claims(&bound[..2]) {
            reading.warn(
                &path,
                "no `bound_claims`: whoever has an account at the provider gets in",
            );
        }
    }
}

pub(super) fn doors_exist(parts: &Parts, reading: &mut Reading) {
    let Some(BreakGlass::Logins(names)) = &parts.break_glass else {
        return;
    };
    let known = reading.names("logins");
    for (index, name) in names.iter().enumerate() {
        let here = step(index);
        if !known.contains(&name.as_str()) {
            reading.refuse(
                &["break_glass", "logins", &here],
                "no login of this file has this name",
            );
        } else if names[..index].contains(name) {
            reading.refuse(
                &["break_glass", "logins", &here],
                "this login stands in the list already",
            );
        }
    }
    let doors: Vec<&Login> = parts
        .logins
        .iter()
        .filter(|login| names.contains(&login.name))
        .collect();
    let first = doors.first().map(|door| &door.auth);
    if doors.len() == names.len() && doors.iter().all(|door| Some(&door.auth) == first) {
        reading.warn(
            &["break_glass", "logins"],
            "all doors hang on one auth method; a second one on another is advised",
        );
    }
}

pub(super) fn doors_can_open(parts: &Parts, reading: &mut Reading) {
    let Some(BreakGlass::Logins(names)) = &parts.break_glass else {
        return;
    };
    if parts
        .cluster
        .as_ref()
        .is_some_and(|cluster| cluster.namespace.is_some())
    {
        let text = "root generation belongs to the root namespace, and so do its logins; leave `cluster.namespace` empty";
        reading.refuse(&["break_glass", "logins"], text);
    }
    for login in parts
        .logins
        .iter()
        .filter(|login| names.contains(&login.name))
    {
        let Some(mount) = parts.auth.iter().find(|mount| mount.path == login.auth) else {
            continue;
        };
        let (kind, name) = match &login.kind {
            LoginKind::Userpass { username, .. } => ("users", username),
            LoginKind::Jwt { role, .. }
            | LoginKind::Kubernetes { role, .. }
            | LoginKind::Oidc { role, .. } => ("roles", role),
            LoginKind::AppRole { .. } => match mount.roles.as_slice() {
                [(role, _)] => ("roles", role),
                _ => {
                    let text = "a role id does not say which role it belongs to, so the grant would hang nowhere; \
                                give the break-glass role an `approle` mount of its own, with one role";
                    reading.refuse(&["logins", &login.name, "auth"], text);
                    continue;
                }
            },
        };
        let Some(fields) = (if kind == "users" {
            mount.user(name)
        } else {
            mount.role(name)
        }) else {
            continue;
        };
        door(reading, mount, kind, name, fields);
    }
}

fn door(reading: &mut Reading, mount: &AuthMount, kind: &str, name: &str, fields: &Fields) {
    let own = fields
        .get("token_type")
        .and_then(Field::as_str)
        .filter(|text| !matches!(*text, "" | "default"));
    let tuned = mount.tune.get("token_type").and_then(Field::as_str);
    let text = "a break-glass door needs service tokens: a batch token has no accessor and cannot be revoked";
    match (own, tuned) {
        (Some("batch"), _) => {
            reading.refuse(&["auth", &mount.path, kind, name, "token_type"], text);
        }
        (_, Some("batch")) | (None, Some("default-batch")) => {
            reading.refuse(&["auth", &mount.path, "tune", "token_type"], text);
        }
        _ => {}
    }
    if let Some(Field::Number(uses)) = fields.get("token_num_uses")
        && uses
            .as_u64()
            .is_some_and(|uses| uses > 0 && uses < FEWEST_USES)
    {
        let text = format!(
            "the token of a break-glass door would run out in the middle of a quorum; 0 (any number) or at least {FEWEST_USES}"
        );
        reading.refuse(&["auth", &mount.path, kind, name, "token_num_uses"], text);
    }
}
