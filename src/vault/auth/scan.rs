//! The accessor scan: every token of the server, looked at by its accessor. Changes nothing.

use futures::{StreamExt, stream};
use serde::Serialize;

use crate::secret::Token;
use crate::vault::auth::token::{self, TokenInfo};
use crate::vault::http::{Client, Error};

/// Under which name a token for a command says of which run it is.
pub const RUN: &str = "vault-bootstrap-run";
/// How many accessors are looked up at a time.
const CONCURRENCY: usize = 16;

/// A token as a line in a warning or refusal: public facts only.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    /// Names the token without being it.
    pub accessor: String,
    /// Who it was made for.
    pub display_name: String,
    /// Where it was made.
    pub path: String,
    /// When it ends; `None` is never.
    pub expires: Option<String>,
    /// When it was made, in seconds since 1970.
    #[serde(skip)]
    pub made: i64,
    /// The run of this program that made it for a command.
    #[serde(skip)]
    pub run: Option<String>,
}

impl Found {
    fn new(info: TokenInfo) -> Self {
        Self {
            accessor: info.accessor,
            display_name: info.display_name,
            path: info.path,
            expires: info.expire_time,
            made: info.creation_time,
            run: info.meta.get(RUN).cloned(),
        }
    }

    /// For people.
    pub fn line(&self) -> String {
        let expires = self.expires.as_deref().unwrap_or("never");
        let Self {
            accessor,
            display_name,
            path,
            ..
        } = self;
        format!("accessor {accessor} ({display_name}, {path}, expires {expires})")
    }
}

/// What a scan saw.
#[derive(Debug, Default)]
pub struct Scan {
    /// Accessors in all.
    pub looked_at: usize,
    /// Tokens with the root policy.
    pub roots: Vec<Found>,
    /// Tokens that die with the one that made them.
    pub children: Vec<Found>,
    /// Accessors whose token is gone: a client that hangs up in the middle of a revocation leaves one
    /// behind (seen on OpenBao 2.7.2; looking it up is 403 even for root).
    pub dangling: usize,
}

/// Scans as `token`. Needs `list` and `sudo` on `auth/token/accessors` and `update` on
/// `auth/token/lookup-accessor`.
///
/// # Errors
/// The token may not scan, or the server does not answer. A 403 for single accessors is one only when
/// no look-up worked at all: our own accessor is among them, so a token that may look sees one.
pub async fn scan(client: &Client, token: &Token) -> Result<Scan, Error> {
    // Tokens of root exist in the root namespace only, whatever namespace the file names.
    let client = &client.in_namespace(None);
    let accessors = token::list_accessors(client, token).await?;
    let mut scan = Scan {
        looked_at: accessors.len(),
        ..Scan::default()
    };
    let mut infos = stream::iter(accessors)
        .map(|accessor| async move { token::lookup_accessor(client, token, &accessor).await })
        .buffer_unordered(CONCURRENCY);
    let (mut seen, mut denied) = (0, None);
    while let Some(info) = infos.next().await {
        match info {
            Ok(info) => {
                seen += usize::from(info.is_some());
                scan.sort(info);
            }
            Err(error) if error.is_forbidden() => {
                scan.dangling += 1;
                denied = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match denied {
        Some(error) if seen == 0 => Err(error),
        _ => Ok(scan),
    }
}

impl Scan {
    /// One that expired meanwhile is no longer there.
    fn sort(&mut self, info: Option<TokenInfo>) {
        match info {
            Some(info) if info.is_root() => self.roots.push(Found::new(info)),
            Some(info) if !info.orphan => self.children.push(Found::new(info)),
            _ => {}
        }
    }
}
