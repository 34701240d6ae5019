//! Mounts: secrets engines and auth methods, as the server lists them.

use std::collections::BTreeMap;

use rustify::endpoint::Endpoint;
use serde::Deserialize;
use vaultrs::api::sys::requests::{ListAuthsRequest, ListMountsRequest};

use crate::secret::Token;
use crate::vault::http::field;
use crate::vault::http::{Client, Error};

/// The type of each mount, such as `kv` or `oidc`, by its path without the slash that the server puts there.
pub type Mounts = BTreeMap<String, String>;

/// The secrets engines.
pub async fn list_mounts(client: &Client, token: &Token) -> Result<Mounts, Error> {
    list(client, token, &ListMountsRequest {}).await
}

/// The auth methods.
pub async fn list_auth(client: &Client, token: &Token) -> Result<Mounts, Error> {
    list(client, token, &ListAuthsRequest {}).await
}

async fn list(client: &Client, token: &Token, request: &impl Endpoint) -> Result<Mounts, Error> {
    #[derive(Deserialize)]
    struct Mount {
        #[serde(rename = "type", deserialize_with = "field::words")]
        mount_type: String,
    }
    let reply = client.run(Some(token), request).await?.ok()?;
    let found: BTreeMap<String, Mount> = reply.data()?;
    let named = found.into_iter().map(|(path, mount)| {
        let path = field::fit(path.trim_end_matches('/').to_owned());
        (path, mount.mount_type)
    });
    Ok(named.collect())
}
