//! What is on the server and not in the file: left alone, told, and a finding where it is a second way to be root.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};

use crate::config::makes_root::way_to_root;
use crate::desired::grant;
use crate::desired::identity::mfa::seen as mfa;
use crate::desired::view::{CONCURRENCY, View};
use crate::failure::Failure;
use crate::finding::{DocumentFinding, Finding};
use crate::vault::policies;

/// So many texts of policies are read at the most: more of them are counted, and not judged.
const READ_AT_MOST: usize = 1000;
/// What is there and not in the file, by path, and what of it is dangerous.
#[derive(Debug, Default)]
pub(crate) struct Unmanaged {
    /// Paths, in order.
    pub(crate) paths: Vec<String>,
    /// What makes somebody root, and what was not looked at.
    pub(crate) findings: Vec<Finding>,
}

/// That nobody could look what else is there.
pub(super) fn unlisted(collection: &str) -> Finding {
    DocumentFinding::Unlisted(collection.to_owned()).into()
}

/// Policies that the file does not name, once all is handed over.
pub(crate) async fn of_policies(view: &View<'_>) -> Result<Unmanaged, Failure> {
    const ALL: &str = "sys/policies/acl";
    let Some(names) = names(view, ALL).await? else {
        return Ok(Unmanaged {
            paths: Vec::new(),
            findings: vec![unlisted(ALL)],
        });
    };
    let of_file = view.config.policies.iter().map(|one| one.name.as_str());
    let of_file: BTreeSet<&str> = of_file.collect();
    let of_server = |name: &str| matches!(name, "default" | "root") || name == grant::POLICY;
    let mut others = names;
    others.retain(|name| !of_file.contains(name.as_str()) && !of_server(name));
    let judged = stream::iter(others.iter().take(READ_AT_MOST).cloned());
    let judged = judged.map(|name| async move {
        let text = policies::read(&view.client(), view.token()?, &name).await;
        Ok::<_, Failure>(match text {
            Ok(Some(text)) => {
                way_to_root(&text).map(|way| DocumentFinding::MakesRoot(name, way).into())
            }
            Ok(None) => None,
            Err(error) if error.is_forbidden() => Some(unlisted(&format!("{ALL}/{name}"))),
            Err(error) => return Err(error.into()),
        })
    });
    let judged: Vec<_> = judged.buffered(CONCURRENCY).collect().await;
    let mut findings = Vec::new();
    for one in judged {
        findings.extend(one?);
    }
    if others.len() > READ_AT_MOST {
        let more = others.len() - READ_AT_MOST;
        findings.push(unlisted(&format!("{more} more of {ALL}")));
    }
    let paths = others.into_iter();
    let paths = paths
        .map(|name| format!("sys/policies/acl/{name}"))
        .collect();
    Ok(Unmanaged { paths, findings })
}

/// Roles and users, of the auth methods of the file, that the file does not name.
pub(crate) async fn of_roles(view: &View<'_>, named: &[String]) -> Result<Unmanaged, Failure> {
    let (mut paths, mut findings) = (Vec::new(), Vec::new());
    let named: BTreeSet<String> = named.iter().map(|path| path.to_lowercase()).collect();
    for method in &view.config.auth {
        let collections: &[&str] = match method.auth_type.as_str() {
            "userpass" => &["users"],
            "cert" => &["certs"],
            "ldap" => &["groups", "users"],
            _ => &["role"],
        };
        for collection in collections {
            let collection = format!("auth/{}/{collection}", method.path);
            let Some(names) = names(view, &collection).await? else {
                findings.push(unlisted(&collection));
                continue;
            };
            let found = names.into_iter().map(|name| format!("{collection}/{name}"));
            paths.extend(found.filter(|path| !named.contains(&path.to_lowercase())));
        }
    }
    Ok(Unmanaged { paths, findings })
}

/// The names of a collection, none where there is no such list; `None` where this login may not have it.
async fn names(view: &View<'_>, collection: &str) -> Result<Option<Vec<String>>, Failure> {
    match view.client().list(Some(view.token()?), collection).await {
        Ok(names) => Ok(Some(names)),
        Err(error) if error.is_retryable() => Err(error.into()),
        Err(error) if error.is_forbidden() => Ok(None),
        Err(_) => Ok(Some(Vec::new())),
    }
}

/// Groups, entities and second factors that the file does not name, where it names some. Entities that logins have made are nobody's doing.
pub(crate) async fn of_identity(view: &View<'_>) -> Result<Unmanaged, Failure> {
    let identity = &view.config.identity;
    let groups = identity.groups.iter().map(|one| one.name.to_lowercase());
    let entities = identity.entities.iter().map(|one| one.name.to_lowercase());
    let kinds: [(&str, BTreeSet<String>); 2] =
        [("group", groups.collect()), ("entity", entities.collect())];
    let mut found = Unmanaged::default();
    for (kind, named) in kinds {
        if named.is_empty() {
            continue;
        }
        let collection = format!("identity/{kind}/id");
        let listed = view
            .client()
            .list_info(Some(view.token()?), &collection)
            .await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) if error.is_forbidden() => {
                found.findings.push(unlisted(&collection));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let names = listed.values().filter_map(|one| one["name"].as_str());
        let others = names.filter(|name| {
            let by_login = kind == "entity" && is_of_a_login(name);
            !by_login && !named.contains(&name.to_lowercase())
        });
        let mut others: Vec<_> = others
            .map(|name| format!("identity/{kind}/name/{name}"))
            .collect();
        others.sort();
        found.paths.extend(others);
    }
    if !view.config.mfa.is_empty() {
        for others in mfa::unnamed(view).await? {
            match others {
                mfa::Unnamed::Paths(paths) => found.paths.extend(paths),
                mfa::Unnamed::Denied(path) => found.findings.push(unlisted(path)),
            }
        }
    }
    Ok(found)
}

/// Whether this is a name that the servers give to an entity of a login (measured: `entity_` and eight digits of base 16, on
/// OpenBao 2.7 with the namespace).
fn is_of_a_login(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("entity_") else {
        return false;
    };
    let digits = rest.get(..8);
    digits.is_some_and(|digits| digits.chars().all(|letter| letter.is_ascii_hexdigit()))
        && matches!(rest.as_bytes().get(8), None | Some(b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_of_a_login_is_known_by_its_name() {
        assert!(is_of_a_login("entity_0528bde0") && is_of_a_login("entity_0528bde0.root"));
        for name in ["ada", "entity_ada", "entity_0528bde0x", "entity_0528bde"] {
            assert!(!is_of_a_login(name), "{name}");
        }
    }
}
