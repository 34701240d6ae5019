//! What is kept because something that stays needs it: a policy that is named, a group or entity whose alias stays.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::desired::identity::ENFORCEMENTS;
use crate::failure::Failure;
use crate::finding::Unpruned;
use crate::pruning::PruneKind;
use crate::pruning::look::{Missed, Prunable};
use crate::pruning::uses::{self, Coming, Uses};
use crate::session::Session;

impl Missed {
    /// A policy that something names which stays, stays too.
    pub(super) async fn used(
        &mut self,
        session: &Session<'_>,
        coming: &Coming,
    ) -> Result<(), Failure> {
        self.enforced(session).await?;
        let is_policy = |one: &PruneKind| *one == PruneKind::Policies;
        if self.prunable.iter().any(|one| is_policy(&one.kind)) {
            self.keep_used(&uses::of_policies(session, coming).await?);
        }
        Ok(())
    }

    /// What is used by, or in, what was to go and stays for a reason of its own, stays as well: a policy that a group gives, and
    /// an entity, without which the group would be another one by the next run. `groups` are those that were to go, by id.
    pub(super) fn held_by_what_stays(&mut self, groups: &BTreeMap<String, String>) {
        // What stays now may hold what it is asked about next.
        let mut before = usize::MAX;
        while self.prunable.len() < before {
            before = self.prunable.len();
            let stays = self.stays.iter().map(|(_, path, _)| path.clone());
            let stays: BTreeSet<String> = stays.collect();
            self.retain(|one| {
                let ids = match one.kind {
                    PruneKind::Entities => one.answer["direct_group_ids"].as_array(),
                    _ => None,
                };
                let in_groups = ids.into_iter().flatten().filter_map(Value::as_str);
                let in_groups = in_groups.filter_map(|id| groups.get(id));
                let all = one.used_by.iter().chain(in_groups);
                let held: Vec<_> = all.filter(|path| stays.contains(*path)).cloned().collect();
                (!held.is_empty()).then_some(Unpruned::Used(held))
            });
        }
    }

    /// A group or entity that an enforcement of second factors names stays: without it those in it would need none.
    async fn enforced(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        let is_named = |one: &Prunable| matches!(one.kind, PruneKind::Groups | PruneKind::Entities);
        if !self.prunable.iter().any(is_named) {
            return Ok(());
        }
        let path = ENFORCEMENTS.trim_end_matches('/');
        let client = session.client();
        let all = match client.list_info(Some(session.token()?), path).await {
            Ok(all) => Ok(all),
            Err(error) if error.is_forbidden() => Err(format!(
                "it takes path \"{path}\" {{ capabilities = [\"list\"] }}"
            )),
            Err(error) => return Err(error.into()),
        };
        self.retain(|one| match &all {
            _ if !is_named(one) => None,
            Ok(all) => enforcing(all, &one.answer["id"]).map(Unpruned::Used),
            Err(why) => Some(Unpruned::UsersUnseen(why.clone())),
        });
        Ok(())
    }

    fn keep_used(&mut self, uses: &Uses) {
        // As they are spelt: where a server keeps small letters, the policy goes with the next run.
        let going: BTreeSet<String> = self.prunable.iter().map(|one| one.path.clone()).collect();
        for one in &mut self.prunable {
            if let Some(name) = one.path.strip_prefix("sys/policies/acl/") {
                one.used_by = uses.of(name);
                let with = one.used_by.iter();
                let with = with.map(|path| format!("{path} names it, and goes first"));
                one.with = with.collect();
            }
        }
        self.retain(|one| {
            if one.kind != PruneKind::Policies {
                return None;
            }
            let used = one.used_by.iter().filter(|path| !going.contains(*path));
            let used: Vec<_> = used.cloned().collect();
            match &uses.unseen {
                _ if !used.is_empty() => Some(Unpruned::Used(used)),
                Some(why) => Some(Unpruned::UsersUnseen(why.clone())),
                None => None,
            }
        });
    }

