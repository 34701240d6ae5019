//! Groups in groups: who is in one through those that are in it, and what they have by those that it is in.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::desired::CONCURRENCY;
use crate::failure::Failure;
use crate::pruning::uses::names;
use crate::session::Session;

/// So many groups and entities are read at the most: of more it is not said who is in them.
const READ_AT_MOST: usize = 1000;

/// Groups, and the entities in them, by id.
#[derive(Debug, Default)]
pub(super) struct Families {
    groups: BTreeMap<String, Group>,
    /// What the server says of the entities in them.
    entities: BTreeMap<String, Value>,
    /// What was not read, by id, and why.
    unseen: BTreeMap<String, String>,
}

/// What counts of a group.
#[derive(Debug, Default)]
struct Group {
    policies: BTreeSet<String>,
    entities: BTreeSet<String>,
    /// Groups that are in it.
    members: BTreeSet<String>,
    /// Groups that it is in.
    parents: BTreeSet<String>,
}

/// All that a group means to those in it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Family {
    /// The entities in it, through however many groups.
    pub(super) entities: BTreeSet<String>,
    /// The policies that they have by it and by the groups that it is in.
    pub(super) policies: BTreeSet<String>,
}

impl Families {
    /// Reads these groups, all that are in them or that they are in, and the entities.
    ///
    /// # Errors
    /// The server does not answer as such servers do.
    pub(super) async fn of(session: &Session<'_>, groups: Vec<String>) -> Result<Self, Failure> {
        let mut families = Self::default();
        let mut wanted: BTreeSet<String> = groups.into_iter().collect();
        while !wanted.is_empty() {
            let answers = families.read(session, "group", wanted).await?;
            for (id, answer) in answers {
                families.groups.insert(id, Group::of(&answer));
            }
            wanted = families.not_read_yet();
        }
        let entities = families.groups.values().flat_map(|one| &one.entities);
        let entities = entities.cloned().collect();
        families.entities = families.read(session, "entity", entities).await?;
        Ok(families)
    }

    fn not_read_yet(&self) -> BTreeSet<String> {
        let next = self.groups.values();
        let next = next.flat_map(|one| one.members.iter().chain(&one.parents));
        let new = |id: &&String| !self.groups.contains_key(*id) && !self.unseen.contains_key(*id);
        next.filter(new).cloned().collect()
    }

    /// What the server says of these, by id.
    async fn read(
        &mut self,
        session: &Session<'_>,
        kind: &str,
        ids: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Value>, Failure> {
        let left = READ_AT_MOST.saturating_sub(self.groups.len());
        let (mut read, too_many): (Vec<_>, Vec<_>) = ids
            .into_iter()
            .enumerate()
            .partition(|(place, _)| *place < left);
        for (_, id) in too_many {
            let why = format!("{READ_AT_MOST} groups and entities were read, and there are more");
            self.unseen.insert(id, why);
        }
        let answers: Vec<(String, Result<Value, String>)> = stream::iter(read.drain(..))
            .map(|(_, id)| async move {
                let path = format!("identity/{kind}/id/{id}");
                let answer = session.client().read(Some(session.token()?), &path).await;
                let answer = match answer {
                    // It is gone by now, and nobody has anything by it.
                    Ok(answer) => Ok(answer.unwrap_or_default()),
                    Err(error) if error.is_forbidden() => Err(format!(
                        "it takes path \"identity/{kind}/id/*\" {{ capabilities = [\"read\"] }}"
                    )),
                    Err(error) => return Err(Failure::from(error)),
                };
                Ok((id, answer))
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        let mut all = BTreeMap::new();
        for (id, answer) in answers {
            match answer {
                Ok(answer) => {
                    all.insert(id, answer);
                }
                Err(why) => {
                    self.unseen.insert(id, why);
                }
            }
        }
        Ok(all)
    }

    /// All that a group means to those in it.
    ///
    /// # Errors
    /// Not all of that was seen: why.
    pub(super) fn family(&self, id: &str) -> Result<Family, String> {
        let mut family = Family::default();
        for group in self.walk(id, |group| &group.members)? {
            family.entities.extend(group.entities.iter().cloned());
        }
        if let Some(why) = family.entities.iter().find_map(|id| self.unseen.get(id)) {
            return Err(why.clone());
        }
        for group in self.walk(id, |group| &group.parents)? {
            family.policies.extend(group.policies.iter().cloned());
        }
        Ok(family)
    }

    /// What the server says of an entity in one of them.
    pub(super) fn entity(&self, id: &str) -> Option<&Value> {
        self.entities.get(id)
    }

    /// A group and all that is reached from it.
    fn walk(
        &self,
        id: &str,
        next: impl Fn(&Group) -> &BTreeSet<String>,
    ) -> Result<Vec<&Group>, String> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![id]);
        let mut all = Vec::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            match (self.groups.get(id), self.unseen.get(id)) {
                (Some(group), _) => {
                    all.push(group);
                    open.extend(next(group).iter().map(String::as_str));
                }
                (None, Some(why)) => return Err(why.clone()),
                (None, None) => return Err(format!("identity/group/id/{id} was not read")),
            }
        }
        Ok(all)
    }
}

impl Group {
    fn of(answer: &Value) -> Self {
        let ids = |field: &str| {
            let ids = answer[field].as_array().into_iter().flatten();
            ids.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            policies: names(&answer["policies"]).into_iter().collect(),
            entities: ids("member_entity_ids"),
            members: ids("member_group_ids"),
            parents: ids("parent_group_ids"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn families() -> Families {
        let groups = [
            (
                "top",
                json!({ "policies": ["Ops"], "member_group_ids": ["middle"] }),
            ),
            (
                "middle",
                json!({ "member_group_ids": ["low", "top"], "parent_group_ids": ["top"] }),
            ),
            (
                "low",
                json!({ "policies": ["a"], "member_entity_ids": ["e"], "parent_group_ids": ["middle"] }),
            ),
            (
                "alone",
                json!({ "policies": ["b"], "parent_group_ids": ["denied"] }),
            ),
            ("full", json!({ "member_entity_ids": ["unread"] })),
        ];
        let groups = groups.iter();
        let groups = groups.map(|(id, answer)| ((*id).to_owned(), Group::of(answer)));
        let unseen = ["denied", "unread"].map(|id| (id.to_owned(), "why".to_owned()));
        Families {
            groups: groups.collect(),
            entities: BTreeMap::new(),
            unseen: BTreeMap::from(unseen),
        }
    }

    #[test]
    fn those_in_a_group_are_in_it_through_its_groups_and_have_what_the_groups_above_give() {
        let set = |all: &[&str]| all.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        for (group, policies) in [
            ("top", &["ops"][..]),
            ("middle", &["ops"]),
            ("low", &["a", "ops"]),
        ] {
            let family = families().family(group).unwrap();
            assert_eq!(family.entities, set(&["e"]), "{group}");
            assert_eq!(family.policies, set(policies), "{group}");
        }
    }

    #[test]
    fn of_a_group_that_is_in_one_that_was_not_read_or_has_such_an_entity_nothing_is_said() {
        for group in ["alone", "full"] {
            assert_eq!(families().family(group), Err("why".to_owned()), "{group}");
        }
        assert!(families().family("nobody").is_err());
    }
}
