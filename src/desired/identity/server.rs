//! What the server has of the groups, entities and aliases of the file, with the ids that only it knows.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::config::{AliasName, Config, Member};
use crate::desired::identity::answers::{Alias, Called, Seen, accessors, listed, role_ids, seen};
use crate::desired::identity::mfa::seen::Factors;
use crate::desired::identity::paths::{entity_path, group_path};
use crate::desired::view::CONCURRENCY;
use crate::failure::Failure;
use crate::session::Session;

/// So many members that the file does not name are looked up by their id; the others are called by it.
const LOOKED_UP_AT_MOST: usize = 100;

/// What the server has.
#[derive(Debug, Default)]
pub(super) struct Server {
    /// Accessors of auth methods by path; `None` where this login may not look.
    pub(super) accessors: Option<BTreeMap<String, String>>,
    /// Groups of the file by name.
    pub(super) groups: BTreeMap<String, Seen>,
    /// Entities of the file by name.
    pub(super) entities: BTreeMap<String, Seen>,
    /// All aliases of entities, where some are to be looked for; `None` where this login may not look.
    pub(super) entity_aliases: Option<Vec<Alias>>,
    /// The same of groups.
    pub(super) group_aliases: Option<Vec<Alias>>,
    /// Second factors, and who needs one.
    pub(super) factors: Factors,
    /// Names of entities and groups by their ids.
    names: BTreeMap<String, String>,
    /// What the ids of roles are, by auth method and role.
    role_ids: BTreeMap<(String, String), Called>,
}

impl Server {
    /// Looks at all that the file names. Changes nothing.
    ///
    /// # Errors
    /// The server does not answer as such servers do.
    pub(super) async fn look(session: &Session<'_>) -> Result<Self, Failure> {
        let config = session.config;
        let wanted = &config.identity;
        let groups = wanted.groups.iter();
        let groups = groups.map(|one| (one.name.as_str(), group_path(&one.name)));
        let entities = wanted.entities.iter();
        let entities = entities.map(|one| (one.name.as_str(), entity_path(&one.name)));
        let mut server = Self {
            groups: seen(session, groups.collect()).await?,
            entities: seen(session, entities.collect()).await?,
            factors: Factors::look(session).await?,
            ..Self::default()
        };
        if asks_accessors(config) {
            server.accessors = accessors(session).await?;
        }
        let called = called(config);
        let group_aliases = wanted.groups.iter().filter_map(|one| one.alias.as_ref());
        server.role_ids = role_ids(session, &called).await?;
        let known = of_answers(&server.entities);
        if called.iter().any(|alias| server.lacks(alias, &known)) {
            server.entity_aliases = listed(session, "identity/entity-alias/id").await?;
        } else {
            server.entity_aliases = Some(known);
        }
        let known = of_answers(&server.groups);
        if group_aliases
            .into_iter()
            .any(|alias| server.lacks(alias, &known))
        {
            server.group_aliases = listed(session, "identity/group-alias/id").await?;
        } else {
            server.group_aliases = Some(known);
        }
        server.call(config);
        server.look_up(session).await?;
        Ok(server)
    }

    /// Whether none of these is the one that the file names, which may be somebody else's.
    fn lacks(&self, alias: &AliasName, all: &[Alias]) -> bool {
        match (self.accessor(&alias.auth), self.called(alias)) {
            (Some(accessor), Called::By(name)) => !all.iter().any(|one| one.is(accessor, &name)),
            _ => false,
        }
    }

    /// The server's own name for an auth method.
    pub(super) fn accessor(&self, path: &str) -> Option<&str> {
        Some(self.accessors.as_ref()?.get(path)?.as_str())
    }

    /// The auth method of an accessor; the accessor where there is none any more.
    pub(super) fn method_of(&self, accessor: &str) -> String {
        let mut all = self.accessors.iter().flatten();
        let found = all.find(|(_, its)| *its == accessor);
        found.map_or_else(|| accessor.to_owned(), |(path, _)| path.clone())
    }

    /// What an auth method calls somebody by now.
    pub(super) fn called(&self, alias: &AliasName) -> Called {
        let key = (alias.auth.clone(), alias.name.clone());
        match self.role_ids.get(&key) {
            None => Called::By(alias.name.clone()),
            Some(Called::By(id)) => Called::By(id.clone()),
            Some(Called::NotYet) => Called::NotYet,
            Some(Called::Denied) => Called::Denied,
        }
    }

    /// The name by which something is called that has this id.
    pub(super) fn name_of(&self, id: &str) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    /// The id of what is called so; the name itself where that is one.
    pub(super) fn id_of(&self, name: &str, of: &BTreeMap<String, Seen>) -> Option<String> {
        if let Some(id) = of.get(name).and_then(Seen::id) {
            return Some(id.to_owned());
        }
        let mut names = self.names.iter();
        let named = names.find(|(id, its)| *its == name || *id == name);
        named.map(|(id, _)| id.clone())
    }

