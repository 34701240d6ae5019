//! The checkpoint's replica during a run: leased by one machine at a time, taken up where the disk
//! is gone, and brought up to date before anything that relies on it is done.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::Mutex;

use crate::backend;
use crate::checkpoint::directory::LONGEST_MEMORY;
use crate::checkpoint::replica::lease::{
    former_run, give_up, held, owner, run_name, take, take_over_of,
};
use crate::checkpoint::replica::looking::{looked, open};
use crate::checkpoint::replica::reconcile::{lacks, reconcile};
use crate::checkpoint::{self, Checkpoint, Mark, ReplicatedCheckpoint};
use crate::code::Code;
use crate::config::{self, Config};
use crate::edge::failures::of_replica;
use crate::event::Caller;
use crate::failure::{Exit, Failure};
use crate::hex;
use crate::interrupt::AFTER_A_STOP;
use crate::replica::{Commit, Lease, Replica};
use crate::span;

/// Of an answer without shares, and of its encryption.
const BYTES_ANYWAY: usize = 2048;

/// A quarter of what parameters take in all.
const LONGEST_IN_PARAMETERS: u64 = 128 * 1024;

/// A replica that this run has leased.
pub struct ReplicaSync {
    place: config::Replica,
    address: String,
    /// Opened when it is needed, so that it can be forgotten together with the credentials that reach it.
    replica: RefCell<Option<Rc<Replica>>>,
    lease: (u32, Lease),
    state: Mutex<State>,
}

/// What is known to be there.
#[derive(Default)]
struct State {
    commit: Option<Commit>,
    /// Something may be there that no commit names.
    stray: bool,
    /// A commit was begun, and nobody knows what came of it.
    unsure: bool,
    /// What is on disk may not be there.
    behind: bool,
    /// A secret may be on disk alone: the lease is not given up.
    only_here: bool,
}

/// The checkpoint on disk.
pub(crate) fn alone(config: &Config) -> Result<Checkpoint, Failure> {
    let address = config.cluster.address.as_str().trim_end_matches('/');
    let opened = Checkpoint::open(&config.checkpoint.path, &config.cluster.name, address);
    Ok(opened?)
}

/// The checkpoint, locked here and leased at its replica; taken up from there where that knows more. A stop
/// takes the lease back that was being made.
///
/// # Errors
/// Another run is at it, here or on another machine, or one of the two places cannot be used. Or the stop.
pub(crate) async fn checkpoint(
    config: &Config,
    take_over: Option<&str>,
    caller: Caller<'_>,
) -> Result<ReplicatedCheckpoint, Failure> {
    let mut checkpoint = alone(config)?;
    let Some(place) = &config.checkpoint.replica else {
        return Ok(ReplicatedCheckpoint::new(checkpoint, None));
    };
    let (mark, run) = (checkpoint.mark()?, run_name()?);
    let (replica, found, mark) = tokio::select! {
        looked = looked(place, mark) => looked.map_err(of_replica)?,
        stop = caller.interrupt.requested() => return Err(stop),
    };
    let id = id_of(&checkpoint, mark.as_ref())?;
    let lease = Lease {
        run: run.unwrap_or_default(),
        ..Lease::new(&id, &owner(checkpoint.directory()), checkpoint::now())
    };
    let former = former_run(&replica, &found, &lease).await?;
    let take_over = take_over.or(former.as_deref());
    let taken = take_over_of(&found, &lease, (take_over, former.as_deref()));
    // It was not given up: a secret may be here alone, until it is known that it is not.
    let kept = matches!(&found.lease, Some((_, other)) if other.same_owner(&lease));
    let only_here = kept && checkpoint.keeps_something().unwrap_or(true);
    let number = tokio::select! {
        number = take(config, &replica, &lease, found.lease, take_over) => number?,
        stop = caller.interrupt.requested() => {
            // It may have arrived; where it was ours before, it stays ours.
            if !kept {
                let _ = soon(Box::pin(give_up(&replica, &lease))).await;
            }
            return Err(stop);
        }
    };
    let mut place = ReplicaSync {
        place: place.clone(),
        address: replica.address().to_owned(),
        replica: RefCell::new(Some(Rc::new(replica))),
        lease: (number, lease),
        state: Mutex::new(State {
            only_here,
            ..State::default()
        }),
    };
    let settling = Box::pin(place.settle(config, &mut checkpoint, mark.as_ref()));
    let settled = caller.unless_stopped(settling).await;
    let records = ReplicatedCheckpoint::new(checkpoint, Some(place));
    let settled = match (settled, taken) {
        (Ok(()), Some(taken)) => {
            caller.events.warn(Code::AnotherRun, taken.in_words());
            // At the replica before anything else: whoever was taken over, and whoever comes next, finds it there.
            let recorded = async {
                records.record(|diary| diary.take_overs.push(taken))?;
                records.replicate().await
            };
            caller.unless_stopped(recorded).await
        }
        (settled, _) => settled,
    };
    match settled {
        Ok(()) => Ok(records),
        Err(failure) => {
            records.release(caller).await;
            Err(failure)
        }
    }
}

