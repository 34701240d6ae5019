//! What `apply` would find and do, step by step, without doing any of it.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::bootstrap::ceremony::session;
use crate::bootstrap::{Judgment, Options, View, asks_the_server, judge, needs_nobody};
use crate::changes::{self, SavedPlan};
use crate::checkpoint::Diary;
use crate::code::{Code, Reported};
use crate::config::Config;
use crate::custodian::Custodian;
use crate::desired::memory;
use crate::desired::observation::Observation;
use crate::edge::references::resolve_all;
use crate::edge::{cluster, custodians};
use crate::event::{Caller, PlannedItem};
use crate::evidence::facts::{DECLARED, DOCUMENTS, NOT_SHOWN};
use crate::failure::Failure;
use crate::finding::{Detail, Finding, Unwritten};
use crate::memory::Memory;
use crate::pruning;
use crate::session::cluster_identity::agrees;
use crate::session::{Authority, Session};
use crate::step::decide::Decision;
use crate::step::{Step, order};

/// What was found about one step, and what is to be done about it.
#[derive(Debug)]
pub(super) struct Looked {
    /// Which.
    pub(super) step: Step,
    /// What `apply` would do; where the step cannot be judged, why.
    pub(super) decision: Result<Decision, Failure>,
    /// The same as it is shown.
    pub(super) items: Vec<PlannedItem>,
    /// What is missing or different, or could not be seen.
    pub(super) details: Vec<Detail>,
    /// The file asks for nothing of this step.
    pub(super) nothing_declared: bool,
    /// What of the documents no server shows.
    pub(super) not_shown: Vec<String>,
    /// How many documents are as the file says.
    pub(super) equal: usize,
    /// What does not hold, and is nothing that the step could mend.
    pub(super) findings: Vec<Finding>,
    /// What is on the server and not in the file.
    pub(super) unmanaged: Vec<String>,
    /// What a login that looks would leave although it differs, by path.
    pub(super) left: BTreeMap<String, Unwritten>,
    /// Whether a login that looks would write some of it.
    pub(super) writes: bool,
    /// What the file names no more, where it was asked what of it would be deleted.
    pub(super) missed: Vec<PlannedItem>,
    /// Whether some of that would be deleted.
    pub(super) prunes: bool,
}

/// All that was found.
pub(super) struct Seen {
    pub(super) looked: Vec<Looked>,
    /// What a file of the plan holds, where a login has looked.
    pub(super) saved: Option<SavedPlan>,
}

/// What looking takes: the cluster of the file, where we are nobody yet, and what the file names.
pub(super) struct Looking<'a> {
    /// Who we are at which server.
    pub(super) session: Session<'a>,
    diary: Rc<Diary>,
    options: &'a Options,
    custodians: Vec<Custodian>,
    memory: Memory,
}

impl<'a> Looking<'a> {
    /// Reads what the file names. Writes no file, takes no lock and asks the server nothing.
    ///
    /// # Errors
    /// The file's certificates, custodians or secrets cannot be read.
    pub(super) async fn begin(
        config: &'a Config,
        options: &'a Options,
        diary: Diary,
        caller: Caller<'a>,
    ) -> Result<Self, Failure> {
        agrees(config, &diary)?;
        let (mut failures, mut warnings) = (Vec::new(), Vec::new());
        let over = diary.handed_over();
        let resolved = resolve_all(config, (true, over), &mut failures, &mut warnings).await;
        // Once the shares are with them, a custodian that cannot be reached is only not looked at.
        let mut away = Vec::new();
        let custodians = custodians::all(config, &mut away).await;
        if over {
            warnings.extend(away.iter().map(Failure::reported));
        } else {
            failures.extend(away);
        }
        Failure::check(failures)?;
        for Reported { code, text, .. } in warnings {
            caller.events.warn(code, text);
        }
        let (memory, without_key) = memory::opened(config, &resolved).await?;
        if let Some(why) = without_key {
            caller.events.warn(why.code(), memory::not_compared(&why));
        }
        let known = (cluster::client(config, &resolved)?, resolved);
        let session = session((config, options), caller, known, &diary);
        Ok(Self {
            session,
            diary: Rc::new(diary),
            options,
            custodians,
            memory,
        })
    }

