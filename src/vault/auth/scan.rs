//! The accessor scan: every token of the server, looked at by its accessor. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{StreamExt, stream};
use serde::Serialize;
use tokio::time::Instant;

use crate::secret::Token;
use crate::vault::auth::token::{self, TokenInfo};
use crate::vault::http::{Client, Error};

/// Under which name a token for a command says of which run it is.
pub const RUN: &str = "vault-bootstrap-run";
/// How many accessors are looked up at a time.
const CONCURRENCY: usize = 16;
/// What was asked for with a token before its end may still be done after it.
const QUIET: Duration = Duration::from_secs(1);
/// The servers list a token before it is whole, and revoke one that is looked up then: it has no lease yet.
pub(crate) const NEWBORN: Duration = Duration::from_millis(50);
/// Between two looks.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);
/// How often one looks where nobody is seen at work: one look in thirty falls between two tokens of one who hops.
const LOOKS_AT_LEAST: usize = 2;
/// How often one looks at the most: every one of them shows somebody at work then.
pub const LOOKS: usize = 40;

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
    /// Whether it never expires, as the one of `sys/init` and those of a quorum of shares.
    pub(crate) fn is_without_end(&self) -> bool {
        self.expires.is_none()
    }

    fn new(info: &TokenInfo) -> Self {
        Self {
            accessor: info.accessor.clone(),
            display_name: info.display_name.clone(),
            path: info.path.clone(),
            expires: info.expire_time.clone(),
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
    /// Tokens without the root policy, by accessor.
    pub others: BTreeMap<String, TokenInfo>,
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
    let mut watch = Watch::default();
    watch.look(client, token, Duration::ZERO).await?;
    Ok(watch.scan)
}

/// The same for whoever says afterwards what is left: where a token is gone before it can be looked up, somebody is at
/// work, and one looks until nobody is. False where somebody always is. Tokens that are `whole` are looked up too, but nobody
/// waits for them.
///
/// # Errors
/// As [`scan`].
pub async fn scan_until_quiet(
    client: &Client,
    token: &Token,
    whole: &WholeTokens,
) -> Result<(Scan, bool), Error> {
    let (mut watch, mut gone) = (Watch::default(), false);
    watch.whole = whole.now();
    for _ in 0..LOOKS_AT_LEAST {
        watch.look(client, token, NEWBORN).await?;
        gone |= !watch.gone.is_empty();
    }
    let quiet = !gone || watch.until_quiet(client, token).await?;
    Ok((watch.scan, quiet))
}

/// Tokens that no look has to wait for.
#[derive(Debug, Default)]
pub struct WholeTokens {
    used: BTreeSet<String>,
    listed: Option<(Instant, BTreeSet<String>)>,
}

impl WholeTokens {
    /// Accessors of tokens that were used or looked up.
    pub fn add(&mut self, accessors: impl IntoIterator<Item = String>) {
        self.used.extend(accessors);
    }

    /// Lists them as `token`, long before they are looked up. Whoever may not has nothing to look up later either.
    pub async fn list(&mut self, client: &Client, token: &Token) {
        let listed = token::list_accessors(&client.in_namespace(None), token).await;
        self.listed = listed
            .ok()
            .map(|all| (Instant::now(), all.into_iter().collect()));
    }

    fn now(&self) -> BTreeSet<String> {
        let long_ago = |(at, _): &&(Instant, BTreeSet<String>)| at.elapsed() >= NEWBORN;
        let listed = self.listed.as_ref().filter(long_ago);
        let listed = listed.into_iter().flat_map(|(_, listed)| listed);
        self.used.iter().chain(listed).cloned().collect()
    }
}

/// A scan that looks again until nobody is seen at work. Whoever makes a root token, ends it and makes the next one
/// slips through one look, and not through all of them. What was seen so far stands, however it ends.
#[derive(Debug, Default)]
pub struct Watch {
    /// What was seen. Tokens that were gone at the last look are not among its `roots` and `others`.
    pub scan: Scan,
    known: BTreeSet<String>,
    /// Accessors of tokens that somebody has used or looked up: these are no newborns.
    whole: BTreeSet<String>,
    /// Listed at the last look, and not to be looked up.
    gone: BTreeSet<String>,
    /// The first look, or the last one that showed somebody, or what was done since.
    begun: Option<Instant>,
}

impl Watch {
    /// Looks once, and at no token before it is whole.
    ///
    /// # Errors
    /// As [`scan`].
    pub async fn once(&mut self, client: &Client, token: &Token) -> Result<(), Error> {
        self.look(client, token, NEWBORN).await.map(drop)
    }

    /// Looks until for [`QUIET`] no look has shown a new root token, or a token that is gone before it can be looked up.
    /// False where that never comes.
    ///
    /// # Errors
    /// As [`scan`].
    pub async fn until_quiet(&mut self, client: &Client, token: &Token) -> Result<bool, Error> {
        for _ in 0..LOOKS {
            if self.is_quiet(client, token).await? {
                return Ok(true);
            }
            self.pause().await;
        }
        Ok(false)
    }

    /// Ends every root token but `own`, and those that are made with one of them before it ends, until nobody is seen at
    /// work. Each is told to `ended`. False where there were always more.
    ///
    /// # Errors
    /// As [`scan`], or one cannot be ended.
    pub async fn end_roots_but(
        &mut self,
        client: &Client,
        (token, own): (&Token, &str),
        mut ended: impl FnMut(&Found),
    ) -> Result<bool, Error> {
        // Tokens of root exist in the root namespace only, whatever namespace the file names.
        let client = &client.in_namespace(None);
        for _ in 0..LOOKS {
            let quiet = self.is_quiet(client, token).await?;
            let others = self.scan.roots_but(own);
            if quiet && others.is_empty() {
                return Ok(true);
            }
            for other in &others {
                // One that was gone by then was ended by somebody else.
                if token::revoke_accessor(client, token, &other.accessor).await? {
                    ended(other);
                }
                self.begun = Some(Instant::now());
            }
            self.pause().await;
        }
        Ok(false)
    }

    /// Until the next look. The last one comes when [`QUIET`] is over, and not up to a whole pause later.
    async fn pause(&self) {
        let gone_by = self.begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        let left = QUIET.saturating_sub(gone_by);
        let pause = if left.is_zero() {
            PAUSE
        } else {
            PAUSE.min(left)
        };
        tokio::time::sleep(pause).await;
    }

    async fn is_quiet(&mut self, client: &Client, token: &Token) -> Result<bool, Error> {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        if self.look(client, token, NEWBORN).await? {
            return Ok(begun.elapsed() >= QUIET);
        }
        // Between two tokens of whoever hops from one to the next a single look may show nobody.
        self.begun = Some(Instant::now());
        Ok(false)
    }

    /// Looks up what was not seen yet. Whether nobody was seen at work.
    async fn look(
        &mut self,
        client: &Client,
        token: &Token,
        newborn: Duration,
    ) -> Result<bool, Error> {
        // Tokens of root exist in the root namespace only, whatever namespace the file names.
        let client = &client.in_namespace(None);
        let listed: BTreeSet<_> = token::list_accessors(client, token)
            .await?
            .into_iter()
            .collect();
        let mut unseen = listed.difference(&self.known);
        if unseen.any(|accessor| !self.whole.contains(accessor)) {
            tokio::time::sleep(newborn).await;
        }
        let known = std::mem::take(&mut self.known);
        self.scan.looked_at = listed.len();
        self.scan
            .roots
            .retain(|root| listed.contains(&root.accessor));
        self.scan
            .others
            .retain(|accessor, _| listed.contains(accessor));
        let (roots, mut gone, mut denied) = (self.scan.roots.len(), BTreeSet::new(), Vec::new());
        let mut infos = stream::iter(listed.difference(&known))
            .map(|accessor| async move {
                (
                    accessor,
                    token::lookup_accessor(client, token, accessor).await,
                )
            })
            .buffer_unordered(CONCURRENCY);
        self.known.extend(listed.intersection(&known).cloned());
        while let Some((accessor, info)) = infos.next().await {
            match info {
                Ok(Some(info)) => {
                    self.known.insert(accessor.clone());
                    self.scan.sort(accessor, info);
                }
                Ok(None) => drop(gone.insert(accessor.clone())),
                Err(error) if error.is_forbidden() => {
                    gone.insert(accessor.clone());
                    denied.push(error);
                }
                Err(error) => return Err(error),
            }
        }
        self.scan.dangling = denied.len();
        if let Some(error) = denied.pop().filter(|_| self.known.is_empty()) {
            return Err(error);
        }
        let quiet = gone.is_subset(&self.gone) && self.scan.roots.len() == roots;
        self.gone = gone;
        Ok(quiet)
    }
}

impl Scan {
    /// The root tokens, without this one.
    pub fn roots_but(&self, own: &str) -> Vec<Found> {
        let others = self.roots.iter().filter(|root| root.accessor != own);
        others.cloned().collect()
    }

    /// Of every token that was looked up.
    pub fn accessors(&self) -> BTreeSet<String> {
        let roots = self.roots.iter().map(|root| &root.accessor);
        roots.chain(self.others.keys()).cloned().collect()
    }

    fn sort(&mut self, accessor: &str, info: TokenInfo) {
        if info.is_root() {
            self.roots.push(Found::new(&info));
            return;
        }
        if !info.orphan {
            self.children.push(Found::new(&info));
        }
        self.others.insert(accessor.to_owned(), info);
    }
}
