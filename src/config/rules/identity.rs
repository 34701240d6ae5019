//! Rules of `identity`: what the servers refuse half way, or take and never use.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::access::GRANT;
use super::auth::{auth_type, setting};
use crate::code::Code;
use crate::config::auth_types::{mount_path, role_id_path};
use crate::config::model::identity::{AliasName, Member};
use crate::config::problem::meant;
use crate::config::reading::{Reading, under};
use crate::config::tree::Kind;
use crate::config::values::Field;

pub(super) const GROUPS: [&str; 2] = ["identity", "groups"];
pub(super) const ENTITIES: [&str; 2] = ["identity", "entities"];

pub(super) fn names_are_different(reading: &mut Reading) {
    for kind in [GROUPS, ENTITIES] {
        let mut small: BTreeMap<String, &str> = BTreeMap::new();
        for name in reading.keys(&kind).unwrap_or_default() {
            let path = under(&kind, &[name]);
            if !is_name(name) {
                let text = "a name here is not empty, is neither `.` nor `..`, and has neither `/`, control characters nor spaces \
                            at its ends";
                reading.refuse(Code::FileValueInvalid, &path, text);
            }
            if let Some(other) = small.insert(name.to_lowercase(), name) {
                let text = format!("the servers take `{name}` and `{other}` for one name");
                reading.refuse(Code::FileContradicts, &path, text);
            }
        }
    }
}

/// Whether the servers have a path for it.
pub(super) fn is_name(name: &str) -> bool {
    let strange = |letter: char| letter == '/' || letter.is_control();
    !matches!(name, "" | "." | "..") && name.trim() == name && !name.contains(strange)
}

pub(super) fn policies_of_identities_exist(reading: &mut Reading) {
    let known = reading.keys(&["policies"]);
    let known: Option<HashSet<&str>> = known.map(|names| names.into_iter().collect());
    for kind in [GROUPS, ENTITIES] {
        for (path, policy) in reading.texts(&[kind[0], kind[1], "*", "policies", "*"]) {
            let unknown = known.as_ref().is_some_and(|known| !known.contains(policy));
            let (code, text) = match policy {
                "root" => (
                    Code::FileContradicts,
                    "nobody may have the policy `root`".to_owned(),
                ),
                GRANT => (
                    Code::FileContradicts,
                    "this policy belongs to the logins of `break_glass`, and comes to them by itself"
                        .to_owned(),
                ),
                _ if policy.to_lowercase() != policy => {
                    let small = policy.to_lowercase();
                    let text = format!("names of policies are lower case: `{small}`");
                    (Code::FileValueInvalid, text)
                }
                "default" => continue,
                _ if unknown => {
                    let text = format!(
                        "the policy `{policy}` is not in this file; without it nobody may do anything by it"
                    );
                    reading.warn(Code::NameUnknown, &path, text);
                    continue;
                }
                _ => continue,
            };
            reading.refuse(code, &path, text);
        }
    }
}

pub(super) fn types_of_groups_fit(reading: &mut Reading) {
    for name in reading.keys(&GROUPS).unwrap_or_default() {
        let group = under(&GROUPS, &[name]);
        let Some(written) = setting(reading, &group, "type") else {
            continue;
        };
        let external = written == "external";
        let others: &[(&str, &str)] = if external {
            let text = "the auth method says who is in an external group; put this group into an internal one, or leave it out";
            &[("member_entities", text), ("member_groups", text)]
        } else {
            &[(
                "alias",
                "only an external group has an alias: add `type: external`, or leave it out",
            )]
        };
        for (key, text) in others {
            let path = under(&group, &[key]);
            if reading.has(&path) == Some(true) {
                reading.refuse(Code::FileContradicts, &path, *text);
            }
        }
        if external && reading.has(&under(&group, &["alias"])) == Some(false) {
            let text = "without `alias` no login is ever in this group";
            reading.warn(Code::FileContradicts, &group, text);
        }
    }
}

/// An alias in the file: where it stands, whose it is, and what it says.
type Named = (Vec<String>, String, AliasName);

