//! Methods and enforcements as documents, in the words of the file.

use serde_json::{Map, Value, json};

use crate::code::Code;
use crate::config::{Enforcement, MfaMethod};
use crate::desired::document::{Document, Read};
use crate::desired::identity::answers::Seen;
use crate::desired::identity::documents::{list, read};
use crate::desired::identity::paths::{enforcement_path, entity_path, factor_path, group_path};
use crate::desired::identity::server::Server;
use crate::desired::kind::{MERGED, REPLACED};
use crate::desired::resolve;
use crate::failure::Failure;
use crate::session::Session;
use crate::vault::Body;

/// What an answer has beside the fields that are sent.
const OF_THE_SERVER: [&str; 6] = [
    "id",
    "type",
    "name",
    "namespace_id",
    "namespace_path",
    "mount_accessor",
];

/// Methods, then enforcements; and why some cannot be as the file says.
///
/// # Errors
/// A secret of the file was not read.
pub(in crate::desired::identity) fn documents(
    session: &Session<'_>,
    server: &Server,
) -> Result<(Vec<Document>, Vec<Failure>), Failure> {
    let (mut documents, mut refusals) = (Vec::new(), Vec::new());
    for one in &session.config.mfa.methods {
        refusals.extend(other_type(one, server));
        documents.push(method(session, one, server)?);
    }
    for one in &session.config.mfa.enforcements {
        documents.push(enforcement(session, one, server));
    }
    Ok((documents, refusals))
}

fn method(session: &Session<'_>, one: &MfaMethod, server: &Server) -> Result<Document, Failure> {
    let fields = resolve::body(session, &one.fields)?;
    let mut body = vec![("method_name".to_owned(), Body::from(one.name.as_str()))];
    if let Body::Map(fields) = fields {
        body.extend(fields);
    }
    let found = server.factors.method(&one.name);
    let collection = format!("identity/mfa/method/{}", one.method_type);
    let at = found.map_or(collection.clone(), |(id, _)| format!("{collection}/{id}"));
    let read = match (&server.factors.methods, found) {
        (None, _) => Read::Denied,
        (_, None) => Read::Known(None),
        (_, Some((_, have))) => Read::Known(Some(answer(have))),
    };
    let path = factor_path(&one.method_type, &one.name);
    Ok(Document {
        read,
        at: Some(at),
        ..Document::new(path, Body::Map(body), REPLACED)
    })
}

/// A method of the server by the names under which its fields are sent.
fn answer(have: &Value) -> Value {
    let mut said = Map::from_iter([("method_name".to_owned(), have["name"].clone())]);
    let fields = have.as_object().into_iter().flatten();
    said.extend(
        fields
            .filter(|(name, _)| !OF_THE_SERVER.contains(&name.as_str()))
            .map(|(name, value)| match name.as_str() {
                "pushinfo" => ("push_info".to_owned(), value.clone()),
                name => (name.to_owned(), value.clone()),
            }),
    );
    Value::Object(said)
}

/// Why a method cannot be as the file says: a write changes its type, and keeps the keys of those who have it.
fn other_type(one: &MfaMethod, server: &Server) -> Option<Failure> {
    let (id, have) = server.factors.method(&one.name)?;
    let there = have["type"].as_str()?;
    (there != one.method_type).then(|| {
        Failure::refused(
            Code::MfaTypeOther,
            format!(
                "{} is of type {there} on the server: one name is one method there, whatever its type",
                factor_path(&one.method_type, &one.name)
            ),
        )
        .advise(format!(
            "choose another name in the file; or take identity/mfa/method/{there}/{id} out of the enforcements that name it, \
             delete it, and apply again; nothing is ever replaced. To keep it: type: {there}"
        ))
    })
}

fn enforcement(session: &Session<'_>, one: &Enforcement, server: &Server) -> Document {
    let body = Body::map([
        ("methods", list(one.methods.clone())),
        ("auth_methods", list(one.auth_methods.clone())),
        ("auth_method_types", list(one.auth_method_types.clone())),
        ("groups", list(one.groups.clone())),
        ("entities", list(one.entities.clone())),
    ]);
    let methods = session.config.mfa.methods.iter();
    let methods = methods.filter(|method| one.methods.contains(&method.name));
    let methods = methods.map(|method| factor_path(&method.method_type, &method.name));
    let mounts = one
        .auth_methods
        .iter()
        .map(|path| format!("sys/auth/{path}"));
    let groups = one.groups.iter().map(|name| group_path(name));
    let entities = one.entities.iter().map(|name| entity_path(name));
    let needs = methods.chain(mounts).chain(groups).chain(entities);
    let said = |have: &Value| {
        json!({
            "methods": names(&have["mfa_method_ids"], |id| server.factors.name_of(id)),
            "auth_methods": names(&have["auth_method_accessors"], |id| server.method_of(id)),
            "auth_method_types": names(&have["auth_method_types"], str::to_owned),
            "groups": names(&have["identity_group_ids"], |id| server.name_of(id)),
            "entities": names(&have["identity_entity_ids"], |id| server.name_of(id)),
        })
    };
    let seen = server.factors.enforcements.get(&one.name);
    let by_name = server.factors.methods.is_some() && server.accessors.is_some();
    let read = match seen {
        // Ids alone cannot be compared.
        Some(Seen::There(_)) if !by_name => Read::Denied,
        Some(seen) => read(seen, said),
        None => Read::Denied,
    };
    let path = enforcement_path(&one.name);
    Document {
        read,
        needs: needs.collect(),
        ..Document::new(path, body, MERGED)
    }
}

/// Names in one order.
fn names(ids: &Value, name_of: impl Fn(&str) -> String) -> Vec<String> {
    let ids = ids.as_array().into_iter().flatten();
    let mut names: Vec<_> = ids.filter_map(Value::as_str).map(name_of).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_names_under_which_fields_are_sent() {
        let have = json!({
            "id": "1", "name": "push", "namespace_id": "root", "namespace_path": "", "type": "duo", "mount_accessor": "",
            "api_hostname": "a", "pushinfo": "from=b", "use_passcode": false
        });
        let said = json!({"method_name": "push", "api_hostname": "a", "push_info": "from=b", "use_passcode": false});
        assert_eq!(answer(&have), said);
    }
}
