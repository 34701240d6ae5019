//! What was typed, and what of it was not but is so all the same.

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches};

use crate::cli::Cli;

impl Cli {
    /// What was typed.
    ///
    /// # Errors
    /// It is no command; or help was asked for.
    pub fn of_this_process() -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches()?;
        let mut cli = Self::from_arg_matches(&matches)?;
        cli.global.config_is_typed =
            matches.value_source("config") == Some(ValueSource::CommandLine);
        Ok(cli)
    }
}
