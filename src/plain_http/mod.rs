//! Plain http: with this machine only, and there only with a server of a user that may have what is sent.
//!
//! A port of 127.0.0.1 is whoever's took it first: another user may sit on it while the server restarts, or on the
//! same port of `::1`. No certificate tells, and what the server says of itself anybody can say. So each connection is
//! looked up in the kernel's table before anything is sent on it.

mod connection;
mod table;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::plain_http::connection::CheckedConnections;

/// Who may be at the other end of plain http, besides root and the user that runs us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peers {
    /// One more user that the server may run as.
    pub server_uid: Option<u32>,
    /// Anybody: whoever has the port gets what is sent.
    pub unchecked: bool,
}

/// Why nothing is sent over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The name of this machine led to another one.
    Elsewhere(SocketAddr),
    /// A process of this user has the other end.
    User(SocketAddr, u32),
    /// The kernel's table does not show the other end: it is in another network namespace, or there is no table.
    Unseen(SocketAddr),
}

impl Peers {
    /// Whether a process of this user may have what is sent.
    fn allow(self, uid: u32) -> bool {
        let ours = rustix::process::geteuid().as_raw();
        uid == 0 || uid == ours || self.server_uid == Some(uid)
    }

    /// The judgement on one end, by what the kernel says.
    fn judge(self, peer: SocketAddr, owner: Option<u32>) -> Result<(), Refusal> {
        match owner {
            Some(uid) if self.allow(uid) => Ok(()),
            Some(uid) => Err(Refusal::User(peer, uid)),
            None => Err(Refusal::Unseen(peer)),
        }
    }
}

impl Refusal {
    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Elsewhere(_) => "use https; plain http carries every key in clear".to_owned(),
            Self::User(peer, uid) => format!(
                "nothing was sent there: see which process has the port, sudo ss -ltnp 'sport = :{}'; if it is the \
                 server, set cluster.plain_http.server_uid to {uid}, or better use https",
                peer.port()
            ),
            Self::Unseen(_) => {
                "nothing was sent there: use https; only where every user of this machine may have \
                 the keys, set cluster.plain_http.unchecked to true"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere(peer) => write!(out, "it leads to {peer}, which is not this machine"),
            Self::User(peer, uid) => write!(
                out,
                "a process of user {uid} has {peer}, neither one of root nor one of the user that runs this command"
            ),
            Self::Unseen(peer) => {
                write!(out, "it cannot be seen which user's process has {peer}")
            }
        }
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// The refusal at the bottom of an error of a client.
    pub(crate) fn behind(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        causes.find_map(|cause| cause.downcast_ref().copied())
    }
}

/// This machine: `localhost`, 127.0.0.0/8, ::1.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// An address for others who connect: a name of this machine over plain http is the one address that we asked, since a
/// client of somebody else's may try the other family first.
pub(crate) fn pinned(address: &str) -> String {
    let pin = |mut url: Url| {
        let named = url.scheme() == "http" && matches!(url.host(), Some(Host::Domain(_)));
        (named && url.set_host(Some("127.0.0.1")).is_ok()).then_some(url)
    };
    let pinned = Url::parse(address).ok().and_then(pin);
    pinned.map_or_else(
        || address.to_owned(),
        |url| url.as_str().trim_end_matches('/').to_owned(),
    )
}

/// Restricts the connections of a client that is for plain http alone.
pub(crate) fn restrict(builder: reqwest::ClientBuilder, peers: Peers) -> reqwest::ClientBuilder {
    builder
        // A proxy would carry off in clear what is meant for this machine.
        .no_proxy()
        .dns_resolver(OneFamily)
        .connector_layer(CheckedConnections::of(peers))
}

/// `localhost` is 127.0.0.1: of two families, the one that the server does not use is anybody's.
struct OneFamily;

impl Resolve for OneFamily {
    fn resolve(&self, _: Name) -> Resolving {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_and_addresses_of_this_machine_are_this_machine() {
        for (address, expected) in [
            ("http://localhost:8200", true),
            ("http://vault.localhost:8200", true),
            ("http://127.0.0.2:8200", true),
            ("http://[::1]:8200", true),
            ("http://localhost.example:8200", false),
            ("http://10.0.0.1:8200", false),
        ] {
            let found = is_this_machine(&Url::parse(address).unwrap());
            assert_eq!(found, expected, "{address}");
        }
    }

    #[test]
    fn others_are_told_the_one_address_that_a_name_of_this_machine_is() {
        for (address, expected) in [
            ("http://localhost:8200", "http://127.0.0.1:8200"),
            ("http://[::1]:8200", "http://[::1]:8200"),
            ("http://127.0.0.1:8200", "http://127.0.0.1:8200"),
            ("https://localhost:8200", "https://localhost:8200"),
        ] {
            assert_eq!(pinned(address), expected);
        }
    }

    #[test]
    fn root_we_and_the_named_user_may_have_the_port_and_nobody_else() {
        let ours = rustix::process::geteuid().as_raw();
        let (named, other) = (ours + 1, ours + 2);
        let peers = Peers {
            server_uid: Some(named),
            unchecked: false,
        };
        let peer = "127.0.0.1:8200".parse().unwrap();
        for uid in [0, ours, named] {
            assert_eq!(peers.judge(peer, Some(uid)), Ok(()));
        }
        let refused = peers.judge(peer, Some(other));
        assert_eq!(refused, Err(Refusal::User(peer, other)));
        assert_eq!(peers.judge(peer, None), Err(Refusal::Unseen(peer)));
    }
}
