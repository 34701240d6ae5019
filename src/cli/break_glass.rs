//! What was typed around a quorum of shares.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::span;

const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(86_400);

/// What both need that make a root token.
#[derive(Debug, Args)]
pub struct Quorum {
    /// File with an age identity that opens a share; may be given several times
    #[arg(long, value_name = "FILE")]
    pub identity: Vec<PathBuf>,
    /// Leave this custodian out: their share is old, or not to be trusted; may be given several times
    #[arg(long, value_name = "NAME")]
    pub without: Vec<String>,
    /// Sign the evidence with this secret key of minisign
    #[arg(long, value_name = "FILE")]
    pub sign_key: Option<PathBuf>,
    /// Login.
    #[command(flatten)]
    pub login: LoginChoice,
}

/// Options of `rehearse`.
#[derive(Debug, Args)]
pub struct Rehearse {
    /// Holders elsewhere.
    #[command(flatten)]
    pub holders: Holders,
    /// Shares and login.
    #[command(flatten)]
    pub quorum: Quorum,
}

/// Holders who are not here.
#[derive(Debug, Clone, Copy, Args)]
pub struct Holders {
    /// Let holders whose shares cannot be opened here give them from their own machines, with `share submit`, and wait so
    /// long for them, such as 30m
    #[arg(long, value_name = "TIME", value_parser = max_age)]
    pub holders_elsewhere: Option<Duration>,
}

/// Options of `break-glass`.
#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub struct BreakGlass {
    /// With holders elsewhere, or by itself.
    #[command(subcommand)]
    pub with_holders: Option<WithHolders>,
    /// Why, for the evidence; it also stands beside the token at the server
    #[arg(long, value_name = "TEXT", required = true, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: Option<String>,
    /// The command.
    #[command(flatten)]
    pub work: Work,
    /// Shares and login.
    #[command(flatten)]
    pub quorum: Quorum,
}

/// An attempt whose shares come from several machines.
#[derive(Debug, Subcommand)]
pub enum WithHolders {
    /// Start an attempt; prints the code that the holders are told
    #[command(
        after_help = "Example:\n  vault-bootstrap break-glass start --reason \"OIDC is down\"\n\n\
        Exit codes: 0 started; 1 failed, try again; 2 usage or configuration;\n\
        3 one is under way already"
    )]
    Start {
        /// Why, for the evidence
        #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
        /// Login.
        #[command(flatten)]
        login: LoginChoice,
    },
    /// Run the command, once the holders have given their shares
    #[command(after_help = "Examples:\n  \
        vault-bootstrap break-glass finish --env -- bao policy list\n  \
        vault-bootstrap break-glass finish --wait 30m --identity alice.key -- sh\n  \
        vault-bootstrap break-glass finish ENCODED -- sh     as the last holder was handed it\n\n\
        Exit codes: as of break-glass")]
    Finish {
        /// What the last holder was handed; without it, missing shares are given from here
        #[arg(value_name = "ENCODED")]
        encoded: Option<String>,
        /// Wait so long for holders to give what cannot be given from here, such as 30m; then end the attempt
        #[arg(long, value_name = "TIME", value_parser = max_age, conflicts_with = "encoded")]
        wait: Option<Duration>,
        /// The command.
        #[command(flatten)]
        work: Work,
        /// Shares and login.
        #[command(flatten)]
        quorum: Quorum,
    },
    /// How far the attempt is, whoever started it
    #[command(after_help = "Example:\n  vault-bootstrap break-glass progress\n\n\
        Exit codes: 0 printed; 1 failed, try again; 2 usage or configuration")]
    Progress {
        /// Login.
        #[command(flatten)]
        login: LoginChoice,
    },
    /// End the attempt that was started here, or one that stands in the way
    #[command(after_help = "Examples:\n  \
        vault-bootstrap break-glass cancel\n  \
        vault-bootstrap break-glass cancel --nonce 0e9c1f4e-...     somebody else's\n\n\
        Exit codes: 0 ended; 1 failed, try again; 2 none was started here;\n\
        3 none has this nonce")]
    Cancel {
        /// The one of this nonce, whosever it is; the shares that it has are dropped
        #[arg(long, value_name = "NONCE")]
        nonce: Option<String>,
        /// Login.
        #[command(flatten)]
        login: LoginChoice,
    },
}

