//! What root generation and rotation have in common: an attempt that the server keeps in the memory of its active node
//! alone, named by a nonce and fed with shares.

use crate::secret::{Share, Token};
use crate::vault::http::{Ask, Body, Client, Error, Method, Reply};
use crate::vault::sys::share_as_hex;

/// Where an attempt is asked for, and with which token.
pub(super) struct Attempt<'a> {
    pub(super) client: Client,
    base: &'static str,
    token: &'a Token,
}

impl<'a> Attempt<'a> {
    /// Below `base`, in the root namespace, at this very node.
    pub(super) fn new(client: &Client, base: &'static str, token: &'a Token) -> Self {
        Self {
            client: client.in_namespace(None),
            base,
            token,
        }
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        leaf: &str,
        body: &Body,
    ) -> Result<Reply, Error> {
        let path = format!("{}/{leaf}", self.base);
        let ask = Ask::new(method, &path, Some(self.token)).with_body(body);
        self.client.ask(ask).await
    }

    /// The answer to a request to start; `None` where an attempt is under way already.
    pub(super) async fn start(&self, leaf: &str, body: &Body) -> Result<Option<Reply>, Error> {
        let reply = self.ask(Method::POST, leaf, body).await?;
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
}
