//! The client: one node, the generic calls, and request descriptions of `vaultrs` through our own transport.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderValue, Method};
use rustify::endpoint::Endpoint;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::body::Body;
use super::error::{Error, Kind};
use super::reply::Reply;
use super::target::{Target, Timeouts};
use super::transport::{MAX_REDIRECTS, Message, Node, Raw, Trust, origin, send, without_query};
use crate::secret::Token;

/// A client of one node. Cheap to clone; clones and the clients of [`Client::nodes`] share connections and
/// the counter of requests.
#[derive(Clone)]
pub struct Client {
    cluster: Arc<Cluster>,
    node: usize,
    namespace: Option<Arc<str>>,
}

struct Cluster {
    /// The address first, then the listed nodes that differ from it.
    known: Vec<Node>,
    /// Which of `known` the operator listed as nodes; the address when none were.
    listed: Vec<usize>,
    timeouts: Timeouts,
    requests: AtomicU64,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Client({})", self.address())
    }
}

/// The answer to a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status: 200, 202 or 204.
    pub status: u16,
    /// `data`, or the whole body where there is no envelope; `Null` when there is none.
    pub data: Value,
    /// What the server wants us to know although it did as told.
    pub warnings: Vec<String>,
}

/// One request, before the headers.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) token: Option<&'a Token>,
    pub(super) query: Option<&'a str>,
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
    /// Instead of the time limit that the client was opened with.
    pub(super) timeout: Option<Duration>,
    /// Taken out of what the server says back.
    pub(super) secrets: Vec<&'a str>,
}

impl<'a> Ask<'a> {
    pub(super) fn new(method: Method, path: &'a str, token: Option<&'a Token>) -> Self {
        Self {
            method,
            path,
            token,
            query: None,
            body: None,
            timeout: None,
            secrets: Vec::new(),
        }
    }

    pub(super) fn with_body(mut self, body: &'a Body) -> Self {
        if !matches!(body, Body::Null) {
            self.body = Some(body.to_wire());
            body.secrets(&mut self.secrets);
        }
        self
    }
}

impl Client {
    /// A client of `target.address`. Nothing is sent yet.
    ///
    /// # Errors
    /// An address that is neither https nor http on a loopback address, or unusable certificates.
    pub fn open(target: &Target) -> Result<Self, Error> {
        let trust = Arc::new(Trust::read(
            &target.tls,
            target.address.as_str().trim_end_matches('/'),
        )?);
        let first = Node::new(&target.address, &trust, None)?;
        let pool = first.http.clone();
        let mut known = vec![first];
        let mut listed = Vec::new();
        for url in &target.nodes {
            let node = Node::new(url, &trust, Some(&pool))?;
            let index = known.iter().position(|other| other.address == node.address);
            let index = index.unwrap_or_else(|| {
                known.push(node);
                known.len() - 1
            });
            if !listed.contains(&index) {
                listed.push(index);
            }
        }
        if listed.is_empty() {
            listed.push(0);
        }
        let cluster = Cluster {
            known,
            listed,
            timeouts: target.timeouts,
            requests: AtomicU64::new(0),
        };
        let client = Self {
            cluster: Arc::new(cluster),
            node: 0,
            namespace: None,
        };
        Ok(client.in_namespace(target.namespace.as_deref()))
    }

