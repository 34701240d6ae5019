//! Groups and entities of the file, and what auth methods call them.
//!
//! The servers know them by ids, the file by names: answers are compared in the file's words, and what is sent gets its ids
//! when it is sent. An alias is a document of its own below what it belongs to, since it is changed by its own id: a second
//! write of its name is refused by the servers, or takes it away from somebody else (measured on OpenBao 2.6.2 and 2.7.2 and
//! Vault 1.21.1).

mod alias;
mod server;
mod writing;

use serde_json::{Value, json};

use crate::code::Code;
use crate::config::makes_root::way_to_root;
use crate::config::{BreakGlass, Config, Entity, Group, GroupType, Member, PolicySource};
use crate::desired::document::{Document, Read};
use crate::desired::identity::server::{Seen, Server, owner_in_file, spelled};
use crate::desired::kind::MERGED;
use crate::desired::resolve::texts;
use crate::desired::view::View;
use crate::failure::Failure;
use crate::finding::{DocumentFinding, Finding};
use crate::vault::Body;

pub(crate) use writing::apply;

/// What all documents of this section begin with.
const BEGINS: [&str; 2] = ["identity/group/name/", "identity/entity/name/"];
/// What stands between an entity or group and its alias.
const ALIAS: &str = "/alias";

/// Where a group is written and read.
fn group_path(name: &str) -> String {
    format!("{}{name}", BEGINS[0])
}

/// Where an entity is written and read.
fn entity_path(name: &str) -> String {
    format!("{}{name}", BEGINS[1])
}

/// Whether this is a document of this section.
pub(crate) fn is_identity(path: &str) -> bool {
    BEGINS.iter().any(|begin| path.starts_with(begin))
}

/// What the file wants of groups and entities, and what of that nobody can write.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Entities, groups, then aliases.
    pub(crate) documents: Vec<Document>,
    /// Members that nobody knows, and who becomes root by what the file gives them.
    pub(crate) findings: Vec<Finding>,
}

/// Looks at the groups and entities of the file. Changes nothing.
///
/// # Errors
/// The server does not answer as such servers do, a group is of another type, or an alias cannot be given to who is to have it.
pub(crate) async fn wanted(view: &View<'_>) -> Result<Wanted, Failure> {
    if view.config.identity.is_empty() {
        return Ok(Wanted::default());
    }
    let server = Server::look(view).await?;
    let mut wanted = of(view.config, &server)?;
    wanted.findings.extend(make_root(view.config));
    Ok(wanted)
}

/// The documents of the file, as `server` has them.
fn of(config: &Config, server: &Server) -> Result<Wanted, Failure> {
    let mut wanted = Wanted::default();
    let mut refusals = Vec::new();
    for one in &config.identity.entities {
        let seen = &server.entities[&one.name];
        wanted.documents.push(entity(one, seen));
    }
    for one in &config.identity.groups {
        let seen = &server.groups[&one.name];
        refusals.extend(other_type(one, seen));
        let (document, unknown) = group((config, server), one, seen);
        let unknown = unknown.into_iter();
        let unknown = unknown
            .map(|member| DocumentFinding::MemberUnknown(document.path.clone(), member).into());
        wanted.findings.extend(unknown);
        wanted.documents.push(document);
    }
    let (aliases, conflicts) = alias::all(config, server);
    wanted.documents.extend(aliases);
    refusals.extend(conflicts);
    Failure::check(refusals)?;
    Ok(wanted)
}

fn read(seen: &Seen, answer: impl Fn(&Value) -> Value) -> Read {
    match seen {
        Seen::Absent => Read::Known(None),
        Seen::Denied => Read::Denied,
        Seen::There(have) => Read::Known(Some(answer(have))),
    }
}

fn entity(one: &Entity, seen: &Seen) -> Document {
    let mut body = shared(one.policies.as_deref(), one.metadata.as_deref());
    if let Some(disabled) = one.disabled {
        body.push(("disabled".to_owned(), Body::Bool(disabled)));
    }
    let answer = |have: &Value| json!({"policies": have["policies"], "metadata": have["metadata"], "disabled": have["disabled"]});
    let document = Document::new(entity_path(&one.name), Body::Map(body), MERGED);
    Document {
        read: read(seen, answer),
        ..document.leaving(&one.unmanaged_fields)
    }
}

/// Policies in the order in which OpenBao keeps them, and free texts.
fn shared(
    policies: Option<&[String]>,
    metadata: Option<&[(String, String)]>,
) -> Vec<(String, Body)> {
    let mut body = Vec::new();
    if let Some(policies) = policies {
        body.push(("policies".to_owned(), list(policies.to_vec())));
    }
    if let Some(metadata) = metadata {
        body.push(("metadata".to_owned(), texts(metadata)));
    }
    body
}

/// Names in one order, each once.
fn list(mut names: Vec<String>) -> Body {
    names.sort();
    names.dedup();
    Body::List(names.into_iter().map(Body::String).collect())
}

