//! `--prune`: what this program has made, and the file names no more, is deleted after the hand-over. Only what is still as
//! it was last written, what no login comes in by, and what nothing uses that stays.

mod family;
mod hanging;
mod kept;
mod kind;
mod look;
mod people;
mod settling;
mod shown;
mod uses;

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint::{ReplicatedCheckpoint, begun};
use crate::code::Code;
use crate::config::Config;
use crate::desired::standing::{Standing, standing};
use crate::event::{Changes, Event};
use crate::failure::Failure;
use crate::finding::{DocumentFinding, Finding, Unpruned};
use crate::memory::Memory;
use crate::prompt;
use crate::session::{Authority, Session};
use crate::shell::ShellCommand;

pub use crate::pruning::kind::PruneKind;
pub(crate) use crate::pruning::look::look;
use crate::pruning::look::{Prunable, own_name};
pub(crate) use crate::pruning::settling::settle;
pub(crate) use crate::pruning::shown::{coming, items};

/// More than so many are deleted only where the name of the cluster was typed.
const MANY: usize = 10;
/// How often a deletion is tried where the server answers that it could not, or not at all.
const ATTEMPTS: usize = 3;

/// What was typed.
#[derive(Debug, Clone, Default)]
pub struct Prune {
    /// What is to be deleted.
    pub kinds: BTreeSet<PruneKind>,
    /// The name of the cluster, typed in advance.
    pub confirm: Option<String>,
}

impl Prune {
    /// Holds that the name that was typed is that of the cluster.
    ///
    /// # Errors
    /// It is another one.
    pub fn is_of(&self, config: &Config) -> Result<(), Failure> {
        let name = config.cluster.name.as_str();
        match self.confirm.as_deref() {
            Some(typed) if typed != name => Err(Failure::usage(
                Code::ConfirmationMissing,
                format!(
                    "--prune-confirm {typed}: the cluster of {} has another name",
                    config.file.display()
                ),
            )
            .advise("type cluster.name of the file that you mean")),
            _ => Ok(()),
        }
    }

    /// A command with what was typed.
    #[must_use]
    pub fn added_to(&self, mut verb: ShellCommand) -> ShellCommand {
        for kind in &self.kinds {
            verb = verb.and("--prune").with(kind.name());
        }
        match &self.confirm {
            Some(name) => verb.and("--prune-confirm").with(name),
            None => verb,
        }
    }
}

/// How somebody agrees.
pub(crate) struct Consent {
    /// `--yes`.
    pub(crate) yes: bool,
    /// There is a terminal to ask on.
    pub(crate) terminal: bool,
    /// The command that answers in advance.
    pub(crate) instead: ShellCommand,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Pruned {
    /// What is not there any more.
    deleted: BTreeSet<String>,
    /// What stays, and why.
    findings: Vec<Finding>,
    /// Every path of which something is known by now.
    said: BTreeSet<String>,
}

impl Pruned {
    /// Says what stays, in the place of what was known before.
    pub(crate) fn say(self, findings: &mut Vec<Finding>) {
        let known = |finding: &DocumentFinding| {
            let mut said = self.said.iter();
            said.any(|path| finding.is_about_missed(path, self.deleted.contains(path)))
        };
        findings.retain(|one| !matches!(one, Finding::Document(finding) if known(finding)));
        findings.extend(self.findings);
    }

    /// How many documents were deleted.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.deleted.len()).unwrap_or(u32::MAX)
    }

    fn stays(&mut self, path: String, why: Unpruned) {
        self.findings
            .push(DocumentFinding::NotPruned(path.clone(), why).into());
        self.said.insert(path);
    }
}

/// Deletes what was asked for, once somebody agrees. Each deletion is recorded before it, and what became of it right after.
///
/// # Errors
/// The server does not answer as such servers do, or the disk refuses.
pub(crate) async fn prune(
    session: &Session<'_>,
    (memory, records): (&Memory, &ReplicatedCheckpoint),
    (asked, consent): (&Prune, Consent),
) -> Result<Pruned, Failure> {
    let mut pruned = Pruned::default();
    let Authority::Login(login) = &session.authority else {
        return Ok(pruned);
    };
    if asked.kinds.is_empty() {
        return Ok(pruned);
    }
    let (nothing, diary) = (BTreeMap::new(), records.diary());
    let wanted = (&asked.kinds, &nothing);
    let mut missed = look(session, (memory, &diary), wanted).await?;
    for path in std::mem::take(&mut missed.gone) {
        // Somebody else has deleted it, or a run of ours that was killed right afterwards.
        session.note(format!(
            "{path} is not on the server any more, and is forgotten"
        ));
        memory.forget(&path)?;
    }
    for (_, path, why) in std::mem::take(&mut missed.stays) {
        pruned.stays(path, why);
    }
    if missed.prunable.is_empty() {
        session.note("nothing is to be deleted");
        return Ok(pruned);
    }
    let login = login.name.clone();
    let steps = shown::steps(&missed.prunable);
    let changes = Changes {
        login: login.clone(),
        steps,
        deletes: true,
    };
    session.caller.events.emit(Event::Changes(changes));
    let question = (login.as_str(), missed.prunable.len());
    let agreed = agreed(session, (asked, &consent), question, &mut pruned).await?;
    let Some(asked_now) = agreed else {
        return Ok(pruned);
    };
    if asked_now {
        // A person may have thought for long: what is deleted is what they have seen.
        let now = look(session, (memory, &diary), wanted).await?;
        if now.prunable != missed.prunable {
            return Err(Failure::refused(
                Code::StepDiffers,
                "what would be deleted is another thing by now than what was shown; nothing was deleted",
            )
            .advise(format!("see what it is, and answer once more: {}", session.config.command(asked.added_to("apply".into())))));
        }
    }
    for one in missed.prunable {
        pruned.one(session, (memory, records), one).await?;
    }
    Ok(pruned)
}

