//! Mounts: secrets engines and auth methods, as the server lists them.

use std::collections::BTreeMap;

use rustify::endpoint::Endpoint;
use serde::Deserialize;
use serde_json::Value;
use vaultrs::api::sys::requests::{ListAuthsRequest, ListMountsRequest};

use crate::secret::Token;
use crate::vault::http::{Client, Error};

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
pub async fn list_mounts(client: &Client, token: &Token) -> Result<Vec<Mount>, Error> {
    list(client, token, &ListMountsRequest {}).await
}

/// The auth methods.
pub async fn list_auth(client: &Client, token: &Token) -> Result<Vec<Mount>, Error> {
    list(client, token, &ListAuthsRequest {}).await
}

async fn list(
    client: &Client,
    token: &Token,
    request: &impl Endpoint,
) -> Result<Vec<Mount>, Error> {
    let reply = client.run(Some(token), request).await?.ok()?;
    let found: BTreeMap<String, Mount> = reply.data()?;
    let named = found.into_iter().map(|(path, mount)| Mount {
        path: path.trim_end_matches('/').to_owned(),
        ..mount
    });
    Ok(named.collect())
}
