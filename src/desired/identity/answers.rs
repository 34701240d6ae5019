//! What a server says of one group, entity or alias, as it is asked.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::config::{AliasName, Field, role_id_path};
use crate::desired::view::CONCURRENCY;
use crate::failure::Failure;
use crate::session::Session;
use crate::vault;
use crate::vault::mounts::list_auth;

/// One thing of the file, at the server.
#[derive(Debug)]
pub(super) enum Seen {
    /// It is not there.
    Absent,
    /// This login may not read it.
    Denied,
    /// What it says.
    There(Value),
}

impl Seen {
    /// What it says, where it is there.
    pub(super) fn answer(&self) -> Option<&Value> {
        match self {
            Self::There(answer) => Some(answer),
            Self::Absent | Self::Denied => None,
        }
    }

    /// Its id, where it is there.
    pub(super) fn id(&self) -> Option<&str> {
        self.answer()?["id"].as_str()
    }
}

/// What an auth method calls an entity.
#[derive(Debug, PartialEq)]
pub(super) enum Called {
    /// By this name.
    By(String),
    /// Its role is not there yet.
    NotYet,
    /// This login may not read the id of its role.
    Denied,
}

/// An alias that the server has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alias {
    /// Its own id.
    pub(super) id: String,
    /// Id of the entity or group that it belongs to.
    pub(super) owner: String,
    /// What its auth method calls it.
    pub(super) name: String,
    /// The server's own name for that auth method.
    pub(super) accessor: String,
    /// Its free texts.
    pub(super) custom_metadata: Value,
}

impl Alias {
    fn of(id: &str, fields: &Value) -> Option<Self> {
        let text = |name: &str| Some(fields[name].as_str()?.to_owned());
        Some(Self {
            id: id.to_owned(),
            owner: text("canonical_id")?,
            name: text("name")?,
            accessor: text("mount_accessor")?,
            custom_metadata: fields["custom_metadata"].clone(),
        })
    }

    /// The aliases of an entity, or the one of a group, as its answer has them.
    pub(super) fn all_of(answer: &Value) -> Vec<Self> {
        let many = answer["aliases"].as_array().into_iter().flatten();
        let one = answer.get("alias").into_iter();
        let all = many.chain(one);
        all.filter_map(|fields| Self::of(fields["id"].as_str()?, fields))
            .collect()
    }

    /// Whether it is the one that this auth method has under this name. The servers take names in other letters for the same.
    pub(super) fn is(&self, accessor: &str, name: &str) -> bool {
        self.accessor == accessor && self.name.eq_ignore_ascii_case(name)
    }
}

/// The things at these paths, by their names.
pub(super) async fn seen(
    session: &Session<'_>,
    wanted: Vec<(&str, String)>,
) -> Result<BTreeMap<String, Seen>, Failure> {
    let wanted = stream::iter(wanted).map(|(name, path)| async move {
        let seen = match session.client().read(Some(session.token()?), &path).await {
            Ok(Some(answer)) => Seen::There(answer),
            Ok(None) => Seen::Absent,
            Err(error) if error.is_forbidden() => Seen::Denied,
            Err(error) => return Err(Failure::from(error)),
        };
        Ok((name.to_owned(), seen))
    });
    wanted.buffer_unordered(CONCURRENCY).try_collect().await
}

/// Accessors of auth methods by path; `None` where this login may not look.
pub(super) async fn accessors(
    session: &Session<'_>,
) -> Result<Option<BTreeMap<String, String>>, Failure> {
    let methods = match list_auth(&session.client(), session.token()?).await {
        Ok(methods) => methods,
        Err(error) if error.is_forbidden() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let accessors = methods.into_iter().filter_map(|(path, mount)| {
        let accessor = mount.fields["accessor"].as_str()?.to_owned();
        Some((path, accessor))
    });
    Ok(Some(accessors.collect()))
}

/// All aliases of a kind; `None` where this login may not list them.
pub(super) async fn listed(
    session: &Session<'_>,
    path: &str,
) -> Result<Option<Vec<Alias>>, Failure> {
    let listed = session
        .client()
        .list_info(Some(session.token()?), path)
        .await;
    match listed {
        Ok(all) => {
            let all = all.iter();
            Ok(Some(
                all.filter_map(|(id, fields)| Alias::of(id, fields))
                    .collect(),
            ))
        }
        Err(error) if error.is_forbidden() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The ids of the roles that stand for aliases: what the file gives them itself later, or what they have.
pub(super) async fn role_ids(
    session: &Session<'_>,
    called: &[&AliasName],
) -> Result<BTreeMap<(String, String), Called>, Failure> {
    let config = session.config;
    let is_role = |alias: &&&AliasName| {
        let method = config.auth_mount(&alias.auth);
        method.is_some_and(|method| method.auth_type == "approle")
    };
    let roles: BTreeSet<(String, String)> = called
        .iter()
        .filter(is_role)
        .map(|alias| (alias.auth.clone(), alias.name.clone()))
        .collect();
    let roles = stream::iter(roles).map(|(mount, role)| async move {
        let path = role_id_path(&mount, &role);
        let mut writes = config.writes.iter();
        let given = writes.find(|write| write.path.eq_ignore_ascii_case(&path));
        if let Some(Field::String(id)) = given.and_then(|write| write.data.get("role_id")) {
            return Ok(((mount, role), Called::By(id.clone())));
        }
        let called = match role_id(session, &path).await {
            Ok(Some(id)) => Called::By(id),
            Ok(None) => Called::NotYet,
            Err(error) if error.is_forbidden() => Called::Denied,
            // Its auth method is not there yet.
            Err(error) if error.status() == Some(400) => Called::NotYet,
            Err(error) => return Err(Failure::from(error)),
        };
        Ok(((mount, role), called))
    });
    roles.buffer_unordered(CONCURRENCY).try_collect().await
}

async fn role_id(session: &Session<'_>, path: &str) -> Result<Option<String>, vault::Error> {
    let Ok(token) = session.token() else {
        return Ok(None);
    };
    let answer = session.client().read(Some(token), path).await?;
    Ok(answer.and_then(|answer| Some(answer["role_id"].as_str()?.to_owned())))
}