    /// The alias of a group or entity that goes is deleted with it; one that has to stay holds it, for its own reason.
    /// Aliases that nobody asked for are neither named nor deleted.
    pub(super) fn below_what_goes(&mut self, aliases_too: bool) {
        // It takes no right of its own to go with what it belongs to.
        let stays = self.stays.iter();
        let stays = stays.filter(|(_, _, why)| !matches!(why, Unpruned::NotPermitted(..)));
        let held: Vec<_> = stays
            .map(|(_, path, why)| (path.clone(), why.clone()))
            .collect();
        self.retain(|one| {
            let begin = format!("{}/alias", one.path);
            let alias = held.iter().find(|(path, _)| path.starts_with(&begin))?;
            Some(of_its_alias(&alias.1))
        });
        if !aliases_too {
            self.prunable.retain(|one| one.kind != PruneKind::Aliases);
            self.stays.retain(|(kind, ..)| *kind != PruneKind::Aliases);
        }
        let going: BTreeSet<String> = self
            .prunable
            .iter()
            .map(|one| format!("{}/", one.path))
            .collect();
        let goes = |path: &str| going.iter().any(|above| path.starts_with(above.as_str()));
        self.prunable.retain(|one| !goes(&one.path));
        self.stays.retain(|(_, path, _)| !goes(path));
    }
}

/// The enforcements that name a group or entity by its id, by path.
fn enforcing(all: &BTreeMap<String, Value>, id: &Value) -> Option<Vec<String>> {
    let names_it = |field: &Value| field.as_array().is_some_and(|ids| ids.contains(id));
    let named = all.iter().filter(|(_, one)| {
        names_it(&one["identity_group_ids"]) || names_it(&one["identity_entity_ids"])
    });
    let paths: Vec<String> = named
        .map(|(name, _)| format!("{ENFORCEMENTS}{name}"))
        .collect();
    (!paths.is_empty()).then_some(paths)
}

