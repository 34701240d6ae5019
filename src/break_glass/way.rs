//! Where a run stands: the file's cluster at its active node, a break-glass login that is in, the custodians, and the
//! journal.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use tokio::time::Instant;

use super::audit_lines::began;
use super::entering::{doors, let_in};
use super::event::Event;
use super::gathering::Asking;
use super::journal::Journal;
use super::{Options, Told};
use crate::bootstrap::{checkpoint, inactive};
use crate::config::{CheckpointKey, Config, SecretRef};
use crate::custodian::aws::forget_credentials;
use crate::edge::references::{Resolved, resolve};
use crate::edge::{cluster, key};
use crate::envelope::Key;
use crate::failure::Failure;
use crate::root_generation::{Rules, busy, rules};
use crate::secret::{Token, wipe_stack};
use crate::vault::generation::Progress;
use crate::vault::{Client, Generation, Health, Session, sys, token};

/// Between two looks for the active node.
const PAUSE: Duration = Duration::from_millis(250);
/// A session that ends sooner is replaced before shares are given.
const SECONDS_LEFT: i64 = 60;

/// A run, opened.
pub(super) struct Way<'a> {
    inside: Inside<'a>,
    pub(super) journal: Journal,
}

impl<'a> Deref for Way<'a> {
    type Target = Inside<'a>;

    fn deref(&self) -> &Inside<'a> {
        &self.inside
    }
}

impl DerefMut for Way<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inside
    }
}

impl<'a> Way<'a> {
    /// Opens all of it. Nothing is written but the journal's directory and the login's own token.
    ///
    /// # Errors
    /// As [`Inside::open`]; or another run is at the journal.
    pub(super) async fn open(
        command: &'static str,
        config: &'a Config,
        options: &'a Options,
        told: Told<'a>,
    ) -> Result<Self, Failure> {
        let key = checkpoint_key(config, told).await;
        let journal = Journal::open(&config.checkpoint.path, &config.cluster.name, key)?;
        let inside = Inside::open(command, config, options, told).await?;
        if let Err(failure) = journal.is_about(inside.health.cluster_id.as_deref()) {
            inside.close().await;
            return Err(failure);
        }
        Ok(Self { inside, journal })
    }

    /// Before a command takes its time: of all secrets only the token that it works with stays in memory. The login is
    /// ended, and opens again if it is needed; so are the connections, which remember what was sent.
    ///
    /// # Errors
    /// New connections cannot be prepared.
    pub(super) async fn rest(&mut self) -> Result<(), Failure> {
        self.journal.forget_key();
        let none = Token::new(String::new());
        let token = std::mem::replace(&mut self.inside.session.token, none);
        self.inside.end_token(token).await;
        let resolved = &mut self.inside.resolved;
        resolved.retain(|_, text| text.certificates().is_some());
        self.inside.client.close_connections()?;
        forget_credentials();
        wipe_stack();
        Ok(())
    }

    /// Ends the login's own token.
    pub(super) async fn close(self) {
        self.inside.close().await;
    }
}

/// Who came in, and where: without a journal, for whoever only gives a share.
pub(super) struct Inside<'a> {
    pub(super) config: &'a Config,
    pub(super) options: &'a Options,
    pub(super) told: Told<'a>,
    /// The active node, which is asked from first to last: an attempt is in its memory alone.
    pub(super) client: Client,
    pub(super) health: Health,
    pub(super) login: String,
    pub(super) session: Session,
    pub(super) rules: Rules,
    resolved: Resolved,
}