impl Pruned {
    /// Deletes one document, unless something stays that names it. It is recorded before it is forgotten: a run that is
    /// killed in between finds it gone.
    async fn one(
        &mut self,
        session: &Session<'_>,
        (memory, records): (&Memory, &ReplicatedCheckpoint),
        one: Prunable,
    ) -> Result<(), Failure> {
        let stays = |path: &&String| self.said.contains(*path) && !self.deleted.contains(*path);
        let used: Vec<_> = one.used_by.iter().filter(stays).cloned().collect();
        if !used.is_empty() {
            self.stays(one.path, Unpruned::Used(used));
            return Ok(());
        }
        let step = one.kind.step();
        begun::pruning(records, step, &one.path)?;
        records.replicate().await?;
        let why = delete(session, memory, &one).await?;
        if let Some(why) = why {
            // What could not be seen afterwards is looked at by the next run.
            if !matches!(why, Unpruned::Unseen(..)) {
                begun::pruned(records, (step, &one.path), false)?;
            }
            self.stays(one.path, why);
            return Ok(());
        }
        let path = one.path;
        session.note(format!("deleted: {path}"));
        begun::pruned(records, (step, &path), true)?;
        self.said.insert(path.clone());
        self.deleted.insert(path.clone());
        Ok(memory.forget(&path)?)
    }
}

/// Whether somebody agrees, and whether they were asked just now; `None` where nobody does.
async fn agreed(
    session: &Session<'_>,
    (asked, consent): (&Prune, &Consent),
    (login, count): (&str, usize),
    pruned: &mut Pruned,
) -> Result<Option<bool>, Failure> {
    let name = session.config.cluster.name.as_str();
    let many = count > MANY && asked.confirm.is_none();
    if consent.yes && many {
        pruned
            .findings
            .push(DocumentFinding::PruneUnconfirmed(count, name.to_owned()).into());
        return Ok(None);
    }
    if consent.yes {
        return Ok(Some(false));
    }
    let instead = format!("to delete it: {}", consent.instead);
    if !consent.terminal {
        session.note(format!(
            "nothing is deleted: there is no terminal to ask on; {instead}"
        ));
        return Ok(None);
    }
    if !many {
        let yes = prompt::confirm(&format!("Delete this as {login}?"), &instead).await?;
        return Ok(yes.then_some(true));
    }
    let typed = prompt::word(
        &format!("To delete these {count} as {login}, type {name}"),
        &instead,
    )
    .await?;
    if typed != name {
        session.note(format!("nothing was deleted: you did not type {name}"));
        return Ok(None);
    }
    Ok(Some(true))
}

/// Deletes one document, and looks whether it is gone; why it is not, where it stays.
async fn delete(
    session: &Session<'_>,
    memory: &Memory,
    one: &Prunable,
) -> Result<Option<Unpruned>, Failure> {
    for attempt in 1..=ATTEMPTS {
        match session
            .client()
            .delete(Some(session.token()?), &one.at)
            .await
        {
            Ok(()) => break,
            Err(error) if error.is_retryable() && attempt < ATTEMPTS => {
                session.cluster.find_active().await?;
            }
            Err(error) if error.is_retryable() => return Err(error.into()),
            Err(error) => return Ok(Some(Unpruned::Refused(error.to_string()))),
        }
    }
    Ok(match standing(session, memory, &one.path).await? {
        Standing::Gone => None,
        Standing::Denied(path) => Some(Unpruned::unseen(own_name(session), &path)),
        Standing::TooMany(..)
        | Standing::NotReadBack
        | Standing::Changed(_)
        | Standing::AsWritten(_) => Some(Unpruned::StillThere),
    })
}
