//! What the steps share: the file, the cluster, the checkpoint, and who we are to the server just now.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use crate::bootstrap::options::Options;
use crate::bootstrap::view::View;
use crate::checkpoint::{Checkpoint, Diary, ReplicatedCheckpoint, begun};
use crate::code::{Code, Reported};
use crate::config::Config;
use crate::custodian::Custodian;
use crate::desired::Target;
use crate::desired::observation::{Learned, Observation};
use crate::edge::references::Resolved;
use crate::envelope;
use crate::event::Caller;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::machine::{Apart, Thing};
use crate::memory::Memory;
use crate::secret::ShareMaterial;
use crate::session::unavailable::Advised;
use crate::session::{Authority, Cluster, OpenLogin, Session};
use crate::step::Step;
use crate::vault::Client;
use crate::vault::auth::scan::WholeTokens;

/// One ceremony in one process. Steps borrow it; cells are for what several requests in flight touch.
pub struct Ceremony<'a> {
    /// Who we are at which server.
    pub session: Session<'a>,
    /// What was typed.
    pub options: &'a Options,
    /// The custodians, in the order of the file: the first share is for the first.
    pub custodians: Vec<Custodian>,
    /// What encrypts the secret part of the checkpoint.
    key: Option<envelope::Key>,
    /// A login kept open from its proof to the revocation of root, where every login needs a person:
    /// nobody is asked to sign in twice for the same thing.
    pub control_login: Option<OpenLogin>,
    /// What the logins that need a person have shown in this run, by name: nobody is asked twice.
    pub signed_in: BTreeMap<String, serde_json::Value>,
    /// Shares between the server's answer and their custodians; dropped as soon as they are there.
    pub shares: Vec<ShareMaterial>,
    /// Accessor of the login of the drill, while it is open.
    pub drill_accessor: RefCell<Option<String>>,
    /// Promises that do not hold or are not proved; the end of the report and exit code 4.
    pub findings: RefCell<Vec<Finding>>,
    /// What was not seen, since it lies on another machine.
    pub(crate) apart: RefCell<Vec<Apart>>,
    /// The login that looks once root is revoked.
    pub looked_as: Option<String>,
    /// After the hand-over: what steps found that is other than the file, until all of them were looked at.
    pub(crate) waiting: Vec<(Step, Observation)>,
    /// Whether root was revoked, and all handed over, before this run.
    pub(crate) begun_after_hand_over: bool,
    /// How many steps were applied or repaired in this run.
    pub written: Cell<u32>,
    /// The checkpoint, and its replica.
    pub records: ReplicatedCheckpoint,
    /// What was sent before, and what the server made of it.
    pub(crate) memory: Memory,
}

impl<'a> Deref for Ceremony<'a> {
    type Target = Session<'a>;

    fn deref(&self) -> &Self::Target {
        &self.session
    }
}

impl DerefMut for Ceremony<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.session
    }
}

impl<'a> Ceremony<'a> {
    /// A ceremony before its first step.
    pub fn new(
        config: &'a Config,
        options: &'a Options,
        caller: Caller<'a>,
        (records, opened): (ReplicatedCheckpoint, Opened),
    ) -> Self {
        let known = (opened.client, opened.resolved);
        let asked = (config, options);
        Self {
            session: session(asked, caller, known, &records.diary()),
            options,
            custodians: opened.custodians,
            key: opened.key,
            control_login: None,
            signed_in: BTreeMap::new(),
            shares: Vec::new(),
            drill_accessor: RefCell::default(),
            findings: RefCell::default(),
            apart: RefCell::default(),
            looked_as: None,
            waiting: Vec::new(),
            begun_after_hand_over: records.diary().handed_over(),
            written: Cell::new(0),
            records,
            memory: opened.memory,
        }
    }

    /// Keeps what was learnt by looking: which fields hold secrets is what hides them later.
    pub(crate) fn remember(&self, learned: Learned) -> Result<(), Failure> {
        if !learned.references.is_empty() {
            let change = |diary: &mut Diary| diary.references.extend(learned.references);
            self.checkpoint().amend(change);
        }
        Ok(self.memory.remember(learned.records)?)
    }

    /// Makes the key of what is remembered, while the operator's key is at hand: from here on documents are written.
    pub(crate) async fn make_memory_key(&self) -> Result<(), Failure> {
        match &self.key {
            Some(key) => Ok(self.memory.make_key(key).await?),
            None => Ok(()),
        }
    }

