//! What is asked of the server, and what of it this login may not see. Nothing here writes.

use std::cell::{Cell, RefCell};

use futures::{StreamExt, stream};
use serde_json::Value;

use crate::desired::CONCURRENCY;
use crate::event::Told;
use crate::failure::Failure;
use crate::secret::Token;
use crate::vault::{Client, Error, Kind};

/// So many names of one list are read at the most: more of them are counted, and named as not read.
pub(super) const MOST_NAMES: usize = 20_000;

const MAY_NOT: &str = "this login may not read it";

/// The server as one login sees it.
pub(super) struct Reader<'a> {
    pub(super) client: Client,
    pub(super) token: &'a Token,
    unseen: RefCell<Vec<Told>>,
    /// Whether anything at all was answered.
    answered: Cell<bool>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(client: Client, token: &'a Token) -> Self {
        Self {
            client,
            token,
            unseen: RefCell::default(),
            answered: Cell::default(),
        }
    }

    /// What was not seen, by path.
    pub(super) fn into_unseen(self) -> Vec<Told> {
        self.unseen.into_inner()
    }

    /// Whether every question was refused: of a token that is not valid, or that may read nothing. The server tells no
    /// difference.
    pub(super) fn saw_nothing(&self) -> bool {
        !self.answered.get() && !self.unseen.borrow().is_empty()
    }

    /// Notes that something was not seen.
    pub(super) fn miss(&self, path: impl Into<String>, why: impl Into<String>) {
        self.unseen.borrow_mut().push(Told::new(path, why));
    }

    /// The answer to a question that a login may not be allowed to ask: that it may not is noted.
    pub(super) fn seen<T>(
        &self,
        path: &str,
        answer: Result<T, Error>,
    ) -> Result<Option<T>, Failure> {
        match answer {
            Ok(answer) => {
                self.answered.set(true);
                Ok(Some(answer))
            }
            Err(error) if error.is_forbidden() => {
                self.miss(path, MAY_NOT);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The names below a path. None where there is no such list on this server.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        let mut names = match self.client.list(Some(self.token), path).await {
            Ok(names) => {
                self.answered.set(true);
                names
            }
            Err(error) if error.is_forbidden() => {
                self.miss(format!("{path}/"), "this login may not list it");
                return Ok(Vec::new());
            }
            // A path that this server does not have, or a plugin.
            Err(error) if matches!(error.status(), Some(400 | 405)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        if names.len() > MOST_NAMES {
            let more = names.len() - MOST_NAMES;
            self.miss(
                format!("{path}/"),
                format!(
                    "{more} of {} names are more than are read of one list",
                    names.len()
                ),
            );
            names.truncate(MOST_NAMES);
        }
        names.sort();
        Ok(names)
    }

    /// A document that may not be there, or not be set.
    pub(super) async fn read(&self, path: &str) -> Result<Option<Value>, Failure> {
        match self.client.read(Some(self.token), path).await {
            Ok(found) => {
                self.answered.set(true);
                Ok(found)
            }
            Err(error) if error.is_forbidden() => {
                self.miss(path, MAY_NOT);
                Ok(None)
            }
            // Nothing is set there (measured), or there is no such path on this server.
            Err(error) if matches!(error.status(), Some(400 | 405)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// All documents of a collection, by name. One that is listed and not to be had is noted.
    pub(super) async fn collection(&self, path: &str) -> Result<Vec<(String, Value)>, Failure> {
        let names = self.list(path).await?;
        let read = stream::iter(names).map(|name| async move {
            let of = format!("{path}/{name}");
            let why = match self.client.read(Some(self.token), &of).await {
                Ok(Some(found)) => return Ok(Some((name, found))),
                Ok(None) => "it is listed, and is not there".to_owned(),
                Err(error) if error.is_forbidden() => MAY_NOT.to_owned(),
                Err(error) => match (error.kind(), error.status()) {
                    (Kind::InvalidPath(why), _) => {
                        format!("its name cannot be asked for: {why}")
                    }
                    (_, Some(status @ (400 | 405))) => format!("the server answers {status}"),
                    _ => return Err(Failure::from(error)),
                },
            };
            self.miss(of, why);
            Ok(None)
        });
        let read: Vec<_> = read.buffered(CONCURRENCY).collect().await;
        let read: Result<Vec<_>, Failure> = read.into_iter().collect();
        Ok(read?.into_iter().flatten().collect())
    }
}
