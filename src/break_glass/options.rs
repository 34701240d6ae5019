//! What was typed, without the command line's own types.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::Config;
use crate::event::Caller;
use crate::evidence::signing::SigningKey;
use crate::failure::Failure;
use crate::shares::quorum::Asking;

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
    /// A share is given without a question.
    pub yes: bool,
    /// Signs the evidence.
    pub sign_key: Option<PathBuf>,
}

impl Options {
    /// Whoever asks for shares for this command, which can be given an identity.
    pub(super) fn asking<'a>(
        &'a self,
        config: &'a Config,
        caller: Caller<'a>,
        verb: &'static str,
    ) -> Asking<'a> {
        Asking {
            config,
            identities: &self.identities,
            without: &self.without,
            last: &[],
            held: &[],
            every: false,
            holders: self.holders.is_some(),
            caller,
            verb,
            otherwise: "",
        }
    }

    /// What signs the evidence, opened before anything is begun.
    pub(super) async fn signing_key(&self) -> Result<Option<SigningKey>, Failure> {
        match &self.sign_key {
            Some(path) => SigningKey::open(path).await.map(Some),
            None => Ok(None),
        }
    }
}
