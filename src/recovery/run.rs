//! One run: both files opened, and what it records.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::time::Instant;

use super::desired::verb;
use super::state::{NewShare, Phase, State};
use super::{Options, Voice};
use crate::bootstrap::checkpoint::Checkpoint;
use crate::bootstrap::event::Event;
use crate::bootstrap::places;
use crate::bootstrap::second_place::SecondPlace;
use crate::config::{Config, Login};
use crate::custodian::{Custodian, IdentityFile};
use crate::door::{self, Notice, Tell};
use crate::edge::doors::{self, Hall};
use crate::edge::references::{Resolved, of_logins, resolve};
use crate::edge::shares::{self, Ask};
use crate::edge::{cluster, custodians};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::secret::Token;
use crate::vault::{self, Client, Product};

/// Between two looks for an active node.
const PAUSE: Duration = Duration::from_millis(200);

/// What a run stands on.
pub(super) struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) old: &'a Config,
    pub(super) options: &'a Options,
    pub(super) voice: &'a Voice<'a>,
    pub(super) interrupt: &'a Interrupt,
    pub(super) checkpoint: RefCell<Checkpoint>,
    pub(super) second_place: Option<SecondPlace>,
    pub(super) state: RefCell<State>,
    pub(super) old_custodians: Vec<Custodian>,
    pub(super) new_custodians: Vec<Custodian>,
    pub(super) identities: Vec<IdentityFile>,
    /// The server has taken a quorum of the old shares in this run.
    pub(super) old_hold: Cell<bool>,
    /// This run was about to start a rotation.
    pub(super) started_here: Cell<bool>,
    resolved: Resolved,
    client: Client,
}

/// What the two files name.
pub(super) struct Opened {
    pub(super) resolved: Resolved,
    pub(super) client: Client,
    pub(super) old_custodians: Vec<Custodian>,
    pub(super) new_custodians: Vec<Custodian>,
    pub(super) identities: Vec<IdentityFile>,
}

