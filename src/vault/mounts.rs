//! Mounts: secrets engines and auth methods, their creation and their tuning.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use vaultrs::api::sys::requests::{ListAuthsRequest, ListMountsRequest};

use super::body::Body;
use super::client::{Answer, Client};
use super::error::Error;
use crate::secret::Token;

/// A mount of either kind, as listed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Mount {
    /// Without the trailing slash that the server puts there.
    #[serde(default)]
    pub path: String,
    /// `kv`, `oidc`, `kubernetes`, …
    #[serde(rename = "type")]
    pub mount_type: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Names the mount for aliases and in the audit log.
    #[serde(default)]
    pub accessor: String,
    /// Tuning; a TTL of 0 is the server's default here.
    #[serde(default)]
    pub config: Value,
    /// Options of the type, such as the version of `kv`.
    #[serde(default)]
    pub options: Value,
    /// Not replicated.
    #[serde(default)]
    pub local: bool,
    /// Wrapped by the seal as well.
    #[serde(default)]
    pub seal_wrap: bool,
}

/// The secrets engines.
///
/// # Errors
/// Any answer but 200.
pub async fn list_mounts(client: &Client, token: &Token) -> Result<Vec<Mount>, Error> {
    let found = client
        .call_for(Some(token), &ListMountsRequest {})
        .await?
        .ok()?
        .data()?;
    Ok(named(found))
}

/// The auth methods.
///
/// # Errors
/// Any answer but 200.
pub async fn list_auth(client: &Client, token: &Token) -> Result<Vec<Mount>, Error> {
    let found = client
        .call_for(Some(token), &ListAuthsRequest {})
        .await?
        .ok()?
        .data()?;
    Ok(named(found))
}

fn named(found: BTreeMap<String, Mount>) -> Vec<Mount> {
    let bare = |path: String| path.trim_end_matches('/').to_owned();
    found
        .into_iter()
        .map(|(path, mount)| Mount {
            path: bare(path),
            ..mount
        })
        .collect()
}

/// Mounts a secrets engine; `body` has `type`, `description`, `options`, `config`.
///
/// # Errors
/// Any answer but 2xx; 400 when the path is taken.
pub async fn enable_mount(
    client: &Client,
    token: &Token,
    path: &str,
    body: &Body,
) -> Result<Answer, Error> {
    client
        .write(Some(token), &format!("sys/mounts/{path}"), body)
        .await
}

/// Mounts an auth method; `body` as in [`enable_mount`].
///
/// # Errors
/// Any answer but 2xx; 400 when the path is taken.
pub async fn enable_auth(
    client: &Client,
    token: &Token,
    path: &str,
    body: &Body,
) -> Result<Answer, Error> {
    client
        .write(Some(token), &format!("sys/auth/{path}"), body)
        .await
}

/// Tuning of a mount (`auth/oidc` or `secret`) with the effective TTLs in seconds.
///
/// # Errors
/// Any answer but 200; 400 where there is no such mount.
pub async fn read_tune(
    client: &Client,
    token: &Token,
    mount: &str,
) -> Result<Option<Value>, Error> {
    client
        .read(Some(token), &format!("sys/mounts/{mount}/tune"))
        .await
}

/// Changes the given fields of a mount's tuning and leaves the others.
///
/// # Errors
/// Any answer but 2xx.
pub async fn write_tune(
    client: &Client,
    token: &Token,
    mount: &str,
    body: &Body,
) -> Result<Answer, Error> {
    client
        .write(Some(token), &format!("sys/mounts/{mount}/tune"), body)
        .await
}
