//! `identity`: groups and entities by name. Nobody knows their ids beforehand, so none stands in the file.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::auth_types::mount_path;
use crate::config::forms::{ManageNamed, Named, Setting};
use crate::config::model::mounts::Manage;
use crate::config::section::{At, Read, choices, section};
use crate::config::tree::Kind;

/// Groups and entities, with their aliases.
#[derive(Debug, Clone, Default, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Groups by name.
    #[schemars(with = "Named<Group>")]
    pub groups: Vec<Group>,
    /// Entities by name: people and machines, whichever way they log in.
    #[schemars(with = "Named<Entity>")]
    pub entities: Vec<Entity>,
}

impl Read for Identity {
    fn read(at: At) -> Option<Self> {
        Some(Self {
            groups: at.each("groups", Group::read)?,
            entities: at.each("entities", Entity::read)?,
        })
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

impl Identity {
    /// True when the file says nothing of it.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.entities.is_empty()
    }

    /// Names of groups and entities with the policies that they give.
    pub fn policies(&self) -> impl Iterator<Item = (&str, &str)> {
        let groups = self.groups.iter().map(|one| (&one.name, &one.policies));
        let entities = self.entities.iter().map(|one| (&one.name, &one.policies));
        groups.chain(entities).flat_map(|(name, policies)| {
            let policies = policies.iter().flatten();
            policies.map(|policy| (name.as_str(), policy.as_str()))
        })
    }
}

/// A group.
#[derive(Debug, Clone, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// `internal` (its members stand in the file) or `external` (an auth method says who is in it); `internal` by default.
    #[serde(rename = "type")]
    #[schemars(with = "Option<GroupType>")]
    pub group_type: GroupType,
    /// Policies of whoever is in it.
    pub policies: Option<Vec<String>>,
    /// Free texts.
    #[schemars(with = "Named<Setting>")]
    pub metadata: Option<Vec<(String, String)>>,
    /// Entities in an internal group: names of `entities`, or `{auth: PATH, name: NAME}` for the one with this alias.
    pub member_entities: Option<Vec<Member>>,
    /// Groups in an internal group: names of `groups`.
    pub member_groups: Option<Vec<String>>,
    /// What an auth method calls an external group.
    pub alias: Option<AliasName>,
    /// Fields that change by themselves, or by another tool, such as `member_entities`: they are not compared.
    #[schemars(with = "Option<Vec<String>>")]
    pub unmanaged_fields: Vec<String>,
    /// `named`: only the fields that the file names are compared and written; the others are left to another tool.
    #[schemars(with = "Option<ManageNamed>")]
    pub manage: Manage,
}

impl Group {
    fn read(name: &str, at: At) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            group_type: at.key_or("type", || Some(GroupType::Internal))?,
            policies: at.key("policies")?,
            metadata: at.key("metadata")?,
            member_entities: at.key("member_entities")?,
            member_groups: at.key("member_groups")?,
            alias: at.key("alias")?,
            unmanaged_fields: at.key("unmanaged_fields")?,
            manage: at.key("manage")?,
        })
    }
}

/// Who says who is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupType {
    /// Its own list of members.
    Internal,
    /// An auth method.
    External,
}

choices!(GroupType);

impl GroupType {
    /// As the servers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
        }
    }
}

/// Somebody who is in a group.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[serde(untagged)]
pub enum Member {
    /// An entity of the file.
    Entity(String),
    /// The entity that has this alias.
    Alias(AliasName),
}

impl Read for Member {
    fn read(at: At) -> Option<Self> {
        match at.node.kind {
            Kind::Map(_) => at.read().map(Self::Alias),
            _ => at.read().map(Self::Entity),
        }
    }
}

/// What an auth method calls somebody or a group.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AliasName {
    /// Path of the auth method.
    pub auth: String,
    /// Name there: of userpass and ldap the user, of approle the role, of oidc and jwt the value of `user_claim` (of a group,
    /// of `groups_claim`), of kubernetes `NAMESPACE/SERVICE_ACCOUNT`, of cert the common name.
    #[schemars(length(min = 1))]
    pub name: String,
}

impl Read for AliasName {
    fn read(at: At) -> Option<Self> {
        Some(Self {
            auth: mount_path(&at.key::<String>("auth")?),
            name: at.key("name")?,
        })
    }
}

/// An entity.
#[derive(Debug, Clone, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// Policies that it has however it logs in.
    pub policies: Option<Vec<String>>,
    /// Free texts.
    #[schemars(with = "Named<Setting>")]
    pub metadata: Option<Vec<(String, String)>>,
    /// Nobody may use tokens of it.
    pub disabled: Option<bool>,
    /// How auth methods call it; one a method.
    #[schemars(with = "Option<Vec<Alias>>")]
    pub aliases: Vec<Alias>,
    /// Fields that change by themselves, or by another tool: they are not compared.
    #[schemars(with = "Option<Vec<String>>")]
    pub unmanaged_fields: Vec<String>,
    /// `named`: only the fields that the file names are compared and written; the others are left to another tool.
    #[schemars(with = "Option<ManageNamed>")]
    pub manage: Manage,
}

impl Entity {
    fn read(name: &str, at: At) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            policies: at.key("policies")?,
            metadata: at.key("metadata")?,
            disabled: at.key("disabled")?,
            aliases: at.key("aliases")?,
            unmanaged_fields: at.key("unmanaged_fields")?,
            manage: at.key("manage")?,
        })
    }
}

section! {
    /// How an auth method calls an entity.
    pub struct Alias {
        /// Free texts of this alias, for templated policies.
        #[schemars(with = "Named<Setting>")]
        pub custom_metadata: Option<Vec<(String, String)>>,
        ..called: AliasName,
    }
}
