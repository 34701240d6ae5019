//! From the file's logins to doors that can be tried: references resolved, redirect addresses chosen.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use url::Url;

use crate::code::Code;
use crate::config::{
    self, AuthMount, Config, Field, Given, Login, LoginKind, OidcFlow, SecretRef, TokenSource,
};
use crate::door::{Door, JwtSource, Kind, Screen, Shown, Visit};
use crate::edge::cluster::certificates;
use crate::edge::references::{Resolved, environment_secrets};
use crate::failure::Failure;
use crate::kubernetes::{Reviewer, TokenRequest, Wanted};
use crate::prompt;
use crate::secret::SecretText;

/// For whoever has a browser that this machine's port cannot be reached from.
const PASTE: &str = "  or paste the address that the browser ended at (it is not shown)";

/// What the doors of a file stand in: its references resolved, and how long a person is waited for.
pub(crate) struct LoginContext<'a> {
    pub(crate) config: &'a Config,
    pub(crate) resolved: &'a Resolved,
    /// In seconds.
    pub(crate) sign_in_seconds: u64,
}

impl LoginContext<'_> {
    /// The secret behind a reference, as it was resolved before. Where it is gone before hand-over, that is found first.
    pub(crate) fn secret(&self, reference: &SecretRef) -> Result<Arc<SecretText>, Failure> {
        self.resolved
            .get(reference)
            .cloned()
            .ok_or_else(|| {
                Failure::failed(Code::SecretUnreadable, format!("{reference}: the secret is no longer here")).advise(
                    "put it back, or name in the file another login that needs no person, then run apply again",
                )
            })
    }
}

/// The door behind a login.
pub(crate) fn door(context: &LoginContext<'_>, login: &Login) -> Result<Door, Failure> {
    let capabilities = |list: &[(String, Vec<config::Capability>)]| {
        list.iter()
            .map(|(path, caps)| {
                (
                    path.clone(),
                    caps.iter().map(|one| one.as_str().into()).collect(),
                )
            })
            .collect()
    };
    Ok(Door {
        name: login.name.clone(),
        mount: login.auth.clone(),
        kind: kind(context, login)?,
        places: login.secrets().iter().map(ToString::to_string).collect(),
        can: capabilities(&login.can),
        cannot: capabilities(&login.cannot),
        withheld: environment_secrets(context.config),
    })
}

/// Whom the server asks about tokens, as far as this file tells: with its token, or its authority at least.
pub(crate) fn reviewer(
    context: &LoginContext<'_>,
    mount: &AuthMount,
) -> Result<Option<Reviewer>, Failure> {
    if let Some(Field::Secret(token)) = mount.config.get("token_reviewer_jwt") {
        context.secret(token)?;
    }
    let found = asked(context, mount)?;
    // Without either nothing could be seen there.
    Ok(found.filter(|found| found.credential.is_some() || found.ca_cert.is_some()))
}

/// Whom the server asks about the token of this login, with what of it is at hand.
fn of_login(context: &LoginContext<'_>, login: &Login) -> Option<Reviewer> {
    let mount = context.config.auth_mount(&login.auth)?;
    asked(context, mount).ok().flatten()
}

fn asked(context: &LoginContext<'_>, mount: &AuthMount) -> Result<Option<Reviewer>, Failure> {
    let host = mount.config.get("kubernetes_host").and_then(Field::as_str);
    let server = host.and_then(|host| Url::parse(host).ok());
    let Some(api_server) = server else {
        return Ok(None);
    };
    let credential = match mount.config.get("token_reviewer_jwt") {
        Some(Field::Secret(token)) => context.resolved.get(token).cloned(),
        _ => None,
    };
    let ca_cert = match mount.config.get("kubernetes_ca_cert") {
        Some(Field::Secret(reference)) => certificates(Some(reference), context.resolved)?,
        Some(Field::String(pem)) => Some(pem.clone().into_bytes()),
        _ => None,
    };
    Ok(Some(Reviewer {
        api_server,
        ca_cert,
        credential,
    }))
}

/// Which account a login is, for the record: public.
pub(crate) fn identity(login: &Login) -> String {
    match &login.kind {
        LoginKind::Userpass { username, .. } => format!("userpass {username}"),
        LoginKind::Ldap { username, .. } => format!("ldap {username}"),
        LoginKind::Cert {
            role: Some(role), ..
        } => format!("cert {role}"),
        LoginKind::Cert { role: None, .. } => "cert".into(),
        LoginKind::AppRole { .. } => "approle".into(),
        LoginKind::Jwt { role, .. } => format!("jwt {role}"),
        LoginKind::Kubernetes { role, .. } => format!("kubernetes {role}"),
        LoginKind::Oidc { role, .. } => format!("oidc {role}"),
    }
}

