//! Logging in, the way that a door says.

use crate::door::error::{Cause, DoorError};
use crate::door::model::{Door, Kind, Screen, Tell};
use crate::door::{jwt, oidc};
use crate::secret::SecretText;
use crate::vault::{self, AuthResponse, Body, Client};

/// Logs in. The session is the caller's to use and to revoke.
///
/// # Errors
/// Why it did not open, in a person's words.
pub async fn open(
    client: &Client,
    door: &Door,
    person: &dyn Tell,
) -> Result<AuthResponse, DoorError> {
    enter(client, door, person)
        .await
        .map_err(|cause| DoorError::new(client, door, cause))
}

async fn enter(client: &Client, door: &Door, person: &dyn Tell) -> Result<AuthResponse, Cause> {
    let mount = &door.mount;
    let (path, body) = match &door.kind {
        Kind::Userpass { username, password } => (
            format!("auth/{mount}/login/{username}"),
            Body::map([("password", password.clone())]),
        ),
        Kind::Approle { role_id, secret_id } => {
            let mut fields = vec![("role_id", role_id.clone())];
            fields.extend(secret_id.iter().map(|secret| ("secret_id", secret.clone())));
            (format!("auth/{mount}/login"), Body::map(fields))
        }
        Kind::Jwt { role, jwt } => {
            let body = with_role(role.as_deref(), jwt::fetch(jwt).await?);
            (format!("auth/{mount}/login"), body)
        }
        Kind::Kubernetes { role, jwt } => {
            let body = with_role(Some(role), jwt::fetch(jwt).await?);
            (format!("auth/{mount}/login"), body)
        }
        Kind::Oidc {
            with: Screen::Device,
            role,
            wait,
            ..
        } => {
            return oidc::by_device(client, door, role.as_deref(), *wait, person).await;
        }
        Kind::Oidc {
            role,
            with,
            redirect_uris,
            wait,
        } => {
            let visit = oidc::Visit {
                role: role.as_deref(),
                screen: *with,
                redirect_uris,
                wait: *wait,
            };
            return oidc::by_browser(client, door, &visit, person).await;
        }
    };
    vault::login(client, &path, &body)
        .await
        .map_err(|error| Cause::of(&door.kind, error))
}

fn with_role(role: Option<&str>, jwt: SecretText) -> Body {
    let mut fields = vec![("jwt", Body::from(jwt))];
    fields.extend(role.map(|role| ("role", Body::from(role))));
    Body::map(fields)
}
