//! Privilege escalation: who may write policies, the roles that policies hang on, or the identities that carry them, gives
//! themselves whatever they want, the break-glass grant first of all.

use std::collections::BTreeMap;

use crate::config::{BreakGlass, Config, Login, LoginKind};
use crate::desired::grant;
use crate::failure::Failure;
use crate::secret::Token;
use crate::vault::{Client, policies};

/// A name that nothing has: who may write this one may write any.
const ANY: &str = "vault-bootstrap-any";
/// Who carries policies, and what makes tokens that do.
const IDENTITIES: [&str; 10] = [
    "auth/token/roles/vault-bootstrap-any",
    "identity/entity",
    "identity/entity/id/vault-bootstrap-any",
    "identity/entity/name/vault-bootstrap-any",
    "identity/entity-alias",
    "identity/entity/merge",
    "identity/group",
    "identity/group-alias",
    "identity/group/id/vault-bootstrap-any",
    "identity/group/name/vault-bootstrap-any",
];
/// Root tokens and new shares: for the break-glass logins alone.
const MAKING: [&str; 6] = [
    "sys/generate-root-token/update",
    "sys/generate-root/update",
    "sys/rotate/recovery/init",
    "sys/rotate/root/init",
    "sys/rekey-recovery-key/init",
    "sys/rekey/init",
];
/// What makes something new or another.
const WRITES: [&str; 4] = ["create", "update", "patch", "delete"];

/// A path, and the capabilities of which one is enough.
type Place = (String, &'static [&'static str]);

/// Whether the file says that this login may become root.
pub(crate) fn is_accepted(config: &Config, login: &str) -> bool {
    match &config.break_glass {
        BreakGlass::Logins { accept_admins, .. } => accept_admins.iter().any(|one| one == login),
        BreakGlass::None { .. } => true,
    }
}

/// What a login could make itself root by, as the server itself says. Nothing where the file accepts that; one that may not ask
/// cannot be told.
///
/// # Errors
/// The server cannot be asked.
pub(crate) async fn look(
    config: &Config,
    client: &Client,
    (login, token): (&Login, &Token),
) -> Result<Vec<String>, Failure> {
    if is_accepted(config, &login.name) {
        return Ok(Vec::new());
    }
    let places = places(config, login);
    let paths: Vec<&str> = places.iter().map(|(path, _)| path.as_str()).collect();
    match policies::capabilities_self(client, token, &paths).await {
        Ok(have) => Ok(found(&places, &have)),
        Err(error) if error.is_forbidden() => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Places that nobody but root should write. Some of them want `sudo` of
/// everybody, without which the others are of no use.
fn places(config: &Config, login: &Login) -> Vec<Place> {
    let mut places: Vec<Place> = vec![
        ("sys/auth/vault-bootstrap-any".to_owned(), &["sudo"]),
        ("auth/token/create".to_owned(), &["sudo"]),
        ("auth/token/create-orphan".to_owned(), &["sudo"]),
    ];
    let all = IDENTITIES.iter().map(|path| (*path).to_owned());
    let all = all.chain(
        ["policies/acl", "policy"]
            .into_iter()
            .flat_map(|kind| [grant::POLICY, ANY].map(|name| format!("sys/{kind}/{name}"))),
    );
    let all = all.chain(config.auth.iter().flat_map(|mount| {
        let members: &[&str] = match mount.auth_type.as_str() {
            "userpass" => &["users"],
            "ldap" => &["users", "groups"],
            "cert" => &["certs"],
            _ => &["role"],
        };
        let members = members
            .iter()
            .map(|collection| format!("auth/{}/{collection}/{ANY}", mount.path));
        members.chain([format!("auth/{}/config", mount.path)])
    }));
    places.extend(all.map(|path| (path, &WRITES as &[_])));
    for door in config.doors() {
        let Some(path) = grant::role_path(config, door) else {
            continue;
        };
        if matches!(door.kind, LoginKind::Userpass { .. }) {
            for field in ["password", "policies"] {
                places.push((format!("{path}/{field}"), &WRITES));
            }
        }
        places.push((path, &WRITES));
    }
    if !config.doors().iter().any(|door| door.name == login.name) {
        places.extend(MAKING.map(|path| (path.to_owned(), &["update"] as &[_])));
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// What of these places this login may write, as half a sentence each.
fn found(places: &[Place], have: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let may = |(path, enough): &&Place| {
        let has = have.get(path).map(Vec::as_slice).unwrap_or_default();
        let is = |name: &str| has.iter().any(|one| one == name);
        !is("deny") && (is("root") || enough.iter().any(|one| is(one)))
    };
    places
        .iter()
        .filter(may)
        .map(|(path, _)| path.replace(ANY, "*"))
        .collect()
}

/// Policies of a break-glass login that give more than the grant: its own and those of its identity.
pub(crate) fn more_than_the_grant(policies: &[String], of_identity: &[String]) -> Vec<String> {
    let all = policies.iter().chain(of_identity);
    let mut more: Vec<_> = all
        .filter(|name| *name != grant::POLICY && *name != "default")
        .cloned()
        .collect();
    more.sort_unstable();
    more.dedup();
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICIES: &str = "sys/policies/acl/vault-bootstrap-any";

    fn have(list: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let own = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        list.iter()
            .map(|(path, all)| ((*path).to_owned(), own(all)))
            .collect()
    }

    #[test]
    fn who_may_write_any_policy_is_found_and_who_may_read_it_is_not() {
        let places = [
            (POLICIES.to_owned(), &WRITES as &[_]),
            ("auth/token/create".to_owned(), &["sudo"] as &[_]),
        ];
        let reader = have(&[
            (POLICIES, &["read", "list"]),
            ("auth/token/create", &["update"]),
        ]);
        assert!(found(&places, &reader).is_empty());
        let writer = have(&[(POLICIES, &["read", "patch"])]);
        assert_eq!(found(&places, &writer), ["sys/policies/acl/*"]);
        let denied = have(&[(POLICIES, &["deny"])]);
        assert!(found(&places, &denied).is_empty());
        let sudo = have(&[("auth/token/create", &["update", "sudo"])]);
        assert_eq!(found(&places, &sudo), ["auth/token/create"]);
        let root = have(&[(POLICIES, &["root"]), ("auth/token/create", &["root"])]);
        assert_eq!(found(&places, &root).len(), 2);
    }

    #[test]
    fn whoever_writes_users_groups_or_certificates_could_be_anybody() {
        let here = std::path::Path::new("");
        let file = crate::examples::LDAP;
        let config = crate::config::from_text(file, here, here, &|_| None).unwrap();
        let all = places(&config, config.login("ci").unwrap());
        for path in [
            "auth/ldap/users/vault-bootstrap-any",
            "auth/ldap/groups/vault-bootstrap-any",
            "auth/ldap/users/ada",
            "auth/ldap/config",
            "auth/cert/certs/vault-bootstrap-any",
        ] {
            assert!(
                all.iter().any(|(place, _)| place == path),
                "{path}: {all:?}"
            );
        }
    }

    #[test]
    fn the_grant_and_the_default_policy_are_nothing_more() {
        let own = ["default".to_owned(), grant::POLICY.to_owned()];
        assert!(more_than_the_grant(&own, &[]).is_empty());
        let of_identity = ["operator".to_owned()];
        assert_eq!(more_than_the_grant(&own, &of_identity), ["operator"]);
    }
}
