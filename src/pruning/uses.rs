//! Who names a policy: roles and users of every auth method of the server, groups and entities.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::desired::CONCURRENCY;
use crate::failure::Failure;
use crate::session::Session;
use crate::vault::mounts::list_auth;

/// So many things are read at the most: of more it is not said that none of them names a policy.
const READ_AT_MOST: usize = 5000;
/// Fields in which something names policies, in all spellings of the servers.
const FIELDS: [&str; 3] = ["policies", "token_policies", "allowed_policies"];

/// Who names which policy.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Paths of what names it, by the name of the policy.
    by_policy: BTreeMap<String, BTreeSet<String>>,
    /// Why not all could be looked at.
    pub(super) unseen: Option<String>,
}

impl Uses {
    /// Who names this one.
    pub(super) fn of(&self, policy: &str) -> Vec<String> {
        let named = self.by_policy.get(policy);
        named.into_iter().flatten().cloned().collect()
    }
}

/// What is written before anything is deleted, by its path as the file spells it: the policies that it then names.
pub(crate) type Coming = BTreeMap<String, BTreeSet<String>>;

/// Looks who names any policy. Changes nothing.
///
/// # Errors
/// The server does not answer as such servers do.
pub(super) async fn of_policies(session: &Session<'_>, coming: &Coming) -> Result<Uses, Failure> {
    let mut uses = Uses::default();
    let Some(collections) = collections(session, &mut uses).await? else {
        return Ok(uses);
    };
    let mut paths = Vec::new();
    for collection in collections {
        match session
            .client()
            .list(Some(session.token()?), &collection.listed)
            .await
        {
            Ok(names) => {
                let read = &collection.read;
                paths.extend(names.into_iter().map(|name| format!("{read}/{name}")));
            }
            Err(error) if error.is_forbidden() => uses.may_not("list", &collection.listed),
            Err(error) if error.is_retryable() => return Err(error.into()),
            // An auth method without such a collection.
            Err(_) => {}
        }
    }
    if paths.len() > READ_AT_MOST {
        uses.unseen = Some(format!(
            "{} roles, users, groups and entities are too many",
            paths.len()
        ));
        return Ok(uses);
    }
    let answers: Vec<(String, Answer)> = stream::iter(paths)
        .map(|path| async move {
            match session.client().read(Some(session.token()?), &path).await {
                Ok(Some(answer)) => Ok((path, Answer::Is(answer))),
                Err(error) if error.is_forbidden() => Ok((path, Answer::Denied)),
                Err(error) if error.is_retryable() => Err(Failure::from(error)),
                // Listed, and gone by now, or with a name that no path has: it may name anything.
                Ok(None) | Err(_) => Ok((path, Answer::Missing)),
            }
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;
    for (path, answer) in answers {
        match answer {
            Answer::Is(answer) => uses.take(path, &answer, coming),
            Answer::Denied => uses.may_not("read", &path),
            Answer::Missing => uses.has_not_read(&path),
        }
    }
    Ok(uses)
}

/// What came of reading something that was listed.
enum Answer {
    Is(Value),
    Denied,
    Missing,
}

/// A collection of what can name policies.
struct Collection {
    /// Where its names are listed.
    listed: String,
    /// What each is read below.
    read: String,
}

impl Collection {
    fn at(path: String) -> Self {
        let read = path.clone();
        Self { listed: path, read }
    }
}

async fn collections(
    session: &Session<'_>,
    uses: &mut Uses,
) -> Result<Option<Vec<Collection>>, Failure> {
    let methods = match list_auth(&session.client(), session.token()?).await {
        Ok(methods) => methods,
        Err(error) if error.is_forbidden() => {
            uses.may_not("read", "sys/auth");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let mut all = vec![
        Collection::at("identity/group/id".to_owned()),
        Collection::at("identity/entity/id".to_owned()),
    ];
    for (path, method) in methods {
        let below: &[&str] = match method.mount_type.as_str() {
            "userpass" | "radius" => &["users"],
            "approle" | "jwt" | "oidc" | "kubernetes" => &["role"],
            "cert" => &["certs"],
            "ldap" => &["groups", "users"],
            "token" | "ns_token" => &["roles"],
            other => {
                let text =
                    format!("how auth/{path}, of type {other}, names policies is not known here");
                uses.unseen.get_or_insert(text);
                continue;
            }
        };
        all.extend(
            below
                .iter()
                .map(|name| Collection::at(format!("auth/{path}/{name}"))),
        );
        if matches!(method.mount_type.as_str(), "ldap" | "radius") {
            // Whoever logs in there has what its config names.
            let config = format!("auth/{path}/config");
            match session.client().read(Some(session.token()?), &config).await {
                Ok(answer) => uses.take(config, &answer.unwrap_or_default(), &Coming::new()),
                Err(error) if error.is_forbidden() => uses.may_not("read", &config),
                Err(error) if error.is_retryable() => return Err(error.into()),
                Err(_) => {}
            }
        }
    }
    Ok(Some(all))
}

impl Uses {
    fn may_not(&mut self, what: &str, path: &str) {
        let text = format!("it takes path \"{path}\" {{ capabilities = [\"{what}\"] }}");
        self.unseen.get_or_insert(text);
    }

    fn has_not_read(&mut self, path: &str) {
        let text = format!("{path} is listed, and could not be read");
        self.unseen.get_or_insert(text);
    }

    pub(super) fn take(&mut self, path: String, answer: &Value, coming: &Coming) {
        // By its name, as the file has it, and not by its id.
        let path = match (answer["name"].as_str(), path.split('/').nth(1)) {
            (Some(name), Some(kind)) if path.starts_with("identity/") => {
                format!("identity/{kind}/name/{name}")
            }
            _ => path,
        };
        let named: BTreeSet<String> = match coming.get(&path) {
            Some(coming) => coming.clone(),
            None => FIELDS
                .iter()
                .flat_map(|field| names(&answer[*field]))
                .collect(),
        };
        for policy in named {
            self.by_policy
                .entry(policy)
                .or_default()
                .insert(path.clone());
        }
    }
}

/// Names in a list, or in a text with commas.
pub(super) fn names(value: &Value) -> Vec<String> {
    let split = |text: &str| {
        let names = text.split(',').map(|name| name.trim().to_lowercase());
        names.filter(|name| !name.is_empty()).collect::<Vec<_>>()
    };
    match value {
        Value::String(text) => split(text),
        Value::Array(items) => {
            let items = items.iter().filter_map(Value::as_str);
            items.flat_map(split).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_names_a_policy_is_known_in_all_spellings_and_by_what_is_about_to_be_written() {
        let mut uses = Uses::default();
        let coming = Coming::from([("auth/a/role/edited".to_owned(), BTreeSet::new())]);
        let mut take = |path: &str, answer: Value| uses.take(path.to_owned(), &answer, &coming);
        take(
            "auth/a/role/list",
            json!({ "token_policies": ["Ops", "x"] }),
        );
        take("auth/ldap/groups/text", json!({ "policies": "a, ops" }));
        take("auth/token/roles/t", json!({ "allowed_policies": ["ops"] }));
        take("auth/a/role/edited", json!({ "token_policies": ["ops"] }));
        take(
            "identity/group/id/1-2",
            json!({ "name": "team", "policies": ["ops"] }),
        );
        take("auth/a/role/none", json!({ "policies": null }));
        // Another one than that which is written.
        take("auth/a/role/Edited", json!({ "policies": ["ops"] }));
        let wanted = [
            "auth/a/role/Edited",
            "auth/a/role/list",
            "auth/ldap/groups/text",
            "auth/token/roles/t",
            "identity/group/name/team",
        ];
        assert_eq!(uses.of("ops"), wanted);
        assert_eq!(uses.of("other"), [] as [&str; 0]);
    }
}
