//! What the steps share: the file, the cluster, the checkpoint, and who we are to the server just now.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::event::Event;
use super::options::Options;
use super::second_place::SecondPlace;
use super::step::Step;
use crate::config::{Config, SecretRef};
use crate::custodian::Custodian;
use crate::door::{Notice, Tell};
use crate::edge::doors::Hall;
use crate::edge::references::Resolved;
use crate::envelope::{self, digest};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::secret::{Handed, RootToken, SecretText, Token};
use crate::vault::{self, Client};

/// Who we are to the server.
#[derive(Debug)]
pub enum Session {
    /// Nobody yet: before initialisation.
    None,
    /// Root, between initialisation and its revocation.
    Root(RootToken),
    /// A declared login, after hand-over.
    Login {
        /// Its name in the file.
        name: String,
        /// Its token, revoked at the end.
        token: Token,
    },
}

/// One ceremony in one process. Steps borrow it; cells are for what several requests in flight touch.
pub struct Ceremony<'a> {
    /// The file.
    pub config: &'a Config,
    /// What was typed.
    pub options: &'a Options,
    /// Whether a stop was asked for.
    pub interrupt: &'a Interrupt,
    /// The custodians, in the order of the file: the first share is for the first.
    pub custodians: Vec<Custodian>,
    /// What encrypts the secret part of the checkpoint.
    key: Option<envelope::Key>,
    /// Who we are.
    pub session: Session,
    /// A login kept open from its proof to the revocation of root, where every login needs a person:
    /// nobody is asked to sign in twice for the same thing.
    pub control: Option<(String, vault::Session)>,
    /// What the logins that need a person have shown in this run, by name: nobody is asked twice.
    pub signed_in: BTreeMap<String, serde_json::Value>,
    /// Shares between the server's answer and their custodians; dropped as soon as they are there.
    pub shares: Vec<Handed>,
    /// Resolved secret references.
    pub resolved: Resolved,
    /// Accessor of the login that walks the way back in the drill, while it does.
    pub walks: RefCell<Option<String>>,
    /// Promises that do not hold or are not proved; the end of the report and exit code 4.
    pub findings: RefCell<Vec<String>>,
    /// How many steps were applied or repaired in this run.
    pub written: Cell<u32>,
    checkpoint: RefCell<Checkpoint>,
    second_place: Option<SecondPlace>,
    pub(super) client: RefCell<Client>,
    step: Cell<Step>,
    tell: &'a dyn Fn(Event),
}

impl<'a> Ceremony<'a> {
    /// A ceremony before its first step.
    pub fn new(
        config: &'a Config,
        options: &'a Options,
        interrupt: &'a Interrupt,
        tell: &'a dyn Fn(Event),
        edge: Edge,
    ) -> Self {
        Self {
            config,
            options,
            interrupt,
            custodians: edge.custodians,
            key: edge.key,
            session: Session::None,
            control: None,
            signed_in: BTreeMap::new(),
            shares: Vec::new(),
            resolved: edge.resolved,
            walks: RefCell::default(),
            findings: RefCell::default(),
            written: Cell::new(0),
            checkpoint: RefCell::new(edge.checkpoint),
            second_place: edge.second_place,
            client: RefCell::new(edge.client),
            step: Cell::new(Step::Preflight),
            tell,
        }
    }

    /// The cluster: before it is active the address of the file, afterwards the active node.
    pub fn client(&self) -> Client {
        self.client.borrow().clone()
    }

    /// A node in the namespace that our token is of: root is of the root namespace, a login of the file's.
    pub fn at_home(&self, node: &Client) -> Client {
        if self.is_root() {
            node.in_namespace(None)
        } else {
            node.clone()
        }
    }

