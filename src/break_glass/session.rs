//! Where a run stands: the file's cluster at its active node, a break-glass login that is open, and the journal.

use std::ops::{Deref, DerefMut};

use crate::aws::forget_credentials;
use crate::break_glass::audit_lines::began;
use crate::break_glass::options::Options;
use crate::break_glass::typed::{known_names, logins, typed_again};
use crate::checkpoint;
use crate::checkpoint::journal::Journal;
use crate::code::Code;
use crate::config::{CheckpointKey, Config, Login};
use crate::edge::cluster;
use crate::edge::references::{Resolved, key_of_checkpoint, resolve};
use crate::envelope::Key;
use crate::event::{Caller, Event};
use crate::failure::Failure;
use crate::root_generation::{Rules, busy, rules};
use crate::secret::wipe_stack_and_registers;
use crate::session::active::Tries;
use crate::session::audit_trail::{AuditTrail, Elsewhere};
use crate::session::cluster_identity::known_anywhere;
use crate::session::unavailable::Advised;
use crate::session::{Cluster, OpenLogin};
use crate::shares::quorum::Asking;
use crate::vault::keys::generation::Progress;
use crate::vault::{Client, Generation, Health};

/// A run, opened.
pub(super) struct BreakGlassSession<'a> {
    active: ActiveSession<'a>,
    pub(super) journal: Journal,
}

impl<'a> Deref for BreakGlassSession<'a> {
    type Target = ActiveSession<'a>;

    fn deref(&self) -> &ActiveSession<'a> {
        &self.active
    }
}

impl DerefMut for BreakGlassSession<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.active
    }
}

impl<'a> BreakGlassSession<'a> {
    /// Opens all of it. Nothing is written but the journal's directory and the login's own token.
    ///
    /// # Errors
    /// As [`ActiveSession::open`]; or another run is at the journal.
    pub(super) async fn open(
        command: &'static str,
        config: &'a Config,
        options: &'a Options,
        caller: Caller<'a>,
    ) -> Result<Self, Failure> {
        let key = checkpoint_key(config, caller).await;
        let journal = Journal::open(&config.checkpoint.path, &config.cluster.name, key)?;
        let mut active = ActiveSession::open(command, config, options, caller).await?;
        if let Err(failure) = journal.is_about(active.health.cluster_id.as_deref()) {
            active.log_out().await;
            return Err(failure);
        }
        Ok(Self { active, journal })
    }

    /// Does this at the node that leads, and anew where that is lost on the way, as each step of a ceremony is: for what
    /// may be done twice. What was begun before is for `doing` itself to settle first.
    ///
    /// # Errors
    /// As `doing`; or no node leads in time.
    pub(super) async fn led<T>(
        &mut self,
        mut doing: impl AsyncFnMut(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut tries = Tries::default();
        loop {
            match Box::pin(doing(self)).await {
                Err(failure) => self.health = tries.another(&self.cluster, failure).await?,
                done => return done,
            }
            self.client = self.cluster.client();
        }
    }

    /// Before the operator's command runs: of all secrets only the token that it works with and the one that looks
    /// afterwards stay in memory. The login is ended, and opens again if it is needed; so are the connections, which remember what was sent.
    ///
    /// # Errors
    /// New connections cannot be prepared.
    pub(super) async fn rest(&mut self) -> Result<(), Failure> {
        self.journal.forget_key();
        self.active.log_out().await;
        let resolved = &mut self.active.resolved;
        resolved.retain(|_, text| text.certificates().is_some());
        self.active.client.close_connections()?;
        forget_credentials();
        wipe_stack_and_registers();
        Ok(())
    }
}

/// A break-glass login at the active node; without a journal, for whoever only gives a share.
pub(super) struct ActiveSession<'a> {
    pub(super) config: &'a Config,
    pub(super) options: &'a Options,
    pub(super) caller: Caller<'a>,
    /// The active node, which is asked from first to last: an attempt is in its memory alone.
    pub(super) client: Client,
    pub(super) health: Health,
    pub(super) rules: Rules,
    cluster: Cluster<'a>,
    /// None while the operator's command runs.
    login: Option<OpenLogin>,
    /// Which login it is.
    wanted: &'a Login,
    resolved: Resolved,
}

