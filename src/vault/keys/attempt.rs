//! What root generation and rotation have in common: an attempt that the server keeps in the memory of its active node
//! alone, named by a nonce and fed with shares.

use serde::de::DeserializeOwned;

use crate::secret::{Share, Token};
use crate::vault::http::{Ask, Body, Client, Error, Method, Reply};
use crate::vault::sys::share_as_hex;

/// Where an attempt is asked for, and with which token.
pub(super) struct Attempt<'a> {
    pub(super) client: Client,
    base: &'static str,
    /// Where it is started, looked at and ended.
    leaf: &'static str,
    /// None asks as anybody may, where the server allows it.
    token: Option<&'a Token>,
}

/// What became of a share.
#[derive(Debug)]
pub enum Given<Progress, Result> {
    /// It counts; more are needed.
    Counts(Progress),
    /// It was the last one.
    Complete(Result),
    /// The attempt has this one already.
    Twice,
    /// There is no attempt, or another one, or one that has all its shares.
    Gone,
    /// These shares together are no key of this cluster: the attempt goes on without any of them.
    Wrong,
    /// The server could not tell whether they are: it could not read what it holds them against.
    Undecided,
    /// It is none that the server can read.
    Unreadable,
}

impl<'a> Attempt<'a> {
    /// Below `base`, in the root namespace, at this very node.
    pub(super) fn new(
        client: &Client,
        (base, leaf): (&'static str, &'static str),
        token: Option<&'a Token>,
    ) -> Self {
        Self {
            client: client.in_namespace(None),
            base,
            leaf,
            token,
        }
    }

    async fn ask(&self, method: Method, leaf: &str, body: &Body) -> Result<Reply, Error> {
        let path = format!("{}/{leaf}", self.base);
        let ask = Ask::new(method, &path, self.token).with_body(body);
        self.client.ask(ask).await
    }

    /// How far it is.
    pub(super) async fn progress<P: DeserializeOwned>(&self) -> Result<P, Error> {
        let reply = self.ask(Method::GET, self.leaf, &Body::Null).await?;
        reply.ok()?.data()
    }

    /// The answer to a request to start; `None` where an attempt is under way already.
    pub(super) async fn start(&self, body: &Body) -> Result<Option<Reply>, Error> {
        let reply = self.ask(Method::POST, self.leaf, body).await?;
        if !reply.is_success() && reply.refuses_with("already in progress") {
            return Ok(None);
        }
        reply.ok().map(Some)
    }

    /// The answer to a share for the attempt of this nonce; `None` where no server can read the share.
    pub(super) async fn submit(
        &self,
        leaf: &str,
        nonce: &str,
        share: &Share,
    ) -> Result<Option<Reply>, Error> {
        let Some(key) = share_as_hex(share) else {
            return Ok(None);
        };
        let body = Body::map([("nonce", Body::from(nonce)), ("key", Body::from(key))]);
        self.ask(Method::POST, leaf, &body).await.map(Some)
    }

    /// Gives a share to the attempt of this nonce. What a refusal means is for `refused`, and what comes with the last
    /// share for `complete`.
    pub(super) async fn give<P: DeserializeOwned, R>(
        &self,
        (nonce, share): (&str, &Share),
        refused: fn(&Reply) -> Option<Given<P, R>>,
        complete: fn(&Reply) -> Result<Option<R>, Error>,
    ) -> Result<Given<P, R>, Error> {
        let Some(reply) = self.submit("update", nonce, share).await? else {
            return Ok(Given::Unreadable);
        };
        if !reply.is_success() {
            return refused(&reply).ok_or_else(|| reply.refusal());
        }
        match complete(&reply)? {
            Some(result) => Ok(Given::Complete(result)),
            None => Ok(Given::Counts(reply.data()?)),
        }
    }

    /// Ends it. None at all is no error.
    pub(super) async fn cancel(&self, body: &Body) -> Result<(), Error> {
        let reply = self.ask(Method::DELETE, self.leaf, body).await?;
        reply.ok().map(drop)
    }
}