    /// The checkpoint, to record something. Never held across an `await`.
    pub fn checkpoint(&self) -> RefMut<'_, Checkpoint> {
        self.checkpoint.borrow_mut()
    }

    /// The checkpoint, to look. Never held across an `await`.
    pub fn diary(&self) -> Ref<'_, Checkpoint> {
        self.checkpoint.borrow()
    }

    /// The second place of the checkpoint, where the file names one.
    pub fn second_place(&self) -> Option<&SecondPlace> {
        self.second_place.as_ref()
    }

    /// Brings the second place up to date: called before whatever must not be done without it.
    ///
    /// # Errors
    /// It did not take what is on disk; what was to follow must not be done.
    pub async fn replicate(&self) -> Result<(), Failure> {
        let Some(place) = &self.second_place else {
            return Ok(());
        };
        Box::pin(place.follow(&self.checkpoint)).await
    }

    /// Lets the next run have the second place, wherever that is. Where it cannot, a person is told.
    pub async fn release(&self) {
        if let Some(place) = &self.second_place {
            place.release((self.interrupt, self.tell)).await;
        }
    }

    /// What encrypts the secret part of the checkpoint.
    ///
    /// # Errors
    /// There is nothing to encrypt any more: the custodians hold the shares, or all was handed over.
    pub fn key(&self) -> Result<&envelope::Key, Failure> {
        self.key
            .as_ref()
            .ok_or_else(|| Failure::failed("the checkpoint keeps no secrets any more"))
    }

    /// Forgets what encrypts the secret part of the checkpoint.
    pub fn forget_key(&mut self) {
        self.key = None;
    }

    /// Our token, whoever we are.
    ///
    /// # Errors
    /// There is none: a step came before its time.
    pub fn token(&self) -> Result<&Token, Failure> {
        match &self.session {
            Session::None => Err(Failure::failed("there is no token to ask the server with")),
            Session::Root(root) => Ok(root.token()),
            Session::Login { token, .. } => Ok(token),
        }
    }

    /// True while we are root.
    pub fn is_root(&self) -> bool {
        matches!(self.session, Session::Root(_))
    }

    /// True where root is to live on, as both the file and the command line say.
    #[must_use]
    pub fn keeps_root(&self) -> bool {
        self.options.keep_root && !self.config.revoke_root
    }

    /// Says something about the step in hand.
    pub fn note(&self, text: impl Into<String>) {
        self.tell(Event::Note {
            step: self.step.get(),
            text: text.into(),
        });
    }

    /// Says something that a person should know.
    pub fn warn(&self, text: impl Into<String>) {
        self.tell(Event::Warning {
            step: Some(self.step.get()),
            text: text.into(),
        });
    }

    /// Which findings were made since there were `before` of them.
    pub fn findings_since(&self, before: usize) -> Vec<String> {
        self.findings
            .borrow()
            .iter()
            .skip(before)
            .cloned()
            .collect()
    }

    /// A promise that does not hold, or is not proved: said now and again at the end.
    pub fn find(&self, text: impl Into<String>) {
        let text = text.into();
        if !self.findings.borrow().contains(&text) {
            self.findings.borrow_mut().push(text);
        }
    }

    /// Hands an event on.
    pub fn tell(&self, event: Event) {
        (self.tell)(event);
    }

    /// Which step is in hand.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step.get()
    }

    /// Which step notes and warnings are about from now on.
    pub fn enter(&self, step: Step) {
        self.step.set(step);
    }

    /// The secret behind a reference, as it was resolved in preflight.
    ///
    /// # Errors
    /// It is not here any more: before hand-over that is found first.
    pub fn secret(&self, reference: &SecretRef) -> Result<Arc<SecretText>, Failure> {
        self.hall().secret(reference)
    }

    /// What the doors of the file stand in.
    pub(crate) fn hall(&self) -> Hall<'_> {
        Hall {
            config: self.config,
            resolved: &self.resolved,
            sign_in_seconds: self.options.sign_in_seconds,
        }
    }

    /// Under which name the digest of a field is kept.
    #[must_use]
    pub fn digest_key(path: &str, field: &str) -> String {
        format!("{path}#{field}")
    }

    /// Whether `value` is what was written last where it cannot be read back.
    ///
    /// # Errors
    /// It could not be compared.
    pub async fn remembers(&self, key: &str, value: &Arc<SecretText>) -> Result<bool, Failure> {
        let kept = self.diary().diary().digests.get(key).cloned();
        match kept {
            Some(kept) => Ok(digest::matches(value, kept).await?),
            None => Ok(false),
        }
    }
}

impl Tell for Ceremony<'_> {
    fn tell(&self, door: &str, notice: Notice<'_>) {
        let login = door.to_owned();
        match notice {
            Notice::SignIn { url, wait, .. } => self.tell(Event::SignIn {
                login,
                url: url.to_owned(),
                code: None,
                seconds: wait.as_secs(),
            }),
            Notice::Device {
                url,
                user_code,
                wait,
            } => self.tell(Event::SignIn {
                login,
                url: url.to_owned(),
                code: user_code.map(str::to_owned),
                seconds: wait.as_secs(),
            }),
            Notice::Note(text) => self.note(format!("{door}: {text}")),
        }
    }
}

/// What a ceremony stands on, opened before its first step.
pub struct Edge {
    /// Locked.
    pub checkpoint: Checkpoint,
    /// Claimed.
    pub second_place: Option<SecondPlace>,
    /// What encrypts its secret part; not asked for once there is none.
    pub key: Option<envelope::Key>,
    /// The cluster at the address of the file.
    pub client: Client,
    /// Opened, not yet tried.
    pub custodians: Vec<Custodian>,
    /// Secret references of the file, resolved.
    pub resolved: Resolved,
    /// What a person should know about all that.
    pub warnings: Vec<String>,
}