    /// What a step looks at, and nothing that writes.
    pub(crate) fn view(&self, step: Step) -> View<'_> {
        View {
            session: &self.session,
            diary: self.records.diary(),
            memory: &self.memory,
            directory: self.records.borrow().directory().to_owned(),
            step,
            options: self.options,
            custodians: &self.custodians,
            shares_in_hand: !self.shares.is_empty(),
            earlier_changes: self.written.get() > 0,
        }
    }

    /// What writing documents takes.
    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            session: &self.session,
            memory: &self.memory,
        }
    }

    /// The checkpoint, to record something. Never held across an `await`.
    pub fn checkpoint(&self) -> RefMut<'_, Checkpoint> {
        self.records.borrow_mut()
    }

    /// Records that a step begins, and what it is about to write. Once all is handed over and root is gone, the step stays
    /// done: what a killed run has sent is known from the memory.
    pub(crate) fn begin(
        &self,
        step: Step,
        paths: impl Iterator<Item = String>,
    ) -> Result<(), Failure> {
        if self.begun_after_hand_over && !self.is_root() {
            return Ok(());
        }
        Ok(begun::record(&self.records, step, paths)?)
    }

    /// The diary as it is now.
    pub fn diary(&self) -> Rc<Diary> {
        self.records.diary()
    }

    /// Brings the replica up to date: called before whatever must not be done without it.
    pub async fn replicate(&self) -> Result<(), Failure> {
        self.records.replicate().await
    }

    /// What encrypts the secret part of the checkpoint.
    ///
    /// # Errors
    /// There is nothing to encrypt any more: the custodians hold the shares, or all was handed over.
    pub fn key(&self) -> Result<&envelope::Key, Failure> {
        self.key.as_ref().ok_or_else(|| {
            Failure::failed(
                Code::SecretsMissing,
                "the checkpoint keeps no secrets any more",
            )
        })
    }

    /// Forgets what encrypts the secret part of the checkpoint.
    pub fn forget_key(&mut self) {
        self.key = None;
    }

    /// What lies on another machine than the one that it is looked at from, and where it is seen.
    pub(crate) fn apart(&self, thing: Thing, what: String) {
        let (on, typed) = thing.is_seen();
        let (on, look) = (on.to_owned(), self.config.command(typed).to_string());
        let new = Apart {
            thing,
            what,
            on,
            look,
        };
        let mut apart = self.apart.borrow_mut();
        if !apart.contains(&new) {
            apart.push(new);
        }
    }

    /// Which findings were made since there were `before` of them.
    pub fn findings_since(&self, before: usize) -> Vec<Finding> {
        let findings = self.findings.borrow();
        findings.iter().skip(before).cloned().collect()
    }

    /// A promise that does not hold, or is not proved: said now and again at the end.
    pub fn find(&self, finding: Finding) {
        let text = finding.to_string();
        // One of an earlier run has nothing but its words.
        let is_known = |known: &Finding| known.to_string() == text;
        if !self.findings.borrow().iter().any(is_known) {
            self.findings.borrow_mut().push(finding);
        }
    }
}

/// The cluster of the file, where we are nobody yet. Its id is the one that the diary knows, else the file's.
pub(crate) fn session<'a>(
    (config, options): (&'a Config, &'a Options),
    caller: Caller<'a>,
    (client, resolved): (Client, Resolved),
    diary: &Diary,
) -> Session<'a> {
    let known = diary.cluster.cluster_id.clone();
    let id = known.or_else(|| config.cluster.id.clone());
    let advised = Advised {
        again: options.again(config),
        unseal: config.unseal_command(),
    };
    let advised = (config.cluster.timeouts.active, advised);
    Session {
        config,
        caller,
        cluster: Cluster::new(client, id, advised, caller.events),
        authority: Authority::None,
        resolved,
        sign_in_seconds: options.sign_in_seconds,
        whole_tokens: WholeTokens::default(),
    }
}

/// What a ceremony stands on, opened before its first step.
pub struct Opened {
    /// What encrypts its secret part; not asked for once there is none.
    pub key: Option<envelope::Key>,
    /// The cluster at the address of the file.
    pub client: Client,
    /// What was sent before. Its key is open where the operator's key could be used.
    pub(crate) memory: Memory,
    /// Opened, not yet tried.
    pub custodians: Vec<Custodian>,
    /// Secret references of the file, resolved.
    pub resolved: Resolved,
    /// What a person should know about all that.
    pub warnings: Vec<Reported>,
}
