//! Logging in, the way that a door says.

use std::sync::Arc;

use crate::door::model::{Door, Kind, NoticeSink, Screen};
use crate::door::{certificate, jwt, named, oidc, reason, reviewed, shown};
use crate::failure::Problem;
use crate::vault::{self, AuthResponse, Body, Client};

/// Logs in. The session is the caller's to use and to revoke.
///
/// # Errors
/// Why it did not open, in a person's words.
pub async fn open(
    client: &Client,
    door: &Door,
    notices: &dyn NoticeSink,
) -> Result<AuthResponse, Problem> {
    enter(client, door, notices)
        .await
        .map_err(|cause| named(client, door, cause))
}

/// Gets what a machine logs in with, and lets it go again: everything of a login that can be tried without the server.
///
/// # Errors
/// Why it is not to be had, in a person's words.
pub async fn has_credential(door: &Door) -> Result<(), Problem> {
    let fetched = match &door.kind {
        Kind::Jwt { jwt, .. } | Kind::Kubernetes { jwt, .. } => {
            let fetched = jwt::fetch(jwt, &door.withheld).await;
            fetched.and_then(|token| shown::is_current(jwt, &token))
        }
        Kind::Cert(shown) => certificate::is_good(shown, &door.places).map(|_| ()),
        Kind::Userpass { .. } | Kind::Ldap { .. } | Kind::Approle { .. } | Kind::Oidc(_) => Ok(()),
    };
    fetched.map_err(|cause| Problem {
        what: format!("login {}: {cause}", door.name),
        ..cause
    })
}

async fn enter(
    client: &Client,
    door: &Door,
    notices: &dyn NoticeSink,
) -> Result<AuthResponse, Problem> {
    let mount = &door.mount;
    let (path, body) = match &door.kind {
        Kind::Userpass { username, password } | Kind::Ldap { username, password } => (
            format!("auth/{mount}/login/{username}"),
            Body::map([("password", password.clone())]),
        ),
        Kind::Approle { role_id, secret_id } => {
            let fields = [
                ("role_id", role_id.clone()),
                ("secret_id", secret_id.clone()),
            ];
            (format!("auth/{mount}/login"), Body::map(fields))
        }
        Kind::Jwt { role, jwt } | Kind::Kubernetes { role, jwt, .. } => {
            let token = Arc::new(jwt::fetch(jwt, &door.withheld).await?);
            let fields = [
                ("jwt", Body::from(token.clone())),
                ("role", Body::from(role.as_str())),
            ];
            let path = format!("auth/{mount}/login");
            let error = match vault::login(client, &path, &Body::map(fields)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let unreviewed = reason::is_unreviewed(&door.kind, &error);
            let problem = shown::explain(&door.kind, &token, reason::of(&door.kind, error));
            return Err(match &door.kind {
                // One that has ended is told as such, and needs no reviewer.
                Kind::Kubernetes { reviewer, .. } if unreviewed && !shown::has_ended(&token) => {
                    reviewed::explain(reviewer.as_deref(), problem).await
                }
                _ => problem,
            });
        }
        Kind::Cert(shown) => return certificate::show(client, door, shown).await,
        Kind::Oidc(visit) if visit.screen == Screen::Device => {
            return oidc::by_device(client, door, visit, notices).await;
        }
        Kind::Oidc(visit) => return oidc::by_browser(client, door, visit, notices).await,
    };
    vault::login(client, &path, &body)
        .await
        .map_err(|error| reason::of(&door.kind, error))
}
