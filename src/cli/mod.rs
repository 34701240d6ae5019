//! What was typed: clap types and nothing else.

mod break_glass;
mod import;
mod keys;
mod matched;
mod plan;
mod prune;
#[cfg(feature = "throwaway")]
mod throwaway;

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};

pub use crate::cli::break_glass::{
    BreakGlass, Holders, LoginChoice, OwnShare, Quorum, Rehearse, ShareOf, SignIn, WithHolders,
    Work,
};
pub use crate::cli::import::{Import, Source};
pub use crate::cli::keys::{Custodian, Recovery, Rotate};
pub use crate::cli::plan::Plan;
pub use crate::cli::prune::{PlannedPrune, Prune, PruneKind};
#[cfg(feature = "throwaway")]
pub use crate::cli::throwaway::{EnvForm, OfThrowaway, Said, ServerOf, Throwaway};

/// Takes a HashiCorp Vault or OpenBao cluster from uninitialised to handed over.
///
/// Recovery keys with their custodians, audit on first, people and workloads able to log in, break-glass
/// rehearsed, and no root token left. It can be killed at any moment and run again, but for the answer to sys/init.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Examples:\n  \
        vault-bootstrap apply\n  \
        vault-bootstrap apply -c prod.yaml --yes --output json\n  \
        vault-bootstrap custodian prove bob\n  \
        vault-bootstrap status\n\n\
        Exit codes: 0 done; 1 failed, try again; 2 usage or configuration;\n\
        3 refused, a person must look; 4 done, with findings;\n\
        130, 143 interrupted safely"
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Below which the help lists them.
const EVERYWHERE: &str = "Options of every command";

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The configuration
    #[arg(
        short,
        long,
        global = true,
        default_value = "bootstrap.yaml",
        value_name = "FILE",
        help_heading = EVERYWHERE
    )]
    pub config: PathBuf,
    /// Whether somebody has named it.
    #[arg(skip)]
    pub config_is_typed: bool,
    /// Form of the result on stdout: text, or json (of apply one event a line)
    #[arg(long, global = true, value_name = "FORM", value_enum, default_value_t = OutputForm::Text)]
    #[arg(hide_possible_values = true, help_heading = EVERYWHERE)]
    pub output: OutputForm,
    /// Log more on stderr, and never a secret; -vvv logs most
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = EVERYWHERE)]
    pub verbose: u8,
    /// Colour the progress: auto, always or never; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    #[arg(hide_possible_values = true, help_heading = EVERYWHERE)]
    pub color: ColorChoice,
}

