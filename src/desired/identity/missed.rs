//! A group, entity or alias that the file names no more, in the words in which it was remembered: ids are the names that
//! they had then, as long as it is they who have them.

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::config::role_id_path;
use crate::desired::identity::answers::{Alias, accessors};
use crate::desired::identity::paths::{BEGINS, parts};
use crate::desired::view::CONCURRENCY;
use crate::failure::Failure;
use crate::memory::Remembered;
use crate::session::Session;
use crate::vault;

/// So many members of a group are read at the most: of more it is not said who they are.
const READ_AT_MOST: usize = 1000;

/// What is there.
#[derive(Debug)]
pub(crate) struct There {
    /// The whole answer of the server.
    pub(crate) answer: Value,
    /// Where it is deleted.
    pub(crate) at: String,
}

/// What was found.
pub(crate) enum Found {
    /// Nothing is there.
    Gone,
    /// This login may not read that path.
    Denied(String),
    /// It has so many members, in this field, that they were not read.
    TooMany(&'static str, usize),
    /// What it says, and the whole answer.
    There(Value, There),
}

/// What the server has at the path of a document that was written.
///
/// # Errors
/// The server does not answer as such servers do.
pub(crate) async fn found(
    session: &Session<'_>,
    path: &str,
    known: &Remembered,
) -> Result<Found, Failure> {
    let Some((owner, below)) = parts(path) else {
        return Ok(Found::Gone);
    };
    let looked = match below {
        None => whole(session, &owner, known).await,
        Some(below) => alias(session, (&owner, below), known).await,
    };
    match looked {
        Ok(found) => Ok(found),
        Err(Stop::Denied(path)) => Ok(Found::Denied(path)),
        Err(Stop::TooMany(field, count)) => Ok(Found::TooMany(field, count)),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

/// Why looking came to no end.
enum Stop {
    Denied(String),
    TooMany(&'static str, usize),
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

async fn read(session: &Session<'_>, path: &str) -> Result<Option<Value>, Stop> {
    let answer = session.client().read(Some(session.token()?), path).await;
    answer.map_err(|error: vault::Error| {
        if error.is_forbidden() {
            Stop::Denied(path.to_owned())
        } else {
            Stop::Failed(error.into())
        }
    })
}

async fn whole(session: &Session<'_>, owner: &str, known: &Remembered) -> Result<Found, Stop> {
    let Some(answer) = read(session, owner).await? else {
        return Ok(Found::Gone);
    };
    let mut said = json!({ "policies": answer["policies"], "metadata": answer["metadata"] });
    if owner.starts_with(BEGINS[0]) {
        said["type"] = answer["type"].clone();
        if answer["type"] == "internal" {
            let fields = [
                ("member_entities", "member_entity_ids", "entity"),
                ("member_groups", "member_group_ids", "group"),
            ];
            for (field, ids, kind) in fields {
                said[field] = names(session, &answer[ids], (kind, field), known).await?;
            }
        }
    } else {
        said["disabled"] = answer["disabled"].clone();
    }
    let at = owner.to_owned();
    Ok(Found::There(said, There { answer, at }))
}

/// The names of members. Whoever was remembered by the name of an alias is called so if they still have it. Where they are
/// more or fewer than were remembered, they are others, whoever they are.
async fn names(
    session: &Session<'_>,
    ids: &Value,
    (kind, field): (&str, &'static str),
    known: &Remembered,
) -> Result<Value, Stop> {
    let then = known.made.as_ref().and_then(|made| made.shown(field));
    let ids = strings(ids);
    if !are_read(then, ids.len()).map_err(|count| Stop::TooMany(field, count))? {
        return Ok(json!(ids));
    }
    let then: Vec<&str> = strings(then.unwrap_or(&Value::Null));
    let members: Vec<(&str, Option<Value>)> = stream::iter(ids)
        .map(|id| async move {
            let member = read(session, &format!("identity/{kind}/id/{id}")).await?;
            Ok::<_, Stop>((id, member))
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;
    let mut methods = None;
    let mut names = Vec::new();
    for (id, member) in members {
        let Some(member) = member else {
            names.push(id.to_owned());
            continue;
        };
        let name = member["name"].as_str().unwrap_or(id).to_owned();
        if then.contains(&name.as_str()) {
            names.push(name);
            continue;
        }
        if methods.is_none() {
            methods = Some(accessors(session).await?.unwrap_or_default());
        }
        let called = Alias::all_of(&member).into_iter().find_map(|alias| {
            let mut all = methods.iter().flatten();
            let (method, _) = all.find(|(_, accessor)| **accessor == alias.accessor)?;
            let spelled = format!("{method}/{}", alias.name);
            then.contains(&spelled.as_str()).then_some(spelled)
        });
        names.push(called.unwrap_or(name));
    }
    names.sort();
    Ok(json!(names))
}

/// Whether it takes reading so many members to know whether they are those of then.
///
/// # Errors
/// It does, and they are too many.
fn are_read(then: Option<&Value>, count: usize) -> Result<bool, usize> {
    let then = then.and_then(Value::as_array);
    match then {
        Some(then) if then.len() != count => Ok(false),
        _ if count > READ_AT_MOST => Err(count),
        _ => Ok(true),
    }
}

fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

async fn alias(
    session: &Session<'_>,
    (owner, below): (&str, &str),
    known: &Remembered,
) -> Result<Found, Stop> {
    let Some(answer) = read(session, owner).await? else {
        return Ok(Found::Gone);
    };
    let Some(methods) = accessors(session).await? else {
        return Err(Stop::Denied("sys/auth".to_owned()));
    };
    let wanted = below.split_once('/').map(|(_, method)| method);
    let method_of = |alias: &Alias| {
        let mut all = methods.iter();
        let found = all.find(|(_, accessor)| **accessor == alias.accessor);
        found.map(|(method, _)| method.clone())
    };
    let all = Alias::all_of(&answer);
    let is_it =
        |alias: &&Alias| wanted.is_none_or(|wanted| method_of(alias).as_deref() == Some(wanted));
    let Some(this) = all.iter().find(is_it) else {
        return Ok(Found::Gone);
    };
    let kind = if owner.starts_with(BEGINS[0]) {
        "group"
    } else {
        "entity"
    };
    let method = method_of(this).unwrap_or_else(|| this.accessor.clone());
    let mut said = json!({
        "auth": method, "name": this.name, "custom_metadata": this.custom_metadata,
    });
    said[kind] = answer["name"].clone();
    let then = known.made.as_ref().and_then(|made| made.shown("name"));
    if let Some(then) = then.and_then(Value::as_str)
        && is_called(session, (&method, then), &this.name).await?
    {
        said["name"] = then.into();
    }
    let at = format!("identity/{kind}-alias/id/{}", this.id);
    let answer = json!({ "name": this.name, "auth": method, "id": this.id });
    Ok(Found::There(said, There { answer, at }))
}

/// Whether an auth method calls somebody so who was remembered by another spelling, or by the name of their role.
async fn is_called(
    session: &Session<'_>,
    (method, then): (&str, &str),
    now: &str,
) -> Result<bool, Stop> {
    if now.eq_ignore_ascii_case(then) {
        return Ok(true);
    }
    let mount = session.config.auth_mount(method);
    if mount.is_none_or(|mount| mount.auth_type != "approle") {
        return Ok(false);
    }
    let role = read(session, &role_id_path(method, then)).await?;
    Ok(role.is_some_and(|role| role["role_id"] == now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_where_that_tells_something_and_they_are_not_too_many() {
        let then = |count: usize| json!(vec!["a"; count]);
        for (before, now, read) in [
            (Some(then(2)), 2, Ok(true)),
            (None, 2, Ok(true)),
            (Some(then(2)), 5000, Ok(false)),
            (Some(then(1000)), 1000, Ok(true)),
            (Some(then(1001)), 1001, Err(1001)),
            (None, 1001, Err(1001)),
        ] {
            assert_eq!(are_read(before.as_ref(), now), read, "{now}");
        }
    }
}