/// A group, and the members of it that nobody knows.
fn group(
    (config, server): (&Config, &Server),
    one: &Group,
    seen: &Seen,
) -> (Document, Vec<String>) {
    let mut body = shared(one.policies.as_deref(), one.metadata.as_deref());
    body.insert(0, ("type".to_owned(), one.group_type.name().into()));
    let (mut needs, mut unknown) = (Vec::new(), Vec::new());
    let mut denied = false;
    if let Some(members) = &one.member_entities {
        let mut names = Vec::new();
        for member in members {
            match (owner(config, member), server.member(config, member)) {
                (Some(owner), _) => {
                    needs.push(entity_path(owner));
                    names.push(owner.to_owned());
                }
                (None, Some(id)) => names.push(server.name_of(&id)),
                (None, None) if server.entity_aliases.is_none() => denied = true,
                (None, None) => unknown.extend(said(member)),
            }
        }
        body.push(("member_entities".to_owned(), list(names)));
    }
    if let Some(members) = &one.member_groups {
        needs.extend(members.iter().map(|name| group_path(name)));
        body.push(("member_groups".to_owned(), list(members.clone())));
    }
    let internal = one.group_type == GroupType::Internal;
    let names = |ids: &Value| {
        let ids = ids.as_array().into_iter().flatten();
        let mut names: Vec<_> = ids
            .filter_map(|id| Some(server.name_of(id.as_str()?)))
            .collect();
        names.sort();
        json!(names)
    };
    let answer = |have: &Value| {
        let mut said = json!({
            "type": have["type"], "policies": have["policies"], "metadata": have["metadata"],
        });
        if internal {
            said["member_entities"] = names(&have["member_entity_ids"]);
            said["member_groups"] = names(&have["member_group_ids"]);
        }
        said
    };
    let document = Document::new(group_path(&one.name), Body::Map(body), MERGED);
    let read = if denied {
        Read::Denied
    } else {
        read(seen, answer)
    };
    let document = Document {
        read,
        needs,
        ..document.leaving(&one.unmanaged_fields)
    };
    (document, unknown)
}

/// The entity of the file that a member is.
fn owner<'c>(config: &'c Config, member: &'c Member) -> Option<&'c str> {
    match member {
        Member::Entity(name) => Some(name),
        Member::Alias(alias) => owner_in_file(config, alias),
    }
}

fn said(member: &Member) -> Option<String> {
    match member {
        Member::Entity(_) => None,
        Member::Alias(alias) => Some(spelled(alias)),
    }
}

/// Why a group cannot be as the file says: the servers change no type.
fn other_type(one: &Group, seen: &Seen) -> Option<Failure> {
    let there = seen.answer()?["type"].as_str()?;
    let wanted = one.group_type.name();
    (there != wanted).then(|| {
        Failure::refused(
            Code::GroupTypeOther,
            format!(
                "{} is {there}, the file says {wanted}, and no write changes that",
                group_path(&one.name)
            ),
        )
        .advise(format!(
            "choose another name in the file, or delete the group by hand and apply again: it will have another id, so it \
             will be missing in groups and OIDC assignments that name it; nothing is ever replaced. To keep it: type: {there}"
        ))
    })
}

/// Whoever is made root by a policy of the file that a group or entity of the file gives them.
fn make_root(config: &Config) -> Vec<Finding> {
    let accepted: &[String] = match &config.break_glass {
        BreakGlass::Logins { accept_admins, .. } => accept_admins,
        BreakGlass::None { .. } => &[],
    };
    let given = config.identity.policies();
    let given = given.filter(|(name, _)| !accepted.iter().any(|one| one == name));
    let found = given.filter_map(|(name, policy)| match &config.policy(policy)?.source {
        PolicySource::Rules { text, .. } => {
            let rule = way_to_root(text)?;
            let (name, policy) = (name.to_owned(), policy.to_owned());
            Some(DocumentFinding::GivesRoot(name, policy, rule).into())
        }
        PolicySource::Auditor => None,
    });
    found.collect()
}

/// The path of a group or entity, and what of it a path is about. Their names have no slash.
fn parts(path: &str) -> Option<(String, Option<&str>)> {
    let begin = BEGINS.iter().find(|begin| path.starts_with(*begin))?;
    let rest = &path[begin.len()..];
    let (name, below) = match rest.split_once('/') {
        Some((name, below)) => (name, Some(below)),
        None => (rest, None),
    };
    Some((format!("{begin}{name}"), below))
}

/// Whether the server still has what the file once named, and names no more.
///
/// # Errors
/// The server does not answer as such servers do.
pub(crate) async fn is_there(view: &View<'_>, path: &str) -> Result<Option<bool>, Failure> {
    let Some((owner, below)) = parts(path) else {
        return Ok(Some(false));
    };
    let answer = match view.client().read(Some(view.token()?), &owner).await {
        Ok(answer) => answer,
        Err(error) if error.is_forbidden() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(answer) = answer else {
        return Ok(Some(false));
    };
    let Some(below) = below else {
        return Ok(Some(true));
    };
    let mut aliases = server::Alias::all_of(&answer);
    if let Some((_, method)) = below.split_once('/') {
        let Some(accessors) = server::accessors(view).await? else {
            return Ok(None);
        };
        let accessor = accessors.get(method);
        aliases.retain(|one| accessor.is_some_and(|accessor| one.accessor == *accessor));
    }
    Ok(Some(!aliases.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart_whatever_somebody_is_called() {
        let parts =
            |path: &str| parts(path).map(|(owner, below)| (owner, below.map(str::to_owned)));
        let alias = "identity/entity/name/alias";
        assert_eq!(parts(alias), Some((alias.to_owned(), None)));
        assert_eq!(
            parts("identity/entity/name/alias/alias/deep/er"),
            Some((alias.to_owned(), Some("alias/deep/er".to_owned())))
        );
        assert_eq!(parts("auth/userpass/users/ada"), None);
    }
}
