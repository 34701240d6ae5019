//! Whom a deletion would cost something: entities that logins come in as, and what such have their policies by.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::checkpoint::Diary;
use crate::config::Config;
use crate::failure::Failure;
use crate::finding::Unpruned;
use crate::pruning::PruneKind;
use crate::pruning::family::{Families, Family};
use crate::pruning::kind::login_of_entity;
use crate::pruning::look::{Missed, in_force, own_name};
use crate::pruning::uses::names;
use crate::session::Session;
use crate::step::Step;
use crate::vault::auth::token::lookup_self;

/// Where groups are.
const GROUP: &str = "identity/group/";

impl Missed {
    /// Entities that logins of the file come in as stay, and groups that such an entity has policies by.
    pub(super) async fn people_of_logins(
        &mut self,
        session: &Session<'_>,
        diary: &Diary,
    ) -> Result<(), Failure> {
        let kinds = [PruneKind::Entities, PruneKind::Groups, PruneKind::Aliases];
        if !self.prunable.iter().any(|one| kinds.contains(&one.kind)) {
            return Ok(());
        }
        // As the ceremony has seen each of them, and as the one that looks is now.
        let opened: Vec<Value> = diary.fact(Step::Logins, "opened").unwrap_or_default();
        let mut logins: BTreeMap<String, String> = BTreeMap::new();
        for one in &opened {
            if let (Some(id), Some(name)) = (one["entity_id"].as_str(), one["login"].as_str()) {
                logins.insert(id.to_owned(), name.to_owned());
            }
        }
        let own = own_name(session);
        if let Some(own) = &own {
            let token = lookup_self(&session.client(), session.token()?).await?;
            logins.insert(token.entity_id, own.clone());
        }
        logins.remove("");
        let owners = self.owners(session).await?;
        let groups = self.prunable.iter().filter_map(|one| match one.kind {
            PruneKind::Groups => one.answer["id"].as_str(),
            PruneKind::Aliases if one.path.starts_with(GROUP) => {
                owners.get(&one.path)?.as_ref()?["id"].as_str()
            }
            _ => None,
        });
        let groups = groups.map(str::to_owned).collect();
        let people = People {
            config: session.config,
            families: Families::of(session, groups).await?,
            logins,
            force: in_force(session),
            own,
        };
        self.retain(|one| match one.kind {
            PruneKind::Aliases => {
                let is_group = one.path.starts_with(GROUP);
                people.of_an_owner(owners.get(&one.path), is_group)
            }
            PruneKind::Entities => {
                let id = one.answer["id"].as_str().unwrap_or_default();
                people.logins.get(id).cloned().map(Unpruned::Login)
            }
            PruneKind::Groups => people.of_a_group(&one.answer),
            _ => None,
        });
        Ok(())
    }

    /// The group or entity of each alias; `None` where it cannot be read.
    async fn owners(
        &self,
        session: &Session<'_>,
    ) -> Result<BTreeMap<String, Option<Value>>, Failure> {
        let mut owners = BTreeMap::new();
        for one in &self.prunable {
            if one.kind != PruneKind::Aliases {
                continue;
            }
            let Some((owner, _)) = one.path.split_once("/alias") else {
                continue;
            };
            let read = session.client().read(Some(session.token()?), owner).await;
            let found = match read {
                Ok(found) => found,
                Err(error) if error.is_retryable() => return Err(error.into()),
                Err(_) => None,
            };
            owners.insert(one.path.clone(), found);
        }
        Ok(owners)
    }
}

/// The logins of the file, and what they have by groups.
struct People<'c> {
    config: &'c Config,
    families: Families,
    /// The logins, by the entity that they come in as.
    logins: BTreeMap<String, String>,
    /// The policies that the login which deletes has.
    force: Vec<String>,
    /// That login.
    own: Option<String>,
}

impl People<'_> {
    /// Why a group stays: somebody is in it, through however many groups.
    fn of_a_group(&self, answer: &Value) -> Option<Unpruned> {
        let id = answer["id"].as_str().unwrap_or_default();
        let Family { entities, policies } = match self.families.family(id) {
            Ok(family) => family,
            Err(why) => return Some(Unpruned::UsersUnseen(why)),
        };
        let logins: BTreeSet<String> = entities.iter().filter_map(|id| self.login(id)).collect();
        let own = self.own.iter().find(|own| logins.contains(*own));
        if let Some(own) = own.filter(|_| self.force.iter().any(|one| policies.contains(one))) {
            return Some(Unpruned::InUse(own.clone()));
        }
        logins.into_iter().next().map(Unpruned::Login)
    }

    /// The login that comes in as this entity: it did, or an auth method calls it so.
    fn login(&self, id: &str) -> Option<String> {
        self.logins.get(id).cloned().or_else(|| {
            let entity = self.families.entity(id)?;
            login_of_entity(self.config, entity, false)
        })
    }

    /// Why an alias stays: somebody has policies by whom or what it belongs to.
    fn of_an_owner(&self, owner: Option<&Option<Value>>, is_group: bool) -> Option<Unpruned> {
        let Some(Some(owner)) = owner else {
            return Some(Unpruned::UsersUnseen(
                "what it belongs to cannot be read".to_owned(),
            ));
        };
        let login = owner["id"].as_str().and_then(|id| self.logins.get(id));
        if let Some(login) = login {
            return Some(Unpruned::Login(login.clone()));
        }
        let gives = names(&owner["policies"]);
        let in_use = self.force.iter().any(|one| gives.contains(one));
        let in_use = self.own.clone().filter(|_| in_use).map(Unpruned::InUse);
        in_use.or_else(|| is_group.then(|| self.of_a_group(owner)).flatten())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pruning::kind::tests::config;

    #[test]
    fn an_alias_stays_where_a_login_or_the_one_that_deletes_has_its_policies_by_it() {
        let config = config();
        let people = People {
            config: &config,
            families: Families::default(),
            logins: BTreeMap::from([("e-1".to_owned(), "robot".to_owned())]),
            force: vec!["admin".to_owned()],
            own: Some("ci".to_owned()),
        };
        let stays = |owner: Option<Value>| people.of_an_owner(Some(&owner), false);
        let of = |id: &str, policy: &str| Some(json!({ "id": id, "policies": [policy] }));
        assert_eq!(
            stays(of("e-1", "reader")),
            Some(Unpruned::Login("robot".into()))
        );
        assert_eq!(
            stays(of("e-2", "admin")),
            Some(Unpruned::InUse("ci".into()))
        );
        assert_eq!(stays(of("e-2", "reader")), None);
        assert!(matches!(stays(None), Some(Unpruned::UsersUnseen(_))));
        let unread = people.of_an_owner(None, false);
        assert!(matches!(unread, Some(Unpruned::UsersUnseen(_))));
    }
}
