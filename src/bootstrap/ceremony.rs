//! What the steps share: the file, the cluster, the checkpoint, and who we are to the server just now.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::checkpoint::Checkpoint;
use super::event::Event;
use super::options::Options;
use super::step::Step;
use crate::config::{Config, SecretRef};
use crate::custodian::Custodian;
use crate::door::{Notice, Tell};
use crate::envelope::{self, digest};
use crate::failure::Failure;
use crate::secret::{RootToken, SecretText, Share, Token};
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
    /// The custodians, in the order of the file: the first share is for the first.
    pub custodians: Vec<Custodian>,
    /// What encrypts the secret part of the checkpoint.
    key: Option<envelope::Key>,
    /// Who we are.
    pub session: Session,
    /// A login kept open from its proof to the revocation of root, where every login needs a person:
    /// nobody is asked to sign in twice for the same thing.
    pub control: Option<(String, vault::Session)>,
    /// Shares between the server's answer and their custodians; dropped as soon as they are there.
    pub shares: Vec<Share>,
    /// Resolved secret references.
    pub resolved: BTreeMap<SecretRef, Arc<SecretText>>,
    /// Promises that do not hold or are not proved; the end of the report and exit code 4.
    pub findings: RefCell<Vec<String>>,
    /// How many steps were applied or repaired in this run.
    pub written: Cell<u32>,
    checkpoint: RefCell<Checkpoint>,
    client: RefCell<Client>,
    step: Cell<Step>,
    tell: &'a dyn Fn(Event),
}

impl<'a> Ceremony<'a> {
    /// A ceremony before its first step.
    pub fn new(
        config: &'a Config,
        options: &'a Options,
        tell: &'a dyn Fn(Event),
        edge: Edge,
    ) -> Self {
        Self {
            config,
            options,
            custodians: edge.custodians,
            key: edge.key,
            session: Session::None,
            control: None,
            shares: Vec::new(),
            resolved: edge.resolved,
            findings: RefCell::default(),
            written: Cell::new(0),
            checkpoint: RefCell::new(edge.checkpoint),
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
    /// It was not resolved; that is a mistake of this program.
    pub fn secret(&self, reference: &SecretRef) -> Result<Arc<SecretText>, Failure> {
        self.resolved
            .get(reference)
            .cloned()
            .ok_or_else(|| Failure::failed(format!("{reference} was not read in time")))
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

    /// Finds the active node and stays with it. Waits up to `cluster.timeouts.active`.
    ///
    /// # Errors
    /// No node is active in time; the last thing each of them said.
    pub async fn find_active(&self) -> Result<(), Failure> {
        let limit = self.config.cluster.timeouts.active;
        let begun = Instant::now();
        loop {
            let client = self.client();
            if let Some(active) = vault::sys::active(&client).await {
                *self.client.borrow_mut() = active;
                return Ok(());
            }
            let answers = vault::sys::health_of_nodes(&self.client()).await;
            let sealed = answers
                .iter()
                .all(|(_, health)| health.as_ref().is_ok_and(|h| h.sealed));
            let said = Self::said_by(answers);
            let waited = self.wait(begun, limit, "an active node", &said).await;
            if waited.is_err() && sealed {
                let again = self.options.again(self.config);
                return Err(sealed_for_good(&said, &again));
            }
            waited?;
        }
    }

    /// Goes to the active node where several are listed and ours leads no more. That need not show by any
    /// error: a standby hands writes on and may answer reads itself, from what it knows.
    ///
    /// # Errors
    /// As [`Self::find_active`].
    pub async fn keep_to_active(&self) -> Result<(), Failure> {
        let client = self.client();
        if client.nodes().len() > 1 && !vault::sys::is_active(&client).await {
            return self.find_active().await;
        }
        Ok(())
    }

    fn said_by(answers: Vec<(Client, Result<vault::Health, vault::Error>)>) -> String {
        let words = answers.into_iter().map(|(node, health)| match health {
            Ok(health) if health.sealed => format!("{} is sealed", node.address()),
            Ok(_) => format!("{} is standby", node.address()),
            Err(error) => error.to_string(),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// Pauses between two looks at something that takes time, and says what is waited for.
    ///
    /// # Errors
    /// The limit is over.
    pub async fn wait(
        &self,
        begun: Instant,
        limit: Duration,
        what: &str,
        said: &str,
    ) -> Result<(), Failure> {
        let passed = begun.elapsed();
        if passed >= limit {
            let text = format!("waited {} s for {what}: {said}", limit.as_secs());
            return Err(Failure::failed(text)
                .advise("look at the server's log, then run apply again: it goes on from here"));
        }
        if passed >= PAUSE {
            self.tell(Event::Waiting {
                step: self.step.get(),
                text: format!("{what} ({said})"),
                seconds: passed.as_secs(),
                limit: limit.as_secs(),
            });
        }
        // What takes long may take a little longer; what is nearly there is not kept waiting.
        let pause = (passed / 4).clamp(FIRST_PAUSE, PAUSE);
        tokio::time::sleep(pause.min(limit.saturating_sub(passed))).await;
        Ok(())
    }
}

/// Waiting does not unseal: holders of shares do, or a seal that works again.
fn sealed_for_good(said: &str, again: &str) -> Failure {
    Failure::refused(said.to_owned()).advise(format!(
        "with a Shamir seal let holders of a quorum unseal each node: vault operator unseal; with \
         another seal see in the server's log why it does not open; then go on: {again}"
    ))
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

/// The longest time between two looks: a look costs little, and a person is waiting. A shorter wait is not
/// worth a line.
const PAUSE: Duration = Duration::from_millis(200);
/// The first one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// What a ceremony stands on, opened before its first step.
pub struct Edge {
    /// Locked.
    pub checkpoint: Checkpoint,
    /// What encrypts its secret part; not asked for once there is none.
    pub key: Option<envelope::Key>,
    /// The cluster at the address of the file.
    pub client: Client,
    /// Opened, not yet tried.
    pub custodians: Vec<Custodian>,
    /// Secret references of the file, resolved.
    pub resolved: BTreeMap<SecretRef, Arc<SecretText>>,
    /// What a person should know about all that.
    pub warnings: Vec<String>,
}