    /// The id of somebody who is in a group; `None` where nobody has it, or the file is yet to make it.
    pub(super) fn member(&self, config: &Config, member: &Member) -> Option<String> {
        match member {
            Member::Entity(name) => Some(self.entities.get(name)?.id()?.to_owned()),
            Member::Alias(alias) => match owner_in_file(config, alias) {
                Some(owner) => Some(self.entities.get(owner)?.id()?.to_owned()),
                None => {
                    let (accessor, Called::By(name)) =
                        (self.accessor(&alias.auth)?, self.called(alias))
                    else {
                        return None;
                    };
                    let mut all = self.entity_aliases.iter().flatten();
                    let found = all.find(|one| one.is(accessor, &name));
                    found.map(|one| one.owner.clone())
                }
            },
        }
    }

    /// Gives what the file names the names that it has there.
    fn call(&mut self, config: &Config) {
        let mut names = BTreeMap::new();
        for member in members(config) {
            if let (Member::Alias(alias), Some(id)) = (member, self.member(config, member)) {
                names.insert(id, spelled(alias));
            }
        }
        for (name, seen) in self.entities.iter().chain(&self.groups) {
            names.extend(seen.id().map(|id| (id.to_owned(), name.clone())));
        }
        self.names = names;
    }

    /// Looks up what others have put there, which the file does not name.
    async fn look_up(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        let mut unknown: BTreeSet<(&str, String)> = BTreeSet::new();
        let answers = self.groups.values().filter_map(Seen::answer);
        for answer in answers {
            for (kind, field) in [
                ("entity", "member_entity_ids"),
                ("group", "member_group_ids"),
            ] {
                let ids = answer[field].as_array().into_iter().flatten();
                // Whoever logs in is in an external group: nobody compares that.
                let ids = ids.filter(|_| answer["type"] == "internal");
                unknown.extend(
                    ids.filter_map(Value::as_str)
                        .map(|id| (kind, id.to_owned())),
                );
            }
        }
        for (kind, aliases) in [
            (
                "entity",
                self.owners(self.entity_aliases.as_deref(), session.config),
            ),
            (
                "group",
                self.owners(self.group_aliases.as_deref(), session.config),
            ),
        ] {
            unknown.extend(aliases.into_iter().map(|owner| (kind, owner)));
        }
        for (kind, field) in [
            ("group", "identity_group_ids"),
            ("entity", "identity_entity_ids"),
        ] {
            let ids = self.factors.ids(field);
            unknown.extend(ids.map(|id| (kind, id.to_owned())));
        }
        unknown.retain(|(_, id)| !self.names.contains_key(id));
        let some = stream::iter(unknown.into_iter().take(LOOKED_UP_AT_MOST));
        let found: Vec<_> = some
            .map(|(kind, id)| async move {
                let path = format!("identity/{kind}/id/{id}");
                let answer = session.client().read(Some(session.token()?), &path).await;
                let name = match answer {
                    Ok(answer) => answer.and_then(|one| Some(one["name"].as_str()?.to_owned())),
                    Err(error) if error.is_forbidden() => None,
                    Err(error) => return Err(Failure::from(error)),
                };
                Ok(name.map(|name| (id, name)))
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        self.names.extend(found.into_iter().flatten());
        Ok(())
    }

    /// Owners of the aliases that the file names.
    fn owners(&self, all: Option<&[Alias]>, config: &Config) -> Vec<String> {
        let groups = config.identity.groups.iter();
        let groups = groups.filter_map(|one| one.alias.as_ref());
        let wanted: BTreeSet<(String, String)> = called(config)
            .into_iter()
            .chain(groups)
            .filter_map(|alias| match self.called(alias) {
                Called::By(name) => {
                    let accessor = self.accessor(&alias.auth)?.to_owned();
                    Some((accessor, name.to_lowercase()))
                }
                _ => None,
            })
            .collect();
        let all = all.into_iter().flatten();
        let all =
            all.filter(|one| wanted.contains(&(one.accessor.clone(), one.name.to_lowercase())));
        all.map(|one| one.owner.clone()).collect()
    }
}

/// Whether anything of the file stands for an auth method by its path.
pub(super) fn asks_accessors(config: &Config) -> bool {
    let mut groups = config.identity.groups.iter();
    !called(config).is_empty()
        || groups.any(|one| one.alias.is_some())
        || !config.mfa.enforcements.is_empty()
}

/// How somebody is called of whom the file says only how they log in.
pub(super) fn spelled(alias: &AliasName) -> String {
    format!("{}/{}", alias.auth, alias.name)
}

/// The entity of the file that has this alias.
pub(super) fn owner_in_file<'c>(config: &'c Config, alias: &AliasName) -> Option<&'c str> {
    let mut entities = config.identity.entities.iter();
    let owner = entities.find(|one| one.aliases.iter().any(|its| its.called == *alias));
    owner.map(|one| one.name.as_str())
}

fn members(config: &Config) -> impl Iterator<Item = &Member> {
    let groups = config.identity.groups.iter();
    groups.flat_map(|group| group.member_entities.iter().flatten())
}

/// All that the file calls entities by.
fn called(config: &Config) -> Vec<&AliasName> {
    let entities = config.identity.entities.iter();
    let of_entities = entities.flat_map(|one| one.aliases.iter().map(|alias| &alias.called));
    let of_members = members(config).filter_map(|member| match member {
        Member::Alias(alias) => Some(alias),
        Member::Entity(_) => None,
    });
    of_entities.chain(of_members).collect()
}

fn of_answers(seen: &BTreeMap<String, Seen>) -> Vec<Alias> {
    let answers = seen.values().filter_map(Seen::answer);
    answers.flat_map(Alias::all_of).collect()
}
