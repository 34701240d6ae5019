//! Mounts: secrets engines and auth methods, as the server lists them.

use std::collections::BTreeMap;

use rustify::endpoint::Endpoint;
use serde::Deserialize;
use serde_json::Value;
use vaultrs::api::sys::requests::{ListAuthsRequest, ListMountsRequest};

use crate::secret::Token;
use crate::vault::http::field;
use crate::vault::http::{Client, Error};

/// What is mounted, by its path without the slash that the server puts there.
pub type Mounts = BTreeMap<String, Mount>;

/// One mount.
#[derive(Debug, Clone, PartialEq)]
pub struct Mount {
    /// Such as `kv` or `oidc`.
    pub mount_type: String,
    /// All that its listing says, its tuning beside the rest: what it was given itself, where its own `tune` answers with
    /// what is in effect.
    pub fields: Value,
}

/// The secrets engines.
pub async fn list_mounts(client: &Client, token: &Token) -> Result<Mounts, Error> {
    list(client, token, &ListMountsRequest {}).await
}

/// The auth methods.
pub async fn list_auth(client: &Client, token: &Token) -> Result<Mounts, Error> {
    list(client, token, &ListAuthsRequest {}).await
}

/// The types that an auth method can have on this server: its own, and plugins that it knows.
pub async fn auth_types(client: &Client, token: &Token) -> Result<Vec<String>, Error> {
    client.list(Some(token), "sys/plugins/catalog/auth").await
}

async fn list(client: &Client, token: &Token, request: &impl Endpoint) -> Result<Mounts, Error> {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type", deserialize_with = "field::words")]
        mount_type: String,
    }
    let reply = client.run(Some(token), request).await?.ok()?;
    let typed: BTreeMap<String, Typed> = reply.data()?;
    let mut all: BTreeMap<String, Value> = reply.data()?;
    let named = typed.into_iter().map(|(path, Typed { mount_type })| {
        let fields = all.remove(&path).map(flat).unwrap_or_default();
        let path = field::fit(path.trim_end_matches('/').to_owned());
        (path, Mount { mount_type, fields })
    });
    Ok(named.collect())
}

/// With what is in `config` beside the rest.
fn flat(mount: Value) -> Value {
    let Value::Object(mut fields) = mount else {
        return mount;
    };
    if let Some(Value::Object(config)) = fields.remove("config") {
        fields.extend(config);
    }
    Value::Object(fields)
}