    /// The address as the operator wrote it, without a trailing slash.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.node().address
    }

    /// One client for each listed node, or just this one's address when none are listed.
    #[must_use]
    pub fn nodes(&self) -> Vec<Client> {
        self.cluster
            .listed
            .iter()
            .map(|&node| Self {
                node,
                ..self.clone()
            })
            .collect()
    }

    /// The client of the address or listed node with this scheme, host and port.
    #[must_use]
    pub fn at(&self, address: &str) -> Option<Client> {
        let url = Url::parse(address).ok()?;
        let node = self.known_node(&url)?;
        Some(Self {
            node,
            ..self.clone()
        })
    }

    /// The time limits it was opened with.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        self.cluster.timeouts
    }

    /// The same node in another namespace; `None` and `""` are the root namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: Option<&str>) -> Client {
        let namespace = namespace
            .map(|name| name.trim_matches('/'))
            .filter(|name| !name.is_empty());
        Self {
            namespace: namespace.map(Arc::from),
            ..self.clone()
        }
    }

    /// The namespace of the requests; `None` is the root namespace.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Requests sent so far by this client, its clones and its nodes.
    #[must_use]
    pub fn requests_sent(&self) -> u64 {
        self.cluster.requests.load(Ordering::Relaxed)
    }

    /// Reads `path` (without `/v1/`). `None` when the server answers 404.
    ///
    /// # Errors
    /// Any answer but 200 and 404.
    pub async fn read(&self, token: Option<&Token>, path: &str) -> Result<Option<Value>, Error> {
        let reply = self.ask(Ask::new(Method::GET, path, token)).await?;
        if reply.is_absent()? {
            return Ok(None);
        }
        reply.ok()?.data().map(Some)
    }

    /// The names below `path`. Empty when the server answers 404.
    ///
    /// # Errors
    /// Any answer but 200 and 404.
    pub async fn list(&self, token: Option<&Token>, path: &str) -> Result<Vec<String>, Error> {
        let reply = self.ask(Ask::new(list_method(), path, token)).await?;
        if reply.is_absent()? {
            return Ok(Vec::new());
        }
        let keys: Keys = reply.ok()?.data()?;
        Ok(keys.keys)
    }

    /// Writes `body` to `path`.
    ///
    /// # Errors
    /// Any answer but 2xx. After a 5xx or a lost answer it may have been executed all the same.
    pub async fn write(
        &self,
        token: Option<&Token>,
        path: &str,
        body: &Body,
    ) -> Result<Answer, Error> {
        let reply = self
            .ask(Ask::new(Method::POST, path, token).with_body(body))
            .await?
            .ok()?;
        Ok(Answer {
            status: reply.status,
            data: reply.data()?,
            warnings: reply.warnings(),
        })
    }

    /// Deletes `path`. What is not there is no error where the server says so.
    ///
    /// # Errors
    /// Any answer but 2xx.
    pub async fn delete(&self, token: Option<&Token>, path: &str) -> Result<(), Error> {
        self.ask(Ask::new(Method::DELETE, path, token))
            .await?
            .ok()?;
        Ok(())
    }

    /// Runs a request description of `vaultrs` (or any other): method, path, query and body are the
    /// description's, all else is ours. The response is taken from `data` where there is an envelope.
    ///
    /// # Errors
    /// Any answer but 2xx, or one that does not fit the description.
    pub async fn call<E: Endpoint>(
        &self,
        token: Option<&Token>,
        endpoint: E,
    ) -> Result<E::Response, Error> {
        self.call_for(token, &endpoint).await?.ok()?.data()
    }

    /// As [`Client::call`], for those who read the answer into a type of their own.
    pub(super) async fn call_for<E: Endpoint>(
        &self,
        token: Option<&Token>,
        endpoint: &E,
    ) -> Result<Reply, Error> {
        // Some descriptions start with a slash, one with a tab.
        let path = endpoint.path();
        let path = path
            .split('/')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("/");
        let refuse = |_| {
            Error::new(
                "",
                &path,
                Kind::InvalidPath("its description cannot be encoded".into()),
            )
        };
        let query = endpoint.query().map_err(refuse)?;
        let body = endpoint
            .body()
            .map_err(refuse)?
            .filter(|body| !body.is_empty());
        let mut ask = Ask::new(endpoint.method().into(), &path, token);
        ask.query = query.as_deref().filter(|query| !query.is_empty());
        ask.body = body.map(Zeroizing::new);
        self.ask(ask).await
    }

    /// Sends once and follows to a listed node if the server says so.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Reply, Error> {
        self.exchange(ask, MAX_REDIRECTS, None).await
    }

    /// Exactly one HTTP request, on a connection of its own, followed nowhere.
    pub(super) async fn ask_once(&self, ask: Ask<'_>) -> Result<Reply, Error> {
        let fresh = self.node().fresh()?;
        self.exchange(ask, 0, Some(&fresh)).await
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
        };
        let mut node = self.node;
        let mut left = redirects;
        loop {
            // The first node of `known` exists, and an index comes from a search in it.
            let to = &self.cluster.known[node];
            self.cluster.requests.fetch_add(1, Ordering::Relaxed);
            let raw = send(to, http.unwrap_or(&to.http), &url, &message).await?;
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
            _ => Err(Kind::Redirect { to: origin(&to) }),
        }
    }

    fn node(&self) -> &Node {
        // As in `exchange`: the index is always one of `known`.
        &self.cluster.known[self.node]
    }

    /// The same node first: several may share an origin behind different path prefixes.
    fn known_node(&self, url: &Url) -> Option<usize> {
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

#[derive(serde::Deserialize)]
struct Keys {
    #[serde(default, deserialize_with = "super::reply::null_is_empty")]
    keys: Vec<String>,
}

/// `LIST`, which the servers understand as a method of its own.
pub(super) fn list_method() -> Method {
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
