//! What a node says about itself to anybody. Single looks; waiting belongs to the verbs.
//!
//! None of these calls carries a token or a namespace: some are answered in the root namespace only, and a
//! token would make Vault look it up under the lock of the active node.

use std::time::Duration;

use base64::Engine;
use base64::alphabet::{self, Alphabet};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::secret::{SecretText, Share};
use crate::vault::http::field;
use crate::vault::http::{Ask, Body, Client, Error, Kind, Reply};

/// One look at one of several nodes; the others go on meanwhile.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// Which server it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Product {
    /// HashiCorp Vault.
    Vault,
    /// OpenBao, as long as nothing tells of Vault.
    #[default]
    OpenBao,
}

impl Product {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vault => "Vault",
            Self::OpenBao => "OpenBao",
        }
    }

    /// Its command line.
    pub fn program(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::OpenBao => "bao",
        }
    }
}

/// `sys/health`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// HTTP status: 200 active, 429 standby, 501 not initialised, 503 sealed, 472, 473, 474, 530 see Vault.
    #[serde(skip)]
    pub status: u16,
    /// Whether it was initialised, or is about to join a cluster that was.
    pub initialized: bool,
    /// Whether it is sealed.
    pub sealed: bool,
    /// Told by fields that only Vault sends, community edition included.
    #[serde(skip)]
    pub product: Product,
    /// Empty where the listener redacts it.
    #[serde(default, deserialize_with = "field::version")]
    pub version: String,
    /// Known once unsealed.
    #[serde(default, deserialize_with = "field::cluster_id")]
    pub cluster_id: Option<String>,
    /// Seconds since 1970 by the server's clock.
    pub server_time_utc: Option<i64>,
    /// The name of the node, where its configuration lets it say that.
    #[serde(skip)]
    pub node: Option<String>,
}

impl Health {
    /// True on the node that executes writes.
    pub fn is_active(&self) -> bool {
        self.status == 200
    }

    /// What it says of itself, in a word.
    pub fn state(&self) -> &'static str {
        match (self.initialized, self.sealed, self.is_active()) {
            (false, ..) => "not initialised",
            (true, true, _) => "sealed",
            (true, false, true) => "active",
            (true, false, false) => "standby",
        }
    }
}

/// What only Vault says of its health.
#[derive(Deserialize)]
struct VaultOnly {
    enterprise: Option<bool>,
    performance_standby: Option<bool>,
}

/// `sys/seal-status`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SealStatus {
    /// `shamir`, `awskms`, `transit`, `static`, …
    #[serde(rename = "type", deserialize_with = "field::seal_type")]
    pub seal_type: String,
    /// Whether it was initialised.
    pub initialized: bool,
    /// Whether it is sealed.
    pub sealed: bool,
    /// Threshold; of the recovery keys with an auto-unseal.
    #[serde(default)]
    pub t: u32,
    /// Shares; of the recovery keys with an auto-unseal.
    #[serde(default)]
    pub n: u32,
    /// Shares given so far in the current attempt to unseal.
    #[serde(default)]
    pub progress: u32,
    /// The test for an auto-unseal.
    #[serde(default)]
    pub recovery_seal: bool,
    /// Where it keeps its data, such as `raft`, where it says so.
    #[serde(default, deserialize_with = "field::storage_type")]
    pub storage_type: Option<String>,
}

async fn look(client: &Client, path: &str, timeout: Option<Duration>) -> Result<Reply, Error> {
    let mut ask = Ask::get(path, None);
    ask.timeout = timeout;
    client.in_namespace(None).ask(ask).await
}

/// `sys/health` of this node; every state it can report is an answer, not an error.
pub async fn health(client: &Client) -> Result<Health, Error> {
    health_within(client, None).await
}

async fn health_within(client: &Client, timeout: Option<Duration>) -> Result<Health, Error> {
    health_of_reply(&look(client, "sys/health", timeout).await?)
}

