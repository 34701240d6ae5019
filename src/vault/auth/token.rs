//! Tokens: looking at them and ending them. The servers repeat the token itself in a look-up; it is not read.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use vaultrs::api::token::requests::{
    ListAccessorRequest, LookupTokenAccessorRequest, LookupTokenSelfRequest,
    RevokeTokenAccessorRequest, RevokeTokenSelfRequest,
};

use crate::secret::Token;
use crate::vault::auth::session::AuthResponse;
use crate::vault::http::body::Body;
use crate::vault::http::client::Client;
use crate::vault::http::error::Error;
use crate::vault::http::exchange::Ask;
use crate::vault::http::reply::{Reply, null_is_empty};

/// A token without the token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenInfo {
    /// Names the token; empty for batch tokens.
    #[serde(default)]
    pub accessor: String,
    /// `root`, `userpass-ada`, …
    #[serde(default)]
    pub display_name: String,
    /// Empty when there is no entity.
    #[serde(default)]
    pub entity_id: String,
    /// Policies of the token itself.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub policies: Vec<String>,
    /// Policies that come from the entity and its groups.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub identity_policies: Vec<String>,
    /// Where it was made: `auth/token/root`, `auth/userpass/login/ada`.
    #[serde(default)]
    pub path: String,
    /// Whether it survives the token that made it.
    #[serde(default)]
    pub orphan: bool,
    /// `service` or `batch`.
    #[serde(default, rename = "type")]
    pub token_type: String,
    /// Seconds left; 0 is without end.
    #[serde(default)]
    pub ttl: i64,
    /// Uses left; 0 is without limit.
    #[serde(default)]
    pub num_uses: i64,
    /// RFC 3339; `None` is never.
    pub expire_time: Option<String>,
    /// Seconds; 0 is none.
    #[serde(default)]
    pub explicit_max_ttl: i64,
    /// Seconds since 1970.
    #[serde(default)]
    pub creation_time: i64,
    /// What whoever made it has written beside it.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub meta: BTreeMap<String, String>,
    /// Where the product has namespaces.
    pub namespace_path: Option<String>,
}

impl TokenInfo {
    /// Whether it may do everything.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.policies
            .iter()
            .chain(&self.identity_policies)
            .any(|name| name == "root")
    }
}

/// Looks at the token that asks. A dead token is a 403.
///
/// # Errors
/// Any answer but 200.
pub async fn lookup_self(client: &Client, token: &Token) -> Result<TokenInfo, Error> {
    client
        .call_for(Some(token), &LookupTokenSelfRequest {})
        .await?
        .ok()?
        .data()
}

/// Looks at the token of this accessor; `None` when there is none any more.
///
/// # Errors
/// Any other answer but 200. A plain 403 is one: who may not look has not seen that nothing is there.
pub async fn lookup_accessor(
    client: &Client,
    token: &Token,
    accessor: &str,
) -> Result<Option<TokenInfo>, Error> {
    let request = LookupTokenAccessorRequest {
        accessor: accessor.to_owned(),
    };
    let reply = client.call_for(Some(token), &request).await?;
    if names_no_token(&reply) {
        return Ok(None);
    }
    reply.ok()?.data().map(Some)
}

/// The accessors of all tokens. Needs `list` and `sudo`.
///
/// # Errors
/// Any answer but 200 and 404.
pub async fn list_accessors(client: &Client, token: &Token) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Keys {
        keys: Vec<String>,
    }
    let reply = client
        .call_for(Some(token), &ListAccessorRequest {})
        .await?;
    if reply.is_absent()? {
        return Ok(Vec::new());
    }
    let keys: Keys = reply.ok()?.data()?;
    Ok(keys.keys)
}

/// Makes a root token that ends by itself after `life`, whatever becomes of the one that asks: it has no parent, and
/// makes none that live longer. What is `beside` it is for whoever looks it up.
///
/// # Errors
/// Any answer but 200. After a lost one it may be there all the same, until its end.
pub async fn limited_root(
    client: &Client,
    root: &Token,
    life: Duration,
    beside: &[(&str, &str)],
) -> Result<AuthResponse, Error> {
    let seconds = format!("{}s", life.as_secs());
    let text = |text: &str| Body::String(text.to_owned());
    let meta = beside
        .iter()
        .map(|(name, value)| ((*name).to_owned(), text(value)));
    let meta = meta.collect();
    let body = Body::Map(vec![
        ("policies".into(), Body::List(vec![text("root")])),
        ("display_name".into(), text("break-glass")),
        ("ttl".into(), text(&seconds)),
        ("explicit_max_ttl".into(), text(&seconds)),
        ("renewable".into(), Body::Bool(false)),
        ("no_default_policy".into(), Body::Bool(true)),
        ("meta".into(), Body::Map(meta)),
    ]);
    let path = "auth/token/create-orphan";
    let ask = Ask::new(Method::POST, path, Some(root)).with_body(&body);
    AuthResponse::of(&client.ask(ask).await?.ok()?)
}

/// Ends the token of this accessor and all it made. False when there was none.
///
/// # Errors
/// Any other answer but 2xx.
pub async fn revoke_accessor(
    client: &Client,
    token: &Token,
    accessor: &str,
) -> Result<bool, Error> {
    let request = RevokeTokenAccessorRequest {
        accessor: accessor.to_owned(),
    };
    let reply = client.call_for(Some(token), &request).await?;
    if names_no_token(&reply) {
        return Ok(false);
    }
    reply.ok()?;
    Ok(true)
}

/// Ends a token and all it made. It is gone from here afterwards, whatever the server answered.
///
/// # Errors
/// Any answer but 2xx.
pub async fn revoke_self(client: &Client, token: Token) -> Result<(), Error> {
    send_revoke_self(client, &token).await?;
    Ok(())
}

/// The status of the answer.
pub(crate) async fn send_revoke_self(client: &Client, token: &Token) -> Result<u16, Error> {
    let reply = client
        .call_for(Some(token), &RevokeTokenSelfRequest {})
        .await?
        .ok()?;
    Ok(reply.status)
}

/// Servers: 400 `invalid accessor`; where the accessor is known and its token just expired, `bad token`.
fn names_no_token(reply: &Reply) -> bool {
    let texts = ["invalid accessor", "bad token"];
    matches!(reply.status, 400 | 403 | 404)
        && reply
            .messages()
            .iter()
            .any(|message| texts.iter().any(|text| message.contains(text)))
}
