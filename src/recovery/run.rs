//! One run: both files opened, and what it records.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::checkpoint::rotation::{NewShare, Phase, Rotation as State};
use crate::checkpoint::{ReplicatedCheckpoint, now};
use crate::code::{Code, Reported};
use crate::config::Config;
use crate::custodian::{Custodian, IdentityFile};
use crate::edge::references::{Resolved, of_logins, resolve};
use crate::edge::{cluster, custodians};
use crate::event::Caller;
use crate::evidence::run::RunEvidence;
use crate::failure::Failure;
use crate::recovery::desired::verb;
use crate::session::Cluster;
use crate::session::login::break_glass_logins;
use crate::session::unavailable::Advised;
use crate::shares::fetch::{self, Ask};
use crate::shares::location_conflicts;
use crate::shell::ShellCommand;
use crate::vault::Client;

/// What was typed, without the command line's own types.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Nobody is there to answer.
    pub yes: bool,
    /// The lease on the replica of the checkpoint that is taken over, its holder being gone.
    pub take_over: Option<String>,
    /// Files of identities that open shares of people, old and new.
    pub identities: Vec<PathBuf>,
    /// How long a person is waited for, in seconds.
    pub sign_in_seconds: u64,
    /// Secret key of minisign that signs the evidence.
    pub sign_key: Option<PathBuf>,
}

/// What a run stands on.
pub(super) struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) old: &'a Config,
    pub(super) options: &'a Options,
    pub(super) caller: Caller<'a>,
    pub(super) records: ReplicatedCheckpoint,
    pub(super) state: RefCell<State>,
    pub(super) opened: Opened,
    /// The server has taken a quorum of the old shares in this run.
    pub(super) old_hold: Cell<bool>,
    /// This run was about to start a rotation.
    pub(super) started_here: Cell<bool>,
    pub(super) cluster: Cluster<'a>,
    /// Facts for the evidence.
    pub(super) evidence: RefCell<RunEvidence>,
}

/// What the two files name.
pub(super) struct Opened {
    pub(super) resolved: RefCell<Resolved>,
    client: Client,
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
    (directory, state): (&Path, &State),
    caller: Caller<'_>,
) -> Result<Opened, Failure> {
    let mut failures = Vec::new();
    let mut warnings = Vec::new();
    let mut resolved = cluster::certificates_of(config, &mut failures).await;
    // The login that is tried first; what others take is asked for only when they are.
    let wanted = of_logins(break_glass_logins(config).into_iter().take(1));
    resolved.extend(resolve(wanted, &mut failures, &mut warnings).await);
    for Reported { code, text, .. } in warnings {
        caller.events.warn(code, text);
    }
    let new_custodians = custodians::all(config, &mut failures).await;
    // A quorum of the old ones is enough.
    let mut away = Vec::new();
    let old_custodians = custodians::all(old, &mut away).await;
    location_conflicts::apart(&new_custodians, directory, &mut failures);
    apart_from_the_old(config, (&new_custodians, &old_custodians), &mut failures);
    let identities =
        fetch::identities(&options.identities).map_err(|failure| failures.push(failure));
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
        // They may be valid no more once new ones were given back, and nobody need have them then.
        let needed = state.phase == Phase::Unverified;
        if needed && old_custodians.len() - closed.len().min(old_custodians.len()) < enough {
            failures.extend(away.drain(..).chain(closed));
        }
    }
    for failure in away {
        caller.events.warn(failure.code(), format!(
            "an old custodian of {} cannot be opened, and what it keeps is left there: {failure}",
            old.file.display()
        ));
    }
    let client = cluster::client(config, &resolved).map_err(|failure| failures.push(failure));
    match (Failure::all(failures), client) {
        (None, Ok(client)) => Ok(Opened {
            resolved: RefCell::new(resolved),
            client,
            old_custodians,
            new_custodians,
            identities,
        }),
        (failure, _) => {
            Err(failure
                .unwrap_or_else(|| Failure::failed(Code::Unexpected, "nothing could be opened")))
        }
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
                Failure::usage(
                    Code::SharePlaceConflict,
                    format!("{address}, for the new share of {name}, keeps an old one"),
                )
                .advise(format!(
                    "name another place for {name} in {}",
                    config.file.display()
                )),
            );
        }
    }
}

/// How a person is asked for one of so many shares that no machine opens.
pub(super) fn ask<'a>(config: &'a Config, verb: &ShellCommand, shares: u32) -> Ask<'a> {
    Ask {
        config,
        verb: verb.clone(),
        otherwise: "",
        shares,
        may_skip: false,
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(
        (config, old): (&'a Config, &'a Config),
        (options, caller): (&'a Options, Caller<'a>),
        records: ReplicatedCheckpoint,
        (opened, state): (Opened, State),
    ) -> Self {
        let id = records.diary().cluster.cluster_id.clone();
        let advised = Advised {
            again: config.command(verb(old)),
            unseal: config.unseal_command(),
        };
        let advised = (config.cluster.timeouts.active, advised);
        let about = json!({"name": config.cluster.name, "id": id});
        let evidence = RunEvidence::begin("rotation", &about, now());
        let cluster = Cluster::new(opened.client.clone(), id, advised, caller.events);
        Self {
            config,
            old,
            options,
            caller,
            records,
            state: RefCell::new(state),
            opened,
            old_hold: Cell::new(false),
            started_here: Cell::new(false),
            cluster,
            evidence: RefCell::new(evidence),
        }
    }

    /// Changes what is recorded, on disk before it returns; nothing is changed where the disk refuses.
    pub(super) fn record(&self, change: impl FnOnce(&mut State)) -> Result<(), Failure> {
        let mut next = self.state.borrow().clone();
        change(&mut next);
        next.again = self.again().into();
        let known = next.clone();
        self.records.record(|diary| diary.rotation = Some(known))?;
        *self.state.borrow_mut() = next;
        Ok(())
    }

    /// Says something worth a line.
    pub(super) fn note(&self, text: impl Into<String>) {
        self.caller.events.note(text);
    }

    /// Says something that a person should know.
    pub(super) fn warn(&self, code: Code, text: impl Into<String>) {
        self.caller.events.warn(code, text);
    }

    /// This command once more, as it was typed.
    pub(super) fn again(&self) -> ShellCommand {
        self.config.command(verb(self.old))
    }

    /// The same of one new share.
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
}