pub(super) fn aliases_are_different(reading: &mut Reading) {
    let of_entities = aliases(reading, &["identity", "entities", "*", "aliases", "*"]);
    let of_groups = aliases(reading, &["identity", "groups", "*", "alias"]);
    let mut mounts = BTreeSet::new();
    for (path, entity, alias) in &of_entities {
        if !mounts.insert((entity, &alias.auth)) {
            let text = format!(
                "an entity has one alias of an auth method; another of `{}` stands here already",
                alias.auth
            );
            reading.refuse(Code::FileContradicts, path, text);
        }
    }
    for all in [&of_entities, &of_groups] {
        let mut owners: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for (path, owner, alias) in all {
            let first = owners.insert((&alias.auth, &alias.name), owner);
            if let Some(other) = first.filter(|other| other != owner) {
                let text = format!("`{other}` has this alias already");
                reading.refuse(Code::FileContradicts, path, text);
            }
        }
    }
    let of_members = aliases(
        reading,
        &["identity", "groups", "*", "member_entities", "*"],
    );
    for (path, _, alias) in of_entities.iter().chain(&of_members) {
        fits_its_method(reading, path, alias);
    }
    for (path, _, alias) in &of_groups {
        let kind = method(reading, path, alias).and_then(|mount| auth_type(reading, mount));
        if let Some(kind @ ("userpass" | "approle" | "cert" | "kubernetes")) = kind {
            let text = format!(
                "{kind} knows no groups, so nobody would ever be in it; put its users into an internal group"
            );
            reading.refuse(Code::FileContradicts, path, text);
        }
    }
}

fn aliases(reading: &Reading, pattern: &[&str]) -> Vec<Named> {
    let found = reading.all(pattern).into_iter().filter_map(|path| {
        let node = reading.node(&path)?;
        matches!(node.kind, Kind::Map(_)).then_some(())?;
        let alias = reading.at(node).read()?;
        let owner = path[2].clone();
        Some((path, owner, alias))
    });
    found.collect()
}

/// The auth method of an alias, as its key stands in `auth`. One that is not there is refused.
fn method<'a>(reading: &mut Reading<'a>, path: &[String], alias: &AliasName) -> Option<&'a str> {
    let mounts = reading.keys(&["auth"])?;
    let found = mounts.iter().find(|mount| mount_path(mount) == alias.auth);
    if let Some(found) = found {
        return Some(found);
    }
    let hint = meant(&alias.auth, mounts.iter().copied());
    let text = format!("no auth method of this file has this path{hint}");
    let path = [path, &["auth".to_owned()]].concat();
    reading.refuse(Code::NameUnknown, &path, text);
    None
}

/// What an alias is called is said by its auth method: under another name it would belong to nobody.
fn fits_its_method(reading: &mut Reading, path: &[String], alias: &AliasName) {
    let Some(mount) = method(reading, path, alias) else {
        return;
    };
    let at = [path, &["name".to_owned()]].concat();
    let name = alias.name.as_str();
    match auth_type(reading, mount) {
        Some("userpass") if name.to_lowercase() != name => {
            let small = name.to_lowercase();
            let text = format!("userpass keeps its users in lower case: `{small}`");
            reading.refuse(Code::FileValueInvalid, &at, text);
        }
        Some("userpass") => {
            let users = reading.keys(&["auth", mount, "users"]).unwrap_or_default();
            if !users.is_empty() && !users.contains(&name) {
                let hint = meant(name, users.into_iter());
                let text = format!("no user of `auth.{mount}` in this file has this name{hint}");
                reading.warn(Code::NameUnknown, &at, text);
            }
        }
        Some("approle") => {
            let roles = reading.keys(&["auth", mount, "roles"]);
            if let Some(roles) = roles.filter(|roles| !roles.contains(&name)) {
                let hint = meant(name, roles.into_iter());
                let text = format!("no role of `auth.{mount}` in this file has this name{hint}");
                reading.refuse(Code::NameUnknown, &at, text);
            } else if gives_hidden_role_id(reading, mount, name) {
                let text = "the alias of a role is its role id, which stands in `writes` as a reference to a secret; write it there \
                            plainly, or leave it to the server";
                reading.refuse(Code::FileContradicts, &at, text);
            }
        }
        Some("kubernetes") => {
            let of_account = roles_for(reading, mount, name);
            let by_uid = |role: &&str| {
                let role = ["auth", mount, "roles", role];
                setting(reading, &role, "alias_name_source") != Some("serviceaccount_name")
            };
            if let Some(role) = of_account.iter().copied().find(by_uid) {
                let text = format!(
                    "a service account is known by its uid there, which is another one each time it is made: the role `{role}` \
                     needs `alias_name_source: serviceaccount_name`"
                );
                reading.refuse(Code::FileContradicts, path, text);
            } else if of_account.is_empty() {
                let text = format!(
                    "expected NAMESPACE/SERVICE_ACCOUNT of one that a role of `auth.{mount}` lets in"
                );
                reading.refuse(Code::NameUnknown, &at, text);
            }
        }
        _ => {}
    }
}