/// Form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// For people
    Text,
    /// For machines; `apply` writes one event a line
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the ceremony, resume it, or check the cluster against the file
    #[command(after_help = "Examples:\n  \
        vault-bootstrap apply                      asks once, before root is revoked\n  \
        vault-bootstrap apply --yes                where nobody is there to answer\n  \
        vault-bootstrap apply --report done.json   a copy of the report\n  \
        vault-bootstrap apply --check              after hand-over: only looks\n  \
        vault-bootstrap apply --login operator     after hand-over: writes what operator may\n  \
        vault-bootstrap apply --abandon            destroy what the checkpoint keeps\n\n\
        A login that needs a person is waited for, with --yes too: its URL is printed.\n\
        Once root is revoked it shows what differs, asks, and writes what the login may.\n\n\
        Exit codes: 0 done, nothing left open; 1 failed, trying again may help;\n\
        2 usage or configuration; 3 refused, a person must look;\n\
        4 done, with findings; 130, 143 interrupted safely")]
    Apply(Apply),
    /// Show what apply would do to this server, without doing any of it
    #[command(after_help = "Examples:\n  \
        vault-bootstrap plan\n  \
        vault-bootstrap plan --login operator      after hand-over, seen as this login\n  \
        vault-bootstrap plan --detailed-exitcode --output json\n  \
        vault-bootstrap plan --login operator -o monday.plan\n\n\
        Writes nothing and takes no lock. Once root is revoked it looks through the first\n\
        login that needs nobody; what that may not see is said.\n\n\
        Exit codes: 0 planned; 1 failed, trying again may help; 2 usage or configuration;\n\
        3 refused, a person must look; 4 with --detailed-exitcode: there are changes,\n\
        or something was not seen")]
    Plan(Plan),
    /// Print a configuration of a cluster that is there, or of a file of bank-vaults
    #[command(after_help = import::EXAMPLES)]
    Import(Import),
    /// Run a command with a server of this machine that had the whole ceremony, and remove all of it
    #[cfg(feature = "throwaway")]
    #[command(after_help = throwaway::EXAMPLES)]
    Throwaway(Box<Throwaway>),
    /// Show how far the ceremony is, and the next command to type
    #[command(after_help = "Examples:\n  \
        vault-bootstrap status\n  \
        vault-bootstrap status -c prod.yaml --output json\n\n\
        Exit codes: 0 handed over; 2 usage or configuration;\n\
        3 the checkpoint cannot be read; 4 not finished, or not to be seen at the server")]
    Status,
    /// Rehearse break-glass: a root token from the custodians' shares, revoked again, with evidence
    #[command(after_help = "Examples:\n  \
        vault-bootstrap rehearse\n  \
        vault-bootstrap rehearse --identity bob.key --sign-key evidence.key\n  \
        vault-bootstrap rehearse --identity bob.key --holders-elsewhere 30m\n  \
        vault-bootstrap -c staging.yaml rehearse --output json\n\n\
        Every custodian is asked for the share that they keep: machines by themselves,\n\
        people with --identity, at a hidden prompt, or from their own machines.\n\
        Nothing is left behind but CHECKPOINT/rehearsal-*.json and .txt.\n\n\
        Exit codes: 0 every share works; 1 failed, trying again may help;\n\
        2 usage or configuration; 3 refused, a person must look;\n\
        4 done, with findings; 130, 143 interrupted safely")]
    Rehearse(Rehearse),
    /// The real emergency: run a command with a root token that is revoked afterwards
    #[command(after_help = "Examples:\n  \
        vault-bootstrap break-glass --reason \"OIDC is down\" --env -- bao policy list\n  \
        vault-bootstrap break-glass --reason INC-7 -- sh -c \\\n      \
        'VAULT_TOKEN=$(cat /dev/fd/$VAULT_BOOTSTRAP_TOKEN_FD) vault auth list'\n  \
        vault-bootstrap break-glass --reason INC-7 --env             a shell\n\n\
        A quorum of shares and a break-glass login make a root token. That creates\n\
        one with an expiry for the command, and is revoked before the command starts.\n\
        Whatever the command does, its token is revoked, and that is proved.\n\n\
        Exit codes: those of the command; or 1 failed, trying again may help;\n\
        2 usage or configuration; 3 refused, a person must look;\n\
        4 done, with findings; 130, 143 interrupted safely")]
    BreakGlass(Box<BreakGlass>),
    /// Use your share, as its holder
    #[command(
        subcommand,
        after_help = "Example:\n  vault-bootstrap share submit BG1-... --identity bob.key\n\n\
        Exit codes: those of the command behind it"
    )]
    Share(ShareOf),
    /// Give your share of a Shamir seal to every sealed node, from your own machine
    #[command(after_help = "Examples:\n  \
        vault-bootstrap unseal --identity bob.key\n  \
        vault-bootstrap unseal --custodian carol        asked for, hidden\n\n\
        The servers keep what they were given: holders come one after the other.\n\n\
        Exit codes: 0 given, or nothing is sealed; 1 failed, try again;\n\
        2 usage or configuration; 3 refused, a person must look")]
    Unseal(OwnShare),
    /// Check evidence
    #[command(
        subcommand,
        after_help = "Example:\n  vault-bootstrap report verify rehearsal-20261121T120000Z.json --key evidence.pub\n\n\
        Exit codes: those of the command behind it"
    )]
    Report(ReportOf),
    /// Make keys for the custodians of the shares, and check the custodians
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        vault-bootstrap custodian new bob -o bob.key\n  \
        vault-bootstrap custodian prove bob\n\n\
        Exit codes: those of the command behind it"
    )]
    Custodian(Custodian),
    /// Manage the shares of a cluster that was handed over
    #[command(
        subcommand,
        after_help = "Example:\n  vault-bootstrap recovery rotate --from before.yaml\n\n\
        Exit codes: those of the command behind it"
    )]
    Recovery(Recovery),
    /// Print a commented configuration to begin with
    #[command(after_help = "Examples:\n  \
        vault-bootstrap example > bootstrap.yaml\n  \
        vault-bootstrap example oidc | less\n\n\
        It passes the check as it is; what has to be yours is marked with CHANGE.\n\n\
        Exit codes: 0 printed; 2 usage")]
    Example {
        /// With what it begins
        #[arg(value_enum, default_value_t = ExampleKind::Minimal)]
        kind: ExampleKind,
    },
    /// Print the small configuration that a holder needs on their own machine
    #[command(after_help = "Examples:\n  \
        vault-bootstrap holder-file bob > holder-bob.yaml\n  \
        vault-bootstrap -c prod.yaml holder-file bob --output json\n\n\
        It serves share submit, unseal and custodian prove, and holds no secret: what a\n\
        login of break-glass needs is asked for. It says what must lie beside it. The\n\
        ceremony writes one for each holder, CHECKPOINT/holder-NAME.yaml; print it anew\n\
        after recovery rotate.\n\n\
        Exit codes: 0 printed; 2 usage or configuration; 3 the checkpoint cannot be read")]
    HolderFile {
        /// Name of the custodian in the file
        name: String,
    },
    /// Print the JSON Schema of the configuration, for editors; or of the events, for pipelines
    #[command(after_help = "Examples:\n  \
        vault-bootstrap schema > bootstrap.schema.json\n  \
        vault-bootstrap schema --events      of each line of --output json\n\n\
        Exit codes: 0 printed; 2 usage")]
    Schema {
        /// Of the events that --output json writes, one a line
        #[arg(long)]
        events: bool,
    },
    /// Print shell completions, or the man page of a command
    #[command(after_help = "Examples:\n  \
        vault-bootstrap completions bash > /etc/bash_completion.d/vault-bootstrap\n  \
        vault-bootstrap completions man > vault-bootstrap.1\n  \
        vault-bootstrap completions man break-glass start | man -l -\n\n\
        Exit codes: 0 printed; 2 usage")]
    Completions {
        /// For what
        #[arg(value_enum)]
        target: CompletionTarget,
        /// The command whose man page it is, where not the first one
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
    },
}

