//! From the file's logins to doors that can be tried: references resolved, redirect addresses chosen.

use std::sync::Arc;
use std::time::Duration;

use super::ceremony::Ceremony;
use crate::config::{self, Given, Login, LoginKind, OidcFlow, TokenSource};
use crate::door::{Door, JwtSource, Kind, Program, Screen};
use crate::failure::Failure;
use crate::kubernetes::{TokenRequest, Wanted};
use crate::secret::SecretText;

/// The door behind a login.
///
/// # Errors
/// A reference was not resolved in preflight.
pub(super) fn door(ceremony: &Ceremony<'_>, login: &Login) -> Result<Door, Failure> {
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
        withheld: super::references::environment_secrets(ceremony.config),
    })
}

/// Which account a login is, for the record: public.
#[must_use]
pub(super) fn identity(login: &Login) -> String {
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
        LoginKind::Userpass { username, password } => Kind::Userpass {
            username: username.clone(),
            password: ceremony.secret(password)?,
        },
        LoginKind::AppRole { role_id, secret_id } => Kind::Approle {
            role_id: match role_id {
                Given::Plain(text) => Arc::new(SecretText::new(text.clone())),
                Given::Secret(reference) => ceremony.secret(reference)?,
            },
            secret_id: Some(ceremony.secret(secret_id)?),
        },
        LoginKind::Jwt { role, with } => Kind::Jwt {
            role: Some(role.clone()),
            jwt: source(ceremony, with)?,
        },
        LoginKind::Kubernetes { role, with } => Kind::Kubernetes {
            role: role.clone(),
            jwt: source(ceremony, with)?,
        },
        LoginKind::Oidc { role, with } => Kind::Oidc {
            role: Some(role.clone()),
            with: match with {
                OidcFlow::Browser => Screen::Browser,
                OidcFlow::Url => Screen::Url,
                OidcFlow::Device => Screen::Device,
            },
            redirect_uris: redirects(ceremony, login, role),
            wait: Duration::from_secs(ceremony.options.sign_in_seconds),
        },
    })
}

fn redirects(ceremony: &Ceremony<'_>, login: &Login, role: &str) -> Vec<String> {
    let fields = ceremony
        .config
        .auth_mount(&login.auth)
        .and_then(|mount| mount.role(role));
    let uris = fields.and_then(|fields| fields.get("allowed_redirect_uris"));
    uris.map(|field| field.strings().into_iter().map(str::to_owned).collect())
        .unwrap_or_default()
}

fn source(ceremony: &Ceremony<'_>, with: &TokenSource) -> Result<JwtSource, Failure> {
    Ok(match with {
        TokenSource::TokenFile(path) => JwtSource::TokenFile(path.clone()),
        TokenSource::Command(argv) => JwtSource::Command(Program {
            argv: argv.clone(),
            without: super::references::environment_secrets(ceremony.config),
        }),
        TokenSource::TokenRequest(request) => {
            let ca_cert = request.ca_cert.as_ref();
            let wanted = Wanted {
                api_server: request.api_server.clone(),
                ca_cert: super::open::certificates(ca_cert, &ceremony.resolved)?,
                credential: request
                    .credential
                    .as_ref()
                    .map(|r| ceremony.secret(r))
                    .transpose()?,
                namespace: request.namespace.clone(),
                service_account: request.service_account.clone().unwrap_or_default(),
                audience: request.audience.clone(),
                expiration: request.expiration,
            };
            JwtSource::TokenRequest(Box::new(TokenRequest::complete(wanted)?))
        }
    })
}
