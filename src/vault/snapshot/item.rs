//! What there is, and what could not be looked at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hex;
use crate::shell::quoted;
use crate::span;
use crate::vault::auth::token::TokenInfo;
use crate::vault::http::field;

/// Digits of a digest. Nobody gains by a collision who may not write the document already.
const DIGITS: usize = 32;

/// What can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Where requests are recorded.
    AuditDevice,
    /// An ACL policy.
    Policy,
    /// A mount below `auth/`.
    AuthMethod,
    /// A role, user, group or configuration of one.
    AuthEntry,
    /// Any other mount.
    SecretsEngine,
    /// A role that tokens are made by.
    TokenRole,
    /// Whoever logs in.
    Entity,
    /// By which login one is known.
    EntityAlias,
    /// Several entities.
    Group,
    /// By which group of a provider one is known.
    GroupAlias,
    /// Where the product has them.
    Namespace,
    /// One that can be listed and is not root.
    Token,
}

impl Kind {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuditDevice => "audit device",
            Self::Policy => "policy",
            Self::AuthMethod => "auth method",
            Self::AuthEntry => "role, user or configuration",
            Self::SecretsEngine => "secrets engine",
            Self::TokenRole => "token role",
            Self::Entity => "entity",
            Self::EntityAlias => "entity alias",
            Self::Group => "group",
            Self::GroupAlias => "group alias",
            Self::Namespace => "namespace",
            Self::Token => "token",
        }
    }
}

/// What is said about a namespace that nobody can use.
pub(super) const LOCKED: &str = "locked";

/// One thing that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// Where it is, without slashes around it; empty is the root namespace.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "field::compared"
    )]
    pub namespace: String,
    /// Names it among those of its kind: a name, a path, an id, an accessor.
    #[serde(deserialize_with = "field::compared")]
    pub name: String,
    /// Its API path in its namespace; of a token where it was made.
    #[serde(deserialize_with = "field::compared")]
    pub path: String,
    /// More of it, for people.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "field::compared"
    )]
    pub about: String,
    /// Which one of this name it is, where the server tells: one that was made anew is another one.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "field::compared"
    )]
    pub identity: String,
    /// Of what it says.
    #[serde(deserialize_with = "field::compared")]
    pub digest: String,
}

/// What could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// Of which kind.
    pub kind: Kind,
    /// In which namespace.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "field::compared"
    )]
    pub namespace: String,
    /// An API path; all below it where it ends with a slash, and everything where it is empty.
    #[serde(deserialize_with = "field::compared")]
    pub path: String,
    /// Why.
    #[serde(deserialize_with = "field::compared")]
    pub why: String,
    /// Whether this server has such things at all, and this program knows how to list them.
    pub supported: bool,
}

impl Unseen {
    pub(super) fn holds(&self, item: &Item) -> bool {
        let below = self.path.is_empty() || self.path.ends_with('/');
        self.kind == item.kind
            && self.namespace == item.namespace
            && (item.path == self.path || below && item.path.starts_with(&self.path))
    }

    /// For people: what it is, and where.
    pub fn what(&self) -> String {
        let place = match (self.namespace.as_str(), self.path.as_str()) {
            ("", path) => path.to_owned(),
            (namespace, path) => format!("{namespace}/{path}"),
        };
        match place.as_str() {
            "" => format!("each {}", self.kind.name()),
            place => format!("{} {}", self.kind.name(), quoted(place)),
        }
    }
}

/// What was seen of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What is there.
    pub items: Vec<Item>,
    /// What could not be looked at.
    pub unseen: Vec<Unseen>,
}

impl Snapshot {
    /// Adds the tokens of the root namespace, which somebody has looked up; or why they could not be.
    pub fn add_tokens(&mut self, found: Result<&BTreeMap<String, TokenInfo>, String>) {
        match found {
            Ok(found) => {
                let tokens = found.iter();
                self.items
                    .extend(tokens.map(|(accessor, info)| of_token("", accessor, info)));
            }
            Err(why) => self.unseen.push(Unseen {
                kind: Kind::Token,
                namespace: String::new(),
                path: String::new(),
                why,
                supported: true,
            }),
        }
    }

    /// How many there are of each kind.
    pub fn counts(&self) -> BTreeMap<Kind, usize> {
        let mut counts = BTreeMap::new();
        for item in &self.items {
            *counts.entry(item.kind).or_default() += 1;
        }
        counts
    }

    pub(super) fn join(&mut self, other: Self) {
        self.items.extend(other.items);
        self.unseen.extend(other.unseen);
    }

    pub(super) fn of(items: Vec<Item>) -> Self {
        Self {
            items,
            unseen: Vec::new(),
        }
    }
}

/// The digest of what a document says.
pub(super) fn digest(document: &impl Serialize) -> String {
    // Serialising plain JSON and plain structs does not fail.
    hex::short_sha256(&serde_json::to_vec(document).unwrap_or_default(), DIGITS)
}

pub(super) fn of_token(namespace: &str, accessor: &str, info: &TokenInfo) -> Item {
    let policies = info.policies.iter().chain(&info.identity_policies);
    let policies: Vec<&str> = policies.map(String::as_str).collect();
    let ends = match (info.period, &info.expire_time) {
        (1.., _) => format!(
            "renewed every {} it never expires",
            span::of_seconds(u64::try_from(info.period).unwrap_or_default())
        ),
        (_, Some(time)) => format!("expires {time}"),
        (_, None) => "never expires".to_owned(),
    };
    let about = format!(
        "{}, made at {}, policies {}, {ends}",
        info.display_name,
        info.path,
        policies.join(", ")
    );
    let says = (
        &info.policies,
        &info.identity_policies,
        (&info.path, &info.display_name, &info.entity_id),
        (info.orphan, info.period, info.explicit_max_ttl),
    );
    Item {
        kind: Kind::Token,
        namespace: namespace.to_owned(),
        name: accessor.to_owned(),
        path: info.path.clone(),
        about,
        identity: String::new(),
        digest: digest(&says),
    }
}