/// Everything that the two files name, opened; nothing is tried and nothing written.
///
/// # Errors
/// All that cannot be opened, and each share that nobody could open here.
pub(super) async fn open(
    (config, old): (&Config, &Config),
    options: &Options,
    (voice, checkpoint, state): (&Voice<'_>, &Checkpoint, &State),
) -> Result<Opened, Failure> {
    let mut failures = Vec::new();
    let mut warnings = Vec::new();
    let tls = &config.cluster.tls;
    let references = [&tls.ca_cert, &tls.client_cert, &tls.client_key];
    let mut wanted: Vec<_> = references.into_iter().flatten().collect();
    wanted.extend(of_logins(door_to_use(config).into_iter()));
    let resolved = resolve(wanted, &mut failures, &mut warnings).await;
    for text in warnings {
        voice.warn(text);
    }
    let new_custodians = custodians::all(config, &mut failures).await;
    // A quorum of the old ones is enough.
    let mut away = Vec::new();
    let old_custodians = custodians::all(old, &mut away).await;
    places::apart(&new_custodians, checkpoint.directory(), &mut failures);
    apart_from_the_old(config, (&new_custodians, &old_custodians), &mut failures);
    let identities =
        shares::identities(&options.identities).map_err(|failure| failures.push(failure));
    let identities = identities.unwrap_or_default();
    if failures.is_empty() {
        let (verb, files) = (verb(old), &options.identities);
        ask(config, &verb, config.init.shares)
            .can_have(&new_custodians, files, &mut failures)
            .await;
        let mut closed = Vec::new();
        ask(config, &verb, old.init.shares)
            .can_have(&old_custodians, files, &mut closed)
            .await;
        let enough = usize::try_from(old.init.threshold).unwrap_or(usize::MAX);
        // They may hold no more once new ones were given back, and nobody need have them then.
        let needed = state.phase == Phase::Unverified;
        if needed && old_custodians.len() - closed.len().min(old_custodians.len()) < enough {
            failures.extend(away.drain(..).chain(closed));
        }
    }
    for failure in away {
        voice.warn(format!(
            "an old custodian of {} cannot be opened, and what it keeps is left there: {failure}",
            old.file.display()
        ));
    }
    let client = cluster::client(config, &resolved).map_err(|failure| failures.push(failure));
    match (Failure::all(failures), client) {
        (None, Ok(client)) => Ok(Opened {
            resolved,
            client,
            old_custodians,
            new_custodians,
            identities,
        }),
        (failure, _) => Err(failure.unwrap_or_else(|| Failure::failed("nothing could be opened"))),
    }
}

/// No new share goes where an old one is.
fn apart_from_the_old(
    config: &Config,
    (new, old): (&[Custodian], &[Custodian]),
    failures: &mut Vec<Failure>,
) {
    for custodian in new {
        let place = custodian.place();
        if old.iter().any(|one| one.place() == place) {
            let (name, address) = (custodian.name(), custodian.address());
            failures.push(
                Failure::usage(format!(
                    "{address}, for the new share of {name}, keeps an old one"
                ))
                .advise(format!(
                    "name another place for {name} in {}",
                    config.file.display()
                )),
            );
        }
    }
}

/// How a person is asked for one of so many shares that no machine opens.
pub(super) fn ask<'a>(config: &'a Config, verb: &'a str, shares: u32) -> Ask<'a> {
    Ask {
        config,
        verb,
        otherwise: "",
        shares,
        may_skip: false,
    }
}

/// No person is called for what a program can do.
fn door_to_use(config: &Config) -> Option<&Login> {
    let mut doors = config.doors();
    doors.sort_by_key(|login| login.needs_a_person());
    doors.into_iter().next()
}

impl<'a> Run<'a> {
    pub(super) fn new(
        (config, old): (&'a Config, &'a Config),
        (options, voice, interrupt): (&'a Options, &'a Voice<'a>, &'a Interrupt),
        (checkpoint, second_place): (Checkpoint, Option<SecondPlace>),
        (opened, state): (Opened, State),
    ) -> Self {
        Self {
            config,
            old,
            options,
            voice,
            interrupt,
            checkpoint: RefCell::new(checkpoint),
            second_place,
            state: RefCell::new(state),
            old_custodians: opened.old_custodians,
            new_custodians: opened.new_custodians,
            identities: opened.identities,
            old_hold: Cell::new(false),
            started_here: Cell::new(false),
            resolved: opened.resolved,
            client: opened.client,
        }
    }

    /// Changes what is recorded, on disk before it returns.
    ///
    /// # Errors
    /// The disk refuses; nothing is changed then.
    pub(super) fn record(&self, change: impl FnOnce(&mut State)) -> Result<(), Failure> {
        let mut next = self.state.borrow().clone();
        change(&mut next);
        next.again = self.again();
        let known = next.clone();
        let mut checkpoint = self.checkpoint.borrow_mut();
        checkpoint.record(|diary| diary.rotation = Some(known))?;
        *self.state.borrow_mut() = next;
        Ok(())
    }

    /// Brings the second place of the checkpoint up to date, where there is one.
    ///
    /// # Errors
    /// It did not take what is on disk.
    pub(super) async fn follow(&self) -> Result<(), Failure> {
        match &self.second_place {
            Some(place) => Box::pin(place.follow(&self.checkpoint)).await,
            None => Ok(()),
        }
    }

    /// This command once more, as it was typed.
    pub(super) fn again(&self) -> String {
        self.config.command(&verb(self.old))
    }

    /// The same of one new share.
    ///
    /// # Errors
    /// As [`Run::record`].
    pub(super) fn record_new(
        &self,
        custodian: &Custodian,
        change: impl FnOnce(&mut NewShare),
    ) -> Result<(), Failure> {
        self.record(|state| change(state.new.entry(custodian.name().to_owned()).or_default()))
    }

    /// What is recorded of a new share.
    pub(super) fn recorded(&self, custodian: &Custodian) -> NewShare {
        let state = self.state.borrow();
        state.new.get(custodian.name()).cloned().unwrap_or_default()
    }

    /// The active node of the cluster that the checkpoint knows: no share and no password goes to another.
    ///
    /// # Errors
    /// None is active within `cluster.timeouts.active`, or it is of another cluster.
    pub(super) async fn active(&self) -> Result<(Client, Product), Failure> {
        let limit = self.config.cluster.timeouts.active;
        let begun = Instant::now();
        let (client, health) = loop {
            if let Some(found) = vault::sys::active(&self.client).await {
                break found;
            }
            if begun.elapsed() >= limit {
                let (address, seconds) = (self.client.address(), limit.as_secs());
                return Err(Failure::failed(format!(
                    "{address}: no node was active within {seconds} s"
                ))
                .advise(format!(
                    "see what it says: {}",
                    self.config.command("status")
                )));
            }
            tokio::time::sleep(PAUSE).await;
        };
        let known = self.checkpoint.borrow().diary().cluster.cluster_id.clone();
        if known.is_none() || known == health.cluster_id {
            return Ok((client, health.product));
        }
        let found = health.cluster_id.unwrap_or_else(|| "no id".to_owned());
        Err(Failure::refused(format!(
            "{} is cluster {found}, this checkpoint belongs to {}",
            client.address(),
            known.unwrap_or_default()
        ))
        .advise("check cluster.address; nothing was sent there"))
    }

    /// Logs in by a break-glass door.
    ///
    /// # Errors
    /// It does not open.
    pub(super) async fn enter(&self, client: &Client) -> Result<(String, Token), Failure> {
        let Some(login) = door_to_use(self.config) else {
            return Err(Failure::usage("no break-glass login is declared"));
        };
        let hall = Hall {
            config: self.config,
            resolved: &self.resolved,
            sign_in_seconds: self.options.sign_in_seconds,
        };
        let door = doors::door(&hall, login)?;
        let session = door::open(client, &door, self.voice).await?;
        Ok((login.name.clone(), session.token))
    }
}

impl Voice<'_> {
    /// Something that a person should know.
    pub(super) fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        (self.tell)(Event::Warning { step: None, text });
    }

    /// How far it is.
    pub(super) fn note(&self, text: impl AsRef<str>) {
        (self.note)(text.as_ref());
    }
}

impl Tell for Voice<'_> {
    fn tell(&self, door: &str, notice: Notice<'_>) {
        let (url, code, wait) = match notice {
            Notice::Note(text) => return self.note(format!("{door}: {text}")),
            Notice::SignIn { url, wait, .. } => (url, None, wait),
            Notice::Device {
                url,
                user_code,
                wait,
            } => (url, user_code, wait),
        };
        (self.tell)(Event::SignIn {
            login: door.to_owned(),
            url: url.to_owned(),
            code: code.map(str::to_owned),
            seconds: wait.as_secs(),
        });
    }
}
