//! From the file's logins to doors that can be tried: references resolved, redirect addresses chosen.

use super::ceremony::Ceremony;
use crate::config::{self, Given, Login, LoginKind, TokenSource};
use crate::door::{Door, Kind, OidcFlow, TokenRequest, With};
use crate::failure::Failure;

/// The door behind a login.
///
/// # Errors
/// A reference was not resolved in preflight.
pub fn door(ceremony: &Ceremony<'_>, login: &Login) -> Result<Door, Failure> {
    let capabilities = |list: &[(String, Vec<config::Capability>)]| {
        list.iter()
            .map(|(path, caps)| (path.clone(), caps.iter().map(ToString::to_string).collect()))
            .collect()
    };
    Ok(Door {
        name: login.name.clone(),
        mount: login.auth.clone(),
        kind: kind(ceremony, login)?,
        can: capabilities(&login.can),
        cannot: capabilities(&login.cannot),
    })
}

/// Which account a login is, for the record: public.
#[must_use]
pub fn identity(login: &Login) -> String {
    match &login.kind {
        LoginKind::Userpass { username, .. } => format!("userpass {username}"),
        LoginKind::AppRole { .. } => "approle".into(),
        LoginKind::Jwt { role, .. } => format!("jwt {role}"),
        LoginKind::Kubernetes { role, .. } => format!("kubernetes {role}"),
        LoginKind::Oidc { role, .. } => format!("oidc {role}"),
    }
}

fn kind(ceremony: &Ceremony<'_>, login: &Login) -> Result<Kind, Failure> {
    Ok(match &login.kind {
        LoginKind::Userpass { username, password } => {
            Kind::Userpass { username: username.clone(), password: ceremony.secret(password)? }
        }
        LoginKind::AppRole { role_id, secret_id } => Kind::AppRole {
            role_id: match role_id {
                Given::Plain(text) => crate::vault::Body::String(text.clone()),
                Given::Secret(reference) => crate::vault::Body::Secret(ceremony.secret(reference)?),
            },
            secret_id: ceremony.secret(secret_id)?,
        },
        LoginKind::Jwt { role, with } => Kind::Jwt { role: role.clone(), with: source(ceremony, with)? },
        LoginKind::Kubernetes { role, with } => {
            Kind::Kubernetes { role: role.clone(), with: source(ceremony, with)? }
        }
        LoginKind::Oidc { role, with } => Kind::Oidc {
            role: role.clone(),
            flow: match with {
                config::OidcFlow::Browser => OidcFlow::Browser,
                config::OidcFlow::Url => OidcFlow::Url,
                config::OidcFlow::Device => OidcFlow::Device,
            },
            redirect_uris: redirects(ceremony, login, role),
        },
    })
}

fn redirects(ceremony: &Ceremony<'_>, login: &Login, role: &str) -> Vec<String> {
    let fields = ceremony.config.auth_mount(&login.auth).and_then(|mount| mount.role(role));
    let uris = fields.and_then(|fields| fields.get("allowed_redirect_uris"));
    uris.map(|field| field.strings().into_iter().map(str::to_owned).collect()).unwrap_or_default()
}

fn source(ceremony: &Ceremony<'_>, with: &TokenSource) -> Result<With, Failure> {
    Ok(match with {
        TokenSource::TokenFile(path) => With::TokenFile(path.clone()),
        TokenSource::Command(words) => With::Command(words.clone()),
        TokenSource::TokenRequest(request) => With::TokenRequest(TokenRequest {
            api_server: request.api_server.clone(),
            ca_cert: request.ca_cert.as_ref().map(|r| ceremony.secret(r)).transpose()?,
            credential: request.credential.as_ref().map(|r| ceremony.secret(r)).transpose()?,
            namespace: request.namespace.clone(),
            service_account: request.service_account.clone(),
            audience: request.audience.clone(),
            expiration: request.expiration,
        }),
    })
}
