//! Where the server is and how it is trusted: plain values, never the configuration's own types.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::plain_http::Peers;
use crate::secret::SecretText;

/// A cluster as the operator described it.
pub struct Target {
    /// The name most requests go to; `https`, or `http` on a loopback address.
    pub address: Url,
    /// The nodes one by one, when there are several. Redirects are followed to these and to `address` only.
    pub nodes: Vec<Url>,
    /// How the server's certificate is checked and how we show ours.
    pub tls: Tls,
    /// Who may be at the other end of plain http.
    pub plain_http: Peers,
    /// The namespace of every request that is not about the cluster as a whole.
    pub namespace: Option<String>,
    /// How long an answer may take.
    pub timeouts: Timeouts,
}

/// TLS settings. There is no switch that turns checking off.
#[derive(Default)]
pub struct Tls {
    /// PEM certificates; when given, these and only these are trusted.
    pub ca_cert: Option<Vec<u8>>,
    /// The name in the server's certificate, when it differs from the one in the address.
    pub server_name: Option<String>,
    /// PEM certificate chain that we show.
    pub client_cert: Option<Vec<u8>>,
    /// PEM private key to `client_cert`.
    pub client_key: Option<Arc<SecretText>>,
}

/// Time limits. Connecting has one of its own, five seconds, which nobody needs to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// One request, from connecting to the last byte of the answer.
    pub request: Duration,
    /// The one request that initialises. Long: an answer that comes after we hung up is lost for good.
    pub init: Duration,
}
