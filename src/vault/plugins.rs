//! The catalogue of plugins: what a server can mount beside what it has built in.

use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::secret::Token;
use crate::vault::http::field;
use crate::vault::http::{Ask, Client, Error};

/// Where it is.
pub const CATALOGUE: &str = "sys/plugins/catalog";

/// A plugin, as the list of all has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Plugin {
    /// `secret`, `auth` or `database`.
    #[serde(rename = "type", deserialize_with = "field::words")]
    pub kind: String,
    /// Its name.
    #[serde(deserialize_with = "field::words")]
    pub name: String,
    /// Its version; none is empty.
    #[serde(default, deserialize_with = "field::words")]
    pub version: String,
    /// The server brings it.
    #[serde(default)]
    pub builtin: bool,
}

/// All plugins, those of the server itself among them.
///
/// # Errors
/// Any answer but 2xx.
pub async fn catalogue(client: &Client, token: &Token) -> Result<Vec<Plugin>, Error> {
    #[derive(Deserialize)]
    struct All {
        #[serde(default)]
        detailed: Vec<Plugin>,
    }
    let reply = client.ask(Ask::get(CATALOGUE, Some(token))).await?.ok()?;
    let all: All = reply.data()?;
    Ok(all.detailed)
}

/// What the catalogue has of this path in this version; `None` where it has none. A server asked for no version answers what has
/// none.
///
/// # Errors
/// Any answer but 2xx and 404.
pub async fn read(
    client: &Client,
    token: &Token,
    (path, version): (&str, &str),
) -> Result<Option<Value>, Error> {
    // A `+` would be read as a blank.
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("version", version).finish();
    let mut ask = Ask::get(path, Some(token));
    ask.query = Some(&query)
        .filter(|_| !version.is_empty())
        .map(String::as_str);
    let reply = client.ask(ask).await?;
    if reply.is_absent()? {
        return Ok(None);
    }
    reply.ok()?.data().map(Some)
}
