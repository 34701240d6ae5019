//! The client: one node, the generic calls, and request descriptions of `vaultrs` through our own transport.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use rustify::endpoint::Endpoint;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use crate::secret::Token;
use crate::vault::http::exchange::list_method;
use crate::vault::http::made::Made;
use crate::vault::http::node::Node;
use crate::vault::http::transport::Trust;
use crate::vault::http::{Ask, Body, ClientCertificate, Error, Kind, Reply, Target, Timeouts};

/// A client of one node. Cheap to clone; clones and the clients of [`Client::nodes`] share connections and
/// the counter of requests.
#[derive(Clone)]
pub struct Client {
    pub(crate) cluster: Arc<Cluster>,
    /// Index into `Cluster::known`.
    pub(crate) node: usize,
    pub(crate) namespace: Option<Arc<str>>,
}

pub(crate) struct Cluster {
    /// The address first, then the listed nodes that differ from it.
    pub(crate) known: Vec<Node>,
    /// Which of `known` the operator listed as nodes; the address when none were.
    listed: Vec<usize>,
    pub(crate) timeouts: Timeouts,
    pub(crate) requests: Arc<AtomicU64>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Client({})", self.address())
    }
}

/// The answer to a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// `data`, or the whole body where there is no envelope; `Null` when there is none.
    pub data: Value,
    /// What the server wants us to know although it did as told.
    pub warnings: Vec<String>,
}

impl Client {
    /// A client of `target.address`. Nothing is sent yet.
    ///
    /// # Errors
    /// An address that is neither https nor http on a loopback address, or unusable certificates.
    pub fn open(target: &Target) -> Result<Self, Error> {
        let trust = Arc::new(Trust::read(target)?);
        let first = Node::new(&target.address, &trust, None)?;
        let pool = first.http();
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
            requests: Arc::default(),
        };
        let client = Self {
            cluster: Arc::new(cluster),
            node: 0,
            namespace: None,
        };
        Ok(client.in_namespace(target.namespace.as_deref()))
    }

    /// The address as the operator wrote it, without a trailing slash.
    pub fn address(&self) -> &str {
        &self.node().address
    }

    /// One client for each listed node, or just this one's address when none are listed.
    pub fn nodes(&self) -> Vec<Client> {
        let listed = self.cluster.listed.iter();
        listed.map(|node| self.on(*node)).collect()
    }

    /// The same, and the address where it is none of them: a load balancer, or a mistake.
    pub fn nodes_and_address(&self) -> Vec<Client> {
        let mut all = self.nodes();
        all.extend(self.unlisted_address());
        all
    }

    /// The address, where it is none of the listed nodes.
    pub fn unlisted_address(&self) -> Option<Client> {
        (!self.cluster.listed.contains(&0)).then(|| self.on(0))
    }

    /// The client of the address or listed node with this scheme, host and port.
    pub fn at(&self, address: &str) -> Option<Client> {
        let url = Url::parse(address).ok()?;
        self.known_node(&url).map(|node| self.on(node))
    }

    fn on(&self, node: usize) -> Client {
        let client = self.clone();
        Self { node, ..client }
    }

    /// The same cluster, over connections of its own that show this certificate: nothing else is asked with it.
    ///
    /// # Errors
    /// The TLS library does not take it.
    pub fn presenting(&self, certificate: &ClientCertificate) -> Result<Client, Error> {
        let known = self.cluster.known.iter();
        let known = known.map(|node| node.presenting(&certificate.identity));
        let cluster = Cluster {
            known: known.collect::<Result<_, _>>()?,
            listed: self.cluster.listed.clone(),
            timeouts: self.cluster.timeouts,
            requests: Arc::clone(&self.cluster.requests),
        };
        let client = self.clone();
        Ok(Self {
            cluster: Arc::new(cluster),
            ..client
        })
    }

    /// The time limits it was opened with.
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

    /// Closes every connection that is not in use, also those of clones. Their buffers hold what was sent and
    /// received last, tokens and passwords among it, and are wiped with them. The next request opens a new one.
    pub fn close_connections(&self) -> Result<(), Error> {
        let mut pool = None;
        for node in &self.cluster.known {
            pool = Some(node.renew(pool.as_ref())?);
        }
        Ok(())
    }

    /// Requests sent so far by this client, its clones and its nodes.
    pub fn requests_sent(&self) -> u64 {
        self.cluster.requests.load(Ordering::Relaxed)
    }

    /// Reads `path` (without `/v1/`). `None` when the server answers 404.
    pub async fn read(&self, token: Option<&Token>, path: &str) -> Result<Option<Value>, Error> {
        let reply = self.ask(Ask::get(path, token)).await?;
        if reply.is_absent()? {
            return Ok(None);
        }
        reply.ok()?.data().map(Some)
    }

    /// The names below `path`. Empty when the server answers 404.
    pub async fn list(&self, token: Option<&Token>, path: &str) -> Result<Vec<String>, Error> {
        let reply = self.ask(Ask::new(list_method(), path, token)).await?;
        reply.keys()
    }

    /// What a list says of each thing below `path`, by its key. Empty when the server answers 404.
    pub async fn list_info(
        &self,
        token: Option<&Token>,
        path: &str,
    ) -> Result<BTreeMap<String, Value>, Error> {
        let reply = self.ask(Ask::new(list_method(), path, token)).await?;
        if reply.is_absent()? {
            return Ok(BTreeMap::new());
        }
        let mut listed: Value = reply.ok()?.data()?;
        Ok(match listed.get_mut("key_info").map(Value::take) {
            Some(Value::Object(info)) => info.into_iter().collect(),
            _ => BTreeMap::new(),
        })
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
        let reply = self.ask(Ask::post(path, token, body)).await?.ok()?;
        Ok(Answer {
            data: reply.data()?,
            warnings: reply.warnings(),
        })
    }

    /// Writes `body` to `path` for the secret in the answer; with `wrap` the server puts a token in its place that gives the
    /// answer once, within that time.
    ///
    /// # Errors
    /// As [`Client::write`]. Where nothing is known of the answer, a secret may have been made that nobody has.
    pub(crate) async fn write_for_secret(
        &self,
        token: Option<&Token>,
        (path, body): (&str, &Body),
        wrap: Option<Duration>,
    ) -> Result<Made, Error> {
        let mut ask = Ask::post(path, token, body);
        ask.wrap = wrap;
        Made::of(&self.ask(ask).await?.ok()?)
    }

    /// Deletes `path`. What is not there is deleted.
    ///
    /// # Errors
    /// Any other answer than 2xx or 404. After a 5xx or a lost answer it may have been executed all the same.
    pub async fn delete(&self, token: Option<&Token>, path: &str) -> Result<(), Error> {
        let reply = self.ask(Ask::new(Method::DELETE, path, token)).await?;
        if !reply.is_absent()? {
            reply.ok()?;
        }
        Ok(())
    }

    /// Runs a request description of `vaultrs` (or any other): method, path, query and body are the
    /// description's; everything else, including reading the answer, is ours.
    pub(crate) async fn run<E: Endpoint>(
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
}
