//! Root in disguise: who may write policies, the roles that policies hang on, or the identities that carry them, gives
//! themselves whatever they want, the break-glass grant first of all.

use std::collections::BTreeMap;

use super::grant;
use crate::config::{Config, Login};

/// A policy that nobody has: who may write this one may write any.
const ANY_POLICY: &str = "sys/policies/acl/vault-bootstrap-any";
/// What makes something new or another.
const WRITES: [&str; 4] = ["create", "update", "patch", "delete"];

/// Places that nobody but root should write, with the capabilities of which one is enough. Some of them want `sudo` of
/// everybody, without which the others are of no use.
#[must_use]
pub(super) fn places(config: &Config, login: &Login) -> Vec<(String, &'static [&'static str])> {
    let mut places: Vec<(String, &'static [&'static str])> = vec![
        (format!("sys/policies/acl/{}", grant::POLICY), &WRITES),
        (ANY_POLICY.to_owned(), &WRITES),
        ("identity/entity".to_owned(), &WRITES),
        ("identity/group".to_owned(), &WRITES),
        ("sys/auth/vault-bootstrap-any".to_owned(), &["sudo"]),
        ("auth/token/create".to_owned(), &["sudo"]),
    ];
    for door in config.doors() {
        places.extend(grant::role_path(config, door).map(|path| (path, &WRITES as &[_])));
    }
    if !config.doors().iter().any(|door| door.name == login.name) {
        for path in ["sys/generate-root-token/update", "sys/rotate/recovery/init"] {
            places.push((path.to_owned(), &["update"]));
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// What of these places this login may write, as half a sentence each.
#[must_use]
pub(super) fn found(
    places: &[(String, &'static [&'static str])],
    have: &BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    let may = |(path, enough): &&(String, &'static [&'static str])| {
        let has = have.get(path).map(Vec::as_slice).unwrap_or_default();
        let is = |name: &str| has.iter().any(|one| one == name);
        !is("deny") && (is("root") || enough.iter().any(|one| is(one)))
    };
    places
        .iter()
        .filter(may)
        .map(|(path, _)| match path.as_str() {
            ANY_POLICY => "any policy".to_owned(),
            path => path.to_owned(),
        })
        .collect()
}

/// Policies of a break-glass login that give more than the grant: its own and those of its identity.
#[must_use]
pub(super) fn more_than_the_grant(policies: &[String], of_identity: &[String]) -> Vec<String> {
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

    fn have(list: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let own = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        list.iter()
            .map(|(path, all)| ((*path).to_owned(), own(all)))
            .collect()
    }

    #[test]
    fn who_may_write_any_policy_is_found_and_who_may_read_it_is_not() {
        let places = [
            (ANY_POLICY.to_owned(), &WRITES as &[_]),
            ("auth/token/create".to_owned(), &["sudo"] as &[_]),
        ];
        let reader = have(&[
            (ANY_POLICY, &["read", "list"]),
            ("auth/token/create", &["update"]),
        ]);
        assert!(found(&places, &reader).is_empty());
        let writer = have(&[(ANY_POLICY, &["read", "patch"])]);
        assert_eq!(found(&places, &writer), ["any policy"]);
        let denied = have(&[(ANY_POLICY, &["deny"])]);
        assert!(found(&places, &denied).is_empty());
        let sudo = have(&[("auth/token/create", &["update", "sudo"])]);
        assert_eq!(found(&places, &sudo), ["auth/token/create"]);
        let root = have(&[(ANY_POLICY, &["root"]), ("auth/token/create", &["root"])]);
        assert_eq!(found(&places, &root).len(), 2);
    }

    #[test]
    fn the_grant_and_the_default_policy_are_nothing_more() {
        let own = ["default".to_owned(), grant::POLICY.to_owned()];
        assert!(more_than_the_grant(&own, &[]).is_empty());
        let of_identity = ["operator".to_owned()];
        assert_eq!(more_than_the_grant(&own, &of_identity), ["operator"]);
    }
}
