//! `recovery rotate`: new shares, with new custodians if you like, in the place of the old ones.
//!
//! The new ones hold only after every one of them was read back from its custodian, and the old ones are taken away
//! only after that. It can be killed anywhere and run again. What it never does: replace a share that was verified,
//! or end a rotation that somebody else began.

mod desired;
mod leftover;
mod making;
mod preflight;
mod retire;
mod run;
mod state;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use crate::bootstrap::checkpoint::Checkpoint;
use crate::bootstrap::damaged;
use crate::bootstrap::event::Event;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::prompt;
use crate::secret::Token;
use crate::vault::rotation::Paths;
use crate::vault::{Client, Rotation, probe_rotation, token};
use making::Held;
use run::Run;
use state::{Phase, State};

/// How often it is begun anew in one run, after the server was away for a moment.
const ATTEMPTS: usize = 3;
/// How long what was begun is still ended after a failure or a stop.
const AFTER_A_STOP: Duration = Duration::from_secs(5);

/// What was typed.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Nobody is there to answer.
    pub yes: bool,
    /// Files of identities that open shares of people, old and new.
    pub identities: Vec<PathBuf>,
    /// How long a person is waited for, in seconds.
    pub sign_in_seconds: u64,
}

/// Where a run says how far it is.
pub struct Voice<'a> {
    /// A line of progress.
    pub note: &'a dyn Fn(&str),
    /// Warnings, and what a person has to do.
    pub tell: &'a dyn Fn(Event),
}

/// What came of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Rotated {
    /// Form of this.
    pub version: u32,
    /// Which making of the shares holds now.
    pub generation: u32,
    /// How many shares there are.
    pub shares: u32,
    /// How many of them open.
    pub threshold: u32,
    /// Where they are.
    pub custodians: Vec<String>,
    /// False where all of that was so before.
    pub changed: bool,
}

impl Rotated {
    /// The same for a person.
    #[must_use]
    pub fn text(&self, config: &Config, old: &Config) -> String {
        let (file, from) = (config.file.display(), old.file.display());
        let Self {
            generation,
            shares,
            threshold,
            ..
        } = self;
        if !self.changed {
            return format!(
                "generation {generation} of the shares holds already; nothing was written"
            );
        }
        let list = self.custodians.join("\n  ");
        format!(
            "generation {generation} of the shares holds: any {threshold} of these {shares}\n  {list}\nkeep {file} as \
             the file of this cluster; what {from} names opens nothing any more"
        )
    }
}

/// Makes the shares that `config` asks for with a quorum of those of `old`, or takes that up where an earlier run
/// stopped.
///
/// # Errors
/// The old shares hold, unless it says otherwise.
pub async fn rotate(
    (config, old): (&Config, &Config),
    options: &Options,
    voice: &Voice<'_>,
    interrupt: &Interrupt,
) -> Result<Rotated, Failure> {
    desired::check(config, old)?;
    let told = (interrupt, voice.tell);
    let (checkpoint, place) = Box::pin(damaged::checkpoint(config, None, told)).await?;
    let opened = async {
        let state = preflight::begun((config, old), &checkpoint)?;
        let opened = run::open((config, old), options, (voice, &checkpoint)).await?;
        Ok((opened, state))
    };
    let opened = tokio::select! {
        opened = opened => opened,
        stop = interrupt.requested() => Err(stop),
    };
    let (opened, state) = match opened {
        Ok(opened) => opened,
        Err(failure) => {
            if let Some(place) = place {
                place.release(told).await;
            }
            return Err(failure);
        }
    };
    let run = Run::new(
        (config, old),
        (options, voice),
        (checkpoint, place),
        (opened, state),
    );
    let result = Box::pin(as_a_login(&run, interrupt)).await;
    if let Some(place) = &run.second_place {
        place.release(told).await;
    }
    result
}

/// Everything that is done with the token of a login, which does not outlive the run.
async fn as_a_login(run: &Run<'_>, interrupt: &Interrupt) -> Result<Rotated, Failure> {
    let was_done = run.state.borrow().phase == Phase::Done;
    if was_done {
        return Ok(rotated(run, false));
    }
    let (client, paths, login, token) = tokio::select! {
        inside = inside(run) => inside?,
        stop = interrupt.requested() => return Err(stop),
    };
    let result = tokio::select! {
        biased;
        stop = interrupt.requested() => Err(stop),
        result = attempts(run, (client.clone(), paths), &token) => result,
    };
    if result.is_err() {
        leave_nothing(run, (&client, paths), &token).await;
    }
    if let Err(error) = token::revoke_self(&client, token).await {
        run.voice.warn(format!(
            "the token of {login} could not be ended and lives as long as its ttl: {error}"
        ));
    }
    result.map_err(|failure| old_ones_hold(run, failure))?;
    Ok(rotated(run, true))
}