fn health_of_reply(reply: &Reply) -> Result<Health, Error> {
    let mut health: Health = match reply.whole() {
        Ok(health) => health,
        Err(error) if matches!(error.kind(), Kind::Field { .. }) => return Err(error),
        // An error answer such as 400 for an unknown parameter, or a proxy's.
        Err(_) if !reply.is_success() => return Err(reply.refusal()),
        Err(error) => return Err(error),
    };
    health.status = reply.status;
    health.node.clone_from(&reply.node);
    let only: VaultOnly = reply.whole()?;
    if only.enterprise.is_some() || only.performance_standby.is_some() {
        health.product = Product::Vault;
    }
    Ok(health)
}

/// Asks all listed nodes at once and gives each a few seconds.
pub async fn health_of_nodes(client: &Client) -> Vec<(Client, Result<Health, Error>)> {
    health_of(client.nodes()).await
}

/// Asks these at once and gives each a few seconds.
pub async fn health_of(nodes: Vec<Client>) -> Vec<(Client, Result<Health, Error>)> {
    let looks = nodes.into_iter().map(|node| async move {
        let health = health_within(&node, Some(LOOK_TIMEOUT)).await;
        (node, health)
    });
    futures::future::join_all(looks).await
}

/// Asks this address so many times at once, each time on a connection of its own, and gives each a few seconds.
///
/// # Errors
/// Connections cannot be prepared.
pub async fn health_on_new_connections(
    client: &Client,
    times: usize,
) -> Result<Vec<Result<Health, Error>>, Error> {
    let client = client.in_namespace(None);
    let new = client.new_connections()?;
    let looks = (0..times).map(|_| async {
        let mut ask = Ask::get("sys/health", None);
        ask.timeout = Some(LOOK_TIMEOUT);
        health_of_reply(&client.ask_on(&new, ask).await?)
    });
    Ok(futures::future::join_all(looks).await)
}

/// `sys/health` of this node, if it answers within a few seconds.
pub async fn health_now(node: &Client) -> Option<Health> {
    health_within(node, Some(LOOK_TIMEOUT)).await.ok()
}

/// Whether this node says now that it is the active one.
pub async fn is_active(node: &Client) -> bool {
    health_now(node).await.is_some_and(|h| h.is_active())
}

/// The active one of the listed nodes: the first whose `sys/health` is 200, and what it said. `None` when
/// none says so now.
pub async fn active(client: &Client) -> Option<(Client, Health)> {
    let mut looks: FuturesUnordered<_> = client
        .nodes()
        .into_iter()
        .map(|node| async move {
            let health = health_now(&node).await?;
            health.is_active().then_some((node, health))
        })
        .collect();
    while let Some(found) = looks.next().await {
        if found.is_some() {
            return found;
        }
    }
    None
}

/// `sys/seal-status` of this node; 404 is a server in recovery mode.
pub async fn seal_status(client: &Client) -> Result<SealStatus, Error> {
    look(client, "sys/seal-status", None).await?.ok()?.whole()
}

/// The address of the active node, as that advertises itself and this node knows it; 503 is a sealed server.
pub async fn leader(client: &Client) -> Result<Option<String>, Error> {
    #[derive(Deserialize)]
    struct Leader {
        #[serde(default, deserialize_with = "field::leader_address")]
        leader_address: Option<String>,
    }
    let leader: Leader = look(client, "sys/leader", None).await?.ok()?.whole()?;
    Ok(leader.leader_address.filter(|address| !address.is_empty()))
}

/// `GET sys/init`. Also true while a node joins a cluster, and then says nothing about being usable.
pub async fn initialized(client: &Client) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Initialized {
        initialized: bool,
    }
    let body: Initialized = look(client, "sys/init", None).await?.ok()?.whole()?;
    Ok(body.initialized)
}

/// Gives one unseal share to this node. The same share twice changes nothing. The text of a refusal is not kept.
pub async fn unseal(client: &Client, share: &Share) -> Result<SealStatus, Error> {
    let Some(key) = share_as_hex(share) else {
        let url = format!("{}/v1/sys/unseal", client.address());
        return Err(Error::new("POST", &url, Kind::InvalidShare));
    };
    let body = Body::map([("key", key)]);
    let ask = Ask::post("sys/unseal", None, &body);
    client.in_namespace(None).ask(ask).await?.ok()?.whole()
}