/// Options of `apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// Consent to everything; a sign-in, and at a terminal shares and passphrases, are still asked for
    #[arg(short, long)]
    pub yes: bool,
    /// Keep the root token, encrypted in the checkpoint; the file must say revoke_root: false as well
    #[arg(long)]
    pub keep_root: bool,
    /// Revoke other root tokens as well, instead of stopping there
    #[arg(long)]
    pub revoke_other_roots: bool,
    /// After hand-over: who looks and writes, where not the first login that opens and needs nobody
    #[arg(long, value_name = "NAME")]
    pub login: Option<String>,
    /// After hand-over: write nothing; exit 4 where anything differs, or was not seen
    #[arg(long, conflicts_with_all = ["yes", "again", "adopt_documents", "allow_widening", "keep_root"])]
    pub check: bool,
    /// After hand-over: name what is on the server and not in the file, not only count it
    #[arg(long)]
    pub all: bool,
    /// Do what this file of plan -o shows and nothing else, without a question
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["yes", "check", "login", "again", "adopt_documents", "allow_widening"])]
    pub plan: Option<PathBuf>,
    /// Where --check looks from: what lies on another machine is counted apart, with where it is seen
    #[arg(long, value_enum, value_name = "PLACE", requires = "check", default_value_t = Place::Operator)]
    pub from: Place,
    /// After hand-over: overwrite documents, too, that nothing here remembers having written
    #[arg(long)]
    pub adopt_documents: bool,
    /// Take over a cluster that this checkpoint has not initialised; the file must say its cluster.id
    #[arg(long, requires = "login", conflicts_with_all = ["check", "plan", "keep_root", "abandon"])]
    pub adopt_cluster: bool,
    /// With --yes: write also what lets in more people or addresses
    #[arg(long)]
    pub allow_widening: bool,
    /// What is deleted.
    #[command(flatten)]
    pub prune: Prune,
    /// Write a document once more that is written once: a signing key, a generated certificate
    #[arg(long, value_name = "PATH")]
    pub again: Vec<String>,
    /// An address that is new in the file is the same cluster: keys may go there too
    #[arg(long, value_name = "ADDRESS")]
    pub accept_address: Vec<String>,
    /// Destroy the secrets of the checkpoint instead, for a cluster that is going to be wiped. Asks for
    /// the cluster's name; a machine gives it here
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    #[arg(conflicts_with_all = ["yes", "keep_root", "revoke_other_roots", "report"])]
    pub abandon: Option<String>,
    /// File with an age identity that opens a share, for the drill; may be given several times
    #[arg(long, value_name = "FILE")]
    pub identity: Vec<PathBuf>,
    /// Holders elsewhere, for the drill.
    #[command(flatten)]
    pub holders: Holders,
    /// Take the replica of the checkpoint over from the run of this id, whose machine is gone
    #[arg(long, value_name = "ID")]
    pub take_over: Option<String>,
    /// Write a copy of the report (JSON) here
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Whoever must sign in.
    #[command(flatten)]
    pub sign_in: SignIn,
}