/// What this directory is called at a replica.
fn id_of(checkpoint: &Checkpoint, mark: Option<&Mark>) -> Result<String, Failure> {
    if let Some(mark) = mark {
        return Ok(mark.id.clone());
    }
    let id = hex::random::<8>();
    let id =
        id.ok_or_else(|| Failure::failed(Code::SystemFailed, "the system gives no random bytes"))?;
    // Before the lease is made: killed in between, it is known to be ours.
    checkpoint.set_mark(&Mark {
        id: id.clone(),
        ..Mark::default()
    })?;
    Ok(id)
}

impl ReplicaSync {
    /// Where it is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Gives up what reaches the place, its credentials among it, until it is needed again.
    pub(crate) fn forget(&self) {
        self.replica.take();
    }

    /// What is to be done once the lease is made: nobody else's counts, and the two places agree.
    async fn settle(
        &mut self,
        config: &Config,
        checkpoint: &mut Checkpoint,
        mark: Option<&Mark>,
    ) -> Result<(), Failure> {
        let replica = self.replica().await?;
        let (number, lease) = &self.lease;
        // Somebody may have been at it between the look and the lease.
        let found = replica.look_after(*number).await.map_err(of_replica)?;
        match &found.lease {
            Some((_, other)) if !other.same_owner(lease) => {
                return Err(held(config, &replica, other));
            }
            _ => {}
        }
        replica.clear_below(*number).await.map_err(of_replica)?;
        reconcile(config, &replica, checkpoint, (&lease.id, mark), &found).await?;
        let lacks = lacks(
            (&replica, longest_memory(&self.place)),
            checkpoint,
            found.commit.as_ref(),
        )
        .await?;
        self.state = Mutex::new(State {
            behind: lacks,
            only_here: lacks,
            commit: found.commit,
            stray: found.stray,
            unsure: false,
        });
        Ok(())
    }

    async fn replica(&self) -> Result<Rc<Replica>, Failure> {
        let known = self.replica.borrow().clone();
        if let Some(replica) = known {
            return Ok(replica);
        }
        let replica = Rc::new(Box::pin(open(&self.place)).await.map_err(of_replica)?);
        self.replica.replace(Some(replica.clone()));
        Ok(replica)
    }

    /// Brings the replica up to date with the first. When this returns, what is on disk is there too,
    /// and nothing else is.
    ///
    /// # Errors
    /// It is not: what was to follow must not be done.
    pub(crate) async fn follow(&self, checkpoint: &RefCell<Checkpoint>) -> Result<(), Failure> {
        // Several at once take turns, and each takes what is on disk when it is its turn.
        let mut state = self.state.lock().await;
        self.note_leaving(checkpoint)?;
        let (diary, secrets) = checkpoint.borrow().packed(longest_memory(&self.place))?;
        let secrets = secrets.as_deref();
        let replica = self.replica().await?;
        if state.unsure {
            if let Some(commit) = &state.commit {
                replica.remember(commit.generation);
            }
            state.commit = replica.look().await.map_err(of_replica)?.commit;
            state.unsure = false;
        }
        let known = state.commit.clone();
        if !known
            .as_ref()
            .is_some_and(|commit| commit.is_of(&diary, secrets))
        {
            let (_, lease) = &self.lease;
            let writer = (lease.id.as_str(), lease.owner.as_str(), checkpoint::now());
            // Whatever fails from here on may leave something behind.
            (state.stray, state.behind, state.unsure) = (true, true, true);
            state.only_here |= checkpoint.borrow().keeps_something()?
                && !secrets
                    .is_some_and(|secrets| known.as_ref().is_some_and(|it| it.keeps(secrets)));
            let last_word = async |next: &Commit| {
                self.still_ours(&replica).await?;
                // Killed from here on, this directory knows that what counts there is its own.
                let seen = known.as_ref().map_or(0, |known| known.generation);
                let mut mark = Mark::seen(&lease.id, &self.address, seen);
                mark.next = Some(next.clone());
                let kept = checkpoint.borrow().set_mark(&mark);
                kept.map_err(|error| Failed(error.into()))
            };
            let made = replica.commit(known.as_ref(), writer, (&diary, secrets), last_word);
            let commit = match made.await {
                Ok(commit) => commit,
                Err(Failed(failure)) => return Err(self.reason(&replica, failure).await),
            };
            let mark = Mark::seen(&lease.id, &self.address, commit.generation);
            checkpoint.borrow().set_mark(&mark)?;
            (state.commit, state.unsure) = (Some(commit), false);
            // It may have been long on its way.
            let ours = self.still_ours(&replica).await;
            ours.map_err(|error| error.0)?;
        }
        (state.behind, state.only_here) = (false, false);
        if state.stray {
            // What looks left over may be what the next one is about to commit.
            let still_ours = async || self.still_ours(&replica).await;
            let swept = replica.sweep(state.commit.as_ref(), still_ours).await;
            swept.map_err(|error| error.0)?;
            state.stray = false;
        }
        Ok(())
    }