/// What a holder does with their share.
#[derive(Debug, Subcommand)]
pub enum ShareOf {
    /// Give your share to an attempt, from your own machine
    #[command(after_help = "Examples:\n  \
        vault-bootstrap share submit BG1-... --identity bob.key\n  \
        vault-bootstrap share submit BG1-... --custodian carol        asked for, hidden\n\n\
        Address, certificates and cluster.id come from your own file. You are shown why,\n\
        by whom and when the attempt was started, and asked; compare the end of the code\n\
        with whoever sent it, by telephone. Your share is never shown.\n\n\
        Exit codes: 0 it counts; 1 failed, try again; 2 usage or configuration;\n\
        3 refused, a person must look")]
    Submit {
        /// As it was sent to you
        #[arg(value_name = "CODE")]
        code: String,
        /// Their share.
        #[command(flatten)]
        share: OwnShare,
        /// Give the share without a question, where nobody is there to answer
        #[arg(long)]
        yes: bool,
        /// Login.
        #[command(flatten)]
        login: LoginChoice,
    },
}

/// The share of a holder who sits at their own machine.
#[derive(Debug, Args)]
pub struct OwnShare {
    /// Whose share, where that is not plain
    #[arg(long, value_name = "NAME")]
    pub custodian: Option<String>,
    /// File with an age identity that opens it; may be given several times
    #[arg(long, value_name = "FILE")]
    pub identity: Vec<PathBuf>,
}

/// Who asks the server.
#[derive(Debug, Args)]
pub struct LoginChoice {
    /// The break-glass login to use, where not the first that opens
    #[arg(long, value_name = "NAME")]
    pub login: Option<String>,
    /// Whoever must sign in.
    #[command(flatten)]
    pub sign_in: SignIn,
}

/// A person who must sign in.
#[derive(Debug, Clone, Copy, Args)]
pub struct SignIn {
    /// How long a person who must sign in is waited for, such as 5m
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = sign_in_timeout)]
    pub sign_in_timeout: u64,
}

/// What is done as root.
#[derive(Debug, Args)]
pub struct Work {
    /// How long the command may work, such as 30m; it is ended then, and its token with it
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = max_age)]
    pub max_age: Duration,
    /// Put the token into the command's environment too, as VAULT_TOKEN and BAO_TOKEN
    #[arg(long)]
    pub env: bool,
    /// What the command is there to change, as an API path such as sys/policies/acl/ops or auth/ci/, with * at its end for
    /// all that begin so: no finding then; may be given several times
    #[arg(long, value_name = "PATH", value_parser = api_path)]
    pub expect: Vec<String>,
    /// What to run; a shell where nothing is named
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// From ten seconds to a day.
fn max_age(text: &str) -> Result<Duration, &'static str> {
    match span::read(text).ok_or("write it as 90s, 30m or 1h30m")? {
        // The server counts in seconds.
        time if (SHORTEST..=LONGEST).contains(&time) && time.subsec_nanos() == 0 => Ok(time),
        _ => Err("in whole seconds, from 10s to 24h"),
    }
}

/// From a second to an hour, in seconds; a plain number is one of seconds, as it was typed before.
fn sign_in_timeout(text: &str) -> Result<u64, &'static str> {
    let time = span::read(text).ok_or("write it as 90s, 5m or 1h")?;
    let whole = time.subsec_nanos() == 0 && (1..=3600).contains(&time.as_secs());
    whole
        .then_some(time.as_secs())
        .ok_or("in whole seconds, from 1s to 1h")
}

/// A path of the API, without what would make it match everything or nothing.
fn api_path(text: &str) -> Result<String, &'static str> {
    let path = text.trim_start_matches('/');
    let stem = path.strip_suffix('*').unwrap_or(path);
    if stem.trim_matches('/').is_empty() {
        return Err("name more of the path, such as sys/policies/acl/ops");
    }
    if stem.contains('*') || stem.chars().any(char::is_control) {
        return Err("a path of the API, with * at its end only");
    }
    Ok(text.to_owned())
}
