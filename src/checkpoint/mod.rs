//! What one ceremony keeps between runs: a diary that anybody may read, and, encrypted, the two things
//! that the server will not say twice.
//!
//! The server is the truth; this is only the record of attempts. The directory is 0700 and holds
//! `lock`, `diary.json`, `secrets` (until hand-over), `report.json`, `report.txt` and a `.gitignore`.
//! Every write is atomic and fsynced before it returns.

mod adopted;
pub(crate) mod begun;
pub(crate) mod diary;
pub(crate) mod directory;
pub(crate) mod error;
pub(crate) mod journal;
pub(crate) mod packed;
pub(crate) mod replica;
pub(crate) mod replicated;
pub mod rotation;
pub(crate) mod running;
pub(crate) mod secrets_file;
mod store;
mod take_over;
pub(crate) mod unproved;

pub use crate::checkpoint::diary::{
    Asked, Attempt, Cluster, Diary, Entry, Generating, Proof, VERSION,
};
pub use crate::checkpoint::error::CheckpointError;
pub use crate::checkpoint::journal::Rehearsed;
pub use crate::checkpoint::packed::Mark;
pub use crate::checkpoint::replicated::ReplicatedCheckpoint;
pub use crate::checkpoint::rotation::ShareRecord;
pub(crate) use crate::checkpoint::store::keeps_root;
pub use crate::checkpoint::store::{Checkpoint, Kept, keeps_something, kept, now, read_diary};
pub use crate::checkpoint::take_over::TakeOver;
