//! Audit devices. They belong to the cluster, so all calls go to the root namespace.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::secret::Token;
use crate::vault::http::field;
use crate::vault::http::{Ask, Body, Client, Error, Kind};

/// One audit device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AuditDevice {
    /// Its name, without the trailing slash that the server puts there.
    #[serde(skip)]
    pub path: String,
    /// `file`, `syslog`, `socket`, `http`.
    #[serde(rename = "type", deserialize_with = "field::words")]
    pub device_type: String,
    /// For people.
    #[serde(default, deserialize_with = "field::compared")]
    pub description: String,
    /// All values are strings on the server.
    #[serde(default, deserialize_with = "field::compared")]
    pub options: BTreeMap<String, String>,
    /// Not replicated.
    #[serde(default)]
    pub local: bool,
}

/// The devices, by name. Needs `read` and `sudo` on `sys/audit`.
pub async fn list_audit(client: &Client, token: &Token) -> Result<Vec<AuditDevice>, Error> {
    let ask = Ask::get("sys/audit", Some(token));
    let found: BTreeMap<String, AuditDevice> =
        client.in_namespace(None).ask(ask).await?.ok()?.data()?;
    let named = found.into_iter().map(|(path, device)| AuditDevice {
        path: field::fit(path.trim_end_matches('/').to_owned()),
        ..device
    });
    Ok(named.collect())
}

/// Creates a device. There is no changing one, and OpenBao refuses unless its configuration allows it.
pub async fn enable_audit(
    client: &Client,
    token: &Token,
    device: &AuditDevice,
) -> Result<(), Error> {
    let options = device
        .options
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str()));
    let body = Body::Map(vec![
        ("type".into(), device.device_type.as_str().into()),
        ("description".into(), device.description.as_str().into()),
        ("options".into(), Body::map(options)),
        ("local".into(), device.local.into()),
    ]);
    let path = format!("sys/audit/{}", device.path);
    client
        .in_namespace(None)
        .write(Some(token), &path, &body)
        .await?;
    Ok(())
}

/// How `device` writes `input`: `hmac-sha256:…`. The input is sent as a secret if it is one.
pub async fn audit_hash(
    client: &Client,
    token: &Token,
    device: &str,
    input: impl Into<Body>,
) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Hashed {
        #[serde(deserialize_with = "field::hash")]
        hash: String,
    }
    let path = format!("sys/audit-hash/{device}");
    let body = Body::map([("input", input)]);
    let ask = Ask::post(&path, Some(token), &body);
    let reply = client.in_namespace(None).ask(ask).await?.ok()?;
    let hashed: Hashed = reply.data()?;
    if hashed.hash.starts_with("hmac-sha256:") {
        Ok(hashed.hash)
    } else {
        Err(reply.fail(Kind::Malformed("it holds no hmac-sha256".into())))
    }
}
