//! The way back, walked for practice and in earnest.
//!
//! `rehearse` makes a root token of the shares as their custodians keep them, looks at it and ends it: one for as many
//! quorums as it takes for every share to be in one. `break-glass` makes one, lets a command work with a short-lived
//! child of it, and ends that whatever the command did. Both leave evidence, and neither leaves a token or an attempt:
//! what a killed run left is ended by the next one, which finds it in the journal.

mod audit_lines;
mod child;
mod emergency;
mod ending;
mod entering;
pub mod event;
mod evidence;
mod finishing;
mod gathering;
mod generations;
mod journal;
mod leftovers;
mod making;
mod rehearsing;
mod starting;
mod submitting;
mod unsealing;
mod way;

use std::path::PathBuf;
use std::time::Duration;

use event::Event;

use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::signing::SigningKey;

pub use emergency::{Command, break_glass};
pub use finishing::finish;
pub use rehearsing::rehearse;
pub use starting::{cancel, progress, start};
pub use submitting::submit;
pub use unsealing::unseal;

/// What was typed, of both commands.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Files of identities that open shares of people.
    pub identities: Vec<PathBuf>,
    /// How long a person who must sign in is waited for, in seconds.
    pub sign_in_seconds: u64,
    /// The break-glass login to use; without one they are tried in the order of the file, those that need nobody first.
    pub login: Option<String>,
    /// Custodians that are not asked.
    pub without: Vec<String>,
    /// Holders whose shares cannot be opened here give them from machines of their own: how long they are waited for.
    pub holders: Option<Duration>,
    /// Signs the evidence.
    pub sign_key: Option<PathBuf>,
}

impl Options {
    /// What signs the evidence, opened before anything is begun.
    async fn signing_key(&self) -> Result<Option<SigningKey>, Failure> {
        match &self.sign_key {
            Some(path) => SigningKey::open(path).await.map(Some),
            None => Ok(None),
        }
    }
}

/// How a run ended that came to its end.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub exit: Exit,
    /// The last word.
    pub last: Event,
}

/// What a run is told by, and what it tells.
pub type Told<'a> = (&'a Interrupt, &'a dyn Fn(Event));

/// How long a run that was stopped still ends what it began.
const AFTER_A_STOP: Duration = Duration::from_secs(5);