impl<'a> ActiveSession<'a> {
    /// Finds the active node and logs in there. Nothing is written but the login's own token.
    ///
    /// # Errors
    /// The file declares no break-glass login, no node is active, no login opens, the login lacks the grant, or the
    /// server cannot generate root tokens through its API.
    pub(super) async fn open(
        command: &'static str,
        config: &'a Config,
        options: &'a Options,
        caller: Caller<'a>,
    ) -> Result<Self, Failure> {
        Self::open_if(command, config, (options, caller), async |_| Ok(())).await
    }

    /// The same; at the active node `look` may refuse before anything is done to log in, such as running a command.
    ///
    /// # Errors
    /// As [`ActiveSession::open`], or what `look` says.
    pub(super) async fn open_if(
        command: &'static str,
        config: &'a Config,
        (options, caller): (&'a Options, Caller<'a>),
        look: impl AsyncFnOnce(&Client) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let logins = logins(config, options)?;
        known_names(config, options)?;
        let mut failures = Vec::new();
        let mut resolved = cluster::certificates_of(config, &mut failures).await;
        Failure::check(failures)?;
        let client = cluster::client(config, &resolved)?;
        caller.events.emit(Event::Begin {
            command,
            resumed: false,
            cluster: config.cluster.name.clone(),
            address: client.address().to_owned(),
        });
        let advised = Advised {
            again: typed_again(command, config),
            unseal: config.unseal_command(),
        };
        let advised = (config.cluster.timeouts.active, advised);
        let known = Box::pin(known_anywhere(config, caller.events)).await?;
        let cluster = Cluster::new(client, known, advised, caller.events);
        let mut health = cluster.find_active().await?;
        if cluster.id().is_none() {
            let id = health.cluster_id.as_deref().unwrap_or("unknown");
            caller.events.warn(Code::ClusterUnknown, format!(
                "nothing here says which cluster this must be: it is {id}; with cluster.id in the file, shares go \
                 to no other one"
            ));
        }
        look(&cluster.client()).await?;
        let whose = (config, options.sign_in_seconds);
        let mut tries = Tries::default();
        let (login, rules) = loop {
            let client = cluster.client();
            let entering = entered(whose, &client, &logins, &mut resolved, caller);
            match Box::pin(entering).await {
                Ok(entered) => break entered,
                Err(failure) => health = tries.another(&cluster, failure).await?,
            }
        };
        let named = |one: &&&Login| one.name == login.name;
        let wanted = logins.iter().find(named).copied();
        Ok(Self {
            config,
            options,
            caller,
            client: cluster.client(),
            health,
            rules,
            cluster,
            wanted: wanted.ok_or_else(|| Failure::failed(Code::Unexpected, "no login is open"))?,
            login: Some(login),
            resolved,
        })
    }

    /// Checks that no attempt is under way, whose ever it would be.
    ///
    /// # Errors
    /// One is; where a log here tells since when and by whom, that is said too.
    pub(super) async fn is_free(&self) -> Result<Progress, Failure> {
        let generation = self.generation()?;
        let found = generation.progress().await?;
        if !found.started {
            return Ok(found);
        }
        let path = format!("{}/attempt", self.rules.dialect.base());
        let began = began(self.config, &path);
        Err(busy(&generation, Some(&found), began))
    }

    /// The devices in whose log the request of this id does not come to stand.
    pub(super) async fn lacking(&self, trail: &AuditTrail, request_id: &str) -> Vec<Elsewhere> {
        trail.lacks(request_id, &self.cluster).await
    }

    /// How many shares make a root token, as the checkpoint knows it, and where there is none as the file has it.
    pub(super) fn threshold(&self) -> usize {
        let diary = checkpoint::read_diary(&self.config.checkpoint.path);
        let asked = diary.ok().flatten().and_then(|diary| diary.asked);
        let threshold = asked.map_or(self.config.init.threshold, |asked| asked.threshold);
        usize::try_from(threshold).unwrap_or(usize::MAX)
    }

    pub(super) fn note(&self, text: impl Into<String>) {
        self.caller.events.note(text);
    }

    pub(super) fn warn(&self, code: Code, text: impl Into<String>) {
        self.caller.events.warn(code, text);
    }

    /// The login that is open.
    ///
    /// # Errors
    /// None is: the operator's command runs.
    pub(super) fn login(&self) -> Result<&OpenLogin, Failure> {
        let closed = || Failure::failed(Code::Unexpected, "no login is open");
        self.login.as_ref().ok_or_else(closed)
    }

