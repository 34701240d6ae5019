//! Roles and users of the auth methods of the file, as documents.

use crate::config::{AuthMount, Fields};
use crate::desired::{Document, Kind, grant, resolve};
use crate::failure::Failure;
use crate::session::Session;

/// Each of them whole, with the grant of break-glass where it belongs.
///
/// # Errors
/// A secret of the file is not at hand.
pub(crate) fn documents(session: &Session<'_>) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    for method in &session.config.auth {
        for (name, fields) in &method.roles {
            let path = format!("auth/{}/{}/{name}", method.path, collection(method));
            let role = whole(session, path, method, name, fields)?;
            documents.push(role.managed(method.manage_of("roles", name)));
        }
        for (name, fields) in &method.users {
            let path = format!("auth/{}/users/{name}", method.path);
            let user = whole(session, path, method, name, fields)?;
            documents.push(user.managed(method.manage_of("users", name)));
        }
    }
    Ok(documents)
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
    session: &Session<'_>,
    path: String,
    method: &AuthMount,
    name: &str,
    fields: &Fields,
) -> Result<Document, Failure> {
    let mut body = resolve::body(session, fields)?;
    if grant::belongs_to(session.config, &method.path, name) {
        grant::add_to(&mut body, &method.auth_type, fields);
    }
    let kind = Kind::auth_role(&method.auth_type);
    Ok(Document::new(path, body, kind))
}
