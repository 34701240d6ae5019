//! What was typed for a throwaway server.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
    /// What is said of it.
    #[command(flatten)]
    pub said: Said,
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

/// What is said of a server.
#[derive(Debug, Args)]
pub struct Said {
    /// Whose token is given, where not of the first login that needs nobody and is not for break-glass
    #[arg(long = "as", value_name = "NAME")]
    pub login: Option<String>,
    /// Give a root token, and do not revoke it
    #[arg(long, conflicts_with = "login")]
    pub root: bool,
    /// Write how to reach the server to FILE too, which is removed with it
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// For whom that file is: shell, github (added to $GITHUB_ENV), gitlab (dotenv) or json
    #[arg(long, value_enum, value_name = "FORM", requires = "export", default_value_t = EnvForm::Shell)]
    #[arg(hide_possible_values = true)]
    pub form: EnvForm,
}

/// For whom variables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EnvForm {
    /// Lines of export
    Shell,
    /// For `$GITHUB_ENV`
    Github,
    /// For a dotenv report
    Gitlab,
    /// An object
    Json,
}

/// Servers that outlive one command, and processes of our own.
#[derive(Debug, Subcommand)]
pub enum OfThrowaway {
    /// Start a server that stays, under this name; one that is up already stays as it is
    #[command(after_help = "Examples:\n  \
        vault-bootstrap throwaway up ci\n  \
        eval \"$(vault-bootstrap throwaway env ci)\"\n  \
        vault-bootstrap throwaway up ci --export ci.env --form gitlab\n\n\
        Exit codes: 0 it is up; 1 failed, try again; 2 usage or configuration;\n\
        3 another run is starting it; 130, 143 interrupted safely")]
    Up {
        /// The name
        name: String,
        /// What server.
        #[command(flatten)]
        server: ServerOf,
        /// What is said of it.
        #[command(flatten)]
        said: Said,
    },
    /// End the server of this name, and remove all of it
    #[command(after_help = "Examples:\n  \
        vault-bootstrap throwaway down ci\n  \
        vault-bootstrap throwaway down x7kq2mna --force      as list shows it\n\n\
        Exit codes: 0 removed; 2 there is none; 3 it is of another machine")]
    Down {
        /// The name, or what list shows in its place
        name: String,
        /// Also one of another machine, of an earlier start of this one, or of another container
        #[arg(long)]
        force: bool,
    },
    /// Show which servers are here
    #[command(
        after_help = "Example:\n  vault-bootstrap throwaway list --output json\n\n\
        What nobody needs any more is removed before.\n\n\
        Exit codes: 0 shown"
    )]
    List,
    /// Print what a shell needs to reach the server of this name
    #[command(after_help = "Examples:\n  \
        eval \"$(vault-bootstrap throwaway env ci)\"\n  \
        vault-bootstrap throwaway env ci --form json\n\n\
        At a terminal tokens are not shown.\n\n\
        Exit codes: 0 printed; 2 there is none")]
    Env {
        /// The name
        name: String,
        /// For whom: shell, github, gitlab or json
        #[arg(long, value_enum, value_name = "FORM", default_value_t = EnvForm::Shell)]
        #[arg(hide_possible_values = true)]
        form: EnvForm,
    },
    /// Start a server in a directory and stay until nobody needs it
    #[command(hide = true)]
    Watch {
        /// Everything of it is there
        directory: PathBuf,
        /// The server's command
        #[arg(last = true, required = true)]
        argv: Vec<OsString>,
    },
    /// Become another program
    #[command(hide = true)]
    Become {
        /// The process that started this, to end with it
        #[arg(long)]
        parent: Option<i32>,
        /// What files are made with
        #[arg(long)]
        umask: Option<u32>,
        /// The program
        #[arg(last = true, required = true)]
        argv: Vec<OsString>,
    },
}
