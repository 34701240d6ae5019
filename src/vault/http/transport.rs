//! One HTTP exchange: the connection, the headers, redirects by hand, a bounded answer.
//!
//! Never follows to a host the operator did not list, never sends a request twice, never reads proxies from
//! the environment, and logs only method, path, status and duration.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderValue, Method};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;
use zeroize::Zeroizing;

use crate::plain_http::{self, Peers, Refusal};
use crate::span;
use crate::vault::http::error::{Error, Kind};
use crate::vault::http::node::{Node, bare_host};
use crate::vault::http::target::Target;

/// Not configurable: a node that takes longer is down for our purposes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than the idle time of common load balancers (60 s), so that we rarely write to a closed connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer we take in; a list of a hundred thousand accessors is 4 MiB.
const MAX_ANSWER: usize = 32 * 1024 * 1024;
/// From a standby to the active node is one; a second covers an election in between.
pub(crate) const MAX_REDIRECTS: usize = 2;

/// What a server says of its own name (`enable_response_header_raft_node_id`, `enable_response_header_hostname`).
const NODE_NAMES: [&str; 2] = ["x-vault-raft-node-id", "x-vault-hostname"];

/// TLS settings, read once and kept for connections that must be fresh.
#[derive(Clone)]
pub(crate) struct Trust {
    /// Some addresses are plain http and some are not, and no connection of one kind is ever used for the other.
    mixed: bool,
    /// Who may be at the other end of plain http.
    peers: Peers,
    only: Option<Vec<reqwest::Certificate>>,
    identity: Option<reqwest::Identity>,
    pub(crate) server_name: Option<String>,
}

impl Trust {
    pub(crate) fn read(target: &Target) -> Result<Self, Error> {
        let (tls, address) = (&target.tls, target.address.as_str().trim_end_matches('/'));
        let refuse = |why: String| Error::new("", address, Kind::Tls(why));
        let only = match &tls.ca_cert {
            None => None,
            Some(pem) => {
                let certs = reqwest::Certificate::from_pem_bundle(pem)
                    .map_err(|_| refuse("ca_cert is not a PEM certificate".into()))?;
                if certs.is_empty() {
                    return Err(refuse("ca_cert holds no certificate".into()));
                }
                Some(certs)
            }
        };
        let identity = match (&tls.client_cert, &tls.client_key) {
            (None, None) => None,
            (Some(cert), Some(key)) => {
                let mut pem = Zeroizing::new(cert.clone());
                pem.push(b'\n');
                pem.extend_from_slice(key.expose().as_bytes());
                let identity = reqwest::Identity::from_pem(&pem).map_err(|_| {
                    refuse("client_cert and client_key are not a PEM certificate and key".into())
                })?;
                Some(identity)
            }
            _ => return Err(refuse("client_cert and client_key belong together".into())),
        };
        Ok(Self {
            mixed: target
                .nodes
                .iter()
                .any(|node| node.scheme() != target.address.scheme()),
            peers: target.plain_http,
            only,
            identity,
            server_name: tls.server_name.clone(),
        })
    }

    /// The same, with this certificate shown instead of the one of the file, if any.
    pub(crate) fn presenting(&self, identity: &reqwest::Identity) -> Self {
        Self {
            identity: Some(identity.clone()),
            ..self.clone()
        }
    }

    /// A connection pool to `node`. With `fresh`, one that never uses a connection twice.
    pub(crate) fn connect(&self, node: &Url, fresh: bool) -> Result<reqwest::Client, Error> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_rustls()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            // A proxy named in the environment would see plain http and could answer in the server's place.
            .no_proxy()
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(concat!("vault-bootstrap/", env!("CARGO_PKG_VERSION")));
        if fresh {
            builder = builder.pool_max_idle_per_host(0);
        }
        builder = if node.scheme() == "http" {
            // The system's certificates, hundreds of files, are not read.
            plain_http::restrict(builder.tls_certs_only([]), self.peers)
        } else {
            self.secure(builder, node)
        };
        let refuse = |error: reqwest::Error| {
            Error::new(
                "",
                node.as_str().trim_end_matches('/'),
                Kind::Tls(root_cause(&error)),
            )
        };
        builder.build().map_err(refuse)
    }

    /// The checks of TLS.
    fn secure(&self, mut builder: reqwest::ClientBuilder, node: &Url) -> reqwest::ClientBuilder {
        if let Some(certs) = &self.only {
            builder = builder.tls_certs_only(certs.iter().cloned());
        }
        if let Some(identity) = &self.identity {
            builder = builder.identity(identity.clone());
        }
        if self.server_name.is_some() {
            builder = builder.dns_resolver(RealHost(bare_host(node)));
        }
        builder
    }

    /// `shared`, or a pool of its own where the address decides whom it connects to.
    pub(crate) fn pool(
        &self,
        node: &Url,
        shared: Option<&reqwest::Client>,
    ) -> Result<reqwest::Client, Error> {
        match shared {
            Some(pool) if self.server_name.is_none() && !self.mixed => Ok(pool.clone()),
            _ => self.connect(node, false),
        }
    }
}

