//! Policies, and what a token may do by them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::secret::Token;
use crate::vault::http::field;
use crate::vault::http::{Ask, Body, Client, Error, Kind};

/// The text of a policy exactly as it was stored; `None` when there is none.
pub async fn read(client: &Client, token: &Token, name: &str) -> Result<Option<String>, Error> {
    #[derive(Deserialize)]
    struct Policy {
        #[serde(deserialize_with = "field::compared")]
        policy: String,
    }
    let path = format!("sys/policies/acl/{name}");
    let reply = client.ask(Ask::get(&path, Some(token))).await?;
    if reply.is_absent()? {
        return Ok(None);
    }
    let policy: Policy = reply.ok()?.data()?;
    Ok(Some(policy.policy))
}

/// What this token may do at each of `paths`: `read`, `update`, …, `deny` or `root`. An answer that leaves
/// out a path is an error.
pub async fn capabilities_self(
    client: &Client,
    token: &Token,
    paths: &[&str],
) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let list = paths.iter().map(|path| Body::from(*path)).collect();
    let body = Body::map([("paths", Body::List(list))]);
    let ask = Ask::post("sys/capabilities-self", Some(token), &body);
    let reply = client.ask(ask).await?.ok()?;
    // Next to the paths stands `capabilities`, those of the first.
    let Found(mut found) = reply.data()?;
    let mut asked = BTreeMap::new();
    for path in paths {
        let Some(capabilities) = found.remove(*path).or_else(|| asked.get(*path).cloned()) else {
            return Err(reply.fail(Kind::Malformed(format!("it leaves out {path}"))));
        };
        asked.insert((*path).to_owned(), capabilities);
    }
    Ok(asked)
}

#[derive(Deserialize)]
struct Found(#[serde(deserialize_with = "field::words")] BTreeMap<String, Vec<String>>);

/// All that a token may do, by all its policies together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ResultantAcl {
    /// It may do everything; the paths are empty then.
    pub root: bool,
    /// Capabilities at exactly these paths.
    #[serde(deserialize_with = "field::capabilities")]
    pub exact_paths: BTreeMap<String, Vec<String>>,
    /// Capabilities at all paths that begin so; `+` stands for one part.
    #[serde(deserialize_with = "field::capabilities")]
    pub glob_paths: BTreeMap<String, Vec<String>>,
}

/// `sys/internal/ui/resultant-acl` of this token.
pub async fn resultant_acl(client: &Client, token: &Token) -> Result<ResultantAcl, Error> {
    let ask = Ask::get("sys/internal/ui/resultant-acl", Some(token));
    client.ask(ask).await?.ok()?.data()
}
