//! Options of `import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::break_glass::SignIn;

/// What its help ends with.
pub(super) const EXAMPLES: &str = "Examples:\n  \
    vault-bootstrap import --address https://vault.internal:8200 -o bootstrap.yaml\n  \
    vault-bootstrap import --address https://vault.internal:8200 --ca-cert ca.pem \\\n      \
    --token-file token > bootstrap.yaml\n  \
    vault-bootstrap -c prod.yaml import --login auditor -o now.yaml\n  \
    vault-bootstrap import --from bank-vaults vault-config.yml -o bootstrap.yaml\n\n\
    It reads, and writes nothing on the server. The token is asked for where neither a file\n\
    nor a login is named, and is never revoked. What no server tells is to be filled in; what\n\
    cannot be carried over, and what the login may not see, is named in the file.\n\
    With --from it reads a file of another program and asks no server.\n\n\
    Exit codes: 0 all that is asked for was seen; 1 failed, trying again may help;\n\
    2 usage or configuration; 3 refused, a person must look; 4 something was not seen,\n\
    or of a file with --from not carried over";

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// The external configuration of bank-vaults, or the resource of its operator.
    BankVaults,
}

/// Options of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// Read a file of another program, bank-vaults, and ask no server
    #[arg(long, value_name = "PROGRAM", value_enum, requires = "source")]
    #[arg(hide_possible_values = true)]
    #[arg(conflicts_with_all = ["login", "token_file", "sign_in_timeout"])]
    pub from: Option<Source>,
    /// The file that --from reads, such as vault-config.yml
    #[arg(value_name = "FILE", requires = "from")]
    pub source: Option<PathBuf>,
    /// The address of the cluster, where no configuration says it
    #[arg(long, value_name = "URL", conflicts_with = "login")]
    pub address: Option<String>,
    /// PEM of the authorities to trust, instead of those of the system
    #[arg(long, value_name = "FILE", requires = "address")]
    pub ca_cert: Option<PathBuf>,
    /// The name to expect in the server's certificate
    #[arg(long, value_name = "NAME", requires = "address")]
    pub server_name: Option<String>,
    /// PEM of the client's certificate
    #[arg(long, value_name = "FILE", requires_all = ["address", "client_key"])]
    pub client_cert: Option<PathBuf>,
    /// PEM of its private key
    #[arg(long, value_name = "FILE", requires_all = ["address", "client_cert"])]
    pub client_key: Option<PathBuf>,
    /// The namespace to read, where it is not the root namespace
    #[arg(long, value_name = "NAME", requires = "address")]
    pub namespace: Option<String>,
    /// The file with the token of whoever reads; asked for otherwise
    #[arg(long, value_name = "FILE", conflicts_with = "login")]
    pub token_file: Option<PathBuf>,
    /// The login of the configuration that reads, instead of a token
    #[arg(long, value_name = "NAME")]
    pub login: Option<String>,
    /// Write the file here instead of printing it; it must not be there yet
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Whoever must sign in.
    #[command(flatten)]
    pub sign_in: SignIn,
}