    /// The server's root generation, as this login sees it.
    pub(super) fn generation(&self) -> Result<Generation<'_>, Failure> {
        let token = self.login()?.token();
        Ok(Generation::new(&self.client, self.rules.dialect, token))
    }

    /// How far the server's root generation is, at the node that leads.
    pub(super) async fn progress(&mut self) -> Result<Progress, Failure> {
        let mut tries = Tries::default();
        loop {
            match self.generation()?.progress().await {
                Ok(found) => return Ok(found),
                Err(error) => self.health = tries.another(&self.cluster, error.into()).await?,
            }
            self.client = self.cluster.client();
        }
    }

    /// A failure, explained where the leader of its beginning was lost.
    pub(super) async fn explained(&self, failure: Failure, first: &str) -> Failure {
        self.cluster.explained(failure, first).await
    }

    /// Goes to the node that leads now, where it is another one.
    pub(super) async fn keep_to_active(&mut self) -> Result<(), Failure> {
        self.health = self.cluster.find_active().await?;
        self.client = self.cluster.client();
        Ok(())
    }

    /// Logs in anew where the login has ended or ends soon: people may have taken their time.
    ///
    /// # Errors
    /// It does not open any more.
    pub(super) async fn stay_logged_in(&mut self) -> Result<(), Failure> {
        if let Some(login) = &self.login
            && login.lasts(&self.client).await?
        {
            return Ok(());
        }
        let whose = (self.config, self.options.sign_in_seconds);
        let (client, events) = (&self.client, self.caller.events);
        let logins = [self.wanted];
        let again = OpenLogin::first(whose, client, &logins, &mut self.resolved, events);
        if let Some(before) = self.login.replace(again.await?) {
            before.end(client, events).await;
        }
        Ok(())
    }

    /// Opens this login too, looks whether it may generate a root token, and ends it.
    ///
    /// # Errors
    /// It does not open, or may not.
    pub(super) async fn open_and_end(&mut self, login: &Login) -> Result<(), Failure> {
        let whose = (self.config, self.options.sign_in_seconds);
        let (client, resolved, caller) = (&self.client, &mut self.resolved, self.caller);
        let (opened, _) = entered(whose, client, &[login], resolved, caller).await?;
        opened.end(client, caller.events).await;
        Ok(())
    }

    /// Ends the login's own token, where it was not ended meanwhile.
    pub(super) async fn log_out(&mut self) {
        if let Some(login) = self.login.take() {
            login.end(&self.client, self.caller.events).await;
        }
    }

    /// Whoever asks for shares for this command.
    pub(super) fn asking(&self, verb: &'static str) -> Asking<'a> {
        self.options.asking(self.config, self.caller, verb)
    }
}

/// A login that opens, and what the server lets it do.
async fn entered(
    whose: (&Config, u64),
    client: &Client,
    logins: &[&Login],
    resolved: &mut Resolved,
    caller: Caller<'_>,
) -> Result<(OpenLogin, Rules), Failure> {
    let login = OpenLogin::first(whose, client, logins, resolved, caller.events).await?;
    // Its token is ours to end now, whoever asks for a stop.
    let _deferred = caller.interrupt.defer_signals();
    match rules(client, login.token()).await {
        Ok(rules) => Ok((login, rules)),
        Err(failure) => {
            login.end(client, caller.events).await;
            Err(failure)
        }
    }
}

/// The checkpoint's key, where it can be had: in an emergency one goes on without it.
async fn checkpoint_key(config: &Config, caller: Caller<'_>) -> Option<Key> {
    let opened = async {
        let wanted = match &config.checkpoint.key {
            CheckpointKey::Passphrase(reference) => vec![reference],
            CheckpointKey::Kms { .. } | CheckpointKey::Identity(_) => Vec::new(),
        };
        let mut failures = Vec::new();
        let resolved = resolve(wanted, &mut failures, &mut Vec::new()).await;
        Failure::check(failures)?;
        let key = key_of_checkpoint(config, &resolved).await?;
        // A key that opens may still not encrypt.
        key.probe(&config.cluster.name).await?;
        Ok(key)
    };
    let warn = |failure: Failure| {
        caller.events.warn(
            failure.code(),
            format!("if this run is killed, nobody can end the root token that it made: {failure}"),
        );
    };
    opened.await.map_err(warn).ok()
}