/// Connects to the host of the address, whatever name stands in the URL for the sake of the certificate.
struct RealHost(String);

impl Resolve for RealHost {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// What is sent, apart from where to.
pub(crate) struct Message<'a> {
    pub(crate) method: Method,
    pub(crate) token: Option<&'a HeaderValue>,
    pub(crate) namespace: Option<&'a HeaderValue>,
    pub(crate) body: Option<&'a [u8]>,
    pub(crate) timeout: Duration,
    pub(crate) wrap: Option<Duration>,
}

/// What came back, unread.
pub(crate) struct Raw {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) location: Option<String>,
    /// The node by name, where its configuration lets it say that.
    pub(crate) node: Option<String>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// Sends once, to exactly this URL.
pub(crate) async fn send(
    node: &Node,
    http: &reqwest::Client,
    url: &Url,
    message: &Message<'_>,
) -> Result<Raw, Error> {
    let started = Instant::now();
    let (wire, host) = node.on_the_wire(url);
    let mut request = http
        .request(message.method.clone(), wire)
        .timeout(message.timeout)
        .header("x-vault-request", HeaderValue::from_static("true"));
    if let Some(host) = host {
        request = request.header(HOST, host);
    }
    if let Some(token) = message.token {
        request = request.header("x-vault-token", token.clone());
    }
    if let Some(namespace) = message.namespace {
        request = request.header("x-vault-namespace", namespace.clone());
    }
    if let Some(time) = message.wrap {
        request = request.header("x-vault-wrap-ttl", format!("{}s", time.as_secs()));
    }
    if let Some(body) = message.body {
        request = request
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body.to_vec());
    }
    let answer = receive(request, message.timeout).await;
    let status = answer.as_ref().map_or(0, |raw| raw.status);
    tracing::debug!(method = %message.method, path = url.path(), status, duration = ?started.elapsed(), "request");
    answer.map_err(|kind| Error::new(message.method.as_str(), &without_query(url), kind))
}

async fn receive(request: reqwest::RequestBuilder, timeout: Duration) -> Result<Raw, Kind> {
    let mut answer = request
        .send()
        .await
        .map_err(|error| classify(&error, timeout))?;
    let header = |name| {
        let value = answer.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let content_type = header(CONTENT_TYPE).unwrap_or_default();
    // "text/html; charset=utf-8" without the second half, and nothing longer than a real type.
    let content_type: String = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .chars()
        .take(60)
        .collect();
    let location = header(LOCATION);
    let node = NODE_NAMES.into_iter().find_map(|name| {
        let value = answer.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    });
    let announced = usize::try_from(answer.content_length().unwrap_or(0));
    let announced = announced.ok().filter(|length| *length <= MAX_ANSWER);
    let announced = announced.ok_or(Kind::TooLarge)?;
    let mut body = Zeroizing::new(Vec::with_capacity(announced));
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| classify(&error, timeout))?
    {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Kind::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Raw {
        status: answer.status().as_u16(),
        content_type,
        location,
        node,
        body,
    })
}

fn classify(error: &reqwest::Error, timeout: Duration) -> Kind {
    if let Some(refusal) = Refusal::behind(error) {
        return Kind::PlainHttpRefused(refusal);
    }
    if error.is_timeout() {
        return if error.is_connect() {
            // Over plain http one waits until it is seen whose process has taken it up.
            let plain = error.url().is_some_and(|url| url.scheme() == "http");
            let taken = if plain {
                " although a process there accepted it"
            } else {
                ""
            };
            Kind::Unreachable(format!(
                "no connection within {}{taken}",
                span::text(CONNECT_TIMEOUT)
            ))
        } else {
            Kind::TimedOut(timeout)
        };
    }
    match tls_cause(error) {
        Some(text) => Kind::Tls(text),
        None => Kind::Unreachable(root_cause(error)),
    }
}

fn tls_cause(error: &reqwest::Error) -> Option<String> {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Some(tls.to_string());
        }
        if let Some(tls) = cause.downcast_ref().and_then(wrapped_tls) {
            return Some(tls.to_string());
        }
        next = cause.source();
    }
    None
}

/// An `io::Error` hides what it wraps: its source is already the source of that. While connecting there are
/// two around the TLS error, afterwards one.
fn wrapped_tls(error: &std::io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    match inner.downcast_ref::<std::io::Error>() {
        Some(second) => second.get_ref()?.downcast_ref(),
        None => inner.downcast_ref(),
    }
}

/// The innermost cause, which names no URL and so no query.
fn root_cause(error: &reqwest::Error) -> String {
    let Some(mut cause) = std::error::Error::source(error) else {
        return "the request could not be sent".to_owned();
    };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => text,
    }
}

/// For texts and logs.
pub(crate) fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// Scheme, host and port.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
