//! Writing groups, entities, aliases and second factors: who is to be in something, or called something, comes before it.

use crate::code::Code;
use crate::config::Config;
use crate::desired::document::{Pending, Read};
use crate::desired::identity::alias;
use crate::desired::identity::documents::of;
use crate::desired::identity::mfa::writing as mfa;
use crate::desired::identity::paths::{entity_path, group_path, is_mfa};
use crate::desired::identity::server::Server;
use crate::desired::read_back::stays;
use crate::desired::record::read_back;
use crate::desired::view::CONCURRENCY;
use crate::desired::writing::{self, Target, Written};
use crate::failure::Failure;
use crate::finding::{Change, Finding};
use crate::vault::Body;

/// Writes what is pending of this section, and remembers what the server made of it.
///
/// # Errors
/// A write failed, or what it needs is not there.
pub(crate) async fn apply(target: &Target<'_>, pending: Vec<Pending>) -> Result<Written, Failure> {
    if pending.is_empty() {
        return Ok(Written::default());
    }
    let config = target.config;
    let mut written = Written::default();
    let mut resets = Vec::new();
    for one in &pending {
        let created = one.why == [Change::Create];
        resets.push((one.document.path.clone(), one.reset.clone(), created));
    }
    let mut rest = pending;
    let entities: Vec<_> = taken(&mut rest, |path| {
        let mut entities = config.identity.entities.iter();
        entities.any(|one| entity_path(&one.name) == path)
    });
    written.extend(writing::apply(target, entities, CONCURRENCY).await?);
    for wave in waves(config) {
        let groups = taken(&mut rest, |path| {
            wave.iter().any(|name| group_path(name) == path)
        });
        if groups.is_empty() {
            continue;
        }
        // Those before it have ids by now.
        let server = Server::look(target).await?;
        let groups = groups.into_iter().map(|one| with_ids(&server, one));
        let groups = groups.collect::<Result<_, _>>()?;
        written.extend(writing::apply(target, groups, CONCURRENCY).await?);
    }
    let mut factors = taken(&mut rest, is_mfa);
    written.extend(aliases(target, rest).await?);
    written.extend(mfa::apply(target, &mut factors).await?);
    let server = Server::look(target).await?;
    let mut records = Vec::new();
    for document in of(target, &server)?.documents {
        let Read::Known(Some(made)) = &document.read else {
            continue;
        };
        let Some((_, resets, created)) = resets.iter().find(|(path, ..)| *path == document.path)
        else {
            continue;
        };
        let stays = resets
            .iter()
            .filter_map(|reset| stays(&document, made, reset));
        written.findings.extend(stays.collect::<Vec<Finding>>());
        let mut record = read_back(target.memory, &document, made);
        record.remembered.created = *created;
        records.push(record);
    }
    target.memory.remember(records)?;
    Ok(written)
}

/// Those whose path is so, taken out of all.
pub(super) fn taken(all: &mut Vec<Pending>, is: impl Fn(&str) -> bool) -> Vec<Pending> {
    let (these, rest) = std::mem::take(all)
        .into_iter()
        .partition(|one| is(&one.document.path));
    *all = rest;
    these
}

/// Names of groups, those before others that are members of them. The file has no circles.
fn waves(config: &Config) -> Vec<Vec<&str>> {
    let mut left: Vec<_> = config.identity.groups.iter().collect();
    let mut waves = Vec::new();
    while !left.is_empty() {
        let names: Vec<&str> = left.iter().map(|one| one.name.as_str()).collect();
        let waits = |name: &String| names.contains(&name.as_str());
        let (later, wave): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|one| one.member_groups.iter().flatten().any(waits));
        if wave.is_empty() {
            break;
        }
        waves.push(wave.into_iter().map(|one| one.name.as_str()).collect());
        left = later;
    }
    waves
}

/// A group with the ids of its members.
fn with_ids(server: &Server, pending: Pending) -> Result<Pending, Failure> {
    let body = pending.send.as_ref().unwrap_or(&pending.document.body);
    let Body::Map(fields) = body else {
        return Ok(pending);
    };
    let mut send = Vec::new();
    for (name, value) in fields {
        let (field, of) = match name.as_str() {
            "member_entities" => ("member_entity_ids", &server.entities),
            "member_groups" => ("member_group_ids", &server.groups),
            _ => {
                send.push((name.clone(), value.clone()));
                continue;
            }
        };
        let Body::List(names) = value else {
            continue;
        };
        let ids = names.iter().map(|name| match name {
            Body::String(name) => server
                .id_of(name, of)
                .map(Body::from)
                .ok_or_else(|| missing(&pending.document.path, name)),
            other => Ok(other.clone()),
        });
        send.push((field.to_owned(), Body::List(ids.collect::<Result<_, _>>()?)));
    }
    Ok(Pending {
        send: Some(Body::Map(send)),
        ..pending
    })
}

/// What is said of something that is to be named by its id, and is not there.
pub(super) fn missing(path: &str, name: &str) -> Failure {
    let text = format!("{path} cannot be written: {name} is not on the server any more");
    Failure::failed(Code::WriteFailed, text).advise("run apply again, which looks anew")
}

/// Writes aliases, each by its id where there is one.
async fn aliases(target: &Target<'_>, pending: Vec<Pending>) -> Result<Written, Failure> {
    let moves = |one: &Pending| {
        one.why
            .iter()
            .any(|why| matches!(why, Change::Moves { .. }))
    };
    let (moving, staying): (Vec<_>, Vec<_>) = pending.into_iter().partition(moves);
    let mut written = Written::default();
    for some in std::iter::once(staying).chain(moving.into_iter().map(|one| vec![one])) {
        if some.is_empty() {
            continue;
        }
        // One that moves may have ended another.
        let server = Server::look(target).await?;
        let wanted = alias::wanted(target.config);
        let now = of(target, &server)?.documents;
        let some = some.into_iter().map(|pending| {
            let path = &pending.document.path;
            let body = pending.send.as_ref().unwrap_or(&pending.document.body);
            let one = wanted.iter().find(|one| one.path == *path);
            let send = one.and_then(|one| one.wire(&server, body));
            let send =
                send.ok_or_else(|| missing(path, "what it belongs to, or its auth method,"))?;
            let mut now = now.iter();
            let at = now.find(|one| one.path == *path);
            let at = at.and_then(|one| one.at.clone());
            let mut pending = pending;
            pending.document.at = at.or(pending.document.at);
            pending.send = Some(send);
            Ok(pending)
        });
        let some = some.collect::<Result<_, Failure>>()?;
        written.extend(writing::apply(target, some, CONCURRENCY).await?);
    }
    Ok(written)
}
