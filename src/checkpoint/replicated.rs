//! The checkpoint of a run together with its replica, where the file names one.

use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;

use crate::checkpoint::diary::Diary;
use crate::checkpoint::replica::sync::ReplicaSync;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::event::Caller;
use crate::failure::Failure;

/// A checkpoint, locked here and leased at its replica.
pub struct ReplicatedCheckpoint {
    checkpoint: RefCell<Checkpoint>,
    replica: Option<ReplicaSync>,
}

impl ReplicatedCheckpoint {
    pub(crate) fn new(checkpoint: Checkpoint, replica: Option<ReplicaSync>) -> Self {
        Self {
            checkpoint: RefCell::new(checkpoint),
            replica,
        }
    }

    /// The checkpoint, to look. Never held across an `await`.
    pub fn borrow(&self) -> Ref<'_, Checkpoint> {
        self.checkpoint.borrow()
    }

    /// The checkpoint, to record something. Never held across an `await`.
    pub fn borrow_mut(&self) -> RefMut<'_, Checkpoint> {
        self.checkpoint.borrow_mut()
    }

    /// The diary as it is now; later records do not change it.
    pub fn diary(&self) -> Rc<Diary> {
        self.checkpoint.borrow().snapshot()
    }

    /// As [`Checkpoint::record`]: durable here, not yet at the replica.
    pub fn record(&self, change: impl FnOnce(&mut Diary)) -> Result<(), CheckpointError> {
        self.checkpoint.borrow_mut().record(change)
    }

    /// The replica, where the file names one.
    pub fn replica(&self) -> Option<&ReplicaSync> {
        self.replica.as_ref()
    }

    /// Brings the replica up to date: called before whatever must not be done without it. Where this fails, what was to
    /// follow must not be done.
    pub async fn replicate(&self) -> Result<(), Failure> {
        self.checkpoint.borrow_mut().settle()?;
        match &self.replica {
            Some(replica) => Box::pin(replica.follow(&self.checkpoint)).await,
            None => Ok(()),
        }
    }

    /// Lets the next run have the replica, wherever that is. Where it cannot, a person is told.
    pub async fn release(&self, caller: Caller<'_>) {
        if let Some(replica) = &self.replica {
            replica.release(caller).await;
        }
    }
}