fn kind(context: &LoginContext<'_>, login: &Login) -> Result<Kind, Failure> {
    Ok(match &login.kind {
        LoginKind::Userpass { username, password } => Kind::Userpass {
            username: username.clone(),
            password: context.secret(password)?,
        },
        LoginKind::Ldap { username, password } => Kind::Ldap {
            username: username.clone(),
            password: context.secret(password)?,
        },
        LoginKind::Cert {
            certificate,
            key,
            role,
        } => {
            context.secret(certificate)?;
            let pem = certificates(Some(certificate), context.resolved)?;
            Kind::Cert(Box::new(Shown {
                certificate: pem.unwrap_or_default(),
                key: context.secret(key)?,
                role: role.clone(),
                authorities: authorities(context, login, role.as_deref()),
            }))
        }
        LoginKind::AppRole { role_id, secret_id } => Kind::Approle {
            role_id: match role_id {
                Given::Plain(text) => Arc::new(SecretText::new(text.clone())),
                Given::Secret(reference) => context.secret(reference)?,
            },
            secret_id: context.secret(secret_id)?,
        },
        LoginKind::Jwt { role, with } => Kind::Jwt {
            role: role.clone(),
            jwt: source(context, with)?,
        },
        LoginKind::Kubernetes { role, with } => Kind::Kubernetes {
            role: role.clone(),
            jwt: source(context, with)?,
            reviewer: of_login(context, login).map(Box::new),
        },
        LoginKind::Oidc { role, with } => Kind::Oidc(Visit {
            role: role.clone(),
            screen: match with {
                OidcFlow::Browser => Screen::Browser,
                OidcFlow::Url => Screen::Url,
                OidcFlow::Device => Screen::Device,
            },
            redirect_uris: redirects(context, login, role),
            wait: Duration::from_secs(context.sign_in_seconds),
            paste: || prompt::pasted(PASTE).boxed_local(),
        }),
    })
}

/// Whose certificates the role of a login takes, or any role of its auth method where it names none; nothing where the
/// file does not tell of each.
fn authorities(context: &LoginContext<'_>, login: &Login, role: Option<&str>) -> Vec<u8> {
    let mount = context.config.auth_mount(&login.auth);
    let roles = mount
        .map(|mount| mount.roles.as_slice())
        .unwrap_or_default();
    let meant = |name: &str| role.is_none_or(|role| role.eq_ignore_ascii_case(name));
    let meant = roles.iter().filter(|(name, _)| meant(name));
    let pems = meant.map(|(_, fields)| match fields.get("certificate")? {
        Field::String(pem) => Some(pem.clone().into_bytes()),
        Field::Secret(reference) => certificates(Some(reference), context.resolved).ok()?,
        _ => None,
    });
    let pems: Option<Vec<_>> = pems.collect();
    pems.unwrap_or_default().join(&b'\n')
}

fn redirects(context: &LoginContext<'_>, login: &Login, role: &str) -> Vec<String> {
    let mount = context.config.auth_mount(&login.auth);
    let fields = mount.and_then(|mount| mount.role(role));
    let uris = fields.and_then(|fields| fields.get("allowed_redirect_uris"));
    let uris = uris.map(Field::strings).unwrap_or_default();
    uris.into_iter().map(str::to_owned).collect()
}

fn source(context: &LoginContext<'_>, with: &TokenSource) -> Result<JwtSource, Failure> {
    Ok(match with {
        TokenSource::TokenFile(path) => JwtSource::TokenFile(path.clone()),
        TokenSource::Command(argv) => JwtSource::Command(argv.clone()),
        TokenSource::TokenRequest(request) => {
            let (ca_cert, credential) = (request.ca_cert.as_ref(), request.credential.as_ref());
            let credential = credential.map(|reference| context.secret(reference));
            let wanted = Wanted {
                api_server: request.api_server.clone(),
                ca_cert: certificates(ca_cert, context.resolved)?,
                credential: credential.transpose()?,
                namespace: request.namespace.clone(),
                service_account: request.service_account.clone().unwrap_or_default(),
                audience: request.audience.clone(),
                expiration: request.expiration,
            };
            JwtSource::TokenRequest(Box::new(TokenRequest::complete(wanted)?))
        }
    })
}