/// What concerns evidence.
#[derive(Debug, Subcommand)]
pub enum ReportOf {
    /// Check that evidence is what was signed, and show what it is evidence of
    #[command(after_help = "Examples:\n  \
        vault-bootstrap report verify rehearsal-20261121T120000Z.json --key evidence.pub\n  \
        minisign -V -m rehearsal-20261121T120000Z.json -p evidence.pub      the same\n\n\
        The comment and the evidence must tell the same run, and so must a name that this program gave.\n\n\
        Exit codes: 0 it is; 2 usage, or a file cannot be read; 3 it is not, or is no evidence;\n\
        4 it is, and tells of findings or of a run that failed")]
    Verify {
        /// The evidence
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Public key of minisign
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The signature; FILE.minisig where none is named
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
    },
}

/// Where somebody looks from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// What people have is at hand: shares, secrets, rehearsals
    Operator,
    /// Neither that nor the server's disk
    Pipeline,
    /// The server's own machine: its audit log is at hand
    Server,
}

/// What is common in a first configuration.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ExampleKind {
    /// Three holders with age keys and one person with a password
    Minimal,
    /// People with passwords, a machine with an `AppRole`, KV, three policies, two break-glass logins
    #[value(
        help = "People with passwords, a machine with an AppRole, KV, three policies, two break-glass logins"
    )]
    Userpass,
    /// People of an `OpenID` provider, also over SSH
    #[value(help = "People of an OpenID provider, also over SSH")]
    Oidc,
    /// Workloads of Kubernetes
    Kubernetes,
    /// Shares, checkpoint and passwords in AWS
    Aws,
    /// People of an LDAP directory, machines with a client certificate
    Ldap,
}

/// What completions are made for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum CompletionTarget {
    /// Bash
    Bash,
    /// Elvish
    Elvish,
    /// Fish
    Fish,
    /// `PowerShell`
    #[value(help = "PowerShell")]
    Powershell,
    /// Zsh
    Zsh,
    /// The man page
    Man,
}
