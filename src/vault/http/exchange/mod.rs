//! From a call to the wire: the path is checked, the headers are made, redirects are judged.

#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderValue, Method};
use url::Url;
use zeroize::Zeroizing;

use crate::printable;
use crate::secret::Token;
use crate::vault::http::node::Node;
use crate::vault::http::transport::{MAX_REDIRECTS, Message, Raw, origin, send, without_query};
use crate::vault::http::{Body, Client, Error, Kind, Reply};

/// Characters of an address that a redirect points to.
const LONGEST_ORIGIN: usize = 300;

/// One request, before the headers.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a Token>,
    pub(crate) query: Option<&'a str>,
    pub(crate) body: Option<Zeroizing<Vec<u8>>>,
    /// Instead of the time limit that the client was opened with.
    pub(crate) timeout: Option<Duration>,
    /// The server is to wrap its answer for so long.
    pub(crate) wrap: Option<Duration>,
    /// Taken out of what the server says back.
    pub(crate) secrets: Vec<&'a str>,
}

/// Connections to one node that are used once each.
pub(crate) struct NewConnections(reqwest::Client);

impl<'a> Ask<'a> {
    pub(crate) fn new(method: Method, path: &'a str, token: Option<&'a Token>) -> Self {
        Self {
            method,
            path,
            token,
            query: None,
            body: None,
            timeout: None,
            wrap: None,
            secrets: Vec::new(),
        }
    }

    pub(crate) fn get(path: &'a str, token: Option<&'a Token>) -> Self {
        Self::new(Method::GET, path, token)
    }

    pub(crate) fn post(path: &'a str, token: Option<&'a Token>, body: &'a Body) -> Self {
        Self::new(Method::POST, path, token).with_body(body)
    }

    pub(crate) fn with_body(mut self, body: &'a Body) -> Self {
        if !matches!(body, Body::Null) {
            self.body = Some(body.to_wire());
            body.secrets(&mut self.secrets);
        }
        self
    }
}

impl Client {
    /// Sends once and follows to a listed node if the server says so.
    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Result<Reply, Error> {
        self.exchange(ask, MAX_REDIRECTS, None).await
    }

    /// Exactly one HTTP request, on a connection of its own, followed nowhere.
    pub(crate) async fn ask_once(&self, ask: Ask<'_>) -> Result<Reply, Error> {
        self.ask_on(&self.new_connections()?, ask).await
    }

    /// Connections to this node, none of which is used twice.
    pub(crate) fn new_connections(&self) -> Result<NewConnections, Error> {
        self.node().fresh().map(NewConnections)
    }

    /// Exactly one HTTP request, on one of these, followed nowhere.
    pub(crate) async fn ask_on(&self, new: &NewConnections, ask: Ask<'_>) -> Result<Reply, Error> {
        self.exchange(ask, 0, Some(&new.0)).await
    }

    async fn exchange(
        &self,
        mut ask: Ask<'_>,
        redirects: usize,
        http: Option<&reqwest::Client>,
    ) -> Result<Reply, Error> {
        let path = ask.path.strip_suffix('/').unwrap_or(ask.path);
        let mut url = self.url_of(path)?;
        let method = ask.method.clone();
        let refuse = |url: &Url, kind| Error::new(method.as_str(), &without_query(url), kind);
        let token = match ask.token {
            None => None,
            Some(token) => {
                ask.secrets.push(token.expose());
                Some(token_header(token).ok_or_else(|| refuse(&url, Kind::InvalidToken))?)
            }
        };
        let namespace = match &self.namespace {
            None => None,
            Some(name) => Some(HeaderValue::from_str(name).map_err(|_| {
                refuse(
                    &url,
                    Kind::InvalidPath("the namespace has other than plain letters".into()),
                )
            })?),
        };
        url.set_query(ask.query);
        let message = Message {
            method: method.clone(),
            token: token.as_ref(),
            namespace: namespace.as_ref(),
            body: ask.body.as_ref().map(|body| body.as_slice()),
            timeout: ask.timeout.unwrap_or(self.cluster.timeouts.request),
            wrap: ask.wrap,
        };
        let mut node = self.node;
        let mut left = redirects;
        loop {
            // The first node of `known` exists, and an index comes from a search in it.
            let to = &self.cluster.known[node];
            self.cluster.requests.fetch_add(1, Ordering::Relaxed);
            let http = http.cloned().unwrap_or_else(|| to.http());
            let raw = send(to, &http, &url, &message).await?;
            if !matches!(raw.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(Reply::new(
                    raw,
                    method.as_str(),
                    without_query(&url),
                    path,
                    &ask.secrets,
                ));
            }
            let (next, to) = self
                .next_hop(&raw, &url, &method, left)
                .map_err(|kind| refuse(&url, kind))?;
            url = next;
            node = to;
            left -= 1;
        }
    }

    /// Where a redirect leads, if we may go there.
    fn next_hop(
        &self,
        raw: &Raw,
        from: &Url,
        method: &Method,
        left: usize,
    ) -> Result<(Url, usize), Kind> {
        let location = raw.location.as_deref().unwrap_or_default();
        let Some(to) = from.join(location).ok().filter(|_| !location.is_empty()) else {
            return Err(Kind::Redirect {
                to: "nowhere".into(),
            });
        };
        // 301, 302 and 303 may turn a write into a read; only 307 and 308 keep the method.
        let keeps_method = matches!(raw.status, 307 | 308) || *method == Method::GET;
        match self.known_node(&to) {
            Some(node) if keeps_method && left > 0 => Ok((to, node)),
            _ => Err(Kind::Redirect {
                to: printable::line(&origin(&to), LONGEST_ORIGIN),
            }),
        }
    }

    pub(crate) fn node(&self) -> &Node {
        // As in `exchange`: the index is always one of `known`.
        &self.cluster.known[self.node]
    }

    /// The same node first: several may share an origin behind different path prefixes.
    pub(crate) fn known_node(&self, url: &Url) -> Option<usize> {
        if self.node().is_at(url) {
            return Some(self.node);
        }
        self.cluster.known.iter().position(|node| node.is_at(url))
    }

    fn url_of(&self, path: &str) -> Result<Url, Error> {
        let refuse = |why: &str| {
            Error::new(
                "",
                &path.escape_debug().to_string(),
                Kind::InvalidPath(why.to_owned()),
            )
        };
        for part in path.split('/') {
            match part {
                "" => return Err(refuse("a part is empty")),
                "." | ".." => return Err(refuse("a part is . or ..")),
                _ if part.chars().any(char::is_control) => {
                    return Err(refuse("a control character"));
                }
                _ => {}
            }
        }
        let mut url = self.node().url.clone();
        match url.path_segments_mut() {
            Ok(mut parts) => {
                parts.pop_if_empty().push("v1").extend(path.split('/'));
            }
            Err(()) => return Err(refuse("the address takes no path")),
        }
        Ok(url)
    }
}

/// `LIST`, which the servers understand as a method of its own.
pub(crate) fn list_method() -> Method {
    // Four capital letters are a valid method.
    Method::from_bytes(b"LIST").unwrap_or(Method::GET)
}

fn token_header(token: &Token) -> Option<HeaderValue> {
    if token.is_empty() {
        return None;
    }
    let mut value = HeaderValue::from_str(token.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
