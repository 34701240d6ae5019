//! Writing methods, then whose logins need them.

use crate::desired::document::Pending;
use crate::desired::identity::mfa::ourselves::stay_in;
use crate::desired::identity::paths::{FACTORS, is_mfa};
use crate::desired::identity::server::Server;
use crate::desired::identity::writing::{missing, taken};
use crate::desired::view::CONCURRENCY;
use crate::desired::writing::{self, Target, Written};
use crate::failure::Failure;
use crate::vault::Body;

/// How the file calls a list of an enforcement, and how the servers do.
const FIELDS: [(&str, &str); 5] = [
    ("methods", "mfa_method_ids"),
    ("auth_methods", "auth_method_accessors"),
    ("auth_method_types", "auth_method_types"),
    ("groups", "identity_group_ids"),
    ("entities", "identity_entity_ids"),
];

/// Writes what of `pending` is of this section, and takes it out.
///
/// # Errors
/// A write failed, or what it needs is not there.
pub(in crate::desired::identity) async fn apply(
    target: &Target<'_>,
    pending: &mut Vec<Pending>,
) -> Result<Written, Failure> {
    let methods = taken(pending, |path| path.starts_with(FACTORS));
    let enforcements = taken(pending, is_mfa);
    let mut written = writing::apply(target, methods, CONCURRENCY).await?;
    if enforcements.is_empty() {
        return Ok(written);
    }
    // Those before it have ids by now.
    let server = Server::look(target).await?;
    let enforcements = enforcements.into_iter().map(|one| with_ids(&server, one));
    let enforcements = enforcements.collect::<Result<Vec<_>, _>>()?;
    stay_in(target, &server, &enforcements).await?;
    written.extend(writing::apply(target, enforcements, CONCURRENCY).await?);
    Ok(written)
}

/// An enforcement as the servers take it. All of its lists are sent: one that is not named would stay as it is.
fn with_ids(server: &Server, pending: Pending) -> Result<Pending, Failure> {
    let path = &pending.document.path;
    let mut send = Vec::new();
    for (field, sent) in FIELDS {
        let names = match pending.document.body.get(field) {
            Some(Body::List(names)) => names.as_slice(),
            _ => &[],
        };
        let ids = names.iter().map(|name| {
            let Body::String(name) = name else {
                return Ok(name.clone());
            };
            let id = match field {
                "methods" => server.factors.method(name).map(|(id, _)| id.to_owned()),
                "auth_methods" => server.accessor(name).map(str::to_owned),
                "groups" => server.id_of(name, &server.groups),
                "entities" => server.id_of(name, &server.entities),
                _ => Some(name.clone()),
            };
            id.map(Body::from).ok_or_else(|| missing(path, name))
        });
        send.push((sent.to_owned(), Body::List(ids.collect::<Result<_, _>>()?)));
    }
    Ok(Pending {
        send: Some(Body::Map(send)),
        ..pending
    })
}
