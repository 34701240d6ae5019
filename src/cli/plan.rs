//! `plan`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{PlannedPrune, SignIn};

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// The login to look through once root is revoked, where not the first that opens and needs nobody
    #[arg(long, value_name = "NAME")]
    pub login: Option<String>,
    /// After hand-over: look with a token of your own instead, which is asked for; it is not ended
    #[arg(long, conflicts_with_all = ["login", "token_file"])]
    pub ask_token: bool,
    /// The same with the token in this file
    #[arg(long, value_name = "FILE", conflicts_with = "login")]
    pub token_file: Option<PathBuf>,
    /// End with 4 where there are changes, or something was not seen
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// After hand-over: name what is on the server and not in the file, not only count it
    #[arg(long)]
    pub all: bool,
    /// Write the plan to this file, for apply --plan
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["ask_token", "token_file"])]
    pub out: Option<PathBuf>,
    /// What would be deleted.
    #[command(flatten)]
    pub prune: PlannedPrune,
    /// After hand-over: plan to overwrite documents, too, that nothing here remembers having written
    #[arg(long)]
    pub adopt_documents: bool,
    /// Whoever must sign in.
    #[command(flatten)]
    pub sign_in: SignIn,
}