impl<'a> Inside<'a> {
    /// Finds the active node and logs in there. Nothing is written but the login's own token.
    ///
    /// # Errors
    /// The file names no way back, no node is active, none of its logins opens, the login lacks the grant, or the
    /// server makes no root tokens over its API.
    pub(super) async fn open(
        command: &'static str,
        config: &'a Config,
        options: &'a Options,
        told: Told<'a>,
    ) -> Result<Self, Failure> {
        let doors = doors(config, options)?;
        known_names(config, options)?;
        let mut failures = Vec::new();
        let resolved = of_the_cluster(config, &mut failures).await;
        if let Some(failure) = Failure::all(failures) {
            return Err(failure);
        }
        let client = cluster::client(config, &resolved)?;
        (told.1)(Event::Begin {
            command,
            cluster: config.cluster.name.clone(),
            address: client.address().to_owned(),
        });
        let (client, health) = active(config, &client).await?;
        is_the_same(config, &client, &health)?;
        if known_id(config)?.is_none() {
            let id = health.cluster_id.as_deref().unwrap_or("unknown");
            (told.1)(Event::Warning {
                text: format!(
                    "nothing here says which cluster this must be: it is {id}; with cluster.id in the file, shares go \
                     to no other one"
                ),
            });
        }
        let (login, session, resolved) =
            let_in((config, options, told), &client, doors, resolved).await?;
        // Its token is ours to end now, whoever asks for a stop.
        let _unheard = told.0.unheard();
        let rules = match rules(&client, &session.token).await {
            Ok(rules) => rules,
            Err(failure) => {
                // It may make no root token; its own ends all the same.
                let _ = token::revoke_self(&client, session.token).await;
                return Err(failure);
            }
        };
        Ok(Self {
            config,
            options,
            told,
            client,
            health,
            login,
            session,
            rules,
            resolved,
        })
    }

    /// Holds that no attempt is under way, whose ever it would be.
    ///
    /// # Errors
    /// One is; where a log here tells since when and by whom, that is said too.
    pub(super) async fn is_free(&self) -> Result<Progress, Failure> {
        let generation = self.generation();
        let found = generation.progress().await?;
        if !found.started {
            return Ok(found);
        }
        let mut failure = busy(&generation, Some(&found));
        let path = format!("{}/attempt", self.rules.dialect.base());
        if let Some(began) = began(self.config, &path)
            && let Some(problem) = failure.problems.last_mut()
        {
            problem.what = format!("{}; {began}", problem.what);
        }
        Err(failure)
    }

    /// How many shares make a root token, as the file has it.
    pub(super) fn threshold(&self) -> usize {
        usize::try_from(self.config.init.threshold).unwrap_or(usize::MAX)
    }

    pub(super) fn note(&self, text: impl Into<String>) {
        (self.told.1)(Event::Note { text: text.into() });
    }

    pub(super) fn warn(&self, text: impl Into<String>) {
        (self.told.1)(Event::Warning { text: text.into() });
    }

    /// The server's root generation, as this login sees it.
    pub(super) fn generation(&self) -> Generation<'_> {
        Generation::new(&self.client, self.rules.dialect, &self.session.token)
    }

    /// Goes to the node that leads now, where it is another one.
    ///
    /// # Errors
    /// None leads in time.
    pub(super) async fn keep_to_active(&mut self) -> Result<(), Failure> {
        let (client, health) = active(self.config, &self.client).await?;
        is_the_same(self.config, &client, &health)?;
        (self.client, self.health) = (client, health);
        Ok(())
    }

    /// Logs in anew where the session has ended or ends soon: people may have taken their time.
    ///
    /// # Errors
    /// No login opens any more.
    pub(super) async fn stay_in(&mut self) -> Result<(), Failure> {
        if !self.rests() {
            match token::lookup_self(&self.client, &self.session.token).await {
                Ok(info) if info.ttl == 0 || info.ttl >= SECONDS_LEFT => return Ok(()),
                Err(error) if !error.is_forbidden() => return Err(error.into()),
                _ => {}
            }
        }
        let doors: Vec<_> = self.config.login(&self.login).into_iter().collect();
        let resolved = self.resolved.clone();
        let told = (self.config, self.options, self.told);
        let (login, session, resolved) = let_in(told, &self.client, doors, resolved).await?;
        let before = std::mem::replace(&mut self.session, session);
        (self.login, self.resolved) = (login, resolved);
        // Where it lives for some seconds still, it need not.
        if !before.token.is_empty() {
            let _ = token::revoke_self(&self.client, before.token).await;
        }
        Ok(())
    }

    /// Whoever asks for shares for this command.
    pub(super) fn asking(&self, verb: &'a str) -> Asking<'a> {
        Asking {
            config: self.config,
            options: self.options,
            told: self.told,
            verb,
        }
    }

    /// Ends the login's own token.
    pub(super) async fn close(mut self) {
        if self.rests() {
            return;
        }
        let none = Token::new(String::new());
        let token = std::mem::replace(&mut self.session.token, none);
        self.end_token(token).await;
    }

    /// Whether the login was ended meanwhile.
    fn rests(&self) -> bool {
        self.session.token.is_empty()
    }

    async fn end_token(&self, token: Token) {
        if let Err(error) = token::revoke_self(&self.client, token).await {
            (self.told.1)(Event::Warning {
                text: format!(
                    "the token of {} could not be ended and lives as long as its ttl: {error}",
                    self.login
                ),
            });
        }
    }
}