/// Why a group or entity stays, by why its alias does.
fn of_its_alias(why: &Unpruned) -> Unpruned {
    match why {
        // Of the alias alone these would say it in places of the group.
        Unpruned::NotMade | Unpruned::Changed(_) => Unpruned::Changed(vec!["its alias".to_owned()]),
        why => why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GROUP: &str = "identity/group/name/crew";
    const ALIAS: &str = "identity/group/name/crew/alias";

    fn prunable(kind: PruneKind, path: &str) -> Prunable {
        Prunable {
            kind,
            path: path.to_owned(),
            at: path.to_owned(),
            with: Vec::new(),
            used_by: Vec::new(),
            answer: Value::Null,
        }
    }

    fn missed(prunable: Vec<Prunable>, stays: Vec<(PruneKind, &str, Unpruned)>) -> Missed {
        let stays = stays.into_iter();
        Missed {
            prunable,
            stays: stays
                .map(|(kind, path, why)| (kind, path.to_owned(), why))
                .collect(),
            ..Missed::default()
        }
    }

    fn goes(missed: &Missed) -> Vec<&str> {
        let goes = missed.prunable.iter();
        goes.map(|one| one.path.as_str()).collect()
    }

    #[test]
    fn an_alias_that_stays_holds_its_group_for_its_own_reason() {
        for (why, wanted) in [
            (Unpruned::Login("ada".into()), Unpruned::Login("ada".into())),
            (Unpruned::Unsettled, Unpruned::Unsettled),
            (
                Unpruned::Changed(vec!["name".into()]),
                Unpruned::Changed(vec!["its alias".into()]),
            ),
        ] {
            let mut missed = missed(
                vec![
                    prunable(PruneKind::Groups, GROUP),
                    prunable(PruneKind::Groups, "identity/group/name/crews"),
                ],
                vec![(PruneKind::Aliases, ALIAS, why)],
            );
            missed.below_what_goes(false);
            assert_eq!(goes(&missed), ["identity/group/name/crews"]);
            // Nobody asked for aliases.
            let kept = (PruneKind::Groups, GROUP.to_owned(), wanted);
            assert_eq!(missed.stays, [kept]);
        }
    }

    #[test]
    fn an_alias_goes_with_its_group_whether_or_not_this_login_may_delete_it_alone() {
        let may_not = Unpruned::NotPermitted(None, String::new(), Vec::new());
        let mut missed = missed(
            vec![prunable(PruneKind::Groups, GROUP)],
            vec![(PruneKind::Aliases, ALIAS, may_not)],
        );
        missed.below_what_goes(true);
        assert_eq!((goes(&missed), missed.stays.len()), (vec![GROUP], 0));
    }

    #[test]
    fn what_stays_holds_an_entity_and_that_holds_its_policy() {
        let (entity, policy) = ("identity/entity/name/ben", "sys/policies/acl/left");
        let of_entity = Prunable {
            answer: json!({ "direct_group_ids": ["7"] }),
            ..prunable(PruneKind::Entities, entity)
        };
        let of_policy = Prunable {
            used_by: vec![entity.to_owned()],
            ..prunable(PruneKind::Policies, policy)
        };
        let groups = BTreeMap::from([("7".to_owned(), GROUP.to_owned())]);
        let all = || vec![of_entity.clone(), of_policy.clone()];
        let mut goes_with_it = missed(all(), Vec::new());
        goes_with_it.held_by_what_stays(&groups);
        assert_eq!(goes(&goes_with_it), [entity, policy]);
        let held = (PruneKind::Groups, GROUP, Unpruned::NotMade);
        let mut stays = missed(all(), vec![held]);
        stays.held_by_what_stays(&groups);
        assert_eq!(goes(&stays), [] as [&str; 0]);
    }

    #[test]
    fn a_policy_stays_where_something_by_another_spelling_names_it() {
        let role = "auth/jwt/role/foo";
        for (named_by, stays) in [(role, false), ("auth/jwt/role/Foo", true)] {
            let mut uses = Uses::default();
            let names = json!({"token_policies": ["ops"]});
            uses.take(named_by.to_owned(), &names, &Coming::new());
            let policy = prunable(PruneKind::Policies, "sys/policies/acl/ops");
            let mut missed = missed(vec![prunable(PruneKind::Roles, role), policy], vec![]);
            missed.keep_used(&uses);
            let used = Unpruned::Used(vec![named_by.to_owned()]);
            let kept = (PruneKind::Policies, "sys/policies/acl/ops".to_owned(), used);
            assert_eq!(missed.stays.contains(&kept), stays, "{named_by}");
        }
    }

    #[test]
    fn a_policy_stays_where_not_all_was_seen_that_may_name_it() {
        let policy = prunable(PruneKind::Policies, "sys/policies/acl/ops");
        let mut missed = missed(vec![policy], vec![]);
        let mut uses = Uses::default();
        uses.unseen.get_or_insert("why".to_owned());
        missed.keep_used(&uses);
        assert_eq!(missed.stays[0].2, Unpruned::UsersUnseen("why".to_owned()));
    }

    #[test]
    fn an_enforcement_that_names_a_group_or_entity_is_named() {
        let all = BTreeMap::from([
            (
                "a".to_owned(),
                json!({ "identity_group_ids": ["g"], "identity_entity_ids": [] }),
            ),
            (
                "b".to_owned(),
                json!({ "identity_group_ids": null, "identity_entity_ids": ["e", "g"] }),
            ),
        ]);
        let by = |id: &str| enforcing(&all, &json!(id)).unwrap_or_default();
        assert_eq!(
            by("g"),
            [
                "identity/mfa/login-enforcement/a",
                "identity/mfa/login-enforcement/b"
            ]
        );
        assert_eq!(by("e"), ["identity/mfa/login-enforcement/b"]);
        assert_eq!(by("x"), Vec::<String>::new());
        assert_eq!(enforcing(&all, &Value::Null), None);
    }
}
