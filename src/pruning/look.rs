//! What would be deleted and what would not, and why.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::checkpoint::Diary;
use crate::desired::CONCURRENCY;
use crate::desired::grant::login_by;
use crate::desired::identity::missed::There;
use crate::desired::standing::{Standing, standing};
use crate::failure::Failure;
use crate::finding::{Finding, Unpruned};
use crate::memory::Memory;
use crate::pruning::PruneKind;
use crate::pruning::hanging::{hangs_on, has_alias_of_others};
use crate::pruning::kind::{comes_in_by, is_in_file, is_of_server, written_below};
use crate::pruning::uses::{Coming, names};
use crate::session::{Authority, Session};
use crate::vault::policies::capabilities_self;

/// So many paths are asked about at once.
const ASKED_AT_ONCE: usize = 1000;

/// One document that would be deleted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prunable {
    /// What it is.
    pub(crate) kind: PruneKind,
    /// How it is called in reports.
    pub(crate) path: String,
    /// Where it is deleted.
    pub(super) at: String,
    /// What goes with it, or is without it then, in words.
    pub(crate) with: Vec<String>,
    /// What names it and is deleted before it, by path.
    pub(super) used_by: Vec<String>,
    /// What the server says of it.
    pub(super) answer: Value,
}

/// All that the file names no more.
#[derive(Debug, Default)]
pub(crate) struct Missed {
    /// What would be deleted, in that order.
    pub(crate) prunable: Vec<Prunable>,
    /// What would stay, by path, and why.
    pub(crate) stays: Vec<(PruneKind, String, Unpruned)>,
    /// What is not there any more.
    pub(super) gone: Vec<String>,
}

