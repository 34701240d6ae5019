//! One node of the cluster: its address, and the pool of connections to it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use url::Url;

use crate::plain_http::is_this_machine;
use crate::vault::http::error::{Error, Kind};
use crate::vault::http::transport::Trust;

/// One node of the cluster.
pub(crate) struct Node {
    /// As the operator wrote it, without a trailing slash.
    pub(crate) address: String,
    pub(crate) url: Url,
    /// Behind a lock, so that all clones of a client give their connections up together.
    http: Mutex<reqwest::Client>,
    trust: Arc<Trust>,
}

impl Node {
    pub(crate) fn new(
        url: &Url,
        trust: &Arc<Trust>,
        shared: Option<&reqwest::Client>,
    ) -> Result<Self, Error> {
        let address = url.as_str().trim_end_matches('/').to_owned();
        let invalid = |address: &str, why: &str| {
            Error::new("", address, Kind::InvalidAddress(why.to_owned()))
        };
        let refuse = |why: &str| invalid(&address, why);
        if !url.username().is_empty() || url.password().is_some() {
            // Not shown: the password is in it.
            let bare = format!("{}://{}", url.scheme(), bare_host(url));
            return Err(invalid(&bare, "it carries a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it has a query or a fragment"));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_this_machine(url) => {}
            "http" => return Err(Error::new("", &address, Kind::PlainHttp)),
            _ => return Err(refuse("neither https nor http")),
        }
        if url.host().is_none() {
            return Err(refuse("no host"));
        }
        if let Some(name) = &trust.server_name
            && (name.parse::<IpAddr>().is_ok() || url.clone().set_host(Some(name)).is_err())
        {
            return Err(refuse("tls.server_name is not a DNS name"));
        }
        let http = trust.pool(url, shared)?;
        Ok(Self {
            address,
            url: url.clone(),
            http: Mutex::new(http),
            trust: Arc::clone(trust),
        })
    }

    /// The same node, over connections of its own that show this certificate.
    pub(crate) fn presenting(&self, identity: &reqwest::Identity) -> Result<Self, Error> {
        let trust = Arc::new(self.trust.presenting(identity));
        Ok(Self {
            address: self.address.clone(),
            url: self.url.clone(),
            http: Mutex::new(trust.pool(&self.url, None)?),
            trust,
        })
    }

    /// The pool of connections.
    pub(crate) fn http(&self) -> reqwest::Client {
        let pool = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        pool.clone()
    }

    /// Gives up the pool for `shared`, or for one of its own; the new one.
    pub(crate) fn renew(&self, shared: Option<&reqwest::Client>) -> Result<reqwest::Client, Error> {
        let fresh = self.trust.pool(&self.url, shared)?;
        let mut pool = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        *pool = fresh.clone();
        Ok(fresh)
    }

    /// Same scheme, host and port.
    pub(crate) fn is_at(&self, url: &Url) -> bool {
        self.url.scheme() == url.scheme()
            && self.url.host() == url.host()
            && self.url.port_or_known_default() == url.port_or_known_default()
    }

    /// A pool without a single used connection, for the request that must not die with a stale one.
    pub(crate) fn fresh(&self) -> Result<reqwest::Client, Error> {
        self.trust.connect(&self.url, true)
    }

    /// The URL to hand to the transport, and the `Host` to send when that differs.
    pub(crate) fn on_the_wire(&self, url: &Url) -> (Url, Option<HeaderValue>) {
        let Some(name) = self
            .trust
            .server_name
            .as_deref()
            .filter(|_| url.scheme() == "https")
        else {
            return (url.clone(), None);
        };
        let mut wire = url.clone();
        if wire.set_host(Some(name)).is_err() {
            return (url.clone(), None);
        }
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return (wire, None),
        };
        (wire, HeaderValue::from_str(&host).ok())
    }
}

/// The host of an address, as a resolver takes it: IPv6 without its brackets.
pub(crate) fn bare_host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    host.trim_matches(['[', ']']).to_owned()
}