/// What the connection itself needs.
async fn of_the_cluster(config: &Config, failures: &mut Vec<Failure>) -> Resolved {
    let tls = &config.cluster.tls;
    let wanted = [&tls.ca_cert, &tls.client_cert, &tls.client_key];
    resolve(
        wanted.into_iter().flatten().collect(),
        failures,
        &mut Vec::new(),
    )
    .await
}

/// The checkpoint's key, where it can be had: in an emergency one goes on without it.
async fn checkpoint_key(config: &Config, told: Told<'_>) -> Option<Key> {
    let mut failures = Vec::new();
    let wanted: Vec<&SecretRef> = match &config.checkpoint.key {
        CheckpointKey::Passphrase(reference) => vec![reference],
        CheckpointKey::Kms { .. } | CheckpointKey::Identity(_) => Vec::new(),
    };
    let resolved = resolve(wanted, &mut failures, &mut Vec::new()).await;
    let key = match Failure::all(failures) {
        Some(failure) => Err(failure),
        None => key::of_checkpoint(config, &resolved).await,
    };
    // A key that opens may still not encrypt.
    let key = match key {
        Ok(key) => match key.probe(&config.cluster.name).await {
            Ok(()) => Ok(key),
            Err(error) => Err(error.into()),
        },
        Err(failure) => Err(failure),
    };
    key.map_err(|failure| {
        (told.1)(Event::Warning {
            text: format!(
                "if this run is killed, nobody can end the root token that it made: {failure}"
            ),
        });
    })
    .ok()
}

/// The active node, waited for.
async fn active(config: &Config, client: &Client) -> Result<(Client, Health), Failure> {
    let (begun, limit) = (Instant::now(), config.cluster.timeouts.active);
    loop {
        if let Some(found) = sys::active(client).await {
            return Ok(found);
        }
        let answers = sys::health_of_nodes(client).await;
        if inactive::for_good(&answers) || begun.elapsed() >= limit {
            return Err(Failure::failed(format!(
                "no active node after {} s: {}",
                begun.elapsed().as_secs(),
                inactive::said(&answers)
            ))
            .advise("unseal or start the nodes: only an active one makes root tokens"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Shares go to the cluster that the checkpoint here knows, where there is one.
fn is_the_same(config: &Config, client: &Client, health: &Health) -> Result<(), Failure> {
    let Some(known) = known_id(config)? else {
        return Ok(());
    };
    let found = health.cluster_id.as_deref();
    if found == Some(&known) {
        return Ok(());
    }
    let address = client.address();
    let text = match found {
        Some(found) => {
            format!("{address} is another cluster: its id is {found}, and this one's is {known}")
        }
        None => format!("{address} does not say its cluster's id, and this one's is {known}"),
    };
    Err(Failure::refused(text)
        .advise("correct cluster.address in the file: shares go to their own cluster only"))
}

/// Who is left out must be there: a slip would leave out nobody.
fn known_names(config: &Config, options: &Options) -> Result<(), Failure> {
    let custodians = &config.init.custodians;
    let unknown = |name: &&String| !custodians.iter().any(|one| one.name == **name);
    match options.without.iter().find(unknown) {
        Some(name) => Err(Failure::usage(format!(
            "{} has no custodian {name}",
            config.file.display()
        ))
        .advise("name one of init.custodians with --without")),
        None => Ok(()),
    }
}

/// The id of the file's cluster, as the file or the checkpoint here says it; never as a server does.
pub(super) fn known_id(config: &Config) -> Result<Option<String>, Failure> {
    if config.cluster.id.is_some() {
        return Ok(config.cluster.id.clone());
    }
    let diary = checkpoint::read_diary(&config.checkpoint.path)?;
    Ok(diary.and_then(|diary| diary.cluster.cluster_id))
}
