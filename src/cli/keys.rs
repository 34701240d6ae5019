//! What concerns custodians, and new shares.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::SignIn;

/// What concerns custodians.
#[derive(Debug, Subcommand)]
pub enum Custodian {
    /// Make an age identity, in a file that only you read, and print its recipient
    #[command(after_help = "Examples:\n  \
        vault-bootstrap custodian new bob -o bob.key\n  \
        vault-bootstrap custodian new checkpoint -o keys/checkpoint.key\n\n\
        For a holder, on the holder's own machine; or for checkpoint.key.identity. It needs\n\
        no configuration. The recipient goes to stdout, the line for the configuration to\n\
        stderr; the secret key is in FILE and is never shown. FILE must not exist yet: it\n\
        is never overwritten. age opens it too: age -d -i FILE.\n\n\
        Exit codes: 0 made; 1 it cannot be written there, or others could change it;\n\
        2 usage; 3 the file exists")]
    New {
        /// Whose it is: the custodian's name, or a word for what it is of
        #[arg(value_name = "NAME", value_parser = name_of_a_key)]
        name: String,
        /// The file to make
        #[arg(short = 'o', long = "out", value_name = "FILE")]
        out: PathBuf,
    },
    /// Let a holder open a challenge, so that no share is encrypted to somebody who cannot open it
    #[command(after_help = "Examples:\n  \
        vault-bootstrap custodian prove bob                     opened elsewhere\n  \
        vault-bootstrap custodian prove bob --identity bob.key  opened here\n  \
        vault-bootstrap custodian prove bob --challenge-file bob.challenge\n  \
        vault-bootstrap custodian prove bob --answer            perhaps tomorrow\n\n\
        Without --identity the challenge is printed; the holder decrypts it where\n\
        the key is, and types the word that was in it. It stays the same until it is\n\
        answered, or the custodian in the file is another one.\n\n\
        Exit codes: 0 proved; 1 a wrong answer, try again; 2 usage or configuration;\n\
        3 another run is at this checkpoint")]
    Prove {
        /// Name of the custodian in the file
        name: String,
        /// File with the holder's age identity, readable by its owner only
        #[arg(long, value_name = "FILE")]
        identity: Option<PathBuf>,
        /// Write the challenge to FILE, to be sent to the holder, and ask nothing
        #[arg(long, value_name = "FILE", conflicts_with = "identity")]
        challenge_file: Option<PathBuf>,
        /// Ask for the word of the challenge that was shown or written before
        #[arg(long, conflicts_with_all = ["identity", "challenge_file"])]
        answer: bool,
    },
}

/// What concerns the shares.
#[derive(Debug, Subcommand)]
pub enum Recovery {
    /// Make new shares with a quorum of the old ones, and remove the old ones
    #[command(after_help = "Examples:\n  \
        vault-bootstrap recovery rotate --from before.yaml\n  \
        vault-bootstrap recovery rotate --from before.yaml --yes --identity bob.key\n\n\
        The configuration is the desired state: init.generation one higher, and the\n\
        custodians of the new shares. --from names the file of the current shares. New\n\
        shares take effect only after each was read back; until then the old ones are in\n\
        effect, and the same command goes on after an interruption.\n\n\
        Exit codes: 0 the new shares are in effect; 1 failed, trying again may help;\n\
        2 usage or configuration; 3 refused, a person must look;\n\
        4 the new shares are in effect, with findings; 130, 143 interrupted safely")]
    Rotate(Rotate),
}

/// Options of `recovery rotate`.
#[derive(Debug, Args)]
pub struct Rotate {
    /// The configuration of the shares that are in effect now
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// File with an age identity that opens an old or a new share; may be given several times
    #[arg(long, value_name = "FILE")]
    pub identity: Vec<PathBuf>,
    /// Consent to everything; a sign-in, and at a terminal shares and passphrases, are still asked for
    #[arg(short, long)]
    pub yes: bool,
    /// Take the replica of the checkpoint over from the run with this id, which is gone for good
    #[arg(long, value_name = "ID")]
    pub take_over: Option<String>,
    /// Sign the evidence with this secret key of minisign
    #[arg(long, value_name = "FILE")]
    pub sign_key: Option<PathBuf>,
    /// Whoever must sign in.
    #[command(flatten)]
    pub sign_in: SignIn,
}

/// It stands in a comment of the file and in a line of the configuration.
fn name_of_a_key(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("a name on one line");
    }
    Ok(text.to_owned())
}