/// Fewer letters than those of a share in hexadecimal, which are 34 at least; in base64 that many are never all
/// hexadecimal by accident.
const SHORTEST_HEX: usize = 32;

/// A share in hexadecimal, the form to send: the servers try hexadecimal first, and a share in base64 may
/// happen to be valid hexadecimal. `None` when it is no line of hexadecimal, base64 or base64url.
pub fn share_as_hex(share: &Share) -> Option<SecretText> {
    let text = share.expose().trim();
    let is_hex = text.len() >= SHORTEST_HEX
        && text.len().is_multiple_of(2)
        && text.bytes().all(|letter| letter.is_ascii_hexdigit());
    if is_hex {
        return Some(SecretText::new(text.to_ascii_lowercase()));
    }
    let mut alphabets = [alphabet::STANDARD, alphabet::URL_SAFE].into_iter();
    let bytes = Zeroizing::new(alphabets.find_map(|letters| decoded(text, &letters))?);
    if bytes.is_empty() {
        return None;
    }
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes.iter() {
        for digit in [byte >> 4, byte & 15] {
            // A number below 16 has a hexadecimal digit.
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    Some(SecretText::new(text))
}

/// Whether two shares are one, in whatever spelling. Both are in this process already: nobody times the comparison.
pub fn same_share(one: &Share, other: &Share) -> bool {
    match (share_as_hex(one), share_as_hex(other)) {
        (Some(one), Some(other)) => one.expose() == other.expose(),
        _ => false,
    }
}

/// With or without the padding, which people lose on the way.
fn decoded(text: &str, letters: &Alphabet) -> Option<Vec<u8>> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(letters, lenient).decode(text).ok()
}

/// `2.5.3` of `2.5.3` or `v2.5.3+build`; `None` where the server hides it.
pub fn release(version: &str) -> Option<(u32, u32, u32)> {
    let plain = version.trim_start_matches('v');
    let plain = plain.split(['-', '+']).next()?;
    let mut parts = plain.split('.').map(str::parse);
    Some((
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_travels_in_hexadecimal() {
        let hex =
            |text: &str| share_as_hex(&Share::new(text.into())).map(|hex| hex.expose().to_owned());
        assert_eq!(hex("AAH+/w==").as_deref(), Some("0001feff"));
        assert_eq!(hex("not base64"), None);
        assert_eq!(hex(""), None);
        assert_eq!(hex("A"), None);
    }

    #[test]
    fn a_share_is_understood_in_every_spelling_in_which_people_have_it() {
        use base64::engine::general_purpose::{
            STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD,
        };
        for length in [17, 32, 33] {
            let bytes: Vec<u8> = (0..length).map(|place| 0xfb ^ (place % 3)).collect();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            for text in [
                hex.clone(),
                hex.to_uppercase(),
                format!(" {hex}\n"),
                STANDARD.encode(&bytes),
                STANDARD_NO_PAD.encode(&bytes),
                URL_SAFE.encode(&bytes),
                URL_SAFE_NO_PAD.encode(&bytes),
            ] {
                let found = share_as_hex(&Share::new(text.clone())).unwrap();
                assert_eq!(found.expose(), hex, "{text}");
            }
        }
        let mixed = format!("{}-_+/", "A".repeat(40));
        assert!(share_as_hex(&Share::new(mixed)).is_none());
        assert!(share_as_hex(&Share::new(format!("{}x", "0".repeat(66)))).is_none());
    }

    #[test]
    fn releases_are_read_with_and_without_ornament() {
        assert_eq!(release("2.5.3"), Some((2, 5, 3)));
        assert_eq!(release("v2.6.0-beta1+ent"), Some((2, 6, 0)));
        assert_eq!(release(""), None);
    }
}
