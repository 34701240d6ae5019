//! The documents of the section, in the words of the file.

use serde_json::{Value, json};

use crate::code::Code;
use crate::config::{Config, Entity, Group, GroupType, Member};
use crate::desired::document::{Document, Read};
use crate::desired::identity::alias;
use crate::desired::identity::answers::Seen;
use crate::desired::identity::mfa::documents::documents as factors_of;
use crate::desired::identity::paths::{entity_path, group_path};
use crate::desired::identity::server::{Server, owner_in_file, spelled};
use crate::desired::kind::MERGED;
use crate::desired::resolve::texts;
use crate::failure::Failure;
use crate::finding::{DocumentFinding, Finding};
use crate::session::Session;
use crate::vault::Body;

/// What the file wants of groups and entities, and what of that nobody can write.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Entities, groups, aliases, then second factors and who needs one.
    pub(crate) documents: Vec<Document>,
    /// Members that nobody knows, and who becomes root by what the file gives them.
    pub(crate) findings: Vec<Finding>,
}

/// The documents of the file, as `server` has them.
///
/// # Errors
/// A group or second factor is of another type, or an alias cannot be given to who is to have it.
pub(super) fn of(session: &Session<'_>, server: &Server) -> Result<Wanted, Failure> {
    let config = session.config;
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
    let (factors, conflicts) = factors_of(session, server)?;
    wanted.documents.extend(factors);
    refusals.extend(conflicts);
    Failure::check(refusals)?;
    Ok(wanted)
}

/// What was read of something of the file, in its words.
pub(super) fn read(seen: &Seen, answer: impl Fn(&Value) -> Value) -> Read {
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
        ..document.leaving(&one.unmanaged_fields).managed(one.manage)
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
pub(super) fn list(mut names: Vec<String>) -> Body {
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
        ..document.leaving(&one.unmanaged_fields).managed(one.manage)
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