/// Looks at all documents of these kinds that were written from here and that the file names no more. Changes nothing.
///
/// # Errors
/// The server does not answer as such servers do.
pub(crate) async fn look(
    session: &Session<'_>,
    (memory, diary): (&Memory, &Diary),
    (kinds, coming): (&BTreeSet<PruneKind>, &Coming),
) -> Result<Missed, Failure> {
    let config = session.config;
    let all = memory.paths().into_iter().filter_map(|path| {
        let kind = PruneKind::of_path(config, &path)?;
        // An alias of somebody else holds its group or entity, whether or not aliases are asked for.
        let owners = [PruneKind::Groups, PruneKind::Entities];
        let holds = kind == PruneKind::Aliases && owners.iter().any(|one| kinds.contains(one));
        let wanted = kinds.contains(&kind) || holds;
        (wanted && !is_in_file(config, &path)).then_some((kind, path))
    });
    let looked: Vec<_> = stream::iter(all.collect::<Vec<_>>())
        .map(|(kind, path)| async move {
            let standing = standing(session, memory, &path).await?;
            Ok::<_, Failure>((kind, path, standing))
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;
    let mut missed = Missed::default();
    for (kind, path, standing) in looked {
        match judged(session, memory, (kind, &path), standing) {
            Ok(None) => missed.gone.push(path),
            Ok(Some(prunable)) => missed.prunable.push(prunable),
            Err(why) => missed.stays.push((kind, path, why)),
        }
    }
    missed
        .prunable
        .sort_by(|one, other| (one.kind, &one.path).cmp(&(other.kind, &other.path)));
    let groups = missed.prunable.iter();
    let groups = groups.filter(|one| one.kind == PruneKind::Groups);
    let groups = groups.filter_map(|one| {
        let id = one.answer["id"].as_str()?.to_owned();
        Some((id, one.path.clone()))
    });
    let groups = groups.collect();
    missed.may_delete(session).await?;
    missed.people_of_logins(session, diary).await?;
    missed.used(session, coming).await?;
    missed.below_what_goes(kinds.contains(&PruneKind::Aliases));
    missed.held_by_what_stays(&groups);
    missed.stays.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(missed)
}

/// What is to become of one document, by what is known of it alone; `None` where it is gone.
fn judged(
    session: &Session<'_>,
    memory: &Memory,
    (kind, path): (PruneKind, &str),
    standing: Standing,
) -> Result<Option<Prunable>, Unpruned> {
    let config = session.config;
    let own = own_name(session);
    if is_of_server(path) {
        return Err(Unpruned::OfServer);
    }
    if matches!(standing, Standing::Gone) {
        return Ok(None);
    }
    if !memory.of(path).is_some_and(|known| known.created) {
        return Err(Unpruned::NotMade);
    }
    if let Some(login) = login_by(config, path) {
        return Err(Unpruned::Login(login));
    }
    if memory.is_unsettled(path) {
        return Err(Unpruned::Unsettled);
    }
    let There { answer, at } = match standing {
        Standing::Gone => return Ok(None),
        Standing::Denied(path) => return Err(Unpruned::unseen(own, &path)),
        Standing::TooMany(field, count) => return Err(Unpruned::TooMany(field, count)),
        Standing::NotReadBack => return Err(Unpruned::NotReadBack),
        Standing::Changed(places) => return Err(Unpruned::Changed(places)),
        Standing::AsWritten(there) => there,
    };
    if let (Some(name), Some(policies)) = (own, gives(kind, path, &answer))
        && in_force(session).iter().any(|one| policies.contains(one))
    {
        return Err(Unpruned::InUse(name));
    }
    if let Some(login) = comes_in_by(config, kind, &answer) {
        return Err(Unpruned::Login(login));
    }
    if let Some(write) = written_below(config, path) {
        return Err(Unpruned::Used(vec![write]));
    }
    if has_alias_of_others(memory, path, kind, &answer) {
        return Err(Unpruned::Changed(vec!["its aliases".to_owned()]));
    }
    Ok(Some(Prunable {
        kind,
        path: path.to_owned(),
        at,
        with: hangs_on(kind, &answer),
        used_by: Vec::new(),
        answer,
    }))
}

/// The login that looks; `None` where a token was given for it.
pub(super) fn own_name(session: &Session<'_>) -> Option<String> {
    match &session.authority {
        Authority::Login(login) => Some(login.name.clone()),
        Authority::Given(_) | Authority::Root(_) | Authority::None => None,
    }
}

/// The policies that the login in use has, but the one that everybody has.
pub(super) fn in_force(session: &Session<'_>) -> Vec<String> {
    match &session.authority {
        Authority::Login(login) => {
            let policies = login.answer.policies.iter();
            policies
                .filter(|name| *name != "default")
                .cloned()
                .collect()
        }
        // A token that was given looks, and deletes nothing.
        Authority::Given(_) | Authority::Root(_) | Authority::None => Vec::new(),
    }
}

/// The policies that somebody has by a document: that which it is, or those which it names.
fn gives(kind: PruneKind, path: &str, answer: &Value) -> Option<Vec<String>> {
    match kind {
        PruneKind::Policies => Some(vec![path.strip_prefix("sys/policies/acl/")?.to_owned()]),
        PruneKind::Groups | PruneKind::Entities => Some(names(&answer["policies"])),
        // A group of a directory.
        PruneKind::Roles if path.contains("/groups/") => Some(names(&answer["policies"])),
        _ => None,
    }
}

impl Missed {
    /// Whether a finding says what is known better by now.
    pub(crate) fn answers(&self, finding: &Finding) -> bool {
        let Finding::Document(finding) = finding else {
            return false;
        };
        let mut goes = self.prunable.iter();
        let mut stays = self.stays.iter();
        goes.any(|one| finding.is_about_missed(&one.path, true))
            || stays.any(|(_, path, _)| finding.is_about_missed(path, false))
    }

    /// Those that `keep` has nothing against; the others stay.
    pub(super) fn retain(&mut self, keep: impl Fn(&Prunable) -> Option<Unpruned>) {
        let all = std::mem::take(&mut self.prunable);
        for one in all {
            match keep(&one) {
                None => self.prunable.push(one),
                Some(why) => self.stays.push((one.kind, one.path, why)),
            }
        }
    }

    /// What this login may not delete stays.
    async fn may_delete(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        let paths: BTreeSet<&str> = self.prunable.iter().map(|one| one.at.as_str()).collect();
        let paths: Vec<&str> = paths.into_iter().collect();
        let mut may: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for some in paths.chunks(ASKED_AT_ONCE) {
            let asked = capabilities_self(&session.client(), session.token()?, some).await;
            match asked {
                Ok(found) => may.extend(found),
                // Who may not even ask that is told by the server what they may not.
                Err(error) if error.is_forbidden() => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        let own = own_name(session);
        let others = session.config.logins.iter().map(|one| one.name.clone());
        let doors = session.config.doors();
        let is_door = |name: &str| doors.iter().any(|one| one.name == name);
        let others: Vec<_> = others
            .filter(|one| own.as_ref() != Some(one) && !is_door(one))
            .collect();
        self.retain(|one| {
            let may = may.get(&one.at)?;
            let has = |word: &str| may.iter().any(|one| one == word);
            let lacks = !has("delete") && !has("root");
            lacks.then(|| {
                let rule = rule(&one.at);
                Unpruned::NotPermitted(own.clone(), rule, others.clone())
            })
        });
        Ok(())
    }
}

/// The rule that lets a login delete there.
fn rule(at: &str) -> String {
    let path = match at.rsplit_once("-alias/id/") {
        // An id is another one at each server.
        Some((before, _)) => format!("{before}-alias/id/*"),
        None => at.to_owned(),
    };
    format!("path \"{path}\" {{ capabilities = [\"read\", \"delete\"] }}")
}