    /// The file may name another place than before: on disk before anything goes there, so that each place that may
    /// hold something is known.
    fn note_leaving(&self, checkpoint: &RefCell<Checkpoint>) -> Result<(), Failure> {
        let (keeps, known) = {
            let checkpoint = checkpoint.borrow();
            let known = checkpoint.diary().replicated_to.contains(&self.address);
            (checkpoint.keeps_something()?, known)
        };
        if !keeps || known {
            return Ok(());
        }
        let place = self.address.clone();
        checkpoint.borrow_mut().record(|diary| {
            diary.replicated_to.insert(place);
        })?;
        Ok(())
    }

    /// Why a commit failed: that somebody took the place over, where that is so.
    async fn reason(&self, replica: &Replica, failure: Failure) -> Failure {
        match self.still_ours(replica).await {
            Err(Failed(taken)) if taken.exit == Exit::Refused => taken,
            _ => failure,
        }
    }

    async fn still_ours(&self, replica: &Replica) -> Result<(), Failed> {
        let (number, lease) = &self.lease;
        if replica.holds(*number, lease).await? {
            return Ok(());
        }
        Err(Failed(
            Failure::refused(
                Code::TakenOver,
                format!(
                    "another machine has taken {} over from this run",
                    self.address()
                ),
            )
            .advise(
                "leave it to that one: what this run did so far is there, and it does nothing more",
            ),
        ))
    }

    /// Proves with a value as large as an answer with so many bytes of shares that the place takes, gives back and forgets.
    pub(crate) async fn trial(&self, shares: usize) -> Result<(), Failure> {
        let bytes = BYTES_ANYWAY.saturating_add(shares);
        let replica = self.replica().await?;
        let tried = replica.trial(&self.lease.1.id, bytes).await;
        tried.map_err(of_replica)
    }

    /// Whether what is on disk may not be there.
    pub(crate) async fn is_behind(&self) -> bool {
        self.state.lock().await.behind
    }

    /// What goes from there with a diary that begins anew, as it is said afterwards: a secret, or something that no
    /// commit names.
    pub(crate) async fn to_be_destroyed(&self) -> Option<String> {
        let state = self.state.lock().await;
        let commit = state.commit.as_ref();
        let kept = state.stray || commit.is_some_and(|commit| commit.secrets.is_some());
        let address = &self.address;
        kept.then(|| format!("what {address} kept of it; its deletion was read back"))
    }

    /// Gives the place up for the next run, wherever that is, and says so where it cannot: what was done is done.
    /// Where a secret is on this disk alone, the lease stays for whoever comes meanwhile to see.
    pub(crate) async fn release(&self, caller: Caller<'_>) {
        if self.state.lock().await.only_here {
            return;
        }
        let (number, lease) = &self.lease;
        let released = async {
            let replica = self.replica().await?;
            replica.release(*number, lease).await.map_err(of_replica)
        };
        let released = match caller.interrupt.pending() {
            None => released.await,
            Some(_) => soon(Box::pin(released)).await,
        };
        if let Err(failure) = released {
            let text = format!("{failure}; another machine will have to take it over");
            caller.events.warn(failure.code(), text);
        }
    }
}

/// How much of what is remembered of the documents a place takes, in bytes: parameters are small and few.
fn longest_memory(place: &config::Replica) -> u64 {
    match place {
        config::Replica::Ssm(_) => LONGEST_IN_PARAMETERS,
        config::Replica::S3(_) => LONGEST_MEMORY,
    }
}

/// What is still done once a stop was asked for, as long as a person waits for it.
async fn soon(doing: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    match tokio::time::timeout(AFTER_A_STOP, doing).await {
        Ok(done) => done,
        Err(_) => Err(Failure::failed(
            Code::ReplicaUnreachable,
            format!("no answer within {} of the stop", span::text(AFTER_A_STOP)),
        )),
    }
}

/// A failure on its way through the room of replicas, which does not know what it is.
struct Failed(Failure);

impl From<backend::Error> for Failed {
    fn from(error: backend::Error) -> Self {
        Self(of_replica(error))
    }
}