/// Where the shares are rotated, and the login that may.
async fn inside(run: &Run<'_>) -> Result<(Client, Paths, String, Token), Failure> {
    let (client, product) = run.active().await?;
    let (login, token) = run.enter(&client).await?;
    let failure = match probe_rotation(&client, product, &token).await {
        Ok(paths) => return Ok((client, paths, login, token)),
        Err(error) if error.is_forbidden() => {
            words::not_granted(run.config, product, client.address(), &login)
        }
        Err(error) => error.into(),
    };
    // Why it cannot be done is worth more than that its token lives on for a while.
    let _ = token::revoke_self(&client, token).await;
    Err(failure)
}

async fn attempts(
    run: &Run<'_>,
    (mut client, paths): (Client, Paths),
    token: &Token,
) -> Result<(), Failure> {
    let mut quorum = None;
    for attempt in 1.. {
        let failure = match attempt_once(run, (&client, paths), token, &mut quorum).await {
            Err(failure) if failure.is_passing() && attempt < ATTEMPTS => failure,
            result => return result,
        };
        run.voice.note(format!("{failure}; it is begun anew"));
        client = run.active().await?.0;
    }
    Ok(())
}

async fn attempt_once(
    run: &Run<'_>,
    (client, paths): (&Client, Paths),
    token: &Token,
    quorum: &mut Option<Vec<Held>>,
) -> Result<(), Failure> {
    let rotation = Rotation::new(client, paths, token);
    if !leftover::settle(run, client, &rotation).await? {
        if quorum.is_none() {
            preflight::old_ones_are_meant(run, client).await?;
            preflight::names_are_free(run).await?;
            retire::note_old(run).await?;
            confirmed(run).await?;
            *quorum = Some(preflight::old_shares(run).await?);
        }
        let held = quorum.as_deref().unwrap_or_default();
        making::make(run, client, &rotation, held).await?;
    }
    *quorum = None;
    let recovery = matches!(paths, Paths::RekeyRecovery | Paths::RotateRecovery);
    retire::hand_over(run, recovery).await?;
    retire::retire(run).await
}

/// Asks before anything is begun.
async fn confirmed(run: &Run<'_>) -> Result<(), Failure> {
    if run.options.yes {
        return Ok(());
    }
    let (new, old) = (&run.config.init, &run.old.init);
    let question = format!(
        "Make generation {} of the shares ({} of {}), and take the {} of generation {} away?",
        new.generation, new.threshold, new.shares, old.shares, old.generation
    );
    let verb = format!("{} --yes", desired::verb(run.old));
    let instead = format!(
        "where nobody is there to answer: {}",
        run.config.command(&verb)
    );
    if prompt::confirm(&question, &instead).await? {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "nothing was begun: you said no")
        .advise("run the same command again when you are ready"))
}

/// A rotation that is under way would be in everybody's way. What is with the custodians is left to the next run.
async fn leave_nothing(run: &Run<'_>, (client, paths): (&Client, Paths), token: &Token) {
    let known = run.state.borrow().starting;
    if !known {
        return;
    }
    let rotation = Rotation::new(client, paths, token);
    let ended = tokio::time::timeout(AFTER_A_STOP, leftover::end(run, &rotation)).await;
    let left = match ended {
        Ok(Ok(())) => return,
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("no answer within {} s", AFTER_A_STOP.as_secs()),
    };
    run.voice.warn(format!(
        "what is left at the server is ended by the next run: {left}"
    ));
}

/// Which shares open the cluster now is what a person must know when it did not go well.
fn old_ones_hold(run: &Run<'_>, mut failure: Failure) -> Failure {
    let (old, new) = (run.old.init.generation, run.config.init.generation);
    let holds = match run.state.borrow().phase {
        Phase::Unverified => format!("generation {old} of the shares holds as before"),
        Phase::Verifying => format!(
            "whether generation {old} or {new} of the shares holds is found out by the next run"
        ),
        Phase::Verified | Phase::Done => {
            format!("generation {new} of the shares holds, and not all of {old} is taken away")
        }
    };
    if let Some(last) = failure.problems.last_mut() {
        last.what = format!("{}; {holds}", last.what);
        let again = run.config.command(&desired::verb(run.old));
        let advice = format!("run it again, which goes on from here: {again}");
        last.advice.get_or_insert(advice);
    }
    failure
}

fn rotated(run: &Run<'_>, changed: bool) -> Rotated {
    let line = |custodian: &crate::custodian::Custodian| {
        format!("{}: {}", custodian.name(), custodian.address())
    };
    let init = &run.config.init;
    Rotated {
        version: 1,
        generation: init.generation,
        shares: init.shares,
        threshold: init.threshold,
        custodians: run.new_custodians.iter().map(line).collect(),
        changed,
    }
}

/// The state of a rotation that has not begun.
fn fresh(config: &Config, checkpoint: &Checkpoint) -> State {
    let init = &config.init;
    let numbers = (init.generation, init.shares, init.threshold);
    State::new(checkpoint.diary().cluster.cluster_id.clone(), numbers)
}
