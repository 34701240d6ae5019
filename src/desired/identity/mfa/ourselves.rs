//! Whoever writes an enforcement must not be shut out by it. The rules of the file see the members and aliases that the file
//! has; those that only the server has are seen here.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::code::Code;
use crate::desired::document::Pending;
use crate::desired::identity::paths::enforcement_path;
use crate::desired::identity::server::Server;
use crate::failure::Failure;
use crate::session::{Authority, Session};
use crate::vault::Body;
use crate::vault::auth::token;

/// What an enforcement names people by, as the servers call it.
const PEOPLE: [&str; 2] = ["identity_group_ids", "identity_entity_ids"];

/// Holds, as far as that can be seen, that none of the file's enforcements is about the entity of the login that looks, or a
/// group that it is in: so a plan says what a write would refuse.
///
/// # Errors
/// One is.
pub(in crate::desired::identity) async fn stay_out(
    session: &Session<'_>,
    server: &Server,
) -> Result<(), Failure> {
    let Authority::Login(login) = &session.authority else {
        return Ok(());
    };
    let enforcements = session.config.mfa.enforcements.iter();
    let meant: Vec<(String, String)> = enforcements
        .flat_map(|one| {
            let groups = one.groups.iter().map(|name| (name, &server.groups));
            let entities = one.entities.iter().map(|name| (name, &server.entities));
            let ids = groups
                .chain(entities)
                .filter_map(|(name, of)| server.id_of(name, of));
            ids.map(|id| (enforcement_path(&one.name), id))
        })
        .collect();
    if meant.is_empty() {
        return Ok(());
    }
    match ids(session).await {
        Ok(ours) => match meant.into_iter().find(|(_, id)| ours.contains(id)) {
            Some((path, id)) => Err(shut_out(&path, &server.name_of(&id), &login.name)),
            None => Ok(()),
        },
        // Whoever writes one must see it.
        Err(failure) if failure.code() == Code::NotPermitted => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Holds that none of these enforcements is about the entity of the login that writes them, or a group that it is in.
///
/// # Errors
/// One is, or that could not be looked at.
pub(super) async fn stay_in(
    session: &Session<'_>,
    server: &Server,
    enforcements: &[Pending],
) -> Result<(), Failure> {
    let Authority::Login(login) = &session.authority else {
        // After root the logins of the file are opened before it is revoked.
        return Ok(());
    };
    if enforcements.iter().all(|one| people(one).is_empty()) {
        return Ok(());
    }
    let ours = ids(session).await?;
    for one in enforcements {
        let mut meant = people(one).into_iter();
        if let Some(id) = meant.find(|id| ours.contains(*id)) {
            return Err(shut_out(
                &one.document.path,
                &server.name_of(id),
                &login.name,
            ));
        }
    }
    Ok(())
}

fn shut_out(path: &str, meant: &str, login: &str) -> Failure {
    Failure::refused(
        Code::SecondFactor,
        format!(
            "{path} is about {meant}, which the login {login} is, or is in, on the server: it would be asked for a second factor, \
             which this program cannot give; no enforcement was written"
        ),
    )
    .advise(format!(
        "take {login} out of it on the server, or take it out of that enforcement in the file"
    ))
}

/// The groups and entities that an enforcement is about, by id.
fn people(pending: &Pending) -> Vec<&str> {
    let send = pending.send.as_ref();
    let lists = PEOPLE.iter().filter_map(|field| send?.get(field));
    let ids = lists.flat_map(|list| match list {
        Body::List(ids) => ids.as_slice(),
        _ => &[],
    });
    ids.filter_map(|id| match id {
        Body::String(id) => Some(id.as_str()),
        _ => None,
    })
    .collect()
}

/// The id of our own entity, and of each group that it is in, through whatever other one.
async fn ids(session: &Session<'_>) -> Result<BTreeSet<String>, Failure> {
    let (client, token) = (session.client(), session.token()?);
    let own = match token::lookup_self(&client, token).await {
        Ok(own) => own.entity_id,
        Err(error) if error.is_forbidden() => return Err(unseen("auth/token/lookup-self")),
        Err(error) => return Err(error.into()),
    };
    if own.is_empty() {
        return Ok(BTreeSet::new());
    }
    let path = format!("identity/entity/id/{own}");
    let answer = match client.read(Some(token), &path).await {
        Ok(answer) => answer.unwrap_or_default(),
        Err(error) if error.is_forbidden() => return Err(unseen("identity/entity/id/+")),
        Err(error) => return Err(error.into()),
    };
    let groups = answer["group_ids"].as_array().into_iter().flatten();
    let groups = groups.filter_map(Value::as_str).map(str::to_owned);
    Ok(groups.chain([own]).collect())
}

fn unseen(path: &str) -> Failure {
    Failure::refused(
        Code::NotPermitted,
        "whether an enforcement is about the login that writes it was not seen, and no enforcement was written",
    )
    .advise(format!(
        "give it this rule: path \"{path}\" {{ capabilities = [\"read\"] }}"
    ))
}
