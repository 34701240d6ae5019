//! What was typed, without the command line's own types.

use std::path::PathBuf;

/// What was typed.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Nobody is there to answer.
    pub yes: bool,
    /// The claim on the replica of the checkpoint that is taken over, its holder being gone.
    pub take_over: Option<String>,
    /// Files of identities that open shares of people, old and new.
    pub identities: Vec<PathBuf>,
    /// How long a person is waited for, in seconds.
    pub sign_in_seconds: u64,
}
