//! How the API server that keeps Secrets is reached: as the file says, with what a pod knows in the gaps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;
use zeroize::Zeroizing;

use crate::code::Code;
use crate::disk::read;
use crate::failure::Problem;
use crate::kubernetes::api::Api;
use crate::kubernetes::reach::{self, Given, Reached, Section};
use crate::secret::SecretText;

const SECTION: Section = Section {
    name: "kubernetes",
    token: "token_file",
};
const NAMES: [&str; 3] = [
    "kubernetes: api_server",
    "kubernetes: ca_cert",
    "kubernetes: token_file",
];
/// What a token is for, where there is none.
const TOKEN: &str = "write a token into it that may create Secrets there and get this one: kubectl create token NAME \
                     -n NAMESPACE";
/// Longest token or bundle of certificates.
const LARGEST_FILE: usize = 256 * 1024;

/// How the API server is reached; what is missing is that of the pod this process runs in.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// `https://HOST:PORT`; plain `http` only to a loopback address.
    pub api_server: Option<Url>,
    /// PEM bundle. When given, nothing else is trusted.
    pub ca_cert: Option<PathBuf>,
    /// Bearer token.
    pub token_file: Option<PathBuf>,
}

impl Access {
    pub(super) fn reach(&self) -> Result<Reached, Problem> {
        let ca_cert = self.ca_cert.as_deref();
        let ca_cert = ca_cert.map(|path| file(path, NAMES[1])).transpose()?;
        let token = self.token_file.as_deref();
        let token = token.map(token_in).transpose()?;
        let given = Given {
            api_server: self.api_server.clone(),
            ca_cert: ca_cert.map(|bytes| bytes.to_vec()),
            credential: token.map(Arc::new),
        };
        reach::reach_from_here(given, &SECTION)
    }
}

impl Reached {
    pub(super) fn api(&self) -> Api<'_> {
        Api {
            server: &self.api_server,
            ca_cert: self.ca_cert.as_deref(),
            credential: Some(&self.credential),
            names: NAMES,
        }
    }
}

/// The whole of a file that the configuration names.
fn file(path: &Path, name: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    // Of its full size from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST_FILE + 1));
    let opened = read::open(path);
    let read = opened.and_then(|file| file.into_bytes(LARGEST_FILE as u64, &mut bytes));
    let text = |error| format!("{name}: {}: {error}", path.display());
    let advice = if name == NAMES[2] {
        TOKEN
    } else {
        "name the PEM of the authority that has signed the API server's certificate"
    };
    read.map_err(|error| Problem::new(Code::SecretUnreadable, text(error)).advise(advice))?;
    Ok(bytes)
}

fn token_in(path: &Path) -> Result<SecretText, Problem> {
    let bytes = file(path, NAMES[2])?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    if text.is_empty() {
        let text = format!("{}: {}: holds no token", NAMES[2], path.display());
        return Err(Problem::new(Code::SecretUnreadable, text).advise(TOKEN));
    }
    Ok(SecretText::new(text.to_owned()))
}
