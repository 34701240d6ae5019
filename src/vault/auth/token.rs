//! Tokens: looking at them and ending them. The servers repeat the token itself in a look-up; it is not read.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use vaultrs::api::token::requests::{
    ListAccessorRequest, LookupTokenAccessorRequest, LookupTokenSelfRequest,
    RevokeTokenAccessorRequest, RevokeTokenSelfRequest,
};

use crate::secret::Token;
use crate::vault::auth::auth_response::AuthResponse;
use crate::vault::http::field;
use crate::vault::http::{Ask, Body, Client, Error, Kind, Reply};

/// A token without the token. The servers leave out what is empty. None of its texts has a form that would be held: no
/// name may be in the way of its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TokenInfo {
    /// Names the token; empty for batch tokens.
    #[serde(deserialize_with = "field::words")]
    pub accessor: String,
    /// `root`, `userpass-ada`, …
    #[serde(deserialize_with = "field::words")]
    pub display_name: String,
    /// Empty when there is no entity.
    #[serde(deserialize_with = "field::words")]
    pub entity_id: String,
    /// Policies of the token itself.
    #[serde(deserialize_with = "field::words")]
    pub policies: Vec<String>,
    /// Policies that come from the entity and its groups.
    #[serde(deserialize_with = "field::words")]
    pub identity_policies: Vec<String>,
    /// Where it was made: `auth/token/root`, `auth/userpass/login/ada`.
    #[serde(deserialize_with = "field::words")]
    pub path: String,
    /// Whether it survives the token that made it.
    pub orphan: bool,
    /// `service` or `batch`.
    #[serde(rename = "type", deserialize_with = "field::words")]
    pub token_type: String,
    /// Seconds left; 0 is without end.
    pub ttl: i64,
    /// Uses left; 0 is without limit.
    pub num_uses: i64,
    /// RFC 3339; `None` is never.
    #[serde(deserialize_with = "field::words")]
    pub expire_time: Option<String>,
    /// Seconds by which each renewal makes it live on, without end; 0 where it has no period.
    pub period: i64,
    /// Seconds that it may live at the most; 0 where it has no such limit.
    pub explicit_max_ttl: i64,
    /// Seconds since 1970.
    pub creation_time: i64,
    /// What whoever made it has written beside it.
    #[serde(deserialize_with = "field::words")]
    pub meta: BTreeMap<String, String>,
    /// Where the product has namespaces.
    #[serde(deserialize_with = "field::words")]
    pub namespace_path: Option<String>,
    /// How audit logs name the request that was answered with this, where the token asked itself.
    #[serde(skip)]
    pub request_id: String,
}

impl TokenInfo {
    /// Whether it may do everything.
    pub fn is_root(&self) -> bool {
        let mut all = self.policies.iter().chain(&self.identity_policies);
        all.any(|name| name == "root")
    }
}

/// Looks at the token that asks. A dead token is a 403.
pub async fn lookup_self(client: &Client, token: &Token) -> Result<TokenInfo, Error> {
    let request = LookupTokenSelfRequest {};
    let reply = client.run(Some(token), &request).await?.ok()?;
    let info: TokenInfo = reply.data()?;
    Ok(TokenInfo {
        request_id: reply.request_id(),
        ..info
    })
}

/// Lets a token live longer, by as much as it lived when it was made; for how many seconds it lives now.
///
/// # Errors
/// It cannot be renewed, or is dead.
pub async fn renew_self(client: &Client, token: &Token) -> Result<i64, Error> {
    let body = Body::map::<&str, &str>([]);
    let ask = Ask::post("auth/token/renew-self", Some(token), &body);
    let renewed: Renewed = client.ask(ask).await?.ok()?.whole()?;
    Ok(renewed.auth.lease_duration)
}

/// What of the answer counts: the token itself stands in it once more.
#[derive(Deserialize)]
struct Renewed {
    auth: Life,
}