    /// Looks at every step. Sends no write. What an earlier step would change counts as changed for later ones.
    ///
    /// # Errors
    /// No node is active.
    pub(super) async fn steps(&self) -> Result<Seen, Failure> {
        self.session.cluster.keep_to_active().await?;
        let directory = &self.session.config.checkpoint.path;
        let (mut looked, mut earlier_changes) = (Vec::new(), false);
        let mut waiting: Vec<(Step, Observation)> = Vec::new();
        let mut all_left = BTreeMap::new();
        for step in order(self.diary.two_phase()) {
            // Of a ceremony of somebody else nothing is known here.
            if self.diary.is_of_another(step) {
                continue;
            }
            let view = View {
                session: &self.session,
                diary: Rc::clone(&self.diary),
                memory: &self.memory,
                directory: directory.clone(),
                step,
                options: self.options,
                custodians: &self.custodians,
                shares_in_hand: false,
                earlier_changes,
            };
            let judged = if self.session.is_nobody() && asks_the_server(step) {
                Judgment::unseen(&view, Detail::NoLogin)
            } else {
                judge(&view).await
            };
            // Without root only a few steps write.
            let may_write = self.session.is_root() || needs_nobody(step);
            earlier_changes |= may_write && judged.as_ref().is_ok_and(Judgment::writes);
            let (decision, found) = match judged {
                Ok(Judgment {
                    decision,
                    observation,
                }) => (Ok(decision), observation),
                Err(failure) => (Err(failure), Observation::unknown(Vec::new())),
            };
            let left = self.left(step, &found).await?;
            all_left.extend(left.clone());
            let equal: Option<Vec<String>> = found.evidence.get(DOCUMENTS);
            let mut items = changes::items(found.details.iter().cloned(), &left);
            if self.by_login() {
                changes::in_full(&mut items, &found, &self.memory);
            }
            looked.push(Looked {
                step,
                decision,
                nothing_declared: found.evidence.get::<String>(DECLARED).is_some(),
                equal: equal.map_or(0, |paths| paths.len()),
                not_shown: found.evidence.get(NOT_SHOWN).unwrap_or_default(),
                writes: self.by_login() && changes::writes_some(step, &found, &left),
                left,
                items,
                details: found.details.clone(),
                findings: found.findings.clone(),
                unmanaged: found.unmanaged.clone(),
                missed: Vec::new(),
                prunes: false,
            });
            if self.by_login() && changes::differs(step, &found) {
                waiting.push((step, found));
            }
        }
        self.pruned(&mut looked, (&waiting, &all_left)).await?;
        let saved = self.saved(&waiting, &all_left);
        Ok(Seen { looked, saved })
    }

    /// What would be deleted since the file names it no more, beside what is written by then.
    async fn pruned(
        &self,
        looked: &mut [Looked],
        (waiting, left): (&[(Step, Observation)], &BTreeMap<String, Unwritten>),
    ) -> Result<(), Failure> {
        let kinds = &self.options.prune.kinds;
        if kinds.is_empty() {
            return Ok(());
        }
        if !self.by_login() {
            return Err(Failure::refused(
                Code::NotHandedOver,
                "--prune is for a cluster that this checkpoint has handed over, and a login that looks",
            )
            .advise(format!(
                "see what is to be done: {}",
                self.session.config.command("plan")
            )));
        }
        let coming = pruning::coming(waiting, left);
        let known = (&self.memory, &*self.diary);
        let missed = pruning::look(&self.session, known, (kinds, &coming)).await?;
        for one in looked {
            (one.missed, one.prunes) = pruning::items(&missed, one.step);
            one.findings.retain(|finding| !missed.answers(finding));
        }
        Ok(())
    }

    /// What a file of the plan holds.
    fn saved(
        &self,
        waiting: &[(Step, Observation)],
        left: &BTreeMap<String, Unwritten>,
    ) -> Option<SavedPlan> {
        let Authority::Login(login) = &self.session.authority else {
            return None;
        };
        if !self.by_login() {
            return None;
        }
        let found: Vec<_> = waiting.iter().map(|(step, found)| (*step, found)).collect();
        Some(SavedPlan::of(
            (self.session.config, &self.diary),
            (&login.name, self.options.adopt_documents),
            &changes::shown(&found, left, &self.memory),
            changes::documents((self.session.config, &self.memory), &found, &|path| {
                left.contains_key(path)
            }),
        ))
    }

    /// Whether a login would write, as `apply` does after the hand-over.
    fn by_login(&self) -> bool {
        let by = matches!(
            self.session.authority,
            Authority::Login(_) | Authority::Given(_)
        );
        by && self.diary.handed_over()
    }

    async fn left(
        &self,
        step: Step,
        found: &Observation,
    ) -> Result<BTreeMap<String, Unwritten>, Failure> {
        if !self.by_login() || !changes::STEPS.contains(&step) {
            return Ok(BTreeMap::new());
        }
        let known = (&self.memory, self.options.meant(&[]));
        changes::not_written(&self.session, known, &[(step, found)]).await
    }
}