/// Roles that let a service account in, `NAMESPACE/NAME`; none where the name has another form.
fn roles_for<'a>(reading: &Reading<'a>, mount: &'a str, name: &str) -> Vec<&'a str> {
    let roles = reading.keys(&["auth", mount, "roles"]).unwrap_or_default();
    let Some((namespace, account)) = name.split_once('/') else {
        return Vec::new();
    };
    let lets_in = |role: &&str| {
        let says = |key: &str, value: &str| {
            let given: Option<Field> = reading.value(&["auth", mount, "roles", role, key]);
            given.is_none_or(|given| {
                let given = given.strings();
                given.contains(&value) || given.contains(&"*")
            })
        };
        says("bound_service_account_names", account)
            && says("bound_service_account_namespaces", namespace)
    };
    roles.into_iter().filter(lets_in).collect()
}

fn gives_hidden_role_id(reading: &Reading, mount: &str, role: &str) -> bool {
    let wanted = role_id_path(mount, role).to_lowercase();
    let writes = reading.texts(&["writes", "*", "path"]).into_iter();
    let mut writes = writes.filter(|(_, path)| path.to_lowercase() == wanted);
    writes.any(|(path, _)| {
        let data = [&path[..2], &["data".to_owned(), "role_id".to_owned()]].concat();
        matches!(reading.value::<Field>(&data), Some(Field::Secret(_)))
    })
}

pub(super) fn members_of_groups_exist(reading: &mut Reading) {
    let (groups, entities) = (reading.keys(&GROUPS), reading.keys(&ENTITIES));
    for (kind, known) in [("member_groups", &groups), ("member_entities", &entities)] {
        let mut seen: BTreeSet<(String, &str)> = BTreeSet::new();
        for (path, name) in reading.texts(&["identity", "groups", "*", kind, "*"]) {
            let unknown = known.as_ref().filter(|known| !known.contains(&name));
            if let Some(known) = unknown {
                let hint = meant(name, known.iter().copied());
                let section = if kind == "member_groups" {
                    "groups"
                } else {
                    "entities"
                };
                let text = format!("`identity.{section}` has no `{name}`{hint}");
                reading.refuse(Code::NameUnknown, &path, text);
            } else if !seen.insert((path[2].clone(), name)) {
                reading.refuse(
                    Code::FileContradicts,
                    &path,
                    "this member is in the list already",
                );
            }
        }
    }
    members_stand_once(reading);
    groups_are_in_no_circle(reading);
}

/// The same member by its name and by its alias would be missing once in whatever the server answers.
fn members_stand_once(reading: &mut Reading) {
    let of_entities = aliases(reading, &["identity", "entities", "*", "aliases", "*"]);
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    for path in reading.all(&["identity", "groups", "*", "member_entities", "*"]) {
        let Some(member) = reading.value::<Member>(&path) else {
            continue;
        };
        let name = match member {
            Member::Entity(name) => name,
            Member::Alias(alias) => {
                let mut of_entities = of_entities.iter();
                let owner = of_entities.find(|(_, _, its)| *its == alias);
                let owner = owner.map(|(_, owner, _)| owner.clone());
                owner.unwrap_or_else(|| format!("{}/{}", alias.auth, alias.name))
            }
        };
        let is_text = reading.text(&path).is_some();
        if !seen.insert((path[2].clone(), name)) && !is_text {
            let text = "this member is in the list already";
            reading.refuse(Code::FileContradicts, &path, text);
        }
    }
}

fn groups_are_in_no_circle(reading: &mut Reading) {
    let mut members: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (path, name) in reading.texts(&["identity", "groups", "*", "member_groups", "*"]) {
        let Some(group) = reading
            .keys(&GROUPS)
            .and_then(|names| names.into_iter().find(|name| *name == path[2]))
        else {
            continue;
        };
        members.entry(group).or_default().push(name);
        places.insert((group, name), path);
    }
    for ((group, name), path) in places {
        let (mut reached, mut next) = (BTreeSet::new(), vec![name]);
        while let Some(one) = next.pop() {
            if reached.insert(one) {
                next.extend(members.get(one).into_iter().flatten());
            }
        }
        if reached.contains(group) {
            let text = format!("`{group}` would be a member of itself");
            reading.refuse(Code::FileContradicts, &path, text);
        }
    }
}