#[derive(Deserialize)]
struct Life {
    lease_duration: i64,
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
    let accessor = accessor.to_owned();
    let request = LookupTokenAccessorRequest { accessor };
    let reply = client.run(Some(token), &request).await?;
    if names_no_token(&reply) {
        return Ok(None);
    }
    reply.ok()?.data().map(Some)
}

/// The accessors of all tokens. Needs `list` and `sudo`.
pub async fn list_accessors(client: &Client, token: &Token) -> Result<Vec<String>, Error> {
    let reply = client.run(Some(token), &ListAccessorRequest {}).await?;
    accessors_of(reply)
}

/// "There is no other root token" must not be concluded from an answer without a list. A 404 says that the list is
/// empty, as for a batch token, which has no accessor.
fn accessors_of(reply: Reply) -> Result<Vec<String>, Error> {
    let listed = reply.is_success();
    let none = reply.fail(Kind::Malformed("it lists no accessors".into()));
    let accessors = reply.keys()?;
    if listed && accessors.is_empty() {
        return Err(none);
    }
    Ok(accessors)
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
    let body = Body::map([
        ("policies", Body::List(vec!["root".into()])),
        ("display_name", "break-glass".into()),
        ("ttl", seconds.as_str().into()),
        ("explicit_max_ttl", seconds.as_str().into()),
        ("renewable", false.into()),
        ("no_default_policy", true.into()),
        ("meta", Body::map(beside.iter().copied())),
    ]);
    let path = "auth/token/create-orphan";
    let ask = Ask::post(path, Some(root), &body);
    AuthResponse::of(&client.ask(ask).await?.ok()?)
}

/// Ends the token of this accessor and all it made. False when there was none.
pub async fn revoke_accessor(
    client: &Client,
    token: &Token,
    accessor: &str,
) -> Result<bool, Error> {
    let accessor = accessor.to_owned();
    let request = RevokeTokenAccessorRequest { accessor };
    let reply = client.run(Some(token), &request).await?;
    if names_no_token(&reply) {
        return Ok(false);
    }
    reply.ok()?;
    Ok(true)
}

/// Ends a token and all it made. It is gone from here afterwards, whatever the server answered.
pub async fn revoke_self(client: &Client, token: Token) -> Result<(), Error> {
    send_revoke_self(client, &token).await.map(drop)
}

/// The status of the answer.
pub(crate) async fn send_revoke_self(client: &Client, token: &Token) -> Result<u16, Error> {
    let request = RevokeTokenSelfRequest {};
    Ok(client.run(Some(token), &request).await?.ok()?.status)
}

/// Servers: 400 `invalid accessor`; where the accessor is known and its token just expired, `bad token`; where it ends while
/// it is revoked, 400 `token not found` (seen on OpenBao 2.7.2).
fn names_no_token(reply: &Reply) -> bool {
    let texts = ["invalid accessor", "bad token", "token not found"];
    matches!(reply.status, 400 | 403 | 404)
        && reply
            .messages()
            .iter()
            .any(|message| texts.iter().any(|text| message.contains(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::http::reply::tests::json_reply;

    #[test]
    fn a_token_that_ended_by_itself_is_no_failure_to_end_it() {
        let of = |status, text: &str| {
            let body = format!(r#"{{"errors":["{text}"]}}"#);
            names_no_token(&json_reply(status, &body, "auth/token/revoke-accessor"))
        };
        assert!(of(400, "token not found"));
        assert!(of(400, "invalid accessor"));
        assert!(of(403, "bad token"));
        assert!(!of(403, "permission denied"));
        assert!(!of(500, "token not found"));
    }

    #[test]
    fn an_answer_without_a_list_does_not_say_that_there_are_no_tokens() {
        let of = |status, body| accessors_of(json_reply(status, body, "auth/token/accessors"));
        assert_eq!(of(200, r#"{"keys":["a"]}"#).unwrap(), ["a"]);
        assert!(of(404, r#"{"errors":[]}"#).unwrap().is_empty());
        for body in ["{}", r#"{"request_id":"r","data":{"keys":null}}"#] {
            assert!(of(200, body).is_err(), "{body}");
        }
    }
}
