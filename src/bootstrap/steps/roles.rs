//! Roles and users of the auth methods, each written whole: a field left out of a later write would be
//! cleared by the server, the break-glass grant among them.

use crate::bootstrap::view::View;
use crate::config::{AuthMount, Fields};
use crate::desired::observation::Observation;
use crate::desired::{self, Document, grant, resolve};
use crate::failure::Failure;
use crate::vault::Body;

pub(super) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    let mut documents = Vec::new();
    for method in &view.config.auth {
        for (name, fields) in &method.roles {
            let path = format!("auth/{}/{}/{name}", method.path, collection(method));
            documents.push(whole(view, path, method, name, fields)?);
        }
        for (name, fields) in &method.users {
            let path = format!("auth/{}/users/{name}", method.path);
            documents.push(whole(view, path, method, name, fields)?);
        }
    }
    if documents.is_empty() {
        return Ok(Observation::nothing_declared());
    }
    Ok(desired::observe_collection(&view.documents(), documents)
        .await?
        .into_observation())
}

/// Where a type keeps what the file calls `roles`.
fn collection(method: &AuthMount) -> &'static str {
    match method.auth_type.as_str() {
        "cert" => "certs",
        "ldap" => "groups",
        "token" => "roles",
        _ => "role",
    }
}

fn whole(
    view: &View<'_>,
    path: String,
    method: &AuthMount,
    name: &str,
    fields: &Fields,
) -> Result<Document, Failure> {
    let mut body = resolve::body(view, fields)?;
    if grant::belongs_to(view.config, &method.path, name) {
        add_grant(&mut body, fields);
    }
    Ok(Document {
        known: method.has_known_fields(),
        ..Document::new(path, body)
    })
}

fn add_grant(body: &mut Body, fields: &Fields) {
    let given = fields
        .get("token_policies")
        .map(crate::config::Field::strings)
        .unwrap_or_default();
    let mut policies: Vec<Body> = given.into_iter().map(Body::from).collect();
    policies.push(grant::POLICY.into());
    if let Body::Map(fields) = body {
        fields.retain(|(name, _)| name != "token_policies");
        fields.push(("token_policies".into(), Body::List(policies)));
    }
}
