//! `cluster`: how the servers are reached.

use std::time::Duration;

use url::Url;

use crate::config::forms::{Address, PathOrReference, Span};
use crate::config::section::section;
use crate::config::values::SecretRef;

section! {
    /// The servers and how they are reached.
    pub struct Cluster {
        /// Name of the cluster, for reports.
        #[schemars(length(min = 1))]
        pub name: String,
        /// The address of the cluster: `https://vault.internal:8200`. Plain `http` only to this machine.
        #[schemars(with = "Address")]
        pub address: Url,
        /// The address of each node, when there are several.
        #[schemars(with = "Option<Vec<Address>>")]
        pub nodes: Vec<Url>,
        /// Trust. There is no switch that turns the check of certificates off.
        #[schemars(with = "Option<Tls>")]
        pub tls: Tls,
        /// Who may serve plain `http`, besides root and the user that runs this program.
        #[schemars(with = "Option<PlainHttp>")]
        pub plain_http: PlainHttp,
        /// The namespace to work in, where the product has them, made if it is missing; empty for the root namespace.
        pub namespace: Option<String>,
        /// Its id, as `sys/health` says it once it is initialised: neither shares nor tokens go to another one.
        #[schemars(length(min = 1))]
        pub id: Option<String>,
        /// How long to wait.
        #[schemars(with = "Option<Timeouts>")]
        pub timeouts: Timeouts,
    }
}

section! {
    /// Trust and client certificate.
    pub struct Tls {
        /// Path of (or reference to) the PEM of the authorities to trust, instead of those of the system.
        #[schemars(with = "Option<PathOrReference>")]
        pub ca_cert: Option<SecretRef>,
        /// The name to expect in the server's certificate.
        pub server_name: Option<String>,
        /// Path of (or reference to) the PEM of the client's certificate.
        #[schemars(with = "Option<PathOrReference>")]
        pub client_cert: Option<SecretRef>,
        /// Reference to the PEM of the client's private key.
        pub client_key: Option<SecretRef>,
    }
}

section! {
    /// Who may serve plain `http`.
    #[derive(Copy)]
    pub struct PlainHttp {
        /// The number of the user that the server runs as: `id -u vault`.
        pub server_uid: Option<u32>,
        /// Send passwords and shares to whoever has the port, where that cannot be seen.
        #[schemars(with = "Option<bool>")]
        pub unchecked: bool,
    }
}

section! {
    /// How long to wait.
    #[derive(Copy)]
    pub struct Timeouts {
        /// One request; 30s.
        #[schemars(with = "Option<Span>")]
        pub request: Duration = Duration::from_secs(30),
        /// The one request that initialises; 10m.
        #[schemars(with = "Option<Span>")]
        pub init: Duration = Duration::from_secs(600),
        /// From unsealed to an active node; 2m.
        #[schemars(with = "Option<Span>")]
        pub active: Duration = Duration::from_secs(120),
    }
}

impl Cluster {
    /// Slashes around a namespace say nothing, and an empty one is the root namespace.
    pub(super) fn plain(mut self) -> Self {
        let namespace = self.namespace.take();
        self.namespace = namespace
            .map(|name| name.trim_matches('/').to_owned())
            .filter(|name| !name.is_empty());
        self
    }
}
