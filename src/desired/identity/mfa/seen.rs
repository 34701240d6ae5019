//! What a server has of second factors and enforcements.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::desired::identity::answers::{Seen, seen};
use crate::desired::identity::paths::{ENFORCEMENTS, FACTORS, enforcement_path, factor_path};
use crate::failure::Failure;
use crate::session::Session;

/// What the server has, as far as the file names it.
#[derive(Debug, Default)]
pub(in crate::desired::identity) struct Factors {
    /// All methods of this namespace by id; `None` where this login may not list them.
    pub(super) methods: Option<BTreeMap<String, Value>>,
    /// Enforcements of the file by name.
    pub(super) enforcements: BTreeMap<String, Seen>,
}

impl Factors {
    /// Looks at all that the file names. Changes nothing.
    ///
    /// # Errors
    /// The server does not answer as such servers do.
    pub(in crate::desired::identity) async fn look(session: &Session<'_>) -> Result<Self, Failure> {
        let wanted = &session.config.mfa;
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let enforcements = wanted.enforcements.iter();
        let enforcements = enforcements.map(|one| (one.name.as_str(), enforcement_path(&one.name)));
        Ok(Self {
            methods: methods(session).await?,
            enforcements: seen(session, enforcements.collect()).await?,
        })
    }

    /// The method of this name, with its id.
    pub(super) fn method(&self, name: &str) -> Option<(&str, &Value)> {
        let mut all = self.methods.iter().flatten();
        let found = all.find(|(_, method)| method["name"] == name);
        found.map(|(id, method)| (id.as_str(), method))
    }

    /// The name of the method of this id; the id where it has none.
    pub(super) fn name_of(&self, id: &str) -> String {
        let method = self.methods.as_ref().and_then(|all| all.get(id));
        let name = method.and_then(|method| method["name"].as_str());
        name.filter(|name| !name.is_empty())
            .unwrap_or(id)
            .to_owned()
    }

    /// Ids of groups or entities that enforcements of the file are about.
    pub(in crate::desired::identity) fn ids<'s>(
        &'s self,
        field: &'s str,
    ) -> impl Iterator<Item = &'s str> {
        let answers = self.enforcements.values().filter_map(Seen::answer);
        let ids = answers.flat_map(move |answer| answer[field].as_array().into_iter().flatten());
        ids.filter_map(Value::as_str)
    }
}

/// All methods by id; `None` where this login may not list them. A server lists those of the namespaces above it too, which
/// are others' (measured).
async fn methods(session: &Session<'_>) -> Result<Option<BTreeMap<String, Value>>, Failure> {
    let path = FACTORS.trim_end_matches('/');
    let listed = session
        .client()
        .list_info(Some(session.token()?), path)
        .await;
    let mut all = match listed {
        Ok(all) => all,
        Err(error) if error.is_forbidden() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let own = session.config.cluster.namespace.as_deref();
    let own = own.unwrap_or_default().trim_matches('/');
    let of = |method: &Value| method["namespace_path"].as_str().map(str::to_owned);
    all.retain(|_, method| of(method).is_none_or(|path| path.trim_matches('/') == own));
    Ok(Some(all))
}

/// Whether the server still has what the file once named; `None` where this login may not look.
pub(in crate::desired::identity) async fn is_there(
    session: &Session<'_>,
    path: &str,
) -> Result<Option<bool>, Failure> {
    if let Some(method) = path.strip_prefix(FACTORS) {
        let (of_type, name) = method.split_once('/').unwrap_or_default();
        let is_it = |one: &Value| one["type"] == of_type && one["name"] == name;
        let all = methods(session).await?;
        return Ok(all.map(|all| all.values().any(is_it)));
    }
    match session.client().read(Some(session.token()?), path).await {
        Ok(found) => Ok(Some(found.is_some())),
        Err(error) if error.is_forbidden() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What the file does not name.
pub(crate) enum Unnamed {
    /// These, by path.
    Paths(Vec<String>),
    /// This login may not list them.
    Denied(&'static str),
}

/// Methods and enforcements that the file does not name.
///
/// # Errors
/// The server does not answer as such servers do.
pub(crate) async fn unnamed(session: &Session<'_>) -> Result<[Unnamed; 2], Failure> {
    let wanted = &session.config.mfa;
    let methods = match methods(session).await? {
        None => Unnamed::Denied(FACTORS),
        Some(all) => {
            let named =
                |method: &Value| wanted.methods.iter().any(|one| method["name"] == *one.name);
            let others = all.iter().filter(|(_, method)| !named(method));
            let paths = others.map(|(id, method)| {
                let name = method["name"].as_str().filter(|name| !name.is_empty());
                factor_path(
                    method["type"].as_str().unwrap_or_default(),
                    name.unwrap_or(id),
                )
            });
            Unnamed::Paths(paths.collect())
        }
    };
    let path = ENFORCEMENTS.trim_end_matches('/');
    let enforcements = match session.client().list(Some(session.token()?), path).await {
        Ok(names) => {
            let mut others = names;
            others.retain(|name| !wanted.enforcements.iter().any(|one| one.name == *name));
            Unnamed::Paths(others.iter().map(|name| enforcement_path(name)).collect())
        }
        Err(error) if error.is_forbidden() => Unnamed::Denied(ENFORCEMENTS),
        Err(error) => return Err(error.into()),
    };
    Ok([methods, enforcements])
}
