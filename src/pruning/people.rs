//! Whom a deletion would cost something: entities that logins come in as, and what such have their policies by.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::checkpoint::Diary;
use crate::failure::Failure;
use crate::finding::Unpruned;
use crate::pruning::PruneKind;
use crate::pruning::look::{Missed, in_force, own_name};
use crate::pruning::uses::names;
use crate::session::Session;
use crate::step::Step;
use crate::vault::auth::token::lookup_self;

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
        let (owners, force) = (self.owners(session).await?, in_force(session));
        self.retain(|one| {
            if one.kind == PruneKind::Aliases {
                return of_an_owner(owners.get(&one.path), &logins, &force, own.as_deref());
            }
            let ids = match one.kind {
                PruneKind::Entities => vec![one.answer["id"].as_str().unwrap_or_default()],
                PruneKind::Groups => {
                    let members = one.answer["member_entity_ids"].as_array();
                    members
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str)
                        .collect()
                }
                _ => Vec::new(),
            };
            let login = ids.into_iter().find_map(|id| logins.get(id));
            login.map(|login| Unpruned::Login(login.clone()))
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

/// Why an alias stays: somebody has policies by whom or what it belongs to.
fn of_an_owner(
    owner: Option<&Option<Value>>,
    logins: &BTreeMap<String, String>,
    in_force: &[String],
    own: Option<&str>,
) -> Option<Unpruned> {
    let Some(Some(owner)) = owner else {
        return Some(Unpruned::UsersUnseen(
            "what it belongs to cannot be read".to_owned(),
        ));
    };
    let login = owner["id"].as_str().and_then(|id| logins.get(id));
    let gives = names(&owner["policies"]);
    if let Some(login) = login {
        return Some(Unpruned::Login(login.clone()));
    }
    let in_use = in_force.iter().any(|one| gives.contains(one));
    own.filter(|_| in_use)
        .map(|own| Unpruned::InUse(own.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alias_stays_where_a_login_or_the_one_that_deletes_has_its_policies_by_it() {
        let logins = BTreeMap::from([("e-1".to_owned(), "robot".to_owned())]);
        let force = ["admin".to_owned()];
        let stays = |owner: Option<Value>| of_an_owner(Some(&owner), &logins, &force, Some("ci"));
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
        let unread = of_an_owner(None, &logins, &force, Some("ci"));
        assert!(matches!(unread, Some(Unpruned::UsersUnseen(_))));
    }
}
