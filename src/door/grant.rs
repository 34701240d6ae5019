//! Whether a login could bring root back: pure, over its resultant ACL.
//!
//! The matching is the servers': an exact path wins over all patterns; among patterns the one whose
//! first wildcard stands furthest right wins, then the one that does not end in `*`, then the one
//! with fewer `+`, then the longer, then the later in the alphabet; `deny` in the winner is nothing at
//! all (vault and openbao: vault/acl.go). Patterns without `+` are prefixes, written without their `*`.

use crate::vault::{Dialect, ResultantAcl};

/// What is needed below the base path. Start and submit are `update`: `create` alone was answered 403
/// (OpenBao 2.6.2 and 2.7.2, tried); status is `read`, cancel is `delete`.
const NEEDED: [(&str, &[&str]); 2] = [
    ("attempt", &["read", "update", "delete"]),
    ("update", &["update"]),
];

/// Whether this login may start, feed, watch and cancel a root generation.
///
/// # Errors
/// What it lacks: `update on sys/generate-root-token/attempt`.
pub fn grant_holds(acl: &ResultantAcl, dialect: Dialect) -> Result<(), Vec<String>> {
    let mut missing = Vec::new();
    for (leaf, needed) in NEEDED {
        let path = format!("{}/{leaf}", dialect.base());
        let lacks = needed
            .iter()
            .filter(|capability| !allows(acl, &path, capability));
        missing.extend(lacks.map(|capability| format!("{capability} on {path}")));
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(missing)
    }
}

fn allows(acl: &ResultantAcl, path: &str, capability: &str) -> bool {
    if acl.root {
        return true;
    }
    let found = acl.exact_paths.get(path).or_else(|| {
        let matching = acl
            .glob_paths
            .iter()
            .filter(|(pattern, _)| matches(pattern, path));
        matching
            .max_by(|(one, _), (other, _)| rank(one).cmp(&rank(other)))
            .map(|(_, found)| found)
    });
    found.is_some_and(|found| allowed(found, capability))
}

/// Whether this capability is among those that a server says somebody has at a path.
pub(super) fn allowed(found: &[String], capability: &str) -> bool {
    let is = |name: &str| found.iter().any(|one| one == name);
    !is("deny") && (is("root") || is(capability))
}

/// The more specific of two patterns is the greater.
fn rank(pattern: &str) -> (usize, bool, std::cmp::Reverse<usize>, usize, &str) {
    let plus = pattern.matches('+').count();
    let is_prefix = plus == 0 || pattern.ends_with('*');
    let first_wildcard = pattern
        .find('+')
        .unwrap_or(pattern.trim_end_matches('*').len());
    (
        first_wildcard,
        !is_prefix,
        std::cmp::Reverse(plus),
        pattern.len(),
        pattern,
    )
}

fn matches(pattern: &str, path: &str) -> bool {
    if !pattern.contains('+') {
        return path.starts_with(pattern.trim_end_matches('*'));
    }
    let (pattern, is_prefix) = match pattern.strip_suffix('*') {
        Some(start) => (start, true),
        None => (pattern, false),
    };
    let mut parts = path.split('/');
    let mut wanted = pattern.split('/').peekable();
    while let Some(want) = wanted.next() {
        let Some(part) = parts.next() else {
            return false;
        };
        let last = wanted.peek().is_none();
        if last && is_prefix {
            return want == "+" || part.starts_with(want);
        }
        if want != "+" && want != part {
            return false;
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    type Rules<'a> = &'a [(&'a str, &'a [&'a str])];

    fn acl(exact: Rules, glob: Rules) -> ResultantAcl {
        let own = |rules: Rules| -> BTreeMap<String, Vec<String>> {
            let list = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
            rules
                .iter()
                .map(|(path, all)| ((*path).to_owned(), list(all)))
                .collect()
        };
        ResultantAcl {
            root: false,
            exact_paths: own(exact),
            glob_paths: own(glob),
        }
    }

    const ATTEMPT: &str = "sys/generate-root-token/attempt";
    const UPDATE: &str = "sys/generate-root-token/update";

    #[test]
    fn the_grant_itself_holds_and_every_gap_is_named() {
        let full = acl(
            &[
                (ATTEMPT, &["delete", "read", "update"]),
                (UPDATE, &["update"]),
            ],
            &[],
        );
        assert_eq!(grant_holds(&full, Dialect::OpenBao), Ok(()));
        assert_eq!(grant_holds(&full, Dialect::Classic).unwrap_err().len(), 4);
        let gaps = acl(&[(ATTEMPT, &["create", "read"])], &[]);
        assert_eq!(
            grant_holds(&gaps, Dialect::OpenBao).unwrap_err(),
            [
                "update on sys/generate-root-token/attempt",
                "delete on sys/generate-root-token/attempt",
                "update on sys/generate-root-token/update"
            ]
        );
        assert_eq!(
            grant_holds(
                &ResultantAcl {
                    root: true,
                    ..acl(&[], &[])
                },
                Dialect::OpenBao
            ),
            Ok(())
        );
    }

    #[test]
    fn the_server_s_order_decides_between_patterns() {
        let all: &[&str] = &["read", "update", "delete"];
        let deny: &[&str] = &["deny"];
        for (exact, glob, holds) in [
            (&[] as Rules, &[("", all)] as Rules, true),
            (&[], &[("sys/", all)], true),
            (&[], &[("sys/", all), ("sys/generate", deny)], false),
            (&[], &[("sys/", deny), ("sys/generate", all)], true),
            (&[(ATTEMPT, deny)], &[("sys/", all)], false),
            (&[(ATTEMPT, all)], &[("sys/", all), ("sys/g", deny)], false),
            (&[], &[("sys/+/attempt", all), ("sys/+/update", all)], true),
            (&[], &[("sys/+/+", all)], true),
            (&[], &[("sys/+/+", all), ("sys/+/att*", deny)], true),
            (
                &[],
                &[("sys/+/+", all), ("sys/generate-root-token/+", deny)],
                false,
            ),
            (&[], &[("+/generate-root-token/*", all)], true),
            (&[], &[("sys/+", all)], false),
            (&[], &[("sys/+/+/+", all)], false),
            (&[], &[("sys/+/att", all)], false),
        ] {
            let acl = acl(exact, glob);
            assert_eq!(
                grant_holds(&acl, Dialect::OpenBao).is_ok(),
                holds,
                "{exact:?} {glob:?}"
            );
        }
    }
}
