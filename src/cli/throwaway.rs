//! What was typed for a throwaway server.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(super) const EXAMPLES: &str = "Examples:\n  \
        vault-bootstrap throwaway -- bao kv put secret/app/config colour=blue\n  \
        vault-bootstrap throwaway -c bootstrap.yaml --as payments -- make test\n  \
        vault-bootstrap throwaway --server vault --inmem -- ./integration.sh\n\n\
        A server of this machine (bao or vault on PATH), the whole ceremony with the file of -c,\n\
        or with a small configuration of its own where -c is not typed, then CMD with VAULT_ADDR,\n\
        VAULT_CACERT, VAULT_TOKEN and their BAO_ twins. Everything is removed afterwards.\n\n\
        Exit codes: those of CMD; or 1 failed, try again; 2 usage or configuration;\n\
        3 refused, a person must look; 130, 143 interrupted safely";

/// Options of `throwaway`.
#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub struct Throwaway {
    /// Servers that outlive one command.
    #[command(subcommand)]
    pub more: Option<OfThrowaway>,
    /// What server.
    #[command(flatten)]
    pub server: ServerOf,
    /// Give CMD the token of this login, where not of the first that needs nobody and is not for break-glass
    #[arg(long = "as", value_name = "NAME")]
    pub login: Option<String>,
    /// Keep the server's directory where it does not end well
    #[arg(long)]
    pub keep: bool,
    /// What to run
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// What server it is.
#[derive(Debug, Args)]
pub struct ServerOf {
    /// The server's program: bao, vault or a path; otherwise the first of both on PATH
    #[arg(long, value_name = "PROGRAM")]
    pub server: Option<OsString>,
    /// Keep the server's data in memory: faster
    #[arg(long)]
    pub inmem: bool,
}

/// Servers that outlive one command, and processes of our own.
#[derive(Debug, Subcommand)]
pub enum OfThrowaway {
    /// Start a server in a directory and stay until nobody needs it
    #[command(hide = true)]
    Watch {
        /// Everything of it is there
        directory: PathBuf,
        /// The server's command
        #[arg(last = true, required = true)]
        argv: Vec<OsString>,
    },
    /// End with the process that started this, and become another program
    #[command(hide = true)]
    Become {
        /// That process
        #[arg(long)]
        parent: i32,
        /// What files are made with
        #[arg(long)]
        umask: Option<u32>,
        /// The program
        #[arg(last = true, required = true)]
        argv: Vec<OsString>,
    },
}
